#include "net/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

enum { THREADS = 4, VISITS = 20000 };

/* A plain number behind the gate: two threads inside would lose counts, and TSan sees them. */
struct shared {
    struct gate gate;
    uint64_t visits;
    _Atomic uint64_t wishes;
    _Atomic bool is_over;
    _Atomic bool is_told;
};

static void one_is_inside_at_a_time(void **state)
{
    (void)state;
    struct gate gate = {0};
    assert_true(gate_enter(&gate));
    assert_false(gate_enter(&gate));
    assert_false(gate_leave(&gate));
    assert_true(gate_enter(&gate));
    assert_false(gate_leave(&gate));
}

static void who_leaves_learns_that_it_is_wanted_once(void **state)
{
    (void)state;
    struct gate gate = {0};
    assert_true(gate_enter_or_want(&gate));
    assert_false(gate_leave(&gate));
    assert_true(gate_enter(&gate));
    assert_false(gate_enter_or_want(&gate));
    assert_false(gate_enter_or_want(&gate));
    assert_false(gate_enter(&gate));
    assert_true(gate_leave(&gate));
    /* Kept for who wanted it. */
    assert_false(gate_enter(&gate));
    assert_true(gate_enter_or_want(&gate));
    assert_false(gate_leave(&gate));
    assert_true(gate_enter(&gate));
    assert_false(gate_leave(&gate));
}

static void *visit(void *context)
{
    struct shared *shared = (struct shared *)context;
    for (int visits = 0; visits < VISITS;) {
        if (!gate_enter(&shared->gate)) {
            sched_yield();
            continue;
        }
        shared->visits++;
        visits++;
        if (gate_leave(&shared->gate)) {
            atomic_store(&shared->is_told, true);
        }
    }
    return NULL;
}

/* As a shard's own thread does: it wants, and goes on only once told. */
static void *want(void *context)
{
    struct shared *shared = (struct shared *)context;
    while (!atomic_load(&shared->is_over)) {
        atomic_store(&shared->is_told, false);
        if (gate_enter_or_want(&shared->gate)) {
            shared->visits++;
            assert_false(gate_leave(&shared->gate));
            atomic_fetch_add(&shared->wishes, 1);
            continue;
        }
        while (!atomic_load(&shared->is_told)) {
            sched_yield();
        }
    }
    return NULL;
}

static void threads_do_not_meet_inside_and_no_wish_is_lost(void **state)
{
    (void)state;
    struct shared shared = {0};
    pthread_t visitors[THREADS];
    pthread_t owner;
    assert_int_equal(pthread_create(&owner, NULL, want, &shared), 0);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&visitors[i], NULL, visit, &shared), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(visitors[i], NULL);
    }
    /* Ends only if whoever left told it. */
    atomic_store(&shared.is_over, true);
    pthread_join(owner, NULL);
    assert_int_equal(shared.visits, (uint64_t)THREADS * VISITS + atomic_load(&shared.wishes));
    assert_true(gate_enter_or_want(&shared.gate));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_is_inside_at_a_time),
        cmocka_unit_test(who_leaves_learns_that_it_is_wanted_once),
        cmocka_unit_test(threads_do_not_meet_inside_and_no_wish_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
