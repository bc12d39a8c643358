#include "os/random_fake.h"

#include "base/splitmix.h"

static enum status fake_fill(void *self, void *to, size_t size)
{
    struct random_fake *fake = self;
    if (fake->fails) {
        return STATUS_IO;
    }
    uint8_t *bytes = to;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)splitmix_draw(&fake->seed);
    }
    return STATUS_OK;
}

static const struct random_ops fake_ops = {.fill = fake_fill};

struct random random_fake_get(struct random_fake *lent_self)
{
    return (struct random){.ops = &fake_ops, .self = lent_self};
}
