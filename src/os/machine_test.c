#include "os/machine.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static void a_process_has_memory_and_cores(void **state)
{
    (void)state;
    const struct machine machine = machine_read();
    const uint64_t physical = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    assert_in_range(machine.memory_bytes, 1024 * 1024, physical);
    assert_in_range(machine.cores, 1, sysconf(_SC_NPROCESSORS_CONF));
}

static void only_the_cores_it_may_run_on_count(void **state)
{
    (void)state;
    cpu_set_t before;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    cpu_set_t one;
    CPU_ZERO(&one);
    size_t core = 0;
    while (!CPU_ISSET(core, &before)) {
        core++;
    }
    CPU_SET(core, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(machine_read().cores, 1);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_has_memory_and_cores),
        cmocka_unit_test(only_the_cores_it_may_run_on_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
