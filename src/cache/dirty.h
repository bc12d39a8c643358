/* The dirty queue: which users must be written to the store, and when?
 *
 *     epoch 0   slot 0 ... │now│ ........ ►spread◄ ..... 127     a wheel of slots, each a list
 *     epoch 1   slot 0 ... ...                           127     of users; 128 slots are one
 *                                                                commit-delay and a little
 *
 * A user that becomes dirty is filed 60 to 110 slots ahead, where exactly its id says: so a burst
 * of changes becomes a spread of writes, what changes again meanwhile is written once, and the
 * last slot is reached before commit-delay has passed. Slots are a fraction of commit-delay, not a
 * time: when it is changed live, what is queued follows.
 *
 * To write all that is dirty now (dirty_begin_flush) the queue goes on filing into the other
 * epoch's wheel, and the old one is due at once: so a flush ends although users become dirty all
 * the time.
 *
 * A user that is due while its last write is still under way is parked, and due again when that
 * has ended.
 *
 * Memory: list heads; the links lie in the users' blocks.  Thread: the shard's.
 */
#ifndef CACHE_DIRTY_H
#define CACHE_DIRTY_H

#include "memory/arena.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    DIRTY_SLOTS = 128,
    DIRTY_SLOTS_PER_DELAY = 120, /* The rest is time for the write itself. */
    DIRTY_AHEAD_MIN = 60,
    DIRTY_AHEAD_MAX = 110,
    DIRTY_LAG_MAX = DIRTY_SLOTS - DIRTY_AHEAD_MAX - 1,
    DIRTY_PARKED = DIRTY_SLOTS, /* One more list beside the wheel. */
    DIRTY_LISTS = DIRTY_PARKED + 1,
};

struct dirty {
    struct slab *lent_slab;
    uint32_t heads[2][DIRTY_LISTS]; /* BLOCK_NONE: an empty list. */
    uint32_t counts[2];             /* Users of each epoch, */
    uint32_t parked[2];             /* and of them those that are parked. */
    uint8_t epoch;                  /* The wheel that is filed into. */
    uint8_t now;                    /* The slot that time has reached: due, as all before it. */
    uint8_t due;                    /* The oldest slot that may still hold due users. */
    uint8_t flushing_slot;          /* Where the search in the other wheel goes on. */
    uint64_t turned_at;             /* In milliseconds times DIRTY_SLOTS_PER_DELAY: exact. */
};

void dirty_init(struct dirty *self, struct slab *lent_slab, uint64_t now_ms);

/* Files a user that is not in the queue. `spread` decides where between the bounds. */
void dirty_insert(struct dirty *self, uint32_t block, uint64_t spread);

/* Back into the queue at once, of that epoch: its write failed. */
void dirty_insert_due(struct dirty *self, uint32_t block, uint8_t epoch);

void dirty_remove(struct dirty *self, uint32_t block);

/* The user, who is in the queue, is not found due until dirty_unpark. */
void dirty_park(struct dirty *self, uint32_t block);

/* Due, if it was parked; else nothing. */
void dirty_unpark(struct dirty *self, uint32_t block);

/* The user, who is in the queue, was copied to `block`, links included: mends what points at it. */
void dirty_mend(struct dirty *self, uint32_t block);

/* Lets time pass. `delay_ms` is commit-delay. True: not all that has passed, since due users wait;
 * to be called again when they are gone. */
bool dirty_turn(struct dirty *self, uint64_t now_ms, uint64_t delay_ms);

/* A user that is due, still in the queue; BLOCK_NONE when none is. */
uint32_t dirty_find_due(struct dirty *self);

/* The user that is due next, now or later; BLOCK_NONE when there is none but parked ones. */
uint32_t dirty_find_next(const struct dirty *self);

/* Which epoch's wheel the user is in. */
uint8_t dirty_get_epoch(const struct dirty *self, uint32_t block);

/* All that is in the queue is due from now on. The epoch before must be empty. */
void dirty_begin_flush(struct dirty *self);

/* How long from now the user's slot becomes due, at the latest. */
uint64_t dirty_peek_delay_ms(const struct dirty *self, uint32_t block, uint64_t delay_ms);

#endif
