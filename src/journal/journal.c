#include "journal/journal.h"

#include "base/assert.h"
#include "journal/entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { RETRY_MS = 250 };

static struct journal_segment *get_segment(struct journal *self, uint64_t number)
{
    return &self->segments[number % (JOURNAL_SEGMENTS_MAX + 2)];
}

static void print_name(const struct journal *self, uint64_t number,
                       char to[static JOURNAL_NAME_SIZE])
{
    _Static_assert((int)JOURNAL_NAME_SIZE == (int)SEGMENT_NAME_SIZE, "a name is a segment's");
    segment_print_name(to, self->config.set, self->config.log, number);
}

static void print_spare_name(const struct journal *self, char to[static JOURNAL_NAME_SIZE])
{
    (void)snprintf(to, JOURNAL_NAME_SIZE, "%" PRIu64 "-%" PRIu32 "-spare", self->config.set,
                   self->config.log);
}

static enum status say(struct failure *out_failure, const struct journal *self, uint64_t number,
                       const char *what, struct files_result result)
{
    char name[JOURNAL_NAME_SIZE];
    print_name(self, number, name);
    failure_set(out_failure, "the journal's file %s/%s cannot be %s: %s", self->config.lent_folder,
                name, what, files_result_text(result));
    return result.status;
}

static enum journal_sync get_stronger(enum journal_sync one, enum journal_sync other)
{
    return one < other ? one : other;
}

/* Behind what that segment has. */
static enum status put(struct journal *self, uint64_t number, const void *bytes, size_t size,
                       struct failure *out_failure)
{
    const struct files *files = &self->config.lent_files;
    struct journal_segment *segment = get_segment(self, number);
    const struct files_result result =
        files->ops->write_at(files->self, segment->file, segment->size, bytes, size);
    segment->size += size;
    return result.status == STATUS_OK ? STATUS_OK
                                      : say(out_failure, self, number, "written", result);
}

/* The file that was made ready becomes the current one. */
static enum status begin_segment(struct journal *self, struct failure *out_failure)
{
    ASSERT(self->has_next);
    uint32_t key = 0;
    if (random_fill(&self->config.lent_random, &key, sizeof key) != STATUS_OK) {
        failure_set(out_failure, "the journal cannot go on: the system has no random bytes");
        return STATUS_IO;
    }
    self->has_next = false;
    self->current++;
    get_segment(self, self->current)->size = 0;
    const struct segment_head head = {.sync = self->config.sync,
                                      .set = self->config.set,
                                      .number = self->current,
                                      .log = self->config.log,
                                      .logs = self->config.logs,
                                      .boot = self->config.boot,
                                      .key = key};
    uint8_t bytes[SEGMENT_HEAD_SIZE];
    segment_encode_head(bytes, &head);
    self->key = key;
    self->crc = 0;
    self->sync_in_head = self->config.sync;
    /* What is weaker holds once the head that says so is on the disk. */
    self->sync = get_stronger(self->config.sync, self->sync);
    self->wants_rotation = false;
    return put(self, self->current, bytes, sizeof bytes, out_failure);
}

/* The head before the entry that names it: so where that entry is, the head was. */
static enum status rotate(struct journal *self, struct failure *out_failure)
{
    uint8_t sealed[JOURNAL_SEALED_SIZE];
    const uint64_t number = self->current;
    journal_entry_encode_sealed(sealed, number + 1);
    (void)journal_entry_seal(sealed, self->key, self->crc);
    const enum status status = begin_segment(self, out_failure);
    return status == STATUS_OK ? put(self, number, sealed, sizeof sealed, out_failure) : status;
}

static enum status mark_synced(struct journal *self, struct failure *out_failure)
{
    uint8_t synced[JOURNAL_SYNCED_SIZE];
    self->has_to_mark = false;
    journal_entry_encode_synced(synced, self->synced_segment, self->synced_offset);
    self->crc = journal_entry_seal(synced, self->key, self->crc);
    return put(self, self->current, synced, sizeof synced, out_failure);
}

static void begin_task(struct journal *self, enum journal_work work, struct journal_task *task)
{
    *task = (struct journal_task){.work = work,
                                  .lent_files = self->config.lent_files,
                                  .lent_folder = self->config.lent_folder};
    self->has_task = true;
}

static void fill_prepare(struct journal *self, struct journal_task *task)
{
    begin_task(self, JOURNAL_WORK_PREPARE, task);
    task->segment_bytes = self->config.segment_bytes;
    task->reserve_bytes = self->config.reserve_bytes;
    print_name(self, self->current + 1, task->to);
    if (self->has_spare) {
        print_spare_name(self, task->from);
    }
}

