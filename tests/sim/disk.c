/* The operations of the port. */
#include "sim/disk.h"

#include "base/assert.h"
#include "sim/disk_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct disk *disk_create(const struct disk_options *options)
{
    ASSERT(options->files_max > 0 && options->handles_max > 0);
    struct disk *self = calloc(1, sizeof *self);
    ASSERT(self != NULL);
    self->options = *options;
    self->seed = disk_mix(options->seed, 0);
    self->handles = calloc(options->handles_max, sizeof *self->handles);
    ASSERT(self->handles != NULL);
    return self;
}

void disk_destroy(struct disk *self)
{
    for (uint32_t i = 0; i < self->nodes_count; i++) {
        if (self->nodes[i] != NULL) {
            disk_remove_node(self, i + 1);
        }
    }
    for (uint32_t i = 0; i < self->names_count; i++) {
        free(self->names[i].path);
    }
    free((void *)self->nodes);
    free(self->names);
    free(self->handles);
    free(self);
}

void disk_set_capacity(struct disk *self, uint64_t capacity_bytes)
{
    self->options.capacity_bytes = capacity_bytes;
    disk_hash_number(self, capacity_bytes);
}

uint64_t disk_get_hash(const struct disk *self)
{
    return self->hash;
}

const struct disk_counts *disk_get_counts(const struct disk *self)
{
    return &self->counts;
}

/* The last thing of each operation. */
static struct files_result finish(struct disk *self, int number)
{
    disk_hash_number(self, (uint64_t)number);
    const enum status status = number == 0             ? STATUS_OK
                               : number == ENOENT      ? STATUS_MISSING
                               : number == EWOULDBLOCK ? STATUS_BUSY
                               : number == ENOSPC      ? STATUS_DISK_FULL
                                                       : STATUS_IO;
    return (struct files_result){.status = status, .number = number};
}

static int begin_on_path(struct disk *self, enum disk_operation operation, const char *path)
{
    const struct disk_verdict verdict = disk_begin(self, operation, 0);
    disk_hash_bytes(self, path, strlen(path));
    return verdict.number;
}

static struct disk_handle *get_handle(struct disk *self, struct file file)
{
    ASSERT(file.number >= 0 && (uint32_t)file.number < self->options.handles_max);
    struct disk_handle *handle = &self->handles[file.number];
    ASSERT(handle->node != 0);
    return handle;
}

static struct disk_node *get_written(struct disk *self, struct file file)
{
    const struct disk_handle *handle = get_handle(self, file);
    ASSERT(handle->is_to_write);
    return disk_get_node(self, handle->node);
}

static int begin_on_file(struct disk *self, enum disk_operation operation, struct file file)
{
    const struct disk_verdict verdict = disk_begin(self, operation, 0);
    disk_hash_number(self, (uint64_t)file.number);
    return verdict.number;
}

static int full(struct disk *self)
{
    self->counts.full++;
    return ENOSPC;
}

static int create_folder(struct disk *self, const char *path, bool *out_created)
{
    const int above = disk_check_folder(self, path);
    if (above != 0) {
        return above;
    }
    const uint32_t found = disk_find_node(self, path);
    *out_created = false;
    if (found != 0 || disk_is_root(path)) {
        return disk_check_is_folder(self, path);
    }
    if (self->nodes_seen == self->options.files_max) {
        return full(self);
    }
    disk_set_name(self, path, disk_insert_node(self, true));
    *out_created = true;
    return 0;
}

static struct files_result disk_create_folder(void *lent, const char *path, bool *out_created)
{
    struct disk *self = lent;
    const int number = begin_on_path(self, DISK_CREATE_FOLDER, path);
    return finish(self, number != 0 ? number : create_folder(self, path, out_created));
}

