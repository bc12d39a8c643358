/* Looks at each of a shard's replies, and at what its store has, and compares with the model.
 *
 * Memory: a command is forgotten with its last reply.  Thread: the shard's.
 */
#ifndef SHARD_SHARD_PLAY_REPLIES_H
#define SHARD_SHARD_PLAY_REPLIES_H

#include "shard/shard_play.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

static inline void check_view(struct sim *self, struct user_id id, const struct state_view *view)
{
    const struct model_state *state =
        &self->model.users[number_of(id)].states[channel_of(view->channel)];
    if (state->there && view->version == state->version) {
        assert_int_equal(view->last_read, state->last_read);
        assert_int_equal(view->floor, state->last_read);
        assert_int_equal(view->mentions, model_mentions(state));
        assert_int_equal(view->approximate, state->counted > 0);
    }
}

/* What the store has of each channel; NULL where it has nothing of the user. */
static inline struct state_view *read_store(struct sim *self, uint32_t number,
                                            struct record_head *out_head)
{
    struct image *image = NULL;
    if (self->store.ops->read(self->store.self, user_of(number), &image) == STATUS_MISSING) {
        return NULL;
    }
    assert_non_null(image);
    struct state_view *views = calloc(self->plan->channels, sizeof *views);
    for (uint32_t piece = 0; piece < image_count_pieces(image); piece++) {
        struct slice leaf = image_get_bytes(image, piece);
        if (piece == 0) {
            assert_int_equal(record_decode(leaf, out_head, &leaf), STATUS_OK);
        }
        const uint32_t rows = leaf.size == 0 ? 0 : leaf_get_rows((const uint8_t *)leaf.bytes);
        for (uint32_t row = 0; row < rows; row++) {
            struct state_view view;
            leaf_view((const uint8_t *)leaf.bytes, row, &view);
            assert_false(views[channel_of(view.channel)].present);
            assert_true(view.version <= out_head->version);
            views[channel_of(view.channel)] = view;
        }
    }
    image_destroy(&image);
    return views;
}

/* All up to `version` is in the store. */
static inline void check_stored(struct sim *self, uint32_t number, uint64_t version, bool exactly)
{
    struct model_user *user = &self->model.users[number];
    if (version == 0) {
        return;
    }
    struct record_head head = {0};
    struct state_view *views = read_store(self, number, &head);
    assert_non_null(views);
    assert_true(head.version >= version);
    uint32_t live = 0;
    for (uint32_t i = 0; i < self->plan->channels; i++) {
        const struct model_state *state = &user->states[i];
        live += views[i].present;
        if (state->there && state->version <= version) {
            assert_true(views[i].present);
            assert_true(views[i].version >= state->version);
        }
        if (views[i].present) {
            check_view(self, user_of(number), &views[i]);
        }
        assert_true(!exactly || state->version == views[i].version);
    }
    if (exactly) {
        assert_int_equal(head.live_states, live);
        assert_int_equal(head.version, version);
    }
    free(views);
}

static inline void forget_issued(struct sim *self, struct issued *issued)
{
    self->issued[issued->command.token.sequence] = NULL;
    self->open_count--;
    free(issued->channels);
    free(issued);
}

static inline void check_get(struct sim *self, struct issued *issued, const struct reply *reply)
{
    const struct model_user *user = &self->model.users[number_of(issued->command.user)];
    assert_int_equal(reply->number, issued->command.count);
    for (uint32_t i = 0; i < reply->count; i++) {
        const uint32_t channel = issued->channels[issued->parts_seen++];
        assert_int_equal(reply->views[i].present, user->states[channel].there);
        if (reply->views[i].present) {
            assert_int_equal(channel_of(reply->views[i].channel), channel);
            assert_int_equal(reply->views[i].version, user->states[channel].version);
            check_view(self, issued->command.user, &reply->views[i]);
        }
    }
    assert_int_equal(reply->last, issued->parts_seen == issued->command.count);
}