/* The first segment is begun, on the disk: no log that counts is without a head. */
static enum status begin_first(struct journal *self, struct failure *out_failure)
{
    const struct files *files = &self->config.lent_files;
    const enum status status = begin_segment(self, out_failure);
    if (status != STATUS_OK) {
        return status;
    }
    const struct files_result result =
        files->ops->sync_data(files->self, get_segment(self, 1)->file);
    if (result.status != STATUS_OK) {
        return say(out_failure, self, 1, "synced", result);
    }
    self->sync = self->config.sync;
    self->synced_segment = 1;
    self->synced_offset = SEGMENT_HEAD_SIZE;
    return STATUS_OK;
}

enum status journal_open(struct journal *self, const struct journal_config *config, uint64_t now_ms,
                         struct failure *out_failure)
{
    ASSERT(config->segment_bytes >= JOURNAL_SEGMENT_BYTES_MIN);
    memset(self, 0, sizeof *self);
    self->config = *config;
    self->oldest = 1;
    self->sync_due_ms = now_ms + JOURNAL_SYNC_INTERVAL_MS;
    self->check_at_ms = now_ms + JOURNAL_CHECK_INTERVAL_MS;
    struct journal_task task;
    fill_prepare(self, &task);
    journal_task_run(&task);
    self->has_task = false;
    if (task.result.status != STATUS_OK) {
        return say(out_failure, self, 1, "made", task.result);
    }
    if (task.is_full) {
        failure_set(out_failure,
                    "the disk of %s has no room for the journal: %" PRIu64
                    " bytes and what disk-reserve keeps free, %" PRIu64 " bytes",
                    config->lent_folder, config->segment_bytes, config->reserve_bytes);
        return STATUS_DISK_FULL;
    }
    get_segment(self, 1)->file = task.file;
    self->has_next = true;
    const enum status status = begin_first(self, out_failure);
    if (status != STATUS_OK) {
        journal_close(self);
    }
    return status;
}

/* How many of the bytes, as whole entries, fit in `room`. */
static size_t take_entries(const uint8_t *bytes, size_t size, uint64_t room)
{
    size_t at = 0;
    while (at < size) {
        const size_t entry = journal_entry_get_size(bytes + at);
        if (at + entry > room) {
            break;
        }
        at += entry;
    }
    return at;
}

static uint64_t get_room(struct journal *self)
{
    const uint64_t used = get_segment(self, self->current)->size + JOURNAL_SEALED_SIZE;
    return self->config.segment_bytes > used ? self->config.segment_bytes - used : 0;
}

/* So many bytes of whole entries. */
static enum status put_entries(struct journal *self, uint8_t *bytes, size_t size,
                               struct failure *out_failure)
{
    for (size_t at = 0; at < size; at += journal_entry_get_size(bytes + at)) {
        self->crc = journal_entry_seal(bytes + at, self->key, self->crc);
        self->entries++;
    }
    self->written += size;
    return put(self, self->current, bytes, size, out_failure);
}

enum status journal_write(struct journal *self, struct buffer *entries, uint64_t now_ms,
                          struct failure *out_failure)
{
    if (self->rotate_at_ms != 0 && now_ms >= self->rotate_at_ms) {
        self->rotate_at_ms = 0;
        self->wants_rotation = true;
    }
    enum status status = STATUS_OK;
    if (self->wants_rotation && self->has_next) {
        status = rotate(self, out_failure);
    }
    if (status == STATUS_OK && self->has_to_mark && buffer_peek_size(entries) > 0) {
        status = mark_synced(self, out_failure);
    }
    while (status == STATUS_OK && buffer_peek_size(entries) > 0) {
        uint8_t *bytes = (uint8_t *)buffer_get_bytes(entries);
        const size_t size = buffer_peek_size(entries);
        size_t taken = take_entries(bytes, size, get_room(self));
        if (taken < size && self->has_next) {
            /* An entry larger than a segment is one's only one. */
            taken = taken > 0 || get_segment(self, self->current)->size > SEGMENT_HEAD_SIZE
                        ? taken
                        : journal_entry_get_size(bytes);
        } else {
            taken = size;
        }
        if (taken > 0) {
            status = put_entries(self, bytes, taken, out_failure);
            buffer_consume(entries, taken);
        }
        if (status == STATUS_OK && buffer_peek_size(entries) > 0) {
            status = rotate(self, out_failure);
        }
    }
    return status;
}

/* From the first segment that may hold unsynced bytes. Where that are too many for one sync, the
 * next one is due at once. */
