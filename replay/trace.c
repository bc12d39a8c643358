#include "replay/trace.h"

#include "replay/array.h"
#include "replay/decimal_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    COLUMNS_MIN = 4,
    COLUMNS_MAX = 5,
    READ_SIZE = 1 << 16,
    GOT_SIZE_MAX = 64,
};

#define ID_MAX ((uint64_t)INT64_MAX)

struct column {
    const char *bytes;
    size_t size;
};

void trace_init(struct trace *self)
{
    *self = (struct trace){0};
    id_map_init(&self->users);
    id_map_init(&self->channels);
}

void trace_deinit(struct trace *self)
{
    free(self->events);
    free(self->mentions);
    free(self->newest);
    id_map_deinit(&self->users);
    id_map_deinit(&self->channels);
    *self = (struct trace){0};
}

/* A file may hold anything: what is shown of it is short, and safe on a terminal. */
static bool refuse(char error[static TRACE_ERROR_SIZE], const char *expected, struct column got)
{
    char text[GOT_SIZE_MAX * 4 + 1];
    size_t used = 0;
    for (size_t at = 0; at < got.size && at < GOT_SIZE_MAX; at++) {
        const unsigned char byte = (unsigned char)got.bytes[at];
        if (byte >= ' ' && byte <= '~') {
            text[used++] = (char)byte;
        } else {
            used += (size_t)snprintf(text + used, sizeof text - used, "\\x%02x", byte);
        }
    }
    text[used] = '\0';
    snprintf(error, TRACE_ERROR_SIZE, "%s, got '%s'", expected, text);
    return false;
}

/* The next piece of `rest` up to `separator`, which is skipped; false when nothing is left. */
static bool next_piece(struct column *rest, char separator, struct column *out_piece)
{
    if (rest->bytes == NULL) {
        return false;
    }
    const char *end = rest->size == 0 ? NULL : memchr(rest->bytes, separator, rest->size);
    if (end == NULL) {
        *out_piece = *rest;
        *rest = (struct column){0};
        return true;
    }
    *out_piece = (struct column){.bytes = rest->bytes, .size = (size_t)(end - rest->bytes)};
    *rest = (struct column){.bytes = end + 1, .size = rest->size - out_piece->size - 1};
    return true;
}

static bool parse_id(struct column column, uint64_t *out_id)
{
    return decimal_text_parse(column.bytes, column.size, ID_MAX, out_id) && *out_id != 0;
}

static bool parse_minute(const struct trace *self, struct column column, uint32_t *out_minute,
                         char error[static TRACE_ERROR_SIZE])
{
    uint64_t minute = 0;
    if (!decimal_text_parse(column.bytes, column.size, TRACE_MINUTE_MAX, &minute)) {
        return refuse(error, "column 1, the minute, must be 0 to 36650387", column);
    }
    if (minute < self->minute) {
        return refuse(error, "column 1, the minute, must not go back: a trace is sorted by minute",
                      column);
    }
    *out_minute = (uint32_t)minute;
    return true;
}

static bool parse_kind(struct column column, enum event_kind *out_kind)
{
    static const struct {
        const char *name;
        enum event_kind kind;
    } kinds[] = {{"join", EVENT_JOIN}, {"message", EVENT_MESSAGE}, {"leave", EVENT_LEAVE}};

    for (size_t at = 0; at < sizeof kinds / sizeof kinds[0]; at++) {
        if (strlen(kinds[at].name) == column.size &&
            memcmp(kinds[at].name, column.bytes, column.size) == 0) {
            *out_kind = kinds[at].kind;
            return true;
        }
    }
    return false;
}

