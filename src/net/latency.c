#include "net/latency.h"

#include "base/assert.h"

const char *latency_get_name(enum latency_event event)
{
    static const char *const names[] = {
#define X(event, name) name,
        LATENCY_TABLE(X)
#undef X
    };
    ASSERT(event < LATENCY_EVENTS);
    return names[event];
}

void latency_init(struct latency *self)
{
    *self = (struct latency){0};
    pthread_mutex_init(&self->lock, NULL);
}

void latency_deinit(struct latency *self)
{
    pthread_mutex_destroy(&self->lock);
}

void latency_set_threshold(struct latency *self, uint64_t threshold_ns)
{
    atomic_store_explicit(&self->threshold_ns, threshold_ns, memory_order_relaxed);
}

void latency_insert(struct latency *self, enum latency_event event, uint64_t time_s,
                    uint64_t taken_ns)
{
    const uint64_t ms = taken_ns / 1000000;
    struct latency_series *series = &self->series[event];
    pthread_mutex_lock(&self->lock);
    series->max_ms = ms > series->max_ms ? ms : series->max_ms;
    struct latency_sample *last =
        &series->samples[(series->next + LATENCY_SAMPLES_MAX - 1) % LATENCY_SAMPLES_MAX];
    if (series->count > 0 && last->time_s == time_s) {
        last->ms = ms > last->ms ? ms : last->ms;
    } else {
        series->samples[series->next] = (struct latency_sample){.time_s = time_s, .ms = ms};
        series->next = (series->next + 1) % LATENCY_SAMPLES_MAX;
        series->count += series->count < LATENCY_SAMPLES_MAX;
    }
    pthread_mutex_unlock(&self->lock);
}

struct latency_series latency_peek(struct latency *self, enum latency_event event)
{
    pthread_mutex_lock(&self->lock);
    const struct latency_series series = self->series[event];
    pthread_mutex_unlock(&self->lock);
    return series;
}

struct latency_sample latency_series_get(const struct latency_series *self, uint32_t index)
{
    ASSERT(index < self->count);
    return self
        ->samples[(self->next + LATENCY_SAMPLES_MAX - self->count + index) % LATENCY_SAMPLES_MAX];
}

bool latency_clear(struct latency *self, enum latency_event event)
{
    pthread_mutex_lock(&self->lock);
    const bool some = self->series[event].count > 0;
    self->series[event] = (struct latency_series){0};
    pthread_mutex_unlock(&self->lock);
    return some;
}
