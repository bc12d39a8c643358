#include "base/decimal.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RANDOM_NUMBERS = 20000 };

static void expect_printed(uint64_t value)
{
    char expected[32];
    char printed[DECIMAL_SIZE_MAX];
    (void)snprintf(expected, sizeof expected, "%" PRIu64, value);
    const size_t size = decimal_print_u64(printed, value);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(printed, expected, size);

    uint64_t parsed = 0;
    const struct slice text = {.bytes = printed, .size = size};
    assert_int_equal(decimal_parse_u63(text, &parsed), value <= U63_MAX);
    assert_int_equal(parsed, value <= U63_MAX ? value : 0);
}

static void numbers_around_powers_of_ten_are_printed_and_parsed(void **state)
{
    (void)state;
    expect_printed(0);
    uint64_t power = 1;
    for (int digits = 1; digits <= DECIMAL_SIZE_MAX; digits++, power *= 10) {
        expect_printed(power - 1);
        expect_printed(power);
        expect_printed(power + 1);
    }
    expect_printed(U63_MAX);
    expect_printed(U63_MAX + 1);
    expect_printed(UINT64_MAX);
}

static void random_numbers_are_printed_and_parsed(void **state)
{
    srand(*(const unsigned *)*state);
    for (int i = 0; i < RANDOM_NUMBERS; i++) {
        uint64_t value = 0;
        for (int part = 0; part < 5; part++) {
            value = value << 15 ^ (uint64_t)rand();
        }
        expect_printed(value >> rand() % 64);
    }
}

static void only_canonical_numbers_are_parsed(void **state)
{
    static const char *const texts[] = {
        "",
        "-",
        "-1",
        "+1",
        "00",
        "01",
        " 1",
        "1 ",
        "1x",
        "x1",
        "0x1",
        "1.",
        "/",
        ":",
        "99999999999999999999",
        "9223372036854775808",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        uint64_t value = 77;
        assert_false(decimal_parse_u63(slice_from_text(texts[i]), &value));
        assert_int_equal(value, 77);
    }
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_around_powers_of_ten_are_printed_and_parsed),
        cmocka_unit_test_prestate(random_numbers_are_printed_and_parsed, &seed),
        cmocka_unit_test(only_canonical_numbers_are_parsed),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