static bool read_mentions(struct trace *self, struct column column, struct event *event,
                          char error[static TRACE_ERROR_SIZE])
{
    event->mentions_at = self->mentions_count;
    if (column.size == 0) {
        return true;
    }
    if (event->kind != EVENT_MESSAGE) {
        return refuse(error, "column 5, the mentioned users, must be empty but for a message",
                      column);
    }
    struct column piece;
    while (next_piece(&column, ',', &piece)) {
        uint64_t user = 0;
        if (!parse_id(piece, &user)) {
            return refuse(error,
                          "column 5, the mentioned users, must be ids of 1 to 9223372036854775807 "
                          "with commas between them",
                          piece);
        }
        self->mentions = array_reserve(self->mentions, &self->mentions_capacity,
                                       self->mentions_count + 1, sizeof *self->mentions);
        self->mentions[self->mentions_count++] = id_map_insert(&self->users, user);
        event->mentions_count++;
    }
    return true;
}

/* Gives the message its id, or the join or leave the newest one before it. */
static void insert_event(struct trace *self, struct event *event, uint32_t minute)
{
    self->minute = minute;
    switch (event->kind) {
    case EVENT_MESSAGE:
        self->messages++;
        event->message = (((uint64_t)minute * 60000) << 22) + self->messages;
        self->newest[event->channel] = event->message;
        break;
    case EVENT_JOIN:
        self->joins++;
        event->message = self->newest[event->channel];
        break;
    case EVENT_LEAVE:
        self->leaves++;
        event->message = self->newest[event->channel];
        break;
    }
    self->events = array_reserve(self->events, &self->events_capacity, self->events_count + 1,
                                 sizeof *self->events);
    self->events[self->events_count++] = *event;
}

static uint32_t insert_channel(struct trace *self, uint64_t id)
{
    const uint32_t before = self->channels.count;
    const uint32_t channel = id_map_insert(&self->channels, id);
    if (channel == before) {
        self->newest = array_reserve(self->newest, &self->newest_capacity, (size_t)before + 1,
                                     sizeof *self->newest);
        self->newest[channel] = 0;
    }
    return channel;
}

bool trace_read_line(struct trace *self, const char *bytes, size_t size, uint32_t line,
                     char error[static TRACE_ERROR_SIZE])
{
    if (size > 0 && bytes[size - 1] == '\r') {
        size--;
    }
    if (size == 0 || bytes[0] == '#') {
        return true;
    }
    struct column rest = {.bytes = bytes, .size = size};
    struct column columns[COLUMNS_MAX] = {0};
    struct column column;
    size_t count = 0;
    for (; next_piece(&rest, '\t', &column); count++) {
        if (count < COLUMNS_MAX) {
            columns[count] = column;
        }
    }
    if (count < COLUMNS_MIN || count > COLUMNS_MAX) {
        snprintf(error, TRACE_ERROR_SIZE,
                 "a line must have 4 or 5 columns (minute, channel, kind, user, mentioned users) "
                 "with a tab between them, this one has %zu",
                 count);
        return false;
    }

    struct event event = {.line = line};
    uint32_t minute = 0;
    uint64_t channel = 0;
    uint64_t user = 0;
    if (!parse_minute(self, columns[0], &minute, error)) {
        return false;
    }
    if (!parse_id(columns[1], &channel)) {
        return refuse(error, "column 2, the channel, must be 1 to 9223372036854775807", columns[1]);
    }
    if (!parse_kind(columns[2], &event.kind)) {
        return refuse(error, "column 3, the kind, must be join, message or leave", columns[2]);
    }
    if (!parse_id(columns[3], &user)) {
        return refuse(error, "column 4, the user, must be 1 to 9223372036854775807", columns[3]);
    }
    event.channel = insert_channel(self, channel);
    event.user = id_map_insert(&self->users, user);
    if (!read_mentions(self, columns[4], &event, error)) {
        return false;
    }
    insert_event(self, &event, minute);
    return true;
}

/* What was read of the file and is not yet a whole line. */
struct line_buffer {
    char *bytes;
    size_t size;
    size_t capacity;
    uint32_t line; /* Of the next line, from 1. */
};

