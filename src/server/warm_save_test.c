/* The file of the hottest users on a disk that fails and loses power: it is there whole, the old
 * one or the new one, or is told to be damaged. */
#include "server/warm_save.h"

#include "os/files_fake.h"
#include "server/warm_read.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { IDS_MAX = 32, SEEDS = 20 };

struct world {
    struct files_fake fake;
    struct files files;
    struct warm_read read;
    struct hot_list lists[3];
    struct failure failure;
};

static struct world *begin(void)
{
    struct world *self = calloc(1, sizeof *self);
    self->files = files_fake_get(&self->fake);
    bool created = false;
    assert_int_equal(self->files.ops->create_folder(self->files.self, "/d", &created).status,
                     STATUS_OK);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(hot_list_init(&self->lists[i], IDS_MAX), STATUS_OK);
    }
    return self;
}

static void end(struct world *self)
{
    for (uint32_t i = 0; i < 3; i++) {
        hot_list_deinit(&self->lists[i]);
    }
    free(self);
}

/* The list has the ids from `first` on. */
static void fill(struct world *self, uint32_t list, uint64_t first, uint32_t count)
{
    self->lists[list].front = 0;
    for (uint64_t id = first; id < first + count; id++) {
        hot_list_add(&self->lists[list], (struct user_id){id});
    }
}

static enum status save(struct world *self, uint64_t users_max)
{
    const struct warm_save save = {.lent_files = &self->files,
                                   .lent_folder = "/d",
                                   .lent_lists = self->lists,
                                   .lists = 3,
                                   .users_max = users_max,
                                   .reserve_bytes = 1 << 20};
    return warm_save_run(&save, &self->failure);
}

/* STATUS_OK, and the ids, or why not. */
static enum status read_all(struct world *self, uint64_t ids[static IDS_MAX], uint32_t *out_count)
{
    struct user_id user;
    *out_count = 0;
    enum status status = warm_read_open(&self->read, &self->files, "/d", &self->failure);
    if (status != STATUS_OK) {
        return status;
    }
    do {
        status = warm_read_check(&self->read, &self->failure);
    } while (status == STATUS_BUSY);
    if (status != STATUS_OK) {
        return status;
    }
    while ((status = warm_read_next(&self->read, &user, &self->failure)) == STATUS_OK) {
        assert_true(*out_count < IDS_MAX);
        ids[(*out_count)++] = user.value;
        warm_read_pass(&self->read);
    }
    assert_int_equal(status, STATUS_MISSING);
    assert_int_equal(warm_read_count(&self->read), *out_count);
    warm_read_close(&self->read);
    return STATUS_OK;
}

static void assert_ids(struct world *self, const uint64_t *wanted, uint32_t count)
{
    uint64_t ids[IDS_MAX];
    uint32_t found = 0;
    assert_int_equal(read_all(self, ids, &found), STATUS_OK);
    assert_int_equal(found, count);
    assert_memory_equal(ids, wanted, (size_t)count * sizeof *ids);
}

static void lists_are_written_in_turn(void **state)
{
    (void)state;
    struct world *world = begin();
    uint64_t ids[IDS_MAX];
    uint32_t count = 0;
    assert_int_equal(read_all(world, ids, &count), STATUS_MISSING);
    fill(world, 0, 10, 1);
    fill(world, 2, 30, 4);
    assert_int_equal(save(world, 100), STATUS_OK);
    static const uint64_t all[] = {10, 30, 31, 32, 33};
    assert_ids(world, all, 5);
    /* The coldest are left out. */
    fill(world, 0, 40, 3);
    fill(world, 1, 50, 3);
    assert_int_equal(save(world, 7), STATUS_OK);
    static const uint64_t bounded[] = {40, 50, 30, 41, 51, 31, 42};
    assert_ids(world, bounded, 7);
    end(world);
}

