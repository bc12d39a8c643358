#include "sim/settings.h"

#include "base/assert.h"
#include "base/decimal.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOURS_MAX 10000.0

static const char *const sync_names[] = {"always", "everysec", "no"};

void settings_print_help(void)
{
    printf(
        "readstates-sim [option...]\n"
        "Plays a whole server against a world that fails, seed after seed, and checks all that a\n"
        "client is told. docs/simulator.md tells more.\n\n"
        "  --seed N            the first run's (1); each later one has the next; day: what\n"
        "                      READSTATES_SEED says, or another one each day\n"
        "  --operations N      commands of a run (20000)\n"
        "  --runs N            so many runs (1)\n"
        "  --hours H           runs for so long\n"
        "  --faults LIST       what goes wrong: names with commas between; a group (disk, cut,\n"
        "                      kill, store, clock, client); all, none, -NAME for without (all)\n"
        "  --sync MODE         always, everysec or no (drawn, and changed now and then)\n"
        "  --users N           at most so many, for smaller runs; also --clients N, --shards N\n"
        "  --kill-at N         the process ends at the N-th operation on the disk\n"
        "  --kill-with WAY     and how: kill (the default), or a power cut by its name\n"
        "  --no-shrink         a run that is wrong is reported as it is, and not made smaller\n"
        "  --tell              prints what happens\n"
        "  --help              this text\n\n"
        "Ends with 0 when all was well, with 1 after a wrong option, and with 2 when a run was\n"
        "wrong: then the command that plays it again is printed.\n\n"
        "The faults, and how often, of a million steps or of what the table in faults.h says:\n");
    for (uint32_t i = 0; i < FAULTS_COUNT; i++) {
        const struct fault_kind kind = fault_get_kind((enum fault)i);
        printf("  %-24s %" PRIu32 "\n", kind.name, kind.per_million);
    }
}

static bool read_number(const char *name, const char *text, uint64_t least, uint64_t most,
                        uint64_t *out_value, struct failure *out_failure)
{
    const struct slice digits = {.bytes = text, .size = strlen(text)};
    uint64_t value = 0;
    if (!decimal_parse_u63(digits, &value) || value < least || value > most) {
        failure_set(out_failure,
                    "--%s takes a number from %" PRIu64 " to %" PRIu64 ", not '%.200s'", name,
                    least, most, text);
        return false;
    }
    *out_value = value;
    return true;
}

static bool read_small(const char *name, uint32_t most, uint32_t *out_value,
                       struct failure *out_failure)
{
    uint64_t value = 0;
    if (!read_number(name, optarg, 1, most, &value, out_failure)) {
        return false;
    }
    *out_value = (uint32_t)value;
    return true;
}

static bool read_hours(double *out_hours, struct failure *out_failure)
{
    char *end = NULL;
    const double hours = strtod(optarg, &end);
    /* Written so that what is no number is refused as well. */
    if (end == optarg || *end != '\0' || !(hours > 0 && hours <= HOURS_MAX)) {
        failure_set(out_failure, "--hours takes a number above 0 and up to %.0f, not '%.200s'",
                    HOURS_MAX, optarg);
        return false;
    }
    *out_hours = hours;
    return true;
}

static bool read_sync(int32_t *out_sync, struct failure *out_failure)
{
    for (int32_t i = 0; i < 3; i++) {
        if (strcmp(optarg, sync_names[i]) == 0) {
            *out_sync = i;
            return true;
        }
    }
    failure_set(out_failure, "--sync takes always, everysec or no, not '%.200s'", optarg);
    return false;
}

static bool read_faults(uint64_t *out_faults, struct failure *out_failure)
{
    if (!faults_parse(optarg, out_faults)) {
        failure_set(out_failure, "--faults: one of '%.200s' is no fault; --help lists them",
                    optarg);
        return false;
    }
    return true;
}

static const char *get_way(uint32_t kill_with)
{
    return kill_with == 0 ? "kill"
                          : fault_get_kind((enum fault)(FAULT_CUT_DRAWN + kill_with - 1)).name;
}

static bool read_way(uint32_t *out_way, struct failure *out_failure)
{
    for (uint32_t way = 0; way < RUN_CUTS; way++) {
        if (strcmp(optarg, get_way(way)) == 0) {
            *out_way = way;
            return true;
        }
    }
    failure_set(out_failure, "--kill-with takes kill or a power cut (cut-drawn, ...), not '%.200s'",
                optarg);
    return false;
}

/* Those of two days do not meet, with up to so many runs. */
enum { DAY_S = 24 * 60 * 60, DAY_SEEDS = 100000 };

