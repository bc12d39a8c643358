#include "os/files_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { NAMES = 4, STEPS = 1500, SIZE_MAX_TESTED = 100, CUTS = 200 };

#define ASSERT_OK(result) assert_int_equal((result).status, STATUS_OK)

static const char *const names[NAMES] = {"d/one", "d/two", "d/three", "d/four"};

/* Reads all of a file; -1 where it is not there. */
static int read_whole(const struct files *files, const char *path, char to[FILES_FAKE_CONTENT_SIZE])
{
    struct file file;
    const struct files_result opened = files->ops->open(files->self, path, FILES_READ, &file);
    if (opened.status == STATUS_MISSING) {
        return -1;
    }
    ASSERT_OK(opened);
    size_t size = 0;
    ASSERT_OK(files->ops->read_at(files->self, file, 0, to, FILES_FAKE_CONTENT_SIZE, &size));
    files->ops->close(files->self, file);
    return (int)size;
}

static void assert_same_content(const struct files *a, const struct files *b, const char *path)
{
    char one[FILES_FAKE_CONTENT_SIZE];
    char other[FILES_FAKE_CONTENT_SIZE];
    const int size = read_whole(a, path, one);
    assert_int_equal(size, read_whole(b, path, other));
    if (size > 0) {
        assert_memory_equal(one, other, (size_t)size);
    }
}

/* One random operation on both; they must say the same. */
static void step_both(const struct files *both[2])
{
    const char *path = names[rand() % NAMES];
    const char *other = names[rand() % NAMES];
    const int kind = rand() % 6;
    const size_t size = (size_t)rand() % SIZE_MAX_TESTED;
    const enum files_access access = kind < 2   ? FILES_REPLACE
                                     : kind < 5 ? FILES_UPDATE
                                                : FILES_READ;
    struct files_result results[2];
    size_t sizes[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        const struct files *files = both[i];
        struct file file;
        if (kind == 4) {
            results[i] = files->ops->rename(files->self, path, other);
            continue;
        }
        results[i] = files->ops->open(files->self, path, access, &file);
        if (results[i].status != STATUS_OK) {
            continue;
        }
        char bytes[SIZE_MAX_TESTED];
        memset(bytes, (int)('a' + size % 26), sizeof bytes);
        if (kind < 3) {
            ASSERT_OK(files->ops->write_at(files->self, file, 0, bytes, size));
        } else if (kind == 3) {
            ASSERT_OK(files->ops->resize(files->self, file, size));
        }
        if (size == 0) { /* Now and then: the system's takes its time. */
            ASSERT_OK(files->ops->sync(files->self, file));
        }
        ASSERT_OK(files->ops->read_at(files->self, file, size / 2, bytes, sizeof bytes, &sizes[i]));
        files->ops->close(files->self, file);
    }
    assert_int_equal(results[0].status, results[1].status);
    assert_int_equal(results[0].number, results[1].number);
    assert_int_equal(sizes[0], sizes[1]);
}

struct world {
    unsigned seed;
    char before[FILES_PATH_SIZE];
    char folder[32];
};

/* The paths are relative, so that both see the same ones. */
static int enter_folder(void **state)
{
    struct world *world = *state;
    (void)snprintf(world->folder, sizeof world->folder, "/tmp/files_test.XXXXXX");
    return getcwd(world->before, sizeof world->before) == NULL || mkdtemp(world->folder) == NULL ||
           chdir(world->folder) != 0;
}

static int leave_folder(void **state)
{
    const struct world *world = *state;
    for (int i = 0; i < NAMES; i++) {
        (void)unlink(names[i]);
    }
    (void)rmdir("d");
    return chdir(world->before) != 0 || rmdir(world->folder) != 0;
}

static void the_fake_behaves_like_the_system(void **state)
{
    const struct world *world = *state;
    const struct files real = files_get_system();
    /* Each creation takes a node for good, so the fake is made new now and then. */
    for (int round = 0; round < STEPS / 30; round++) {
        struct files_fake memory = {0};
        const struct files fake = files_fake_get(&memory);
        const struct files *both[2] = {&real, &fake};
        srand(world->seed + (unsigned)round);
        for (int i = 0; i < 2; i++) {
            bool created = false;
            ASSERT_OK(both[i]->ops->create_folder(both[i]->self, "d", &created));
            ASSERT_OK(both[i]->ops->create_folder(both[i]->self, "d", &created));
            assert_false(created);
        }
        for (int step = 0; step < 30; step++) {
            step_both(both);
            for (int i = 0; i < NAMES; i++) {
                assert_same_content(&real, &fake, names[i]);
            }
        }
        ASSERT_OK(real.ops->sync_folder(real.self, "d"));
        for (int i = 0; i < NAMES; i++) {
            (void)unlink(names[i]);
        }
    }
}

