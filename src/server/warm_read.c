#include "server/warm_read.h"

#include "base/assert.h"
#include "server/warm_save.h"

#include <stdio.h>

static enum status fail(struct warm_read *self, enum status status, const char *why,
                        struct failure *out_failure)
{
    failure_set(out_failure, "the hottest users' ids in %s are not used: %s", self->path, why);
    warm_read_close(self);
    return status;
}

/* Whole ids of what follows; none at the end. */
static struct files_result read_piece(struct warm_read *self)
{
    const struct files *files = &self->lent_files;
    self->size = 0;
    self->at = 0;
    const struct files_result result = files->ops->read_at(
        files->self, self->file, self->offset, self->bytes, sizeof self->bytes, &self->size);
    if (result.status == STATUS_OK) {
        self->offset += self->size;
    } else {
        self->size = 0;
    }
    return result;
}

static const char *say_head(enum status status)
{
    return status == STATUS_INVALID ? "this is not a file of this server"
           : status == STATUS_NEWER ? "a newer version of this program wrote it"
                                    : "it is damaged";
}

enum status warm_read_open(struct warm_read *self, const struct files *lent_files,
                           const char *folder, struct failure *out_failure)
{
    self->lent_files = *lent_files;
    self->is_open = false;
    const int size = snprintf(self->path, sizeof self->path, "%s/%s", folder, WARM_FILE_NAME);
    ASSERT(size < FILES_PATH_SIZE);
    struct files_result result =
        lent_files->ops->open(lent_files->self, self->path, FILES_READ, &self->file);
    if (result.status == STATUS_MISSING) {
        return STATUS_MISSING;
    }
    self->is_open = result.status == STATUS_OK;
    uint8_t bytes[HOT_FILE_HEAD_SIZE];
    size_t got = 0;
    if (result.status == STATUS_OK) {
        result =
            lent_files->ops->read_at(lent_files->self, self->file, 0, bytes, sizeof bytes, &got);
    }
    if (result.status != STATUS_OK) {
        return fail(self, STATUS_IO, files_result_text(result), out_failure);
    }
    struct hot_head head;
    const enum status status = hot_head_decode(bytes, got, &head);
    if (status != STATUS_OK) {
        return fail(self, status, say_head(status), out_failure);
    }
    hot_check_begin(&self->check, &head);
    self->offset = HOT_FILE_HEAD_SIZE;
    return STATUS_OK;
}

enum status warm_read_check(struct warm_read *self, struct failure *out_failure)
{
    const struct files_result result = read_piece(self);
    if (result.status != STATUS_OK) {
        return fail(self, STATUS_IO, files_result_text(result), out_failure);
    }
    /* More than the head says is no file of ours, however long it is. */
    const bool is_too_long = self->check.count > self->check.head.count;
    if (self->size % HOT_FILE_ID_SIZE != 0 || is_too_long) {
        return fail(self, STATUS_CORRUPT, "it is damaged", out_failure);
    }
    hot_check_add(&self->check, self->bytes, self->size);
    if (self->size > 0) {
        return STATUS_BUSY;
    }
    if (hot_check_end(&self->check) != STATUS_OK) {
        return fail(self, STATUS_CORRUPT, "it is damaged", out_failure);
    }
    self->offset = HOT_FILE_HEAD_SIZE;
    return STATUS_OK;
}

enum status warm_read_next(struct warm_read *self, struct user_id *out_user,
                           struct failure *out_failure)
{
    if (self->at == self->size && self->offset == hot_head_measure(&self->check.head)) {
        return STATUS_MISSING;
    }
    if (self->at == self->size) {
        const struct files_result result = read_piece(self);
        if (result.status != STATUS_OK) {
            return fail(self, STATUS_IO, files_result_text(result), out_failure);
        }
        /* Somebody changes it: what was checked is not there any more. */
        if (self->size == 0 || self->size % HOT_FILE_ID_SIZE != 0 ||
            self->offset > hot_head_measure(&self->check.head)) {
            return fail(self, STATUS_CORRUPT, "it changes while it is read", out_failure);
        }
    }
    *out_user = hot_id_decode(self->bytes + self->at);
    return STATUS_OK;
}

void warm_read_close(struct warm_read *self)
{
    if (self->is_open) {
        self->lent_files.ops->close(self->lent_files.self, self->file);
        self->is_open = false;
    }
}
