/* Replies that several of the session's commands give.
 *
 * Memory: the connection's output.  Thread: the connection's.
 */
#ifndef NET_SESSION_REPLY_H
#define NET_SESSION_REPLY_H

#include "base/quote.h"
#include "net/connection.h"
#include "net/render.h"
#include "net/request.h"

#include <stdio.h>

static inline void write_text(struct resp_writer *to, const char *text)
{
    resp_write_bulk(to, slice_from_text(text));
}

static inline void write_ok(struct connection *self)
{
    resp_write_simple(&self->writer, slice_from_text("OK"));
}

static inline void wrong_arity(struct connection *self, const char *command)
{
    char text[REQUEST_ERROR_SIZE];
    snprintf(text, sizeof text, "wrong number of arguments for '%s' command", command);
    render_error(&self->writer, text);
}

/* A subcommand that takes none. False: it was told so. */
static inline bool has_no_arguments(struct connection *self, uint32_t count, const char *command)
{
    if (count != 2) {
        wrong_arity(self, command);
    }
    return count == 2;
}

/* The lines, of which NULL is the last, as Redis gives its help. */
static inline void write_help(struct resp_writer *to, const char *const lines[])
{
    uint64_t count = 0;
    while (lines[count] != NULL) {
        count++;
    }
    resp_write_array_head(to, count);
    for (uint64_t i = 0; i < count; i++) {
        resp_write_simple(to, slice_from_text(lines[i]));
    }
}

static inline void unknown_subcommand(struct connection *self, struct slice name,
                                      const char *command)
{
    char shown[QUOTE_SIZE];
    char text[REQUEST_ERROR_SIZE];
    snprintf(text, sizeof text, "unknown subcommand '%s'. Try %s HELP.", quote_print(shown, name),
             command);
    render_error(&self->writer, text);
}

#endif
