/* A connection to the server: takes commands that are due, sends them when the socket takes them,
 * and tells the replies apart.
 *
 *     connection_release ──► queue ──► 32 KB ──► socket ──► reply reader ──► tally
 *
 * A server that does not read fills the socket, then the 32 KB, then the queue, and that is all.
 *
 * Memory: its own, from connection_open to connection_close.  Thread: its loop's.
 */
#ifndef LOAD_CONNECTION_H
#define LOAD_CONNECTION_H

#include "base/attribute.h"
#include "load/plan.h"
#include "load/queue.h"
#include "load/reply.h"
#include "load/tally.h"

#include <netdb.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    /* Encoding stops at half of it: a whole command fits behind. */
    CONNECTION_OUT_SIZE = 2 * DRIVER_COMMAND_SIZE_MAX,
};

struct connection {
    int socket; /* -1: lost. */
    struct queue queue;
    struct reply_reader reader;
    char *out;
    size_t out_begin;
    size_t out_end;
    uint32_t released; /* Since it was last flushed. */
    bool blocked;      /* The socket took no more: to be flushed when it does. */
    bool touched;      /* To be flushed in this turn of its loop. */
};

/* Waits until it is connected. False: errno says why. Close it in either case. */
NODISCARD bool connection_open(struct connection *self, const struct addrinfo *address,
                               uint32_t queue_capacity);
void connection_close(struct connection *self);

/* A command is due. False: the queue is full. */
NODISCARD bool connection_release(struct connection *self, const struct command *command);

/* Sends what the socket takes. False: the connection is lost. */
NODISCARD bool connection_flush(struct connection *self, const struct plan *plan,
                                struct tally *tally);

/* Reads once, into `buffer`; *out_ended is how many commands got their last reply. False: the
 * connection is lost. */
NODISCARD bool connection_receive(struct connection *self, const struct plan *plan,
                                  struct tally *tally, char *buffer, size_t buffer_size,
                                  uint32_t *out_ended);

/* How many commands wait for their answers. */
uint32_t connection_count_on_their_way(const struct connection *self);

#endif
