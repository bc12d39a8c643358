#include "store_rocksdb/store_rocksdb.h"

#include "base/assert.h"
#include "readstate/leaf.h"
#include "readstate/record.h"
#include "store/store_check.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATH_SIZE = 256, NOBODY = 65534 };

struct folder {
    unsigned seed;
    char above[PATH_SIZE]; /* Of the test alone. */
    char path[PATH_SIZE + 16];
    char reported[STORE_ROCKSDB_PROBLEM_SIZE];
};

static void keep_report(void *lent_context, const char *problem)
{
    struct folder *folder = lent_context;
    (void)snprintf(folder->reported, sizeof folder->reported, "%s", problem);
}

static enum status try_open(struct folder *folder, struct store *out_store,
                            char problem[static STORE_ROCKSDB_PROBLEM_SIZE])
{
    const struct store_rocksdb_config config = {
        .path = folder->path,
        .memory_bytes = STORE_ROCKSDB_MEMORY_BYTES_MIN,
        .report = keep_report,
        .lent_context = folder,
    };
    problem[0] = '\0';
    return store_rocksdb_open(out_store, &config, problem);
}

static struct store open_folder(void *lent_context)
{
    struct store store = {0};
    char problem[STORE_ROCKSDB_PROBLEM_SIZE];
    const enum status status = try_open(lent_context, &store, problem);
    if (status != STATUS_OK) {
        print_error("%s\n", problem);
    }
    ASSERT(status == STATUS_OK);
    return store;
}

