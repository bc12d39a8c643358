#include "os/files_fake.h"

#include "base/assert.h"
#include "os/random_fake.h"

#include <errno.h>
#include <string.h>

static const struct files_result done = {.status = STATUS_OK};

static struct files_result failed(int number)
{
    const enum status status = number == ENOENT        ? STATUS_MISSING
                               : number == EWOULDBLOCK ? STATUS_BUSY
                               : number == ENOSPC      ? STATUS_DISK_FULL
                                                       : STATUS_IO;
    return (struct files_result){.status = status, .number = number};
}

/* Counts an operation; false: it is one that fails. */
static bool may_go_on(struct files_fake *self)
{
    self->operations++;
    if (self->fail_at == 0 || self->operations < self->fail_at) {
        return true;
    }
    return self->operations > self->fail_at && !self->fails_on;
}

static struct files_fake_name *find_name(struct files_fake *self, const char *path)
{
    for (uint32_t i = 0; i < self->names_used; i++) {
        if (strcmp(self->names[i].path, path) == 0) {
            return &self->names[i];
        }
    }
    return NULL;
}

static struct files_fake_name *add_name(struct files_fake *self, const char *path)
{
    struct files_fake_name *name = find_name(self, path);
    if (name == NULL) {
        ASSERT(self->names_used < FILES_FAKE_NAMES);
        ASSERT(strlen(path) < FILES_FAKE_NAME_SIZE);
        name = &self->names[self->names_used++];
        *name = (struct files_fake_name){0};
        memcpy(name->path, path, strlen(path) + 1);
    }
    return name;
}

static uint32_t add_node(struct files_fake *self, bool is_folder)
{
    ASSERT(self->nodes_used < FILES_FAKE_NODES);
    self->nodes[self->nodes_used] = (struct files_fake_node){.is_folder = is_folder};
    return ++self->nodes_used;
}

static struct files_fake_node *get_node(struct files_fake *self, uint32_t number)
{
    ASSERT(number > 0 && number <= self->nodes_used);
    return &self->nodes[number - 1];
}

static struct files_fake_handle *get_handle(struct files_fake *self, struct file file)
{
    ASSERT(file.number >= 0 && file.number < FILES_FAKE_HANDLES);
    struct files_fake_handle *handle = &self->handles[file.number];
    ASSERT(handle->node != 0);
    return handle;
}

/* The size of the folder's part of a path; 0: it is in the working directory, or the root. */
static size_t folder_size(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path);
}

static bool is_in_folder(const char *path, const char *folder)
{
    const size_t size = folder_size(path);
    if (size == 0) {
        return strcmp(folder, path[0] == '/' ? "/" : ".") == 0;
    }
    return strlen(folder) == size && memcmp(folder, path, size) == 0;
}

static bool has_folder(struct files_fake *self, const char *path)
{
    const size_t size = folder_size(path);
    if (size == 0) {
        return true;
    }
    char folder[FILES_FAKE_NAME_SIZE] = {0};
    ASSERT(size < sizeof folder);
    memcpy(folder, path, size);
    const struct files_fake_name *name = find_name(self, folder);
    return name != NULL && name->now != 0 && get_node(self, name->now)->is_folder;
}

static struct files_result fake_create_folder(void *lent, const char *path, bool *out_created)
{
    struct files_fake *self = lent;
    if (!may_go_on(self)) {
        return failed(self->fail_number);
    }
    if (!has_folder(self, path)) {
        return failed(ENOENT);
    }
    struct files_fake_name *name = add_name(self, path);
    if (name->now != 0) {
        *out_created = false;
        return get_node(self, name->now)->is_folder ? done : failed(ENOTDIR);
    }
    name->now = add_node(self, true);
    *out_created = true;
    return done;
}

static struct files_result fake_open(void *lent, const char *path, enum files_access access,
                                     struct file *out_file)
{
    struct files_fake *self = lent;
    if (!may_go_on(self)) {
        return failed(self->fail_number);
    }
    if (!has_folder(self, path)) {
        return failed(ENOENT);
    }
    struct files_fake_name *name = find_name(self, path);
    if (name == NULL || name->now == 0) {
        if (access == FILES_READ) {
            return failed(ENOENT);
        }
        name = add_name(self, path);
        name->now = add_node(self, false);
    }
    struct files_fake_node *node = get_node(self, name->now);
    if (node->is_folder) {
        return failed(EISDIR);
    }
    if (access == FILES_REPLACE) {
        node->now.size = 0;
    }
    int number = 0;
    while (self->handles[number].node != 0) {
        number++;
        ASSERT(number < FILES_FAKE_HANDLES);
    }
    self->handles[number] = (struct files_fake_handle){.node = name->now};
    *out_file = (struct file){.number = number};
    return done;
}

