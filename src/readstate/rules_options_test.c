/* Manual acks, and the options of any ack. */
#include "readstate/rules_play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static enum rule_effect ack_viewed(struct read_state *state, uint64_t message, uint16_t viewed)
{
    const struct rules_ack_options options = {.has_viewed = true, .viewed = viewed};
    return rules_ack_with_options(state, (struct message_id){message}, &options);
}

static enum rule_effect ack_flags(struct read_state *state, uint64_t message, uint16_t flags)
{
    const struct rules_ack_options options = {.has_flags = true, .flags = flags};
    return rules_ack_with_options(state, (struct message_id){message}, &options);
}

static void without_options_it_is_an_ack(void **unused)
{
    (void)unused;
    const struct rules_ack_options none = {0};
    struct read_state state = fresh_state();
    assert_int_equal(rules_ack_with_options(&state, (struct message_id){5}, &none), RULE_CHANGED);
    assert_shows(&state, 5, 5, 0, false);
    assert_int_equal(rules_ack_with_options(&state, (struct message_id){4}, &none), RULE_UNCHANGED);
    assert_shows(&state, 5, 5, 0, false);
}

static void a_manual_ack_moves_back_and_the_floor_stays(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    ack(&state, 10);
    assert_int_equal(ack_manually(&state, 4), RULE_CHANGED);
    assert_shows(&state, 4, 10, 0, false);
    assert_int_equal(ack_manually(&state, 4), RULE_UNCHANGED);
    assert_int_equal(ack_manually(&state, 7), RULE_CHANGED);
    assert_shows(&state, 7, 10, 0, false);
}

static void a_manual_ack_of_a_fresh_state_is_an_ack(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    assert_int_equal(ack_telling(&state, 6, 3), RULE_CHANGED);
    assert_shows(&state, 6, 6, 0, false);
}

static void what_was_read_once_is_not_mentioned_again(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    mention(&state, 8);
    ack(&state, 10);
    ack_manually(&state, 4);
    assert_int_equal(mention(&state, 8), RULE_UNCHANGED);
    assert_int_equal(mention(&state, 10), RULE_UNCHANGED);
    assert_int_equal(mention(&state, 11), RULE_CHANGED);
    assert_shows(&state, 4, 10, 1, false);
}

static void a_manual_ack_forward_ends_what_it_reads(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    mention_range(&state, 11, 16);
    assert_int_equal(ack_manually(&state, 11), RULE_CHANGED);
    assert_shows(&state, 11, 11, 6, true);
    assert_int_equal(ack_manually(&state, 14), RULE_CHANGED);
    assert_shows(&state, 14, 14, 2, false);
    assert_int_equal(state.counted_to, 0);
}

static void a_manual_ack_back_keeps_the_mentions_above(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    ack(&state, 10);
    mention_range(&state, 11, 16);
    unmention(&state, 14);
    assert_int_equal(ack_manually(&state, 3), RULE_CHANGED);
    assert_shows(&state, 3, 10, 5, true);
    assert_int_equal(state.mentions_kept, 4);
    assert_int_equal(state.counted_to, 12);
    assert_int_equal(ack(&state, 11), RULE_CHANGED);
    assert_shows(&state, 11, 11, 5, true);
    assert_int_equal(ack(&state, 12), RULE_CHANGED);
    assert_shows(&state, 12, 12, 3, false);
}

static void the_mentions_told_are_only_counted(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    ack(&state, 10);
    assert_int_equal(ack_telling(&state, 4, 3), RULE_CHANGED);
    assert_shows(&state, 4, 10, 3, true);
    assert_int_equal(state.counted_to, 10);
    assert_int_equal(ack(&state, 9), RULE_CHANGED);
    assert_shows(&state, 9, 10, 3, true);
    assert_int_equal(ack(&state, 10), RULE_CHANGED);
    assert_shows(&state, 10, 10, 0, false);
}

