/* The end of all connections of a loop, in the phases in which a server stops. */
#include "net/connection.h"
#include "net/net_internal.h"

void connections_stop_reading(struct loop *loop)
{
    for (uint32_t i = 0; i < loop->connections_capacity; i++) {
        struct connection *self = loop->connections[i];
        if (self != NULL && self->is_reading) {
            uv_read_stop(&self->uv.stream);
            self->is_reading = false;
        }
    }
}

bool connections_are_answered(const struct loop *loop)
{
    for (uint32_t i = 0; i < loop->connections_capacity; i++) {
        const struct connection *self = loop->connections[i];
        if (self != NULL && answers_count(&self->answers) > 0) {
            return false;
        }
    }
    return true;
}

void connections_close_all(struct loop *loop)
{
    for (uint32_t i = 0; i < loop->connections_capacity; i++) {
        if (loop->connections[i] != NULL) {
            connection_close(loop->connections[i]);
        }
    }
}
