/* How long things took, in nanoseconds: counts by size in memory that does not grow, as
 * HdrHistogram keeps them, each value known to less than one part in a hundred.
 *
 *     values      0 … 127   128 … 255   256, 258 … 510   …      128 buckets an octave
 *     wide each   1         1           2
 *
 * A value is counted in the bucket that holds it and comes back as the highest of that bucket: at
 * most 1/128 too high. What is HISTOGRAM_VALUES_MAX or more is counted in the last one; the highest
 * value of all is kept as it is.
 *
 * Memory: the owner's, some 34 KB.  Thread: one.
 */
#ifndef LOAD_HISTOGRAM_H
#define LOAD_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_BITS = 7, /* Below the leading one of a value, that tell buckets apart. */
    HISTOGRAM_OCTAVE = 1 << HISTOGRAM_BITS,
    HISTOGRAM_VALUE_BITS = 40,
    HISTOGRAM_BUCKETS = (HISTOGRAM_VALUE_BITS - HISTOGRAM_BITS + 1) * HISTOGRAM_OCTAVE,
};

/* In nanoseconds about 18 minutes. */
#define HISTOGRAM_VALUES_MAX (UINT64_C(1) << HISTOGRAM_VALUE_BITS)

struct histogram {
    uint64_t count;
    uint64_t max;
    uint64_t sum;
    uint64_t counts[HISTOGRAM_BUCKETS];
};

void histogram_init(struct histogram *self);

void histogram_insert(struct histogram *self, uint64_t value);

/* Adds what the other has counted. */
void histogram_add(struct histogram *self, const struct histogram *other);

/* The smallest value that at least `per_million` of a million are not above, as its bucket has it;
 * of a million the highest itself. Of no values 0. */
uint64_t histogram_peek(const struct histogram *self, uint32_t per_million);

/* The share of values, 0 to 1, that are above `value` by a bucket or more. Of no values 0. */
double histogram_peek_share_above(const struct histogram *self, uint64_t value);

#endif
