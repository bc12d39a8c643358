/* What the server takes of memory, for INFO and MEMORY. */
#include "net/net_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Resident bytes, from the second number of statm: pages. */
static uint64_t read_resident_bytes(void)
{
    char line[128];
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL) {
        return 0;
    }
    const char *const read = fgets(line, sizeof line, file);
    fclose(file);
    if (read == NULL) {
        return 0;
    }
    char *rest = line;
    strtoull(line, &rest, 10);
    return strtoull(rest, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

struct memory_report memory_report_take(struct net *net)
{
    const struct store *store = &net->config.lent_store;
    struct memory_report report = {
        .cache = net_peek_metric(net, METRIC_CACHE_USED),
        .clients = net_peek_metric(net, METRIC_CLIENT_BYTES),
        .journal = net_peek_metric(net, METRIC_JOURNAL_MEMORY),
        .store = store->ops->count_memory(store->self),
        .warm = net_peek_metric(net, METRIC_WARM_MEMORY) +
                atomic_load_explicit(&net->warm.bytes, memory_order_relaxed),
        .resident = read_resident_bytes(),
    };
    report.used = report.cache + report.journal + report.clients + report.store + report.warm;
    report.peak = atomic_load_explicit(&net->memory_peak, memory_order_relaxed);
    while (report.used > report.peak &&
           !atomic_compare_exchange_weak_explicit(&net->memory_peak, &report.peak, report.used,
                                                  memory_order_relaxed, memory_order_relaxed)) {
    }
    report.peak = report.used > report.peak ? report.used : report.peak;
    return report;
}
