#include "net/durable.h"

#include "base/assert.h"
#include "net/net_internal.h"
#include "net/visit.h"

#include <string.h>

_Static_assert((int)DURABLE_THREADS_MAX >= (int)NET_THREADS_MAX, "every loop has a position");

/* The server must not go on as if what it answers were safe. */
_Noreturn static void fail(const struct loop *loop, const struct failure *failure)
{
    const struct net_host *host = &loop->lent_net->config.host;
    host->fail(host->lent_context, failure->text);
    UNREACHABLE("the server has stopped");
}

static void wake(void *context)
{
    loop_wake((struct loop *)context);
}

static uint64_t now_ms(struct loop *loop)
{
    return uv_now(&loop->uv);
}

enum status durable_open(struct loop *loop, struct failure *out_failure)
{
    const struct net *net = loop->lent_net;
    struct durable *self = &loop->durable;
    if (net->config.journal.lent_folder == NULL) {
        atomic_store(&self->is_recovered, true);
        return STATUS_OK;
    }
    const struct net_journal *wanted = &net->config.journal;
    const struct journal_config config = {.lent_files = wanted->lent_files,
                                          .lent_random = wanted->lent_random,
                                          .lent_folder = wanted->lent_folder,
                                          .set = wanted->set,
                                          .log = loop->number,
                                          .logs = net->threads,
                                          .boot = wanted->boot,
                                          .sync = loop->settings.journal_sync,
                                          .segment_bytes = wanted->segment_bytes,
                                          .reserve_bytes = wanted->reserve_bytes};
    enum status status = journal_open(&self->journal, &config, now_ms(loop), out_failure);
    if (status != STATUS_OK) {
        return status;
    }
    const struct journal_worker_config worker = {.wake = wake, .lent_context = loop};
    status = journal_worker_create(&self->worker, &worker);
    if (status != STATUS_OK) {
        failure_set(out_failure, "%s", status_text(status));
        journal_close(&self->journal);
        return status;
    }
    self->is_there = true;
    return STATUS_OK;
}

bool durable_close(struct loop *loop)
{
    struct durable *self = &loop->durable;
    struct failure failure;
    bool is_whole = true;
    if (self->is_there) {
        struct journal_task task;
        if (journal_worker_destroy(&self->worker, &task)) {
            /* A file that it has closed is not to be closed again, nor one it has made forgotten.
             */
            is_whole = journal_complete(&self->journal, &task, now_ms(loop), &failure) == STATUS_OK;
        }
        is_whole = is_whole && journal_sync_all(&self->journal, &failure) == STATUS_OK;
        journal_close(&self->journal);
        self->is_there = false;
    }
    buffer_deinit(&self->entries);
    return is_whole;
}

/* Either a loop sees the new position before it waits, or it is seen waiting here. */
static void show_safe(struct loop *home)
{
    struct durable *self = &home->durable;
    atomic_store_explicit(&self->safe, journal_get_safe(&self->journal), memory_order_release);
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&self->waiting, memory_order_relaxed) == 0) {
        return;
    }
    uint64_t waiting = atomic_exchange_explicit(&self->waiting, 0, memory_order_relaxed);
    for (; waiting != 0; waiting &= waiting - 1) {
        loop_wake(&home->lent_net->loops[__builtin_ctzll(waiting)]);
    }
}

static void begin_task(struct loop *home)
{
    struct journal_task task;
    if (journal_next_task(&home->durable.journal, now_ms(home), &task)) {
        journal_worker_send(home->durable.worker, &task);
    }
}

static void show_segment(struct loop *home) THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    struct durable *self = &home->durable;
    shard_set_segment(home->shard, self->journal.current, journal_peek_status(&self->journal));
}

static void write_entries(struct loop *home) THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    struct durable *self = &home->durable;
    struct failure failure;
    if (journal_write(&self->journal, &self->entries, now_ms(home), &failure) != STATUS_OK) {
        fail(home, &failure);
    }
    buffer_shrink(&self->entries, DURABLE_ENTRIES_KEPT_MAX);
    show_segment(home);
    show_safe(home);
    begin_task(home);
}

void durable_write(struct loop *home)
{
    if (home->durable.is_there && buffer_peek_size(&home->durable.entries) > 0) {
        write_entries(home);
    }
}

void durable_end_visit(struct loop *self, struct loop *home, bool must_write)
{
    struct durable *durable = &home->durable;
    const size_t size = buffer_peek_size(&durable->entries);
    if (size == 0) {
        return;
    }
    /* Before anybody is told of it. */
    atomic_store_explicit(&durable->appended, durable->journal.written + size,
                          memory_order_release);
    if (must_write || self != home || size > DURABLE_ENTRIES_SOFT_MAX) {
        write_entries(home);
    } else {
        durable->has_left = true;
    }
}

