/* The rules against a slow model of the contract's sentences, by random commands on one channel.
 *
 * The model knows of each message what became of it, and works out effects by comparing what it
 * shows before and after; nothing is packed, sorted or shared with the rules. The test is the
 * caller: it starts states, gives versions, and packs what is to be kept, as a shard would.
 */
#include "base/assert.h"
#include "base/decimal.h"
#include "readstate/leaf.h"
#include "readstate/rules_play.h"

#include <stdlib.h>

enum { MESSAGES = 24, RUNS = 3000, STEPS = 100 };

enum presence {
    NOT_THERE,
    LIVE,
    TOMBSTONE,
};

enum fate {
    UNHEARD_OF,
    COUNTS,
    WITHDRAWN,
};

struct model {
    enum presence presence;
    enum fate fates[MESSAGES]; /* Of the messages whose ids are kept. */
    uint32_t counted;
    uint64_t counted_to;
    uint64_t last_read;
    uint64_t floor;
    uint64_t pin_ms;
    uint16_t viewed;
    uint16_t flags;
    uint64_t version;

    /* Beside the rules: which messages truly mention and are not read, and whether a client has
     * told another number since. */
    bool unread[MESSAGES];
    bool told;
};

enum kind {
    ACK,
    ACK_WITH_OPTIONS,
    MENTION,
    UNMENTION,
    PIN,
    JOIN,
    LEAVE,
};
enum { KINDS = LEAVE + 1 };

struct operation {
    enum kind kind;
    struct message_id message;
    struct rules_ack_options options;
    uint64_t pin_ms;
    uint8_t ids_kept;
};

static uint32_t model_count(const struct model *self, enum fate fate)
{
    uint32_t count = 0;
    for (uint32_t message = 0; message < MESSAGES; message++) {
        count += self->fates[message] == fate ? 1 : 0;
    }
    return count;
}

static uint32_t model_count_mentions(const struct model *self)
{
    const uint64_t count = (uint64_t)self->counted + model_count(self, COUNTS);
    return count > MENTIONS_MAX ? MENTIONS_MAX : (uint32_t)count;
}

/* As a client is shown it. */
static struct state_view model_view(const struct model *self)
{
    if (self->presence == NOT_THERE) {
        return (struct state_view){.present = false};
    }
    if (self->presence == TOMBSTONE) {
        return (struct state_view){
            .present = true,
            .deleted = true,
            .last_read = self->floor,
            .floor = self->floor,
            .version = self->version,
        };
    }
    return (struct state_view){
        .present = true,
        .approximate = self->counted > 0,
        .viewed_days = self->viewed,
        .flags = self->flags,
        .mentions = model_count_mentions(self),
        .last_read = self->last_read,
        .floor = self->floor,
        .pin_ms = self->pin_ms,
        .version = self->version,
    };
}

static bool views_are_same(const struct state_view *a, const struct state_view *b)
{
    return a->present == b->present && a->approximate == b->approximate &&
           a->deleted == b->deleted && a->viewed_days == b->viewed_days && a->flags == b->flags &&
           a->mentions == b->mentions && a->last_read == b->last_read && a->floor == b->floor &&
           a->pin_ms == b->pin_ms && a->version == b->version;
}

/* What the rule should have said. Where nothing is shown, it is the ids and the counted. */
static enum rule_effect model_compare(const struct model *before, const struct model *after)
{
    const struct state_view view_before = model_view(before);
    const struct state_view view_after = model_view(after);
    if (!views_are_same(&view_before, &view_after)) {
        return RULE_CHANGED;
    }
    for (uint32_t message = 0; message < MESSAGES; message++) {
        if (before->fates[message] != after->fates[message]) {
            return RULE_CHANGED_HIDDEN;
        }
    }
    return before->counted == after->counted && before->counted_to == after->counted_to
               ? RULE_UNCHANGED
               : RULE_CHANGED_HIDDEN;
}

static uint64_t higher_of(uint64_t a, uint64_t b)
{
    return a < b ? b : a;
}

static void model_start(struct model *self, uint64_t floor)
{
    *self = (struct model){
        .presence = LIVE,
        .last_read = floor,
        .floor = floor,
        .version = self->version,
    };
}

static void model_read_up_to(struct model *self, uint64_t message)
{
    self->last_read = message;
    self->floor = higher_of(self->floor, message);
    for (uint64_t id = 0; id <= message; id++) {
        self->fates[id] = UNHEARD_OF;
        self->unread[id] = false;
    }
    if (message >= self->counted_to) {
        self->counted = 0;
        self->counted_to = 0;
        self->told = false;
    }
}

static void model_tell(struct model *self, uint32_t mentions)
{
    const uint64_t limit = higher_of(self->floor, self->counted_to);
    if (self->last_read < limit) {
        const uint32_t known = model_count(self, COUNTS);
        self->counted = known < mentions ? mentions - known : 0;
        self->counted_to = limit;
        self->told = true;
    }
}

