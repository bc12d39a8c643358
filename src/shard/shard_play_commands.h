/* Plays commands to a shard, for tests: draws them, gives them, and ends with all at rest.
 *
 * Memory: sim_begin makes all of a struct sim, sim_end frees it.  Thread: the shard's.
 */
#ifndef SHARD_SHARD_PLAY_COMMANDS_H
#define SHARD_SHARD_PLAY_COMMANDS_H

#include "shard/shard_play.h"
#include "shard/shard_play_replies.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

static inline void *grown(void *taken_array, size_t size)
{
    void *array = realloc(taken_array, size);
    assert_non_null(array);
    return array;
}

static inline void fifo_push(struct model_user *user, struct issued *issued, uint32_t target)
{
    if (user->fifo_count == user->fifo_capacity) {
        user->fifo_capacity = 2 * user->fifo_capacity + 16;
        user->fifo = grown(user->fifo, user->fifo_capacity * sizeof *user->fifo);
    }
    user->fifo[user->fifo_count++] = (struct fifo_entry){.issued = issued, .target = target};
}

static inline enum command_kind draw_kind(struct sim *self)
{
    static const enum command_kind kinds[] = {
        COMMAND_ACK,     COMMAND_ACK,          COMMAND_ACK,
        COMMAND_JOIN,    COMMAND_GET,          COMMAND_GET,
        COMMAND_MESSAGE, COMMAND_MESSAGE,      COMMAND_MESSAGE,
        COMMAND_MESSAGE, COMMAND_BULKACK,      COMMAND_LIST,
        COMMAND_BADGE,   COMMAND_INSPECT_USER, COMMAND_INSPECT_CHANNEL,
        COMMAND_EVICT,   COMMAND_FLUSH_USER,   COMMAND_MEASURE_USER,
    };
    if (chance(self, 10)) {
        return COMMAND_FLUSH_ALL;
    }
    return kinds[draw(self, sizeof kinds / sizeof *kinds)];
}

static inline void fill_list(struct sim *self, struct issued *issued)
{
    struct command *command = &issued->command;
    const bool bulk = command->kind == COMMAND_BULKACK;
    command->count = 1 + draw(self, self->plan->bulk_max);
    issued->channels = calloc(command->count, sizeof *issued->channels);
    for (uint32_t i = 0; i < command->count; i++) {
        issued->channels[i] = draw(self, self->plan->channels);
        issued->keys[i] = key_of(issued->channels[i]);
        issued->pairs[i] =
            (struct channel_message){.channel = issued->keys[i], .message = {1 + draw(self, 4000)}};
    }
    if (bulk) {
        command->pairs = issued->pairs;
    } else {
        command->channels = issued->keys;
    }
}

static inline void fill_targets(struct sim *self, struct issued *issued)
{
    struct command *command = &issued->command;
    const bool unsure = self->plan->failures + self->plan->outages + self->plan->hangs > 0 ||
                        self->plan->dirty_bytes < self->plan->cache_bytes;
    const bool many = command->kind == COMMAND_BADGE || !unsure;
    const uint32_t first = draw(self, self->plan->users);
    command->count = many ? 1 + draw(self, self->plan->users) : 1;
    for (uint32_t i = 0; i < command->count; i++) {
        const uint32_t number = (first + i) % self->plan->users;
        issued->targets[i] = (struct command_target){.user = user_of(number),
                                                     .position = i,
                                                     .acks = command->kind == COMMAND_MESSAGE &&
                                                             i == 0 && chance(self, 500)};
        fifo_push(&self->model.users[number], issued, i);
    }
    command->targets = issued->targets;
}

