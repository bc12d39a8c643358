#include "base/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* RFC 3720, appendix B.4. */
static void has_the_values_of_the_standard(void **state)
{
    (void)state;
    uint8_t bytes[32] = {0};
    assert_int_equal(crc32c_extend(0, bytes, sizeof bytes), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(crc32c_extend(0, bytes, sizeof bytes), 0x62a8ab43);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)i;
    }
    assert_int_equal(crc32c_extend(0, bytes, sizeof bytes), 0x46dd794e);
    assert_int_equal(crc32c_extend(0, "123456789", 9), 0xe3069283);
    assert_int_equal(crc32c_extend(0, bytes, 0), 0);
}

static void is_the_same_by_every_way_and_in_pieces(void **state)
{
    (void)state;
    uint8_t bytes[300];
    for (int round = 0; round < 2000; round++) {
        const size_t from = (size_t)rand() % 16;
        const size_t size = (size_t)rand() % (sizeof bytes - from);
        const size_t cut = size == 0 ? 0 : (size_t)rand() % size;
        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = (uint8_t)rand();
        }
        const uint32_t seed = (uint32_t)rand();
        const uint32_t whole = crc32c_extend(seed, bytes + from, size);
        assert_int_equal(whole, crc32c_extend_portable(seed, bytes + from, size));
        const uint32_t head = crc32c_extend(seed, bytes + from, cut);
        assert_int_equal(whole, crc32c_extend(head, bytes + from + cut, size - cut));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_the_values_of_the_standard),
        cmocka_unit_test(is_the_same_by_every_way_and_in_pieces),
    };
    const unsigned seed = 20260726;
    printf("seed %u\n", seed);
    srand(seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
