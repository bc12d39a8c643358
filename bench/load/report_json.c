#include "load/report.h"

#include <inttypes.h>
#include <stdio.h>

/* A text of argv's: quotes, backslashes and control bytes are told by their number. */
static void write_text(FILE *to, const char *text)
{
    fputc('"', to);
    for (; *text != '\0'; text++) {
        const unsigned char byte = (unsigned char)*text;
        if (byte < ' ' || byte == '"' || byte == '\\') {
            fprintf(to, "\\u%04x", byte);
        } else {
            fputc(byte, to);
        }
    }
    fputc('"', to);
}

static void write_quantiles(FILE *to, const char *name, const struct histogram *histogram)
{
    struct quantiles quantiles;
    result_read_quantiles(histogram, &quantiles);
    fprintf(to,
            "\"%s\": {\"count\": %" PRIu64 ", \"mean_ns\": %.0f, \"p50_ns\": %" PRIu64
            ", \"p90_ns\": %" PRIu64 ", \"p99_ns\": %" PRIu64 ", \"p99_9_ns\": %" PRIu64
            ", \"p99_99_ns\": %" PRIu64 ", \"max_ns\": %" PRIu64 "}",
            name, histogram->count,
            histogram->count > 0 ? (double)histogram->sum / (double)histogram->count : 0,
            quantiles.p50_ns, histogram_peek(histogram, 900000), quantiles.p99_ns,
            quantiles.p99_9_ns, histogram_peek(histogram, 999900), quantiles.max_ns);
}

static void write_options(FILE *to, const struct options *options)
{
    fprintf(to, "  \"options\": {\"driver\": \"%s\", \"loop\": \"%s\", \"host\": ",
            options->driver->name, options->rate > 0 ? "open" : "closed");
    write_text(to, options->host);
    fprintf(
        to,
        ", \"port\": %" PRIu64 ", \"connections\": %" PRIu64 ", \"threads\": %" PRIu64
        ", \"rate\": %" PRIu64 ", \"depth\": %" PRIu64 ", \"queue\": %" PRIu64
        ", \"duration_s\": %" PRIu64 ", \"warm_up_s\": %" PRIu64 ", \"drain_s\": %" PRIu64
        ",\n    \"users\": %" PRIu64 ", \"first_user\": %" PRIu64 ", \"channels\": %" PRIu64
        ", \"pairs\": %" PRIu64 ", \"mentions\": %" PRIu64 ", \"seed\": %" PRIu64 ", \"choice\": ",
        options->port, options->connections, options->threads, options->rate, options->depth,
        options->queue, options->duration_s, options->warm_up_s, options->drain_s, options->users,
        options->first_user, options->channels, options->pairs, options->mentions, options->seed);
    write_text(to, options->choice);
    fputs(", \"mix\": {", to);
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        fprintf(to, "%s\"%s\": %u", kind == 0 ? "" : ", ", kind_word((enum kind)kind),
                options->mix.weights[kind]);
    }
    fputs("}},\n", to);
}

static void write_second(FILE *to, const struct second *second)
{
    fprintf(to,
            "    {\"at_s\": %.3f, \"wall_s\": %.3f, \"warming_up\": %s, \"sent\": %" PRIu64
            ", \"answered\": %" PRIu64 ", \"refused\": %" PRIu64 ", \"not_sent\": %" PRIu64
            ", \"p50_ns\": %" PRIu64 ", \"p99_ns\": %" PRIu64 ", \"p99_9_ns\": %" PRIu64
            ", \"max_ns\": %" PRIu64 ", \"late_p99_ns\": %" PRIu64
            ", \"own_cpu\": %.3f, \"server_cpu\": %.3f, \"server_resident_bytes\": %" PRIu64 "}",
            second->at_s, second->wall_s, second->warming_up ? "true" : "false", second->sent,
            second->answered, second->refused, second->not_sent, second->latency.p50_ns,
            second->latency.p99_ns, second->latency.p99_9_ns, second->latency.max_ns,
            second->late_p99_ns, second->own_cpu, second->server_cpu,
            second->server_resident_bytes);
}

