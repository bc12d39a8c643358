/* The command table: the one place where a command is declared.
 *
 * Dispatch, the check of the number of arguments, COMMAND and docs/commands.md come from it.
 *
 * Memory: constant.  Thread: any.
 */
#ifndef NET_COMMAND_TABLE_H
#define NET_COMMAND_TABLE_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum command_id {
    /* For the shards. */
    COMMAND_ID_RS_ACK,
    COMMAND_ID_RS_BADGE,
    COMMAND_ID_RS_BULKACK,
    COMMAND_ID_RS_DEL,
    COMMAND_ID_RS_EVICT,
    COMMAND_ID_RS_FLUSH,
    COMMAND_ID_RS_FORGET,
    COMMAND_ID_RS_GET,
    COMMAND_ID_RS_INSPECT,
    COMMAND_ID_RS_JOIN,
    COMMAND_ID_RS_LEAVE,
    COMMAND_ID_RS_LIST,
    COMMAND_ID_RS_MENTION,
    COMMAND_ID_RS_MESSAGE,
    COMMAND_ID_RS_PIN,
    COMMAND_ID_RS_UNMENTION,
    /* For the connection's own shard. */
    COMMAND_ID_AUTH,
    COMMAND_ID_CLIENT,
    COMMAND_ID_CLUSTER,
    COMMAND_ID_COMMAND,
    COMMAND_ID_CONFIG,
    COMMAND_ID_DBSIZE,
    COMMAND_ID_DEBUG,
    COMMAND_ID_ECHO,
    COMMAND_ID_HELLO,
    COMMAND_ID_INFO,
    COMMAND_ID_LATENCY,
    COMMAND_ID_MEMORY, /* USAGE: for the shards. */
    COMMAND_ID_PING,
    COMMAND_ID_QUIT,
    COMMAND_ID_READONLY,
    COMMAND_ID_READWRITE,
    COMMAND_ID_RESET,
    COMMAND_ID_SELECT,
    COMMAND_ID_SHUTDOWN,
    COMMAND_ID_SLOWLOG,
    COMMAND_ID_SUBSCRIBE,
    COMMAND_ID_TIME,
    COMMAND_ID_UNSUBSCRIBE,
    COMMAND_IDS,
};

/* Of the table's names, with a terminator. */
enum { COMMAND_NAME_SIZE = 16 };

enum command_flag {
    COMMAND_WRITE = 1,
    COMMAND_READONLY = 2,
    COMMAND_FAST = 4,
    COMMAND_ADMIN = 8,
    COMMAND_PUBSUB = 16,
};

#define COMMAND_FLAGS 5U /* How many there are. */

struct command_spec {
    enum command_id id;
    char name[COMMAND_NAME_SIZE]; /* Lower case, zeros behind. */
    int arity; /* With the name; negative: at least so many (as in COMMAND INFO). */
    unsigned flags;
    int key; /* The argument that is the key; 0: none, since none or several users are named. */
    bool has_subcommands; /* Its first argument names one of them. */
    const char *group;
    const char *syntax; /* Of the arguments. */
    const char *summary;
    const char *reply;
    const char *complexity;
};

const struct command_spec *command_table_get(enum command_id id);

/* NULL where there is no such command. Case does not count. */
const struct command_spec *command_table_find(struct slice name);

/* Is the number of arguments, the name with them, right? */
bool command_spec_accepts(const struct command_spec *self, uint32_t arguments);

/* "write", "readonly", ... of one flag. */
const char *command_flag_get_name(enum command_flag flag);

#endif
