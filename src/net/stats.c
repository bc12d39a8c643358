#include "net/stats.h"

#include "base/assert.h"
#include "net/net_internal.h"

#include <stdlib.h>
#include <string.h>

enum status stats_create(struct stats **out_stats)
{
    *out_stats = calloc(1, sizeof **out_stats);
    return *out_stats == NULL ? STATUS_MEMORY : STATUS_OK;
}

void stats_destroy(struct stats **taken_stats)
{
    free(*taken_stats);
    *taken_stats = NULL;
}

bool stats_take_error(struct stats *self, struct resp_writer *writer)
{
    const char *word = writer->error_word;
    if (LIKELY(word == NULL)) {
        return false;
    }
    writer->error_word = NULL;
    for (uint32_t i = 0; i < ERROR_WORDS_MAX; i++) {
        struct error_count *error = &self->errors[i];
        const char *known = atomic_load_explicit(&error->word, memory_order_relaxed);
        if (known == NULL) {
            atomic_store_explicit(&error->word, word, memory_order_release);
            known = word;
        }
        if (strcmp(known, word) == 0) {
            calls_raise(&error->count, 1);
            return true;
        }
    }
    UNREACHABLE("more first words of errors than there are");
}

static void add_error(struct error_sums *sums, const char *word, uint64_t count)
{
    uint32_t at = 0;
    while (at < sums->count && strcmp(sums->words[at], word) != 0) {
        at++;
    }
    if (at == sums->count) {
        ASSERT(at < ERROR_WORDS_MAX);
        sums->words[sums->count++] = word;
    }
    sums->counts[at] += count;
}

/* Since the start. */
static void sum_errors(const struct net *net, struct error_sums *sums)
{
    for (uint32_t loop = 0; loop < net->threads; loop++) {
        for (uint32_t i = 0; i < ERROR_WORDS_MAX; i++) {
            const struct error_count *error = &net->loops[loop].stats->errors[i];
            const char *word = atomic_load_explicit(&error->word, memory_order_acquire);
            if (word == NULL) {
                break;
            }
            add_error(sums, word, atomic_load_explicit(&error->count, memory_order_relaxed));
        }
    }
}

/* Since the start. */
static void sum_calls(const struct net *net, enum command_id id, struct calls_sum *sum)
{
    for (uint32_t loop = 0; loop < net->threads; loop++) {
        calls_sum_add(sum, &net->loops[loop].stats->calls[id]);
    }
}

/* The sums are taken under the lock: else a reset that comes between would be newer than they. */
void stats_sum_calls(struct net *net, enum command_id id, struct calls_sum *out_sum)
{
    *out_sum = (struct calls_sum){0};
    pthread_mutex_lock(&net->stats_lock);
    sum_calls(net, id, out_sum);
    if (net->baseline != NULL) {
        calls_sum_subtract(out_sum, &net->baseline->calls[id]);
    }
    pthread_mutex_unlock(&net->stats_lock);
}

void stats_sum_errors(struct net *net, struct error_sums *out_sums)
{
    *out_sums = (struct error_sums){0};
    pthread_mutex_lock(&net->stats_lock);
    sum_errors(net, out_sums);
    for (uint32_t i = 0; net->baseline != NULL && i < net->baseline->errors.count; i++) {
        add_error(out_sums, net->baseline->errors.words[i], 0 - net->baseline->errors.counts[i]);
    }
    pthread_mutex_unlock(&net->stats_lock);
}

uint64_t stats_count_metric(struct net *net, enum metric metric)
{
    ASSERT(metrics_is_counter(metric));
    pthread_mutex_lock(&net->stats_lock);
    const uint64_t before = net->baseline == NULL ? 0 : net->baseline->metrics[metric];
    const uint64_t count = net_peek_metric(net, metric) - before;
    pthread_mutex_unlock(&net->stats_lock);
    return count;
}

enum status stats_reset(struct net *net)
{
    pthread_mutex_lock(&net->stats_lock);
    struct stats_baseline *baseline =
        net->baseline == NULL ? malloc(sizeof *baseline) : net->baseline;
    if (baseline != NULL) {
        memset(baseline, 0, sizeof *baseline);
        net->baseline = baseline;
        sum_errors(net, &baseline->errors);
        for (int id = 0; id < COMMAND_IDS; id++) {
            sum_calls(net, (enum command_id)id, &baseline->calls[id]);
        }
        for (int metric = 0; metric < METRICS_COUNT; metric++) {
            baseline->metrics[metric] = net_peek_metric(net, (enum metric)metric);
        }
    }
    pthread_mutex_unlock(&net->stats_lock);
    return baseline == NULL ? STATUS_MEMORY : STATUS_OK;
}