static void fake_close(void *lent, struct file file)
{
    struct files_fake *self = lent;
    *get_handle(self, file) = (struct files_fake_handle){0};
}

static struct files_result fake_lock(void *lent, struct file file)
{
    struct files_fake *self = lent;
    struct files_fake_handle *handle = get_handle(self, file);
    if (!may_go_on(self)) {
        return failed(self->fail_number);
    }
    for (int i = 0; i < FILES_FAKE_HANDLES; i++) {
        const struct files_fake_handle *other = &self->handles[i];
        if (other != handle && other->node == handle->node && other->locks) {
            return failed(EWOULDBLOCK);
        }
    }
    handle->locks = true;
    return done;
}

static struct files_result fake_read_at(void *lent, struct file file, uint64_t offset, void *to,
                                        size_t size, size_t *out_size)
{
    struct files_fake *self = lent;
    const struct files_fake_node *node = get_node(self, get_handle(self, file)->node);
    if (!may_go_on(self)) {
        return failed(self->fail_number);
    }
    const size_t there = offset < node->now.size ? node->now.size - (size_t)offset : 0;
    *out_size = size < there ? size : there;
    if (*out_size > 0) {
        memcpy(to, node->now.bytes + offset, *out_size);
    }
    return done;
}

static struct files_result fake_write_at(void *lent, struct file file, uint64_t offset,
                                         const void *bytes, size_t size)
{
    struct files_fake *self = lent;
    struct files_fake_content *content = &get_node(self, get_handle(self, file)->node)->now;
    ASSERT(offset <= content->size);
    ASSERT(size <= FILES_FAKE_CONTENT_SIZE - offset);
    const bool goes_on = may_go_on(self);
    const size_t written = goes_on ? size : size / 2;
    memcpy(content->bytes + offset, bytes, written);
    if (offset + written > content->size) {
        content->size = (uint32_t)(offset + written);
    }
    return goes_on ? done : failed(self->fail_number);
}

static struct files_result fake_resize(void *lent, struct file file, uint64_t size)
{
    struct files_fake *self = lent;
    struct files_fake_content *content = &get_node(self, get_handle(self, file)->node)->now;
    ASSERT(size <= FILES_FAKE_CONTENT_SIZE);
    if (!may_go_on(self)) {
        return failed(self->fail_number);
    }
    if (size > content->size) {
        memset(content->bytes + content->size, 0, size - content->size);
    }
    content->size = (uint32_t)size;
    return done;
}

static struct files_result fake_sync(void *lent, struct file file)
{
    struct files_fake *self = lent;
    struct files_fake_node *node = get_node(self, get_handle(self, file)->node);
    if (!may_go_on(self)) {
        return failed(self->fail_number);
    }
    node->synced = node->now;
    return done;
}

static struct files_result fake_allocate(void *lent, struct file file, uint64_t size)
{
    struct files_fake *self = lent;
    const struct files_fake_content *content = &get_node(self, get_handle(self, file)->node)->now;
    return fake_resize(lent, file, size > content->size ? size : content->size);
}

/* Everything in it is everybody's. */
static struct files_result fake_copy_rights(void *lent, struct file from, struct file to)
{
    struct files_fake *self = lent;
    (void)get_handle(self, from);
    (void)get_handle(self, to);
    return may_go_on(self) ? done : failed(self->fail_number);
}

static struct files_result fake_sync_folder(void *lent, const char *path)
{
    struct files_fake *self = lent;
    if (!may_go_on(self)) {
        return failed(self->fail_number);
    }
    for (uint32_t i = 0; i < self->names_used; i++) {
        if (is_in_folder(self->names[i].path, path)) {
            self->names[i].synced = self->names[i].now;
        }
    }
    return done;
}

static struct files_result fake_rename(void *lent, const char *from, const char *to)
{
    struct files_fake *self = lent;
    if (!may_go_on(self)) {
        return failed(self->fail_number);
    }
    struct files_fake_name *old = find_name(self, from);
    if (old == NULL || old->now == 0) {
        return failed(ENOENT);
    }
    struct files_fake_name *name = add_name(self, to);
    const uint32_t node = old->now;
    old->now = 0; /* First: both may be the same name. */
    name->now = node;
    return done;
}

