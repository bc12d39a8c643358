#include "server/datadir.h"

#include "base/assert.h"
#include "base/decimal.h"
#include "os/files_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    DIGITS = DATADIR_EPOCH_SIZE - 1,
    LINE_SIZE = 160,
    /* The longest name inside: "/format.new" and the terminator. */
    NAME_SIZE = 16,
};
_Static_assert(FILES_PATH_SIZE - DATADIR_PATH_SIZE_MAX > NAME_SIZE, "names fit behind the path");

static void print_path(const struct datadir *self, const char *name,
                       char to[static FILES_PATH_SIZE])
{
    const int size = snprintf(to, FILES_PATH_SIZE, "%s/%s", self->path, name);
    ASSERT(size < FILES_PATH_SIZE);
}

static enum status say(struct failure *out_failure, const struct datadir *self, const char *what,
                       struct files_result result)
{
    failure_set(out_failure, "the data folder %s %s: %s", self->path, what,
                files_result_text(result));
    return result.status;
}

static struct files_result read_text(const struct datadir *self, const char *name,
                                     char to[static LINE_SIZE])
{
    char path[FILES_PATH_SIZE];
    print_path(self, name, path);
    return files_read_text(&self->lent_files, path, to, LINE_SIZE);
}

static struct files_result replace_text(const struct datadir *self, const char *name,
                                        const char *text)
{
    return files_replace_text(&self->lent_files, self->path, name, text);
}

static enum status draw_digits(const struct datadir *self, char to[static DATADIR_EPOCH_SIZE],
                               struct failure *out_failure)
{
    uint64_t number = 0;
    const enum status status = random_fill(&self->lent_random, &number, sizeof number);
    if (status != STATUS_OK) {
        failure_set(out_failure, "no epoch can be drawn: the system has no random bytes");
        return status;
    }
    (void)snprintf(to, DATADIR_EPOCH_SIZE, "%016" PRIx64, number);
    return STATUS_OK;
}

static enum status write_epoch(const struct datadir *self, const char *epoch, const char *mark,
                               const char *store_id, struct failure *out_failure)
{
    char line[LINE_SIZE];
    const int size = snprintf(line, sizeof line, "%s %s %s\n", epoch, mark, store_id);
    ASSERT(size < LINE_SIZE);
    const struct files_result result = replace_text(self, "epoch", line);
    return result.status == STATUS_OK ? STATUS_OK
                                      : say(out_failure, self, "cannot be written", result);
}

/* Takes a word of 1 to size - 1 bytes off the text, and the byte behind it, which must be `end`. */
static bool take_word(const char **text, char end, char *to, size_t size)
{
    const char *found = strchr(*text, end);
    if (found == NULL || found == *text || (size_t)(found - *text) >= size) {
        return false;
    }
    memcpy(to, *text, (size_t)(found - *text));
    to[found - *text] = '\0';
    *text = found + 1;
    return true;
}

static bool is_epoch(const char *text)
{
    return strlen(text) == DIGITS && strspn(text, "0123456789abcdef") == DIGITS;
}

/* False: not a line of ours, nothing is set. */
static bool decode_epoch(struct datadir *self, const char *line, bool *out_is_clean)
{
    char epoch[DATADIR_EPOCH_SIZE] = {0};
    char mark[sizeof "running"];
    char store_id[DATADIR_STORE_ID_SIZE] = {0};
    if (!take_word(&line, ' ', epoch, sizeof epoch) || !is_epoch(epoch) ||
        !take_word(&line, ' ', mark, sizeof mark) ||
        !take_word(&line, '\n', store_id, sizeof store_id) || line[0] != '\0') {
        return false;
    }
    *out_is_clean = strcmp(mark, "clean") == 0;
    if (!*out_is_clean && strcmp(mark, "running") != 0) {
        return false;
    }
    memcpy(self->epoch, epoch, sizeof epoch);
    memcpy(self->store_id, store_id, sizeof store_id);
    return true;
}

