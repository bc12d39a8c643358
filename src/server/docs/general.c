#include "server/docs/general.h"

#include "server/docs/notes.h"

#include <stddef.h>

const struct general_group general_groups[] = {
    {"readstates", "Read states"},
    {"pubsub", "Change feed"},
    {"connection", "Connections"},
    {"server", "Server"},
    {NULL, NULL},
};

const char *const general_rules[] = {
    "Names and options are case-insensitive. The protocol is RESP2 until `HELLO 3` asks for RESP3.",
    "`user` and `message` are numbers from 1 to 2^63-1 in canonical decimal: no sign, no leading "
    "zero, no space. `channel` is `ID` or `TYPE:ID` with TYPE 0 to 255; `ID` is `0:ID`, and is "
    "shown so.",
    "A `state` has `channel`, `last_read`, `mentions` and `version`, and, only where not zero, "
    "`floor` (where it differs from `last_read`), `viewed`, `pin`, `flags`, `approximate` (1: some "
    "mentions are only counted) and `deleted` (1: it was removed).",
    "Ids and epochs come as strings, counts and versions as integers.",
    "`key` says which argument is the user that the command is for, as `COMMAND INFO` does.",
    "Complexity is that of a user in memory. One that is not is loaded first, whole.",
    "The examples show what `redis-cli -3` prints after each line that begins with `>`; `...` "
    "stands for any text.",
    NULL,
};

const struct general_error general_errors[] = {
    {"-ERR unknown command 'NAME', ...", "there is no such command"},
    {"-ERR wrong number of arguments for 'NAME' command", "there are too few or too many"},
    {"-ERR WHAT must be RANGE, got 'TEXT'",
     "an argument is wrong; TEXT is cut at 64 bytes, and bytes beyond printable ASCII come as "
     "`\\xNN`"},
    {"-ERR Protocol error: ...",
     "the bytes are no command, or one beyond `max-arguments` or `max-argument-bytes`; the "
     "connection is closed"},
    {"-ERR max number of clients reached",
     "at once after connecting, where `maxclients` are there; the connection is closed"},
    {NULL, NULL},
};

const char general_failures[] =
    "A command that names several users then says `succeeded N of M` behind the word of the first "
    "failure.";

unsigned general_find_failures(void)
{
    unsigned failures = 0;
    for (int id = 0; id < COMMAND_IDS; id++) {
        failures |= command_note_get((enum command_id)id)->failures;
    }
    return failures;
}
