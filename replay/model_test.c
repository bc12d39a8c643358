#include "replay/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Every expectation here was worked out by hand from the rules of the contract. */

static void check(const struct model *model, uint32_t user, uint32_t channel, uint64_t last_read,
                  uint64_t mentions, uint32_t counted)
{
    const struct model_state *state = model_find_state(model, user, channel);
    assert_non_null(state);
    assert_int_equal(state->last_read, last_read);
    assert_int_equal(model_state_count_mentions(state), mentions);
    assert_int_equal(state->counted, counted);
}

static void an_ack_moves_forward_only(void **state)
{
    (void)state;
    struct model model;
    model_init(&model, 16);
    model_ack(&model, 1, 1, 50);
    check(&model, 1, 1, 50, 0, 0);
    model_ack(&model, 1, 1, 40);
    check(&model, 1, 1, 50, 0, 0);
    model_ack(&model, 1, 1, 51);
    check(&model, 1, 1, 51, 0, 0);
    assert_null(model_find_state(&model, 1, 2));
    assert_null(model_find_state(&model, 2, 1));
    model_deinit(&model);
}

static void a_partial_ack_ends_the_mentions_it_covers(void **state)
{
    (void)state;
    struct model model;
    model_init(&model, 4);
    model_mention(&model, 1, 1, 10);
    model_mention(&model, 1, 1, 20);
    model_mention(&model, 1, 1, 30);
    check(&model, 1, 1, 0, 3, 0);
    model_ack(&model, 1, 1, 20);
    check(&model, 1, 1, 20, 1, 0);
    model_ack(&model, 1, 1, 29);
    check(&model, 1, 1, 29, 1, 0);
    model_ack(&model, 1, 1, 31);
    check(&model, 1, 1, 31, 0, 0);
    model_deinit(&model);
}

static void a_mention_again_counts_nothing(void **state)
{
    (void)state;
    struct model model;
    model_init(&model, 4);
    model_ack(&model, 1, 1, 10);
    model_mention(&model, 1, 1, 10);
    model_mention(&model, 1, 1, 9);
    check(&model, 1, 1, 10, 0, 0);
    model_mention(&model, 1, 1, 12);
    model_mention(&model, 1, 1, 12);
    check(&model, 1, 1, 10, 1, 0);
    model_mention(&model, 1, 1, 11);
    model_mention(&model, 1, 1, 12);
    model_mention(&model, 1, 1, 11);
    check(&model, 1, 1, 10, 2, 0);
    model_deinit(&model);
}

static void the_oldest_of_too_many_mentions_is_only_counted(void **state)
{
    (void)state;
    struct model model;
    model_init(&model, 4);
    for (uint64_t message = 10; message <= 60; message += 10) {
        model_mention(&model, 1, 1, message);
    }
    /* Known: 30 40 50 60. Counted: 2, to 20. */
    check(&model, 1, 1, 0, 6, 2);
    model_mention(&model, 1, 1, 10);
    model_mention(&model, 1, 1, 15);
    model_mention(&model, 1, 1, 20);
    check(&model, 1, 1, 0, 6, 2);

    /* Below counted_to nobody knows how many are left: all still count. */
    model_ack(&model, 1, 1, 19);
    check(&model, 1, 1, 19, 6, 2);
    model_ack(&model, 1, 1, 20);
    check(&model, 1, 1, 20, 4, 0);
    model_ack(&model, 1, 1, 45);
    check(&model, 1, 1, 45, 2, 0);
    model_deinit(&model);
}

static void a_late_old_mention_is_itself_the_oldest(void **state)
{
    (void)state;
    struct model model;
    model_init(&model, 4);
    for (uint64_t message = 20; message <= 50; message += 10) {
        model_mention(&model, 1, 1, message);
    }
    model_mention(&model, 1, 1, 5);
    check(&model, 1, 1, 0, 5, 1);
    model_ack(&model, 1, 1, 5);
    check(&model, 1, 1, 5, 4, 0);
    model_deinit(&model);
}

static void apply_text(struct model *model, struct trace *trace, const char *const *lines,
                       size_t count)
{
    char error[TRACE_ERROR_SIZE];
    for (size_t at = 0; at < count; at++) {
        assert_true(trace_read_line(trace, lines[at], strlen(lines[at]), (uint32_t)at + 1, error));
    }
    for (size_t at = 0; at < trace->events_count; at++) {
        model_apply_event(model, trace, &trace->events[at]);
    }
}

/* Minute 0, so that the n-th message has the id n. */
static void a_small_chat_ends_as_worked_out_by_hand(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "0\t1\tjoin\t10",           /* Nothing was said: no state. */
        "0\t1\tmessage\t20\t10,30", /* 1 */
        "0\t1\tmessage\t20\t10,20", /* 2: never mentions its author. */
        "0\t1\tmessage\t10\t20",    /* 3: acks it for 10. */
        "0\t1\tmessage\t20\t30,10", /* 4: acks it for 20. */
        "0\t2\tjoin\t40",           /* Nothing was said in channel 2. */
        "0\t1\tjoin\t40",           /* Reads to 4. */
        "0\t1\tmessage\t10\t40,40", /* 5 */
        "0\t1\tleave\t30",          /* Reads to 5. */
        "0\t1\tmessage\t40\t30",    /* 6 */
    };
    struct model model;
    struct trace trace;
    model_init(&model, 4);
    trace_init(&trace);
    apply_text(&model, &trace, lines, sizeof lines / sizeof lines[0]);

    const uint32_t channel = id_map_find(&trace.channels, 1);
    check(&model, id_map_find(&trace.users, 10), channel, 5, 0, 0);
    check(&model, id_map_find(&trace.users, 20), channel, 4, 0, 0);
    check(&model, id_map_find(&trace.users, 30), channel, 5, 1, 0);
    check(&model, id_map_find(&trace.users, 40), channel, 6, 0, 0);
    assert_int_equal(model_get_count(&model), 4);

    /* Played again it ends the same. */
    for (size_t at = 0; at < trace.events_count; at++) {
        model_apply_event(&model, &trace, &trace.events[at]);
    }
    check(&model, id_map_find(&trace.users, 10), channel, 5, 0, 0);
    check(&model, id_map_find(&trace.users, 20), channel, 4, 0, 0);
    check(&model, id_map_find(&trace.users, 30), channel, 5, 1, 0);
    check(&model, id_map_find(&trace.users, 40), channel, 6, 0, 0);
    assert_int_equal(model_get_count(&model), 4);
    model_deinit(&model);
    trace_deinit(&trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ack_moves_forward_only),
        cmocka_unit_test(a_partial_ack_ends_the_mentions_it_covers),
        cmocka_unit_test(a_mention_again_counts_nothing),
        cmocka_unit_test(the_oldest_of_too_many_mentions_is_only_counted),
        cmocka_unit_test(a_late_old_mention_is_itself_the_oldest),
        cmocka_unit_test(a_small_chat_ends_as_worked_out_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
