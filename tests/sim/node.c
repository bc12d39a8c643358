#include "sim/node.h"

#include "base/assert.h"
#include "shard/shard_internal.h"
#include "sim/node_internal.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    /* What one user that nobody can send away may take beyond the bound (shard_recover.c). */
    BYTES_BEYOND = 64 * 1024,
    HISTORY_STEP_MS = 100,
};

/* Some day in 2026. */
#define WALL_MS UINT64_C(1790000000000)

struct node *node_create(struct world *lent_world, struct disk *lent_disk,
                         struct sim_store *lent_store, const struct node_host *host)
{
    struct node *self = calloc(1, sizeof *self);
    ASSERT(self != NULL);
    self->lent_world = lent_world;
    self->lent_disk = lent_disk;
    self->lent_store = lent_store;
    self->host = *host;
    self->files = disk_get_files(lent_disk);
    self->random.seed = world_draw(lent_world, CHANCE_OPTIONS);
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    self->wall.wall_ms = WALL_MS;
    log_start(&self->log, lent_world->tells ? dup(STDOUT_FILENO) : nowhere, LOG_FORMAT_TEXT,
              LOG_LEVEL_WARN, clock_fake_get(&self->wall));
    self->nowhere = nowhere;
    return self;
}

void node_destroy(struct node *self)
{
    if (self->log.lent_descriptor != self->nowhere) {
        close(self->log.lent_descriptor);
    }
    close(self->nowhere);
    free(self->held);
    free(self);
}

uint32_t node_find_shard(const struct node *self, struct user_id user)
{
    return (uint32_t)hash_slot_of_user(user) * self->options.shards / HASH_SLOTS;
}

void node_ration(struct node_shard *self, bool may_fail)
{
    struct node *node = self->lent_node;
    const bool is_exhausted =
        may_fail && node->weather.memory_fails > 0 &&
        world_draw_chance(node->lent_world, world_get_stream(FAULT_MEMORY_ALLOCATION),
                          node->weather.memory_fails);
    slab_set_exhausted(self->shard->cache.slab, is_exhausted);
}

/* A user that is put together from journal and store is out of the cache meanwhile, and must get
 * back into it: the server stops where it cannot. */
static bool may_fail(const struct node_shard *self)
{
    const struct shard *shard = self->shard;
    return shard->cache.partial_users == 0 && shard->merging[0] + shard->merging[1] == 0;
}

void node_execute(struct node *self, uint32_t shard, const struct command *command)
{
    ASSERT(self->is_up && !self->is_dead);
    const struct shard *home = self->shards[shard].shard;
    const uint64_t before = home->cache.dirty_bytes;
    node_ration(&self->shards[shard], may_fail(&self->shards[shard]));
    shard_execute(self->shards[shard].shard, command);
    if (before >= home->limits.dirty_bytes && home->cache.dirty_bytes > before) {
        self->breach = "a change is taken, although as much is unwritten as may be";
    }
}

void node_fail(struct node *self)
{
    world_tell(self->lent_world, "the node ends: %s", self->failure.text);
    self->counts.ends_by_itself++;
    self->is_dead = true;
}

static void begin_task(struct node_shard *self)
{
    struct node *node = self->lent_node;
    struct world *world = node->lent_world;
    if (!journal_next_task(&self->journal, world->now_ms, &self->task)) {
        return;
    }
    const uint64_t delay_ms =
        world_draw_below(world, CHANCE_NODE, node->weather.disk_delay_ms_max + 1);
    self->has_task = true;
    self->has_run = world_draw_below(world, CHANCE_NODE, 2) == 0;
    self->task_due_ms = world->now_ms + delay_ms;
    node->counts.journal_tasks++;
    if (self->has_run) {
        journal_task_run(&self->task);
        self->task_due_ms += disk_take_delay(node->lent_disk) / 1000000;
    }
    const uint64_t took_ms = self->task_due_ms - world->now_ms;
    if (took_ms > node->counts.slowest_task_ms) {
        node->counts.slowest_task_ms = took_ms;
    }
}

static void show_segment(struct node_shard *self) ON_SHARD_THREAD
{
    shard_set_segment(self->shard, self->journal.current, journal_peek_status(&self->journal));
}

static void write_entries(struct node_shard *self) ON_SHARD_THREAD
{
    struct node *node = self->lent_node;
    if (journal_write(&self->journal, &self->entries, node->lent_world->now_ms, &node->failure) !=
        STATUS_OK) {
        node_fail(node);
        return;
    }
    show_segment(self);
    begin_task(self);
}

static void end_task(struct node_shard *self)
{
    struct node *node = self->lent_node;
    if (!self->has_run) {
        journal_task_run(&self->task);
    }
    self->has_task = false;
    world_tell(node->lent_world, "log %" PRIu32 ": %s: %s to %s: %s%s", self->journal.config.log,
               journal_task_text(&self->task), self->task.from, self->task.to,
               files_result_text(self->task.result), self->task.is_full ? ", full" : "");
    const bool has_lost =
        self->task.work == JOURNAL_WORK_SYNC && self->task.result.status != STATUS_OK;
    if (journal_complete(&self->journal, &self->task, node->lent_world->now_ms, &node->failure) !=
        STATUS_OK) {
        node_fail(node);
    } else if (has_lost) {
        node->breach = "a sync has failed, and it goes on";
    }
}

