/* Users whom the shard has in memory, while its store fails or does not answer. */
#include "shard/shard.h"

#include "shard/shard_play.h"
#include "shard/shard_play_commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MB (UINT64_C(1) << 20)

/* One command by itself; true: it was answered, and with no error. */
static bool serves(struct sim *self, enum command_kind kind, uint32_t user) ON_SHARD_THREAD
{
    const uint32_t ok = self->ok_count;
    execute(self, kind, user);
    return self->ok_count == ok + 1;
}

static void pass(struct sim *self, uint64_t passes_ms) ON_SHARD_THREAD
{
    for (uint64_t i = 0; i < passes_ms; i += 10) {
        self->model.now_ms += 10;
        complete_due(self);
        turn(self);
    }
}

/* The cache is full, the oldest user is dirty, and the store fails, or does not answer. */
static void play_outage(bool hangs, uint64_t seed)
{
    static const struct plan plan = {.name = "an outage",
                                     .users = 5,
                                     .channels = 10,
                                     .bulk_max = 5,
                                     .cache_users = 4,
                                     .cache_bytes = 4 * MB,
                                     .dirty_bytes = 4 * MB,
                                     .max_channels = 100,
                                     .commit_delay_ms = 200,
                                     .outages = 1};
    struct sim *sim = malloc(sizeof *sim);
    shard_thread_enter();
    sim_begin(sim, &plan, seed);
    for (uint32_t user = 0; user < 5; user++) {
        execute(sim, COMMAND_ACK, user);
        pass(sim, 20);
    }
    pass(sim, 1000);
    sim->outage = !hangs;
    sim->hang = hangs;
    /* The oldest becomes dirty, and its write does not succeed. */
    for (uint32_t user = 1; user < 4; user++) {
        assert_true(serves(sim, COMMAND_JOIN, user));
    }
    pass(sim, 5000);
    for (uint32_t user = 1; user < 4; user++) {
        assert_true(serves(sim, COMMAND_BULKACK, user));
        assert_true(serves(sim, COMMAND_GET, user));
    }
    /* A user who must be loaded is told so, as soon as the store says it, or when it has not for
     * five seconds, and holds up nobody. */
    execute(sim, COMMAND_GET, 0);
    pass(sim, LOAD_TIMEOUT_MS + LOADS_LOOK_MS);
    assert_true(serves(sim, COMMAND_LIST, 1));
    assert_int_equal(sim->open_count, 0);
    drain(sim);
    check_all_is_stored(sim);
    check_is_at_rest(sim);
    sim_end(sim);
    shard_thread_leave();
    free(sim);
}

static void cached_users_are_served_while_the_store_fails(void **state)
{
    play_outage(false, *(const uint64_t *)*state);
}

static void cached_users_are_served_while_the_store_hangs(void **state)
{
    play_outage(true, *(const uint64_t *)*state);
}

/* Of a store that takes a write and never says so. */
static void nobody_waits_for_a_write_that_does_not_end(void **state)
{
    static const struct plan plan = {.name = "writes that hang",
                                     .users = 3,
                                     .channels = 10,
                                     .bulk_max = 5,
                                     .cache_bytes = 4 * MB,
                                     .dirty_bytes = 4 * MB,
                                     .max_channels = 100,
                                     .commit_delay_ms = 60000,
                                     .hangs = 1};
    static const enum command_kind kinds[] = {COMMAND_FLUSH_USER, COMMAND_EVICT, COMMAND_FLUSH_ALL};
    struct sim *sim = malloc(sizeof *sim);
    shard_thread_enter();
    sim_begin(sim, &plan, *(const uint64_t *)*state);
    for (uint32_t user = 0; user < 3; user++) {
        execute(sim, COMMAND_JOIN, user);
        pass(sim, 20);
    }
    sim->hang = true;
    const uint32_t failed = sim->failed_count;
    for (uint32_t i = 0; i < 3; i++) {
        execute(sim, kinds[i], i);
        /* Behind RS.EVICT it waits as well. */
        execute(sim, COMMAND_GET, i);
    }
    pass(sim, WRITE_TIMEOUT_MS / 2);
    assert_int_equal(sim->open_count, 4);
    pass(sim, WRITE_TIMEOUT_MS / 2);
    assert_int_equal(sim->open_count, 0);
    assert_int_equal(sim->failed_count, failed + 3);
    /* Nor does who comes later. */
    execute(sim, COMMAND_FLUSH_USER, 2);
    pass(sim, 10);
    assert_int_equal(sim->failed_count, failed + 4);
    drain(sim);
    check_all_is_stored(sim);
    check_is_at_rest(sim);
    sim_end(sim);
    shard_thread_leave();
    free(sim);
}

static void ten_thousand_misses_of_one_user_are_one_load(void **state)
{
    static const struct plan plan = {.name = "misses",
                                     .users = 3,
                                     .channels = 10,
                                     .bulk_max = 5,
                                     .cache_bytes = 4 * MB,
                                     .dirty_bytes = 4 * MB,
                                     .max_channels = 100,
                                     .commit_delay_ms = 200};
    struct sim *sim = malloc(sizeof *sim);
    shard_thread_enter();
    sim_begin(sim, &plan, *(const uint64_t *)*state);
    sim->hang = true;
    for (int i = 0; i < 10000; i++) {
        execute(sim, i % 2 == 0 ? COMMAND_GET : COMMAND_ACK, 0);
    }
    assert_int_equal(sim->open_count, 10000);
    assert_int_equal(metrics_get(&sim->metrics, METRIC_STORE_LOADS), 1);
    sim->hang = false;
    pass(sim, 100);
    assert_int_equal(sim->open_count, 0);
    assert_int_equal(metrics_get(&sim->metrics, METRIC_STORE_LOADS), 1);
    drain(sim);
    check_all_is_stored(sim);
    sim_end(sim);
    shard_thread_leave();
    free(sim);
}

int main(int argc, char **argv)
{
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    void *lent_seed = (void *)(uintptr_t)&seed;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(cached_users_are_served_while_the_store_fails, lent_seed),
        cmocka_unit_test_prestate(cached_users_are_served_while_the_store_hangs, lent_seed),
        cmocka_unit_test_prestate(nobody_waits_for_a_write_that_does_not_end, lent_seed),
        cmocka_unit_test_prestate(ten_thousand_misses_of_one_user_are_one_load, lent_seed),
    };
    printf("seed %llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests_name("shard outage", tests, NULL, NULL);
}
