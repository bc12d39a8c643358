/* The warm restart, and commands on the same users. */
#include "shard/shard_warm_world.h"

/* One load for both; and the user is the client's. */
static void a_command_joins_the_load(void **state)
{
    (void)state;
    shard_thread_enter();
    static const uint64_t users[] = {3, LARGE};
    for (int i = 0; i < 2; i++) {
        struct world *world = begin(0, 1000000);
        warm(world, 1, 2);
        warm(world, users[i], users[i]);
        assert_int_equal(world->pending_count, 3);
        execute_on(world, COMMAND_ACK, users[i]);
        assert_int_equal(world->pending_count, 3);
        assert_int_equal(world->replies_count, 0);
        complete_all(world);
        assert_int_equal(world->replies_count, 1);
        assert_int_equal(world->replies[0].kind, REPLY_STATE);
        const uint64_t order[] = {users[i], 1, 2};
        assert_order(world, order, 3);
        assert_counts(world, 3, 0);
        assert_at_rest(world);
        end(world);
    }
    shard_thread_leave();
}

/* The client was first. */
static void a_load_that_is_under_way_is_not_repeated(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 1000000);
    execute_on(world, COMMAND_ACK, 3);
    warm(world, 3, 3);
    assert_int_equal(world->pending_count, 1);
    assert_counts(world, 0, 1);
    complete_all(world);
    warm(world, 3, 3);
    assert_int_equal(world->pending_count, 0);
    assert_counts(world, 0, 2);
    assert_int_equal(world->replies_count, 1);
    assert_at_rest(world);
    end(world);
    shard_thread_leave();
}

static void whoever_is_not_in_the_store_is_not_in_memory(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 1000000);
    warm(world, 1000, 1003);
    complete_all(world);
    assert_counts(world, 0, 4);
    assert_int_equal(cache_count_users(&world->shard->cache), 0);
    assert_at_rest(world);
    end(world);
    shard_thread_leave();
}

static void forgotten_users_stay_forgotten(void **state)
{
    (void)state;
    shard_thread_enter();
    struct world *world = begin(0, 1000000);
    /* While it is being loaded. */
    warm(world, 3, 3);
    execute_on(world, COMMAND_FORGET, 3);
    complete_all(world);
    assert_int_equal(world->replies_count, 1);
    assert_int_equal(world->replies[0].number, 1);
    assert_false(is_there(world, 3));
    /* While it is being erased, and afterwards. */
    execute_on(world, COMMAND_FORGET, 4);
    complete(world, STATUS_OK);
    assert_int_equal(world->pending[0].work, STORE_WORK_WRITE);
    warm(world, 4, 4);
    complete_all(world);
    assert_false(is_there(world, 4));
    warm(world, 3, 4);
    complete_all(world);
    assert_int_equal(cache_count_users(&world->shard->cache), 0);
    assert_counts(world, 0, 4);
    assert_at_rest(world);
    end(world);
    shard_thread_leave();
}

/* Commands that load nobody: they see the user as it is. */
static void commands_that_do_not_load_are_answered(void **state)
{
    (void)state;
    shard_thread_enter();
    static const enum command_kind kinds[] = {COMMAND_INSPECT_USER, COMMAND_EVICT,
                                              COMMAND_FLUSH_USER, COMMAND_MEASURE_USER};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct world *world = begin(0, 1000000);
        warm(world, 3, 3);
        execute_on(world, kinds[i], 3);
        complete_all(world);
        assert_int_equal(world->replies_count, 1);
        assert_int_not_equal(world->replies[0].kind, REPLY_FAILED);
        assert_counts(world, 1, 0);
        assert_at_rest(world);
        end(world);
    }
    shard_thread_leave();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_joins_the_load),
        cmocka_unit_test(a_load_that_is_under_way_is_not_repeated),
        cmocka_unit_test(whoever_is_not_in_the_store_is_not_in_memory),
        cmocka_unit_test(forgotten_users_stay_forgotten),
        cmocka_unit_test(commands_that_do_not_load_are_answered),
    };
    return cmocka_run_group_tests_name("shard warm join", tests, NULL, NULL);
}