static bool read_buffered_line(struct trace *self, struct line_buffer *buffer, const char *path,
                               const char *bytes, size_t size, char error[static TRACE_ERROR_SIZE])
{
    char reason[TRACE_ERROR_SIZE];
    if (buffer->line == UINT32_MAX) {
        snprintf(error, TRACE_ERROR_SIZE, "%s: has more than %u lines", path, UINT32_MAX - 1);
        return false;
    }
    if (!trace_read_line(self, bytes, size, buffer->line, reason)) {
        snprintf(error, TRACE_ERROR_SIZE, "%s:%u: %.*s", path, buffer->line, TRACE_ERROR_SIZE / 2,
                 reason);
        return false;
    }
    buffer->line++;
    return true;
}

/* Reads all whole lines of the buffer and moves what is left to its front. */
static bool read_whole_lines(struct trace *self, struct line_buffer *buffer, size_t looked_at,
                             const char *path, char error[static TRACE_ERROR_SIZE])
{
    size_t begin = 0;
    size_t search = looked_at;
    for (;;) {
        const char *end = memchr(buffer->bytes + search, '\n', buffer->size - search);
        if (end == NULL) {
            break;
        }
        const size_t at = (size_t)(end - buffer->bytes);
        if (!read_buffered_line(self, buffer, path, buffer->bytes + begin, at - begin, error)) {
            return false;
        }
        begin = at + 1;
        search = begin;
    }
    buffer->size -= begin;
    memmove(buffer->bytes, buffer->bytes + begin, buffer->size);
    if (buffer->size > TRACE_LINE_SIZE_MAX) {
        snprintf(error, TRACE_ERROR_SIZE, "%s:%u: the line is longer than %d MiB", path,
                 buffer->line, TRACE_LINE_SIZE_MAX >> 20);
        return false;
    }
    return true;
}

static bool refuse_file(gzFile file, const char *path, char error[static TRACE_ERROR_SIZE])
{
    int code = Z_OK;
    const char *text = gzerror(file, &code);
    snprintf(error, TRACE_ERROR_SIZE, "%s: cannot be read: %s", path,
             code == Z_ERRNO ? strerror(errno) : text);
    return false;
}

static bool read_lines(struct trace *self, struct line_buffer *buffer, gzFile file,
                       const char *path, char error[static TRACE_ERROR_SIZE])
{
    for (;;) {
        buffer->bytes =
            array_reserve(buffer->bytes, &buffer->capacity, buffer->size + READ_SIZE, 1);
        const int got = gzread(file, buffer->bytes + buffer->size, READ_SIZE);
        if (got < 0) {
            return refuse_file(file, path, error);
        }
        if (got == 0) {
            break;
        }
        const size_t looked_at = buffer->size;
        buffer->size += (size_t)got;
        if (!read_whole_lines(self, buffer, looked_at, path, error)) {
            return false;
        }
    }
    /* A gzip file that was cut reads as a short one: only its end tells. */
    int code = Z_OK;
    (void)gzerror(file, &code);
    if (code != Z_OK) {
        return refuse_file(file, path, error);
    }
    if (buffer->size > 0 &&
        !read_buffered_line(self, buffer, path, buffer->bytes, buffer->size, error)) {
        return false;
    }
    if (self->events_count == 0) {
        snprintf(error, TRACE_ERROR_SIZE, "%s: has no event in it, so there is nothing to play",
                 path);
        return false;
    }
    return true;
}

bool trace_read_file(struct trace *self, const char *path, char error[static TRACE_ERROR_SIZE])
{
    errno = 0;
    gzFile file = gzopen(path, "rb");
    if (file == NULL) {
        snprintf(error, TRACE_ERROR_SIZE, "%s: cannot be opened: %s", path,
                 errno == 0 ? "no memory" : strerror(errno));
        return false;
    }
    struct line_buffer buffer = {.line = 1};
    const bool done = read_lines(self, &buffer, file, path, error);
    free(buffer.bytes);
    (void)gzclose_r(file);
    return done;
}
