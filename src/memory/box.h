/* One owner: what a box holds is freed when its scope ends, unless it was given away before.
 *
 *     BOX(thing_destroy) struct thing *thing = NULL;
 *     enum status status = thing_create(&thing);
 *     if (status != STATUS_OK) {
 *         return status;                      thing is NULL: nothing to free
 *     }
 *     ...
 *     *out_thing = TAKE(thing);               the box is empty now, the caller owns
 *     return STATUS_OK;
 *
 * Memory: the box is a variable on the stack; it owns what it points to.  Thread: its scope's.
 */
#ifndef MEMORY_BOX_H
#define MEMORY_BOX_H

#include <stdlib.h>

/* Before the declaration of a pointer. `destroy` is the type's own, takes `struct x **taken_x`, and
 * does nothing where that is empty. Give the pointer a value at its declaration: it is freed on
 * every way out. */
#define BOX(destroy) __attribute__((cleanup(destroy)))

/* The value of a pointer, which is NULL after: a move that empties the giver. */
#define TAKE(pointer)                                                                              \
    (__extension__({                                                                               \
        __typeof__(pointer) *const take_giver = &(pointer);                                        \
        __typeof__(pointer) const take_gift = *take_giver;                                         \
        *take_giver = NULL;                                                                        \
        take_gift;                                                                                 \
    }))

#endif
