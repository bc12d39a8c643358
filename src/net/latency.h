/* What took long, of a few kinds of events: the last times, a sample a second each, as Redis's
 * latency monitor keeps them.
 *
 * Memory: none.  Threads: any.
 */
#ifndef NET_LATENCY_H
#define NET_LATENCY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { LATENCY_SAMPLES_MAX = 160 };

/*      event                  as clients call it */
#define LATENCY_TABLE(X)                                                                           \
    X(LATENCY_COMMAND, "command")           /* From its begin until its answer was there. */       \
    X(LATENCY_FAST_COMMAND, "fast-command") /* The same, of those with the flag `fast`. */         \
    X(LATENCY_TURN, "turn")                 /* A thread was so long away from its sockets. */      \
    X(LATENCY_STORE_READ, "store-read")     /* The store was asked for a user. */                  \
    X(LATENCY_STORE_WRITE, "store-write")   /* The store was given users. */

enum latency_event {
#define X(event, name) event,
    LATENCY_TABLE(X)
#undef X
        LATENCY_EVENTS
};

const char *latency_get_name(enum latency_event event);

struct latency_sample {
    uint64_t time_s; /* Since 1970. */
    uint64_t ms;     /* The longest in that second. */
};

/* Of one event, since the start or the last reset. */
struct latency_series {
    uint32_t count; /* Of the samples. */
    uint32_t next;  /* Where the next one goes: the ring's oldest, once it is full. */
    uint64_t max_ms;
    struct latency_sample samples[LATENCY_SAMPLES_MAX];
};

struct latency {
    _Atomic uint64_t threshold_ns; /* 0: nothing is noted. */
    pthread_mutex_t lock;
    struct latency_series series[LATENCY_EVENTS];
};

void latency_init(struct latency *self);
void latency_deinit(struct latency *self);
void latency_set_threshold(struct latency *self, uint64_t threshold_ns);

/* It took long enough. */
void latency_insert(struct latency *self, enum latency_event event, uint64_t time_s,
                    uint64_t taken_ns);

static inline bool latency_is_long(const struct latency *self, uint64_t taken_ns)
{
    const uint64_t threshold_ns = atomic_load_explicit(&self->threshold_ns, memory_order_relaxed);
    return taken_ns >= threshold_ns && threshold_ns > 0;
}

/* A copy, whole. */
struct latency_series latency_peek(struct latency *self, enum latency_event event);

/* From the oldest on, index 0 to count - 1. */
struct latency_sample latency_series_get(const struct latency_series *self, uint32_t index);

/* True: there was something. */
bool latency_clear(struct latency *self, enum latency_event event);

#endif
