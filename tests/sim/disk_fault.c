/* What befalls operations: planned faults, the end of the process, and what is done to a file. */
#include "sim/disk_internal.h"

#include "base/assert.h"

#include <errno.h>

struct fault_rule {
    uint32_t operations; /* That it can befall, a bit each. */
    int number;          /* 0: they are only slow. */
};

#define BIT(operation) (UINT32_C(1) << (operation))

static const struct fault_rule rules[DISK_FAULT_KINDS] = {
    [DISK_FOLDER_ERROR] = {BIT(DISK_CREATE_FOLDER), EIO},
    [DISK_OPEN_ERROR] = {BIT(DISK_OPEN), EIO},
    [DISK_READ_ERROR] = {BIT(DISK_READ), EIO},
    [DISK_WRITE_ERROR] = {BIT(DISK_WRITE), EIO},
    [DISK_WRITE_SHORT] = {BIT(DISK_WRITE), EIO},
    [DISK_WRITE_FULL] = {BIT(DISK_WRITE), ENOSPC},
    [DISK_RESIZE_ERROR] = {BIT(DISK_RESIZE), EIO},
    [DISK_ALLOCATE_FULL] = {BIT(DISK_ALLOCATE), ENOSPC},
    [DISK_SYNC_ERROR] = {BIT(DISK_SYNC) | BIT(DISK_SYNC_DATA), EIO},
    [DISK_SYNC_FOLDER_ERROR] = {BIT(DISK_SYNC_FOLDER), EIO},
    [DISK_RENAME_ERROR] = {BIT(DISK_RENAME), EIO},
    [DISK_REMOVE_ERROR] = {BIT(DISK_REMOVE), EIO},
    [DISK_LIST_ERROR] = {BIT(DISK_LIST), EIO},
    [DISK_SLOW_READ] = {BIT(DISK_READ), 0},
    [DISK_SLOW_WRITE] = {BIT(DISK_WRITE), 0},
    [DISK_SLOW_SYNC] = {BIT(DISK_SYNC) | BIT(DISK_SYNC_DATA) | BIT(DISK_SYNC_FOLDER), 0},
    [DISK_SLOW_ANY] = {BIT(DISK_OPERATIONS) - 1, 0},
};

void disk_plan_fault(struct disk *self, const struct disk_fault *fault)
{
    ASSERT(self->plans_count < DISK_FAULTS_PLANNED);
    ASSERT(fault->at > 0 && fault->per_mille <= 1000);
    self->plans[self->plans_count++] = (struct disk_plan){.fault = *fault};
}

void disk_clear_faults(struct disk *self)
{
    self->plans_count = 0;
}

void disk_end_process_at(struct disk *self, uint64_t operation, uint64_t bytes)
{
    ASSERT(operation == 0 || operation > self->counts.operations);
    self->end_at = operation;
    self->end_bytes = bytes;
}

bool disk_is_dead(const struct disk *self)
{
    return self->is_dead;
}

uint64_t disk_take_delay(struct disk *self)
{
    const uint64_t delay_ns = self->delay_ns;
    self->delay_ns = 0;
    return delay_ns;
}

/* Counts the operation; true: the fault is due. */
static bool is_due(struct disk *self, struct disk_plan *plan)
{
    const struct disk_fault *fault = &plan->fault;
    plan->operations++;
    if (plan->operations < fault->at || (plan->operations > fault->at && !fault->goes_on)) {
        return false;
    }
    return fault->per_mille == 0 || disk_draw(self, 1000) < fault->per_mille;
}

static uint64_t part_of(struct disk *self, enum disk_fault_kind kind, uint64_t bytes, uint64_t size)
{
    if (kind != DISK_WRITE_SHORT && kind != DISK_WRITE_FULL) {
        return 0;
    }
    return bytes == DISK_DRAWN ? disk_draw(self, size == 0 ? 1 : size) : bytes;
}

struct disk_verdict disk_begin(struct disk *self, enum disk_operation operation, uint64_t size)
{
    self->counts.operations++;
    self->counts.operations_by_kind[operation]++;
    disk_hash_number(self, operation);
    if (self->is_dead) {
        return (struct disk_verdict){.number = DISK_DEAD};
    }
    if (self->end_at == self->counts.operations) {
        self->is_dead = true;
        return (struct disk_verdict){.number = DISK_DEAD, .bytes = self->end_bytes};
    }
    struct disk_verdict verdict = {0};
    for (uint32_t i = 0; i < self->plans_count; i++) {
        struct disk_plan *plan = &self->plans[i];
        const enum disk_fault_kind kind = plan->fault.kind;
        const struct fault_rule *rule = &rules[kind];
        if ((rule->operations & BIT(operation)) == 0 || !is_due(self, plan)) {
            continue;
        }
        if (rule->number == 0) {
            self->delay_ns += plan->fault.delay_ns;
        } else if (verdict.number == 0) {
            verdict.number = rule->number;
            verdict.bytes = part_of(self, kind, plan->fault.bytes, size);
        } else {
            continue;
        }
        self->counts.faults_by_kind[kind]++;
    }
    return verdict;
}

static struct disk_node *find_file(const struct disk *self, const char *path)
{
    const uint32_t number = disk_find_node(self, path);
    struct disk_node *node = number == 0 ? NULL : disk_get_node(self, number);
    return node == NULL || node->is_folder ? NULL : node;
}

bool disk_rot(struct disk *self, const char *path, uint64_t offset, uint8_t mask)
{
    struct disk_node *node = find_file(self, path);
    if (node == NULL || offset >= node->now.size) {
        return false;
    }
    disk_side_flip(&node->now, offset, mask);
    if (offset < node->synced.size) {
        disk_side_flip(&node->synced, offset, mask);
    }
    for (size_t i = 0; i < node->changes_count; i++) {
        const struct disk_change *change = &node->changes[i];
        if (change->kind == DISK_CHANGE_WRITE && offset >= change->offset &&
            offset - change->offset < change->size) {
            change->bytes[offset - change->offset] ^= mask;
        }
    }
    disk_hash_number(self, offset);
    disk_hash_number(self, mask);
    return true;
}

bool disk_truncate(struct disk *self, const char *path, uint64_t size)
{
    struct disk_node *node = find_file(self, path);
    if (node == NULL || size >= node->now.size) {
        return false;
    }
    disk_sync_node(node);
    disk_side_resize(&node->synced, size);
    disk_reread_node(node);
    disk_count_pages(self);
    disk_hash_number(self, size);
    return true;
}

void disk_drop_cache(struct disk *self)
{
    for (uint32_t i = 0; i < self->nodes_count; i++) {
        if (self->nodes[i] != NULL) {
            disk_reread_node(self->nodes[i]);
        }
    }
    disk_count_pages(self);
    disk_hash_number(self, self->pages_taken);
}
