#include "message/reply.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

bool reply_ends_command(const struct reply *self)
{
    return (self->kind != REPLY_LIST && self->kind != REPLY_STATES) || self->last;
}

size_t reply_get_payload_size(const struct reply *self)
{
    if (self->payload == NULL) {
        return 0;
    }
    switch (self->kind) {
    case REPLY_STATES:
    case REPLY_LIST:
        return self->count * sizeof *self->views;
    case REPLY_BADGES:
        return self->count * sizeof *self->badges;
    case REPLY_COUNTS:
        return sizeof *self->counts;
    case REPLY_INSPECTED_USER:
        return sizeof *self->user;
    case REPLY_INSPECTED_CHANNEL:
        return sizeof *self->state;
    case REPLY_STATE:
    case REPLY_BULK:
    case REPLY_INTEGER:
    case REPLY_SIZE:
    case REPLY_DONE:
    case REPLY_FAILED:
    case REPLY_SUBSCRIBED:
        return 0;
    }
    UNREACHABLE("a reply of no kind");
}

enum status reply_copy(const struct reply *self, struct reply *out_copy)
{
    const size_t size = reply_get_payload_size(self);
    void *payload = NULL;
    if (size > 0) {
        payload = malloc(size);
        if (payload == NULL) {
            return STATUS_MEMORY;
        }
        memcpy(payload, self->payload, size);
    }
    *out_copy = *self;
    out_copy->payload = payload;
    return STATUS_OK;
}

void reply_deinit(struct reply *self)
{
    if (self->payload != NULL) {
        free((void *)(uintptr_t)self->payload);
    }
    self->payload = NULL;
    self->count = 0;
}
