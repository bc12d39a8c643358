/* Leaving and deleting, and what every rule does on what stays. */
#include "readstate/rules_play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* A state that is there, with something in every field but the mentions. */
static struct read_state full_state(void)
{
    struct read_state self = fresh_state();
    const struct rules_ack_options options = {
        .has_viewed = true,
        .viewed = 5,
        .has_flags = true,
        .flags = 4,
    };
    rules_ack_with_options(&self, (struct message_id){10}, &options);
    rules_pin(&self, 6);
    self.version = 8;
    return self;
}

static struct read_state tombstone(uint64_t floor)
{
    struct read_state self = fresh_state();
    assert_int_equal(leave(&self, floor), RULE_CHANGED);
    self.version = 9;
    return self;
}

/* Nothing of it is hidden: what is not shown of a tombstone is not there. */
static void assert_tombstone(const struct read_state *state, uint64_t floor, uint64_t version)
{
    struct state_view view;
    read_state_view(state, &view);
    assert_true(view.present && view.deleted);
    assert_int_equal(view.channel.id, 7);
    assert_int_equal(view.last_read, floor);
    assert_int_equal(view.floor, floor);
    assert_int_equal(view.version, version);
    assert_int_equal(view.mentions + view.flags + view.viewed_days + view.pin_ms, 0);
    assert_false(view.approximate);

    assert_int_equal(state->last_read, floor);
    assert_int_equal(state->floor, floor);
    assert_int_equal(state->mentions_kept + state->counted + state->counted_to, 0);
    assert_int_equal(state->flags + state->viewed_days + state->pin_ms, 0);
}

/* As it starts anew: what the state had before it was left is gone. */
static void assert_live(const struct read_state *state, uint64_t last_read, uint32_t mentions)
{
    assert_false(state->deleted);
    assert_int_equal(state->version, 9);
    assert_int_equal(state->flags + state->viewed_days + state->pin_ms, 0);
    assert_shows(state, last_read, last_read, mentions, false);
}

static void a_tombstone_shows_its_floor_and_version_only(void **unused)
{
    (void)unused;
    struct read_state state = full_state();
    mention(&state, 11);
    state.deleted = true;
    struct state_view view;
    read_state_view(&state, &view);
    assert_true(view.present && view.deleted);
    assert_int_equal(view.last_read, 10);
    assert_int_equal(view.floor, 10);
    assert_int_equal(view.version, 8);
    assert_int_equal(view.mentions + view.flags + view.viewed_days + view.pin_ms, 0);
}

static void leaving_keeps_the_highest_of_all_that_was_there(void **unused)
{
    (void)unused;
    struct read_state state = full_state();
    assert_int_equal(leave(&state, 3), RULE_CHANGED);
    assert_tombstone(&state, 10, 8);

    state = full_state(); /* The message named. */
    mention_range(&state, 11, 16);
    assert_int_equal(leave(&state, 30), RULE_CHANGED);
    assert_tombstone(&state, 30, 8);

    state = full_state(); /* A known id. */
    mention_range(&state, 11, 16);
    assert_int_equal(leave(&state, 15), RULE_CHANGED);
    assert_tombstone(&state, 16, 8);

    state = full_state(); /* A withdrawn one. */
    mention_range(&state, 11, 13);
    unmention(&state, 13);
    assert_int_equal(leave(&state, 0), RULE_CHANGED);
    assert_tombstone(&state, 13, 8);

    state = full_state(); /* The floor, where last_read is lower. */
    ack_manually(&state, 2);
    assert_int_equal(leave(&state, 4), RULE_CHANGED);
    assert_tombstone(&state, 10, 8);

    state = full_state(); /* What is only counted; in truth, higher ids are known then. */
    state.counted = 1;
    state.counted_to = 20;
    assert_int_equal(leave(&state, 0), RULE_CHANGED);
    assert_tombstone(&state, 20, 8);
}

static void a_state_of_nothing_leaves_a_tombstone_too(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    join(&state, 0);
    state.version = 3;
    assert_int_equal(leave(&state, 0), RULE_CHANGED);
    assert_tombstone(&state, 0, 3);
}

static void leaving_what_is_not_there_takes_a_message(void **unused)
{
    (void)unused;
    struct read_state state = fresh_state();
    assert_int_equal(leave(&state, 0), RULE_UNCHANGED);
    assert_false(state.deleted);
    assert_int_equal(leave(&state, 12), RULE_CHANGED);
    assert_tombstone(&state, 12, 0);
}

static void leaving_again_raises_a_tombstone(void **unused)
{
    (void)unused;
    struct read_state state = tombstone(12);
    assert_int_equal(leave(&state, 0), RULE_UNCHANGED);
    assert_int_equal(leave(&state, 11), RULE_UNCHANGED);
    assert_int_equal(leave(&state, 12), RULE_UNCHANGED);
    assert_tombstone(&state, 12, 9);
    assert_int_equal(leave(&state, 13), RULE_CHANGED);
    assert_tombstone(&state, 13, 9);
}

