#include "base/decimal.h"

#include <endian.h>
#include <string.h>

enum { U63_DIGITS_MAX = 19, DIGITS_AT_ONCE = 8 };

/* Eight times '0'. */
#define ZEROS UINT64_C(0x3030303030303030)

static inline uint64_t load_eight(const char *from)
{
    uint64_t eight;
    memcpy(&eight, from, sizeof eight);
    return le64toh(eight);
}

/* Eight characters at once, the first in the lowest byte: 0 where each of them is '0' to '9'. */
static inline uint64_t find_no_digits(uint64_t eight)
{
    const uint64_t high = UINT64_C(0xf0f0f0f0f0f0f0f0);
    /* Adding 6 carries into the high half of a byte that is above '9'. */
    return ((eight ^ ZEROS) | ((eight + UINT64_C(0x0606060606060606)) ^ ZEROS)) & high;
}

/* Joins digits to pairs, pairs to fours, fours to eight: three multiplications instead of eight. */
static inline uint64_t value_of_eight_digits(uint64_t eight)
{
    eight = (eight & UINT64_C(0x0f0f0f0f0f0f0f0f)) * (10 * 256 + 1) >> 8;
    eight = (eight & UINT64_C(0x00ff00ff00ff00ff)) * (100 * 65536 + 1) >> 16;
    return (eight & UINT64_C(0x0000ffff0000ffff)) * (UINT64_C(10000) * 4294967296 + 1) >> 32;
}

/* The first `count` of at least eight characters, as eight with zeros in front; 1 to 7. */
static inline uint64_t load_first(const char *from, size_t count)
{
    const unsigned shift = (unsigned)(DIGITS_AT_ONCE - count) * 8;
    return load_eight(from) << shift | ZEROS >> (64 - shift);
}

/* Fewer than eight digits: nothing beyond them may be read. */
static inline bool parse_short(struct slice text, uint64_t *out_value)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        const unsigned digit = (unsigned)(unsigned char)text.bytes[i] - '0';
        if (digit > 9) {
            return false;
        }
        value = value * 10 + digit;
    }
    *out_value = value;
    return true;
}

bool decimal_parse_u63(struct slice text, uint64_t *out_value)
{
    if (text.size - 1 >= U63_DIGITS_MAX) {
        return false;
    }
    if (text.bytes[0] == '0' && text.size > 1) {
        return false;
    }
    if (text.size < DIGITS_AT_ONCE) {
        return parse_short(text, out_value);
    }
    /* From the end, eight digits at a time. 19 digits stay below 10^19 < 2^64: nothing can wrap
     * before the last check. */
    const char *const end = text.bytes + text.size;
    const size_t first = text.size % DIGITS_AT_ONCE;
    uint64_t eight = load_eight(end - DIGITS_AT_ONCE);
    uint64_t wrong = find_no_digits(eight);
    uint64_t value = value_of_eight_digits(eight);
    uint64_t unit = 100000000;
    if (text.size >= (size_t)2 * DIGITS_AT_ONCE) {
        eight = load_eight(end - (ptrdiff_t)2 * DIGITS_AT_ONCE);
        wrong |= find_no_digits(eight);
        value += value_of_eight_digits(eight) * unit;
        unit *= unit;
    }
    if (first > 0) {
        eight = load_first(text.bytes, first);
        wrong |= find_no_digits(eight);
        value += value_of_eight_digits(eight) * unit;
    }
    if (wrong != 0 || value > U63_MAX) {
        return false;
    }
    *out_value = value;
    return true;
}

/* Two digits a division: ids of 19 digits are in every reply. */
static const char digit_pairs[] = "00010203040506070809"
                                  "10111213141516171819"
                                  "20212223242526272829"
                                  "30313233343536373839"
                                  "40414243444546474849"
                                  "50515253545556575859"
                                  "60616263646566676869"
                                  "70717273747576777879"
                                  "80818283848586878889"
                                  "90919293949596979899";

size_t decimal_print_u64(char to[static DECIMAL_SIZE_MAX], uint64_t value)
{
    char digits[DECIMAL_SIZE_MAX];
    size_t at = DECIMAL_SIZE_MAX;
    while (value >= 100) {
        at -= 2;
        memcpy(digits + at, digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        at -= 2;
        memcpy(digits + at, digit_pairs + value * 2, 2);
    } else {
        digits[--at] = (char)('0' + value);
    }
    memcpy(to, digits + at, DECIMAL_SIZE_MAX - at);
    return DECIMAL_SIZE_MAX - at;
}
