#include "journal/worker.h"

#include "base/assert.h"
#include "os/clock.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

enum worker_phase {
    WORKER_IDLE,
    WORKER_SENT,
    WORKER_DONE,
};

struct journal_worker {
    struct journal_worker_config config;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t sent;
    bool is_stopping; /* Under the lock. */

    /* Whose the task is: the sender's, but for SENT. */
    _Atomic int phase;
    struct journal_task task;
};

static bool wait_for_task(struct journal_worker *self)
{
    pthread_mutex_lock(&self->lock);
    while (atomic_load_explicit(&self->phase, memory_order_acquire) != WORKER_SENT &&
           !self->is_stopping) {
        pthread_cond_wait(&self->sent, &self->lock);
    }
    const bool has_task = atomic_load_explicit(&self->phase, memory_order_acquire) == WORKER_SENT;
    pthread_mutex_unlock(&self->lock);
    return has_task;
}

static void *run(void *context)
{
    struct journal_worker *self = context;
    const struct clock clock = clock_get_system();
    while (wait_for_task(self)) {
        const uint64_t begin_ns = clock_read_monotonic_ns(&clock);
        journal_task_run(&self->task);
        self->task.took_ns = clock_read_monotonic_ns(&clock) - begin_ns;
        atomic_store_explicit(&self->phase, WORKER_DONE, memory_order_release);
        self->config.wake(self->config.lent_context);
    }
    return NULL;
}

enum status journal_worker_create(struct journal_worker **out_worker,
                                  const struct journal_worker_config *config)
{
    struct journal_worker *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return STATUS_MEMORY;
    }
    self->config = *config;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->sent, NULL);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&self->thread, NULL, run, self);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        pthread_cond_destroy(&self->sent);
        pthread_mutex_destroy(&self->lock);
        free(self);
        return STATUS_MEMORY;
    }
    (void)pthread_setname_np(self->thread, "journal");
    *out_worker = self;
    return STATUS_OK;
}

bool journal_worker_destroy(struct journal_worker **taken_worker, struct journal_task *out_task)
{
    struct journal_worker *self = *taken_worker;
    *taken_worker = NULL;
    if (self == NULL) {
        return false;
    }
    pthread_mutex_lock(&self->lock);
    self->is_stopping = true;
    pthread_cond_signal(&self->sent);
    pthread_mutex_unlock(&self->lock);
    (void)pthread_join(self->thread, NULL);
    const bool has_task = journal_worker_receive(self, out_task);
    pthread_cond_destroy(&self->sent);
    pthread_mutex_destroy(&self->lock);
    free(self);
    return has_task;
}

void journal_worker_send(struct journal_worker *self, const struct journal_task *task)
{
    ASSERT(atomic_load_explicit(&self->phase, memory_order_relaxed) == WORKER_IDLE);
    self->task = *task;
    pthread_mutex_lock(&self->lock);
    atomic_store_explicit(&self->phase, WORKER_SENT, memory_order_release);
    pthread_cond_signal(&self->sent);
    pthread_mutex_unlock(&self->lock);
}

bool journal_worker_receive(struct journal_worker *self, struct journal_task *out_task)
{
    if (atomic_load_explicit(&self->phase, memory_order_acquire) != WORKER_DONE) {
        return false;
    }
    *out_task = self->task;
    atomic_store_explicit(&self->phase, WORKER_IDLE, memory_order_relaxed);
    return true;
}
