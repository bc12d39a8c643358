/* The warm restart by hand: order, bounds, rates, and stores that fail. */
#include "shard/shard_warm_world.h"

static void the_first_stays_the_hottest(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 100000);
    warm(world, 11, 16);
    complete_all(world);
    static const uint64_t in_line[] = {11, 12, 13, 14, 15, 16};
    assert_order(world, in_line, 6);
    assert_counts(world, 6, 0);
    assert_at_rest(world);
    /* Who is used is hotter than all of them, and who comes by a command as well. */
    execute_on(world, COMMAND_ACK, 15);
    execute_on(world, COMMAND_ACK, 30);
    complete_all(world);
    warm(world, 17, 17);
    complete_all(world);
    assert_int_equal(cache_get(&world->shard->cache, world->shard->cache.lru.newest)->id, 30);
    assert_int_equal(cache_get(&world->shard->cache, world->shard->cache.lru.oldest)->id, 17);
    end(world);
    shard_thread_leave();
}

static void states_are_as_they_were(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 100000);
    warm(world, 1, USERS);
    complete_all(world);
    /* More time, for what the rate had not allowed. */
    for (int i = 0; i < 100; i++) {
        turn(world, 10);
        complete_all(world);
    }
    assert_counts(world, USERS, 0);
    assert_at_rest(world);
    assert_int_equal(world->shard->cache.live_states, USERS - 1 + STATES_OF_LARGE);
    const uint64_t misses = metrics_get(&world->metrics, METRIC_MISSES);
    execute_on(world, COMMAND_ACK, LARGE);
    assert_int_equal(world->replies_count, 1);
    assert_int_equal(world->replies[0].version, STATES_OF_LARGE + 1);
    assert_int_equal(metrics_get(&world->metrics, METRIC_MISSES), misses);
    assert_int_equal(shard_count_unwritten(world->shard), 1);
    end(world);
    shard_thread_leave();
}

static void nobody_goes_for_it(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(5, 100000);
    execute_on(world, COMMAND_ACK, 30);
    execute_on(world, COMMAND_ACK, 31);
    complete_all(world);
    warm(world, 1, 10);
    complete_all(world);
    assert_counts(world, 3, 7);
    assert_at_rest(world);
    assert_int_equal(metrics_get(&world->metrics, METRIC_EVICTED_USERS), 0);
    assert_true(is_there(world, 30) && is_there(world, 31));
    assert_true(is_there(world, 1) && is_there(world, 2) && is_there(world, 3));
    /* A client's user finds room, and the coldest goes. */
    execute_on(world, COMMAND_ACK, 32);
    complete_all(world);
    assert_true(is_there(world, 32) && !is_there(world, 3) && is_there(world, 2));
    end(world);
    shard_thread_leave();
}

/* Room that was there when the load began may be taken when it ends. */
static void room_that_is_taken_meanwhile_is_not_taken_back(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(2, 100000);
    warm(world, 1, 2);
    assert_int_equal(world->pending_count, 2);
    execute_on(world, COMMAND_ACK, 30);
    execute_on(world, COMMAND_ACK, 31);
    assert_int_equal(world->pending_count, 4);
    /* The clients' first. */
    for (int i = 0; i < 2; i++) {
        const struct store_request first = world->pending[0];
        memmove(world->pending, world->pending + 1, 3 * sizeof first);
        world->pending[3] = first;
    }
    complete_all(world);
    assert_counts(world, 0, 2);
    assert_at_rest(world);
    assert_int_equal(metrics_get(&world->metrics, METRIC_EVICTED_USERS), 0);
    assert_true(is_there(world, 30) && is_there(world, 31));
    end(world);
    shard_thread_leave();
}

static void bytes_are_a_bound_as_well(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 100000);
    const uint64_t used = cache_count_bytes(&world->shard->cache);
    world->limits.cache_bytes = used + (UINT64_C(65) << 10);
    shard_set_limits(world->shard, &world->limits);
    warm(world, 1, 20);
    complete_all(world);
    assert_true(cache_count_bytes(&world->shard->cache) <= world->limits.cache_bytes);
    assert_false(is_there(world, LARGE));
    assert_int_equal(metrics_get(&world->metrics, METRIC_WARM_LOADED) +
                         metrics_get(&world->metrics, METRIC_WARM_SKIPPED),
                     20);
    assert_true(metrics_get(&world->metrics, METRIC_WARM_SKIPPED) > 0);
    assert_at_rest(world);
    end(world);
    shard_thread_leave();
}

