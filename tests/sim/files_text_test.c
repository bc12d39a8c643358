/* Small files that are replaced, where the power goes in the middle of a rename. */
#include "os/files_text.h"
#include "sim/disk_testing.h"

enum { SEEDS = 64 };

/* A power cut may leave the file under both names. */
static bool has_both_names(struct disk *disk)
{
    return strcmp(read_text(disk, "./t").bytes, "two") == 0 &&
           strcmp(read_text(disk, "./t.new").bytes, "two") == 0;
}

static void a_file_with_both_names_is_not_emptied(void **state)
{
    uint32_t met = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct disk *disk = create_disk(seed);
        const struct files files = disk_get_files(disk);
        const struct disk_fault fault = {.kind = DISK_SYNC_FOLDER_ERROR, .at = 1};
        const struct disk_cut cut = {
            .writes = DISK_WRITES_KEPT, .names = DISK_NAMES_EACH, .seed = seed};
        ASSERT_OK(files_replace_text(&files, ".", "t", "one"));
        disk_plan_fault(disk, &fault);
        assert_int_equal(files_replace_text(&files, ".", "t", "two").status, STATUS_IO);
        disk_cut_power(disk, &cut);
        if (has_both_names(disk)) {
            met++;
            disk_set_capacity(disk, 0);
            assert_int_equal(files_replace_text(&files, ".", "t", "three").status,
                             STATUS_DISK_FULL);
            assert_text(disk, "./t", "two");
        }
        disk_destroy(disk);
    }
    assert_true(met > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_with_both_names_is_not_emptied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
