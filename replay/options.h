/* The command line of readstates-replay.
 *
 * Memory: what it points to is argv's.
 */
#ifndef REPLAY_OPTIONS_H
#define REPLAY_OPTIONS_H

#include "replay/client.h"

#include <stdbool.h>
#include <stdint.h>

struct options {
    const char *trace;
    struct client_address address;
    uint32_t depth;
    bool verify_only;
};

enum options_outcome {
    OPTIONS_RUN,
    OPTIONS_DONE,  /* --help or --version: it has been printed. */
    OPTIONS_WRONG, /* Standard error says what. */
};

enum options_outcome options_read(struct options *self, int argc, char **argv)
    __attribute__((warn_unused_result));

#endif
