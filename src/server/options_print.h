/* The options for people: --help, the man page, docs/options.md.
 *
 * Memory: none.  Threads: any.
 */
#ifndef SERVER_OPTIONS_PRINT_H
#define SERVER_OPTIONS_PRINT_H

#include <stdio.h>

void options_print_help(FILE *to);

/* The page readstates-server(1), in man(7)'s macros. */
void options_print_man(FILE *to);

/* docs/options.md */
void options_print_markdown(FILE *to);

#endif