/* Who holds the lock, as far as its file says. */
static void say_busy(const struct datadir *self, struct failure *out_failure)
{
    char text[LINE_SIZE];
    char holder[LINE_SIZE];
    const char *rest = text;
    uint64_t number = 0;
    if (read_text(self, "lock", text).status == STATUS_OK &&
        take_word(&rest, '\n', holder, sizeof holder) &&
        decimal_parse_u63(slice_from_text(holder), &number)) {
        failure_set(out_failure, "the data folder %s is in use by the process %" PRIu64, self->path,
                    number);
    } else {
        failure_set(out_failure, "the data folder %s is in use by another process", self->path);
    }
}

/* On failure the file is closed. */
static enum status take_lock(struct datadir *self, struct failure *out_failure)
{
    const struct files *files = &self->lent_files;
    char path[FILES_PATH_SIZE];
    char text[LINE_SIZE];
    print_path(self, "lock", path);
    struct files_result result = files->ops->open(files->self, path, FILES_UPDATE, &self->lock);
    if (result.status != STATUS_OK) {
        return say(out_failure, self, "cannot be written", result);
    }
    result = files->ops->lock(files->self, self->lock);
    if (result.status == STATUS_BUSY) {
        say_busy(self, out_failure);
        files->ops->close(files->self, self->lock);
        return STATUS_BUSY;
    }
    const char *what = "cannot be locked";
    if (result.status == STATUS_OK) {
        what = "cannot be written";
        result = files->ops->resize(files->self, self->lock, 0);
    }
    if (result.status == STATUS_OK) {
        const int size = snprintf(text, sizeof text, "%ld\n", (long)getpid());
        result = files->ops->write_at(files->self, self->lock, 0, text, (size_t)size);
    }
    if (result.status != STATUS_OK) {
        files->ops->close(files->self, self->lock);
        return say(out_failure, self, what, result);
    }
    return STATUS_OK;
}

/* The folder the data folder stands in. */
static void print_parent(const struct datadir *self, char to[static FILES_PATH_SIZE])
{
    const char *slash = strrchr(self->path, '/');
    if (slash == NULL) {
        (void)snprintf(to, FILES_PATH_SIZE, ".");
    } else {
        /* Of the root's own slash at least one byte stays. */
        const int size = slash == self->path ? 1 : (int)(slash - self->path);
        (void)snprintf(to, FILES_PATH_SIZE, "%.*s", size, self->path);
    }
}

/* The format is written once the folder itself is sure to be there; so while it is missing, it is
 * not known whether a server before this one came so far. */
static enum status make_format(const struct datadir *self, struct failure *out_failure)
{
    const struct files *files = &self->lent_files;
    char parent[FILES_PATH_SIZE];
    char text[LINE_SIZE];
    print_parent(self, parent);
    struct files_result result = files->ops->sync_folder(files->self, parent);
    if (result.status == STATUS_OK) {
        (void)snprintf(text, sizeof text, "%d\n", DATADIR_FORMAT);
        result = replace_text(self, "format", text);
    }
    return result.status == STATUS_OK ? STATUS_OK
                                      : say(out_failure, self, "cannot be written", result);
}

static enum status check_format(const struct datadir *self, struct failure *out_failure)
{
    char text[LINE_SIZE];
    char digits[LINE_SIZE];
    const char *rest = text;
    uint64_t format = 0;
    const struct files_result result = read_text(self, "format", text);
    if (result.status == STATUS_MISSING) {
        return make_format(self, out_failure);
    }
    if (result.status != STATUS_OK) {
        return say(out_failure, self, "cannot be read", result);
    }
    if (!take_word(&rest, '\n', digits, sizeof digits) || rest[0] != '\0' ||
        !decimal_parse_u63(slice_from_text(digits), &format) || format == 0) {
        failure_set(out_failure, "%s/format is damaged: it must be the number of a format, here %d",
                    self->path, DATADIR_FORMAT);
        return STATUS_CORRUPT;
    }
    if (format > DATADIR_FORMAT) {
        failure_set(out_failure,
                    "the data folder %s was written by a newer version of this program: it has "
                    "format %" PRIu64 ", this one knows format %d",
                    self->path, format, DATADIR_FORMAT);
        return STATUS_NEWER;
    }
    return format < DATADIR_FORMAT ? make_format(self, out_failure) : STATUS_OK;
}

