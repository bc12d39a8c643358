#include "readstate/leaf.h"

#include "base/decimal.h"
#include "readstate/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS_MAX = 24, CHANNELS = 40, RUNS = 60, STEPS = 60, FLIPS = 4000 };

/* The slow, obvious model: the states themselves, by channel. */
struct model {
    struct read_state states[ROWS_MAX + 1];
    uint32_t count;
};

/* A leaf in a heap block of exactly its size, so that ASan sees every byte beyond. */
struct held_leaf {
    uint8_t *bytes;
};

static uint64_t random_bits(unsigned bits)
{
    uint64_t value = 0;
    for (int part = 0; part < 4; part++) {
        value = value << 16 | ((uint64_t)rand() >> 4 & 0xffff);
    }
    return bits == 0 ? 0 : value >> (64 - bits);
}

/* Of any width, and often one of the ends of the range. */
static uint64_t random_between(uint64_t lowest, uint64_t highest)
{
    switch (rand() % 8) {
    case 0:
        return lowest;
    case 1:
        return highest;
    default:
        break;
    }
    const uint64_t value = lowest + random_bits((unsigned)rand() % 64);
    return value < lowest || value > highest ? lowest : value;
}

static struct channel_key random_channel(bool wide)
{
    const uint64_t id = 1 + (uint64_t)rand() % (CHANNELS / 2);
    return (struct channel_key){
        .id = wide ? U63_MAX - id : id,
        .type = (uint8_t)(rand() % 8 == 0 ? (rand() % 2 == 0 ? 255 : 1) : 0),
    };
}

static void random_mentions(struct read_state *state)
{
    const uint32_t count = rand() % 8 == 0 ? MENTION_IDS_KEPT_MAX : (uint32_t)rand() % 5;
    const bool withdraw = rand() % 3 == 0;
    const unsigned step_bits = (unsigned)rand() % 50;
    uint64_t id = state->counted_to > state->floor ? state->counted_to : state->floor;
    for (uint32_t at = 0; at < count; at++) {
        const uint64_t step = 1 + random_bits(step_bits);
        if (id >= U63_MAX - step) {
            break;
        }
        id += step;
        state->mentions[at] = (struct mention){
            .message = id & U63_MAX,
            .withdrawn = withdraw && rand() % 2 == 0,
        };
        state->mentions_kept = (uint8_t)(at + 1);
    }
}

static void random_state(struct read_state *state, struct channel_key channel, bool wide)
{
    read_state_init(state, channel);
    state->version = random_between(1, wide ? U63_MAX : 300);
    state->last_read = random_between(0, wide ? U63_MAX : 70000);
    state->floor = state->last_read;
    if (rand() % 2 == 0) {
        return;
    }
    if (rand() % 6 == 0) {
        state->deleted = true;
        return;
    }
    state->floor = rand() % 2 == 0 ? random_between(state->last_read, U63_MAX) : state->last_read;
    if (rand() % 2 == 0 && state->last_read < U63_MAX) {
        const uint64_t above = state->last_read + 1;
        state->counted_to = random_between(above > state->floor ? above : state->floor, U63_MAX);
        state->counted = rand() % 3 == 0 ? 0 : (uint32_t)random_between(0, MENTIONS_MAX);
    }
    state->pin_ms = rand() % 3 == 0 ? random_between(0, PIN_MS_MAX) : 0;
    state->viewed_days = rand() % 3 == 0 ? (uint16_t)random_between(0, UINT16_MAX) : 0;
    state->flags = rand() % 3 == 0 ? (uint16_t)random_between(0, UINT16_MAX) : 0;
    if (rand() % 2 == 0) {
        random_mentions(state);
    }
}

static uint32_t model_find(const struct model *self, struct channel_key channel)
{
    uint32_t at = 0;
    while (at < self->count && channel_key_compare(self->states[at].channel, channel) < 0) {
        at++;
    }
    return at;
}

static bool model_has(const struct model *self, uint32_t at, struct channel_key channel)
{
    return at < self->count && channel_key_compare(self->states[at].channel, channel) == 0;
}

static void model_insert(struct model *self, uint32_t at, const struct read_state *state)
{
    for (uint32_t to = self->count; to > at; to--) {
        self->states[to] = self->states[to - 1];
    }
    self->states[at] = *state;
    self->count++;
}

static void model_remove(struct model *self, uint32_t at)
{
    self->count--;
    for (; at < self->count; at++) {
        self->states[at] = self->states[at + 1];
    }
}

