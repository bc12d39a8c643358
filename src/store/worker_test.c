#include "store/worker.h"

#include "store/store_check.h"
#include "store/store_faulty.h"
#include "store/store_memory.h"

#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { READERS = 3, IN_FLIGHT_MAX = 100 };

struct room {
    struct store store;
    struct store_faulty *faulty;
    struct store_workers *workers;
    sem_t woken;
};

static void wake(void *lent_context)
{
    struct room *room = lent_context;
    sem_post(&room->woken);
}

static void room_init(struct room *self) THREAD_ATTRIBUTE(acquire_capability(shard_thread))
{
    struct store memory = {0};
    *self = (struct room){0};
    assert_int_equal(sem_init(&self->woken, 0, 0), 0);
    assert_int_equal(store_memory_open(&memory), STATUS_OK);
    assert_int_equal(store_faulty_open(&self->store, &self->faulty, memory), STATUS_OK);
    const struct store_workers_config config = {
        .readers = READERS,
        .reads_max = IN_FLIGHT_MAX,
        .writes_max = IN_FLIGHT_MAX,
        .lent_store = self->store,
        .wake = wake,
        .lent_context = self,
    };
    assert_int_equal(store_workers_create(&self->workers, &config), STATUS_OK);
    shard_thread_enter();
}

static void room_deinit(struct room *self) THREAD_ATTRIBUTE(release_capability(shard_thread))
{
    shard_thread_leave();
    store_workers_destroy(&self->workers);
    assert_null(self->workers);
    self->store.ops->close(self->store.self);
    sem_destroy(&self->woken);
}

static bool send_read(struct room *self, uint64_t user, uint64_t ticket) ON_SHARD_THREAD
{
    const struct store_request request = {
        .work = STORE_WORK_READ,
        .user = {user},
        .ticket = ticket,
    };
    return store_workers_send(self->workers, &request);
}

static bool send_write(struct room *self, uint64_t user, uint64_t version,
                       uint64_t ticket) ON_SHARD_THREAD
{
    struct store_request request = {
        .work = STORE_WORK_WRITE,
        .user = {user},
        .ticket = ticket,
        .image = store_check_encode_user((struct user_id){user}, version, 2),
    };
    const bool sent = store_workers_send(self->workers, &request);
    if (!sent) {
        image_destroy(&request.image);
    }
    return sent;
}

/* Waits as the loop of a shard does: for a wake, then takes all. */
static struct store_completion await(struct room *self) ON_SHARD_THREAD
{
    struct store_completion completion;
    while (!store_workers_receive(self->workers, &completion)) {
        while (sem_wait(&self->woken) != 0) {
        }
    }
    return completion;
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct room room;
    room_init(&room);
    assert_true(send_read(&room, 7, 1));
    store_workers_flush(room.workers);
    struct store_completion got = await(&room);
    assert_int_equal(got.work, STORE_WORK_READ);
    assert_int_equal(got.status, STATUS_MISSING);
    assert_int_equal(got.ticket, 1);
    assert_null(got.image);

    assert_true(send_write(&room, 7, 3, 2));
    store_workers_flush(room.workers);
    got = await(&room);
    assert_int_equal(got.work, STORE_WORK_WRITE);
    assert_int_equal(got.status, STATUS_OK);
    assert_int_equal(got.user.value, 7);
    assert_int_equal(got.ticket, 2);

    assert_true(send_read(&room, 7, 3));
    store_workers_flush(room.workers);
    got = await(&room);
    assert_int_equal(got.status, STATUS_OK);
    assert_int_equal(image_get_user(got.image).value, 7);
    assert_int_equal(image_count_pieces(got.image), 3);
    image_destroy(&got.image);
    assert_false(store_workers_receive(room.workers, &got));
    room_deinit(&room);
}

static void nothing_is_done_before_it_is_flushed(void **state)
{
    (void)state;
    struct room room;
    room_init(&room);
    assert_true(send_write(&room, 1, 1, 1));
    /* A worker that saw it too early would see it here, sooner or later. */
    for (int i = 0; i < 100; i++) {
        sched_yield();
    }
    assert_int_equal(store_faulty_count_calls(room.faulty, STORE_WORK_WRITE), 0);
    store_workers_flush(room.workers);
    assert_int_equal(await(&room).status, STATUS_OK);
    room_deinit(&room);
}