static void model_ack(struct model *self, uint64_t message, const struct rules_ack_options *options)
{
    if (self->presence == TOMBSTONE) {
        if (message <= self->floor) {
            return;
        }
        model_start(self, self->floor);
    }
    if (options->manual || message > self->last_read) {
        model_read_up_to(self, message);
    }
    if (options->has_mentions) {
        model_tell(self, options->mentions);
    }
    if (options->has_viewed) {
        self->viewed = (uint16_t)higher_of(self->viewed, options->viewed);
    }
    if (options->has_flags) {
        self->flags = options->flags;
    }
}

static void model_push_out_lowest(struct model *self)
{
    uint32_t lowest = 0;
    while (self->fates[lowest] == UNHEARD_OF) {
        lowest++;
    }
    if (self->fates[lowest] == COUNTS && self->counted < MENTIONS_MAX) {
        self->counted++;
    }
    self->fates[lowest] = UNHEARD_OF;
    self->counted_to = lowest;
}

static void model_mention(struct model *self, uint64_t message, uint32_t ids_kept)
{
    if (message <= higher_of(self->floor, self->counted_to) || self->fates[message] != UNHEARD_OF) {
        return;
    }
    if (self->presence == TOMBSTONE) {
        model_start(self, self->floor);
    }
    self->fates[message] = COUNTS;
    self->unread[message] = true;
    while (model_count(self, COUNTS) + model_count(self, WITHDRAWN) > ids_kept) {
        model_push_out_lowest(self);
    }
}

static void model_unmention(struct model *self, uint64_t message)
{
    if (self->fates[message] == COUNTS) {
        self->fates[message] = WITHDRAWN;
    }
    self->unread[message] = false;
}

static void model_leave(struct model *self, uint64_t message)
{
    if (message == 0 && self->presence == NOT_THERE) {
        return;
    }
    uint64_t floor = higher_of(higher_of(self->floor, self->counted_to), message);
    for (uint64_t id = 0; id < MESSAGES; id++) {
        if (self->fates[id] != UNHEARD_OF) {
            floor = higher_of(floor, id);
        }
    }
    model_start(self, floor);
    self->presence = TOMBSTONE;
}

static void model_apply(struct model *self, const struct operation *operation)
{
    static const struct rules_ack_options none = {0};
    const uint64_t message = operation->message.value;
    const bool creates = operation->kind != UNMENTION && operation->kind != LEAVE;
    if (self->presence == NOT_THERE && creates) {
        model_start(self, 0);
    }
    switch (operation->kind) {
    case ACK:
        model_ack(self, message, &none);
        break;
    case ACK_WITH_OPTIONS:
        model_ack(self, message, &operation->options);
        break;
    case MENTION:
        model_mention(self, message, operation->ids_kept);
        break;
    case UNMENTION:
        model_unmention(self, message);
        break;
    case PIN:
        if (self->presence == LIVE) {
            self->pin_ms = higher_of(self->pin_ms, operation->pin_ms);
        }
        break;
    case JOIN:
        if (self->presence == TOMBSTONE) {
            model_start(self, self->floor);
        }
        model_ack(self, message, &none);
        break;
    case LEAVE:
        model_leave(self, message);
        break;
    }
}

static enum rule_effect apply(struct read_state *state, const struct operation *operation)
{
    switch (operation->kind) {
    case ACK:
        return rules_ack(state, operation->message);
    case ACK_WITH_OPTIONS:
        return rules_ack_with_options(state, operation->message, &operation->options);
    case MENTION:
        return rules_mention(state, operation->message, operation->ids_kept);
    case UNMENTION:
        return rules_unmention(state, operation->message);
    case PIN:
        return rules_pin(state, operation->pin_ms);
    case JOIN:
        return rules_join(state, operation->message);
    case LEAVE:
        return rules_leave(state, operation->message);
    }
    UNREACHABLE("an operation of no kind");
}

static struct operation draw_operation(uint8_t ids_kept)
{
    static const enum kind often[] = {MENTION,          MENTION,   MENTION,  MENTION,
                                      ACK_WITH_OPTIONS, UNMENTION, UNMENTION};
    const uint32_t at = (uint32_t)rand() % (KINDS + sizeof often / sizeof often[0]);
    const bool manual = rand() % 2 == 0;
    struct operation operation = {
        .kind = at < KINDS ? (enum kind)at : often[at - KINDS],
        .message = {1 + (uint64_t)rand() % (MESSAGES - 1)},
        .options =
            {
                .manual = manual,
                .has_mentions = manual && rand() % 2 == 0,
                .mentions =
                    rand() % 16 == 0 ? MENTIONS_MAX - (uint32_t)rand() % 4 : (uint32_t)rand() % 12,
                .has_viewed = rand() % 4 == 0,
                .viewed = (uint16_t)(rand() % 4),
                .has_flags = rand() % 4 == 0,
                .flags = (uint16_t)(rand() % 3),
            },
        .pin_ms = 1 + (uint64_t)rand() % 8,
        .ids_kept = ids_kept,
    };
    /* What reads and what leaves is mostly low, or nothing of a state would ever last. */
    if (operation.kind != MENTION && operation.kind != UNMENTION) {
        operation.message.value /= 1 + (uint64_t)rand() % 6;
        if (operation.message.value == 0 && (operation.kind == ACK_WITH_OPTIONS || rand() % 2)) {
            operation.message.value = 1;
        }
    }
    return operation;
}

