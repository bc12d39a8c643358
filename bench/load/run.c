#include "load/run.h"

#include "load/clock.h"
#include "load/report.h"
#include "load/worker.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Everything of one phase: to fill, or to measure. */
struct run {
    const struct options *options;
    struct result *result;
    const struct addrinfo *address;
    struct process process;
    struct plan plan;
    struct worker *workers;
    uint32_t opened;
    uint32_t started;
    struct tally *spare;    /* Empty, for the next exchange. */
    struct tally *interval; /* Of one second, of all loops. */
    uint64_t looked_ns;
    uint64_t *cpu_ns; /* Of each loop, at the last look. */
    struct process_cost server;
};

static bool fail(char error[static RUN_ERROR_SIZE], const char *what, const struct options *options)
{
    (void)snprintf(error, RUN_ERROR_SIZE, "%s %s:%llu: %s", what, options->host,
                   (unsigned long long)options->port, strerror(errno));
    return false;
}

static bool open_workers(struct run *self, char error[static RUN_ERROR_SIZE])
{
    const uint32_t threads = (uint32_t)self->options->threads;
    self->workers = calloc(threads, sizeof *self->workers);
    self->cpu_ns = calloc(threads, sizeof *self->cpu_ns);
    self->spare = calloc(1, sizeof *self->spare);
    self->interval = calloc(1, sizeof *self->interval);
    if (self->workers == NULL || self->cpu_ns == NULL || self->spare == NULL ||
        self->interval == NULL) {
        errno = ENOMEM;
        return fail(error, "for", self->options);
    }
    while (self->opened < threads) {
        struct worker *worker = &self->workers[self->opened];
        self->opened++;
        if (!worker_open(worker, &self->plan, self->opened - 1, self->address)) {
            return fail(error, "cannot connect to", self->options);
        }
    }
    return true;
}

static bool start_workers(struct run *self, char error[static RUN_ERROR_SIZE])
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    self->plan.begin_ms = clock_convert_ns(&now) / CLOCK_MS_NS;
    self->plan.begin_ns = clock_read_ns();
    self->plan.end_ns = self->plan.begin_ns +
                        (self->options->warm_up_s + self->options->duration_s) * CLOCK_SECOND_NS;
    if (self->plan.filling) {
        self->plan.end_ns = UINT64_MAX / 2;
    }
    for (; self->started < self->opened; self->started++) {
        if (!worker_start(&self->workers[self->started])) {
            return fail(error, "cannot make a thread for", self->options);
        }
    }
    return true;
}

static void join_workers(struct run *self)
{
    for (uint32_t at = 0; at < self->started; at++) {
        worker_join(&self->workers[at]);
    }
    self->started = 0;
}

static void close_workers(struct run *self)
{
    join_workers(self);
    for (uint32_t at = 0; at < self->opened; at++) {
        worker_close(&self->workers[at]);
    }
    free(self->workers);
    free(self->cpu_ns);
    free(self->spare);
    free(self->interval);
}

/* What all loops have done since the last time, in self->interval. */
static void gather(struct run *self)
{
    tally_init(self->interval);
    for (uint32_t at = 0; at < self->opened; at++) {
        struct tally *full = worker_exchange(&self->workers[at], self->spare);
        tally_add(self->interval, full);
        tally_init(full);
        self->spare = full;
    }
}

static bool all_lost(const struct run *self, const struct tally *total)
{
    return total->lost_connections >= self->options->connections;
}

/* ---- a look each second */

static double find_own_cpu(struct run *self, double wall_s)
{
    double busiest = 0;
    for (uint32_t at = 0; at < self->opened; at++) {
        const uint64_t cpu_ns = worker_read_cpu_ns(&self->workers[at]);
        if (cpu_ns > self->cpu_ns[at]) {
            const double share = (double)(cpu_ns - self->cpu_ns[at]) / 1e9 / wall_s;
            busiest = share > busiest ? share : busiest;
            self->cpu_ns[at] = cpu_ns;
        }
    }
    return busiest;
}

static void look(struct run *self, struct second *second)
{
    struct process_cost server;
    struct result *result = self->result;
    struct histogram *latency = &result->latency; /* Of this second; of all only at the end. */
    const uint64_t now_ns = clock_read_ns();
    gather(self);
    process_read(&self->process, &server);
    *second = (struct second){
        .at_s = (double)(now_ns - self->plan.begin_ns) / 1e9,
        .wall_s = (double)(now_ns - self->looked_ns) / 1e9,
        .sent = self->interval->sent,
        .answered = self->interval->answered,
        .refused = self->interval->refused,
        .not_sent = self->interval->not_sent,
        .late_p99_ns = histogram_peek(&self->interval->lateness, 990000),
        .server_resident_bytes = server.resident_bytes,
    };
    tally_sum_latency(self->interval, latency);
    result_read_quantiles(latency, &second->latency);
    second->own_cpu = find_own_cpu(self, second->wall_s);
    second->server_cpu = (server.cpu_s - self->server.cpu_s) / second->wall_s;
    self->looked_ns = now_ns;
    self->server = server;
}

