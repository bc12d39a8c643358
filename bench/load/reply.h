/* Whole RESP2 replies told apart in a stream of bytes: of each is known how it begins, and of an
 * error its word. Nothing else is kept.
 *
 * Memory: plain data; all zero (reply_reader_init) at the start of a stream.  Thread: one.
 */
#ifndef LOAD_REPLY_H
#define LOAD_REPLY_H

#include "base/attribute.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REPLY_LINE_SIZE = 64,
    REPLY_WORD_SIZE = 16, /* With its end; a longer word is cut. */
};

struct reply {
    char type;                  /* The first byte: + - : $ * */
    bool failed;                /* It is an error, or a value in it is. */
    char word[REPLY_WORD_SIZE]; /* Of the first error in it, without the dash. */
    char line[REPLY_LINE_SIZE]; /* That error's beginning, for people. */
};

struct reply_reader {
    struct reply reply;   /* The one that is being read. */
    uint64_t values_left; /* Of it; 0: between two replies. */
    uint64_t skip;        /* Bytes of a bulk string still to come. */
    char line[REPLY_LINE_SIZE];
    uint32_t line_size;
    bool broken; /* What came is not RESP2: nothing more is read. */
};

void reply_reader_init(struct reply_reader *self);

/* Takes bytes until a reply is whole (true: it stands in self->reply until the next call) or there
 * are no more. *out_taken is how many were taken. */
NODISCARD bool reply_reader_take(struct reply_reader *self, const char *bytes, size_t size,
                                 size_t *out_taken);

#endif
