/* A log as it is written: rotation, release, files that fail, and what is forgotten. */
#include "sim/journal_play.h"

#include <inttypes.h>

enum { STEPS = 1500, HANDLES_FEW = 24, CONTENT_MAX = 1 << 16 };

static bool is_there(const struct play *play, const char *path)
{
    const struct files files = disk_get_files(play->disk);
    struct file file;
    const bool is = files.ops->open(files.self, path, FILES_READ, &file).status == STATUS_OK;
    if (is) {
        files.ops->close(files.self, file);
    }
    return is;
}

static void rotate(struct play *play)
{
    const uint64_t current = play->journal.current;
    for (int i = 0; i < 1000 && play->journal.current == current; i++) {
        play->now_ms += 300;
        play_run_tasks(play);
        assert_int_equal(play_write(play, 10), STATUS_OK);
    }
    assert_int_equal(play->journal.current, current + 1);
}

static void plan(struct play *play, enum disk_fault_kind kind, uint64_t at, bool goes_on)
{
    const struct disk_fault fault = {.kind = kind, .at = at, .goes_on = goes_on};
    disk_plan_fault(play->disk, &fault);
}

static void segments_go_in_order_and_come_again(void **state)
{
    (void)state;
    struct play play;
    play_begin(&play, JOURNAL_SYNC_NO, 1);
    for (uint64_t number = 1; number < 12; number++) {
        rotate(&play);
        if (number > 3) {
            play_release(&play, number - 2);
        }
        play_run_tasks(&play);
        const struct play_range range = play_find_range(&play);
        assert_int_equal(range.first, number > 3 ? number - 1 : 1);
        assert_int_equal(range.count, range.last + 1 - range.first);
        const struct play_read read = play_read(&play, play_boot(1));
        assert_int_equal(read.status, STATUS_MISSING);
        assert_int_equal(read.end, play.entries);
        assert_true(read.first <= play.needed);
    }
    assert_true(journal_count_bytes(&play.journal) > UINT64_C(2) * JOURNAL_SEGMENT_BYTES_MIN);
    assert_int_equal(journal_count_file_bytes(&play.journal) % JOURNAL_SEGMENT_BYTES_MIN, 0);
    journal_close(&play.journal);
    play_end(&play);
}

/* Each stands alone in a segment that is as large as it must be. */
static void entries_larger_than_a_segment(void **state)
{
    (void)state;
    struct play play;
    struct failure failure;
    play_begin(&play, JOURNAL_SYNC_ALWAYS, 1);
    for (size_t size = 3000; size < 40000; size += 5000) {
        play_run_tasks(&play);
        assert_int_equal(play_write(&play, 1), STATUS_OK);
        char *to = buffer_reserve(&play.buffer, journal_entry_measure_states(size));
        assert_non_null(to);
        memset(to + JOURNAL_STATES_HEAD_SIZE, 0, size); /* Leaves of no rows. */
        const struct journal_entry head = {.user = {77}, .version = 1};
        journal_entry_encode_states((uint8_t *)to, &head, size);
        buffer_extend(&play.buffer, journal_entry_measure_states(size));
        assert_int_equal(play_write(&play, 1), STATUS_OK);
    }
    play_run_tasks(&play);
    assert_int_equal(journal_write(&play.journal, &play.buffer, play.now_ms, &failure), STATUS_OK);

    const struct play_range range = play_find_range(&play);
    const struct log_reader_config config = {.lent_files = disk_get_files(play.disk),
                                             .lent_folder = play_folder,
                                             .boot = play_boot(1),
                                             .set = 1,
                                             .first = 1,
                                             .last = range.last};
    struct log_reader reader;
    struct journal_entry entry;
    log_reader_init(&reader, &config);
    uint32_t plain = 0;
    size_t size = 3000;
    while (log_reader_next(&reader, &entry, &failure) == STATUS_OK) {
        if (entry.user.value == 77) {
            assert_int_equal(entry.leaves.size, size);
            size += 5000;
        } else {
            play_assert_entry(&entry, plain++);
        }
    }
    log_reader_deinit(&reader);
    assert_int_equal(plain, play.entries);
    assert_true(size >= 40000);
    journal_close(&play.journal);
    play_end(&play);
}

