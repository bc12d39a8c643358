/* Names, and what they lead to: now, and perhaps after a power cut. */
#include "sim/disk_internal.h"

#include "base/assert.h"
#include "sim/disk_array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void remove_unheld(struct disk *self, uint32_t number)
{
    const struct disk_node *node = disk_get_node(self, number);
    if (node->seen == 0 && node->remembered == 0) {
        disk_remove_node(self, number);
    }
}

void disk_see_node(struct disk *self, uint32_t number)
{
    if (number == 0) {
        return;
    }
    struct disk_node *node = disk_get_node(self, number);
    if (node->seen++ == 0) {
        self->nodes_seen++;
        self->pages_taken += node->now.pages_taken;
    }
}

void disk_unsee_node(struct disk *self, uint32_t number)
{
    if (number == 0) {
        return;
    }
    struct disk_node *node = disk_get_node(self, number);
    if (--node->seen == 0) {
        self->nodes_seen--;
        self->pages_taken -= node->now.pages_taken;
        remove_unheld(self, number);
    }
}

static void forget_node(struct disk *self, uint32_t number)
{
    if (number != 0) {
        disk_get_node(self, number)->remembered--;
        remove_unheld(self, number);
    }
}

/* A folder may be named with a slash behind it. */
static size_t path_size_of(const char *path)
{
    size_t size = strlen(path);
    ASSERT(size < FILES_PATH_SIZE);
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    return size;
}

/* Without the last part; 0: it is in the working folder, or in the root. */
static size_t folder_size_of(const char *path, size_t size)
{
    while (size > 0 && path[size - 1] != '/') {
        size--;
    }
    return size == 0 ? 0 : size - 1;
}

static uint32_t find(const struct disk *self, const char *path, size_t size)
{
    const uint64_t hash = disk_hash_path(path, size);
    for (uint32_t i = 0; i < self->names_count; i++) {
        const struct disk_name *name = &self->names[i];
        if (name->path != NULL && name->path_hash == hash && name->path_size == size &&
            memcmp(name->path, path, size) == 0) {
            return i;
        }
    }
    return DISK_NO_NAME;
}

uint32_t disk_find_name(const struct disk *self, const char *path)
{
    return find(self, path, path_size_of(path));
}

uint32_t disk_get_now(const struct disk_name *name)
{
    return name->versions[name->versions_count - 1];
}

uint32_t disk_find_node(const struct disk *self, const char *path)
{
    const uint32_t at = disk_find_name(self, path);
    return at == DISK_NO_NAME ? 0 : disk_get_now(&self->names[at]);
}

static bool is_root(const char *path, size_t size)
{
    return size == 0 || (size == 1 && (path[0] == '/' || path[0] == '.'));
}

bool disk_is_root(const char *path)
{
    return is_root(path, path_size_of(path));
}

/* Of what is not there, the nearest above it that is tells why. */
static int check_is_folder(const struct disk *self, const char *path, size_t size)
{
    int number = 0;
    while (!is_root(path, size)) {
        const uint32_t at = find(self, path, size);
        const uint32_t node = at == DISK_NO_NAME ? 0 : disk_get_now(&self->names[at]);
        if (node != 0) {
            return disk_get_node(self, node)->is_folder ? number : ENOTDIR;
        }
        number = ENOENT;
        size = folder_size_of(path, size);
    }
    return number;
}

int disk_check_is_folder(const struct disk *self, const char *path)
{
    return check_is_folder(self, path, path_size_of(path));
}

int disk_check_folder(const struct disk *self, const char *path)
{
    return check_is_folder(self, path, folder_size_of(path, path_size_of(path)));
}

bool disk_is_in_folder(const struct disk_name *name, const char *folder)
{
    const size_t size = folder_size_of(name->path, name->path_size);
    const size_t wanted = path_size_of(folder);
    if (size == 0) {
        return is_root(folder, wanted) && (folder[0] == '/') == (name->path[0] == '/');
    }
    return size == wanted && memcmp(folder, name->path, size) == 0;
}

const char *disk_get_last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static uint32_t insert_name(struct disk *self, const char *path)
{
    uint32_t at = 0;
    while (at < self->names_count && self->names[at].path != NULL) {
        at++;
    }
    if (at == self->names_count) {
        const uint32_t count = 2 * self->names_count + 1;
        self->names = disk_grow_array(self->names, at, count, sizeof *self->names);
        self->names_count = count;
    }
    const size_t size = path_size_of(path);
    struct disk_name *name = &self->names[at];
    *name = (struct disk_name){.path_size = size, .versions_count = 1};
    name->path_hash = disk_hash_path(path, size);
    name->path = strndup(path, size);
    ASSERT(name->path != NULL);
    return at;
}

void disk_set_name(struct disk *self, const char *path, uint32_t node)
{
    uint32_t at = disk_find_name(self, path);
    if (at == DISK_NO_NAME) {
        at = insert_name(self, path);
    }
    struct disk_name *name = &self->names[at];
    const uint32_t before = disk_get_now(name);
    if (before == node) {
        return;
    }
    disk_see_node(self, node);
    if (node != 0) {
        disk_get_node(self, node)->remembered++;
    }
    uint32_t forgotten = 0;
    if (name->versions_count == DISK_NAME_VERSIONS) {
        forgotten = name->versions[1];
        memmove(&name->versions[1], &name->versions[2],
                (DISK_NAME_VERSIONS - 2) * sizeof name->versions[0]);
        name->versions_count--;
    }
    name->versions[name->versions_count++] = node;
    forget_node(self, forgotten);
    disk_unsee_node(self, before);
}

void disk_settle_name(struct disk *self, uint32_t at, uint32_t version)
{
    struct disk_name *name = &self->names[at];
    const struct disk_name old = *name;
    const uint32_t now = disk_get_now(name);
    const uint32_t kept = name->versions[version];
    name->versions[0] = kept;
    name->versions_count = 1;
    disk_see_node(self, kept);
    disk_unsee_node(self, now);
    for (uint32_t i = 0; i < old.versions_count; i++) {
        if (i != version) {
            forget_node(self, old.versions[i]);
        }
    }
    if (kept == 0) {
        free(name->path);
        name->path = NULL;
    }
}
