/* Plays a stream to the request parser in pieces, for tests, and writes down what it says.
 *
 * Every call gets its input and its room for arguments in blocks of their own of exactly that size:
 * a byte read too far is seen by the sanitizer, and what the parser keeps cannot be an address.
 *
 * Memory: the log is the caller's.  Thread: the owner's.
 */
#ifndef RESP_PARSER_PLAY_H
#define RESP_PARSER_PLAY_H

#include "base/assert.h"
#include "memory/buffer.h"
#include "resp/parser.h"
#include "resp/parser_model.h"

#include <stdbool.h>
#include <stdlib.h>

struct play {
    struct resp_limits limits;
    uint32_t room; /* For arguments, at the first try. */
    struct resp_parser parser;
    struct slice stream;
    size_t consumed;
    bool dead;
    struct buffer log;
};

static inline void play_init(struct play *self, const struct resp_limits *limits, uint32_t room,
                             struct slice stream)
{
    *self = (struct play){.limits = *limits, .room = room, .stream = stream};
    resp_parser_reset(&self->parser);
}

static inline void play_deinit(struct play *self)
{
    buffer_deinit(&self->log);
}

static inline void play_log_command(struct play *self, const struct resp_request *request,
                                    const struct slice *arguments, const char *bytes)
{
    ASSERT(request->arguments_count > 0);
    ASSERT(request->arguments_count <= self->limits.arguments_max);
    const char *least = bytes;
    for (uint32_t i = 0; i < request->arguments_count; i++) {
        ASSERT(arguments[i].size <= self->limits.argument_size_max);
        ASSERT(arguments[i].bytes >= least);
        least = arguments[i].bytes + arguments[i].size;
        ASSERT(least <= bytes + request->size);
        log_argument(&self->log, arguments[i]);
    }
    log_bytes(&self->log, "\n", 1);
}

/* One call of the parser over what has come, up to `end`. */
static inline enum resp_verdict play_read(struct play *self, size_t end, uint32_t room)
{
    const size_t size = end - self->consumed;
    char *bytes = malloc(size == 0 ? 1 : size);
    struct slice *arguments = malloc(room * sizeof *arguments);
    ASSERT(arguments != NULL && bytes != NULL);
    if (size > 0) {
        memcpy(bytes, self->stream.bytes + self->consumed, size);
    }
    struct resp_request request;
    const enum resp_verdict verdict =
        resp_parser_read(&self->parser, &self->limits, bytes, size, arguments, room, &request);
    ASSERT(request.size <= size);
    self->consumed += request.size;
    switch (verdict) {
    case RESP_COMMAND:
        play_log_command(self, &request, arguments, bytes);
        break;
    case RESP_BAD: {
        char text[RESP_FAULT_TEXT_SIZE_MAX];
        const size_t text_size = resp_fault_print(&request, &self->limits, text);
        ASSERT(text_size == strlen(text) && text_size + 1 < sizeof text);
        log_error(&self->log, text);
        self->dead = true;
        break;
    }
    case RESP_FULL:
        ASSERT(room < self->limits.arguments_max);
        break;
    case RESP_MORE:
        break;
    }
    free(arguments);
    free(bytes);
    return verdict;
}

/* The bytes of the stream up to `end` have come. */
static inline void play_feed(struct play *self, size_t end)
{
    enum resp_verdict verdict = RESP_COMMAND;
    while (!self->dead && verdict != RESP_MORE) {
        const uint32_t room = verdict == RESP_FULL ? self->limits.arguments_max : self->room;
        verdict = play_read(self, end, room);
    }
}

#endif