static void assert_states_equal(const struct read_state *a, const struct read_state *b)
{
    assert_int_equal(channel_key_compare(a->channel, b->channel), 0);
    assert_int_equal(a->deleted, b->deleted);
    assert_int_equal(a->viewed_days, b->viewed_days);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->counted, b->counted);
    assert_int_equal(a->counted_to, b->counted_to);
    assert_int_equal(a->last_read, b->last_read);
    assert_int_equal(a->floor, b->floor);
    assert_int_equal(a->pin_ms, b->pin_ms);
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->mentions_kept, b->mentions_kept);
    for (uint32_t at = 0; at < a->mentions_kept; at++) {
        assert_int_equal(a->mentions[at].message, b->mentions[at].message);
        assert_int_equal(a->mentions[at].withdrawn, b->mentions[at].withdrawn);
    }
}

static void assert_views_equal(const struct state_view *a, const struct state_view *b)
{
    assert_int_equal(channel_key_compare(a->channel, b->channel), 0);
    assert_true(a->present && b->present);
    assert_int_equal(a->approximate, b->approximate);
    assert_int_equal(a->deleted, b->deleted);
    assert_int_equal(a->viewed_days, b->viewed_days);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->mentions, b->mentions);
    assert_int_equal(a->last_read, b->last_read);
    assert_int_equal(a->floor, b->floor);
    assert_int_equal(a->pin_ms, b->pin_ms);
    assert_int_equal(a->version, b->version);
}

/* The leaf has the model's states from `first` on, as many as it has rows. */
static void assert_holds(const uint8_t *leaf, const struct model *model, uint32_t first,
                         uint32_t count)
{
    assert_int_equal(leaf_check(leaf, leaf_get_size(leaf)), STATUS_OK);
    assert_int_equal(leaf_get_rows(leaf), count);
    struct leaf_totals expected = {0};
    for (uint32_t row = 0; row < count; row++) {
        const struct read_state *wanted = &model->states[first + row];
        struct read_state state;
        leaf_read(leaf, row, &state);
        assert_states_equal(&state, wanted);
        struct state_view view;
        struct state_view wanted_view;
        leaf_view(leaf, row, &view);
        read_state_view(wanted, &wanted_view);
        assert_views_equal(&view, &wanted_view);
        assert_int_equal(channel_key_compare(leaf_get_channel(leaf, row), wanted->channel), 0);
        assert_int_equal(leaf_get_version(leaf, row), wanted->version);
        expected.mentions += wanted_view.mentions;
        expected.mentioned_states += wanted_view.mentions > 0 ? 1 : 0;
        expected.live_states += wanted->deleted ? 0 : 1;
        expected.tombstones += wanted->deleted ? 1 : 0;
    }
    const struct leaf_totals totals = leaf_count_totals(leaf);
    assert_int_equal(totals.mentions, expected.mentions);
    assert_int_equal(totals.mentioned_states, expected.mentioned_states);
    assert_int_equal(totals.live_states, expected.live_states);
    assert_int_equal(totals.tombstones, expected.tombstones);
}

static void held_leaf_init(struct held_leaf *self)
{
    self->bytes = malloc(LEAF_HEAD_SIZE);
    assert_non_null(self->bytes);
    leaf_init(self->bytes);
}

static void held_leaf_deinit(struct held_leaf *self)
{
    free(self->bytes);
    self->bytes = NULL;
}

static void held_leaf_resize(struct held_leaf *self, size_t size)
{
    uint8_t *bytes = realloc(self->bytes, size);
    assert_non_null(bytes);
    self->bytes = bytes;
}

static void held_leaf_put(struct held_leaf *self, uint32_t row, bool insert,
                          const struct read_state *state)
{
    const struct leaf_change change = leaf_measure(self->bytes, row, insert, state);
    const size_t size_before = leaf_get_size(self->bytes);
    if (change.in_place && rand() % 4 != 0) {
        held_leaf_resize(self, change.size > size_before ? change.size : size_before);
        leaf_write(self->bytes, &change, row, insert, state);
        held_leaf_resize(self, change.size);
    } else {
        uint8_t *to = malloc(change.size);
        assert_non_null(to);
        leaf_write_to(to, self->bytes, &change, row, insert, state);
        free(self->bytes);
        self->bytes = to;
    }
    assert_int_equal(leaf_get_size(self->bytes), change.size);
}

static void held_leaf_drop(struct held_leaf *self, uint32_t row)
{
    leaf_remove(self->bytes, row);
    held_leaf_resize(self, leaf_get_size(self->bytes));
}

/* Any cut: both parts hold their rows, and are not larger than the whole. */
static void assert_splits(const uint8_t *leaf, const struct model *model)
{
    const uint32_t first = (uint32_t)rand() % (model->count + 1);
    const uint32_t last = first + (uint32_t)rand() % (model->count - first + 1);
    uint8_t *part = malloc(leaf_get_size(leaf));
    assert_non_null(part);
    const size_t size = leaf_copy_rows(part, leaf, first, last);
    assert_int_equal(size, leaf_get_size(part));
    assert_true(size <= leaf_get_size(leaf));
    assert_holds(part, model, first, last - first);
    if (model->count >= 2) {
        const uint32_t middle = leaf_find_middle(leaf);
        assert_in_range(middle, 1, model->count - 1);
        const size_t left = leaf_copy_rows(part, leaf, 0, middle);
        assert_true(left < leaf_get_size(leaf));
        assert_holds(part, model, 0, middle);
    }
    free(part);
}

