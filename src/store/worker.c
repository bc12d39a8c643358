#include "store/worker.h"

#include "base/assert.h"
#include "memory/ring.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct worker {
    struct ring requests;
    struct ring completions;
    struct store_workers *lent_workers;
    enum store_work work;

    /* How a worker sleeps. It says so, looks once more, and waits for a post; the shard shows its
     * requests, then takes the word back, and posts if it was said. Both change `sleeping` by
     * exchange: of two exchanges one is the later, and sees what the other side did before the
     * earlier one. So either the worker's last look finds the requests or the shard posts, and
     * never neither. */
    alignas(CACHE_LINE) atomic_bool sleeping;
    sem_t wakeup;

    pthread_t thread;
    alignas(CACHE_LINE) uint32_t in_flight; /* The shard's: sent and not yet received. */
};

struct store_workers {
    struct store_workers_config config;
    uint32_t count;
    atomic_bool stopping;

    /* The shard's. */
    alignas(CACHE_LINE) uint32_t reads_in_flight;
    uint32_t writes_in_flight;
    uint32_t receive_at; /* The worker whose completions are being received. */

    struct worker workers[1 + STORE_READERS_MAX]; /* The first one writes. */
};

static void worker_wait_for_post(struct worker *self)
{
    while (sem_wait(&self->wakeup) != 0) {
        ASSERT(errno == EINTR);
    }
}

static void worker_sleep(struct worker *self)
{
    atomic_exchange(&self->sleeping, true);
    const bool idle = ring_peek(&self->requests) == NULL &&
                      !atomic_load_explicit(&self->lent_workers->stopping, memory_order_acquire);
    /* Whoever took the word back has posted, or is about to: that post must be consumed. */
    if (idle || !atomic_exchange(&self->sleeping, false)) {
        worker_wait_for_post(self);
    }
}

static void worker_wake(struct worker *self)
{
    if (atomic_exchange(&self->sleeping, false)) {
        sem_post(&self->wakeup);
    }
}

static void worker_complete(struct worker *self, const struct store_request *request,
                            enum status status, struct image *image)
{
    struct store_completion *completion = ring_put(&self->completions);
    /* The ring has room for all that may be in flight. */
    ASSERT(completion != NULL);
    *completion = (struct store_completion){
        .work = request->work,
        .status = status,
        .user = request->user,
        .ticket = request->ticket,
        .image = image,
    };
}

static void worker_show_completions(struct worker *self)
{
    const struct store_workers_config *config = &self->lent_workers->config;
    (void)ring_publish(&self->completions);
    config->wake(config->lent_context);
}

/* Each read is shown at once: the next one may take as long as a disk does. */
static bool worker_do_read(struct worker *self)
{
    const struct store store = self->lent_workers->config.lent_store;
    const struct store_request *waiting = ring_peek(&self->requests);
    if (waiting == NULL) {
        return false;
    }
    const struct store_request request = *waiting;
    ring_consume(&self->requests);

    struct image *image = NULL;
    const enum status status = store.ops->read(store.self, request.user, &image);
    worker_complete(self, &request, status, image);
    worker_show_completions(self);
    return true;
}

struct write_batch {
    uint32_t count;
    struct store_request requests[STORE_BATCH_IMAGES_MAX];
    const struct image *images[STORE_BATCH_IMAGES_MAX];
};

static void worker_collect_writes(struct worker *self, struct write_batch *out_batch)
{
    uint64_t size = 0;
    out_batch->count = 0;
    while (out_batch->count < STORE_BATCH_IMAGES_MAX) {
        const struct store_request *waiting = ring_peek(&self->requests);
        if (waiting == NULL || waiting->work == STORE_WORK_SYNC) {
            break;
        }
        size += image_get_size(waiting->image);
        if (size > STORE_BATCH_SIZE_MAX && out_batch->count > 0) {
            break;
        }
        out_batch->requests[out_batch->count] = *waiting;
        out_batch->images[out_batch->count] = waiting->image;
        out_batch->count++;
        ring_consume(&self->requests);
    }
}

