/* What a log's reader makes of a log that was damaged, cut, killed or lost power. */
#include "sim/journal_play.h"

#include <inttypes.h>

enum { CUTS = 150, KILLS = 100, STEPS = 60 };

static uint64_t get_size(const struct play *play, uint64_t number)
{
    return play->journal.segments[number % (JOURNAL_SEGMENTS_MAX + 2)].size;
}

/* Three segments, of which the last three entries were not synced. */
static void make_log(struct play *play)
{
    play_begin(play, JOURNAL_SYNC_EVERYSEC, 1);
    for (int i = 0; i < 3; i++) {
        play_run_tasks(play);
        assert_int_equal(play_write(play, 4), STATUS_OK);
        play_sync(play);
        assert_int_equal(play_write(play, 2), STATUS_OK);
        if (i < 2) {
            play->journal.wants_rotation = true;
            play_run_tasks(play);
        }
    }
    assert_int_equal(play_write(play, 1), STATUS_OK);
    play_sync(play);
    assert_int_equal(play_write(play, 3), STATUS_OK);
    assert_int_equal(play->journal.current, 3);
}

/* The end of the last entry but one, and of the last that a SYNCED entry covers. */
static void find_ends(const struct play *play, uint64_t *out_before_last, uint64_t *out_synced)
{
    char path[FILES_PATH_SIZE];
    struct files_result result;
    struct segment_reader reader;
    struct journal_entry entry;
    const struct files files = disk_get_files(play->disk);
    play_print_path(path, 3);
    assert_int_equal(segment_reader_open(&reader, &files, path, &result), STATUS_OK);
    *out_synced = 0;
    uint64_t offset = reader.offset;
    while (segment_reader_next(&reader, &entry, &result) == STATUS_OK) {
        if (entry.kind == JOURNAL_SYNCED && entry.segment == 3) {
            *out_synced = entry.offset;
        }
        *out_before_last = offset;
        offset = reader.offset;
    }
    segment_reader_close(&reader);
}

static void assert_names_place(const struct play_read *read, uint64_t number)
{
    char path[FILES_PATH_SIZE];
    play_print_path(path, number);
    if (strstr(read->failure.text, path) == NULL || strstr(read->failure.text, "byte") == NULL) {
        fail_msg("%s: %s", path, read->failure.text);
    }
}

static void flip(const struct play *play, const struct segment_boot *boot, uint64_t number,
                 uint64_t at, uint8_t mask, uint64_t may_be_cut_from)
{
    char path[FILES_PATH_SIZE];
    play_print_path(path, number);
    assert_true(disk_rot(play->disk, path, at, mask));
    const struct play_read read = play_read(play, *boot);
    assert_true(disk_rot(play->disk, path, at, mask));
    if (read.status == STATUS_CORRUPT) {
        assert_names_place(&read, number);
        return;
    }
    assert_int_equal(read.status, STATUS_MISSING);
    if (read.end != play->entries && (number != 3 || at < may_be_cut_from)) {
        fail_msg("a flip of %02x in byte %" PRIu64 " of %s is not found: %u of %u entries", mask,
                 at, path, read.end, play->entries);
    }
}

/* Under the same boot only the last entry may be taken for torn. */
static void every_flip_is_found(void **state)
{
    (void)state;
    struct play play;
    uint64_t before_last = 0;
    uint64_t synced = 0;
    make_log(&play);
    find_ends(&play, &before_last, &synced);
    assert_true(synced > SEGMENT_HEAD_SIZE && before_last > synced);
    for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
        const struct segment_boot boot = play_boot(elsewhere ? 2 : 1);
        const uint64_t may_be_cut_from = elsewhere ? synced : before_last;
        assert_int_equal(play_read(&play, boot).end, play.entries);
        for (uint64_t number = 1; number <= 3; number++) {
            for (uint64_t at = 0; at < get_size(&play, number) + 64; at++) {
                const uint8_t mask = (uint8_t)(elsewhere ? 1U << at % 8 : 0x80U >> at % 8);
                flip(&play, &boot, number, at, mask, may_be_cut_from);
            }
        }
    }
    play_end(&play);
}

