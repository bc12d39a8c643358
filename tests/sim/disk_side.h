/* One of the two contents that a file on the simulated disk has: what is read, or what is synced.
 *
 *     slots   [0] ──► page    [1] none: reads as 0    [2] ──► page ◄── another side's slot
 *
 * Pages are shared with other sides, and copied when one of them is written.
 *
 * Memory: the heap; all zero is an empty side, disk_side_deinit ends it.  Thread: one at a time.
 */
#ifndef SIM_DISK_SIDE_H
#define SIM_DISK_SIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk_page;

struct disk_slot {
    struct disk_page *page;
    bool is_taken; /* It has its room on the disk, written to or not. */
};

struct disk_side {
    struct disk_slot *slots;
    size_t slots_count;
    uint64_t pages_taken;
    uint64_t size; /* All pages read as 0 beyond it. */
};

void disk_side_deinit(struct disk_side *self);

/* Becomes the same as `from`. */
void disk_side_copy(struct disk_side *self, const struct disk_side *from);

/* Up to the size only. */
void disk_side_read(const struct disk_side *self, uint64_t offset, void *to, size_t size);

/* Takes the pages it touches, and makes the file larger where it has to. */
void disk_side_write(struct disk_side *self, uint64_t offset, const void *bytes, size_t size);

/* How many bytes of a write the pages there and `pages_free` others have room for. */
size_t disk_side_count_fitting(const struct disk_side *self, uint64_t offset, size_t size,
                               uint64_t pages_free);

/* Smaller: the pages beyond are given back. */
void disk_side_resize(struct disk_side *self, uint64_t size);

/* Takes all pages below `size`, and makes the file as large where it is not. */
void disk_side_take(struct disk_side *self, uint64_t size);
uint64_t disk_side_count_to_take(const struct disk_side *self, uint64_t size);

/* Of the pages that this range touches, those that are equal become one. */
void disk_side_share(struct disk_side *self, const struct disk_side *other, uint64_t offset,
                     uint64_t size);

/* The byte must be below the size. */
void disk_side_flip(struct disk_side *self, uint64_t offset, uint8_t mask);

#endif
