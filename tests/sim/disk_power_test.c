#include "sim/disk_testing.h"

#include <stdio.h>
#include <stdlib.h>

enum { SEEDS = 200, ROUNDS = 400, MODEL_SIZE = 2 * DISK_PAGE_SIZE, MODEL_CHANGES = 12 };

/* A synced file with three writes that are not: of two bytes each, the last one behind its end. */
static struct disk *create_written(void)
{
    struct disk *disk = create_disk(1);
    const struct file file = create_synced(disk, "x", "01234567");
    write_text(disk, file, 0, "AB");
    write_text(disk, file, 4, "CD");
    write_text(disk, file, 8, "EF");
    return disk;
}

static struct text cut_written(const struct disk_cut *cut)
{
    struct disk *disk = create_written();
    disk_cut_power(disk, cut);
    const struct text text = read_text(disk, "x");
    disk_destroy(disk);
    return text;
}

static void writes_are_lost_or_kept_in_their_order(void **state)
{
    (void)state;
    struct disk_cut cut = {.writes = DISK_WRITES_LOST};
    assert_string_equal(cut_written(&cut).bytes, "01234567");
    cut.writes = DISK_WRITES_KEPT;
    assert_string_equal(cut_written(&cut).bytes, "AB23CD67EF");

    struct disk *disk = create_written();
    assert_int_equal(disk_count_changes(disk), 3);
    assert_int_equal(disk_get_change_size(disk, 2), 2);
    disk_destroy(disk);
    /* By the number of writes that are kept, and of bytes of the last one. */
    static const char *const texts[4][3] = {
        {"01234567", "01234567", "01234567"},
        {"01234567", "A1234567", "AB234567"},
        {"AB234567", "AB23C567", "AB23CD67"},
        {"AB23CD67", "AB23CD67E", "AB23CD67EF"},
    };
    for (uint64_t first = 0; first < 4; first++) {
        for (uint64_t bytes = 0; bytes < 3; bytes++) {
            cut = (struct disk_cut){
                .writes = DISK_WRITES_FIRST, .first = first, .is_torn = true, .torn_bytes = bytes};
            assert_string_equal(cut_written(&cut).bytes, texts[first][bytes]);
            cut.is_torn = false;
            assert_string_equal(cut_written(&cut).bytes, texts[first][2]);
        }
    }
}

static void each_write_is_lost_or_kept_by_itself(void **state)
{
    (void)state;
    static const char *const texts[8] = {"01234567", "AB234567", "0123CD67",   "AB23CD67",
                                         "01234567", "AB234567", "0123CD67EF", "AB23CD67EF"};
    bool seen[8] = {false};
    bool is_torn_seen = false;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct disk_cut cut = {.writes = DISK_WRITES_EACH, .seed = seed};
        const struct text text = cut_written(&cut);
        const int kept = (text.bytes[0] == 'A') + 2 * (text.bytes[4] == 'C');
        const int grown = strlen(text.bytes) > 8 ? 4 : 0;
        seen[kept + grown] = true;
        if (grown == 0 || (kept & 2) != 0) {
            assert_string_equal(text.bytes, texts[kept + grown]);
        }
        cut.is_torn = true;
        cut.torn_bytes = DISK_DRAWN;
        is_torn_seen = is_torn_seen || strcmp(cut_written(&cut).bytes, "AB23CD67E") == 0;
    }
    for (int i = 0; i < 8; i++) {
        assert_true(seen[i]);
    }
    assert_true(is_torn_seen);
}

