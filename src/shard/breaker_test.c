#include "shard/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void open_it(struct breaker *breaker, uint64_t now_ms)
{
    for (int i = 0; i < BREAKER_FAILURES; i++) {
        assert_true(breaker_begin(breaker, now_ms));
        breaker_note_failure(breaker, now_ms);
    }
    assert_int_equal(breaker->state, BREAKER_OPEN);
}

static void opens_after_failures_in_a_row_only(void **state)
{
    (void)state;
    struct breaker breaker;
    breaker_init(&breaker, 1);
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < BREAKER_FAILURES - 1; i++) {
            assert_true(breaker_begin(&breaker, 7));
            breaker_note_failure(&breaker, 7);
        }
        assert_true(breaker_begin(&breaker, 7));
        breaker_note_success(&breaker);
    }
    open_it(&breaker, 7);
    assert_false(breaker_begin(&breaker, 7));
}

/* Twice as long each time, up to a bound, and never more than a quarter less. */
static void asks_once_after_each_delay(void **state)
{
    (void)state;
    struct breaker breaker;
    uint64_t now_ms = 1000;
    uint64_t expected_ms = BREAKER_DELAY_MIN_MS;
    breaker_init(&breaker, 2);
    open_it(&breaker, now_ms);
    for (int probe = 0; probe < 20; probe++) {
        const uint64_t begin_ms = now_ms;
        while (!breaker_may(&breaker, now_ms)) {
            assert_false(breaker_begin(&breaker, now_ms));
            now_ms++;
        }
        assert_in_range(now_ms - begin_ms, expected_ms * 3 / 4, expected_ms);
        assert_true(breaker_begin(&breaker, now_ms));
        assert_false(breaker_begin(&breaker, now_ms + 100000));
        breaker_note_failure(&breaker, now_ms);
        expected_ms *= 2;
        expected_ms = expected_ms > BREAKER_DELAY_MAX_MS ? BREAKER_DELAY_MAX_MS : expected_ms;
    }
}

static void closes_with_the_first_answer(void **state)
{
    (void)state;
    struct breaker breaker;
    breaker_init(&breaker, 3);
    open_it(&breaker, 0);
    assert_true(breaker_begin(&breaker, BREAKER_DELAY_MIN_MS));
    breaker_note_success(&breaker);
    for (int i = 0; i < 100; i++) {
        assert_true(breaker_begin(&breaker, 1));
    }
    open_it(&breaker, 1);
    assert_int_equal(breaker.delay_ms, BREAKER_DELAY_MIN_MS);
}

/* What was asked before it opened ends later, and changes nothing. */
static void late_failures_do_not_count(void **state)
{
    (void)state;
    struct breaker breaker;
    breaker_init(&breaker, 4);
    open_it(&breaker, 0);
    const uint64_t ends_ms = breaker.ends_ms;
    breaker_note_failure(&breaker, 50);
    assert_int_equal(breaker.ends_ms, ends_ms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_after_failures_in_a_row_only),
        cmocka_unit_test(asks_once_after_each_delay),
        cmocka_unit_test(closes_with_the_first_answer),
        cmocka_unit_test(late_failures_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
