/* Messages of the feed that wait for one connection to take them.
 *
 *     first                        count
 *     [ text | text | text | ... ]        each shared with the other connections that wait for it
 *       ▲ `sent` bytes are out already
 *
 * Bounded: what does not fit is for the caller to merge.
 *
 * Memory: an array of pointers, and a share in each text.  Thread: the connection's.
 */
#ifndef NET_FEED_QUEUE_H
#define NET_FEED_QUEUE_H

#include "net/feed_text.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    FEED_QUEUE_TEXTS_MAX = 1024,
    FEED_QUEUE_BYTES_MAX = 256 * 1024, /* More only of a single text, or of a merged one. */
    FEED_QUEUE_SLICES_MAX = 64,
};

struct feed_queue {
    struct feed_text **texts; /* A ring. */
    uint32_t room;            /* A power of two, or 0. */
    uint32_t first;
    uint32_t count;
    size_t bytes; /* Of all of them, as if nobody else had them. */
    size_t sent;  /* Of the first. */
};

/* False, and the text is still the caller's: it is full, or there is no memory. */
NODISCARD bool feed_queue_push(struct feed_queue *self, struct feed_text **taken_text);

/* A merged one, of which the caller has one at a time: its place is not taken by others, however
 * many come. False: there is no memory. */
NODISCARD bool feed_queue_push_merged(struct feed_queue *self, struct feed_text **taken_text);

/* Drops those for which `is_kept` says false, but none of which a byte is among the `sending` that
 * are with the system. */
void feed_queue_filter(struct feed_queue *self, size_t sending,
                       bool (*is_kept)(const void *lent_context, const struct feed_text *text),
                       const void *lent_context);

/* What is to be sent next of the first `texts_max`, in the client's protocol: at most
 * FEED_QUEUE_SLICES_MAX slices, of which there are *out_count, valid until the next push or
 * consume; *out_bytes in all. */
void feed_queue_peek(const struct feed_queue *self, enum resp_version version, uint32_t texts_max,
                     struct slice slices[static FEED_QUEUE_SLICES_MAX], uint32_t *out_count,
                     size_t *out_bytes);

/* So many bytes were sent. */
void feed_queue_consume(struct feed_queue *self, size_t bytes);

void feed_queue_deinit(struct feed_queue *self);

#endif