/* Two writes over three sectors: each sector has none, the first or both, whatever the others. */
static void each_sector_is_as_it_was_at_some_time(void **state)
{
    (void)state;
    enum { SECTORS = 3, ALL = 27, SECTOR_SEEDS = 400 };
    static char bytes[SECTORS * DISK_SECTOR_SIZE];
    bool seen[ALL] = {false};
    for (uint64_t seed = 0; seed < SECTOR_SEEDS; seed++) {
        struct disk *disk = create_disk(seed);
        const struct files files = disk_get_files(disk);
        const struct file file = open_file(disk, "x", FILES_REPLACE);
        for (int c = 'a'; c <= 'c'; c++) {
            memset(bytes, c, sizeof bytes);
            ASSERT_OK(files.ops->write_at(files.self, file, 0, bytes, sizeof bytes));
            if (c == 'a') {
                sync_file(disk, file);
                sync_folder(disk, ".");
            }
        }
        const struct disk_cut cut = {.writes = DISK_WRITES_SECTORS, .seed = seed};
        disk_cut_power(disk, &cut);
        assert_int_equal(read_file(disk, "x", bytes, sizeof bytes), sizeof bytes);
        int way = 0;
        for (int sector = 0; sector < SECTORS; sector++) {
            const char *first = bytes + (ptrdiff_t)sector * DISK_SECTOR_SIZE;
            for (int i = 1; i < DISK_SECTOR_SIZE; i++) {
                assert_int_equal(first[i], first[0]);
            }
            assert_in_range(first[0], 'a', 'c');
            way = 3 * way + (first[0] - 'a');
        }
        seen[way] = true;
        disk_destroy(disk);
    }
    for (int i = 0; i < ALL; i++) {
        assert_true(seen[i]);
    }
}

static void sizes_are_old_or_new(void **state)
{
    (void)state;
    struct disk_cut cut = {.writes = DISK_WRITES_KEPT, .sizes = DISK_SIZES_OLD};
    assert_string_equal(cut_written(&cut).bytes, "AB23CD67");
    cut = (struct disk_cut){.writes = DISK_WRITES_LOST, .sizes = DISK_SIZES_NEW};
    struct disk *disk = create_written();
    disk_cut_power(disk, &cut);
    char bytes[16];
    assert_int_equal(read_file(disk, "x", bytes, sizeof bytes), 10);
    assert_memory_equal(bytes, "01234567\0\0", 10);
    disk_destroy(disk);

    /* What is behind a size that was lost does not come back with a larger one. */
    disk = create_written();
    cut = (struct disk_cut){.writes = DISK_WRITES_KEPT, .sizes = DISK_SIZES_OLD};
    disk_cut_power(disk, &cut);
    const struct files files = disk_get_files(disk);
    ASSERT_OK(files.ops->resize(files.self, open_file(disk, "x", FILES_UPDATE), 10));
    assert_int_equal(read_file(disk, "x", bytes, sizeof bytes), 10);
    assert_memory_equal(bytes, "AB23CD67\0\0", 10);
    disk_destroy(disk);

    bool seen[2] = {false};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        cut = (struct disk_cut){.writes = DISK_WRITES_KEPT, .sizes = DISK_SIZES_EACH, .seed = seed};
        seen[strlen(cut_written(&cut).bytes) == 10] = true;
    }
    assert_true(seen[0] && seen[1]);
}

static void an_emptied_file_has_its_content_or_not(void **state)
{
    (void)state;
    for (int keeps = 0; keeps < 2; keeps++) {
        struct disk *disk = create_disk(1);
        (void)create_synced(disk, "x", "01234567");
        write_text(disk, open_file(disk, "x", FILES_REPLACE), 0, "new");
        const struct disk_cut cut = {.writes = keeps != 0 ? DISK_WRITES_KEPT : DISK_WRITES_LOST};
        disk_cut_power(disk, &cut);
        assert_text(disk, "x", keeps != 0 ? "new" : "01234567");
        disk_destroy(disk);
    }
}

static void names_are_old_or_new_each_by_itself(void **state)
{
    (void)state;
    bool seen[2][2] = {{false}};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        for (int way = DISK_NAMES_OLD; way <= DISK_NAMES_EACH; way++) {
            struct disk *disk = create_disk(seed);
            const struct files files = disk_get_files(disk);
            (void)create_synced(disk, "to", "old");
            (void)create_synced(disk, "from", "new");
            ASSERT_OK(files.ops->rename(files.self, "from", "to"));
            assert_text(disk, "to", "new");
            const struct disk_cut cut = {.names = (enum disk_names)way, .seed = seed};
            disk_cut_power(disk, &cut);
            const struct text from = read_text(disk, "from");
            const struct text to = read_text(disk, "to");
            const bool is_from_new = strcmp(from.bytes, "-") == 0;
            const bool is_to_new = strcmp(to.bytes, "new") == 0;
            assert_true(is_from_new || strcmp(from.bytes, "new") == 0);
            assert_true(is_to_new || strcmp(to.bytes, "old") == 0);
            if (way != DISK_NAMES_EACH) {
                assert_int_equal(is_from_new, way == DISK_NAMES_NEW);
                assert_int_equal(is_to_new, way == DISK_NAMES_NEW);
            }
            seen[is_from_new][is_to_new] = true;
            if (!is_from_new && is_to_new) {
                /* Two names of one file: to rename one to the other does nothing. */
                ASSERT_OK(files.ops->rename(files.self, "from", "to"));
                write_text(disk, open_file(disk, "from", FILES_UPDATE), 0, "one");
                assert_text(disk, "to", "one");
            }
            disk_destroy(disk);
        }
    }
    assert_true(seen[0][0] && seen[0][1] && seen[1][0] && seen[1][1]);
}

