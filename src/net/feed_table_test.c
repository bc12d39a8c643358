/* The table against a list of what was put in; hashes meet often. */
#include "net/feed_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { NODES = 3000, STEPS = 60000, HASHES = 500, MANY = 100000 };

struct item {
    struct feed_node node;
    uint64_t hash;
    bool is_in;
};

static uint32_t count_found(const struct feed_table *table, uint64_t hash)
{
    uint32_t found = 0;
    struct feed_node *node = feed_table_find(table, hash);
    for (; node != NULL; node = feed_node_next(node)) {
        assert_int_equal(node->hash, hash);
        assert_true(((struct item *)node)->is_in);
        found++;
    }
    return found;
}

static uint32_t count_in(const struct item *items, uint64_t hash)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        count += items[i].is_in && items[i].hash == hash;
    }
    return count;
}

static void a_table_behaves_like_its_model(void **state)
{
    srand(*(const unsigned *)*state);
    struct item *items = calloc(NODES, sizeof *items);
    assert_non_null(items);
    struct feed_table table = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < NODES; i++) {
        /* Alike in their low bits, or in all of them. */
        items[i].hash = (uint64_t)(rand() % HASHES) << (rand() % 2 * 9);
    }
    for (int step = 0; step < STEPS; step++) {
        /* Now mostly more, now mostly fewer: also to none, and from there. */
        const bool grows = step / 10000 % 2 == 0;
        struct item *item = &items[rand() % NODES];
        if (!item->is_in && (grows || rand() % 4 == 0)) {
            assert_int_equal(feed_table_insert(&table, &item->node, item->hash), STATUS_OK);
            item->is_in = true;
            count++;
        } else if (item->is_in && (!grows || rand() % 4 == 0)) {
            feed_table_remove(&table, &item->node);
            item->is_in = false;
            count--;
        }
        assert_int_equal(table.count, count);
        if (step % 16 == 0) {
            const uint64_t hash = items[rand() % NODES].hash;
            assert_int_equal(count_found(&table, hash), count_in(items, hash));
        }
    }
    for (uint32_t i = 0; i < NODES; i++) {
        if (items[i].is_in) {
            feed_table_remove(&table, &items[i].node);
            items[i].is_in = false;
        }
    }
    assert_null(table.buckets);
    assert_null(feed_table_find(&table, 0));
    free(items);
}

static void chains_stay_short(void **state)
{
    (void)state;
    struct item *items = calloc(MANY, sizeof *items);
    assert_non_null(items);
    struct feed_table table = {0};
    for (uint32_t i = 0; i < MANY; i++) {
        items[i].is_in = true;
        items[i].hash = i * UINT64_C(0x9e3779b97f4a7c15) >> 20;
        assert_int_equal(feed_table_insert(&table, &items[i].node, items[i].hash), STATUS_OK);
        assert_true(table.in_use >= table.count && table.in_use <= table.room);
    }
    uint32_t longest = 0;
    uint32_t seen = 0;
    for (uint32_t i = 0; i < table.in_use; i++) {
        uint32_t length = 0;
        for (const struct feed_node *node = table.buckets[i]; node != NULL; node = node->chain) {
            length++;
        }
        longest = length > longest ? length : longest;
        seen += length;
    }
    assert_int_equal(seen, MANY);
    assert_true(longest < 20);
    for (uint32_t i = 0; i < MANY; i += 97) {
        assert_int_equal(count_found(&table, items[i].hash), 1);
    }
    feed_table_deinit(&table);
    free(items);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(a_table_behaves_like_its_model, &seed),
        cmocka_unit_test(chains_stay_short),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests_name("feed table", tests, NULL, NULL);
}
