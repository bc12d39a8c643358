/* Owners on several threads: the last of them frees, once, and sees what the others did. */
#include "memory/arc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

enum { THREADS = 4, PAYLOADS = 20000 };

struct payload {
    struct arc arc;
    uint32_t touched[THREADS]; /* Each by its own thread, and read by who frees it. */
};

struct thread {
    pthread_t id;
    uint32_t number;
    struct payload **payloads;
    uint32_t freed;
    uint32_t untouched;
};

static void *use(void *context)
{
    struct thread *self = context;
    for (uint32_t i = 0; i < PAYLOADS; i++) {
        struct payload *payload = self->payloads[i];
        arc_acquire(&payload->arc);
        payload->touched[self->number]++;
        const bool was_last = arc_release(&payload->arc);
        payload->touched[self->number] += !was_last;
        if (arc_release(&payload->arc)) {
            for (uint32_t other = 0; other < THREADS; other++) {
                self->untouched += payload->touched[other] != 2;
            }
            free(payload);
            self->freed++;
        }
    }
    return NULL;
}

static void the_last_owner_frees_it(void **state)
{
    (void)state;
    struct payload **payloads = calloc(PAYLOADS, sizeof *payloads);
    assert_non_null(payloads);
    for (uint32_t i = 0; i < PAYLOADS; i++) {
        payloads[i] = calloc(1, sizeof **payloads);
        assert_non_null(payloads[i]);
        arc_init(&payloads[i]->arc);
        for (uint32_t other = 1; other < THREADS; other++) {
            arc_acquire(&payloads[i]->arc);
        }
    }
    struct thread threads[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        threads[i] = (struct thread){.number = i, .payloads = payloads};
        assert_int_equal(pthread_create(&threads[i].id, NULL, use, &threads[i]), 0);
    }
    uint32_t freed = 0;
    for (uint32_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i].id, NULL);
        freed += threads[i].freed;
        assert_int_equal(threads[i].untouched, 0);
    }
    assert_int_equal(freed, PAYLOADS);
    free(payloads);
}

static void one_owner_is_the_last(void **state)
{
    (void)state;
    struct arc arc;
    arc_init(&arc);
    arc_acquire(&arc);
    assert_false(arc_release(&arc));
    assert_true(arc_release(&arc));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_owner_is_the_last),
        cmocka_unit_test(the_last_owner_frees_it),
    };
    return cmocka_run_group_tests_name("arc", tests, NULL, NULL);
}