/* A name has all it led to since the sync of its folder, but not what it led to before. */
static void names_have_what_they_led_to_since_the_sync(void **state)
{
    (void)state;
    bool seen[256] = {false};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct disk *disk = create_disk(seed);
        const struct files files = disk_get_files(disk);
        (void)create_synced(disk, "x", "1");
        ASSERT_OK(files.ops->remove(files.self, "x"));
        (void)create_synced(disk, "x", "2");
        for (int i = 0; i < 2; i++) {
            const struct file file = open_file(disk, "y", FILES_REPLACE);
            write_text(disk, file, 0, i == 0 ? "3" : "4");
            sync_file(disk, file);
            ASSERT_OK(files.ops->rename(files.self, "y", "x"));
        }
        ASSERT_OK(files.ops->remove(files.self, "x"));
        const struct disk_cut cut = {.names = DISK_NAMES_EACH, .seed = seed};
        disk_cut_power(disk, &cut);
        seen[(uint8_t)read_text(disk, "x").bytes[0]] = true;
        disk_destroy(disk);
    }
    assert_false(seen['1']);
    assert_true(seen['2'] && seen['3'] && seen['4'] && seen['-']);
}

/* Of more than are remembered, the synced one and the newest ones. */
static void a_name_has_so_many_versions(void **state)
{
    (void)state;
    enum { VERSIONS = 12 };
    bool seen[VERSIONS] = {false};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct disk *disk = create_disk(seed);
        const struct files files = disk_get_files(disk);
        for (int i = 0; i < VERSIONS; i++) {
            const char text[2] = {(char)('a' + i), '\0'};
            const struct file file = open_file(disk, "y", FILES_REPLACE);
            write_text(disk, file, 0, text);
            sync_file(disk, file);
            files.ops->close(files.self, file);
            ASSERT_OK(files.ops->rename(files.self, "y", "x"));
            if (i == 0) {
                sync_folder(disk, ".");
            }
        }
        const struct disk_cut cut = {.names = DISK_NAMES_EACH, .seed = seed};
        disk_cut_power(disk, &cut);
        seen[read_text(disk, "x").bytes[0] - 'a'] = true;
        disk_destroy(disk);
    }
    for (int i = 0; i < VERSIONS; i++) {
        assert_int_equal(seen[i], i == 0 || i > VERSIONS - DISK_NAME_VERSIONS);
    }
}

static void files_and_folders_are_synced_one_by_one(void **state)
{
    (void)state;
    static const char *const texts[3][2] = {{"", "old"}, {"ab", "old"}, {"ab", "NEW"}};
    for (uint64_t first = 0; first < 3; first++) {
        struct disk *disk = create_disk(1);
        const struct file x = create_synced(disk, "x", "");
        const struct file y = create_synced(disk, "y", "old");
        const struct file z = create_synced(disk, "z", "old");
        (void)open_file(disk, "/x", FILES_UPDATE);
        sync_folder(disk, ".");
        write_text(disk, x, 0, "ab");
        write_text(disk, z, 0, "NEW");
        write_text(disk, y, 0, "NEW");
        sync_file(disk, z);
        assert_int_equal(disk_count_changes(disk), 2);
        const struct disk_cut cut = {
            .writes = DISK_WRITES_FIRST, .first = first, .names = DISK_NAMES_OLD};
        disk_cut_power(disk, &cut);
        assert_text(disk, "x", texts[first][0]);
        assert_text(disk, "y", texts[first][1]);
        assert_text(disk, "z", "NEW");
        assert_text(disk, "/x", "-");
        disk_destroy(disk);
    }
}

