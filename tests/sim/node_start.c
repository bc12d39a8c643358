/* How the node begins and ends: as server/server.c and net/net_recover.c have it. */
#include "base/assert.h"
#include "sim/node_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool meet_store(struct node *self)
{
    const struct store store = sim_store_get(self->lent_store);
    char identity[STORE_IDENTITY_SIZE_MAX + 1];
    const enum status found = store.ops->read_identity(store.self, identity, sizeof identity);
    if (found != STATUS_OK && found != STATUS_MISSING) {
        return false;
    }
    return datadir_meet_store(&self->datadir, found == STATUS_OK ? identity : NULL,
                              &self->failure) == STATUS_OK &&
           (found == STATUS_OK ||
            store.ops->write_identity(store.self, self->datadir.store_id) == STATUS_OK);
}

static bool open_folder(struct node *self)
{
    const struct random random = random_fake_get(&self->random);
    if (datadir_open(&self->datadir, NODE_DATA_FOLDER, &self->files, &random, &self->failure) !=
        STATUS_OK) {
        return false;
    }
    self->has_datadir = true;
    if (!meet_store(self) ||
        history_open(&self->history, NODE_DATA_FOLDER, &self->files, &self->log,
                     self->options.shards, &self->failure) != STATUS_OK) {
        return false;
    }
    self->history.boot = self->options.boot;
    const struct store store = sim_store_get(self->lent_store);
    self->history.lent_store = store;
    self->history.lent_generations = self->generations;
    return store.ops->read_generations(store.self, self->generations) == STATUS_OK;
}

/* Until what it tells of is as safe as is asked. */
static void hold(struct node *self, struct node_held held)
{
    if (self->held_count == self->held_room) {
        self->held_room = self->held_room == 0 ? 64 : 2 * self->held_room;
        struct node_held *grown = realloc(self->held, self->held_room * sizeof *grown);
        ASSERT(grown != NULL);
        self->held = grown;
    }
    self->held[self->held_count++] = held;
    self->fresh++;
}

static void reply(void *context, const struct reply *reply)
{
    const struct node_shard *shard = context;
    struct node *self = shard->lent_node;
    struct world *world = self->lent_world;
    if (reply->token.connection == UINT32_MAX) {
        return;
    }
    world_note(world, reply->token.sequence);
    world_note(world, reply->version);
    world_note(world, reply->number);
    world_note(world, reply->status);
    self->host.reply(self->host.lent_context, reply);
    hold(self, (struct node_held){.sequence = reply->token.sequence});
}

static bool has_reply_room(void *context, const struct command_token *token)
{
    const struct node_shard *shard = context;
    (void)token;
    return world_draw_below(shard->lent_node->lent_world, CHANCE_NODE, 4) != 0;
}

static void publish(void *context, const struct publication *publication)
{
    const struct node_shard *shard = context;
    struct node *self = shard->lent_node;
    world_note(self->lent_world, publication->user.value);
    world_note(self->lent_world, publication->version);
    self->host.publish(self->host.lent_context, publication);
    hold(self, (struct node_held){.is_message = true});
}

static void release(void *context, uint64_t segment, bool recovered)
{
    struct node_shard *self = context;
    self->lent_node->counts.releases++;
    journal_release(&self->journal, segment);
    self->is_recovered |= recovered;
}

static void note_forgetting(void *context)
{
    struct node_shard *self = context;
    journal_note_forgetting(&self->journal, self->lent_node->lent_world->now_ms);
}

static void sync_journal(void *context)
{
    struct node_shard *self = context;
    self->asked = self->journal.written + buffer_peek_size(&self->entries);
    journal_ask_sync(&self->journal, self->asked);
}