static void both_say_what_is_wrong(void **state)
{
    (void)state;
    struct files_fake memory = {0};
    const struct files ports[2] = {files_get_system(), files_fake_get(&memory)};
    for (int i = 0; i < 2; i++) {
        const struct files *files = &ports[i];
        bool created = false;
        struct file file;
        struct files_result result =
            files->ops->create_folder(files->self, "none/folder", &created);
        assert_int_equal(result.status, STATUS_MISSING);
        result = files->ops->open(files->self, "none/file", FILES_UPDATE, &file);
        assert_int_equal(result.status, STATUS_MISSING);
        assert_string_equal(files_result_text(result), "No such file or directory");

        ASSERT_OK(files->ops->create_folder(files->self, "d", &created));
        result = files->ops->open(files->self, "d", FILES_REPLACE, &file);
        assert_int_equal(result.number, EISDIR);
        ASSERT_OK(files->ops->open(files->self, names[0], FILES_REPLACE, &file));
        files->ops->close(files->self, file);
        result = files->ops->create_folder(files->self, names[0], &created);
        assert_int_equal(result.number, ENOTDIR);
    }
}

static void assert_zeros(const struct files *files, const char *path, size_t from, size_t size)
{
    char content[FILES_FAKE_CONTENT_SIZE] = {0};
    assert_int_equal(read_whole(files, path, content), size);
    for (size_t at = from; at < size; at++) {
        assert_int_equal(content[at], 0);
    }
}

static void room_that_is_allocated_reads_as_zeros(void **state)
{
    (void)state;
    struct files_fake memory = {0};
    const struct files ports[2] = {files_get_system(), files_fake_get(&memory)};
    for (int i = 0; i < 2; i++) {
        const struct files *files = &ports[i];
        bool created = false;
        struct file file;
        ASSERT_OK(files->ops->create_folder(files->self, "d", &created));
        ASSERT_OK(files->ops->open(files->self, names[0], FILES_UPDATE, &file));
        ASSERT_OK(files->ops->write_at(files->self, file, 0, "ab", 2));
        ASSERT_OK(files->ops->allocate(files->self, file, 100));
        assert_zeros(files, names[0], 2, 100);
        /* Fewer bytes than it has: it stays as it is. */
        ASSERT_OK(files->ops->allocate(files->self, file, 50));
        assert_zeros(files, names[0], 2, 100);
        ASSERT_OK(files->ops->write_at(files->self, file, 98, "cdef", 4));
        ASSERT_OK(files->ops->sync_data(files->self, file));
        files->ops->close(files->self, file);
        char content[FILES_FAKE_CONTENT_SIZE];
        assert_int_equal(read_whole(files, names[0], content), 102);
        assert_memory_equal(content, "ab\0", 3);
        assert_memory_equal(content + 97, "\0cdef", 5);
    }
}

/* A bit for each of the names that was given; none twice. */
static void take_name(void *to, const char *name)
{
    uint32_t *given = to;
    for (uint32_t i = 0; i < NAMES; i++) {
        if (strcmp(name, names[i] + 2) == 0) {
            assert_int_equal(*given >> i & 1, 0);
            *given |= 1U << i;
            return;
        }
    }
    fail_msg("%s", name);
}

static void a_folder_lists_what_is_in_it(void **state)
{
    (void)state;
    struct files_fake memory = {0};
    const struct files ports[2] = {files_get_system(), files_fake_get(&memory)};
    for (int i = 0; i < 2; i++) {
        const struct files *files = &ports[i];
        bool created = false;
        struct file file;
        uint32_t given = 0;
        ASSERT_OK(files->ops->create_folder(files->self, "d", &created));
        ASSERT_OK(files->ops->list(files->self, "d", take_name, &given));
        assert_int_equal(given, 0);
        for (int j = 0; j < 3; j++) {
            ASSERT_OK(files->ops->open(files->self, names[j], FILES_UPDATE, &file));
            files->ops->close(files->self, file);
        }
        ASSERT_OK(files->ops->list(files->self, "d", take_name, &given));
        assert_int_equal(given, 7);
        ASSERT_OK(files->ops->remove(files->self, names[1]));
        ASSERT_OK(files->ops->rename(files->self, names[0], names[3]));
        given = 0;
        ASSERT_OK(files->ops->list(files->self, "d", take_name, &given));
        assert_int_equal(given, 12);
        assert_int_equal(files->ops->remove(files->self, names[1]).status, STATUS_MISSING);
        assert_int_equal(files->ops->list(files->self, "none", take_name, &given).status,
                         STATUS_MISSING);
        assert_int_equal(files->ops->list(files->self, names[2], take_name, &given).number,
                         ENOTDIR);
        assert_int_not_equal(files->ops->remove(files->self, "d").status, STATUS_OK);
    }
}

