#include "journal/entry.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"

enum { SIZE_SHIFT = 8, KIND_MASK = 0xff };

#define ID_MAX ((uint64_t)INT64_MAX)

static void write_head(uint8_t *to, enum journal_entry_kind kind, size_t size)
{
    ASSERT(size % 8 == 0 && size <= JOURNAL_ENTRY_SIZE_MAX);
    bytes_write_u32(to, 0);
    bytes_write_u32(to + 4, (uint32_t)size << SIZE_SHIFT | (uint32_t)kind);
}

void journal_entry_encode_plain(uint8_t to[static JOURNAL_PLAIN_SIZE], struct user_id user,
                                uint32_t incarnation, struct channel_key channel,
                                uint64_t last_read, uint64_t version)
{
    write_head(to, JOURNAL_PLAIN, JOURNAL_PLAIN_SIZE);
    bytes_write_u64(to + 8, user.value);
    bytes_write_u32(to + 16, incarnation);
    bytes_write_u32(to + 20, channel.type);
    bytes_write_u64(to + 24, channel.id);
    bytes_write_u64(to + 32, last_read);
    bytes_write_u64(to + 40, version);
}

void journal_entry_encode_states(uint8_t *to, const struct journal_entry *head, size_t leaves_size)
{
    const size_t size = journal_entry_measure_states(leaves_size);
    write_head(to, JOURNAL_STATES, size);
    bytes_write_u64(to + 8, head->user.value);
    bytes_write_u32(to + 16, head->incarnation);
    bytes_write_u32(to + 20, head->tombstones);
    bytes_write_u64(to + 24, head->version);
    bytes_write_u64(to + 32, head->purged_to);
    memset(to + JOURNAL_STATES_HEAD_SIZE + leaves_size, 0,
           size - JOURNAL_STATES_HEAD_SIZE - leaves_size);
}

void journal_entry_encode_forgetting(uint8_t to[static JOURNAL_FORGETTING_SIZE],
                                     struct user_id user, uint32_t generation)
{
    write_head(to, JOURNAL_FORGETTING, JOURNAL_FORGETTING_SIZE);
    bytes_write_u64(to + 8, user.value);
    bytes_write_u32(to + 16, generation);
    bytes_write_u32(to + 20, 0);
}

void journal_entry_encode_synced(uint8_t to[static JOURNAL_SYNCED_SIZE], uint64_t segment,
                                 uint64_t offset)
{
    write_head(to, JOURNAL_SYNCED, JOURNAL_SYNCED_SIZE);
    bytes_write_u64(to + 8, segment);
    bytes_write_u64(to + 16, offset);
}

void journal_entry_encode_sealed(uint8_t to[static JOURNAL_SEALED_SIZE], uint64_t segment)
{
    write_head(to, JOURNAL_SEALED, JOURNAL_SEALED_SIZE);
    bytes_write_u64(to + 8, segment);
}

uint32_t journal_entry_get_size(const uint8_t *entry)
{
    return bytes_read_u32(entry + 4) >> SIZE_SHIFT;
}

uint32_t journal_entry_get_crc(const uint8_t *entry)
{
    return bytes_read_u32(entry);
}

/* Of key and crc before, as two u32, and the entry from its kind on. */
uint32_t journal_entry_compute_crc(const uint8_t *entry, uint32_t key, uint32_t before)
{
    uint8_t seed[8];
    bytes_write_u32(seed, key);
    bytes_write_u32(seed + 4, before);
    const uint32_t crc = crc32c_extend(0, seed, sizeof seed);
    return crc32c_extend(crc, entry + 4, journal_entry_get_size(entry) - 4);
}

uint32_t journal_entry_seal(uint8_t *entry, uint32_t key, uint32_t before)
{
    const uint32_t crc = journal_entry_compute_crc(entry, key, before);
    bytes_write_u32(entry, crc);
    return crc;
}

bool journal_entry_is_behind(const uint8_t *entry, uint32_t key, uint32_t before)
{
    return journal_entry_compute_crc(entry, key, before) == journal_entry_get_crc(entry);
}

