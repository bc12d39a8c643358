#include "base/crc32c.h"

#include "base/bytes.h"

/* Of the reversed polynomial 0x82f63b78, four bits at a time. */
static const uint32_t of_nibble[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t crc32c_extend_portable(uint32_t crc, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= at[i];
        crc = crc >> 4 ^ of_nibble[crc & 15];
        crc = crc >> 4 ^ of_nibble[crc & 15];
    }
    return ~crc;
}

#if defined(__x86_64__)

__attribute__((target("sse4.2"))) static uint32_t
extend_by_instruction(uint32_t crc, const uint8_t *at, size_t size)
{
    uint64_t wide = (uint32_t)~crc;
    for (; size >= 8; at += 8, size -= 8) {
        wide = __builtin_ia32_crc32di(wide, bytes_read_u64(at));
    }
    uint32_t narrow = (uint32_t)wide;
    for (; size > 0; at++, size--) {
        narrow = __builtin_ia32_crc32qi(narrow, *at);
    }
    return ~narrow;
}

uint32_t crc32c_extend(uint32_t crc, const void *bytes, size_t size)
{
    if (__builtin_cpu_supports("sse4.2")) {
        return extend_by_instruction(crc, bytes, size);
    }
    return crc32c_extend_portable(crc, bytes, size);
}

#elif defined(__ARM_FEATURE_CRC32)

uint32_t crc32c_extend(uint32_t crc, const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    crc = ~crc;
    for (; size >= 8; at += 8, size -= 8) {
        crc = __builtin_arm_crc32cd(crc, bytes_read_u64(at));
    }
    for (; size > 0; at++, size--) {
        crc = __builtin_arm_crc32cb(crc, *at);
    }
    return ~crc;
}

#else

uint32_t crc32c_extend(uint32_t crc, const void *bytes, size_t size)
{
    return crc32c_extend_portable(crc, bytes, size);
}

#endif
