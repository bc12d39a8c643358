/* A gate: one thread inside at a time, and nobody waits. Who finds it taken goes on with something
 * else.
 *
 *              enter              want                 leave: true
 *     free ◄──────────► taken ───────────► wanted ───────────────────► kept
 *             leave: false ▲                                            │
 *                          └────────────────────────────────────────────┘
 *                                       enter_or_want
 *
 * One thread, always the same, may want it. Once it has, nobody else comes in before it: others who
 * come and go could keep it out for ever.
 *
 * Whoever enters sees all that was done inside before.
 *
 * Memory: none.  Threads: any.
 */
#ifndef NET_GATE_H
#define NET_GATE_H

#include "base/attribute.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum gate_state {
    GATE_FREE,
    GATE_TAKEN,
    GATE_WANTED, /* Taken, and wanted. */
    GATE_KEPT,   /* For who wanted it. */
};

struct gate {
    _Atomic uint32_t state; /* enum gate_state; 0 at first. */
};

static inline bool gate_change(struct gate *self, enum gate_state from, enum gate_state to,
                               memory_order order)
{
    uint32_t state = from;
    return atomic_compare_exchange_strong_explicit(&self->state, &state, to, order,
                                                   memory_order_relaxed);
}

static inline enum gate_state gate_peek(const struct gate *self)
{
    return (enum gate_state)atomic_load_explicit(&self->state, memory_order_relaxed);
}

/* False: another thread is inside, or is about to be. */
NODISCARD static inline bool gate_enter(struct gate *self)
{
    /* Looked at first: a failed exchange would take the cache line from who is inside. */
    return gate_peek(self) == GATE_FREE &&
           gate_change(self, GATE_FREE, GATE_TAKEN, memory_order_acquire);
}

/* False: another thread is inside, whose gate_leave will say that it is wanted. */
NODISCARD static inline bool gate_enter_or_want(struct gate *self)
{
    for (;;) {
        switch (gate_peek(self)) {
        case GATE_FREE:
            if (gate_change(self, GATE_FREE, GATE_TAKEN, memory_order_acquire)) {
                return true;
            }
            break;
        case GATE_KEPT:
            if (gate_change(self, GATE_KEPT, GATE_TAKEN, memory_order_acquire)) {
                return true;
            }
            break;
        case GATE_TAKEN:
            if (gate_change(self, GATE_TAKEN, GATE_WANTED, memory_order_relaxed)) {
                return false;
            }
            break;
        case GATE_WANTED:
            return false;
        }
    }
}

/* True: it was wanted meanwhile, and is kept for who wants it. */
NODISCARD static inline bool gate_leave(struct gate *self)
{
    if (gate_change(self, GATE_TAKEN, GATE_FREE, memory_order_release)) {
        return false;
    }
    atomic_store_explicit(&self->state, GATE_KEPT, memory_order_release);
    return true;
}

#endif