static void room_stays_on_the_disk(void **state)
{
    (void)state;
    struct world *world = begin();
    fill(world, 0, 1, 5);
    assert_int_equal(save(world, 100), STATUS_OK);
    fill(world, 0, 7, 5);
    const struct warm_save file = {.lent_files = &world->files,
                                   .lent_folder = "/d",
                                   .lent_lists = world->lists,
                                   .lists = 3,
                                   .users_max = 100,
                                   .reserve_bytes = FILES_FAKE_FREE_BYTES - HOT_FILE_HEAD_SIZE -
                                                    UINT64_C(5) * HOT_FILE_ID_SIZE + 1};
    assert_int_equal(warm_save_run(&file, &world->failure), STATUS_DISK_FULL);
    assert_string_equal(world->failure.text,
                        "the hottest users' ids cannot be saved in /d/warm: No space left on "
                        "device");
    static const uint64_t old[] = {1, 2, 3, 4, 5};
    assert_ids(world, old, 5);
    end(world);
}

/* Whatever operation fails: what is there is the old list or the new one. */
static void a_failure_leaves_one_of_them(void **state)
{
    (void)state;
    static const uint64_t old[] = {1, 2, 3};
    static const uint64_t new[] = {7, 8};
    bool has_failed = true;
    uint32_t failures = 0;
    for (uint32_t at = 1; has_failed; at++) {
        struct world *world = begin();
        fill(world, 0, 1, 3);
        assert_int_equal(save(world, 100), STATUS_OK);
        fill(world, 0, 7, 2);
        world->fake.fail_at = world->fake.operations + at;
        world->fake.fail_number = EIO;
        has_failed = save(world, 100) != STATUS_OK;
        world->fake.fail_at = 0;
        uint64_t ids[IDS_MAX];
        uint32_t count = 0;
        assert_int_equal(read_all(world, ids, &count), STATUS_OK);
        if (count == 3) {
            assert_true(has_failed);
            assert_memory_equal(ids, old, sizeof old);
        } else {
            assert_int_equal(count, 2);
            assert_memory_equal(ids, new, sizeof new);
        }
        failures += has_failed;
        /* It does not stay so. */
        assert_int_equal(save(world, 100), STATUS_OK);
        assert_ids(world, new, 2);
        end(world);
    }
    assert_true(failures >= 7);
}

/* The power goes at any operation. */
static void a_power_cut_leaves_one_of_them(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        bool has_failed = true;
        for (uint32_t at = 1; has_failed; at++) {
            struct world *world = begin();
            assert_int_equal(world->files.ops->sync_folder(world->files.self, "/").status,
                             STATUS_OK);
            fill(world, 0, 1, 3);
            assert_int_equal(save(world, 100), STATUS_OK);
            fill(world, 0, 7, 2);
            world->fake.fail_at = world->fake.operations + at;
            world->fake.fail_number = EIO;
            world->fake.fails_on = true;
            has_failed = save(world, 100) != STATUS_OK;
            files_fake_cut_power(&world->fake, seed);
            uint64_t ids[IDS_MAX];
            uint32_t count = 0;
            assert_int_equal(read_all(world, ids, &count), STATUS_OK);
            assert_int_equal(ids[0], count == 3 ? 1 : 7);
            assert_true(count == 2 || (count == 3 && has_failed));
            end(world);
        }
    }
}

static void a_list_can_be_taken_away(void **state)
{
    (void)state;
    struct world *world = begin();
    uint64_t ids[IDS_MAX];
    uint32_t count = 0;
    assert_int_equal(warm_save_remove(&world->files, "/d"), STATUS_OK);
    fill(world, 0, 1, 3);
    assert_int_equal(save(world, 100), STATUS_OK);
    /* Not what is there, but what was being written. */
    warm_save_clean(&world->files, "/d");
    assert_int_equal(read_all(world, ids, &count), STATUS_OK);
    world->fake.fail_at = world->fake.operations + 1;
    world->fake.fail_number = EIO;
    assert_int_equal(warm_save_remove(&world->files, "/d"), STATUS_IO);
    assert_int_equal(read_all(world, ids, &count), STATUS_OK);
    assert_int_equal(warm_save_remove(&world->files, "/d"), STATUS_OK);
    assert_int_equal(read_all(world, ids, &count), STATUS_MISSING);
    end(world);
}