static void few_are_loaded_at_once(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 1000000);
    warm(world, 1, 20);
    assert_int_equal(world->pending_count, WARM_LOADS_MAX);
    complete(world, STATUS_OK);
    assert_int_equal(world->pending_count, WARM_LOADS_MAX);
    /* Clients wait for loads: no more begin until all but a few are done. */
    execute_on(world, COMMAND_ACK, 30);
    assert_int_equal(world->pending_count, WARM_LOADS_MAX + 1);
    for (uint32_t i = 0; i < WARM_LOADS_MAX - WARM_LOADS_BESIDE_CLIENTS; i++) {
        complete(world, STATUS_OK);
    }
    assert_int_equal(world->pending_count, WARM_LOADS_BESIDE_CLIENTS + 1);
    complete(world, STATUS_OK);
    assert_int_equal(world->pending_count, WARM_LOADS_BESIDE_CLIENTS + 1);
    complete_all(world);
    assert_counts(world, 20, 0);
    end(world);
    shard_thread_leave();
}

/* A load that takes long does not come to stand behind all that follow. */
static void none_is_far_ahead_of_another(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 1000000);
    warm(world, 1, 30);
    /* The first one's answer comes after those of all others that could be sent. */
    const struct store_request first = world->pending[0];
    memmove(world->pending, world->pending + 1, --world->pending_count * sizeof first);
    while (world->pending_count > 0) {
        complete(world, STATUS_OK);
    }
    assert_counts(world, WARM_LOADS_MAX - 1, 0);
    world->pending[world->pending_count++] = first;
    complete(world, STATUS_OK);
    assert_int_equal(world->pending_count, WARM_LOADS_MAX);
    complete_all(world);
    static const uint64_t order[] = {2,  3,  4,  5,  6,  7,  8,  1,  9,  10, 11, 12, 13, 14, 15,
                                     16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30};
    assert_order(world, order, 30);
    assert_at_rest(world);
    end(world);
    shard_thread_leave();
}

static void the_rate_is_kept(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 20);
    warm(world, 1, 30);
    complete_all(world);
    /* At most what a tenth of a second allows is there at once, and one. */
    const uint64_t at_once = metrics_get(&world->metrics, METRIC_WARM_LOADED);
    assert_true(at_once <= 3);
    for (int i = 0; i < 50; i++) {
        turn(world, 10);
        complete_all(world);
    }
    const uint64_t later = metrics_get(&world->metrics, METRIC_WARM_LOADED);
    assert_true(later >= at_once + 9 && later <= at_once + 11);
    /* With none allowed nobody waits for ever. */
    world->limits.warm_rate = 0;
    shard_set_limits(world->shard, &world->limits);
    turn(world, 10);
    assert_counts(world, later, 30 - later);
    assert_at_rest(world);
    end(world);
    shard_thread_leave();
}

static void a_store_that_fails_is_left_alone(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 1000000);
    warm(world, 1, 30);
    while (world->pending_count > 0) {
        complete(world, STATUS_STORE);
    }
    assert_int_equal(world->shard->breaker.state, BREAKER_OPEN);
    const uint64_t skipped = metrics_get(&world->metrics, METRIC_WARM_SKIPPED);
    assert_true(skipped >= BREAKER_FAILURES && skipped <= BREAKER_FAILURES + WARM_LOADS_MAX);
    turn(world, 10);
    assert_int_equal(world->pending_count, 0);
    /* It is asked once more after a while, and goes on with its first answer. */
    turn(world, BREAKER_DELAY_MIN_MS);
    assert_int_equal(world->pending_count, 1);
    complete_all(world);
    assert_counts(world, 30 - skipped, skipped);
    assert_at_rest(world);
    end(world);
    shard_thread_leave();
}

