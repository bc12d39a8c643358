#include "journal/recovery.h"

#include "base/assert.h"
#include "base/decimal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REWRITE_SIZE = 64 * 1024 };

static const char manifest_name[] = "manifest";

/* A file of the journal in its folder. */
struct found {
    uint64_t set;
    uint32_t log;
    uint64_t number; /* 0: no segment, but of that set. */
    char name[SEGMENT_NAME_SIZE];
};

struct finding {
    VEC(struct found) files;
    bool has_failed; /* Without memory. */
};

/* Spare files are of a set, and no segments. */
static bool parse_name(const char *name, struct found *found)
{
    if (strlen(name) >= sizeof found->name) {
        return false;
    }
    memcpy(found->name, name, strlen(name) + 1);
    if (segment_parse_name(name, &found->set, &found->log, &found->number)) {
        return true;
    }
    const struct slice digits = {.bytes = name, .size = strcspn(name, "-")};
    return name[digits.size] == '-' && decimal_parse_u63(digits, &found->set) && found->set > 0;
}

static void take_name(void *to, const char *name)
{
    struct finding *finding = to;
    struct found found = {0};
    if (!parse_name(name, &found)) {
        return;
    }
    const enum status status = VEC_PUSH(&finding->files, found);
    finding->has_failed |= status != STATUS_OK;
}

static enum status find_files(const struct recovery *self, struct finding *finding,
                              struct failure *out_failure)
{
    const struct files *files = &self->lent_files;
    const struct files_result result =
        files->ops->list(files->self, self->lent_folder, take_name, finding);
    if (result.status != STATUS_OK || finding->has_failed) {
        failure_set(out_failure, "%s cannot be read: %s", self->lent_folder,
                    finding->has_failed ? status_text(STATUS_MEMORY) : files_result_text(result));
        return finding->has_failed ? STATUS_MEMORY : result.status;
    }
    return STATUS_OK;
}

/* Where the log's segments begin and end, by their names; how many there are. */
static uint64_t find_segments(const struct finding *finding, struct recovery_log *log)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < finding->files.count; i++) {
        const struct found *found = &finding->files.items[i];
        if (found->set == log->set && found->log == log->log && found->number > 0) {
            log->first = log->first == 0 || found->number < log->first ? found->number : log->first;
            log->last = found->number > log->last ? found->number : log->last;
            count++;
        }
    }
    return count;
}

static enum status add_set(struct recovery *self, const struct finding *finding,
                           const struct manifest_set *set, struct failure *out_failure)
{
    for (uint32_t i = 0; i < set->logs; i++) {
        struct recovery_log log = {
            .set = set->number, .log = i, .logs = set->logs, .is_recovered = set->is_recovered};
        const uint64_t count = find_segments(finding, &log);
        if (log.first == 0) {
            failure_set(out_failure,
                        "the journal in %s is damaged: of log %" PRIu32 " of set %" PRIu64
                        ", which %s names, no file is there",
                        self->lent_folder, i, set->number, manifest_name);
            return STATUS_CORRUPT;
        }
        /* They are made, on the disk, before they are used, and go oldest first. */
        if (log.last - log.first + 1 != count) {
            failure_set(out_failure,
                        "the journal in %s is damaged: of log %" PRIu32 " of set %" PRIu64
                        ", whose segments are %" PRIu64 " to %" PRIu64 ", only %" PRIu64
                        " are there",
                        self->lent_folder, i, set->number, log.first, log.last, count);
            return STATUS_CORRUPT;
        }
        const enum status status = VEC_PUSH(&self->logs, log);
        if (status != STATUS_OK) {
            failure_set(out_failure, "%s", status_text(status));
            return status;
        }
    }
    return STATUS_OK;
}

/* The folder the folder stands in. */
static struct files_result sync_parent(const struct files *files, const char *folder)
{
    char parent[FILES_PATH_SIZE];
    const char *slash = strrchr(folder, '/');
    const size_t size = slash == NULL ? 0 : (size_t)(slash - folder);
    ASSERT(size < sizeof parent);
    memcpy(parent, folder, size);
    parent[size] = '\0';
    return files->ops->sync_folder(files->self, slash == NULL     ? "."
                                                : slash == folder ? "/"
                                                                  : parent);
}

