/* In what pieces should RocksDB keep a user: one blob, leaves of some size, or a row a state?
 *
 *     store_layout FOLDER [TRACE.tsv.gz]        FOLDER is made, filled and emptied
 *
 * Each line of the tables is a database of its own, with the server's settings and a small budget, so that
 * it flushes and compacts as a large one does. Bytes are all that the process hands to the system, CPU is
 * the whole process's, with RocksDB's own threads. A state is 20 bytes, as a plain user's are; leaves are
 * three quarters full.
 */
#include "base/assert.h"
#include "base/bytes.h"
#include "store_rocksdb/settings.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zlib.h>

enum {
    STATE_SIZE = 20,
    HEAD_SIZE = 30,
    USER_KEY_SIZE = 8,
    PIECE_KEY_SIZE = 17,
    BATCH_USERS = 64,
    MEMORY_BYTES = 16 * 1024 * 1024,
    STATES_IN_ALL = 2000000,
    DIRTY_MAX = 16,
};

#define COMMITS_BYTES_WANTED (96.0 * 1024 * 1024)

/* One piece of so many states; a row is a piece of one, a blob a piece of all. */
enum kind { BLOB, LEAVES, ROWS };
struct layout {
    const char *name;
    enum kind kind;
    uint32_t leaf_size;
};

static const struct layout layouts[] = {
    {"blob", BLOB, 0},
    {"leaf 16 KB", LEAVES, 16384},
    {"leaf 8 KB", LEAVES, 8192},
    {"leaf 4 KB", LEAVES, 4096},
    {"leaf 2 KB", LEAVES, 2048},
    {"leaf 1 KB", LEAVES, 1024},
    {"row", ROWS, 0},
};
enum { LAYOUTS = sizeof layouts / sizeof layouts[0] };

struct bench {
    const char *folder;
    struct settings settings;
    rocksdb_t *db;
    rocksdb_writeoptions_t *write_options;
    rocksdb_readoptions_t *read_options;
    rocksdb_writebatch_t *batch;
    uint32_t batch_users;
    uint64_t random;
};

struct cost {
    double cpu_us;
    double bytes;
};

static double now_us(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* What this process has handed to write() and its like. */
static double written_bytes(void)
{
    FILE *file = fopen("/proc/self/io", "re");
    ASSERT(file != NULL);
    char line[128];
    double written = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "wchar:", 6) == 0) {
            written = strtod(line + 6, NULL);
        }
    }
    (void)fclose(file);
    return written;
}

static struct cost cost_now(void)
{
    return (struct cost){.cpu_us = now_us(CLOCK_PROCESS_CPUTIME_ID), .bytes = written_bytes()};
}

static uint32_t random_below(struct bench *self, uint32_t bound)
{
    self->random = self->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((self->random >> 33) % bound);
}

static void stop_on(char *error)
{
    if (error != NULL) {
        fprintf(stderr, "store_layout: %s\n", error);
        exit(1);
    }
}

static void bench_open(struct bench *self)
{
    char *error = NULL;
    settings_init(&self->settings, MEMORY_BYTES);
    self->db = rocksdb_open(self->settings.options, self->folder, &error);
    stop_on(error);
    self->write_options = rocksdb_writeoptions_create();
    self->read_options = rocksdb_readoptions_create();
    rocksdb_readoptions_set_prefix_same_as_start(self->read_options, 1);
    self->batch = rocksdb_writebatch_create();
    self->batch_users = 0;
    self->random = 1;
}

static void bench_close(struct bench *self)
{
    char *error = NULL;
    rocksdb_writebatch_destroy(self->batch);
    rocksdb_readoptions_destroy(self->read_options);
    rocksdb_writeoptions_destroy(self->write_options);
    rocksdb_close(self->db);
    rocksdb_destroy_db(self->settings.options, self->folder, &error);
    stop_on(error);
    settings_deinit(&self->settings);
}

static void write_batch(struct bench *self)
{
    char *error = NULL;
    rocksdb_write(self->db, self->write_options, self->batch, &error);
    stop_on(error);
    rocksdb_writebatch_clear(self->batch);
    self->batch_users = 0;
}

