/* What readstates-replay tells at its end: a summary on standard output, what is wrong on standard
 * error.
 *
 * Memory: borrows everything.
 */
#ifndef REPLAY_REPORT_H
#define REPLAY_REPORT_H

#include "replay/comparison.h"
#include "replay/latency.h"
#include "replay/player.h"
#include "replay/trace.h"

#include <stdint.h>

/* One run of commands: the play, or the reading back. */
struct report_run {
    uint64_t commands;
    uint64_t wall_ns;
    struct latency *latency; /* Sorted. */
};

/* The lines on events, and on commands and their latency: `what` says which commands. */
void report_events(const struct trace *trace, const char *path);
void report_commands(const struct report_run *run, const char *what, uint32_t depth);

/* The last lines, and before them the first differences. */
void report_comparison(const struct comparison *comparison, uint32_t ids_kept);

/* Why the play ended early. */
void report_refusals(const struct player *player, const char *path);

#endif
