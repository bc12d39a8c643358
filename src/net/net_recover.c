/* What earlier logs hold, into all shards at once: a thread for each, before anybody is served. */
#include "base/assert.h"
#include "net/net_internal.h"
#include "net/visit.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

enum { PAUSE_MS = 1 };

struct recoverer {
    struct loop *lent_loop;
    pthread_t thread;
    enum status status;
    struct failure failure;
};

/* There was no room: what is in memory already is put upon what the store has, is written, and
 * goes. */
static void drain(struct loop *loop) THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    uv_update_time(&loop->uv);
    if (!loop_turn_shard(loop)) {
        nanosleep(&pause, NULL);
    }
    if (loop->has_asked_store) {
        loop->has_asked_store = false;
        store_workers_flush(loop->workers);
    }
}

static enum status take(void *to, const struct journal_entry *entry)
    THREAD_ATTRIBUTE(no_thread_safety_analysis)
{
    struct loop *loop = to;
    enum status status = shard_recover(loop->shard, entry);
    while (status == STATUS_BUSY) {
        drain(loop);
        status = shard_recover(loop->shard, entry);
    }
    return status;
}

static void *run(void *context) THREAD_ATTRIBUTE(no_thread_safety_analysis)
{
    struct recoverer *self = context;
    struct loop *loop = self->lent_loop;
    const struct net_host *host = &loop->lent_net->config.host;
    shard_thread_enter();
    loop->lent_visitor = loop;
    failure_set(&self->failure, "the journal cannot be taken up: the system gives no more memory");
    self->status = host->recover(host->lent_context, loop->number, take, loop, &self->failure);
    shard_publish_metrics(loop->shard);
    shard_thread_leave();
    return NULL;
}

enum status net_recover(struct net *self, struct failure *out_failure)
{
    if (!self->has_journal) {
        return STATUS_OK;
    }
    struct recoverer *recoverers = calloc(self->threads, sizeof *recoverers);
    if (recoverers == NULL) {
        return STATUS_MEMORY;
    }
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    enum status status = STATUS_OK;
    uint32_t begun = 0;
    for (; begun < self->threads && status == STATUS_OK; begun++) {
        recoverers[begun].lent_loop = &self->loops[begun];
        if (pthread_create(&recoverers[begun].thread, NULL, run, &recoverers[begun]) != 0) {
            status = STATUS_MEMORY;
            break;
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    for (uint32_t i = 0; i < begun; i++) {
        pthread_join(recoverers[i].thread, NULL);
        if (recoverers[i].status != STATUS_OK && status == STATUS_OK) {
            status = recoverers[i].status;
            *out_failure = recoverers[i].failure;
        }
    }
    free(recoverers);
    return status;
}
