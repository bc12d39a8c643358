/* Where options come from: a file, then the environment, then the command line; the later one wins.
 *
 *     file          port = 7000                 `;` and `#` begin a comment, no sections
 *     environment   READSTATES_PORT=7000        names that are no options are left alone
 *     command line  --port 7000  --port=7000    a yes-or-no option alone means yes
 *
 * Each function stops at the first fault, and says where it is and what would be right.
 *
 * Memory: the caller's; what a file takes is freed before the return.  Threads: any.
 */
#ifndef SERVER_OPTIONS_READ_H
#define SERVER_OPTIONS_READ_H

#include "base/attribute.h"
#include "base/failure.h"
#include "base/status.h"
#include "os/files.h"
#include "server/options.h"

enum {
    OPTIONS_FILE_SIZE_MAX = 256 * 1024,
    OPTIONS_FILE_LINE_MAX = 198, /* inih's own bound, without the newline. */
};

enum options_wish {
    OPTIONS_WISH_SERVE,
    OPTIONS_WISH_HELP,
    OPTIONS_WISH_VERSION,
};

/* What a command line says beside the options. */
struct options_wishes {
    enum options_wish wish;
    const char *lent_config_path; /* NULL: none. One of the arguments. */
};

/* All three sources in their order, then options_check. Where help or the version is wished for,
 * nothing else is read. `environment` ends with NULL. */
NODISCARD enum status options_read(struct options *self, const struct files *files,
                                   char *const environment[], int argument_count,
                                   char *const arguments[], struct options_wishes *out_wishes,
                                   struct failure *out_failure);

/* The whole file into `to`, which has room for OPTIONS_FILE_SIZE_MAX + 1 bytes. */
NODISCARD enum status options_load_file(const struct files *files, const char *path, char *to,
                                        size_t *out_size, struct failure *out_failure);

/* A file's text; `path` is for the failure's sentence. Not STATUS_OK: nothing is changed. */
NODISCARD enum status options_read_text(struct options *self, const char *path, struct slice text,
                                        struct failure *out_failure);

NODISCARD enum status options_read_file(struct options *self, const struct files *files,
                                        const char *path, struct failure *out_failure);

NODISCARD enum status options_read_environment(struct options *self, char *const environment[],
                                               struct failure *out_failure);

/* The first argument is the program's name. What stands behind --help or --version is not read. */
NODISCARD enum status options_read_arguments(struct options *self, int argument_count,
                                             char *const arguments[],
                                             struct options_wishes *out_wishes,
                                             struct failure *out_failure);

#endif
