/* SLOWLOG, LATENCY and DEBUG: what took long, and how to make something take long. */
#include "base/decimal.h"
#include "net/net_internal.h"
#include "net/session_reply.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

/* What LATENCY HISTOGRAM counts below: powers of two from a microsecond on, in its binary sense. */
enum { HISTOGRAM_FIRST_BIT = 10 };

/* As much as a test needs. */
enum { DEBUG_SLEEP_MAX_S = 3600, DEBUG_SLEEP_STEP_MS = 20 };

static const char *const slowlog_help[] = {
    "SLOWLOG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "GET [<count>]",
    "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
    "    Entries are made of:",
    "    id, timestamp, time in microseconds, arguments array, client IP and port,",
    "    client name",
    "LEN",
    "    Return the length of the slowlog.",
    "RESET",
    "    Reset the slowlog.",
    "HELP",
    "    Prints this help.",
    NULL,
};

static const char *const latency_help[] = {
    "LATENCY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "DOCTOR",
    "    Return a human readable latency analysis report.",
    "HISTORY <event>",
    "    Return time-latency samples for the <event> class.",
    "LATEST",
    "    Return the latest latency samples for all events.",
    "RESET [<event> ...]",
    "    Reset latency data of one or more <event> classes.",
    "    (default: reset all data for all event classes)",
    "HISTOGRAM [COMMAND ...]",
    ("    Return a cumulative distribution of latencies in the format of a histogram for the "
     "specified command names."),
    "    If no commands are specified then all histograms are replied.",
    "HELP",
    "    Prints this help.",
    NULL,
};

static const char *const debug_help[] = {
    "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "SLEEP <seconds>",
    "    Stop the thread of this connection for <seconds>. Decimals allowed.",
    "HELP",
    "    Prints this help.",
    NULL,
};

static void begin_entries(void *to, uint32_t count)
{
    resp_write_array_head((struct resp_writer *)to, count);
}

static void write_entry(void *context, const struct slow_entry *entry)
{
    struct resp_writer *to = (struct resp_writer *)context;
    const uint32_t count = slow_command_count(entry->command);
    resp_write_array_head(to, 6);
    resp_write_integer(to, (int64_t)entry->id);
    resp_write_integer(to, (int64_t)entry->time_s);
    resp_write_integer(to, (int64_t)entry->taken_us);
    resp_write_array_head(to, count);
    for (uint32_t i = 0; i < count; i++) {
        resp_write_bulk(to, slow_command_get(entry->command, i));
    }
    write_text(to, entry->client.address);
    write_text(to, entry->client.name);
}

static void slowlog_get(struct connection *self, const struct slice *arguments, uint32_t count)
{
    enum { SHOWN_BY_DEFAULT = 10 };
    uint64_t most = SHOWN_BY_DEFAULT;
    if (count == 3 && slice_equal_text_nocase(arguments[2], "-1")) {
        most = UINT64_MAX;
    } else if (count == 3 && !decimal_parse_u63(arguments[2], &most)) {
        render_error(&self->writer, "count should be greater than or equal to -1");
        return;
    }
    slowlog_list(&self->lent_loop->lent_net->slowlog, most, begin_entries, write_entry,
                 &self->writer);
}

enum session_outcome session_run_slowlog(struct connection *self, const struct slice *arguments,
                                         uint32_t count)
{
    struct slowlog *slowlog = &self->lent_loop->lent_net->slowlog;
    const struct slice name = arguments[1];
    if (slice_equal_text_nocase(name, "get")) {
        if (count > 3) {
            render_error(&self->writer,
                         "unknown subcommand or wrong number of arguments for 'GET'. "
                         "Try SLOWLOG HELP.");
        } else {
            slowlog_get(self, arguments, count);
        }
    } else if (slice_equal_text_nocase(name, "len")) {
        if (has_no_arguments(self, count, "slowlog|len")) {
            resp_write_integer(&self->writer, slowlog_count(slowlog));
        }
    } else if (slice_equal_text_nocase(name, "reset")) {
        if (has_no_arguments(self, count, "slowlog|reset")) {
            slowlog_clear(slowlog);
            write_ok(self);
        }
    } else if (slice_equal_text_nocase(name, "help")) {
        if (has_no_arguments(self, count, "slowlog|help")) {
            write_help(&self->writer, slowlog_help);
        }
    } else {
        unknown_subcommand(self, name, "SLOWLOG");
    }
    return SESSION_GOES_ON;
}

static void write_histogram(struct resp_writer *to, const struct command_spec *spec,
                            const struct calls_sum *sum)
{
    /* Twice the same: first how many bounds there are, then they. */
    uint64_t bounds = 0;
    for (int writes = 0; writes < 2; writes++) {
        uint64_t before = 0;
        for (unsigned bit = HISTOGRAM_FIRST_BIT; bit <= HISTOGRAM_VALUE_BITS; bit++) {
            const uint64_t below = histogram_sum_count_below(&sum->latency, UINT64_C(1) << bit);
            if (below > before && writes == 0) {
                bounds++;
            } else if (below > before) {
                resp_write_integer(to, (int64_t)((UINT64_C(1) << bit) / 1000));
                resp_write_integer(to, (int64_t)below);
            }
            before = below;
        }
        if (writes == 0) {
            write_text(to, spec->name);
            resp_write_map_head(to, 2);
            write_text(to, "calls");
            resp_write_integer(to, (int64_t)histogram_sum_count(&sum->latency));
            write_text(to, "histogram_usec");
            resp_write_map_head(to, bounds);
        }
    }
}

