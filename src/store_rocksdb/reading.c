#include "store_rocksdb/reading.h"

#include "readstate/leaf.h"
#include "readstate/record.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { LEAVES_EXPECTED = 16, LEAVES_BYTES_EXPECTED = 64 * 1024 };

enum status reading_take_error(char **taken_error, const char *doing,
                               char problem[static READING_PROBLEM_SIZE])
{
    static const char corruption[] = "Corruption";
    const bool corrupt = strncmp(*taken_error, corruption, sizeof corruption - 1) == 0;
    (void)snprintf(problem, READING_PROBLEM_SIZE, "%s failed: %s", doing, *taken_error);
    rocksdb_free(*taken_error);
    *taken_error = NULL;
    return corrupt ? STATUS_CORRUPT : STATUS_STORE;
}

static enum status damaged(struct user_id user, const char *what, enum status status,
                           char problem[static READING_PROBLEM_SIZE])
{
    (void)snprintf(problem, READING_PROBLEM_SIZE, "user %" PRIu64 ": %s: %s", user.value, what,
                   status_text(status));
    return status;
}

static enum status copy_piece(struct image *image, enum image_piece_kind kind,
                              struct channel_key fence, struct slice bytes)
{
    if (bytes.size > UINT32_MAX) {
        return STATUS_MEMORY;
    }
    uint8_t *to = image_insert(image, kind, fence, (uint32_t)bytes.size);
    if (to == NULL) {
        return STATUS_MEMORY;
    }
    memcpy(to, bytes.bytes, bytes.size);
    return STATUS_OK;
}

static struct slice iterator_key(const rocksdb_iterator_t *iterator)
{
    struct slice key = {0};
    key.bytes = rocksdb_iter_key(iterator, &key.size);
    return key;
}

static struct slice iterator_value(const rocksdb_iterator_t *iterator)
{
    struct slice value = {0};
    value.bytes = rocksdb_iter_value(iterator, &value.size);
    return value;
}

struct leaves_seen {
    uint64_t version;        /* The user's: no state may be newer. */
    struct channel_key last; /* The highest so far; 0, which is no channel, where there is none. */
};

static bool leaf_is_newer(const uint8_t *leaf, uint64_t version)
{
    const uint32_t rows = leaf_get_rows(leaf);
    for (uint32_t row = 0; row < rows; row++) {
        if (leaf_get_version(leaf, row) > version) {
            return true;
        }
    }
    return false;
}

static enum status copy_leaf(struct image *image, struct slice key, struct slice value,
                             struct leaves_seen *seen, char problem[static READING_PROBLEM_SIZE])
{
    const struct user_id user = image_get_user(image);
    struct record_key decoded = {0};
    enum status status = record_decode_key(key, &decoded);
    if (status != STATUS_OK || !decoded.is_leaf || decoded.user.value != user.value) {
        return damaged(user, "a key of a leaf", STATUS_CORRUPT, problem);
    }
    const uint8_t *leaf = (const uint8_t *)value.bytes;
    status = leaf_check(leaf, value.size);
    if (status != STATUS_OK) {
        return damaged(user, "a leaf", status, problem);
    }
    if (seen->last.id != 0 && channel_key_compare(seen->last, decoded.fence) >= 0) {
        return damaged(user, "a leaf reaches beyond the next one's fence", STATUS_CORRUPT, problem);
    }
    const uint32_t rows = leaf_get_rows(leaf);
    if (rows > 0) {
        if (channel_key_compare(leaf_get_channel(leaf, 0), decoded.fence) < 0) {
            return damaged(user, "a leaf begins before its fence", STATUS_CORRUPT, problem);
        }
        seen->last = leaf_get_channel(leaf, rows - 1);
    }
    if (leaf_is_newer(leaf, seen->version)) {
        return damaged(user, "a leaf is newer than the record", STATUS_CORRUPT, problem);
    }
    return copy_piece(image, IMAGE_LEAF, decoded.fence, value);
}