static inline struct issued *issue(struct sim *self, enum command_kind kind, uint32_t user)
{
    struct issued *issued = calloc(1, sizeof *issued);
    issued->channel = draw(self, self->plan->channels);
    issued->counts.failed_position = UINT32_MAX;
    issued->command = (struct command){
        .kind = kind,
        .token = {.shard = 3, .connection = 5, .sequence = self->issued_count},
        .user = user_of(user),
        .channel = kind == COMMAND_LIST ? (struct channel_key){0} : key_of(issued->channel),
        .message = {1 + draw(self, 4000)},
    };
    self->issued = grown(self->issued, (self->issued_count + 1) * sizeof(struct issued *));
    self->issued[self->issued_count++] = issued;
    self->open_count++;
    if (kind == COMMAND_MESSAGE || kind == COMMAND_BADGE) {
        fill_targets(self, issued);
    } else if (kind == COMMAND_FLUSH_ALL || kind == COMMAND_FLUSH_USER) {
        for (uint32_t i = 0; i < self->plan->users; i++) {
            issued->flushed[i] = self->model.users[i].version;
        }
    } else {
        if (kind == COMMAND_BULKACK || kind == COMMAND_GET) {
            fill_list(self, issued);
        }
        fifo_push(&self->model.users[user], issued, 0);
    }
    return issued;
}

/* Something is on its way that goes on with any turn. */
static inline bool is_in_motion(const struct sim *self)
{
    const struct shard *shard = self->shard;
    const bool shrinks =
        shard->ceiling_bytes > shard->limits.cache_bytes ||
        (shard->limits.cache_users > 0 && shard->ceiling_users > shard->limits.cache_users);
    return self->changed_bounds || shrinks || shard->lists_first != NULL ||
           shard->room_queue.first != NULL;
}

/* A visitor, who may not call shard_turn, goes by what the shard says: with no wish for a turn, one
 * would do nothing. */
static inline void check_wants_turn(struct sim *self) ON_SHARD_THREAD
{
    if (!shard_wants_turn(self->shard)) {
        const uint64_t hash = self->hash;
        assert_false(shard_turn(self->shard, self->model.now_ms));
        assert_int_equal(self->hash, hash);
    }
}

static inline void execute(struct sim *self, enum command_kind kind, uint32_t user) ON_SHARD_THREAD
{
    const uint32_t before = cache_count_users(&self->shard->cache);
    const bool was_at_rest = !is_in_motion(self) && !shard_wants_turn(self->shard);
    /* It may be answered, and forgotten, during the call. */
    const struct issued *issued = issue(self, kind, user);
    struct command command = issued->command;
    shard_execute(self->shard, &command);
    if (kind == COMMAND_INSPECT_USER || kind == COMMAND_INSPECT_CHANNEL ||
        kind == COMMAND_MEASURE_USER) {
        assert_int_equal(cache_count_users(&self->shard->cache), before);
    }
    check_bounds(self);
    if (was_at_rest && chance(self, 300)) {
        check_wants_turn(self);
    }
}

static inline void change_bounds(struct sim *self) ON_SHARD_THREAD
{
    const struct plan *plan = self->plan;
    self->limits.cache_users = plan->cache_users == 0 ? 0 : 1 + draw(self, plan->cache_users);
    self->limits.cache_bytes = plan->cache_bytes - draw(self, (uint32_t)plan->cache_bytes / 3);
    self->limits.commit_delay_ms = 10 + draw(self, 2 * (uint32_t)plan->commit_delay_ms);
    shard_set_limits(self->shard, &self->limits);
    note_bounds(self);
    self->changed_bounds = true;
}

static inline void step(struct sim *self) ON_SHARD_THREAD
{
    const struct plan *plan = self->plan;
    /* They end sooner than they begin. */
    self->outage ^= chance(self, plan->outages * (self->outage ? 10 : 1));
    self->hang ^= chance(self, plan->hangs * (self->hang ? 2 : 1));
    if (chance(self, plan->shrinks)) {
        change_bounds(self);
    }
    for (uint32_t i = draw(self, 8); i > 0; i--) {
        execute(self, draw_kind(self), draw(self, plan->users));
    }
    self->model.now_ms += draw(self, plan->step_ms_max + 1);
    complete_due(self);
    turn(self);
}

static inline void on_release(void *context, uint64_t segment, bool recovered)
{
    struct sim *self = context;
    assert_true(segment >= self->released && segment < self->segment);
    self->released = segment;
    self->is_recovered |= recovered;
}

static inline void on_note_forgetting(void *context)
{
    (void)context;
}

static inline void on_sync_journal(void *context)
{
    struct sim *self = context;
    assert_true(self->plan->keeps_journal && !self->syncs_journal);
    self->syncs_journal = true;
}

