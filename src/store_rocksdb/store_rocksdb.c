#include "store_rocksdb/store_rocksdb.h"

#include "base/assert.h"
#include "readstate/record.h"
#include "store_rocksdb/forgetting.h"
#include "store_rocksdb/purge.h"
#include "store_rocksdb/reading.h"
#include "store_rocksdb/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <rocksdb/c.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char identity_key[] = "\xffidentity";
enum { IDENTITY_KEY_SIZE = sizeof identity_key - 1 };

static const char closed_text[] = "the database could not be opened again yet";

enum { RETRY_MS_MIN = 100, RETRY_MS_MAX = 5000, PROBE_PATH_SIZE = 4096 };

struct store_rocksdb {
    /* Shared: by who uses the database. Alone: by who closes and opens it again. */
    pthread_rwlock_t lock;
    rocksdb_t *db; /* NULL with the cache, where it was closed and could not be opened again. */
    rocksdb_cache_t *cache;
    _Atomic uint64_t memory; /* As it was last counted. */

    /* One write at a time, as in RocksDB's own log: a write that comes after a failed one would end
     * the process by an assertion, where RocksDB believes that it has recovered by itself. */
    pthread_mutex_t write_lock;

    /* After a failed write RocksDB takes none before it was opened again. */
    _Atomic bool is_broken;
    _Atomic bool is_reopening; /* One thread tries at a time; the delay is that thread's. */
    _Atomic uint64_t retry_at_ms;
    uint64_t retry_delay_ms;

    struct purge *purge;
    uint64_t erasures;         /* Under the write lock: users who were erased, ... */
    uint64_t erasures_purging; /* ... and how many they were when the purge's round began. */
    char *path;
    uint64_t memory_bytes;
    rocksdb_readoptions_t *read_options;
    rocksdb_writeoptions_t *write_options;
    rocksdb_writeoptions_t *synced_write_options;
    void (*report)(void *lent_context, const char *problem);
    void *lent_context;
};

static enum status report(const struct store_rocksdb *self, enum status status, const char *problem)
{
    if (self->report != NULL) {
        self->report(self->lent_context, problem);
    }
    return status;
}

/* Takes RocksDB's error, if there is one. */
static enum status finish(const struct store_rocksdb *self, char *error, const char *doing)
{
    if (error == NULL) {
        return STATUS_OK;
    }
    char problem[READING_PROBLEM_SIZE];
    const enum status status = reading_take_error(&error, doing, problem);
    return report(self, status, problem);
}

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Closing a database that cannot be opened again would take reading too, so there must be room for
 * what opening may write: the write buffers, out of the log. */
static bool has_room(const struct store_rocksdb *self)
{
    char path[PROBE_PATH_SIZE];
    const int size = snprintf(path, sizeof path, "%s/room", self->path);
    if (size < 0 || (size_t)size >= sizeof path) {
        return true;
    }
    const int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (file < 0) {
        return false;
    }
    const bool fits =
        fallocate(file, 0, 0, (off_t)(self->memory_bytes / 2)) == 0 || errno == EOPNOTSUPP;
    (void)close(file);
    (void)unlink(path);
    return fits;
}

static enum status open_db(struct store_rocksdb *self,
                           char problem[static STORE_ROCKSDB_PROBLEM_SIZE]);

static void close_db(struct store_rocksdb *self)
{
    if (self->db != NULL) {
        rocksdb_cancel_all_background_work(self->db, 1);
        rocksdb_close(self->db);
        rocksdb_cache_destroy(self->cache);
        self->db = NULL;
        self->cache = NULL;
    }
}

static enum status reopen(struct store_rocksdb *self)
{
    if (!has_room(self)) {
        return STATUS_STORE;
    }
    char problem[STORE_ROCKSDB_PROBLEM_SIZE];
    /* A rewrite that is under way would be waited for. */
    if (self->db != NULL) {
        rocksdb_cancel_all_background_work(self->db, 0);
    }
    pthread_rwlock_wrlock(&self->lock);
    close_db(self);
    const enum status status = open_db(self, problem);
    if (status == STATUS_OK) {
        atomic_store(&self->is_broken, false);
    }
    pthread_rwlock_unlock(&self->lock);
    return status == STATUS_OK ? status : report(self, STATUS_STORE, problem);
}

