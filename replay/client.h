/* A connection to the server, with up to `depth` commands on their way at once.
 *
 *     client_send ──► [ sent, not answered: at most `depth` ] ──► on_reply, in the order of sending
 *
 * One connection is enough, and keeps what a trace needs: its commands act in their order on each
 * user. A send waits only when `depth` commands are on their way; then it writes them, and reads
 * what is there.
 *
 * Memory: its own, until client_close.  Thread: one; every call may wait for the server.
 */
#ifndef REPLAY_CLIENT_H
#define REPLAY_CLIENT_H

#include "replay/command.h"
#include "replay/latency.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CLIENT_ERROR_SIZE = 1024,
    CLIENT_DEPTH_MAX = 4096,
    /* A server that cannot write may stop reading. So no more bytes are sent ahead of the replies
     * than the socket's buffers take, whatever the depth. */
    CLIENT_BYTES_MAX = 1 << 18,
    CLIENT_CONNECT_TIMEOUT_S = 5,
    CLIENT_REPLY_TIMEOUT_S = 60,
};

/* The reply is lent for the call; `tag` is what was given to client_send. */
typedef void client_on_reply(void *context, uint32_t tag, const redisReply *reply);

struct client_address {
    const char *host;
    uint16_t port;
    const char *unixsocket; /* NULL: host and port. */
};

struct client_sent {
    uint64_t sent_ns; /* 0: not yet written. */
    size_t size_bytes;
    uint32_t tag;
};

struct client {
    redisContext *connection;
    struct client_sent *sent; /* A ring of `depth`. */
    uint32_t depth;
    uint32_t oldest;
    uint32_t count;
    uint32_t unwritten; /* The newest of `count`. */
    size_t sent_bytes;
    uint64_t replies;
    client_on_reply *on_reply;
    void *lent_context;
    struct latency *lent_latency;
    char address[256]; /* For people. */
    char error[CLIENT_ERROR_SIZE];
};

/* `depth` is 1 to CLIENT_DEPTH_MAX. False: self->error is a sentence. Close it in either case. */
bool client_open(struct client *self, const struct client_address *address, uint32_t depth)
    __attribute__((warn_unused_result));
void client_close(struct client *self);

/* Who gets the replies of what is sent from now on, and their latencies. Nothing is on its way. */
void client_listen(struct client *self, client_on_reply *on_reply, void *lent_context,
                   struct latency *lent_latency);

/* False: the server is lost, and self->error says how. */
bool client_send(struct client *self, const struct command *command, uint32_t tag)
    __attribute__((warn_unused_result));

/* Waits for all that is on its way. False as for client_send. */
bool client_drain(struct client *self) __attribute__((warn_unused_result));

/* CONFIG GET of one option that is a number. `fallback` where the server does not tell it. False as
 * for client_send. Nothing is on its way. */
bool client_read_option(struct client *self, const char *name, uint32_t fallback,
                        uint32_t *out_value) __attribute__((warn_unused_result));

#endif