static inline void check_list(struct sim *self, struct issued *issued, const struct reply *reply)
{
    const struct model_user *user = &self->model.users[number_of(issued->command.user)];
    if (reply->first) {
        assert_int_equal(reply->version, user->version);
        issued->version = user->version;
        for (uint32_t i = 0; i < self->plan->channels; i++) {
            issued->listed_min += user->states[i].there;
        }
    }
    for (uint32_t i = 0; i < reply->count; i++) {
        assert_true(channel_key_compare(issued->listed, reply->views[i].channel) < 0);
        issued->listed = reply->views[i].channel;
        check_view(self, issued->command.user, &reply->views[i]);
        /* More than the model knows: by a command to several users that was not answered yet. */
        const struct model_state *state = &user->states[channel_of(issued->listed)];
        assert_true(reply->views[i].version >= state->version);
        issued->parts_seen += state->there;
    }
    if (reply->last) {
        assert_true(issued->parts_seen >= issued->listed_min);
    }
}

static inline void check_badges(const struct issued *issued, const struct reply *reply)
{
    assert_int_equal(reply->count, issued->command.count);
    bool seen[USERS_MAX] = {false};
    for (uint32_t i = 0; i < reply->count; i++) {
        const struct reply_badge *badge = &reply->badges[i];
        assert_false(seen[badge->position]);
        seen[badge->position] = true;
        if (badge->status != STATUS_OK) {
            assert_int_equal(badge->status, STATUS_STORE);
            continue;
        }
        assert_int_equal(badge->mentions, issued->badges[badge->position].mentions);
        assert_int_equal(badge->states, issued->badges[badge->position].states);
    }
}

static inline void check_many(struct sim *self, struct issued *issued, const struct reply *reply)
{
    const bool badge = issued->command.kind == COMMAND_BADGE;
    assert_int_equal(reply->kind, badge ? REPLY_BADGES : REPLY_COUNTS);
    const bool failed = !badge && reply->counts->failed_position != UINT32_MAX &&
                        reply->counts->failed_status != STATUS_LIMIT;
    /* Whom of several users it failed for is not said: such runs name one. */
    assert_true(!failed || issued->command.count == 1);
    for (uint32_t i = 0; i < issued->command.count; i++) {
        if (issued->acted[i]) {
            continue;
        }
        model_pop(&self->model, issued, issued->targets[i].user);
        if (!failed) {
            struct reply unused;
            (void)!model_act(&self->model, issued, i, &unused);
        }
    }
    if (badge) {
        check_badges(issued, reply);
    } else if (!failed) {
        assert_int_equal(reply->counts->risen, issued->counts.risen);
        assert_int_equal(reply->counts->succeeded, issued->counts.succeeded);
        assert_int_equal(reply->counts->failed_position, issued->counts.failed_position);
        assert_int_equal(reply->counts->pending, 0);
    }
    self->ok_count += !failed;
    self->failed_count += failed;
}

static inline void check_failed(struct sim *self, struct issued *issued, const struct reply *reply)
{
    struct reply expected;
    self->failed_count++;
    if (reply->status == STATUS_LIMIT) {
        assert_int_equal(model_act(&self->model, issued, 0, &expected), STATUS_LIMIT);
        return;
    }
    if (reply->status == STATUS_STORE) {
        assert_true(self->plan->failures + self->plan->outages + self->plan->hangs > 0);
        return;
    }
    if (reply->status == STATUS_DIRTY_FULL) {
        assert_true(self->limits.dirty_bytes < self->limits.cache_bytes);
        return;
    }
    assert_int_equal(reply->status, STATUS_CACHE_FULL);
}

static inline void check_flushed(struct sim *self, const struct issued *issued, enum status status)
{
    if (status != STATUS_OK) {
        assert_int_equal(status, STATUS_STORE);
        self->failed_count++;
        return;
    }
    for (uint32_t i = 0; i < self->plan->users; i++) {
        if (issued->command.kind == COMMAND_FLUSH_ALL || number_of(issued->command.user) == i) {
            check_stored(self, i, issued->flushed[i], false);
        }
    }
    self->ok_count++;
}

