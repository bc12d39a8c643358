#include "server/datadir.h"

#include "os/files_fake.h"
#include "os/random_fake.h"

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

enum { OPERATIONS_MAX = 60, CUTS = 20 };

struct world {
    struct files_fake memory;
    struct random_fake source;
    struct files files;
    struct random random;
    struct failure failure;
};

static void start_world(struct world *self, uint64_t seed)
{
    memset(self, 0, sizeof *self);
    self->source.seed = seed;
    self->files = files_fake_get(&self->memory);
    self->random = random_fake_get(&self->source);
}

static enum status open_in(struct world *world, struct datadir *datadir)
{
    world->failure.text[0] = '\0';
    const enum status status =
        datadir_open(datadir, "data", &world->files, &world->random, &world->failure);
    /* A failure has one sentence, a success none. */
    assert_int_equal(status == STATUS_OK, world->failure.text[0] == '\0');
    assert_null(strchr(world->failure.text, '\n'));
    return status;
}

static void write_file(struct world *world, const char *path, const char *text)
{
    const struct files *files = &world->files;
    struct file file;
    bool created = false;
    (void)files->ops->create_folder(files->self, "data", &created);
    assert_int_equal(files->ops->open(files->self, path, FILES_REPLACE, &file).status, STATUS_OK);
    assert_int_equal(files->ops->write_at(files->self, file, 0, text, strlen(text)).status,
                     STATUS_OK);
    files->ops->close(files->self, file);
}

static void a_clean_end_keeps_the_epoch(void **state)
{
    struct world world;
    struct datadir datadir;
    start_world(&world, *(const unsigned *)*state);
    assert_int_equal(open_in(&world, &datadir), STATUS_OK);
    assert_int_equal(datadir.found, DATADIR_NEW);
    assert_int_equal(strlen(datadir.epoch), 16);
    assert_int_equal(strlen(datadir.store_id), 16);
    const struct datadir first = datadir;
    assert_int_equal(datadir_mark_clean(&datadir, &world.failure), STATUS_OK);
    datadir_close(&datadir);

    assert_int_equal(open_in(&world, &datadir), STATUS_OK);
    assert_int_equal(datadir.found, DATADIR_CLEAN);
    assert_string_equal(datadir.epoch, first.epoch);
    assert_string_equal(datadir.store_id, first.store_id);
    datadir_close(&datadir);

    assert_int_equal(open_in(&world, &datadir), STATUS_OK);
    assert_int_equal(datadir.found, DATADIR_UNCLEAN);
    assert_string_equal(datadir.epoch, first.epoch);
    assert_string_equal(datadir.store_id, first.store_id);
    datadir_close(&datadir);
}

static void a_folder_has_one_server(void **state)
{
    struct world world;
    struct datadir datadir;
    struct datadir second;
    start_world(&world, *(const unsigned *)*state);
    assert_int_equal(open_in(&world, &datadir), STATUS_OK);
    assert_int_equal(open_in(&world, &second), STATUS_BUSY);
    char wanted[128];
    (void)snprintf(wanted, sizeof wanted, "the data folder data is in use by the process %ld",
                   (long)getpid());
    assert_string_equal(world.failure.text, wanted);
    /* The refused one changed nothing. */
    assert_int_equal(datadir_mark_clean(&datadir, &world.failure), STATUS_OK);
    datadir_close(&datadir);
    assert_int_equal(open_in(&world, &second), STATUS_OK);
    assert_int_equal(second.found, DATADIR_CLEAN);
    datadir_close(&second);
}

