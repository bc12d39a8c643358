#include "replay/options.h"

#include "replay/decimal_text.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum {
    PORT_DEFAULT = 6677,
    DEPTH_DEFAULT = 64,
};

static const char help[] =
    "Usage: readstates-replay TRACE [options]\n"
    "\n"
    "Plays a chat trace into a readstates server as a chat backend would, then compares\n"
    "every read state of every user with a plain model of its own. Begin with a server\n"
    "that has no data of these users; played again, the trace ends the same.\n"
    "\n"
    "  TRACE              a trace, plain or gzip: lines of minute, channel, kind (join,\n"
    "                     message or leave), user and mentioned users, separated by tabs\n"
    "  --host HOST        where the server is (127.0.0.1)\n"
    "  --port PORT        and on which port (6677)\n"
    "  --unixsocket PATH  the server's Unix socket, instead of host and port\n"
    "  --depth N          how many commands are on their way at once, 1 to 4096 (64)\n"
    "  --verify-only      play into the model alone, and compare what the server has:\n"
    "                     after a restart\n"
    "  --help             show this and exit\n"
    "  --version          show the version and exit\n"
    "\n"
    "Exit code: 0 no difference; 1 a difference, or a command was refused; 2 wrong usage\n"
    "or a trace that cannot be read; 3 the server cannot be reached, or was lost.\n";

static enum options_outcome refuse(const char *what, const char *got)
{
    fprintf(stderr, "readstates-replay: %s, got '%s' (see --help)\n", what, got);
    return OPTIONS_WRONG;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *out_value)
{
    return decimal_text_parse(text, strlen(text), max, out_value) && *out_value != 0;
}

static enum options_outcome read_option(struct options *self, int option, const char *value)
{
    uint64_t number = 0;
    switch (option) {
    case 'h':
        self->address.host = value;
        return value[0] != '\0' ? OPTIONS_RUN : refuse("--host must name a host", value);
    case 'p':
        if (!parse_number(value, UINT16_MAX, &number)) {
            return refuse("--port must be 1 to 65535", value);
        }
        self->address.port = (uint16_t)number;
        return OPTIONS_RUN;
    case 'u':
        self->address.unixsocket = value;
        return value[0] != '\0' ? OPTIONS_RUN : refuse("--unixsocket must name a socket", value);
    case 'd':
        if (!parse_number(value, CLIENT_DEPTH_MAX, &number)) {
            return refuse("--depth must be 1 to 4096", value);
        }
        self->depth = (uint32_t)number;
        return OPTIONS_RUN;
    case 'v':
        self->verify_only = true;
        return OPTIONS_RUN;
    case 'H':
        fputs(help, stdout);
        return OPTIONS_DONE;
    case 'V':
        puts("readstates-replay " READSTATES_VERSION);
        return OPTIONS_DONE;
    default:
        /* getopt_long has said what is wrong. */
        fputs("readstates-replay: see --help for what it takes\n", stderr);
        return OPTIONS_WRONG;
    }
}

enum options_outcome options_read(struct options *self, int argc, char **argv)
{
    static const struct option known[] = {
        {"host", required_argument, NULL, 'h'},       {"port", required_argument, NULL, 'p'},
        {"unixsocket", required_argument, NULL, 'u'}, {"depth", required_argument, NULL, 'd'},
        {"verify-only", no_argument, NULL, 'v'},      {"help", no_argument, NULL, 'H'},
        {"version", no_argument, NULL, 'V'},          {NULL, 0, NULL, 0},
    };
    *self = (struct options){
        .address = {.host = "127.0.0.1", .port = PORT_DEFAULT},
        .depth = DEPTH_DEFAULT,
    };
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
    if (optind == argc) {
        fputs("readstates-replay: name the TRACE to play (see --help)\n", stderr);
        return OPTIONS_WRONG;
    }
    if (argc - optind > 1) {
        return refuse("only one TRACE can be played", argv[optind + 1]);
    }
    self->trace = argv[optind];
    return OPTIONS_RUN;
}
