#include "memory/ring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

enum { STEPS = 200000, PASSED = 1000000, POSITIONS_BEFORE_WRAP = 1000 };

struct element {
    uint64_t number;
    uint64_t check;
};

static struct element element_of(uint64_t number)
{
    return (struct element){.number = number, .check = ~number * 3};
}

static bool element_is(const struct element *self, uint64_t number)
{
    return self->number == number && self->check == ~number * 3;
}

/* The model is four numbers: 0..consumed..published..put, and nothing beyond consumed + capacity.
 */
static void run_against_model(struct ring *ring)
{
    uint64_t put = 0;
    uint64_t published = 0;
    uint64_t consumed = 0;
    for (int step = 0; step < STEPS; step++) {
        switch (rand() % 4) {
        case 0:
        case 1: {
            struct element *room = ring_put(ring);
            assert_int_equal(room == NULL, put - consumed == ring->capacity);
            if (room != NULL) {
                *room = element_of(put++);
            }
            break;
        }
        case 2:
            assert_int_equal(ring_publish(ring), put != published);
            published = put;
            break;
        default:
            for (int left = rand() % 5; left > 0; left--) {
                const struct element *oldest = ring_peek(ring);
                assert_int_equal(oldest == NULL, consumed == published);
                if (oldest != NULL) {
                    assert_true(element_is(oldest, consumed++));
                    ring_consume(ring);
                }
            }
        }
        if (rand() % 8 == 0) {
            assert_int_equal(ring_count_free(ring), ring->capacity - (put - consumed));
        }
    }
    assert_true(consumed > ring->capacity);
}

static void ring_behaves_like_its_model(void **state)
{
    srand(*(const unsigned *)*state);
    static const uint32_t capacities[] = {2, 8, 64};
    for (size_t at = 0; at < sizeof capacities / sizeof capacities[0]; at++) {
        struct ring ring;
        assert_int_equal(ring_init(&ring, sizeof(struct element), capacities[at]), STATUS_OK);
        assert_int_equal((uintptr_t)ring.elements % CACHE_LINE, 0);
        /* So that the positions pass through 2^32. */
        ring.put = ring.taken = ring.taken_seen = ring.put_seen = 0U - POSITIONS_BEFORE_WRAP;
        ring.put_shared = ring.taken_shared = ring.put;
        run_against_model(&ring);
        assert_true(ring.put < UINT32_MAX / 2);
        ring_deinit(&ring);
    }
}

/* Batches of 1 to 50, as many as there is room for. */
static void *produce(void *lent_ring)
{
    struct ring *const ring = lent_ring;
    uint64_t next = 0;
    while (next < PASSED) {
        const uint64_t batch_end = next + 1 + next % 50;
        while (next < PASSED && next < batch_end) {
            struct element *room = ring_put(ring);
            if (room == NULL) {
                break;
            }
            *room = element_of(next++);
        }
        if (!ring_publish(ring)) {
            sched_yield();
        }
    }
    return NULL;
}

static void two_threads_pass_all_in_order(void **state)
{
    (void)state;
    struct ring ring;
    assert_int_equal(ring_init(&ring, sizeof(struct element), 1024), STATUS_OK);
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce, &ring), 0);

    uint64_t wrong = 0;
    for (uint64_t next = 0; next < PASSED;) {
        const struct element *oldest = ring_peek(&ring);
        if (oldest == NULL) {
            sched_yield();
            continue;
        }
        wrong += !element_is(oldest, next++);
        ring_consume(&ring);
    }
    assert_int_equal(pthread_join(producer, NULL), 0);
    assert_int_equal(wrong, 0);
    assert_null(ring_peek(&ring));
    assert_int_equal(ring_count_free(&ring), 1024);
    ring_deinit(&ring);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(ring_behaves_like_its_model, &seed),
        cmocka_unit_test(two_threads_pass_all_in_order),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
