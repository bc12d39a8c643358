#include "memory/ring.h"

#include "base/assert.h"
#include "memory/box.h"

#include <stdlib.h>

enum status ring_init(struct ring *self, uint32_t element_size, uint32_t capacity)
{
    ASSERT(element_size >= 1);
    ASSERT(capacity >= 2 && capacity <= RING_CAPACITY_MAX && (capacity & (capacity - 1)) == 0);

    const size_t size = (size_t)element_size * capacity;
    const size_t lines = (size + CACHE_LINE - 1) / CACHE_LINE;
    uint8_t *const elements = aligned_alloc(CACHE_LINE, lines * CACHE_LINE);
    if (elements == NULL) {
        return STATUS_MEMORY;
    }
    *self = (struct ring){.elements = elements, .element_size = element_size, .capacity = capacity};
    return STATUS_OK;
}

void ring_deinit(struct ring *self)
{
    free(TAKE(self->elements));
}
