/* An entry of the journal: one change of one user, as the user is after it.
 *
 *     every entry   0     4      5      8
 *                   ┌─────┬──────┬──────┬─────
 *                   │ crc │ kind │ size │ ...
 *                   │ u32 │ u8   │ u24  │
 *                   └─────┴──────┴──────┴─────
 *
 *     PLAIN         8      16            20     21     24      32        40
 *                   ┌──────┬─────────────┬──────┬──────┬───────┬─────────┬─────────┐
 *       48 bytes    │ user │ incarnation │ type │ 0    │ id    │ last_   │ version │
 *                   │ u64  │ u32         │ u8   │ u24  │ u64   │ read u64│ u64     │
 *                   └──────┴─────────────┴──────┴──────┴───────┴─────────┴─────────┘
 *     STATES        8      16            20           24        32          40
 *                   ┌──────┬─────────────┬────────────┬─────────┬───────────┬──────┬─────┬────────┐
 *                   │ user │ incarnation │ tombstones │ version │ purged_to │ leaf │ ... │ 0 to 7 │
 *                   │ u64  │ u32         │ u32        │ u64     │ u64       │      │     │ of 0   │
 *                   └──────┴─────────────┴────────────┴─────────┴───────────┴──────┴─────┴────────┘
 *     FORGETTING    8      16           20
 *                   ┌──────┬────────────┬─────┐
 *       24 bytes    │ user │ generation │ 0   │
 *                   │ u64  │ u32        │ u32 │
 *                   └──────┴────────────┴─────┘
 *     SYNCED        8         16                        SEALED        8
 *                   ┌─────────┬────────┐                              ┌─────────┐
 *       24 bytes    │ segment │ offset │                  16 bytes    │ segment │
 *                   │ u64     │ u64    │                              │ u64     │
 *                   └─────────┴────────┘                              └─────────┘
 *
 * All is little-endian. `size` is that of the whole entry, a multiple of 8. `crc` is the CRC-32C of
 * the segment's key, of the crc of the entry before it (of the first: 0), and of the entry from its
 * kind on: so an entry counts only in its segment, and behind the one it was written behind.
 *
 * PLAIN is a state that needs no side entry (readstate/leaf.h), live, and of a user whose
 * tombstones do not change. STATES are all that one command has changed of a user, packed as in the
 * cache: so a command is there as a whole, or not at all. The counts and versions are the user's
 * after it. Both are absolute: applied twice, or to a user who is ahead, they do no harm, since of
 * two states of a channel that with the higher version counts.
 *
 * FORGETTING: whatever of the user came before counts no more, and nothing in a store older than
 * `generation`. It is written before the store is asked.
 *
 * SYNCED: all up to that byte of that segment is on the disk. SEALED is the last entry of a
 * segment: the log goes on in that one.
 *
 * Memory: the caller's; what decoding gives points into what it was given.  Threads: any.
 */
#ifndef JOURNAL_ENTRY_H
#define JOURNAL_ENTRY_H

#include "base/attribute.h"
#include "base/ids.h"
#include "base/slice.h"
#include "base/status.h"
#include "readstate/leaf.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    JOURNAL_ENTRY_HEAD_SIZE = 8,
    JOURNAL_PLAIN_SIZE = 48,
    JOURNAL_STATES_HEAD_SIZE = 40,
    JOURNAL_FORGETTING_SIZE = 24,
    JOURNAL_SYNCED_SIZE = 24,
    JOURNAL_SEALED_SIZE = 16,
    JOURNAL_ENTRY_SIZE_MAX = (1 << 24) - 8,

    /* What a state takes of STATES at the most: a leaf of its own. */
    JOURNAL_STATE_SIZE_MAX = LEAF_HEAD_SIZE + LEAF_ROW_SIZE_MAX + LEAF_SIDE_SIZE_MAX,
};

enum journal_entry_kind {
    JOURNAL_PLAIN = 1,
    JOURNAL_STATES,
    JOURNAL_FORGETTING,
    JOURNAL_SYNCED,
    JOURNAL_SEALED,
};

struct journal_entry {
    enum journal_entry_kind kind;
    uint32_t incarnation; /* FORGETTING: the generation. */
    struct user_id user;
    uint64_t version; /* PLAIN: of the state as well. */
    uint64_t purged_to;
    uint32_t tombstones;        /* UINT32_MAX: not known. */
    struct channel_key channel; /* PLAIN. */
    uint64_t last_read;
    struct slice leaves; /* STATES: without the filling. Each is whole, as leaf_check has it. */
    uint64_t segment;    /* SYNCED, SEALED. */
    uint64_t offset;
};

/* The crc of all that these write is still to be filled in: journal_entry_seal. */

void journal_entry_encode_plain(uint8_t to[static JOURNAL_PLAIN_SIZE], struct user_id user,
                                uint32_t incarnation, struct channel_key channel,
                                uint64_t last_read, uint64_t version);

/* What an entry with so many bytes of leaves takes. */
static inline size_t journal_entry_measure_states(size_t leaves_size)
{
    return (JOURNAL_STATES_HEAD_SIZE + leaves_size + 7) & ~(size_t)7;
}

/* Around the leaves, which the caller has put at `to` + JOURNAL_STATES_HEAD_SIZE. The room is
 * journal_entry_measure_states(leaves_size), at most JOURNAL_ENTRY_SIZE_MAX. */
void journal_entry_encode_states(uint8_t *to, const struct journal_entry *head, size_t leaves_size);

void journal_entry_encode_forgetting(uint8_t to[static JOURNAL_FORGETTING_SIZE],
                                     struct user_id user, uint32_t generation);
void journal_entry_encode_synced(uint8_t to[static JOURNAL_SYNCED_SIZE], uint64_t segment,
                                 uint64_t offset);
void journal_entry_encode_sealed(uint8_t to[static JOURNAL_SEALED_SIZE], uint64_t segment);

/* Of whole entries as encoded, or of the head of one: 8 to JOURNAL_ENTRY_SIZE_MAX. */
uint32_t journal_entry_get_size(const uint8_t *entry);

/* Fills in the crc, behind an entry with the crc `before`; returns its own. */
uint32_t journal_entry_seal(uint8_t *entry, uint32_t key, uint32_t before);

/* Any `room` bytes: the size of the entry they begin with, if they could be the head of one: a
 * known kind with a size that it can have, whether or not there is so much room. 0: they could not,
 * or are too few. */
uint32_t journal_entry_peek_size(const uint8_t *bytes, size_t room);

/* A whole entry of any bytes, of the size that peek gave: does it stand behind `before`? */
bool journal_entry_is_behind(const uint8_t *entry, uint32_t key, uint32_t before);

uint32_t journal_entry_get_crc(const uint8_t *entry);

/* What its crc is, if it is whole but for that. */
uint32_t journal_entry_compute_crc(const uint8_t *entry, uint32_t key, uint32_t before);

/* A whole entry of any bytes, of the size that peek gave. STATUS_CORRUPT, and nothing set: its
 * fields are none that the functions above write, whatever its crc. */
NODISCARD enum status journal_entry_decode(const uint8_t *bytes, struct journal_entry *out_entry);

#endif