static void fill_sync(struct journal *self, uint64_t now_ms, struct journal_task *task)
{
    uint64_t number = self->synced_segment < self->oldest ? self->oldest : self->synced_segment;
    begin_task(self, JOURNAL_WORK_SYNC, task);
    while (number <= self->current && task->files_count < JOURNAL_TASK_FILES_MAX) {
        const struct journal_segment *segment = get_segment(self, number);
        task->files[task->files_count++] = segment->file;
        task->segment = number++;
        task->offset = segment->size;
    }
    const bool is_all = number > self->current;
    task->position = is_all ? self->written : self->synced;
    self->sync_due_ms = is_all ? now_ms + JOURNAL_SYNC_INTERVAL_MS : now_ms;
}

static bool is_sync_due(struct journal *self, uint64_t now_ms)
{
    if (self->written == self->synced) {
        self->sync_due_ms = now_ms + JOURNAL_SYNC_INTERVAL_MS;
        return false;
    }
    if (self->synced < self->asked && self->written >= self->asked) {
        return true;
    }
    switch (self->sync) {
    case JOURNAL_SYNC_ALWAYS:
        return true;
    case JOURNAL_SYNC_EVERYSEC:
        return now_ms >= self->sync_due_ms || self->written - self->synced > JOURNAL_UNSYNCED_MAX;
    case JOURNAL_SYNC_NO:
        return false;
    }
    UNREACHABLE("a sync of no kind");
}

/* The oldest segment, the next one, or (0) the spare file. */
static void fill_release(struct journal *self, uint64_t number, struct journal_task *task)
{
    begin_task(self, JOURNAL_WORK_RELEASE, task);
    task->segment = number;
    if (number == 0) {
        print_spare_name(self, task->from);
        return;
    }
    const struct journal_segment *segment = get_segment(self, number);
    task->file = segment->file;
    task->has_file = number != self->oldest || !self->is_releasing;
    print_name(self, number, task->from);
    if (!self->has_spare && !segment->is_to_vanish) {
        print_spare_name(self, task->to);
    }
}

/* A file that is not in use and holds what was forgotten. */
static bool find_to_vanish(struct journal *self, uint64_t *out_number)
{
    if (self->has_spare && self->spare_is_to_vanish) {
        *out_number = 0;
        return true;
    }
    *out_number = self->current + 1;
    if (self->has_next && get_segment(self, *out_number)->is_to_vanish) {
        self->has_next = false;
        return true;
    }
    return false;
}

bool journal_next_task(struct journal *self, uint64_t now_ms, struct journal_task *out_task)
{
    if (self->has_task) {
        return false;
    }
    const bool may_prepare = !self->has_next && now_ms >= self->next_retry_ms &&
                             self->current + 1 - self->oldest < JOURNAL_SEGMENTS_MAX;
    const bool is_urgent = may_prepare && get_room(self) < self->config.segment_bytes / 2;
    uint64_t vanishing = 0;
    if (is_sync_due(self, now_ms) && !is_urgent) {
        fill_sync(self, now_ms, out_task);
    } else if (may_prepare) {
        fill_prepare(self, out_task);
    } else if (self->oldest <= self->released_to && now_ms >= self->release_retry_ms) {
        /* The head of the segment behind it is on the disk before it goes. */
        if (self->synced_segment <= self->oldest) {
            fill_sync(self, now_ms, out_task);
        } else {
            fill_release(self, self->oldest, out_task);
        }
    } else if (now_ms >= self->release_retry_ms && find_to_vanish(self, &vanishing)) {
        fill_release(self, vanishing, out_task);
    } else if (now_ms >= self->check_at_ms) {
        begin_task(self, JOURNAL_WORK_CHECK, out_task);
        out_task->reserve_bytes = self->config.reserve_bytes;
    }
    return self->has_task;
}

static void end_sync(struct journal *self, const struct journal_task *task)
{
    self->synced = task->position;
    self->synced_segment = task->segment;
    self->synced_offset = task->offset;
    self->has_to_mark = true;
    if (task->segment == self->current) {
        self->sync = get_stronger(self->config.sync, self->sync_in_head);
    }
    self->syncs++;
    self->sync_ns_last = task->took_ns;
    self->sync_ns_max = task->took_ns > self->sync_ns_max ? task->took_ns : self->sync_ns_max;
}

/* What cannot be made now (there is no room, no file may be opened) is tried again. */
static void end_prepare(struct journal *self, const struct journal_task *task, uint64_t now_ms)
{
    if (task->is_full || task->result.status != STATUS_OK) {
        self->next_is_refused = true;
        self->next_retry_ms = now_ms + RETRY_MS;
        return;
    }
    const bool was_spare = task->from[0] != '\0';
    *get_segment(self, self->current + 1) = (struct journal_segment){
        .file = task->file, .is_to_vanish = was_spare && self->spare_is_to_vanish};
    self->has_next = true;
    self->next_is_refused = false;
    self->has_spare = self->has_spare && !was_spare;
    self->spare_is_to_vanish = self->spare_is_to_vanish && !was_spare;
}