static void show_figures(struct loop *self)
{
    struct durable *durable = &self->durable;
    const struct journal *journal = &durable->journal;
    struct metrics *metrics = &self->shard_metrics;
    if (now_ms(self) - durable->shown_ms < DURABLE_SHOW_MS) {
        return;
    }
    durable->shown_ms = now_ms(self);
    metrics_set(metrics, METRIC_JOURNAL_MEMORY, durable->entries.capacity);
    metrics_set(metrics, METRIC_JOURNAL_BYTES, journal_count_bytes(journal));
    metrics_set(metrics, METRIC_JOURNAL_FILE_BYTES, journal_count_file_bytes(journal));
    metrics_set(metrics, METRIC_JOURNAL_SEGMENTS, journal->current + 1 - journal->oldest);
    metrics_set(metrics, METRIC_JOURNAL_UNSYNCED, journal->written - journal->synced);
    metrics_set(metrics, METRIC_JOURNAL_ENTRIES, journal->entries);
    metrics_set(metrics, METRIC_JOURNAL_SYNCS, journal->syncs);
    atomic_store_explicit(&durable->peek_sync_us_last, journal->sync_ns_last / 1000,
                          memory_order_relaxed);
    atomic_store_explicit(&durable->peek_sync_us_max, journal->sync_ns_max / 1000,
                          memory_order_relaxed);
    const enum status status = journal_peek_status(journal);
    atomic_store_explicit(&durable->peek_status, status == STATUS_BUSY ? STATUS_OK : status,
                          memory_order_relaxed);
}

void durable_turn(struct loop *self)
{
    struct durable *durable = &self->durable;
    if (!durable->is_there) {
        return;
    }
    struct journal_task task;
    if (journal_worker_receive(durable->worker, &task)) {
        struct failure failure;
        if (journal_complete(&durable->journal, &task, now_ms(self), &failure) != STATUS_OK) {
            fail(self, &failure);
        }
        show_safe(self);
    }
    if (durable->asked != 0 && durable->journal.synced >= durable->asked) {
        durable->asked = 0;
        shard_end_journal_sync(self->shard);
    }
    if (UNLIKELY(!durable->has_ended_history) &&
        atomic_load_explicit(&self->lent_net->has_ended_history, memory_order_acquire)) {
        durable->has_ended_history = true;
        shard_end_history(self->shard);
    }
    if (durable->settings_seen != self->settings_seen) {
        durable->settings_seen = self->settings_seen;
        journal_set_sync(&durable->journal, self->settings.journal_sync);
        show_safe(self);
    }
    const uint64_t rotate_at_ms = durable->journal.rotate_at_ms;
    if (rotate_at_ms != 0 && now_ms(self) >= rotate_at_ms) {
        write_entries(self);
    }
    show_segment(self);
    begin_task(self);
    show_figures(self);
}

void durable_end_turn(struct loop *self)
{
    if (!self->durable.has_left) {
        return;
    }
    if (!visit_begin(self, self)) {
        /* Who is inside writes it before it leaves; this loop is woken then. */
        self->is_kept_out = true;
        return;
    }
    self->durable.has_left = false;
    durable_write(self);
    visit_leave(self, self);
}

static bool is_safe(const struct net *net, const uint64_t awaited[static DURABLE_THREADS_MAX])
{
    bool safe = true;
    for (uint32_t i = 0; i < net->threads && safe; i++) {
        safe =
            atomic_load_explicit(&net->loops[i].durable.safe, memory_order_acquire) >= awaited[i];
    }
    return safe;
}

static void note_awaited(struct loop *self)
{
    const struct net *net = self->lent_net;
    for (uint32_t i = 0; i < net->threads; i++) {
        self->durable.awaited[i] =
            atomic_load_explicit(&net->loops[i].durable.appended, memory_order_acquire);
    }
}

/* To be woken when a position rises. True: it is all safe by now. */
static bool begin_waiting(struct loop *self)
{
    struct net *net = self->lent_net;
    for (uint32_t i = 0; i < net->threads; i++) {
        struct durable *other = &net->loops[i].durable;
        if (atomic_load_explicit(&other->safe, memory_order_acquire) < self->durable.awaited[i]) {
            atomic_fetch_or_explicit(&other->waiting, UINT64_C(1) << self->number,
                                     memory_order_relaxed);
        }
    }
    atomic_thread_fence(memory_order_seq_cst);
    return is_safe(net, self->durable.awaited);
}

enum durable_outputs durable_look(struct loop *self)
{
    struct durable *durable = &self->durable;
    const bool waited = durable->awaits;
    if (!self->lent_net->has_journal) {
        return DURABLE_ALL;
    }
    if (waited && !is_safe(self->lent_net, durable->awaited) && !begin_waiting(self)) {
        return DURABLE_NOTHING;
    }
    note_awaited(self);
    durable->awaits = !is_safe(self->lent_net, durable->awaited) && !begin_waiting(self);
    if (!durable->awaits) {
        return DURABLE_ALL;
    }
    return DURABLE_GROUP;
}

void durable_release(void *context, uint64_t segment, bool recovered)
{
    struct loop *home = (struct loop *)context;
    journal_release(&home->durable.journal, segment);
    if (recovered) {
        atomic_store_explicit(&home->durable.is_recovered, true, memory_order_release);
    }
}

void durable_note_forgetting(void *context)
{
    struct loop *home = (struct loop *)context;
    journal_note_forgetting(&home->durable.journal, now_ms(home));
}

void durable_sync_journal(void *context)
{
    struct loop *home = (struct loop *)context;
    struct durable *self = &home->durable;
    self->asked = self->journal.written + buffer_peek_size(&self->entries);
    journal_ask_sync(&self->journal, self->asked);
}
