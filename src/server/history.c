#include "server/history.h"

#include "base/assert.h"
#include "memory/box.h"
#include "os/boot.h"
#include "os/clock.h"
#include "os/random.h"
#include "readstate/record.h"
#include "store/image.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum {
    ENTRIES_A_LOOK = 16384, /* Between looks at clock and signals. */
    SAY_INTERVAL_MS = 1000,
};

_Static_assert((int)BOOT_ID_SIZE == (int)SEGMENT_BOOT_SIZE, "a boot's id is the system's");

static uint64_t read_now_ms(void)
{
    const struct clock clock = clock_get_system();
    return clock_read_monotonic_ms(&clock);
}

enum status history_open(struct history *self, const char *path, const struct files *lent_files,
                         struct log *lent_log, uint32_t threads, struct failure *out_failure)
{
    *self = (struct history){.lent_files = *lent_files, .lent_log = lent_log, .threads = threads};
    self->began_ms = read_now_ms();
    atomic_init(&self->said_ms, self->began_ms);
    const int size = snprintf(self->folder, sizeof self->folder, "%s/journal", path);
    ASSERT(size < FILES_PATH_SIZE);
    const struct random random = random_get_system();
    /* Where the system does not say which boot it is, each start is as one of its own. */
    if (!boot_read_id(self->boot.bytes) &&
        random_fill(&random, self->boot.bytes, sizeof self->boot.bytes) != STATUS_OK) {
        failure_set(out_failure, "the system has no random bytes");
        return STATUS_IO;
    }
    enum status status = recovery_open(&self->recovery, lent_files, self->folder, out_failure);
    if (status == STATUS_OK) {
        status = recovery_clean(&self->recovery, out_failure);
        if (status != STATUS_OK) {
            recovery_close(&self->recovery);
        }
    }
    self->is_open = status == STATUS_OK;
    return status;
}

void history_close(struct history *self)
{
    if (self->is_open) {
        recovery_close(&self->recovery);
        self->is_open = false;
    }
}

/* May users of the shard stand in that log? Both own a run of the slots. */
static bool overlaps(const struct history *self, const struct recovery_log *log, uint32_t shard)
{
    const uint64_t log_begin = (uint64_t)log->log * self->threads;
    const uint64_t shard_begin = (uint64_t)shard * log->logs;
    return log_begin < shard_begin + log->logs && shard_begin < log_begin + self->threads;
}

static bool is_of_shard(const struct history *self, const struct recovery_log *log, uint32_t shard,
                        struct user_id user)
{
    return log->logs == self->threads ||
           (uint32_t)hash_slot_of_user(user) * self->threads / HASH_SLOTS == shard;
}

/* Does the store have anything of the user that the forgetting names? Who could not be forgotten
 * then is a newer one. */
static enum status is_to_be_erased(struct history *self, const struct journal_entry *entry,
                                   bool *out_is)
{
    struct image *image = NULL;
    const enum status status =
        self->lent_store.ops->read(self->lent_store.self, entry->user, &image);
    *out_is = self->lent_generations[hash_slot_of_user(entry->user)] < entry->incarnation;
    if (status == STATUS_MISSING) {
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        struct record_head head = {0};
        struct slice leaf;
        const enum status decoded = record_decode(image_get_bytes(image, 0), &head, &leaf);
        *out_is = decoded == STATUS_OK && head.incarnation < entry->incarnation;
        image_destroy(&image);
        return decoded;
    }
    return status;
}

/* It was begun, and perhaps not done. */
static enum status erase(struct history *self, const struct journal_entry *entry,
                         struct failure *out_failure)
{
    bool is_to_be = false;
    BOX(image_destroy) struct image *image = NULL;
    enum status status = is_to_be_erased(self, entry, &is_to_be);
    if (status == STATUS_OK && is_to_be) {
        status = image_create(&image, entry->user, 1, 0);
        if (status == STATUS_OK &&
            image_insert(image, IMAGE_FORGETTING, (struct channel_key){.id = entry->incarnation},
                         0) == NULL) {
            status = STATUS_MEMORY;
        }
        if (status == STATUS_OK) {
            const struct image *const images[] = {image};
            status = self->lent_store.ops->write(self->lent_store.self, images, 1);
        }
    }
    if (status != STATUS_OK) {
        failure_set(out_failure,
                    "user %" PRIu64 " was being forgotten, and the store does not take it: %s",
                    entry->user.value, status_text(status));
    }
    return status;
}