static inline void check_one(struct sim *self, struct issued *issued, const struct reply *reply)
{
    struct reply expected = {0};
    assert_int_equal(model_act(&self->model, issued, 0, &expected), STATUS_OK);
    switch (issued->command.kind) {
    case COMMAND_ACK:
    case COMMAND_JOIN:
    case COMMAND_BULKACK:
        assert_int_equal(reply->kind,
                         issued->command.kind == COMMAND_BULKACK ? REPLY_BULK : REPLY_STATE);
        assert_int_equal(reply->version, expected.version);
        assert_int_equal(reply->number, expected.number);
        break;
    case COMMAND_GET:
        assert_int_equal(reply->kind, REPLY_STATES);
        check_get(self, issued, reply);
        break;
    case COMMAND_LIST:
        assert_int_equal(reply->kind, REPLY_LIST);
        check_list(self, issued, reply);
        break;
    case COMMAND_EVICT:
        assert_int_equal(reply->kind, REPLY_INTEGER);
        assert_int_equal(cache_find(&self->shard->cache, issued->command.user), BLOCK_NONE);
        break;
    case COMMAND_INSPECT_USER: {
        const bool cached = cache_find(&self->shard->cache, issued->command.user) != BLOCK_NONE;
        assert_int_equal(reply->kind, REPLY_INSPECTED_USER);
        assert_int_equal(reply->user->version, expected.version);
        assert_int_equal(reply->user->cached, cached);
        break;
    }
    case COMMAND_MEASURE_USER: {
        const uint32_t block = cache_find(&self->shard->cache, issued->command.user);
        assert_int_equal(reply->kind, REPLY_SIZE);
        assert_int_equal(reply->number, block == BLOCK_NONE
                                            ? 0
                                            : cache_count_user_bytes(&self->shard->cache, block));
        break;
    }
    case COMMAND_INSPECT_CHANNEL: {
        const struct model_state *state =
            &self->model.users[number_of(issued->command.user)].states[issued->channel];
        assert_int_equal(reply->kind, REPLY_INSPECTED_CHANNEL);
        assert_int_equal(reply->number, state->there);
        if (state->there) {
            assert_int_equal(reply->state->last_read, state->last_read);
            assert_int_equal(reply->state->counted_to, state->counted_to);
            assert_int_equal(reply->state->mentions_kept, state->ids_count);
        }
        break;
    }
    case COMMAND_UNMENTION:
    case COMMAND_PIN:
    case COMMAND_LEAVE:
    case COMMAND_DEL:
    case COMMAND_MENTION:
    case COMMAND_MESSAGE:
    case COMMAND_BADGE:
    case COMMAND_FLUSH_USER:
    case COMMAND_FLUSH_ALL:
    case COMMAND_FORGET:
    case COMMAND_SUBSCRIBE:
    case COMMAND_UNSUBSCRIBE:
        fail();
    }
    self->ok_count++;
}

static inline void on_reply(void *context, const struct reply *reply)
{
    struct sim *self = context;
    if (reply->token.connection == UINT32_MAX) {
        /* The shard's own. */
        return;
    }
    mix(self, reply->kind);
    mix(self, reply->token.sequence);
    mix(self, reply->version);
    mix(self, reply->number);
    mix(self, reply->status);
    check_bounds(self);
    assert_true(reply->token.sequence < self->issued_count);
    struct issued *issued = self->issued[reply->token.sequence];
    assert_non_null(issued); /* Else it was answered before. */
    const enum command_kind kind = issued->command.kind;
    if (kind == COMMAND_FLUSH_ALL || kind == COMMAND_FLUSH_USER) {
        check_flushed(self, issued, reply->kind == REPLY_DONE ? STATUS_OK : reply->status);
        forget_issued(self, issued);
        return;
    }
    if (kind == COMMAND_MESSAGE || kind == COMMAND_BADGE) {
        check_many(self, issued, reply);
        forget_issued(self, issued);
        return;
    }
    const bool parts = reply->kind == REPLY_LIST || reply->kind == REPLY_STATES;
    if (!issued->answered) {
        model_pop(&self->model, issued, issued->command.user);
        if (reply->kind == REPLY_FAILED) {
            check_failed(self, issued, reply);
        } else {
            assert_true(!parts || reply->first);
            check_one(self, issued, reply);
        }
    } else if (reply->kind == REPLY_FAILED) {
        /* A long list of a user who left the cache, and could not be read again. */
        assert_int_equal(kind, COMMAND_LIST);
        assert_true(self->plan->failures + self->plan->outages + self->plan->hangs > 0 ||
                    reply->status == STATUS_CACHE_FULL);
    } else {
        assert_false(reply->first);
        if (kind == COMMAND_LIST) {
            check_list(self, issued, reply);
        } else {
            check_get(self, issued, reply);
        }
    }
    issued->answered = true;
    if (!parts || reply->last) {
        forget_issued(self, issued);
    }
}

#endif
