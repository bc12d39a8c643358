/* A chat trace: what people did, minute by minute, read whole into memory.
 *
 * A line is one event, its columns separated by tabs:
 *
 *     minute   channel   kind                    user   mentioned users
 *     0        78        join, message, leave    13535  13538,13540       (may be empty, or
 * missing)
 *
 * Lines ascend by minute; lines that begin with '#', and empty ones, are skipped. The file is plain
 * or gzip. The n-th message (n from 1, over all channels) has the id minute * 60000 * 2^22 + n.
 *
 * Memory: the trace owns its arrays, until trace_deinit.
 * Limits: users and channels are 1 to 2^63-1, minutes 0 to TRACE_MINUTE_MAX, a line
 * TRACE_LINE_SIZE_MAX bytes.
 */
#ifndef REPLAY_TRACE_H
#define REPLAY_TRACE_H

#include "replay/id_map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TRACE_ERROR_SIZE = 1024,
    TRACE_LINE_SIZE_MAX = 16 << 20,
    /* The last minute whose messages have ids below 2^63. */
    TRACE_MINUTE_MAX = 36650387,
};

enum event_kind {
    EVENT_JOIN,
    EVENT_MESSAGE,
    EVENT_LEAVE,
};

/* Users and channels are numbers in the trace's maps. */
struct event {
    uint64_t
        message; /* Of a message its id; else the channel's newest so far, 0 where it has none. */
    size_t mentions_at; /* In the trace's mentions. */
    uint32_t mentions_count;
    uint32_t channel;
    uint32_t user;
    uint32_t line; /* In the file, from 1. */
    enum event_kind kind;
};

struct trace {
    struct event *events;
    size_t events_count;
    size_t events_capacity;
    uint32_t *mentions;
    size_t mentions_count;
    size_t mentions_capacity;
    struct id_map users; /* Those who act and those who are mentioned. */
    struct id_map channels;
    uint64_t *newest; /* The last message of each channel. */
    size_t newest_capacity;
    size_t joins;
    size_t messages;
    size_t leaves;
    uint32_t minute; /* Of the last event. */
};

void trace_init(struct trace *self);
void trace_deinit(struct trace *self);

/* Reads the file into an empty trace. False: error says what is wrong, and in which line. */
bool trace_read_file(struct trace *self, const char *path, char error[static TRACE_ERROR_SIZE])
    __attribute__((warn_unused_result));

/* One line without its end. False: error says what is wrong, without naming file and line. */
bool trace_read_line(struct trace *self, const char *bytes, size_t size, uint32_t line,
                     char error[static TRACE_ERROR_SIZE]) __attribute__((warn_unused_result));

#endif