static bool open_shard(struct node *self, uint32_t number)
{
    struct node_shard *shard = &self->shards[number];
    const struct node_options *options = &self->options;
    struct shard_limits limits = options->limits;
    limits.cache_bytes /= options->shards;
    limits.dirty_bytes /= options->shards;
    limits.cache_users /= options->shards;
    limits.warm_rate = node_get_warm_rate();
    memset(shard, 0, sizeof *shard);
    shard->lent_node = self;
    const struct shard_config config = {.number = number,
                                        .limits = limits,
                                        .port = {.reply = reply,
                                                 .has_reply_room = has_reply_room,
                                                 .publish = publish,
                                                 .send_to_store = node_send_to_store,
                                                 .release = release,
                                                 .note_forgetting = note_forgetting,
                                                 .sync_journal = sync_journal,
                                                 .lent_context = shard},
                                        .lent_metrics = &shard->metrics,
                                        .now_ms = self->lent_world->now_ms,
                                        .generations = self->generations,
                                        .lent_journal = &shard->entries};
    buffer_init(&shard->entries);
    const enum status status = shard_create(&shard->shard, &config);
    ASSERT(status == STATUS_OK);
    const struct journal_config journal = {.lent_files = self->files,
                                           .lent_random = random_fake_get(&self->random),
                                           .lent_folder = self->history.folder,
                                           .set = recovery_get_next_set(&self->history.recovery),
                                           .log = number,
                                           .logs = options->shards,
                                           .boot = options->boot,
                                           .sync = options->sync,
                                           .segment_bytes = options->segment_bytes,
                                           .reserve_bytes = options->reserve_bytes};
    shard->has_journal = journal_open(&shard->journal, &journal, self->lent_world->now_ms,
                                      &self->failure) == STATUS_OK;
    return shard->has_journal;
}

/* There was no room: a millisecond goes by, in which users are written and sent away. */
static enum status take(void *to, const struct journal_entry *entry)
    THREAD_ATTRIBUTE(no_thread_safety_analysis)
{
    struct node_shard *self = to;
    struct node *node = self->lent_node;
    struct world *world = node->lent_world;
    world_note(world, entry->user.value);
    world_tell(world,
               "taken up: kind %d of user %" PRIu64 ", incarnation %" PRIu32 ", version %" PRIu64,
               (int)entry->kind, entry->user.value, entry->incarnation, entry->version);
    node_ration(self, true);
    enum status status = shard_recover(self->shard, entry);
    node_ration(self, false);
    for (uint32_t i = 0; status == STATUS_BUSY; i++) {
        /* Time enough for any store that is to be up again. */
        if (i == 100000 || world_draw_chance(world, world_get_stream(FAULT_KILL_WHILE_STARTING),
                                             node->weather.kills_while_starting)) {
            failure_set(&node->failure, "%s", i == 100000 ? "it hangs" : "killed");
            return STATUS_SHUTDOWN;
        }
        world->now_ms++;
        node_show_requests(self);
        node_complete_requests(self);
        (void)shard_turn(self->shard, world->now_ms);
        status = shard_recover(self->shard, entry);
    }
    return status;
}

static bool recover(struct node *self)
{
    for (uint32_t i = 0; i < self->options.shards; i++) {
        struct failure failure = {.text = ""};
        const enum status status =
            history_recover(&self->history, i, take, &self->shards[i], &failure);
        if (status != STATUS_OK) {
            if (failure.text[0] != '\0') {
                self->failure = failure;
            } else if (status == STATUS_MEMORY) {
                failure_set(&self->failure, "%s", status_text(status));
            }
            return false;
        }
    }
    return true;
}

static bool begin_history(struct node *self)
{
    struct history *history = &self->history;
    const bool may_have_lost = !history->recovery.has_manifest || atomic_load(&history->has_lost);
    if (self->datadir.found == DATADIR_UNCLEAN && may_have_lost &&
        datadir_renew_epoch(&self->datadir, &self->failure) != STATUS_OK) {
        return false;
    }
    memcpy(self->epoch, self->datadir.epoch, sizeof self->epoch);
    return history_begin(history, &self->failure) == STATUS_OK;
}

