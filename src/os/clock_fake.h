/* A clock that stands still until it is moved by hand.
 *
 * Memory: the caller's, all zero is a good start.  Thread: one at a time.
 */
#ifndef OS_CLOCK_FAKE_H
#define OS_CLOCK_FAKE_H

#include "os/clock.h"

#include <stdint.h>

struct clock_fake {
    uint64_t monotonic_ns;
    uint64_t wall_ms;
    uint64_t wall_ns_rest; /* Of a millisecond that has not passed whole. */
};

struct clock clock_fake_get(struct clock_fake *lent_self);

/* Time passes: both clocks move on. */
void clock_fake_step(struct clock_fake *self, uint64_t ns);

/* The operator sets the clock on the wall, forth or back; the other one goes on as it was. */
void clock_fake_set_wall(struct clock_fake *self, uint64_t wall_ms);

#endif