static bool has_signal(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

/* Now and then: for who waits for the server, and whether it is to stop. */
static enum status look_up(struct history *self, struct failure *out_failure)
{
    const uint64_t now_ms = read_now_ms();
    uint64_t said_ms = atomic_load(&self->said_ms);
    if (now_ms - said_ms >= SAY_INTERVAL_MS &&
        atomic_compare_exchange_strong(&self->said_ms, &said_ms, now_ms)) {
        log_write(self->lent_log, LOG_LEVEL_INFO,
                  "taking up the journal: %" PRIu64 " changes, %" PRIu64 " MiB so far",
                  atomic_load(&self->entries), atomic_load(&self->bytes) >> 20);
    }
    if (has_signal()) {
        failure_set(out_failure, "stopped while taking up the journal, which is as it was");
        return STATUS_SHUTDOWN;
    }
    return STATUS_OK;
}

/* Said, and noted, once: by the first shard that reads it. */
static void end_log(struct history *self, struct recovery_log *log, uint32_t shard,
                    const struct log_reader *reader)
{
    const bool is_first = shard == 0 || !overlaps(self, log, shard - 1);
    if (reader->was_elsewhere && reader->weakest != JOURNAL_SYNC_ALWAYS && !log->is_recovered) {
        atomic_store(&self->has_lost, true);
    }
    if (is_first) {
        log->is_here = !reader->was_elsewhere;
        log->synced_segment = reader->synced_segment;
        log->synced_offset = reader->synced_offset;
    }
    if (reader->is_torn && is_first) {
        char name[SEGMENT_NAME_SIZE];
        segment_print_name(name, log->set, log->log, reader->torn_segment);
        log_write(self->lent_log, LOG_LEVEL_WARN,
                  "the journal ends in %s/%s at byte %" PRIu64
                  ": what stands behind it is not whole, and is left out",
                  self->folder, name, reader->torn_offset);
    }
}

static enum status recover_log(struct history *self, struct recovery_log *log, uint32_t shard,
                               enum status (*take)(void *to, const struct journal_entry *entry),
                               void *to, struct failure *out_failure)
{
    const struct log_reader_config config = {.lent_files = self->lent_files,
                                             .lent_folder = self->folder,
                                             .boot = self->boot,
                                             .set = log->set,
                                             .log = log->log,
                                             .first = log->first,
                                             .last = log->last};
    struct log_reader reader;
    struct journal_entry entry;
    uint64_t bytes = 0;
    uint64_t taken = 0;
    log_reader_init(&reader, &config);
    enum status status = STATUS_OK;
    while ((status = log_reader_next(&reader, &entry, out_failure)) == STATUS_OK) {
        if (is_of_shard(self, log, shard, entry.user)) {
            status = take(to, &entry);
            /* After it: what is in memory may be written until it is taken out. */
            if (status == STATUS_OK && entry.kind == JOURNAL_FORGETTING) {
                status = erase(self, &entry, out_failure);
            }
            taken++;
        }
        if (status == STATUS_OK && reader.entries % ENTRIES_A_LOOK == 0) {
            atomic_fetch_add(&self->entries, taken);
            atomic_fetch_add(&self->bytes, reader.bytes - bytes);
            bytes = reader.bytes;
            taken = 0;
            status = look_up(self, out_failure);
        }
        if (status != STATUS_OK) {
            log_reader_deinit(&reader);
            return status;
        }
    }
    atomic_fetch_add(&self->entries, taken);
    atomic_fetch_add(&self->bytes, reader.bytes - bytes);
    if (status == STATUS_MISSING) {
        end_log(self, log, shard, &reader);
        status = STATUS_OK;
    }
    log_reader_deinit(&reader);
    return status;
}

enum status history_recover(struct history *self, uint32_t shard,
                            enum status (*take)(void *to, const struct journal_entry *entry),
                            void *to, struct failure *out_failure)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < self->recovery.logs.count && status == STATUS_OK; i++) {
        struct recovery_log *log = &self->recovery.logs.items[i];
        if (overlaps(self, log, shard)) {
            status = recover_log(self, log, shard, take, to, out_failure);
        }
    }
    return status;
}

enum status history_begin(struct history *self, struct failure *out_failure)
{
    if (self->recovery.logs.count > 0) {
        log_write(self->lent_log, LOG_LEVEL_INFO,
                  "the journal is taken up: %" PRIu64 " changes, %" PRIu64 " MiB, in %" PRIu64
                  " ms",
                  atomic_load(&self->entries), atomic_load(&self->bytes) >> 20,
                  read_now_ms() - self->began_ms);
    }
    return recovery_begin_set(&self->recovery, self->threads, out_failure);
}

enum status history_end(struct history *self, struct failure *out_failure)
{
    const enum status status = recovery_end(&self->recovery, out_failure);
    self->is_ended = status == STATUS_OK;
    return status;
}

enum status history_end_all(struct history *self, struct failure *out_failure)
{
    return recovery_end_all(&self->recovery, out_failure);
}
