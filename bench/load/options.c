#include "load/options.h"

#include "base/decimal.h"
#include "base/slice.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: readstates-bench [options]\n"
    "\n"
    "Sends commands to a server and tells how long the answers take: a line a second, then a\n"
    "summary. With --rate it is an open loop: a command is due at its time whatever the server\n"
    "does, and its latency counts from then. Without, it is a closed loop: --depth commands are "
    "on\n"
    "their way on each connection, and the next is sent when one is answered.\n"
    "\n"
    "  --host HOST        where the server is (127.0.0.1)\n"
    "  --port PORT        and on which port (the driver's: 6677 or 6379)\n"
    "  --driver NAME      readstates, or redis: the same states as a hash a user (readstates)\n"
    "  --connections N    1 to 100000 (50)\n"
    "  --threads N        loops of the generator, 1 to 256 (1)\n"
    "  --rate N           commands a second in all, 1 to 100000000: the open loop\n"
    "  --depth N          closed loop: commands on their way a connection, 1 to 100000 (1)\n"
    "  --queue N          open loop: commands that a connection keeps, due and not answered;\n"
    "                     what is due beyond is counted as not sent, 1 to 1000000 (10000)\n"
    "  --duration S       seconds that are measured, 1 to 86400 (10)\n"
    "  --warm-up S        seconds before, that are not, 0 to 86400 (1)\n"
    "  --drain S          seconds at most to wait for the last answers, 0 to 3600 (5)\n"
    "  --mix LIST         weights of the commands\n"
    "                     (ack=60,mention=10,message=5,list=5,get=15,bulk=5)\n"
    "  --users N          1 to 1000000000000 (100000)\n"
    "  --first-user N     the number of the first of them, 1 to 1000000000000 (1)\n"
    "  --choice HOW       of users: uniform; zipf:0.99; hot:0.1:0.9, the first tenth of them for\n"
    "                     nine tenths of the commands (uniform)\n"
    "  --channels N       that all users share, 1 to 100000 (20)\n"
    "  --pairs N          of a bulk, 1 to 100 (10)\n"
    "  --mentions N       users of a mention and of a message, 1 to 100 (3)\n"
    "  --fill             first give each user all channels\n"
    "  --seed N           the same seed, the same commands (1)\n"
    "  --json FILE        write all that was measured\n"
    "  --help             show this and exit\n"
    "  --version          show the version and exit\n"
    "\n"
    "Exit code: 0 all that was sent was answered, perhaps with an error; 1 answers are missing or\n"
    "not what they can be; 2 wrong usage, or FILE cannot be written; 3 the server cannot be\n"
    "reached, or all connections were lost.\n";

struct number {
    const char *name;
    size_t offset;
    uint64_t min;
    uint64_t max;
};

static const struct number numbers[] = {
    {"port", offsetof(struct options, port), 1, UINT16_MAX},
    {"connections", offsetof(struct options, connections), 1, 100000},
    {"threads", offsetof(struct options, threads), 1, 256},
    {"rate", offsetof(struct options, rate), 1, 100000000},
    {"depth", offsetof(struct options, depth), 1, 100000},
    {"queue", offsetof(struct options, queue), 1, 1000000},
    {"duration", offsetof(struct options, duration_s), 1, 86400},
    {"warm-up", offsetof(struct options, warm_up_s), 0, 86400},
    {"drain", offsetof(struct options, drain_s), 0, 3600},
    {"users", offsetof(struct options, users), 1, CHOICE_USERS_MAX},
    {"first-user", offsetof(struct options, first_user), 1, CHOICE_USERS_MAX},
    {"channels", offsetof(struct options, channels), 1, POPULATION_CHANNELS_MAX},
    {"pairs", offsetof(struct options, pairs), 1, POPULATION_PAIRS_MAX},
    {"mentions", offsetof(struct options, mentions), 1, POPULATION_MENTIONS_MAX},
    {"seed", offsetof(struct options, seed), 0, INT64_MAX},
};

enum {
    NUMBERS = sizeof numbers / sizeof *numbers,
    /* What getopt_long returns for each: below are letters. */
    FIRST_NUMBER = 256,
    OTHERS = 8,
};

static enum options_outcome refuse(const char *what, const char *got)
{
    fprintf(stderr, "readstates-bench: %s, got '%s' (see --help)\n", what, got);
    return OPTIONS_WRONG;
}

