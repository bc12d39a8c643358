/* A log on a simulated disk, and a plain model of what was written to it.
 *
 * Entry i says by its version (i + 1) which it is; all else of it follows from i.
 *
 * Memory: the disk's, and a buffer's; `play_end` ends it.  Thread: the test's.
 */
#ifndef SIM_JOURNAL_PLAY_H
#define SIM_JOURNAL_PLAY_H

#include "journal/entry.h"
#include "journal/journal.h"
#include "journal/log_reader.h"
#include "os/random_fake.h"
#include "sim/disk_testing.h"

#include <stdio.h>
#include <stdlib.h>

enum { PLAY_ENTRIES_MAX = 8192, PLAY_STATES_MAX = 3 };

static const char play_folder[] = "j";

struct play_entry {
    uint64_t end;     /* The position behind it. */
    uint64_t segment; /* Not in an earlier one. */
};

struct play {
    struct disk *disk;
    struct random_fake random;
    struct journal journal;
    struct buffer buffer;
    uint64_t now_ms;
    uint32_t entries;
    uint32_t needed; /* The first entry of a segment that was not released. */
    uint64_t position;
    struct play_entry written[PLAY_ENTRIES_MAX];
};

static inline struct segment_boot play_boot(uint8_t number)
{
    struct segment_boot boot = {{0}};
    memset(boot.bytes, number, sizeof boot.bytes);
    return boot;
}

static inline struct journal_config play_config(struct play *self, enum journal_sync sync)
{
    return (struct journal_config){.lent_files = disk_get_files(self->disk),
                                   .lent_random = random_fake_get(&self->random),
                                   .lent_folder = play_folder,
                                   .set = 1,
                                   .logs = 1,
                                   .boot = play_boot(1),
                                   .sync = sync,
                                   .segment_bytes = JOURNAL_SEGMENT_BYTES_MIN};
}

static inline void play_make_disk(struct play *self, uint64_t seed, uint32_t handles)
{
    const struct disk_options options = {.files_max = 300,
                                         .handles_max = handles,
                                         .capacity_bytes = UINT64_C(1) << 26,
                                         .seed = seed};
    memset(self, 0, sizeof *self);
    self->random.seed = seed;
    self->disk = disk_create(&options);
    assert_non_null(self->disk);
    const struct files files = disk_get_files(self->disk);
    bool created = false;
    ASSERT_OK(files.ops->create_folder(files.self, play_folder, &created));
    ASSERT_OK(files.ops->sync_folder(files.self, "."));
}

static inline void play_begin_on(struct play *self, enum journal_sync sync)
{
    struct failure failure = {{0}};
    const struct journal_config config = play_config(self, sync);
    const enum status status = journal_open(&self->journal, &config, 0, &failure);
    if (status != STATUS_OK) {
        fail_msg("%s", failure.text);
    }
}

static inline void play_begin(struct play *self, enum journal_sync sync, uint64_t seed)
{
    play_make_disk(self, seed, 300);
    play_begin_on(self, sync);
}

static inline void play_end(struct play *self)
{
    buffer_deinit(&self->buffer);
    disk_destroy(self->disk);
}

static inline size_t play_encode_leaf(uint8_t *to, uint32_t i, uint32_t state)
{
    uint8_t empty[LEAF_HEAD_SIZE];
    struct read_state drawn;
    leaf_init(empty);
    read_state_init(&drawn, (struct channel_key){.id = UINT64_C(1000000) * (i + 1) + state});
    drawn.version = i + 1;
    drawn.flags = (uint16_t)i;
    const struct leaf_change change = leaf_measure(empty, 0, true, &drawn);
    leaf_write_to(to, empty, &change, 0, true, &drawn);
    return change.size;
}

/* Entry i, not sealed, in a block of the heap. */
static inline uint8_t *play_encode(uint32_t i)
{
    uint8_t *to = calloc(1, JOURNAL_STATES_HEAD_SIZE + PLAY_STATES_MAX * 64 + 8);
    assert_non_null(to);
    const struct user_id user = {1 + i % 7};
    if (i % 5 != 2) {
        journal_entry_encode_plain(to, user, i, (struct channel_key){.id = 1 + i % 3}, i, i + 1);
        return to;
    }
    size_t size = 0;
    for (uint32_t state = 0; state <= i % PLAY_STATES_MAX; state++) {
        size += play_encode_leaf(to + JOURNAL_STATES_HEAD_SIZE + size, i, state);
    }
    const struct journal_entry head = {
        .user = user, .incarnation = i, .tombstones = i, .version = i + 1, .purged_to = i};
    journal_entry_encode_states(to, &head, size);
    return to;
}

