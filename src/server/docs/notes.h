/* What docs/commands.md says of a command beside the command table: forms, failures, an example.
 *
 * Memory: constant.  Thread: any.
 */
#ifndef DOCS_NOTES_H
#define DOCS_NOTES_H

#include "net/command_table.h"

struct command_note {
    const char *resp2; /* The form of the reply. */
    const char *resp3; /* NULL: the same. */
    unsigned failures; /* 1 << status, of each that can end it but for bad arguments. */

    /* Lines of "> COMMAND" and what redis-cli -3 prints; "..." stands for any text. The tests type
     * it in. */
    const char *example;
};

const struct command_note *command_note_get(enum command_id id);

#endif
