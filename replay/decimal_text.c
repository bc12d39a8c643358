#include "replay/decimal_text.h"

bool decimal_text_parse(const char *bytes, size_t size, uint64_t max, uint64_t *out_value)
{
    /* 19 digits are the most that 2^63-1 has, and they cannot overflow 64 bits. */
    if (size == 0 || size > 19 || (bytes[0] == '0' && size > 1)) {
        return false;
    }
    uint64_t value = 0;
    for (size_t at = 0; at < size; at++) {
        if (bytes[at] < '0' || bytes[at] > '9') {
            return false;
        }
        value = value * 10 + (uint64_t)(bytes[at] - '0');
    }
    if (value > max) {
        return false;
    }
    *out_value = value;
    return true;
}
