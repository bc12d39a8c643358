#include "sim/disk_testing.h"

#include "os/files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    NAMES = 4,
    STEPS = 2500,
    SIZE_MAX_TESTED = 3 * DISK_PAGE_SIZE,
    MODEL_SIZE = 6 * DISK_PAGE_SIZE,
    MODEL_STEPS = 6000,
};

#define PAGES(count) ((uint64_t)(count) * DISK_PAGE_SIZE)

static const char *const names[NAMES] = {"d/one", "d/two", "d/three", "d/four"};

struct world {
    unsigned seed;
    char before[FILES_PATH_SIZE];
    char folder[32];
};

/* The paths are relative, so that both see the same ones. */
static int enter_folder(void **state)
{
    struct world *world = *state;
    (void)snprintf(world->folder, sizeof world->folder, "/tmp/disk_test.XXXXXX");
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
    (void)rmdir("e");
    return chdir(world->before) != 0 || rmdir(world->folder) != 0;
}

/* What one operation had for a result. */
struct outcome {
    struct files_result result;
    size_t size;
    uint32_t names; /* A bit each. */
    uint8_t bytes[2 * SIZE_MAX_TESTED];
};

static void take_name(void *to, const char *name)
{
    struct outcome *outcome = to;
    for (uint32_t i = 0; i < NAMES; i++) {
        if (strcmp(names[i] + 2, name) == 0) {
            assert_int_equal(outcome->names >> i & 1, 0);
            outcome->names |= UINT32_C(1) << i;
            return;
        }
    }
    fail_msg("an unknown name: %s", name);
}

struct step {
    int kind;
    const char *path;
    const char *other;
    uint64_t offset;
    size_t size;
};

static struct step draw_step(void)
{
    return (struct step){
        .kind = rand() % 10,
        .path = names[rand() % NAMES],
        .other = names[rand() % NAMES],
        .offset = (uint64_t)(rand() % SIZE_MAX_TESTED),
        .size = (size_t)(rand() % SIZE_MAX_TESTED),
    };
}

static struct files_result change_file(const struct files *files, struct file file,
                                       const struct step *step)
{
    static uint8_t bytes[SIZE_MAX_TESTED];
    memset(bytes, (int)(1 + step->size % 200), sizeof bytes);
    if (step->kind < 4) {
        return files->ops->write_at(files->self, file, step->offset, bytes, step->size);
    }
    if (step->kind == 4) {
        return files->ops->resize(files->self, file, step->size);
    }
    if (step->kind == 5) {
        return files->ops->allocate(files->self, file, step->size + 1);
    }
    return (struct files_result){.status = STATUS_OK};
}

static void do_step(const struct files *files, const struct step *step, struct outcome *to)
{
    *to = (struct outcome){0};
    struct file file;
    if (step->kind == 7) {
        to->result = files->ops->rename(files->self, step->path, step->other);
    } else if (step->kind == 8) {
        to->result = files->ops->remove(files->self, step->path);
    } else if (step->kind == 9) {
        to->result = files->ops->list(files->self, "d", take_name, to);
    } else {
        const enum files_access access = step->kind == 0   ? FILES_REPLACE
                                         : step->kind == 6 ? FILES_READ
                                                           : FILES_UPDATE;
        to->result = files->ops->open(files->self, step->path, access, &file);
        if (to->result.status != STATUS_OK) {
            return;
        }
        to->result = change_file(files, file, step);
        ASSERT_OK(
            files->ops->read_at(files->self, file, 0, to->bytes, sizeof to->bytes, &to->size));
        files->ops->close(files->self, file);
    }
}

static void the_disk_behaves_like_the_system(void **state)
{
    const struct world *world = *state;
    const struct files real = files_get_system();
    struct disk *disk = create_disk(world->seed);
    const struct files files = disk_get_files(disk);
    static struct outcome wanted;
    static struct outcome found;
    bool created = false;
    ASSERT_OK(real.ops->create_folder(real.self, "d", &created));
    ASSERT_OK(files.ops->create_folder(files.self, "d", &created));
    assert_true(created);
    srand(world->seed);
    for (int i = 0; i < STEPS; i++) {
        const struct step step = draw_step();
        do_step(&real, &step, &wanted);
        do_step(&files, &step, &found);
        assert_int_equal(found.result.status, wanted.result.status);
        assert_int_equal(found.result.number, wanted.result.number);
        assert_int_equal(found.names, wanted.names);
        assert_int_equal(found.size, wanted.size);
        assert_memory_equal(found.bytes, wanted.bytes, wanted.size);
    }
    disk_destroy(disk);
}

