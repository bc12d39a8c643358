/* The world of a shard, for tests: chance, a clock and a store that cannot be trusted.
 *
 * The store answers late, fails, or hangs, as the plan says. What the shard sends to it and what it
 * holds is checked at every step.
 *
 * Memory: a struct sim owns all it points at but the plan.  Thread: the shard's.
 */
#ifndef SHARD_SHARD_PLAY_H
#define SHARD_SHARD_PLAY_H

#include "readstate/record.h"
#include "shard/shard.h"
#include "shard/shard_internal.h"
#include "shard/shard_model.h"
#include "store/store_memory.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    PENDING_MAX = SHARD_LOADS_MAX + SHARD_SAVES_MAX,
    TURNS_MAX = 20000,
    SEGMENTS_MAX = 4096,
};

/* What a run is like. Chances are in thousandths. */
struct plan {
    const char *name;
    uint32_t steps;
    uint32_t users;
    uint32_t channels;
    uint32_t bulk_max;
    uint32_t cache_users;
    uint64_t cache_bytes;
    uint64_t dirty_bytes;
    uint32_t max_channels;
    uint64_t commit_delay_ms;
    uint32_t step_ms_max;    /* How far time goes in a step. */
    uint32_t latency_ms_max; /* Of the store. */
    uint32_t failures;       /* Of the store's calls. */
    uint32_t outages;        /* That a step begins, or ends, a time when every call fails. */
    uint32_t hangs;          /* That a step begins, or ends, a time when no call ends. */
    uint32_t shrinks;        /* That a step changes the bounds. */
    uint32_t stalls;         /* That a reader of a list does not take a part. */
    bool deadlines;          /* Writes must come within commit-delay. */
    bool keeps_journal;      /* Every change is put there: see shard_recover_test.c. */
};

struct pending {
    struct store_request request;
    uint64_t due_ms;
};

struct sim {
    const struct plan *plan;
    struct shard *shard;
    struct shard_limits limits;
    struct metrics metrics;
    struct store store;
    uint64_t random;
    uint64_t hash; /* Of all effects. */
    struct pending pending[PENDING_MAX];
    uint32_t pending_count;
    bool outage;
    bool hang;
    bool healed;
    bool changed_bounds; /* Since the last turn. */
    struct issued **issued;
    uint32_t issued_count;
    uint32_t open_count;
    uint32_t users_max; /* The bounds, or what there was when they were lowered. */
    uint64_t bytes_max;
    uint32_t ok_count;
    uint32_t failed_count;
    struct model model;

    /* With a journal: all entries since the beginning, and where in them each segment begins. */
    struct buffer journal;
    size_t segments[SEGMENTS_MAX];
    uint64_t segment;  /* The current one. */
    uint64_t released; /* Of this life. */
    bool is_recovered;
    bool has_ended_history; /* What was there before this life is not needed any more. */
    size_t needed_from;     /* By what is not recovered yet. */
    bool syncs_journal;     /* The shard waits for it. */
    bool may_erase;         /* It has just been done. */
};

static inline uint32_t draw(struct sim *self, uint32_t below)
{
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return (uint32_t)((self->random >> 16) % below);
}

static inline bool chance(struct sim *self, uint32_t thousandths)
{
    return draw(self, 1000) < thousandths;
}

static inline void mix(struct sim *self, uint64_t value)
{
    self->hash = (self->hash ^ value) * UINT64_C(0x100000001b3);
    self->hash ^= self->hash >> 29;
}

static inline void check_bounds(struct sim *self)
{
    assert_true(cache_count_users(&self->shard->cache) <= self->users_max);
    assert_true(cache_count_bytes(&self->shard->cache) <= self->bytes_max);
}

/* What the shard has may be more than a bound that was lowered, but not grow. */
static inline void note_bounds(struct sim *self)
{
    const uint32_t users = cache_count_users(&self->shard->cache);
    const uint64_t bytes = cache_count_bytes(&self->shard->cache);
    const uint32_t limit = self->limits.cache_users == 0 ? UINT32_MAX : self->limits.cache_users;
    self->users_max = users > limit ? users : limit;
    self->bytes_max = bytes > self->limits.cache_bytes ? bytes : self->limits.cache_bytes;
}

static inline bool on_has_reply_room(void *context, const struct command_token *token)
{
    struct sim *self = context;
    assert_non_null(self->issued[token->sequence]);
    return self->healed || !chance(self, self->plan->stalls);
}

