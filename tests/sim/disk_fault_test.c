#include "sim/disk_testing.h"

#include <errno.h>
#include <stdlib.h>

enum { SEEDS = 100, TIMES = 200 };

/* A disk with a file, and an operation on it that can be done again and again. */
struct subject {
    struct disk *disk;
    struct files files;
    struct file file;
};

static struct subject create_subject(uint64_t seed)
{
    struct subject self = {.disk = create_disk(seed)};
    self.files = disk_get_files(self.disk);
    self.file = create_synced(self.disk, "x", "01234567");
    return self;
}

static void take_nothing(void *to, const char *name)
{
    (void)to;
    (void)name;
}

/* An operation that a fault of the kind can befall. */
static struct files_result do_operation(struct subject *self, enum disk_fault_kind kind)
{
    const struct files_ops *ops = self->files.ops;
    void *disk = self->files.self;
    struct files_result result = {0};
    struct file file;
    char bytes[4];
    size_t size = 0;
    bool created = false;
    switch (kind) {
    case DISK_FOLDER_ERROR:
        return ops->create_folder(disk, "d", &created);
    case DISK_OPEN_ERROR:
        result = ops->open(disk, "x", FILES_UPDATE, &file);
        if (result.number == 0) {
            ops->close(disk, file);
        }
        return result;
    case DISK_READ_ERROR:
    case DISK_SLOW_READ:
        return ops->read_at(disk, self->file, 0, bytes, sizeof bytes, &size);
    case DISK_WRITE_ERROR:
    case DISK_WRITE_SHORT:
    case DISK_WRITE_FULL:
    case DISK_SLOW_WRITE:
        return ops->write_at(disk, self->file, 0, "ABCD", 4);
    case DISK_RESIZE_ERROR:
        return ops->resize(disk, self->file, 9);
    case DISK_ALLOCATE_FULL:
    case DISK_SLOW_ANY:
        return ops->allocate(disk, self->file, 9);
    case DISK_SYNC_ERROR:
        return ops->sync_data(disk, self->file);
    case DISK_SLOW_SYNC:
    case DISK_SYNC_FOLDER_ERROR:
        return ops->sync_folder(disk, ".");
    case DISK_RENAME_ERROR:
        return ops->rename(disk, "x", "x");
    case DISK_REMOVE_ERROR:
        ops->close(disk, open_file(self->disk, "y", FILES_UPDATE));
        return ops->remove(disk, "y");
    case DISK_LIST_ERROR:
        return ops->list(disk, ".", take_nothing, NULL);
    case DISK_FAULT_KINDS:
        break;
    }
    fail_msg("no operation for %d", (int)kind);
    return result;
}

static int number_of(enum disk_fault_kind kind)
{
    if (kind >= DISK_SLOW_READ) {
        return 0;
    }
    return kind == DISK_WRITE_FULL || kind == DISK_ALLOCATE_FULL ? ENOSPC : EIO;
}

/* Each kind, at the second operation, and then no more or always. */
static void each_fault_happens_when_it_is_planned(void **state)
{
    (void)state;
    for (int i = 0; i < DISK_FAULT_KINDS; i++) {
        const enum disk_fault_kind kind = (enum disk_fault_kind)i;
        for (int goes_on = 0; goes_on < 2; goes_on++) {
            struct subject subject = create_subject(1);
            const struct disk_fault fault = {
                .kind = kind, .at = 2, .goes_on = goes_on != 0, .delay_ns = 50};
            disk_plan_fault(subject.disk, &fault);
            for (int time = 1; time <= 4; time++) {
                const bool is_due = time == 2 || (time > 2 && goes_on != 0);
                const struct files_result result = do_operation(&subject, kind);
                assert_int_equal(result.number, is_due ? number_of(kind) : 0);
                assert_int_equal(disk_take_delay(subject.disk),
                                 is_due && number_of(kind) == 0 ? 50 : 0);
            }
            assert_int_equal(disk_get_counts(subject.disk)->faults_by_kind[kind],
                             goes_on != 0 ? 3 : 1);
            disk_clear_faults(subject.disk);
            ASSERT_OK(do_operation(&subject, kind));
            disk_destroy(subject.disk);
        }
    }
}

