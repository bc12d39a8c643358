#include "os/clock_fake.h"

static uint64_t fake_read_monotonic_ns(void *self)
{
    const struct clock_fake *fake = self;
    return fake->monotonic_ns;
}

static uint64_t fake_read_wall_ms(void *self)
{
    const struct clock_fake *fake = self;
    return fake->wall_ms;
}

static const struct clock_ops fake_ops = {
    .read_monotonic_ns = fake_read_monotonic_ns,
    .read_wall_ms = fake_read_wall_ms,
};

struct clock clock_fake_get(struct clock_fake *lent_self)
{
    return (struct clock){.ops = &fake_ops, .self = lent_self};
}

void clock_fake_step(struct clock_fake *self, uint64_t ns)
{
    const uint64_t wall_ns = self->wall_ns_rest + ns;
    self->monotonic_ns += ns;
    self->wall_ms += wall_ns / 1000000;
    self->wall_ns_rest = wall_ns % 1000000;
}

void clock_fake_set_wall(struct clock_fake *self, uint64_t wall_ms)
{
    self->wall_ms = wall_ms;
    self->wall_ns_rest = 0;
}
