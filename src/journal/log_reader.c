#include "journal/log_reader.h"

#include "base/assert.h"

#include <inttypes.h>
#include <stdio.h>

static void print_path(const struct log_reader *self, uint64_t number,
                       char to[static FILES_PATH_SIZE])
{
    char name[SEGMENT_NAME_SIZE];
    segment_print_name(name, self->config.set, self->config.log, number);
    const int size = snprintf(to, FILES_PATH_SIZE, "%s/%s", self->config.lent_folder, name);
    ASSERT(size < FILES_PATH_SIZE);
}

static enum status say_unreadable(const struct log_reader *self, uint64_t number,
                                  enum status status, struct files_result result,
                                  struct failure *out_failure)
{
    char path[FILES_PATH_SIZE];
    print_path(self, number, path);
    failure_set(out_failure, "the journal's file %s cannot be read: %s", path,
                result.status == STATUS_OK ? status_text(status) : files_result_text(result));
    return status;
}

static enum status say_damaged(const struct log_reader *self, uint64_t number, uint64_t offset,
                               const char *why, struct failure *out_failure)
{
    char path[FILES_PATH_SIZE];
    print_path(self, number, path);
    failure_set(out_failure,
                "the journal's file %s is damaged at byte %" PRIu64
                ": %s. `readstates-journal check %s` shows what is whole",
                path, offset, why, path);
    return STATUS_CORRUPT;
}

void log_reader_init(struct log_reader *self, const struct log_reader_config *config)
{
    *self = (struct log_reader){.config = *config, .number = config->first};
}

void log_reader_deinit(struct log_reader *self)
{
    if (self->is_open) {
        segment_reader_close(&self->segment);
        self->is_open = false;
    }
}

/* STATUS_MISSING: it is not there, was not begun, or (STATUS_CORRUPT) its head is damaged. */
static enum status open_segment(struct log_reader *self, struct segment_reader *segment,
                                uint64_t number, struct failure *out_failure)
{
    char path[FILES_PATH_SIZE];
    struct files_result result = {.status = STATUS_OK};
    print_path(self, number, path);
    const enum status status =
        segment_reader_open(segment, &self->config.lent_files, path, &result);
    if (status == STATUS_IO || status == STATUS_MEMORY || status == STATUS_NEWER) {
        return say_unreadable(self, number, status, result, out_failure);
    }
    if (status == STATUS_OK &&
        (segment->head.number != number || segment->head.set != self->config.set ||
         segment->head.log != self->config.log)) {
        /* From an earlier life of the file. */
        segment_reader_close(segment);
        return STATUS_MISSING;
    }
    return status;
}

/* What is known of the log behind a place that is not whole. */
struct evidence {
    bool is_begun; /* A later entry is there. */
    struct segment_rest synced;
};

static void add_synced(struct evidence *evidence, uint64_t segment, uint64_t offset)
{
    struct segment_rest *synced = &evidence->synced;
    if (segment > synced->synced_segment ||
        (segment == synced->synced_segment && offset > synced->synced_offset)) {
        synced->synced_segment = segment;
        synced->synced_offset = offset;
    }
}

static enum status look_into(struct log_reader *self, struct segment_reader *segment,
                             struct evidence *evidence, struct failure *out_failure)
{
    struct files_result result = {.status = STATUS_OK};
    struct journal_entry entry;
    const uint64_t began_at = segment->offset;
    enum status status = STATUS_OK;
    while ((status = segment_reader_next(segment, &entry, &result)) == STATUS_OK) {
        if (entry.kind == JOURNAL_SYNCED) {
            add_synced(evidence, entry.segment, entry.offset);
        }
    }
    evidence->is_begun |= segment->offset > began_at;
    struct segment_rest rest = {0};
    if (status == STATUS_MISSING) {
        status = segment_reader_find_rest(segment, &rest, &result);
    }
    if (status != STATUS_OK) {
        return say_unreadable(self, segment->head.number, status, result, out_failure);
    }
    evidence->is_begun |= rest.is_there;
    add_synced(evidence, rest.synced_segment, rest.synced_offset);
    return STATUS_OK;
}