static struct files_result fake_remove(void *lent, const char *path)
{
    struct files_fake *self = lent;
    if (!may_go_on(self)) {
        return failed(self->fail_number);
    }
    struct files_fake_name *name = find_name(self, path);
    if (name == NULL || name->now == 0) {
        return failed(ENOENT);
    }
    if (get_node(self, name->now)->is_folder) {
        return failed(EISDIR);
    }
    name->now = 0;
    return done;
}

static struct files_result fake_list(void *lent, const char *path,
                                     void (*take)(void *to, const char *name), void *to)
{
    struct files_fake *self = lent;
    if (!may_go_on(self)) {
        return failed(self->fail_number);
    }
    const struct files_fake_name *folder_name = find_name(self, path);
    if (strcmp(path, ".") != 0 && strcmp(path, "/") != 0) {
        if (folder_name == NULL || folder_name->now == 0) {
            return failed(ENOENT);
        }
        if (!get_node(self, folder_name->now)->is_folder) {
            return failed(ENOTDIR);
        }
    }
    for (uint32_t i = 0; i < self->names_used; i++) {
        const struct files_fake_name *name = &self->names[i];
        if (name->now != 0 && is_in_folder(name->path, path)) {
            const size_t folder = folder_size(name->path);
            take(to, folder == 0 && name->path[0] != '/' ? name->path : name->path + folder + 1);
        }
    }
    return done;
}

static struct files_result fake_measure_free(void *lent, const char *path, uint64_t *out_bytes)
{
    struct files_fake *self = lent;
    (void)path;
    if (!may_go_on(self)) {
        return failed(self->fail_number);
    }
    *out_bytes = FILES_FAKE_FREE_BYTES;
    return done;
}

static const struct files_ops fake_ops = {
    .create_folder = fake_create_folder,
    .open = fake_open,
    .close = fake_close,
    .lock = fake_lock,
    .read_at = fake_read_at,
    .write_at = fake_write_at,
    .resize = fake_resize,
    .allocate = fake_allocate,
    .sync = fake_sync,
    .sync_data = fake_sync,
    .copy_rights = fake_copy_rights,
    .sync_folder = fake_sync_folder,
    .rename = fake_rename,
    .remove = fake_remove,
    .list = fake_list,
    .measure_free = fake_measure_free,
};

struct files files_fake_get(struct files_fake *lent_self)
{
    return (struct files){.ops = &fake_ops, .self = lent_self};
}

void files_fake_end_process(struct files_fake *self)
{
    memset(self->handles, 0, sizeof self->handles);
    self->fail_at = 0;
    self->operations = 0;
}

static uint32_t draw(struct random_fake *source, uint32_t below)
{
    const struct random random = random_fake_get(source);
    uint32_t number = 0;
    const enum status status = random_fill(&random, &number, sizeof number);
    ASSERT(status == STATUS_OK);
    return number % below;
}

void files_fake_cut_power(struct files_fake *self, uint64_t seed)
{
    struct random_fake source = {.seed = seed};
    for (uint32_t i = 0; i < self->nodes_used; i++) {
        struct files_fake_node *node = &self->nodes[i];
        const struct files_fake_content *now = &node->now;
        const bool is_synced = now->size == node->synced.size &&
                               memcmp(now->bytes, node->synced.bytes, now->size) == 0;
        const uint32_t choice = is_synced ? 0 : draw(&source, 3);
        if (choice == 0) {
            node->now = node->synced;
        } else if (choice == 1) {
            node->now.size = draw(&source, node->now.size + 1);
        }
        node->synced = node->now;
    }
    for (uint32_t i = 0; i < self->names_used; i++) {
        struct files_fake_name *name = &self->names[i];
        if (name->now != name->synced && draw(&source, 2) == 0) {
            name->now = name->synced;
        }
        name->synced = name->now;
    }
    /* What was in a folder whose name is lost cannot be reached. */
    for (uint32_t i = 0; i < self->names_used; i++) {
        if (!has_folder(self, self->names[i].path)) {
            self->names[i].now = 0;
            self->names[i].synced = 0;
        }
    }
    files_fake_end_process(self);
}
