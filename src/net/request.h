/* From arguments to a command for the shards: each checked before anything is done.
 *
 * Memory: the lists of a command lie in a scratch of the caller's, and are good until its next use.
 */
#ifndef NET_REQUEST_H
#define NET_REQUEST_H

#include "base/slice.h"
#include "memory/buffer.h"
#include "message/command.h"
#include "net/command_table.h"

enum {
    REQUEST_ERROR_SIZE = 512,
};

/* Has the command as many arguments as it takes: is it for the shards? Of MEMORY, USAGE is. */
bool request_is_for_shards(const struct command_spec *spec, const struct slice *arguments);

/* One for the shards. arguments[0] is the name; `epoch` is this server's, for SINCE. The command
 * has no token yet. False: the sentence for `-ERR ` stands in `error`. */
NODISCARD bool request_read(const struct command_spec *spec, const struct slice *arguments,
                            uint32_t count, const char *epoch, struct buffer *scratch,
                            struct command *out_command, char error[static REQUEST_ERROR_SIZE]);

/* The user whose feed a channel of SUBSCRIBE and UNSUBSCRIBE names. */
NODISCARD bool request_read_feed(struct slice channel, struct user_id *out_user,
                                 char error[static REQUEST_ERROR_SIZE]);

#endif