static void content_and_name_are_synced_by_themselves(void **state)
{
    (void)state;
    const struct disk_cut nothing = {.writes = DISK_WRITES_LOST, .names = DISK_NAMES_OLD};
    struct disk *disk = create_disk(1);
    const struct files files = disk_get_files(disk);
    bool created = false;
    /* A name without its content, a content without its name, a file whose folder is lost. */
    write_text(disk, open_file(disk, "name", FILES_UPDATE), 0, "text");
    sync_folder(disk, ".");
    struct file file = open_file(disk, "content", FILES_UPDATE);
    write_text(disk, file, 0, "text");
    sync_file(disk, file);
    ASSERT_OK(files.ops->create_folder(files.self, "d", &created));
    ASSERT_OK(files.ops->create_folder(files.self, "d/e", &created));
    file = open_file(disk, "d/e/x", FILES_UPDATE);
    sync_file(disk, file);
    sync_folder(disk, "d/e");
    sync_folder(disk, "d");
    disk_cut_power(disk, &nothing);
    assert_text(disk, "name", "");
    assert_text(disk, "content", "-");
    assert_text(disk, "d/e/x", "-");
    ASSERT_OK(files.ops->create_folder(files.self, "d", &created));
    assert_true(created);
    ASSERT_OK(files.ops->create_folder(files.self, "d/e", &created));
    assert_true(created);
    assert_text(disk, "d/e/x", "-");
    disk_destroy(disk);
}

/* By byte: what it may be. */
struct model {
    uint8_t now[MODEL_SIZE];
    bool is_possible[MODEL_SIZE][256];
    bool is_size[MODEL_SIZE + 1];
    size_t size;
};

static void settle(struct model *self)
{
    memset(self->is_possible, 0, sizeof self->is_possible);
    memset(self->is_size, 0, sizeof self->is_size);
    for (size_t i = 0; i < MODEL_SIZE; i++) {
        self->is_possible[i][self->now[i]] = true;
    }
    self->is_size[self->size] = true;
}

static void change_both(struct disk *disk, struct file file, struct model *model)
{
    const struct files files = disk_get_files(disk);
    static uint8_t bytes[MODEL_SIZE];
    const size_t offset = (size_t)rand() % MODEL_SIZE;
    size_t end = offset + (size_t)rand() % (MODEL_SIZE - offset);
    if (rand() % 5 == 0) {
        ASSERT_OK(files.ops->resize(files.self, file, offset));
        memset(model->now + offset, 0, MODEL_SIZE - offset);
        model->size = offset;
        end = MODEL_SIZE;
    } else if (end > offset) {
        memset(bytes, 1 + rand() % 255, end - offset);
        ASSERT_OK(files.ops->write_at(files.self, file, offset, bytes, end - offset));
        memcpy(model->now + offset, bytes, end - offset);
        model->size = model->size < end ? end : model->size;
        model->is_size[end] = true;
    }
    model->is_size[model->size] = true;
    for (size_t i = offset; i < end; i++) {
        model->is_possible[i][model->now[i]] = true;
    }
}

static void what_is_left_is_synced_or_was_written_since(void **state)
{
    const unsigned seed = *(const unsigned *)*state;
    static struct model model;
    static uint8_t bytes[MODEL_SIZE];
    memset(&model, 0, sizeof model);
    struct disk *disk = create_disk(seed);
    struct file file = create_synced(disk, "x", "");
    settle(&model);
    srand(seed);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = rand() % MODEL_CHANGES; i > 0; i--) {
            change_both(disk, file, &model);
            if (rand() % 8 == 0) {
                sync_file(disk, file);
                settle(&model);
            }
        }
        const struct disk_cut cut = disk_draw_cut(disk, seed + (unsigned)round);
        disk_cut_power(disk, &cut);
        const size_t size = read_file(disk, "x", bytes, sizeof bytes);
        const bool is_written_torn = cut.is_torn || cut.writes == DISK_WRITES_SECTORS;
        assert_true(is_written_torn || model.is_size[size]);
        for (size_t i = 0; i < size; i++) {
            assert_true(model.is_possible[i][bytes[i]]);
        }
        memset(model.now, 0, sizeof model.now);
        memcpy(model.now, bytes, size);
        model.size = size;
        settle(&model);
        file = open_file(disk, "x", FILES_UPDATE);
    }
    const struct disk_counts *counts = disk_get_counts(disk);
    assert_int_equal(counts->power_cuts, ROUNDS);
    assert_true(counts->changes_kept > 0 && counts->changes_lost > 0 && counts->writes_torn > 0);
    assert_true(counts->sizes_old > 0 && counts->sizes_new > 0);
    disk_destroy(disk);
}

