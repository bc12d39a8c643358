/* The change feed of a shard by hand: who stays in memory, what is published of which command, and
 * of what nothing is. */
#include "shard/shard.h"
#include "shard/shard_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { REQUESTS_MAX = 64, STATES_MAX = 1200, CACHE_USERS = 8, LOOP = 5, OTHER_LOOP = 63 };

struct world {
    struct shard *shard;
    struct metrics metrics;
    struct store_request requests[REQUESTS_MAX];
    uint32_t requests_count;
    bool is_failing;    /* The store. */
    struct reply reply; /* The newest, without its payload. */
    uint32_t replies;
    struct publication published; /* The newest, ... */
    uint32_t publications;        /* ... of so many, each with all its parts. */
    uint32_t parts;
    struct state_view states[STATES_MAX];
    uint32_t states_count;
};

static void take_reply(void *context, const struct reply *reply)
{
    struct world *self = context;
    self->reply = *reply;
    self->reply.payload = NULL;
    self->replies++;
}

static bool has_room(void *context, const struct command_token *token)
{
    (void)context;
    (void)token;
    return true;
}

static void take_request(void *context, const struct store_request *request)
{
    struct world *self = context;
    assert_true(self->requests_count < REQUESTS_MAX);
    self->requests[self->requests_count++] = *request;
}

static void take_publication(void *context, const struct publication *publication)
{
    struct world *self = context;
    if (publication->first) {
        self->states_count = 0;
        self->parts = 0;
    } else {
        assert_int_equal(publication->version, self->published.version);
        assert_false(self->published.last);
    }
    assert_true(self->states_count + publication->count <= STATES_MAX);
    memcpy(self->states + self->states_count, publication->views,
           publication->count * sizeof *publication->views);
    self->states_count += publication->count;
    self->parts++;
    self->publications += publication->last;
    self->published = *publication;
    self->published.views = NULL;
}

/* The store does what it is asked: nobody is in it, and writes are done. */
static void serve(struct world *self) ON_SHARD_THREAD
{
    do {
        while (self->requests_count > 0) {
            struct store_request request = self->requests[--self->requests_count];
            const bool reads = request.work == STORE_WORK_READ;
            image_destroy(&request.image);
            struct store_completion completion = {.work = request.work,
                                                  .status = self->is_failing ? STATUS_STORE
                                                            : reads          ? STATUS_MISSING
                                                                             : STATUS_OK,
                                                  .user = request.user,
                                                  .ticket = request.ticket};
            shard_complete(self->shard, &completion);
        }
        while (shard_turn(self->shard, 1000)) {
        }
    } while (self->requests_count > 0);
}

static void execute(struct world *self, uint64_t user, struct command command) ON_SHARD_THREAD
{
    const uint32_t replies = self->replies;
    command.user.value = user;
    shard_execute(self->shard, &command);
    serve(self);
    assert_int_equal(self->replies, replies + 1);
}

static void begin(struct world *self) THREAD_ATTRIBUTE(acquire_capability(shard_thread))
{
    shard_thread_enter();
    *self = (struct world){.replies = 0};
    const struct shard_config config = {
        .limits = {.cache_bytes = 8 << 20,
                   .dirty_bytes = 8 << 20,
                   .cache_users = CACHE_USERS,
                   .max_channels = 2000,
                   .tombstones_kept = 3,
                   .commit_delay_ms = 100000,
                   .mention_ids_kept = 4},
        .port = {.reply = take_reply,
                 .has_reply_room = has_room,
                 .publish = take_publication,
                 .send_to_store = take_request,
                 .lent_context = self},
        .lent_metrics = &self->metrics,
        .now_ms = 1000,
    };
    assert_int_equal(shard_create(&self->shard, &config), STATUS_OK);
}

static void end(struct world *self) THREAD_ATTRIBUTE(release_capability(shard_thread))
{
    serve(self);
    shard_destroy(&self->shard);
    shard_thread_leave();
}

static void subscribe(struct world *self, uint64_t user, uint16_t loop) ON_SHARD_THREAD
{
    execute(self, user, (struct command){.kind = COMMAND_SUBSCRIBE, .token.shard = loop});
}

static void unsubscribe(struct world *self, uint64_t user, uint16_t loop) ON_SHARD_THREAD
{
    execute(self, user, (struct command){.kind = COMMAND_UNSUBSCRIBE, .token.shard = loop});
    assert_int_equal(self->reply.kind, REPLY_DONE);
}

static void ack(struct world *self, uint64_t user, uint64_t channel,
                uint64_t message) ON_SHARD_THREAD
{
    execute(
        self, user,
        (struct command){.kind = COMMAND_ACK, .channel = {.id = channel}, .message = {message}});
}

