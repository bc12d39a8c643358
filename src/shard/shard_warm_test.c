/* The warm restart by hand: a store that answers when the test says so, and as it says. */
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

static void take_reply(void *context, const struct reply *reply)
{
    struct world *self = context;
    assert_true(self->replies_count < REPLIES_MAX);
    self->replies[self->replies_count] = *reply;
    self->replies[self->replies_count++].payload = NULL;
}

static bool has_room(void *context, const struct command_token *token)
{
    (void)context;
    (void)token;
    return true;
}

static void take_publication(void *context, const struct publication *publication)
{
    (void)context;
    (void)publication;
}

static void take_request(void *context, const struct store_request *request)
{
    struct world *self = context;
    assert_true(self->pending_count < PENDING_MAX);
    for (uint32_t i = 0; i < self->pending_count; i++) {
        assert_int_not_equal(self->pending[i].user.value, request->user.value);
    }
    self->pending[self->pending_count++] = *request;
}

static void turn(struct world *self, uint64_t passes_ms) ON_SHARD_THREAD
{
    self->now_ms += passes_ms;
    while (shard_turn(self->shard, self->now_ms)) {
    }
}

/* The oldest request. `status`: STATUS_OK, and the store does it; else it fails so. */
static void complete(struct world *self, enum status status) ON_SHARD_THREAD
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

static void complete_all(struct world *self) ON_SHARD_THREAD
{
    while (self->pending_count > 0) {
        complete(self, STATUS_OK);
    }
}

static void execute(struct world *self, struct command command) ON_SHARD_THREAD
{
    shard_execute(self->shard, &command);
    turn(self, 0);
}

static void execute_on(struct world *self, enum command_kind kind, uint64_t user) ON_SHARD_THREAD
{
    execute(self, (struct command){
                      .kind = kind, .user = {user}, .channel = {.id = 5}, .message = {1000}});
}

static void create_shard(struct world *self)
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
static struct world *begin(uint32_t cache_users, uint32_t warm_rate) ON_SHARD_THREAD
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

static void end(struct world *self) ON_SHARD_THREAD
{
    for (uint32_t i = 0; i < self->pending_count; i++) {
        image_destroy(&self->pending[i].image);
    }
    shard_destroy(&self->shard);
    self->store.ops->close(self->store.self);
    free(self);
}

static void warm(struct world *self, uint64_t first, uint64_t last) ON_SHARD_THREAD
{
    for (uint64_t user = first; user <= last; user++) {
        assert_true(shard_warm(self->shard, (struct user_id){user}));
    }
    turn(self, 0);
}

static bool is_there(const struct world *self, uint64_t user)
{
    return cache_find(&self->shard->cache, (struct user_id){user}) != BLOCK_NONE;
}

static void assert_order(const struct world *self, const uint64_t *users, uint32_t count)
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

static void assert_counts(const struct world *self, uint64_t loaded, uint64_t skipped)
{
    assert_int_equal(metrics_get(&self->metrics, METRIC_WARM_LOADED), loaded);
    assert_int_equal(metrics_get(&self->metrics, METRIC_WARM_SKIPPED), skipped);
}

/* Nothing is held or counted for those who are loaded. */
static void assert_at_rest(const struct world *self)
{
    assert_int_equal(self->shard->warm.under_way, 0);
    assert_int_equal(self->shard->warm.count, 0);
    assert_int_equal(self->shard->waiting.users, 0);
    assert_int_equal(self->shard->images_held, 0);
    assert_int_equal(self->shard->loads_in_flight, 0);
    assert_int_equal(self->shard->reserved_bytes, 0);
}