static void reopen_when_due(struct store_rocksdb *self)
{
    if (!atomic_load(&self->is_broken) || now_ms() < atomic_load(&self->retry_at_ms) ||
        atomic_exchange(&self->is_reopening, true)) {
        return;
    }
    if (atomic_load(&self->is_broken)) {
        if (reopen(self) == STATUS_OK) {
            self->retry_delay_ms = RETRY_MS_MIN;
        } else {
            const uint64_t twice = self->retry_delay_ms * 2;
            self->retry_delay_ms = twice < RETRY_MS_MAX ? twice : RETRY_MS_MAX;
            atomic_store(&self->retry_at_ms, now_ms() + self->retry_delay_ms);
        }
    }
    atomic_store(&self->is_reopening, false);
}

static enum status rocksdb_store_read(void *opaque, struct user_id user, struct image **out_image)
{
    struct store_rocksdb *self = opaque;
    reopen_when_due(self);
    char problem[READING_PROBLEM_SIZE];
    pthread_rwlock_rdlock(&self->lock);
    enum status status = STATUS_STORE;
    if (self->db != NULL) {
        status = reading_read_user(self->db, self->read_options, user, out_image, problem);
    } else {
        (void)snprintf(problem, sizeof problem, "%s", closed_text);
    }
    pthread_rwlock_unlock(&self->lock);
    const bool wrong = status == STATUS_STORE || status == STATUS_CORRUPT || status == STATUS_NEWER;
    return wrong ? report(self, status, problem) : status;
}

static void put_image(rocksdb_writebatch_t *batch, const struct image *image)
{
    const struct user_id user = image_get_user(image);
    uint8_t user_key[RECORD_USER_KEY_SIZE];
    uint8_t leaf_key[RECORD_LEAF_KEY_SIZE];
    record_encode_user_key(user_key, user);
    for (uint32_t i = 0; i < image_count_pieces(image); i++) {
        const struct image_piece piece = image_get_piece(image, i);
        const struct slice bytes = image_get_bytes(image, i);
        record_encode_leaf_key(leaf_key, user, piece.fence);
        switch (piece.kind) {
        case IMAGE_RECORD:
            rocksdb_writebatch_put(batch, (const char *)user_key, sizeof user_key, bytes.bytes,
                                   bytes.size);
            break;
        case IMAGE_LEAF:
            rocksdb_writebatch_put(batch, (const char *)leaf_key, sizeof leaf_key, bytes.bytes,
                                   bytes.size);
            break;
        case IMAGE_ERASURE:
            rocksdb_writebatch_delete(batch, (const char *)leaf_key, sizeof leaf_key);
            break;
        case IMAGE_FORGETTING:
            forgetting_put(batch, user, (uint32_t)piece.fence.id);
            break;
        }
    }
}

static void note_failed_write(struct store_rocksdb *self, const char *error)
{
    if (error != NULL) {
        atomic_store(&self->retry_at_ms, now_ms() + RETRY_MS_MIN);
        atomic_store(&self->is_broken, true);
    }
}

/* Whatever it was, the write failed: STATUS_CORRUPT would speak of what was read. */
static enum status write_batch(struct store_rocksdb *self, const rocksdb_writeoptions_t *options,
                               rocksdb_writebatch_t *batch, uint32_t erasures, const char *doing)
{
    reopen_when_due(self);
    char *error = NULL;
    pthread_rwlock_rdlock(&self->lock);
    pthread_mutex_lock(&self->write_lock);
    const bool is_broken = atomic_load(&self->is_broken);
    if (!is_broken) {
        self->erasures += erasures;
        rocksdb_write(self->db, options, batch, &error);
        note_failed_write(self, error);
    }
    pthread_mutex_unlock(&self->write_lock);
    pthread_rwlock_unlock(&self->lock);
    if (is_broken) {
        return report(self, STATUS_STORE, "writing waits until a failed write was recovered from");
    }
    return finish(self, error, doing) == STATUS_OK ? STATUS_OK : STATUS_STORE;
}

