/* What can go wrong, in one table: every fallible function of the server returns one of these.
 *
 * A status has the word that a Redis client sees first in an error reply, and a sentence. A caller
 * that knows more (which argument, which file) writes a better sentence of its own.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include "base/attribute.h"

/* clang-format off */
/*      name              word       sentence */
#define STATUS_TABLE(X)                                                                            \
    X(STATUS_OK,          "OK",      "done")                                                       \
    X(STATUS_MISSING,     "ERR",     "it is not there")                                            \
    X(STATUS_INVALID,     "ERR",     "a value is not valid")                                       \
    X(STATUS_MEMORY,      "OOM",     "the system gives no more memory")                            \
    X(STATUS_CACHE_FULL,  "OOM",     "this user does not fit into the cache beside what must stay there") \
    X(STATUS_LIMIT,       "LIMIT",   "the user has as many channels as max-channels allows")       \
    X(STATUS_VERSION,     "VERSION", "the state has another version than IFVERSION names")         \
    X(STATUS_UNWRITTEN,   "STORE",   "the change stands, but the store did not take it: it is written when the store takes writes again") \
    X(STATUS_STORE,       "STORE",   "the store did not answer for this user, try again")          \
    X(STATUS_DIRTY_FULL,  "MISCONF", "as much is unwritten as dirty-memory allows, updates are refused until the store takes writes again") \
    X(STATUS_DISK_FULL,   "MISCONF", "the disk of the data folder is as full as disk-reserve allows, updates are refused until there is room") \
    X(STATUS_JOURNAL_FULL, "MISCONF", "the journal is as large as it may be, updates are refused until the store takes writes again") \
    X(STATUS_SHUTDOWN,    "ERR",     "the server is shutting down")                                \
    X(STATUS_IO,          "ERR",     "the system reported an input or output error")               \
    X(STATUS_CORRUPT,     "ERR",     "what was read is damaged")                                   \
    X(STATUS_NEWER,       "ERR",     "what was read was written by a newer version of this program") \
    X(STATUS_BUSY,        "BUSY",    "it is in use by another process")
/* clang-format on */

enum status {
#define X(name, word, sentence) name,
    STATUS_TABLE(X)
#undef X
};

/* The first word of an error reply, upper case, without the dash. */
const char *status_word(enum status status);

/* One sentence without a full stop. */
const char *status_text(enum status status);

#endif