static void the_first_stays_the_hottest(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 100000);
    warm(world, 11, 16);
    complete_all(world);
    static const uint64_t in_line[] = {11, 12, 13, 14, 15, 16};
    assert_order(world, in_line, 6);
    assert_counts(world, 6, 0);
    assert_at_rest(world);
    /* Who is used is hotter than all of them, and who comes by a command as well. */
    execute_on(world, COMMAND_ACK, 15);
    execute_on(world, COMMAND_ACK, 30);
    complete_all(world);
    warm(world, 17, 17);
    complete_all(world);
    assert_int_equal(cache_get(&world->shard->cache, world->shard->cache.lru.newest)->id, 30);
    assert_int_equal(cache_get(&world->shard->cache, world->shard->cache.lru.oldest)->id, 17);
    end(world);
    shard_thread_leave();
}

static void states_are_as_they_were(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 100000);
    warm(world, 1, USERS);
    complete_all(world);
    /* More time, for what the rate had not allowed. */
    for (int i = 0; i < 100; i++) {
        turn(world, 10);
        complete_all(world);
    }
    assert_counts(world, USERS, 0);
    assert_at_rest(world);
    assert_int_equal(world->shard->cache.live_states, USERS - 1 + STATES_OF_LARGE);
    const uint64_t misses = metrics_get(&world->metrics, METRIC_MISSES);
    execute_on(world, COMMAND_ACK, LARGE);
    assert_int_equal(world->replies_count, 1);
    assert_int_equal(world->replies[0].version, STATES_OF_LARGE + 1);
    assert_int_equal(metrics_get(&world->metrics, METRIC_MISSES), misses);
    assert_int_equal(shard_count_unwritten(world->shard), 1);
    end(world);
    shard_thread_leave();
}

static void nobody_goes_for_it(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(5, 100000);
    execute_on(world, COMMAND_ACK, 30);
    execute_on(world, COMMAND_ACK, 31);
    complete_all(world);
    warm(world, 1, 10);
    complete_all(world);
    assert_counts(world, 3, 7);
    assert_at_rest(world);
    assert_int_equal(metrics_get(&world->metrics, METRIC_EVICTED_USERS), 0);
    assert_true(is_there(world, 30) && is_there(world, 31));
    assert_true(is_there(world, 1) && is_there(world, 2) && is_there(world, 3));
    /* A client's user finds room, and the coldest goes. */
    execute_on(world, COMMAND_ACK, 32);
    complete_all(world);
    assert_true(is_there(world, 32) && !is_there(world, 3) && is_there(world, 2));
    end(world);
    shard_thread_leave();
}

/* Room that was there when the load began may be taken when it ends. */
static void room_that_is_taken_meanwhile_is_not_taken_back(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(2, 100000);
    warm(world, 1, 2);
    assert_int_equal(world->pending_count, 2);
    execute_on(world, COMMAND_ACK, 30);
    execute_on(world, COMMAND_ACK, 31);
    assert_int_equal(world->pending_count, 4);
    /* The clients' first. */
    for (int i = 0; i < 2; i++) {
        const struct store_request first = world->pending[0];
        memmove(world->pending, world->pending + 1, 3 * sizeof first);
        world->pending[3] = first;
    }
    complete_all(world);
    assert_counts(world, 0, 2);
    assert_at_rest(world);
    assert_int_equal(metrics_get(&world->metrics, METRIC_EVICTED_USERS), 0);
    assert_true(is_there(world, 30) && is_there(world, 31));
    end(world);
    shard_thread_leave();
}

static void bytes_are_a_bound_as_well(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 100000);
    const uint64_t used = cache_count_bytes(&world->shard->cache);
    world->limits.cache_bytes = used + (UINT64_C(65) << 10);
    shard_set_limits(world->shard, &world->limits);
    warm(world, 1, 20);
    complete_all(world);
    assert_true(cache_count_bytes(&world->shard->cache) <= world->limits.cache_bytes);
    assert_false(is_there(world, LARGE));
    assert_int_equal(metrics_get(&world->metrics, METRIC_WARM_LOADED) +
                         metrics_get(&world->metrics, METRIC_WARM_SKIPPED),
                     20);
    assert_true(metrics_get(&world->metrics, METRIC_WARM_SKIPPED) > 0);
    assert_at_rest(world);
    end(world);
    shard_thread_leave();
}

