/* How long each command took: every sample is kept, so the percentiles are exact.
 *
 * Memory: its own array, 8 bytes a sample, until latency_deinit.
 */
#ifndef REPLAY_LATENCY_H
#define REPLAY_LATENCY_H

#include <stddef.h>
#include <stdint.h>

struct latency {
    uint64_t *samples_ns;
    size_t count;
    size_t capacity;
};

void latency_init(struct latency *self);
void latency_deinit(struct latency *self);

void latency_insert(struct latency *self, uint64_t sample_ns);

/* Sorts the samples: call it once, after the last insert and before latency_peek_ns. */
void latency_sort(struct latency *self);

/* The smallest sample that at least `per_million` of a million samples do not exceed; of no samples
 * 0. */
uint64_t latency_peek_ns(const struct latency *self, uint32_t per_million);

#endif