static uint32_t note_erasures(const struct store_rocksdb *self, const struct image *const *images,
                              uint32_t count)
{
    uint32_t erasures = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (image_get_piece(images[i], 0).kind == IMAGE_FORGETTING) {
            purge_note(self->purge, image_get_user(images[i]));
            erasures++;
        }
    }
    return erasures;
}

static enum status rocksdb_store_write(void *opaque, const struct image *const *images,
                                       uint32_t count)
{
    struct store_rocksdb *self = opaque;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    for (uint32_t i = 0; i < count; i++) {
        put_image(batch, images[i]);
    }
    const uint32_t erasures = note_erasures(self, images, count);
    const enum status status = write_batch(self, self->write_options, batch, erasures, "writing");
    rocksdb_writebatch_destroy(batch);
    if (erasures > 0) {
        (void)note_erasures(self, images, count);
    }
    return status;
}

static bool rewrite(void *opaque, const struct user_id *users, uint32_t count)
{
    struct store_rocksdb *self = opaque;
    char *error = NULL;
    /* There may be nobody else who writes. */
    reopen_when_due(self);
    pthread_rwlock_rdlock(&self->lock);
    const bool may = self->db != NULL && !atomic_load(&self->is_broken);
    bool done = may && forgetting_rewrite(self->db, users, count, &error);
    const bool failed = may && !done && error == NULL;
    note_failed_write(self, error);
    /* Broken meanwhile, it may have been cut short. */
    done = done && !atomic_load(&self->is_broken);
    pthread_rwlock_unlock(&self->lock);
    if (failed) {
        (void)report(self, STATUS_STORE,
                     "purging: files could not be rewritten, and will be again");
    }
    (void)finish(self, error, "purging");
    return done;
}

static void begin_purge(void *opaque)
{
    struct store_rocksdb *self = opaque;
    pthread_mutex_lock(&self->write_lock);
    self->erasures_purging = self->erasures;
    pthread_mutex_unlock(&self->write_lock);
}

/* Where nobody was erased meanwhile, nothing is left to be purged at the next start. */
static void end_purge(void *opaque)
{
    struct store_rocksdb *self = opaque;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    char *error = NULL;
    forgetting_put_purged(batch);
    pthread_rwlock_rdlock(&self->lock);
    pthread_mutex_lock(&self->write_lock);
    if (self->db != NULL && !atomic_load(&self->is_broken) &&
        self->erasures == self->erasures_purging) {
        rocksdb_write(self->db, self->write_options, batch, &error);
        note_failed_write(self, error);
    }
    pthread_mutex_unlock(&self->write_lock);
    pthread_rwlock_unlock(&self->lock);
    rocksdb_writebatch_destroy(batch);
    (void)finish(self, error, "noting a purge");
}

static enum status rocksdb_store_read_generations(void *opaque,
                                                  uint32_t generations[static HASH_SLOTS])
{
    struct store_rocksdb *self = opaque;
    char problem[READING_PROBLEM_SIZE];
    pthread_rwlock_rdlock(&self->lock);
    enum status status = STATUS_STORE;
    if (self->db != NULL) {
        status = forgetting_read_generations(self->db, generations, problem);
    } else {
        (void)snprintf(problem, sizeof problem, "%s", closed_text);
    }
    pthread_rwlock_unlock(&self->lock);
    return status == STATUS_OK ? status : report(self, status, problem);
}

/* An empty write that is synced, not rocksdb_flush_wal: that looks at no earlier error, and ends
 * the process by an assertion after one. */
static enum status rocksdb_store_sync(void *opaque)
{
    struct store_rocksdb *self = opaque;
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    const enum status status = write_batch(self, self->synced_write_options, batch, 0, "syncing");
    rocksdb_writebatch_destroy(batch);
    return status;
}