static void few_are_loaded_at_once(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 1000000);
    warm(world, 1, 20);
    assert_int_equal(world->pending_count, WARM_LOADS_MAX);
    complete(world, STATUS_OK);
    assert_int_equal(world->pending_count, WARM_LOADS_MAX);
    /* Clients wait for loads: no more begin until all but a few are done. */
    execute_on(world, COMMAND_ACK, 30);
    assert_int_equal(world->pending_count, WARM_LOADS_MAX + 1);
    for (uint32_t i = 0; i < WARM_LOADS_MAX - WARM_LOADS_BESIDE_CLIENTS; i++) {
        complete(world, STATUS_OK);
    }
    assert_int_equal(world->pending_count, WARM_LOADS_BESIDE_CLIENTS + 1);
    complete(world, STATUS_OK);
    assert_int_equal(world->pending_count, WARM_LOADS_BESIDE_CLIENTS + 1);
    complete_all(world);
    assert_counts(world, 20, 0);
    end(world);
    shard_thread_leave();
}

/* A load that takes long does not come to stand behind all that follow. */
static void none_is_far_ahead_of_another(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 1000000);
    warm(world, 1, 30);
    /* The first one's answer comes after those of all others that could be sent. */
    const struct store_request first = world->pending[0];
    memmove(world->pending, world->pending + 1, --world->pending_count * sizeof first);
    while (world->pending_count > 0) {
        complete(world, STATUS_OK);
    }
    assert_counts(world, WARM_LOADS_MAX - 1, 0);
    world->pending[world->pending_count++] = first;
    complete(world, STATUS_OK);
    assert_int_equal(world->pending_count, WARM_LOADS_MAX);
    complete_all(world);
    static const uint64_t order[] = {2,  3,  4,  5,  6,  7,  8,  1,  9,  10, 11, 12, 13, 14, 15,
                                     16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30};
    assert_order(world, order, 30);
    assert_at_rest(world);
    end(world);
    shard_thread_leave();
}

static void the_rate_is_kept(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 20);
    warm(world, 1, 30);
    complete_all(world);
    /* At most what a tenth of a second allows is there at once, and one. */
    const uint64_t at_once = metrics_get(&world->metrics, METRIC_WARM_LOADED);
    assert_true(at_once <= 3);
    for (int i = 0; i < 50; i++) {
        turn(world, 10);
        complete_all(world);
    }
    const uint64_t later = metrics_get(&world->metrics, METRIC_WARM_LOADED);
    assert_true(later >= at_once + 9 && later <= at_once + 11);
    /* With none allowed nobody waits for ever. */
    world->limits.warm_rate = 0;
    shard_set_limits(world->shard, &world->limits);
    turn(world, 10);
    assert_counts(world, later, 30 - later);
    assert_at_rest(world);
    end(world);
    shard_thread_leave();
}

static void a_store_that_fails_is_left_alone(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 1000000);
    warm(world, 1, 30);
    while (world->pending_count > 0) {
        complete(world, STATUS_STORE);
    }
    assert_int_equal(world->shard->breaker.state, BREAKER_OPEN);
    const uint64_t skipped = metrics_get(&world->metrics, METRIC_WARM_SKIPPED);
    assert_true(skipped >= BREAKER_FAILURES && skipped <= BREAKER_FAILURES + WARM_LOADS_MAX);
    turn(world, 10);
    assert_int_equal(world->pending_count, 0);
    /* It is asked once more after a while, and goes on with its first answer. */
    turn(world, BREAKER_DELAY_MIN_MS);
    assert_int_equal(world->pending_count, 1);
    complete_all(world);
    assert_counts(world, 30 - skipped, skipped);
    assert_at_rest(world);
    end(world);
    shard_thread_leave();
}

