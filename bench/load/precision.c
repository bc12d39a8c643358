#include "load/precision.h"

#include "load/clock.h"
#include "load/histogram.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

enum {
    READINGS = 100000,
    WAKE_UPS = 250,
    WAIT_NS = 100000,
};

static void measure_clock(struct precision *self)
{
    const uint64_t begin_ns = clock_read_ns();
    uint64_t last_ns = begin_ns;
    self->clock_step_ns = UINT64_MAX;
    for (int reading = 0; reading < READINGS; reading++) {
        const uint64_t now_ns = clock_read_ns();
        if (now_ns > last_ns && now_ns - last_ns < self->clock_step_ns) {
            self->clock_step_ns = now_ns - last_ns;
        }
        last_ns = now_ns;
    }
    self->clock_cost_ns = (last_ns - begin_ns) / READINGS;
}

/* As the loops wait: with epoll, which has nothing to tell. */
static void measure_wake_ups(struct precision *self, struct histogram *late)
{
    const struct timespec wait = {.tv_nsec = WAIT_NS};
    struct epoll_event event;
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    (void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    for (int number = 0; epoll >= 0 && number < WAKE_UPS; number++) {
        const uint64_t due_ns = clock_read_ns() + WAIT_NS;
        (void)epoll_pwait2(epoll, &event, 1, &wait, NULL);
        const uint64_t now_ns = clock_read_ns();
        histogram_insert(late, now_ns > due_ns ? now_ns - due_ns : 0);
    }
    if (epoll >= 0) {
        (void)close(epoll);
    }
    self->wake_up_p50_ns = histogram_peek(late, 500000);
    self->wake_up_p99_ns = histogram_peek(late, 990000);
    self->wake_up_max_ns = histogram_peek(late, 1000000);
}

void precision_measure(struct precision *self)
{
    *self = (struct precision){0};
    measure_clock(self);
    struct histogram *late = calloc(1, sizeof *late);
    if (late != NULL) {
        measure_wake_ups(self, late);
    }
    free(late);
}