static void step(struct held_leaf *leaf, struct model *model, bool wide)
{
    const struct channel_key channel = random_channel(wide);
    const uint32_t at = model_find(model, channel);
    const bool there = model_has(model, at, channel);
    uint32_t row = UINT32_MAX;
    assert_int_equal(leaf_find(leaf->bytes, channel, &row), there);
    assert_int_equal(row, at);

    if (there && rand() % 3 == 0) {
        model_remove(model, at);
        held_leaf_drop(leaf, at);
    } else if (there || model->count < ROWS_MAX) {
        struct read_state state;
        random_state(&state, channel, wide && rand() % 2 == 0);
        if (there) {
            model->states[at] = state;
        } else {
            model_insert(model, at, &state);
        }
        held_leaf_put(leaf, at, !there, &state);
    }
}

static void a_leaf_behaves_like_its_model(void **prestate)
{
    srand(*(const unsigned *)*prestate);
    struct model *model = malloc(sizeof *model);
    assert_non_null(model);
    for (int run = 0; run < RUNS; run++) {
        struct held_leaf leaf;
        held_leaf_init(&leaf);
        model->count = 0;
        const bool wide = run % 2 == 0;
        for (int at = 0; at < STEPS; at++) {
            step(&leaf, model, wide);
            assert_holds(leaf.bytes, model, 0, model->count);
            assert_splits(leaf.bytes, model);
        }
        while (model->count > 0) {
            held_leaf_drop(&leaf, (uint32_t)rand() % model->count);
            model->count--;
        }
        assert_int_equal(leaf_get_rows(leaf.bytes), 0);
        assert_int_equal(leaf_get_size(leaf.bytes), LEAF_HEAD_SIZE);
        held_leaf_deinit(&leaf);
    }
    free(model);
}

/* Whatever leaf_check lets through, every function takes. */
static void use(uint8_t *leaf)
{
    const uint32_t rows = leaf_get_rows(leaf);
    uint8_t *copy = malloc(leaf_get_size(leaf));
    assert_non_null(copy);
    (void)leaf_count_totals(leaf);
    for (uint32_t row = 0; row < rows; row++) {
        struct read_state state;
        struct state_view view;
        uint32_t found = 0;
        leaf_read(leaf, row, &state);
        leaf_view(leaf, row, &view);
        assert_true(leaf_find(leaf, state.channel, &found));
        assert_int_equal(found, row);
        const struct leaf_change change = leaf_measure(leaf, row, false, &state);
        assert_true(change.in_place);
        assert_int_equal(change.size, leaf_get_size(leaf));
        leaf_write(leaf, &change, row, false, &state);
    }
    assert_int_equal(leaf_check(leaf, leaf_get_size(leaf)), STATUS_OK);
    (void)leaf_copy_rows(copy, leaf, rows / 3, rows);
    assert_int_equal(leaf_check(copy, leaf_get_size(copy)), STATUS_OK);
    while (leaf_get_rows(leaf) > 0) {
        leaf_remove(leaf, leaf_get_rows(leaf) / 2);
        assert_int_equal(leaf_check(leaf, leaf_get_size(leaf)), STATUS_OK);
    }
    free(copy);
}

static void fill(struct held_leaf *leaf, struct model *model)
{
    held_leaf_init(leaf);
    model->count = 0;
    for (int at = 0; at < 12; at++) {
        step(leaf, model, at % 2 == 0);
    }
}

static void damaged_leaves_are_refused_or_harmless(void **prestate)
{
    srand(*(const unsigned *)*prestate);
    struct model *model = malloc(sizeof *model);
    assert_non_null(model);
    uint32_t refused = 0;
    for (int flip = 0; flip < FLIPS; flip++) {
        struct held_leaf leaf;
        fill(&leaf, model);
        const size_t size = leaf_get_size(leaf.bytes);
        const size_t at = rand() % 4 == 0 ? (size_t)rand() % LEAF_HEAD_SIZE : (size_t)rand() % size;
        leaf.bytes[at] ^= (uint8_t)(1U << rand() % 8);
        if (leaf_check(leaf.bytes, size) == STATUS_OK) {
            use(leaf.bytes);
        } else {
            refused++;
        }
        held_leaf_deinit(&leaf);
    }
    assert_true(refused > FLIPS / 10);
    free(model);
}

