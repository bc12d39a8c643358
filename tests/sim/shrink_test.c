/* Runs that are said to be wrong by a rule of the test: what do they become? */
#include "sim/shrink.h"

#include "sim/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SET_OF(fault) (UINT64_C(1) << (fault))

enum { LEAST_OPERATIONS = 137, LEAST_USERS = 3, PLANTED_OPERATIONS = 500 };

/* No run at all: wrong is what is large enough. */
static bool play_nothing(void *context, const struct run_options *options,
                         struct run_counts *out_counts, struct failure *out_failure)
{
    const uint64_t needed = *(const uint64_t *)context;
    *out_counts = (struct run_counts){.operations = options->operations};
    for (uint32_t i = 0; i < FAULTS_COUNT; i++) {
        out_counts->faults[i] = options->faults >> i & 1;
    }
    const bool is_wrong = options->operations >= LEAST_OPERATIONS &&
                          (options->faults & needed) == needed &&
                          (options->users_max == 0 || options->users_max >= LEAST_USERS);
    failure_set(out_failure, "%s", is_wrong ? "too large" : "");
    return !is_wrong;
}

static void what_is_not_needed_goes(void **state)
{
    uint64_t needed = SET_OF(FAULT_DISK_FULL) | SET_OF(FAULT_KILL) | SET_OF(FAULT_CACHE_SHRINKS);
    const struct player player = {.play = play_nothing, .lent_context = &needed};
    struct wrong_run wrong = {
        .options = {.seed = 7, .operations = 5000, .faults = FAULTS_ALL, .sync = -1}};
    struct wrong_run smallest;
    (void)state;
    assert_false(play_nothing(&needed, &wrong.options, &wrong.counts, &wrong.failure));
    const uint32_t runs = shrink_run(&wrong, &player, &smallest);
    assert_in_range(runs, 1, SHRINK_RUNS_MAX);
    assert_int_equal(smallest.options.seed, 7);
    assert_int_equal(smallest.options.operations, LEAST_OPERATIONS);
    assert_int_equal(smallest.options.faults, needed);
    assert_int_equal(smallest.options.users_max, 4);
    assert_int_equal(smallest.options.clients_max, 1);
    assert_int_equal(smallest.options.shards_max, 1);
    assert_string_equal(smallest.failure.text, "too large");
}

/* A real run, and a checker that takes three retries and a disconnect for a fault of the server. */
static bool play_planted(void *context, const struct run_options *options,
                         struct run_counts *out_counts, struct failure *out_failure)
{
    uint64_t hash = 0;
    (void)context;
    if (!run_execute(options, out_counts, &hash, out_failure)) {
        return false;
    }
    const bool is_wrong = out_counts->faults[FAULT_CLIENT_RETRY] >= 3 &&
                          out_counts->faults[FAULT_CLIENT_DISCONNECT] >= 1;
    failure_set(out_failure, "%s", is_wrong ? "planted" : "");
    return !is_wrong;
}

static struct wrong_run shrink_planted(uint64_t seed)
{
    const struct player player = {.play = play_planted};
    struct wrong_run wrong = {
        .options = {
            .seed = seed, .operations = PLANTED_OPERATIONS, .faults = FAULTS_ALL, .sync = -1}};
    struct wrong_run smallest;
    assert_false(play_planted(NULL, &wrong.options, &wrong.counts, &wrong.failure));
    (void)shrink_run(&wrong, &player, &smallest);
    return smallest;
}

static void a_smaller_run_is_wrong_as_well(void **state)
{
    const uint64_t needed = SET_OF(FAULT_CLIENT_RETRY) | SET_OF(FAULT_CLIENT_DISCONNECT);
    const struct wrong_run smallest = shrink_planted(1);
    struct run_counts counts;
    struct failure failure;
    (void)state;
    assert_false(play_planted(NULL, &smallest.options, &counts, &failure));
    assert_string_equal(failure.text, smallest.failure.text);
    assert_memory_equal(&counts, &smallest.counts, sizeof counts);
    assert_true(smallest.options.operations < PLANTED_OPERATIONS);
    /* None of the others can go by itself. */
    assert_int_equal(smallest.options.faults & needed, needed);
    for (uint32_t i = 0; i < FAULTS_COUNT; i++) {
        struct run_options options = smallest.options;
        options.faults &= ~SET_OF(i);
        assert_true(options.faults == smallest.options.faults ||
                    play_planted(NULL, &options, &counts, &failure));
    }
}

static void the_same_run_becomes_the_same(void **state)
{
    const struct wrong_run one = shrink_planted(2);
    const struct wrong_run other = shrink_planted(2);
    char lines[2][SETTINGS_COMMAND_SIZE];
    (void)state;
    settings_print(&one.options, lines[0]);
    settings_print(&other.options, lines[1]);
    assert_string_equal(lines[0], lines[1]);
    assert_memory_equal(&one.counts, &other.counts, sizeof one.counts);
}

/* What makes runs smaller: without one kind, the others are met where they were. */
static void a_kind_of_fault_disturbs_no_other(void **state)
{
    const uint64_t harmless =
        SET_OF(FAULT_DISK_SLOW_SYNC) | SET_OF(FAULT_CLIENT_BURST) | SET_OF(FAULT_CACHE_SHRINKS);
    struct run_options options = {.seed = 5, .operations = 2000, .faults = harmless, .sync = 0};
    struct run_counts all;
    struct run_counts without;
    struct failure failure;
    uint64_t hash = 0;
    (void)state;
    assert_true(run_execute(&options, &all, &hash, &failure));
    options.faults &= ~SET_OF(FAULT_CLIENT_BURST);
    assert_true(run_execute(&options, &without, &hash, &failure));
    assert_int_equal(without.faults[FAULT_CLIENT_BURST], 0);
    /* A burst makes the run shorter by some steps. */
    assert_true(all.faults[FAULT_CLIENT_BURST] > 0);
    assert_true(without.faults[FAULT_CACHE_SHRINKS] >= all.faults[FAULT_CACHE_SHRINKS]);
    assert_true(without.faults[FAULT_DISK_SLOW_SYNC] >= all.faults[FAULT_DISK_SLOW_SYNC]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_needed_goes),
        cmocka_unit_test(a_smaller_run_is_wrong_as_well),
        cmocka_unit_test(the_same_run_becomes_the_same),
        cmocka_unit_test(a_kind_of_fault_disturbs_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
