/* The command line of readstates-bench.
 *
 * Memory: texts are argv's; the driver is a table.
 */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include "base/attribute.h"
#include "load/driver.h"
#include "load/mix.h"
#include "load/population.h"

#include <stdbool.h>
#include <stdint.h>

struct options {
    const char *host;
    const char *json; /* NULL: none is written. */
    const char *choice;
    const struct driver *driver;
    struct mix mix;
    struct population population;
    bool fill;
    /* All that are numbers, so that one table can set them. */
    uint64_t port;
    uint64_t connections;
    uint64_t threads;
    uint64_t rate;  /* Commands a second; 0: closed loop. */
    uint64_t depth; /* Of each connection in the closed loop. */
    uint64_t queue; /* Of each connection in the open loop. */
    uint64_t duration_s;
    uint64_t warm_up_s;
    uint64_t drain_s;
    uint64_t users;
    uint64_t first_user;
    uint64_t channels;
    uint64_t pairs;
    uint64_t mentions;
    uint64_t seed;
};

enum options_outcome {
    OPTIONS_RUN,
    OPTIONS_DONE,  /* --help or --version: it has been printed. */
    OPTIONS_WRONG, /* Standard error says what. */
};

NODISCARD enum options_outcome options_read(struct options *self, int argc, char **argv);

#endif