static enum status rocksdb_store_read_identity(void *opaque, char *to, size_t size)
{
    struct store_rocksdb *self = opaque;
    reopen_when_due(self);
    char *error = NULL;
    char *found = NULL;
    size_t found_size = 0;
    pthread_rwlock_rdlock(&self->lock);
    const bool is_open = self->db != NULL;
    if (is_open) {
        found = rocksdb_get(self->db, self->read_options, identity_key, IDENTITY_KEY_SIZE,
                            &found_size, &error);
    }
    pthread_rwlock_unlock(&self->lock);
    if (!is_open) {
        return report(self, STATUS_STORE, closed_text);
    }
    if (error != NULL) {
        return finish(self, error, "reading the store's identity");
    }
    if (found == NULL) {
        return STATUS_MISSING;
    }
    const bool fits = found_size > 0 && found_size <= STORE_IDENTITY_SIZE_MAX &&
                      found_size < size && memchr(found, '\0', found_size) == NULL;
    if (fits) {
        memcpy(to, found, found_size);
        to[found_size] = '\0';
    }
    rocksdb_free(found);
    return fits ? STATUS_OK : report(self, STATUS_CORRUPT, "the store's identity is damaged");
}

static enum status rocksdb_store_write_identity(void *opaque, const char *identity)
{
    struct store_rocksdb *self = opaque;
    const size_t size = strlen(identity);
    ASSERT(size > 0 && size <= STORE_IDENTITY_SIZE_MAX);
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    rocksdb_writebatch_put(batch, identity_key, IDENTITY_KEY_SIZE, identity, size);
    const enum status status =
        write_batch(self, self->synced_write_options, batch, 0, "writing the store's identity");
    rocksdb_writebatch_destroy(batch);
    return status;
}

/* Who counts must not wait until the database is open again. */
static uint64_t rocksdb_store_count_memory(void *opaque)
{
    struct store_rocksdb *self = opaque;
    if (pthread_rwlock_tryrdlock(&self->lock) != 0) {
        return atomic_load(&self->memory);
    }
    uint64_t memory = 0;
    if (self->db != NULL) {
        uint64_t write_buffers = 0;
        uint64_t table_readers = 0;
        const int failed =
            rocksdb_property_int(self->db, "rocksdb.size-all-mem-tables", &write_buffers) |
            rocksdb_property_int(self->db, "rocksdb.estimate-table-readers-mem", &table_readers);
        ASSERT(failed == 0);
        memory = write_buffers + table_readers + rocksdb_cache_get_usage(self->cache);
    }
    pthread_rwlock_unlock(&self->lock);
    atomic_store(&self->memory, memory);
    return memory;
}

static void free_handles(struct store_rocksdb *self)
{
    rocksdb_writeoptions_destroy(self->synced_write_options);
    rocksdb_writeoptions_destroy(self->write_options);
    rocksdb_readoptions_destroy(self->read_options);
    pthread_mutex_destroy(&self->write_lock);
    pthread_rwlock_destroy(&self->lock);
    free(self->path);
    free(self);
}

/* Write buffers need no flush: the log has all, and is read at the next open. */
void store_rocksdb_close(void *taken_self)
{
    struct store_rocksdb *self = taken_self;
    if (self->db != NULL) {
        rocksdb_cancel_all_background_work(self->db, 0);
    }
    purge_destroy(&self->purge);
    close_db(self);
    free_handles(self);
}

static const struct store_ops rocksdb_ops = {
    .name = "rocksdb",
    .read = rocksdb_store_read,
    .write = rocksdb_store_write,
    .sync = rocksdb_store_sync,
    .read_generations = rocksdb_store_read_generations,
    .read_identity = rocksdb_store_read_identity,
    .write_identity = rocksdb_store_write_identity,
    .count_memory = rocksdb_store_count_memory,
    .close = store_rocksdb_close,
};

