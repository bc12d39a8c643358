/* What happened between two moments: counts, and how long things took.
 *
 * Memory: its owner's, some 280 KB.  Thread: one at a time.
 */
#ifndef LOAD_TALLY_H
#define LOAD_TALLY_H

#include "load/histogram.h"
#include "load/mix.h"
#include "load/reply.h"

#include <stdint.h>

enum { TALLY_WORDS_MAX = 8 };

struct refusals {
    char words[TALLY_WORDS_MAX][REPLY_WORD_SIZE];
    uint64_t counts[TALLY_WORDS_MAX];
    uint32_t words_count;
    uint64_t others;            /* Of further words. */
    char line[REPLY_LINE_SIZE]; /* The first one, for people. */
};

struct tally {
    uint64_t sent;       /* Given to the socket, or to the buffer in front of it. */
    uint64_t answered;   /* Without an error. */
    uint64_t refused;    /* With one. */
    uint64_t unexpected; /* A reply that its command cannot have. */
    uint64_t held_back;  /* Due, and the socket took no more at that moment. */
    uint64_t not_sent;   /* Due, and never sent: the bounded queue was full, or the end came. */
    uint64_t unanswered; /* Sent, and still without an answer when the waiting for it ended. */
    uint64_t lost_connections;
    struct refusals refusals;
    struct histogram lateness;       /* How late the loop itself came to what was due. */
    struct histogram latency[KINDS]; /* Of the answered. */
    struct histogram refusal_latency;
};

void tally_init(struct tally *self);

/* Adds all that the other has. */
void tally_add(struct tally *self, const struct tally *other);

void refusals_insert(struct refusals *self, const struct reply *reply);

/* Of all kinds. */
void tally_sum_latency(const struct tally *self, struct histogram *out_sum);

#endif
