#include "memory/vec.h"

enum { CAPACITY_FIRST = 4 };

enum status vec_grow(void **out_items, uint32_t count, uint32_t *capacity, uint32_t more,
                     size_t item_size)
{
    const uint64_t wanted = (uint64_t)count + more;
    if (wanted <= *capacity) {
        return STATUS_OK;
    }
    const uint64_t capacity_max = VEC_BYTES_MAX / item_size;
    if (wanted > capacity_max) {
        return STATUS_MEMORY;
    }
    /* Doubling copies each item a bounded number of times. */
    uint64_t grown = *capacity == 0 ? CAPACITY_FIRST : (uint64_t)*capacity * 2;
    grown = grown < wanted ? wanted : grown;
    grown = grown > capacity_max ? capacity_max : grown;

    void *const moved = realloc(*out_items, grown * item_size);
    if (moved == NULL) {
        return STATUS_MEMORY;
    }
    *out_items = moved;
    *capacity = (uint32_t)grown;
    return STATUS_OK;
}
