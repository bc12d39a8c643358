/* Where a connection comes from, and where it came to, as Redis prints it:
 *
 *     127.0.0.1:50312    [::1]:50312    /run/readstates.sock:0    ?:0
 *
 * The last one is of a peer that is gone.
 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H

struct connection;

enum address_side { ADDRESS_PEER, ADDRESS_LOCAL };

/* With its terminator: a socket's path, or an IPv6 address, and a port. */
enum { ADDRESS_SIZE = 128 };

void address_print(const struct connection *connection, enum address_side side,
                   char to[static ADDRESS_SIZE]);

#endif
