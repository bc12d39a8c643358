#include "os/machine.h"

#include "base/decimal.h"

#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <unistd.h>

/* The bound of the control group, as a container sees it: version 2, then version 1. */
static const char *const memory_bounds[] = {
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
};

/* UINT64_MAX where the file is not there or has no number ("max"). */
static uint64_t read_bound(const char *path)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return UINT64_MAX;
    }
    char text[DECIMAL_SIZE_MAX + 1];
    const ssize_t size = read(file, text, sizeof text);
    (void)close(file);
    uint64_t bound = 0;
    const bool is_number =
        size > 1 && text[size - 1] == '\n' &&
        decimal_parse_u63((struct slice){.bytes = text, .size = (size_t)size - 1}, &bound);
    return is_number ? bound : UINT64_MAX;
}

struct machine machine_read(void)
{
    struct machine found = {
        .memory_bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE),
        .cores = 1,
    };
    for (size_t i = 0; i < sizeof memory_bounds / sizeof memory_bounds[0]; i++) {
        const uint64_t bound = read_bound(memory_bounds[i]);
        if (bound < found.memory_bytes) {
            found.memory_bytes = bound;
        }
    }
    cpu_set_t may_run_on;
    if (sched_getaffinity(0, sizeof may_run_on, &may_run_on) == 0) {
        found.cores = (uint32_t)CPU_COUNT(&may_run_on);
    } else {
        /* More cores than a cpu_set_t has room for. */
        found.cores = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
    }
    return found;
}