static void what_is_known_by_id_is_part_of_the_mentions_told(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    ack(&state, 10);
    mention_range(&state, 11, 13);
    unmention(&state, 12);
    assert_int_equal(ack_telling(&state, 4, 5), RULE_CHANGED);
    assert_shows(&state, 4, 10, 5, true);
    assert_int_equal(state.counted, 3);
    assert_int_equal(ack(&state, 10), RULE_CHANGED);
    assert_shows(&state, 10, 10, 2, false);
}

static void no_fewer_mentions_are_left_than_are_known(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    ack(&state, 10);
    mention_range(&state, 11, 13);
    assert_int_equal(ack_telling(&state, 4, 2), RULE_CHANGED);
    assert_shows(&state, 4, 10, 3, false);
    assert_int_equal(state.counted, 0);
}

static void the_mentions_told_replace_what_was_counted(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    mention_range(&state, 11, 16);
    assert_int_equal(ack_telling(&state, 10, 9), RULE_CHANGED);
    assert_shows(&state, 10, 10, 9, true);
    assert_int_equal(state.counted_to, 12);
    assert_int_equal(ack_telling(&state, 10, 4), RULE_CHANGED);
    assert_shows(&state, 10, 10, 4, false);
}

static void the_mentions_told_act_where_last_read_stays(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    ack(&state, 10);
    ack_manually(&state, 4);
    assert_int_equal(ack_telling(&state, 4, 2), RULE_CHANGED);
    assert_shows(&state, 4, 10, 2, true);
    assert_int_equal(ack_telling(&state, 4, 2), RULE_UNCHANGED);
    assert_int_equal(ack_telling(&state, 4, 0), RULE_CHANGED);
    assert_shows(&state, 4, 10, 0, false);
}

static void where_only_counted_to_moves_nothing_is_shown(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    ack(&state, 10);
    ack_manually(&state, 4);
    assert_int_equal(ack_telling(&state, 4, 0), RULE_CHANGED_HIDDEN);
    assert_int_equal(state.counted_to, 10);
    assert_int_equal(ack_telling(&state, 4, 0), RULE_UNCHANGED);
}

static void above_all_that_is_unknown_the_mentions_told_say_nothing(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    ack(&state, 10);
    mention_range(&state, 11, 14);
    assert_int_equal(ack_telling(&state, 10, 9), RULE_UNCHANGED);
    assert_shows(&state, 10, 10, 4, false);
    assert_int_equal(ack_telling(&state, 12, 9), RULE_CHANGED);
    assert_shows(&state, 12, 12, 2, false);

    /* Just below the end of what is only counted they do, at it they do not. */
    state = fresh_state();
    mention_range(&state, 11, 16);
    assert_int_equal(ack_telling(&state, 11, 9), RULE_CHANGED);
    assert_shows(&state, 11, 11, 9, true);
    assert_int_equal(ack_telling(&state, 12, 9), RULE_CHANGED);
    assert_shows(&state, 12, 12, 4, false);
}

static void a_new_mention_comes_on_top_of_those_told(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    ack(&state, 10);
    ack_telling(&state, 4, 3);
    assert_int_equal(mention(&state, 10), RULE_UNCHANGED);
    assert_int_equal(mention(&state, 11), RULE_CHANGED);
    assert_shows(&state, 4, 10, 4, true);
    mention_range(&state, 12, 15);
    assert_shows(&state, 4, 10, 8, true);
    assert_int_equal(state.counted_to, 11);
}

static void as_many_mentions_as_there_can_be_may_be_told(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    ack(&state, 10);
    mention_range(&state, 11, 12);
    assert_int_equal(ack_telling(&state, 4, MENTIONS_MAX), RULE_CHANGED);
    assert_shows(&state, 4, 10, MENTIONS_MAX, true);
    assert_int_equal(state.counted, MENTIONS_MAX - 2);

    /* As many again, of which one more is known: shown as before. */
    assert_int_equal(mention(&state, 13), RULE_CHANGED_HIDDEN);
    assert_int_equal(ack_telling(&state, 4, MENTIONS_MAX), RULE_CHANGED_HIDDEN);
    assert_shows(&state, 4, 10, MENTIONS_MAX, true);
    assert_int_equal(state.counted, MENTIONS_MAX - 3);
}

