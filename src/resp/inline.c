#include "resp/inline.h"

#include <stdbool.h>

struct cursor {
    char *from; /* The next byte to read. */
    char *to;   /* Where the next byte of the word goes: never past `from`. */
    const char *end;
};

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Not the same: Redis takes \v and \f between words, and not as the end of one. */
static bool ends_word(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* -1: not a hexadecimal digit. */
static int digit_of(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static char escape_of(char c)
{
    switch (c) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'b':
        return '\b';
    case 'a':
        return '\a';
    default:
        return c;
    }
}

/* Behind a backslash between double quotes, of which one more byte is there. */
static void read_escape(struct cursor *self)
{
    if (*self->from == 'x' && self->end - self->from >= 3) {
        const int high = digit_of(self->from[1]);
        const int low = digit_of(self->from[2]);
        if (high >= 0 && low >= 0) {
            *self->to++ = (char)(high * 16 + low);
            self->from += 3;
            return;
        }
    }
    *self->to++ = escape_of(*self->from++);
}

/* Behind an opening quote, to behind the closing one; false where there is none, where something
 * other than a space follows it, or where the word gets longer than to `to_max`. */
static bool read_quoted(struct cursor *self, char quote, const char *to_max)
{
    while (self->from < self->end && self->to <= to_max) {
        const char c = *self->from++;
        if (c == quote) {
            return self->from == self->end || is_space(*self->from);
        }
        if (c == '\\' && self->from < self->end && quote == '"') {
            read_escape(self);
        } else if (c == '\\' && self->from < self->end && *self->from == '\'') {
            *self->to++ = *self->from++;
        } else {
            *self->to++ = c;
        }
    }
    return false;
}

/* One word, whose first byte is there; false where its quotes are wrong or it is too long. */
static bool read_word(struct cursor *self, size_t size_max)
{
    const char *to_max = self->to + size_max;
    while (self->from < self->end && self->to <= to_max && !ends_word(*self->from)) {
        const char c = *self->from++;
        if (c == '"' || c == '\'') {
            return read_quoted(self, c, to_max);
        }
        *self->to++ = c;
    }
    return self->to <= to_max;
}

enum resp_verdict resp_inline_split(char *line, size_t size, const struct resp_limits *limits,
                                    struct slice *arguments, struct resp_request *out_request)
{
    struct cursor cursor = {.from = line, .end = line + size};
    /* No word is longer than its line: keeps the sum below inside of it. */
    const size_t size_max = limits->argument_size_max < size ? limits->argument_size_max : size;
    uint32_t count = 0;
    for (;;) {
        while (cursor.from < cursor.end && is_space(*cursor.from)) {
            cursor.from++;
        }
        if (cursor.from == cursor.end) {
            out_request->arguments_count = count;
            return RESP_COMMAND;
        }
        if (count == limits->arguments_max) {
            out_request->fault = RESP_FAULT_ARGUMENTS_MAX;
            return RESP_BAD;
        }
        char *word = cursor.from;
        cursor.to = word;
        const bool good = read_word(&cursor, size_max);
        const size_t word_size = (size_t)(cursor.to - word);
        if (!good) {
            out_request->fault =
                word_size > size_max ? RESP_FAULT_ARGUMENT_SIZE_MAX : RESP_FAULT_QUOTES;
            return RESP_BAD;
        }
        arguments[count++] = (struct slice){.bytes = word, .size = word_size};
    }
}
