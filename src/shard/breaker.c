#include "shard/breaker.h"

#include "base/splitmix.h"

enum { JITTER_PARTS = 4 }; /* A quarter of the delay, at the most. */

void breaker_init(struct breaker *self, uint64_t seed)
{
    *self = (struct breaker){.chance = seed};
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
    self->ends_ms =
        now_ms + self->delay_ms - splitmix_draw(&self->chance) % (self->delay_ms / JITTER_PARTS);
}
