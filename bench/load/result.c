#include "load/result.h"

#include "load/clock.h"

#include <stdlib.h>

/* Beyond one of these what is measured is the generator as well. */
static const double late_share_max = 0.01;
static const double own_cpu_max = 0.95;

struct result *result_create(const struct options *lent_options)
{
    struct result *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return NULL;
    }
    self->lent_options = lent_options;
    self->seconds =
        calloc(lent_options->warm_up_s + lent_options->duration_s, sizeof *self->seconds);
    if (self->seconds == NULL) {
        free(self);
        return NULL;
    }
    return self;
}

void result_destroy(struct result *self)
{
    if (self != NULL) {
        free(self->seconds);
        free(self);
    }
}

void result_read_quantiles(const struct histogram *histogram, struct quantiles *out_quantiles)
{
    *out_quantiles = (struct quantiles){
        .p50_ns = histogram_peek(histogram, 500000),
        .p99_ns = histogram_peek(histogram, 990000),
        .p99_9_ns = histogram_peek(histogram, 999000),
        .max_ns = histogram_peek(histogram, 1000000),
    };
}

double result_get_late_share(const struct result *self)
{
    return histogram_peek_share_above(&self->total.lateness, CLOCK_MS_NS);
}

const char *result_find_late(const struct result *self)
{
    return result_get_late_share(self) > late_share_max
               ? "its loops came to more than 1 % of what was due over a millisecond late"
               : NULL;
}

const char *result_find_busy(const struct result *self)
{
    return self->own_cpu_max > own_cpu_max ? "a loop of it took a whole core" : NULL;
}
