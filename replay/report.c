#include "replay/report.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

void report_events(const struct trace *trace, const char *path)
{
    printf("trace            %s\n", path);
    printf("events           %zu: %zu messages with %zu mentions, %zu joins, %zu leaves\n",
           trace->events_count, trace->messages, trace->mentions_count, trace->joins,
           trace->leaves);
}

static double ms_at(const struct latency *latency, uint32_t per_million)
{
    return (double)latency_peek_ns(latency, per_million) / 1e6;
}

void report_commands(const struct report_run *run, const char *what, uint32_t depth)
{
    const double seconds = (double)run->wall_ns / 1e9;
    printf("commands         %" PRIu64 "%s in %.2f s: %.0f a second, up to %u on their way\n",
           run->commands, what, seconds, seconds > 0 ? (double)run->commands / seconds : 0.0,
           depth);
    printf("latency          p50 %.3f ms, p99 %.3f ms, p99.9 %.3f ms, max %.3f ms\n",
           ms_at(run->latency, 500000), ms_at(run->latency, 990000), ms_at(run->latency, 999000),
           ms_at(run->latency, 1000000));
}

void report_comparison(const struct comparison *comparison, uint32_t ids_kept)
{
    const uint64_t shown =
        comparison->differences < DIFFERENCES_KEPT ? comparison->differences : DIFFERENCES_KEPT;

    printf("states compared  %zu of %u users, mention-ids-kept %u\n", comparison->states_compared,
           comparison->lent_trace->users.count, ids_kept);
    printf("differences      %" PRIu64 "\n", comparison->differences);
    fflush(stdout);
    for (uint64_t at = 0; at < shown; at++) {
        const struct difference *difference = &comparison->first[at];
        fprintf(stderr, "user %" PRIu64 ", channel %s, %s: expected %s, got %s\n", difference->user,
                difference->channel, difference->field, difference->expected, difference->got);
    }
    if (shown < comparison->differences) {
        fprintf(stderr, "... and %" PRIu64 " more\n", comparison->differences - shown);
    }
    if (shown > 0) {
        fputs("readstates-replay: the server does not have what this trace alone leaves. (Did it "
              "have data of these users before?)\n",
              stderr);
    }
}

void report_refusals(const struct player *player, const char *path)
{
    const uint64_t shown = player->refusals < REFUSALS_KEPT ? player->refusals : REFUSALS_KEPT;

    for (uint64_t at = 0; at < shown; at++) {
        fprintf(stderr, "%s:%u: the server refused a command of this line: %s\n", path,
                player->first[at].line, player->first[at].text);
    }
    fprintf(stderr,
            "readstates-replay: stopped, as %" PRIu64 " of %" PRIu64
            " commands were refused. When the server can take them, play the trace again.\n",
            player->refusals, player->commands);
}