static void both_say_what_is_wrong(void **state)
{
    (void)state;
    struct disk *disk = create_disk(1);
    const struct files ports[2] = {files_get_system(), disk_get_files(disk)};
    for (int i = 0; i < 2; i++) {
        const struct files *files = &ports[i];
        bool created = false;
        struct file file;
        uint64_t bytes = 0;
        struct outcome outcome = {0};
#define NUMBER(call) (files->ops->call.number)
        assert_int_equal(NUMBER(create_folder(files->self, "none/folder", &created)), ENOENT);
        assert_int_equal(NUMBER(open(files->self, "none/file", FILES_UPDATE, &file)), ENOENT);
        assert_int_equal(NUMBER(open(files->self, "d/one", FILES_READ, &file)), ENOENT);
        assert_int_equal(NUMBER(list(files->self, "none", take_name, &outcome)), ENOENT);
        assert_int_equal(NUMBER(sync_folder(files->self, "none")), ENOENT);
        assert_int_equal(NUMBER(measure_free(files->self, "none/x", &bytes)), ENOENT);
        assert_int_equal(NUMBER(remove(files->self, "d/one")), ENOENT);
        assert_int_equal(NUMBER(rename(files->self, "d/one", "d/two")), ENOENT);

        ASSERT_OK(files->ops->create_folder(files->self, "d", &created));
        ASSERT_OK(files->ops->create_folder(files->self, "d/", &created));
        assert_false(created);
        assert_int_equal(NUMBER(open(files->self, "d", FILES_REPLACE, &file)), EISDIR);
        assert_int_equal(NUMBER(remove(files->self, "d")), EISDIR);
        ASSERT_OK(files->ops->open(files->self, "d/one", FILES_REPLACE, &file));
        assert_int_equal(NUMBER(allocate(files->self, file, 0)), EINVAL);
        files->ops->close(files->self, file);
        assert_int_equal(NUMBER(create_folder(files->self, "d/one", &created)), ENOTDIR);
        assert_int_equal(NUMBER(open(files->self, "d/one/x", FILES_UPDATE, &file)), ENOTDIR);
        assert_int_equal(NUMBER(open(files->self, "d/one/x/y", FILES_UPDATE, &file)), ENOTDIR);
        assert_int_equal(NUMBER(list(files->self, "d/one", take_name, &outcome)), ENOTDIR);
        assert_int_equal(NUMBER(sync_folder(files->self, "d/one")), ENOTDIR);
        ASSERT_OK(files->ops->create_folder(files->self, "e", &created));
        assert_int_equal(NUMBER(rename(files->self, "d/one", "e")), EISDIR);
        assert_int_equal(NUMBER(rename(files->self, "d/one", "none/one")), ENOENT);
        ASSERT_OK(files->ops->list(files->self, "d/", take_name, &outcome));
        assert_int_equal(outcome.names, 1);
        ASSERT_OK(files->ops->measure_free(files->self, "d/one", &bytes));
        ASSERT_OK(files->ops->remove(files->self, "d/one"));
#undef NUMBER
    }
    disk_destroy(disk);
}

static void a_lock_is_held_by_one_until_its_process_ends(void **state)
{
    (void)state;
    struct disk *disk = create_disk(1);
    const struct files files = disk_get_files(disk);
    const struct file first = open_file(disk, "x", FILES_UPDATE);
    const struct file second = open_file(disk, "x", FILES_UPDATE);
    ASSERT_OK(files.ops->lock(files.self, first));
    ASSERT_OK(files.ops->lock(files.self, first));
    assert_int_equal(files.ops->lock(files.self, second).status, STATUS_BUSY);
    files.ops->close(files.self, first);
    ASSERT_OK(files.ops->lock(files.self, second));
    ASSERT_OK(files.ops->lock(files.self, open_file(disk, "y", FILES_UPDATE)));
    disk_end_process(disk);
    ASSERT_OK(files.ops->lock(files.self, open_file(disk, "x", FILES_READ)));
    disk_destroy(disk);
}

