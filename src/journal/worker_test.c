#include "journal/worker.h"

#include "os/files_fake.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { TASKS = 500 };

struct bell {
    pthread_mutex_t lock;
    pthread_cond_t rung;
    uint32_t count;
    bool has_signals; /* The worker's thread takes signals. */
};

static void ring(void *lent_context)
{
    struct bell *bell = lent_context;
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    pthread_mutex_lock(&bell->lock);
    bell->count++;
    bell->has_signals |= sigismember(&blocked, SIGTERM) != 1 || sigismember(&blocked, SIGINT) != 1;
    pthread_cond_signal(&bell->rung);
    pthread_mutex_unlock(&bell->lock);
}

static void wait_for(struct bell *bell, uint32_t count)
{
    pthread_mutex_lock(&bell->lock);
    while (bell->count < count) {
        pthread_cond_wait(&bell->rung, &bell->lock);
    }
    pthread_mutex_unlock(&bell->lock);
}

static struct bell make_bell(void)
{
    return (struct bell){.lock = PTHREAD_MUTEX_INITIALIZER, .rung = PTHREAD_COND_INITIALIZER};
}

static struct journal_worker *create(struct bell *bell)
{
    struct journal_worker *worker = NULL;
    const struct journal_worker_config config = {.wake = ring, .lent_context = bell};
    assert_int_equal(journal_worker_create(&worker, &config), STATUS_OK);
    return worker;
}

static struct journal_task make_task(const struct files *files, uint64_t offset)
{
    return (struct journal_task){.work = JOURNAL_WORK_CHECK,
                                 .lent_files = *files,
                                 .lent_folder = ".",
                                 .reserve_bytes = 1,
                                 .offset = offset};
}

static void each_task_comes_back_done(void **state)
{
    (void)state;
    struct files_fake memory = {.nodes_used = 0};
    const struct files files = files_fake_get(&memory);
    struct bell bell = make_bell();
    struct journal_worker *worker = create(&bell);
    struct journal_task done;
    assert_false(journal_worker_receive(worker, &done));
    for (uint32_t i = 1; i <= TASKS; i++) {
        struct journal_task task = make_task(&files, i);
        task.result.status = STATUS_IO;
        task.is_full = true;
        journal_worker_send(worker, &task);
        wait_for(&bell, i);
        assert_true(journal_worker_receive(worker, &done));
        assert_int_equal(done.result.status, STATUS_OK);
        assert_false(done.is_full);
        assert_int_equal(done.offset, i);
        assert_false(journal_worker_receive(worker, &done));
    }
    assert_false(bell.has_signals);
    assert_int_equal(memory.operations, TASKS);
    assert_false(journal_worker_destroy(&worker, &done));
    assert_null(worker);
}

static void what_fails_says_so(void **state)
{
    (void)state;
    struct files_fake memory = {.fail_at = 1, .fail_number = 5};
    const struct files files = files_fake_get(&memory);
    struct bell bell = make_bell();
    struct journal_worker *worker = create(&bell);
    struct journal_task task = make_task(&files, 1);
    journal_worker_send(worker, &task);
    wait_for(&bell, 1);
    assert_true(journal_worker_receive(worker, &task));
    assert_int_equal(task.result.status, STATUS_IO);
    assert_int_equal(task.result.number, 5);
    assert_string_equal(journal_task_text(&task), "ask how much room the disk has");
    assert_false(journal_worker_destroy(&worker, &task));
}

/* What it has is finished, received or not, and is not lost. */
static void an_end_gives_back_what_was_under_way(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < TASKS / 10; i++) {
        struct files_fake memory = {.nodes_used = 0};
        const struct files files = files_fake_get(&memory);
        struct bell bell = make_bell();
        struct journal_worker *worker = create(&bell);
        struct journal_task task = make_task(&files, i);
        journal_worker_send(worker, &task);
        if (i % 2 == 1) {
            wait_for(&bell, 1);
        }
        task = (struct journal_task){.offset = UINT64_MAX};
        assert_true(journal_worker_destroy(&worker, &task));
        assert_int_equal(task.offset, i);
        assert_int_equal(task.result.status, STATUS_OK);
        assert_int_equal(memory.operations, 1);
        assert_int_equal(bell.count, 1);
        assert_null(worker);
        assert_false(journal_worker_destroy(&worker, &task));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_task_comes_back_done),
        cmocka_unit_test(what_fails_says_so),
        cmocka_unit_test(an_end_gives_back_what_was_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
