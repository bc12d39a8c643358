#include "replay/id_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { STEPS = 3000 };

/* The slow, obvious model: the keys in the order of their coming. */
static uint32_t find_slowly(const uint64_t *keys, uint32_t count, uint64_t key)
{
    for (uint32_t at = 0; at < count; at++) {
        if (keys[at] == key) {
            return at;
        }
    }
    return ID_MAP_NONE;
}

/* Few values with the same lower bits, and with the same upper bits, so that many collide. */
static uint64_t random_key(void)
{
    const uint64_t small = (uint64_t)rand() % 1000;
    return rand() % 2 == 0 ? small : small << 40;
}

static void ids_are_numbered_in_the_order_of_their_coming(void **state)
{
    const unsigned seed = *(const unsigned *)*state;
    uint64_t keys[STEPS];
    uint32_t count = 0;
    struct id_map map;

    srand(seed);
    id_map_init(&map);
    assert_int_equal(id_map_find(&map, 0), ID_MAP_NONE);
    for (int step = 0; step < STEPS; step++) {
        const uint64_t key = random_key();
        uint32_t number = find_slowly(keys, count, key);
        assert_int_equal(id_map_find(&map, key), number);
        if (number == ID_MAP_NONE) {
            number = count;
            keys[count++] = key;
        }
        assert_int_equal(id_map_insert(&map, key), number);
        assert_int_equal(id_map_find(&map, key), number);
        assert_int_equal(id_map_get_key(&map, number), key);
        assert_int_equal(map.count, count);
    }
    id_map_deinit(&map);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(ids_are_numbered_in_the_order_of_their_coming, &seed),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