enum status node_start(struct node *self, const struct node_options *options)
{
    ASSERT(!self->is_up && !self->has_datadir);
    self->options = *options;
    self->counts.starts++;
    self->is_dead = false;
    self->is_stopping = false;
    failure_set(&self->failure, "the store does not answer");
    bool is_good = open_folder(self);
    for (uint32_t i = 0; i < options->shards && is_good; i++) {
        is_good = open_shard(self, i);
    }
    is_good = is_good && recover(self) && begin_history(self);
    if (!is_good || disk_is_dead(self->lent_disk)) {
        self->counts.starts_failed++;
        node_end(self);
        return STATUS_IO;
    }
    self->is_up = true;
    node_begin_warm(self);
    return STATUS_OK;
}

void node_end(struct node *self)
{
    for (uint32_t i = 0; i < NODE_SHARDS_MAX; i++) {
        struct node_shard *shard = &self->shards[i];
        if (shard->shard == NULL) {
            continue;
        }
        node_abandon_requests(shard);
        shard_destroy(&shard->shard);
        buffer_deinit(&shard->entries);
        shard->has_journal = false;
        shard->has_task = false;
    }
    node_end_warm(self);
    /* Handles and the lock go with the process. */
    history_close(&self->history);
    self->has_datadir = false;
    disk_end_process(self->lent_disk);
    self->held_count = 0;
    self->fresh = 0;
    self->is_up = false;
    self->is_dead = false;
}

/* Until nothing is unwritten, or for as long as shutdown-timeout. */
static bool wait_until_written(struct node *self) ON_SHARD_THREAD
{
    struct world *world = self->lent_world;
    const uint64_t until_ms = world->now_ms + NODE_STOP_TIMEOUT_MS;
    bool has_asked = false;
    while (world->now_ms < until_ms && !self->is_dead) {
        world->now_ms += 5;
        node_turn(self);
        uint32_t unwritten = 0;
        for (uint32_t i = 0; i < self->options.shards && !self->is_dead; i++) {
            const struct command flush = {
                .kind = COMMAND_FLUSH_ALL,
                .token = {.shard = (uint16_t)i, .connection = UINT32_MAX}};
            if (!has_asked) {
                shard_execute(self->shards[i].shard, &flush);
            }
            unwritten += shard_count_unwritten(self->shards[i].shard);
        }
        has_asked = true;
        if (unwritten == 0 && self->held_count == 0) {
            return !self->is_dead;
        }
    }
    return false;
}

static bool sync_logs(struct node *self)
{
    bool is_kept = true;
    for (uint32_t i = 0; i < self->options.shards; i++) {
        struct node_shard *shard = &self->shards[i];
        if (shard->has_task) {
            if (!shard->has_run) {
                journal_task_run(&shard->task);
            }
            shard->has_task = false;
            is_kept &= journal_complete(&shard->journal, &shard->task, self->lent_world->now_ms,
                                        &self->failure) == STATUS_OK;
        }
        is_kept = is_kept && journal_sync_all(&shard->journal, &self->failure) == STATUS_OK;
        journal_close(&shard->journal);
    }
    return is_kept;
}

bool node_stop(struct node *self)
{
    self->is_stopping = true;
    const bool is_written = wait_until_written(self);
    if (is_written) {
        node_save_warm(self);
    }
    bool is_good = !self->is_dead && sync_logs(self);
    if (is_good && is_written) {
        const struct store store = sim_store_get(self->lent_store);
        is_good = store.ops->sync(store.self) == STATUS_OK &&
                  history_end_all(&self->history, &self->failure) == STATUS_OK;
    }
    is_good = is_good && datadir_mark_clean(&self->datadir, &self->failure) == STATUS_OK &&
              !disk_is_dead(self->lent_disk);
    self->counts.stops++;
    self->counts.stops_unwritten += !is_written;
    node_end(self);
    return is_good;
}