/* The last segment ends anywhere: all entries before that are there. An earlier one that ends is
 * damaged. */
static void a_log_is_cut_at_every_byte(void **state)
{
    (void)state;
    for (uint64_t number = 2; number <= 3; number++) {
        struct play play;
        make_log(&play);
        char path[FILES_PATH_SIZE];
        play_print_path(path, number);
        uint32_t before = play.entries;
        for (uint64_t size = get_size(&play, number); size-- > 0;) {
            assert_true(disk_truncate(play.disk, path, size));
            const struct play_read here = play_read(&play, play_boot(1));
            const struct play_read elsewhere = play_read(&play, play_boot(2));
            if (number == 2 || size < SEGMENT_HEAD_SIZE) {
                assert_int_equal(here.status, STATUS_CORRUPT);
                assert_names_place(&here, number);
                continue;
            }
            assert_int_equal(here.status, STATUS_MISSING);
            assert_int_equal(elsewhere.status, STATUS_MISSING);
            assert_true(here.end <= before && here.end + 1 >= before && here.end >= 12);
            assert_int_equal(elsewhere.end, here.end);
            before = here.end;
        }
        play_end(&play);
    }
}

static void fill(struct play *play, uint64_t number, uint64_t from, uint64_t to, uint8_t byte)
{
    char path[FILES_PATH_SIZE];
    play_print_path(path, number);
    const struct files files = disk_get_files(play->disk);
    const struct file file = open_file(play->disk, path, FILES_UPDATE);
    for (uint64_t at = from; at < to; at++) {
        ASSERT_OK(files.ops->write_at(files.self, file, at, &byte, 1));
    }
    files.ops->close(files.self, file);
}

/* Bytes in the middle that read as 0, or as anything: where something follows that was written
 * later under the same boot, or that says they were synced, that is damage. */
static void holes_are_found(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte += 85) {
        for (uint64_t size = 8; size < 400; size += 56) {
            struct play play;
            make_log(&play);
            uint64_t before_last = 0;
            uint64_t synced = 0;
            find_ends(&play, &before_last, &synced);
            const uint64_t from = SEGMENT_HEAD_SIZE + size % 48;
            fill(&play, 3, from, from + size, (uint8_t)byte);
            const struct play_read here = play_read(&play, play_boot(1));
            const struct play_read elsewhere = play_read(&play, play_boot(2));
            assert_int_equal(here.status, STATUS_CORRUPT);
            assert_names_place(&here, 3);
            assert_int_equal(elsewhere.status, STATUS_CORRUPT);
            play_end(&play);
        }
    }
}

/* What no SYNCED entry names may be missing after a power cut, in the middle as well. */
static void a_hole_in_what_was_not_synced_is_the_end(void **state)
{
    (void)state;
    struct play play;
    play_begin(&play, JOURNAL_SYNC_EVERYSEC, 1);
    assert_int_equal(play_write(&play, 4), STATUS_OK);
    play_sync(&play);
    assert_int_equal(play_write(&play, 8), STATUS_OK);
    const uint64_t end = get_size(&play, 1);
    fill(&play, 1, end - 200, end - 150, 0);
    assert_int_equal(play_read(&play, play_boot(1)).status, STATUS_CORRUPT);
    const struct play_read elsewhere = play_read(&play, play_boot(2));
    assert_int_equal(elsewhere.status, STATUS_MISSING);
    assert_true(elsewhere.is_torn && elsewhere.may_have_lost);
    assert_true(elsewhere.end >= 4 && elsewhere.end < 12);
    play_end(&play);
}

