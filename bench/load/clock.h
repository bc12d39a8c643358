/* The time that only goes forward, in nanoseconds. */
#ifndef LOAD_CLOCK_H
#define LOAD_CLOCK_H

#include <stdint.h>
#include <time.h>

#define CLOCK_SECOND_NS UINT64_C(1000000000)
#define CLOCK_MS_NS UINT64_C(1000000)

static inline uint64_t clock_convert_ns(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * CLOCK_SECOND_NS + (uint64_t)time->tv_nsec;
}

static inline uint64_t clock_read_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return clock_convert_ns(&now);
}

#endif
