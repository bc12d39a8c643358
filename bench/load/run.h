/* One run from its first connection to its last answer: loops, and a look at them each second.
 *
 * Memory: borrows everything.  Thread: one; it waits.
 */
#ifndef LOAD_RUN_H
#define LOAD_RUN_H

#include "base/attribute.h"
#include "load/options.h"
#include "load/result.h"

enum { RUN_ERROR_SIZE = 256 };

/* Tells each second on standard output. False: `error` is a sentence. */
NODISCARD bool run_all(const struct options *options, struct result *result,
                       char error[static RUN_ERROR_SIZE]);

#endif
