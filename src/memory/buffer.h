/* A growable run of bytes: appended at its end, consumed from its front.
 *
 *     bytes      begin               end              capacity
 *     ├──────────┼───────────────────┼────────────────┤
 *     │ consumed │ content           │ room           │
 *     └──────────┴───────────────────┴────────────────┘
 *
 * One owner: whoever holds the struct. What it hands out points into it, and is valid until the
 * next reserve, append, shrink or deinit.
 *
 * Memory: the heap's; none before the first byte. Growth doubles, so a byte is copied a bounded
 * number of times; `capacity` is what the buffer takes.  Thread: the owner's.
 */
#ifndef MEMORY_BUFFER_H
#define MEMORY_BUFFER_H

#include "base/assert.h"
#include "base/attribute.h"
#include "base/slice.h"
#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* More than this is refused without asking the system. */
#define BUFFER_SIZE_MAX ((size_t)PTRDIFF_MAX / 2)

struct buffer {
    char *bytes; /* NULL only where capacity is 0. */
    size_t begin;
    size_t end;
    size_t capacity;
};

static inline void buffer_init(struct buffer *self)
{
    *self = (struct buffer){0};
}

/* Frees the memory; the buffer is as after buffer_init. */
void buffer_deinit(struct buffer *self);

static inline size_t buffer_peek_size(const struct buffer *self)
{
    return self->end - self->begin;
}

/* The content. */
static inline struct slice buffer_peek(const struct buffer *self)
{
    const size_t size = buffer_peek_size(self);
    return (struct slice){.bytes = size == 0 ? NULL : self->bytes + self->begin, .size = size};
}

/* The content, to be changed in place. NULL where the buffer has no memory. */
static inline char *buffer_get_bytes(const struct buffer *self)
{
    return self->bytes == NULL ? NULL : self->bytes + self->begin;
}

/* What buffer_reserve does when there is not enough room. */
NODISCARD char *buffer_grow(struct buffer *self, size_t size);

/* Room for at least `size` bytes (and more than none) behind the content; all of it, to `capacity`,
 * may be written. NULL when the system gives no more memory: the content is then unchanged. */
NODISCARD static inline char *buffer_reserve(struct buffer *self, size_t size)
{
    if (LIKELY(self->capacity - self->end > size)) {
        return self->bytes + self->end;
    }
    return buffer_grow(self, size);
}

/* The first `size` bytes of the reserved room have been written and are content now. */
static inline void buffer_extend(struct buffer *self, size_t size)
{
    ASSERT(size <= self->capacity - self->end);
    self->end += size;
}

/* STATUS_MEMORY where the system gives no more memory: the content is then unchanged. */
NODISCARD enum status buffer_append(struct buffer *self, struct slice bytes);

/* The first `size` bytes of the content are done with. An empty buffer starts again at its front.
 */
static inline void buffer_consume(struct buffer *self, size_t size)
{
    ASSERT(size <= buffer_peek_size(self));
    self->begin += size;
    if (self->begin == self->end) {
        self->begin = 0;
        self->end = 0;
    }
}

/* The content is its first `size` bytes. */
static inline void buffer_cut(struct buffer *self, size_t size)
{
    ASSERT(size <= buffer_peek_size(self));
    self->end = self->begin + size;
    buffer_consume(self, 0);
}

/* Gives memory back: the capacity is then at most the larger of `capacity_max` and the content's
 * size. Where the system has no smaller block to give, the buffer stays as it is. */
void buffer_shrink(struct buffer *self, size_t capacity_max);

#endif
