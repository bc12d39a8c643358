/* Loaded before the C library: the clocks stand as far from the machine's as the file says that SHIFTED_CLOCK names, at
 * every moment: two numbers of 64 bits, nanoseconds that are added to the time of day, and to the time that only goes
 * forward. What waits until a moment of one of them is woken when that has come, as by a clock that was set. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { SECOND_NS = 1000000000, LOOK_NS = 50000000 };

struct shifts {
    _Atomic int64_t wall_ns;
    _Atomic int64_t forward_ns;
};

static _Atomic(struct shifts *) mapped;

/* Asks the kernel, and not the C library: who asks for the time first may be a sanitizer that is not ready for its own
 * open and mmap, or is about to look for the library's clock. */
static struct shifts *shifts(void)
{
    static struct shifts none;
    struct shifts *found = atomic_load(&mapped);
    if (found != NULL) {
        return found;
    }
    const char *path = getenv("SHIFTED_CLOCK");
    const long file = path == NULL ? -1 : syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    const long bytes = file < 0 ? -1 : syscall(SYS_mmap, NULL, sizeof *found, PROT_READ, MAP_SHARED, file, 0L);
    if (file >= 0) {
        (void)syscall(SYS_close, file);
    }
    /* What is no address is a small number below 0. */
    found = bytes < 0 && bytes > -4096 ? &none : (struct shifts *)bytes;
    atomic_store(&mapped, found);
    return found;
}

/* Of CPU time and the like nothing. */
static int64_t shift_of(clockid_t clock)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        return atomic_load(&shifts()->wall_ns);
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_BOOTTIME:
        return atomic_load(&shifts()->forward_ns);
    default:
        return 0;
    }
}

static struct timespec moved(const struct timespec *time, int64_t by_ns)
{
    const int64_t ns = (int64_t)time->tv_sec * SECOND_NS + time->tv_nsec + by_ns;
    return (struct timespec){.tv_sec = ns / SECOND_NS, .tv_nsec = ns % SECOND_NS};
}

static int is_before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec);
}

static int read_clock(clockid_t clock, struct timespec *time)
{
    return (int)syscall(SYS_clock_gettime, clock, time);
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    const int result = read_clock(clock, time);
    if (result == 0) {
        *time = moved(time, shift_of(clock));
    }
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    *time = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}

/* Waits for a moment at most, as the clock may be set meanwhile: then it says that it was woken for nothing, which whoever
 * waits for a condition has to expect. */
static int wait(pthread_cond_t *condition, pthread_mutex_t *lock, clockid_t clock, const struct timespec *until)
{
    int (*const next)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *) =
        (int (*)(pthread_cond_t *, pthread_mutex_t *, clockid_t, const struct timespec *))dlsym(
            RTLD_NEXT, "pthread_cond_clockwait");
    struct timespec end = moved(until, -shift_of(clock));
    struct timespec now;
    if (end.tv_sec < 0 || end.tv_nsec < 0) {
        /* It came before the machine was started, as it sees it. */
        end = (struct timespec){0};
    }
    (void)read_clock(CLOCK_MONOTONIC, &now);
    const struct timespec look = moved(&now, LOOK_NS);
    (void)read_clock(clock, &now);
    if (!is_before(&now, &end)) {
        return next(condition, lock, clock, &end);
    }
    const struct timespec soon = moved(&now, LOOK_NS);
    if (is_before(&end, &soon)) {
        return next(condition, lock, clock, &end);
    }
    const int result = next(condition, lock, CLOCK_MONOTONIC, &look);
    return result == ETIMEDOUT ? 0 : result;
}

int pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *lock, clockid_t clock,
                           const struct timespec *until)
{
    return wait(condition, lock, clock, until);
}

/* By which clock it waits is not told; but no machine has run for thirty years. */
int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict lock,
                           const struct timespec *restrict until)
{
    return wait(condition, lock, until->tv_sec > SECOND_NS ? CLOCK_REALTIME : CLOCK_MONOTONIC, until);
}
