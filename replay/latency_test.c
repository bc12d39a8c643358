#include "replay/latency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void percentiles_are_those_of_the_nearest_rank(void **state)
{
    (void)state;
    struct latency latency;
    latency_init(&latency);
    /* 1 to 1000 in a mixed order: 7 and 1000 have no common divisor. */
    for (uint64_t at = 0; at < 1000; at++) {
        latency_insert(&latency, at * 7 % 1000 + 1);
    }
    latency_sort(&latency);
    assert_int_equal(latency_peek_ns(&latency, 0), 1);
    assert_int_equal(latency_peek_ns(&latency, 500000), 500);
    assert_int_equal(latency_peek_ns(&latency, 990000), 990);
    assert_int_equal(latency_peek_ns(&latency, 999000), 999);
    assert_int_equal(latency_peek_ns(&latency, 999001), 1000);
    assert_int_equal(latency_peek_ns(&latency, 1000000), 1000);
    latency_deinit(&latency);
}

static void few_samples_have_percentiles_too(void **state)
{
    (void)state;
    struct latency latency;
    latency_init(&latency);
    latency_sort(&latency);
    assert_int_equal(latency_peek_ns(&latency, 500000), 0);
    latency_insert(&latency, 42);
    latency_sort(&latency);
    assert_int_equal(latency_peek_ns(&latency, 500000), 42);
    assert_int_equal(latency_peek_ns(&latency, 1000000), 42);
    latency_deinit(&latency);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_those_of_the_nearest_rank),
        cmocka_unit_test(few_samples_have_percentiles_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
