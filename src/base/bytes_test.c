#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROUNDS = 20000, SIZE_MAX_BYTES = 8, MARGIN = 8 };

static uint64_t random_u64(void)
{
    uint64_t value = 0;
    for (int part = 0; part < 5; part++) {
        value = value << 15 ^ (uint64_t)rand();
    }
    return value;
}

/* Byte by byte, the lowest first. */
static uint64_t model_read(const uint8_t *from, unsigned width)
{
    uint64_t value = 0;
    for (unsigned i = width; i > 0; i--) {
        value = value << 8 | from[i - 1];
    }
    return value;
}

static void fixed_widths_are_little_endian_at_any_address(void **state)
{
    (void)state;
    for (unsigned at = 0; at < SIZE_MAX_BYTES; at++) {
        uint8_t memory[SIZE_MAX_BYTES * 2] = {0};
        bytes_write_u16(memory + at, 0x0201);
        assert_memory_equal(memory + at, "\x01\x02\x00", 3);
        assert_int_equal(bytes_read_u16(memory + at), 0x0201);
        bytes_write_u32(memory + at, 0x04030201);
        assert_memory_equal(memory + at, "\x01\x02\x03\x04\x00", 5);
        assert_int_equal(bytes_read_u32(memory + at), 0x04030201);
        bytes_write_u64(memory + at, UINT64_C(0x0807060504030201));
        assert_memory_equal(memory + at, "\x01\x02\x03\x04\x05\x06\x07\x08", 8);
        assert_int_equal(bytes_read_u64(memory + at), UINT64_C(0x0807060504030201));
    }
}

static void big_endian_sorts_as_its_numbers_do(void **state)
{
    srand(*(const unsigned *)*state);
    for (int i = 0; i < ROUNDS; i++) {
        const uint64_t a = random_u64() >> (rand() % 64);
        const uint64_t b = random_u64() >> (rand() % 64);
        uint8_t a_bytes[SIZE_MAX_BYTES];
        uint8_t b_bytes[SIZE_MAX_BYTES];
        bytes_write_u64_be(a_bytes, a);
        bytes_write_u64_be(b_bytes, b);
        assert_int_equal(bytes_read_u64_be(a_bytes), a);
        const int order = memcmp(a_bytes, b_bytes, sizeof a_bytes);
        assert_int_equal((order > 0) - (order < 0), (a > b) - (a < b));
    }
}

static void any_width_is_written_and_nothing_beside_it(void **state)
{
    srand(*(const unsigned *)*state);
    for (int i = 0; i < ROUNDS; i++) {
        const unsigned width = (unsigned)i % (SIZE_MAX_BYTES + 1);
        const uint64_t value = width == 0 ? 0 : random_u64() >> (64 - 8 * width);
        uint8_t memory[SIZE_MAX_BYTES + MARGIN];
        uint8_t expected[sizeof memory];
        for (unsigned at = 0; at < sizeof memory; at++) {
            memory[at] = (uint8_t)rand();
        }
        memcpy(expected, memory, sizeof expected);
        for (unsigned at = 0; at < width; at++) {
            expected[at] = (uint8_t)(value >> (8 * at));
        }
        bytes_write_uint(memory, width, value);
        assert_memory_equal(memory, expected, sizeof memory);
        assert_int_equal(model_read(memory, width), value);
        assert_int_equal(bytes_read_uint(memory, width), value);
    }
}

/* An own block of just that size: a sanitizer sees a read too many. */
static void no_byte_beyond_the_width_is_touched(void **state)
{
    (void)state;
    for (unsigned width = 1; width <= SIZE_MAX_BYTES; width++) {
        uint8_t *block = malloc(width);
        assert_non_null(block);
        bytes_write_uint(block, width, 1);
        assert_int_equal(bytes_read_uint(block, width), 1);
        free(block);
    }
    assert_int_equal(bytes_read_uint(NULL, 0), 0);
}

static void width_is_the_smallest_that_holds_the_number(void **state)
{
    (void)state;
    assert_int_equal(bytes_width_of(0), 0);
    assert_int_equal(bytes_width_of(UINT64_MAX), SIZE_MAX_BYTES);
    for (unsigned width = 1; width < SIZE_MAX_BYTES; width++) {
        const uint64_t beyond = UINT64_C(1) << (8 * width);
        assert_int_equal(bytes_width_of(beyond - 1), width);
        assert_int_equal(bytes_width_of(beyond), width + 1);
    }
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_widths_are_little_endian_at_any_address),
        cmocka_unit_test_prestate(big_endian_sorts_as_its_numbers_do, &seed),
        cmocka_unit_test_prestate(any_width_is_written_and_nothing_beside_it, &seed),
        cmocka_unit_test(no_byte_beyond_the_width_is_touched),
        cmocka_unit_test(width_is_the_smallest_that_holds_the_number),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