/* Each operation of a release fails once: it is tried again, and closes nothing twice. */
static void a_release_that_fails_is_tried_again(void **state)
{
    (void)state;
    static const enum disk_fault_kind kinds[] = {DISK_RENAME_ERROR, DISK_REMOVE_ERROR,
                                                 DISK_SYNC_FOLDER_ERROR};
    for (size_t i = 0; i < 3; i++) {
        for (int forgets = 0; forgets < 2; forgets++) {
            struct play play;
            play_begin(&play, JOURNAL_SYNC_EVERYSEC, 1);
            rotate(&play);
            rotate(&play);
            rotate(&play);
            play_sync(&play);
            play_run_tasks(&play);
            journal_release(&play.journal, 2);
            plan(&play, kinds[i], 1, false);
            play_run_tasks(&play);
            if (forgets) {
                /* While it waits, the next file has to go as well. */
                journal_note_forgetting(&play.journal, play.now_ms);
                play_run_tasks(&play);
            }
            play.now_ms += 300;
            play_run_tasks(&play);
            play.now_ms += 300;
            play_run_tasks(&play);
            assert_int_equal(play.journal.oldest, 3);
            assert_int_equal(play_find_range(&play).first, 3);
            for (int j = 0; j < 4; j++) {
                rotate(&play);
                play_release(&play, play.journal.current - 1);
                play_run_tasks(&play);
            }
            assert_int_equal(play.journal.oldest, play.journal.current);
            assert_int_equal(play_read(&play, play_boot(1)).status, STATUS_MISSING);
            journal_close(&play.journal);
            play_end(&play);
        }
    }
}

/* Made from nothing, or from a spare file; each operation of it fails once. */
static void a_file_that_cannot_be_made_is_made_later(void **state)
{
    (void)state;
    static const enum disk_fault_kind kinds[] = {DISK_OPEN_ERROR,   DISK_ALLOCATE_FULL,
                                                 DISK_SYNC_ERROR,   DISK_SYNC_FOLDER_ERROR,
                                                 DISK_RENAME_ERROR, DISK_REMOVE_ERROR};
    for (size_t i = 0; i < 6; i++) {
        for (int has_spare = 0; has_spare < 2; has_spare++) {
            struct play play;
            play_begin(&play, JOURNAL_SYNC_EVERYSEC, 1);
            play_run_tasks(&play);
            if (has_spare) {
                rotate(&play);
                rotate(&play);
                play_sync(&play);
                play_run_tasks(&play);
                play_release(&play, 1);
                play_run_tasks(&play);
                assert_true(is_there(&play, "j/1-0-spare"));
            }
            play.journal.wants_rotation = true;
            assert_int_equal(play_write(&play, 1), STATUS_OK);
            play.journal.sync_due_ms = UINT64_MAX;
            assert_false(play.journal.has_next);
            plan(&play, kinds[i], 1, false);
            assert_true(play_run_task(&play));
            if (i < 4 || (has_spare && kinds[i] == DISK_RENAME_ERROR)) {
                assert_false(play.journal.has_next);
                assert_false(play_run_task(&play) && play.journal.has_next);
            }
            disk_clear_faults(play.disk);
            play.now_ms += 250;
            play_run_tasks(&play);
            assert_true(play.journal.has_next);
            rotate(&play);
            assert_int_equal(play_read(&play, play_boot(1)).status, STATUS_MISSING);
            assert_int_equal(play_read(&play, play_boot(1)).end, play.entries);
            journal_close(&play.journal);
            play_end(&play);
        }
    }
}

/* Updates are refused before the disk is full, and taken again when there is room. */
static void a_full_disk_is_foreseen(void **state)
{
    (void)state;
    struct play play;
    struct failure failure;
    play_make_disk(&play, 1, 300);
    struct journal_config config = play_config(&play, JOURNAL_SYNC_EVERYSEC);
    config.reserve_bytes = UINT64_C(64) * 1024;
    disk_set_capacity(play.disk, UINT64_C(16) * 1024);
    assert_int_equal(journal_open(&play.journal, &config, 0, &failure), STATUS_DISK_FULL);
    assert_non_null(strstr(failure.text, "disk-reserve"));
    disk_set_capacity(play.disk, UINT64_C(88) * 1024);
    assert_int_equal(journal_open(&play.journal, &config, 0, &failure), STATUS_OK);
    while (journal_peek_status(&play.journal) == STATUS_OK && play.entries < 2000) {
        play.now_ms += 50;
        play_run_tasks(&play);
        assert_int_equal(play_write(&play, 5), STATUS_OK);
    }
    assert_int_equal(journal_peek_status(&play.journal), STATUS_DISK_FULL);
    assert_true(count_free(play.disk) >= UINT64_C(60) * 1024);
    disk_set_capacity(play.disk, UINT64_C(1) << 24);
    play.now_ms += 300;
    play_run_tasks(&play);
    assert_int_equal(journal_peek_status(&play.journal), STATUS_OK);
    assert_int_equal(play_read(&play, play_boot(1)).end, play.entries);
    journal_close(&play.journal);
    play_end(&play);
}