static void what_comes_late_does_not_bring_the_badge_back(void **unused)
{
    (void)unused;
    struct read_state state = tombstone(12);
    for (uint64_t message = 11; message <= 12; message++) {
        assert_int_equal(ack(&state, message), RULE_UNCHANGED);
        assert_int_equal(ack_manually(&state, message), RULE_UNCHANGED);
        assert_int_equal(ack_telling(&state, message, 3), RULE_UNCHANGED);
        assert_int_equal(mention(&state, message), RULE_UNCHANGED);
        assert_int_equal(unmention(&state, message), RULE_UNCHANGED);
    }
    assert_int_equal(unmention(&state, 13), RULE_UNCHANGED);
    assert_tombstone(&state, 12, 9);
}

static void options_do_nothing_on_a_tombstone_that_stays(void **unused)
{
    (void)unused;
    struct rules_ack_options options = {
        .has_viewed = true,
        .viewed = 5,
        .has_flags = true,
        .flags = 4,
    };
    struct read_state state = tombstone(12);
    assert_int_equal(rules_ack_with_options(&state, (struct message_id){12}, &options),
                     RULE_UNCHANGED);
    options.manual = true;
    assert_int_equal(rules_ack_with_options(&state, (struct message_id){3}, &options),
                     RULE_UNCHANGED);
    assert_tombstone(&state, 12, 9);
    assert_int_equal(rules_ack_with_options(&state, (struct message_id){13}, &options),
                     RULE_CHANGED);
    assert_false(state.deleted);
    assert_shows(&state, 13, 13, 0, false);
    assert_int_equal(state.viewed_days, 5);
    assert_int_equal(state.flags, 4);
}

static void a_higher_ack_starts_the_state_anew(void **unused)
{
    (void)unused;
    struct read_state state = full_state();
    leave(&state, 12);
    state.version = 9;
    assert_int_equal(ack(&state, 13), RULE_CHANGED);
    assert_live(&state, 13, 0);

    state = tombstone(12);
    assert_int_equal(ack_manually(&state, 13), RULE_CHANGED);
    assert_live(&state, 13, 0);

    /* Up to the floor all is read, so nothing unknown lies above the message. */
    state = tombstone(12);
    assert_int_equal(ack_telling(&state, 13, 3), RULE_CHANGED);
    assert_live(&state, 13, 0);
}

static void a_higher_mention_starts_the_state_anew(void **unused)
{
    (void)unused;
    struct read_state state = full_state();
    mention(&state, 11);
    leave(&state, 12);
    state.version = 9;
    assert_int_equal(mention(&state, 13), RULE_CHANGED);
    assert_live(&state, 12, 1);
    assert_int_equal(mention(&state, 12), RULE_UNCHANGED);
    assert_int_equal(ack(&state, 12), RULE_UNCHANGED);
    assert_live(&state, 12, 1);
}

static void any_join_starts_the_state_anew(void **unused)
{
    (void)unused;
    struct read_state state = full_state();
    leave(&state, 12);
    state.version = 9;
    assert_int_equal(join(&state, 20), RULE_CHANGED);
    assert_live(&state, 20, 0);

    for (uint64_t newest = 0; newest <= 12; newest += 4) {
        state = tombstone(12);
        assert_int_equal(join(&state, newest), RULE_CHANGED);
        assert_live(&state, 12, 0);
    }
}

static void a_pin_ack_never_touches_a_tombstone(void **unused)
{
    (void)unused;
    struct read_state state = tombstone(12);
    assert_int_equal(rules_pin(&state, 1000), RULE_UNCHANGED);
    assert_int_equal(rules_pin(&state, PIN_MS_MAX), RULE_UNCHANGED);
    assert_tombstone(&state, 12, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tombstone_shows_its_floor_and_version_only),
        cmocka_unit_test(leaving_keeps_the_highest_of_all_that_was_there),
        cmocka_unit_test(a_state_of_nothing_leaves_a_tombstone_too),
        cmocka_unit_test(leaving_what_is_not_there_takes_a_message),
        cmocka_unit_test(leaving_again_raises_a_tombstone),
        cmocka_unit_test(what_comes_late_does_not_bring_the_badge_back),
        cmocka_unit_test(options_do_nothing_on_a_tombstone_that_stays),
        cmocka_unit_test(a_higher_ack_starts_the_state_anew),
        cmocka_unit_test(a_higher_mention_starts_the_state_anew),
        cmocka_unit_test(any_join_starts_the_state_anew),
        cmocka_unit_test(a_pin_ack_never_touches_a_tombstone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
