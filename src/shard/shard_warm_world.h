/* The world of a shard for tests of the warm restart by hand: a store that answers when the test
 * says so, and as it says.
 *
 * Memory: begin makes a struct world, end frees it.  Thread: the shard's.
 */
#ifndef SHARD_SHARD_WARM_WORLD_H
#define SHARD_SHARD_WARM_WORLD_H

#include "shard/shard.h"
#include "shard/shard_internal.h"
#include "store/store_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MB (UINT64_C(1) << 20)

enum {
    USERS = 40,
    LARGE = 13, /* This one has so many states that they stand in leaves of their own. */
    STATES_OF_LARGE = 900,
    PENDING_MAX = 256,
    REPLIES_MAX = 1024,
};

struct world {
    struct store store;
    struct shard *shard;
    struct metrics metrics;
    struct shard_limits limits;
    struct store_request pending[PENDING_MAX];
    uint32_t pending_count;
    struct reply replies[REPLIES_MAX]; /* Without their payloads. */
    uint32_t replies_count;
    uint64_t now_ms;
};

static inline void take_reply(void *context, const struct reply *reply)
{
    struct world *self = context;
    assert_true(self->replies_count < REPLIES_MAX);
    self->replies[self->replies_count] = *reply;
    self->replies[self->replies_count++].payload = NULL;
}

static inline bool has_room(void *context, const struct command_token *token)
{
    (void)context;
    (void)token;
    return true;
}

static inline void take_publication(void *context, const struct publication *publication)
{
    (void)context;
    (void)publication;
}

static inline void take_request(void *context, const struct store_request *request)
{
    struct world *self = context;
    assert_true(self->pending_count < PENDING_MAX);
    for (uint32_t i = 0; i < self->pending_count; i++) {
        assert_int_not_equal(self->pending[i].user.value, request->user.value);
    }
    self->pending[self->pending_count++] = *request;
}

static inline void turn(struct world *self, uint64_t passes_ms) ON_SHARD_THREAD
{
    self->now_ms += passes_ms;
    while (shard_turn(self->shard, self->now_ms)) {
    }
}

/* The oldest request. `status`: STATUS_OK, and the store does it; else it fails so. */
static inline void complete(struct world *self, enum status status) ON_SHARD_THREAD
{
    assert_true(self->pending_count > 0);
    struct store_request request = self->pending[0];
    memmove(self->pending, self->pending + 1, --self->pending_count * sizeof request);
    struct store_completion completion = {
        .work = request.work, .status = status, .user = request.user, .ticket = request.ticket};
    if (status == STATUS_OK && request.work == STORE_WORK_READ) {
        completion.status =
            self->store.ops->read(self->store.self, request.user, &completion.image);
    } else if (status == STATUS_OK) {
        const struct image *images[] = {request.image};
        completion.status = self->store.ops->write(self->store.self, images, 1);
    }
    image_destroy(&request.image);
    shard_complete(self->shard, &completion);
    image_destroy(&completion.image);
    turn(self, 0);
}

static inline void complete_all(struct world *self) ON_SHARD_THREAD
{
    while (self->pending_count > 0) {
        complete(self, STATUS_OK);
    }
}

static inline void execute(struct world *self, struct command command) ON_SHARD_THREAD
{
    shard_execute(self->shard, &command);
    turn(self, 0);
}

static inline void execute_on(struct world *self, enum command_kind kind,
                              uint64_t user) ON_SHARD_THREAD
{
    execute(self, (struct command){
                      .kind = kind, .user = {user}, .channel = {.id = 5}, .message = {1000}});
}

static inline void create_shard(struct world *self)
{
    const struct shard_config config = {
        .limits = self->limits,
        .port = {.reply = take_reply,
                 .has_reply_room = has_room,
                 .publish = take_publication,
                 .send_to_store = take_request,
                 .lent_context = self},
        .lent_metrics = &self->metrics,
        .now_ms = self->now_ms,
    };
    memset(&self->metrics, 0, sizeof self->metrics);
    assert_int_equal(shard_create(&self->shard, &config), STATUS_OK);
}

/* Users 1 to USERS are in the store, and none is in memory. */
static inline struct world *begin(uint32_t cache_users, uint32_t warm_rate) ON_SHARD_THREAD
{
    struct world *self = calloc(1, sizeof *self);
    self->now_ms = 1000;
    self->limits = (struct shard_limits){.cache_bytes = 8 * MB,
                                         .dirty_bytes = 8 * MB,
                                         .max_channels = 10000,
                                         .tombstones_kept = 10,
                                         .commit_delay_ms = 1000,
                                         .mention_ids_kept = 16};
    assert_int_equal(store_memory_open(&self->store), STATUS_OK);
    create_shard(self);
    for (uint64_t user = 1; user <= USERS; user++) {
        for (uint64_t channel = 1; channel <= (user == LARGE ? STATES_OF_LARGE : 1); channel++) {
            execute(self, (struct command){.kind = COMMAND_ACK,
                                           .user = {user},
                                           .channel = {.id = channel},
                                           .message = {9}});
            complete_all(self);
            self->replies_count = 0;
        }
    }
    execute(self, (struct command){.kind = COMMAND_FLUSH_ALL});
    complete_all(self);
    assert_int_equal(shard_count_unwritten(self->shard), 0);
    shard_destroy(&self->shard);
    self->limits.cache_users = cache_users;
    self->limits.warm_rate = warm_rate;
    self->replies_count = 0;
    create_shard(self);
    return self;
}

static inline void end(struct world *self) ON_SHARD_THREAD
{
    for (uint32_t i = 0; i < self->pending_count; i++) {
        image_destroy(&self->pending[i].image);
    }
    shard_destroy(&self->shard);
    self->store.ops->close(self->store.self);
    free(self);
}

static inline void warm(struct world *self, uint64_t first, uint64_t last) ON_SHARD_THREAD
{
    for (uint64_t user = first; user <= last; user++) {
        assert_true(shard_warm(self->shard, (struct user_id){user}));
    }
    turn(self, 0);
}

static inline bool is_there(const struct world *self, uint64_t user)
{
    return cache_find(&self->shard->cache, (struct user_id){user}) != BLOCK_NONE;
}

static inline void assert_order(const struct world *self, const uint64_t *users, uint32_t count)
{
    uint32_t block = self->shard->cache.lru.newest;
    for (uint32_t i = 0; i < count; i++) {
        assert_int_not_equal(block, BLOCK_NONE);
        const struct user *user = cache_get(&self->shard->cache, block);
        assert_int_equal(user->id, users[i]);
        block = user->older;
    }
    assert_int_equal(block, BLOCK_NONE);
}

static inline void assert_counts(const struct world *self, uint64_t loaded, uint64_t skipped)
{
    assert_int_equal(metrics_get(&self->metrics, METRIC_WARM_LOADED), loaded);
    assert_int_equal(metrics_get(&self->metrics, METRIC_WARM_SKIPPED), skipped);
}

/* Nothing is held or counted for those who are loaded. */
static inline void assert_at_rest(const struct world *self)
{
    assert_int_equal(self->shard->warm.under_way, 0);
    assert_int_equal(self->shard->warm.count, 0);
    assert_int_equal(self->shard->waiting.users, 0);
    assert_int_equal(self->shard->images_held, 0);
    assert_int_equal(self->shard->loads_in_flight, 0);
    assert_int_equal(self->shard->reserved_bytes, 0);
}

#endif
