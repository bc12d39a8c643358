/* Two ways to use the fuzzer's bytes, chosen by the first of them:
 *
 *     even    the rest is a leaf from outside: refused, or fit for every function
 *     odd     the rest is a list of operations on a leaf that is whole, followed by a plain model
 */
#include "base/assert.h"
#include "base/decimal.h"
#include "readstate/leaf.h"
#include "readstate/rules.h"

#include <stdlib.h>
#include <string.h>

enum { STATES_MAX = 16, OPERATION_SIZE = 12 };

/* Named by libFuzzer. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of exactly that size, so that the sanitizer sees every byte beyond. */
static uint8_t *take_block(size_t size)
{
    uint8_t *block = malloc(size == 0 ? 1 : size);
    ASSERT(block != NULL);
    return block;
}

static void assert_same(const struct read_state *a, const struct read_state *b)
{
    ASSERT(channel_key_compare(a->channel, b->channel) == 0);
    ASSERT(a->deleted == b->deleted);
    ASSERT(a->viewed_days == b->viewed_days);
    ASSERT(a->flags == b->flags);
    ASSERT(a->counted == b->counted);
    ASSERT(a->counted_to == b->counted_to);
    ASSERT(a->last_read == b->last_read);
    ASSERT(a->floor == b->floor);
    ASSERT(a->pin_ms == b->pin_ms);
    ASSERT(a->version == b->version);
    ASSERT(a->mentions_kept == b->mentions_kept);
    for (uint32_t at = 0; at < a->mentions_kept; at++) {
        ASSERT(a->mentions[at].message == b->mentions[at].message);
        ASSERT(a->mentions[at].withdrawn == b->mentions[at].withdrawn);
    }
}

static void assert_whole(const uint8_t *leaf)
{
    ASSERT(leaf_check(leaf, leaf_get_size(leaf)) == STATUS_OK);
}

/* Returns the leaf with the state at `row`, in a block of its own size; frees the one it was in. */
static uint8_t *put(uint8_t *leaf, uint32_t row, bool insert, const struct read_state *state)
{
    const struct leaf_change change = leaf_measure(leaf, row, insert, state);
    const size_t size_before = leaf_get_size(leaf);
    uint8_t *to = take_block(change.size);
    leaf_write_to(to, leaf, &change, row, insert, state);
    if (change.in_place) {
        const size_t capacity = size_before > change.size ? size_before : change.size;
        uint8_t *same = take_block(capacity);
        memcpy(same, leaf, size_before);
        leaf_write(same, &change, row, insert, state);
        ASSERT(leaf_get_size(same) == change.size);
        ASSERT(memcmp(same, to, change.size) == 0);
        free(same);
    }
    free(leaf);
    assert_whole(to);
    ASSERT(leaf_get_size(to) == change.size);
    return to;
}

static void use_rows(const uint8_t *leaf)
{
    const uint32_t rows = leaf_get_rows(leaf);
    const struct leaf_totals totals = leaf_count_totals(leaf);
    ASSERT(totals.live_states + totals.tombstones == rows);
    struct leaf_totals counted = {0};
    for (uint32_t row = 0; row < rows; row++) {
        struct read_state state;
        struct state_view view;
        struct state_view wanted;
        uint32_t found = 0;
        leaf_read(leaf, row, &state);
        leaf_view(leaf, row, &view);
        read_state_view(&state, &wanted);
        ASSERT(view.mentions == wanted.mentions && view.approximate == wanted.approximate);
        ASSERT(view.last_read == wanted.last_read && view.floor == wanted.floor);
        ASSERT(view.version == leaf_get_version(leaf, row));
        ASSERT(leaf_find(leaf, leaf_get_channel(leaf, row), &found) && found == row);
        counted.mentions += view.mentions;
        counted.mentioned_states += view.mentions > 0 ? 1 : 0;
    }
    ASSERT(totals.mentions == counted.mentions);
    ASSERT(totals.mentioned_states == counted.mentioned_states);
}

static void split(const uint8_t *leaf)
{
    const uint32_t rows = leaf_get_rows(leaf);
    const uint32_t middle = rows < 2 ? rows : leaf_find_middle(leaf);
    uint8_t *left = take_block(leaf_get_size(leaf));
    uint8_t *right = take_block(leaf_get_size(leaf));
    (void)leaf_copy_rows(left, leaf, 0, middle);
    (void)leaf_copy_rows(right, leaf, middle, rows);
    assert_whole(left);
    assert_whole(right);
    ASSERT(leaf_get_rows(left) + leaf_get_rows(right) == rows);
    free(left);
    free(right);
}

