#include "os/clock.h"

#include "base/assert.h"

#include <stddef.h>
#include <time.h>

static struct timespec read_clock(clockid_t which)
{
    struct timespec now;
    const int failed = clock_gettime(which, &now);
    ASSERT(failed == 0);
    return now;
}

static uint64_t system_read_monotonic_ns(void *self)
{
    (void)self;
    const struct timespec now = read_clock(CLOCK_MONOTONIC);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static uint64_t system_read_wall_ms(void *self)
{
    (void)self;
    const struct timespec now = read_clock(CLOCK_REALTIME);
    return (uint64_t)now.tv_sec * 1000U + (uint64_t)now.tv_nsec / 1000000U;
}

static const struct clock_ops system_ops = {
    .read_monotonic_ns = system_read_monotonic_ns,
    .read_wall_ms = system_read_wall_ms,
};

struct clock clock_get_system(void)
{
    return (struct clock){.ops = &system_ops, .self = NULL};
}