static void a_store_that_hangs_is_not_asked_for_more(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 1000000);
    warm(world, 1, 30);
    for (int i = 0; i < 200; i++) {
        turn(world, 100);
    }
    assert_int_equal(world->pending_count, WARM_LOADS_MAX);
    complete_all(world);
    for (int i = 0; i < 100; i++) {
        turn(world, 100);
        complete_all(world);
    }
    assert_int_equal(metrics_get(&world->metrics, METRIC_WARM_LOADED), 30);
    assert_at_rest(world);
    end(world);
    shard_thread_leave();
}

/* Nor where it is a client's load that takes so long. */
static void nobody_is_loaded_behind_one_that_is_late(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 1000000);
    execute_on(world, COMMAND_ACK, 30);
    for (int i = 0; i < 60; i++) {
        turn(world, 100);
    }
    assert_int_equal(world->replies_count, 1);
    assert_int_equal(world->replies[0].kind, REPLY_FAILED);
    warm(world, 1, 5);
    assert_int_equal(world->pending_count, 1);
    complete_all(world);
    turn(world, 10);
    complete_all(world);
    assert_counts(world, 5, 0);
    assert_at_rest(world);
    end(world);
    shard_thread_leave();
}

static void those_in_line_can_be_left(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 1000000);
    for (uint64_t user = 1; user <= SHARD_WARM_MAX; user++) {
        assert_true(shard_warm(world->shard, (struct user_id){user}));
    }
    assert_false(shard_warm(world->shard, (struct user_id){1}));
    turn(world, 0);
    shard_end_warm(world->shard);
    assert_counts(world, 0, SHARD_WARM_MAX - WARM_LOADS_MAX);
    complete_all(world);
    assert_counts(world, WARM_LOADS_MAX, SHARD_WARM_MAX - WARM_LOADS_MAX);
    assert_at_rest(world);
    warm(world, 20, 20);
    end(world);
    shard_thread_leave();
}

static void the_hottest_are_listed(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 1000000);
    struct hot_list list = {0};
    assert_false(shard_take_hot(world->shard, &list));
    for (uint64_t user = 1; user <= 20; user++) {
        execute_on(world, COMMAND_ACK, user);
        complete_all(world);
    }
    execute_on(world, COMMAND_SUBSCRIBE, 7);
    static const uint32_t bounds[] = {100, 5};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(shard_begin_hot(world->shard, bounds[i]), STATUS_OK);
        turn(world, 0);
        assert_true(shard_take_hot(world->shard, &list));
        assert_false(shard_take_hot(world->shard, &list));
        /* Somebody reads 7. */
        static const uint64_t order[] = {7,  20, 19, 18, 17, 16, 15, 14, 13, 12,
                                         11, 10, 9,  8,  6,  5,  4,  3,  2,  1};
        assert_int_equal(hot_list_count(&list), bounds[i] < 20 ? bounds[i] : 20);
        for (uint32_t at = 0; at < hot_list_count(&list); at++) {
            assert_int_equal(hot_list_get(&list, at).value, order[at]);
        }
        hot_list_deinit(&list);
    }
    /* One that is not taken goes with the shard. */
    assert_int_equal(shard_begin_hot(world->shard, 10), STATUS_OK);
    end(world);
    shard_thread_leave();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_stays_the_hottest),
        cmocka_unit_test(states_are_as_they_were),
        cmocka_unit_test(nobody_goes_for_it),
        cmocka_unit_test(room_that_is_taken_meanwhile_is_not_taken_back),
        cmocka_unit_test(bytes_are_a_bound_as_well),
        cmocka_unit_test(few_are_loaded_at_once),
        cmocka_unit_test(none_is_far_ahead_of_another),
        cmocka_unit_test(the_rate_is_kept),
        cmocka_unit_test(a_store_that_fails_is_left_alone),
        cmocka_unit_test(a_store_that_hangs_is_not_asked_for_more),
        cmocka_unit_test(nobody_is_loaded_behind_one_that_is_late),
        cmocka_unit_test(those_in_line_can_be_left),
        cmocka_unit_test(the_hottest_are_listed),
    };
    return cmocka_run_group_tests_name("shard warm", tests, NULL, NULL);
}
