/* Canonical decimal, as the contract writes numbers: no sign, no leading zero, no space. */
#ifndef REPLAY_DECIMAL_TEXT_H
#define REPLAY_DECIMAL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True, and *out_value set, for 0 to `max` (at most 2^63-1); false leaves it alone. */
bool decimal_text_parse(const char *bytes, size_t size, uint64_t max, uint64_t *out_value)
    __attribute__((warn_unused_result));

#endif