/* Of all commands that were called, or of those named. */
static void latency_histogram(struct connection *self, const struct slice *names, uint32_t count)
{
    struct net *net = self->lent_loop->lent_net;
    struct buffer pairs;
    buffer_init(&pairs);
    struct resp_writer to = resp_writer_over(&pairs);
    to.version = self->writer.version;
    uint64_t written = 0;
    bool is_named[COMMAND_IDS] = {false};
    for (uint32_t i = 0; i < count; i++) {
        const struct command_spec *spec = command_table_find(names[i]);
        if (spec != NULL) {
            is_named[spec->id] = true;
        }
    }
    for (int id = 0; id < COMMAND_IDS; id++) {
        struct calls_sum sum;
        if (count == 0 || is_named[id]) {
            stats_sum_calls(net, (enum command_id)id, &sum);
            if (sum.answered > 0) {
                write_histogram(&to, command_table_get((enum command_id)id), &sum);
                written++;
            }
        }
    }
    resp_write_map_head(&self->writer, written);
    if (to.failed || (written > 0 && buffer_append(&self->out, buffer_peek(&pairs)) != STATUS_OK)) {
        self->writer.failed = true;
    }
    buffer_deinit(&pairs);
}

static void latency_latest(struct connection *self)
{
    struct latency *latency = &self->lent_loop->lent_net->latency;
    struct resp_writer *to = &self->writer;
    struct latency_series series[LATENCY_EVENTS];
    uint64_t events = 0;
    for (int event = 0; event < LATENCY_EVENTS; event++) {
        series[event] = latency_peek(latency, (enum latency_event)event);
        events += series[event].count > 0;
    }
    resp_write_array_head(to, events);
    for (int event = 0; event < LATENCY_EVENTS; event++) {
        if (series[event].count > 0) {
            const struct latency_sample last =
                latency_series_get(&series[event], series[event].count - 1);
            resp_write_array_head(to, 4);
            write_text(to, latency_get_name((enum latency_event)event));
            resp_write_integer(to, (int64_t)last.time_s);
            resp_write_integer(to, (int64_t)last.ms);
            resp_write_integer(to, (int64_t)series[event].max_ms);
        }
    }
}

/* LATENCY_EVENTS: there is none of that name. */
static enum latency_event find_event(struct slice name)
{
    int event = 0;
    while (event < LATENCY_EVENTS &&
           !slice_equal_text_nocase(name, latency_get_name((enum latency_event)event))) {
        event++;
    }
    return (enum latency_event)event;
}

static void latency_history(struct connection *self, struct slice name)
{
    const enum latency_event event = find_event(name);
    struct latency_series series = {0};
    if (event != LATENCY_EVENTS) {
        series = latency_peek(&self->lent_loop->lent_net->latency, event);
    }
    resp_write_array_head(&self->writer, series.count);
    for (uint32_t i = 0; i < series.count; i++) {
        const struct latency_sample sample = latency_series_get(&series, i);
        resp_write_pair(&self->writer, sample.time_s, sample.ms);
    }
}

static void latency_reset(struct connection *self, const struct slice *names, uint32_t count)
{
    struct latency *latency = &self->lent_loop->lent_net->latency;
    int64_t cleared = 0;
    for (int event = 0; count == 0 && event < LATENCY_EVENTS; event++) {
        cleared += latency_clear(latency, (enum latency_event)event);
    }
    for (uint32_t i = 0; i < count; i++) {
        const enum latency_event event = find_event(names[i]);
        cleared += event != LATENCY_EVENTS && latency_clear(latency, event);
    }
    resp_write_integer(&self->writer, cleared);
}

/* What each event means, for who finds it slow. */
static const char *advise(enum latency_event event)
{
    switch (event) {
    case LATENCY_COMMAND:
    case LATENCY_FAST_COMMAND:
        return "SLOWLOG GET shows which commands. One that waits for the store counts the wait.";
    case LATENCY_TURN:
        return "A thread was kept from its sockets: by commands, by another process that took the "
               "core, or by memory that was swapped out.";
    case LATENCY_STORE_READ:
        return "Users who are not in memory wait for the disk: a larger cache-memory asks it less.";
    case LATENCY_STORE_WRITE:
        return "The disk takes writes slowly: a longer commit-delay writes less.";
    case LATENCY_EVENTS:
        break;
    }
    UNREACHABLE("an event outside its table");
}

