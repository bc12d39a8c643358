/* The node of a run begins again: with what, and whether it had to. */
#include "sim/run_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    STARTS_UNTIL_HELP = 3, /* Then whatever goes wrong is mended. */
    STARTS_MAX = 5,
    START_OPERATIONS = 200,
    ROT_NAMES_MAX = 1024,
};

/* A byte of the journal that is not what it was. */
struct rot {
    bool is_there;
    char path[FILES_PATH_SIZE];
    uint64_t offset;
    uint8_t mask;
};

struct finding {
    uint32_t count;
    struct {
        uint64_t set;
        uint32_t log;
        uint64_t number;
    } files[ROT_NAMES_MAX];
};

static void take_name(void *to, const char *name)
{
    struct finding *finding = to;
    uint64_t set = 0;
    uint32_t log = 0;
    uint64_t number = 0;
    if (finding->count < ROT_NAMES_MAX && segment_parse_name(name, &set, &log, &number)) {
        finding->files[finding->count].set = set;
        finding->files[finding->count].log = log;
        finding->files[finding->count++].number = number;
    }
}

/* In a segment that is not the last of its log: there an end could not be told from damage. */
static void begin_rot(struct run *self, struct rot *rot)
{
    static const char folder[] = "data/journal";
    const struct files files = disk_get_files(self->disk);
    struct finding finding = {0};
    *rot = (struct rot){.is_there = false};
    if (files.ops->list(files.self, folder, take_name, &finding).status != STATUS_OK ||
        finding.count == 0) {
        return;
    }
    const uint32_t at = run_draw(self, FAULT_DISK_ROT, finding.count);
    bool is_last = true;
    for (uint32_t i = 0; i < finding.count; i++) {
        is_last = is_last && !(finding.files[i].set == finding.files[at].set &&
                               finding.files[i].log == finding.files[at].log &&
                               finding.files[i].number > finding.files[at].number + 1);
    }
    char name[SEGMENT_NAME_SIZE];
    segment_print_name(name, finding.files[at].set, finding.files[at].log,
                       finding.files[at].number);
    const int size = snprintf(rot->path, sizeof rot->path, "%s/%s", folder, name);
    ASSERT(size < FILES_PATH_SIZE);
    rot->offset = run_draw(self, FAULT_DISK_ROT, (uint32_t)self->node_options.segment_bytes);
    rot->mask = (uint8_t)(1U << run_draw(self, FAULT_DISK_ROT, 8));
    rot->is_there = !is_last && disk_rot(self->disk, rot->path, rot->offset, rot->mask);
    world_tell(&self->world, "rot: %s at byte %" PRIu64 ": %d", rot->path, rot->offset,
               (int)rot->is_there);
}

static void end_rot(struct run *self, const struct rot *rot)
{
    if (rot->is_there) {
        (void)disk_rot(self->disk, rot->path, rot->offset, rot->mask);
    }
}

static void draw_start(struct run *self)
{
    struct node_options *options = &self->node_options;
    if (run_meets(self, FAULT_OTHER_SHARDS)) {
        const uint32_t most = self->options.shards_max;
        options->shards =
            1 + run_draw(self, FAULT_OTHER_SHARDS, most != 0 ? most : NODE_SHARDS_MAX);
    }
    if (run_meets(self, FAULT_OTHER_SYNC) && self->options.sync < 0) {
        options->sync = (enum journal_sync)run_draw(self, FAULT_OTHER_SYNC, 3);
    }
    memset(options->boot.bytes, 0, sizeof options->boot.bytes);
    memcpy(options->boot.bytes, &self->boots, sizeof self->boots);
    options->boot.bytes[15] = 1;
    if (run_meets(self, FAULT_KILL_WHILE_STARTING)) {
        self->node->weather.kills_while_starting = 10000;
        const uint64_t last = disk_get_counts(self->disk)->operations;
        const uint64_t operation =
            last + 1 + run_draw(self, FAULT_KILL_WHILE_STARTING, START_OPERATIONS);
        disk_end_process_at(self->disk, operation, run_draw(self, FAULT_KILL_WHILE_STARTING, 100));
    }
}

static void check_epoch(struct run *self)
{
    const char *epoch = self->node->epoch;
    const bool is_same = strcmp(self->epoch, epoch) == 0;
    if (self->epoch[0] != '\0' && is_same && self->renewal == RENEWAL_DUE) {
        failure_set(&self->failure, "answered updates may be lost, and the epoch is still %s",
                    epoch);
    }
    if (self->epoch[0] != '\0' && !is_same && self->renewal == RENEWAL_FORBIDDEN) {
        failure_set(&self->failure, "nothing can be lost, and the epoch is not %s any more but %s",
                    self->epoch, epoch);
    }
    self->counts.renewals += self->epoch[0] != '\0' && !is_same;
    memcpy(self->epoch, epoch, sizeof self->epoch);
    self->renewal = RENEWAL_FORBIDDEN;
    self->keeping = self->node_options.sync == JOURNAL_SYNC_ALWAYS ? KEEPING_ALL : KEEPING_NOT_ALL;
}

static void check_synced_store(struct run *self)
{
    for (uint32_t i = 0; i < self->users_count && run_is_well(self); i++) {
        struct failure failure;
        if (belief_resolve(&self->users[i].belief, &failure) != STATUS_OK) {
            self->failure = failure;
        }
    }
}

static void note_failed_start(struct run *self, const struct rot *rot)
{
    struct node *node = self->node;
    world_tell(&self->world, "it does not start: %s", node->failure.text);
    self->starts_failed++;
    self->counts.refused_starts += rot->is_there && strstr(node->failure.text, "damaged") != NULL;
    self->down_until_ms = self->world.now_ms + world_draw_below(&self->world, CHANCE_TIME, 200);
    /* What had no clean end before has one less now. */
    self->renewal = self->renewal == RENEWAL_FORBIDDEN ? RENEWAL_ALLOWED : self->renewal;
    if (self->starts_failed >= STARTS_MAX) {
        failure_set(&self->failure, "it does not start, although all is well: %.1000s",
                    node->failure.text);
    }
}

void run_start(struct run *self)
{
    struct rot rot = {.is_there = false};
    draw_start(self);
    if (self->starts_failed >= STARTS_UNTIL_HELP || self->is_ending) {
        const bool was_ending = self->is_ending;
        self->is_ending = true;
        run_end_spells(self);
        self->is_ending = was_ending;
    } else if (run_meets(self, FAULT_DISK_ROT) && self->counts.power_cuts == 0) {
        /* After a power cut it could not be told from what was not synced. */
        begin_rot(self, &rot);
    }
    sim_store_set_down(self->store, self->node->weather.store_is_down);
    const enum status status = node_start(self->node, &self->node_options);
    end_rot(self, &rot);
    self->node->weather.kills_while_starting = 0;
    if (status != STATUS_OK) {
        note_failed_start(self, &rot);
        return;
    }
    self->starts_failed = 0;
    self->counts.recoveries++;
    world_tell(&self->world, "it serves: epoch %s, %" PRIu32 " shards, sync %d", self->node->epoch,
               self->node_options.shards, (int)self->node_options.sync);
    check_epoch(self);
    check_synced_store(self);
}
