#include "os/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { FOLDER_MODE = 0700, FILE_MODE = 0600 };

static const struct files_result done = {.status = STATUS_OK};

static struct files_result failed(int number)
{
    const enum status status = number == ENOENT                       ? STATUS_MISSING
                               : number == EWOULDBLOCK                ? STATUS_BUSY
                               : number == ENOMEM                     ? STATUS_MEMORY
                               : number == ENOSPC || number == EDQUOT ? STATUS_DISK_FULL
                                                                      : STATUS_IO;
    return (struct files_result){.status = status, .number = number};
}

static struct files_result result_of(int returned)
{
    return returned == 0 ? done : failed(errno);
}

const char *files_result_text(struct files_result result)
{
    const char *text = result.number == 0 ? NULL : strerrordesc_np(result.number);
    return text == NULL ? status_text(result.status) : text;
}

static struct files_result system_create_folder(void *self, const char *path, bool *out_created)
{
    (void)self;
    if (mkdir(path, FOLDER_MODE) == 0) {
        *out_created = true;
        return done;
    }
    if (errno != EEXIST) {
        return failed(errno);
    }
    struct stat found;
    if (stat(path, &found) != 0) {
        return failed(errno);
    }
    if (!S_ISDIR(found.st_mode)) {
        return failed(ENOTDIR);
    }
    *out_created = false;
    return done;
}

static struct files_result system_open(void *self, const char *path, enum files_access access,
                                       struct file *out_file)
{
    (void)self;
    int flags = O_CLOEXEC;
    switch (access) {
    case FILES_READ:
        flags |= O_RDONLY;
        break;
    case FILES_UPDATE:
        flags |= O_RDWR | O_CREAT;
        break;
    case FILES_REPLACE:
        flags |= O_RDWR | O_CREAT | O_TRUNC;
        break;
    }
    const int number = open(path, flags, FILE_MODE);
    if (number < 0) {
        return failed(errno);
    }
    *out_file = (struct file){.number = number};
    return done;
}

static void system_close(void *self, struct file file)
{
    (void)self;
    /* What matters was synced before, and its failure seen there. */
    (void)close(file.number);
}

static struct files_result system_lock(void *self, struct file file)
{
    (void)self;
    return result_of(flock(file.number, LOCK_EX | LOCK_NB));
}

static struct files_result system_read_at(void *self, struct file file, uint64_t offset, void *to,
                                          size_t size, size_t *out_size)
{
    (void)self;
    size_t have = 0;
    while (have < size) {
        const ssize_t got =
            pread(file.number, (uint8_t *)to + have, size - have, (off_t)(offset + have));
        if (got == 0) {
            break;
        }
        if (got > 0) {
            have += (size_t)got;
        } else if (errno != EINTR) {
            return failed(errno);
        }
    }
    *out_size = have;
    return done;
}

static struct files_result system_write_at(void *self, struct file file, uint64_t offset,
                                           const void *bytes, size_t size)
{
    (void)self;
    size_t have = 0;
    while (have < size) {
        const ssize_t put =
            pwrite(file.number, (const uint8_t *)bytes + have, size - have, (off_t)(offset + have));
        if (put > 0) {
            have += (size_t)put;
        } else if (put == 0) {
            return failed(EIO);
        } else if (errno != EINTR) {
            return failed(errno);
        }
    }
    return done;
}

static struct files_result system_resize(void *self, struct file file, uint64_t size)
{
    (void)self;
    return result_of(ftruncate(file.number, (off_t)size));
}

static struct files_result system_allocate(void *self, struct file file, uint64_t size)
{
    (void)self;
    int number = EINTR;
    while (number == EINTR) {
        number = posix_fallocate(file.number, 0, (off_t)size);
    }
    return number == 0 ? done : failed(number);
}

static struct files_result system_sync(void *self, struct file file)
{
    (void)self;
    return result_of(fsync(file.number));
}

static struct files_result system_sync_data(void *self, struct file file)
{
    (void)self;
    return result_of(fdatasync(file.number));
}

static struct files_result system_copy_rights(void *self, struct file from, struct file to)
{
    (void)self;
    struct stat found;
    if (fstat(from.number, &found) != 0) {
        return failed(errno);
    }
    /* Only root may give a file away: for others it is theirs already, or becomes it. */
    const int given = fchown(to.number, found.st_uid, found.st_gid);
    (void)given;
    return result_of(fchmod(to.number, found.st_mode & 07777));
}

static struct files_result system_sync_folder(void *self, const char *path)
{
    (void)self;
    const int number = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (number < 0) {
        return failed(errno);
    }
    const struct files_result result = result_of(fsync(number));
    (void)close(number);
    return result;
}

static struct files_result system_rename(void *self, const char *from, const char *to)
{
    (void)self;
    return result_of(rename(from, to));
}

static struct files_result system_remove(void *self, const char *path)
{
    (void)self;
    return result_of(unlink(path));
}

static struct files_result system_list(void *self, const char *path,
                                       void (*take)(void *to, const char *name), void *to)
{
    (void)self;
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return failed(errno);
    }
    errno = 0;
    const struct dirent *entry = NULL;
    while ((entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            take(to, entry->d_name);
        }
        errno = 0;
    }
    const int number = errno;
    (void)closedir(folder);
    return number == 0 ? done : failed(number);
}

static struct files_result system_measure_free(void *self, const char *path, uint64_t *out_bytes)
{
    (void)self;
    struct statvfs found;
    if (statvfs(path, &found) != 0) {
        return failed(errno);
    }
    *out_bytes = (uint64_t)found.f_bavail * found.f_frsize;
    return done;
}

static const struct files_ops system_ops = {
    .create_folder = system_create_folder,
    .open = system_open,
    .close = system_close,
    .lock = system_lock,
    .read_at = system_read_at,
    .write_at = system_write_at,
    .resize = system_resize,
    .allocate = system_allocate,
    .sync = system_sync,
    .sync_data = system_sync_data,
    .copy_rights = system_copy_rights,
    .sync_folder = system_sync_folder,
    .rename = system_rename,
    .remove = system_remove,
    .list = system_list,
    .measure_free = system_measure_free,
};

struct files files_get_system(void)
{
    return (struct files){.ops = &system_ops, .self = NULL};
}
