#include "net/command_table.h"

#include "base/assert.h"
#include "base/bytes.h"

#include <string.h>

#define PER_STATE "O(log N) with N states of the user, O(N) the first time the user is used"

static const struct command_spec specs[COMMAND_IDS] = {
    [COMMAND_ID_RS_ACK] = {.id = COMMAND_ID_RS_ACK,
                           .name = "rs.ack",
                           .arity = -4,
                           .flags = COMMAND_WRITE | COMMAND_FAST,
                           .key = 1,
                           .group = "readstates",
                           .syntax = "user channel message [MANUAL [MENTIONS n]] [VIEWED d] "
                                     "[FLAGS f] [IFVERSION v] [COMMIT now|delayed]",
                           .summary = "The user has read the channel up to the message.",
                           .reply = "[version, mentions] of the state",
                           .complexity = PER_STATE},
    [COMMAND_ID_RS_BADGE] = {.id = COMMAND_ID_RS_BADGE,
                             .name = "rs.badge",
                             .arity = -2,
                             .flags = COMMAND_READONLY,
                             .group = "readstates",
                             .syntax = "user [user ...]",
                             .summary = "How many mentions wait for each user, and in how many "
                                        "states.",
                             .reply = "for each user [mentions in all, states with mentions]",
                             .complexity =
                                 "O(N) with N states of the users; O(1) for a user whose states "
                                 "stand in leaves (from about 100 on)"},
    [COMMAND_ID_RS_BULKACK] = {.id = COMMAND_ID_RS_BULKACK,
                               .name = "rs.bulkack",
                               .arity = -4,
                               .flags = COMMAND_WRITE,
                               .key = 1,
                               .group = "readstates",
                               .syntax = "user channel message [channel message ...]",
                               .summary = "The user has read several channels, at most 1000; all "
                                          "are applied, or none.",
                               .reply = "[version of the user, how many states changed]",
                               .complexity = "O(M log N) for M channels"},
    [COMMAND_ID_RS_DEL] = {.id = COMMAND_ID_RS_DEL,
                           .name = "rs.del",
                           .arity = -3,
                           .flags = COMMAND_WRITE,
                           .key = 1,
                           .group = "readstates",
                           .syntax = "user channel [channel ...]",
                           .summary = "Removes states of a user; late acks and mentions do not "
                                      "bring them back.",
                           .reply = "how many were removed",
                           .complexity = "O(M log N) for M channels"},
    [COMMAND_ID_RS_EVICT] = {.id = COMMAND_ID_RS_EVICT,
                             .name = "rs.evict",
                             .arity = 2,
                             .flags = COMMAND_ADMIN,
                             .key = 1,
                             .group = "readstates",
                             .syntax = "user",
                             .summary =
                                 "Sends a user out of the cache, after a write to the store where "
                                 "dirty.",
                             .reply = "1 when the user has left, 0 where it was not there",
                             .complexity = "O(N) with N states of the user"},
    [COMMAND_ID_RS_FLUSH] = {.id = COMMAND_ID_RS_FLUSH,
                             .name = "rs.flush",
                             .arity = -1,
                             .flags = COMMAND_ADMIN,
                             .group = "readstates",
                             .syntax = "[user]",
                             .summary =
                                 "Waits until all that was dirty at the call is in the store: of "
                                 "one user, or of all.",
                             .reply = "OK",
                             .complexity = "O(D) with D dirty users"},
    [COMMAND_ID_RS_FORGET] =
        {.id = COMMAND_ID_RS_FORGET,
         .name = "rs.forget",
         .arity = 2,
         .flags = COMMAND_WRITE,
         .key = 1,
         .group = "readstates",
         .syntax = "user",
         .summary =
             "Erases everything of a user, in memory and in the store; the next state begins "
             "a new epoch.",
         .reply = "how many states were erased",
         .complexity = "O(N) with N states of the user"},
    [COMMAND_ID_RS_GET] = {.id = COMMAND_ID_RS_GET,
                           .name = "rs.get",
                           .arity = -3,
                           .flags = COMMAND_READONLY | COMMAND_FAST,
                           .key = 1,
                           .group = "readstates",
                           .syntax = "user channel [channel ...]",
                           .summary = "The states of some of a user's channels.",
                           .reply = "an array: a state, or nil, for each channel",
                           .complexity = "O(M log N) for M channels"},
    [COMMAND_ID_RS_INSPECT] = {.id = COMMAND_ID_RS_INSPECT,
                               .name = "rs.inspect",
                               .arity = -2,
                               .flags = COMMAND_READONLY | COMMAND_ADMIN,
                               .key = 1,
                               .group = "readstates",
                               .syntax = "user [channel]",
                               .summary =
                                   "All that the server knows of a user, or of one state, for "
                                   "people who look for a fault. The names of the fields may "
                                   "change.",
                               .reply = "a map",
                               .complexity = "O(N) with N states of the user"},
    [COMMAND_ID_RS_JOIN] = {.id = COMMAND_ID_RS_JOIN,
                            .name = "rs.join",
                            .arity = 4,
                            .flags = COMMAND_WRITE | COMMAND_FAST,
                            .key = 1,
                            .group = "readstates",
                            .syntax = "user channel message",
                            .summary = "The user has entered the channel, whose newest message is "
                                       "given (0: it has none).",
                            .reply = "[version, mentions] of the state",
                            .complexity = PER_STATE},
    [COMMAND_ID_RS_LEAVE] = {.id = COMMAND_ID_RS_LEAVE,
                             .name = "rs.leave",
                             .arity = -3,
                             .flags = COMMAND_WRITE | COMMAND_FAST,
                             .key = 1,
                             .group = "readstates",
                             .syntax = "user channel [message]",
                             .summary = "The user has left the channel, whose newest message is "
                                        "named: what comes late does not bring the state back.",
                             .reply = "1 or 0: was there a state",
                             .complexity = PER_STATE},
    [COMMAND_ID_RS_LIST] = {.id = COMMAND_ID_RS_LIST,
                            .name = "rs.list",
                            .arity = -2,
                            .flags = COMMAND_READONLY,
                            .key = 1,
                            .group = "readstates",
                            .syntax = "user [SINCE epoch version]",
                            .summary = "All states of a user, by channel id, then type; or those "
                                       "that changed since.",
                            .reply = "[epoch, version, full, [state ...]]",
                            .complexity = "O(N) with N states of the user"},
    [COMMAND_ID_RS_MENTION] =
        {.id = COMMAND_ID_RS_MENTION,
         .name = "rs.mention",
         .arity = -4,
         .flags = COMMAND_WRITE,
         .group = "readstates",
         .syntax = "channel message user [user ...]",
         .summary = "A message in the channel mentions these users.",
         .reply = "[risen, pending]: how many users' counts rose, and for how many "
                  "the change still waits (0 so far: they are loaded for it)",
         .complexity = "O(M log N) for M users"},
    [COMMAND_ID_RS_MESSAGE] =
        {.id = COMMAND_ID_RS_MESSAGE,
         .name = "rs.message",
         .arity = -4,
         .flags = COMMAND_WRITE,
         .group = "readstates",
         .syntax = "channel message author [NOACK] [MENTIONS user [user ...]]",
         .summary = "A message was sent: its author has read it, those it "
                    "mentions have not.",
         .reply = "[risen, pending]: how many users' counts rose, and for how many "
                  "the change still waits (0 so far: they are loaded for it)",
         .complexity = "O(M log N) for M users"},
    [COMMAND_ID_RS_PIN] = {.id = COMMAND_ID_RS_PIN,
                           .name = "rs.pin",
                           .arity = 4,
                           .flags = COMMAND_WRITE | COMMAND_FAST,
                           .key = 1,
                           .group = "readstates",
                           .syntax = "user channel timestamp",
                           .summary = "The user has seen the channel's pins up to this time, in "
                                      "milliseconds.",
                           .reply = "[version, mentions] of the state",
                           .complexity = PER_STATE},
    [COMMAND_ID_RS_UNMENTION] =
        {.id = COMMAND_ID_RS_UNMENTION,
         .name = "rs.unmention",
         .arity = -4,
         .flags = COMMAND_WRITE,
         .group = "readstates",
         .syntax = "channel message user [user ...]",
         .summary = "The message no longer mentions these users: it was deleted, or edited.",
         .reply = "[fallen, pending]: how many users' counts fell, and for how many "
                  "the change still waits (0 so far: they are loaded for it)",
         .complexity = "O(M log N) for M users"},
    [COMMAND_ID_AUTH] = {.id = COMMAND_ID_AUTH,
                         .name = "auth",
                         .arity = -2,
                         .flags = COMMAND_FAST,
                         .group = "connection",
                         .syntax = "[username] password",
                         .summary = "Tells who the client is; nobody has a password here.",
                         .reply = "OK",
                         .complexity = "O(1)"},
    [COMMAND_ID_CLIENT] =
        {.id = COMMAND_ID_CLIENT,
         .name = "client",
         .arity = -2,
         .flags = COMMAND_FAST,
         .has_subcommands = true,
         .group = "connection",
         .syntax = "ID | GETNAME | SETNAME name | SETINFO LIB-NAME|LIB-VER value | INFO | "
                   "LIST [TYPE type | ID id [id ...]] | KILL address | KILL option value "
                   "[option value ...] | REPLY ON|OFF|SKIP | NO-EVICT ON|OFF | NO-TOUCH ON|OFF | "
                   "HELP",
         .summary = "Names the connection, and tells of connections or ends them. NO-EVICT spares "
                    "it where maxmemory-clients is reached; NO-TOUCH does nothing.",
         .reply = "by subcommand",
         .complexity = "O(1); LIST O(N log N), KILL O(N) with N connections"},
    [COMMAND_ID_CLUSTER] = {.id = COMMAND_ID_CLUSTER,
                            .name = "cluster",
                            .arity = -2,
                            .flags = COMMAND_ADMIN,
                            .has_subcommands = true,
                            .group = "connection",
                            .syntax = "subcommand [argument ...]",
                            .summary = "Of a cluster, which this is not.",
                            .reply = "an error",
                            .complexity = "O(1)"},
    [COMMAND_ID_COMMAND] =
        {.id = COMMAND_ID_COMMAND,
         .name = "command",
         .arity = -1,
         .has_subcommands = true,
         .group = "server",
         .syntax =
             "[COUNT | LIST [FILTERBY MODULE name | FILTERBY ACLCAT category | "
             "FILTERBY PATTERN pattern] | INFO [name ...] | DOCS [name ...] | GETKEYS command "
             "argument [argument ...] | HELP]",
         .summary = "What commands there are.",
         .reply = "by subcommand",
         .complexity = "O(N) with N commands"},
    [COMMAND_ID_CONFIG] = {.id = COMMAND_ID_CONFIG,
                           .name = "config",
                           .arity = -2,
                           .flags = COMMAND_ADMIN,
                           .has_subcommands = true,
                           .group = "server",
                           .syntax = "GET pattern [pattern ...] | SET name value [name value ...] "
                                     "| RESETSTAT | REWRITE | HELP",
                           .summary = "Reads the options, and changes those that can change live. "
                                      "RESETSTAT begins to count anew what INFO counts, REWRITE "
                                      "writes what was changed into the config file. "
                                      "Tools for Redis find save, appendonly and databases too.",
                           .reply = "GET: a map. HELP: lines. Else OK",
                           .complexity = "O(N*M) with N options and M bytes of patterns, of "
                                         "which there may be 64 of 128 bytes"},
    [COMMAND_ID_DBSIZE] = {.id = COMMAND_ID_DBSIZE,
                           .name = "dbsize",
                           .arity = 1,
                           .flags = COMMAND_READONLY | COMMAND_FAST,
                           .group = "server",
                           .syntax = "",
                           .summary = "How many users are in the cache.",
                           .reply = "an integer",
                           .complexity = "O(1)"},
    [COMMAND_ID_DEBUG] = {.id = COMMAND_ID_DEBUG,
                          .name = "debug",
                          .arity = -2,
                          .flags = COMMAND_ADMIN,
                          .group = "server",
                          .syntax = "SLEEP seconds | HELP",
                          .summary = "Makes the connection's thread sleep, for tests. Only where "
                                     "the server was started with enable-debug-command.",
                          .reply = "SLEEP: OK, after it. HELP: lines",
                          .complexity = "O(1)"},
    [COMMAND_ID_ECHO] = {.id = COMMAND_ID_ECHO,
                         .name = "echo",
                         .arity = 2,
                         .flags = COMMAND_FAST,
                         .group = "connection",
                         .syntax = "message",
                         .summary = "Gives the message back.",
                         .reply = "the message",
                         .complexity = "O(1)"},
    [COMMAND_ID_HELLO] = {.id = COMMAND_ID_HELLO,
                          .name = "hello",
                          .arity = -1,
                          .flags = COMMAND_FAST,
                          .group = "connection",
                          .syntax = "[2|3 [SETNAME name]]",
                          .summary = "Chooses the version of the protocol.",
                          .reply = "a map about the server",
                          .complexity = "O(1)"},
    [COMMAND_ID_INFO] = {.id = COMMAND_ID_INFO,
                         .name = "info",
                         .arity = -1,
                         .flags = COMMAND_READONLY,
                         .group = "server",
                         .syntax = "[section ...]",
                         .summary = "The state of the server, as text: all sections but "
                                    "commandstats and latencystats, or those named; all and "
                                    "everything name each of them.",
                         .reply = "lines of name:value",
                         .complexity = "O(1)"},
    [COMMAND_ID_LATENCY] =
        {.id = COMMAND_ID_LATENCY,
         .name = "latency",
         .arity = -2,
         .flags = COMMAND_ADMIN,
         .has_subcommands = true,
         .group = "server",
         .syntax = "HISTOGRAM [command ...] | LATEST | HISTORY event | RESET [event ...] | DOCTOR "
                   "| HELP",
         .summary = "How long commands take; and the times when something took longer than "
                    "latency-monitor-threshold.",
         .reply = "by subcommand",
         .complexity = "O(N) with N commands, or times"},
    [COMMAND_ID_MEMORY] =
        {.id = COMMAND_ID_MEMORY,
         .name = "memory",
         .arity = -2,
         .flags = COMMAND_READONLY,
         .has_subcommands = true,
         .group = "server",
         .syntax = "USAGE user [SAMPLES count] | STATS | DOCTOR | PURGE | HELP",
         .summary = "What a user takes of the cache, and what all takes of memory.",
         .reply = "USAGE: bytes, or nil where the user is not in the cache. STATS: a map. DOCTOR: "
                  "text. PURGE: OK. HELP: lines",
         .complexity = "USAGE: O(N) with N leaves of the user. Else O(1)"},
    [COMMAND_ID_PING] = {.id = COMMAND_ID_PING,
                         .name = "ping",
                         .arity = -1,
                         .flags = COMMAND_FAST,
                         .group = "connection",
                         .syntax = "[message]",
                         .summary = "Shows that the server answers.",
                         .reply = "PONG, or the message",
                         .complexity = "O(1)"},
    [COMMAND_ID_QUIT] = {.id = COMMAND_ID_QUIT,
                         .name = "quit",
                         .arity = -1,
                         .flags = COMMAND_FAST,
                         .group = "connection",
                         .syntax = "",
                         .summary = "Closes the connection.",
                         .reply = "OK",
                         .complexity = "O(1)"},
    [COMMAND_ID_READONLY] = {.id = COMMAND_ID_READONLY,
                             .name = "readonly",
                             .arity = 1,
                             .flags = COMMAND_FAST,
                             .group = "connection",
                             .syntax = "",
                             .summary = "The client may read from a replica; there are none.",
                             .reply = "OK",
                             .complexity = "O(1)"},
    [COMMAND_ID_READWRITE] = {.id = COMMAND_ID_READWRITE,
                              .name = "readwrite",
                              .arity = 1,
                              .flags = COMMAND_FAST,
                              .group = "connection",
                              .syntax = "",
                              .summary = "Ends READONLY.",
                              .reply = "OK",
                              .complexity = "O(1)"},
    [COMMAND_ID_RESET] =
        {.id = COMMAND_ID_RESET,
         .name = "reset",
         .arity = 1,
         .flags = COMMAND_FAST,
         .group = "connection",
         .syntax = "",
         .summary = "The connection is as at its start: RESP2, without name and subscriptions.",
         .reply = "RESET",
         .complexity = "O(1)"},
    [COMMAND_ID_SELECT] = {.id = COMMAND_ID_SELECT,
                           .name = "select",
                           .arity = 2,
                           .flags = COMMAND_FAST,
                           .group = "connection",
                           .syntax = "0",
                           .summary = "There is one database, 0.",
                           .reply = "OK",
                           .complexity = "O(1)"},
    [COMMAND_ID_SHUTDOWN] = {.id = COMMAND_ID_SHUTDOWN,
                             .name = "shutdown",
                             .arity = -1,
                             .flags = COMMAND_ADMIN,
                             .group = "server",
                             .syntax = "[SAVE]",
                             .summary = "Writes all that is dirty and ends the server.",
                             .reply = "none: the connection is closed",
                             .complexity = "O(D) with D dirty users"},
    [COMMAND_ID_SLOWLOG] = {.id = COMMAND_ID_SLOWLOG,
                            .name = "slowlog",
                            .arity = -2,
                            .flags = COMMAND_ADMIN,
                            .has_subcommands = true,
                            .group = "server",
                            .syntax = "GET [count] | LEN | RESET | HELP",
                            .summary = "The last commands that took longer than "
                                       "slowlog-log-slower-than, newest first; GET shows 10, or "
                                       "count (-1: all).",
                            .reply = "GET: an array of [id, time in seconds since 1970, "
                                     "microseconds, arguments, address, name of the client]. LEN: "
                                     "an integer. RESET: OK. HELP: lines",
                            .complexity = "O(N) with N entries"},
    [COMMAND_ID_SUBSCRIBE] = {.id = COMMAND_ID_SUBSCRIBE,
                              .name = "subscribe",
                              .arity = -2,
                              .flags = COMMAND_PUBSUB,
                              .group = "pubsub",
                              .syntax = "rs:<user> [rs:<user> ...]",
                              .summary = "Reads the change feed of users: every visible change of "
                                         "their states.",
                              .reply =
                                  "for each channel [\"subscribe\", channel, how many channels "
                                  "the connection reads]",
                              .complexity = "O(N) for N channels"},
    [COMMAND_ID_TIME] = {.id = COMMAND_ID_TIME,
                         .name = "time",
                         .arity = 1,
                         .flags = COMMAND_FAST,
                         .group = "server",
                         .syntax = "",
                         .summary = "The server's clock.",
                         .reply = "[seconds since 1970, microseconds of the second]",
                         .complexity = "O(1)"},
    [COMMAND_ID_UNSUBSCRIBE] = {.id = COMMAND_ID_UNSUBSCRIBE,
                                .name = "unsubscribe",
                                .arity = -1,
                                .flags = COMMAND_PUBSUB,
                                .group = "pubsub",
                                .syntax = "[rs:<user> ...]",
                                .summary = "Ends the reading of the change feed: of these users, "
                                           "or of all.",
                                .reply = "for each channel [\"unsubscribe\", channel, how many "
                                         "channels are left]",
                                .complexity = "O(N) for N channels"},
};