/* Next in the ring, behind the writes that came before it. */
static bool worker_do_sync(struct worker *self)
{
    const struct store store = self->lent_workers->config.lent_store;
    const struct store_request *waiting = ring_peek(&self->requests);
    if (waiting == NULL || waiting->work != STORE_WORK_SYNC) {
        return false;
    }
    const struct store_request request = *waiting;
    ring_consume(&self->requests);
    worker_complete(self, &request, store.ops->sync(store.self), NULL);
    worker_show_completions(self);
    return true;
}

static bool worker_do_writes(struct worker *self)
{
    const struct store store = self->lent_workers->config.lent_store;
    struct write_batch batch;
    worker_collect_writes(self, &batch);
    if (batch.count == 0) {
        return false;
    }
    const enum status status = store.ops->write(store.self, batch.images, batch.count);
    for (uint32_t i = 0; i < batch.count; i++) {
        image_destroy(&batch.requests[i].image);
        worker_complete(self, &batch.requests[i], status, NULL);
    }
    worker_show_completions(self);
    return true;
}

static bool worker_do(struct worker *self)
{
    switch (self->work) {
    case STORE_WORK_READ:
        return worker_do_read(self);
    case STORE_WORK_WRITE:
        return worker_do_sync(self) || worker_do_writes(self);
    case STORE_WORK_SYNC:
        break;
    }
    UNREACHABLE("a worker without work");
}

static void *worker_run(void *context)
{
    struct worker *self = context;
    store_thread_enter();
    for (;;) {
        /* Looked at before the ring: what was sent before the end was called is still done. */
        const bool stopping =
            atomic_load_explicit(&self->lent_workers->stopping, memory_order_acquire);
        if (worker_do(self)) {
            continue;
        }
        if (stopping) {
            break;
        }
        worker_sleep(self);
    }
    store_thread_leave();
    return NULL;
}

static uint32_t ring_capacity_for(uint32_t in_flight_max)
{
    uint32_t capacity = 2;
    while (capacity < in_flight_max) {
        capacity *= 2;
    }
    return capacity;
}

static enum status worker_init(struct worker *self, struct store_workers *lent_workers,
                               enum store_work work, uint32_t in_flight_max)
{
    const uint32_t capacity = ring_capacity_for(in_flight_max);
    self->lent_workers = lent_workers;
    self->work = work;
    self->in_flight = 0;
    atomic_init(&self->sleeping, false);
    if (ring_init(&self->requests, sizeof(struct store_request), capacity) != STATUS_OK) {
        return STATUS_MEMORY;
    }
    if (ring_init(&self->completions, sizeof(struct store_completion), capacity) != STATUS_OK) {
        ring_deinit(&self->requests);
        return STATUS_MEMORY;
    }
    const int failed = sem_init(&self->wakeup, 0, 0);
    ASSERT(failed == 0);
    if (pthread_create(&self->thread, NULL, worker_run, self) != 0) {
        (void)sem_destroy(&self->wakeup);
        ring_deinit(&self->completions);
        ring_deinit(&self->requests);
        return STATUS_MEMORY;
    }
    (void)pthread_setname_np(self->thread, work == STORE_WORK_WRITE ? "store-write" : "store-read");
    return STATUS_OK;
}

/* Its thread has been told to stop. */
static void worker_deinit(struct worker *self)
{
    (void)pthread_join(self->thread, NULL);
    struct store_completion *completion = NULL;
    while ((completion = ring_peek(&self->completions)) != NULL) {
        image_destroy(&completion->image);
        ring_consume(&self->completions);
    }
    (void)sem_destroy(&self->wakeup);
    ring_deinit(&self->completions);
    ring_deinit(&self->requests);
}

static void stop(struct store_workers *self)
{
    atomic_store_explicit(&self->stopping, true, memory_order_release);
    for (uint32_t i = 0; i < self->count; i++) {
        worker_wake(&self->workers[i]);
    }
    for (uint32_t i = 0; i < self->count; i++) {
        worker_deinit(&self->workers[i]);
    }
}

