/* What is left when a process ends, and when the power goes. */
#include "sim/disk_internal.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

/* A power cut while it lasts. */
struct power {
    struct disk *disk;
    const struct disk_cut *cut;
    uint64_t first_lost; /* DISK_WRITES_FIRST: the order of the oldest change that is lost. */
    uint64_t torn;       /* The order of the write that is torn; UINT64_MAX: none. */
};

/* What is drawn at a power cut depends on the seed and on what it is drawn for only. */
enum { FOR_TORN = 1, FOR_SIZE, FOR_NAME, FOR_SECTOR };

static uint64_t draw_for(const struct power *self, uint64_t what, uint64_t which, uint64_t below)
{
    return disk_mix(disk_mix(self->cut->seed, what), which) % below;
}

void disk_end_process(struct disk *self)
{
    for (uint32_t i = 0; i < self->options.handles_max; i++) {
        const uint32_t node = self->handles[i].node;
        self->handles[i] = (struct disk_handle){0};
        disk_unsee_node(self, node);
    }
    self->is_dead = false;
    self->end_at = 0;
    self->counts.processes_ended++;
    disk_hash_number(self, self->counts.processes_ended);
}

uint64_t disk_count_changes(const struct disk *self)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < self->nodes_count; i++) {
        count += self->nodes[i] == NULL ? 0 : self->nodes[i]->changes_count;
    }
    return count;
}

static int compare_orders(const void *a, const void *b)
{
    const uint64_t first = (*(const struct disk_change *const *)a)->order;
    const uint64_t second = (*(const struct disk_change *const *)b)->order;
    return (first > second) - (first < second);
}

/* All changes, oldest first; to be freed. */
static const struct disk_change **sort_changes(const struct disk *self)
{
    const struct disk_change **sorted = calloc(disk_count_changes(self) + 1, sizeof(void *));
    ASSERT(sorted != NULL);
    size_t count = 0;
    for (uint32_t i = 0; i < self->nodes_count; i++) {
        const struct disk_node *node = self->nodes[i];
        for (size_t j = 0; node != NULL && j < node->changes_count; j++) {
            sorted[count++] = &node->changes[j];
        }
    }
    qsort(sorted, count, sizeof(void *), compare_orders);
    return sorted;
}

uint64_t disk_get_change_size(const struct disk *self, uint64_t at)
{
    ASSERT(at < disk_count_changes(self));
    const struct disk_change **sorted = sort_changes(self);
    const uint64_t size = sorted[at]->kind == DISK_CHANGE_WRITE ? sorted[at]->size : 0;
    free(sorted);
    return size;
}

struct disk_cut disk_draw_cut(const struct disk *self, uint64_t seed)
{
    static const enum disk_writes writes[] = {
        DISK_WRITES_LOST,  DISK_WRITES_KEPT, DISK_WRITES_FIRST,
        DISK_WRITES_FIRST, DISK_WRITES_EACH, DISK_WRITES_SECTORS,
    };
    static const enum disk_sizes sizes[] = {DISK_SIZES_WRITTEN, DISK_SIZES_WRITTEN, DISK_SIZES_OLD,
                                            DISK_SIZES_NEW, DISK_SIZES_EACH};
    static const enum disk_names names[] = {DISK_NAMES_OLD, DISK_NAMES_NEW, DISK_NAMES_EACH,
                                            DISK_NAMES_EACH};
    return (struct disk_cut){
        .writes = writes[disk_mix(seed, 1) % (sizeof writes / sizeof writes[0])],
        .sizes = sizes[disk_mix(seed, 2) % (sizeof sizes / sizeof sizes[0])],
        .names = names[disk_mix(seed, 3) % (sizeof names / sizeof names[0])],
        .first = disk_mix(seed, 4) % (disk_count_changes(self) + 1),
        .is_torn = disk_mix(seed, 5) % 2 == 0,
        .torn_bytes = DISK_DRAWN,
        .seed = disk_mix(seed, 6),
    };
}

static bool is_kept(const struct power *self, const struct disk_change *change)
{
    switch (self->cut->writes) {
    case DISK_WRITES_LOST:
        return false;
    case DISK_WRITES_KEPT:
        return true;
    case DISK_WRITES_FIRST:
        return change->order < self->first_lost;
    case DISK_WRITES_EACH:
        return disk_mix(self->cut->seed, change->order) % 2 == 0;
    case DISK_WRITES_SECTORS:
        break;
    }
    UNREACHABLE("sectors are kept by themselves");
}

static void find_limits(struct power *self)
{
    const uint64_t count = disk_count_changes(self->disk);
    const struct disk_change **sorted = sort_changes(self->disk);
    self->first_lost = self->cut->first < count ? sorted[self->cut->first]->order : UINT64_MAX;
    self->torn = UINT64_MAX;
    const bool is_torn = self->cut->is_torn && self->cut->writes != DISK_WRITES_SECTORS;
    for (uint64_t i = count; is_torn && i > 0 && self->torn == UINT64_MAX; i--) {
        if (sorted[i - 1]->kind == DISK_CHANGE_WRITE && is_kept(self, sorted[i - 1])) {
            self->torn = sorted[i - 1]->order;
        }
    }
    free(sorted);
}

