/* Numbers in packed bytes: little-endian, unaligned, of 1 to 8 bytes. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t bytes_read_u16(const uint8_t *from)
{
    uint16_t value;
    memcpy(&value, from, sizeof value);
    return le16toh(value);
}

static inline uint32_t bytes_read_u32(const uint8_t *from)
{
    uint32_t value;
    memcpy(&value, from, sizeof value);
    return le32toh(value);
}

static inline uint64_t bytes_read_u64(const uint8_t *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return le64toh(value);
}

static inline void bytes_write_u16(uint8_t *to, uint16_t value)
{
    value = htole16(value);
    memcpy(to, &value, sizeof value);
}

static inline void bytes_write_u32(uint8_t *to, uint32_t value)
{
    value = htole32(value);
    memcpy(to, &value, sizeof value);
}

static inline void bytes_write_u64(uint8_t *to, uint64_t value)
{
    value = htole64(value);
    memcpy(to, &value, sizeof value);
}

/* Big-endian: keys of an ordered store sort as their numbers do. */
static inline uint64_t bytes_read_u64_be(const uint8_t *from)
{
    uint64_t value;
    memcpy(&value, from, sizeof value);
    return be64toh(value);
}

static inline void bytes_write_u64_be(uint8_t *to, uint64_t value)
{
    value = htobe64(value);
    memcpy(to, &value, sizeof value);
}

/* A number of `width` bytes, 0 to 8; of 0 bytes it is 0. Two accesses that overlap in the middle:
 * a memcpy of a length the compiler does not know would be a call. */
static inline uint64_t bytes_read_uint(const uint8_t *from, unsigned width)
{
    if (width >= 4) {
        const unsigned shift = width - 4;
        return bytes_read_u32(from) | (uint64_t)bytes_read_u32(from + shift) << (8 * shift);
    }
    if (width >= 2) {
        const unsigned shift = width - 2;
        return bytes_read_u16(from) | (uint64_t)bytes_read_u16(from + shift) << (8 * shift);
    }
    return width == 0 ? 0 : *from;
}

/* The bytes above `width` are dropped: the caller has made sure that they are zero. */
static inline void bytes_write_uint(uint8_t *to, unsigned width, uint64_t value)
{
    if (width >= 4) {
        const unsigned shift = width - 4;
        bytes_write_u32(to, (uint32_t)value);
        bytes_write_u32(to + shift, (uint32_t)(value >> (8 * shift)));
    } else if (width >= 2) {
        const unsigned shift = width - 2;
        bytes_write_u16(to, (uint16_t)value);
        bytes_write_u16(to + shift, (uint16_t)(value >> (8 * shift)));
    } else if (width == 1) {
        *to = (uint8_t)value;
    }
}

/* How many bytes a number needs; 0 needs none. */
static inline unsigned bytes_width_of(uint64_t value)
{
    return value == 0 ? 0 : (71U - (unsigned)__builtin_clzll(value)) / 8U;
}

#endif
