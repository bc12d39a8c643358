/* A slow, obvious model of the request parser, for tests: it takes one byte after the other.
 *
 * It writes down what it saw, and so does resp_play of the real parser, as one run of bytes:
 *
 *     6:RS.ACK 1:7 2:42 3:100 \n           a command: for each argument its size and its bytes
 *     !Protocol error: …\n                 the end: an error
 *
 * Memory: the model's buffers.  Thread: the owner's.
 */
#ifndef RESP_PARSER_MODEL_H
#define RESP_PARSER_MODEL_H

#include "base/assert.h"
#include "memory/buffer.h"
#include "resp/parser.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum model_state {
    MODEL_START,
    MODEL_COUNT,
    MODEL_COUNT_LF,
    MODEL_TYPE,
    MODEL_SIZE,
    MODEL_SIZE_LF,
    MODEL_DATA,
    MODEL_DATA_LF,
    MODEL_INLINE,
    MODEL_DEAD,
};

struct model {
    struct resp_limits limits;
    enum model_state state;
    char number[24]; /* The digits of a count or size, and a sign. */
    size_t number_size;
    unsigned long long left; /* Arguments that are still to come. */
    unsigned long long data_size;
    struct buffer data;    /* The argument or the inline line that is being read. */
    struct buffer command; /* What will be logged when the command is complete. */
    struct buffer log;
};

static inline void log_bytes(struct buffer *log, const char *bytes, size_t size)
{
    const enum status status = buffer_append(log, (struct slice){.bytes = bytes, .size = size});
    ASSERT(status == STATUS_OK);
}

static inline void log_argument(struct buffer *log, struct slice argument)
{
    char size[24];
    log_bytes(log, size, (size_t)snprintf(size, sizeof size, "%zu:", argument.size));
    log_bytes(log, argument.bytes, argument.size);
    log_bytes(log, " ", 1);
}

static inline void log_error(struct buffer *log, const char *text)
{
    log_bytes(log, "!", 1);
    log_bytes(log, text, strlen(text));
    log_bytes(log, "\n", 1);
}

static inline void model_init(struct model *self, const struct resp_limits *limits)
{
    *self = (struct model){.limits = *limits, .state = MODEL_START};
}

static inline void model_deinit(struct model *self)
{
    buffer_deinit(&self->data);
    buffer_deinit(&self->command);
    buffer_deinit(&self->log);
}

static inline void model_die(struct model *self, const char *text)
{
    log_error(&self->log, text);
    self->state = MODEL_DEAD;
}

static inline void model_die_of_byte(struct model *self, const char *before, char c,
                                     const char *after)
{
    char text[128];
    const unsigned byte = (unsigned char)c;
    if (byte < 32 || byte > 126) {
        (void)snprintf(text, sizeof text, "Protocol error: %s'\\x%02x'%s", before, byte, after);
    } else {
        (void)snprintf(text, sizeof text, "Protocol error: %s'%c'%s", before, c, after);
    }
    model_die(self, text);
}

static inline void model_die_of_many(struct model *self)
{
    char text[128];
    (void)snprintf(text, sizeof text, "Protocol error: too many arguments, max-arguments is %u",
                   self->limits.arguments_max);
    model_die(self, text);
}

static inline void model_die_of_big(struct model *self)
{
    char text[128];
    (void)snprintf(text, sizeof text,
                   "Protocol error: too big an argument, max-argument-bytes is %u",
                   self->limits.argument_size_max);
    model_die(self, text);
}

static inline void model_finish_command(struct model *self)
{
    const struct slice command = buffer_peek(&self->command);
    if (command.size > 0) {
        log_bytes(&self->log, command.bytes, command.size);
        log_bytes(&self->log, "\n", 1);
    }
    buffer_consume(&self->command, command.size);
    self->state = MODEL_START;
}

static inline void model_finish_argument(struct model *self)
{
    const struct slice data = buffer_peek(&self->data);
    log_argument(&self->command, data);
    buffer_consume(&self->data, data.size);
    self->left--;
    self->state = MODEL_TYPE;
    if (self->left == 0) {
        model_finish_command(self);
    }
}

/* Could these digits, as they are, be the beginning or the whole of a canonical number? */
static inline bool model_number_is_good(const struct model *self, bool sign)
{
    size_t at = 0;
    if (sign && self->number_size > 0 && self->number[0] == '-') {
        at = 1;
        if (self->number_size == 2 && self->number[1] == '0') {
            return false;
        }
        if (self->number_size > 1 + 18) {
            return false;
        }
    }
    if (self->number_size > at + 1 && self->number[at] == '0') {
        return false;
    }
    for (; at < self->number_size; at++) {
        if (self->number[at] < '0' || self->number[at] > '9') {
            return false;
        }
    }
    return true;
}

static inline void model_push_digit(struct model *self, char c)
{
    const bool count = self->state == MODEL_COUNT;
    const char *bad =
        count ? "Protocol error: invalid multibulk length" : "Protocol error: invalid bulk length";
    const bool ended = self->number_size > 0 && self->number[self->number_size - 1] != '-';
    if (c == '\r' && ended) {
        self->state = count ? MODEL_COUNT_LF : MODEL_SIZE_LF;
        return;
    }
    ASSERT(self->number_size + 1 < sizeof self->number);
    self->number[self->number_size++] = c;
    self->number[self->number_size] = '\0';
    if (!model_number_is_good(self, count)) {
        model_die(self, bad);
    } else if (strtoll(self->number, NULL, 10) >
               (count ? self->limits.arguments_max : self->limits.argument_size_max)) {
        if (count) {
            model_die_of_many(self);
        } else {
            model_die_of_big(self);
        }
    }
}

