/* How sizes and times are written: `64mb`, `30s`.
 *
 * Memory: the caller's.  Threads: any.
 */
#ifndef SERVER_OPTIONS_VALUE_H
#define SERVER_OPTIONS_VALUE_H

#include "base/attribute.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A number of 20 digits, a unit, the terminator. */
enum { OPTIONS_VALUE_NUMBER_SIZE = 24 };

/* Bytes, or with kb, mb or gb, powers of 1024. False leaves *out_bytes alone. */
NODISCARD bool options_value_parse_size(struct slice text, uint64_t *out_bytes);

/* With ms, s, m or h; 0 needs none. False leaves *out_ms alone. */
NODISCARD bool options_value_parse_time(struct slice text, uint64_t *out_ms);

/* With the largest unit that leaves a whole number. Terminated. */
void options_value_print_size(uint64_t bytes, char to[static OPTIONS_VALUE_NUMBER_SIZE]);

/* In seconds, or in milliseconds where they are no whole number of seconds. Terminated. */
void options_value_print_time(uint64_t ms, char to[static OPTIONS_VALUE_NUMBER_SIZE]);

#endif
