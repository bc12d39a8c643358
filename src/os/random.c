#include "os/random.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

static enum status system_fill(void *self, void *to, size_t size)
{
    (void)self;
    uint8_t *bytes = to;
    while (size > 0) {
        const ssize_t got = getrandom(bytes, size, 0);
        if (got > 0) {
            bytes += got;
            size -= (size_t)got;
        } else if (got == 0 || errno != EINTR) {
            return STATUS_IO;
        }
    }
    return STATUS_OK;
}

static const struct random_ops system_ops = {.fill = system_fill};

struct random random_get_system(void)
{
    return (struct random){.ops = &system_ops, .self = NULL};
}