static void other_formats_are_refused(void **state)
{
    static const struct {
        const char *text;
        enum status status;
        const char *said;
    } cases[] = {
        {"1\n", STATUS_OK, ""},
        {"2\n", STATUS_OK, ""},
        {"3\n", STATUS_NEWER,
         "the data folder data was written by a newer version of this "
         "program: it has format 3, this one knows format 2"},
        {"0\n", STATUS_CORRUPT, NULL},
        {"", STATUS_CORRUPT, NULL},
        {"1", STATUS_CORRUPT, NULL},
        {"one\n", STATUS_CORRUPT, NULL},
        {"1\n1\n", STATUS_CORRUPT,
         "data/format is damaged: it must be the number of a format, here 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        struct datadir datadir;
        start_world(&world, *(const unsigned *)*state);
        write_file(&world, "data/format", cases[i].text);
        assert_int_equal(open_in(&world, &datadir), cases[i].status);
        if (cases[i].said != NULL) {
            assert_string_equal(world.failure.text, cases[i].said);
        }
        if (cases[i].status != STATUS_OK) {
            /* Nothing is held: where the format is put right, it opens. */
            write_file(&world, "data/format", "1\n");
            assert_int_equal(open_in(&world, &datadir), STATUS_OK);
        }
    }
}

static void an_epoch_that_cannot_be_read_is_a_new_one(void **state)
{
    static const char *const damaged[] = {
        "",
        "\n",
        "0123456789abcdef",
        "0123456789abcdef clean",
        "0123456789abcdef clean id",
        "0123456789abcdef clean \n",
        "0123456789abcdef dirty id\n",
        "0123456789ABCDEF clean id\n",
        "0123456789abcde clean id\n",
        "0123456789abcdef0 clean id\n",
        "0123456789abcdef clean id\nx",
        "0123456789abcdef  clean id\n",
        /* A store id of 65 bytes. */
        ("0123456789abcdef clean "
         "01234567890123456789012345678901234567890123456789012345678901234\n"),
    };
    struct datadir datadir;
    struct world world;
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        start_world(&world, *(const unsigned *)*state);
        write_file(&world, "data/epoch", damaged[i]);
        assert_int_equal(open_in(&world, &datadir), STATUS_OK);
        assert_int_equal(datadir.found, DATADIR_DAMAGED);
        assert_string_not_equal(datadir.epoch, "0123456789abcdef");
    }
    start_world(&world, *(const unsigned *)*state);
    write_file(&world, "data/epoch", "0123456789abcdef clean id\n");
    assert_int_equal(open_in(&world, &datadir), STATUS_OK);
    assert_int_equal(datadir.found, DATADIR_CLEAN);
    assert_string_equal(datadir.epoch, "0123456789abcdef");
    assert_string_equal(datadir.store_id, "id");
}

static void a_folder_that_cannot_be_made_says_so(void **state)
{
    struct world world;
    struct datadir datadir;
    char path[DATADIR_PATH_SIZE_MAX + 2];
    start_world(&world, *(const unsigned *)*state);
    assert_int_equal(
        datadir_open(&datadir, "none/data", &world.files, &world.random, &world.failure),
        STATUS_MISSING);
    assert_string_equal(world.failure.text,
                        "the data folder none/data cannot be made: No such file or directory");
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_int_equal(datadir_open(&datadir, path, &world.files, &world.random, &world.failure),
                     STATUS_INVALID);
    assert_int_equal(datadir_open(&datadir, "", &world.files, &world.random, &world.failure),
                     STATUS_INVALID);
    world.source.fails = true;
    assert_int_equal(open_in(&world, &datadir), STATUS_IO);
}

