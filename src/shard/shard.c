#include "shard/shard.h"

#include "base/assert.h"
#include "base/hash.h"
#include "shard/shard_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    PREFETCH_TARGETS = 16,
    BADGES_KEPT = 64, /* A gathering with room for more is not kept. */
};

static void set_limits(struct shard *self, const struct shard_limits *limits)
{
    self->limits = *limits;
    const uint64_t bytes = cache_count_bytes(&self->cache);
    const uint64_t users = cache_count_users(&self->cache);
    const uint64_t users_max = limits->cache_users == 0 ? UINT32_MAX : limits->cache_users;
    self->ceiling_bytes = bytes > limits->cache_bytes ? bytes : limits->cache_bytes;
    self->ceiling_users = users > users_max ? users : users_max;
}

enum status shard_create(struct shard **out_shard, const struct shard_config *config)
{
    struct shard *shard = calloc(1, sizeof *shard);
    if (shard == NULL) {
        return STATUS_MEMORY;
    }
    shard->config = *config;
    shard->now_ms = config->now_ms;
    shard->generations = calloc(HASH_SLOTS, sizeof *shard->generations);
    if (shard->generations == NULL) {
        free(shard);
        return STATUS_MEMORY;
    }
    if (config->generations != NULL) {
        memcpy(shard->generations, config->generations, HASH_SLOTS * sizeof *shard->generations);
    }
    shard->lent_metrics = config->lent_metrics;
    breaker_init(&shard->breaker, config->number);
    enum status status = cache_init(&shard->cache, config->now_ms);
    if (status != STATUS_OK) {
        free(shard->generations);
        free(shard);
        return status;
    }
    status = waiting_table_init(&shard->waiting);
    if (status != STATUS_OK) {
        cache_deinit(&shard->cache);
        free(shard->generations);
        free(shard);
        return status;
    }
    set_limits(shard, &config->limits);
    *out_shard = shard;
    return STATUS_OK;
}

void shard_destroy(struct shard **taken_shard)
{
    struct shard *self = *taken_shard;
    shard_destroy_erasures(&self->erasures);
    shard_destroy_erasures(&self->erasures_syncing);
    while (self->saves != NULL) {
        struct save *save = self->saves;
        self->saves = save->next;
        image_destroy(&save->image);
        free(save);
    }
    while (self->lists_first != NULL) {
        struct waiter *waiter = self->lists_first;
        self->lists_first = waiter->next;
        waiter_destroy(waiter);
    }
    struct flush_waiter *lists[] = {self->flush_round, self->flush_next};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        while (lists[i] != NULL) {
            struct flush_waiter *waiter = lists[i];
            lists[i] = waiter->next;
            free(waiter);
        }
    }
    hot_list_deinit(&self->hot_list);
    free(self->spare_gathering);
    waiting_table_deinit(&self->waiting);
    cache_deinit(&self->cache);
    free(self->generations);
    free(self);
    *taken_shard = NULL;
}

void shard_set_limits(struct shard *self, const struct shard_limits *limits)
{
    set_limits(self, limits);
}

/* Three passes, of which each reads what the one before has brought: buckets of the index, blocks,
 * their neighbours in the order of use. */