static inline bool is_erasure(const struct store_request *request)
{
    return request->work == STORE_WORK_WRITE &&
           image_get_piece(request->image, 0).kind == IMAGE_FORGETTING;
}

static inline void on_send_to_store(void *context, const struct store_request *request)
{
    struct sim *self = context;
    assert_true(!is_erasure(request) || !self->plan->keeps_journal || self->may_erase);
    uint32_t same_work = 0;
    check_bounds(self);
    for (uint32_t i = 0; i < self->pending_count && request->work != STORE_WORK_SYNC; i++) {
        /* One read for any number of commands; and no two of anything for one user. */
        assert_int_not_equal(self->pending[i].request.user.value, request->user.value);
        same_work += self->pending[i].request.work == request->work;
    }
    assert_true(same_work <
                (uint32_t)(request->work == STORE_WORK_READ ? SHARD_LOADS_MAX : SHARD_SAVES_MAX));
    mix(self, request->work);
    mix(self, request->user.value);
    mix(self, request->ticket);
    if (request->work == STORE_WORK_WRITE) {
        for (uint32_t i = 0; i < image_count_pieces(request->image); i++) {
            const struct slice bytes = image_get_bytes(request->image, i);
            for (size_t at = 0; at < bytes.size; at++) {
                mix(self, (uint8_t)bytes.bytes[at]);
            }
        }
    }
    self->pending[self->pending_count++] =
        (struct pending){.request = *request,
                         .due_ms = self->model.now_ms + draw(self, self->plan->latency_ms_max + 1)};
}

static inline void note_written(struct sim *self, struct user_id id, uint64_t version)
{
    struct model_user *user = &self->model.users[number_of(id)];
    user->stored_version = version;
    user->dirty_since_ms = version >= user->version ? UINT64_MAX : self->model.now_ms;
}

static inline void complete_one(struct sim *self, uint32_t at) ON_SHARD_THREAD
{
    struct store_request request = self->pending[at].request;
    self->pending[at] = self->pending[--self->pending_count];
    struct store_completion completion = {
        .work = request.work, .user = request.user, .ticket = request.ticket};
    const bool failed = !self->healed && (self->outage || chance(self, self->plan->failures));
    if (failed) {
        completion.status = STATUS_STORE;
    } else if (request.work == STORE_WORK_SYNC) {
        completion.status = STATUS_OK;
    } else if (request.work == STORE_WORK_READ) {
        completion.status =
            self->store.ops->read(self->store.self, request.user, &completion.image);
    } else {
        const struct image *images[] = {request.image};
        completion.status = self->store.ops->write(self->store.self, images, 1);
        struct record_head head;
        struct slice leaf;
        const uint32_t last = image_count_pieces(request.image) - 1;
        assert_int_equal(record_decode(image_get_bytes(request.image, last), &head, &leaf),
                         STATUS_OK);
        note_written(self, request.user, head.version);
    }
    image_destroy(&request.image);
    shard_complete(self->shard, &completion);
    image_destroy(&completion.image);
    check_bounds(self);
}

static inline void complete_due(struct sim *self) ON_SHARD_THREAD
{
    if (self->syncs_journal && (self->healed || chance(self, 500))) {
        self->syncs_journal = false;
        self->may_erase = true;
        shard_end_journal_sync(self->shard);
        self->may_erase = false;
    }
    if (self->is_recovered && !self->has_ended_history && (self->healed || chance(self, 200))) {
        self->has_ended_history = true;
        shard_end_history(self->shard);
    }
    if (self->hang && !self->healed) {
        return;
    }
    for (uint32_t i = self->pending_count; i > 0; i--) {
        if (i <= self->pending_count && self->pending[i - 1].due_ms <= self->model.now_ms) {
            complete_one(self, i - 1);
        }
    }
}

/* Until nothing is left that waits only for the next call: that must come to an end. */
static inline void turn(struct sim *self) ON_SHARD_THREAD
{
    for (int i = 0; shard_turn(self->shard, self->model.now_ms); i++) {
        check_bounds(self);
        assert_true(i < TURNS_MAX);
    }
    check_bounds(self);
    note_bounds(self);
    self->changed_bounds = false;
    for (uint32_t i = 0; self->plan->deadlines && i < self->plan->users; i++) {
        const uint64_t since = self->model.users[i].dirty_since_ms;
        assert_true(since == UINT64_MAX ||
                    self->model.now_ms - since <= self->plan->commit_delay_ms);
    }
}

#endif
