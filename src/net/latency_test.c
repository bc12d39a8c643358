#include "net/latency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NS_A_MS UINT64_C(1000000)

static void expect_sample(const struct latency_series *series, uint32_t index, uint64_t time_s,
                          uint64_t ms)
{
    const struct latency_sample sample = latency_series_get(series, index);
    assert_int_equal(sample.time_s, time_s);
    assert_int_equal(sample.ms, ms);
}

static void of_a_second_the_longest_is_kept(void **state)
{
    (void)state;
    struct latency latency;
    latency_init(&latency);
    latency_insert(&latency, LATENCY_TURN, 7, 5 * NS_A_MS);
    latency_insert(&latency, LATENCY_TURN, 7, 9 * NS_A_MS);
    latency_insert(&latency, LATENCY_TURN, 7, 8 * NS_A_MS + 1);
    latency_insert(&latency, LATENCY_TURN, 9, 2 * NS_A_MS);
    const struct latency_series series = latency_peek(&latency, LATENCY_TURN);
    assert_int_equal(series.count, 2);
    assert_int_equal(series.max_ms, 9);
    expect_sample(&series, 0, 7, 9);
    expect_sample(&series, 1, 9, 2);
    assert_int_equal(latency_peek(&latency, LATENCY_COMMAND).count, 0);
    latency_deinit(&latency);
}

static void the_oldest_go(void **state)
{
    (void)state;
    struct latency latency;
    latency_init(&latency);
    for (uint64_t i = 0; i < LATENCY_SAMPLES_MAX + 10U; i++) {
        latency_insert(&latency, LATENCY_STORE_READ, 100 + i, (1000 - i) * NS_A_MS);
    }
    const struct latency_series series = latency_peek(&latency, LATENCY_STORE_READ);
    assert_int_equal(series.count, LATENCY_SAMPLES_MAX);
    assert_int_equal(series.max_ms, 1000);
    expect_sample(&series, 0, 110, 990);
    expect_sample(&series, LATENCY_SAMPLES_MAX - 1, 109 + LATENCY_SAMPLES_MAX,
                  991 - LATENCY_SAMPLES_MAX);
    latency_deinit(&latency);
}

static void a_reset_is_of_one_event(void **state)
{
    (void)state;
    struct latency latency;
    latency_init(&latency);
    latency_insert(&latency, LATENCY_TURN, 7, 5 * NS_A_MS);
    latency_insert(&latency, LATENCY_COMMAND, 7, 6 * NS_A_MS);
    assert_true(latency_clear(&latency, LATENCY_TURN));
    assert_false(latency_clear(&latency, LATENCY_TURN));
    assert_int_equal(latency_peek(&latency, LATENCY_TURN).max_ms, 0);
    assert_int_equal(latency_peek(&latency, LATENCY_COMMAND).max_ms, 6);
    latency_deinit(&latency);
}

static void what_is_long(void **state)
{
    (void)state;
    struct latency latency;
    latency_init(&latency);
    assert_false(latency_is_long(&latency, UINT64_MAX));
    latency_set_threshold(&latency, 10);
    assert_false(latency_is_long(&latency, 9));
    assert_true(latency_is_long(&latency, 10));
    latency_set_threshold(&latency, 0);
    assert_false(latency_is_long(&latency, UINT64_MAX));
    latency_deinit(&latency);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_second_the_longest_is_kept),
        cmocka_unit_test(the_oldest_go),
        cmocka_unit_test(a_reset_is_of_one_event),
        cmocka_unit_test(what_is_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
