/* A leaf: read states of one user, sorted by channel, packed into one run of bytes.
 *
 *     0      2      4        8
 *     ┌──────┬──────┬────────┬───────────┬─────┬───────────┬────────────────────┐
 *     │ rows │ side │ widths │ row 0     │ ... │ row n-1   │ side entries       │
 *     │ u16  │ bytes│ 4 x u8 │           │     │           │ of the rows that   │
 *     │      │ u16  │        │           │     │           │ have one, in order │
 *     └──────┴──────┴────────┴───────────┴─────┴───────────┴────────────────────┘
 *
 *     row:   bits u8 │ channel id │ channel type │ last_read │ version
 *                      0-8 bytes    0-1 byte       0-8 bytes   0-8 bytes
 *
 *     bits:  1 has a side entry, 2 is a tombstone (which has none); never both
 *
 * The widths of a leaf's four columns are those of its largest values, and stand in its head: a
 * plain user with snowflakes for ids takes 19 or 20 bytes a state, and 26 at the most. When a value
 * does not fit, the leaf is written anew with a wider column (of versions that is at 2^8, 2^16,
 * 2^24: seldom enough to need no room ahead). Columns get narrower only where a leaf is split.
 *
 * What few states have (mentions, a floor above last_read, pin, viewed, flags) stands in a side
 * entry (leaf_side.h).
 *
 * The same bytes go to the store, so writing a leaf copies it and loading checks it (leaf_check).
 * All numbers are little-endian. Nothing here reads or writes a byte beyond the leaf's size.
 *
 * A state that is put in must be whole: channel id and version 1 to 2^63-1, messages to 2^63-1, the
 * rest in the ranges that state.h gives, and all as it always is there. leaf_check refuses any
 * other.
 *
 * Memory: the caller's; a leaf of `size` bytes lies in a buffer of `capacity`, at any address. No
 * function keeps a pointer.
 */
#ifndef READSTATE_LEAF_H
#define READSTATE_LEAF_H

#include "base/attribute.h"
#include "base/status.h"
#include "readstate/state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LEAF_COLUMNS = 4, /* Channel id, channel type, last_read, version. */
    LEAF_HEAD_SIZE = 2 + 2 + LEAF_COLUMNS,
    LEAF_ROW_SIZE_MAX = 1 + 8 + 1 + 8 + 8,
    /* With 255 ids of 8 bytes, their withdrawn bits and every other field. */
    LEAF_SIDE_SIZE_MAX = 3 + 8 + 4 + 8 + 8 + 2 + 2 + 2 + 255 * 8 + 32,
    LEAF_ROWS_MAX = 1024,
    /* What a leaf may grow to before leaf_write refuses: the caller splits it first. */
    LEAF_SIZE_MAX = 60000,
};

/* An empty leaf of LEAF_HEAD_SIZE bytes. */
void leaf_init(uint8_t *leaf);

/* How many bytes it takes, and how many states it has (tombstones too). */
size_t leaf_get_size(const uint8_t *leaf);
uint32_t leaf_get_rows(const uint8_t *leaf);

/* True where the channel is there; *out_row is its row, or the row it would be inserted at. */
bool leaf_find(const uint8_t *leaf, struct channel_key channel, uint32_t *out_row);

/* Unpacks row `row`, 0 to rows - 1. Of out_state->mentions only the kept are written. */
void leaf_read(const uint8_t *leaf, uint32_t row, struct read_state *out_state);
struct channel_key leaf_get_channel(const uint8_t *leaf, uint32_t row);
uint64_t leaf_get_version(const uint8_t *leaf, uint32_t row);

/* Like leaf_read and read_state_view, without unpacking the mentions. */
void leaf_view(const uint8_t *leaf, uint32_t row, struct state_view *out_view);

/* The views of rows `first` (which may be beyond the last) and after, views_max at most; how many.
 */
uint32_t leaf_view_rows(const uint8_t *leaf, uint32_t first, struct state_view *views,
                        uint32_t views_max);

struct leaf_totals {
    uint64_t mentions;         /* In all. */
    uint32_t mentioned_states; /* How many live states have any. */
    uint32_t live_states;
    uint32_t tombstones;
};
struct leaf_totals leaf_count_totals(const uint8_t *leaf);

/* How the leaf must change so that a state can stand at a row. */
struct leaf_change {
    size_t size;   /* Of the leaf afterwards. */
    bool in_place; /* The columns are wide enough: leaf_write needs no second buffer. */
    uint8_t widths[LEAF_COLUMNS]; /* Of the leaf afterwards. */

    /* The state's side entry: where it is or comes, as long as rows are as they are; its size
     * before and afterwards, 0: none. Both 0: side_offset means nothing. */
    uint16_t side_offset;
    uint16_t side_size_before;
    uint16_t side_size;
};

/* `insert`: a new row before `row`; else `row` is replaced (same channel). The caller sees to
 * LEAF_ROWS_MAX and LEAF_SIZE_MAX before it writes. */
struct leaf_change leaf_measure(const uint8_t *leaf, uint32_t row, bool insert,
                                const struct read_state *state);

/* In place; the buffer has room for change->size bytes, and change->in_place is true. `change` was
 * measured for the same row and state, and the leaf has not changed since. */
void leaf_write(uint8_t *leaf, const struct leaf_change *change, uint32_t row, bool insert,
                const struct read_state *state);

/* The same into another buffer of at least change->size bytes, whatever the columns. `from` stays
 * as it is. */
void leaf_write_to(uint8_t *to, const uint8_t *from, const struct leaf_change *change, uint32_t row,
                   bool insert, const struct read_state *state);

/* How an ack of a row without a side entry ended. */
enum leaf_acked {
    LEAF_ACKED_UNCHANGED,
    LEAF_ACKED_CHANGED,
    LEAF_ACKED_NOT, /* It has a side entry, is a tombstone, or a value does not fit: nothing was
                     * done. */
};

/* rules_ack on row `row`, which takes `version` if it changes, without unpacking it: nearly every
 * state that is acked is plain. *out_version is the row's afterwards. */
enum leaf_acked leaf_ack(uint8_t *leaf, uint32_t row, struct message_id message, uint64_t version,
                         uint64_t *out_version);

/* In place; the columns keep their widths. */
void leaf_remove(uint8_t *leaf, uint32_t row);

/* Where to cut so that both halves have about as many bytes: 1 to rows - 1. Wants two rows or more.
 */
uint32_t leaf_find_middle(const uint8_t *leaf);

/* Rows first to last - 1 as a leaf of their own, columns as narrow as they can be. Returns its
 * size, at most leaf_get_size(from); `to` has room for that. */
size_t leaf_copy_rows(uint8_t *to, const uint8_t *from, uint32_t first, uint32_t last);

/* Bytes from outside: STATUS_OK if they are one whole leaf of exactly `size` bytes that every
 * function here can work on (states whole, channels ascending, sizes that add up), else
 * STATUS_CORRUPT. */
NODISCARD enum status leaf_check(const uint8_t *bytes, size_t size);

#endif