static void add_measured(struct result *result, const struct tally *interval,
                         const struct second *second)
{
    tally_add(&result->total, interval);
    result->measured_s += second->wall_s;
    result->sent_in_time += second->sent;
    result->answered_in_time += second->answered;
    result->refused_in_time += second->refused;
    result->server.cpu_s += second->server_cpu * second->wall_s;
    result->server.resident_bytes = second->server_resident_bytes;
    if (second->own_cpu > result->own_cpu_max) {
        result->own_cpu_max = second->own_cpu;
    }
    if (second->server_resident_bytes > result->server_resident_max_bytes) {
        result->server_resident_max_bytes = second->server_resident_bytes;
    }
}

static void sleep_until(uint64_t ns)
{
    const struct timespec until = {.tv_sec = (time_t)(ns / CLOCK_SECOND_NS),
                                   .tv_nsec = (long)(ns % CLOCK_SECOND_NS)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
    }
}

static void watch(struct run *self)
{
    struct result *result = self->result;
    const uint64_t seconds = self->options->warm_up_s + self->options->duration_s;
    struct tally *lost = &result->total;
    self->looked_ns = self->plan.begin_ns;
    process_read(&self->process, &self->server);
    const double began_cpu_s = self->server.cpu_s;
    report_begin(result);
    while (result->seconds_count < seconds && !all_lost(self, lost)) {
        struct second *second = &result->seconds[result->seconds_count];
        sleep_until(self->plan.begin_ns + (result->seconds_count + 1) * CLOCK_SECOND_NS);
        look(self, second);
        second->warming_up = result->seconds_count < self->options->warm_up_s;
        result->seconds_count++;
        report_second(second, &self->interval->refusals);
        if (second->warming_up) {
            lost->lost_connections += self->interval->lost_connections;
        } else {
            add_measured(result, self->interval, second);
        }
    }
    join_workers(self);
    result->drained_s = ((double)clock_read_ns() - (double)self->plan.end_ns) / 1e9;
    process_read(&self->process, &self->server);
    result->server_whole_cpu_s = self->server.cpu_s - began_cpu_s;
    gather(self);
    /* The last answers are the latest ones: they count. */
    tally_add(&result->total, self->interval);
    tally_sum_latency(&result->total, &result->latency);
    process_read_own(&result->own);
}

static bool run_phase(struct run *self, bool filling, char error[static RUN_ERROR_SIZE])
{
    self->plan = (struct plan){.lent_options = self->options, .filling = filling};
    self->opened = 0;
    bool done = open_workers(self, error) && start_workers(self, error);
    if (done && filling) {
        join_workers(self);
        gather(self);
        const uint64_t wrong = self->interval->refused + self->interval->unanswered;
        self->result->fill_s = (double)(clock_read_ns() - self->plan.begin_ns) / 1e9;
        if (wrong > 0) {
            (void)snprintf(error, RUN_ERROR_SIZE, "%llu bulks failed while users were filled: %s",
                           (unsigned long long)wrong, self->interval->refusals.line);
            done = false;
        }
    } else if (done) {
        watch(self);
    }
    close_workers(self);
    return done;
}

static bool run_phases(struct run *self, char error[static RUN_ERROR_SIZE])
{
    if (!process_find(&self->process, self->address)) {
        return fail(error, "cannot ask", self->options);
    }
    self->result->server_known = self->process.id != 0;
    precision_measure(&self->result->precision);
    return (!self->options->fill || run_phase(self, true, error)) && run_phase(self, false, error);
}

bool run_all(const struct options *options, struct result *result,
             char error[static RUN_ERROR_SIZE])
{
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *address = NULL;
    char port[8];
    (void)snprintf(port, sizeof port, "%u", (unsigned)options->port);
    const int code = getaddrinfo(options->host, port, &wanted, &address);
    if (code != 0) {
        (void)snprintf(error, RUN_ERROR_SIZE, "cannot find %s: %s", options->host,
                       gai_strerror(code));
        return false;
    }
    struct run run = {.options = options, .result = result, .address = address};
    const bool done = run_phases(&run, error);
    freeaddrinfo(address);
    return done;
}
