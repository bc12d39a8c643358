#include "load/queue.h"

#include "base/assert.h"

#include <stdlib.h>

bool queue_init(struct queue *self, uint32_t capacity)
{
    ASSERT(capacity >= 1 && capacity <= QUEUE_CAPACITY_MAX);
    *self = (struct queue){.capacity = capacity};
    self->commands = calloc(capacity, sizeof *self->commands);
    return self->commands != NULL;
}

void queue_deinit(struct queue *self)
{
    free(self->commands);
    *self = (struct queue){0};
}

static struct command *at(struct queue *self, uint32_t place)
{
    const uint32_t index = self->oldest + place;
    return &self->commands[index < self->capacity ? index : index - self->capacity];
}

bool queue_insert(struct queue *self, const struct command *command)
{
    if (self->count == self->capacity) {
        return false;
    }
    *at(self, self->count) = *command;
    self->count++;
    self->unsent++;
    return true;
}

struct command *queue_find_unsent(struct queue *self)
{
    return self->unsent == 0 ? NULL : at(self, self->count - self->unsent);
}

void queue_note_sent(struct queue *self)
{
    ASSERT(self->unsent > 0);
    self->unsent--;
}

struct command *queue_find_oldest(struct queue *self)
{
    return self->count == self->unsent ? NULL : at(self, 0);
}

void queue_remove_oldest(struct queue *self)
{
    ASSERT(self->count > self->unsent);
    self->oldest = self->oldest + 1 == self->capacity ? 0 : self->oldest + 1;
    self->count--;
}

uint32_t queue_remove_unsent(struct queue *self)
{
    const uint32_t removed = self->unsent;
    self->count -= removed;
    self->unsent = 0;
    return removed;
}