enum status recovery_open(struct recovery *self, const struct files *lent_files,
                          const char *lent_folder, struct failure *out_failure)
{
    *self = (struct recovery){.lent_files = *lent_files, .lent_folder = lent_folder};
    VEC_INIT(&self->logs);
    bool created = false;
    struct files_result result =
        lent_files->ops->create_folder(lent_files->self, lent_folder, &created);
    if (result.status == STATUS_OK) {
        /* Else a power cut could take the folder, and all that is in it. Not only where it is new:
         * who made it may not have come so far. */
        result = sync_parent(lent_files, lent_folder);
    }
    if (result.status != STATUS_OK) {
        failure_set(out_failure, "%s cannot be made: %s", lent_folder, files_result_text(result));
        return result.status;
    }
    enum status status = manifest_read(&self->manifest, lent_files, lent_folder, out_failure);
    self->has_manifest = status == STATUS_OK;
    if (status == STATUS_MISSING) {
        return STATUS_OK;
    }
    struct finding finding = {0};
    if (status == STATUS_OK) {
        status = find_files(self, &finding, out_failure);
    }
    for (uint32_t i = 0; i < self->manifest.count && status == STATUS_OK; i++) {
        status = add_set(self, &finding, &self->manifest.sets[i], out_failure);
    }
    VEC_DEINIT(&finding.files);
    if (status != STATUS_OK) {
        recovery_close(self);
    }
    return status;
}

void recovery_close(struct recovery *self)
{
    VEC_DEINIT(&self->logs);
}

uint64_t recovery_get_next_set(const struct recovery *self)
{
    const struct manifest *manifest = &self->manifest;
    return manifest->count == 0 ? 1 : manifest->sets[manifest->count - 1].number + 1;
}

/* Files of sets that are not, or no more, on the list. */
static enum status remove_files(const struct recovery *self, struct failure *out_failure)
{
    const struct files *files = &self->lent_files;
    struct finding finding = {0};
    enum status status = find_files(self, &finding, out_failure);
    for (uint32_t i = 0; i < finding.files.count && status == STATUS_OK; i++) {
        const struct found *found = &finding.files.items[i];
        bool counts = false;
        for (uint32_t set = 0; set < self->manifest.count; set++) {
            counts |= found->set == self->manifest.sets[set].number;
        }
        char path[FILES_PATH_SIZE];
        const int size = snprintf(path, sizeof path, "%s/%s", self->lent_folder, found->name);
        ASSERT(size < FILES_PATH_SIZE);
        if (!counts) {
            const struct files_result result = files->ops->remove(files->self, path);
            if (result.status != STATUS_OK && result.status != STATUS_MISSING) {
                failure_set(out_failure, "%s cannot be removed: %s", path,
                            files_result_text(result));
                status = result.status;
            }
        }
    }
    VEC_DEINIT(&finding.files);
    if (status == STATUS_OK) {
        /* Else a power cut could bring them back beside files of the same names. */
        const struct files_result result = files->ops->sync_folder(files->self, self->lent_folder);
        if (result.status != STATUS_OK) {
            failure_set(out_failure, "%s cannot be synced: %s", self->lent_folder,
                        files_result_text(result));
        }
        status = result.status;
    }
    return status;
}

enum status recovery_clean(const struct recovery *self, struct failure *out_failure)
{
    return remove_files(self, out_failure);
}

/* Once more what stands in the file, from `offset` on: after a sync that failed the system takes
 * for written what is not, and no later sync writes it. Files are long, and mostly empty. */
static struct files_result write_again(const struct files *files, struct file file, uint64_t offset)
{
    static const char zeros[REWRITE_SIZE];
    struct files_result result = {.status = STATUS_OK};
    char *bytes = malloc(REWRITE_SIZE);
    if (bytes == NULL) {
        return (struct files_result){.status = STATUS_MEMORY};
    }
    size_t size = REWRITE_SIZE;
    while (result.status == STATUS_OK && size == REWRITE_SIZE) {
        result = files->ops->read_at(files->self, file, offset, bytes, REWRITE_SIZE, &size);
        if (result.status == STATUS_OK && memcmp(bytes, zeros, size) != 0) {
            result = files->ops->write_at(files->self, file, offset, bytes, size);
        }
        offset += size;
    }
    free(bytes);
    return result;
}

