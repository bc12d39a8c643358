/* What does a client ask for? Cuts the bytes of a connection into commands, as Redis 7 does.
 *
 *     *4\r\n $6\r\nRS.ACK\r\n $1\r\n7\r\n $2\r\n42\r\n $3\r\n100\r\n      a command of four
 * arguments RS.ACK 7 42 "100"\r\n                                      the same, typed by hand
 *
 * Nothing is copied: arguments are slices of the input. Only an inline command with quotes changes
 * it: escapes are resolved in place, once, in the call that returns the command.
 *
 * The verdict over a stream is the same however it was cut into pieces. A command that arrives in
 * pieces is scanned on from where the last piece ended and once more when it is complete, so that a
 * connection keeps no list of arguments. A byte that no good command has in its place is answered
 * when it is seen, in an inline command at the end of its line.
 *
 * Stricter than Redis 7: CRLF behind a length and behind an argument is checked, and a NUL byte in
 * an inline command is an error (Redis waits for more then). A negative count of arguments, which
 * means none, has at most 18 digits.
 *
 * Memory: none of its own.  Thread: the owner's.
 */
#ifndef RESP_PARSER_H
#define RESP_PARSER_H

#include "base/attribute.h"
#include "base/slice.h"

#include <stddef.h>
#include <stdint.h>

enum {
    /* The longest inline command, without its line end. */
    RESP_INLINE_SIZE_MAX = 64 * 1024,
    /* Enough for every text of resp_fault_print. */
    RESP_FAULT_TEXT_SIZE_MAX = 96,
};

/* May differ from call to call: what a command is when it is complete, counts. */
struct resp_limits {
    uint32_t arguments_max;     /* At least 1. */
    uint32_t argument_size_max; /* In bytes. */
};

/* How far the command in front of the input is known: as long as a connection lives. */
struct resp_parser {
    size_t offset; /* Where to go on, counted from the first byte of the command. */
    uint32_t arguments_expected;
    uint32_t arguments_seen;
};

enum resp_verdict {
    RESP_COMMAND, /* One is complete. */
    RESP_MORE,    /* Good so far, but more bytes are needed. */
    RESP_FULL,    /* The room for arguments may not be enough: come again with arguments_max. */
    RESP_BAD,     /* A protocol error: to be answered, and the connection closed. */
};

enum resp_fault {
    RESP_FAULT_COUNT,             /* After `*`: no number. */
    RESP_FAULT_SIZE,              /* After `$`: no number. */
    RESP_FAULT_TYPE,              /* An argument without `$`. */
    RESP_FAULT_END,               /* An argument without CRLF behind it. */
    RESP_FAULT_QUOTES,            /* Inline: a quote is not closed, or closed inside a word. */
    RESP_FAULT_INLINE_BYTE,       /* Inline: a NUL byte. */
    RESP_FAULT_INLINE_SIZE,       /* Inline: more than RESP_INLINE_SIZE_MAX. */
    RESP_FAULT_ARGUMENTS_MAX,     /* Over resp_limits. */
    RESP_FAULT_ARGUMENT_SIZE_MAX, /* Over resp_limits. */
};

struct resp_request {
    /* After every verdict: so many bytes are done with, and the input of the next call begins
     * behind them. Also counts what asks for nothing and gets no answer (empty lines, `*0`). */
    size_t size;
    /* RESP_COMMAND only. */
    uint32_t arguments_count; /* At least 1. */
    /* RESP_BAD only. */
    enum resp_fault fault;
    unsigned char fault_byte; /* The one that is wrong, where the text shows it. */
};

/* Nothing is known yet: of a new connection, or of a new command. */
static inline void resp_parser_reset(struct resp_parser *self)
{
    *self = (struct resp_parser){0};
}

/* Reads the next command of `bytes`, all that is unread of the connection; the bytes may have moved
 * since the last call. `room`: how many elements `arguments` has, at least 1; with arguments_max or
 * more the verdict is never RESP_FULL. After RESP_BAD there is nothing more to read. */
NODISCARD enum resp_verdict resp_parser_read(struct resp_parser *self,
                                             const struct resp_limits *limits, char *bytes,
                                             size_t size, struct slice *arguments, uint32_t room,
                                             struct resp_request *out_request);

/* The text of the error reply after `-ERR `, terminated; returns its size. `limits` are those that
 * the request was read with. */
size_t resp_fault_print(const struct resp_request *request, const struct resp_limits *limits,
                        char to[static RESP_FAULT_TEXT_SIZE_MAX]);

#endif