/* One step of a server's life. False: the process was killed. */
static bool step(struct play *play)
{
    play->now_ms += (uint64_t)rand() % 700;
    const int kind = rand() % 16;
    if (kind < 9) {
        return play_write(play, (uint32_t)rand() % 12) == STATUS_OK;
    }
    if (kind < 13) {
        (void)play_run_task(play);
    } else if (kind == 13) {
        journal_set_sync(&play->journal, (enum journal_sync)(rand() % 3));
    } else if (kind == 14 && play->journal.current > 1) {
        play_release(play, play->journal.current - 1 - (uint64_t)rand() % 2);
    } else if (kind == 15) {
        journal_note_forgetting(&play->journal, play->now_ms);
    }
    return !disk_is_dead(play->disk);
}

/* How many of the entries end at that position or before. */
static uint32_t count_entries(const struct play *play, uint64_t position)
{
    uint32_t count = 0;
    while (count < play->entries && play->written[count].end <= position) {
        count++;
    }
    return count;
}

/* kill -9, between any two operations of the disk or within one: all that was written is there. */
static void a_killed_log_has_all_that_was_written(void **state)
{
    const unsigned seed = *(unsigned *)*state;
    for (unsigned kill = 0; kill < KILLS; kill++) {
        struct play play;
        srand(seed * 1000 + kill);
        play_begin(&play, (enum journal_sync)(rand() % 3), seed * 1000 + kill);
        const uint64_t at = disk_get_counts(play.disk)->operations + 1 + (uint64_t)rand() % 150;
        disk_end_process_at(play.disk, at, (uint64_t)rand() % 200);
        uint32_t written = 0;
        while (step(&play)) {
            written = play.entries;
        }
        disk_end_process(play.disk);
        const struct play_read read = play_read(&play, play_boot(1));
        if (read.status != STATUS_MISSING || (read.end != 0 && read.end < written) ||
            read.first > play.needed || (read.end == 0 && play.needed < written)) {
            fail_msg("seed %u, kill %u: %s: entries %u to %u of %u, needed from %u: %s", seed, kill,
                     status_text(read.status), read.first, read.end, written, play.needed,
                     read.failure.text);
        }
        play_end(&play);
    }
}

/* A power cut, as unkind as can be: what is synced is there, and where something that was answered
 * is not, a start finds out. */
static void a_log_without_power_has_all_that_was_synced(void **state)
{
    const unsigned seed = *(unsigned *)*state;
    for (unsigned cut = 0; cut < CUTS; cut++) {
        struct play play;
        srand(seed * 1000 + cut);
        play_begin(&play, (enum journal_sync)(rand() % 3), seed * 1000 + cut);
        uint32_t answered = 0;
        for (int i = rand() % STEPS; i > 0; i--) {
            assert_true(step(&play));
            const uint32_t safe = count_entries(&play, journal_get_safe(&play.journal));
            answered = safe > answered ? safe : answered;
        }
        const uint32_t synced = count_entries(&play, play.journal.synced);
        const struct disk_cut drawn = disk_draw_cut(play.disk, seed * 1000 + cut);
        disk_cut_power(play.disk, &drawn);
        const struct play_read read = play_read(&play, play_boot(2));
        const uint32_t end = read.end == 0 ? play.needed : read.end;
        if (read.status != STATUS_MISSING || end < synced || read.first > play.needed ||
            (end < answered && !read.may_have_lost)) {
            fail_msg("seed %u, cut %u: %s: entries %u to %u of %u, needed from %u, synced %u, "
                     "answered %u: %s",
                     seed, cut, status_text(read.status), read.first, read.end, play.entries,
                     play.needed, synced, answered, read.failure.text);
        }
        play_end(&play);
    }
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_flip_is_found),
        cmocka_unit_test(a_log_is_cut_at_every_byte),
        cmocka_unit_test(holes_are_found),
        cmocka_unit_test(a_hole_in_what_was_not_synced_is_the_end),
        cmocka_unit_test_prestate(a_killed_log_has_all_that_was_written, &seed),
        cmocka_unit_test_prestate(a_log_without_power_has_all_that_was_synced, &seed),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
