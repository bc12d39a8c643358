#include "resp/parser.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "resp/inline.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

/* 10^18-1: one more digit still fits into 64 bits. */
static const uint64_t negative_count_max = 999999999999999999;

enum number {
    NUMBER_DONE,
    NUMBER_MORE,
    NUMBER_BAD,
    NUMBER_OVER, /* More than its maximum, whatever may follow. */
};

/* A canonical decimal and CRLF; on success *from is behind them. */
static inline enum number read_number(const char **from, const char *end, uint64_t max,
                                      uint64_t *out_value)
{
    const char *at = *from;
    if (at == end) {
        return NUMBER_MORE;
    }
    uint64_t value = (uint64_t)(unsigned char)*at - '0';
    if (value > 9) {
        return NUMBER_BAD;
    }
    if (value > max) {
        return NUMBER_OVER;
    }
    at++;
    /* No digit may follow a leading zero. */
    while (value != 0 && at < end) {
        const unsigned digit = (unsigned)(unsigned char)*at - '0';
        if (digit > 9) {
            break;
        }
        value = value * 10 + digit;
        if (value > max) {
            return NUMBER_OVER;
        }
        at++;
    }
    if (at == end) {
        return NUMBER_MORE;
    }
    if (*at++ != '\r') {
        return NUMBER_BAD;
    }
    if (at == end) {
        return NUMBER_MORE;
    }
    if (*at++ != '\n') {
        return NUMBER_BAD;
    }
    *from = at;
    *out_value = value;
    return NUMBER_DONE;
}

static enum resp_verdict bad(struct resp_request *request, enum resp_fault fault)
{
    request->fault = fault;
    return RESP_BAD;
}

static enum resp_verdict bad_byte(struct resp_request *request, enum resp_fault fault, char byte)
{
    request->fault_byte = (unsigned char)byte;
    return bad(request, fault);
}

/* What a number that could not be read means; `fault`: where it is none. */
static enum resp_verdict judge_number(enum number number, struct resp_request *request,
                                      enum resp_fault fault, enum resp_fault fault_over)
{
    switch (number) {
    case NUMBER_MORE:
        return RESP_MORE;
    case NUMBER_BAD:
        return bad(request, fault);
    case NUMBER_OVER:
        return bad(request, fault_over);
    case NUMBER_DONE:
        break;
    }
    UNREACHABLE("a number that was read needs no judge");
}

/* `*COUNT\r\n`; a negative count is taken as 0. */
static enum resp_verdict read_count(struct resp_parser *self, const struct resp_limits *limits,
                                    const char *bytes, size_t size, struct resp_request *request)
{
    const char *at = bytes + 1;
    const char *end = bytes + size;
    uint64_t value = 0;
    enum number number;
    if (at < end && *at == '-') {
        at++;
        if (at < end && *at == '0') {
            return bad(request, RESP_FAULT_COUNT);
        }
        number = read_number(&at, end, negative_count_max, &value);
        value = 0;
        if (number == NUMBER_OVER) {
            number = NUMBER_BAD;
        }
    } else {
        number = read_number(&at, end, limits->arguments_max, &value);
    }
    if (number != NUMBER_DONE) {
        return judge_number(number, request, RESP_FAULT_COUNT, RESP_FAULT_ARGUMENTS_MAX);
    }
    self->offset = (size_t)(at - bytes);
    self->arguments_expected = (uint32_t)value;
    return RESP_COMMAND;
}

/* What nearly every head is: its type, one digit, CRLF. */
static inline bool is_short_head(uint32_t head, char type)
{
    return (head & UINT32_C(0xffff00ff)) == (UINT32_C(0x0a0d0000) | (unsigned char)type);
}

static inline uint32_t load_head(const char *from)
{
    return bytes_read_u32((const uint8_t *)from);
}

/* What nearly every argument is: all there, good, of a size of one or two digits. False: it is not
 * that, and nothing is said of it. */
