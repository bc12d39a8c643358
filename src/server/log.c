#include "server/log.h"

#include "base/assert.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    TIME_SIZE = 32,
    HEAD_SIZE = 128,
    /* A byte of the message becomes at most six: \u001f. */
    LINE_SIZE = HEAD_SIZE + 6 * LOG_MESSAGE_SIZE_MAX,
};

struct line {
    size_t size;
    char bytes[LINE_SIZE];
};

void log_start(struct log *self, int lent_descriptor, enum log_format format, enum log_level level,
               struct clock lent_clock)
{
    self->lent_descriptor = lent_descriptor;
    self->format = format;
    self->lent_clock = lent_clock;
    atomic_init(&self->level, level);
}

void log_set_level(struct log *self, enum log_level level)
{
    atomic_store_explicit(&self->level, level, memory_order_relaxed);
}

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_DEBUG:
        return "debug";
    case LOG_LEVEL_INFO:
        return "info";
    case LOG_LEVEL_WARN:
        return "warn";
    case LOG_LEVEL_ERROR:
        return "error";
    }
    UNREACHABLE("a log level outside its enum");
}

static void print_time(uint64_t wall_ms, char to[static TIME_SIZE])
{
    const time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    const struct tm *filled = gmtime_r(&seconds, &parts);
    ASSERT(filled != NULL);
    const size_t size = strftime(to, TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(to + size, TIME_SIZE - size, ".%03uZ", (unsigned)(wall_ms % 1000));
}

static void append(struct line *self, const char *text)
{
    const size_t size = strlen(text);
    ASSERT(size <= LINE_SIZE - self->size);
    memcpy(self->bytes + self->size, text, size);
    self->size += size;
}

static void append_byte(struct line *self, unsigned char byte)
{
    const char text[2] = {(char)byte, '\0'};
    append(self, text);
}

static void append_as_text(struct line *self, const char *message)
{
    for (; *message != '\0'; message++) {
        const unsigned char byte = (unsigned char)*message;
        if (byte >= ' ' && byte != 0x7f) {
            append_byte(self, byte);
        } else {
            char escape[8];
            (void)snprintf(escape, sizeof escape, "\\x%02x", byte);
            append(self, escape);
        }
    }
}

/* The bytes of the UTF-8 sequence that begins there (RFC 3629); 0: none does. */
static size_t utf8_size(const char *text)
{
    const unsigned char *bytes = (const unsigned char *)text;
    const unsigned char first = bytes[0];
    if (first < 0x80) {
        return 1;
    }
    const size_t size = first >= 0xc2 && first <= 0xdf   ? 2
                        : first >= 0xe0 && first <= 0xef ? 3
                        : first >= 0xf0 && first <= 0xf4 ? 4
                                                         : 0;
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    /* Overlong forms, surrogates, and what lies above U+10FFFF. */
    const bool is_bad =
        size > 2 && ((first == 0xe0 && bytes[1] < 0xa0) || (first == 0xed && bytes[1] > 0x9f) ||
                     (first == 0xf0 && bytes[1] < 0x90) || (first == 0xf4 && bytes[1] > 0x8f));
    return is_bad ? 0 : size;
}

static void append_as_json(struct line *self, const char *message)
{
    while (*message != '\0') {
        const unsigned char byte = (unsigned char)*message;
        const size_t size = utf8_size(message);
        if (size == 0) {
            append(self, "\\ufffd");
            message++;
        } else if (byte < ' ' || byte == 0x7f) {
            char escape[8];
            (void)snprintf(escape, sizeof escape, "\\u%04x", byte);
            append(self, escape);
            message++;
        } else {
            if (byte == '"' || byte == '\\') {
                append(self, "\\");
            }
            for (size_t i = 0; i < size; i++) {
                append_byte(self, (unsigned char)*message++);
            }
        }
    }
}

static void write_line(int descriptor, const struct line *line)
{
    ssize_t written = 0;
    do {
        written = write(descriptor, line->bytes, line->size);
    } while (written < 0 && errno == EINTR);
}

void log_write(struct log *self, enum log_level level, const char *format, ...)
{
    if (level < atomic_load_explicit(&self->level, memory_order_relaxed)) {
        return;
    }
    char message[LOG_MESSAGE_SIZE_MAX + 1];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);

    char time[TIME_SIZE];
    char head[HEAD_SIZE];
    print_time(clock_read_wall_ms(&self->lent_clock), time);
    struct line line;
    line.size = 0;
    switch (self->format) {
    case LOG_FORMAT_TEXT:
        (void)snprintf(head, sizeof head, "%s %-5s ", time, level_name(level));
        append(&line, head);
        append_as_text(&line, message);
        append(&line, "\n");
        break;
    case LOG_FORMAT_JSON:
        (void)snprintf(head, sizeof head, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":\"", time,
                       level_name(level));
        append(&line, head);
        append_as_json(&line, message);
        append(&line, "\"}\n");
        break;
    }
    write_line(self->lent_descriptor, &line);
}
