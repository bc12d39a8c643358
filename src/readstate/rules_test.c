#include "readstate/rules_play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void an_ack_moves_last_read_and_floor_forward(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    assert_int_equal(ack(&state, 5), RULE_CHANGED);
    assert_shows(&state, 5, 5, 0, false);
    assert_int_equal(ack(&state, INT64_MAX), RULE_CHANGED);
    assert_shows(&state, INT64_MAX, INT64_MAX, 0, false);
}

static void a_late_or_repeated_ack_moves_nothing(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    ack(&state, 5);
    mention(&state, 6);
    assert_int_equal(ack(&state, 5), RULE_UNCHANGED);
    assert_int_equal(ack(&state, 4), RULE_UNCHANGED);
    assert_shows(&state, 5, 5, 1, false);
}

static void an_ack_below_the_floor_leaves_the_floor(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    ack(&state, 9);
    ack_manually(&state, 2);
    assert_int_equal(ack(&state, 5), RULE_CHANGED);
    assert_shows(&state, 5, 9, 0, false);
    assert_int_equal(mention(&state, 7), RULE_UNCHANGED);
}

static void a_partial_ack_gives_the_right_count(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    mention_range(&state, 11, 14);
    assert_shows(&state, 0, 0, 4, false);
    assert_int_equal(ack(&state, 12), RULE_CHANGED);
    assert_shows(&state, 12, 12, 2, false);
    assert_int_equal(ack(&state, 14), RULE_CHANGED);
    assert_shows(&state, 14, 14, 0, false);
}

static void one_more_than_kept_is_only_counted(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    mention_range(&state, 11, 15);
    assert_shows(&state, 0, 0, 5, true);
    assert_int_equal(state.mentions_kept, 4);
    assert_int_equal(state.counted, 1);
    assert_int_equal(state.counted_to, 11);
}

static void an_old_mention_may_itself_be_the_one_that_is_only_counted(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    mention_range(&state, 12, 15);
    assert_int_equal(mention(&state, 11), RULE_CHANGED);
    assert_shows(&state, 0, 0, 5, true);
    assert_int_equal(state.mentions[0].message, 12);
    assert_int_equal(state.counted_to, 11);
}

static void the_counted_end_when_they_are_all_read(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    mention_range(&state, 11, 16);
    assert_int_equal(state.counted_to, 12);
    assert_int_equal(ack(&state, 11), RULE_CHANGED);
    assert_shows(&state, 11, 11, 6, true);
    assert_int_equal(ack(&state, 12), RULE_CHANGED);
    assert_shows(&state, 12, 12, 4, false);
    assert_int_equal(state.counted_to, 0);
}

static void a_retried_mention_counts_once(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    mention_range(&state, 11, 13);
    assert_int_equal(mention(&state, 12), RULE_UNCHANGED);
    assert_shows(&state, 0, 0, 3, false);
}

static void a_mention_of_what_is_read_is_nothing(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    ack(&state, 5);
    assert_int_equal(mention(&state, 5), RULE_UNCHANGED);
    assert_int_equal(mention(&state, 4), RULE_UNCHANGED);
    assert_int_equal(mention(&state, 6), RULE_CHANGED);
    assert_shows(&state, 5, 5, 1, false);
}

static void a_late_mention_below_counted_to_is_nothing(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    mention_range(&state, 11, 16);
    assert_int_equal(mention(&state, 12), RULE_UNCHANGED);
    assert_int_equal(mention(&state, 5), RULE_UNCHANGED);
    assert_shows(&state, 0, 0, 6, true);
}

static void mentions_stay_sorted_in_whatever_order_they_come(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    mention(&state, 13);
    mention(&state, 11);
    mention(&state, 14);
    mention(&state, 12);
    for (uint32_t at = 0; at < 4; at++) {
        assert_int_equal(state.mentions[at].message, 11 + at);
    }
}

static void fewer_are_kept_once_the_option_is_lowered(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    for (uint64_t message = 1; message <= MENTION_IDS_KEPT_MAX; message++) {
        rules_mention(&state, (struct message_id){message}, MENTION_IDS_KEPT_MAX);
    }
    assert_shows(&state, 0, 0, 255, false);
    assert_int_equal(mention(&state, 300), RULE_CHANGED);
    assert_shows(&state, 0, 0, 256, true);
    assert_int_equal(state.mentions_kept, MENTION_IDS_KEPT_MIN);
    assert_int_equal(state.counted_to, 252);
    assert_int_equal(state.mentions[0].message, 253);
}

static void an_unmention_takes_a_known_mention_back(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    mention_range(&state, 11, 13);
    assert_int_equal(unmention(&state, 12), RULE_CHANGED);
    assert_shows(&state, 0, 0, 2, false);
    assert_int_equal(unmention(&state, 12), RULE_UNCHANGED);
    assert_shows(&state, 0, 0, 2, false);
}

static void a_withdrawn_mention_stays_known(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    mention_range(&state, 11, 13);
    unmention(&state, 11);
    assert_int_equal(mention(&state, 11), RULE_UNCHANGED);
    assert_shows(&state, 0, 0, 2, false);
    assert_int_equal(state.mentions_kept, 3);
}

static void a_withdrawn_mention_that_is_pushed_out_counts_nothing(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    mention_range(&state, 11, 14);
    unmention(&state, 11);
    assert_int_equal(mention(&state, 15), RULE_CHANGED);
    assert_shows(&state, 0, 0, 4, false);
    assert_int_equal(state.counted, 0);
    assert_int_equal(state.counted_to, 11);
    assert_int_equal(mention(&state, 11), RULE_UNCHANGED);
}

