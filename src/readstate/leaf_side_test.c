#include "readstate/leaf.h"

#include "base/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A leaf of one state, in a heap block of exactly its size, so that ASan sees every byte beyond. */
static uint8_t *pack(const struct read_state *state)
{
    uint8_t empty[LEAF_HEAD_SIZE];
    leaf_init(empty);
    const struct leaf_change change = leaf_measure(empty, 0, true, state);
    uint8_t *leaf = malloc(change.size);
    assert_non_null(leaf);
    leaf_write_to(leaf, empty, &change, 0, true, state);
    return leaf;
}

/* The same of a state that must come back as it went. */
static uint8_t *leaf_of(const struct read_state *state)
{
    uint8_t *leaf = pack(state);
    assert_int_equal(leaf_check(leaf, leaf_get_size(leaf)), STATUS_OK);
    struct read_state back;
    leaf_read(leaf, 0, &back);
    assert_int_equal(back.deleted, state->deleted);
    assert_int_equal(back.counted, state->counted);
    assert_int_equal(back.counted_to, state->counted_to);
    assert_int_equal(back.last_read, state->last_read);
    assert_int_equal(back.floor, state->floor);
    assert_int_equal(back.mentions_kept, state->mentions_kept);
    return leaf;
}

/* One byte, counted from the leaf's end, becomes `value`: refused, and then put back. */
static void assert_refused_with(uint8_t *leaf, size_t from_end, uint8_t value)
{
    const size_t size = leaf_get_size(leaf);
    uint8_t *at = leaf + size - from_end;
    const uint8_t right = *at;
    assert_int_not_equal(right, value);
    *at = value;
    assert_int_equal(leaf_check(leaf, size), STATUS_CORRUPT);
    *at = right;
    assert_int_equal(leaf_check(leaf, size), STATUS_OK);
}

static void a_side_entry_of_no_state_is_refused(void **unused)
{
    (void)unused;
    struct read_state state;
    read_state_init(&state, (struct channel_key){.id = 1});
    state.version = 1;
    state.last_read = 10;
    state.floor = 10;
    state.mentions_kept = 2;
    state.mentions[0] = (struct mention){.message = 11, .withdrawn = 1};
    state.mentions[1] = (struct mention){.message = 12};
    uint8_t *leaf = leaf_of(&state);
    /* From the end: withdrawn bits 1, ids 2 and 3, width 4, count 5, has 6, size 7 and 8. */
    assert_refused_with(leaf, 1, 0);    /* None is withdrawn, so no bits should be there. */
    assert_refused_with(leaf, 1, 5);    /* A bit of no mention. */
    assert_refused_with(leaf, 2, 11);   /* Not above the one before. */
    assert_refused_with(leaf, 3, 10);   /* Read already. */
    assert_refused_with(leaf, 3, 13);   /* Not below the next. */
    assert_refused_with(leaf, 4, 2);    /* Longer than it says. */
    assert_refused_with(leaf, 4, 9);    /* No number is that wide. */
    assert_refused_with(leaf, 5, 0);    /* Mentions, but none. */
    assert_refused_with(leaf, 6, 0);    /* Nothing is in it. */
    assert_refused_with(leaf, 6, 0x40); /* Bits that it does not speak of. */
    assert_refused_with(leaf, 6, 0x80); /* Withdrawn mentions without mentions. */
    assert_refused_with(leaf, 8, 9);    /* Beyond the leaf. */
    free(leaf);

    /* An entry that fits its own size, but not the leaf. */
    state.mentions_kept = 0;
    state.flags = 0x101;
    leaf = leaf_of(&state);
    const size_t size = leaf_get_size(leaf);
    leaf[size - 5] = 11;
    leaf[size - 3] = 8;
    assert_int_equal(leaf_check(leaf, size), STATUS_CORRUPT);
    free(leaf);
}