/* A file that could not be renamed or removed is closed, and tried again by its name. Whether there
 * is a spare file then is not known: it is taken for there, which does no harm. */
static void end_release(struct journal *self, const struct journal_task *task, uint64_t now_ms)
{
    const bool has_failed = task->result.status != STATUS_OK;
    if (task->to[0] != '\0') {
        self->has_spare = true;
        self->spare_is_to_vanish = get_segment(self, task->segment)->is_to_vanish;
    }
    if (has_failed) {
        self->release_retry_ms = now_ms + RETRY_MS;
    }
    if (task->segment == 0) {
        self->has_spare = has_failed;
        self->spare_is_to_vanish = has_failed;
    }
    if (task->segment == self->oldest) {
        self->is_releasing = has_failed;
        self->oldest += !has_failed;
    }
}

enum status journal_complete(struct journal *self, const struct journal_task *task, uint64_t now_ms,
                             struct failure *out_failure)
{
    self->has_task = false;
    if (task->result.status != STATUS_OK && task->work == JOURNAL_WORK_SYNC) {
        failure_set(out_failure, "the server cannot %s in %s: %s", journal_task_text(task),
                    self->config.lent_folder, files_result_text(task->result));
        return task->result.status;
    }
    switch (task->work) {
    case JOURNAL_WORK_SYNC:
        end_sync(self, task);
        break;
    case JOURNAL_WORK_PREPARE:
        end_prepare(self, task, now_ms);
        break;
    case JOURNAL_WORK_RELEASE:
        end_release(self, task, now_ms);
        break;
    case JOURNAL_WORK_CHECK:
        self->is_disk_full = task->is_full && task->result.status == STATUS_OK;
        self->check_at_ms = now_ms + JOURNAL_CHECK_INTERVAL_MS;
        break;
    }
    return STATUS_OK;
}

void journal_set_sync(struct journal *self, enum journal_sync sync)
{
    self->config.sync = sync;
    self->wants_rotation = sync != self->sync_in_head;
    self->sync = get_stronger(sync, self->sync);
}

void journal_release(struct journal *self, uint64_t number)
{
    ASSERT(number < self->current);
    self->released_to = number > self->released_to ? number : self->released_to;
}

void journal_ask_sync(struct journal *self, uint64_t position)
{
    self->asked = position > self->asked ? position : self->asked;
}

void journal_note_forgetting(struct journal *self, uint64_t now_ms)
{
    for (uint64_t number = self->oldest; number <= self->current; number++) {
        get_segment(self, number)->is_to_vanish = true;
    }
    /* What becomes the next segment may have held it in an earlier life. */
    get_segment(self, self->current + 1)->is_to_vanish = self->has_next;
    self->spare_is_to_vanish = self->has_spare;
    if (self->rotate_at_ms == 0) {
        self->rotate_at_ms = now_ms + JOURNAL_FORGOTTEN_WITHIN_MS;
    }
}

enum status journal_peek_status(const struct journal *self)
{
    const uint64_t used = self->segments[self->current % (JOURNAL_SEGMENTS_MAX + 2)].size;
    if (self->is_disk_full ||
        (self->next_is_refused && used > self->config.segment_bytes / 4 * 3)) {
        return STATUS_DISK_FULL;
    }
    if (self->current + 1 - self->oldest >= JOURNAL_SEGMENTS_MAX) {
        return STATUS_JOURNAL_FULL;
    }
    return !self->has_next && used >= self->config.segment_bytes ? STATUS_BUSY : STATUS_OK;
}

uint64_t journal_count_bytes(const struct journal *self)
{
    uint64_t bytes = 0;
    for (uint64_t number = self->oldest; number <= self->current; number++) {
        bytes += self->segments[number % (JOURNAL_SEGMENTS_MAX + 2)].size;
    }
    return bytes;
}

uint64_t journal_count_file_bytes(const struct journal *self)
{
    const uint64_t segments = self->current + 1 - self->oldest;
    return (segments + self->has_next + self->has_spare) * self->config.segment_bytes;
}

enum status journal_sync_all(struct journal *self, struct failure *out_failure)
{
    ASSERT(!self->has_task);
    while (self->synced < self->written) {
        struct journal_task task;
        fill_sync(self, 0, &task);
        journal_task_run(&task);
        const enum status status = journal_complete(self, &task, 0, out_failure);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

void journal_close(struct journal *self)
{
    const struct files *files = &self->config.lent_files;
    const uint64_t last = self->current + self->has_next;
    /* One that could not be released is closed already. */
    for (uint64_t number = self->oldest + self->is_releasing; number <= last; number++) {
        files->ops->close(files->self, get_segment(self, number)->file);
    }
}
