/* An entry as one JSON object on a line: ids as strings, states as the change feed has them.
 *
 * Memory: none of its own, whatever the entry.  Thread: one at a time.
 */
#ifndef JOURNAL_TOOL_DUMP_H
#define JOURNAL_TOOL_DUMP_H

#include "journal/entry.h"

#include <stdint.h>
#include <stdio.h>

void dump_print_entry(FILE *to, const char *path, const struct journal_entry *entry,
                      uint64_t offset, uint64_t size);

/* As a JSON string: what is no printable ASCII as \u00XX, byte by byte. */
void dump_print_text(FILE *to, const char *text);

#endif
