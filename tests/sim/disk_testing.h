/* Short forms for the tests of the simulated disk: what they do has to go well.
 *
 * Memory: none of its own.  Thread: the test's.
 */
#ifndef SIM_DISK_TESTING_H
#define SIM_DISK_TESTING_H

#include "sim/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ASSERT_OK(result) assert_int_equal((result).status, STATUS_OK)

static inline struct disk *create_disk(uint64_t seed)
{
    const struct disk_options options = {
        .files_max = 16, .handles_max = 8, .capacity_bytes = UINT64_C(1) << 24, .seed = seed};
    return disk_create(&options);
}

static inline struct file open_file(struct disk *disk, const char *path, enum files_access access)
{
    const struct files files = disk_get_files(disk);
    struct file file = {0};
    ASSERT_OK(files.ops->open(files.self, path, access, &file));
    return file;
}

static inline void write_text(struct disk *disk, struct file file, uint64_t offset,
                              const char *text)
{
    const struct files files = disk_get_files(disk);
    ASSERT_OK(files.ops->write_at(files.self, file, offset, text, strlen(text)));
}

static inline void sync_file(struct disk *disk, struct file file)
{
    const struct files files = disk_get_files(disk);
    ASSERT_OK(files.ops->sync_data(files.self, file));
}

static inline void sync_folder(struct disk *disk, const char *path)
{
    const struct files files = disk_get_files(disk);
    ASSERT_OK(files.ops->sync_folder(files.self, path));
}

/* A file of one write, synced with its name. */
static inline struct file create_synced(struct disk *disk, const char *path, const char *text)
{
    const struct file file = open_file(disk, path, FILES_REPLACE);
    write_text(disk, file, 0, text);
    sync_file(disk, file);
    sync_folder(disk, ".");
    return file;
}

/* The bytes of a file that is there, up to `room`. */
static inline size_t read_file(struct disk *disk, const char *path, void *to, size_t room)
{
    const struct files files = disk_get_files(disk);
    const struct file file = open_file(disk, path, FILES_READ);
    size_t size = 0;
    ASSERT_OK(files.ops->read_at(files.self, file, 0, to, room, &size));
    files.ops->close(files.self, file);
    return size;
}

/* Up to 63 bytes of a file as a text; "-": there is no such file. */
struct text {
    char bytes[64];
};

static inline struct text read_text(struct disk *disk, const char *path)
{
    const struct files files = disk_get_files(disk);
    struct text text = {"-"};
    struct file file;
    if (files.ops->open(files.self, path, FILES_READ, &file).status == STATUS_OK) {
        size_t size = 0;
        ASSERT_OK(files.ops->read_at(files.self, file, 0, text.bytes, 63, &size));
        text.bytes[size] = '\0';
        files.ops->close(files.self, file);
    }
    return text;
}

static inline void assert_text(struct disk *disk, const char *path, const char *text)
{
    assert_string_equal(read_text(disk, path).bytes, text);
}

static inline uint64_t count_free(struct disk *disk)
{
    const struct files files = disk_get_files(disk);
    uint64_t bytes = 0;
    ASSERT_OK(files.ops->measure_free(files.self, ".", &bytes));
    return bytes;
}

#endif