static enum status gather_evidence(struct log_reader *self, struct evidence *evidence,
                                   struct failure *out_failure)
{
    if (self->is_open) {
        const enum status status = look_into(self, &self->segment, evidence, out_failure);
        if (status != STATUS_OK) {
            return status;
        }
    }
    for (uint64_t number = self->number + 1; number <= self->config.last; number++) {
        struct segment_reader later;
        const enum status opened = open_segment(self, &later, number, out_failure);
        if (opened == STATUS_MISSING || opened == STATUS_CORRUPT) {
            continue;
        }
        if (opened != STATUS_OK) {
            return opened;
        }
        const enum status status = look_into(self, &later, evidence, out_failure);
        segment_reader_close(&later);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static bool is_here(const struct log_reader *self)
{
    return segment_boot_is(&self->boot, &self->config.boot);
}

/* The log is not whole at that byte of segment `number`: is that its end? */
static enum status end_at(struct log_reader *self, uint64_t offset, bool is_torn,
                          struct failure *out_failure)
{
    const uint64_t number = self->number;
    struct evidence evidence = {0};
    const enum status status = gather_evidence(self, &evidence, out_failure);
    if (status != STATUS_OK) {
        return status;
    }
    if (is_here(self) && evidence.is_begun) {
        return say_damaged(self, number, offset, "what follows it was written later", out_failure);
    }
    const struct segment_rest *synced = &evidence.synced;
    if (synced->synced_segment > number ||
        (synced->synced_segment == number && synced->synced_offset > offset)) {
        return say_damaged(self, number, offset, "what follows it says that it was on the disk",
                           out_failure);
    }
    self->is_torn = is_torn || evidence.is_begun;
    self->torn_segment = number;
    self->torn_offset = offset;
    self->number = self->config.last + 1;
    log_reader_deinit(self);
    return STATUS_MISSING;
}

/* STATUS_OK: it is open. */
static enum status begin_segment(struct log_reader *self, struct failure *out_failure)
{
    const enum status status = open_segment(self, &self->segment, self->number, out_failure);
    /* The first one's head was on the disk before the log counted. Those of the others are written
     * before they are named, and smaller than what a power cut tears. */
    const bool was_begun = self->number == self->config.first || is_here(self);
    if (status == STATUS_CORRUPT || (status == STATUS_MISSING && was_begun)) {
        return say_damaged(self, self->number, 0,
                           status == STATUS_CORRUPT ? "its head is not whole"
                                                    : "its head was written, and is not there",
                           out_failure);
    }
    if (status == STATUS_MISSING) {
        return end_at(self, 0, false, out_failure);
    }
    if (status != STATUS_OK) {
        return status;
    }
    const struct segment_head *head = &self->segment.head;
    self->is_open = true;
    self->boot = head->boot;
    self->weakest = head->sync > self->weakest ? head->sync : self->weakest;
    self->was_elsewhere |= !segment_boot_is(&head->boot, &self->config.boot);
    return STATUS_OK;
}

static enum status end_segment(struct log_reader *self, const struct journal_entry *sealed,
                               struct failure *out_failure)
{
    if (sealed->segment != self->number + 1) {
        return say_damaged(self, self->number, self->segment.offset,
                           "it names another segment than the next one", out_failure);
    }
    log_reader_deinit(self);
    self->number++;
    if (self->number > self->config.last) {
        /* It was made, on the disk, before it was named. */
        return say_damaged(self, self->number, 0, "it is not there", out_failure);
    }
    return STATUS_OK;
}

/* Is there anything but zeros behind the last entry? Then a write was under way. */
static bool has_torn_bytes(const struct log_reader *self)
{
    const struct segment_reader *segment = &self->segment;
    const size_t passed = (size_t)(segment->offset - segment->window_at);
    const char *bytes = buffer_get_bytes(&segment->window) + passed;
    const size_t size = buffer_peek_size(&segment->window) - passed;
    for (size_t i = 0; i < size && i < JOURNAL_ENTRY_HEAD_SIZE; i++) {
        if (bytes[i] != 0) {
            return true;
        }
    }
    return false;
}

enum status log_reader_next(struct log_reader *self, struct journal_entry *out_entry,
                            struct failure *out_failure)
{
    while (self->number <= self->config.last) {
        enum status status = self->is_open ? STATUS_OK : begin_segment(self, out_failure);
        if (status != STATUS_OK) {
            return status;
        }
        struct files_result result = {.status = STATUS_OK};
        const uint64_t offset = self->segment.offset;
        status = segment_reader_next(&self->segment, out_entry, &result);
        if (status == STATUS_MISSING) {
            return end_at(self, offset, has_torn_bytes(self), out_failure);
        }
        if (status != STATUS_OK) {
            return say_unreadable(self, self->number, status, result, out_failure);
        }
        self->entries++;
        self->bytes += self->segment.offset - offset;
        if (out_entry->kind == JOURNAL_SEALED) {
            status = end_segment(self, out_entry, out_failure);
            if (status != STATUS_OK) {
                return status;
            }
        } else if (out_entry->kind == JOURNAL_SYNCED) {
            self->synced_segment = out_entry->segment;
            self->synced_offset = out_entry->offset;
        } else {
            return STATUS_OK;
        }
    }
    return STATUS_MISSING;
}