static void writes_that_wait_become_one_call(void **state)
{
    (void)state;
    struct room room;
    room_init(&room);
    store_faulty_plan(room.faulty, STORE_WORK_WRITE, 0, 1, STORE_FAULT_HANG);
    assert_true(send_write(&room, 1, 1, 0));
    store_workers_flush(room.workers);
    store_faulty_await_hanging(room.faulty, 1);
    for (uint64_t i = 1; i < IN_FLIGHT_MAX; i++) {
        assert_true(send_write(&room, 1 + i % 10, i, i));
    }
    assert_false(send_write(&room, 1, 1, 0));
    store_workers_flush(room.workers);
    store_faulty_resume(room.faulty);
    for (uint64_t i = 0; i < IN_FLIGHT_MAX; i++) {
        const struct store_completion got = await(&room);
        assert_int_equal(got.ticket, i);
        assert_int_equal(got.status, STATUS_OK);
    }
    assert_int_equal(store_faulty_count_calls(room.faulty, STORE_WORK_WRITE), 2);
    assert_int_equal(store_faulty_count_images(room.faulty), IN_FLIGHT_MAX);
    store_check_expect_user(room.store, (struct user_id){10}, 99, 2);
    assert_true(send_write(&room, 1, 200, 0));
    room_deinit(&room);
}

/* Four images of more than a quarter of what a batch may have. */
static void a_batch_stays_below_its_size(void **state)
{
    (void)state;
    struct room room;
    room_init(&room);
    store_faulty_plan(room.faulty, STORE_WORK_WRITE, 0, 1, STORE_FAULT_HANG);
    for (uint64_t i = 0; i < 5; i++) {
        struct store_request request = {.work = STORE_WORK_WRITE, .user = {1 + i}, .ticket = i};
        const uint32_t size = i == 0 ? 2 * STORE_BATCH_SIZE_MAX : STORE_BATCH_SIZE_MAX / 4 + 1;
        assert_int_equal(image_create(&request.image, request.user, 1, size), STATUS_OK);
        uint8_t *bytes =
            image_insert(request.image, IMAGE_LEAF, (struct channel_key){.id = 1}, size);
        assert_non_null(bytes);
        memset(bytes, 0, size);
        assert_true(store_workers_send(room.workers, &request));
    }
    store_workers_flush(room.workers);
    store_faulty_await_hanging(room.faulty, 1);
    assert_int_equal(store_faulty_count_images(room.faulty), 1);
    store_faulty_resume(room.faulty);
    for (uint64_t i = 0; i < 5; i++) {
        assert_int_equal(await(&room).ticket, i);
    }
    assert_int_equal(store_faulty_count_calls(room.faulty, STORE_WORK_WRITE), 3);
    room_deinit(&room);
}

static void a_failed_call_fails_for_all_of_its_images(void **state)
{
    (void)state;
    struct room room;
    room_init(&room);
    store_faulty_plan(room.faulty, STORE_WORK_WRITE, 0, 1, STORE_FAULT_FAIL);
    store_faulty_plan(room.faulty, STORE_WORK_READ, 0, 1, STORE_FAULT_FAIL);
    assert_true(send_write(&room, 1, 1, 1));
    assert_true(send_write(&room, 2, 1, 2));
    store_workers_flush(room.workers);
    assert_int_equal(await(&room).status, STATUS_STORE);
    assert_int_equal(await(&room).status, STATUS_STORE);
    assert_int_equal(store_faulty_count_calls(room.faulty, STORE_WORK_WRITE), 1);

    assert_true(send_read(&room, 1, 3));
    store_workers_flush(room.workers);
    assert_int_equal(await(&room).status, STATUS_STORE);
    assert_true(send_read(&room, 1, 4));
    store_workers_flush(room.workers);
    assert_int_equal(await(&room).status, STATUS_MISSING);
    room_deinit(&room);
}