static enum options_outcome read_number(struct options *self, const struct number *number,
                                        const char *value)
{
    uint64_t read = 0;
    if (!decimal_parse_u63(slice_from_text(value), &read) || read < number->min ||
        read > number->max) {
        char what[96];
        (void)snprintf(what, sizeof what, "--%s must be %llu to %llu", number->name,
                       (unsigned long long)number->min, (unsigned long long)number->max);
        return refuse(what, value);
    }
    memcpy((char *)self + number->offset, &read, sizeof read);
    return OPTIONS_RUN;
}

static enum options_outcome read_option(struct options *self, int option, const char *value)
{
    switch (option) {
    case 'h':
        self->host = value;
        return value[0] != '\0' ? OPTIONS_RUN : refuse("--host must name a host", value);
    case 'j':
        self->json = value;
        return value[0] != '\0' ? OPTIONS_RUN : refuse("--json must name a file", value);
    case 'd':
        self->driver = driver_find(value);
        return self->driver != NULL ? OPTIONS_RUN
                                    : refuse("--driver must be readstates or redis", value);
    case 'm':
        return mix_parse(&self->mix, value)
                   ? OPTIONS_RUN
                   : refuse("--mix must be as ack=60,get=15, of ack, mention, message, list, get "
                            "and bulk",
                            value);
    case 'c':
        self->choice = value;
        return OPTIONS_RUN;
    case 'f':
        self->fill = true;
        return OPTIONS_RUN;
    case 'H':
        fputs(help, stdout);
        return OPTIONS_DONE;
    case 'V':
        puts("readstates-bench " READSTATES_VERSION);
        return OPTIONS_DONE;
    default:
        if (option >= FIRST_NUMBER) {
            return read_number(self, &numbers[option - FIRST_NUMBER], value);
        }
        /* getopt_long has said what is wrong. */
        fputs("readstates-bench: see --help for what it takes\n", stderr);
        return OPTIONS_WRONG;
    }
}

/* What one option alone does not tell. */
static enum options_outcome check_together(struct options *self)
{
    if (self->rate > 0 && self->depth > 0) {
        fputs("readstates-bench: --rate is for the open loop, --depth for the closed one: give one "
              "of them (see --help)\n",
              stderr);
        return OPTIONS_WRONG;
    }
    if (self->connections < self->threads) {
        fputs("readstates-bench: each of the --threads needs one of the --connections at least "
              "(see --help)\n",
              stderr);
        return OPTIONS_WRONG;
    }
    if (!choice_init(&self->population.choice, self->choice, self->users)) {
        return refuse("--choice must be uniform, zipf:EXPONENT (above 0, at most 10) or "
                      "hot:SHARE:SHARE (above 0, at most 1)",
                      self->choice);
    }
    if (self->port == 0) {
        self->port = self->driver->port;
    }
    if (self->rate == 0 && self->depth == 0) {
        self->depth = 1;
    }
    self->population.first_user = self->first_user;
    self->population.channels = (uint32_t)self->channels;
    self->population.pairs = (uint32_t)self->pairs;
    self->population.mentions = (uint32_t)self->mentions;
    return OPTIONS_RUN;
}

static void set_defaults(struct options *self)
{
    *self = (struct options){
        .host = "127.0.0.1",
        .choice = "uniform",
        .driver = &driver_readstates,
        .connections = 50,
        .threads = 1,
        .queue = 10000,
        .duration_s = 10,
        .warm_up_s = 1,
        .drain_s = 5,
        .users = 100000,
        .first_user = 1,
        .channels = 20,
        .pairs = 10,
        .mentions = 3,
        .seed = 1,
    };
    mix_init(&self->mix);
}

enum options_outcome options_read(struct options *self, int argc, char **argv)
{
    struct option known[NUMBERS + OTHERS + 1] = {
        {"host", required_argument, NULL, 'h'},   {"json", required_argument, NULL, 'j'},
        {"driver", required_argument, NULL, 'd'}, {"mix", required_argument, NULL, 'm'},
        {"choice", required_argument, NULL, 'c'}, {"fill", no_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'H'},         {"version", no_argument, NULL, 'V'},
    };
    for (int at = 0; at < NUMBERS; at++) {
        known[OTHERS + at] =
            (struct option){numbers[at].name, required_argument, NULL, FIRST_NUMBER + at};
    }
    set_defaults(self);
    /* Its messages begin with argv[0]; a path to the program would only be in the way. */
    char *const slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    if (slash != NULL) {
        argv[0] = slash + 1;
    }
    for (;;) {
        const int option = getopt_long(argc, argv, "", known, NULL);
        if (option == -1) {
            break;
        }
        const enum options_outcome outcome = read_option(self, option, optarg);
        if (outcome != OPTIONS_RUN) {
            return outcome;
        }
    }
    if (optind < argc) {
        return refuse("it takes options only", argv[optind]);
    }
    return check_together(self);
}
