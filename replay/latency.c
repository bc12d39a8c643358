#include "replay/latency.h"

#include "replay/array.h"

#include <stdlib.h>

void latency_init(struct latency *self)
{
    *self = (struct latency){0};
}

void latency_deinit(struct latency *self)
{
    free(self->samples_ns);
    *self = (struct latency){0};
}

void latency_insert(struct latency *self, uint64_t sample_ns)
{
    self->samples_ns =
        array_reserve(self->samples_ns, &self->capacity, self->count + 1, sizeof *self->samples_ns);
    self->samples_ns[self->count++] = sample_ns;
}

static int compare_samples(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

void latency_sort(struct latency *self)
{
    if (self->count > 0) {
        qsort(self->samples_ns, self->count, sizeof *self->samples_ns, compare_samples);
    }
}

uint64_t latency_peek_ns(const struct latency *self, uint32_t per_million)
{
    if (self->count == 0) {
        return 0;
    }
    const uint64_t rank = ((uint64_t)self->count * per_million + 999999) / 1000000;
    return self->samples_ns[rank == 0 ? 0 : rank - 1];
}