static void a_read_that_hangs_stops_no_other(void **state)
{
    (void)state;
    struct room room;
    room_init(&room);
    store_faulty_plan(room.faulty, STORE_WORK_READ, 0, 1, STORE_FAULT_HANG);
    assert_true(send_read(&room, 1, 0));
    store_workers_flush(room.workers);
    store_faulty_await_hanging(room.faulty, 1);
    for (uint64_t i = 1; i <= 50; i++) {
        assert_true(send_read(&room, 1, i));
        store_workers_flush(room.workers);
        assert_int_equal(await(&room).ticket, i);
    }
    store_faulty_resume(room.faulty);
    assert_int_equal(await(&room).ticket, 0);
    room_deinit(&room);
}

static void reads_beyond_the_bound_are_refused(void **state)
{
    (void)state;
    struct room room;
    room_init(&room);
    store_faulty_plan(room.faulty, STORE_WORK_READ, 0, STORE_FAULT_FOR_GOOD, STORE_FAULT_HANG);
    for (uint64_t i = 0; i < IN_FLIGHT_MAX; i++) {
        assert_true(send_read(&room, 1, i));
    }
    assert_false(send_read(&room, 1, 0));
    assert_true(send_write(&room, 1, 1, 0));
    store_workers_flush(room.workers);
    store_faulty_await_hanging(room.faulty, READERS);
    store_faulty_resume(room.faulty);
    bool came[IN_FLIGHT_MAX] = {false};
    for (uint64_t i = 0; i < IN_FLIGHT_MAX + 1; i++) {
        struct store_completion got = await(&room);
        image_destroy(&got.image);
        if (got.work == STORE_WORK_READ) {
            assert_false(came[got.ticket]);
            came[got.ticket] = true;
        }
    }
    assert_true(send_read(&room, 1, 0));
    store_workers_flush(room.workers);
    struct store_completion got = await(&room);
    image_destroy(&got.image);
    room_deinit(&room);
}

static void what_was_sent_is_done_before_the_end(void **state)
{
    (void)state;
    struct room room;
    room_init(&room);
    for (uint64_t i = 1; i <= IN_FLIGHT_MAX; i++) {
        assert_true(send_write(&room, i, 8, i));
        assert_true(send_read(&room, i, i));
    }
    shard_thread_leave();
    store_workers_destroy(&room.workers);
    for (uint64_t i = 1; i <= IN_FLIGHT_MAX; i++) {
        store_check_expect_user(room.store, (struct user_id){i}, 8, 2);
    }
    room.store.ops->close(room.store.self);
    sem_destroy(&room.woken);
}

/* Sends few at a time, so that the workers fall asleep and are woken all the while. */
static void random_traffic_is_answered_once_each(void **state)
{
    enum { STEPS = 4000, USERS = 20 };
    srand(*(const unsigned *)*state);
    struct room room;
    room_init(&room);
    uint64_t written[USERS] = {0};
    uint64_t next_ticket = 0;
    uint64_t in_flight = 0;
    for (int step = 0; step < STEPS || in_flight > 0; step++) {
        const uint64_t user = (uint64_t)rand() % USERS;
        const int sends = step < STEPS ? rand() % 4 : 0;
        for (int i = 0; i < sends && in_flight < IN_FLIGHT_MAX; i++) {
            if (rand() % 2 == 0) {
                assert_true(send_read(&room, 1 + user, 0));
            } else {
                assert_true(send_write(&room, 1 + user, ++next_ticket, 0));
                written[user] = next_ticket;
            }
            in_flight++;
        }
        store_workers_flush(room.workers);
        for (int i = rand() % 5; i > 0 && in_flight > 0; i--) {
            struct store_completion got = await(&room);
            assert_true(got.status == STATUS_OK || got.status == STATUS_MISSING);
            image_destroy(&got.image);
            in_flight--;
        }
    }
    for (uint64_t user = 0; user < USERS; user++) {
        store_check_expect_user(room.store, (struct user_id){1 + user}, written[user], 2);
    }
    room_deinit(&room);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(nothing_is_done_before_it_is_flushed),
        cmocka_unit_test(writes_that_wait_become_one_call),
        cmocka_unit_test(a_batch_stays_below_its_size),
        cmocka_unit_test(a_failed_call_fails_for_all_of_its_images),
        cmocka_unit_test(a_read_that_hangs_stops_no_other),
        cmocka_unit_test(reads_beyond_the_bound_are_refused),
        cmocka_unit_test(what_was_sent_is_done_before_the_end),
        cmocka_unit_test_prestate(random_traffic_is_answered_once_each, &seed),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
