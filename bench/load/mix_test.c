#include "load/mix.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void kinds_come_as_often_as_they_weigh(void **state)
{
    (void)state;
    enum { DRAWS = 100000 };
    struct mix mix;
    uint64_t seed = 3;
    uint64_t counts[KINDS] = {0};
    assert_true(mix_parse(&mix, "list=1,ack=6,get=3,bulk=0"));
    for (int draw = 0; draw < DRAWS; draw++) {
        counts[mix_draw(&mix, &seed)]++;
    }
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        const double expected = (double)DRAWS * mix.weights[kind] / mix.sum;
        assert_true(fabs((double)counts[kind] - expected) <= 6 * sqrt(expected));
    }
    assert_int_equal(mix.weights[KIND_ACK], 6);
    assert_int_equal(counts[KIND_BULK], 0);
    assert_int_equal(counts[KIND_MESSAGE], 0);
}

static void the_mix_by_default_has_all_kinds(void **state)
{
    (void)state;
    struct mix mix;
    mix_init(&mix);
    assert_int_equal(mix.sum, 100);
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        assert_true(mix.weights[kind] > 0);
    }
}

static void what_is_no_mix_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",        "ack",    "ack=",   "ack=x",  "ack=0", "ack=1,ack=2", "ack=1,",
        ",ack=1",  "=1",     "acks=1", "ack=-1", "ac=1",  "ack=1000001", "ack=1;get=2",
        "ack=1=2", "ack =1", "ACK=1",  "ack=01",
    };
    for (size_t at = 0; at < sizeof texts / sizeof *texts; at++) {
        struct mix mix;
        assert_false(mix_parse(&mix, texts[at]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_come_as_often_as_they_weigh),
        cmocka_unit_test(the_mix_by_default_has_all_kinds),
        cmocka_unit_test(what_is_no_mix_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