static void prefetch(const struct shard *self, const struct user_id *users, uint32_t count)
{
    uint64_t hashes[SHARD_PREFETCH_MAX];
    uint32_t blocks[SHARD_PREFETCH_MAX];
    ASSERT(count <= SHARD_PREFETCH_MAX);
    /* A single one would only pay for it. */
    if (count < 2) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        hashes[i] = hash_user(users[i]);
        index_prefetch_bucket(&self->cache.index, hashes[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        blocks[i] = index_prefetch_block(&self->cache.index, hashes[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (blocks[i] != BLOCK_NONE) {
            lru_prefetch_neighbours(&self->cache.lru, blocks[i]);
        }
    }
}

void shard_prefetch(const struct shard *self, const struct user_id *users, uint32_t count)
{
    prefetch(self, users, count);
}

void shard_reply_status(struct shard *self, const struct command_token *token, enum status status)
{
    const struct reply reply = {
        .kind = status == STATUS_OK ? REPLY_DONE : REPLY_FAILED, .status = status, .token = *token};
    self->config.port.reply(self->config.port.lent_context, &reply);
}

void shard_gathering_done(struct shard *self, struct gathering *gathering)
{
    struct reply reply = {.token = gathering->token, .kind = REPLY_COUNTS, .count = 1};
    if (gathering->kind == COMMAND_BADGE) {
        reply.kind = REPLY_BADGES;
        reply.count = gathering->badges_count;
        reply.badges = gathering->badges;
    } else {
        reply.counts = &gathering->counts;
    }
    self->config.port.reply(self->config.port.lent_context, &reply);
    if (self->spare_gathering == NULL && gathering->badges_room == BADGES_KEPT) {
        self->spare_gathering = gathering;
    } else {
        free(gathering);
    }
}

static void gathering_fail(struct gathering *gathering, const struct command_target *target,
                           enum status status)
{
    struct reply_counts *counts = &gathering->counts;
    if (target->position < counts->failed_position) {
        counts->failed_position = target->position;
        counts->failed_status = status;
    }
    if (gathering->kind == COMMAND_BADGE) {
        gathering->badges[gathering->badges_count++] =
            (struct reply_badge){.position = target->position, .status = status};
    }
}

void shard_reply_failed(struct shard *self, struct waiter *waiter, enum status status)
{
    if (waiter->gathering == NULL) {
        shard_reply_status(self, &waiter->command.token, status);
        return;
    }
    gathering_fail(waiter->gathering, &waiter->target, status);
    if (--waiter->gathering->remaining == 0) {
        shard_gathering_done(self, waiter->gathering);
    }
}

/* Do commands of the user wait, so that a further one has to wait behind them? Or must the user be
 * loaded all the same? */
static bool is_waited_for(const struct shard *self, struct user_id user, uint32_t block)
{
    if (block != BLOCK_NONE && user_is(cache_get(&self->cache, block), USER_PARTIAL)) {
        return true;
    }
    const struct waiting *waiting =
        self->waiting.users > 0 ? waiting_find(&self->waiting, user) : NULL;
    return waiting != NULL && waiting->for_what != WAITING_FOR_NOTHING;
}

/* Executes for one user now, or has it wait. `block`: where the user is in memory. */
static void execute_one(struct shard *self, struct waiter *waiter, bool waited_for, uint32_t block)
{
    if (waited_for) {
        shard_wait(self, waiter, OUTCOME_NEEDS_LOAD);
        return;
    }
    enum outcome outcome = OUTCOME_NEEDS_LOAD;
    if (block != BLOCK_NONE) {
        metrics_add(self->lent_metrics, METRIC_HITS, 1);
        if (!shard_only_looks(&waiter->command)) {
            shard_rescue(self, block);
        }
        outcome = shard_run(self, waiter, block);
    } else if (shard_is_for_cached(&waiter->command)) {
        outcome = shard_run(self, waiter, BLOCK_NONE);
    } else {
        metrics_add(self->lent_metrics, METRIC_MISSES, 1);
    }
    if (outcome != OUTCOME_DONE) {
        shard_wait(self, waiter, outcome);
    }
}

/* NULL without memory. As long as nobody waits, the same one serves all commands. */
static struct gathering *acquire_gathering(struct shard *self, const struct command *command)
{
    const uint32_t badges = command->kind == COMMAND_BADGE ? command->count : 0;
    struct gathering *gathering = self->spare_gathering;
    uint32_t room = badges > BADGES_KEPT ? badges : BADGES_KEPT;
    if (gathering != NULL && gathering->badges_room >= badges) {
        self->spare_gathering = NULL;
        room = gathering->badges_room;
    } else {
        gathering = malloc(sizeof *gathering + room * sizeof *gathering->badges);
        if (gathering == NULL) {
            return NULL;
        }
    }
    *gathering = (struct gathering){
        .token = command->token,
        .kind = command->kind,
        /* One more than there are users: none of them ends it before the last was begun. */
        .remaining = command->count + 1,
        .counts.failed_position = UINT32_MAX,
        .badges_room = room,
    };
    return gathering;
}

static void prefetch_targets(const struct shard *self, const struct command *command,
                             uint32_t first)
{
    struct user_id users[PREFETCH_TARGETS];
    const uint32_t left = command->count - first;
    const uint32_t count = left < PREFETCH_TARGETS ? left : PREFETCH_TARGETS;
    for (uint32_t i = 0; i < count; i++) {
        users[i] = command->targets[first + i].user;
    }
    prefetch(self, users, count);
}

/* A command to several users, each of whom is served by itself. */
static void execute_many(struct shard *self, const struct command *command)
{
    struct gathering *gathering = acquire_gathering(self, command);
    if (gathering == NULL) {
        shard_reply_status(self, &command->token, STATUS_MEMORY);
        return;
    }
    for (uint32_t i = 0; i < command->count; i++) {
        if (i % PREFETCH_TARGETS == 0) {
            prefetch_targets(self, command, i);
        }
        struct waiter waiter = {
            .command = *command, .gathering = gathering, .target = command->targets[i]};
        waiter.command.user = command->targets[i].user;
        waiter.command.list = NULL;
        waiter.command.count = 0;
        const uint32_t block = cache_find(&self->cache, waiter.command.user);
        execute_one(self, &waiter, is_waited_for(self, waiter.command.user, block), block);
    }
    if (--gathering->remaining == 0) {
        shard_gathering_done(self, gathering);
    }
}

static void execute_single(struct shard *self, const struct command *command)
{
    const uint32_t block = cache_find(&self->cache, command->user);
    const bool waited_for = is_waited_for(self, command->user, block);
    if (command->kind == COMMAND_ACK && command->count == 0 && block != BLOCK_NONE && !waited_for &&
        shard_ack_at_once(self, command, block)) {
        metrics_add(self->lent_metrics, METRIC_HITS, 1);
        return;
    }
    struct waiter waiter = {.command = *command};
    execute_one(self, &waiter, waited_for, block);
}

void shard_execute(struct shard *self, const struct command *command)
{
    switch (command->kind) {
    case COMMAND_MENTION:
    case COMMAND_MESSAGE:
    case COMMAND_UNMENTION:
    case COMMAND_BADGE:
        execute_many(self, command);
        return;
    case COMMAND_FLUSH_ALL:
        shard_flush_all(self, &command->token);
        return;
    case COMMAND_ACK:
    case COMMAND_BULKACK:
    case COMMAND_PIN:
    case COMMAND_JOIN:
    case COMMAND_LEAVE:
    case COMMAND_DEL:
    case COMMAND_GET:
    case COMMAND_LIST:
    case COMMAND_FLUSH_USER:
    case COMMAND_EVICT:
    case COMMAND_FORGET:
    case COMMAND_INSPECT_USER:
    case COMMAND_INSPECT_CHANNEL:
    case COMMAND_MEASURE_USER:
    case COMMAND_SUBSCRIBE:
    case COMMAND_UNSUBSCRIBE:
        execute_single(self, command);
        return;
    }
    UNREACHABLE("a command of no kind");
}

bool shard_turn(struct shard *self, uint64_t now_ms)
{
    /* After so long without a turn it was the process that stood still, and not the store. */
    if (now_ms - self->now_ms > STORE_SILENCE_MAX_MS / 2) {
        self->store_answered_ms = now_ms;
        shard_excuse_loads(self, now_ms);
    }
    self->now_ms = now_ms;
    self->wants_turn = false;
    shard_turn_loads(self);
    bool more = shard_turn_queues(self);
    more |= shard_turn_room(self);
    more |= shard_turn_saves(self);
    more |= shard_turn_carry(self);
    more |= shard_turn_warm(self);
    more |= shard_turn_hot(self);
    shard_turn_journal(self);
    if (slab_is_sparse(self->cache.slab)) {
        const uint32_t moved = cache_compact(&self->cache, TURN_MOVES);
        metrics_add(self->lent_metrics, METRIC_BLOCKS_MOVED, moved);
        more |= moved == TURN_MOVES;
    }
    return more;
}

bool shard_wants_turn(const struct shard *self)
{
    /* With so many unwritten changes saves do not wait for their deadlines. */
    return self->wants_turn || shard_saves_early(self);
}

void shard_publish_metrics(struct shard *self)
{
    struct metrics *metrics = self->lent_metrics;
    const struct slab_usage usage = slab_peek_usage(self->cache.slab);
    metrics_set(metrics, METRIC_CACHED_USERS, cache_count_users(&self->cache) - self->empty_users);
    metrics_set(metrics, METRIC_CACHED_STATES, self->cache.live_states);
    metrics_set(metrics, METRIC_DIRTY_USERS, shard_count_unwritten(self));
    metrics_set(metrics, METRIC_DIRTY_BYTES, self->cache.dirty_bytes);
    metrics_set(metrics, METRIC_WAITING_COMMANDS, self->waiting.commands);
    metrics_set(metrics, METRIC_LOADS_IN_FLIGHT, self->loads_in_flight);
    metrics_set(metrics, METRIC_BREAKERS_OPEN, self->breaker.state != BREAKER_CLOSED);
    metrics_set(metrics, METRIC_WRITES_IN_FLIGHT,
                self->saves_in_flight[0] + self->saves_in_flight[1]);
    metrics_set(metrics, METRIC_WARM_MEMORY, hot_list_count_bytes(&self->hot_list));
    metrics_set(metrics, METRIC_CACHE_USED, usage.used_bytes);
    metrics_set(metrics, METRIC_CACHE_RESIDENT, usage.resident_bytes);
}

uint32_t shard_count_unwritten(const struct shard *self)
{
    /* A user that changed while being written counts twice: it takes two more writes. */
    return cache_count_dirty(&self->cache) + self->saves_in_flight[0] + self->saves_in_flight[1] +
           self->merging[0] + self->merging[1];
}
