/* Files and folders without their names: what is read, what is synced, and the changes between. */
#include "sim/disk_internal.h"

#include "base/assert.h"
#include "sim/disk_array.h"

#include <stdlib.h>
#include <string.h>

struct disk_node *disk_get_node(const struct disk *self, uint32_t number)
{
    ASSERT(number > 0 && number <= self->nodes_count && self->nodes[number - 1] != NULL);
    return self->nodes[number - 1];
}

uint32_t disk_insert_node(struct disk *self, bool is_folder)
{
    uint32_t at = 0;
    while (at < self->nodes_count && self->nodes[at] != NULL) {
        at++;
    }
    if (at == self->nodes_count) {
        const uint32_t count = 2 * self->nodes_count + 1;
        self->nodes = disk_grow_array((void *)self->nodes, at, count, sizeof *self->nodes);
        self->nodes_count = count;
    }
    struct disk_node *node = calloc(1, sizeof *node);
    ASSERT(node != NULL);
    node->is_folder = is_folder;
    self->nodes[at] = node;
    return at + 1;
}

void disk_remove_node(struct disk *self, uint32_t number)
{
    struct disk_node *node = disk_get_node(self, number);
    disk_clear_changes(node);
    free(node->changes);
    disk_side_deinit(&node->now);
    disk_side_deinit(&node->synced);
    free(node);
    self->nodes[number - 1] = NULL;
}

uint64_t disk_count_pages_free(const struct disk *self)
{
    const uint64_t pages = self->options.capacity_bytes / DISK_PAGE_SIZE;
    return pages > self->pages_taken ? pages - self->pages_taken : 0;
}

void disk_apply_change(struct disk_side *side, const struct disk_change *change, uint64_t bytes)
{
    switch (change->kind) {
    case DISK_CHANGE_WRITE:
        disk_side_write(side, change->offset, change->bytes,
                        (size_t)(bytes < change->size ? bytes : change->size));
        break;
    case DISK_CHANGE_RESIZE:
        disk_side_resize(side, change->size);
        break;
    case DISK_CHANGE_ALLOCATE:
        disk_side_take(side, change->size);
        break;
    }
}

void disk_change_node(struct disk *self, struct disk_node *node, struct disk_change change,
                      const void *bytes)
{
    ASSERT(node->seen > 0);
    if (bytes != NULL) {
        change.bytes = malloc((size_t)change.size);
        ASSERT(change.bytes != NULL);
        memcpy(change.bytes, bytes, (size_t)change.size);
    }
    change.order = self->changes_made++;
    if (node->changes_count == node->changes_room) {
        const size_t room = 2 * node->changes_room + 4;
        node->changes =
            disk_grow_array(node->changes, node->changes_room, room, sizeof *node->changes);
        node->changes_room = room;
    }
    node->changes[node->changes_count++] = change;

    const uint64_t taken = node->now.pages_taken;
    disk_apply_change(&node->now, &change, change.size);
    self->pages_taken += node->now.pages_taken - taken;
}

void disk_clear_changes(struct disk_node *node)
{
    for (size_t i = 0; i < node->changes_count; i++) {
        free(node->changes[i].bytes);
    }
    node->changes_count = 0;
}

/* Of the changed pages, those that are equal now become one. A failed sync left others. */
static void share_changed(struct disk_node *node)
{
    for (size_t i = 0; i < node->changes_count; i++) {
        const struct disk_change *change = &node->changes[i];
        if (change->kind == DISK_CHANGE_WRITE) {
            disk_side_share(&node->synced, &node->now, change->offset, change->size);
        } else {
            disk_side_share(&node->synced, &node->now, change->size, 0);
        }
    }
}

static void apply_all(const struct disk_node *node, struct disk_side *side)
{
    for (size_t i = 0; i < node->changes_count; i++) {
        disk_apply_change(side, &node->changes[i], node->changes[i].size);
    }
}

void disk_sync_node(struct disk_node *node)
{
    apply_all(node, &node->synced);
    share_changed(node);
    disk_clear_changes(node);
}

void disk_lose_changes(struct disk *self, struct disk_node *node)
{
    for (size_t i = 0; i < node->changes_count; i++) {
        if (disk_draw(self, 2) == 0) {
            disk_apply_change(&node->synced, &node->changes[i], node->changes[i].size);
        }
    }
    share_changed(node);
    disk_clear_changes(node);
}

void disk_reread_node(struct disk_node *node)
{
    disk_side_copy(&node->now, &node->synced);
    apply_all(node, &node->now);
}

void disk_count_pages(struct disk *self)
{
    self->pages_taken = 0;
    for (uint32_t i = 0; i < self->nodes_count; i++) {
        if (self->nodes[i] != NULL && self->nodes[i]->seen > 0) {
            self->pages_taken += self->nodes[i]->now.pages_taken;
        }
    }
}
