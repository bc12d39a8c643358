#include "memory/vec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { STEPS = 100000, MODEL_MAX = 500 };

struct item {
    uint64_t number;
    uint8_t kind;
};

static void vec_behaves_like_its_model(void **state)
{
    srand(*(const unsigned *)*state);
    uint64_t model[MODEL_MAX];
    uint32_t count = 0;
    VEC(struct item) vec;
    VEC_INIT(&vec);
    for (int step = 0; step < STEPS; step++) {
        const bool grow = rand() % 8 < (step / 4000 % 2 == 0 ? 5 : 3);
        if (grow && count < MODEL_MAX) {
            model[count++] = (uint64_t)step;
            assert_int_equal(VEC_PUSH(&vec, ((struct item){.number = (uint64_t)step, .kind = 7})),
                             STATUS_OK);
        } else if (count > 0) {
            const uint32_t at = (uint32_t)rand() % count;
            model[at] = model[--count];
            VEC_REMOVE_SWAP(&vec, at);
        }
        assert_int_equal(vec.count, count);
        assert_true(vec.capacity >= count && vec.capacity <= 2 * MODEL_MAX);
        if (count > 0) {
            const uint32_t at = (uint32_t)rand() % count;
            assert_int_equal(vec.items[at].number, model[at]);
            assert_int_equal(vec.items[at].kind, 7);
        }
    }
    VEC_DEINIT(&vec);
    assert_int_equal(vec.count, 0);
    assert_null(vec.items);
    assert_int_equal(VEC_PUSH(&vec, ((struct item){.number = 1})), STATUS_OK);
    VEC_DEINIT(&vec);
}

static void reserved_room_needs_no_memory(void **state)
{
    (void)state;
    VEC(uint32_t) vec;
    VEC_INIT(&vec);
    assert_int_equal(VEC_RESERVE(&vec, 0), STATUS_OK);
    assert_null(vec.items);
    assert_int_equal(VEC_RESERVE(&vec, 100), STATUS_OK);
    const uint32_t *const items = vec.items;
    for (uint32_t at = 0; at < 100; at++) {
        assert_int_equal(VEC_PUSH(&vec, at), STATUS_OK);
    }
    assert_ptr_equal(vec.items, items);
    assert_int_equal(vec.capacity, 100);
    /* Grows from its own item. */
    assert_int_equal(VEC_PUSH(&vec, vec.items[99]), STATUS_OK);
    assert_int_equal(vec.items[100], 99);
    VEC_DEINIT(&vec);
}

static void too_much_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    VEC(uint64_t) vec;
    VEC_INIT(&vec);
    assert_int_equal(VEC_PUSH(&vec, 5), STATUS_OK);
    const uint32_t capacity = vec.capacity;
    assert_int_equal(VEC_RESERVE(&vec, VEC_BYTES_MAX / sizeof(uint64_t)), STATUS_MEMORY);
    assert_int_equal(VEC_RESERVE(&vec, UINT32_MAX), STATUS_MEMORY);
    assert_int_equal(vec.count, 1);
    assert_int_equal(vec.capacity, capacity);
    assert_int_equal(vec.items[0], 5);
    VEC_DEINIT(&vec);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(vec_behaves_like_its_model, &seed),
        cmocka_unit_test(reserved_room_needs_no_memory),
        cmocka_unit_test(too_much_is_refused_and_changes_nothing),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
