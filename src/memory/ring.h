/* A ring between two threads: one puts in, one takes out, neither waits nor locks.
 *
 *     taken ──► [ . . x x x x . . ] ◄── put      positions only rise, modulo 2^32;
 *                                                the place is position % capacity
 *
 * Elements move in batches: what ring_put gave room for is seen by the other side only after
 * ring_publish, and what ring_peek showed is free for the producer only after ring_consume. An
 * element that owns memory changes its owner by going through.
 *
 * Each side keeps its own copy of the other's position in its own cache line, and looks at the
 * shared one only when the copy says full, or empty.
 *
 * Memory: one array, taken at init. The struct is aligned to a cache line: where it is on the heap,
 * it comes from aligned_alloc(alignof(struct ring), ...), as malloc aligns to 16 bytes only.
 * Threads: one producer, one consumer, which may change over time if something else orders them.
 */
#ifndef MEMORY_RING_H
#define MEMORY_RING_H

#include "base/attribute.h"
#include "base/status.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CACHE_LINE = 64, RING_CAPACITY_MAX = 1 << 20 };

struct ring {
    uint8_t *elements;
    uint32_t element_size;
    uint32_t capacity; /* A power of two. */

    alignas(CACHE_LINE) _Atomic uint32_t put_shared;   /* Written by the producer. */
    alignas(CACHE_LINE) _Atomic uint32_t taken_shared; /* Written by the consumer. */

    alignas(CACHE_LINE) uint32_t put; /* The producer's own. */
    uint32_t taken_seen;

    alignas(CACHE_LINE) uint32_t taken; /* The consumer's own. */
    uint32_t put_seen;
};

/* `capacity` is a power of two, 2 to RING_CAPACITY_MAX. Elements are aligned to the largest power
 * of two that divides their size, up to a cache line. STATUS_MEMORY leaves nothing behind. */
NODISCARD enum status ring_init(struct ring *self, uint32_t element_size, uint32_t capacity);

/* Elements still inside are dropped: who owns memory through them takes them out before. */
void ring_deinit(struct ring *self);

static inline void *ring_get_place(const struct ring *self, uint32_t position)
{
    const size_t place = position & (self->capacity - 1);
    return self->elements + place * self->element_size;
}

/* Producer. How many more elements can be put now: at least so many stay possible. */
static inline uint32_t ring_count_free(struct ring *self)
{
    self->taken_seen = atomic_load_explicit(&self->taken_shared, memory_order_acquire);
    return self->capacity - (self->put - self->taken_seen);
}

/* Producer. Room for one element, to be filled in by the caller; NULL when the ring is full.
 * Nobody sees it before ring_publish. */
static inline void *ring_put(struct ring *self)
{
    if (self->put - self->taken_seen == self->capacity && ring_count_free(self) == 0) {
        return NULL;
    }
    return ring_get_place(self, self->put++);
}

/* Producer. Shows the other side all that was put. True if there was something new. */
static inline bool ring_publish(struct ring *self)
{
    /* Relaxed: the producer alone writes it, and always reads what it wrote last. */
    if (atomic_load_explicit(&self->put_shared, memory_order_relaxed) == self->put) {
        return false;
    }
    atomic_store_explicit(&self->put_shared, self->put, memory_order_release);
    return true;
}

/* Consumer. The oldest element not consumed; NULL when there is none. Stays until ring_consume. */
static inline void *ring_peek(struct ring *self)
{
    if (self->taken == self->put_seen) {
        self->put_seen = atomic_load_explicit(&self->put_shared, memory_order_acquire);
        if (self->taken == self->put_seen) {
            return NULL;
        }
    }
    return ring_get_place(self, self->taken);
}

/* Consumer. Drops the element that ring_peek gave; the producer may reuse its place at once. */
static inline void ring_consume(struct ring *self)
{
    self->taken++;
    atomic_store_explicit(&self->taken_shared, self->taken, memory_order_release);
}

#endif