static inline bool read_short_argument(const char **from, const char *end,
                                       const struct resp_limits *limits, struct slice *out_argument)
{
    enum { HEAD_MAX = 5 }; /* `$NN\r\n` */
    const char *at = *from;
    const size_t left = (size_t)(end - at);
    if (left <= HEAD_MAX) {
        return false;
    }
    const uint32_t head = load_head(at);
    const unsigned first = (head >> 8 & 0xff) - '0';
    size_t size = first;
    if (is_short_head(head, '$')) {
        at += HEAD_MAX - 1;
    } else {
        const unsigned second = (head >> 16 & 0xff) - '0';
        size = (size_t)first * 10 + second;
        if ((head & UINT32_C(0xff0000ff)) != (UINT32_C(0x0d000000) | '$') || at[4] != '\n' ||
            first == 0 || second > 9) {
            return false;
        }
        at += HEAD_MAX;
    }
    if (first > 9 || left < HEAD_MAX + size + 2 || size > limits->argument_size_max ||
        bytes_read_u16((const uint8_t *)at + size) != ('\r' | '\n' << 8)) {
        return false;
    }
    *out_argument = (struct slice){.bytes = at, .size = size};
    *from = at + size + 2;
    return true;
}

/* `$SIZE\r\nBYTES\r\n`; on success *from is behind it. */
static inline enum resp_verdict read_argument(const char **from, const char *end,
                                              const struct resp_limits *limits,
                                              struct slice *out_argument,
                                              struct resp_request *request)
{
    const char *at = *from;
    if (at == end) {
        return RESP_MORE;
    }
    if (*at != '$') {
        return bad_byte(request, RESP_FAULT_TYPE, *at);
    }
    at++;
    uint64_t size = 0;
    const enum number number = read_number(&at, end, limits->argument_size_max, &size);
    if (number != NUMBER_DONE) {
        return judge_number(number, request, RESP_FAULT_SIZE, RESP_FAULT_ARGUMENT_SIZE_MAX);
    }
    const size_t there = (size_t)(end - at);
    if (there > size && at[size] != '\r') {
        return bad_byte(request, RESP_FAULT_END, at[size]);
    }
    if (there > size + 1 && at[size + 1] != '\n') {
        return bad_byte(request, RESP_FAULT_END, at[size + 1]);
    }
    if (there < size + 2) {
        return RESP_MORE;
    }
    *out_argument = (struct slice){.bytes = at, .size = size};
    *from = at + size + 2;
    return RESP_COMMAND;
}

/* `*N\r\n` with one digit. False: it is not that, and nothing is said of it. */
static inline bool read_short_count(struct resp_parser *self, const char *bytes, size_t size)
{
    enum { HEAD_SIZE = 4 };
    if (size < HEAD_SIZE) {
        return false;
    }
    const uint32_t head = load_head(bytes);
    const unsigned count = (head >> 8 & 0xff) - '0';
    if (!is_short_head(head, '*') || count > 9) {
        return false;
    }
    self->offset = HEAD_SIZE;
    self->arguments_expected = count;
    return true;
}

/* Goes on behind what is known; RESP_COMMAND with no argument: the command asks for nothing. */
static enum resp_verdict read_multibulk(struct resp_parser *self, const struct resp_limits *limits,
                                        const char *bytes, size_t size, struct slice *arguments,
                                        uint32_t room, struct resp_request *request)
{
    if (self->offset == 0 && !read_short_count(self, bytes, size)) {
        const enum resp_verdict verdict = read_count(self, limits, bytes, size, request);
        if (verdict != RESP_COMMAND) {
            return verdict;
        }
    }
    const uint32_t expected = self->arguments_expected;
    if (UNLIKELY(expected > limits->arguments_max)) {
        return bad(request, RESP_FAULT_ARGUMENTS_MAX);
    }
    if (expected > room) {
        return RESP_FULL;
    }
    const char *at = bytes + self->offset;
    const char *end = bytes + size;
    for (uint32_t i = self->arguments_seen; i < expected; i++) {
        if (LIKELY(read_short_argument(&at, end, limits, &arguments[i]))) {
            continue;
        }
        const enum resp_verdict verdict = read_argument(&at, end, limits, &arguments[i], request);
        if (UNLIKELY(verdict != RESP_COMMAND)) {
            self->offset = (size_t)(at - bytes);
            self->arguments_seen = i;
            return verdict;
        }
    }
    self->offset = (size_t)(at - bytes);
    request->arguments_count = expected;
    return RESP_COMMAND;
}