static inline void play_assert_entry(const struct journal_entry *got, uint32_t i)
{
    struct journal_entry wanted;
    uint8_t *bytes = play_encode(i);
    assert_int_equal(journal_entry_decode(bytes, &wanted), STATUS_OK);
    assert_int_equal(got->kind, wanted.kind);
    assert_true(got->user.value == wanted.user.value && got->version == wanted.version);
    assert_true(got->incarnation == wanted.incarnation && got->last_read == wanted.last_read);
    assert_int_equal(channel_key_compare(got->channel, wanted.channel), 0);
    assert_true(got->tombstones == wanted.tombstones && got->purged_to == wanted.purged_to);
    assert_int_equal(got->leaves.size, wanted.leaves.size);
    if (wanted.leaves.size > 0) {
        assert_memory_equal(got->leaves.bytes, wanted.leaves.bytes, wanted.leaves.size);
    }
    free(bytes);
}

static inline void play_append(struct play *self)
{
    uint8_t *bytes = play_encode(self->entries);
    const size_t size = journal_entry_get_size(bytes);
    const struct slice slice = {.bytes = (const char *)bytes, .size = size};
    assert_int_equal(buffer_append(&self->buffer, slice), STATUS_OK);
    free(bytes);
    self->position += size;
    assert_true(self->entries < PLAY_ENTRIES_MAX);
    self->written[self->entries++] =
        (struct play_entry){.end = self->position, .segment = self->journal.current};
}

static inline enum status play_write(struct play *self, uint32_t count)
{
    struct failure failure;
    while (count-- > 0) {
        play_append(self);
    }
    return journal_write(&self->journal, &self->buffer, self->now_ms, &failure);
}

/* False: nothing is to be done. */
static inline bool play_run_task(struct play *self)
{
    struct journal_task task;
    struct failure failure;
    if (!journal_next_task(&self->journal, self->now_ms, &task)) {
        return false;
    }
    journal_task_run(&task);
    const enum status status = journal_complete(&self->journal, &task, self->now_ms, &failure);
    assert_true(status == STATUS_OK || disk_is_dead(self->disk));
    return true;
}

static inline void play_run_tasks(struct play *self)
{
    for (int i = 0; i < 1000 && play_run_task(self); i++) {
    }
}

/* All up to that segment is in the store. */
static inline void play_release(struct play *self, uint64_t number)
{
    journal_release(&self->journal, number);
    while (self->needed < self->entries && self->written[self->needed].segment <= number) {
        self->needed++;
    }
}

static inline void play_sync(struct play *self)
{
    struct failure failure;
    assert_int_equal(journal_sync_all(&self->journal, &failure), STATUS_OK);
}

struct play_range {
    uint64_t first;
    uint64_t last;
    uint64_t count;
};

static inline void play_take_name(void *to, const char *name)
{
    struct play_range *range = to;
    uint64_t set = 0;
    uint64_t number = 0;
    uint32_t log = 0;
    if (segment_parse_name(name, &set, &log, &number)) {
        range->first = range->first == 0 || number < range->first ? number : range->first;
        range->last = number > range->last ? number : range->last;
        range->count++;
    }
}

static inline struct play_range play_find_range(const struct play *self)
{
    const struct files files = disk_get_files(self->disk);
    struct play_range range = {0};
    ASSERT_OK(files.ops->list(files.self, play_folder, play_take_name, &range));
    return range;
}

struct play_read {
    enum status status; /* STATUS_MISSING: to its end. */
    uint32_t first;     /* Entry. */
    uint32_t end;       /* Behind the last. */
    bool is_torn;
    bool may_have_lost; /* As a start would find: a new epoch begins. */
    struct failure failure;
};

/* What is given out must be a run of what was written. */
static inline struct play_read play_read(const struct play *self, struct segment_boot boot)
{
    const struct play_range range = play_find_range(self);
    const struct log_reader_config config = {.lent_files = disk_get_files(self->disk),
                                             .lent_folder = play_folder,
                                             .boot = boot,
                                             .set = 1,
                                             .first = range.first,
                                             .last = range.last};
    struct log_reader reader;
    struct journal_entry entry;
    struct play_read read = {.first = 0};
    log_reader_init(&reader, &config);
    while ((read.status = log_reader_next(&reader, &entry, &read.failure)) == STATUS_OK) {
        if (read.end == 0) {
            read.first = (uint32_t)entry.version - 1;
            read.end = read.first;
        }
        play_assert_entry(&entry, read.end++);
    }
    read.is_torn = reader.is_torn;
    read.may_have_lost = reader.was_elsewhere && reader.weakest != JOURNAL_SYNC_ALWAYS;
    log_reader_deinit(&reader);
    return read;
}

static inline void play_print_path(char to[static FILES_PATH_SIZE], uint64_t number)
{
    char name[SEGMENT_NAME_SIZE];
    segment_print_name(name, 1, 0, number);
    (void)snprintf(to, FILES_PATH_SIZE, "%s/%s", play_folder, name);
}

#endif
