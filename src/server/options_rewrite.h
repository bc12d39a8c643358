/* CONFIG REWRITE: the values that were changed live go into the config file.
 *
 *     # how much                             # how much
 *     cache-memory = 1gb  ; for now   ──►    cache-memory = 2gb  ; for now
 *                                            # Changed with CONFIG SET:
 *                                            commit-delay = 10s
 *
 * A line that sets a changed option gets the new value in the old one's place; what is not there
 * yet is added at the end. All else stays as it was, byte for byte.
 *
 * Memory: the caller's; what it takes is freed before the return.  Threads: any.
 */
#ifndef SERVER_OPTIONS_REWRITE_H
#define SERVER_OPTIONS_REWRITE_H

#include "base/attribute.h"
#include "base/failure.h"
#include "memory/buffer.h"
#include "os/files.h"
#include "server/options.h"

/* The text as it has to be; `path` is for the failure's sentence. STATUS_INVALID: it is not one
 * that a server would start with. */
NODISCARD enum status options_rewrite_text(const struct options *options,
                                           const bool is_changed[static OPTIONS_COUNT],
                                           const char *path, struct slice text, struct buffer *to,
                                           struct failure *out_failure);

/* The file, in one step: it has either its old content or the new one, whatever happens. One that
 * is not there any more is made. */
NODISCARD enum status options_rewrite(const struct options *options,
                                      const bool is_changed[static OPTIONS_COUNT],
                                      const struct files *files, const char *path,
                                      struct failure *out_failure);

#endif
