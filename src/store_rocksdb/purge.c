#include "store_rocksdb/purge.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    DELAY_MIN_MS = 1000,
    DELAY_MAX_MS = 600 * 1000,
    DELAY_OF_ROUNDS = 4,
};

struct purge {
    struct purge_config config;
    pthread_t thread;
    pthread_mutex_t lock; /* Guards what follows. */
    pthread_cond_t changed;
    bool is_stopping;
    bool is_all; /* Everything: who it is is not known, or are too many. */
    uint32_t count;
    struct user_id users[PURGE_USERS_MAX];
};

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool has_work(const struct purge *self)
{
    return self->is_all || self->count > 0;
}

/* Under the lock. False: it is to end. */
static bool wait_for_work(struct purge *self, uint64_t delay_ms)
{
    while (!self->is_stopping && !has_work(self)) {
        pthread_cond_wait(&self->changed, &self->lock);
    }
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(delay_ms / 1000);
    until.tv_nsec += (long)(delay_ms % 1000) * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    while (!self->is_stopping &&
           pthread_cond_timedwait(&self->changed, &self->lock, &until) != ETIMEDOUT) {
    }
    return !self->is_stopping;
}

/* One round, of what is noted by now. */
static void run_round(struct purge *self, struct user_id *users)
{
    const struct purge_config *config = &self->config;
    pthread_mutex_unlock(&self->lock);
    config->begin(config->lent_context);
    pthread_mutex_lock(&self->lock);
    const bool is_all = self->is_all;
    const uint32_t count = self->count;
    memcpy(users, self->users, count * sizeof *users);
    self->is_all = false;
    self->count = 0;
    pthread_mutex_unlock(&self->lock);
    const bool done = config->rewrite(config->lent_context, is_all ? NULL : users, count);
    if (done) {
        config->end(config->lent_context);
    }
    pthread_mutex_lock(&self->lock);
    /* Who it was is known to nobody else: not done means all. */
    self->is_all |= !done;
}

static void *run(void *context)
{
    struct purge *self = context;
    struct user_id *users = malloc(sizeof self->users);
    uint64_t delay_ms = DELAY_MIN_MS;
    pthread_mutex_lock(&self->lock);
    while (users != NULL && wait_for_work(self, delay_ms)) {
        const uint64_t begin_ms = now_ms();
        run_round(self, users);
        delay_ms = DELAY_OF_ROUNDS * (now_ms() - begin_ms);
        delay_ms = delay_ms < DELAY_MIN_MS   ? DELAY_MIN_MS
                   : delay_ms > DELAY_MAX_MS ? DELAY_MAX_MS
                                             : delay_ms;
    }
    pthread_mutex_unlock(&self->lock);
    free(users);
    return NULL;
}

static void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

enum status purge_create(struct purge **out_purge, const struct purge_config *config)
{
    struct purge *purge = calloc(1, sizeof *purge);
    if (purge == NULL) {
        return STATUS_MEMORY;
    }
    purge->config = *config;
    purge->is_all = config->is_due;
    pthread_mutex_init(&purge->lock, NULL);
    cond_init(&purge->changed);
    /* Threads inherit the mask: signals are for the thread that waits for them. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int failed = pthread_create(&purge->thread, NULL, run, purge);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed != 0) {
        pthread_cond_destroy(&purge->changed);
        pthread_mutex_destroy(&purge->lock);
        free(purge);
        return STATUS_MEMORY;
    }
    (void)pthread_setname_np(purge->thread, "store-purge");
    *out_purge = purge;
    return STATUS_OK;
}

void purge_note(struct purge *self, struct user_id user)
{
    pthread_mutex_lock(&self->lock);
    if (self->count < PURGE_USERS_MAX) {
        self->users[self->count++] = user;
    } else {
        self->is_all = true;
    }
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
}

void purge_destroy(struct purge **taken_purge)
{
    struct purge *self = *taken_purge;
    *taken_purge = NULL;
    if (self == NULL) {
        return;
    }
    pthread_mutex_lock(&self->lock);
    self->is_stopping = true;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    free(self);
}