static void latency_doctor(struct connection *self)
{
    struct net *net = self->lent_loop->lent_net;
    const struct net_settings settings = net_peek_settings(net);
    struct info_text text = {0};
    for (int event = 0; event < LATENCY_EVENTS; event++) {
        const struct latency_series series = latency_peek(&net->latency, (enum latency_event)event);
        uint64_t sum_ms = 0;
        for (uint32_t i = 0; i < series.count; i++) {
            sum_ms += latency_series_get(&series, i).ms;
        }
        if (series.count > 0) {
            info_add(&text,
                     "%s: %" PRIu32 " seconds with a long one, on average %" PRIu64
                     " ms, the longest %" PRIu64 " ms. %s\n",
                     latency_get_name((enum latency_event)event), series.count,
                     sum_ms / series.count, series.max_ms, advise((enum latency_event)event));
        }
    }
    if (buffer_peek_size(&text.bytes) == 0 && settings.latency_threshold_ms == 0) {
        info_add(&text, "Nothing is watched: latency-monitor-threshold is 0.\n");
    } else if (buffer_peek_size(&text.bytes) == 0) {
        info_add(&text, "Nothing has taken %" PRIu64 " ms or longer.\n",
                 settings.latency_threshold_ms);
    }
    info_end(&text, &self->writer);
}

enum session_outcome session_run_latency(struct connection *self, const struct slice *arguments,
                                         uint32_t count)
{
    const struct slice name = arguments[1];
    if (slice_equal_text_nocase(name, "histogram")) {
        latency_histogram(self, arguments + 2, count - 2);
    } else if (slice_equal_text_nocase(name, "latest")) {
        if (has_no_arguments(self, count, "latency|latest")) {
            latency_latest(self);
        }
    } else if (slice_equal_text_nocase(name, "history")) {
        if (count != 3) {
            wrong_arity(self, "latency|history");
        } else {
            latency_history(self, arguments[2]);
        }
    } else if (slice_equal_text_nocase(name, "reset")) {
        latency_reset(self, arguments + 2, count - 2);
    } else if (slice_equal_text_nocase(name, "doctor")) {
        if (has_no_arguments(self, count, "latency|doctor")) {
            latency_doctor(self);
        }
    } else if (slice_equal_text_nocase(name, "help")) {
        if (has_no_arguments(self, count, "latency|help")) {
            write_help(&self->writer, latency_help);
        }
    } else {
        unknown_subcommand(self, name, "LATENCY");
    }
    return SESSION_GOES_ON;
}

/* Digits, with a point among them or not. */
static bool read_seconds(struct slice text, double *out_seconds)
{
    char copy[32];
    if (text.size == 0 || text.size >= sizeof copy) {
        return false;
    }
    memcpy(copy, text.bytes, text.size);
    copy[text.size] = '\0';
    if (strspn(copy, "0123456789.") != text.size) {
        return false;
    }
    char *end = NULL;
    *out_seconds = strtod(copy, &end);
    return end == copy + text.size && *out_seconds <= (double)DEBUG_SLEEP_MAX_S;
}

static void debug_sleep(struct connection *self, struct slice seconds)
{
    double wanted = 0;
    if (!read_seconds(seconds, &wanted)) {
        char shown[QUOTE_SIZE];
        char text[REQUEST_ERROR_SIZE];
        snprintf(text, sizeof text, "seconds must be 0 to %d, with decimals or without, got '%s'",
                 DEBUG_SLEEP_MAX_S, quote_print(shown, seconds));
        render_error(&self->writer, text);
        return;
    }
    /* In pieces: the end of the server does not wait for it. */
    const struct net *net = self->lent_loop->lent_net;
    const struct timespec step = {.tv_nsec = DEBUG_SLEEP_STEP_MS * 1000000L};
    const uint64_t end_ns = uv_hrtime() + (uint64_t)(wanted * 1e9);
    uint64_t now_ns = uv_hrtime();
    while (now_ns < end_ns &&
           atomic_load_explicit(&net->stop_phase, memory_order_relaxed) == STOP_NOT) {
        const uint64_t left_ns = end_ns - now_ns;
        const struct timespec rest = {.tv_nsec = (long)left_ns};
        (void)nanosleep(left_ns < (uint64_t)step.tv_nsec ? &rest : &step, NULL);
        now_ns = uv_hrtime();
    }
    write_ok(self);
}

enum session_outcome session_run_debug(struct connection *self, const struct slice *arguments,
                                       uint32_t count)
{
    if (!self->lent_loop->lent_net->config.allows_debug) {
        render_error(&self->writer, "DEBUG command not allowed. Start the server with the option "
                                    "enable-debug-command to allow it.");
    } else if (slice_equal_text_nocase(arguments[1], "sleep")) {
        if (count != 3) {
            wrong_arity(self, "debug|sleep");
        } else {
            debug_sleep(self, arguments[2]);
        }
    } else if (slice_equal_text_nocase(arguments[1], "help")) {
        if (has_no_arguments(self, count, "debug|help")) {
            write_help(&self->writer, debug_help);
        }
    } else {
        unknown_subcommand(self, arguments[1], "DEBUG");
    }
    return SESSION_GOES_ON;
}
