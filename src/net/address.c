#include "net/address.h"

#include "net/net_internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

void address_print(const struct connection *connection, enum address_side side,
                   char to[static ADDRESS_SIZE])
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage storage;
    } address;
    int size = sizeof address;
    char host[INET6_ADDRSTRLEN] = "?";
    const uv_tcp_t *socket = &connection->uv.tcp;
    if (connection->uv.handle.type != UV_TCP) {
        snprintf(to, ADDRESS_SIZE, "%s:0",
                 connection->lent_loop->lent_net->config.lent_unix_socket);
        return;
    }
    const int got = side == ADDRESS_LOCAL ? uv_tcp_getsockname(socket, &address.any, &size)
                                          : uv_tcp_getpeername(socket, &address.any, &size);
    if (got != 0) {
        snprintf(to, ADDRESS_SIZE, "?:0");
    } else if (address.any.sa_family == AF_INET6) {
        uv_ip6_name(&address.v6, host, sizeof host);
        snprintf(to, ADDRESS_SIZE, "[%s]:%u", host, (unsigned)ntohs(address.v6.sin6_port));
    } else {
        uv_ip4_name(&address.v4, host, sizeof host);
        snprintf(to, ADDRESS_SIZE, "%s:%u", host, (unsigned)ntohs(address.v4.sin_port));
    }
}