static void write_refusals(FILE *to, const struct refusals *refusals)
{
    fputs("    \"refusals\": {", to);
    for (uint32_t at = 0; at < refusals->words_count; at++) {
        fprintf(to, "\"%s\": %" PRIu64 ", ", refusals->words[at], refusals->counts[at]);
    }
    fprintf(to, "\"others\": %" PRIu64 "},\n", refusals->others);
}

static void write_summary(FILE *to, const struct result *result)
{
    const struct tally *total = &result->total;
    const bool limited = result_find_late(result) != NULL || result_find_busy(result) != NULL;
    fprintf(to,
            "  \"summary\": {\n    \"measured_s\": %.3f, \"drained_s\": %.3f, \"sent\": %" PRIu64
            ", \"answered\": %" PRIu64 ", \"refused\": %" PRIu64 ",\n    \"total_sent\": %" PRIu64
            ", \"total_answered\": %" PRIu64 ", \"total_refused\": %" PRIu64
            ", \"held_back\": %" PRIu64 ", \"not_sent\": %" PRIu64 ",\n    \"unanswered\": %" PRIu64
            ", \"unexpected\": %" PRIu64 ", \"lost_connections\": %" PRIu64 ",\n",
            result->measured_s, result->drained_s, result->sent_in_time, result->answered_in_time,
            result->refused_in_time, total->sent, total->answered, total->refused, total->held_back,
            total->not_sent, total->unanswered, total->unexpected, total->lost_connections);
    write_refusals(to, &total->refusals);
    fputs("    ", to);
    write_quantiles(to, "latency", &result->latency);
    for (uint32_t kind = 0; kind < KINDS; kind++) {
        fputs(",\n    ", to);
        write_quantiles(to, kind_word((enum kind)kind), &total->latency[kind]);
    }
    fputs(",\n    ", to);
    write_quantiles(to, "refusal_latency", &total->refusal_latency);
    fputs(",\n    ", to);
    write_quantiles(to, "own_lateness", &total->lateness);
    fprintf(to,
            ",\n    \"late_share\": %.6f, \"own_cpu_max\": %.3f, \"generator_is_the_limit\": %s,\n"
            "    \"own\": {\"cpu_s\": %.3f, \"resident_bytes\": %" PRIu64 "},\n",
            result_get_late_share(result), result->own_cpu_max, limited ? "true" : "false",
            result->own.cpu_s, result->own.resident_bytes);
    if (result->server_known) {
        fprintf(
            to,
            "    \"server\": {\"cpu_s\": %.3f, \"whole_cpu_s\": %.3f, \"resident_bytes\": %" PRIu64
            ", \"resident_max_bytes\": %" PRIu64 "}\n  }\n",
            result->server.cpu_s, result->server_whole_cpu_s, result->server.resident_bytes,
            result->server_resident_max_bytes);
    } else {
        fputs("    \"server\": null\n  }\n", to);
    }
}

bool report_write_json(const struct result *result, const char *path)
{
    const struct precision *precision = &result->precision;
    FILE *to = fopen(path, "we");
    if (to == NULL) {
        return false;
    }
    fputs("{\n  \"program\": \"readstates-bench " READSTATES_VERSION "\",\n", to);
    write_options(to, result->lent_options);
    fprintf(to,
            "  \"clock\": {\"step_ns\": %" PRIu64 ", \"cost_ns\": %" PRIu64
            ", \"wake_up_p50_ns\": %" PRIu64 ", \"wake_up_p99_ns\": %" PRIu64
            ", \"wake_up_max_ns\": %" PRIu64 "},\n  \"fill_s\": %.3f,\n  \"seconds\": [\n",
            precision->clock_step_ns, precision->clock_cost_ns, precision->wake_up_p50_ns,
            precision->wake_up_p99_ns, precision->wake_up_max_ns, result->fill_s);
    for (size_t at = 0; at < result->seconds_count; at++) {
        write_second(to, &result->seconds[at]);
        fputs(at + 1 < result->seconds_count ? ",\n" : "\n", to);
    }
    fputs("  ],\n", to);
    write_summary(to, result);
    fputs("}\n", to);
    const bool failed = ferror(to) != 0;
    return fclose(to) == 0 && !failed;
}
