/* What time is it? A port: the system's clocks, or a fake (clock_fake.h).
 *
 * Memory: none.  Threads: any.
 */
#ifndef OS_CLOCK_H
#define OS_CLOCK_H

#include <stdint.h>

struct clock_ops {
    /* Never goes back, but says nothing about the day; starts anywhere. */
    uint64_t (*read_monotonic_ns)(void *self);

    /* Since 1970-01-01T00:00:00Z; may be set forth and back by the operator. */
    uint64_t (*read_wall_ms)(void *self);
};

struct clock {
    const struct clock_ops *ops;
    void *self;
};

struct clock clock_get_system(void);

static inline uint64_t clock_read_monotonic_ns(const struct clock *self)
{
    return self->ops->read_monotonic_ns(self->self);
}

static inline uint64_t clock_read_monotonic_ms(const struct clock *self)
{
    return clock_read_monotonic_ns(self) / 1000000;
}

static inline uint64_t clock_read_wall_ms(const struct clock *self)
{
    return self->ops->read_wall_ms(self->self);
}

#endif
