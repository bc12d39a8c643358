/* A slow, obvious model of a shard's users, for tests: each command acts at once, by plain rules.
 *
 * Users and channels are small numbers here. Commands wait in a queue of their user's, as they were
 * issued. What one does to the model, and so what it must answer, is known when its reply comes.
 *
 * Memory: the arrays are of who fills them in.  Thread: the owner's.
 */
#ifndef SHARD_SHARD_MODEL_H
#define SHARD_SHARD_MODEL_H

#include "message/command.h"
#include "message/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
    USERS_MAX = 12,
    IDS_MAX = 16,
    BULK_MAX = 1000,
};

struct model_state {
    bool there;
    uint32_t ids_count;
    uint32_t counted;
    uint64_t counted_to;
    uint64_t last_read;
    uint64_t version;
    uint64_t ids[IDS_MAX + 1];
};

struct fifo_entry {
    struct issued *issued;
    uint32_t target;
};

struct model_user {
    uint64_t version;
    uint32_t live;
    struct model_state *states;
    struct fifo_entry *fifo; /* Issued and not known to have acted. */
    uint32_t fifo_count;
    uint32_t fifo_capacity;
    uint64_t stored_version;
    uint64_t dirty_since_ms; /* UINT64_MAX: all is stored. */
};

/* A command that was given to the shard. */
struct issued {
    struct command command;
    uint32_t channel;   /* Numbers, as the model counts: ACK, MESSAGE, JOIN, INSPECT_CHANNEL, ... */
    uint32_t *channels; /* ... GET and BULKACK. */
    struct channel_message pairs[BULK_MAX];
    struct channel_key keys[BULK_MAX];
    struct command_target targets[USERS_MAX];
    struct reply_badge badges[USERS_MAX]; /* As the model expects them. */
    bool acted[USERS_MAX];
    struct reply_counts counts;
    bool answered;
    uint32_t parts_seen; /* States of GET or LIST so far. */
    struct channel_key listed;
    uint64_t version;
    uint64_t listed_min;
    uint64_t flushed[USERS_MAX]; /* Versions that must be stored when a flush is answered. */
};

struct model {
    uint32_t channels; /* As many as there are to choose from. */
    uint32_t max_channels;
    uint32_t ids_kept;
    uint64_t now_ms; /* The time, as the test moves it. */
    struct model_user users[USERS_MAX];
};

static inline struct channel_key key_of(uint32_t channel)
{
    return (struct channel_key){.id = 1 + (uint64_t)(channel / 2) * 7919,
                                .type = (uint8_t)(channel % 2)};
}

static inline uint32_t channel_of(struct channel_key key)
{
    return (uint32_t)((key.id - 1) / 7919 * 2 + key.type);
}

static inline struct user_id user_of(uint32_t number)
{
    return (struct user_id){1000 + number};
}

static inline uint32_t number_of(struct user_id user)
{
    return (uint32_t)(user.value - 1000);
}

static inline uint32_t model_mentions(const struct model_state *state)
{
    return state->ids_count + state->counted;
}

static inline bool model_ack(struct model_state *state, uint64_t message)
{
    if (message <= state->last_read) {
        return false;
    }
    state->last_read = message;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < state->ids_count; i++) {
        if (state->ids[i] > message) {
            state->ids[kept++] = state->ids[i];
        }
    }
    state->ids_count = kept;
    if (message >= state->counted_to) {
        state->counted = 0;
        state->counted_to = 0;
    }
    return true;
}

static inline bool model_mention(struct model_state *state, uint64_t message, uint32_t ids_kept)
{
    if (message <= state->last_read || message <= state->counted_to) {
        return false;
    }
    uint32_t at = 0;
    while (at < state->ids_count && state->ids[at] < message) {
        at++;
    }
    if (at < state->ids_count && state->ids[at] == message) {
        return false;
    }
    for (uint32_t i = state->ids_count; i > at; i--) {
        state->ids[i] = state->ids[i - 1];
    }
    state->ids[at] = message;
    if (++state->ids_count > ids_kept) {
        state->counted++;
        state->counted_to = state->ids[0];
        state->ids_count--;
        memmove(state->ids, state->ids + 1, state->ids_count * sizeof state->ids[0]);
    }
    return true;
}

/* One change; false: the limit forbids it. */
static inline bool model_change(struct model *self, struct model_user *user, uint32_t channel,
                                uint64_t message, bool mention, uint64_t version, bool *out_visible)
{
    struct model_state *state = &user->states[channel];
    if (!state->there && user->live >= self->max_channels) {
        return false;
    }
    const bool changed =
        mention ? model_mention(state, message, self->ids_kept) : model_ack(state, message);
    *out_visible = changed || !state->there;
    if (!state->there) {
        state->there = true;
        user->live++;
    }
    if (*out_visible) {
        state->version = version;
        user->version = version;
    }
    return true;
}

