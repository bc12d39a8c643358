#include "store_rocksdb/forgetting.h"

#include "base/bytes.h"
#include "readstate/record.h"

#include <stdio.h>
#include <string.h>

static const char generation_key[] = "\xffgeneration";
static const char purge_key[] = "\xffpurge";
static const char lowest_key[] = {0};

enum {
    GENERATION_PREFIX_SIZE = sizeof generation_key - 1,
    GENERATION_KEY_SIZE = GENERATION_PREFIX_SIZE + 2,
    GENERATION_SIZE = 4,
    PURGE_KEY_SIZE = sizeof purge_key - 1,
};

/* All of a user's keys are from `first` on, and below `bound`. */
struct key_range {
    uint8_t first[RECORD_USER_KEY_SIZE];
    uint8_t bound[RECORD_USER_KEY_SIZE];
};

static struct key_range range_of(struct user_id user)
{
    struct key_range range;
    record_encode_user_key(range.first, user);
    record_encode_user_key(range.bound, (struct user_id){user.value + 1});
    return range;
}

void forgetting_put(rocksdb_writebatch_t *batch, struct user_id user, uint32_t generation)
{
    const struct key_range range = range_of(user);
    rocksdb_writebatch_delete_range(batch, (const char *)range.first, sizeof range.first,
                                    (const char *)range.bound, sizeof range.bound);
    const uint16_t slot = hash_slot_of_user(user);
    uint8_t key[GENERATION_KEY_SIZE];
    uint8_t value[GENERATION_SIZE];
    memcpy(key, generation_key, GENERATION_PREFIX_SIZE);
    key[GENERATION_PREFIX_SIZE] = (uint8_t)(slot >> 8);
    key[GENERATION_PREFIX_SIZE + 1] = (uint8_t)slot;
    bytes_write_u32(value, generation);
    rocksdb_writebatch_put(batch, (const char *)key, sizeof key, (const char *)value, sizeof value);
    rocksdb_writebatch_put(batch, purge_key, PURGE_KEY_SIZE, "", 0);
    /* A file that has the forgetting only would else begin with the user, and the manifest would
     * say so for long after the file is gone. */
    rocksdb_writebatch_delete(batch, lowest_key, sizeof lowest_key);
}

void forgetting_put_purged(rocksdb_writebatch_t *batch)
{
    rocksdb_writebatch_delete(batch, purge_key, PURGE_KEY_SIZE);
}

bool forgetting_is_purge_due(rocksdb_t *db)
{
    rocksdb_readoptions_t *options = rocksdb_readoptions_create();
    char *error = NULL;
    size_t size = 0;
    char *due = rocksdb_get(db, options, purge_key, PURGE_KEY_SIZE, &size, &error);
    const bool is_due = due != NULL || error != NULL;
    rocksdb_free(due);
    rocksdb_free(error);
    rocksdb_readoptions_destroy(options);
    return is_due;
}

/* False: it is none, or damaged, which *out_is_whole says. */
static bool take_generation(const rocksdb_iterator_t *iterator, uint32_t *generations,
                            bool *out_is_whole)
{
    size_t key_size = 0;
    size_t size = 0;
    const char *key = rocksdb_iter_key(iterator, &key_size);
    const char *value = rocksdb_iter_value(iterator, &size);
    if (key_size < GENERATION_PREFIX_SIZE ||
        memcmp(key, generation_key, GENERATION_PREFIX_SIZE) != 0) {
        return false;
    }
    *out_is_whole = key_size == GENERATION_KEY_SIZE && size == GENERATION_SIZE;
    if (!*out_is_whole) {
        return false;
    }
    const unsigned slot = (unsigned)(uint8_t)key[GENERATION_PREFIX_SIZE] << 8 |
                          (uint8_t)key[GENERATION_PREFIX_SIZE + 1];
    *out_is_whole = slot < HASH_SLOTS;
    generations[slot % HASH_SLOTS] = bytes_read_u32((const uint8_t *)value);
    return *out_is_whole;
}

enum status forgetting_read_generations(rocksdb_t *db, uint32_t generations[static HASH_SLOTS],
                                        char problem[static READING_PROBLEM_SIZE])
{
    memset(generations, 0, HASH_SLOTS * sizeof *generations);
    rocksdb_readoptions_t *options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_total_order_seek(options, 1);
    rocksdb_iterator_t *iterator = rocksdb_create_iterator(db, options);
    rocksdb_iter_seek(iterator, generation_key, GENERATION_PREFIX_SIZE);
    bool is_whole = true;
    while (rocksdb_iter_valid(iterator) && take_generation(iterator, generations, &is_whole)) {
        rocksdb_iter_next(iterator);
    }
    char *error = NULL;
    rocksdb_iter_get_error(iterator, &error);
    rocksdb_iter_destroy(iterator);
    rocksdb_readoptions_destroy(options);
    if (error != NULL) {
        return reading_take_error(&error, "reading the generations", problem);
    }
    if (!is_whole) {
        (void)snprintf(problem, READING_PROBLEM_SIZE, "a generation in the store is damaged");
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

/* A compaction that fails tells its caller nothing, in RocksDB's interface for C; but it counts. */
static uint64_t count_failures(rocksdb_t *db)
{
    uint64_t count = 0;
    (void)rocksdb_property_int(db, "rocksdb.background-errors", &count);
    return count;
}

bool forgetting_rewrite(rocksdb_t *db, const struct user_id *users, uint32_t count,
                        char **out_error)
{
    enum { BOTTOMMOST_FORCE = 2 }; /* rocksdb::BottommostLevelCompaction::kForce */
    rocksdb_compactoptions_t *options = rocksdb_compactoptions_create();
    rocksdb_compactoptions_set_bottommost_level_compaction(options, BOTTOMMOST_FORCE);
    rocksdb_compactoptions_set_exclusive_manual_compaction(options, 0);
    const uint64_t failures = count_failures(db);
    /* Then no log has them any more. */
    rocksdb_flushoptions_t *flush = rocksdb_flushoptions_create();
    rocksdb_flush(db, flush, out_error);
    rocksdb_flushoptions_destroy(flush);
    if (*out_error == NULL && users == NULL) {
        rocksdb_compact_range_opt(db, options, NULL, 0, NULL, 0);
    }
    for (uint32_t i = 0; *out_error == NULL && users != NULL && i < count; i++) {
        const struct key_range range = range_of(users[i]);
        rocksdb_compact_range_opt(db, options, (const char *)range.first, sizeof range.first,
                                  (const char *)range.bound, sizeof range.bound);
    }
    rocksdb_compactoptions_destroy(options);
    return *out_error == NULL && count_failures(db) == failures;
}
