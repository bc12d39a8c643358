/* Bytes that nobody can guess. A port: the system's, or a fake (random_fake.h).
 *
 * Memory: none.  Threads: any.
 */
#ifndef OS_RANDOM_H
#define OS_RANDOM_H

#include "base/attribute.h"
#include "base/status.h"

#include <stddef.h>

struct random_ops {
    /* STATUS_IO: the system has none to give; nothing in `to` may be used. */
    enum status (*fill)(void *self, void *to, size_t size);
};

struct random {
    const struct random_ops *ops;
    void *self;
};

struct random random_get_system(void);

NODISCARD static inline enum status random_fill(const struct random *self, void *to, size_t size)
{
    return self->ops->fill(self->self, to, size);
}

#endif
