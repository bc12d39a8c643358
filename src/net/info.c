/* INFO: the state of the server as lines of name:value, in sections as Redis has them. */
#include "net/allocator.h"
#include "net/net_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

void info_add(struct info_text *self, const char *format, ...)
{
    enum { LINE_SIZE = 512 };
    char *to = buffer_reserve(&self->bytes, LINE_SIZE);
    if (to == NULL) {
        self->failed = true;
        return;
    }
    va_list values;
    va_start(values, format);
    const int size = vsnprintf(to, LINE_SIZE, format, values);
    va_end(values);
    if (size > 0) {
        buffer_extend(&self->bytes, size < LINE_SIZE ? (size_t)size : LINE_SIZE - 1);
    }
}

void info_end(struct info_text *self, struct resp_writer *to)
{
    if (self->failed) {
        to->failed = true;
    } else {
        resp_write_verbatim(to, buffer_peek(&self->bytes));
    }
    buffer_deinit(&self->bytes);
}

/* Counters are since the start, or the last reset. */
static uint64_t count_metric(struct net *net, enum metric metric)
{
    return metrics_is_counter(metric) ? stats_count_metric(net, metric)
                                      : net_peek_metric(net, metric);
}

static void add_metric(struct info_text *to, struct net *net, enum metric metric)
{
    info_add(to, "%s:%" PRIu64 "\r\n", metrics_get_name(metric), count_metric(net, metric));
}

static void add_size(struct info_text *to, const char *name, uint64_t bytes)
{
    static const char units[] = "BKMGT";
    double value = (double)bytes;
    unsigned unit = 0;
    while (value >= 1024 && unit < sizeof units - 2) {
        value /= 1024;
        unit++;
    }
    info_add(to, "%s:%" PRIu64 "\r\n", name, bytes);
    info_add(to, "%s_human:%.2f%c\r\n", name, value, units[unit]);
}

