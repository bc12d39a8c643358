#include "shard/breaker.h"

enum { JITTER_PARTS = 4 }; /* A quarter of the delay, at the most. */

void breaker_init(struct breaker *self, uint64_t seed)
{
    *self = (struct breaker){.chance = seed};
}

/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators). */
static uint32_t draw(struct breaker *self, uint32_t below)
{
    self->chance += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = self->chance;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) % below);
}

bool breaker_may(const struct breaker *self, uint64_t now_ms)
{
    return self->state == BREAKER_CLOSED ||
           (self->state == BREAKER_OPEN && now_ms >= self->ends_ms);
}

bool breaker_begin(struct breaker *self, uint64_t now_ms)
{
    const bool may = breaker_may(self, now_ms);
    if (may && self->state == BREAKER_OPEN) {
        self->state = BREAKER_HALF_OPEN;
    }
    return may;
}

void breaker_note_success(struct breaker *self)
{
    self->state = BREAKER_CLOSED;
    self->failures = 0;
    self->delay_ms = 0;
}

void breaker_note_failure(struct breaker *self, uint64_t now_ms)
{
    self->failures++;
    /* While it is open: of what was asked before. */
    if (self->state == BREAKER_OPEN ||
        (self->state == BREAKER_CLOSED && self->failures < BREAKER_FAILURES)) {
        return;
    }
    const uint32_t doubled = 2 * self->delay_ms;
    self->delay_ms = doubled < BREAKER_DELAY_MIN_MS   ? BREAKER_DELAY_MIN_MS
                     : doubled > BREAKER_DELAY_MAX_MS ? BREAKER_DELAY_MAX_MS
                                                      : doubled;
    self->state = BREAKER_OPEN;
    self->ends_ms = now_ms + self->delay_ms - draw(self, self->delay_ms / JITTER_PARTS);
}
