/* What became of the calls of one command.
 *
 * Memory: the owner's.  Threads: of struct calls one writes, any reads; each value is whole, the
 * set of them is no snapshot. A struct calls_sum is plain data.
 */
#ifndef METRICS_CALLS_H
#define METRICS_CALLS_H

#include "metrics/histogram.h"

#include <stdbool.h>

struct calls {
    _Atomic uint64_t answered; /* Those with an error among them. */
    _Atomic uint64_t taken_ns; /* All of them together. */
    _Atomic uint64_t failed;   /* Answered with an error. */
    _Atomic uint64_t rejected; /* Refused before they began. */
    struct histogram latency;  /* In nanoseconds, of the answered ones. */
};

struct calls_sum {
    uint64_t answered;
    uint64_t taken_ns;
    uint64_t failed;
    uint64_t rejected;
    struct histogram_sum latency;
};

/* The writer's only: a plain add, no locked instruction. */
static inline void calls_raise(_Atomic uint64_t *value, uint64_t amount)
{
    atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + amount,
                          memory_order_relaxed);
}

/* The writer's: so many were answered, each after so long. */
static inline void calls_add(struct calls *self, uint64_t count, uint64_t each_ns, bool failed)
{
    calls_raise(&self->answered, count);
    calls_raise(&self->taken_ns, count * each_ns);
    if (failed) {
        calls_raise(&self->failed, count);
    }
    histogram_add(&self->latency, each_ns, count);
}

/* The writer's. */
static inline void calls_reject(struct calls *self)
{
    calls_raise(&self->rejected, 1);
}

static inline void calls_sum_add(struct calls_sum *self, const struct calls *counted)
{
    self->answered += atomic_load_explicit(&counted->answered, memory_order_relaxed);
    self->taken_ns += atomic_load_explicit(&counted->taken_ns, memory_order_relaxed);
    self->failed += atomic_load_explicit(&counted->failed, memory_order_relaxed);
    self->rejected += atomic_load_explicit(&counted->rejected, memory_order_relaxed);
    histogram_sum_add(&self->latency, &counted->latency);
}

static inline void calls_sum_subtract(struct calls_sum *self, const struct calls_sum *earlier)
{
    self->answered -= earlier->answered;
    self->taken_ns -= earlier->taken_ns;
    self->failed -= earlier->failed;
    self->rejected -= earlier->rejected;
    histogram_sum_subtract(&self->latency, &earlier->latency);
}

#endif
