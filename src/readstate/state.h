/* One read state, unpacked: what the rules work on. In memory and in the store it is packed
 * (leaf.h).
 *
 * Always: last_read <= floor. The known mentions ascend, and are above floor and counted_to.
 * counted_to is above last_read and at least floor, or it is 0, and counted then too. A tombstone
 * has last_read = floor, and beside channel and version nothing else.
 *
 * A state is over 2 KB for its mentions, of which few are ever there: fill and copy those kept
 * only.
 *
 * Memory: plain data, no pointers.
 */
#ifndef READSTATE_STATE_H
#define READSTATE_STATE_H

#include "base/ids.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    /* The range of the option mention-ids-kept. */
    MENTION_IDS_KEPT_MIN = 4,
    MENTION_IDS_KEPT_MAX = 255,
};

/* The number of mentions stops here (contract, section 3). */
#define MENTIONS_MAX UINT32_C(0x7fffffff)

/* The highest timestamp of a pin: 2^53-1 milliseconds. */
#define PIN_MS_MAX UINT64_C(0x1fffffffffffff)

/* A message that mentioned the user and is not read. */
struct mention {
    uint64_t message : 63;
    uint64_t withdrawn : 1; /* Known, so that a late retry does not count; does not count itself. */
};

struct read_state {
    struct channel_key channel;
    bool deleted;          /* A tombstone. */
    uint8_t mentions_kept; /* How many of `mentions` are there. */
    uint16_t viewed_days;  /* Since 2015-01-01; 0: never. */
    uint16_t flags;
    uint32_t counted;    /* Mentions whose ids are no longer kept, 0 to MENTIONS_MAX. */
    uint64_t counted_to; /* The highest id that was only counted; 0: none is. */
    uint64_t last_read;
    uint64_t floor;
    uint64_t pin_ms;  /* 0: none; to PIN_MS_MAX. */
    uint64_t version; /* Of the user, at the last visible change; 0: it is not there yet. */
    struct mention mentions[MENTION_IDS_KEPT_MAX]; /* Beyond the kept: undefined. */
};

/* What a client is shown of a state: the contract's `state`. */
struct state_view {
    struct channel_key channel;
    bool present;     /* false: nil (RS.GET only); the rest is undefined. */
    bool approximate; /* Some mentions are only counted. */
    bool deleted;     /* Then last_read is the floor, and all but version is 0. */
    uint16_t viewed_days;
    uint16_t flags;
    uint32_t mentions; /* 0 to MENTIONS_MAX. */
    uint64_t last_read;
    uint64_t floor;
    uint64_t pin_ms;
    uint64_t version;
};

/* A state as it starts: nothing read, nothing mentioned, version 0 until the caller gives one. */
void read_state_init(struct read_state *self, struct channel_key channel);

/* 0 to MENTIONS_MAX: those counted and those known by id that are not withdrawn. */
uint32_t read_state_count_mentions(const struct read_state *self);

void read_state_view(const struct read_state *self, struct state_view *out_view);

/* A tombstone's view, made from a state's: it shows nothing but floor and version. */
void state_view_show_tombstone(struct state_view *self);

#endif