static void faults_are_drawn_by_the_seed(void **state)
{
    (void)state;
    uint64_t hashes[2];
    for (uint64_t seed = 0; seed < 2; seed++) {
        struct subject subject = create_subject(seed);
        const struct disk_fault fault = {
            .kind = DISK_READ_ERROR, .at = 1, .goes_on = true, .per_mille = 250};
        disk_plan_fault(subject.disk, &fault);
        int failed = 0;
        for (int i = 0; i < TIMES; i++) {
            failed += do_operation(&subject, DISK_READ_ERROR).number == EIO;
        }
        assert_in_range(failed, TIMES / 8, TIMES / 2);
        assert_int_equal(disk_get_counts(subject.disk)->faults_by_kind[DISK_READ_ERROR], failed);
        hashes[seed] = disk_get_hash(subject.disk);
        disk_destroy(subject.disk);
    }
    assert_int_not_equal(hashes[0], hashes[1]);
}

static void a_failed_write_leaves_its_part(void **state)
{
    (void)state;
    static const char *const parts[] = {"01234567", "A1234567", "AB234567", "ABC34567", "ABCD4567"};
    bool seen[5] = {false};
    for (uint64_t i = 0; i < SEEDS; i++) {
        struct subject subject = create_subject(i);
        const struct disk_fault fault = {
            .kind = i % 2 == 0 ? DISK_WRITE_SHORT : DISK_WRITE_FULL,
            .at = 1,
            .bytes = i < 6 ? i : DISK_DRAWN,
        };
        disk_plan_fault(subject.disk, &fault);
        assert_int_equal(do_operation(&subject, DISK_WRITE_SHORT).number, number_of(fault.kind));
        const struct text text = read_text(subject.disk, "x");
        if (i < 6) {
            assert_string_equal(text.bytes, parts[i < 4 ? i : 4]);
        } else {
            const size_t part = strcspn(text.bytes, "0123");
            assert_string_equal(text.bytes, parts[part]);
            seen[part] = true;
        }
        disk_destroy(subject.disk);
    }
    assert_true(seen[0] && seen[1] && seen[2] && seen[3] && !seen[4]);
}

static void what_fails_is_not_done(void **state)
{
    (void)state;
    struct subject subject = create_subject(1);
    const struct files_ops *ops = subject.files.ops;
    struct file file;
    bool created = false;
    for (int i = 0; i < DISK_SYNC_ERROR; i++) {
        const struct disk_fault fault = {.kind = (enum disk_fault_kind)i, .at = 1, .goes_on = true};
        disk_plan_fault(subject.disk, &fault);
    }
    const struct disk_fault renames = {.kind = DISK_RENAME_ERROR, .at = 1};
    const struct disk_fault removals = {.kind = DISK_REMOVE_ERROR, .at = 1};
    disk_plan_fault(subject.disk, &renames);
    disk_plan_fault(subject.disk, &removals);
    assert_int_equal(ops->open(subject.files.self, "new", FILES_UPDATE, &file).number, EIO);
    assert_int_equal(ops->open(subject.files.self, "x", FILES_REPLACE, &file).number, EIO);
    assert_int_equal(ops->create_folder(subject.files.self, "d", &created).number, EIO);
    assert_int_equal(ops->write_at(subject.files.self, subject.file, 0, "AB", 2).number, EIO);
    assert_int_equal(ops->resize(subject.files.self, subject.file, 0).number, EIO);
    assert_int_equal(ops->allocate(subject.files.self, subject.file, 100).number, ENOSPC);
    assert_int_equal(ops->rename(subject.files.self, "x", "y").number, EIO);
    assert_int_equal(ops->remove(subject.files.self, "x").number, EIO);
    disk_clear_faults(subject.disk);
    assert_text(subject.disk, "x", "01234567");
    assert_text(subject.disk, "y", "-");
    assert_text(subject.disk, "new", "-");
    ASSERT_OK(ops->create_folder(subject.files.self, "d", &created));
    assert_true(created);
    disk_destroy(subject.disk);
}