static void a_store_is_met(void **state)
{
    struct world world;
    struct datadir datadir;
    start_world(&world, *(const unsigned *)*state);
    assert_int_equal(open_in(&world, &datadir), STATUS_OK);
    struct datadir before = datadir;
    assert_int_equal(datadir_meet_store(&datadir, NULL, &world.failure), STATUS_OK);
    assert_string_equal(datadir.epoch, before.epoch); /* Both are new. */
    assert_int_equal(datadir_mark_clean(&datadir, &world.failure), STATUS_OK);
    datadir_close(&datadir);

    assert_int_equal(open_in(&world, &datadir), STATUS_OK);
    assert_int_equal(datadir_meet_store(&datadir, before.store_id, &world.failure), STATUS_OK);
    assert_string_equal(datadir.epoch, before.epoch); /* It is the same store. */

    assert_int_equal(datadir_meet_store(&datadir, "restored", &world.failure), STATUS_OK);
    assert_string_not_equal(datadir.epoch, before.epoch);
    assert_string_equal(datadir.store_id, "restored");
    before = datadir;
    assert_int_equal(datadir_mark_clean(&datadir, &world.failure), STATUS_OK);
    datadir_close(&datadir);

    assert_int_equal(open_in(&world, &datadir), STATUS_OK);
    assert_string_equal(datadir.store_id, "restored");
    assert_string_equal(datadir.epoch, before.epoch);
    assert_int_equal(datadir_meet_store(&datadir, NULL, &world.failure), STATUS_OK);
    assert_string_not_equal(datadir.epoch, before.epoch); /* The store was taken away. */
    assert_int_equal(datadir_meet_store(&datadir, "two words", &world.failure), STATUS_CORRUPT);
    datadir_close(&datadir);
}

/* The same on a disk: the fake could be wrong about locks between two openings. */
static void the_system_keeps_a_folder_too(void **state)
{
    (void)state;
    char top[] = "/tmp/datadir_test.XXXXXX";
    assert_non_null(mkdtemp(top));
    char path[64];
    (void)snprintf(path, sizeof path, "%s/data/", top);
    const struct files files = files_get_system();
    const struct random random = random_get_system();
    struct failure failure;
    struct datadir datadir;
    struct datadir second;
    assert_int_equal(datadir_open(&datadir, path, &files, &random, &failure), STATUS_OK);
    assert_int_equal(datadir.found, DATADIR_NEW);
    assert_int_equal(datadir_open(&second, path, &files, &random, &failure), STATUS_BUSY);
    assert_non_null(strstr(failure.text, "/data is in use by the process "));
    assert_int_equal(datadir_mark_clean(&datadir, &failure), STATUS_OK);
    datadir_close(&datadir);
    assert_int_equal(datadir_open(&second, path, &files, &random, &failure), STATUS_OK);
    assert_int_equal(second.found, DATADIR_CLEAN);
    assert_string_equal(second.epoch, datadir.epoch);
    datadir_close(&second);

    /* A file in the place of the folder. */
    (void)snprintf(path, sizeof path, "%s/data/epoch", top);
    assert_int_equal(datadir_open(&second, path, &files, &random, &failure), STATUS_IO);
    assert_non_null(strstr(failure.text, "/data/epoch cannot be made: Not a directory"));

    static const char *const names[] = {"data/lock", "data/format", "data/epoch"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", top, names[i]);
        assert_int_equal(unlink(path), 0);
    }
    (void)snprintf(path, sizeof path, "%s/data", top);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(top), 0);
}

/* One life of a server: opens, serves, renews, and ends as it was told. Returns whether it served,
 * and with which epochs. */
struct life {
    bool served;
    bool tried_to_end_clean;
    char epoch[DATADIR_EPOCH_SIZE];   /* The last one it served with. */
    char earlier[DATADIR_EPOCH_SIZE]; /* Before it was renewed. */
    char renewed[DATADIR_EPOCH_SIZE];
};

static void assert_nothing_is_held(const struct world *world)
{
    for (int i = 0; i < FILES_FAKE_HANDLES; i++) {
        assert_int_equal(world->memory.handles[i].node, 0);
    }
}

