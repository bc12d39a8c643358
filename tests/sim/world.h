/* What a simulated run is made of beside its parts: chance, time, and what tells two runs apart.
 *
 * Memory: the caller's.  Thread: one.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/attribute.h"

#include <stdbool.h>
#include <stdint.h>

struct world {
    uint64_t random; /* The state of SplitMix64. */
    uint64_t hash;   /* FNV-1a of all that was noted. */
    uint64_t now_ms;
    bool tells; /* Prints what happens. */
};

void world_init(struct world *self, uint64_t seed);

uint64_t world_draw(struct world *self);

/* 0 to below - 1. */
uint32_t world_draw_below(struct world *self, uint32_t below);

/* True in so many of a million. */
bool world_draw_chance(struct world *self, uint32_t per_million);

/* Has happened: goes into the hash. */
void world_note(struct world *self, uint64_t what);

/* For people; nothing of it is in the hash. */
void world_tell(const struct world *self, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