static void a_leaf_cut_anywhere_is_refused(void **prestate)
{
    srand(*(const unsigned *)*prestate);
    struct model *model = malloc(sizeof *model);
    assert_non_null(model);
    struct held_leaf leaf;
    fill(&leaf, model);
    const size_t size = leaf_get_size(leaf.bytes);
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *part = malloc(cut == 0 ? 1 : cut);
        assert_non_null(part);
        memcpy(part, leaf.bytes, cut);
        assert_int_equal(leaf_check(part, cut), STATUS_CORRUPT);
        free(part);
    }
    uint8_t *more = calloc(1, size + 1);
    assert_non_null(more);
    memcpy(more, leaf.bytes, size);
    assert_int_equal(leaf_check(more, size), STATUS_OK);
    assert_int_equal(leaf_check(more, size + 1), STATUS_CORRUPT);
    free(more);
    held_leaf_deinit(&leaf);
    free(model);
}

/* `states` plain states of ids of 63 bits, types from 0 up to type_max. */
static void fill_plain(struct held_leaf *leaf, uint32_t states, uint64_t version, uint8_t type_max)
{
    held_leaf_init(leaf);
    for (uint32_t at = 0; at < states; at++) {
        struct read_state state;
        read_state_init(&state,
                        (struct channel_key){.id = U63_MAX - states + at, .type = type_max});
        assert_int_equal(rules_join(&state, (struct message_id){U63_MAX - at}), RULE_CHANGED);
        state.version = version;
        held_leaf_put(leaf, at, true, &state);
    }
}

static void a_state_takes_the_bytes_that_the_header_says(void **unused)
{
    (void)unused;
    struct held_leaf leaf;
    fill_plain(&leaf, 20, UINT16_MAX, 0);
    assert_int_equal(leaf_get_size(leaf.bytes), LEAF_HEAD_SIZE + 20 * 19);
    held_leaf_deinit(&leaf);
    fill_plain(&leaf, 20, UINT16_MAX, 1);
    assert_int_equal(leaf_get_size(leaf.bytes), LEAF_HEAD_SIZE + 20 * 20);
    held_leaf_deinit(&leaf);
    fill_plain(&leaf, 20, U63_MAX, 255);
    assert_int_equal(leaf_get_size(leaf.bytes), LEAF_HEAD_SIZE + 20 * LEAF_ROW_SIZE_MAX);
    held_leaf_deinit(&leaf);
    assert_true(LEAF_ROW_SIZE_MAX <= 32);
}

static void an_ack_of_a_plain_state_stays_in_place(void **unused)
{
    (void)unused;
    struct held_leaf leaf;
    fill_plain(&leaf, 20, 1000, 0);
    const size_t size = leaf_get_size(leaf.bytes);
    struct read_state state;
    leaf_read(leaf.bytes, 3, &state);
    assert_int_equal(rules_ack(&state, (struct message_id){U63_MAX}), RULE_CHANGED);
    state.version = 1001;
    const struct leaf_change change = leaf_measure(leaf.bytes, 3, false, &state);
    assert_true(change.in_place);
    assert_int_equal(change.size, size);
    state.version = UINT16_MAX + 1;
    assert_false(leaf_measure(leaf.bytes, 3, false, &state).in_place);
    held_leaf_deinit(&leaf);
}

static void the_middle_halves_the_bytes(void **unused)
{
    (void)unused;
    struct held_leaf leaf;
    fill_plain(&leaf, 20, 1000, 0);
    assert_int_equal(leaf_find_middle(leaf.bytes), 10);
    /* A first row heavier than all others together is cut off alone, a last one too. */
    struct read_state state;
    for (uint32_t row = 0; row < 20; row += 19) {
        leaf_read(leaf.bytes, row, &state);
        const struct read_state plain = state;
        state.last_read = 0;
        for (uint64_t id = 1; id <= MENTION_IDS_KEPT_MAX; id++) {
            state.mentions[id - 1] = (struct mention){.message = ((U63_MAX >> 1) + id) & U63_MAX};
        }
        state.mentions_kept = MENTION_IDS_KEPT_MAX;
        held_leaf_put(&leaf, row, false, &state);
        assert_int_equal(leaf_find_middle(leaf.bytes), row == 0 ? 1 : 19);
        held_leaf_put(&leaf, row, false, &plain);
    }
    held_leaf_deinit(&leaf);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(a_leaf_behaves_like_its_model, &seed),
        cmocka_unit_test_prestate(damaged_leaves_are_refused_or_harmless, &seed),
        cmocka_unit_test_prestate(a_leaf_cut_anywhere_is_refused, &seed),
        cmocka_unit_test(a_state_takes_the_bytes_that_the_header_says),
        cmocka_unit_test(an_ack_of_a_plain_state_stays_in_place),
        cmocka_unit_test(the_middle_halves_the_bytes),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
