/* A side entry of a leaf: what few states have, there only for the states that have it.
 *
 *     ┌──────┬─────┬───────┬─────────┬────────────┬─────┬────────┬───────┬──────────┐
 *     │ size │ has │ floor │ counted │ counted_to │ pin │ viewed │ flags │ mentions │
 *     │ u16  │ u8  │ u64   │ u32     │ u64        │ u64 │ u16    │ u16   │          │
 *     └──────┴─────┴───────┴─────────┴────────────┴─────┴────────┴───────┴──────────┘
 *      from floor on each only where its bit is set in `has`
 *
 *     has:       1 floor (where it is not last_read), 2 counted, 4 counted_to, 8 pin, 16 viewed,
 *                32 flags, 64 mentions, 128 some mentions are withdrawn
 *
 *     mentions:  count u8 │ width u8 │ count x id of `width` bytes │ withdrawn: a bit each, lowest
 *                first, rounded up to bytes, only where `has` says so
 *
 * `size` is that of the whole entry. Little-endian. A field that is there is not 0, so a state has
 * one form only. For the files that work on leaves.
 *
 * Memory: the caller's, no pointer is kept.
 */
#ifndef READSTATE_LEAF_SIDE_H
#define READSTATE_LEAF_SIDE_H

#include "base/attribute.h"
#include "base/bytes.h"
#include "base/status.h"
#include "readstate/state.h"

#include <stddef.h>
#include <stdint.h>

enum { LEAF_SIDE_HEAD_SIZE = 3 };

/* What the state's entry takes; 0: it needs none. */
size_t leaf_side_measure(const struct read_state *state);

static inline size_t leaf_side_get_size(const uint8_t *side)
{
    return bytes_read_u16(side);
}

/* `size`: as measured, not 0. */
void leaf_side_write(uint8_t *to, size_t size, const struct read_state *state);

/* Sets what a side entry has, or the values that stand for "not there". last_read is set already.
 */
void leaf_side_read(const uint8_t *side, struct read_state *state);
void leaf_side_view(const uint8_t *side, struct state_view *view);

/* The unread mentions, as in a view. */
uint32_t leaf_side_count_mentions(const uint8_t *side);

/* Bytes from outside, `room` of them: STATUS_OK, and *out_size, if they begin with a whole entry of
 * a state with this last_read. */
NODISCARD enum status leaf_side_check(const uint8_t *bytes, size_t room, uint64_t last_read,
                                      size_t *out_size);

#endif
