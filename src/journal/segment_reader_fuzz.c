/* Any bytes as a segment: read, and looked through behind where they are whole, without a fault.
 *
 * The first byte says how the rest becomes a file:
 *
 *     even    as it is
 *     odd     with a right head before it, and with right crcs where it could be entries: so that
 *             what is behind the crcs is reached as well
 */
#include "base/assert.h"
#include "journal/segment_reader.h"
#include "readstate/leaf.h"

#include <stdlib.h>
#include <string.h>

enum { KEY = 7 };

/* Named by libFuzzer. NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The one file there is. */
struct content {
    const uint8_t *bytes;
    size_t size;
};

static struct files_result content_open(void *self, const char *path, enum files_access access,
                                        struct file *out_file)
{
    (void)self;
    (void)path;
    ASSERT(access == FILES_READ);
    *out_file = (struct file){.number = 1};
    return (struct files_result){.status = STATUS_OK};
}

static void content_close(void *self, struct file file)
{
    (void)self;
    ASSERT(file.number == 1);
}

static struct files_result content_read_at(void *self, struct file file, uint64_t offset, void *to,
                                           size_t size, size_t *out_size)
{
    struct content *content = self;
    ASSERT(file.number == 1);
    const size_t left = offset < content->size ? content->size - (size_t)offset : 0;
    *out_size = size < left ? size : left;
    if (*out_size > 0) {
        memcpy(to, content->bytes + offset, *out_size);
    }
    return (struct files_result){.status = STATUS_OK};
}

static void use_leaves(struct slice leaves)
{
    for (size_t at = 0; at < leaves.size;) {
        const uint8_t *leaf = (const uint8_t *)leaves.bytes + at;
        for (uint32_t row = 0; row < leaf_get_rows(leaf); row++) {
            struct read_state state;
            leaf_read(leaf, row, &state);
            ASSERT(state.version > 0);
        }
        at += leaf_get_size(leaf);
    }
}

static void read_segment(struct content *content)
{
    static const struct files_ops ops = {
        .open = content_open, .close = content_close, .read_at = content_read_at};
    const struct files files = {.ops = &ops, .self = content};
    struct segment_reader reader;
    struct files_result result;
    enum status status = segment_reader_open(&reader, &files, "x", &result);
    if (status != STATUS_OK) {
        ASSERT(status == STATUS_MISSING || status == STATUS_CORRUPT || status == STATUS_NEWER);
        return;
    }
    struct journal_entry entry;
    uint64_t offset = reader.offset;
    while ((status = segment_reader_next(&reader, &entry, &result)) == STATUS_OK) {
        ASSERT(reader.offset > offset && reader.offset <= content->size);
        offset = reader.offset;
        use_leaves(entry.leaves);
    }
    ASSERT(status == STATUS_MISSING && reader.offset == offset);
    struct segment_rest rest;
    status = segment_reader_find_rest(&reader, &rest, &result);
    ASSERT(status == STATUS_OK);
    ASSERT(!rest.is_there || (rest.offset > offset && rest.offset < content->size));
    segment_reader_close(&reader);
}

/* What could be entries gets its crc. A byte 0xff as the lowest of a crc keeps it wrong. */
static void seal(uint8_t *bytes, size_t size)
{
    uint32_t before = 0;
    for (size_t at = 0; at < size;) {
        const uint32_t entry = journal_entry_peek_size(bytes + at, size - at);
        if (entry == 0 || entry > size - at) {
            at += 8;
            continue;
        }
        before = bytes[at] == 0xff ? journal_entry_get_crc(bytes + at)
                                   : journal_entry_seal(bytes + at, KEY, before);
        at += entry;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const bool is_whole = data[0] % 2 == 1;
    const size_t head_size = is_whole ? SEGMENT_HEAD_SIZE : 0;
    uint8_t *bytes = malloc(head_size + size);
    ASSERT(bytes != NULL);
    memcpy(bytes + head_size, data + 1, size - 1);
    if (is_whole) {
        const struct segment_head head = {.set = 1, .number = 1, .logs = 1, .key = KEY};
        segment_encode_head(bytes, &head);
        seal(bytes + head_size, size - 1);
    }
    struct content content = {.bytes = bytes, .size = head_size + size - 1};
    read_segment(&content);
    free(bytes);
    return 0;
}
