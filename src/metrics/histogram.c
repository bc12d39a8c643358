#include "metrics/histogram.h"

#include "base/assert.h"

void histogram_sum_add(struct histogram_sum *self, const struct histogram *counted)
{
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        self->counts[i] += atomic_load_explicit(&counted->counts[i], memory_order_relaxed);
    }
}

void histogram_sum_subtract(struct histogram_sum *self, const struct histogram_sum *earlier)
{
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        self->counts[i] -= earlier->counts[i];
    }
}

uint64_t histogram_sum_count(const struct histogram_sum *self)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        count += self->counts[i];
    }
    return count;
}

uint64_t histogram_sum_count_below(const struct histogram_sum *self, uint64_t bound)
{
    ASSERT(bound >= HISTOGRAM_OCTAVE && (bound & (bound - 1)) == 0);
    const uint32_t end =
        bound >= HISTOGRAM_VALUES_MAX ? HISTOGRAM_BUCKETS : histogram_find_bucket(bound);
    uint64_t count = 0;
    for (uint32_t i = 0; i < end; i++) {
        count += self->counts[i];
    }
    return count;
}

uint64_t histogram_sum_get_percentile(const struct histogram_sum *self, double percent)
{
    const double wanted = percent * (double)histogram_sum_count(self);
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += self->counts[i];
        if (seen > 0 && (double)seen * 100 >= wanted) {
            return histogram_get_highest(i);
        }
    }
    return 0;
}
