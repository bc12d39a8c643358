#include "store/store_faulty.h"

#include "base/assert.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

struct plan {
    uint64_t skip;
    uint64_t count;
    enum store_fault fault;
};

struct store_faulty {
    struct store store;
    pthread_mutex_t lock; /* Guards what follows. */
    pthread_cond_t changed;
    struct plan plans[2]; /* By enum store_work. */
    uint64_t calls[2];
    uint64_t images;
    uint32_t hanging;
    uint32_t resumes;
};

static enum store_fault take_fault(struct plan *plan)
{
    if (plan->skip > 0) {
        plan->skip--;
        return STORE_FAULT_NONE;
    }
    if (plan->count == 0) {
        return STORE_FAULT_NONE;
    }
    plan->count -= plan->count == STORE_FAULT_FOR_GOOD ? 0 : 1;
    return plan->fault;
}

static void hang(struct store_faulty *self)
{
    const uint32_t resumes = self->resumes;
    self->hanging++;
    pthread_cond_broadcast(&self->changed);
    while (self->resumes == resumes) {
        pthread_cond_wait(&self->changed, &self->lock);
    }
    self->hanging--;
}

/* Returns what the call meets, after having waited where that is all. */
static enum store_fault meet(struct store_faulty *self, enum store_work work, uint64_t images)
{
    pthread_mutex_lock(&self->lock);
    const enum store_fault fault = take_fault(&self->plans[work]);
    self->calls[work]++;
    self->images += images;
    if (fault == STORE_FAULT_HANG) {
        hang(self);
    }
    pthread_mutex_unlock(&self->lock);
    if (fault == STORE_FAULT_DELAY) {
        (void)nanosleep(&(struct timespec){.tv_nsec = STORE_FAULT_DELAY_MS * 1000000L}, NULL);
    }
    return fault;
}

static enum status faulty_read(void *opaque, struct user_id user, struct image **out_image)
{
    struct store_faulty *self = opaque;
    switch (meet(self, STORE_WORK_READ, 0)) {
    case STORE_FAULT_FAIL:
        return STATUS_STORE;
    case STORE_FAULT_FAIL_LATE: {
        struct image *image = NULL;
        (void)self->store.ops->read(self->store.self, user, &image);
        image_destroy(&image);
        return STATUS_STORE;
    }
    case STORE_FAULT_LOSE:
        return STATUS_MISSING;
    case STORE_FAULT_NONE:
    case STORE_FAULT_DELAY:
    case STORE_FAULT_HANG:
        return self->store.ops->read(self->store.self, user, out_image);
    }
    UNREACHABLE("a fault outside its enum");
}

static enum status faulty_write(void *opaque, const struct image *const *images, uint32_t count)
{
    struct store_faulty *self = opaque;
    switch (meet(self, STORE_WORK_WRITE, count)) {
    case STORE_FAULT_FAIL:
        return STATUS_STORE;
    case STORE_FAULT_FAIL_LATE:
        (void)self->store.ops->write(self->store.self, images, count);
        return STATUS_STORE;
    case STORE_FAULT_LOSE:
        return STATUS_OK;
    case STORE_FAULT_NONE:
    case STORE_FAULT_DELAY:
    case STORE_FAULT_HANG:
        return self->store.ops->write(self->store.self, images, count);
    }
    UNREACHABLE("a fault outside its enum");
}

static enum status faulty_sync(void *opaque)
{
    struct store_faulty *self = opaque;
    return self->store.ops->sync(self->store.self);
}

static enum status faulty_read_generations(void *opaque, uint32_t generations[static HASH_SLOTS])
{
    struct store_faulty *self = opaque;
    return self->store.ops->read_generations(self->store.self, generations);
}

static enum status faulty_read_identity(void *opaque, char *to, size_t size)
{
    struct store_faulty *self = opaque;
    return self->store.ops->read_identity(self->store.self, to, size);
}

static enum status faulty_write_identity(void *opaque, const char *identity)
{
    struct store_faulty *self = opaque;
    return self->store.ops->write_identity(self->store.self, identity);
}

static uint64_t faulty_count_memory(void *opaque)
{
    struct store_faulty *self = opaque;
    return self->store.ops->count_memory(self->store.self);
}

void store_faulty_close(void *taken_self)
{
    struct store_faulty *self = taken_self;
    self->store.ops->close(self->store.self);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    free(self);
}

static const struct store_ops faulty_ops = {
    .name = "faulty",
    .read = faulty_read,
    .write = faulty_write,
    .sync = faulty_sync,
    .read_generations = faulty_read_generations,
    .read_identity = faulty_read_identity,
    .write_identity = faulty_write_identity,
    .count_memory = faulty_count_memory,
    .close = store_faulty_close,
};

enum status store_faulty_open(struct store *out_store, struct store_faulty **out_faulty,
                              struct store taken_store)
{
    struct store_faulty *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return STATUS_MEMORY;
    }
    self->store = taken_store;
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->changed, NULL);
    *out_store = (struct store){.ops = &faulty_ops, .self = self};
    *out_faulty = self;
    return STATUS_OK;
}

void store_faulty_plan(struct store_faulty *self, enum store_work work, uint64_t skip,
                       uint64_t count, enum store_fault fault)
{
    pthread_mutex_lock(&self->lock);
    self->plans[work] = (struct plan){.skip = skip, .count = count, .fault = fault};
    pthread_mutex_unlock(&self->lock);
}

void store_faulty_await_hanging(struct store_faulty *self, uint32_t count)
{
    pthread_mutex_lock(&self->lock);
    while (self->hanging < count) {
        pthread_cond_wait(&self->changed, &self->lock);
    }
    pthread_mutex_unlock(&self->lock);
}

void store_faulty_resume(struct store_faulty *self)
{
    pthread_mutex_lock(&self->lock);
    self->resumes++;
    for (int work = 0; work < 2; work++) {
        if (self->plans[work].fault == STORE_FAULT_HANG) {
            self->plans[work] = (struct plan){0};
        }
    }
    pthread_cond_broadcast(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

uint64_t store_faulty_count_calls(struct store_faulty *self, enum store_work work)
{
    pthread_mutex_lock(&self->lock);
    const uint64_t calls = self->calls[work];
    pthread_mutex_unlock(&self->lock);
    return calls;
}

uint64_t store_faulty_count_images(struct store_faulty *self)
{
    pthread_mutex_lock(&self->lock);
    const uint64_t images = self->images;
    pthread_mutex_unlock(&self->lock);
    return images;
}