/* The iterator stands at the user's record, or at what comes after it. */
static enum status copy_large(rocksdb_iterator_t *iterator, struct user_id user,
                              struct image *image, char problem[static READING_PROBLEM_SIZE])
{
    if (!rocksdb_iter_valid(iterator) || iterator_key(iterator).size != RECORD_USER_KEY_SIZE) {
        return STATUS_MISSING;
    }
    const struct slice record = iterator_value(iterator);
    struct record_head head = {0};
    struct slice inner = {0};
    enum status status = record_decode(record, &head, &inner);
    if (status != STATUS_OK) {
        return damaged(user, "the record", status, problem);
    }
    status = copy_piece(image, IMAGE_RECORD, (struct channel_key){0}, record);
    struct leaves_seen seen = {.version = head.version};
    rocksdb_iter_next(iterator);
    while (status == STATUS_OK && rocksdb_iter_valid(iterator)) {
        status = copy_leaf(image, iterator_key(iterator), iterator_value(iterator), &seen, problem);
        rocksdb_iter_next(iterator);
    }
    if (status == STATUS_OK && head.in_leaves != (image_count_pieces(image) > 1)) {
        return damaged(user, head.in_leaves ? "no leaves" : "leaves beside a record that has one",
                       STATUS_CORRUPT, problem);
    }
    return status;
}

/* One iterator sees the database as it was at one moment: record and leaves are of one write. */
static enum status read_large(rocksdb_t *db, struct user_id user, struct image **out_image,
                              char problem[static READING_PROBLEM_SIZE])
{
    uint8_t first[RECORD_USER_KEY_SIZE];
    uint8_t bound[RECORD_USER_KEY_SIZE];
    record_encode_user_key(first, user);
    record_encode_user_key(bound, (struct user_id){user.value + 1});

    struct image *image = NULL;
    if (image_create(&image, user, LEAVES_EXPECTED, LEAVES_BYTES_EXPECTED) != STATUS_OK) {
        return STATUS_MEMORY;
    }
    rocksdb_readoptions_t *options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_prefix_same_as_start(options, 1);
    rocksdb_readoptions_set_iterate_upper_bound(options, (const char *)bound, sizeof bound);
    rocksdb_iterator_t *iterator = rocksdb_create_iterator(db, options);
    rocksdb_iter_seek(iterator, (const char *)first, sizeof first);
    enum status status = copy_large(iterator, user, image, problem);

    /* An iterator that failed looks like one at its end. */
    char *error = NULL;
    rocksdb_iter_get_error(iterator, &error);
    if (error != NULL) {
        status = reading_take_error(&error, "reading leaves", problem);
    }
    rocksdb_iter_destroy(iterator);
    rocksdb_readoptions_destroy(options);
    if (status != STATUS_OK) {
        image_destroy(&image);
        return status;
    }
    *out_image = image;
    return STATUS_OK;
}

static enum status read_small(struct user_id user, struct slice record, struct image **out_image,
                              bool *out_in_leaves, char problem[static READING_PROBLEM_SIZE])
{
    struct record_head head = {0};
    struct slice leaf = {0};
    enum status status = record_decode(record, &head, &leaf);
    if (status != STATUS_OK) {
        return damaged(user, "the record", status, problem);
    }
    *out_in_leaves = head.in_leaves;
    if (head.in_leaves) {
        return STATUS_OK;
    }
    struct image *image = NULL;
    if (image_create(&image, user, 1, (uint32_t)record.size) != STATUS_OK) {
        return STATUS_MEMORY;
    }
    status = copy_piece(image, IMAGE_RECORD, (struct channel_key){0}, record);
    if (status != STATUS_OK) {
        image_destroy(&image);
        return status;
    }
    *out_image = image;
    return STATUS_OK;
}

enum status reading_read_user(rocksdb_t *db, const rocksdb_readoptions_t *options,
                              struct user_id user, struct image **out_image,
                              char problem[static READING_PROBLEM_SIZE])
{
    uint8_t key[RECORD_USER_KEY_SIZE];
    record_encode_user_key(key, user);
    char *error = NULL;
    rocksdb_pinnableslice_t *pinned =
        rocksdb_get_pinned(db, options, (const char *)key, sizeof key, &error);
    if (error != NULL) {
        return reading_take_error(&error, "reading a record", problem);
    }
    if (pinned == NULL) {
        return STATUS_MISSING;
    }
    struct slice record = {0};
    record.bytes = rocksdb_pinnableslice_value(pinned, &record.size);
    bool in_leaves = false;
    const enum status status = read_small(user, record, out_image, &in_leaves, problem);
    rocksdb_pinnableslice_destroy(pinned);
    return status == STATUS_OK && in_leaves ? read_large(db, user, out_image, problem) : status;
}