static bool read_seed(uint64_t *out_seed, struct failure *out_failure)
{
    const char *wanted = getenv("READSTATES_SEED");
    if (strcmp(optarg, "day") != 0) {
        return read_number("seed", optarg, 0, U63_MAX, out_seed, out_failure);
    }
    if (wanted != NULL) {
        return read_number("seed (READSTATES_SEED)", wanted, 0, U63_MAX, out_seed, out_failure);
    }
    *out_seed = (uint64_t)time(NULL) / DAY_S * DAY_SEEDS;
    return true;
}

static bool read_option(struct settings *self, int option, struct failure *out_failure)
{
    switch (option) {
    case 's':
        return read_seed(&self->run.seed, out_failure);
    case 'o':
        return read_number("operations", optarg, 1, U63_MAX, &self->run.operations, out_failure);
    case 'r':
        return read_number("runs", optarg, 1, U63_MAX, &self->runs, out_failure);
    case 'h':
        self->runs = UINT64_MAX;
        return read_hours(&self->hours, out_failure);
    case 'f':
        return read_faults(&self->run.faults, out_failure);
    case 'y':
        return read_sync(&self->run.sync, out_failure);
    case 'u':
        return read_small("users", RUN_USERS_MAX, &self->run.users_max, out_failure);
    case 'c':
        return read_small("clients", RUN_CLIENTS_MAX, &self->run.clients_max, out_failure);
    case 'd':
        return read_small("shards", NODE_SHARDS_MAX, &self->run.shards_max, out_failure);
    case 'k':
        return read_number("kill-at", optarg, 1, U63_MAX, &self->run.kill_at, out_failure);
    case 'w':
        return read_way(&self->run.kill_with, out_failure);
    case 'n':
        self->shrinks = false;
        return true;
    case 't':
        self->run.tells = true;
        return true;
    case 'H':
        self->wants_help = true;
        return true;
    default:
        UNREACHABLE("an option that is not in the table");
    }
}

bool settings_read(struct settings *out_settings, int argc, char **argv,
                   struct failure *out_failure)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},
        {"operations", required_argument, NULL, 'o'},
        {"runs", required_argument, NULL, 'r'},
        {"hours", required_argument, NULL, 'h'},
        {"faults", required_argument, NULL, 'f'},
        {"sync", required_argument, NULL, 'y'},
        {"users", required_argument, NULL, 'u'},
        {"clients", required_argument, NULL, 'c'},
        {"shards", required_argument, NULL, 'd'},
        {"kill-at", required_argument, NULL, 'k'},
        {"kill-with", required_argument, NULL, 'w'},
        {"no-shrink", no_argument, NULL, 'n'},
        {"tell", no_argument, NULL, 't'},
        {"help", no_argument, NULL, 'H'},
        {NULL, 0, NULL, 0},
    };
    *out_settings =
        (struct settings){.run = {.seed = 1, .operations = 20000, .faults = FAULTS_ALL, .sync = -1},
                          .runs = 1,
                          .shrinks = true};
    optind = 0; /* It begins anew. */
    opterr = 0;
    int option = 0;
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (option == ':' || option == '?') {
            failure_set(out_failure, option == ':' ? "%.200s needs a value" : "no option %.200s",
                        argv[optind - 1]);
            return false;
        }
        if (!read_option(out_settings, option, out_failure)) {
            return false;
        }
    }
    if (optind != argc) {
        failure_set(out_failure, "'%.200s' is no option", argv[optind]);
        return false;
    }
    if (out_settings->run.kill_with != 0 && out_settings->run.kill_at == 0) {
        failure_set(out_failure, "--kill-with without --kill-at");
        return false;
    }
    return true;
}

static void append(char to[static SETTINGS_COMMAND_SIZE], const char *format, ...)
    PRINTF_LIKE(2, 3);

static void append(char to[static SETTINGS_COMMAND_SIZE], const char *format, ...)
{
    const size_t used = strlen(to);
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(to + used, SETTINGS_COMMAND_SIZE - used, format, arguments);
    va_end(arguments);
    ASSERT(size >= 0 && (size_t)size < SETTINGS_COMMAND_SIZE - used);
}

static void append_number(char to[static SETTINGS_COMMAND_SIZE], const char *name, uint64_t number)
{
    if (number != 0) {
        append(to, " --%s %" PRIu64, name, number);
    }
}

void settings_print(const struct run_options *run, char to[static SETTINGS_COMMAND_SIZE])
{
    char faults[FAULTS_TEXT_SIZE];
    to[0] = '\0';
    faults_print(run->faults, faults);
    append(to, "--seed %" PRIu64 " --operations %" PRIu64 " --faults %s", run->seed,
           run->operations, faults);
    if (run->sync >= 0) {
        append(to, " --sync %s", sync_names[run->sync]);
    }
    append_number(to, "users", run->users_max);
    append_number(to, "clients", run->clients_max);
    append_number(to, "shards", run->shards_max);
    append_number(to, "kill-at", run->kill_at);
    if (run->kill_with != 0) {
        append(to, " --kill-with %s", get_way(run->kill_with));
    }
}
