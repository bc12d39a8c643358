/* An array on the heap that grows; its new items are all zero.
 *
 * Memory: the caller's, who frees it.  Threads: any.
 */
#ifndef SIM_DISK_ARRAY_H
#define SIM_DISK_ARRAY_H

#include "base/assert.h"
#include "base/attribute.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* `old` of so many items is freed, or NULL of none. */
NODISCARD static inline void *disk_grow_array(void *old, size_t old_count, size_t new_count,
                                              size_t item_size)
{
    ASSERT(new_count >= old_count);
    uint8_t *grown = realloc(old, new_count * item_size);
    ASSERT(grown != NULL);
    memset(grown + old_count * item_size, 0, (new_count - old_count) * item_size);
    return grown;
}

#endif