static struct life live(struct world *world)
{
    struct life life = {0};
    struct datadir datadir;
    if (open_in(world, &datadir) != STATUS_OK) {
        assert_nothing_is_held(world);
        return life;
    }
    life.served = true;
    memcpy(life.earlier, datadir.epoch, DATADIR_EPOCH_SIZE);
    memcpy(life.epoch, datadir.epoch, DATADIR_EPOCH_SIZE);
    if (datadir_renew_epoch(&datadir, &world->failure) == STATUS_OK) {
        assert_string_not_equal(datadir.epoch, life.earlier);
        memcpy(life.epoch, datadir.epoch, DATADIR_EPOCH_SIZE);
        life.tried_to_end_clean = true;
        if (datadir_mark_clean(&datadir, &world->failure) == STATUS_OK) {
            memcpy(life.renewed, datadir.epoch, DATADIR_EPOCH_SIZE);
        }
    } else {
        assert_string_equal(datadir.epoch, life.earlier);
    }
    datadir_close(&datadir);
    assert_nothing_is_held(world);
    return life;
}

/* A folder that was not marked clean never says so, and an epoch that was renewed never comes back.
 */
static void check_next_life(struct world *world, const struct life *before, bool power_was_cut)
{
    struct datadir next;
    assert_int_equal(open_in(world, &next), STATUS_OK);
    if (before->served && before->tried_to_end_clean) {
        assert_string_not_equal(next.epoch, before->earlier);
    }
    if (before->served && !before->tried_to_end_clean) {
        assert_int_not_equal(next.found, DATADIR_CLEAN);
    }
    /* What was marked clean, with success, is clean. */
    if (before->renewed[0] != '\0') {
        assert_int_equal(next.found, DATADIR_CLEAN);
        assert_string_equal(next.epoch, before->renewed);
    }
    if (!power_was_cut) {
        assert_int_not_equal(next.found, DATADIR_DAMAGED);
    }
    datadir_close(&next);
}

/* The first life ends clean where `is_old`, so that the second one finds a folder. */
static void try_fault(uint64_t seed, bool is_old, uint32_t fail_at, bool fails_on, int cut,
                      bool *out_reached)
{
    struct world world;
    start_world(&world, seed + (uint64_t)cut);
    struct life first = {0};
    if (is_old) {
        first = live(&world);
        assert_true(first.renewed[0] != '\0');
    }
    world.memory.operations = 0;
    world.memory.fail_at = fail_at;
    world.memory.fail_number = ENOSPC;
    world.memory.fails_on = fails_on;
    const struct life second = live(&world);
    *out_reached = world.memory.operations >= fail_at;
    if (second.served && is_old) {
        assert_string_equal(second.earlier, first.epoch);
    }
    world.memory.fail_at = 0;
    if (cut == 0) {
        files_fake_end_process(&world.memory);
    } else {
        files_fake_cut_power(&world.memory, seed + (uint64_t)cut);
    }
    check_next_life(&world, &second, cut != 0);
}

static void any_operation_may_fail(void **state)
{
    const unsigned seed = *(const unsigned *)*state;
    for (int kind = 0; kind < 4; kind++) {
        bool reached = true;
        uint32_t fail_at = 1;
        for (; reached; fail_at++) {
            assert_true(fail_at < OPERATIONS_MAX);
            for (int cut = 0; cut < CUTS; cut++) {
                try_fault(seed, kind % 2 == 0, fail_at, kind < 2, cut, &reached);
            }
        }
        assert_true(fail_at > 20);
    }
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(a_clean_end_keeps_the_epoch, &seed),
        cmocka_unit_test_prestate(a_folder_has_one_server, &seed),
        cmocka_unit_test_prestate(other_formats_are_refused, &seed),
        cmocka_unit_test_prestate(an_epoch_that_cannot_be_read_is_a_new_one, &seed),
        cmocka_unit_test_prestate(a_folder_that_cannot_be_made_says_so, &seed),
        cmocka_unit_test_prestate(a_store_is_met, &seed),
        cmocka_unit_test(the_system_keeps_a_folder_too),
        cmocka_unit_test_prestate(any_operation_may_fail, &seed),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
