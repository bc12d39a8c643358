#include "os/clock_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void the_system_clock_never_goes_back(void **state)
{
    (void)state;
    const struct clock clock = clock_get_system();
    uint64_t before_ns = clock_read_monotonic_ns(&clock);
    for (int i = 0; i < 1000; i++) {
        const uint64_t now_ns = clock_read_monotonic_ns(&clock);
        assert_true(now_ns >= before_ns);
        before_ns = now_ns;
    }
    const uint64_t before_ms = clock_read_monotonic_ms(&clock);
    assert_true(before_ms >= before_ns / 1000000);
}

static void the_system_clock_knows_the_century(void **state)
{
    (void)state;
    const struct clock clock = clock_get_system();
    const uint64_t in_2020_ms = UINT64_C(1577836800000);
    const uint64_t in_2200_ms = UINT64_C(7258118400000);
    assert_true(clock_read_wall_ms(&clock) > in_2020_ms);
    assert_true(clock_read_wall_ms(&clock) < in_2200_ms);
}

static void the_fake_moves_by_hand(void **state)
{
    (void)state;
    struct clock_fake fake = {.monotonic_ns = 5, .wall_ms = 1000};
    const struct clock clock = clock_fake_get(&fake);
    assert_int_equal(clock_read_monotonic_ns(&clock), 5);
    assert_int_equal(clock_read_monotonic_ns(&clock), 5);

    clock_fake_step(&fake, 2600000);
    assert_int_equal(clock_read_monotonic_ns(&clock), 2600005);
    assert_int_equal(clock_read_monotonic_ms(&clock), 2);
    assert_int_equal(clock_read_wall_ms(&clock), 1002);
    clock_fake_step(&fake, 400000);
    assert_int_equal(clock_read_wall_ms(&clock), 1003);
}

static void the_wall_clock_of_the_fake_jumps_alone(void **state)
{
    (void)state;
    struct clock_fake fake = {.monotonic_ns = 7, .wall_ms = 1000};
    const struct clock clock = clock_fake_get(&fake);
    clock_fake_set_wall(&fake, 10);
    assert_int_equal(clock_read_wall_ms(&clock), 10);
    assert_int_equal(clock_read_monotonic_ns(&clock), 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_system_clock_never_goes_back),
        cmocka_unit_test(the_system_clock_knows_the_century),
        cmocka_unit_test(the_fake_moves_by_hand),
        cmocka_unit_test(the_wall_clock_of_the_fake_jumps_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