/* At each operation of a little program, with each part of a write. */
static void a_process_ends_anywhere(void **state)
{
    (void)state;
    for (uint64_t at = 1; at <= 6; at++) {
        for (uint64_t bytes = 0; bytes <= 4; bytes++) {
            struct disk *disk = create_disk(1);
            const struct files files = disk_get_files(disk);
            struct file file = {0};
            disk_end_process_at(disk, at, bytes);
            int done = files.ops->open(files.self, "x", FILES_UPDATE, &file).number == 0;
            if (done == 1) {
                done += files.ops->write_at(files.self, file, 0, "abcd", 4).number == 0;
                done += files.ops->sync(files.self, file).number == 0;
                done += files.ops->rename(files.self, "x", "y").number == 0;
                done += files.ops->write_at(files.self, file, 4, "efgh", 4).number == 0;
            }
            assert_int_equal(done, at - 1);
            assert_int_equal(disk_is_dead(disk), at < 6);
            const struct files_result result = files.ops->remove(files.self, "y");
            assert_int_equal(result.number, at <= 6 ? DISK_DEAD : 0);
            disk_end_process(disk);
            assert_false(disk_is_dead(disk));

            const size_t written = at == 1              ? 0
                                   : at == 2            ? (size_t)bytes
                                   : at == 3 || at == 4 ? 4
                                   : at == 5            ? 4 + (size_t)bytes
                                                        : 8;
            char wanted[9] = "abcdefgh";
            wanted[written] = '\0';
            assert_text(disk, at <= 4 ? "x" : "y", at == 1 ? "-" : wanted);
            assert_text(disk, at <= 4 ? "y" : "x", "-");
            disk_destroy(disk);
        }
    }
}

static void a_power_cut_ends_the_process(void **state)
{
    (void)state;
    struct disk *disk = create_disk(1);
    const struct files files = disk_get_files(disk);
    const struct file file = create_synced(disk, "x", "old");
    ASSERT_OK(files.ops->lock(files.self, file));
    disk_end_process_at(disk, disk_get_counts(disk)->operations + 1, 2);
    assert_int_equal(files.ops->write_at(files.self, file, 0, "NEW", 3).number, DISK_DEAD);
    const struct disk_cut cut = {.writes = DISK_WRITES_KEPT};
    disk_cut_power(disk, &cut);
    assert_text(disk, "x", "NEd");
    /* An end that was planned for the process before is not the next one's. */
    disk_end_process_at(disk, disk_get_counts(disk)->operations + 2, 0);
    disk_end_process(disk);
    assert_text(disk, "x", "NEd");
    ASSERT_OK(files.ops->lock(files.self, open_file(disk, "x", FILES_READ)));
    disk_destroy(disk);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_are_lost_or_kept_in_their_order),
        cmocka_unit_test(each_write_is_lost_or_kept_by_itself),
        cmocka_unit_test(each_sector_is_as_it_was_at_some_time),
        cmocka_unit_test(sizes_are_old_or_new),
        cmocka_unit_test(an_emptied_file_has_its_content_or_not),
        cmocka_unit_test(names_are_old_or_new_each_by_itself),
        cmocka_unit_test(names_have_what_they_led_to_since_the_sync),
        cmocka_unit_test(a_name_has_so_many_versions),
        cmocka_unit_test(files_and_folders_are_synced_one_by_one),
        cmocka_unit_test(content_and_name_are_synced_by_themselves),
        cmocka_unit_test_prestate(what_is_left_is_synced_or_was_written_since, &seed),
        cmocka_unit_test(a_process_ends_anywhere),
        cmocka_unit_test(a_power_cut_ends_the_process),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