void node_set_sync(struct node *self, enum journal_sync sync)
{
    ASSERT(self->is_up);
    self->options.sync = sync;
}

enum journal_sync node_get_sync(const struct node *self)
{
    enum journal_sync weakest = self->options.sync;
    for (uint32_t i = 0; i < self->options.shards; i++) {
        const enum journal_sync sync = self->shards[i].journal.config.sync;
        weakest = sync > weakest ? sync : weakest;
    }
    return weakest;
}

static void see_sync(struct node_shard *self)
{
    struct node *node = self->lent_node;
    if (self->journal.config.sync != node->options.sync &&
        world_draw_below(node->lent_world, world_get_stream(FAULT_SYNC_CHANGES), 2) == 0) {
        journal_set_sync(&self->journal, node->options.sync);
    }
}

static void turn_shard(struct node_shard *self) ON_SHARD_THREAD
{
    struct node *node = self->lent_node;
    const uint64_t now_ms = node->lent_world->now_ms;
    if (self->has_task && self->task_due_ms <= now_ms) {
        end_task(self);
    }
    see_sync(self);
    if (!node->is_dead && self->journal.rotate_at_ms != 0 && now_ms >= self->journal.rotate_at_ms) {
        write_entries(self);
    }
    if (node->is_dead) {
        return;
    }
    if (self->asked != 0 && self->journal.synced >= self->asked) {
        self->asked = 0;
        shard_end_journal_sync(self->shard);
    }
    show_segment(self);
    begin_task(self);
    node_ration(self, may_fail(self));
    for (int i = 0; i < NODE_TURNS_MAX; i++) {
        node_complete_requests(self);
        if (!shard_turn(self->shard, now_ms)) {
            break;
        }
    }
    if (buffer_peek_size(&self->entries) > 0) {
        write_entries(self);
    }
    if (!node->is_dead) {
        node_show_requests(self);
    }
}

static bool is_safe(struct node *self, const struct node_held *held)
{
    bool safe = true;
    for (uint32_t i = 0; i < self->options.shards; i++) {
        safe &= journal_get_safe(&self->shards[i].journal) >= held->awaited[i];
    }
    return safe;
}

static void release_answers(struct node *self)
{
    for (uint32_t at = self->held_count - self->fresh; at < self->held_count; at++) {
        for (uint32_t i = 0; i < self->options.shards; i++) {
            self->held[at].awaited[i] = self->shards[i].journal.written;
        }
    }
    self->fresh = 0;
    uint32_t released = 0;
    while (released < self->held_count && is_safe(self, &self->held[released])) {
        const struct node_held *held = &self->held[released++];
        if (held->is_message) {
            self->host.tell(self->host.lent_context);
        } else {
            self->host.release(self->host.lent_context, held->sequence);
        }
    }
    self->held_count -= released;
    if (released == 0) {
        return;
    }
    memmove(self->held, self->held + released, self->held_count * sizeof *self->held);
}

static void turn_history(struct node *self) ON_SHARD_THREAD
{
    bool is_recovered = !self->history.is_ended;
    for (uint32_t i = 0; i < self->options.shards; i++) {
        is_recovered &= self->shards[i].is_recovered;
    }
    if (is_recovered && self->lent_world->now_ms % HISTORY_STEP_MS < HISTORY_STEP_MS / 10) {
        world_tell(self->lent_world, "all that was taken up is in the store");
        if (history_end(&self->history, &self->failure) != STATUS_OK) {
            world_tell(self->lent_world, "%s", self->failure.text);
            return;
        }
        for (uint32_t i = 0; i < self->options.shards; i++) {
            shard_end_history(self->shards[i].shard);
        }
    }
}

void node_turn(struct node *self)
{
    ASSERT(self->is_up);
    for (uint32_t i = 0; i < self->options.shards && !self->is_dead; i++) {
        turn_shard(&self->shards[i]);
    }
    if (!self->is_dead) {
        turn_history(self);
        node_turn_warm(self);
    }
    if (disk_is_dead(self->lent_disk)) {
        self->is_dead = true;
    }
    if (!self->is_dead) {
        release_answers(self);
    }
}

bool node_check_bounds(struct node *self)
{
    if (self->breach != NULL) {
        failure_set(&self->failure, "%s", self->breach);
        return false;
    }
    for (uint32_t i = 0; i < self->options.shards && self->is_up; i++) {
        const struct shard *shard = self->shards[i].shard;
        const uint64_t bytes = cache_count_bytes(&shard->cache);
        const uint32_t users = cache_count_users(&shard->cache);
        /* Lowered bounds are reached in slices, from what there was. */
        if (bytes > shard->ceiling_bytes + BYTES_BEYOND || users > shard->ceiling_users) {
            failure_set(&self->failure,
                        "shard %" PRIu32 " holds %" PRIu32 " users, %" PRIu64
                        " bytes: more than it may",
                        i, users, bytes);
            return false;
        }
    }
    return true;
}
