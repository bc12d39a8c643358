/* A message of the change feed as clients get it, made once for all of them.
 *
 *     head ─┬─ *3␍␊ ─┬─ $7␍␊message␍␊$4␍␊rs:7␍␊$118␍␊{"user":"7", ... }␍␊
 *     RESP3 └─ >3␍␊ ─┘  └──────────────── bytes ────────────────────────┘
 *
 * Memory: one heap block, shared by all who have still to send it (memory/arc.h). Threads: any.
 */
#ifndef NET_FEED_TEXT_H
#define NET_FEED_TEXT_H

#include "base/slice.h"
#include "base/status.h"
#include "memory/arc.h"
#include "memory/buffer.h"
#include "message/publication.h"
#include "resp/writer.h"

#include <stdint.h>

enum { FEED_HEAD_SIZE = 4 };

struct feed_text {
    struct arc arc;
    uint32_t incarnation;
    struct user_id user;
    uint64_t version;
    uint32_t size;
    char bytes[];
};

/* Before the bytes of every text: the head of an array, or of a push. */
struct slice feed_text_get_head(enum resp_version version);

/* The text is made in a buffer: begun, then given all its states, then ended. `epoch` is the
 * server's. The buffer may hold something that is dropped. STATUS_MEMORY: begin anew. */
struct feed_draft {
    struct buffer json;
    uint64_t states;
    struct user_id user;
    uint32_t incarnation;
    uint64_t version;
};

NODISCARD enum status feed_draft_begin(struct feed_draft *self, const char *epoch,
                                       const struct publication *publication);
NODISCARD enum status feed_draft_add(struct feed_draft *self, const struct state_view *views,
                                     uint32_t count);
NODISCARD enum status feed_draft_end(struct feed_draft *self, struct feed_text **out_text);
void feed_draft_deinit(struct feed_draft *self);

/* One owner more. */
struct feed_text *feed_text_acquire(struct feed_text *self);

/* Does nothing where it is empty. */
void feed_text_release(struct feed_text **taken_text);

/* Bytes on the wire. */
static inline size_t feed_text_get_size(const struct feed_text *self)
{
    return FEED_HEAD_SIZE + self->size;
}

#endif
