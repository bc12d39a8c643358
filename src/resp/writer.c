#include "resp/writer.h"

#include "base/decimal.h"

#include <stdio.h>

enum {
    LINE_END_SIZE = 2,
    /* A type, a sign, the longest number, a line end. */
    HEAD_SIZE_MAX = 2 + DECIMAL_SIZE_MAX + LINE_END_SIZE,
};

/* Behind the last whole reply part; NULL after a failure, this one or an earlier one. */
static inline char *reserve(struct resp_writer *self, size_t size)
{
    if (UNLIKELY(self->failed)) {
        return NULL;
    }
    char *to = buffer_reserve(self->lent_output, size);
    if (UNLIKELY(to == NULL)) {
        self->failed = true;
    }
    return to;
}

/* Makes what was written from the reserved place to `end` a part of the output. */
static inline void finish(struct resp_writer *self, const char *end)
{
    struct buffer *output = self->lent_output;
    buffer_extend(output, (size_t)(end - (output->bytes + output->end)));
}

static inline char *put_line_end(char *to)
{
    to[0] = '\r';
    to[1] = '\n';
    return to + LINE_END_SIZE;
}

static inline char *put_bytes(char *to, struct slice bytes)
{
    if (bytes.size > 0) {
        memcpy(to, bytes.bytes, bytes.size);
    }
    return to + bytes.size;
}

/* At most HEAD_SIZE_MAX - 1 bytes. */
static inline char *put_head(char *to, char type, uint64_t value)
{
    *to++ = type;
    if (LIKELY(value < 10)) {
        *to++ = (char)('0' + value);
    } else {
        to += decimal_print_u64(to, value);
    }
    return put_line_end(to);
}

static char *put_one_line(char *to, struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        const char c = text.bytes[i];
        *to++ = (char)(c == '\r' || c == '\n' ? ' ' : c);
    }
    return to;
}

static void write_literal(struct resp_writer *self, const char *literal)
{
    const struct slice bytes = slice_from_text(literal);
    char *to = reserve(self, bytes.size);
    if (to != NULL) {
        finish(self, put_bytes(to, bytes));
    }
}

static void write_head(struct resp_writer *self, char type, uint64_t value)
{
    char *to = reserve(self, HEAD_SIZE_MAX);
    if (to != NULL) {
        finish(self, put_head(to, type, value));
    }
}

void resp_write_simple(struct resp_writer *self, struct slice text)
{
    char *to = reserve(self, 1 + text.size + LINE_END_SIZE);
    if (to != NULL) {
        *to++ = '+';
        finish(self, put_line_end(put_one_line(to, text)));
    }
}

void resp_write_error(struct resp_writer *self, const char *word, struct slice text)
{
    self->error_word = word;
    const struct slice first = slice_from_text(word);
    char *to = reserve(self, 1 + first.size + 1 + text.size + LINE_END_SIZE);
    if (to != NULL) {
        *to++ = '-';
        to = put_one_line(to, first);
        *to++ = ' ';
        finish(self, put_line_end(put_one_line(to, text)));
    }
}

void resp_write_integer(struct resp_writer *self, int64_t value)
{
    char *to = reserve(self, HEAD_SIZE_MAX);
    if (to == NULL) {
        return;
    }
    if (value >= 0) {
        finish(self, put_head(to, ':', (uint64_t)value));
        return;
    }
    /* Negated as unsigned: the smallest number has no positive counterpart. */
    *to = ':';
    finish(self, put_head(to + 1, '-', 0 - (uint64_t)value));
}

void resp_write_double(struct resp_writer *self, double value)
{
    /* All digits that a double has, as Redis prints them. */
    char text[32];
    const int size = snprintf(text, sizeof text, "%.17g", value);
    const struct slice digits = {.bytes = text, .size = (size_t)size};
    if (self->version == RESP_VERSION_2) {
        resp_write_bulk(self, digits);
        return;
    }
    char *to = reserve(self, 1 + digits.size + LINE_END_SIZE);
    if (to != NULL) {
        *to++ = ',';
        finish(self, put_line_end(put_bytes(to, digits)));
    }
}

void resp_write_pair(struct resp_writer *self, uint64_t first, uint64_t second)
{
    static const char head[] = {'*', '2', '\r', '\n'};
    char *to = reserve(self, sizeof head + (size_t)2 * HEAD_SIZE_MAX);
    if (to != NULL) {
        memcpy(to, head, sizeof head);
        finish(self, put_head(put_head(to + sizeof head, ':', first), ':', second));
    }
}

void resp_write_bulk(struct resp_writer *self, struct slice bytes)
{
    char *to = reserve(self, HEAD_SIZE_MAX + bytes.size + LINE_END_SIZE);
    if (to != NULL) {
        finish(self, put_line_end(put_bytes(put_head(to, '$', bytes.size), bytes)));
    }
}

void resp_write_bulk_u64(struct resp_writer *self, uint64_t value)
{
    char digits[DECIMAL_SIZE_MAX];
    const size_t size = decimal_print_u64(digits, value);
    resp_write_bulk(self, (struct slice){.bytes = digits, .size = size});
}

void resp_write_verbatim(struct resp_writer *self, struct slice text)
{
    if (self->version == RESP_VERSION_2) {
        resp_write_bulk(self, text);
        return;
    }
    const struct slice format = slice_from_text("txt:");
    char *to = reserve(self, HEAD_SIZE_MAX + format.size + text.size + LINE_END_SIZE);
    if (to != NULL) {
        to = put_bytes(put_head(to, '=', format.size + text.size), format);
        finish(self, put_line_end(put_bytes(to, text)));
    }
}

void resp_write_null(struct resp_writer *self)
{
    write_literal(self, self->version == RESP_VERSION_2 ? "$-1\r\n" : "_\r\n");
}

void resp_write_null_array(struct resp_writer *self)
{
    write_literal(self, self->version == RESP_VERSION_2 ? "*-1\r\n" : "_\r\n");
}

void resp_write_array_head(struct resp_writer *self, uint64_t elements)
{
    write_head(self, '*', elements);
}

void resp_write_map_head(struct resp_writer *self, uint64_t pairs)
{
    if (self->version == RESP_VERSION_2) {
        write_head(self, '*', pairs * 2);
    } else {
        write_head(self, '%', pairs);
    }
}

void resp_write_set_head(struct resp_writer *self, uint64_t elements)
{
    write_head(self, self->version == RESP_VERSION_2 ? '*' : '~', elements);
}

void resp_write_push_head(struct resp_writer *self, uint64_t elements)
{
    write_head(self, self->version == RESP_VERSION_2 ? '*' : '>', elements);
}