static int folder_init(void **state)
{
    const char *temporary = getenv("TMPDIR");
    struct folder *self = calloc(1, sizeof *self);
    ASSERT(self != NULL);
    self->seed = *(const unsigned *)*state;
    (void)snprintf(self->above, sizeof self->above, "%s/store_rocksdb_test.XXXXXX",
                   temporary == NULL ? "/tmp" : temporary);
    ASSERT(mkdtemp(self->above) != NULL);
    (void)snprintf(self->path, sizeof self->path, "%s/data", self->above);
    *state = self;
    return 0;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int folder_deinit(void **state)
{
    struct folder *self = *state;
    const int failed = nftw(self->above, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(self);
    return failed;
}

static void write_user(struct store store, uint64_t user, uint64_t version, uint32_t leaves)
{
    struct image *image = store_check_encode_user((struct user_id){user}, version, leaves);
    const struct image *const borrowed = image;
    const enum status status = store.ops->write(store.self, &borrowed, 1);
    ASSERT(status == STATUS_OK);
    image_destroy(&image);
}

static struct store_check check_of(struct folder *folder)
{
    return (struct store_check){
        .open = open_folder,
        .lent_context = folder,
        .keeps = true,
        .seed = folder->seed,
    };
}

static void absent_users_are_missing(void **state)
{
    struct folder *folder = *state;
    const struct store_check check = check_of(folder);
    store_check_missing(&check);
}

static void the_identity_is_kept(void **state)
{
    struct folder *folder = *state;
    const struct store_check check = check_of(folder);
    store_check_identity(&check);
}

static void a_user_of_a_thousand_leaves_is_kept(void **state)
{
    struct folder *folder = *state;
    const struct store_check check = check_of(folder);
    store_check_large_user(&check, 1000);
}

static void random_writes_agree_with_a_model(void **state)
{
    struct folder *folder = *state;
    const struct store_check check = check_of(folder);
    store_check_random(&check, 600);
}

static void readers_see_whole_writes_only(void **state)
{
    struct folder *folder = *state;
    const struct store_check check = check_of(folder);
    store_check_threads(&check, 1000);
}

/* Runs `child` in a process of its own; returns how that ended. RocksDB's threads are not copied by
 * a fork: who calls this has not opened a database before, in the same process. */
static int run_child(void (*child)(struct folder *folder), struct folder *folder)
{
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        child(folder);
        _exit(0);
    }
    int ended = 0;
    while (waitpid(pid, &ended, 0) < 0) {
        assert_int_equal(errno, EINTR);
    }
    return ended;
}

static void write_and_be_killed(struct folder *folder)
{
    struct store store = open_folder(folder);
    for (uint64_t user = 1; user <= 200; user++) {
        write_user(store, user, user, user % 4);
    }
    (void)raise(SIGKILL);
}

static void expect_what_was_written(struct folder *folder)
{
    struct store store = open_folder(folder);
    for (uint64_t user = 1; user <= 200; user++) {
        store_check_expect_user(store, (struct user_id){user}, user, user % 4);
    }
    store.ops->close(store.self);
}

static void what_was_written_survives_a_kill(void **state)
{
    struct folder *folder = *state;
    const int ended = run_child(write_and_be_killed, folder);
    assert_true(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL);
    assert_int_equal(run_child(expect_what_was_written, folder), 0);
}

static void limit_file_size(rlim_t size)
{
    const struct rlimit limit = {.rlim_cur = size, .rlim_max = RLIM_INFINITY};
    ASSERT(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static enum status try_write_user(struct store store, uint64_t user)
{
    struct image *image = store_check_encode_user((struct user_id){user}, user, 3);
    const struct image *const borrowed = image;
    const enum status status = store.ops->write(store.self, &borrowed, 1);
    image_destroy(&image);
    return status;
}

/* A write that failed is one that is not there, or not known: users up to *out_last are. */
static struct store write_until_it_fails(struct folder *folder, uint64_t *out_last)
{
    enum { FILE_SIZE_MAX = 256 * 1024, WRITES = 10000 };
    struct store store = open_folder(folder);
    (void)signal(SIGXFSZ, SIG_IGN);
    limit_file_size(FILE_SIZE_MAX);
    enum status status = STATUS_OK;
    uint64_t user = 0;
    while (status == STATUS_OK && user < WRITES) {
        user++;
        status = try_write_user(store, user);
    }
    ASSERT(status == STATUS_STORE && strstr(folder->reported, "writing failed") != NULL);
    *out_last = user - 1;
    ASSERT(store.ops->sync(store.self) == STATUS_STORE);
    store_check_expect_user(store, (struct user_id){1}, 1, 3);
    store_check_expect_user(store, (struct user_id){*out_last}, *out_last, 3);
    return store;
}

static void fail_and_close(struct folder *folder)
{
    uint64_t last = 0;
    struct store store = write_until_it_fails(folder, &last);
    store.ops->close(store.self);
}

/* Stands for a disk that was full and has room again. */
static void fail_and_recover(struct folder *folder)
{
    enum { TRIES = 1000, TRY_US = 10 * 1000 };
    uint64_t last = 0;
    struct store store = write_until_it_fails(folder, &last);
    /* Long enough for a try that finds no room. */
    for (uint32_t i = 0; i < 15; i++) {
        (void)usleep(TRY_US);
        ASSERT(try_write_user(store, last + 1) == STATUS_STORE);
        store_check_expect_user(store, (struct user_id){last}, last, 3);
    }
    limit_file_size(RLIM_INFINITY);
    enum status status = STATUS_STORE;
    for (uint32_t i = 0; i < TRIES && status != STATUS_OK; i++) {
        (void)usleep(TRY_US);
        status = try_write_user(store, last + 1);
    }
    ASSERT(status == STATUS_OK);
    for (uint64_t user = last + 2; user <= last + 100; user++) {
        ASSERT(try_write_user(store, user) == STATUS_OK);
    }
    ASSERT(store.ops->sync(store.self) == STATUS_OK);
    for (uint32_t round = 0; round < 2; round++) {
        for (uint64_t user = 1; user <= last + 100; user++) {
            store_check_expect_user(store, (struct user_id){user}, user, 3);
        }
        store.ops->close(store.self);
        store = open_folder(folder);
    }
    store.ops->close(store.self);
}

static void expect_first_users(struct folder *folder)
{
    struct store store = open_folder(folder);
    store_check_expect_user(store, (struct user_id){1}, 1, 3);
    store_check_expect_user(store, (struct user_id){100}, 100, 3);
    store.ops->close(store.self);
}

static void a_full_disk_is_said_and_loses_nothing(void **state)
{
    struct folder *folder = *state;
    assert_int_equal(run_child(fail_and_close, folder), 0);
    assert_int_equal(run_child(expect_first_users, folder), 0);
}

static void a_disk_with_room_again_is_written_again(void **state)
{
    struct folder *folder = *state;
    assert_int_equal(run_child(fail_and_recover, folder), 0);
}

/* Writes bytes as a piece of user 9, and reads the user. */
static enum status read_planted(struct folder *folder, struct image **taken_image)
{
    struct store store = open_folder(folder);
    const struct image *const borrowed = *taken_image;
    assert_int_equal(store.ops->write(store.self, &borrowed, 1), STATUS_OK);
    image_destroy(taken_image);
    struct image *image = NULL;
    folder->reported[0] = '\0';
    const enum status status = store.ops->read(store.self, (struct user_id){9}, &image);
    assert_true((status == STATUS_OK) == (image != NULL));
    assert_true((status == STATUS_OK) == (folder->reported[0] == '\0'));
    image_destroy(&image);
    store.ops->close(store.self);
    return status;
}

static struct image *make_nine(uint32_t leaves)
{
    return store_check_encode_user((struct user_id){9}, 4, leaves);
}

static uint8_t *writable(struct image *image, uint32_t at)
{
    return (uint8_t *)(uintptr_t)image_get_bytes(image, at).bytes;
}

static void damaged_bytes_are_said(void **state)
{
    struct folder *folder = *state;
    struct image *image = make_nine(0);
    writable(image, 0)[0] = RECORD_FORMAT + 1;
    assert_int_equal(read_planted(folder, &image), STATUS_NEWER);
    assert_non_null(strstr(folder->reported, "user 9: "));

    image = make_nine(0);
    writable(image, 0)[RECORD_HEAD_SIZE] ^= 1; /* The number of rows. */
    assert_int_equal(read_planted(folder, &image), STATUS_CORRUPT);

    image = make_nine(3);
    assert_int_equal(read_planted(folder, &image), STATUS_OK);

    image = make_nine(3);
    writable(image, 2)[0] ^= 1;
    assert_int_equal(read_planted(folder, &image), STATUS_CORRUPT);

    /* An empty record, and an empty leaf. */
    image = NULL;
    assert_int_equal(image_create(&image, (struct user_id){9}, 1, 0), STATUS_OK);
    assert_non_null(image_insert(image, IMAGE_RECORD, (struct channel_key){0}, 0));
    assert_int_equal(read_planted(folder, &image), STATUS_CORRUPT);
    image = make_nine(3);
    assert_non_null(image_insert(image, IMAGE_LEAF, store_check_fence(7), 0));
    assert_int_equal(read_planted(folder, &image), STATUS_CORRUPT);
}

static void leaves_at_the_wrong_place_are_said(void **state)
{
    struct folder *folder = *state;
    /* The last leaf, under a fence that is higher than its channels. */
    struct image *image = make_nine(3);
    const struct slice last = image_get_bytes(image, 3);
    uint8_t leaf[LEAF_SIZE_MAX];
    memcpy(leaf, last.bytes, last.size);
    uint8_t *bytes = image_insert(image, IMAGE_LEAF, store_check_fence(5), (uint32_t)last.size);
    assert_non_null(bytes);
    memcpy(bytes, leaf, last.size);
    assert_int_equal(read_planted(folder, &image), STATUS_CORRUPT);
    assert_non_null(strstr(folder->reported, "before its fence"));

    /* A leaf whose fence stands inside the one before it. */
    image = make_nine(3);
    assert_non_null(image_insert(image, IMAGE_ERASURE, store_check_fence(5), 0));
    struct channel_key inside = store_check_fence(1);
    inside.id += 2;
    leaf_init(leaf);
    bytes = image_insert(image, IMAGE_LEAF, inside, LEAF_HEAD_SIZE);
    assert_non_null(bytes);
    memcpy(bytes, leaf, LEAF_HEAD_SIZE);
    assert_int_equal(read_planted(folder, &image), STATUS_CORRUPT);
    assert_non_null(strstr(folder->reported, "beyond the next one's fence"));

    /* Leaves of a later write than the record's. */
    struct image *older = store_check_encode_user((struct user_id){9}, 3, 1);
    image = make_nine(3);
    assert_non_null(image_insert(image, IMAGE_ERASURE, inside, 0));
    assert_int_equal(read_planted(folder, &image), STATUS_OK);
    const struct slice record = image_get_bytes(older, 0);
    assert_int_equal(image_create(&image, (struct user_id){9}, 1, 64), STATUS_OK);
    bytes = image_insert(image, IMAGE_RECORD, (struct channel_key){0}, (uint32_t)record.size);
    assert_non_null(bytes);
    memcpy(bytes, record.bytes, record.size);
    image_destroy(&older);
    assert_int_equal(read_planted(folder, &image), STATUS_CORRUPT);
    assert_non_null(strstr(folder->reported, "newer than the record"));

    /* No leaf is left. */
    image = make_nine(1);
    for (uint32_t i = 0; i < 3; i++) {
        assert_non_null(image_insert(image, IMAGE_ERASURE, store_check_fence(i), 0));
    }
    assert_int_equal(read_planted(folder, &image), STATUS_CORRUPT);
    assert_non_null(strstr(folder->reported, "no leaves"));
}

static void try_beside_another(struct folder *folder)
{
    struct store store = {0};
    char problem[STORE_ROCKSDB_PROBLEM_SIZE];
    const enum status status = try_open(folder, &store, problem);
    ASSERT(status == STATUS_BUSY);
    ASSERT(strstr(problem, "is in use by another process") != NULL);
    ASSERT(strstr(problem, folder->path) != NULL);
}

static void hold_until_told(struct folder *folder, int ready, int done)
{
    struct store store = open_folder(folder);
    char byte = 'x';
    ASSERT(write(ready, &byte, 1) == 1);
    ASSERT(read(done, &byte, 1) == 0);
    store.ops->close(store.self);
    _exit(0);
}

static void a_folder_in_use_is_said(void **state)
{
    struct folder *folder = *state;
    int ready[2];
    int done[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(done), 0);
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(done[1]);
        hold_until_told(folder, ready[1], done[0]);
    }
    char byte = 0;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    try_beside_another(folder);
    (void)close(done[1]);
    int ended = -1;
    assert_int_equal(waitpid(pid, &ended, 0), pid);
    assert_int_equal(ended, 0);

    struct store store = open_folder(folder);
    try_beside_another(folder);
    store.ops->close(store.self);
    (void)close(ready[0]);
    (void)close(ready[1]);
    (void)close(done[0]);
}

static void try_without_rights(struct folder *folder)
{
    /* Root may write everywhere. */
    ASSERT(geteuid() != 0 || (setgid(NOBODY) == 0 && setuid(NOBODY) == 0));
    struct store store = {0};
    char problem[STORE_ROCKSDB_PROBLEM_SIZE];
    const enum status status = try_open(folder, &store, problem);
    ASSERT(status == STATUS_IO);
    ASSERT(strstr(problem, folder->path) != NULL);
    ASSERT(strstr(problem, strerror(EACCES)) != NULL);
}

static void write_first_user(struct folder *folder)
{
    struct store store = open_folder(folder);
    write_user(store, 1, 1, 0);
    store.ops->close(store.self);
}

static void a_folder_that_cannot_be_written_is_said(void **state)
{
    struct folder *folder = *state;
    assert_int_equal(chmod(folder->above, 0555), 0);
    assert_int_equal(run_child(try_without_rights, folder), 0);
    assert_int_equal(chmod(folder->above, 0755), 0);

    assert_int_equal(run_child(write_first_user, folder), 0);
    assert_int_equal(chmod(folder->path, 0555), 0);
    assert_int_equal(run_child(try_without_rights, folder), 0);
    assert_int_equal(chmod(folder->path, 0755), 0);
}

static void a_path_that_is_no_folder_is_said(void **state)
{
    struct folder *folder = *state;
    const int file = open(folder->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    (void)close(file);
    struct store store = {0};
    char problem[STORE_ROCKSDB_PROBLEM_SIZE];
    assert_int_equal(try_open(folder, &store, problem), STATUS_IO);
    assert_non_null(strstr(problem, folder->path));
}

static void a_damaged_database_is_said(void **state)
{
    struct folder *folder = *state;
    struct store store = open_folder(folder);
    write_user(store, 1, 1, 0);
    store.ops->close(store.self);

    char current[sizeof folder->path + 16];
    (void)snprintf(current, sizeof current, "%s/CURRENT", folder->path);
    FILE *file = fopen(current, "w");
    ASSERT(file != NULL);
    assert_true(fputs("damaged", file) >= 0);
    assert_int_equal(fclose(file), 0);
    char problem[STORE_ROCKSDB_PROBLEM_SIZE];
    assert_int_equal(try_open(folder, &store, problem), STATUS_CORRUPT);
    assert_non_null(strstr(problem, folder->path));
}

static void memory_stays_near_its_budget(void **state)
{
    enum { USERS = 60000 };
    struct folder *folder = *state;
    struct store store = open_folder(folder);
    struct image *image = NULL;
    for (uint64_t user = 1; user <= USERS; user += 100) {
        struct image *images[100];
        for (uint64_t i = 0; i < 100; i++) {
            images[i] = store_check_encode_user((struct user_id){user + i}, 1, 0);
        }
        assert_int_equal(store.ops->write(store.self, (const struct image *const *)images, 100),
                         STATUS_OK);
        for (uint64_t i = 0; i < 100; i++) {
            image_destroy(&images[i]);
        }
    }
    for (uint64_t user = 1; user <= USERS; user += 7) {
        assert_int_equal(store.ops->read(store.self, (struct user_id){user}, &image), STATUS_OK);
        image_destroy(&image);
    }
    const uint64_t memory = store.ops->count_memory(store.self);
    assert_in_range(memory, 1, STORE_ROCKSDB_MEMORY_BYTES_MIN * 5 / 4);
    store.ops->close(store.self);
}

#define IN_FOLDER(test)                                                                            \
    cmocka_unit_test_prestate_setup_teardown(test, folder_init, folder_deinit, &seed)

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        /* Those that fork come first: see run_child. */
        IN_FOLDER(what_was_written_survives_a_kill),
        IN_FOLDER(a_full_disk_is_said_and_loses_nothing),
        IN_FOLDER(a_disk_with_room_again_is_written_again),
        IN_FOLDER(a_folder_that_cannot_be_written_is_said),
        IN_FOLDER(a_folder_in_use_is_said),
        IN_FOLDER(a_path_that_is_no_folder_is_said),
        IN_FOLDER(absent_users_are_missing),
        IN_FOLDER(the_identity_is_kept),
        IN_FOLDER(a_user_of_a_thousand_leaves_is_kept),
        IN_FOLDER(random_writes_agree_with_a_model),
        IN_FOLDER(readers_see_whole_writes_only),
        IN_FOLDER(damaged_bytes_are_said),
        IN_FOLDER(leaves_at_the_wrong_place_are_said),
        IN_FOLDER(a_damaged_database_is_said),
        IN_FOLDER(memory_stays_near_its_budget),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