static enum status start(struct store_workers *self)
{
    const struct store_workers_config *config = &self->config;
    for (uint32_t i = 0; i <= config->readers; i++) {
        const enum store_work work = i == 0 ? STORE_WORK_WRITE : STORE_WORK_READ;
        const uint32_t in_flight_max = i == 0 ? config->writes_max : config->reads_max;
        if (worker_init(&self->workers[i], self, work, in_flight_max) != STATUS_OK) {
            stop(self);
            return STATUS_MEMORY;
        }
        self->count++;
    }
    return STATUS_OK;
}

enum status store_workers_create(struct store_workers **out_workers,
                                 const struct store_workers_config *config)
{
    ASSERT(config->readers >= 1 && config->readers <= STORE_READERS_MAX);
    ASSERT(config->reads_max >= 1 && config->reads_max <= STORE_IN_FLIGHT_MAX);
    ASSERT(config->writes_max >= 1 && config->writes_max <= STORE_IN_FLIGHT_MAX);

    struct store_workers *workers = aligned_alloc(alignof(struct store_workers), sizeof *workers);
    if (workers == NULL) {
        return STATUS_MEMORY;
    }
    workers->config = *config;
    workers->reads_in_flight = 0;
    workers->writes_in_flight = 0;
    workers->receive_at = 0;
    workers->count = 0;
    atomic_init(&workers->stopping, false);

    /* Threads inherit the mask: signals are for the thread that waits for them. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const enum status status = start(workers);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status != STATUS_OK) {
        free(workers);
        return status;
    }
    *out_workers = workers;
    return STATUS_OK;
}

static void flush(struct store_workers *self)
{
    for (uint32_t i = 0; i < self->count; i++) {
        if (ring_publish(&self->workers[i].requests)) {
            worker_wake(&self->workers[i]);
        }
    }
}

void store_workers_destroy(struct store_workers **taken_workers)
{
    struct store_workers *self = *taken_workers;
    *taken_workers = NULL;
    if (self != NULL) {
        flush(self);
        stop(self);
        free(self);
    }
}

static struct worker *find_idlest_reader(struct store_workers *self)
{
    struct worker *idlest = &self->workers[1];
    for (uint32_t i = 2; i < self->count; i++) {
        if (self->workers[i].in_flight < idlest->in_flight) {
            idlest = &self->workers[i];
        }
    }
    return idlest;
}

static uint32_t *in_flight_of(struct store_workers *self, enum store_work work)
{
    return work == STORE_WORK_READ ? &self->reads_in_flight : &self->writes_in_flight;
}

bool store_workers_send(struct store_workers *self, const struct store_request *request)
{
    const bool reads = request->work == STORE_WORK_READ;
    ASSERT((request->work == STORE_WORK_WRITE) == (request->image != NULL));

    uint32_t *in_flight = in_flight_of(self, request->work);
    if (*in_flight == (reads ? self->config.reads_max : self->config.writes_max)) {
        return false;
    }
    struct worker *worker = reads ? find_idlest_reader(self) : &self->workers[0];
    struct store_request *place = ring_put(&worker->requests);
    ASSERT(place != NULL);
    *place = *request;
    worker->in_flight++;
    (*in_flight)++;
    return true;
}

void store_workers_flush(struct store_workers *self)
{
    flush(self);
}

bool store_workers_receive(struct store_workers *self, struct store_completion *out_completion)
{
    for (uint32_t tried = 0; tried < self->count; tried++) {
        struct worker *worker = &self->workers[self->receive_at];
        const struct store_completion *completion = ring_peek(&worker->completions);
        if (completion != NULL) {
            *out_completion = *completion;
            ring_consume(&worker->completions);
            worker->in_flight--;
            (*in_flight_of(self, out_completion->work))--;
            return true;
        }
        self->receive_at = (self->receive_at + 1) % self->count;
    }
    return false;
}
