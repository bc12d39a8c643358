#include "memory/buffer.h"

#include <stdlib.h>

/* The first allocation: less would only be grown at once. */
enum { CAPACITY_MIN = 256 };

void buffer_deinit(struct buffer *self)
{
    free(self->bytes);
    buffer_init(self);
}

static void move_to_front(struct buffer *self, char *to)
{
    const size_t size = buffer_peek_size(self);
    if (size > 0) {
        memmove(to, self->bytes + self->begin, size);
    }
    self->begin = 0;
    self->end = size;
}

/* Another block for the content; false where the system gives none, and nothing has changed. */
static bool change_capacity(struct buffer *self, size_t capacity)
{
    char *bytes = malloc(capacity);
    if (bytes == NULL) {
        return false;
    }
    move_to_front(self, bytes);
    free(self->bytes);
    self->bytes = bytes;
    self->capacity = capacity;
    return true;
}

char *buffer_grow(struct buffer *self, size_t size)
{
    const size_t content = buffer_peek_size(self);
    if (size >= BUFFER_SIZE_MAX - content) {
        return NULL;
    }
    const size_t needed = content + size + 1;
    /* Moved only over more consumed bytes than are moved: so each byte pays for one move. */
    if (needed <= self->capacity && self->begin >= content) {
        move_to_front(self, self->bytes);
        return self->bytes + self->end;
    }
    size_t capacity = self->capacity < CAPACITY_MIN ? CAPACITY_MIN : self->capacity * 2;
    if (capacity < needed) {
        capacity = needed;
    }
    if (!change_capacity(self, capacity)) {
        return NULL;
    }
    return self->bytes + self->end;
}

enum status buffer_append(struct buffer *self, struct slice bytes)
{
    if (bytes.size == 0) {
        return STATUS_OK;
    }
    char *to = buffer_reserve(self, bytes.size);
    if (to == NULL) {
        return STATUS_MEMORY;
    }
    memcpy(to, bytes.bytes, bytes.size);
    buffer_extend(self, bytes.size);
    return STATUS_OK;
}

void buffer_shrink(struct buffer *self, size_t capacity_max)
{
    const size_t content = buffer_peek_size(self);
    const size_t capacity = content > capacity_max ? content : capacity_max;
    if (self->capacity <= capacity) {
        return;
    }
    if (capacity == 0) {
        buffer_deinit(self);
        return;
    }
    /* Without a smaller block the larger one still serves. */
    (void)change_capacity(self, capacity);
}
