/* The list that is filled from both ends. */
#include "shard/hot_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_list(const struct hot_list *list, const uint64_t *ids, uint32_t count)
{
    assert_int_equal(hot_list_count(list), count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(hot_list_get(list, i).value, ids[i]);
    }
}

static void the_hottest_come_first(void **state)
{
    (void)state;
    struct hot_list list;
    assert_int_equal(hot_list_init(&list, 8), STATUS_OK);
    assert_int_equal(hot_list_count_bytes(&list), 64);
    for (uint64_t id = 1; id <= 3; id++) {
        hot_list_add(&list, (struct user_id){id});
    }
    hot_list_add_since(&list, (struct user_id){11});
    hot_list_add_since(&list, (struct user_id){12});
    static const uint64_t ids[] = {11, 12, 1, 2, 3};
    assert_list(&list, ids, 5);
    hot_list_deinit(&list);
    assert_null(list.ids);
    hot_list_deinit(&list);
}

static void the_coldest_are_left_out(void **state)
{
    (void)state;
    struct hot_list list;
    assert_int_equal(hot_list_init(&list, 4), STATUS_OK);
    for (uint64_t id = 1; id <= 6; id++) {
        hot_list_add(&list, (struct user_id){id});
    }
    static const uint64_t front[] = {1, 2, 3, 4};
    assert_true(hot_list_is_full(&list));
    assert_list(&list, front, 4);
    hot_list_add_since(&list, (struct user_id){11});
    static const uint64_t both[] = {11, 1, 2, 3};
    assert_list(&list, both, 4);
    for (uint64_t id = 12; id <= 19; id++) {
        hot_list_add_since(&list, (struct user_id){id});
    }
    static const uint64_t back[] = {11, 12, 13, 14};
    assert_list(&list, back, 4);
    hot_list_deinit(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hottest_come_first),
        cmocka_unit_test(the_coldest_are_left_out),
    };
    return cmocka_run_group_tests_name("hot list", tests, NULL, NULL);
}