/* The node of a file that is opened, made if it has to be. 0: *out_number tells why not. */
static uint32_t find_or_make(struct disk *self, const char *path, enum files_access access,
                             int *out_number)
{
    const uint32_t found = disk_find_node(self, path);
    *out_number = disk_check_folder(self, path);
    if (*out_number != 0) {
        return 0;
    }
    if (disk_is_root(path) || (found != 0 && disk_get_node(self, found)->is_folder)) {
        *out_number = EISDIR;
        return 0;
    }
    if (found != 0) {
        return found;
    }
    if (access == FILES_READ || self->nodes_seen == self->options.files_max) {
        *out_number = access == FILES_READ ? ENOENT : full(self);
        return 0;
    }
    const uint32_t made = disk_insert_node(self, false);
    disk_set_name(self, path, made);
    return made;
}

static int open_file(struct disk *self, const char *path, enum files_access access,
                     struct file *out_file)
{
    uint32_t at = 0;
    while (at < self->options.handles_max && self->handles[at].node != 0) {
        at++;
    }
    if (at == self->options.handles_max) {
        return EMFILE;
    }
    int number = 0;
    const uint32_t found = find_or_make(self, path, access, &number);
    if (number != 0) {
        return number;
    }
    struct disk_node *node = disk_get_node(self, found);
    if (access == FILES_REPLACE && node->now.size > 0) {
        disk_change_node(self, node, (struct disk_change){.kind = DISK_CHANGE_RESIZE}, NULL);
    }
    disk_see_node(self, found);
    self->handles[at] = (struct disk_handle){.node = found, .is_to_write = access != FILES_READ};
    *out_file = (struct file){.number = (int)at};
    disk_hash_number(self, at);
    return 0;
}

static struct files_result disk_open(void *lent, const char *path, enum files_access access,
                                     struct file *out_file)
{
    struct disk *self = lent;
    const int number = begin_on_path(self, DISK_OPEN, path);
    disk_hash_number(self, access);
    return finish(self, number != 0 ? number : open_file(self, path, access, out_file));
}

/* A dead process may close what it had: nothing that matters happens. */
static void disk_close(void *lent, struct file file)
{
    struct disk *self = lent;
    (void)begin_on_file(self, DISK_CLOSE, file);
    struct disk_handle *handle = get_handle(self, file);
    const uint32_t node = handle->node;
    *handle = (struct disk_handle){0};
    disk_unsee_node(self, node);
}

static struct files_result disk_lock(void *lent, struct file file)
{
    struct disk *self = lent;
    struct disk_handle *handle = get_handle(self, file);
    int number = begin_on_file(self, DISK_LOCK, file);
    for (uint32_t i = 0; number == 0 && i < self->options.handles_max; i++) {
        const struct disk_handle *other = &self->handles[i];
        if (other != handle && other->node == handle->node && other->is_locked) {
            number = EWOULDBLOCK;
        }
    }
    handle->is_locked = handle->is_locked || number == 0;
    return finish(self, number);
}

static struct files_result disk_read_at(void *lent, struct file file, uint64_t offset, void *to,
                                        size_t size, size_t *out_size)
{
    struct disk *self = lent;
    const struct disk_node *node = disk_get_node(self, get_handle(self, file)->node);
    const int number = begin_on_file(self, DISK_READ, file);
    disk_hash_number(self, offset);
    disk_hash_number(self, size);
    if (number == 0) {
        const uint64_t there = offset < node->now.size ? node->now.size - offset : 0;
        *out_size = (size_t)(size < there ? size : there);
        if (*out_size > 0) {
            disk_side_read(&node->now, offset, to, *out_size);
        }
        disk_hash_bytes(self, to, *out_size);
        self->counts.bytes_read += *out_size;
    }
    return finish(self, number);
}