const struct command_spec *command_table_get(enum command_id id)
{
    ASSERT(id < COMMAND_IDS);
    return &specs[id];
}

/* Of eight letters at once: those from A to Z have their 0x20 set. */
static uint64_t lower(uint64_t letters)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t high = 0x80 * ones;
    const uint64_t low_bits = letters & ~high;
    const uint64_t from_a = low_bits + (0x80 - 'A') * ones;
    const uint64_t above_z = low_bits + (0x7f - 'Z') * ones;
    return letters | ((from_a & ~above_z & ~letters & high) >> 2);
}

const struct command_spec *command_table_find(struct slice name)
{
    enum { HALF = COMMAND_NAME_SIZE / 2 };
    if (name.size == 0 || name.size >= COMMAND_NAME_SIZE) {
        return NULL;
    }
    const uint8_t *bytes = (const uint8_t *)name.bytes;
    const unsigned size = (unsigned)name.size;
    const uint64_t first = lower(bytes_read_uint(bytes, size < HALF ? size : HALF));
    const uint64_t second = size <= HALF ? 0 : lower(bytes_read_uint(bytes + HALF, size - HALF));
    for (int id = 0; id < COMMAND_IDS; id++) {
        const uint8_t *known = (const uint8_t *)specs[id].name;
        /* The zeros behind a name are compared with it; a client's own zeros are not part of one.
         */
        if (bytes_read_u64(known) == first && bytes_read_u64(known + HALF) == second) {
            return strlen(specs[id].name) == name.size ? &specs[id] : NULL;
        }
    }
    return NULL;
}

bool command_spec_accepts(const struct command_spec *self, uint32_t arguments)
{
    const int64_t count = arguments;
    return self->arity >= 0 ? count == self->arity : count >= -self->arity;
}

const char *command_flag_get_name(enum command_flag flag)
{
    switch (flag) {
    case COMMAND_WRITE:
        return "write";
    case COMMAND_READONLY:
        return "readonly";
    case COMMAND_FAST:
        return "fast";
    case COMMAND_ADMIN:
        return "admin";
    case COMMAND_PUBSUB:
        return "pubsub";
    }
    UNREACHABLE("a flag outside its table");
}