static struct files_result sync_file(const struct files *files, const struct recovery_log *log,
                                     uint64_t number, const char *path)
{
    const bool is_doubtful = log->is_here && number >= log->synced_segment;
    struct file file;
    struct files_result result =
        files->ops->open(files->self, path, is_doubtful ? FILES_UPDATE : FILES_READ, &file);
    if (result.status != STATUS_OK) {
        return result;
    }
    if (is_doubtful) {
        const uint64_t from = number == log->synced_segment ? log->synced_offset : 0;
        result = write_again(files, file, from);
    }
    if (result.status == STATUS_OK) {
        result = files->ops->sync_data(files->self, file);
    }
    files->ops->close(files->self, file);
    return result;
}

static enum status sync_segment(const struct recovery *self, const struct recovery_log *log,
                                uint64_t number, struct failure *out_failure)
{
    char name[SEGMENT_NAME_SIZE];
    char path[FILES_PATH_SIZE];
    segment_print_name(name, log->set, log->log, number);
    const int size = snprintf(path, sizeof path, "%s/%s", self->lent_folder, name);
    ASSERT(size < FILES_PATH_SIZE);
    const struct files_result result = sync_file(&self->lent_files, log, number, path);
    if (result.status != STATUS_OK) {
        failure_set(out_failure, "%s cannot be synced: %s", path,
                    result.status == STATUS_MEMORY ? status_text(STATUS_MEMORY)
                                                   : files_result_text(result));
    }
    return result.status;
}

/* What was taken up is served from here on, as if it were safe; a server that was killed may have
 * written it without having come to sync it, or have failed to. */
static enum status sync_logs(const struct recovery *self, struct failure *out_failure)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < self->logs.count && status == STATUS_OK; i++) {
        const struct recovery_log *log = &self->logs.items[i];
        for (uint64_t number = log->first;
             number <= log->last && status == STATUS_OK && !log->is_recovered; number++) {
            status = sync_segment(self, log, number, out_failure);
        }
    }
    return status;
}

/* What counts is what is on the disk. */
static enum status replace(struct recovery *self, const struct manifest *by,
                           struct failure *out_failure)
{
    const enum status status =
        manifest_write(by, &self->lent_files, self->lent_folder, out_failure);
    if (status == STATUS_OK) {
        self->manifest = *by;
    }
    return status;
}

enum status recovery_begin_set(struct recovery *self, uint32_t logs, struct failure *out_failure)
{
    struct manifest *manifest = &self->manifest;
    if (manifest->count == MANIFEST_SETS_MAX) {
        failure_set(out_failure,
                    "the journal in %s is left of %d starts, of which none came to write all of it "
                    "to the store",
                    self->lent_folder, MANIFEST_SETS_MAX);
        return STATUS_JOURNAL_FULL;
    }
    const enum status synced = sync_logs(self, out_failure);
    if (synced != STATUS_OK) {
        return synced;
    }
    struct manifest begun = *manifest;
    for (uint32_t i = 0; i < begun.count; i++) {
        begun.sets[i].is_recovered = true;
    }
    const struct manifest_set set = {.number = recovery_get_next_set(self), .logs = logs};
    begun.sets[begun.count++] = set;
    return replace(self, &begun, out_failure);
}

enum status recovery_end(struct recovery *self, struct failure *out_failure)
{
    const struct manifest *manifest = &self->manifest;
    ASSERT(manifest->count > 0);
    enum status status = STATUS_OK;
    if (manifest->count > 1) {
        const struct manifest ended = {.count = 1, .sets = {manifest->sets[manifest->count - 1]}};
        status = replace(self, &ended, out_failure);
    }
    return status == STATUS_OK ? remove_files(self, out_failure) : status;
}

enum status recovery_end_all(struct recovery *self, struct failure *out_failure)
{
    const struct manifest ended = {0};
    const enum status status = replace(self, &ended, out_failure);
    return status == STATUS_OK ? remove_files(self, out_failure) : status;
}