/* A file that is open is read and written on after its name is gone. */
static void what_is_removed_stays_open(void **state)
{
    (void)state;
    struct files_fake memory = {0};
    const struct files ports[2] = {files_get_system(), files_fake_get(&memory)};
    for (int i = 0; i < 2; i++) {
        const struct files *files = &ports[i];
        struct file file;
        char content[4] = "";
        size_t size = 0;
        bool created = false;
        ASSERT_OK(files->ops->create_folder(files->self, "d", &created));
        ASSERT_OK(files->ops->open(files->self, names[0], FILES_UPDATE, &file));
        ASSERT_OK(files->ops->remove(files->self, names[0]));
        ASSERT_OK(files->ops->write_at(files->self, file, 0, "abc", 3));
        ASSERT_OK(files->ops->read_at(files->self, file, 0, content, 4, &size));
        assert_int_equal(size, 3);
        assert_string_equal(content, "abc");
        files->ops->close(files->self, file);
        assert_int_equal(files->ops->open(files->self, names[0], FILES_READ, &file).status,
                         STATUS_MISSING);
    }
}

static void free_room_is_measured(void **state)
{
    (void)state;
    struct files_fake memory = {0};
    const struct files real = files_get_system();
    const struct files fake = files_fake_get(&memory);
    uint64_t bytes = 0;
    ASSERT_OK(real.ops->measure_free(real.self, ".", &bytes));
    assert_true(bytes > 0 && bytes < UINT64_C(1) << 60);
    assert_int_equal(real.ops->measure_free(real.self, "none", &bytes).status, STATUS_MISSING);
    ASSERT_OK(fake.ops->measure_free(fake.self, ".", &bytes));
    assert_true(bytes == FILES_FAKE_FREE_BYTES);
}

static void a_removed_name_may_come_back_until_its_folder_is_synced(void **state)
{
    const struct world *world = *state;
    int came_back = 0;
    for (unsigned cut = 0; cut < CUTS; cut++) {
        struct files_fake memory = {0};
        const struct files files = files_fake_get(&memory);
        struct file file;
        char content[FILES_FAKE_CONTENT_SIZE];
        for (int i = 0; i < 2; i++) {
            const char *path = i == 0 ? "safe" : "lost";
            ASSERT_OK(files.ops->open(files.self, path, FILES_REPLACE, &file));
            ASSERT_OK(files.ops->allocate(files.self, file, 8));
            ASSERT_OK(files.ops->sync_data(files.self, file));
            ASSERT_OK(files.ops->sync_folder(files.self, "."));
            if (i == 0) {
                ASSERT_OK(files.ops->remove(files.self, path));
                ASSERT_OK(files.ops->sync_folder(files.self, "."));
            }
        }
        ASSERT_OK(files.ops->remove(files.self, "lost"));
        files_fake_cut_power(&memory, world->seed + cut);
        assert_int_equal(read_whole(&files, "safe", content), -1);
        const int size = read_whole(&files, "lost", content);
        assert_true(size == -1 || size == 8);
        came_back += size == 8;
    }
    assert_true(came_back > 0 && came_back < CUTS);
}

static void a_lock_is_held_by_one(void **state)
{
    (void)state;
    struct files_fake memory = {0};
    const struct files ports[2] = {files_get_system(), files_fake_get(&memory)};
    for (int i = 0; i < 2; i++) {
        const struct files *files = &ports[i];
        bool created = false;
        struct file first;
        struct file second;
        ASSERT_OK(files->ops->create_folder(files->self, "d", &created));
        ASSERT_OK(files->ops->open(files->self, names[0], FILES_UPDATE, &first));
        ASSERT_OK(files->ops->open(files->self, names[0], FILES_UPDATE, &second));
        ASSERT_OK(files->ops->lock(files->self, first));
        assert_int_equal(files->ops->lock(files->self, second).status, STATUS_BUSY);
        files->ops->close(files->self, first);
        ASSERT_OK(files->ops->lock(files->self, second));
        files->ops->close(files->self, second);
    }
}

