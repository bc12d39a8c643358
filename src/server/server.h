/* How it is all put together: options, data folder, store and net, from start to a clean end.
 *
 * Memory: owns what it opens.  Thread: the program's first, which serves nobody and waits for
 * signals.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "server/options.h"

/* Exit codes of the program. */
enum server_exit {
    SERVER_EXIT_CLEAN = 0,   /* All that was answered is in the store, or in the journal. */
    SERVER_EXIT_FAILED = 1,  /* It could not start, or something is in neither of them. */
    SERVER_EXIT_JOURNAL = 3, /* The journal could not be written or synced: it stopped at once. */
};

/* Serves until SIGTERM, SIGINT or SHUTDOWN. What goes wrong is said in the log, on stderr.
 * `config_path` is where CONFIG REWRITE writes; empty: nowhere. */
enum server_exit server_run(const struct options *options, const char *config_path);

#endif