static void a_store_that_hangs_is_not_asked_for_more(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 1000000);
    warm(world, 1, 30);
    for (int i = 0; i < 200; i++) {
        turn(world, 100);
    }
    assert_int_equal(world->pending_count, WARM_LOADS_MAX);
    complete_all(world);
    for (int i = 0; i < 100; i++) {
        turn(world, 100);
        complete_all(world);
    }
    assert_int_equal(metrics_get(&world->metrics, METRIC_WARM_LOADED), 30);
    assert_at_rest(world);
    end(world);
    shard_thread_leave();
}

/* Nor where it is a client's load that takes so long. */
static void nobody_is_loaded_behind_one_that_is_late(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 1000000);
    execute_on(world, COMMAND_ACK, 30);
    for (int i = 0; i < 60; i++) {
        turn(world, 100);
    }
    assert_int_equal(world->replies_count, 1);
    assert_int_equal(world->replies[0].kind, REPLY_FAILED);
    warm(world, 1, 5);
    assert_int_equal(world->pending_count, 1);
    complete_all(world);
    turn(world, 10);
    complete_all(world);
    assert_counts(world, 5, 0);
    assert_at_rest(world);
    end(world);
    shard_thread_leave();
}

/* One load for both; and the user is the client's. */
static void a_command_joins_the_load(void **state)
{
    (void)state;
    shard_thread_enter();
    static const uint64_t users[] = {3, LARGE};
    for (int i = 0; i < 2; i++) {
        struct world *world = begin(0, 1000000);
        warm(world, 1, 2);
        warm(world, users[i], users[i]);
        assert_int_equal(world->pending_count, 3);
        execute_on(world, COMMAND_ACK, users[i]);
        assert_int_equal(world->pending_count, 3);
        assert_int_equal(world->replies_count, 0);
        complete_all(world);
        assert_int_equal(world->replies_count, 1);
        assert_int_equal(world->replies[0].kind, REPLY_STATE);
        const uint64_t order[] = {users[i], 1, 2};
        assert_order(world, order, 3);
        assert_counts(world, 3, 0);
        assert_at_rest(world);
        end(world);
    }
    shard_thread_leave();
}

/* The client was first. */
static void a_load_that_is_under_way_is_not_repeated(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 1000000);
    execute_on(world, COMMAND_ACK, 3);
    warm(world, 3, 3);
    assert_int_equal(world->pending_count, 1);
    assert_counts(world, 0, 1);
    complete_all(world);
    warm(world, 3, 3);
    assert_int_equal(world->pending_count, 0);
    assert_counts(world, 0, 2);
    assert_int_equal(world->replies_count, 1);
    assert_at_rest(world);
    end(world);
    shard_thread_leave();
}

static void whoever_is_not_in_the_store_is_not_in_memory(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 1000000);
    warm(world, 1000, 1003);
    complete_all(world);
    assert_counts(world, 0, 4);
    assert_int_equal(cache_count_users(&world->shard->cache), 0);
    assert_at_rest(world);
    end(world);
    shard_thread_leave();
}

static void forgotten_users_stay_forgotten(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 1000000);
    /* While it is being loaded. */
    warm(world, 3, 3);
    execute_on(world, COMMAND_FORGET, 3);
    complete_all(world);
    assert_int_equal(world->replies_count, 1);
    assert_int_equal(world->replies[0].number, 1);
    assert_false(is_there(world, 3));
    /* While it is being erased, and afterwards. */
    execute_on(world, COMMAND_FORGET, 4);
    complete(world, STATUS_OK);
    assert_int_equal(world->pending[0].work, STORE_WORK_WRITE);
    warm(world, 4, 4);
    complete_all(world);
    assert_false(is_there(world, 4));
    warm(world, 3, 4);
    complete_all(world);
    assert_int_equal(cache_count_users(&world->shard->cache), 0);
    assert_counts(world, 0, 4);
    assert_at_rest(world);
    end(world);
    shard_thread_leave();
}

