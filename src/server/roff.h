/* Text for man pages, in the language of troff.
 *
 * Memory: none.  Threads: any.
 */
#ifndef SERVER_ROFF_H
#define SERVER_ROFF_H

#include "base/slice.h"

#include <stdio.h>

/* Prose: what stands between `backquotes` is bold. */
void roff_print(FILE *to, const char *text);

/* Every character as it is typed in. */
void roff_print_code(FILE *to, struct slice code);

#endif
