#include "readstate/record.h"

#include "base/bytes.h"
#include "base/decimal.h"
#include "readstate/leaf.h"

enum {
    OFFSET_FORMAT = 0,
    OFFSET_FLAGS = 1,
    OFFSET_INCARNATION = 2,
    OFFSET_VERSION = 6,
    OFFSET_PURGED_TO = 14,
    OFFSET_LIVE_STATES = 22,
    OFFSET_TOMBSTONES = 26,
};

enum { FLAG_IN_LEAVES = 1 };

void record_encode_head(uint8_t to[static RECORD_HEAD_SIZE], const struct record_head *head)
{
    to[OFFSET_FORMAT] = RECORD_FORMAT;
    to[OFFSET_FLAGS] = head->in_leaves ? FLAG_IN_LEAVES : 0;
    bytes_write_u32(to + OFFSET_INCARNATION, head->incarnation);
    bytes_write_u64(to + OFFSET_VERSION, head->version);
    bytes_write_u64(to + OFFSET_PURGED_TO, head->purged_to);
    bytes_write_u32(to + OFFSET_LIVE_STATES, head->live_states);
    bytes_write_u32(to + OFFSET_TOMBSTONES, head->tombstones);
}

static bool leaf_fits_head(const uint8_t *leaf, const struct record_head *head)
{
    const struct leaf_totals totals = leaf_count_totals(leaf);
    if (totals.live_states != head->live_states || totals.tombstones != head->tombstones) {
        return false;
    }
    const uint32_t rows = leaf_get_rows(leaf);
    for (uint32_t row = 0; row < rows; row++) {
        if (leaf_get_version(leaf, row) > head->version) {
            return false;
        }
    }
    return true;
}

enum status record_decode(struct slice bytes, struct record_head *out_head, struct slice *out_leaf)
{
    if (bytes.size == 0) {
        return STATUS_CORRUPT;
    }
    const uint8_t *from = (const uint8_t *)bytes.bytes;
    if (from[OFFSET_FORMAT] != RECORD_FORMAT) {
        return from[OFFSET_FORMAT] > RECORD_FORMAT ? STATUS_NEWER : STATUS_CORRUPT;
    }
    if (bytes.size < RECORD_HEAD_SIZE || from[OFFSET_FLAGS] > FLAG_IN_LEAVES) {
        return STATUS_CORRUPT;
    }
    const struct record_head head = {
        .in_leaves = from[OFFSET_FLAGS] == FLAG_IN_LEAVES,
        .incarnation = bytes_read_u32(from + OFFSET_INCARNATION),
        .version = bytes_read_u64(from + OFFSET_VERSION),
        .purged_to = bytes_read_u64(from + OFFSET_PURGED_TO),
        .live_states = bytes_read_u32(from + OFFSET_LIVE_STATES),
        .tombstones = bytes_read_u32(from + OFFSET_TOMBSTONES),
    };
    if (head.version > U63_MAX || head.purged_to > head.version) {
        return STATUS_CORRUPT;
    }
    const struct slice leaf = {
        .bytes = bytes.bytes + RECORD_HEAD_SIZE,
        .size = bytes.size - RECORD_HEAD_SIZE,
    };
    if (head.in_leaves ? leaf.size != 0
                       : leaf_check((const uint8_t *)leaf.bytes, leaf.size) != STATUS_OK ||
                             !leaf_fits_head((const uint8_t *)leaf.bytes, &head)) {
        return STATUS_CORRUPT;
    }
    *out_head = head;
    *out_leaf = leaf;
    return STATUS_OK;
}

void record_encode_user_key(uint8_t to[static RECORD_USER_KEY_SIZE], struct user_id user)
{
    bytes_write_u64_be(to, user.value);
}

void record_encode_leaf_key(uint8_t to[static RECORD_LEAF_KEY_SIZE], struct user_id user,
                            struct channel_key fence)
{
    bytes_write_u64_be(to, user.value);
    bytes_write_u64_be(to + 8, fence.id);
    to[16] = fence.type;
}

enum status record_decode_key(struct slice bytes, struct record_key *out_key)
{
    if (bytes.size != RECORD_USER_KEY_SIZE && bytes.size != RECORD_LEAF_KEY_SIZE) {
        return STATUS_CORRUPT;
    }
    const uint8_t *from = (const uint8_t *)bytes.bytes;
    struct record_key key = {
        .user = {bytes_read_u64_be(from)},
        .is_leaf = bytes.size == RECORD_LEAF_KEY_SIZE,
    };
    if (key.is_leaf) {
        key.fence = (struct channel_key){.id = bytes_read_u64_be(from + 8), .type = from[16]};
    }
    if (key.user.value == 0 || key.user.value > U63_MAX || key.fence.id > U63_MAX) {
        return STATUS_CORRUPT;
    }
    *out_key = key;
    return STATUS_OK;
}
