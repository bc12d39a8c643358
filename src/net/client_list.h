/* Connections as CLIENT LIST shows them, and as CLIENT KILL names them.
 *
 *     id=7 addr=127.0.0.1:50312 laddr=127.0.0.1:6390 fd=31 name= age=2 ... resp=2
 *
 * One line each, with the fields of Redis 7 in its order.
 *
 * Memory: the caller's.  Thread: the loop's.
 */
#ifndef NET_CLIENT_LIST_H
#define NET_CLIENT_LIST_H

#include "base/attribute.h"
#include "base/status.h"
#include "memory/buffer.h"
#include "net/address.h"

#include <stdbool.h>
#include <stdint.h>

enum client_type {
    CLIENT_ANY,
    CLIENT_NORMAL,
    CLIENT_PUBSUB,
    CLIENT_PEER, /* A master or replica, of which there are none. */
};

/* Those that are meant: all that it says must hold. */
struct client_filter {
    enum client_type type;
    uint64_t id;                /* 0: any. */
    uint64_t skipped;           /* The id of one that is not meant; 0: none. */
    char address[ADDRESS_SIZE]; /* Empty: any. */
    char local_address[ADDRESS_SIZE];
};

struct connection;

/* Appends its line, with a newline. */
NODISCARD enum status client_print(const struct connection *client, struct buffer *to);

bool client_is_meant(const struct connection *client, const struct client_filter *filter);

#endif
