#include "store_rocksdb/settings.h"

#include "readstate/record.h"

#include <stddef.h>

/* One bit in a hundred wrong: an absent user costs a disk read once in a hundred times. */
static const double filter_bits_per_user = 10;

enum {
    /* A leaf is some kilobytes, a small user some hundred bytes: larger blocks would be read in
       vain. */
    BLOCK_SIZE = 4096,
    BACKGROUND_JOBS = 2,
    OPEN_FILES_MAX = 512,
    MANIFEST_SIZE_MAX = 64 * 1024,
    WRITE_BUFFERS_MAX = 4,
    SYNC_STEP_SIZE = 1024 * 1024,
    INFO_LOGS_MAX = 3,
    INFO_LOG_HEADERS = 5, /* rocksdb::InfoLogLevel::HEADER_LEVEL */
    FORMAT_VERSION = 5,
};

static void set_table(rocksdb_options_t *options, rocksdb_cache_t *cache)
{
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_size(table, BLOCK_SIZE);
    rocksdb_block_based_options_set_format_version(table, FORMAT_VERSION);
    rocksdb_block_based_options_set_block_cache(table, cache);

    /* The budget bounds the indexes and filters too: they are cached like data, in parts, so that a
     * database many times larger than its cache need not load a whole filter for one user. */
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(table, 1);
    rocksdb_block_based_options_set_pin_top_level_index_and_filter(table, 1);
    rocksdb_block_based_options_set_index_type(
        table, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_partition_filters(table, 1);

    /* One entry a user, however many leaves the user has. */
    rocksdb_block_based_options_set_filter_policy(
        table, rocksdb_filterpolicy_create_bloom_full(filter_bits_per_user));
    rocksdb_block_based_options_set_whole_key_filtering(table, 0);
    rocksdb_options_set_prefix_extractor(
        options, rocksdb_slicetransform_create_fixed_prefix(RECORD_USER_KEY_SIZE));

    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
}

static void set_writing(rocksdb_options_t *options, uint64_t write_buffers_bytes)
{
    rocksdb_options_set_db_write_buffer_size(options, write_buffers_bytes);
    rocksdb_options_set_write_buffer_size(options, write_buffers_bytes / WRITE_BUFFERS_MAX);
    rocksdb_options_set_max_write_buffer_number(options, WRITE_BUFFERS_MAX);
    rocksdb_options_set_max_total_wal_size(options, write_buffers_bytes * 2);
    /* After a power cut the end of the log may be torn: what stands before the tear is taken. */
    rocksdb_options_set_wal_recovery_mode(options, rocksdb_point_in_time_recovery);
    rocksdb_options_set_compression(options, rocksdb_lz4_compression);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
    rocksdb_options_set_max_background_jobs(options, BACKGROUND_JOBS);
    rocksdb_options_set_bytes_per_sync(options, SYNC_STEP_SIZE);
}

void settings_init(struct settings *self, uint64_t memory_bytes)
{
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_cache_t *cache = rocksdb_cache_create_lru(memory_bytes / 2);
    *self = (struct settings){.options = options, .cache = cache};

    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_paranoid_checks(options, 1);
    rocksdb_options_set_max_open_files(options, OPEN_FILES_MAX);
    /* It names the first and last keys of all files there ever were since it was begun. */
    rocksdb_options_set_max_manifest_file_size(options, MANIFEST_SIZE_MAX);
    set_table(options, cache);
    set_writing(options, memory_bytes / 2);

    /* With its assertions on, as Debian builds it, RocksDB ends the process at the second line that
     * it cannot write to its own LOG, as on a full disk. So it says its settings when it opens, and
     * nothing later: each error is in a status too. */
    rocksdb_options_set_info_log_level(options, INFO_LOG_HEADERS);
    rocksdb_options_set_keep_log_file_num(options, INFO_LOGS_MAX);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
}

void settings_deinit(struct settings *self)
{
    rocksdb_options_destroy(self->options);
    if (self->cache != NULL) {
        rocksdb_cache_destroy(self->cache);
    }
    *self = (struct settings){0};
}