static inline void model_note_dirty(struct model *self, struct model_user *user)
{
    if (user->version > user->stored_version && user->dirty_since_ms == UINT64_MAX) {
        user->dirty_since_ms = self->now_ms;
    }
}

/* Whole or not at all, as one version. */
static inline enum status model_bulk(struct model *self, const struct issued *issued,
                                     struct model_user *user, struct reply *out_reply)
{
    const uint32_t count = issued->command.count;
    uint32_t fresh = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool again = user->states[issued->channels[i]].there;
        for (uint32_t j = 0; j < i && !again; j++) {
            again = issued->channels[j] == issued->channels[i];
        }
        fresh += !again;
    }
    if (fresh > 0 && user->live + fresh > self->max_channels) {
        return STATUS_LIMIT;
    }
    const uint64_t version = user->version + 1;
    uint64_t changed = 0;
    for (uint32_t i = 0; i < count; i++) {
        const bool counted = user->states[issued->channels[i]].version == version;
        bool visible = false;
        assert_true(model_change(self, user, issued->channels[i], issued->pairs[i].message.value,
                                 false, version, &visible));
        changed += visible && !counted;
    }
    out_reply->version = user->version;
    out_reply->number = changed;
    return STATUS_OK;
}

/* STATUS_OK or STATUS_LIMIT, and what is to be answered. */
static inline enum status model_act(struct model *self, struct issued *issued, uint32_t target,
                                    struct reply *out_reply)
{
    const struct command *command = &issued->command;
    const bool many = command->kind == COMMAND_MESSAGE || command->kind == COMMAND_BADGE;
    const struct user_id id = many ? issued->targets[target].user : command->user;
    struct model_user *user = &self->users[number_of(id)];
    struct model_state *state = &user->states[issued->channel];
    bool visible = false;
    enum status status = STATUS_OK;
    switch (command->kind) {
    case COMMAND_ACK:
    case COMMAND_JOIN:
        if (!model_change(self, user, issued->channel, command->message.value, false,
                          user->version + 1, &visible)) {
            status = STATUS_LIMIT;
        }
        out_reply->version = state->version;
        out_reply->number = model_mentions(state);
        break;
    case COMMAND_MENTION:
    case COMMAND_MESSAGE:
        if (!model_change(self, user, issued->channel, command->message.value,
                          !issued->targets[target].acks, user->version + 1, &visible)) {
            status = STATUS_LIMIT;
            if (issued->targets[target].position < issued->counts.failed_position) {
                issued->counts.failed_position = issued->targets[target].position;
                issued->counts.failed_status = status;
            }
        } else {
            issued->counts.succeeded++;
            issued->counts.risen += visible && !issued->targets[target].acks;
        }
        break;
    case COMMAND_BULKACK:
        status = model_bulk(self, issued, user, out_reply);
        break;
    case COMMAND_BADGE:
        issued->badges[target] = (struct reply_badge){.position = target};
        for (uint32_t i = 0; i < self->channels; i++) {
            issued->badges[target].mentions += model_mentions(&user->states[i]);
            issued->badges[target].states += model_mentions(&user->states[i]) > 0;
        }
        break;
    case COMMAND_LIST:
    case COMMAND_INSPECT_USER:
        out_reply->version = user->version;
        break;
    case COMMAND_UNMENTION:
    case COMMAND_PIN:
    case COMMAND_LEAVE:
    case COMMAND_DEL:
    case COMMAND_FORGET:
    case COMMAND_SUBSCRIBE:
    case COMMAND_UNSUBSCRIBE:
        fail_msg("these are not played here: the clients' tests do");
        break;
    case COMMAND_GET:
    case COMMAND_EVICT:
    case COMMAND_INSPECT_CHANNEL:
    case COMMAND_MEASURE_USER:
    case COMMAND_FLUSH_USER:
    case COMMAND_FLUSH_ALL:
        break;
    }
    issued->acted[target] = true;
    model_note_dirty(self, user);
    return status;
}

/* Takes the command off its user's queue. Those before it are of several users, and have acted for
 * this one. */
static inline void model_pop(struct model *self, struct issued *issued, struct user_id id)
{
    struct model_user *user = &self->users[number_of(id)];
    uint32_t popped = 0;
    for (;; popped++) {
        assert_true(popped < user->fifo_count);
        struct fifo_entry *entry = &user->fifo[popped];
        if (entry->issued == issued) {
            break;
        }
        if (!entry->issued->acted[entry->target]) {
            const enum command_kind kind = entry->issued->command.kind;
            assert_true(kind == COMMAND_MESSAGE || kind == COMMAND_BADGE);
            struct reply unused;
            (void)!model_act(self, entry->issued, entry->target, &unused);
        }
    }
    popped++;
    user->fifo_count -= popped;
    memmove(user->fifo, user->fifo + popped, user->fifo_count * sizeof *user->fifo);
}

#endif
