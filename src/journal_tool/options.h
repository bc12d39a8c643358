/* The command line of readstates-journal.
 *
 * Memory: what it points to is argv's.
 */
#ifndef JOURNAL_TOOL_OPTIONS_H
#define JOURNAL_TOOL_OPTIONS_H

#include "base/attribute.h"

enum options_command {
    OPTIONS_CHECK,
    OPTIONS_DUMP,
    OPTIONS_STAT,
};

struct options {
    enum options_command command;
    char **paths; /* Files and folders. */
    int paths_count;
};

enum options_outcome {
    OPTIONS_RUN,
    OPTIONS_DONE,  /* --help or --version: it has been printed. */
    OPTIONS_WRONG, /* Standard error says what. */
};

NODISCARD enum options_outcome options_read(struct options *self, int argc, char **argv);

#endif
