/* Files and folders. A port: the system's, or a fake that fails and loses power (files_fake.h).
 *
 * What was written is only sure to be there after a power cut once `sync` has returned; that a file
 * has its name (created or renamed), or has it no more (removed), only once `sync_folder` has, on
 * the folder it is in.
 *
 * Memory: none.  Threads: any, a file one at a time.
 */
#ifndef OS_FILES_H
#define OS_FILES_H

#include "base/attribute.h"
#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest path with its terminator. */
enum { FILES_PATH_SIZE = 1280 };

/* STATUS_MISSING: no such file. STATUS_BUSY: another holds the lock. STATUS_DISK_FULL: there is no
 * room for it. Else STATUS_IO, or STATUS_MEMORY. */
struct files_result {
    enum status status;
    int number; /* The system's errno; 0 with STATUS_OK. */
};

enum files_access {
    FILES_READ,    /* Must be there. */
    FILES_UPDATE,  /* Made if missing, to read and write. */
    FILES_REPLACE, /* Made if missing, else emptied. */
};

struct file {
    int number;
};

struct files_ops {
    /* Readable for the owner only. A folder that is there already is fine: *out_created says which.
     */
    struct files_result (*create_folder)(void *self, const char *path, bool *out_created);

    struct files_result (*open)(void *self, const char *path, enum files_access access,
                                struct file *out_file);
    void (*close)(void *self, struct file file);

    /* For this process alone until the file is closed. Does not wait. */
    struct files_result (*lock)(void *self, struct file file);

    /* Up to `size` bytes; fewer only at the end of the file. */
    struct files_result (*read_at)(void *self, struct file file, uint64_t offset, void *to,
                                   size_t size, size_t *out_size);

    /* All of them, or a failure after which any part of them may be there. */
    struct files_result (*write_at)(void *self, struct file file, uint64_t offset,
                                    const void *bytes, size_t size);
    struct files_result (*resize)(void *self, struct file file, uint64_t size);

    /* The file has at least `size` bytes afterwards, new ones 0, and to write them needs no more of
     * the disk's room. */
    struct files_result (*allocate)(void *self, struct file file, uint64_t size);
    struct files_result (*sync)(void *self, struct file file);

    /* Of the content, and of its size where that has changed; not of times and rights. */
    struct files_result (*sync_data)(void *self, struct file file);

    /* Owner (where the system lets it) and rights of `from`. */
    struct files_result (*copy_rights)(void *self, struct file from, struct file to);

    struct files_result (*sync_folder)(void *self, const char *path);

    /* Replaces what has the name `to`, in one step. */
    struct files_result (*rename)(void *self, const char *from, const char *to);

    /* Files only. */
    struct files_result (*remove)(void *self, const char *path);

    /* Gives the names in a folder, in no order, without its own and the parent's. What is made or
     * removed meanwhile may be given or not. */
    struct files_result (*list)(void *self, const char *path,
                                void (*take)(void *to, const char *name), void *to);

    /* Bytes that this process may still take of the disk that holds the path. */
    struct files_result (*measure_free)(void *self, const char *path, uint64_t *out_bytes);
};

struct files {
    const struct files_ops *ops;
    void *self;
};

struct files files_get_system(void);

/* One phrase in the system's words, "No space left on device". */
const char *files_result_text(struct files_result result);

#endif