static void without_a_file_descriptor_the_segment_grows(void **state)
{
    (void)state;
    struct play play;
    play_begin(&play, JOURNAL_SYNC_EVERYSEC, 1);
    plan(&play, DISK_OPEN_ERROR, 1, true);
    for (int i = 0; i < 100; i++) {
        play.now_ms += 100;
        play_run_tasks(&play);
        assert_int_equal(play_write(&play, 3), STATUS_OK);
    }
    assert_int_equal(play.journal.current, 1);
    assert_int_equal(journal_peek_status(&play.journal), STATUS_DISK_FULL);
    disk_clear_faults(play.disk);
    play.now_ms += 300;
    play_run_tasks(&play);
    assert_int_equal(play_write(&play, 3), STATUS_OK);
    assert_int_equal(play.journal.current, 2);
    assert_int_equal(journal_peek_status(&play.journal), STATUS_OK);
    assert_int_equal(play_read(&play, play_boot(1)).end, play.entries);
    journal_close(&play.journal);
    play_end(&play);
}

/* More files than one sync takes. */
static void every_second_all_is_synced(void **state)
{
    (void)state;
    struct play play;
    play_begin(&play, JOURNAL_SYNC_EVERYSEC, 1);
    while (play.journal.current < UINT64_C(3) * JOURNAL_TASK_FILES_MAX) {
        play_run_tasks(&play);
        play.journal.wants_rotation = true;
        assert_int_equal(play_write(&play, 1), STATUS_OK);
    }
    assert_true(play.journal.synced < play.journal.written);
    play.now_ms += JOURNAL_SYNC_INTERVAL_MS;
    play_run_tasks(&play);
    assert_int_equal(play.journal.synced, play.journal.written);
    /* And then the next second begins. */
    assert_int_equal(play_write(&play, 1), STATUS_OK);
    play.now_ms += JOURNAL_SYNC_INTERVAL_MS / 2;
    play_run_tasks(&play);
    assert_true(play.journal.synced < play.journal.written);
    journal_close(&play.journal);
    play_end(&play);
}

static void a_log_has_so_many_segments_and_no_more(void **state)
{
    (void)state;
    struct play play;
    play_begin(&play, JOURNAL_SYNC_NO, 1);
    while (play.journal.current < JOURNAL_SEGMENTS_MAX) {
        assert_int_equal(journal_peek_status(&play.journal), STATUS_OK);
        play_run_tasks(&play);
        play.journal.wants_rotation = true;
        assert_int_equal(play_write(&play, 1), STATUS_OK);
    }
    assert_int_equal(journal_peek_status(&play.journal), STATUS_JOURNAL_FULL);
    play_run_tasks(&play);
    assert_false(play.journal.has_next);
    /* Of many segments that are not synced all are, some at a time. */
    play_sync(&play);
    assert_true(play.journal.synced == play.journal.written);
    play_release(&play, 3);
    play_run_tasks(&play);
    assert_int_equal(journal_peek_status(&play.journal), STATUS_OK);
    assert_true(play.journal.has_next);
    assert_int_equal(play_read(&play, play_boot(1)).end, play.entries);
    journal_close(&play.journal);
    play_end(&play);
}

/* What is safe does not come before the mode's promise, whichever way it changes. */
static void the_mode_changes_live(void **state)
{
    (void)state;
    struct play play;
    play_begin(&play, JOURNAL_SYNC_ALWAYS, 1);
    struct journal *journal = &play.journal;
    assert_int_equal(play_write(&play, 3), STATUS_OK);
    assert_true(journal_get_safe(journal) == 0);
    play_run_tasks(&play);
    assert_true(journal_get_safe(journal) == journal->written);
    journal_set_sync(journal, JOURNAL_SYNC_NO);
    assert_int_equal(play_write(&play, 3), STATUS_OK);
    assert_int_equal(journal->current, 2);
    assert_true(journal_get_safe(journal) < journal->written);
    play_run_tasks(&play);
    assert_int_equal(play_write(&play, 3), STATUS_OK);
    assert_true(journal_get_safe(journal) == journal->written);
    assert_true(journal->synced < journal->written);
    journal_set_sync(journal, JOURNAL_SYNC_ALWAYS);
    assert_true(journal_get_safe(journal) < journal->written);
    play_run_tasks(&play);
    assert_true(journal_get_safe(journal) == journal->written);
    assert_int_equal(play_write(&play, 3), STATUS_OK);
    assert_int_equal(journal->current, 3);
    journal_close(journal);
    play_end(&play);
}

