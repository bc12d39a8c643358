/* A run that is wrong becomes the smallest that is wrong still: fewer commands, fewer kinds of
 * fault, fewer users, clients and shards.
 *
 * The same run becomes the same smallest one: what it may take is bounded in runs and commands, and
 * not in time. What is wrong with the smallest may be something else than what was wrong at first;
 * both are to be told.
 *
 * Memory: plain data.  Thread: one.
 */
#ifndef SIM_SHRINK_H
#define SIM_SHRINK_H

#include "base/failure.h"
#include "sim/run.h"

#include <stdbool.h>
#include <stdint.h>

/* A run as it was: with what, how far it came, what was wrong. */
struct wrong_run {
    struct run_options options;
    struct run_counts counts;
    struct failure failure;
};

/* Plays a run, and says whether all was well. */
struct player {
    bool (*play)(void *lent_context, const struct run_options *options,
                 struct run_counts *out_counts, struct failure *out_failure);
    void *lent_context;
};

enum {
    SHRINK_RUNS_MAX = 400,
    SHRINK_COMMANDS_MAX = 2 * 1000 * 1000,
};

/* How many runs it took. */
uint32_t shrink_run(const struct wrong_run *wrong, const struct player *player,
                    struct wrong_run *out_smallest);

#endif