static void room_is_taken_by_the_page(void **state)
{
    (void)state;
    struct disk *disk = create_disk(1);
    const struct files files = disk_get_files(disk);
    disk_set_capacity(disk, PAGES(4) + 100);
    const struct file file = open_file(disk, "x", FILES_UPDATE);
    assert_int_equal(count_free(disk), PAGES(4));
    ASSERT_OK(files.ops->resize(files.self, file, PAGES(100)));
    assert_int_equal(count_free(disk), PAGES(4));
    write_text(disk, file, PAGES(50) - 1, "ab");
    assert_int_equal(count_free(disk), PAGES(2));
    ASSERT_OK(files.ops->resize(files.self, file, 0));
    ASSERT_OK(files.ops->allocate(files.self, file, PAGES(2) + 1));
    assert_int_equal(count_free(disk), DISK_PAGE_SIZE);
    assert_int_equal(files.ops->allocate(files.self, file, PAGES(5)).number, ENOSPC);

    /* What was allocated can be written on a full disk; of more, what fits. */
    disk_set_capacity(disk, 0);
    assert_int_equal(count_free(disk), 0);
    static char bytes[PAGES(4)];
    memset(bytes, 'x', sizeof bytes);
    const struct files_result written =
        files.ops->write_at(files.self, file, 0, bytes, sizeof bytes);
    assert_int_equal(written.status, STATUS_DISK_FULL);
    assert_int_equal(read_file(disk, "x", bytes, sizeof bytes), PAGES(3));
    assert_int_equal(disk_get_counts(disk)->full, 2);

    /* A removed file takes room until it is closed. */
    disk_set_capacity(disk, PAGES(4));
    ASSERT_OK(files.ops->resize(files.self, file, PAGES(4)));
    assert_int_equal(count_free(disk), PAGES(1));
    ASSERT_OK(files.ops->allocate(files.self, file, PAGES(4)));
    assert_int_equal(count_free(disk), 0);
    ASSERT_OK(files.ops->remove(files.self, "x"));
    assert_int_equal(count_free(disk), 0);
    files.ops->close(files.self, file);
    assert_int_equal(count_free(disk), PAGES(4));
    disk_destroy(disk);
}

static void room_is_taken_by_what_a_power_cut_leaves(void **state)
{
    (void)state;
    static const struct disk_cut cut = {.writes = DISK_WRITES_LOST, .names = DISK_NAMES_OLD};
    struct disk *disk = create_disk(1);
    const struct files files = disk_get_files(disk);
    const struct file file = create_synced(disk, "x", "a page");
    ASSERT_OK(files.ops->allocate(files.self, file, PAGES(5)));
    sync_file(disk, file);
    ASSERT_OK(files.ops->allocate(files.self, file, PAGES(9)));
    const uint64_t free_bytes = count_free(disk) + PAGES(4);
    disk_cut_power(disk, &cut);
    assert_int_equal(count_free(disk), free_bytes);
    write_text(disk, open_file(disk, "x", FILES_UPDATE), PAGES(4), "allocated");
    assert_int_equal(count_free(disk), free_bytes);
    disk_end_process(disk);
    ASSERT_OK(files.ops->remove(files.self, "x"));
    assert_int_equal(count_free(disk), free_bytes + PAGES(5));
    disk_cut_power(disk, &cut);
    assert_int_equal(count_free(disk), free_bytes);
    disk_destroy(disk);
}

static void files_and_handles_are_bounded(void **state)
{
    (void)state;
    const struct disk_options options = {.files_max = 3, .handles_max = 2};
    struct disk *disk = disk_create(&options);
    const struct files files = disk_get_files(disk);
    struct file file;
    bool created = false;
    ASSERT_OK(files.ops->create_folder(files.self, "d", &created));
    const struct file first = open_file(disk, "d/1", FILES_UPDATE);
    (void)open_file(disk, "d/2", FILES_UPDATE);
    assert_int_equal(files.ops->open(files.self, "d/2", FILES_READ, &file).number, EMFILE);
    files.ops->close(files.self, first);
    assert_int_equal(files.ops->open(files.self, "d/3", FILES_UPDATE, &file).number, ENOSPC);
    assert_int_equal(files.ops->create_folder(files.self, "e", &created).number, ENOSPC);
    ASSERT_OK(files.ops->remove(files.self, "d/1"));
    ASSERT_OK(files.ops->open(files.self, "d/3", FILES_UPDATE, &file));
    disk_destroy(disk);
}

/* One file, and what it was at its last sync, as plain as can be. */
struct model {
    uint8_t now[MODEL_SIZE];
    uint8_t synced[MODEL_SIZE];
    size_t now_size;
    size_t synced_size;
};

static void change_both(struct disk *disk, struct file file, struct model *model)
{
    const struct files files = disk_get_files(disk);
    static uint8_t bytes[MODEL_SIZE];
    const size_t offset = (size_t)rand() % MODEL_SIZE;
    const size_t size = (size_t)rand() % (rand() % 2 == 0 ? 600 : MODEL_SIZE - offset);
    const size_t part = size < MODEL_SIZE - offset ? size : MODEL_SIZE - offset;
    if (rand() % 4 > 0) {
        memset(bytes, rand(), part);
        ASSERT_OK(files.ops->write_at(files.self, file, offset, bytes, part));
        memcpy(model->now + offset, bytes, part);
        if (part > 0 && offset + part > model->now_size) {
            model->now_size = offset + part;
        }
    } else {
        ASSERT_OK(files.ops->resize(files.self, file, offset));
        memset(model->now + offset, 0, MODEL_SIZE - offset);
        model->now_size = offset;
    }
}