/* Read up to 10, once up to 20; five mentions up to there are only counted, one above is known. */
static struct read_state state_with_all(void)
{
    struct read_state self;
    read_state_init(&self, (struct channel_key){.id = 1});
    self.version = 1;
    self.last_read = 10;
    self.floor = 20;
    self.counted = 5;
    self.counted_to = 20;
    self.mentions_kept = 1;
    self.mentions[0] = (struct mention){.message = 21};
    return self;
}

static void assert_refused(const struct read_state *state)
{
    uint8_t *leaf = pack(state);
    assert_int_equal(leaf_check(leaf, leaf_get_size(leaf)), STATUS_CORRUPT);
    free(leaf);
}

static void what_a_state_never_is_is_refused(void **unused)
{
    (void)unused;
    struct read_state state = state_with_all();
    uint8_t *leaf = leaf_of(&state);
    leaf[LEAF_HEAD_SIZE] |= 2; /* A tombstone with more than its floor. */
    assert_int_equal(leaf_check(leaf, leaf_get_size(leaf)), STATUS_CORRUPT);
    free(leaf);

    state.mentions[0].message = 20; /* Known, and not above floor and counted_to. */
    assert_refused(&state);
    state.counted = 0;
    state.counted_to = 0; /* Not above floor. */
    assert_refused(&state);

    state = state_with_all();
    state.counted_to = 21; /* Known, and not above counted_to. */
    assert_refused(&state);
    state.counted_to = 19; /* Below floor. */
    assert_refused(&state);
    state.counted_to = 0; /* Counted, but up to where? */
    assert_refused(&state);

    state = state_with_all();
    state.last_read = 20; /* Counted, and read. */
    assert_refused(&state);
}

static void what_a_state_can_be_comes_back(void **unused)
{
    (void)unused;
    const struct read_state all = state_with_all();
    struct read_state state = all;
    free(leaf_of(&state));
    state.counted = 0; /* Withdrawn mentions were pushed out. */
    free(leaf_of(&state));
    state.counted_to = 0;
    free(leaf_of(&state));
    state = all;
    state.mentions_kept = 0;
    free(leaf_of(&state));
    state.last_read = 0;
    free(leaf_of(&state));
    read_state_init(&state, all.channel); /* A tombstone of a channel that was empty. */
    state.version = 1;
    state.deleted = true;
    free(leaf_of(&state));
}

static void the_largest_state_takes_what_the_header_says(void **unused)
{
    (void)unused;
    struct read_state state;
    read_state_init(&state, (struct channel_key){.id = U63_MAX, .type = 255});
    state.last_read = U63_MAX - 1000;
    state.floor = U63_MAX - 500;
    state.counted = MENTIONS_MAX;
    state.counted_to = U63_MAX - 400;
    state.pin_ms = PIN_MS_MAX;
    state.viewed_days = UINT16_MAX;
    state.flags = UINT16_MAX;
    state.version = U63_MAX;
    state.mentions_kept = MENTION_IDS_KEPT_MAX;
    for (uint32_t at = 0; at < MENTION_IDS_KEPT_MAX; at++) {
        state.mentions[at] = (struct mention){
            .message = (U63_MAX - MENTION_IDS_KEPT_MAX + 1 + at) & U63_MAX,
            .withdrawn = at == 254,
        };
    }
    uint8_t *leaf = leaf_of(&state);
    const size_t size = leaf_get_size(leaf);
    assert_int_equal(size, LEAF_HEAD_SIZE + LEAF_ROW_SIZE_MAX + LEAF_SIDE_SIZE_MAX);

    struct read_state back;
    leaf_read(leaf, 0, &back);
    assert_int_equal(back.mentions_kept, MENTION_IDS_KEPT_MAX);
    uint8_t *again = leaf_of(&back);
    assert_memory_equal(again, leaf, size);
    free(again);
    free(leaf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_side_entry_of_no_state_is_refused),
        cmocka_unit_test(what_a_state_never_is_is_refused),
        cmocka_unit_test(what_a_state_can_be_comes_back),
        cmocka_unit_test(the_largest_state_takes_what_the_header_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
