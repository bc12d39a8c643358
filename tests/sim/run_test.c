/* Short runs of the whole simulator: with all faults, of seeds that turn with the day; the same run
 * twice; and a run that is ended at each of its operations on the disk. */
#include "sim/report.h"
#include "sim/settings.h"

#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    SEEDS = 4,
    OPERATIONS = 1000,
    CRASH_OPERATIONS = 30,
    DAY_S = 24 * 60 * 60,
};

/* The run that is being played, for when it does not come to its end. */
static char playing[SETTINGS_COMMAND_SIZE + 64];

static void print_playing(void)
{
    (void)!write(STDERR_FILENO, playing, strlen(playing));
}

static void take_abort(int number)
{
    (void)number;
    print_playing();
}

/* Of the sanitizers, where there is one. */
void set_death_callback(void (*callback)(void)) __asm__("__sanitizer_set_death_callback")
    __attribute__((weak));

static void prepare_for_death(void)
{
    (void)signal(SIGABRT, take_abort);
    if (set_death_callback != NULL) {
        set_death_callback(print_playing);
    }
}

static struct run_counts execute(const struct run_options *options, uint64_t *out_hash)
{
    struct wrong_run run = {.options = *options};
    char command[SETTINGS_COMMAND_SIZE];
    settings_print(options, command);
    (void)snprintf(playing, sizeof playing, "\nwhile it played: readstates-sim %s\n", command);
    if (!run_execute(options, &run.counts, out_hash, &run.failure)) {
        report_wrong_run(stderr, &run, true);
        fail_msg("%s\n  readstates-sim %s", run.failure.text, command);
    }
    return run.counts;
}

static void a_world_that_fails_loses_nothing(void **state)
{
    const uint64_t seed = *(const uint64_t *)*state;
    for (uint64_t i = 0; i < SEEDS; i++) {
        const struct run_options options = {
            .seed = seed + i, .operations = OPERATIONS, .faults = FAULTS_ALL, .sync = -1};
        uint64_t hash = 0;
        (void)execute(&options, &hash);
    }
}

static void a_seed_decides_everything(void **state)
{
    const uint64_t seed = *(const uint64_t *)*state;
    const struct run_options options = {
        .seed = seed, .operations = OPERATIONS, .faults = FAULTS_ALL, .sync = -1};
    uint64_t hashes[2] = {0, 0};
    (void)execute(&options, &hashes[0]);
    (void)execute(&options, &hashes[1]);
    assert_int_equal(hashes[0], hashes[1]);
}

static void the_clock_on_the_wall_decides_nothing(void **state)
{
    const uint64_t seed = *(const uint64_t *)*state;
    const uint64_t kinds = UINT64_C(1) << FAULT_CLOCK_SET_BACK | UINT64_C(1)
                                                                     << FAULT_CLOCK_SET_FORWARD;
    struct run_options options = {
        .seed = seed, .operations = OPERATIONS, .faults = FAULTS_ALL, .sync = -1};
    uint64_t hashes[2] = {0, 0};
    (void)execute(&options, &hashes[0]);
    options.faults &= ~kinds;
    (void)execute(&options, &hashes[1]);
    assert_int_equal(hashes[0], hashes[1]);
}

/* What gcc and clang agree on; a change of what is simulated changes it. */
static void a_fixed_run_has_its_hash(void **state)
{
    const struct run_options options = {
        .seed = 1, .operations = OPERATIONS, .faults = FAULTS_ALL, .sync = -1};
    uint64_t hash = 0;
    (void)state;
    (void)execute(&options, &hash);
    assert_int_equal(hash, UINT64_C(0xf90007b5c1b108e2));
}

static uint64_t crash(uint64_t kill_at, int32_t sync, uint32_t kill_with)
{
    const struct run_options options = {.seed = 3,
                                        .operations = CRASH_OPERATIONS,
                                        .sync = sync,
                                        .kill_at = kill_at,
                                        .kill_with = kill_with};
    uint64_t hash = 0;
    return execute(&options, &hash).kills_met;
}

/* The process, or the power, goes at each operation of the disk, in each way; the modes take
 * turns. */
static void a_crash_at_any_operation_loses_nothing(void **state)
{
    uint64_t kill_at = 0;
    uint64_t met = 0;
    (void)state;
    do {
        kill_at++;
        met = 0;
        for (uint32_t way = 0; way < RUN_CUTS; way++) {
            met += crash(kill_at, (int32_t)((kill_at + way) % 3), way);
        }
    } while (met > 0);
    printf("%" PRIu64 " operations\n", kill_at - 1);
}

int main(void)
{
    const char *text = getenv("READSTATES_SEED");
    uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : (uint64_t)time(NULL) / DAY_S * SEEDS;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(a_world_that_fails_loses_nothing, &seed),
        cmocka_unit_test_prestate(a_seed_decides_everything, &seed),
        cmocka_unit_test_prestate(the_clock_on_the_wall_decides_nothing, &seed),
        cmocka_unit_test(a_fixed_run_has_its_hash),
        cmocka_unit_test(a_crash_at_any_operation_loses_nothing),
    };
    prepare_for_death();
    printf("seed %" PRIu64 "\n", seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