static uint64_t count_cached(struct world *self) ON_SHARD_THREAD
{
    shard_publish_metrics(self->shard);
    return metrics_get(&self->metrics, METRIC_CACHED_USERS);
}

/* One more was published: so many states, all of its version. */
static void expect(const struct world *self, uint32_t publications, enum publication_cause cause,
                   uint64_t version, uint32_t states)
{
    assert_int_equal(self->publications, publications);
    assert_int_equal(self->published.cause, cause);
    assert_int_equal(self->published.version, version);
    assert_true(self->published.last);
    assert_int_equal(self->states_count, states);
    for (uint32_t i = 0; i < states; i++) {
        assert_int_equal(self->states[i].version, version);
    }
}

static void who_is_nowhere_can_be_read(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    subscribe(&world, 7, LOOP);
    assert_int_equal(world.reply.kind, REPLY_SUBSCRIBED);
    assert_int_equal(world.reply.version, 0);
    assert_int_equal(world.reply.number, 7);
    assert_int_equal(count_cached(&world), 0);
    assert_int_equal(cache_count_users(&world.shard->cache), 1);
    ack(&world, 7, 3, 9);
    expect(&world, 1, CAUSE_ACK, 1, 1);
    assert_int_equal(world.published.readers, UINT64_C(1) << LOOP);
    assert_int_equal(count_cached(&world), 1);
    unsubscribe(&world, 7, LOOP);
    assert_int_equal(count_cached(&world), 1);
    ack(&world, 7, 3, 10);
    assert_int_equal(world.publications, 1);
    /* Without a state nothing stays of it. */
    subscribe(&world, 8, LOOP);
    subscribe(&world, 8, OTHER_LOOP);
    unsubscribe(&world, 8, LOOP);
    assert_int_equal(cache_count_users(&world.shard->cache), 2);
    unsubscribe(&world, 8, OTHER_LOOP);
    assert_int_equal(cache_count_users(&world.shard->cache), 1);
    unsubscribe(&world, 8, OTHER_LOOP);
    assert_int_equal(count_cached(&world), 1);
    end(&world);
}

static void readers_are_all_told(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    for (uint16_t loop = 0; loop < 64; loop++) {
        subscribe(&world, 7, loop);
    }
    ack(&world, 7, 3, 1);
    assert_true(world.published.readers == UINT64_MAX);
    for (uint16_t loop = 0; loop < 64; loop += 2) {
        unsubscribe(&world, 7, loop);
        unsubscribe(&world, 7, loop);
    }
    ack(&world, 7, 3, 2);
    assert_true(world.published.readers == UINT64_C(0xaaaaaaaaaaaaaaaa));
    end(&world);
}

static void who_is_read_stays_and_counts(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    for (uint64_t user = 1; user <= CACHE_USERS; user++) {
        if (user % 2 == 0) {
            ack(&world, user, 3, 9);
        }
        subscribe(&world, user, LOOP);
        assert_int_equal(world.reply.kind, REPLY_SUBSCRIBED);
        /* Others come and go. */
        for (uint64_t other = 100; other < 120 && user < CACHE_USERS; other++) {
            ack(&world, other + 100 * user, 3, 9);
            assert_int_equal(world.reply.kind, REPLY_STATE);
        }
    }
    assert_int_equal(world.shard->cache.lru.oldest, BLOCK_NONE);
    assert_int_equal(count_cached(&world), CACHE_USERS / 2);
    ack(&world, 99, 3, 9);
    assert_int_equal(world.reply.status, STATUS_CACHE_FULL);
    subscribe(&world, 99, LOOP);
    assert_int_equal(world.reply.status, STATUS_CACHE_FULL);
    execute(&world, 2, (struct command){.kind = COMMAND_EVICT});
    assert_int_equal(world.reply.number, 0);
    /* Those that are there are served, and read by further loops. */
    ack(&world, 1, 3, 9);
    subscribe(&world, 1, OTHER_LOOP);
    assert_int_equal(world.reply.version, 1);
    unsubscribe(&world, 1, OTHER_LOOP);
    assert_int_equal(cache_count_users(&world.shard->cache), CACHE_USERS);
    unsubscribe(&world, 2, LOOP);
    subscribe(&world, 99, LOOP);
    assert_int_equal(world.reply.kind, REPLY_SUBSCRIBED);
    assert_int_equal(cache_find(&world.shard->cache, (struct user_id){2}), BLOCK_NONE);
    end(&world);
}