static inline void sim_make_shard(struct sim *self)
{
    self->syncs_journal = false;
    const struct shard_config config = {.number = 3,
                                        .limits = self->limits,
                                        .port = {.reply = on_reply,
                                                 .has_reply_room = on_has_reply_room,
                                                 .send_to_store = on_send_to_store,
                                                 .release = on_release,
                                                 .note_forgetting = on_note_forgetting,
                                                 .sync_journal = on_sync_journal,
                                                 .lent_context = self},
                                        .lent_metrics = &self->metrics,
                                        .now_ms = self->model.now_ms,
                                        .lent_journal =
                                            self->plan->keeps_journal ? &self->journal : NULL};
    assert_int_equal(shard_create(&self->shard, &config), STATUS_OK);
    note_bounds(self);
}

static inline void sim_begin(struct sim *self, const struct plan *plan, uint64_t seed)
{
    *self = (struct sim){.plan = plan,
                         .random = seed * 2 + 1,
                         .model = {.channels = plan->channels,
                                   .max_channels = plan->max_channels,
                                   .ids_kept = IDS_MAX,
                                   .now_ms = 12345}};
    for (int i = 0; i < 10; i++) {
        (void)draw(self, 2);
    }
    assert_int_equal(store_memory_open(&self->store), STATUS_OK);
    for (uint32_t i = 0; i < plan->users; i++) {
        self->model.users[i].states = calloc(plan->channels, sizeof(struct model_state));
        self->model.users[i].dirty_since_ms = UINT64_MAX;
    }
    self->limits = (struct shard_limits){.cache_bytes = plan->cache_bytes,
                                         .dirty_bytes = plan->dirty_bytes,
                                         .cache_users = plan->cache_users,
                                         .max_channels = plan->max_channels,
                                         .commit_delay_ms = plan->commit_delay_ms,
                                         .tombstones_kept = 1,
                                         .mention_ids_kept = IDS_MAX};
    sim_make_shard(self);
}

static inline void sim_end(struct sim *self)
{
    shard_destroy(&self->shard);
    for (uint32_t i = 0; i < self->pending_count; i++) {
        image_destroy(&self->pending[i].request.image);
    }
    for (uint32_t i = 0; i < self->issued_count; i++) {
        if (self->issued[i] != NULL) {
            free(self->issued[i]->channels);
            free(self->issued[i]);
        }
    }
    free(self->issued);
    for (uint32_t i = 0; i < self->plan->users; i++) {
        free(self->model.users[i].states);
        free(self->model.users[i].fifo);
    }
    self->store.ops->close(self->store.self);
    buffer_deinit(&self->journal);
}

/* With a store that works again everybody is answered, in bounded time. */
static inline void drain(struct sim *self) ON_SHARD_THREAD
{
    self->healed = true;
    for (int i = 0; self->open_count > 0; i++) {
        assert_true(i < 20000);
        self->model.now_ms += 1 + self->plan->commit_delay_ms / 50;
        complete_due(self);
        turn(self);
    }
}

static inline void check_all_is_stored(struct sim *self) ON_SHARD_THREAD
{
    execute(self, COMMAND_FLUSH_ALL, 0);
    drain(self);
    assert_int_equal(shard_count_unwritten(self->shard), 0);
    assert_int_equal(self->shard->cache.dirty_bytes, 0);
    for (uint32_t i = 0; i < self->plan->users; i++) {
        check_stored(self, i, self->model.users[i].version, true);
    }
}

static inline void check_is_at_rest(const struct sim *self)
{
    const struct shard *shard = self->shard;
    assert_int_equal(self->pending_count, 0);
    assert_int_equal(shard->waiting.users, 0);
    assert_int_equal(shard->waiting.commands, 0);
    assert_int_equal(shard->leaving_users, 0);
    assert_int_equal(shard->leaving_bytes, 0);
    assert_int_equal(shard->reserved_bytes, 0);
    assert_int_equal(shard->loads_in_flight, 0);
    assert_int_equal(shard->images_held, 0);
    assert_int_equal(shard->saves_making, 0);
    assert_null(shard->lists_first);
}

#endif
