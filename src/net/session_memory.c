/* MEMORY: what all takes of it. */
#include "net/allocator.h"
#include "net/net_internal.h"
#include "net/session_reply.h"

static const char *const memory_help[] = {
    "MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "DOCTOR",
    "    Return memory problems reports.",
    "PURGE",
    "    Attempt to purge dirty pages for reclamation by the allocator.",
    "STATS",
    "    Return information about the memory usage of the server.",
    "USAGE <user> [SAMPLES <count>]",
    "    Return memory in bytes that <user> takes of the cache. A user is measured whole,",
    "    whatever <count> says.",
    "HELP",
    "    Prints this help.",
    NULL,
};

static void write_integer(struct resp_writer *to, const char *name, uint64_t value)
{
    write_text(to, name);
    resp_write_integer(to, (int64_t)value);
}

static void write_share(struct resp_writer *to, const char *name, uint64_t part, uint64_t whole)
{
    write_text(to, name);
    resp_write_double(to, whole == 0 ? 0 : 100 * (double)part / (double)whole);
}

/* Redis's names for what there is here too, and the server's own. */
static void memory_stats(struct connection *self)
{
    struct net *net = self->lent_loop->lent_net;
    struct resp_writer *to = &self->writer;
    const struct memory_report report = memory_report_take(net);
    const uint64_t users = net_peek_metric(net, METRIC_CACHED_USERS);
    resp_write_map_head(to, 15);
    write_integer(to, "peak.allocated", report.peak);
    write_integer(to, "total.allocated", report.used);
    write_integer(to, "clients.normal", report.clients);
    write_integer(to, "cache.allocated", report.cache);
    write_integer(to, "cache.resident", net_peek_metric(net, METRIC_CACHE_RESIDENT));
    write_integer(to, "journal.allocated", report.journal);
    write_integer(to, "store.allocated", report.store);
    write_integer(to, "warm.allocated", report.warm);
    write_integer(to, "keys.count", users);
    write_integer(to, "keys.bytes-per-key", users == 0 ? 0 : report.cache / users);
    write_integer(to, "dataset.bytes", report.cache);
    write_share(to, "dataset.percentage", report.cache, report.used);
    write_share(to, "peak.percentage", report.used, report.peak);
    write_text(to, "fragmentation");
    resp_write_double(to, report.used == 0 ? 0 : (double)report.resident / (double)report.used);
    write_text(to, "fragmentation.bytes");
    resp_write_integer(to, (int64_t)report.resident - (int64_t)report.used);
}

static void memory_doctor(struct connection *self)
{
    /* Below it the program itself outweighs what it keeps. */
    static const uint64_t little_bytes = UINT64_C(64) * 1024 * 1024;
    struct net *net = self->lent_loop->lent_net;
    const struct memory_report report = memory_report_take(net);
    const struct net_settings settings = net_peek_settings(net);
    struct info_text text = {0};
    if (report.used > little_bytes && report.resident > report.used / 2 * 3) {
        info_add(&text, "The process holds more than 1.5 times of what is used: MEMORY PURGE gives "
                        "back what the allocator keeps.\n");
    }
    if (report.cache > settings.limits.cache_bytes / 20 * 19) {
        info_add(&text, "The cache is full: users leave it for others. A larger cache-memory keeps "
                        "more of them.\n");
    }
    if (net_peek_metric(net, METRIC_DIRTY_BYTES) > settings.limits.dirty_bytes / 2) {
        info_add(&text, "Much is unwritten, more than half of dirty-memory: the store is too slow, "
                        "or fails.\n");
    }
    if (report.clients > report.used / 2 && report.used > little_bytes) {
        info_add(&text, "More than half of the memory is answers that clients have not read.\n");
    }
    if (buffer_peek_size(&text.bytes) == 0) {
        info_add(&text, "No problem with memory was found.\n");
    }
    info_end(&text, &self->writer);
}

enum session_outcome session_run_memory(struct connection *self, const struct slice *arguments,
                                        uint32_t count)
{
    const struct slice name = arguments[1];
    if (slice_equal_text_nocase(name, "stats")) {
        if (has_no_arguments(self, count, "memory|stats")) {
            memory_stats(self);
        }
    } else if (slice_equal_text_nocase(name, "doctor")) {
        if (has_no_arguments(self, count, "memory|doctor")) {
            memory_doctor(self);
        }
    } else if (slice_equal_text_nocase(name, "purge")) {
        if (has_no_arguments(self, count, "memory|purge")) {
            allocator_purge();
            write_ok(self);
        }
    } else if (slice_equal_text_nocase(name, "help")) {
        if (has_no_arguments(self, count, "memory|help")) {
            write_help(&self->writer, memory_help);
        }
    } else {
        unknown_subcommand(self, name, "MEMORY");
    }
    return SESSION_GOES_ON;
}