static void add_server(struct info_text *to, struct net *net)
{
    struct utsname system = {0};
    uname(&system);
    const uint64_t uptime_s = (uv_hrtime() / 1000000 - net->started_ms) / 1000;
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    info_add(to, "readstates_version:%s\r\n", net->config.lent_version);
    info_add(to, "redis_version:7.0.0\r\nredis_mode:standalone\r\n");
    info_add(to, "os:%s %s %s\r\n", system.sysname, system.release, system.machine);
    info_add(to, "arch_bits:64\r\nmultiplexing_api:epoll\r\n");
    info_add(to, "process_id:%ld\r\ntcp_port:%u\r\n", (long)getpid(), net->config.port);
    info_add(to, "run_id:%s\r\n", net->config.run_id);
    info_add(to, "server_time_usec:%" PRIu64 "\r\n",
             (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000);
    info_add(to, "uptime_in_seconds:%" PRIu64 "\r\nuptime_in_days:%" PRIu64 "\r\n", uptime_s,
             uptime_s / 86400);
    info_add(to, "io_threads_active:%d\r\nthreads:%u\r\n", net->threads > 1, net->threads);
    info_add(to, "config_file:%s\r\n", net->config.lent_config_file);
    add_metric(to, net, METRIC_RESTING_THREADS);
}

static void add_clients(struct info_text *to, struct net *net)
{
    add_metric(to, net, METRIC_CLIENTS);
    const struct net_settings settings = net_peek_settings(net);
    info_add(to, "maxclients:%u\r\n", settings.clients_max);
    info_add(to, "blocked_clients:0\r\nwaiting_commands:%" PRIu64 "\r\n",
             net_peek_metric(net, METRIC_WAITING_COMMANDS));
}

static void add_memory(struct info_text *to, struct net *net)
{
    const struct memory_report report = memory_report_take(net);
    const struct net_settings settings = net_peek_settings(net);
    add_size(to, "used_memory", report.used);
    add_size(to, "used_memory_rss", report.resident);
    add_size(to, "used_memory_peak", report.peak);
    info_add(to, "used_memory_peak_perc:%.2f%%\r\n",
             report.peak == 0 ? 0 : 100 * (double)report.used / (double)report.peak);
    info_add(to, "used_memory_cache:%" PRIu64 "\r\n", report.cache);
    add_metric(to, net, METRIC_CACHE_RESIDENT);
    info_add(to, "used_memory_journal:%" PRIu64 "\r\n", report.journal);
    info_add(to, "used_memory_clients:%" PRIu64 "\r\n", report.clients);
    info_add(to, "used_memory_store:%" PRIu64 "\r\n", report.store);
    info_add(to, "used_memory_warm:%" PRIu64 "\r\n", report.warm);
    add_size(to, "total_system_memory",
             (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
    add_size(to, "maxmemory", settings.limits.cache_bytes);
    info_add(to, "maxmemory_policy:allkeys-lru\r\n");
    info_add(to, "mem_fragmentation_ratio:%.2f\r\n",
             report.used == 0 ? 0 : (double)report.resident / (double)report.used);
    char allocator[ALLOCATOR_NAME_SIZE];
    allocator_print_name(allocator);
    info_add(to, "mem_allocator:%s\r\n", allocator);
}

static void add_persistence(struct info_text *to, struct net *net)
{
    info_add(to,
             "loading:0\r\nrdb_bgsave_in_progress:0\r\naof_enabled:0\r\n"
             "aof_rewrite_in_progress:0\r\nstore:%s\r\n",
             net->config.lent_store.ops->name);
    static const enum metric metrics[] = {
        METRIC_JOURNAL_ENTRIES,  METRIC_JOURNAL_BYTES,    METRIC_JOURNAL_FILE_BYTES,
        METRIC_JOURNAL_SEGMENTS, METRIC_JOURNAL_UNSYNCED, METRIC_JOURNAL_SYNCS,
    };
    for (size_t i = 0; net->has_journal && i < sizeof metrics / sizeof *metrics; i++) {
        add_metric(to, net, metrics[i]);
    }
    if (net->has_journal) {
        info_add_journal(to, net);
        info_add_warm(to, net);
    }
}

static double rate_kib(const struct net *net, enum rate rate)
{
    return (double)rates_peek(&net->rates, rate) / 1024;
}

static uint64_t count_errors(struct net *net)
{
    struct error_sums sums;
    stats_sum_errors(net, &sums);
    uint64_t count = 0;
    for (uint32_t i = 0; i < sums.count; i++) {
        count += sums.counts[i];
    }
    return count;
}

static void add_stats(struct info_text *to, struct net *net)
{
    add_metric(to, net, METRIC_CONNECTIONS);
    add_metric(to, net, METRIC_COMMANDS);
    info_add(to, "instantaneous_ops_per_sec:%" PRIu64 "\r\n",
             rates_peek(&net->rates, RATE_COMMANDS));
    add_metric(to, net, METRIC_BYTES_IN);
    add_metric(to, net, METRIC_BYTES_OUT);
    info_add(to, "instantaneous_input_kbps:%.2f\r\ninstantaneous_output_kbps:%.2f\r\n",
             rate_kib(net, RATE_BYTES_IN), rate_kib(net, RATE_BYTES_OUT));
    add_metric(to, net, METRIC_CONNECTIONS_REFUSED);
    add_metric(to, net, METRIC_CLIENTS_EVICTED);
    info_add(to, "keyspace_hits:%" PRIu64 "\r\n", count_metric(net, METRIC_HITS));
    info_add(to, "keyspace_misses:%" PRIu64 "\r\n", count_metric(net, METRIC_MISSES));
    info_add(to, "evicted_keys:%" PRIu64 "\r\nexpired_keys:0\r\n",
             count_metric(net, METRIC_EVICTED_USERS));
    info_add(to, "total_error_replies:%" PRIu64 "\r\n", count_errors(net));
}

static void add_replication(struct info_text *to, struct net *net)
{
    (void)net;
    info_add(to, "role:master\r\nconnected_slaves:0\r\n");
}

static void add_times(struct info_text *to, int who, const char *suffix)
{
    struct rusage usage = {0};
    getrusage(who, &usage);
    info_add(to, "used_cpu_sys%s:%ld.%06ld\r\n", suffix, (long)usage.ru_stime.tv_sec,
             (long)usage.ru_stime.tv_usec);
    info_add(to, "used_cpu_user%s:%ld.%06ld\r\n", suffix, (long)usage.ru_utime.tv_sec,
             (long)usage.ru_utime.tv_usec);
}

static void add_cpu(struct info_text *to, struct net *net)
{
    (void)net;
    add_times(to, RUSAGE_SELF, "");
    add_times(to, RUSAGE_CHILDREN, "_children");
}

static void add_nothing(struct info_text *to, struct net *net)
{
    (void)to;
    (void)net;
}

static void add_cluster(struct info_text *to, struct net *net)
{
    (void)net;
    info_add(to, "cluster_enabled:0\r\n");
}

static void add_readstates(struct info_text *to, struct net *net)
{
    static const enum metric metrics[] = {
        METRIC_CACHED_USERS,  METRIC_CACHED_STATES,       METRIC_DIRTY_USERS,
        METRIC_DIRTY_BYTES,   METRIC_EVICTED_USERS,       METRIC_FORGOTTEN_USERS,
        METRIC_STORE_LOADS,   METRIC_STORE_LOADS_FAILED,  METRIC_LOADS_IN_FLIGHT,
        METRIC_STORE_WRITES,  METRIC_STORE_WRITES_FAILED, METRIC_WRITES_IN_FLIGHT,
        METRIC_BREAKERS_OPEN, METRIC_STATE_CHANGES,       METRIC_BLOCKS_MOVED,
    };
    info_add(to, "epoch:%s\r\n", net->epoch);
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        add_metric(to, net, metrics[i]);
    }
}

static void add_keyspace(struct info_text *to, struct net *net)
{
    info_add(to, "db0:keys=%" PRIu64 ",expires=0,avg_ttl=0\r\n",
             net_peek_metric(net, METRIC_CACHED_USERS));
}

/* Which sections come without being named: as in Redis, those that are long do not. */
enum choice {
    IN_DEFAULT,
    IN_ALL,
};

struct section {
    const char *name;
    const char *title;
    void (*add)(struct info_text *to, struct net *net);
    enum choice choice;
};

static const struct section all_sections[] = {
    {"server", "Server", add_server, IN_DEFAULT},
    {"clients", "Clients", add_clients, IN_DEFAULT},
    {"memory", "Memory", add_memory, IN_DEFAULT},
    {"persistence", "Persistence", add_persistence, IN_DEFAULT},
    {"stats", "Stats", add_stats, IN_DEFAULT},
    {"replication", "Replication", add_replication, IN_DEFAULT},
    {"cpu", "CPU", add_cpu, IN_DEFAULT},
    {"readstates", "Readstates", add_readstates, IN_DEFAULT},
    {"modules", "Modules", add_nothing, IN_DEFAULT},
    {"commandstats", "Commandstats", info_add_commandstats, IN_ALL},
    {"errorstats", "Errorstats", info_add_errorstats, IN_DEFAULT},
    {"latencystats", "Latencystats", info_add_latencystats, IN_ALL},
    {"cluster", "Cluster", add_cluster, IN_DEFAULT},
    {"keyspace", "Keyspace", add_keyspace, IN_DEFAULT},
};

static bool is_asked(const struct section *section, const struct slice *names, uint32_t count)
{
    bool asked = count == 0 && section->choice == IN_DEFAULT;
    for (uint32_t i = 0; i < count && !asked; i++) {
        asked = slice_equal_text_nocase(names[i], section->name) ||
                (slice_equal_text_nocase(names[i], "default") && section->choice == IN_DEFAULT) ||
                slice_equal_text_nocase(names[i], "all") ||
                slice_equal_text_nocase(names[i], "everything");
    }
    return asked;
}

void info_write(struct connection *connection, const struct slice *sections, uint32_t count)
{
    struct net *net = connection->lent_loop->lent_net;
    struct info_text text = {0};
    for (size_t i = 0; i < sizeof all_sections / sizeof *all_sections; i++) {
        if (is_asked(&all_sections[i], sections, count)) {
            const char *gap = buffer_peek_size(&text.bytes) > 0 ? "\r\n" : "";
            info_add(&text, "%s# %s\r\n", gap, all_sections[i].title);
            all_sections[i].add(&text, net);
        }
    }
    info_end(&text, &connection->writer);
}
