/* What a simulated run is made of beside its parts: chance, time, and what tells two runs apart.
 *
 * Chance comes in streams, all of one seed: how much is drawn from one changes nothing of what is
 * drawn from the others. Each kind of fault has its own, so that a run without one kind meets the
 * others where it met them before, as far as it can.
 *
 * Memory: the caller's.  Thread: one.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/attribute.h"
#include "sim/faults.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CHANCE_OPTIONS, /* What a run is like. */
    CHANCE_TIME,    /* How long a step takes, and whose turn it is. */
    CHANCE_CLIENTS, /* What is sent. */
    CHANCE_NODE,    /* When what was begun ends. */
    CHANCE_FAULTS,  /* The first kind's. */
};

enum { CHANCES_COUNT = (int)CHANCE_FAULTS + (int)FAULTS_COUNT };

struct world {
    uint64_t random[CHANCES_COUNT]; /* The states of SplitMix64. */
    uint64_t hash;                  /* FNV-1a of all that was noted. */
    uint64_t now_ms;
    bool tells; /* Prints what happens. */
};

void world_init(struct world *self, uint64_t seed);

static inline uint32_t world_get_stream(enum fault fault)
{
    return (uint32_t)CHANCE_FAULTS + (uint32_t)fault;
}

uint64_t world_draw(struct world *self, uint32_t stream);

/* 0 to below - 1. */
uint32_t world_draw_below(struct world *self, uint32_t stream, uint32_t below);

/* True in so many of a million. */
bool world_draw_chance(struct world *self, uint32_t stream, uint32_t per_million);

/* Has happened: goes into the hash. */
void world_note(struct world *self, uint64_t what);

/* For people; nothing of it is in the hash. */
void world_tell(const struct world *self, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