static void an_unmention_of_what_is_not_known_is_nothing(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    assert_int_equal(unmention(&state, 11), RULE_UNCHANGED);
    mention_range(&state, 11, 16);
    assert_int_equal(unmention(&state, 12), RULE_UNCHANGED); /* Only counted. */
    assert_int_equal(unmention(&state, 10), RULE_UNCHANGED);
    assert_shows(&state, 0, 0, 6, true);
    ack(&state, 14);
    assert_int_equal(unmention(&state, 14), RULE_UNCHANGED); /* Read. */
    assert_shows(&state, 14, 14, 2, false);
}

static void an_unmention_before_its_mention_is_nothing(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    mention(&state, 11);
    assert_int_equal(unmention(&state, 12), RULE_UNCHANGED);
    assert_int_equal(mention(&state, 12), RULE_CHANGED);
    assert_shows(&state, 0, 0, 2, false);
}

static void an_ack_ends_withdrawn_mentions_as_well(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    mention_range(&state, 11, 13);
    unmention(&state, 11);
    unmention(&state, 13);
    ack(&state, 12);
    assert_shows(&state, 12, 12, 0, false);
    assert_int_equal(state.mentions_kept, 1);
    assert_int_equal(mention(&state, 13), RULE_UNCHANGED);
}

static void the_number_of_mentions_stops_at_its_maximum(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    state.counted = MENTIONS_MAX - 1;
    state.counted_to = 3;
    assert_int_equal(mention(&state, 11), RULE_CHANGED);
    assert_shows(&state, 0, 0, MENTIONS_MAX, true);
    for (uint64_t message = 12; message < 40; message++) {
        assert_int_equal(mention(&state, message), RULE_CHANGED_HIDDEN);
        assert_shows(&state, 0, 0, MENTIONS_MAX, true);
        assert_true(state.counted <= MENTIONS_MAX);
    }
    assert_int_equal(state.mentions[3].message, 39);
    assert_int_equal(unmention(&state, 39), RULE_CHANGED_HIDDEN);
    assert_int_equal(unmention(&state, 39), RULE_UNCHANGED);
    assert_shows(&state, 0, 0, MENTIONS_MAX, true);
}

static void a_pin_keeps_the_highest_timestamp(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    assert_int_equal(rules_pin(&state, 1000), RULE_CHANGED);
    assert_int_equal(rules_pin(&state, 1000), RULE_UNCHANGED);
    assert_int_equal(rules_pin(&state, 999), RULE_UNCHANGED);
    assert_int_equal(state.pin_ms, 1000);
    assert_int_equal(rules_pin(&state, PIN_MS_MAX), RULE_CHANGED);
    assert_int_equal(state.pin_ms, PIN_MS_MAX);
    assert_shows(&state, 0, 0, 0, false);
}

static void a_join_starts_at_the_newest_message(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    assert_int_equal(join(&state, 20), RULE_CHANGED);
    assert_shows(&state, 20, 20, 0, false);
    assert_int_equal(mention(&state, 20), RULE_UNCHANGED);

    state = fresh_state();
    assert_int_equal(join(&state, 0), RULE_UNCHANGED);
    assert_shows(&state, 0, 0, 0, false);
}

static void a_join_of_what_is_there_is_an_ack(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    ack(&state, 10);
    mention_range(&state, 11, 13);
    assert_int_equal(join(&state, 9), RULE_UNCHANGED);
    assert_int_equal(join(&state, 12), RULE_CHANGED);
    assert_shows(&state, 12, 12, 1, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ack_moves_last_read_and_floor_forward),
        cmocka_unit_test(a_late_or_repeated_ack_moves_nothing),
        cmocka_unit_test(an_ack_below_the_floor_leaves_the_floor),
        cmocka_unit_test(a_partial_ack_gives_the_right_count),
        cmocka_unit_test(one_more_than_kept_is_only_counted),
        cmocka_unit_test(an_old_mention_may_itself_be_the_one_that_is_only_counted),
        cmocka_unit_test(the_counted_end_when_they_are_all_read),
        cmocka_unit_test(a_retried_mention_counts_once),
        cmocka_unit_test(a_mention_of_what_is_read_is_nothing),
        cmocka_unit_test(a_late_mention_below_counted_to_is_nothing),
        cmocka_unit_test(mentions_stay_sorted_in_whatever_order_they_come),
        cmocka_unit_test(fewer_are_kept_once_the_option_is_lowered),
        cmocka_unit_test(an_unmention_takes_a_known_mention_back),
        cmocka_unit_test(a_withdrawn_mention_stays_known),
        cmocka_unit_test(a_withdrawn_mention_that_is_pushed_out_counts_nothing),
        cmocka_unit_test(an_unmention_of_what_is_not_known_is_nothing),
        cmocka_unit_test(an_unmention_before_its_mention_is_nothing),
        cmocka_unit_test(an_ack_ends_withdrawn_mentions_as_well),
        cmocka_unit_test(the_number_of_mentions_stops_at_its_maximum),
        cmocka_unit_test(a_pin_keeps_the_highest_timestamp),
        cmocka_unit_test(a_join_starts_at_the_newest_message),
        cmocka_unit_test(a_join_of_what_is_there_is_an_ack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
