/* What went wrong, in one sentence for the person who starts or asks the server.
 *
 * Memory: the caller's.  Threads: any.
 */
#ifndef BASE_FAILURE_H
#define BASE_FAILURE_H

#include "base/attribute.h"

enum {
    /* With the terminator; what is longer is cut. */
    FAILURE_SIZE = 2048,
};

struct failure {
    char text[FAILURE_SIZE];
};

void failure_set(struct failure *self, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