static void a_failed_load_subscribes_nobody(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    world.is_failing = true;
    subscribe(&world, 7, LOOP);
    assert_int_equal(world.reply.kind, REPLY_FAILED);
    assert_int_equal(world.reply.status, STATUS_STORE);
    assert_int_equal(cache_count_users(&world.shard->cache), 0);
    world.is_failing = false;
    ack(&world, 7, 3, 9);
    assert_int_equal(world.publications, 0);
    end(&world);
}

static void several(struct world *self, enum command_kind kind, uint64_t message,
                    bool acks) ON_SHARD_THREAD
{
    const struct command_target targets[] = {{.user = {7}, .acks = acks},
                                             {.user = {8}, .position = 1}};
    execute(self, 0,
            (struct command){.kind = kind,
                             .channel = {.id = 3},
                             .message = {message},
                             .count = 2,
                             .targets = targets});
}

static void change(struct world *self, enum command_kind kind, uint64_t channel,
                   uint64_t value) ON_SHARD_THREAD
{
    struct command command = {.kind = kind, .channel = {.id = channel}, .message = {value}};
    if (kind == COMMAND_PIN) {
        command.pin_ms = value;
    }
    execute(self, 7, command);
}

static void each_command_says_its_cause(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    subscribe(&world, 7, LOOP);
    ack(&world, 7, 3, 9);
    expect(&world, 1, CAUSE_ACK, 1, 1);
    several(&world, COMMAND_MENTION, 12, false);
    expect(&world, 2, CAUSE_MENTION, 2, 1);
    assert_int_equal(world.states[0].mentions, 1);
    several(&world, COMMAND_UNMENTION, 12, false);
    expect(&world, 3, CAUSE_UNMENTION, 3, 1);
    several(&world, COMMAND_MESSAGE, 13, true);
    expect(&world, 4, CAUSE_MESSAGE, 4, 1);
    several(&world, COMMAND_MESSAGE, 14, false);
    expect(&world, 5, CAUSE_MESSAGE, 5, 1);
    change(&world, COMMAND_PIN, 3, 1000);
    expect(&world, 6, CAUSE_PIN, 6, 1);
    change(&world, COMMAND_JOIN, 4, 20);
    expect(&world, 7, CAUSE_JOIN, 7, 1);
    change(&world, COMMAND_LEAVE, 4, 21);
    expect(&world, 8, CAUSE_LEAVE, 8, 1);
    assert_true(world.states[0].deleted);
    assert_int_equal(world.states[0].last_read, 21);
    end(&world);
}

static void what_nobody_can_see_is_not_told(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    subscribe(&world, 7, LOOP);
    ack(&world, 7, 3, 9);
    change(&world, COMMAND_PIN, 3, 1000);
    change(&world, COMMAND_LEAVE, 4, 21);
    const uint32_t publications = world.publications;
    ack(&world, 7, 3, 9);
    ack(&world, 7, 3, 8);
    ack(&world, 7, 4, 21);
    several(&world, COMMAND_MENTION, 9, false);
    several(&world, COMMAND_UNMENTION, 500, false);
    several(&world, COMMAND_MESSAGE, 5, true);
    change(&world, COMMAND_PIN, 3, 1000);
    change(&world, COMMAND_PIN, 4, 5000);
    change(&world, COMMAND_LEAVE, 4, 20);
    change(&world, COMMAND_LEAVE, 5, 0);
    const struct channel_key nowhere[] = {{.id = 5}, {.id = 4}};
    execute(&world, 7, (struct command){.kind = COMMAND_DEL, .channels = nowhere, .count = 2});
    const struct channel_message pairs[] = {{{.id = 3}, {9}}, {{.id = 4}, {1}}};
    execute(&world, 7, (struct command){.kind = COMMAND_BULKACK, .pairs = pairs, .count = 2});
    execute(&world, 7, (struct command){.kind = COMMAND_LIST});
    assert_int_equal(world.reply.version, 3);
    assert_int_equal(world.publications, publications);
    end(&world);
}

static void a_bulk_is_one_message(void **state)
{
    (void)state;
    struct world world;
    begin(&world);
    subscribe(&world, 7, LOOP);
    ack(&world, 7, 5, 50);
    /* One named twice, one under another type, one that does not change. */
    const struct channel_message pairs[] = {{{.id = 3}, {9}},
                                            {{.id = 4}, {9}},
                                            {{.id = 3}, {12}},
                                            {{.id = 5}, {50}},
                                            {{.id = 3, .type = 1}, {7}},
                                            {{.id = 4}, {2}}};
    execute(&world, 7, (struct command){.kind = COMMAND_BULKACK, .pairs = pairs, .count = 6});
    expect(&world, 2, CAUSE_BULKACK, 2, 3);
    assert_int_equal(world.states[0].last_read, 12);
    assert_int_equal(world.states[1].last_read, 9);
    assert_int_equal(world.states[2].channel.type, 1);
    end(&world);
}