static struct files_result disk_write_at(void *lent, struct file file, uint64_t offset,
                                         const void *bytes, size_t size)
{
    struct disk *self = lent;
    struct disk_node *node = get_written(self, file);
    const struct disk_verdict verdict = disk_begin(self, DISK_WRITE, size);
    disk_hash_number(self, (uint64_t)file.number);
    disk_hash_number(self, offset);
    disk_hash_bytes(self, bytes, size);
    int number = verdict.number;
    size_t part = number == 0 ? size : (size_t)(verdict.bytes < size ? verdict.bytes : size);
    if (offset > DISK_FILE_SIZE_MAX || part > DISK_FILE_SIZE_MAX - offset) {
        return finish(self, EFBIG);
    }
    const size_t fitting =
        disk_side_count_fitting(&node->now, offset, part, disk_count_pages_free(self));
    if (fitting < part) {
        part = fitting;
        number = full(self);
    }
    if (part > 0) {
        const struct disk_change change = {
            .kind = DISK_CHANGE_WRITE, .offset = offset, .size = part};
        disk_change_node(self, node, change, bytes);
    }
    self->counts.bytes_written += part;
    return finish(self, number);
}

static struct files_result disk_resize(void *lent, struct file file, uint64_t size)
{
    struct disk *self = lent;
    struct disk_node *node = get_written(self, file);
    int number = begin_on_file(self, DISK_RESIZE, file);
    disk_hash_number(self, size);
    if (number == 0 && size > DISK_FILE_SIZE_MAX) {
        number = EFBIG;
    }
    if (number == 0 && size != node->now.size) {
        disk_change_node(self, node, (struct disk_change){.kind = DISK_CHANGE_RESIZE, .size = size},
                         NULL);
    }
    return finish(self, number);
}

static int allocate(struct disk *self, struct disk_node *node, uint64_t size)
{
    if (size == 0 || size > DISK_FILE_SIZE_MAX) {
        return size == 0 ? EINVAL : EFBIG;
    }
    const uint64_t pages = disk_side_count_to_take(&node->now, size);
    if (pages > disk_count_pages_free(self)) {
        return full(self);
    }
    if (pages > 0 || size > node->now.size) {
        disk_change_node(self, node,
                         (struct disk_change){.kind = DISK_CHANGE_ALLOCATE, .size = size}, NULL);
    }
    return 0;
}

static struct files_result disk_allocate(void *lent, struct file file, uint64_t size)
{
    struct disk *self = lent;
    struct disk_node *node = get_written(self, file);
    const int number = begin_on_file(self, DISK_ALLOCATE, file);
    disk_hash_number(self, size);
    return finish(self, number != 0 ? number : allocate(self, node, size));
}

static struct files_result sync_file(struct disk *self, enum disk_operation operation,
                                     struct file file)
{
    struct disk_node *node = disk_get_node(self, get_handle(self, file)->node);
    const int number = begin_on_file(self, operation, file);
    if (number == 0) {
        disk_sync_node(node);
    } else if (number != DISK_DEAD) {
        disk_lose_changes(self, node);
    }
    return finish(self, number);
}

static struct files_result disk_sync(void *lent, struct file file)
{
    return sync_file(lent, DISK_SYNC, file);
}

static struct files_result disk_sync_data(void *lent, struct file file)
{
    return sync_file(lent, DISK_SYNC_DATA, file);
}

/* Everything in it is everybody's. */
static struct files_result disk_copy_rights(void *lent, struct file from, struct file to)
{
    struct disk *self = lent;
    (void)get_handle(self, from);
    (void)get_handle(self, to);
    const int number = begin_on_file(self, DISK_COPY_RIGHTS, from);
    disk_hash_number(self, (uint64_t)to.number);
    return finish(self, number);
}

static struct files_result disk_sync_folder(void *lent, const char *path)
{
    struct disk *self = lent;
    int number = begin_on_path(self, DISK_SYNC_FOLDER, path);
    number = number != 0 ? number : disk_check_is_folder(self, path);
    for (uint32_t i = 0; number == 0 && i < self->names_count; i++) {
        const struct disk_name *name = &self->names[i];
        if (name->path != NULL && disk_is_in_folder(name, path)) {
            disk_settle_name(self, i, name->versions_count - 1);
        }
    }
    return finish(self, number);
}

