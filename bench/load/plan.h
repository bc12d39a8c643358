/* What all loops of one run have in common, and do not change.
 *
 * Memory: plain data; borrows the options.  Thread: any.
 */
#ifndef LOAD_PLAN_H
#define LOAD_PLAN_H

#include "load/clock.h"
#include "load/options.h"

#include <stdbool.h>
#include <stdint.h>

struct plan {
    const struct options *lent_options;
    uint64_t begin_ns; /* Of the warm-up. */
    uint64_t begin_ms; /* The same moment, since 1970. */
    uint64_t end_ns;   /* Nothing is due from then on. To fill: never. */
    bool filling;      /* Each user is given all channels; then it ends. */
};

/* When the command of this number, over all loops, is due. In two parts: the product of the first
 * may not fit. */
static inline uint64_t plan_get_due_ns(const struct plan *self, uint64_t number)
{
    const uint64_t rate = self->lent_options->rate;
    return self->begin_ns + number / rate * CLOCK_SECOND_NS +
           number % rate * CLOCK_SECOND_NS / rate;
}

static inline uint64_t plan_convert_ms(const struct plan *self, uint64_t ns)
{
    return self->begin_ms + (ns - self->begin_ns) / CLOCK_MS_NS;
}

#endif
