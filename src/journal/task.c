#include "journal/task.h"

#include "base/assert.h"

#include <stdio.h>

static void print_path(const struct journal_task *self, const char *name,
                       char to[static FILES_PATH_SIZE])
{
    const int size = snprintf(to, FILES_PATH_SIZE, "%s/%s", self->lent_folder, name);
    ASSERT(size < FILES_PATH_SIZE);
}

/* The newest first: a segment is on the disk before what names it. */
static struct files_result sync(const struct journal_task *self)
{
    const struct files *files = &self->lent_files;
    struct files_result result = {.status = STATUS_OK};
    for (uint32_t i = self->files_count; i > 0 && result.status == STATUS_OK; i--) {
        result = files->ops->sync_data(files->self, self->files[i - 1]);
    }
    return result;
}

/* Is more free than what must stay so, after `bytes` are taken? */
static struct files_result check(struct journal_task *self, uint64_t bytes)
{
    uint64_t free_bytes = 0;
    const struct files *files = &self->lent_files;
    const struct files_result result =
        files->ops->measure_free(files->self, self->lent_folder, &free_bytes);
    self->is_full = result.status == STATUS_OK && free_bytes < self->reserve_bytes + bytes;
    return result;
}

/* A disk that is full is no failure. */
static struct files_result note_full(struct journal_task *self, struct files_result result)
{
    if (result.status == STATUS_DISK_FULL) {
        self->is_full = true;
        return (struct files_result){.status = STATUS_OK};
    }
    return result;
}

static struct files_result allocate(struct journal_task *self)
{
    const struct files *files = &self->lent_files;
    struct files_result result = files->ops->allocate(files->self, self->file, self->segment_bytes);
    if (result.status == STATUS_OK) {
        result = files->ops->sync(files->self, self->file);
    }
    if (result.status == STATUS_OK) {
        result = files->ops->sync_folder(files->self, self->lent_folder);
    }
    return result;
}

/* The file's name is its own, and it is open. An old file has its room already, and needs none of
 * what is to stay free; it may be gone, where an earlier try came that far. */
static struct files_result open_file(struct journal_task *self, const char *to)
{
    const struct files *files = &self->lent_files;
    struct files_result result = {.status = STATUS_MISSING};
    if (self->from[0] != '\0') {
        char from[FILES_PATH_SIZE];
        print_path(self, self->from, from);
        result = files->ops->rename(files->self, from, to);
    }
    enum files_access access = FILES_UPDATE;
    if (result.status == STATUS_MISSING) {
        /* Nothing of what may be there from such a try stays. */
        access = FILES_REPLACE;
        result = check(self, self->segment_bytes);
    }
    if (result.status != STATUS_OK || self->is_full) {
        return result;
    }
    result = files->ops->open(files->self, to, access, &self->file);
    self->has_file = result.status == STATUS_OK;
    return result;
}

static struct files_result prepare(struct journal_task *self)
{
    const struct files *files = &self->lent_files;
    char to[FILES_PATH_SIZE];
    print_path(self, self->to, to);
    struct files_result result = open_file(self, to);
    if (self->has_file) {
        result = allocate(self);
    }
    if (self->has_file && result.status != STATUS_OK) {
        files->ops->close(files->self, self->file);
        self->has_file = false;
    }
    if (!self->has_file) {
        /* It goes on taking room, where there is none, until it is made anew. */
        (void)files->ops->remove(files->self, to);
    }
    return note_full(self, result);
}

/* On the disk before the next one goes: so those that are there are always without a gap. */
static struct files_result release(const struct journal_task *self)
{
    const struct files *files = &self->lent_files;
    char from[FILES_PATH_SIZE];
    char to[FILES_PATH_SIZE];
    print_path(self, self->from, from);
    if (self->has_file) {
        files->ops->close(files->self, self->file);
    }
    struct files_result result;
    if (self->to[0] != '\0') {
        print_path(self, self->to, to);
        result = files->ops->rename(files->self, from, to);
    } else {
        result = files->ops->remove(files->self, from);
    }
    /* It is gone already where an earlier try came that far. */
    return result.status == STATUS_OK || result.status == STATUS_MISSING
               ? files->ops->sync_folder(files->self, self->lent_folder)
               : result;
}

void journal_task_run(struct journal_task *self)
{
    switch (self->work) {
    case JOURNAL_WORK_SYNC:
        self->result = sync(self);
        return;
    case JOURNAL_WORK_PREPARE:
        self->result = prepare(self);
        return;
    case JOURNAL_WORK_RELEASE:
        self->result = release(self);
        return;
    case JOURNAL_WORK_CHECK:
        self->result = check(self, 0);
        return;
    }
    UNREACHABLE("work of no kind");
}

const char *journal_task_text(const struct journal_task *self)
{
    switch (self->work) {
    case JOURNAL_WORK_SYNC:
        return "sync a file of the journal";
    case JOURNAL_WORK_PREPARE:
        return "make a file of the journal";
    case JOURNAL_WORK_RELEASE:
        return "take away a file of the journal";
    case JOURNAL_WORK_CHECK:
        return "ask how much room the disk has";
    }
    UNREACHABLE("work of no kind");
}
