#include "net/client_list.h"

#include "net/net_internal.h"

#include <stdio.h>
#include <string.h>

enum { LINE_SIZE = 1536, FLAGS_SIZE = 8 };

static bool is_subscribed(const struct connection *client)
{
    return feed_count_subscriptions(client) > 0;
}

/* Redis's letters, in its order; N: none of them. */
static void print_flags(const struct connection *client, char to[static FLAGS_SIZE])
{
    snprintf(to, FLAGS_SIZE, "%s%s%s%s%s", is_subscribed(client) ? "P" : "",
             client->is_ending ? "c" : "", client->uv.handle.type != UV_TCP ? "U" : "",
             client->is_no_evict ? "e" : "", client->is_no_touch ? "T" : "");
    if (to[0] == '\0') {
        snprintf(to, FLAGS_SIZE, "N");
    }
}

enum status client_print(const struct connection *client, struct buffer *to)
{
    static const struct connection_names unnamed;
    const struct connection_names *names = client->names == NULL ? &unnamed : client->names;
    char peer[ADDRESS_SIZE];
    char local[ADDRESS_SIZE];
    char flags[FLAGS_SIZE];
    char line[LINE_SIZE];
    uv_os_fd_t socket_fd = -1;
    const uint64_t now_ms = uv_now(&client->lent_loop->uv);
    address_print(client, ADDRESS_PEER, peer);
    address_print(client, ADDRESS_LOCAL, local);
    print_flags(client, flags);
    (void)uv_fileno(&client->uv.handle, &socket_fd);
    const size_t qbuf = buffer_peek_size(&client->in);
    const size_t unsent = (size_t)connection_count_output(client);
    const int size = snprintf(
        line, sizeof line,
        "id=%llu addr=%s laddr=%s fd=%d name=%s age=%llu idle=%llu flags=%s db=0 sub=%u psub=0 "
        "ssub=0 multi=-1 qbuf=%zu qbuf-free=%zu argv-mem=0 multi-mem=0 rbs=%zu rbp=%zu obl=%zu "
        "oll=0 omem=%zu tot-mem=%llu events=%s%s cmd=%s user=default redir=-1 resp=%d lib-name=%s "
        "lib-ver=%s\n",
        (unsigned long long)client->id, peer, local, socket_fd, names->name,
        (unsigned long long)(now_ms - client->began_ms) / 1000,
        (unsigned long long)(now_ms - client->active_ms) / 1000, flags,
        feed_count_subscriptions(client), qbuf, client->in.capacity - qbuf, client->out.capacity,
        client->out.capacity, unsent, client->out.capacity + client->sending.capacity,
        (unsigned long long)client->bytes_counted,
        client->is_reading || client->is_stalled ? "r" : "", client->is_writing ? "w" : "",
        client->lent_command == NULL ? "NULL" : client->lent_command, (int)client->writer.version,
        names->library, names->library_version);
    return buffer_append(to, (struct slice){.bytes = line, .size = (size_t)size});
}

static bool has_address(const struct connection *client, enum address_side side, const char *wanted)
{
    char address[ADDRESS_SIZE];
    if (wanted[0] == '\0') {
        return true;
    }
    address_print(client, side, address);
    return strcmp(address, wanted) == 0;
}

static bool is_of_type(const struct connection *client, enum client_type type)
{
    switch (type) {
    case CLIENT_ANY:
        return true;
    case CLIENT_NORMAL:
        return !is_subscribed(client);
    case CLIENT_PUBSUB:
        return is_subscribed(client);
    case CLIENT_PEER:
        return false;
    }
    UNREACHABLE("a type of no kind");
}

bool client_is_meant(const struct connection *client, const struct client_filter *filter)
{
    return (filter->id == 0 || client->id == filter->id) && client->id != filter->skipped &&
           is_of_type(client, filter->type) && has_address(client, ADDRESS_PEER, filter->address) &&
           has_address(client, ADDRESS_LOCAL, filter->local_address);
}
