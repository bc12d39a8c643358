/* How much a second, of late: what INFO calls instantaneous.
 *
 * Sums that only rise are looked at every RATES_SAMPLE_MS; a rate is what they rose by over the
 * last RATES_SAMPLES looks.
 *
 * Memory: none.  Threads: one samples, any peeks.
 */
#ifndef NET_RATES_H
#define NET_RATES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { RATES_SAMPLES = 16, RATES_SAMPLE_MS = 100 };

enum rate {
    RATE_COMMANDS,
    RATE_BYTES_IN,
    RATE_BYTES_OUT,
    RATES,
};

struct rates_sample {
    uint64_t time_ms;
    uint64_t sums[RATES];
};

struct rates {
    struct rates_sample samples[RATES_SAMPLES]; /* A ring. */
    uint32_t count;                             /* Taken, since the start. */
    _Atomic uint64_t a_second[RATES];
};

/* Is it time for the next one? */
bool rates_are_due(const struct rates *self, uint64_t now_ms);

/* Later than the one before. */
void rates_take(struct rates *self, const struct rates_sample *sample);

static inline uint64_t rates_peek(const struct rates *self, enum rate rate)
{
    return atomic_load_explicit(&self->a_second[rate], memory_order_relaxed);
}

#endif
