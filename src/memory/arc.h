/* Shared by threads: what has several owners goes when the last of them lets go.
 *
 *     struct payload {
 *         struct arc arc;                       one owner after arc_init: who made it
 *         ...
 *     };
 *     struct payload *mine = payload_acquire(theirs);      one owner more
 *     ...
 *     payload_release(&mine);                              frees it where that was the last one
 *
 * What is shared is not changed any more, from the second owner on.
 *
 * Memory: a count inside what is shared. Threads: any; each owner is one thread at a time.
 */
#ifndef MEMORY_ARC_H
#define MEMORY_ARC_H

#include "base/assert.h"
#include "base/attribute.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct arc {
    _Atomic uint32_t owners;
};

static inline void arc_init(struct arc *self)
{
    atomic_init(&self->owners, 1);
}

/* By an owner, for a further one. */
static inline void arc_acquire(struct arc *self)
{
    const uint32_t owners = atomic_fetch_add_explicit(&self->owners, 1, memory_order_relaxed);
    ASSERT(owners > 0 && owners < UINT32_MAX);
}

/* True: that was the last owner, who sees all that the others did with it, and frees it. */
NODISCARD static inline bool arc_release(struct arc *self)
{
    const uint32_t owners = atomic_fetch_sub_explicit(&self->owners, 1, memory_order_release);
    ASSERT(owners > 0);
    if (owners > 1) {
        return false;
    }
    /* A load, and no fence: ThreadSanitizer understands it. */
    (void)atomic_load_explicit(&self->owners, memory_order_acquire);
    return true;
}

#endif
