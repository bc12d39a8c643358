/* readstates-server: the program. */
#include "os/files.h"
#include "os/machine.h"
#include "server/options_print.h"
#include "server/options_read.h"
#include "server/server.h"
#include "server/version.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argument_count, char **arguments)
{
    struct options options;
    struct failure failure;
    struct options_wishes wishes;
    const struct files files = files_get_system();
    options_set_defaults(&options, machine_read());
    if (options_read(&options, &files, environ, argument_count, arguments, &wishes, &failure) !=
        STATUS_OK) {
        fprintf(stderr, "readstates-server: %s\n", failure.text);
        return SERVER_EXIT_FAILED;
    }
    switch (wishes.wish) {
    case OPTIONS_WISH_HELP:
        options_print_help(stdout);
        return SERVER_EXIT_CLEAN;
    case OPTIONS_WISH_VERSION:
        printf("readstates-server %s\n", version_get());
        return SERVER_EXIT_CLEAN;
    case OPTIONS_WISH_SERVE:
        break;
    }
    /* Where a link leads is what is rewritten, and not the link. */
    char *config_path =
        wishes.lent_config_path == NULL ? NULL : realpath(wishes.lent_config_path, NULL);
    const enum server_exit result = server_run(&options, config_path == NULL ? "" : config_path);
    free(config_path);
    return (int)result;
}
