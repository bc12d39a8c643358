/* What kinds of commands are sent, and how often each: ack=60,get=15 and so on.
 *
 * Memory: plain data.  Thread: any.
 */
#ifndef LOAD_MIX_H
#define LOAD_MIX_H

#include "base/attribute.h"

#include <stdbool.h>
#include <stdint.h>

/* clang-format off */
/*     name          word       weight by default */
#define KIND_TABLE(X)                \
    X(KIND_ACK,      "ack",      60) \
    X(KIND_MENTION,  "mention",  10) \
    X(KIND_MESSAGE,  "message",   5) \
    X(KIND_LIST,     "list",      5) \
    X(KIND_GET,      "get",      15) \
    X(KIND_BULK,     "bulk",      5)
/* clang-format on */

enum kind {
#define X(name, word, weight) name,
    KIND_TABLE(X)
#undef X
        KINDS,
};

enum { MIX_WEIGHT_MAX = 1000000 };

struct mix {
    uint32_t weights[KINDS];
    uint32_t sum; /* At least 1. */
};

/* The table's weights. */
void mix_init(struct mix *self);

/* Kinds that are not named are not sent. False: a word is unknown or comes twice, a weight is not
 * a number up to MIX_WEIGHT_MAX, or all are 0. */
NODISCARD bool mix_parse(struct mix *self, const char *text);

/* The seed moves on. */
enum kind mix_draw(const struct mix *self, uint64_t *seed);

const char *kind_word(enum kind kind);

#endif