/* Commands that load nobody: they see the user as it is. */
static void commands_that_do_not_load_are_answered(void **state)
{
    (void)state;
    shard_thread_enter();
    static const enum command_kind kinds[] = {COMMAND_INSPECT_USER, COMMAND_EVICT,
                                              COMMAND_FLUSH_USER, COMMAND_MEASURE_USER};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct world *world = begin(0, 1000000);
        warm(world, 3, 3);
        execute_on(world, kinds[i], 3);
        complete_all(world);
        assert_int_equal(world->replies_count, 1);
        assert_int_not_equal(world->replies[0].kind, REPLY_FAILED);
        assert_counts(world, 1, 0);
        assert_at_rest(world);
        end(world);
    }
    shard_thread_leave();
}

static void those_in_line_can_be_left(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 1000000);
    for (uint64_t user = 1; user <= SHARD_WARM_MAX; user++) {
        assert_true(shard_warm(world->shard, (struct user_id){user}));
    }
    assert_false(shard_warm(world->shard, (struct user_id){1}));
    turn(world, 0);
    shard_end_warm(world->shard);
    assert_counts(world, 0, SHARD_WARM_MAX - WARM_LOADS_MAX);
    complete_all(world);
    assert_counts(world, WARM_LOADS_MAX, SHARD_WARM_MAX - WARM_LOADS_MAX);
    assert_at_rest(world);
    warm(world, 20, 20);
    end(world);
    shard_thread_leave();
}

static void the_hottest_are_listed(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 1000000);
    struct hot_list list = {0};
    assert_false(shard_take_hot(world->shard, &list));
    for (uint64_t user = 1; user <= 20; user++) {
        execute_on(world, COMMAND_ACK, user);
        complete_all(world);
    }
    execute_on(world, COMMAND_SUBSCRIBE, 7);
    static const uint32_t bounds[] = {100, 5};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(shard_begin_hot(world->shard, bounds[i]), STATUS_OK);
        turn(world, 0);
        assert_true(shard_take_hot(world->shard, &list));
        assert_false(shard_take_hot(world->shard, &list));
        /* Somebody reads 7. */
        static const uint64_t order[] = {7,  20, 19, 18, 17, 16, 15, 14, 13, 12,
                                         11, 10, 9,  8,  6,  5,  4,  3,  2,  1};
        assert_int_equal(hot_list_count(&list), bounds[i] < 20 ? bounds[i] : 20);
        for (uint32_t at = 0; at < hot_list_count(&list); at++) {
            assert_int_equal(hot_list_get(&list, at).value, order[at]);
        }
        hot_list_deinit(&list);
    }
    /* One that is not taken goes with the shard. */
    assert_int_equal(shard_begin_hot(world->shard, 10), STATUS_OK);
    end(world);
    shard_thread_leave();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_stays_the_hottest),
        cmocka_unit_test(states_are_as_they_were),
        cmocka_unit_test(nobody_goes_for_it),
        cmocka_unit_test(room_that_is_taken_meanwhile_is_not_taken_back),
        cmocka_unit_test(bytes_are_a_bound_as_well),
        cmocka_unit_test(few_are_loaded_at_once),
        cmocka_unit_test(none_is_far_ahead_of_another),
        cmocka_unit_test(the_rate_is_kept),
        cmocka_unit_test(a_store_that_fails_is_left_alone),
        cmocka_unit_test(a_store_that_hangs_is_not_asked_for_more),
        cmocka_unit_test(nobody_is_loaded_behind_one_that_is_late),
        cmocka_unit_test(a_command_joins_the_load),
        cmocka_unit_test(a_load_that_is_under_way_is_not_repeated),
        cmocka_unit_test(whoever_is_not_in_the_store_is_not_in_memory),
        cmocka_unit_test(forgotten_users_stay_forgotten),
        cmocka_unit_test(commands_that_do_not_load_are_answered),
        cmocka_unit_test(those_in_line_can_be_left),
        cmocka_unit_test(the_hottest_are_listed),
    };
    return cmocka_run_group_tests_name("shard warm", tests, NULL, NULL);
}
