/* INFO about the journal: what is not among the metrics, of all logs. */
#include "net/net_internal.h"

#include <inttypes.h>

static const char *const sync_names[] = {
    [JOURNAL_SYNC_ALWAYS] = "always",
    [JOURNAL_SYNC_EVERYSEC] = "everysec",
    [JOURNAL_SYNC_NO] = "no",
};

static void raise_to(uint64_t *highest, const _Atomic uint64_t *figure)
{
    const uint64_t value = atomic_load_explicit(figure, memory_order_relaxed);
    *highest = value > *highest ? value : *highest;
}

void info_add_journal(struct info_text *to, struct net *net)
{
    uint64_t sync_us_last = 0;
    uint64_t sync_us_max = 0;
    uint64_t status = STATUS_OK;
    for (uint32_t i = 0; i < net->threads; i++) {
        const struct durable *durable = &net->loops[i].durable;
        raise_to(&sync_us_last, &durable->peek_sync_us_last);
        raise_to(&sync_us_max, &durable->peek_sync_us_max);
        raise_to(&status, &durable->peek_status);
    }
    const struct net_settings settings = net_peek_settings(net);
    info_add(to, "journal_sync:%s\r\n", sync_names[settings.journal_sync]);
    info_add(to, "journal_status:%s\r\n",
             status == STATUS_OK ? "ok" : status_text((enum status)status));
    info_add(to, "journal_sync_usec:%" PRIu64 "\r\n", sync_us_last);
    info_add(to, "journal_sync_usec_max:%" PRIu64 "\r\n", sync_us_max);
    info_add(to, "recovering:%d\r\n", !net_is_recovered(net));
}
