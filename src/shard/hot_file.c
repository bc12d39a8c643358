#include "shard/hot_file.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/crc32c.h"

#include <string.h>

enum {
    MAGIC_SIZE = 8,
    VERSION_AT = 8,
    CHECKSUM_AT = 12,
    COUNT_AT = 16,
    HEAD_CHECKSUM_AT = 24,
    SPARE_AT = 28,
};

/* A copy that was made as text is told by it. */
static const uint8_t magic[MAGIC_SIZE] = {'R', 'S', 'W', 'A', 'R', 'M', '\r', '\n'};

void hot_head_encode(uint8_t to[static HOT_FILE_HEAD_SIZE], const struct hot_head *head)
{
    memcpy(to, magic, sizeof magic);
    bytes_write_u32(to + VERSION_AT, HOT_FILE_VERSION);
    bytes_write_u32(to + CHECKSUM_AT, head->checksum);
    bytes_write_u64(to + COUNT_AT, head->count);
    bytes_write_u32(to + HEAD_CHECKSUM_AT, crc32c_extend(0, to, HEAD_CHECKSUM_AT));
    bytes_write_u32(to + SPARE_AT, 0);
}

enum status hot_head_decode(const uint8_t *from, size_t size, struct hot_head *out_head)
{
    const size_t known = size < sizeof magic ? size : sizeof magic;
    if (memcmp(from, magic, known) != 0) {
        return STATUS_INVALID;
    }
    if (size < VERSION_AT + sizeof(uint32_t)) {
        return STATUS_CORRUPT;
    }
    /* Of later versions no more than this is known. */
    const uint32_t version = bytes_read_u32(from + VERSION_AT);
    if (version > HOT_FILE_VERSION) {
        return STATUS_NEWER;
    }
    if (version != HOT_FILE_VERSION || size < HOT_FILE_HEAD_SIZE ||
        bytes_read_u32(from + HEAD_CHECKSUM_AT) != crc32c_extend(0, from, HEAD_CHECKSUM_AT) ||
        bytes_read_u32(from + SPARE_AT) != 0 ||
        bytes_read_u64(from + COUNT_AT) > UINT64_MAX / HOT_FILE_ID_SIZE - HOT_FILE_HEAD_SIZE) {
        return STATUS_CORRUPT;
    }
    *out_head = (struct hot_head){.count = bytes_read_u64(from + COUNT_AT),
                                  .checksum = bytes_read_u32(from + CHECKSUM_AT)};
    return STATUS_OK;
}

void hot_id_encode(uint8_t to[static HOT_FILE_ID_SIZE], struct user_id user)
{
    bytes_write_u64(to, user.value);
}

struct user_id hot_id_decode(const uint8_t from[static HOT_FILE_ID_SIZE])
{
    return (struct user_id){bytes_read_u64(from)};
}

void hot_check_begin(struct hot_check *self, const struct hot_head *head)
{
    *self = (struct hot_check){.head = *head};
}

void hot_check_add(struct hot_check *self, const uint8_t *ids, size_t size)
{
    ASSERT(size % HOT_FILE_ID_SIZE == 0);
    self->checksum = crc32c_extend(self->checksum, ids, size);
    self->count += size / HOT_FILE_ID_SIZE;
    for (size_t at = 0; at < size; at += HOT_FILE_ID_SIZE) {
        const uint64_t id = hot_id_decode(ids + at).value;
        self->has_wrong_id |= id == 0 || id > INT64_MAX;
    }
}

enum status hot_check_end(const struct hot_check *self)
{
    const bool is_whole = self->count == self->head.count &&
                          self->checksum == self->head.checksum && !self->has_wrong_id;
    return is_whole ? STATUS_OK : STATUS_CORRUPT;
}
