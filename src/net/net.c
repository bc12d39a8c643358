#include "net/net.h"

#include "base/assert.h"
#include "net/net_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_A_MS UINT64_C(1000000)

/* So many commands may be on their way from one loop to all others together: with fewer than the
 * clients have open, commands would wait and be read again. */
static uint32_t links_commands_max(uint32_t threads)
{
    enum { COMMANDS_OF_A_LOOP = 8192 };
    uint32_t most = LINK_COMMANDS_MOST;
    while (most > LINK_COMMANDS_LEAST && most > COMMANDS_OF_A_LOOP / threads) {
        most /= 2;
    }
    return most;
}

static enum status init_links(struct net *self)
{
    const uint32_t commands_max = links_commands_max(self->threads);
    const size_t count = (size_t)self->threads * self->threads;
    self->links = aligned_alloc(alignof(struct link), count * sizeof *self->links);
    if (self->links == NULL) {
        return STATUS_MEMORY;
    }
    memset(self->links, 0, count * sizeof *self->links);
    for (uint32_t from = 0; from < self->threads; from++) {
        for (uint32_t to = 0; to < self->threads; to++) {
            /* One to itself as well: a visitor may have an answer for the shard's own loop. */
            if (link_init(net_get_link(self, from, to), commands_max) != STATUS_OK) {
                return STATUS_MEMORY;
            }
        }
    }
    return STATUS_OK;
}

static enum status init_loops(struct net *self, struct failure *out_failure)
{
    const size_t size = self->threads * sizeof *self->loops;
    self->loops = aligned_alloc(alignof(struct loop), size);
    if (self->loops == NULL) {
        return STATUS_MEMORY;
    }
    memset(self->loops, 0, size);
    for (uint32_t i = 0; i < self->threads; i++) {
        const enum status status = loop_init(&self->loops[i], self, i, out_failure);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static void apply_watches(struct net *self, const struct net_settings *settings)
{
    slowlog_set_limits(&self->slowlog, settings->slowlog_threshold_ms * NS_A_MS,
                       settings->slowlog_entries_max);
    latency_set_threshold(&self->latency, settings->latency_threshold_ms * NS_A_MS);
}

enum status net_create(struct net **out_net, const struct net_config *config,
                       struct failure *out_failure)
{
    ASSERT(config->threads >= 1 && config->threads <= NET_THREADS_MAX);
    failure_set(out_failure, "the system gives no more memory or threads");
    struct net *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return STATUS_MEMORY;
    }
    self->config = *config;
    self->threads = config->threads;
    self->settings = config->settings;
    self->settings_number = 1;
    self->has_journal = config->journal.lent_folder != NULL;
    self->started_ms = uv_hrtime() / 1000000;
    pthread_mutex_init(&self->settings_lock, NULL);
    pthread_mutex_init(&self->lending.lock, NULL);
    pthread_mutex_init(&self->stats_lock, NULL);
    warm_link_init(&self->warm);
    slowlog_init(&self->slowlog);
    latency_init(&self->latency);
    self->store_watch =
        (struct store_watch){.lent_store = config->lent_store, .lent_latency = &self->latency};
    apply_watches(self, &self->settings);

    enum status status = init_links(self);
    if (status == STATUS_OK) {
        status = init_loops(self, out_failure);
    }
    if (status == STATUS_OK) {
        status = guests_init(self);
    }
    if (status == STATUS_OK) {
        status = net_recover(self, out_failure);
    }
    *out_net = self;
    if (status != STATUS_OK) {
        (void)net_destroy(out_net);
    }
    return status;
}

enum status net_begin(struct net *self, const char *epoch, struct failure *out_failure)
{
    char error[NET_ERROR_SIZE];
    snprintf(self->epoch, sizeof self->epoch, "%s", epoch);
    enum status status = net_listen(self, error);
    if (status != STATUS_OK) {
        failure_set(out_failure, "%s", error);
        return status;
    }
    for (uint32_t i = 0; status == STATUS_OK && i < self->threads; i++) {
        status = loop_begin(&self->loops[i]);
    }
    if (status != STATUS_OK) {
        failure_set(out_failure, "the system gives no more memory or threads");
    }
    return status;
}

void net_end_history(struct net *self)
{
    atomic_store_explicit(&self->has_ended_history, true, memory_order_release);
}

bool net_is_recovered(const struct net *self)
{
    bool is_recovered = true;
    for (uint32_t i = 0; i < self->threads; i++) {
        is_recovered &=
            atomic_load_explicit(&self->loops[i].durable.is_recovered, memory_order_acquire);
    }
    return is_recovered;
}

void net_change_settings(struct net *self, const struct net_settings *settings)
{
    pthread_mutex_lock(&self->settings_lock);
    self->settings = *settings;
    atomic_fetch_add_explicit(&self->settings_number, 1, memory_order_release);
    apply_watches(self, settings);
    pthread_mutex_unlock(&self->settings_lock);
    for (uint32_t i = 0; i < self->threads; i++) {
        loop_wake(&self->loops[i]);
    }
}

struct net_settings net_peek_settings(const struct net *self)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&self->settings_lock;
    pthread_mutex_lock(lock);
    const struct net_settings settings = self->settings;
    pthread_mutex_unlock(lock);
    return settings;
}