/* The system's own words stand at the end of RocksDB's: "IO error: While lock file: P: why". */
static const char *last_words(const char *error)
{
    const char *words = error;
    for (const char *at = strstr(error, ": "); at != NULL; at = strstr(words, ": ")) {
        words = at + 2;
    }
    return words;
}

/* RocksDB's C interface tells what went wrong by text only. */
static enum status explain_open_error(const char *error, const char *path,
                                      char problem[static STORE_ROCKSDB_PROBLEM_SIZE])
{
    const size_t size = STORE_ROCKSDB_PROBLEM_SIZE;
    if (strstr(error, "While lock file") != NULL || strstr(error, "lock hold by") != NULL) {
        (void)snprintf(problem, size, "the data folder %s is in use by another process", path);
        return STATUS_BUSY;
    }
    if (strncmp(error, "IO error", strlen("IO error")) == 0) {
        (void)snprintf(problem, size, "the data folder %s cannot be used: %s", path,
                       last_words(error));
        return STATUS_IO;
    }
    (void)snprintf(problem, size, "the database in the data folder %s cannot be opened: %s", path,
                   error);
    return STATUS_CORRUPT;
}

static enum status open_db(struct store_rocksdb *self,
                           char problem[static STORE_ROCKSDB_PROBLEM_SIZE])
{
    struct settings settings;
    settings_init(&settings, self->memory_bytes);
    char *error = NULL;
    self->db = rocksdb_open(settings.options, self->path, &error);
    enum status status = STATUS_OK;
    if (error != NULL) {
        status = explain_open_error(error, self->path, problem);
        rocksdb_free(error);
    } else {
        self->cache = settings.cache;
        settings.cache = NULL;
    }
    settings_deinit(&settings);
    return status;
}

/* Who opens again comes before readers that come later, of whom there is no end. */
static void lock_init(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attributes;
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(lock, &attributes);
    pthread_rwlockattr_destroy(&attributes);
}

/* With what an earlier process did not come to. */
static enum status start_purge(struct store_rocksdb *self)
{
    const struct purge_config config = {.rewrite = rewrite,
                                        .begin = begin_purge,
                                        .end = end_purge,
                                        .lent_context = self,
                                        .is_due = forgetting_is_purge_due(self->db)};
    return purge_create(&self->purge, &config);
}

enum status store_rocksdb_open(struct store *out_store, const struct store_rocksdb_config *config,
                               char problem[static STORE_ROCKSDB_PROBLEM_SIZE])
{
    ASSERT(config->memory_bytes >= STORE_ROCKSDB_MEMORY_BYTES_MIN);
    struct store_rocksdb *self = calloc(1, sizeof *self);
    if (self == NULL) {
        (void)snprintf(problem, STORE_ROCKSDB_PROBLEM_SIZE, "%s", status_text(STATUS_MEMORY));
        return STATUS_MEMORY;
    }
    self->path = strdup(config->path);
    if (self->path == NULL) {
        free(self);
        (void)snprintf(problem, STORE_ROCKSDB_PROBLEM_SIZE, "%s", status_text(STATUS_MEMORY));
        return STATUS_MEMORY;
    }
    self->memory_bytes = config->memory_bytes;
    self->retry_delay_ms = RETRY_MS_MIN;
    lock_init(&self->lock);
    pthread_mutex_init(&self->write_lock, NULL);
    self->report = config->report;
    self->lent_context = config->lent_context;
    self->read_options = rocksdb_readoptions_create();
    self->write_options = rocksdb_writeoptions_create();
    self->synced_write_options = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(self->synced_write_options, 1);

    const enum status status = open_db(self, problem);
    if (status != STATUS_OK) {
        free_handles(self);
        return status;
    }
    if (start_purge(self) != STATUS_OK) {
        close_db(self);
        free_handles(self);
        (void)snprintf(problem, STORE_ROCKSDB_PROBLEM_SIZE, "%s", status_text(STATUS_MEMORY));
        return STATUS_MEMORY;
    }
    *out_store = (struct store){.ops = &rocksdb_ops, .self = self};
    return STATUS_OK;
}
