#include "server/warm_save.h"

#include "base/assert.h"
#include "base/crc32c.h"
#include "shard/hot_file.h"

#include <errno.h>
#include <stdio.h>

enum { BUFFER_SIZE = 64 * 1024 };

struct writer {
    const struct files *lent_files;
    struct file file;
    uint64_t offset;
    uint32_t checksum;
    size_t size;
    uint8_t bytes[BUFFER_SIZE];
};

uint64_t warm_save_count(const struct warm_save *self)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < self->lists; i++) {
        count += hot_list_count(&self->lent_lists[i]);
    }
    return count < self->users_max ? count : self->users_max;
}

static struct files_result flush(struct writer *self)
{
    const struct files_result result = self->lent_files->ops->write_at(
        self->lent_files->self, self->file, self->offset, self->bytes, self->size);
    self->checksum = crc32c_extend(self->checksum, self->bytes, self->size);
    self->offset += self->size;
    self->size = 0;
    return result;
}

/* All lists are equally hot: the hottest of each, the second of each, ... */
static struct files_result write_ids(const struct warm_save *self, struct writer *writer)
{
    struct files_result result = {.status = STATUS_OK};
    uint64_t left = warm_save_count(self);
    for (uint32_t rank = 0; left > 0; rank++) {
        for (uint32_t i = 0; i < self->lists && left > 0; i++) {
            if (rank >= hot_list_count(&self->lent_lists[i])) {
                continue;
            }
            hot_id_encode(writer->bytes + writer->size, hot_list_get(&self->lent_lists[i], rank));
            writer->size += HOT_FILE_ID_SIZE;
            left--;
            if (writer->size == BUFFER_SIZE) {
                result = flush(writer);
            }
            if (result.status != STATUS_OK) {
                return result;
            }
        }
    }
    return flush(writer);
}

/* The head comes last: it has the checksum. */
static struct files_result write_all(const struct warm_save *self, struct writer *writer)
{
    const struct files *files = self->lent_files;
    uint8_t head[HOT_FILE_HEAD_SIZE] = {0};
    struct files_result result =
        files->ops->write_at(files->self, writer->file, 0, head, sizeof head);
    if (result.status == STATUS_OK) {
        result = write_ids(self, writer);
    }
    if (result.status == STATUS_OK) {
        hot_head_encode(
            head, &(struct hot_head){.count = warm_save_count(self), .checksum = writer->checksum});
        result = files->ops->write_at(files->self, writer->file, 0, head, sizeof head);
    }
    if (result.status == STATUS_OK) {
        result = files->ops->sync(files->self, writer->file);
    }
    return result;
}

static struct files_result check_room(const struct warm_save *self)
{
    const struct files *files = self->lent_files;
    const struct hot_head head = {.count = warm_save_count(self)};
    uint64_t free_bytes = 0;
    const struct files_result result =
        files->ops->measure_free(files->self, self->lent_folder, &free_bytes);
    if (result.status == STATUS_OK && free_bytes < hot_head_measure(&head) + self->reserve_bytes) {
        return (struct files_result){.status = STATUS_DISK_FULL, .number = ENOSPC};
    }
    return result;
}

/* `suffix`: of the one being written. */
static void print_path(char to[static FILES_PATH_SIZE], const char *folder, const char *suffix)
{
    const int size = snprintf(to, FILES_PATH_SIZE, "%s/%s%s", folder, WARM_FILE_NAME, suffix);
    ASSERT(size < FILES_PATH_SIZE);
}

enum status warm_save_remove(const struct files *lent_files, const char *folder)
{
    char path[FILES_PATH_SIZE];
    print_path(path, folder, "");
    struct files_result result = lent_files->ops->remove(lent_files->self, path);
    if (result.status == STATUS_OK) {
        result = lent_files->ops->sync_folder(lent_files->self, folder);
    }
    return result.status == STATUS_MISSING ? STATUS_OK : result.status;
}

void warm_save_clean(const struct files *lent_files, const char *folder)
{
    char path[FILES_PATH_SIZE];
    print_path(path, folder, ".new");
    (void)lent_files->ops->remove(lent_files->self, path);
}

enum status warm_save_run(const struct warm_save *self, struct failure *out_failure)
{
    const struct files *files = self->lent_files;
    char path[FILES_PATH_SIZE];
    char new_path[FILES_PATH_SIZE];
    print_path(path, self->lent_folder, "");
    print_path(new_path, self->lent_folder, ".new");
    struct writer writer = {.lent_files = files, .offset = HOT_FILE_HEAD_SIZE};
    struct files_result result = check_room(self);
    if (result.status == STATUS_OK) {
        result = files->ops->open(files->self, new_path, FILES_REPLACE, &writer.file);
        if (result.status == STATUS_OK) {
            result = write_all(self, &writer);
            files->ops->close(files->self, writer.file);
            if (result.status == STATUS_OK) {
                result = files->ops->rename(files->self, new_path, path);
            }
            if (result.status != STATUS_OK) {
                /* It would only take room. */
                (void)files->ops->remove(files->self, new_path);
            }
        }
    }
    if (result.status == STATUS_OK) {
        result = files->ops->sync_folder(files->self, self->lent_folder);
    }
    if (result.status != STATUS_OK) {
        failure_set(out_failure, "the hottest users' ids cannot be saved in %s: %s", path,
                    files_result_text(result));
    }
    return result.status;
}
