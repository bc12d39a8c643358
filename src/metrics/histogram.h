/* How long things took: counts by size, each known to a sixteenth, as HdrHistogram keeps them.
 *
 *     values      0 … 15   16 … 31   32, 34 … 62   64, 68 … 124   …      16 buckets an octave
 *     wide each   1        1         2             4
 *
 * A value is counted in the bucket that holds it, and comes back as the highest of that bucket, so
 * at most 1/16 too high. What is HISTOGRAM_VALUES_MAX or more is counted in the last one.
 *
 * Memory: the owner's.  Threads: of struct histogram one writes, any reads; each count is whole,
 * the set of them is no snapshot. A struct histogram_sum is plain data.
 */
#ifndef METRICS_HISTOGRAM_H
#define METRICS_HISTOGRAM_H

#include "base/attribute.h"

#include <stdatomic.h>
#include <stdint.h>

enum {
    HISTOGRAM_BITS = 4, /* Below the leading one of a value, that tell buckets apart. */
    HISTOGRAM_OCTAVE = 1 << HISTOGRAM_BITS,
    HISTOGRAM_VALUE_BITS = 40,
    HISTOGRAM_BUCKETS = (HISTOGRAM_VALUE_BITS - HISTOGRAM_BITS + 1) * HISTOGRAM_OCTAVE,
};

/* In nanoseconds about 18 minutes. */
#define HISTOGRAM_VALUES_MAX (UINT64_C(1) << HISTOGRAM_VALUE_BITS)

struct histogram {
    _Atomic uint64_t counts[HISTOGRAM_BUCKETS];
};

/* Of several histograms, or what came to them between two moments. */
struct histogram_sum {
    uint64_t counts[HISTOGRAM_BUCKETS];
};

static inline uint32_t histogram_find_bucket(uint64_t value)
{
    if (value < HISTOGRAM_OCTAVE) {
        return (uint32_t)value;
    }
    if (value >= HISTOGRAM_VALUES_MAX) {
        return HISTOGRAM_BUCKETS - 1;
    }
    const uint32_t shift = 63U - (uint32_t)__builtin_clzll(value) - HISTOGRAM_BITS;
    return shift * HISTOGRAM_OCTAVE + (uint32_t)(value >> shift);
}

/* The highest value of a bucket. */
static inline uint64_t histogram_get_highest(uint32_t bucket)
{
    if (bucket < HISTOGRAM_OCTAVE) {
        return bucket;
    }
    const uint32_t shift = bucket / HISTOGRAM_OCTAVE - 1;
    return ((uint64_t)(HISTOGRAM_OCTAVE + bucket % HISTOGRAM_OCTAVE + 1) << shift) - 1;
}

/* The writer's only: a plain add, no locked instruction. */
static inline void histogram_add(struct histogram *self, uint64_t value, uint64_t times)
{
    _Atomic uint64_t *count = &self->counts[histogram_find_bucket(value)];
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + times,
                          memory_order_relaxed);
}

/* Adds what it has counted. */
void histogram_sum_add(struct histogram_sum *self, const struct histogram *counted);

/* Takes away what was there at an earlier moment. */
void histogram_sum_subtract(struct histogram_sum *self, const struct histogram_sum *earlier);

uint64_t histogram_sum_count(const struct histogram_sum *self);

/* How many values are less than `bound`, a power of two of 16 or more. */
uint64_t histogram_sum_count_below(const struct histogram_sum *self, uint64_t bound);

/* The least value that `percent` (0 to 100) of all are not above, as its bucket has it; 0 where
 * nothing was counted. */
uint64_t histogram_sum_get_percentile(const struct histogram_sum *self, double percent);

#endif
