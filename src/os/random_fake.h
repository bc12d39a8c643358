/* Bytes that are the same for the same seed, or none when told to fail.
 *
 * Memory: the caller's, all zero is a good start.  Thread: one at a time.
 */
#ifndef OS_RANDOM_FAKE_H
#define OS_RANDOM_FAKE_H

#include "os/random.h"

#include <stdbool.h>
#include <stdint.h>

struct random_fake {
    uint64_t seed; /* Moves on with what is drawn. */
    bool fails;
};

struct random random_fake_get(struct random_fake *lent_self);

#endif