static void the_fake_fails_where_it_is_told(void **state)
{
    (void)state;
    for (uint32_t fail_at = 1; fail_at <= 3; fail_at++) {
        struct files_fake memory = {.fail_at = fail_at, .fail_number = ENOSPC};
        const struct files files = files_fake_get(&memory);
        struct file file = {0};
        struct files_result results[3];
        results[0] = files.ops->open(files.self, "x", FILES_UPDATE, &file);
        if (fail_at == 1) {
            assert_int_equal(results[0].number, ENOSPC);
            continue;
        }
        results[1] = files.ops->write_at(files.self, file, 0, "abcd", 4);
        results[2] = files.ops->sync(files.self, file);
        for (uint32_t i = 0; i < 3; i++) {
            assert_int_equal(results[i].number, i + 1 == fail_at ? ENOSPC : 0);
        }
        assert_string_equal(files_result_text(results[fail_at - 1]), "No space left on device");
        /* A write that fails leaves a part behind. */
        assert_int_equal(memory.nodes[0].now.size, fail_at == 2 ? 2 : 4);
    }
}

/* What was synced is there after every power cut; what was not is there after some. */
static void a_power_cut_forgets_what_was_not_synced(void **state)
{
    const struct world *world = *state;
    int kept_names = 0;
    int kept_contents = 0;
    for (unsigned cut = 0; cut < CUTS; cut++) {
        struct files_fake memory = {0};
        const struct files files = files_fake_get(&memory);
        struct file file;
        char content[FILES_FAKE_CONTENT_SIZE];
        ASSERT_OK(files.ops->open(files.self, "safe", FILES_REPLACE, &file));
        ASSERT_OK(files.ops->write_at(files.self, file, 0, "1234", 4));
        ASSERT_OK(files.ops->sync(files.self, file));
        ASSERT_OK(files.ops->sync_folder(files.self, "."));
        ASSERT_OK(files.ops->write_at(files.self, file, 0, "5678", 4));
        ASSERT_OK(files.ops->open(files.self, "lost", FILES_REPLACE, &file));

        files_fake_cut_power(&memory, world->seed + cut);
        const int size = read_whole(&files, "safe", content);
        assert_true(size >= 0 && size <= 4);
        kept_contents += size == 4 && memcmp(content, "5678", 4) == 0;
        if (size == 4 && memcmp(content, "5678", 4) != 0) {
            assert_memory_equal(content, "1234", 4);
        }
        kept_names += read_whole(&files, "lost", content) == 0;
    }
    assert_true(kept_names > 0 && kept_names < CUTS);
    assert_true(kept_contents > 0 && kept_contents < CUTS);
}

static void a_killed_process_leaves_what_it_wrote(void **state)
{
    (void)state;
    struct files_fake memory = {0};
    const struct files files = files_fake_get(&memory);
    struct file file;
    char content[FILES_FAKE_CONTENT_SIZE];
    ASSERT_OK(files.ops->open(files.self, "x", FILES_REPLACE, &file));
    ASSERT_OK(files.ops->lock(files.self, file));
    ASSERT_OK(files.ops->write_at(files.self, file, 0, "ab", 2));
    files_fake_end_process(&memory);
    assert_int_equal(read_whole(&files, "x", content), 2);
    ASSERT_OK(files.ops->open(files.self, "x", FILES_UPDATE, &file));
    ASSERT_OK(files.ops->lock(files.self, file));
}

int main(int argc, char **argv)
{
    struct world world = {.seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate_setup_teardown(the_fake_behaves_like_the_system, enter_folder,
                                                 leave_folder, &world),
        cmocka_unit_test_prestate_setup_teardown(both_say_what_is_wrong, enter_folder, leave_folder,
                                                 &world),
        cmocka_unit_test_prestate_setup_teardown(a_lock_is_held_by_one, enter_folder, leave_folder,
                                                 &world),
        cmocka_unit_test_prestate_setup_teardown(room_that_is_allocated_reads_as_zeros,
                                                 enter_folder, leave_folder, &world),
        cmocka_unit_test_prestate_setup_teardown(a_folder_lists_what_is_in_it, enter_folder,
                                                 leave_folder, &world),
        cmocka_unit_test_prestate_setup_teardown(what_is_removed_stays_open, enter_folder,
                                                 leave_folder, &world),
        cmocka_unit_test_prestate_setup_teardown(free_room_is_measured, enter_folder, leave_folder,
                                                 &world),
        cmocka_unit_test_prestate(a_removed_name_may_come_back_until_its_folder_is_synced, &world),
        cmocka_unit_test(the_fake_fails_where_it_is_told),
        cmocka_unit_test_prestate(a_power_cut_forgets_what_was_not_synced, &world),
        cmocka_unit_test(a_killed_process_leaves_what_it_wrote),
    };
    print_message("seed %u (another one: %s SEED)\n", world.seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
