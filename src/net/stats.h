/* What became of the commands and errors of one loop, and of all of them since CONFIG RESETSTAT.
 *
 *     loop 0's counts ─┐
 *     loop 1's counts ─┴─ sum ─ what there was at the last reset ─► INFO, LATENCY HISTOGRAM
 *
 * Nobody but a loop's own thread writes its counts, so they are plain adds; a reset only remembers
 * the sums.
 *
 * Memory: one block a loop, and one for the last reset, on the heap.  Threads: each function says.
 */
#ifndef NET_STATS_H
#define NET_STATS_H

#include "base/attribute.h"
#include "base/status.h"
#include "metrics/calls.h"
#include "metrics/metrics.h"
#include "net/command_table.h"
#include "resp/writer.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* First words of error replies: those there are, and some room. */
enum { ERROR_WORDS_MAX = 32 };

struct error_count {
    _Atomic(const char *) word; /* NULL: free, and all behind it. */
    _Atomic uint64_t count;
};

struct stats {
    struct error_count errors[ERROR_WORDS_MAX];
    struct calls calls[COMMAND_IDS];
};

struct error_sums {
    uint32_t count;
    const char *words[ERROR_WORDS_MAX];
    uint64_t counts[ERROR_WORDS_MAX];
};

/* The sums at the last reset. */
struct stats_baseline {
    struct error_sums errors;
    struct calls_sum calls[COMMAND_IDS];
    uint64_t metrics[METRICS_COUNT];
};

struct net;

NODISCARD enum status stats_create(struct stats **out_stats);
void stats_destroy(struct stats **taken_stats);

/* The loop's thread: counts the error that was written last, if any, and forgets it. True: there
 * was one. */
bool stats_take_error(struct stats *self, struct resp_writer *writer);

/* Any thread, since the start or the last reset. */
void stats_sum_calls(struct net *net, enum command_id id, struct calls_sum *out_sum);
void stats_sum_errors(struct net *net, struct error_sums *out_sums);
uint64_t stats_count_metric(struct net *net, enum metric metric);

/* Any thread. STATUS_MEMORY: nothing was reset. */
NODISCARD enum status stats_reset(struct net *net);

#endif
