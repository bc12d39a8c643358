/* A growable array of one type, on the heap, with one owner.
 *
 *     struct watcher {
 *         VEC(struct channel_key) watched;      items, count, capacity
 *     };
 *     ...
 *     VEC_INIT(&watcher->watched);
 *     if (VEC_PUSH(&watcher->watched, channel) != STATUS_OK) {   nothing changed
 *     for (uint32_t at = 0; at < watcher->watched.count; at++) {
 *         use(watcher->watched.items[at]);
 *
 * The items are plain bytes to it: they are moved by memory copies, and what they own is the
 * owner's to free before they are dropped.
 *
 * Memory: one array on the heap, owned by whoever owns the struct; none before the first item. A
 * push or a reserve moves it, so pointers to items end there.  Thread: the owner's. Limits:
 * VEC_BYTES_MAX in all.
 */
#ifndef MEMORY_VEC_H
#define MEMORY_VEC_H

#include "base/assert.h"
#include "base/attribute.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define VEC_BYTES_MAX ((size_t)INT32_MAX)

/* Each use is a type of its own: it stands in a struct, or declares a variable. */
#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *items;                                                                               \
        uint32_t count;                                                                            \
        uint32_t capacity;                                                                         \
    }

/* Empty, without memory. */
#define VEC_INIT(self) ((void)((self)->items = NULL, (self)->count = 0, (self)->capacity = 0))

/* Frees the array; empty after, and may be used again. */
#define VEC_DEINIT(self) (free((self)->items), VEC_INIT(self))

/* Room for `more` items beside those that are there, so that as many pushes cannot fail.
 * STATUS_MEMORY, and nothing changed, when the heap is exhausted or VEC_BYTES_MAX would be passed.
 */
#define VEC_RESERVE(self, more)                                                                    \
    (__extension__({                                                                               \
        __typeof__(self) const vec_self = (self);                                                  \
        void *vec_items = vec_self->items;                                                         \
        const enum status vec_outcome = vec_grow(&vec_items, vec_self->count, &vec_self->capacity, \
                                                 (more), sizeof *vec_self->items);                 \
        vec_self->items = vec_items;                                                               \
        vec_result(vec_outcome);                                                                   \
    }))

/* Appends a copy of `item`. On STATUS_MEMORY, as for VEC_RESERVE, nothing changed and the item is
 * still the caller's. */
#define VEC_PUSH(self, item)                                                                       \
    (__extension__({                                                                               \
        __typeof__(self) const vec_to = (self);                                                    \
        const enum status vec_room =                                                               \
            vec_to->count < vec_to->capacity ? STATUS_OK : VEC_RESERVE(vec_to, 1);                 \
        if (vec_room == STATUS_OK) {                                                               \
            vec_to->items[vec_to->count] = (item);                                                 \
            vec_to->count++;                                                                       \
        }                                                                                          \
        vec_result(vec_room);                                                                      \
    }))

/* Drops the item at `at`, whose place the last one takes: the order of the rest is not kept. */
#define VEC_REMOVE_SWAP(self, at)                                                                  \
    (__extension__({                                                                               \
        __typeof__(self) const vec_from = (self);                                                  \
        const uint32_t vec_at = (at);                                                              \
        ASSERT(vec_at < vec_from->count);                                                          \
        vec_from->count--;                                                                         \
        vec_from->items[vec_at] = vec_from->items[vec_from->count];                                \
    }))

/* Of the macros above only. At the least doubles the capacity, where `more` items do not fit into
 * it. */
NODISCARD enum status vec_grow(void **out_items, uint32_t count, uint32_t *capacity, uint32_t more,
                               size_t item_size);

/* So that the compiler asks for a look at a macro's result. */
NODISCARD static inline enum status vec_result(enum status status)
{
    return status;
}

#endif