static inline void model_finish_number(struct model *self, char c)
{
    const bool count = self->state == MODEL_COUNT_LF;
    if (c != '\n') {
        model_die(self, count ? "Protocol error: invalid multibulk length"
                              : "Protocol error: invalid bulk length");
        return;
    }
    const long long value = strtoll(self->number, NULL, 10);
    self->number_size = 0;
    if (!count) {
        self->data_size = (unsigned long long)value;
        self->state = MODEL_DATA;
    } else if (value > 0) {
        self->left = (unsigned long long)value;
        self->state = MODEL_TYPE;
    } else {
        self->state = MODEL_START;
    }
}

/* The byte of an escape between double quotes at line[*at], which is behind the backslash. */
static inline char model_escape(struct slice line, size_t *at)
{
    static const char names[] = "nrtba";
    static const char bytes[] = "\n\r\t\b\a";
    static const char hex[] = "0123456789abcdefABCDEF";
    const char c = line.bytes[(*at)++];
    if (c == 'x' && *at + 2 <= line.size && strchr(hex, line.bytes[*at]) != NULL &&
        strchr(hex, line.bytes[*at + 1]) != NULL) {
        const char digits[] = {line.bytes[*at], line.bytes[*at + 1], '\0'};
        *at += 2;
        return (char)strtoul(digits, NULL, 16);
    }
    const char *name = strchr(names, c);
    return (char)(name == NULL ? c : bytes[name - names]);
}

/* One word into `data`; false where the model has died of it. */
static inline bool model_split_word(struct model *self, struct slice line, size_t *at)
{
    char quote = '\0';
    while (quote != '\0' || (*at < line.size && strchr(" \t\r", line.bytes[*at]) == NULL)) {
        if (*at == line.size) {
            model_die(self, "Protocol error: unbalanced quotes in request");
            return false;
        }
        char c = line.bytes[(*at)++];
        if (quote == '\0' && (c == '"' || c == '\'')) {
            quote = c;
            continue;
        }
        if (quote != '\0' && c == quote) {
            if (*at < line.size && strchr(" \t\r\v\f", line.bytes[*at]) == NULL) {
                model_die(self, "Protocol error: unbalanced quotes in request");
                return false;
            }
            break;
        }
        if (quote == '"' && c == '\\' && *at < line.size) {
            c = model_escape(line, at);
        } else if (quote == '\'' && c == '\\' && *at < line.size && line.bytes[*at] == '\'') {
            c = line.bytes[(*at)++];
        }
        log_bytes(&self->data, &c, 1);
        if (buffer_peek_size(&self->data) > self->limits.argument_size_max) {
            model_die_of_big(self);
            return false;
        }
    }
    return true;
}

static inline void model_split_line(struct model *self, struct slice line)
{
    size_t at = 0;
    unsigned count = 0;
    for (;;) {
        while (at < line.size && strchr(" \t\r\v\f", line.bytes[at]) != NULL) {
            at++;
        }
        if (at == line.size) {
            model_finish_command(self);
            return;
        }
        if (count++ == self->limits.arguments_max) {
            model_die_of_many(self);
            return;
        }
        if (!model_split_word(self, line, &at)) {
            return;
        }
        const struct slice word = buffer_peek(&self->data);
        log_argument(&self->command, word);
        buffer_consume(&self->data, word.size);
    }
}

static inline void model_push_inline(struct model *self, char c)
{
    if (c == '\0') {
        model_die_of_byte(self, "unexpected ", c, " in inline request");
        return;
    }
    if (c != '\n') {
        log_bytes(&self->data, &c, 1);
        if (buffer_peek_size(&self->data) > RESP_INLINE_SIZE_MAX) {
            model_die(self, "Protocol error: too big inline request");
        }
        return;
    }
    struct buffer line = self->data;
    buffer_init(&self->data);
    struct slice text = buffer_peek(&line);
    if (text.size > 0 && text.bytes[text.size - 1] == '\r') {
        text.size--;
    }
    model_split_line(self, text);
    buffer_deinit(&line);
}

static inline void model_push_data(struct model *self, char c)
{
    if (buffer_peek_size(&self->data) < self->data_size) {
        log_bytes(&self->data, &c, 1);
    } else if (c == '\r') {
        self->state = MODEL_DATA_LF;
    } else {
        model_die_of_byte(self, "expected CRLF behind an argument, got ", c, "");
    }
}

static inline void model_push(struct model *self, char c)
{
    switch (self->state) {
    case MODEL_START:
        self->number_size = 0;
        self->state = c == '*' ? MODEL_COUNT : MODEL_INLINE;
        if (c != '*') {
            model_push_inline(self, c);
        }
        break;
    case MODEL_COUNT:
    case MODEL_SIZE:
        model_push_digit(self, c);
        break;
    case MODEL_COUNT_LF:
    case MODEL_SIZE_LF:
        model_finish_number(self, c);
        break;
    case MODEL_TYPE:
        self->state = MODEL_SIZE;
        if (c != '$') {
            model_die_of_byte(self, "expected '$', got ", c, "");
        }
        break;
    case MODEL_DATA:
        model_push_data(self, c);
        break;
    case MODEL_DATA_LF:
        if (c == '\n') {
            model_finish_argument(self);
        } else {
            model_die_of_byte(self, "expected CRLF behind an argument, got ", c, "");
        }
        break;
    case MODEL_INLINE:
        model_push_inline(self, c);
        break;
    case MODEL_DEAD:
        break;
    }
}

#endif