/* Linux says so once, and the next sync knows nothing of it. */
static void what_a_failed_sync_lost_stays_lost(void **state)
{
    (void)state;
    int lost = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct subject subject = create_subject(seed);
        struct disk *disk = subject.disk;
        const struct disk_fault fault = {.kind = DISK_SYNC_ERROR, .at = 1};
        disk_plan_fault(disk, &fault);
        write_text(disk, subject.file, 0, "AB");
        assert_int_equal(do_operation(&subject, DISK_SYNC_ERROR).number, EIO);
        assert_text(disk, "x", "AB234567");
        write_text(disk, subject.file, 4, "CD");
        sync_file(disk, subject.file);
        assert_text(disk, "x", "AB23CD67");
        if (seed % 2 == 0) {
            disk_drop_cache(disk);
        } else {
            const struct disk_cut cut = {.writes = DISK_WRITES_KEPT};
            disk_cut_power(disk, &cut);
        }
        const struct text text = read_text(disk, "x");
        const bool is_lost = text.bytes[0] == '0';
        assert_string_equal(text.bytes, is_lost ? "0123CD67" : "AB23CD67");
        lost += is_lost;
        /* What is written anew can be synced. */
        const struct file file = open_file(disk, "x", FILES_UPDATE);
        write_text(disk, file, 0, "EF");
        sync_file(disk, file);
        const struct disk_cut cut = {.writes = DISK_WRITES_LOST};
        disk_cut_power(disk, &cut);
        assert_text(disk, "x", "EF23CD67");
        disk_destroy(disk);
    }
    assert_in_range(lost, SEEDS / 4, 3 * SEEDS / 4);
}

static void delays_add_up(void **state)
{
    (void)state;
    struct subject subject = create_subject(1);
    const struct disk_fault any = {.kind = DISK_SLOW_ANY, .at = 1, .goes_on = true, .delay_ns = 1};
    const struct disk_fault reads = {.kind = DISK_SLOW_READ, .at = 2, .delay_ns = 100};
    const struct disk_fault errors = {.kind = DISK_READ_ERROR, .at = 2};
    disk_plan_fault(subject.disk, &any);
    disk_plan_fault(subject.disk, &reads);
    disk_plan_fault(subject.disk, &errors);
    ASSERT_OK(do_operation(&subject, DISK_READ_ERROR));
    assert_int_equal(do_operation(&subject, DISK_READ_ERROR).number, EIO);
    assert_int_equal(disk_take_delay(subject.disk), 102);
    assert_int_equal(disk_take_delay(subject.disk), 0);
    disk_destroy(subject.disk);
}

static void bits_rot_wherever_they_are(void **state)
{
    (void)state;
    struct subject subject = create_subject(1);
    write_text(subject.disk, subject.file, 8, "89");
    assert_true(disk_rot(subject.disk, "x", 0, 1));
    assert_true(disk_rot(subject.disk, "x", 9, 2));
    assert_false(disk_rot(subject.disk, "x", 10, 1));
    assert_false(disk_rot(subject.disk, "y", 0, 1));
    assert_text(subject.disk, "x", "112345678;");
    const struct disk_cut cut = {.writes = DISK_WRITES_KEPT};
    disk_cut_power(subject.disk, &cut);
    assert_text(subject.disk, "x", "112345678;");
    disk_destroy(subject.disk);
}

static void a_file_is_truncated_on_demand(void **state)
{
    (void)state;
    struct subject subject = create_subject(1);
    const uint64_t free_bytes = count_free(subject.disk);
    write_text(subject.disk, subject.file, DISK_PAGE_SIZE, "far");
    assert_true(disk_truncate(subject.disk, "x", 5));
    assert_false(disk_truncate(subject.disk, "x", 5));
    assert_false(disk_truncate(subject.disk, "y", 0));
    assert_text(subject.disk, "x", "01234");
    assert_int_equal(count_free(subject.disk), free_bytes);
    const struct disk_cut cut = {.writes = DISK_WRITES_LOST};
    disk_cut_power(subject.disk, &cut);
    assert_text(subject.disk, "x", "01234");
    disk_destroy(subject.disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_happens_when_it_is_planned),
        cmocka_unit_test(faults_are_drawn_by_the_seed),
        cmocka_unit_test(a_failed_write_leaves_its_part),
        cmocka_unit_test(what_fails_is_not_done),
        cmocka_unit_test(what_a_failed_sync_lost_stays_lost),
        cmocka_unit_test(delays_add_up),
        cmocka_unit_test(bits_rot_wherever_they_are),
        cmocka_unit_test(a_file_is_truncated_on_demand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
