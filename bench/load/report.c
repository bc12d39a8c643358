#include "load/report.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdio.h>

static double to_us(uint64_t ns)
{
    return (double)ns / 1e3;
}

static double to_ms(uint64_t ns)
{
    return (double)ns / 1e6;
}

static double to_mib(uint64_t bytes)
{
    return (double)bytes / (1024 * 1024);
}

static double rate(uint64_t count, double seconds)
{
    return seconds > 0 ? (double)count / seconds : 0;
}

void report_begin(const struct result *result)
{
    const struct options *options = result->lent_options;
    const struct precision *precision = &result->precision;
    printf("%s at %s:%" PRIu64 ", %" PRIu64 " connections, %" PRIu64 " threads, ",
           options->driver->name, options->host, options->port, options->connections,
           options->threads);
    if (options->rate > 0) {
        printf("open loop of %" PRIu64 " a second\n", options->rate);
    } else {
        printf("closed loop of depth %" PRIu64 "\n", options->depth);
    }
    printf("clock: steps of %" PRIu64 " ns, %" PRIu64 " ns a look; wakes up late by %.0f us (p50), "
           "%.0f us (p99), %.0f us (max)\n",
           precision->clock_step_ns, precision->clock_cost_ns, to_us(precision->wake_up_p50_ns),
           to_us(precision->wake_up_p99_ns), to_us(precision->wake_up_max_ns));
    if (result->fill_s > 0) {
        printf("filled %" PRIu64 " users with %" PRIu64 " channels each in %.1f s\n",
               options->users, options->channels, result->fill_s);
    }
    printf("%7s %10s %10s %9s %9s %9s %9s %9s %9s  ms; what came late\n", "s", "sent/s",
           "answered/s", "refused/s", "unsent/s", "p50", "p99", "p99.9", "max");
    fflush(stdout);
}

static void print_refusals(const struct refusals *refusals)
{
    for (uint32_t at = 0; at < refusals->words_count; at++) {
        printf(" %s %" PRIu64, refusals->words[at][0] == '\0' ? "(no word)" : refusals->words[at],
               refusals->counts[at]);
    }
    if (refusals->others > 0) {
        printf(" others %" PRIu64, refusals->others);
    }
}

void report_second(const struct second *second, const struct refusals *refusals)
{
    const struct quantiles *latency = &second->latency;
    printf("%7.1f %10.0f %10.0f %9.0f %9.0f %9.3f %9.3f %9.3f %9.3f ", second->at_s,
           rate(second->sent, second->wall_s), rate(second->answered, second->wall_s),
           rate(second->refused, second->wall_s), rate(second->not_sent, second->wall_s),
           to_ms(latency->p50_ns), to_ms(latency->p99_ns), to_ms(latency->p99_9_ns),
           to_ms(latency->max_ns));
    if (second->warming_up) {
        fputs(" warm-up", stdout);
    }
    if (second->late_p99_ns > 1000000) {
        printf(" late by %.1f ms itself (p99)", to_ms(second->late_p99_ns));
    }
    print_refusals(refusals);
    putchar('\n');
    fflush(stdout);
}

static void print_quantiles(const char *what, const struct histogram *histogram)
{
    struct quantiles quantiles;
    if (histogram->count == 0) {
        return;
    }
    result_read_quantiles(histogram, &quantiles);
    printf("  %-10s %10" PRIu64 "  p50 %.3f, p99 %.3f, p99.9 %.3f, max %.3f ms\n", what,
           histogram->count, to_ms(quantiles.p50_ns), to_ms(quantiles.p99_ns),
           to_ms(quantiles.p99_9_ns), to_ms(quantiles.max_ns));
}

static void print_rates(const struct result *result)
{
    const struct tally *total = &result->total;
    printf("\n%.1f s measured: %.0f sent, %.0f answered, %.0f refused a second\n",
           result->measured_s, rate(result->sent_in_time, result->measured_s),
           rate(result->answered_in_time, result->measured_s),
           rate(result->refused_in_time, result->measured_s));
    printf("latency from when a command was %s, of those answered:\n",
           result->lent_options->rate > 0 ? "due" : "sent");
    print_quantiles("all", &result->latency);
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        print_quantiles(kind_word((enum kind)kind), &total->latency[kind]);
    }
    print_quantiles("refused", &total->refusal_latency);
    if (total->refused > 0) {
        fputs("refused:", stdout);
        print_refusals(&total->refusals);
        printf(", the first: %s\n", total->refusals.line);
    }
    if (total->held_back > 0 || total->not_sent > 0) {
        printf("held back %" PRIu64 " as the server took no more at their time, never sent %" PRIu64
               "\n",
               total->held_back, total->not_sent);
    }
    if (total->unanswered > 0 || total->unexpected > 0 || total->lost_connections > 0) {
        printf("MISSING: %" PRIu64 " were never answered, %" PRIu64
               " answers were not what they can be, %" PRIu64 " connections were lost\n",
               total->unanswered, total->unexpected, total->lost_connections);
    }
}

static void print_limit(const char *reason)
{
    if (reason != NULL) {
        printf("THE GENERATOR IS THE LIMIT: %s\n", reason);
    }
}

void report_summary(const struct result *result)
{
    const struct histogram *lateness = &result->total.lateness;
    print_rates(result);
    if (lateness->count > 0) {
        printf("the loops came late to what was due by %.3f (p50), %.3f (p99), %.3f ms (max)\n",
               to_ms(histogram_peek(lateness, 500000)), to_ms(histogram_peek(lateness, 990000)),
               to_ms(lateness->max));
    }
    printf("generator: busiest loop at most %.0f %% of a core, %.1f s of CPU in all, %.1f MiB\n",
           100 * result->own_cpu_max, result->own.cpu_s, to_mib(result->own.resident_bytes));
    if (result->server_known) {
        const uint64_t ended = result->answered_in_time + result->refused_in_time;
        printf("server: %.2f s of CPU, %.2f us a command, %.1f MiB at the end, %.1f MiB at most\n",
               result->server.cpu_s, ended > 0 ? result->server.cpu_s * 1e6 / (double)ended : 0,
               to_mib(result->server.resident_bytes), to_mib(result->server_resident_max_bytes));
    } else {
        puts("server: of no process of this machine, its cost is not known");
    }
    print_limit(result_find_late(result));
    print_limit(result_find_busy(result));
    fflush(stdout);
}
