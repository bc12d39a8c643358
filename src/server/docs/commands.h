/* The command table for people: docs/commands.md, and the page readstates-commands(7).
 *
 * Memory: none.  Threads: any.
 */
#ifndef DOCS_COMMANDS_H
#define DOCS_COMMANDS_H

#include <stdio.h>

void commands_print_markdown(FILE *to);

/* In man(7)'s macros. */
void commands_print_man(FILE *to);

#endif
