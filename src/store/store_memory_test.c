#include "store/store_memory.h"

#include "base/assert.h"
#include "store/store_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct store open_memory(void *lent_context)
{
    (void)lent_context;
    struct store store = {0};
    const enum status status = store_memory_open(&store);
    ASSERT(status == STATUS_OK);
    return store;
}

static void absent_users_are_missing(void **state)
{
    store_check_missing(*state);
}

static void the_identity_is_kept_as_long_as_the_store_is(void **state)
{
    store_check_identity(*state);
}

static void a_user_of_a_thousand_leaves_is_kept(void **state)
{
    store_check_large_user(*state, 1000);
}

static void random_writes_agree_with_a_model(void **state)
{
    store_check_random(*state, 5000);
}

static void readers_see_whole_writes_only(void **state)
{
    store_check_threads(*state, 1000);
}

/* More users than the first table has buckets. */
static void many_users_are_found_again(void **state)
{
    (void)state;
    enum { USERS = 3000 };
    struct store store = open_memory(NULL);
    for (uint64_t user = 1; user <= USERS; user++) {
        struct image *image = store_check_encode_user((struct user_id){user}, user, 0);
        const struct image *const borrowed = image;
        assert_int_equal(store.ops->write(store.self, &borrowed, 1), STATUS_OK);
        image_destroy(&image);
    }
    for (uint64_t user = 1; user <= USERS; user++) {
        store_check_expect_user(store, (struct user_id){user}, user, 0);
    }
    store.ops->close(store.self);
}

int main(int argc, char **argv)
{
    struct store_check check = {
        .open = open_memory,
        .keeps = false,
        .seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1,
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(absent_users_are_missing, &check),
        cmocka_unit_test_prestate(the_identity_is_kept_as_long_as_the_store_is, &check),
        cmocka_unit_test_prestate(a_user_of_a_thousand_leaves_is_kept, &check),
        cmocka_unit_test_prestate(random_writes_agree_with_a_model, &check),
        cmocka_unit_test_prestate(readers_see_whole_writes_only, &check),
        cmocka_unit_test(many_users_are_found_again),
    };
    print_message("seed %u (another one: %s SEED)\n", check.seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