static void a_failed_sync_is_said(void **state)
{
    (void)state;
    struct play play;
    struct journal_task task;
    struct failure failure;
    play_begin(&play, JOURNAL_SYNC_ALWAYS, 1);
    assert_int_equal(play_write(&play, 3), STATUS_OK);
    plan(&play, DISK_SYNC_ERROR, 1, false);
    assert_true(journal_next_task(&play.journal, 0, &task));
    assert_int_equal(task.work, JOURNAL_WORK_SYNC);
    assert_false(journal_next_task(&play.journal, 0, &task));
    journal_task_run(&task);
    assert_int_equal(journal_complete(&play.journal, &task, 0, &failure), STATUS_IO);
    assert_non_null(strstr(failure.text, "cannot sync a file of the journal"));
    assert_true(journal_get_safe(&play.journal) == 0);
    plan(&play, DISK_WRITE_ERROR, 1, false);
    play_append(&play);
    assert_int_equal(journal_write(&play.journal, &play.buffer, 0, &failure), STATUS_IO);
    assert_non_null(strstr(failure.text, "j/1-0-1.journal cannot be written"));
    journal_close(&play.journal);
    play_end(&play);
}

/* After a failure nothing is open. */
static void a_log_that_cannot_be_opened_holds_nothing(void **state)
{
    (void)state;
    for (int at = 1; at < 12; at++) {
        struct play play;
        struct failure failure = {{0}};
        play_make_disk(&play, 1, 1);
        play.random.fails = at == 11;
        static const enum disk_fault_kind kinds[] = {
            DISK_OPEN_ERROR,        DISK_WRITE_ERROR, DISK_WRITE_SHORT, DISK_ALLOCATE_FULL,
            DISK_SYNC_ERROR,        DISK_SYNC_ERROR,  DISK_WRITE_FULL,  DISK_OPEN_ERROR,
            DISK_SYNC_FOLDER_ERROR, DISK_OPEN_ERROR};
        if (at < 11) {
            plan(&play, kinds[at - 1], at == 6 ? 2 : 1, false);
        }
        const struct journal_config config = play_config(&play, JOURNAL_SYNC_NO);
        assert_int_not_equal(journal_open(&play.journal, &config, 0, &failure), STATUS_OK);
        assert_true(strlen(failure.text) > 10);
        disk_clear_faults(play.disk);
        play.random.fails = false;
        assert_int_equal(journal_open(&play.journal, &config, 0, &failure), STATUS_OK);
        journal_close(&play.journal);
        play_end(&play);
    }
}

struct haystack {
    struct play *play;
    uint64_t needle;
    uint32_t found;
};

