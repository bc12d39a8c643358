/* Connections that the loop ends by itself: those that were idle for too long, and the largest
 * where all together take too much. */
#include "net/connection.h"
#include "net/net_internal.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

static void list_remove(struct connection_list *list, struct connection *self)
{
    if (self->idle_older != NULL) {
        self->idle_older->idle_newer = self->idle_newer;
    } else {
        list->oldest = self->idle_newer;
    }
    if (self->idle_newer != NULL) {
        self->idle_newer->idle_older = self->idle_older;
    } else {
        list->newest = self->idle_older;
    }
    self->idle_older = NULL;
    self->idle_newer = NULL;
}

static void list_insert(struct connection_list *list, struct connection *self)
{
    self->idle_older = list->newest;
    self->idle_newer = NULL;
    if (list->newest != NULL) {
        list->newest->idle_newer = self;
    } else {
        list->oldest = self;
    }
    list->newest = self;
}

void connection_enter_idle_order(struct connection *self)
{
    list_insert(&self->lent_loop->idle_order, self);
}

void connection_leave_idle_order(struct connection *self)
{
    list_remove(&self->lent_loop->idle_order, self);
}

void connection_note_activity(struct connection *self)
{
    struct loop *loop = self->lent_loop;
    self->active_ms = uv_now(&loop->uv);
    list_remove(&loop->idle_order, self);
    list_insert(&loop->idle_order, self);
}

/* Does it read what is being sent to it? */
static bool has_read(struct connection *self)
{
    uv_os_fd_t socket_fd = -1;
    int in_system = 0;
    if (!self->is_writing || uv_fileno(&self->uv.handle, &socket_fd) != 0 ||
        ioctl(socket_fd, SIOCOUTQ, &in_system) != 0) {
        return false;
    }
    const size_t unsent = uv_stream_get_write_queue_size(&self->uv.stream) + (size_t)in_system;
    const bool less = unsent < self->unsent_seen;
    self->unsent_seen = unsent;
    return less;
}

void connections_expire(struct loop *loop, uint64_t now_ms)
{
    const uint64_t timeout_ms = loop->settings.idle_timeout_ms;
    struct connection *self = loop->idle_order.oldest;
    while (timeout_ms > 0 && self != NULL && now_ms - self->active_ms >= timeout_ms) {
        struct connection *newer = self->idle_newer;
        const bool only_reads = feed_count_subscriptions(self) > 0 && !self->is_writing;
        if (only_reads || has_read(self)) {
            connection_note_activity(self);
        } else if (answers_count(&self->answers) == 0) {
            connection_close(self);
        }
        self = newer;
    }
}

enum { LARGEST = 16 };

/* Those that take most and may be closed, the largest first; returns how many. */
static uint32_t find_largest(const struct loop *loop, struct connection *largest[static LARGEST])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < loop->connections_capacity; i++) {
        struct connection *client = loop->connections[i];
        if (client == NULL || client->is_no_evict ||
            (count == LARGEST && client->bytes_counted <= largest[LARGEST - 1]->bytes_counted)) {
            continue;
        }
        count += count < LARGEST;
        uint32_t at = count - 1;
        for (; at > 0 && largest[at - 1]->bytes_counted < client->bytes_counted; at--) {
            largest[at] = largest[at - 1];
        }
        largest[at] = client;
    }
    return count;
}

void connections_evict(struct loop *loop)
{
    enum { ROUNDS_A_TURN = 8 };
    const uint64_t share = loop->settings.clients_bytes_max / loop->lent_net->threads;
    for (int round = 0; round < ROUNDS_A_TURN && loop->client_bytes > share; round++) {
        struct connection *largest[LARGEST];
        const uint32_t count = find_largest(loop, largest);
        for (uint32_t i = 0; i < count && loop->client_bytes > share; i++) {
            connection_close(largest[i]);
            metrics_add(&loop->metrics, METRIC_CLIENTS_EVICTED, 1);
        }
    }
}