uint32_t journal_entry_peek_size(const uint8_t *bytes, size_t room)
{
    if (room < JOURNAL_ENTRY_HEAD_SIZE) {
        return 0;
    }
    const uint32_t size = journal_entry_get_size(bytes);
    bool fits = false;
    switch (bytes_read_u32(bytes + 4) & KIND_MASK) {
    case JOURNAL_PLAIN:
        fits = size == JOURNAL_PLAIN_SIZE;
        break;
    case JOURNAL_STATES:
        fits = size >= JOURNAL_STATES_HEAD_SIZE && size % 8 == 0;
        break;
    case JOURNAL_FORGETTING:
        fits = size == JOURNAL_FORGETTING_SIZE;
        break;
    case JOURNAL_SYNCED:
        fits = size == JOURNAL_SYNCED_SIZE;
        break;
    case JOURNAL_SEALED:
        fits = size == JOURNAL_SEALED_SIZE;
        break;
    default:
        break;
    }
    return fits ? size : 0;
}

static bool is_id(uint64_t value)
{
    return value > 0 && value <= ID_MAX;
}

/* The leaves, one behind the other, and up to seven zeros. */
static enum status check_leaves(const uint8_t *bytes, size_t room, size_t *out_size)
{
    size_t at = 0;
    while (room - at >= LEAF_HEAD_SIZE) {
        const size_t size = leaf_get_size(bytes + at);
        if (size > room - at || leaf_check(bytes + at, size) != STATUS_OK) {
            return STATUS_CORRUPT;
        }
        at += size;
    }
    for (size_t i = at; i < room; i++) {
        if (bytes[i] != 0) {
            return STATUS_CORRUPT;
        }
    }
    *out_size = at;
    return STATUS_OK;
}

static enum status decode_plain(const uint8_t *bytes, struct journal_entry *entry)
{
    const uint32_t type = bytes_read_u32(bytes + 20);
    entry->incarnation = bytes_read_u32(bytes + 16);
    entry->channel = (struct channel_key){.id = bytes_read_u64(bytes + 24), .type = (uint8_t)type};
    entry->last_read = bytes_read_u64(bytes + 32);
    entry->version = bytes_read_u64(bytes + 40);
    const bool is_whole = type <= UINT8_MAX && is_id(entry->channel.id) &&
                          entry->last_read <= ID_MAX && is_id(entry->version);
    return is_whole ? STATUS_OK : STATUS_CORRUPT;
}

static enum status decode_states(const uint8_t *bytes, struct journal_entry *entry)
{
    const uint8_t *leaves = bytes + JOURNAL_STATES_HEAD_SIZE;
    const size_t room = journal_entry_get_size(bytes) - JOURNAL_STATES_HEAD_SIZE;
    entry->incarnation = bytes_read_u32(bytes + 16);
    entry->tombstones = bytes_read_u32(bytes + 20);
    entry->version = bytes_read_u64(bytes + 24);
    entry->purged_to = bytes_read_u64(bytes + 32);
    if (!is_id(entry->version) || entry->purged_to > entry->version) {
        return STATUS_CORRUPT;
    }
    size_t size = 0;
    const enum status status = check_leaves(leaves, room, &size);
    entry->leaves = (struct slice){.bytes = (const char *)leaves, .size = size};
    return status;
}

enum status journal_entry_decode(const uint8_t *bytes, struct journal_entry *out_entry)
{
    struct journal_entry entry = {
        .kind = (enum journal_entry_kind)(bytes_read_u32(bytes + 4) & KIND_MASK),
        .user = {bytes_read_u64(bytes + 8)},
    };
    enum status status = STATUS_OK;
    switch (entry.kind) {
    case JOURNAL_PLAIN:
        status = decode_plain(bytes, &entry);
        break;
    case JOURNAL_STATES:
        status = decode_states(bytes, &entry);
        break;
    case JOURNAL_FORGETTING:
        entry.incarnation = bytes_read_u32(bytes + 16);
        status = bytes_read_u32(bytes + 20) == 0 ? STATUS_OK : STATUS_CORRUPT;
        break;
    case JOURNAL_SYNCED:
        entry.offset = bytes_read_u64(bytes + 16);
        entry.segment = entry.user.value;
        break;
    case JOURNAL_SEALED:
        entry.segment = entry.user.value;
        break;
    }
    const bool has_user = entry.kind != JOURNAL_SYNCED && entry.kind != JOURNAL_SEALED;
    if (status != STATUS_OK || (has_user && !is_id(entry.user.value))) {
        return STATUS_CORRUPT;
    }
    *out_entry = entry;
    return STATUS_OK;
}
