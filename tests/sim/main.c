/* readstates-sim: plays a whole server against a world that fails, seed after seed. */
#include "sim/report.h"
#include "sim/settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define SAID_EACH_S 10.0

/* What main ends with. */
enum { ALL_WELL, WRONG_OPTION, WRONG_RUN };

/* All runs together. */
struct series {
    struct run_counts counts;
    uint64_t runs;
    double seconds;
    struct timespec began;
};

static void add_counts(struct run_counts *sum, const struct run_counts *counts)
{
    sum->operations += counts->operations;
    sum->answers += counts->answers;
    sum->refusals += counts->refusals;
    sum->steps += counts->steps;
    sum->kills += counts->kills;
    sum->power_cuts += counts->power_cuts;
    sum->recoveries += counts->recoveries;
    sum->renewals += counts->renewals;
    sum->refused_starts += counts->refused_starts;
    sum->messages += counts->messages;
    sum->lists_compared += counts->lists_compared;
    for (uint32_t i = 0; i < FAULTS_COUNT; i++) {
        sum->faults[i] += counts->faults[i];
    }
}

static uint64_t count_faults(const struct run_counts *counts)
{
    uint64_t faults = 0;
    for (uint32_t i = 0; i < FAULTS_COUNT; i++) {
        faults += counts->faults[i];
    }
    return faults;
}

static void take_time(struct series *self)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    self->seconds = (double)(now.tv_sec - self->began.tv_sec) +
                    (double)(now.tv_nsec - self->began.tv_nsec) / 1e9;
}

static void print_progress(const struct series *self, uint64_t seed, uint64_t hash)
{
    const struct run_counts *counts = &self->counts;
    printf("%6.0f s: %" PRIu64 " runs, %" PRIu64 " commands (%.0f a second), %" PRIu64
           " faults, %" PRIu64 " starts; seed %" PRIu64 " has hash %016" PRIx64 "\n",
           self->seconds, self->runs, counts->operations,
           (double)counts->operations / self->seconds, count_faults(counts), counts->recoveries,
           seed, hash);
}

static void print_summary(const struct series *self)
{
    const struct run_counts *counts = &self->counts;
    printf("%" PRIu64 " runs in %.0f s: %" PRIu64 " commands (%.0f a second), %" PRIu64
           " answers (%" PRIu64 " refusals)\n",
           self->runs, self->seconds, counts->operations,
           (double)counts->operations / self->seconds, counts->answers, counts->refusals);
    printf("%" PRIu64 " starts after %" PRIu64 " kills and %" PRIu64 " power cuts: %" PRIu64
           " new epochs, %" PRIu64 " refused for damage\n",
           counts->recoveries, counts->kills, counts->power_cuts, counts->renewals,
           counts->refused_starts);
    printf("%" PRIu64 " messages of the feed, compared with %" PRIu64 " lists\n", counts->messages,
           counts->lists_compared);
    printf("%" PRIu64 " faults:\n", count_faults(counts));
    for (uint32_t i = 0; i < FAULTS_COUNT; i++) {
        printf("  %-24s %" PRIu64 "\n", fault_get_kind((enum fault)i).name, counts->faults[i]);
    }
}

static int play_all(const struct settings *settings)
{
    struct series series = {.runs = 0};
    double said = 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &series.began);
    bool goes_on = true;
    while (goes_on) {
        struct wrong_run run = {.options = settings->run};
        uint64_t hash = 0;
        run.options.seed += series.runs;
        const bool is_well = report_play_apart(&run.options, &run.counts, &hash, &run.failure);
        add_counts(&series.counts, &run.counts);
        series.runs++;
        take_time(&series);
        if (!is_well) {
            print_summary(&series);
            report_wrong_run(stdout, &run, settings->shrinks);
            return WRONG_RUN;
        }
        goes_on = series.runs < settings->runs &&
                  (settings->hours == 0 || series.seconds < settings->hours * 3600);
        if (!goes_on || series.seconds - said >= SAID_EACH_S) {
            said = series.seconds;
            print_progress(&series, run.options.seed, hash);
        }
    }
    print_summary(&series);
    return ALL_WELL;
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct failure failure;
    if (!settings_read(&settings, argc, argv, &failure)) {
        fprintf(stderr, "readstates-sim: %s\n", failure.text);
        return WRONG_OPTION;
    }
    if (settings.wants_help) {
        settings_print_help();
        return ALL_WELL;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    return play_all(&settings);
}
