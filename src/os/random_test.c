#include "os/random_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Every byte of a buffer is drawn: each position takes more than one value. */
static void the_system_fills_every_byte(void **state)
{
    (void)state;
    enum { SIZE = 700 };
    const struct random random = random_get_system();
    uint8_t first[SIZE];
    bool changed[SIZE] = {false};
    assert_int_equal(random_fill(&random, first, SIZE), STATUS_OK);
    for (int round = 0; round < 16; round++) {
        uint8_t next[SIZE];
        assert_int_equal(random_fill(&random, next, SIZE), STATUS_OK);
        for (size_t i = 0; i < SIZE; i++) {
            changed[i] = changed[i] || next[i] != first[i];
        }
    }
    for (size_t i = 0; i < SIZE; i++) {
        assert_true(changed[i]);
    }
}

static void the_fake_repeats_itself_by_seed(void **state)
{
    (void)state;
    struct random_fake one = {.seed = 42};
    struct random_fake same = {.seed = 42};
    struct random_fake other = {.seed = 43};
    const struct random random_one = random_fake_get(&one);
    const struct random random_same = random_fake_get(&same);
    const struct random random_other = random_fake_get(&other);
    uint8_t a[16];
    uint8_t b[16];
    uint8_t c[16];
    assert_int_equal(random_fill(&random_one, a, sizeof a), STATUS_OK);
    assert_int_equal(random_fill(&random_same, b, sizeof b), STATUS_OK);
    assert_int_equal(random_fill(&random_other, c, sizeof c), STATUS_OK);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_not_equal(a, c, sizeof a);
    assert_int_equal(random_fill(&random_one, b, sizeof b), STATUS_OK);
    assert_memory_not_equal(a, b, sizeof a);
}

static void the_fake_fails_when_told(void **state)
{
    (void)state;
    struct random_fake fake = {.fails = true};
    const struct random random = random_fake_get(&fake);
    uint8_t byte;
    assert_int_equal(random_fill(&random, &byte, 1), STATUS_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_system_fills_every_byte),
        cmocka_unit_test(the_fake_repeats_itself_by_seed),
        cmocka_unit_test(the_fake_fails_when_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