static bool apply_whole(const struct power *self, struct disk_side *side,
                        const struct disk_change *change)
{
    if (!is_kept(self, change)) {
        return false;
    }
    uint64_t bytes = change->size;
    if (change->order == self->torn) {
        bytes = self->cut->torn_bytes == DISK_DRAWN
                    ? draw_for(self, FOR_TORN, change->order, change->size)
                    : self->cut->torn_bytes;
        self->disk->counts.writes_torn += bytes < change->size;
    }
    disk_apply_change(side, change, bytes);
    return true;
}

/* Each sector has a moment from which on nothing reached it: the number of changes before it. */
static bool is_in_time(const struct power *self, uint32_t number, uint64_t sector, uint64_t at)
{
    const struct disk_node *node = disk_get_node(self->disk, number);
    const uint64_t which = disk_mix(number, sector);
    return at < draw_for(self, FOR_SECTOR, which, node->changes_count + 1);
}

static bool apply_sectors(const struct power *self, struct disk_side *side, uint32_t number,
                          uint64_t at)
{
    const struct disk_change *change = &disk_get_node(self->disk, number)->changes[at];
    if (change->kind != DISK_CHANGE_WRITE) {
        const bool is_kept = is_in_time(self, number, UINT64_MAX, at);
        if (is_kept) {
            disk_apply_change(side, change, 0);
        }
        return is_kept;
    }
    bool is_kept = false;
    for (uint64_t done = 0; done < change->size;) {
        const uint64_t offset = change->offset + done;
        const uint64_t room = DISK_SECTOR_SIZE - offset % DISK_SECTOR_SIZE;
        const uint64_t left = change->size - done;
        const uint64_t piece = room < left ? room : left;
        if (is_in_time(self, number, offset / DISK_SECTOR_SIZE, at)) {
            disk_side_write(side, offset, change->bytes + done, (size_t)piece);
            is_kept = true;
        }
        done += piece;
    }
    return is_kept;
}

static void settle_size(const struct power *self, struct disk_side *side, uint32_t number,
                        uint64_t old_size, uint64_t new_size)
{
    enum disk_sizes sizes = self->cut->sizes;
    if (sizes == DISK_SIZES_EACH) {
        static const enum disk_sizes all[] = {DISK_SIZES_WRITTEN, DISK_SIZES_OLD, DISK_SIZES_NEW};
        sizes = all[draw_for(self, FOR_SIZE, number, sizeof all / sizeof all[0])];
    }
    if (sizes == DISK_SIZES_OLD) {
        disk_side_resize(side, old_size);
    } else if (sizes == DISK_SIZES_NEW) {
        disk_side_resize(side, new_size);
    }
    if (old_size != new_size) {
        self->disk->counts.sizes_old += side->size == old_size;
        self->disk->counts.sizes_new += side->size == new_size;
    }
}

static void cut_node(const struct power *self, uint32_t number)
{
    struct disk_node *node = disk_get_node(self->disk, number);
    const uint64_t old_size = node->synced.size;
    struct disk_counts *counts = &self->disk->counts;
    for (size_t i = 0; i < node->changes_count; i++) {
        const bool is_kept = self->cut->writes == DISK_WRITES_SECTORS
                                 ? apply_sectors(self, &node->synced, number, i)
                                 : apply_whole(self, &node->synced, &node->changes[i]);
        *(is_kept ? &counts->changes_kept : &counts->changes_lost) += 1;
    }
    if (node->changes_count > 0) {
        settle_size(self, &node->synced, number, old_size, node->now.size);
    }
    disk_clear_changes(node);
    disk_reread_node(node);
}

static void cut_names(const struct power *self)
{
    struct disk *disk = self->disk;
    for (uint32_t i = 0; i < disk->names_count; i++) {
        const struct disk_name *name = &disk->names[i];
        if (name->path == NULL || name->versions_count == 1) {
            continue;
        }
        const uint32_t last = name->versions_count - 1;
        uint32_t version = self->cut->names == DISK_NAMES_OLD ? 0 : last;
        if (self->cut->names == DISK_NAMES_EACH) {
            version = (uint32_t)draw_for(self, FOR_NAME, i, name->versions_count);
        }
        disk->counts.names_old += version == 0;
        disk->counts.names_new += version == last;
        disk_settle_name(disk, i, version);
    }
}

/* What was in a folder whose name is lost cannot be reached. */
static void lose_unreachable(struct disk *self)
{
    bool is_done = false;
    while (!is_done) {
        is_done = true;
        for (uint32_t i = 0; i < self->names_count; i++) {
            struct disk_name *name = &self->names[i];
            if (name->path != NULL && disk_check_folder(self, name->path) != 0) {
                disk_set_name(self, name->path, 0);
                disk_settle_name(self, i, name->versions_count - 1);
                is_done = false;
            }
        }
    }
}

void disk_cut_power(struct disk *self, const struct disk_cut *cut)
{
    struct power power = {.disk = self, .cut = cut};
    find_limits(&power);
    for (uint32_t i = 0; i < self->nodes_count; i++) {
        if (self->nodes[i] != NULL) {
            cut_node(&power, i + 1);
        }
    }
    disk_count_pages(self);
    cut_names(&power);
    lose_unreachable(self);
    disk_end_process(self);
    self->counts.power_cuts++;
    disk_hash_number(self, cut->writes);
    disk_hash_number(self, self->counts.changes_kept);
    disk_hash_number(self, self->counts.writes_torn);
    disk_hash_number(self, self->counts.names_old);
}
