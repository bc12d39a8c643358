/* Replies as bytes, in the version of the protocol that the client speaks.
 *
 *                RESP2                RESP3
 *     nil        $-1  (array *-1)     _
 *     double     $S   digits          ,digits
 *     map        *2N  key value …     %N  key value …
 *     set        *N   element …       ~N  element …
 *     push       *N   element …       >N  element …
 *     verbatim   $S   text            =S  txt:text
 *
 * The head of an array, map, set or push says how many elements the caller writes next.
 *
 * The first word of the last error stays in `error_word`, for who counts them.
 *
 * When the system gives no more memory the writer notes it in `failed` and writes nothing more, so
 * that only the end of a reply needs a check: the reply is then cut, and the connection is lost.
 *
 * Memory: the lent buffer's.  Thread: the owner's.
 */
#ifndef RESP_WRITER_H
#define RESP_WRITER_H

#include "base/slice.h"
#include "memory/buffer.h"

#include <stdbool.h>
#include <stdint.h>

enum resp_version {
    RESP_VERSION_2 = 2,
    RESP_VERSION_3 = 3,
};

struct resp_writer {
    struct buffer *lent_output;
    enum resp_version version; /* HELLO changes it between two replies. */
    bool failed;
    const char *error_word; /* A literal; NULL: none, or it was counted. */
};

/* Speaks RESP2, as every connection does at its start. */
static inline struct resp_writer resp_writer_over(struct buffer *lent_output)
{
    return (struct resp_writer){.lent_output = lent_output, .version = RESP_VERSION_2};
}

/* `+TEXT`. CR and LF, here and in errors, become spaces, as in Redis: they would end the reply. */
void resp_write_simple(struct resp_writer *self, struct slice text);

/* `-WORD TEXT`. The word is a literal. */
void resp_write_error(struct resp_writer *self, const char *word, struct slice text);

void resp_write_integer(struct resp_writer *self, int64_t value);

/* In RESP2 a bulk of its digits. Finite. */
void resp_write_double(struct resp_writer *self, double value);

/* An array of two integers, 0 to 2^63-1: what most commands are answered with. */
void resp_write_pair(struct resp_writer *self, uint64_t first, uint64_t second);

/* Any bytes. */
void resp_write_bulk(struct resp_writer *self, struct slice bytes);

/* A bulk of decimal digits: ids, which clients keep as strings. */
void resp_write_bulk_u64(struct resp_writer *self, uint64_t value);

/* Text for people, such as INFO's. */
void resp_write_verbatim(struct resp_writer *self, struct slice text);

void resp_write_null(struct resp_writer *self);

/* Where an array could have been. */
void resp_write_null_array(struct resp_writer *self);

void resp_write_array_head(struct resp_writer *self, uint64_t elements);
void resp_write_map_head(struct resp_writer *self, uint64_t pairs);
void resp_write_set_head(struct resp_writer *self, uint64_t elements);
void resp_write_push_head(struct resp_writer *self, uint64_t elements);

#endif