static void what_is_long_comes_in_parts(void **state)
{
    (void)state;
    enum { CHANNELS = 1000 };
    static struct channel_message pairs[CHANNELS];
    static struct channel_key channels[CHANNELS + 1];
    struct world world;
    begin(&world);
    subscribe(&world, 7, LOOP);
    for (uint32_t i = 0; i < CHANNELS; i++) {
        channels[i] = (struct channel_key){.id = 1 + i};
        pairs[i] = (struct channel_message){channels[i], {9}};
    }
    channels[CHANNELS] = channels[0];
    execute(&world, 7,
            (struct command){.kind = COMMAND_BULKACK, .pairs = pairs, .count = CHANNELS});
    expect(&world, 1, CAUSE_BULKACK, 1, CHANNELS);
    assert_true(world.parts > CHANNELS / VIEWS_MAX);
    execute(&world, 7,
            (struct command){.kind = COMMAND_DEL, .channels = channels, .count = CHANNELS + 1});
    expect(&world, 2, CAUSE_DELETE, 2, CHANNELS);
    for (uint32_t i = 0; i < CHANNELS; i++) {
        assert_true(world.states[i].deleted);
        assert_int_equal(world.states[i].channel.id, 1 + i);
    }
    /* Told of all, and then only the last few are kept. */
    const struct user *user =
        cache_get(&world.shard->cache, cache_find(&world.shard->cache, (struct user_id){7}));
    assert_int_equal(user->tombstones, 3);
    assert_int_equal(user->purged_to, 2);
    end(&world);
}

/* Subscribed users move, grow and shrink, and neither the order of use nor their readers suffer. */
static void moved_users_keep_their_readers(void **state)
{
    (void)state;
    struct cache cache;
    assert_int_equal(cache_init(&cache, 0), STATUS_OK);
    enum { USERS = 3000 };
    static uint64_t readers[USERS];
    for (uint64_t user = 0; user < USERS; user++) {
        uint32_t block = BLOCK_NONE;
        assert_int_equal(cache_insert(&cache, (struct user_id){1 + user}, &block), STATUS_OK);
        for (uint64_t reader = user % 5; user % 3 == 0 && reader < 64; reader += 1 + user % 11) {
            cache_subscribe(&cache, block, (uint32_t)reader);
            readers[user] |= UINT64_C(1) << reader;
        }
    }
    for (uint64_t user = 0; user < USERS; user++) {
        if (user % 7 != 0 && user % 3 != 0) {
            cache_remove(&cache, cache_find(&cache, (struct user_id){1 + user}));
        }
    }
    while (cache_turn_removed(&cache, 64)) {
    }
    uint32_t moved = 0;
    for (uint32_t more = 1; more > 0; moved += more) {
        more = cache_compact(&cache, 64);
    }
    assert_true(moved > 0);
    uint32_t in_order = 0;
    for (uint32_t at = cache.lru.oldest; at != BLOCK_NONE; at = cache_get(&cache, at)->newer) {
        assert_false(user_is(cache_get(&cache, at), USER_SUBSCRIBED));
        in_order++;
    }
    uint32_t subscribed = 0;
    for (uint64_t user = 0; user < USERS; user += 3) {
        const uint32_t block = cache_find(&cache, (struct user_id){1 + user});
        assert_int_not_equal(block, BLOCK_NONE);
        lru_prefetch_neighbours(&cache.lru, block);
        cache_touch(&cache, block, 5);
        assert_true(user_get_readers(cache_get(&cache, block)) == readers[user]);
        for (uint32_t reader = 0; reader < 64; reader++) {
            cache_unsubscribe(&cache, block, reader);
        }
        assert_false(user_is(cache_get(&cache, block), USER_SUBSCRIBED));
        assert_int_equal(cache.lru.newest, block);
        subscribed++;
    }
    assert_int_equal(in_order + subscribed, cache_count_users(&cache));
    cache_deinit(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_nowhere_can_be_read),
        cmocka_unit_test(readers_are_all_told),
        cmocka_unit_test(who_is_read_stays_and_counts),
        cmocka_unit_test(a_failed_load_subscribes_nobody),
        cmocka_unit_test(each_command_says_its_cause),
        cmocka_unit_test(what_nobody_can_see_is_not_told),
        cmocka_unit_test(a_bulk_is_one_message),
        cmocka_unit_test(what_is_long_comes_in_parts),
        cmocka_unit_test(moved_users_keep_their_readers),
    };
    return cmocka_run_group_tests_name("shard feed", tests, NULL, NULL);
}
