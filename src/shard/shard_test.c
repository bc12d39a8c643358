/* The shard against a plain model of the contract, a store that it cannot trust, and a clock that
 * the test moves. */
#include "shard/shard.h"

#include "shard/shard_play.h"
#include "shard/shard_play_commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MB (UINT64_C(1) << 20)

static const struct plan plans[] = {
    {.name = "all in memory",
     .steps = 1500,
     .users = 8,
     .channels = 20,
     .bulk_max = 10,
     .cache_bytes = 4 * MB,
     .dirty_bytes = 4 * MB,
     .max_channels = 100,
     .commit_delay_ms = 1000,
     .step_ms_max = 5,
     .latency_ms_max = 3,
     .deadlines = true},
    {.name = "one user at a time",
     .steps = 1000,
     .users = 5,
     .channels = 12,
     .bulk_max = 5,
     .cache_users = 1,
     .cache_bytes = 4 * MB,
     .dirty_bytes = 4 * MB,
     .max_channels = 8,
     .commit_delay_ms = 500,
     .step_ms_max = 5,
     .latency_ms_max = 10},
    {.name = "a few users",
     .steps = 1500,
     .users = 9,
     .channels = 30,
     .bulk_max = 20,
     .cache_users = 3,
     .cache_bytes = 4 * MB,
     .dirty_bytes = 4 * MB,
     .max_channels = 25,
     .commit_delay_ms = 100,
     .step_ms_max = 3,
     .latency_ms_max = 20},
    {.name = "a store that fails",
     .steps = 1500,
     .users = 8,
     .channels = 20,
     .bulk_max = 10,
     .cache_users = 4,
     .cache_bytes = 4 * MB,
     .dirty_bytes = 4 * MB,
     .max_channels = 100,
     .commit_delay_ms = 200,
     .step_ms_max = 30,
     .latency_ms_max = 20,
     .failures = 200,
     .outages = 5},
    {.name = "a store that hangs",
     .steps = 1500,
     .users = 8,
     .channels = 20,
     .bulk_max = 10,
     .cache_users = 4,
     .cache_bytes = 4 * MB,
     .dirty_bytes = 4 * MB,
     .max_channels = 100,
     .commit_delay_ms = 200,
     .step_ms_max = 30,
     .latency_ms_max = 20,
     .hangs = 30},
    {.name = "large users in slices",
     .steps = 250,
     .users = 5,
     .channels = 4000,
     .bulk_max = 300,
     .cache_bytes = 4 * MB,
     .dirty_bytes = 4 * MB,
     .max_channels = 3000,
     .commit_delay_ms = 60,
     .step_ms_max = 10,
     .latency_ms_max = 10,
     .stalls = 300},
    {.name = "large users, little room",
     .steps = 250,
     .users = 6,
     .channels = 6000,
     .bulk_max = 800,
     .cache_bytes = UINT64_C(900) * 1024,
     .dirty_bytes = UINT64_C(900) * 1024,
     .max_channels = 5000,
     .commit_delay_ms = 60,
     .step_ms_max = 10,
     .latency_ms_max = 10,
     .shrinks = 20,
     .failures = 50},
    {.name = "bounds that change",
     .steps = 1500,
     .users = 10,
     .channels = 40,
     .bulk_max = 30,
     .cache_users = 6,
     .cache_bytes = MB,
     .dirty_bytes = MB,
     .max_channels = 100,
     .commit_delay_ms = 100,
     .step_ms_max = 4,
     .latency_ms_max = 10,
     .shrinks = 60},
    {.name = "little may be dirty",
     .steps = 1500,
     .users = 10,
     .channels = 40,
     .bulk_max = 10,
     .cache_bytes = 4 * MB,
     .dirty_bytes = 3000,
     .max_channels = 100,
     .commit_delay_ms = 1000,
     .step_ms_max = 4,
     .latency_ms_max = 10},
};

static uint64_t run(const struct plan *plan, uint64_t seed)
{
    struct sim *sim = malloc(sizeof *sim);
    shard_thread_enter();
    sim_begin(sim, plan, seed);
    for (uint32_t i = 0; i < plan->steps; i++) {
        step(sim);
    }
    drain(sim);
    check_all_is_stored(sim);
    check_is_at_rest(sim);
    const uint64_t hash = sim->hash;
    /* The run was worth it: most of it was not refusals. */
    assert_true(sim->ok_count > sim->failed_count);
    sim_end(sim);
    shard_thread_leave();
    free(sim);
    return hash;
}

/* Loads, lists, flushes, evictions under way: all is freed (the sanitizer looks), none answered. */
static void a_shard_may_be_destroyed_at_any_time(void **state)
{
    const uint64_t seed = *(const uint64_t *)*state;
    for (uint64_t i = 0; i < 3; i++) {
        const struct plan *plan = &plans[4 + i];
        struct sim *sim = malloc(sizeof *sim);
        shard_thread_enter();
        sim_begin(sim, plan, seed + i);
        for (uint32_t at = 0; at < 60; at++) {
            step(sim);
        }
        sim->hang = true;
        for (uint32_t at = 0; at < 20; at++) {
            execute(sim, draw_kind(sim), draw(sim, plan->users));
        }
        sim_end(sim);
        shard_thread_leave();
        free(sim);
    }
}

struct setting {
    const struct plan *plan;
    uint64_t seed;
};

/* Twice the same inputs: twice the same effects. */
static void a_random_run_agrees_with_the_model(void **state)
{
    const struct setting *setting = *state;
    const uint64_t first = run(setting->plan, setting->seed);
    assert_int_equal(run(setting->plan, setting->seed), first);
}

int main(int argc, char **argv)
{
    enum { PLANS = sizeof plans / sizeof *plans };
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    const char *only = argc > 2 ? argv[2] : NULL;
    struct setting settings[PLANS];
    struct CMUnitTest tests[PLANS + 1] = {
        cmocka_unit_test_prestate(a_shard_may_be_destroyed_at_any_time, (void *)(uintptr_t)&seed),
    };
    size_t count = 1;
    printf("seed %llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < PLANS; i++) {
        if (only == NULL || strcmp(only, plans[i].name) == 0) {
            settings[i] = (struct setting){.plan = &plans[i], .seed = seed};
            tests[count] = (struct CMUnitTest){.name = plans[i].name,
                                               .test_func = a_random_run_agrees_with_the_model,
                                               .initial_state = &settings[i]};
            count++;
        }
    }
    return _cmocka_run_group_tests("shard", tests, count, NULL, NULL);
}
