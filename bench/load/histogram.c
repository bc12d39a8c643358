#include "load/histogram.h"

void histogram_init(struct histogram *self)
{
    *self = (struct histogram){0};
}

static uint32_t find_bucket(uint64_t value)
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

static uint64_t get_highest(uint32_t bucket)
{
    if (bucket < HISTOGRAM_OCTAVE) {
        return bucket;
    }
    const uint32_t shift = bucket / HISTOGRAM_OCTAVE - 1;
    return ((uint64_t)(HISTOGRAM_OCTAVE + bucket % HISTOGRAM_OCTAVE + 1) << shift) - 1;
}

void histogram_insert(struct histogram *self, uint64_t value)
{
    self->counts[find_bucket(value)]++;
    self->count++;
    self->sum += value;
    if (value > self->max) {
        self->max = value;
    }
}

void histogram_add(struct histogram *self, const struct histogram *other)
{
    for (uint32_t at = 0; at < HISTOGRAM_BUCKETS; at++) {
        self->counts[at] += other->counts[at];
    }
    self->count += other->count;
    self->sum += other->sum;
    if (other->max > self->max) {
        self->max = other->max;
    }
}

uint64_t histogram_peek(const struct histogram *self, uint32_t per_million)
{
    /* In two parts: a count times a million may not fit. */
    const uint64_t whole = self->count / 1000000 * per_million;
    const uint64_t rest = (self->count % 1000000 * per_million + 999999) / 1000000;
    const uint64_t rank = whole + rest == 0 ? 1 : whole + rest;
    if (rank >= self->count) {
        return self->max;
    }
    uint64_t seen = 0;
    uint32_t at = 0;
    for (; at < HISTOGRAM_BUCKETS - 1 && seen + self->counts[at] < rank; at++) {
        seen += self->counts[at];
    }
    const uint64_t highest = get_highest(at);
    return highest < self->max && at < HISTOGRAM_BUCKETS - 1 ? highest : self->max;
}

double histogram_peek_share_above(const struct histogram *self, uint64_t value)
{
    uint64_t above = 0;
    for (uint32_t at = find_bucket(value) + 1; at < HISTOGRAM_BUCKETS; at++) {
        above += self->counts[at];
    }
    return self->count == 0 ? 0 : (double)above / (double)self->count;
}
