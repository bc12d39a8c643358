/* What somebody sent, as an error may show it.
 *
 * Memory: the caller's.  Thread: any.
 */
#ifndef BASE_QUOTE_H
#define BASE_QUOTE_H

#include "base/slice.h"

enum {
    /* The rest is cut off (contract, section 4). */
    QUOTE_BYTES_MAX = 64,
    /* Each byte as \xNN, and the terminator. */
    QUOTE_SIZE = 4 * QUOTE_BYTES_MAX + 1,
};

/* Bytes outside printable ASCII as \xNN. Terminated; returns `to`. */
const char *quote_print(char to[static QUOTE_SIZE], struct slice got);

#endif
