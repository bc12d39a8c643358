/* What the operator reads: one line for each event, to one file descriptor.
 *
 *     2026-01-01T12:00:00.123Z info  ready on 127.0.0.1:6677
 *     {"time":"2026-01-01T12:00:00.123Z","level":"info","message":"ready on 127.0.0.1:6677"}
 *
 * A line is one write, so the lines of several threads never mix. What cannot be written is lost:
 * a log that is stuck or full must not stop the server.
 *
 * Memory: none of its own.  Threads: any, once started.
 */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include "base/attribute.h"
#include "os/clock.h"

#include <stdatomic.h>

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARN,
    LOG_LEVEL_ERROR,
};

enum log_format {
    LOG_FORMAT_TEXT,
    LOG_FORMAT_JSON,
};

/* A longer message is cut. */
enum { LOG_MESSAGE_SIZE_MAX = 2048 };

struct log {
    int lent_descriptor;
    enum log_format format;
    struct clock lent_clock;
    _Atomic(enum log_level) level; /* May change at any time. */
};

void log_start(struct log *self, int lent_descriptor, enum log_format format, enum log_level level,
               struct clock lent_clock);

void log_set_level(struct log *self, enum log_level level);

/* Nothing happens below the log's level. In text control characters become \xNN, so that no message
 * can look like two; in JSON bytes that are not UTF-8 become U+FFFD. */
void log_write(struct log *self, enum log_level level, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
