#include "message/command.h"

#include "base/assert.h"

#include <stdlib.h>
#include <string.h>

size_t command_get_list_size(const struct command *self)
{
    switch (self->kind) {
    case COMMAND_ACK:
        return self->count * sizeof *self->options;
    case COMMAND_BULKACK:
        return self->count * sizeof *self->pairs;
    case COMMAND_GET:
    case COMMAND_DEL:
        return self->count * sizeof *self->channels;
    case COMMAND_MENTION:
    case COMMAND_MESSAGE:
    case COMMAND_UNMENTION:
    case COMMAND_BADGE:
        return self->count * sizeof *self->targets;
    case COMMAND_PIN:
    case COMMAND_JOIN:
    case COMMAND_LEAVE:
    case COMMAND_LIST:
    case COMMAND_FLUSH_USER:
    case COMMAND_FLUSH_ALL:
    case COMMAND_EVICT:
    case COMMAND_FORGET:
    case COMMAND_INSPECT_USER:
    case COMMAND_INSPECT_CHANNEL:
    case COMMAND_MEASURE_USER:
    case COMMAND_SUBSCRIBE:
    case COMMAND_UNSUBSCRIBE:
        return 0;
    }
    UNREACHABLE("a command of no kind");
}

enum status command_copy(const struct command *self, struct command *out_copy)
{
    const size_t size = command_get_list_size(self);
    if (size == 0) {
        *out_copy = *self;
        return STATUS_OK;
    }
    void *list = malloc(size);
    if (list == NULL) {
        return STATUS_MEMORY;
    }
    memcpy(list, self->list, size);
    *out_copy = *self;
    out_copy->list = list;
    return STATUS_OK;
}

void command_deinit(struct command *self)
{
    /* Most have none: no call for them. */
    if (self->count > 0) {
        free((void *)(uintptr_t)self->list);
        self->list = NULL;
        self->count = 0;
    }
}
