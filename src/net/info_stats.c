/* INFO's sections about commands and errors, with Redis's names and forms. */
#include "net/net_internal.h"

#include <inttypes.h>

void info_add_commandstats(struct info_text *to, struct net *net)
{
    for (int id = 0; id < COMMAND_IDS; id++) {
        struct calls_sum sum;
        stats_sum_calls(net, (enum command_id)id, &sum);
        if (sum.answered + sum.rejected > 0) {
            const double each_us =
                sum.answered == 0 ? 0 : (double)sum.taken_ns / 1000 / (double)sum.answered;
            info_add(to,
                     "cmdstat_%s:calls=%" PRIu64 ",usec=%" PRIu64
                     ",usec_per_call=%.2f,rejected_calls=%" PRIu64 ",failed_calls=%" PRIu64 "\r\n",
                     command_table_get((enum command_id)id)->name, sum.answered,
                     sum.taken_ns / 1000, each_us, sum.rejected, sum.failed);
        }
    }
}

void info_add_errorstats(struct info_text *to, struct net *net)
{
    struct error_sums sums;
    stats_sum_errors(net, &sums);
    for (uint32_t i = 0; i < sums.count; i++) {
        if (sums.counts[i] > 0) {
            info_add(to, "errorstat_%s:count=%" PRIu64 "\r\n", sums.words[i], sums.counts[i]);
        }
    }
}

static double percentile_us(const struct calls_sum *sum, double percent)
{
    return (double)histogram_sum_get_percentile(&sum->latency, percent) / 1000;
}

void info_add_latencystats(struct info_text *to, struct net *net)
{
    for (int id = 0; id < COMMAND_IDS; id++) {
        struct calls_sum sum;
        stats_sum_calls(net, (enum command_id)id, &sum);
        if (sum.answered > 0) {
            info_add(to, "latency_percentiles_usec_%s:p50=%.3f,p99=%.3f,p99.9=%.3f\r\n",
                     command_table_get((enum command_id)id)->name, percentile_us(&sum, 50),
                     percentile_us(&sum, 99), percentile_us(&sum, 99.9));
        }
    }
}
