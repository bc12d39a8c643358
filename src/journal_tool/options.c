#include "journal_tool/options.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: readstates-journal check|dump|stat FILE...\n"
    "\n"
    "Looks into the journal of a readstates server: the files *.journal in the folder\n"
    "journal of its data folder. It reads only. A folder stands for all such files in it.\n"
    "Of a server that is running, the end of a log is found while it moves on.\n"
    "\n"
    "  check       up to which byte each file is whole, and whether what follows is the end\n"
    "              of the log or damage\n"
    "  dump        every entry as a JSON object on a line of its own\n"
    "  stat        what stands in each file, and in all: entries, users, states, versions\n"
    "\n"
    "  --help      show this and exit\n"
    "  --version   show the version and exit\n"
    "\n"
    "Exit code: 0 all is whole; 1 a file is damaged before the end of its log; 2 wrong\n"
    "usage, or a file that cannot be read.\n";

static enum options_outcome refuse(const char *what, const char *got)
{
    fprintf(stderr, "readstates-journal: %s, got '%s' (see --help)\n", what, got);
    return OPTIONS_WRONG;
}

enum options_outcome options_read(struct options *self, int argc, char **argv)
{
    static const char *const commands[] = {
        [OPTIONS_CHECK] = "check", [OPTIONS_DUMP] = "dump", [OPTIONS_STAT] = "stat"};
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return OPTIONS_DONE;
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts("readstates-journal " READSTATES_VERSION);
            return OPTIONS_DONE;
        }
        if (strncmp(argv[i], "--", 2) == 0) {
            return refuse("the options are --help and --version", argv[i]);
        }
    }
    if (argc < 2) {
        fputs("readstates-journal: say check, dump or stat, and name files (see --help)\n", stderr);
        return OPTIONS_WRONG;
    }
    size_t command = 0;
    while (command < sizeof commands / sizeof commands[0] &&
           strcmp(argv[1], commands[command]) != 0) {
        command++;
    }
    if (command == sizeof commands / sizeof commands[0]) {
        return refuse("the first word must be check, dump or stat", argv[1]);
    }
    const int first = argc > 2 && strcmp(argv[2], "--") == 0 ? 3 : 2;
    if (first >= argc) {
        fprintf(stderr, "readstates-journal: name the files, or the folder, to %s (see --help)\n",
                commands[command]);
        return OPTIONS_WRONG;
    }
    *self = (struct options){.command = (enum options_command)command,
                             .paths = argv + first,
                             .paths_count = argc - first};
    return OPTIONS_RUN;
}