/* What has been written is in files, in the end: each line pays for its own flushes. */
static void settle(struct bench *self)
{
    char *error = NULL;
    write_batch(self);
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
    rocksdb_flush(self->db, options, &error);
    rocksdb_flushoptions_destroy(options);
    stop_on(error);
    uint64_t busy = 1;
    while (busy > 0) {
        uint64_t compactions = 0;
        uint64_t pending = 0;
        (void)rocksdb_property_int(self->db, "rocksdb.num-running-compactions", &compactions);
        (void)rocksdb_property_int(self->db, "rocksdb.compaction-pending", &pending);
        busy = compactions + pending;
        (void)nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

static uint32_t piece_states(const struct layout *layout, uint32_t states)
{
    switch (layout->kind) {
    case BLOB:
        return states;
    case LEAVES:
        return layout->leaf_size * 3 / 4 / STATE_SIZE;
    case ROWS:
        return 1;
    }
    UNREACHABLE("a layout without a kind");
}

/* Bytes that do not compress better than ids and times do. */
static void put_piece(struct bench *self, const struct layout *layout, uint64_t user,
                      uint32_t piece, uint32_t states, uint8_t *room)
{
    const bool blob = layout->kind == BLOB;
    const uint32_t value_size = layout->kind == ROWS ? 12
                                : blob               ? HEAD_SIZE + states * STATE_SIZE
                                                     : states * STATE_SIZE;
    for (uint32_t at = 0; at + 8 <= value_size; at += 10) {
        bytes_write_u64(room + at, self->random + at * UINT64_C(0x9e3779b97f4a7c15));
    }
    uint8_t key[PIECE_KEY_SIZE] = {0};
    bytes_write_u64_be(key, user);
    bytes_write_u64_be(key + USER_KEY_SIZE, piece);
    rocksdb_writebatch_put(self->batch, (const char *)key, blob ? USER_KEY_SIZE : PIECE_KEY_SIZE,
                           (const char *)room, value_size);
}

/* Writes the pieces where `dirty` states stand (ascending), and the record beside them. */
static void commit(struct bench *self, const struct layout *layout, uint64_t user, uint32_t states,
                   const uint32_t *dirty, uint32_t dirty_count, uint8_t *room)
{
    const uint32_t each = piece_states(layout, states);
    uint32_t written = UINT32_MAX;
    for (uint32_t i = 0; i < dirty_count; i++) {
        const uint32_t piece = dirty[i] / each;
        if (piece != written) {
            const uint32_t rest = states - piece * each;
            put_piece(self, layout, user, piece, rest < each ? rest : each, room);
            written = piece;
        }
    }
    if (layout->kind != BLOB) {
        uint8_t key[USER_KEY_SIZE];
        bytes_write_u64_be(key, user);
        rocksdb_writebatch_put(self->batch, (const char *)key, sizeof key, (const char *)room,
                               HEAD_SIZE);
    }
    if (++self->batch_users == BATCH_USERS) {
        write_batch(self);
    }
}

static int compare_u32(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a;
    const uint32_t right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static void fill(struct bench *self, const struct layout *layout, uint32_t states, uint32_t users,
                 uint8_t *room)
{
    uint32_t *all = malloc(states * sizeof *all);
    ASSERT(all != NULL);
    for (uint32_t i = 0; i < states; i++) {
        all[i] = i;
    }
    for (uint32_t user = 1; user <= users; user++) {
        commit(self, layout, user, states, all, states, room);
    }
    free(all);
    settle(self);
}

static double load_user_us(struct bench *self, uint32_t users, uint8_t *room)
{
    const uint32_t loads = users < 2000 ? users : 2000;
    const double before = now_us(CLOCK_MONOTONIC);
    for (uint32_t i = 0; i < loads; i++) {
        uint8_t key[USER_KEY_SIZE];
        bytes_write_u64_be(key, 1 + random_below(self, users));
        rocksdb_iterator_t *iterator = rocksdb_create_iterator(self->db, self->read_options);
        size_t at = 0;
        for (rocksdb_iter_seek(iterator, (const char *)key, sizeof key);
             rocksdb_iter_valid(iterator) != 0; rocksdb_iter_next(iterator)) {
            size_t size = 0;
            const char *value = rocksdb_iter_value(iterator, &size);
            memcpy(room + at, value, size);
            at += size;
        }
        rocksdb_iter_destroy(iterator);
    }
    return (now_us(CLOCK_MONOTONIC) - before) / loads;
}

static void measure(struct bench *self, const struct layout *layout, uint32_t states,
                    uint32_t dirty_count)
{
    const uint32_t users = STATES_IN_ALL / states;
    const uint32_t each = piece_states(layout, states);
    const double commit_bytes =
        (double)(HEAD_SIZE + (uint64_t)(each < states ? each : states) * STATE_SIZE * dirty_count);
    const double wanted = COMMITS_BYTES_WANTED / commit_bytes;
    const uint32_t commits = wanted > 100000 ? 100000 : (uint32_t)wanted + 1;
    uint8_t *room = calloc(states + 2, STATE_SIZE + HEAD_SIZE);
    ASSERT(room != NULL);

    bench_open(self);
    fill(self, layout, states, users, room);
    const struct cost before = cost_now();
    for (uint32_t i = 0; i < commits; i++) {
        uint32_t dirty[DIRTY_MAX];
        for (uint32_t k = 0; k < dirty_count; k++) {
            dirty[k] = random_below(self, states);
        }
        qsort(dirty, dirty_count, sizeof *dirty, compare_u32);
        commit(self, layout, 1 + random_below(self, users), states, dirty, dirty_count, room);
    }
    settle(self);
    const struct cost after = cost_now();
    const double written = (double)commits * dirty_count;
    printf("%8" PRIu32 " %6" PRIu32 "  %-11s %10.2f %10.0f %10.1f\n", states, dirty_count,
           layout->name, (after.cpu_us - before.cpu_us) / written,
           (after.bytes - before.bytes) / written, load_user_us(self, users, room));
    (void)fflush(stdout);
    bench_close(self);
    free(room);
}

/* The chat: whose states in which channels, and which of them are dirty. */
enum { USERS_MAX = 65536, CHANNELS_MAX = 256 };

struct chat_user {
    uint32_t states;
    uint32_t dirty_count;
    uint32_t due_minute; /* Of the write, while anything is dirty. */
    uint8_t dirty[CHANNELS_MAX];
    uint8_t place[CHANNELS_MAX]; /* 1 + where the channel's state stands. */
};

struct chat {
    struct chat_user *users;
    uint32_t *queue; /* Dirty users by their due minute; a ring of USERS_MAX places. */
    uint32_t queue_first;
    uint32_t queue_count;
    uint64_t changes;
    uint64_t commits;
    uint64_t written; /* States. */
};

static void chat_commit(struct chat *chat, struct bench *self, const struct layout *layout,
                        uint32_t user, uint8_t *room)
{
    struct chat_user *at = &chat->users[user];
    uint32_t dirty[CHANNELS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < at->states; i++) {
        if (at->dirty[i] != 0) {
            dirty[count++] = i;
            at->dirty[i] = 0;
        }
    }
    chat->commits++;
    chat->written += count;
    at->dirty_count = 0;
    commit(self, layout, user + 1, at->states, dirty, count, room);
}

static void chat_change(struct chat *chat, uint32_t user, uint32_t channel, uint32_t minute,
                        uint32_t delay_minutes)
{
    ASSERT(user < USERS_MAX && channel < CHANNELS_MAX - 1);
    struct chat_user *at = &chat->users[user];
    if (at->place[channel] == 0) {
        at->place[channel] = (uint8_t)++at->states;
    }
    const uint32_t place = at->place[channel] - 1U;
    if (at->dirty_count == 0) {
        at->due_minute = minute + delay_minutes;
        chat->queue[(chat->queue_first + chat->queue_count++) % USERS_MAX] = user;
    }
    at->dirty_count += at->dirty[place] == 0 ? 1 : 0;
    at->dirty[place] = 1;
    chat->changes++;
}

static void chat_commit_due(struct chat *chat, struct bench *self, const struct layout *layout,
                            uint32_t minute, uint8_t *room)
{
    while (chat->queue_count > 0) {
        const uint32_t user = chat->queue[chat->queue_first];
        if (chat->users[user].due_minute >= minute) {
            break;
        }
        chat_commit(chat, self, layout, user, room);
        chat->queue_first = (chat->queue_first + 1) % USERS_MAX;
        chat->queue_count--;
    }
}

static void chat_replay(struct chat *chat, struct bench *self, const struct layout *layout,
                        const char *trace, uint32_t delay_minutes, uint8_t *room)
{
    gzFile file = gzopen(trace, "rb");
    if (file == NULL) {
        fprintf(stderr, "store_layout: %s cannot be read\n", trace);
        exit(1);
    }
    char line[4096];
    uint32_t checked_minute = 0;
    while (gzgets(file, line, sizeof line) != NULL) {
        char *at = line;
        if (line[0] == '#') {
            continue;
        }
        const uint32_t minute = (uint32_t)strtoul(at, &at, 10);
        const uint32_t channel = (uint32_t)strtoul(at, &at, 10);
        at = strchr(at + 1, '\t');
        ASSERT(at != NULL);
        if (minute != checked_minute) {
            chat_commit_due(chat, self, layout, minute, room);
            checked_minute = minute;
        }
        /* The writer, and then those whom the message mentions. */
        while (*at == '\t' || *at == ',') {
            char *end = at + 1;
            const uint32_t user = (uint32_t)strtoul(at + 1, &end, 10);
            if (end == at + 1 || *at == '\n') {
                break;
            }
            chat_change(chat, user, channel, minute, delay_minutes);
            at = end;
        }
    }
    (void)gzclose(file);
    chat_commit_due(chat, self, layout, UINT32_MAX, room);
}

static void measure_chat(struct bench *self, const struct layout *layout, const char *trace,
                         uint32_t delay_minutes)
{
    struct chat chat = {
        .users = calloc(USERS_MAX, sizeof *chat.users),
        .queue = calloc(USERS_MAX, sizeof *chat.queue),
    };
    uint8_t *room = calloc(CHANNELS_MAX + 2, STATE_SIZE + HEAD_SIZE);
    ASSERT(chat.users != NULL && chat.queue != NULL && room != NULL);
    bench_open(self);
    const struct cost before = cost_now();
    chat_replay(&chat, self, layout, trace, delay_minutes, room);
    settle(self);
    const struct cost after = cost_now();
    const double written = (double)chat.written;
    printf("%8" PRIu32 " %6.2f  %-11s %10.2f %10.0f %10" PRIu64 " %10" PRIu64 "\n", delay_minutes,
           written / (double)chat.commits, layout->name, (after.cpu_us - before.cpu_us) / written,
           (after.bytes - before.bytes) / written, chat.commits, chat.changes);
    bench_close(self);
    free(room);
    free(chat.queue);
    free(chat.users);
}

int main(int argc, char **argv)
{
    static const uint32_t sizes[] = {20, 100, 200, 500, 2000, 20000};
    static const uint32_t dirty_counts[] = {1, 8};
    if (argc < 2) {
        fprintf(stderr, "usage: store_layout FOLDER [TRACE.tsv.gz]\n");
        return 1;
    }
    struct bench bench = {.folder = argv[1]};
    printf("  states  dirty  layout      CPU us per  bytes per    load a\n"
           "  a user a commit                   state      state user, us\n");
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        for (size_t d = 0; d < sizeof dirty_counts / sizeof dirty_counts[0]; d++) {
            for (size_t l = 0; l < LAYOUTS; l++) {
                /* Leaves that would hold the whole user are the blob again. */
                if (layouts[l].kind != LEAVES || piece_states(&layouts[l], 0) < sizes[s]) {
                    measure(&bench, &layouts[l], sizes[s], dirty_counts[d]);
                }
            }
        }
    }
    if (argc > 2) {
        static const uint32_t delays[] = {0, 1, 10, 60};
        printf("\n   delay  dirty  layout      CPU us per  bytes per    commits    changes\n"
               " minutes a commit                   state      state\n");
        for (size_t d = 0; d < sizeof delays / sizeof delays[0]; d++) {
            measure_chat(&bench, &layouts[0], argv[2], delays[d]);
            measure_chat(&bench, &layouts[LAYOUTS - 1], argv[2], delays[d]);
        }
    }
    return 0;
}
