/* Commands and a warm restart at once, with a store that answers late, fails and hangs: every
 * answer is as without it, the bounds hold, and each user of the list is counted once. */
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
    {.name = "few users in memory",
     .steps = 1500,
     .users = 12,
     .channels = 12,
     .bulk_max = 5,
     .cache_users = 5,
     .cache_bytes = 4 * MB,
     .dirty_bytes = 4 * MB,
     .max_channels = 100,
     .commit_delay_ms = 200,
     .step_ms_max = 10,
     .latency_ms_max = 20,
     .shrinks = 20},
    {.name = "a store that fails and hangs",
     .steps = 1500,
     .users = 12,
     .channels = 12,
     .bulk_max = 5,
     .cache_users = 8,
     .cache_bytes = 4 * MB,
     .dirty_bytes = 4 * MB,
     .max_channels = 100,
     .commit_delay_ms = 300,
     .step_ms_max = 30,
     .latency_ms_max = 20,
     .failures = 50,
     .outages = 5,
     .hangs = 5},
    {.name = "large users",
     .steps = 600,
     .users = 6,
     .channels = 3000,
     .bulk_max = 300,
     .cache_users = 5,
     .cache_bytes = 4 * MB,
     .dirty_bytes = 4 * MB,
     .max_channels = 2500,
     .commit_delay_ms = 500,
     .step_ms_max = 20,
     .latency_ms_max = 30,
     .stalls = 100},
};

static void set_rate(struct sim *self, uint32_t rate) ON_SHARD_THREAD
{
    self->limits.warm_rate = rate;
    shard_set_limits(self->shard, &self->limits);
    note_bounds(self);
}

static uint64_t count_through(const struct sim *self)
{
    return metrics_get(&self->metrics, METRIC_WARM_LOADED) +
           metrics_get(&self->metrics, METRIC_WARM_SKIPPED);
}

/* Looks only: who is in a list, at most twice, is one of the users, and not one without states. */
static void check_hot_list(struct sim *self) ON_SHARD_THREAD
{
    struct hot_list list = {0};
    if (!shard_take_hot(self->shard, &list)) {
        return;
    }
    uint32_t seen[USERS_MAX] = {0};
    for (uint32_t i = 0; i < hot_list_count(&list); i++) {
        const uint32_t number = number_of(hot_list_get(&list, i));
        assert_true(number < self->plan->users);
        assert_true(self->model.users[number].version > 0 ||
                    self->model.users[number].fifo_count > 0);
        seen[number]++;
        assert_true(seen[number] <= 2);
    }
    hot_list_deinit(&list);
}

/* Some are sent away first: a cache that is full warms nobody. Returns how many were given. */
static uint64_t warm_all(struct sim *self) ON_SHARD_THREAD
{
    uint64_t given = 0;
    for (uint32_t user = 0; user < self->plan->users; user++) {
        if (chance(self, 700)) {
            execute(self, COMMAND_EVICT, user);
        }
    }
    for (uint32_t i = draw(self, 20); i > 0; i--) {
        self->model.now_ms += 1 + draw(self, self->plan->step_ms_max);
        complete_due(self);
        turn(self);
    }
    for (uint32_t i = 0; i < self->plan->users; i++) {
        given += shard_warm(self->shard, user_of(draw(self, self->plan->users)));
    }
    return given;
}

static void play(const struct plan *plan, uint64_t seed)
{
    struct sim *sim = malloc(sizeof *sim);
    uint64_t given = 0;
    shard_thread_enter();
    sim_begin(sim, plan, seed);
    set_rate(sim, 1000);
    for (uint32_t i = 0; i < plan->steps; i++) {
        if (chance(sim, 40)) {
            given += warm_all(sim);
        }
        if (chance(sim, 5)) {
            set_rate(sim, chance(sim, 300) ? 0 : 1 + draw(sim, 2000));
        }
        if (chance(sim, 50)) {
            assert_int_equal(shard_begin_hot(sim->shard, 1 + draw(sim, 2 * plan->users)),
                             STATUS_OK);
        }
        step(sim);
        check_hot_list(sim);
    }
    set_rate(sim, 1000);
    drain(sim);
    for (int i = 0; count_through(sim) < given; i++) {
        assert_true(i < 20000);
        sim->model.now_ms += 10;
        complete_due(sim);
        turn(sim);
    }
    assert_int_equal(count_through(sim), given);
    assert_true(metrics_get(&sim->metrics, METRIC_WARM_LOADED) > 0);
    check_all_is_stored(sim);
    check_is_at_rest(sim);
    assert_int_equal(sim->shard->warm.under_way, 0);
    printf("%s: %llu of %llu loaded, %u commands answered, %u failed\n", plan->name,
           (unsigned long long)metrics_get(&sim->metrics, METRIC_WARM_LOADED),
           (unsigned long long)given, sim->ok_count, sim->failed_count);
    sim_end(sim);
    shard_thread_leave();
    free(sim);
}

static void commands_do_not_notice_it(void **state)
{
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        play(&plans[i], *(const uint64_t *)*state);
    }
}

int main(int argc, char **argv)
{
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    void *lent_seed = (void *)(uintptr_t)&seed;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(commands_do_not_notice_it, lent_seed),
    };
    printf("seed %llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests_name("shard warm play", tests, NULL, NULL);
}
