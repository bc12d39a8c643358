#include "os/random_fake.h"

/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators). */
static uint64_t draw(struct random_fake *self)
{
    self->seed += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = self->seed;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static enum status fake_fill(void *self, void *to, size_t size)
{
    struct random_fake *fake = self;
    if (fake->fails) {
        return STATUS_IO;
    }
    uint8_t *bytes = to;
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)draw(fake);
    }
    return STATUS_OK;
}

static const struct random_ops fake_ops = {.fill = fake_fill};

struct random random_fake_get(struct random_fake *lent_self)
{
    return (struct random){.ops = &fake_ops, .self = lent_self};
}
