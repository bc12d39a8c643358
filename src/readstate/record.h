/* The form of a user in the store: a record, and for a large user leaves beside it.
 *
 *     0        1       2             6         14          22       26           30
 *     ┌────────┬───────┬─────────────┬─────────┬───────────┬────────┬────────────┬──────────┐
 *     │ format │ flags │ incarnation │ version │ purged_to │ live   │ tombstones │ one leaf │
 *     │ u8 = 1 │ u8    │ u32         │ u64     │ u64       │ states │ u32        │ (leaf.h) │
 *     │        │       │             │         │           │ u32    │            │          │
 *     └────────┴───────┴─────────────┴─────────┴───────────┴────────┴────────────┴──────────┘
 *
 *     flags:   1 the states stand in leaves of their own, and none follows here
 *
 * Numbers in a record are little-endian. Those in keys are big-endian, so that in an ordered store
 * a user's record comes right before the user's leaves, and these stand by channel:
 *
 *     key of a record:  user u64                                        8 bytes
 *     key of a leaf:    user u64 │ fence channel id u64 │ fence type u8   17 bytes
 *
 * A leaf's fence is the lowest channel that it may hold; that of the first is 0 of type 0, or more.
 *
 * Memory: the caller's; what decoding gives points into what it was given.
 */
#ifndef READSTATE_RECORD_H
#define READSTATE_RECORD_H

#include "base/attribute.h"
#include "base/ids.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    RECORD_FORMAT = 1,
    RECORD_HEAD_SIZE = 30,
    RECORD_USER_KEY_SIZE = 8,
    RECORD_LEAF_KEY_SIZE = 17,
};

struct record_head {
    bool in_leaves; /* The states stand in leaves of their own. */
    uint32_t incarnation;
    uint64_t version;   /* The user's; at least that of each state. To 2^63-1. */
    uint64_t purged_to; /* At most version. */
    uint32_t live_states;
    uint32_t tombstones;
};

/* The record's first bytes. Where in_leaves is not set, a leaf is to follow them. */
void record_encode_head(uint8_t to[static RECORD_HEAD_SIZE], const struct record_head *head);

/* Any bytes. STATUS_OK if they are one whole record, whose leaf is whole (leaf_check) and has as
 * many states as the head says, none newer than the user; *out_leaf is that leaf, or empty with
 * in_leaves. STATUS_NEWER: of a later format, not to be overwritten. Else STATUS_CORRUPT. On
 * failure nothing is set. */
NODISCARD enum status record_decode(struct slice bytes, struct record_head *out_head,
                                    struct slice *out_leaf);

void record_encode_user_key(uint8_t to[static RECORD_USER_KEY_SIZE], struct user_id user);
void record_encode_leaf_key(uint8_t to[static RECORD_LEAF_KEY_SIZE], struct user_id user,
                            struct channel_key fence);

struct record_key {
    struct user_id user;
    bool is_leaf;             /* Else it is the record's. */
    struct channel_key fence; /* Of a leaf; of a record 0. */
};

/* Any bytes. STATUS_CORRUPT, and nothing set, if they are no key that the functions above write. */
NODISCARD enum status record_decode_key(struct slice bytes, struct record_key *out_key);

#endif
