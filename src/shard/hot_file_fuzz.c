/* Any bytes as the file of the hottest users: what is taken is what would be written. */
#include "base/assert.h"
#include "base/crc32c.h"
#include "shard/hot_file.h"

#include <string.h>

/* NOLINTNEXTLINE(readability-identifier-naming): the fuzzer asks for this name. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In pieces of so many ids. */
static enum status check(const struct hot_head *head, const uint8_t *ids, size_t size, size_t piece)
{
    struct hot_check checked;
    hot_check_begin(&checked, head);
    for (size_t at = 0; at < size;) {
        const size_t rest = size - at;
        const size_t taken = rest < piece * HOT_FILE_ID_SIZE ? rest : piece * HOT_FILE_ID_SIZE;
        hot_check_add(&checked, ids + at, taken);
        at += taken;
    }
    return hot_check_end(&checked);
}

static void take(const uint8_t *data, size_t size)
{
    struct hot_head head;
    if (hot_head_decode(data, size, &head) != STATUS_OK || hot_head_measure(&head) != size) {
        return;
    }
    const uint8_t *ids = data + HOT_FILE_HEAD_SIZE;
    const size_t ids_size = size - HOT_FILE_HEAD_SIZE;
    const enum status status = check(&head, ids, ids_size, 1);
    ASSERT(check(&head, ids, ids_size, 3) == status);
    ASSERT(check(&head, ids, ids_size, SIZE_MAX / HOT_FILE_ID_SIZE) == status);
    if (status != STATUS_OK) {
        return;
    }
    uint8_t again[HOT_FILE_HEAD_SIZE];
    ASSERT(crc32c_extend(0, ids, ids_size) == head.checksum);
    hot_head_encode(again, &head);
    ASSERT(memcmp(again, data, sizeof again) == 0);
    for (size_t at = 0; at < ids_size; at += HOT_FILE_ID_SIZE) {
        const struct user_id user = hot_id_decode(ids + at);
        uint8_t id[HOT_FILE_ID_SIZE];
        ASSERT(user.value >= 1 && user.value <= INT64_MAX);
        hot_id_encode(id, user);
        ASSERT(memcmp(id, ids + at, sizeof id) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    take(data, size);
    /* Checksums are hard to guess: the same with right ones. */
    if (size < HOT_FILE_HEAD_SIZE || size > 4096) {
        return 0;
    }
    uint8_t bytes[4096];
    memcpy(bytes, data, size);
    const size_t ids_size = size - HOT_FILE_HEAD_SIZE;
    const struct hot_head head = {.count = ids_size / HOT_FILE_ID_SIZE,
                                  .checksum =
                                      crc32c_extend(0, bytes + HOT_FILE_HEAD_SIZE, ids_size)};
    hot_head_encode(bytes, &head);
    take(bytes, size);
    return 0;
}