static void assert_like_model(const struct read_state *state, const struct model *model)
{
    struct state_view view;
    const struct state_view wanted = model_view(model);
    read_state_view(state, &view);
    assert_true(views_are_same(&view, &wanted));
    assert_int_equal(state->deleted, model->presence == TOMBSTONE);
    assert_int_equal(state->last_read, model->last_read);
    assert_int_equal(state->floor, model->floor);
    assert_int_equal(state->counted, model->counted);
    assert_int_equal(state->counted_to, model->counted_to);
    assert_int_equal(state->pin_ms, model->pin_ms);
    assert_int_equal(state->viewed_days, model->viewed);
    assert_int_equal(state->flags, model->flags);

    uint64_t lower = 0;
    assert_int_equal(state->mentions_kept,
                     model_count(model, COUNTS) + model_count(model, WITHDRAWN));
    for (uint32_t at = 0; at < state->mentions_kept; at++) {
        const struct mention mention = state->mentions[at];
        assert_true(mention.message > lower && mention.message < MESSAGES);
        assert_int_equal(model->fates[mention.message], mention.withdrawn ? WITHDRAWN : COUNTS);
        lower = mention.message;
    }
}

/* What state.h says of every state. */
static void assert_as_always(const struct read_state *state)
{
    const uint64_t lowest_known = state->mentions_kept > 0 ? state->mentions[0].message : U63_MAX;
    assert_true(state->last_read <= state->floor);
    assert_true(lowest_known > state->floor && lowest_known > state->counted_to);
    if (state->counted_to == 0) {
        assert_int_equal(state->counted, 0);
    } else {
        assert_true(state->counted_to > state->last_read && state->counted_to >= state->floor);
    }
}

/* The promise of rule 2: right where nothing is only counted, else never too low. */
static void assert_promise(const struct model *model)
{
    uint32_t unread = 0;
    for (uint32_t message = 0; message < MESSAGES; message++) {
        unread += model->unread[message] ? 1 : 0;
    }
    const uint32_t mentions = model_count_mentions(model);
    if (!model->told) {
        assert_true(model->counted > 0 ? mentions >= unread : mentions == unread);
    }
}

/* Replaces the state by what comes back of it out of a leaf. */
static void pack_and_unpack(struct read_state *state)
{
    uint8_t empty[LEAF_HEAD_SIZE];
    uint8_t leaf[LEAF_HEAD_SIZE + LEAF_ROW_SIZE_MAX + LEAF_SIDE_SIZE_MAX];
    leaf_init(empty);
    const struct leaf_change change = leaf_measure(empty, 0, true, state);
    leaf_write_to(leaf, empty, &change, 0, true, state);
    assert_int_equal(leaf_check(leaf, change.size), STATUS_OK);
    leaf_read(leaf, 0, state);
}

/* One command. Returns the version of the user afterwards. */
static uint64_t step(struct read_state *state, struct model *model, uint8_t ids_kept,
                     uint64_t version)
{
    const struct model before = *model;
    const struct operation operation = draw_operation(ids_kept);
    if (before.presence == NOT_THERE) {
        read_state_init(state, (struct channel_key){.id = 7});
    }
    const enum rule_effect effect = apply(state, &operation);
    model_apply(model, &operation);
    const enum rule_effect wanted = model_compare(&before, model);
    if (before.presence == NOT_THERE && model->presence == LIVE) {
        assert_int_equal(wanted, RULE_CHANGED); /* Whatever the rule said. */
    } else {
        assert_int_equal(effect, wanted);
    }
    if (wanted == RULE_CHANGED) {
        version++;
        state->version = version;
        model->version = version;
    }
    if (model->presence != NOT_THERE) {
        assert_like_model(state, model);
        assert_as_always(state);
        assert_promise(model);
        pack_and_unpack(state);
        assert_like_model(state, model);
    }
    return version;
}

static void rules_behave_like_their_model(void **prestate)
{
    srand(*(const unsigned *)*prestate);
    for (int run = 0; run < RUNS; run++) {
        struct read_state state;
        struct model model = {.presence = NOT_THERE};
        uint8_t ids_kept = MENTION_IDS_KEPT_MIN;
        uint64_t version = 0;
        for (int at = 0; at < STEPS; at++) {
            if (rand() % 8 == 0) {
                ids_kept = (uint8_t)(MENTION_IDS_KEPT_MIN + rand() % 3);
            }
            version = step(&state, &model, ids_kept, version);
        }
    }
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(rules_behave_like_their_model, &seed),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