static enum status read_epoch(struct datadir *self, struct failure *out_failure)
{
    char line[LINE_SIZE];
    bool is_clean = false;
    const struct files_result result = read_text(self, "epoch", line);
    if (result.status == STATUS_OK) {
        const bool is_known = decode_epoch(self, line, &is_clean);
        self->found = !is_known ? DATADIR_DAMAGED : is_clean ? DATADIR_CLEAN : DATADIR_UNCLEAN;
    } else if (result.status == STATUS_MISSING) {
        self->found = DATADIR_NEW;
    } else {
        return say(out_failure, self, "cannot be read", result);
    }
    if (self->found == DATADIR_NEW || self->found == DATADIR_DAMAGED) {
        return draw_digits(self, self->store_id, out_failure);
    }
    return STATUS_OK;
}

/* From here on the folder says `running`, with the epoch that this server serves. */
static enum status begin_running(struct datadir *self, struct failure *out_failure)
{
    enum status status = read_epoch(self, out_failure);
    if (status == STATUS_OK && (self->found == DATADIR_NEW || self->found == DATADIR_DAMAGED)) {
        status = draw_digits(self, self->epoch, out_failure);
    }
    if (status == STATUS_OK) {
        status = write_epoch(self, self->epoch, "running", self->store_id, out_failure);
    }
    return status;
}

enum status datadir_open(struct datadir *self, const char *path, const struct files *lent_files,
                         const struct random *lent_random, struct failure *out_failure)
{
    *self = (struct datadir){.lent_files = *lent_files, .lent_random = *lent_random};
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    if (size == 0 || size > DATADIR_PATH_SIZE_MAX) {
        failure_set(out_failure, "the path of the data folder must have 1 to %d bytes",
                    DATADIR_PATH_SIZE_MAX);
        return STATUS_INVALID;
    }
    memcpy(self->path, path, size);

    bool created = false;
    const struct files_result result =
        lent_files->ops->create_folder(lent_files->self, self->path, &created);
    if (result.status != STATUS_OK) {
        return say(out_failure, self, "cannot be made", result);
    }
    enum status status = take_lock(self, out_failure);
    if (status != STATUS_OK) {
        return status;
    }
    status = check_format(self, out_failure);
    if (status == STATUS_OK) {
        status = begin_running(self, out_failure);
    }
    if (status != STATUS_OK) {
        datadir_close(self);
    }
    return status;
}

void datadir_close(struct datadir *self)
{
    self->lent_files.ops->close(self->lent_files.self, self->lock);
}

static enum status renew(struct datadir *self, const char *store_id, struct failure *out_failure)
{
    ASSERT(!self->is_marked_clean);
    char epoch[DATADIR_EPOCH_SIZE];
    enum status status = draw_digits(self, epoch, out_failure);
    if (status == STATUS_OK) {
        status = write_epoch(self, epoch, "running", store_id, out_failure);
    }
    if (status == STATUS_OK) {
        memcpy(self->epoch, epoch, sizeof epoch);
    }
    return status;
}

enum status datadir_renew_epoch(struct datadir *self, struct failure *out_failure)
{
    return renew(self, self->store_id, out_failure);
}

enum status datadir_meet_store(struct datadir *self, const char *identity,
                               struct failure *out_failure)
{
    if (identity == NULL) {
        /* A new store beside an old folder: what the folder's history told is gone. */
        return self->found == DATADIR_CLEAN ? datadir_renew_epoch(self, out_failure) : STATUS_OK;
    }
    if (strcmp(identity, self->store_id) == 0) {
        return STATUS_OK;
    }
    const size_t size = strlen(identity);
    if (size == 0 || size >= DATADIR_STORE_ID_SIZE || strpbrk(identity, " \n") != NULL) {
        failure_set(out_failure, "the store of the data folder %s has no identity of this program",
                    self->path);
        return STATUS_CORRUPT;
    }
    const enum status status = renew(self, identity, out_failure);
    if (status == STATUS_OK) {
        memcpy(self->store_id, identity, size + 1);
    }
    return status;
}

enum status datadir_mark_clean(struct datadir *self, struct failure *out_failure)
{
    self->is_marked_clean = true;
    return write_epoch(self, self->epoch, "clean", self->store_id, out_failure);
}