static void the_disk_behaves_like_its_model(void **state)
{
    const struct world *world = *state;
    struct disk *disk = create_disk(world->seed);
    static struct model model;
    static uint8_t bytes[MODEL_SIZE];
    memset(&model, 0, sizeof model);
    struct file file = create_synced(disk, "x", "");
    srand(world->seed);
    for (int i = 0; i < MODEL_STEPS; i++) {
        const int kind = rand() % 20;
        if (kind == 0) {
            sync_file(disk, file);
            model.synced_size = model.now_size;
            memcpy(model.synced, model.now, sizeof model.now);
        } else if (kind == 1) {
            const bool keeps = rand() % 2 == 0;
            const struct disk_cut cut = {.writes = keeps ? DISK_WRITES_KEPT : DISK_WRITES_LOST};
            disk_cut_power(disk, &cut);
            file = open_file(disk, "x", FILES_UPDATE);
            if (keeps) {
                model.synced_size = model.now_size;
                memcpy(model.synced, model.now, sizeof model.now);
            }
            model.now_size = model.synced_size;
            memcpy(model.now, model.synced, sizeof model.synced);
        } else if (kind == 2) {
            disk_end_process(disk);
            disk_drop_cache(disk);
            file = open_file(disk, "x", FILES_UPDATE);
        } else {
            change_both(disk, file, &model);
        }
        if (i % 8 == 0 || kind < 3) {
            assert_int_equal(read_file(disk, "x", bytes, sizeof bytes), model.now_size);
            assert_memory_equal(bytes, model.now, model.now_size);
        }
    }
    disk_destroy(disk);
}

/* Much of all there is, and its hash. */
static uint64_t run_script(uint64_t seed, uint64_t draws)
{
    struct disk *disk = create_disk(seed);
    const struct files files = disk_get_files(disk);
    const struct disk_fault faults[] = {
        {.kind = DISK_WRITE_SHORT, .at = 1, .goes_on = true, .per_mille = 200, .bytes = DISK_DRAWN},
        {.kind = DISK_SYNC_ERROR, .at = 1, .goes_on = true, .per_mille = 200},
    };
    disk_plan_fault(disk, &faults[0]);
    disk_plan_fault(disk, &faults[1]);
    for (uint64_t i = 0; i < 100; i++) {
        const struct file file = open_file(disk, i % 3 == 0 ? "x" : "y", FILES_UPDATE);
        (void)files.ops->write_at(files.self, file, i * 50, "a text of some bytes", 20);
        (void)files.ops->sync(files.self, file);
        (void)files.ops->write_at(files.self, file, i * 60, "another text", 12);
        if (i % 10 == 0) {
            (void)files.ops->rename(files.self, "y", "z");
            const struct disk_cut cut = disk_draw_cut(disk, draws + i);
            disk_cut_power(disk, &cut);
        } else {
            files.ops->close(files.self, file);
        }
    }
    (void)read_text(disk, "x");
    const uint64_t hash = disk_get_hash(disk);
    disk_destroy(disk);
    return hash;
}

static void the_same_seed_gives_the_same_run(void **state)
{
    const struct world *world = *state;
    assert_int_equal(run_script(world->seed, 1), run_script(world->seed, 1));
    assert_int_not_equal(run_script(world->seed, 1), run_script(world->seed + 1, 1));
    assert_int_not_equal(run_script(world->seed, 1), run_script(world->seed, 2));
    /* For every compiler. It changes with what the disk does and counts. */
    assert_int_equal(run_script(1, 1), UINT64_C(0x0b41101ac3c5eb7d));
}

int main(int argc, char **argv)
{
    struct world world = {.seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate_setup_teardown(the_disk_behaves_like_the_system, enter_folder,
                                                 leave_folder, &world),
        cmocka_unit_test_prestate_setup_teardown(both_say_what_is_wrong, enter_folder, leave_folder,
                                                 &world),
        cmocka_unit_test(a_lock_is_held_by_one_until_its_process_ends),
        cmocka_unit_test(room_is_taken_by_the_page),
        cmocka_unit_test(room_is_taken_by_what_a_power_cut_leaves),
        cmocka_unit_test(files_and_handles_are_bounded),
        cmocka_unit_test_prestate(the_disk_behaves_like_its_model, &world),
        cmocka_unit_test_prestate(the_same_seed_gives_the_same_run, &world),
    };
    print_message("seed %u (another one: %s SEED)\n", world.seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
