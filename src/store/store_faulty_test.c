#include "store/store_faulty.h"

#include "store/store_check.h"
#include "store/store_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

struct room {
    struct store store;
    struct store_faulty *faulty;
};

static void room_init(struct room *self)
{
    struct store memory = {0};
    assert_int_equal(store_memory_open(&memory), STATUS_OK);
    assert_int_equal(store_faulty_open(&self->store, &self->faulty, memory), STATUS_OK);
}

static enum status write_user(struct room *self, uint64_t user, uint64_t version)
{
    struct image *image = store_check_encode_user((struct user_id){user}, version, 0);
    const struct image *const borrowed = image;
    const enum status status = self->store.ops->write(self->store.self, &borrowed, 1);
    image_destroy(&image);
    return status;
}

static enum status read_user(struct room *self, uint64_t user)
{
    struct image *image = NULL;
    const enum status status =
        self->store.ops->read(self->store.self, (struct user_id){user}, &image);
    image_destroy(&image);
    return status;
}

static void the_planned_calls_meet_their_fault(void **state)
{
    (void)state;
    struct room room;
    room_init(&room);
    store_faulty_plan(room.faulty, STORE_WORK_WRITE, 1, 2, STORE_FAULT_FAIL);
    assert_int_equal(write_user(&room, 1, 1), STATUS_OK);
    assert_int_equal(write_user(&room, 1, 2), STATUS_STORE);
    assert_int_equal(write_user(&room, 1, 3), STATUS_STORE);
    store_check_expect_user(room.store, (struct user_id){1}, 1, 0);
    assert_int_equal(write_user(&room, 1, 4), STATUS_OK);
    store_check_expect_user(room.store, (struct user_id){1}, 4, 0);
    assert_int_equal(store_faulty_count_calls(room.faulty, STORE_WORK_WRITE), 4);
    assert_int_equal(store_faulty_count_calls(room.faulty, STORE_WORK_READ), 2);

    store_faulty_plan(room.faulty, STORE_WORK_READ, 0, STORE_FAULT_FOR_GOOD, STORE_FAULT_FAIL);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(read_user(&room, 1), STATUS_STORE);
    }
    store_faulty_plan(room.faulty, STORE_WORK_READ, 0, 0, STORE_FAULT_NONE);
    assert_int_equal(read_user(&room, 1), STATUS_OK);
    room.store.ops->close(room.store.self);
}

static void a_late_failure_has_been_done(void **state)
{
    (void)state;
    struct room room;
    room_init(&room);
    store_faulty_plan(room.faulty, STORE_WORK_WRITE, 0, 1, STORE_FAULT_FAIL_LATE);
    store_faulty_plan(room.faulty, STORE_WORK_READ, 0, 1, STORE_FAULT_FAIL_LATE);
    assert_int_equal(write_user(&room, 1, 1), STATUS_STORE);
    assert_int_equal(read_user(&room, 1), STATUS_STORE);
    store_check_expect_user(room.store, (struct user_id){1}, 1, 0);
    room.store.ops->close(room.store.self);
}

static void what_is_lost_was_answered(void **state)
{
    (void)state;
    struct room room;
    room_init(&room);
    assert_int_equal(write_user(&room, 1, 1), STATUS_OK);
    store_faulty_plan(room.faulty, STORE_WORK_WRITE, 0, 1, STORE_FAULT_LOSE);
    store_faulty_plan(room.faulty, STORE_WORK_READ, 0, 1, STORE_FAULT_LOSE);
    assert_int_equal(write_user(&room, 1, 2), STATUS_OK);
    assert_int_equal(read_user(&room, 1), STATUS_MISSING);
    store_check_expect_user(room.store, (struct user_id){1}, 1, 0);
    room.store.ops->close(room.store.self);
}

static void a_delayed_call_is_done(void **state)
{
    (void)state;
    struct room room;
    room_init(&room);
    store_faulty_plan(room.faulty, STORE_WORK_WRITE, 0, 1, STORE_FAULT_DELAY);
    assert_int_equal(write_user(&room, 1, 1), STATUS_OK);
    store_check_expect_user(room.store, (struct user_id){1}, 1, 0);
    room.store.ops->close(room.store.self);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_planned_calls_meet_their_fault),
        cmocka_unit_test(a_late_failure_has_been_done),
        cmocka_unit_test(what_is_lost_was_answered),
        cmocka_unit_test(a_delayed_call_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