static void viewed_keeps_the_highest(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    assert_int_equal(ack_viewed(&state, 5, 30), RULE_CHANGED);
    assert_int_equal(state.viewed_days, 30);
    assert_int_equal(ack_viewed(&state, 6, 29), RULE_CHANGED); /* For last_read. */
    assert_int_equal(state.viewed_days, 30);
    assert_int_equal(ack_viewed(&state, 6, 30), RULE_UNCHANGED);
    assert_int_equal(ack_viewed(&state, 6, 0), RULE_UNCHANGED);
    assert_int_equal(ack_viewed(&state, 6, UINT16_MAX), RULE_CHANGED);
    assert_int_equal(state.viewed_days, UINT16_MAX);
}

static void the_last_flags_win(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    assert_int_equal(ack_flags(&state, 5, 0x8001), RULE_CHANGED);
    assert_int_equal(state.flags, 0x8001);
    assert_int_equal(ack_flags(&state, 5, 0x8001), RULE_UNCHANGED);
    assert_int_equal(ack_flags(&state, 5, 2), RULE_CHANGED);
    assert_int_equal(state.flags, 2);
    assert_int_equal(ack_flags(&state, 5, 0), RULE_CHANGED);
    assert_int_equal(state.flags, 0);
}

static void options_act_where_a_late_ack_moves_nothing(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    ack(&state, 9);
    const struct rules_ack_options options = {
        .has_viewed = true,
        .viewed = 3,
        .has_flags = true,
        .flags = 7,
    };
    assert_int_equal(rules_ack_with_options(&state, (struct message_id){4}, &options),
                     RULE_CHANGED);
    assert_shows(&state, 9, 9, 0, false);
    assert_int_equal(state.viewed_days, 3);
    assert_int_equal(state.flags, 7);
    assert_int_equal(rules_ack_with_options(&state, (struct message_id){4}, &options),
                     RULE_UNCHANGED);
}

static void a_plain_ack_leaves_viewed_flags_and_pin(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    ack_viewed(&state, 5, 3);
    ack_flags(&state, 5, 7);
    rules_pin(&state, 1000);
    ack(&state, 9);
    ack_manually(&state, 2);
    assert_int_equal(state.viewed_days, 3);
    assert_int_equal(state.flags, 7);
    assert_int_equal(state.pin_ms, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_options_it_is_an_ack),
        cmocka_unit_test(a_manual_ack_moves_back_and_the_floor_stays),
        cmocka_unit_test(a_manual_ack_of_a_fresh_state_is_an_ack),
        cmocka_unit_test(what_was_read_once_is_not_mentioned_again),
        cmocka_unit_test(a_manual_ack_forward_ends_what_it_reads),
        cmocka_unit_test(a_manual_ack_back_keeps_the_mentions_above),
        cmocka_unit_test(the_mentions_told_are_only_counted),
        cmocka_unit_test(what_is_known_by_id_is_part_of_the_mentions_told),
        cmocka_unit_test(no_fewer_mentions_are_left_than_are_known),
        cmocka_unit_test(the_mentions_told_replace_what_was_counted),
        cmocka_unit_test(the_mentions_told_act_where_last_read_stays),
        cmocka_unit_test(where_only_counted_to_moves_nothing_is_shown),
        cmocka_unit_test(above_all_that_is_unknown_the_mentions_told_say_nothing),
        cmocka_unit_test(a_new_mention_comes_on_top_of_those_told),
        cmocka_unit_test(as_many_mentions_as_there_can_be_may_be_told),
        cmocka_unit_test(viewed_keeps_the_highest),
        cmocka_unit_test(the_last_flags_win),
        cmocka_unit_test(options_act_where_a_late_ack_moves_nothing),
        cmocka_unit_test(a_plain_ack_leaves_viewed_flags_and_pin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
