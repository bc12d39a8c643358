/* What readstates-sim is told on its command line, and the command line of a run.
 *
 * Memory: plain data.  Thread: one (getopt_long).
 */
#ifndef SIM_SETTINGS_H
#define SIM_SETTINGS_H

#include "base/attribute.h"
#include "base/failure.h"
#include "sim/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct settings {
    struct run_options run; /* Of the first one; each later one has the next seed. */
    uint64_t runs;
    double hours; /* 0: as many runs as there are to be. */
    bool shrinks; /* A run that is wrong is made smaller. */
    bool wants_help;
};

enum { SETTINGS_COMMAND_SIZE = 2048 };

/* False: out_failure says which word is wrong, and why. */
NODISCARD bool settings_read(struct settings *out_settings, int argc, char **argv,
                             struct failure *out_failure);

/* All that tells this run from another, as options: what settings_read takes. */
void settings_print(const struct run_options *run, char to[static SETTINGS_COMMAND_SIZE]);

/* The manual page, as it were. */
void settings_print_help(void);

#endif
