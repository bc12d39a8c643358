/* A run that is wrong, for people: the command that plays it again, and the smallest of its kind.
 *
 * Memory: plain data.  Thread: one.
 */
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

#include "sim/shrink.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* In a process of its own: one that is ended by an assertion or a signal is wrong as well. Its
 * counts are then 0. */
bool report_play_apart(const struct run_options *options, struct run_counts *out_counts,
                       uint64_t *out_hash, struct failure *out_failure);

/* Shrinks, if wanted, with runs in processes of their own. */
void report_wrong_run(FILE *to, const struct wrong_run *wrong, bool shrinks);

#endif
