/* Commands typed by hand: one line, split into words as Redis 7 does.
 *
 *     SET  key  "a \x41\n"  'it\'s'      words, with escapes between double quotes
 *
 * Memory: none; the words are parts of the line, which is changed where it has quotes.
 * Thread: the owner's.
 */
#ifndef RESP_INLINE_H
#define RESP_INLINE_H

#include "base/attribute.h"
#include "base/slice.h"
#include "resp/parser.h"

#include <stddef.h>
#include <stdint.h>

/* Splits a line, which has no line end and no NUL byte, into `arguments`, of which there are at
 * least limits->arguments_max, or half as many as the line has bytes, rounded up. RESP_COMMAND:
 * sets arguments_count, also to 0; RESP_BAD: sets the fault. */
NODISCARD enum resp_verdict resp_inline_split(char *line, size_t size,
                                              const struct resp_limits *limits,
                                              struct slice *arguments,
                                              struct resp_request *out_request);

#endif
