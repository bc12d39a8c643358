/* readstates-sim: plays a whole server against a world that fails, seed after seed. */
#include "sim/run.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct settings {
    struct run_options run;
    uint64_t runs;
    double hours;
    const char *faults;
};

static int usage(int code)
{
    fprintf(code == 0 ? stdout : stderr,
            "readstates-sim [--seed N] [--operations N] [--runs N] [--hours H] [--faults LIST]\n"
            "               [--sync always|everysec|no] [--tell]\n\n"
            "Plays a whole server, seed after seed, and says which run was wrong.\n"
            "LIST: names with commas between, -NAME: all but that. The faults:\n");
    for (uint32_t i = 0; i < FAULTS_COUNT; i++) {
        fprintf(code == 0 ? stdout : stderr, "  %s\n", fault_get_kind((enum fault)i).name);
    }
    return code;
}

static bool read_sync(const char *text, int32_t *out_sync)
{
    static const char *const names[] = {"always", "everysec", "no"};
    for (int32_t i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out_sync = i;
            return true;
        }
    }
    return false;
}

static bool read_settings(struct settings *self, int argc, char **argv)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},   {"operations", required_argument, NULL, 'o'},
        {"runs", required_argument, NULL, 'r'},   {"hours", required_argument, NULL, 'h'},
        {"faults", required_argument, NULL, 'f'}, {"sync", required_argument, NULL, 'y'},
        {"tell", no_argument, NULL, 't'},         {NULL, 0, NULL, 0},
    };
    int option = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            self->run.seed = strtoull(optarg, NULL, 10);
            break;
        case 'o':
            self->run.operations = strtoull(optarg, NULL, 10);
            break;
        case 'r':
            self->runs = strtoull(optarg, NULL, 10);
            break;
        case 'h':
            self->hours = strtod(optarg, NULL);
            self->runs = UINT64_MAX;
            break;
        case 'f':
            self->faults = optarg;
            if (!faults_parse(optarg, &self->run.faults)) {
                return false;
            }
            break;
        case 'y':
            if (!read_sync(optarg, &self->run.sync)) {
                return false;
            }
            break;
        case 't':
            self->run.tells = true;
            break;
        default:
            return false;
        }
    }
    return optind == argc;
}

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
    for (uint32_t i = 0; i < FAULTS_COUNT; i++) {
        sum->faults[i] += counts->faults[i];
    }
}

static void print_summary(const struct run_counts *counts, uint64_t runs)
{
    printf("%" PRIu64 " runs: %" PRIu64 " commands, %" PRIu64 " answers (%" PRIu64
           " refusals), %" PRIu64 " recoveries, %" PRIu64 " kills, %" PRIu64 " power cuts, %" PRIu64
           " new epochs, %" PRIu64 " refused starts\n",
           runs, counts->operations, counts->answers, counts->refusals, counts->recoveries,
           counts->kills, counts->power_cuts, counts->renewals, counts->refused_starts);
    for (uint32_t i = 0; i < FAULTS_COUNT; i++) {
        printf("  %-24s %" PRIu64 "\n", fault_get_kind((enum fault)i).name, counts->faults[i]);
    }
}

int main(int argc, char **argv)
{
    struct settings settings = {
        .run = {.seed = 1, .operations = 20000, .faults = FAULTS_ALL, .sync = -1},
        .runs = 1,
        .faults = "all"};
    struct run_counts sum = {0};
    if (!read_settings(&settings, argc, argv)) {
        return usage(2);
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    const time_t began = time(NULL);
    time_t said = began;
    for (uint64_t i = 0; i < settings.runs; i++) {
        struct run_options options = settings.run;
        struct run_counts counts;
        struct failure failure;
        uint64_t hash = 0;
        options.seed += i;
        const bool is_well = run_execute(&options, &counts, &hash, &failure);
        add_counts(&sum, &counts);
        if (!is_well) {
            print_summary(&sum, i + 1);
            printf("seed %" PRIu64 ": after %" PRIu64 " commands: %s\n  %s --seed %" PRIu64
                   " --operations %" PRIu64 " --faults %s\n",
                   options.seed, counts.operations, failure.text, argv[0], options.seed,
                   options.operations, settings.faults);
            return 1;
        }
        if (settings.runs == 1 || time(NULL) - said >= 10) {
            said = time(NULL);
            printf("seed %" PRIu64 ": hash %016" PRIx64 ", %" PRIu64 " commands in all\n",
                   options.seed, hash, sum.operations);
            fflush(stdout);
        }
        if (settings.hours > 0 && difftime(time(NULL), began) > settings.hours * 3600) {
            settings.runs = i + 1;
        }
    }
    print_summary(&sum, settings.runs);
    return 0;
}