/* As read_multibulk. */
static enum resp_verdict read_inline(struct resp_parser *self, const struct resp_limits *limits,
                                     char *bytes, size_t size, struct slice *arguments,
                                     uint32_t room, struct resp_request *request)
{
    const size_t window = size > RESP_INLINE_SIZE_MAX ? RESP_INLINE_SIZE_MAX + 1 : size;
    char *from = bytes + self->offset;
    char *end = memchr(from, '\n', window - self->offset);
    char *seen_end = end != NULL ? end : bytes + window;
    if (memchr(from, '\0', (size_t)(seen_end - from)) != NULL) {
        return bad_byte(request, RESP_FAULT_INLINE_BYTE, '\0');
    }
    if (end == NULL) {
        self->offset = window;
        return window > RESP_INLINE_SIZE_MAX ? bad(request, RESP_FAULT_INLINE_SIZE) : RESP_MORE;
    }
    size_t line_size = (size_t)(end - bytes);
    if (line_size > 0 && bytes[line_size - 1] == '\r') {
        line_size--;
    }
    /* Asked before the line is split: splitting changes it, and so cannot be done twice. */
    if (room < limits->arguments_max && room < (line_size + 1) / 2) {
        return RESP_FULL;
    }
    self->offset = (size_t)(end + 1 - bytes);
    return resp_inline_split(bytes, line_size, limits, arguments, request);
}

enum resp_verdict resp_parser_read(struct resp_parser *self, const struct resp_limits *limits,
                                   char *bytes, size_t size, struct slice *arguments, uint32_t room,
                                   struct resp_request *out_request)
{
    out_request->size = 0;
    while (out_request->size < size) {
        char *command = bytes + out_request->size;
        const size_t left = size - out_request->size;
        const bool multibulk = *command == '*';
        const bool begun = self->arguments_seen > 0;
        ASSERT(self->offset <= left);

        const enum resp_verdict verdict =
            multibulk ? read_multibulk(self, limits, command, left, arguments, room, out_request)
                      : read_inline(self, limits, command, left, arguments, room, out_request);
        if (verdict != RESP_COMMAND) {
            return verdict;
        }
        const size_t command_size = self->offset;
        resp_parser_reset(self);
        if (UNLIKELY(begun)) {
            /* Its first arguments were read in another call: now that all is there, once more. */
            continue;
        }
        out_request->size += command_size;
        if (out_request->arguments_count > 0) {
            return RESP_COMMAND;
        }
    }
    return RESP_MORE;
}

/* `\xNN` where the byte is not printable ASCII. */
static void print_byte(char to[static sizeof "\\x00"], unsigned char byte)
{
    if (byte >= ' ' && byte <= '~') {
        (void)snprintf(to, sizeof "\\x00", "%c", byte);
    } else {
        (void)snprintf(to, sizeof "\\x00", "\\x%02x", byte);
    }
}

size_t resp_fault_print(const struct resp_request *request, const struct resp_limits *limits,
                        char to[static RESP_FAULT_TEXT_SIZE_MAX])
{
    char byte[sizeof "\\x00"];
    print_byte(byte, request->fault_byte);

#define PRINT(...) (void)snprintf(to, RESP_FAULT_TEXT_SIZE_MAX, "Protocol error: " __VA_ARGS__)
    switch (request->fault) {
    case RESP_FAULT_COUNT:
        PRINT("invalid multibulk length");
        break;
    case RESP_FAULT_SIZE:
        PRINT("invalid bulk length");
        break;
    case RESP_FAULT_TYPE:
        PRINT("expected '$', got '%s'", byte);
        break;
    case RESP_FAULT_END:
        PRINT("expected CRLF behind an argument, got '%s'", byte);
        break;
    case RESP_FAULT_QUOTES:
        PRINT("unbalanced quotes in request");
        break;
    case RESP_FAULT_INLINE_BYTE:
        PRINT("unexpected '%s' in inline request", byte);
        break;
    case RESP_FAULT_INLINE_SIZE:
        PRINT("too big inline request");
        break;
    case RESP_FAULT_ARGUMENTS_MAX:
        PRINT("too many arguments, max-arguments is %" PRIu32, limits->arguments_max);
        break;
    case RESP_FAULT_ARGUMENT_SIZE_MAX:
        PRINT("too big an argument, max-argument-bytes is %" PRIu32, limits->argument_size_max);
        break;
    }
#undef PRINT
    return strlen(to);
}
