#include "server/options_value.h"

#include "base/decimal.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROUNDS = 20000 };

#define BAD UINT64_MAX

struct value_case {
    const char *text;
    uint64_t value;
};

static void check_cases(const struct value_case *cases, size_t count,
                        bool (*parse)(struct slice text, uint64_t *out_value))
{
    for (size_t i = 0; i < count; i++) {
        uint64_t value = BAD;
        const bool is_good = parse(slice_from_text(cases[i].text), &value);
        if (is_good != (cases[i].value != BAD) || value != cases[i].value) {
            fail_msg("'%s' is %" PRIu64, cases[i].text, value);
        }
    }
}

static void sizes_are_read(void **state)
{
    (void)state;
    static const struct value_case cases[] = {
        {"0", 0},
        {"0gb", 0},
        {"1", 1},
        {"1kb", 1024},
        {"64MB", UINT64_C(64) << 20},
        {"2Gb", UINT64_C(2) << 30},
        {"8589934591gb", UINT64_C(8589934591) << 30},
        {"8589934592gb", BAD},
        {"17179869185gb", BAD},
        {"9223372036854775807", U63_MAX},
        {"9223372036854775808", BAD},
        {"99999999999999999999", BAD},
        {"", BAD},
        {"kb", BAD},
        {"1k", BAD},
        {"1b", BAD},
        {"1tb", BAD},
        {"1 kb", BAD},
        {" 1kb", BAD},
        {"1kb ", BAD},
        {"01", BAD},
        {"-1", BAD},
        {"+1", BAD},
        {"1.5mb", BAD},
        {"0x10", BAD},
        {"1s", BAD},
    };
    check_cases(cases, sizeof cases / sizeof cases[0], options_value_parse_size);
}

static void times_are_read(void **state)
{
    (void)state;
    static const struct value_case cases[] = {
        {"0", 0},
        {"0s", 0},
        {"1ms", 1},
        {"30s", 30000},
        {"5M", 300000},
        {"24h", 86400000},
        {"1", BAD},
        {"30", BAD},
        {"", BAD},
        {"s", BAD},
        {"1 s", BAD},
        {"1d", BAD},
        {"1.5s", BAD},
        {"-1s", BAD},
        {"01s", BAD},
        {"1us", BAD},
        {"1sec", BAD},
        {"2562047788015h", UINT64_C(9223372036854000000)},
        {"2562047788016h", BAD},
        {"9223372036854775807ms", U63_MAX},
    };
    check_cases(cases, sizeof cases / sizeof cases[0], options_value_parse_time);
}

static void what_is_printed_is_short(void **state)
{
    (void)state;
    static const struct value_case sizes[] = {
        {"0", 0},         {"1", 1},
        {"1023", 1023},   {"1kb", 1024},
        {"1025", 1025},   {"1536kb", 1572864},
        {"2mb", 2097152}, {"1024gb", UINT64_C(1) << 40},
    };
    static const struct value_case times[] = {
        {"0s", 0},        {"1ms", 1},       {"1s", 1000},
        {"1500ms", 1500}, {"300s", 300000}, {"86400s", 86400000},
    };
    char text[OPTIONS_VALUE_NUMBER_SIZE];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        options_value_print_size(sizes[i].value, text);
        assert_string_equal(text, sizes[i].text);
    }
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        options_value_print_time(times[i].value, text);
        assert_string_equal(text, times[i].text);
    }
}

static void what_is_printed_is_read_back(void **state)
{
    srand(*(const unsigned *)*state);
    for (int i = 0; i < ROUNDS; i++) {
        const uint64_t random = (uint64_t)rand() << 32 ^ (uint64_t)rand() << 1;
        const uint64_t value = (random & U63_MAX) >> (rand() % 63) << (rand() % 2 * 10) & U63_MAX;
        char text[OPTIONS_VALUE_NUMBER_SIZE];
        uint64_t back = 0;
        options_value_print_size(value, text);
        assert_true(options_value_parse_size(slice_from_text(text), &back));
        assert_int_equal(back, value);
        options_value_print_time(value, text);
        assert_true(options_value_parse_time(slice_from_text(text), &back));
        assert_int_equal(back, value);
    }
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_read),
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(what_is_printed_is_short),
        cmocka_unit_test_prestate(what_is_printed_is_read_back, &seed),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
