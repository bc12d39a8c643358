#include "os/files_text.h"

#include "base/assert.h"

#include <stdio.h>
#include <string.h>

struct files_result files_read_text(const struct files *files, const char *path, char *to,
                                    size_t size)
{
    struct file file;
    size_t got = 0;
    struct files_result result = files->ops->open(files->self, path, FILES_READ, &file);
    if (result.status != STATUS_OK) {
        return result;
    }
    result = files->ops->read_at(files->self, file, 0, to, size - 1, &got);
    files->ops->close(files->self, file);
    to[got] = '\0';
    if (strlen(to) != got) {
        to[0] = '\0';
    }
    return result;
}

struct files_result files_replace_text(const struct files *files, const char *folder,
                                       const char *name, const char *text)
{
    char path[FILES_PATH_SIZE];
    char new_path[FILES_PATH_SIZE];
    struct file file;
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    const int size = snprintf(new_path, sizeof new_path, "%s/%s.new", folder, name);
    ASSERT(size < FILES_PATH_SIZE);

    /* Not emptied, where it is there: after a power cut in a rename it may be the very file. */
    struct files_result result = files->ops->remove(files->self, new_path);
    if (result.status == STATUS_OK || result.status == STATUS_MISSING) {
        result = files->ops->open(files->self, new_path, FILES_REPLACE, &file);
    }
    if (result.status != STATUS_OK) {
        return result;
    }
    result = files->ops->write_at(files->self, file, 0, text, strlen(text));
    if (result.status == STATUS_OK) {
        result = files->ops->sync(files->self, file);
    }
    files->ops->close(files->self, file);
    if (result.status == STATUS_OK) {
        result = files->ops->rename(files->self, new_path, path);
    }
    if (result.status == STATUS_OK) {
        result = files->ops->sync_folder(files->self, folder);
    }
    return result;
}
