/* Short runs of the whole simulator: with all faults, of seeds that turn with the day; the same run
 * twice; and a run that is ended at each of its operations on the disk. */
#include "sim/run.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

enum {
    SEEDS = 4,
    OPERATIONS = 1000,
    CRASH_OPERATIONS = 30,
    DAY_S = 24 * 60 * 60,
};

static void execute(const struct run_options *options, uint64_t *out_hash)
{
    struct run_counts counts;
    struct failure failure;
    if (!run_execute(options, &counts, out_hash, &failure)) {
        fail_msg("%s\n  readstates-sim --seed %" PRIu64 " --operations %" PRIu64
                 " (kill at %" PRIu64 ", %" PRIu32 ", sync %d)",
                 failure.text, options->seed, options->operations, options->kill_at,
                 options->kill_with, (int)options->sync);
    }
}

static void a_world_that_fails_loses_nothing(void **state)
{
    const uint64_t seed = *(const uint64_t *)*state;
    for (uint64_t i = 0; i < SEEDS; i++) {
        const struct run_options options = {
            .seed = seed + i, .operations = OPERATIONS, .faults = FAULTS_ALL, .sync = -1};
        uint64_t hash = 0;
        execute(&options, &hash);
    }
}

static void a_seed_decides_everything(void **state)
{
    const uint64_t seed = *(const uint64_t *)*state;
    const struct run_options options = {
        .seed = seed, .operations = OPERATIONS, .faults = FAULTS_ALL, .sync = -1};
    uint64_t hashes[2] = {0, 0};
    execute(&options, &hashes[0]);
    execute(&options, &hashes[1]);
    assert_int_equal(hashes[0], hashes[1]);
}

/* What gcc and clang agree on; a change of what is simulated changes it. */
static void a_fixed_run_has_its_hash(void **state)
{
    const struct run_options options = {
        .seed = 1, .operations = OPERATIONS, .faults = FAULTS_ALL, .sync = -1};
    uint64_t hash = 0;
    (void)state;
    execute(&options, &hash);
    assert_int_equal(hash, UINT64_C(0x20b4af9afd74a6ca));
}

static uint64_t crash(uint64_t kill_at, int32_t sync, uint32_t kill_with)
{
    const struct run_options options = {.seed = 3,
                                        .operations = CRASH_OPERATIONS,
                                        .sync = sync,
                                        .kill_at = kill_at,
                                        .kill_with = kill_with};
    struct run_counts counts;
    struct failure failure;
    uint64_t hash = 0;
    if (!run_execute(&options, &counts, &hash, &failure)) {
        fail_msg("ended at operation %" PRIu64 " with %" PRIu32 ", sync %d: %s", kill_at, kill_with,
                 (int)sync, failure.text);
    }
    return counts.kills_met;
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
        cmocka_unit_test(a_fixed_run_has_its_hash),
        cmocka_unit_test(a_crash_at_any_operation_loses_nothing),
    };
    printf("seed %" PRIu64 "\n", seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
