#include "sim/disk_side.h"

#include "base/assert.h"
#include "sim/disk.h"
#include "sim/disk_array.h"

#include <stdlib.h>
#include <string.h>

struct disk_page {
    uint32_t sides; /* That have it. */
    uint8_t bytes[DISK_PAGE_SIZE];
};

static uint64_t page_of(uint64_t offset)
{
    return offset / DISK_PAGE_SIZE;
}

static uint64_t pages_below(uint64_t size)
{
    return page_of(size + DISK_PAGE_SIZE - 1);
}

static size_t smaller(uint64_t a, uint64_t b)
{
    return (size_t)(a < b ? a : b);
}

/* What is left of a page at an offset, or of a range if that is less. */
static size_t piece_size(uint64_t offset, uint64_t size)
{
    return smaller(DISK_PAGE_SIZE - offset % DISK_PAGE_SIZE, size);
}

static void grow(struct disk_side *self, uint64_t pages)
{
    if (pages <= self->slots_count) {
        return;
    }
    const size_t count = (size_t)(pages < 2 * self->slots_count ? 2 * self->slots_count : pages);
    self->slots = disk_grow_array(self->slots, self->slots_count, count, sizeof *self->slots);
    self->slots_count = count;
}

static void drop_page(struct disk_slot *slot)
{
    if (slot->page != NULL && --slot->page->sides == 0) {
        free(slot->page);
    }
    slot->page = NULL;
}

static void share_page(struct disk_slot *slot, struct disk_page *page)
{
    if (page != NULL) {
        page->sides++;
    }
    drop_page(slot);
    slot->page = page;
}

/* The slot's page, for this side alone. */
static struct disk_page *own_page(struct disk_slot *slot)
{
    struct disk_page *page = slot->page;
    if (page != NULL && page->sides == 1) {
        return page;
    }
    struct disk_page *copy = calloc(1, sizeof *copy);
    ASSERT(copy != NULL);
    if (page != NULL) {
        memcpy(copy->bytes, page->bytes, sizeof copy->bytes);
    }
    drop_page(slot);
    copy->sides = 1;
    slot->page = copy;
    return copy;
}

static void take_slot(struct disk_side *self, uint64_t at)
{
    if (!self->slots[at].is_taken) {
        self->slots[at].is_taken = true;
        self->pages_taken++;
    }
}

static bool has_slot(const struct disk_side *self, uint64_t at)
{
    return at < self->slots_count && self->slots[at].is_taken;
}

void disk_side_deinit(struct disk_side *self)
{
    for (size_t i = 0; i < self->slots_count; i++) {
        drop_page(&self->slots[i]);
    }
    free(self->slots);
    *self = (struct disk_side){0};
}

void disk_side_copy(struct disk_side *self, const struct disk_side *from)
{
    disk_side_deinit(self);
    grow(self, from->slots_count);
    for (size_t i = 0; i < from->slots_count; i++) {
        share_page(&self->slots[i], from->slots[i].page);
        self->slots[i].is_taken = from->slots[i].is_taken;
    }
    self->pages_taken = from->pages_taken;
    self->size = from->size;
}

void disk_side_read(const struct disk_side *self, uint64_t offset, void *to, size_t size)
{
    ASSERT(offset <= self->size && size <= self->size - offset);
    uint8_t *next = to;
    while (size > 0) {
        const size_t piece = piece_size(offset, size);
        const uint64_t at = page_of(offset);
        const struct disk_page *page = at < self->slots_count ? self->slots[at].page : NULL;
        if (page == NULL) {
            memset(next, 0, piece);
        } else {
            memcpy(next, page->bytes + offset % DISK_PAGE_SIZE, piece);
        }
        next += piece;
        offset += piece;
        size -= piece;
    }
}

void disk_side_write(struct disk_side *self, uint64_t offset, const void *bytes, size_t size)
{
    if (size == 0) {
        return;
    }
    const uint8_t *next = bytes;
    const uint64_t end = offset + size;
    grow(self, pages_below(end));
    while (offset < end) {
        const size_t piece = piece_size(offset, end - offset);
        const uint64_t at = page_of(offset);
        memcpy(own_page(&self->slots[at])->bytes + offset % DISK_PAGE_SIZE, next, piece);
        take_slot(self, at);
        next += piece;
        offset += piece;
    }
    self->size = self->size < end ? end : self->size;
}

size_t disk_side_count_fitting(const struct disk_side *self, uint64_t offset, size_t size,
                               uint64_t pages_free)
{
    size_t fitting = 0;
    while (fitting < size) {
        if (!has_slot(self, page_of(offset + fitting))) {
            if (pages_free == 0) {
                break;
            }
            pages_free--;
        }
        fitting += piece_size(offset + fitting, size - fitting);
    }
    return fitting;
}

void disk_side_resize(struct disk_side *self, uint64_t size)
{
    if (size < self->size) {
        for (uint64_t at = pages_below(size); at < self->slots_count; at++) {
            drop_page(&self->slots[at]);
            self->pages_taken -= self->slots[at].is_taken;
            self->slots[at].is_taken = false;
        }
        const uint64_t last = page_of(size);
        if (last < self->slots_count && self->slots[last].page != NULL) {
            const size_t kept = size % DISK_PAGE_SIZE;
            memset(own_page(&self->slots[last])->bytes + kept, 0, DISK_PAGE_SIZE - kept);
        }
    }
    self->size = size;
}

void disk_side_take(struct disk_side *self, uint64_t size)
{
    grow(self, pages_below(size));
    for (uint64_t at = 0; at < pages_below(size); at++) {
        take_slot(self, at);
    }
    self->size = self->size < size ? size : self->size;
}

uint64_t disk_side_count_to_take(const struct disk_side *self, uint64_t size)
{
    uint64_t count = 0;
    for (uint64_t at = 0; at < pages_below(size); at++) {
        count += !has_slot(self, at);
    }
    return count;
}

void disk_side_share(struct disk_side *self, const struct disk_side *other, uint64_t offset,
                     uint64_t size)
{
    const size_t common = smaller(self->slots_count, other->slots_count);
    const uint64_t end = smaller(pages_below(offset + size), common);
    for (uint64_t at = page_of(offset); at < end; at++) {
        struct disk_page *page = other->slots[at].page;
        struct disk_slot *slot = &self->slots[at];
        if (page != NULL && slot->page != NULL && page != slot->page &&
            memcmp(page->bytes, slot->page->bytes, sizeof page->bytes) == 0) {
            share_page(slot, page);
        }
    }
}

void disk_side_flip(struct disk_side *self, uint64_t offset, uint8_t mask)
{
    ASSERT(offset < self->size);
    grow(self, page_of(offset) + 1);
    struct disk_page *page = own_page(&self->slots[page_of(offset)]);
    page->bytes[offset % DISK_PAGE_SIZE] ^= mask;
}
