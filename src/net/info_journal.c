/* INFO about the journal: sums over the logs of all shards, and the worst of their syncs. */
#include "net/net_internal.h"

#include <inttypes.h>

static const char *const sync_names[] = {
    [JOURNAL_SYNC_ALWAYS] = "always",
    [JOURNAL_SYNC_EVERYSEC] = "everysec",
    [JOURNAL_SYNC_NO] = "no",
};

static uint64_t get(const _Atomic uint64_t *figure)
{
    return atomic_load_explicit(figure, memory_order_relaxed);
}

static uint64_t get_higher(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* What one log shows, or all of them. */
struct journal_figures {
    uint64_t entries;
    uint64_t bytes;
    uint64_t file_bytes;
    uint64_t segments;
    uint64_t unsynced;
    uint64_t syncs;
    uint64_t sync_us_last;
    uint64_t sync_us_max;
    enum status status;
};

static void add_log(struct journal_figures *sum, const struct durable *durable)
{
    const enum status status = (enum status)get(&durable->peek_status);
    sum->entries += get(&durable->peek_entries);
    sum->bytes += get(&durable->peek_bytes);
    sum->file_bytes += get(&durable->peek_file_bytes);
    sum->segments += get(&durable->peek_segments);
    sum->unsynced += get(&durable->peek_unsynced);
    sum->syncs += get(&durable->peek_syncs);
    sum->sync_us_last = get_higher(sum->sync_us_last, get(&durable->peek_sync_us_last));
    sum->sync_us_max = get_higher(sum->sync_us_max, get(&durable->peek_sync_us_max));
    sum->status = status == STATUS_OK ? sum->status : status;
}

void info_add_journal(struct info_text *to, struct net *net)
{
    struct journal_figures sum = {.status = STATUS_OK};
    for (uint32_t i = 0; i < net->threads; i++) {
        add_log(&sum, &net->loops[i].durable);
    }
    const struct net_settings settings = net_peek_settings(net);
    info_add(to, "journal_sync:%s\r\n", sync_names[settings.journal_sync]);
    info_add(to, "journal_status:%s\r\n", sum.status == STATUS_OK ? "ok" : status_text(sum.status));
    info_add(to, "journal_entries:%" PRIu64 "\r\n", sum.entries);
    info_add(to, "journal_bytes:%" PRIu64 "\r\n", sum.bytes);
    info_add(to, "journal_file_bytes:%" PRIu64 "\r\n", sum.file_bytes);
    info_add(to, "journal_segments:%" PRIu64 "\r\n", sum.segments);
    info_add(to, "journal_unsynced_bytes:%" PRIu64 "\r\n", sum.unsynced);
    info_add(to, "journal_syncs:%" PRIu64 "\r\n", sum.syncs);
    info_add(to, "journal_sync_usec:%" PRIu64 "\r\n", sum.sync_us_last);
    info_add(to, "journal_sync_usec_max:%" PRIu64 "\r\n", sum.sync_us_max);
    info_add(to, "recovering:%d\r\n", !net_is_recovered(net));
}
