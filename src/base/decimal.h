/* Canonical decimal: no sign, no leading zero, no space. What the contract calls a number. */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include "base/attribute.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The largest id: 2^63-1. */
#define U63_MAX ((uint64_t)INT64_MAX)

/* The longest u64 has 20 digits. */
#define DECIMAL_SIZE_MAX 20

/* True, and *out_value set, for 0 to 2^63-1 in canonical form; false leaves it alone. */
NODISCARD bool decimal_parse_u63(struct slice text, uint64_t *out_value);

/* Writes without a terminator; returns the number of bytes, 1 to DECIMAL_SIZE_MAX. */
size_t decimal_print_u64(char to[static DECIMAL_SIZE_MAX], uint64_t value);

#endif
