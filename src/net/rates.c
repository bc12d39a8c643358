#include "net/rates.h"

#include "base/assert.h"

static const struct rates_sample *get_newest(const struct rates *self)
{
    return &self->samples[(self->count - 1) % RATES_SAMPLES];
}

bool rates_are_due(const struct rates *self, uint64_t now_ms)
{
    return self->count == 0 || now_ms - get_newest(self)->time_ms >= RATES_SAMPLE_MS;
}

void rates_take(struct rates *self, const struct rates_sample *sample)
{
    ASSERT(self->count == 0 || sample->time_ms > get_newest(self)->time_ms);
    self->samples[self->count++ % RATES_SAMPLES] = *sample;
    const struct rates_sample *oldest =
        &self->samples[self->count < RATES_SAMPLES ? 0 : self->count % RATES_SAMPLES];
    const uint64_t passed_ms = sample->time_ms - oldest->time_ms;
    for (int rate = 0; rate < RATES && passed_ms > 0; rate++) {
        atomic_store_explicit(&self->a_second[rate],
                              (sample->sums[rate] - oldest->sums[rate]) * 1000 / passed_ms,
                              memory_order_relaxed);
    }
}