static void enter_phase(struct net *self, enum stop_phase phase)
{
    atomic_store_explicit(&self->stop_phase, phase, memory_order_release);
    for (uint32_t i = 0; i < self->threads; i++) {
        loop_wake(&self->loops[i]);
    }
}

void net_begin_stop(struct net *self)
{
    enter_phase(self, STOP_ANSWERING);
}

bool net_turn_stop(struct net *self)
{
    bool answered = true;
    bool written = true;
    for (uint32_t i = 0; i < self->threads; i++) {
        answered &= atomic_load_explicit(&self->loops[i].has_answered, memory_order_acquire);
        written &= atomic_load_explicit(&self->loops[i].has_written, memory_order_acquire);
        loop_wake(&self->loops[i]);
    }
    const int phase = atomic_load_explicit(&self->stop_phase, memory_order_relaxed);
    if (phase == STOP_ANSWERING && answered) {
        enter_phase(self, STOP_WRITING);
    }
    return phase == STOP_WRITING && written;
}

uint64_t net_count_unwritten(const struct net *self)
{
    return net_peek_metric(self, METRIC_DIRTY_USERS);
}

bool net_destroy(struct net **taken_net)
{
    struct net *self = *taken_net;
    bool is_whole = true;
    if (self->loops != NULL) {
        atomic_store_explicit(&self->stop_phase, STOP_ENDING, memory_order_release);
        for (uint32_t i = 0; i < self->threads; i++) {
            if (self->loops[i].has_thread) {
                loop_wake(&self->loops[i]);
                pthread_join(self->loops[i].thread, NULL);
            }
        }
        for (uint32_t i = 0; i < self->threads; i++) {
            is_whole &= loop_deinit(&self->loops[i]);
        }
        net_unlink_socket(self);
    }
    for (uint32_t i = 0; self->links != NULL && i < self->threads * self->threads; i++) {
        if (self->links[i].commands.elements != NULL) {
            link_deinit(&self->links[i]);
        }
    }
    free(self->loops);
    free(self->links);
    pthread_mutex_destroy(&self->settings_lock);
    pthread_mutex_destroy(&self->lending.lock);
    pthread_mutex_destroy(&self->stats_lock);
    warm_link_deinit(&self->warm);
    slowlog_deinit(&self->slowlog);
    latency_deinit(&self->latency);
    free(self->baseline);
    free(self);
    *taken_net = NULL;
    return is_whole;
}

uint64_t net_peek_metric(const struct net *self, enum metric metric)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < self->threads; i++) {
        sum += metrics_get(&self->loops[i].metrics, metric);
        sum += metrics_get(&self->loops[i].shard_metrics, metric);
    }
    return sum;
}

void net_take_rates(struct net *self, uint64_t now_ms)
{
    if (!rates_are_due(&self->rates, now_ms)) {
        return;
    }
    const struct rates_sample sample = {
        .time_ms = now_ms,
        .sums = {[RATE_COMMANDS] = net_peek_metric(self, METRIC_COMMANDS),
                 [RATE_BYTES_IN] = net_peek_metric(self, METRIC_BYTES_IN),
                 [RATE_BYTES_OUT] = net_peek_metric(self, METRIC_BYTES_OUT)},
    };
    rates_take(&self->rates, &sample);
    /* For its peak. */
    (void)memory_report_take(self);
}
