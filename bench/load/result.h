/* All that one run has measured: what the reports are made of.
 *
 * Memory: its own, from result_create to result_destroy; the options are borrowed.  Thread: one.
 */
#ifndef LOAD_RESULT_H
#define LOAD_RESULT_H

#include "load/options.h"
#include "load/precision.h"
#include "load/process.h"
#include "load/tally.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of the latency of what was answered, or how late something was. */
struct quantiles {
    uint64_t p50_ns;
    uint64_t p99_ns;
    uint64_t p99_9_ns;
    uint64_t max_ns;
};

/* One line of the report. */
struct second {
    double at_s; /* Its end, from the begin of the warm-up. */
    double wall_s;
    bool warming_up;
    uint64_t sent;
    uint64_t answered;
    uint64_t refused;
    uint64_t not_sent;
    struct quantiles latency;
    uint64_t late_p99_ns; /* How late the loops were. */
    double own_cpu;       /* The busiest loop's share of a core. */
    double server_cpu;    /* Cores. */
    uint64_t server_resident_bytes;
};

struct result {
    const struct options *lent_options;
    struct precision precision;
    double fill_s; /* 0: nothing was filled. */
    struct second *seconds;
    size_t seconds_count;
    struct tally total;       /* What was measured, and the wait for the last answers. */
    struct histogram latency; /* Of all kinds. */
    double measured_s;        /* Without that wait. */
    double drained_s;         /* That wait. */
    uint64_t sent_in_time;    /* Likewise. */
    uint64_t answered_in_time;
    uint64_t refused_in_time;
    double own_cpu_max; /* The highest that a second has. */
    struct process_cost own;
    struct process_cost server; /* CPU time of what was measured; resident at the end. */
    double server_whole_cpu_s;  /* From the begin of the warm-up to the last answer. */
    uint64_t server_resident_max_bytes;
    bool server_known;
};

/* NULL: no memory. */
struct result *result_create(const struct options *lent_options);
void result_destroy(struct result *self);

void result_read_quantiles(const struct histogram *histogram, struct quantiles *out_quantiles);

/* The share of what was due that the loops came to more than a millisecond late. */
double result_get_late_share(const struct result *self);

/* Why the figures may be the generator's and not the server's, a sentence each; NULL: no reason. */
const char *result_find_late(const struct result *self);
const char *result_find_busy(const struct result *self);

#endif
