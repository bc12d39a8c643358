#include "sim/user_model.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

/* As wide as snowflakes. */
#define CHANNEL_STEP UINT64_C(31415926535897)

_Static_assert(sizeof(struct model_state) == 88, "no gaps");

struct channel_key model_get_channel(uint32_t number)
{
    return (struct channel_key){.id = 1 + number / 2 * CHANNEL_STEP, .type = (uint8_t)(number % 2)};
}

uint32_t model_find_channel(struct channel_key channel)
{
    return (uint32_t)((channel.id - 1) / CHANNEL_STEP * 2 + channel.type);
}

struct model_user *model_user_create(uint32_t channels)
{
    struct model_user *user = calloc(1, model_user_get_size(channels));
    ASSERT(user != NULL);
    user->channels = channels;
    return user;
}

void model_user_destroy(struct model_user *self)
{
    free(self);
}

static uint64_t higher(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint32_t model_count_mentions(const struct model_state *state)
{
    uint64_t count = state->counted;
    for (uint32_t i = 0; i < state->ids_count; i++) {
        count += state->withdrawn[i] == 0;
    }
    return (uint32_t)(count > MENTIONS_MAX ? MENTIONS_MAX : count);
}

uint32_t model_count_live(const struct model_user *self)
{
    uint32_t live = 0;
    for (uint32_t i = 0; i < self->channels; i++) {
        live += self->states[i].is_there != 0 && self->states[i].is_deleted == 0;
    }
    return live;
}

static struct state_view view_of(const struct model_state *state)
{
    if (state->is_there == 0) {
        return (struct state_view){.present = false};
    }
    if (state->is_deleted != 0) {
        return (struct state_view){.present = true,
                                   .deleted = true,
                                   .last_read = state->floor,
                                   .floor = state->floor,
                                   .version = state->version};
    }
    return (struct state_view){.present = true,
                               .approximate = state->counted > 0,
                               .viewed_days = state->viewed,
                               .flags = state->flags,
                               .mentions = model_count_mentions(state),
                               .last_read = state->last_read,
                               .floor = state->floor,
                               .pin_ms = state->pin_ms,
                               .version = state->version};
}

struct state_view model_view(const struct model_user *self, uint32_t channel)
{
    struct state_view view = view_of(&self->states[channel]);
    view.channel = model_get_channel(channel);
    return view;
}

static bool shows_the_same(const struct model_state *a, const struct model_state *b)
{
    const struct state_view x = view_of(a);
    const struct state_view y = view_of(b);
    return x.present == y.present && x.deleted == y.deleted && x.approximate == y.approximate &&
           x.viewed_days == y.viewed_days && x.flags == y.flags && x.mentions == y.mentions &&
           x.last_read == y.last_read && x.floor == y.floor && x.pin_ms == y.pin_ms;
}

static void remove_first(struct model_state *state)
{
    state->ids_count--;
    memmove(state->ids, state->ids + 1, state->ids_count * sizeof state->ids[0]);
    memmove(state->withdrawn, state->withdrawn + 1, state->ids_count);
    state->ids[state->ids_count] = 0;
    state->withdrawn[state->ids_count] = 0;
}

static void read_up_to(struct model_state *state, uint64_t message)
{
    if (message <= state->last_read) {
        return;
    }
    state->last_read = message;
    state->floor = higher(state->floor, message);
    while (state->ids_count > 0 && state->ids[0] <= message) {
        remove_first(state);
    }
    if (message >= state->counted_to) {
        state->counted = 0;
        state->counted_to = 0;
    }
}

/* False: the tombstone stays as it is. */
static bool come_alive(struct model_state *state, uint64_t message)
{
    if (state->is_deleted != 0 && message <= state->floor) {
        return false;
    }
    state->is_there = 1;
    state->is_deleted = 0;
    return true;
}

static void recount(struct model_state *state, uint32_t mentions)
{
    const uint64_t unknown_to = higher(state->floor, state->counted_to);
    if (state->last_read < unknown_to) {
        state->counted = 0;
        const uint32_t known = model_count_mentions(state);
        state->counted = mentions > known ? mentions - known : 0;
        state->counted_to = unknown_to;
    }
}

static void ack(struct model_state *state, uint64_t message,
                const struct rules_ack_options *options)
{
    if (!come_alive(state, message)) {
        return;
    }
    if (options->manual && message < state->last_read) {
        state->last_read = message;
    }
    read_up_to(state, message);
    if (options->has_mentions) {
        recount(state, options->mentions);
    }
    if (options->has_viewed && options->viewed > state->viewed) {
        state->viewed = options->viewed;
    }
    if (options->has_flags) {
        state->flags = options->flags;
    }
}

static void mention(struct model_state *state, uint64_t message)
{
    if (message <= higher(state->floor, state->counted_to) || !come_alive(state, message)) {
        state->is_there = 1;
        return;
    }
    uint32_t at = 0;
    while (at < state->ids_count && state->ids[at] < message) {
        at++;
    }
    if (at < state->ids_count && state->ids[at] == message) {
        return;
    }
    if (state->ids_count < MODEL_IDS_KEPT) {
        memmove(&state->ids[at + 1], &state->ids[at],
                (state->ids_count - at) * sizeof state->ids[0]);
        memmove(&state->withdrawn[at + 1], &state->withdrawn[at], state->ids_count - at);
        state->ids_count++;
    } else if (at == 0) {
        state->counted++;
        state->counted_to = message;
        return;
    } else {
        state->counted += state->withdrawn[0] == 0;
        state->counted_to = state->ids[0];
        at--;
        memmove(state->ids, state->ids + 1, at * sizeof state->ids[0]);
        memmove(state->withdrawn, state->withdrawn + 1, at);
    }
    state->ids[at] = message;
    state->withdrawn[at] = 0;
}

static void unmention(struct model_state *state, uint64_t message)
{
    for (uint32_t i = 0; i < state->ids_count; i++) {
        if (state->ids[i] == message) {
            state->withdrawn[i] = 1;
        }
    }
}

static void leave(struct model_state *state, uint64_t message)
{
    const bool is_live = state->is_there != 0 && state->is_deleted == 0;
    uint64_t floor = higher(higher(state->floor, state->counted_to), message);
    if (state->ids_count > 0) {
        floor = higher(floor, state->ids[state->ids_count - 1]);
    }
    if (!is_live && floor == state->floor) {
        return;
    }
    const uint64_t version = state->version;
    memset(state, 0, sizeof *state);
    state->version = version;
    state->is_there = 1;
    state->is_deleted = 1;
    state->floor = floor;
    state->last_read = floor;
}

static void apply_rule(struct model_state *state, const struct model_operation *operation,
                       uint64_t message)
{
    static const struct rules_ack_options none = {.manual = false};
    switch (operation->kind) {
    case COMMAND_ACK:
    case COMMAND_BULKACK:
        ack(state, message, operation->has_options ? &operation->options.rule : &none);
        return;
    case COMMAND_MENTION:
    case COMMAND_MESSAGE:
        if (operation->acks) {
            ack(state, message, &none);
        } else {
            mention(state, message);
        }
        return;
    case COMMAND_UNMENTION:
        unmention(state, message);
        return;
    case COMMAND_PIN:
        if (state->is_deleted == 0) {
            state->is_there = 1;
            state->pin_ms = higher(state->pin_ms, message);
        }
        return;
    case COMMAND_JOIN:
        state->is_there = 1;
        state->is_deleted = 0;
        read_up_to(state, message);
        return;
    case COMMAND_LEAVE:
        leave(state, message);
        return;
    case COMMAND_DEL:
        leave(state, 0);
        return;
    case COMMAND_GET:
    case COMMAND_LIST:
    case COMMAND_BADGE:
    case COMMAND_FLUSH_USER:
    case COMMAND_FLUSH_ALL:
    case COMMAND_EVICT:
    case COMMAND_FORGET:
    case COMMAND_INSPECT_USER:
    case COMMAND_INSPECT_CHANNEL:
    case COMMAND_MEASURE_USER:
    case COMMAND_SUBSCRIBE:
    case COMMAND_UNSUBSCRIBE:
        break;
    }
    UNREACHABLE("a command that changes no state");
}

/* The oldest tombstones go, of one version the lowest channel first. */
static void purge(struct model_user *self, uint32_t kept)
{
    for (;;) {
        struct model_state *oldest = NULL;
        uint32_t tombstones = 0;
        for (uint32_t i = 0; i < self->channels; i++) {
            struct model_state *state = &self->states[i];
            if (state->is_deleted != 0) {
                tombstones++;
                oldest = oldest == NULL || state->version < oldest->version ? state : oldest;
            }
        }
        if (tombstones <= kept) {
            return;
        }
        self->purged_to = higher(self->purged_to, oldest->version);
        memset(oldest, 0, sizeof *oldest);
    }
}

static bool is_live(const struct model_state *state)
{
    return state->is_there != 0 && state->is_deleted == 0;
}

/* All of it, or nothing where the limit forbids it. */
static void apply_changes(struct model_user *self, const struct model_rules *rules,
                          const struct model_operation *operation, struct model_user *before,
                          struct model_outcome *outcome)
{
    const uint64_t version = self->version + 1;
    memcpy(before, self, model_user_get_size(self->channels));
    for (uint32_t i = 0; i < operation->count; i++) {
        struct model_state *state = &self->states[operation->channels[i]];
        const struct model_state was = *state;
        outcome->number += operation->kind == COMMAND_DEL && is_live(state);
        apply_rule(state, operation,
                   operation->kind == COMMAND_BULKACK ? operation->messages[i] : operation->number);
        if (!shows_the_same(&was, state)) {
            outcome->is_visible = true;
            outcome->number += operation->kind == COMMAND_BULKACK && was.version != version;
            state->version = version;
            self->version = version;
        }
    }
    if (model_count_live(self) > rules->max_channels &&
        model_count_live(self) > model_count_live(before)) {
        memcpy(self, before, model_user_get_size(self->channels));
        *outcome = (struct model_outcome){.status = STATUS_LIMIT};
    }
}

static void apply_to_states(struct model_user *self, const struct model_rules *rules,
                            const struct model_operation *operation, struct model_outcome *outcome)
{
    struct model_user *before = model_user_create(self->channels);
    apply_changes(self, rules, operation, before, outcome);
    const struct model_state *state = &self->states[operation->channels[0]];
    const bool was_live = is_live(&before->states[operation->channels[0]]);
    model_user_destroy(before);
    if (outcome->status != STATUS_OK) {
        return;
    }
    outcome->version = is_live(state) ? state->version : 0;
    const uint32_t mentions = is_live(state) ? model_count_mentions(state) : 0;
    if (operation->kind == COMMAND_BULKACK) {
        outcome->version = self->version;
    } else if (operation->kind == COMMAND_LEAVE) {
        outcome->number = was_live;
    } else if (operation->kind != COMMAND_DEL) {
        outcome->number = mentions;
    }
    if (operation->kind == COMMAND_LEAVE || operation->kind == COMMAND_DEL) {
        purge(self, rules->tombstones_kept);
    }
}

static void forget(struct model_user *self, struct model_outcome *outcome)
{
    if (self->version == 0) {
        return;
    }
    outcome->number = model_count_live(self);
    outcome->is_visible = true;
    self->incarnation_min = (self->is_known ? self->incarnation : self->incarnation_min) + 1;
    self->incarnation = 0;
    self->is_known = 0;
    self->version = 0;
    self->purged_to = 0;
    memset(self->states, 0, self->channels * sizeof self->states[0]);
}

void model_begin_anew_perhaps(struct model_user *self)
{
    self->incarnation_min = self->is_known ? self->incarnation : self->incarnation_min;
    self->incarnation = 0;
    self->is_known = 0;
}

void model_apply(struct model_user *self, const struct model_rules *rules,
                 const struct model_operation *operation, struct model_outcome *out_outcome)
{
    *out_outcome = (struct model_outcome){.status = STATUS_OK};
    if (operation->kind == COMMAND_FORGET) {
        forget(self, out_outcome);
        return;
    }
    if (operation->kind == COMMAND_ACK && operation->has_options &&
        operation->options.has_version) {
        const struct model_state *state = &self->states[operation->channels[0]];
        if ((is_live(state) ? state->version : 0) != operation->options.version) {
            out_outcome->status = STATUS_VERSION;
            return;
        }
    }
    apply_to_states(self, rules, operation, out_outcome);
}
