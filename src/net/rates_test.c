#include "net/rates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void take(struct rates *self, uint64_t time_ms, uint64_t commands, uint64_t bytes_in)
{
    const struct rates_sample sample = {
        .time_ms = time_ms, .sums = {[RATE_COMMANDS] = commands, [RATE_BYTES_IN] = bytes_in}};
    rates_take(self, &sample);
}

static void a_rate_needs_two_looks(void **state)
{
    (void)state;
    struct rates rates = {0};
    assert_true(rates_are_due(&rates, 0));
    take(&rates, 1000, 500, 7);
    assert_int_equal(rates_peek(&rates, RATE_COMMANDS), 0);
    assert_false(rates_are_due(&rates, 1000 + RATES_SAMPLE_MS - 1));
    assert_true(rates_are_due(&rates, 1000 + RATES_SAMPLE_MS));
    take(&rates, 1250, 600, 7);
    assert_int_equal(rates_peek(&rates, RATE_COMMANDS), 400);
    assert_int_equal(rates_peek(&rates, RATE_BYTES_IN), 0);
    assert_int_equal(rates_peek(&rates, RATE_BYTES_OUT), 0);
}

/* A burst is seen while it is among the looks, and no longer. */
static void what_is_long_ago_is_forgotten(void **state)
{
    (void)state;
    struct rates rates = {0};
    take(&rates, 100, 0, 0);
    for (uint64_t i = 1; i < RATES_SAMPLES; i++) {
        take(&rates, 100 + 100 * i, 3000, 10 * i);
        assert_int_equal(rates_peek(&rates, RATE_COMMANDS), 30000 / i);
        assert_int_equal(rates_peek(&rates, RATE_BYTES_IN), 100);
    }
    take(&rates, 100 + (uint64_t)100 * RATES_SAMPLES, 3000, (uint64_t)10 * RATES_SAMPLES);
    assert_int_equal(rates_peek(&rates, RATE_COMMANDS), 0);
    assert_int_equal(rates_peek(&rates, RATE_BYTES_IN), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_needs_two_looks),
        cmocka_unit_test(what_is_long_ago_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
