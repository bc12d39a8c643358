#include "sim/world.h"

#include "base/splitmix.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void world_init(struct world *self, uint64_t seed)
{
    *self = (struct world){.hash = UINT64_C(0xcbf29ce484222325), .now_ms = 1000000};
    for (uint32_t i = 0; i < CHANCES_COUNT; i++) {
        self->random[i] = splitmix_draw(&seed);
    }
}

uint64_t world_draw(struct world *self, uint32_t stream)
{
    return splitmix_draw(&self->random[stream]);
}

uint32_t world_draw_below(struct world *self, uint32_t stream, uint32_t below)
{
    return (uint32_t)((world_draw(self, stream) >> 32) % below);
}

bool world_draw_chance(struct world *self, uint32_t stream, uint32_t per_million)
{
    /* Drawn in any case: a fault that is switched off leaves the others as they were. */
    return world_draw_below(self, stream, 1000000) < per_million;
}

void world_note(struct world *self, uint64_t what)
{
    for (int i = 0; i < 8; i++) {
        self->hash = (self->hash ^ (what & 0xff)) * UINT64_C(0x100000001b3);
        what >>= 8;
    }
}

void world_tell(const struct world *self, const char *format, ...)
{
    if (!self->tells) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    printf("%" PRIu64 ": ", self->now_ms);
    (void)vprintf(format, arguments);
    printf("\n");
    va_end(arguments);
}