/* A leaf from outside. */
static void check_bytes(const uint8_t *data, size_t size)
{
    uint8_t *leaf = take_block(size);
    memcpy(leaf, data, size);
    if (leaf_check(leaf, size) != STATUS_OK) {
        free(leaf);
        return;
    }
    use_rows(leaf);
    split(leaf);
    const uint32_t rows = leaf_get_rows(leaf);
    for (uint32_t row = 0; row < rows && row < STATES_MAX; row++) {
        struct read_state state;
        leaf_read(leaf, row, &state);
        (void)rules_mention(&state, (struct message_id){U63_MAX - row}, MENTION_IDS_KEPT_MAX);
        (void)rules_ack(&state, (struct message_id){state.last_read + (state.last_read < U63_MAX)});
        const struct rules_ack_options options = {.manual = true, .has_mentions = true};
        (void)rules_ack_with_options(&state, (struct message_id){state.last_read / 2}, &options);
        if (row % 4 == 3) {
            (void)rules_leave(&state, (struct message_id){0});
        }
        if (leaf_measure(leaf, row, false, &state).size <= LEAF_SIZE_MAX) {
            leaf = put(leaf, row, false, &state);
        }
    }
    while (leaf_get_rows(leaf) > 0) {
        leaf_remove(leaf, leaf_get_rows(leaf) / 2);
        assert_whole(leaf);
    }
    free(leaf);
}

struct model {
    struct read_state states[STATES_MAX];
    uint32_t count;
};

/* The next bytes of an operation as a number of `bits` bits. */
static uint64_t value_of(const uint8_t *bytes, unsigned bits)
{
    uint64_t value = 0;
    memcpy(&value, bytes, sizeof value);
    return bits == 0 ? 0 : value >> (64 - bits);
}

static void change_state(struct read_state *state, uint8_t kind, uint64_t value)
{
    const struct message_id message = {value == 0 ? 1 : value};
    const struct rules_ack_options options = {
        .manual = (kind & 16) != 0,
        .has_mentions = (kind & 48) == 48,
        .mentions = (uint32_t)(value & MENTIONS_MAX),
        .has_viewed = (kind & 64) != 0,
        .viewed = (uint16_t)value,
        .has_flags = (kind & 128) != 0,
        .flags = (uint16_t)(value >> 16),
    };
    switch (kind % 9) {
    case 0:
        (void)rules_ack(state, message);
        break;
    case 1:
        (void)rules_join(state, message);
        break;
    case 2:
    case 3:
        (void)rules_ack_with_options(state, message, &options);
        break;
    case 4:
        (void)rules_pin(state, value & PIN_MS_MAX);
        break;
    case 5:
        state->version = message.value;
        break;
    case 6:
        (void)rules_leave(state, (struct message_id){value});
        break;
    case 7:
        if (state->mentions_kept > 0) {
            (void)rules_unmention(
                state, (struct message_id){state->mentions[value % state->mentions_kept].message});
        }
        break;
    default:
        (void)rules_mention(state, message, (uint8_t)(MENTION_IDS_KEPT_MIN + kind % 30));
        break;
    }
}

static void remove_state(struct model *model, uint32_t at)
{
    model->count--;
    memmove(model->states + at, model->states + at + 1,
            (model->count - at) * sizeof model->states[0]);
}

/* One operation: kind, channel, type and width, bits of the value; then the value. */
static uint8_t *operate(uint8_t *leaf, struct model *model, const uint8_t *operation)
{
    const uint64_t id = 1 + operation[1] % STATES_MAX;
    const struct channel_key channel = {
        .id = (operation[2] & 1) != 0 ? U63_MAX - id : id,
        .type = (operation[2] & 6) == 6 ? 255 : 0,
    };
    uint32_t at = 0;
    while (at < model->count && channel_key_compare(model->states[at].channel, channel) < 0) {
        at++;
    }
    const bool there =
        at < model->count && channel_key_compare(model->states[at].channel, channel) == 0;
    uint32_t row = UINT32_MAX;
    ASSERT(leaf_find(leaf, channel, &row) == there && row == at);

    const uint64_t value = value_of(operation + 4, operation[3] % 64);
    if (there && operation[0] > 240) {
        remove_state(model, at);
        leaf_remove(leaf, at);
        assert_whole(leaf);
        return leaf;
    }
    if (!there && model->count == STATES_MAX) {
        return leaf;
    }
    if (!there) {
        memmove(model->states + at + 1, model->states + at,
                (model->count - at) * sizeof model->states[0]);
        model->count++;
        read_state_init(&model->states[at], channel);
        model->states[at].version = 1;
    }
    change_state(&model->states[at], operation[0], value);
    return put(leaf, at, !there, &model->states[at]);
}

static void run_operations(const uint8_t *data, size_t size)
{
    struct model model = {.count = 0};
    uint8_t *leaf = take_block(LEAF_HEAD_SIZE);
    leaf_init(leaf);
    for (; size >= OPERATION_SIZE; data += OPERATION_SIZE, size -= OPERATION_SIZE) {
        leaf = operate(leaf, &model, data);
        ASSERT(leaf_get_rows(leaf) == model.count);
        for (uint32_t row = 0; row < model.count; row++) {
            struct read_state state;
            leaf_read(leaf, row, &state);
            assert_same(&state, &model.states[row]);
        }
    }
    use_rows(leaf);
    split(leaf);
    free(leaf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    if (data[0] % 2 == 0) {
        check_bytes(data + 1, size - 1);
    } else {
        run_operations(data + 1, size - 1);
    }
    return 0;
}