static void what_was_being_written_goes(void **state)
{
    (void)state;
    struct world *world = begin();
    struct file file;
    assert_int_equal(
        world->files.ops->open(world->files.self, "/d/warm.new", FILES_REPLACE, &file).status,
        STATUS_OK);
    world->files.ops->close(world->files.self, file);
    warm_save_clean(&world->files, "/d");
    assert_int_equal(
        world->files.ops->open(world->files.self, "/d/warm.new", FILES_READ, &file).status,
        STATUS_MISSING);
    end(world);
}

/* The file's bytes as they are on the disk. */
static struct files_fake_content *find_content(struct world *self)
{
    for (uint32_t i = 0; i < self->fake.names_used; i++) {
        if (strcmp(self->fake.names[i].path, "/d/warm") == 0) {
            return &self->fake.nodes[self->fake.names[i].now - 1].now;
        }
    }
    fail_msg("the file is not there");
    return NULL;
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    struct world *world = begin();
    uint64_t ids[IDS_MAX];
    uint32_t count = 0;
    fill(world, 0, 1, 3);
    assert_int_equal(save(world, 100), STATUS_OK);
    struct files_fake_content *content = find_content(world);
    content->size--;
    assert_int_equal(read_all(world, ids, &count), STATUS_CORRUPT);
    assert_string_equal(world->failure.text,
                        "the hottest users' ids in /d/warm are not used: it is damaged");
    content->size -= 7;
    assert_int_equal(read_all(world, ids, &count), STATUS_CORRUPT);
    content->size += 16;
    assert_int_equal(read_all(world, ids, &count), STATUS_CORRUPT);
    content->size = 0;
    assert_int_equal(read_all(world, ids, &count), STATUS_CORRUPT);
    assert_int_equal(save(world, 100), STATUS_OK);
    content = find_content(world);
    content->bytes[8] = 9;
    assert_int_equal(read_all(world, ids, &count), STATUS_NEWER);
    assert_string_equal(world->failure.text,
                        "the hottest users' ids in /d/warm are not used: a newer version of this "
                        "program wrote it");
    content->bytes[0] = 'r';
    assert_int_equal(read_all(world, ids, &count), STATUS_INVALID);
    assert_string_equal(world->failure.text,
                        "the hottest users' ids in /d/warm are not used: this is not a file of "
                        "this server");
    world->fake.fail_at = world->fake.operations + 1;
    world->fake.fail_number = EACCES;
    assert_int_equal(read_all(world, ids, &count), STATUS_IO);
    assert_string_equal(world->failure.text,
                        "the hottest users' ids in /d/warm are not used: Permission denied");
    end(world);
}

/* It was whole when it was checked. */
static void a_file_that_changes_is_left(void **state)
{
    (void)state;
    struct world *world = begin();
    struct user_id user;
    fill(world, 0, 1, 3);
    assert_int_equal(save(world, 100), STATUS_OK);
    assert_int_equal(warm_read_open(&world->read, &world->files, "/d", &world->failure), STATUS_OK);
    while (warm_read_check(&world->read, &world->failure) == STATUS_BUSY) {
    }
    find_content(world)->size = HOT_FILE_HEAD_SIZE + 12;
    assert_int_equal(warm_read_next(&world->read, &user, &world->failure), STATUS_CORRUPT);
    assert_false(world->read.is_open);
    end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_are_written_in_turn),
        cmocka_unit_test(room_stays_on_the_disk),
        cmocka_unit_test(a_failure_leaves_one_of_them),
        cmocka_unit_test(a_power_cut_leaves_one_of_them),
        cmocka_unit_test(a_list_can_be_taken_away),
        cmocka_unit_test(what_was_being_written_goes),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(a_file_that_changes_is_left),
    };
    return cmocka_run_group_tests_name("warm save", tests, NULL, NULL);
}