static void look_into(void *to, const char *name)
{
    struct haystack *haystack = to;
    static uint8_t bytes[CONTENT_MAX];
    char path[FILES_PATH_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", play_folder, name);
    const size_t size = read_file(haystack->play->disk, path, bytes, sizeof bytes);
    for (size_t at = 0; at + 8 <= size; at++) {
        haystack->found += memcmp(bytes + at, &haystack->needle, 8) == 0;
    }
}

static uint32_t count_needle(struct play *play, uint64_t needle)
{
    struct haystack haystack = {.play = play, .needle = needle};
    const struct files files = disk_get_files(play->disk);
    ASSERT_OK(files.ops->list(files.self, play_folder, look_into, &haystack));
    return haystack.found;
}

static void write_user(struct play *play, uint64_t user, bool forgets)
{
    struct failure failure;
    uint8_t entry[JOURNAL_PLAIN_SIZE];
    if (forgets) {
        journal_entry_encode_forgetting(entry, (struct user_id){user}, 1);
    } else {
        journal_entry_encode_plain(entry, (struct user_id){user}, 1, (struct channel_key){.id = 1},
                                   1, 1);
    }
    const struct slice slice = {.bytes = (const char *)entry,
                                .size = journal_entry_get_size(entry)};
    assert_int_equal(buffer_append(&play->buffer, slice), STATUS_OK);
    assert_int_equal(journal_write(&play->journal, &play->buffer, play->now_ms, &failure),
                     STATUS_OK);
    if (forgets) {
        journal_note_forgetting(&play->journal, play->now_ms);
    }
}

static void plan_anything(struct play *play)
{
    static const enum disk_fault_kind kinds[] = {DISK_OPEN_ERROR,   DISK_ALLOCATE_FULL,
                                                 DISK_RENAME_ERROR, DISK_REMOVE_ERROR,
                                                 DISK_LIST_ERROR,   DISK_SYNC_FOLDER_ERROR};
    disk_clear_faults(play->disk);
    for (size_t i = 0; i < 6; i++) {
        const struct disk_fault fault = {
            .kind = kinds[i], .at = 1, .goes_on = true, .per_mille = (uint32_t)rand() % 300};
        disk_plan_fault(play->disk, &fault);
    }
}

/* In any order of all that happens to a log, tasks under way for long among it, with files that
 * fail: soon after a user is forgotten its bytes are in no file any more, and no file is held or
 * lost. */
static void what_is_forgotten_is_in_no_file(void **state)
{
    const unsigned seed = *(unsigned *)*state;
    const uint64_t user = UINT64_C(0x1122334455667788);
    struct play play;
    struct failure failure;
    struct journal_task task;
    bool has_task = false;
    srand(seed);
    play_make_disk(&play, seed, HANDLES_FEW);
    play_begin_on(&play, JOURNAL_SYNC_EVERYSEC);
    for (int step = 0; step < STEPS; step++) {
        play.now_ms += (uint64_t)rand() % 300;
        const int kind = rand() % 100;
        if (kind < 30) {
            play.entries = 0;
            assert_int_equal(play_write(&play, (uint32_t)rand() % 16), STATUS_OK);
        } else if (kind < 35) {
            write_user(&play, user, false);
        } else if (kind < 65 && !has_task) {
            has_task = journal_next_task(&play.journal, play.now_ms, &task);
        } else if (kind < 90 && has_task) {
            journal_task_run(&task);
            assert_int_equal(journal_complete(&play.journal, &task, play.now_ms, &failure),
                             STATUS_OK);
            has_task = false;
        } else if (kind < 94 && play.journal.current > 1) {
            journal_release(&play.journal, play.journal.current - 1);
        } else if (kind == 94) {
            plan_anything(&play);
        } else if (kind == 95) {
            disk_clear_faults(play.disk);
        } else if (kind == 96) {
            write_user(&play, user, true);
        }
        if (step % 100 != 99) {
            continue;
        }
        write_user(&play, user, true);
        if (has_task) {
            journal_task_run(&task);
            assert_int_equal(journal_complete(&play.journal, &task, play.now_ms, &failure),
                             STATUS_OK);
            has_task = false;
        }
        disk_clear_faults(play.disk);
        for (int i = 0; i < 30; i++) {
            play.now_ms += 300;
            play_run_tasks(&play);
            assert_int_equal(play_write(&play, 0), STATUS_OK);
            if (play.journal.current > 1) {
                journal_release(&play.journal, play.journal.current - 1);
            }
        }
        const uint32_t found = count_needle(&play, user);
        if (found != 0 || !play.journal.has_next || play.journal.oldest != play.journal.current) {
            fail_msg("seed %u, step %d: found %u times, segments %" PRIu64 " to %" PRIu64, seed,
                     step, found, play.journal.oldest, play.journal.current);
        }
    }
    journal_close(&play.journal);
    play_end(&play);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(segments_go_in_order_and_come_again),
        cmocka_unit_test(entries_larger_than_a_segment),
        cmocka_unit_test(a_release_that_fails_is_tried_again),
        cmocka_unit_test(a_file_that_cannot_be_made_is_made_later),
        cmocka_unit_test(a_full_disk_is_foreseen),
        cmocka_unit_test(without_a_file_descriptor_the_segment_grows),
        cmocka_unit_test(every_second_all_is_synced),
        cmocka_unit_test(a_log_has_so_many_segments_and_no_more),
        cmocka_unit_test(the_mode_changes_live),
        cmocka_unit_test(a_failed_sync_is_said),
        cmocka_unit_test(a_log_that_cannot_be_opened_holds_nothing),
        cmocka_unit_test_prestate(what_is_forgotten_is_in_no_file, &seed),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