static int rename_file(struct disk *self, const char *from, const char *to)
{
    const int from_folder = disk_check_folder(self, from);
    const int to_folder = from_folder != 0 ? from_folder : disk_check_folder(self, to);
    if (to_folder != 0) {
        return to_folder;
    }
    const uint32_t node = disk_find_node(self, from);
    const uint32_t replaced = disk_find_node(self, to);
    if (node == 0) {
        return ENOENT;
    }
    ASSERT(!disk_get_node(self, node)->is_folder);
    if (disk_is_root(to) || (replaced != 0 && disk_get_node(self, replaced)->is_folder)) {
        return EISDIR;
    }
    /* Also where a power cut left a file two names: so POSIX says. */
    if (node != replaced) {
        disk_set_name(self, to, node);
        disk_set_name(self, from, 0);
    }
    return 0;
}

static struct files_result disk_rename(void *lent, const char *from, const char *to)
{
    struct disk *self = lent;
    const int number = begin_on_path(self, DISK_RENAME, from);
    disk_hash_bytes(self, to, strlen(to));
    return finish(self, number != 0 ? number : rename_file(self, from, to));
}

static int remove_file(struct disk *self, const char *path)
{
    const int folder = disk_check_folder(self, path);
    if (folder != 0) {
        return folder;
    }
    const uint32_t node = disk_find_node(self, path);
    if (node == 0) {
        return disk_is_root(path) ? EISDIR : ENOENT;
    }
    if (disk_get_node(self, node)->is_folder) {
        return EISDIR;
    }
    disk_set_name(self, path, 0);
    return 0;
}

static struct files_result disk_remove(void *lent, const char *path)
{
    struct disk *self = lent;
    const int number = begin_on_path(self, DISK_REMOVE, path);
    return finish(self, number != 0 ? number : remove_file(self, path));
}

/* Who takes the names may change them: each is copied before. */
static struct files_result disk_list(void *lent, const char *path,
                                     void (*take)(void *to, const char *name), void *to)
{
    struct disk *self = lent;
    char copy[FILES_PATH_SIZE];
    int number = begin_on_path(self, DISK_LIST, path);
    number = number != 0 ? number : disk_check_is_folder(self, path);
    for (uint32_t i = 0; number == 0 && i < self->names_count; i++) {
        const struct disk_name *name = &self->names[i];
        if (name->path == NULL || disk_get_now(name) == 0 || !disk_is_in_folder(name, path)) {
            continue;
        }
        const char *last = disk_get_last_part(name->path);
        const size_t size = strlen(last) + 1;
        memcpy(copy, last, size);
        disk_hash_bytes(self, copy, size);
        take(to, copy);
    }
    return finish(self, number);
}

static struct files_result disk_measure_free(void *lent, const char *path, uint64_t *out_bytes)
{
    struct disk *self = lent;
    int number = begin_on_path(self, DISK_MEASURE_FREE, path);
    if (number == 0 && disk_find_node(self, path) == 0) {
        number = disk_check_is_folder(self, path);
    }
    if (number == 0) {
        *out_bytes = disk_count_pages_free(self) * DISK_PAGE_SIZE;
        disk_hash_number(self, *out_bytes);
    }
    return finish(self, number);
}

static const struct files_ops disk_ops = {
    .create_folder = disk_create_folder,
    .open = disk_open,
    .close = disk_close,
    .lock = disk_lock,
    .read_at = disk_read_at,
    .write_at = disk_write_at,
    .resize = disk_resize,
    .allocate = disk_allocate,
    .sync = disk_sync,
    .sync_data = disk_sync_data,
    .copy_rights = disk_copy_rights,
    .sync_folder = disk_sync_folder,
    .rename = disk_rename,
    .remove = disk_remove,
    .list = disk_list,
    .measure_free = disk_measure_free,
};

struct files disk_get_files(struct disk *lent_self)
{
    return (struct files){.ops = &disk_ops, .self = lent_self};
}
