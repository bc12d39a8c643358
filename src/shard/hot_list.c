#include "shard/hot_list.h"

#include "base/assert.h"

#include <stdlib.h>

enum status hot_list_init(struct hot_list *self, uint32_t capacity)
{
    ASSERT(capacity > 0);
    *self = (struct hot_list){.ids = malloc(capacity * sizeof *self->ids)};
    if (self->ids == NULL) {
        return STATUS_MEMORY;
    }
    self->capacity = capacity;
    return STATUS_OK;
}

void hot_list_deinit(struct hot_list *self)
{
    free(self->ids);
    *self = (struct hot_list){0};
}

void hot_list_add(struct hot_list *self, struct user_id user)
{
    if (!hot_list_is_full(self)) {
        self->ids[self->front++] = user.value;
    }
}

void hot_list_add_since(struct hot_list *self, struct user_id user)
{
    if (self->back == self->capacity) {
        return;
    }
    self->front -= hot_list_is_full(self);
    self->back++;
    self->ids[self->capacity - self->back] = user.value;
}

struct user_id hot_list_get(const struct hot_list *self, uint32_t at)
{
    ASSERT(at < hot_list_count(self));
    const uint32_t place = at < self->back ? self->capacity - 1 - at : at - self->back;
    return (struct user_id){self->ids[place]};
}
