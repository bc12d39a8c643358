/* Starts of a server, one after the other, each of which may end anywhere. */
#include "journal/recovery.h"
#include "sim/journal_play.h"

enum { LOGS_MAX = 3, SETS_TESTED = 70 };

/* One start of a server with so many threads. */
struct start {
    struct disk *disk;
    uint32_t logs;
    struct random_fake random;
    struct recovery recovery;
    struct journal journals[LOGS_MAX];
    uint32_t opened;
    uint32_t entries_read;
    struct failure failure;
};

/* All entries of all logs that count, and each must be whole to its end. */
static enum status read_logs(struct start *start, struct segment_boot boot)
{
    for (uint32_t i = 0; i < start->recovery.logs.count; i++) {
        struct recovery_log *log = &start->recovery.logs.items[i];
        const struct log_reader_config config = {.lent_files = disk_get_files(start->disk),
                                                 .lent_folder = play_folder,
                                                 .boot = boot,
                                                 .set = log->set,
                                                 .log = log->log,
                                                 .first = log->first,
                                                 .last = log->last};
        struct log_reader reader;
        struct journal_entry entry;
        log_reader_init(&reader, &config);
        enum status status = STATUS_OK;
        while ((status = log_reader_next(&reader, &entry, &start->failure)) == STATUS_OK) {
            start->entries_read++;
        }
        log->is_here = !reader.was_elsewhere;
        log->synced_segment = reader.synced_segment;
        log->synced_offset = reader.synced_offset;
        log_reader_deinit(&reader);
        if (status != STATUS_MISSING) {
            return status;
        }
    }
    return STATUS_OK;
}

static enum status open_journals(struct start *start, struct segment_boot boot)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < start->logs && status == STATUS_OK; i++) {
        const struct journal_config config = {
            .lent_files = disk_get_files(start->disk),
            .lent_random = random_fake_get(&start->random),
            .lent_folder = play_folder,
            .set = recovery_get_next_set(&start->recovery),
            .log = i,
            .logs = start->logs,
            .boot = boot,
            .sync = JOURNAL_SYNC_ALWAYS,
            .segment_bytes = JOURNAL_SEGMENT_BYTES_MIN,
        };
        status = journal_open(&start->journals[i], &config, 0, &start->failure);
        start->opened += status == STATUS_OK;
    }
    return status;
}

/* As a server does it, up to where it serves. */
static enum status begin(struct start *start, struct disk *disk, uint32_t logs, uint8_t boot)
{
    const struct files files = disk_get_files(disk);
    *start = (struct start){.disk = disk, .logs = logs, .random = {.seed = boot}};
    enum status status = recovery_open(&start->recovery, &files, play_folder, &start->failure);
    if (status != STATUS_OK) {
        return status;
    }
    status = recovery_clean(&start->recovery, &start->failure);
    status = status == STATUS_OK ? read_logs(start, play_boot(boot)) : status;
    status = status == STATUS_OK ? open_journals(start, play_boot(boot)) : status;
    return status == STATUS_OK ? recovery_begin_set(&start->recovery, logs, &start->failure)
                               : status;
}

/* An entry into each log. */
static enum status serve(struct start *start)
{
    for (uint32_t i = 0; i < start->logs; i++) {
        struct buffer buffer;
        uint8_t *entry = play_encode(i);
        const struct slice slice = {.bytes = (const char *)entry,
                                    .size = journal_entry_get_size(entry)};
        buffer_init(&buffer);
        assert_int_equal(buffer_append(&buffer, slice), STATUS_OK);
        enum status status = journal_write(&start->journals[i], &buffer, 0, &start->failure);
        status =
            status == STATUS_OK ? journal_sync_all(&start->journals[i], &start->failure) : status;
        buffer_deinit(&buffer);
        free(entry);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

static void end(struct start *start)
{
    for (uint32_t i = 0; i < start->opened; i++) {
        journal_close(&start->journals[i]);
    }
    recovery_close(&start->recovery);
}

struct names {
    struct disk *disk;
    uint32_t counts[SETS_TESTED + 4]; /* Files by set. */
    uint32_t others;
};

static void take_name(void *to, const char *name)
{
    struct names *names = to;
    char *end = NULL;
    const unsigned long set = strtoul(name, &end, 10);
    if (end > name && *end == '-' && set < SETS_TESTED + 4) {
        names->counts[set]++;
    } else {
        names->others++;
    }
}

static struct names list(struct disk *disk)
{
    struct names names = {.disk = disk};
    const struct files files = disk_get_files(disk);
    ASSERT_OK(files.ops->list(files.self, play_folder, take_name, &names));
    return names;
}

static struct disk *make_disk(uint64_t seed)
{
    struct play play;
    play_make_disk(&play, seed, 300);
    return play.disk;
}

static void starts_one_after_the_other(void **state)
{
    (void)state;
    struct disk *disk = make_disk(1);
    uint32_t written = 0;
    for (uint8_t number = 1; number <= 4; number++) {
        struct start start;
        const uint32_t logs = 1 + number % LOGS_MAX;
        assert_int_equal(begin(&start, disk, logs, 1), STATUS_OK);
        assert_int_equal(start.entries_read, written);
        assert_int_equal(start.recovery.manifest.count, number);
        for (uint8_t i = 0; i < number; i++) {
            assert_int_equal(start.recovery.manifest.sets[i].is_recovered, i + 1 < number);
        }
        assert_int_equal(serve(&start), STATUS_OK);
        written += logs;
        end(&start);
        disk_end_process(disk);
    }
    struct start start;
    assert_int_equal(begin(&start, disk, 2, 1), STATUS_OK);
    assert_int_equal(recovery_end(&start.recovery, &start.failure), STATUS_OK);
    struct names names = list(disk);
    assert_int_equal(names.counts[5], 2);
    assert_int_equal(names.counts[1] + names.counts[2] + names.counts[3] + names.counts[4], 0);
    /* On the disk as well. */
    static const struct disk_cut cut = {.names = DISK_NAMES_OLD};
    disk_cut_power(disk, &cut);
    names = list(disk);
    assert_int_equal(names.counts[5], 2);
    assert_int_equal(names.counts[1] + names.counts[2] + names.counts[3] + names.counts[4], 0);
    recovery_close(&start.recovery);

    assert_int_equal(begin(&start, disk, 1, 2), STATUS_OK);
    assert_int_equal(recovery_end_all(&start.recovery, &start.failure), STATUS_OK);
    end(&start);
    disk_cut_power(disk, &cut);
    names = list(disk);
    assert_int_equal(names.counts[5] + names.counts[6], 0);
    assert_int_equal(begin(&start, disk, 1, 3), STATUS_OK);
    assert_int_equal(start.entries_read, 0);
    end(&start);
    disk_destroy(disk);
}

/* Of a process that may have died: what it holds of the heap goes. */
static void forget(struct start *start)
{
    recovery_close(&start->recovery);
}

/* The third start is ended before each of its operations, by a kill or a power cut; the fourth one
 * finds all that counts, and leaves no file but its own. */
static void a_start_ends_anywhere(void **state)
{
    const unsigned seed = *(unsigned *)*state;
    uint64_t operations = 1;
    for (uint64_t at = 1; at <= operations + 1; at++) {
        for (unsigned cut = 0; cut < 4; cut++) {
            struct disk *disk = make_disk(seed);
            struct start start;
            for (int i = 0; i < 2; i++) {
                assert_int_equal(begin(&start, disk, 2, 1), STATUS_OK);
                assert_int_equal(serve(&start), STATUS_OK);
                forget(&start);
                disk_end_process(disk);
            }
            const uint64_t before = disk_get_counts(disk)->operations;
            disk_end_process_at(disk, before + at, 10);
            bool is_served = false;
            bool is_ended = false;
            if (begin(&start, disk, 3, 1) == STATUS_OK) {
                is_served = serve(&start) == STATUS_OK;
                is_ended = is_served && recovery_end(&start.recovery, &start.failure) == STATUS_OK;
            }
            operations = disk_get_counts(disk)->operations - before;
            forget(&start);
            if (cut == 0) {
                disk_end_process(disk);
            } else {
                const struct disk_cut drawn =
                    disk_draw_cut(disk, UINT64_C(1000) * seed + at * 4 + cut);
                disk_cut_power(disk, &drawn);
            }
            const enum status status = begin(&start, disk, 1, cut == 0 ? 1 : 2);
            if (status != STATUS_OK) {
                fail_msg("seed %u, ended at operation %d, cut %u: %s", seed, (int)at, cut,
                         start.failure.text);
            }
            /* Of the first two 4, of the third 3, of which those count that the list names. */
            const uint32_t read = start.entries_read;
            if (is_served) {
                assert_true(read == 3 || (read == 7 && !is_ended));
            } else {
                assert_true(read >= 4 && read <= 7);
            }
            assert_int_equal(recovery_end(&start.recovery, &start.failure), STATUS_OK);
            const uint64_t set = start.recovery.manifest.sets[0].number;
            const struct names names = list(disk);
            assert_true(set == 3 || set == 4);
            assert_int_equal(names.counts[set], 1);
            assert_int_equal(names.counts[1] + names.counts[2] + names.counts[7 - set], 0);
            end(&start);
            disk_destroy(disk);
        }
    }
    assert_true(operations > 40);
}

/* As with Linux: it is read until the power goes, and later syncs say that all is well. */
static void what_a_failed_sync_has_lost_is_written_again(void **state)
{
    static const struct disk_cut cut = {.names = DISK_NAMES_OLD};
    static const struct disk_fault fault = {.kind = DISK_SYNC_ERROR, .at = 1};
    const unsigned seed = *(unsigned *)*state;
    for (unsigned i = 0; i < 8; i++) {
        struct disk *disk = make_disk(seed + i);
        struct start start;
        assert_int_equal(begin(&start, disk, 1, 1), STATUS_OK);
        assert_int_equal(serve(&start), STATUS_OK);
        disk_plan_fault(disk, &fault);
        assert_int_equal(serve(&start), STATUS_IO);
        disk_clear_faults(disk);
        forget(&start);
        disk_end_process(disk);
        assert_int_equal(begin(&start, disk, 1, 1), STATUS_OK);
        assert_int_equal(start.entries_read, 2);
        forget(&start);
        disk_cut_power(disk, &cut);
        assert_int_equal(begin(&start, disk, 1, 2), STATUS_OK);
        assert_int_equal(start.entries_read, 2);
        end(&start);
        disk_destroy(disk);
    }
}

static void assert_refused(struct disk *disk, const char *what)
{
    struct start start;
    assert_int_equal(begin(&start, disk, 1, 1), STATUS_CORRUPT);
    if (strstr(start.failure.text, what) == NULL) {
        fail_msg("%s: %s", what, start.failure.text);
    }
}

static void a_log_that_is_not_there_is_damage(void **state)
{
    (void)state;
    struct disk *disk = make_disk(1);
    const struct files files = disk_get_files(disk);
    struct start start;
    assert_int_equal(begin(&start, disk, 2, 1), STATUS_OK);
    for (int i = 0; i < 4; i++) {
        struct journal_task task;
        while (journal_next_task(&start.journals[1], 0, &task)) {
            journal_task_run(&task);
            assert_int_equal(journal_complete(&start.journals[1], &task, 0, &start.failure),
                             STATUS_OK);
        }
        start.journals[1].wants_rotation = true;
        assert_int_equal(serve(&start), STATUS_OK);
    }
    end(&start);
    ASSERT_OK(files.ops->rename(files.self, "j/1-1-3.journal", "j/kept"));
    assert_refused(disk, "of log 1 of set 1, whose segments are 1 to 5, only 4 are there");
    ASSERT_OK(files.ops->rename(files.self, "j/kept", "j/1-1-3.journal"));
    ASSERT_OK(files.ops->rename(files.self, "j/1-0-1.journal", "j/kept"));
    assert_refused(disk, "of log 0 of set 1, which manifest names, no file is there");
    ASSERT_OK(files.ops->rename(files.self, "j/kept", "j/1-0-1.journal"));
    assert_int_equal(begin(&start, disk, 2, 1), STATUS_OK);
    assert_int_equal(start.entries_read, 8);
    end(&start);
    disk_destroy(disk);
}

/* What was not done the first time is done when it is asked for again. */
static void an_end_that_fails_is_tried_again(void **state)
{
    (void)state;
    static const enum disk_fault_kind kinds[] = {
        DISK_OPEN_ERROR, DISK_WRITE_ERROR,  DISK_SYNC_ERROR,       DISK_RENAME_ERROR,
        DISK_LIST_ERROR, DISK_REMOVE_ERROR, DISK_SYNC_FOLDER_ERROR};
    for (size_t i = 0; i < 7; i++) {
        struct disk *disk = make_disk(1);
        struct start start;
        assert_int_equal(begin(&start, disk, 2, 1), STATUS_OK);
        end(&start);
        assert_int_equal(begin(&start, disk, 2, 1), STATUS_OK);
        const struct disk_fault fault = {.kind = kinds[i], .at = 1};
        disk_plan_fault(disk, &fault);
        assert_int_not_equal(recovery_end(&start.recovery, &start.failure), STATUS_OK);
        assert_int_equal(recovery_end(&start.recovery, &start.failure), STATUS_OK);
        end(&start);
        static const struct disk_cut cut = {.names = DISK_NAMES_OLD};
        disk_cut_power(disk, &cut);
        assert_int_equal(list(disk).counts[1], 0);
        assert_int_equal(begin(&start, disk, 1, 2), STATUS_OK);
        assert_int_equal(start.recovery.manifest.count, 2);
        end(&start);
        disk_destroy(disk);
    }
}

static void so_many_sets_and_no_more(void **state)
{
    (void)state;
    struct disk *disk = make_disk(1);
    struct start start;
    for (int i = 0; i < MANIFEST_SETS_MAX; i++) {
        assert_int_equal(begin(&start, disk, 1, 1), STATUS_OK);
        end(&start);
    }
    assert_int_equal(begin(&start, disk, 1, 1), STATUS_JOURNAL_FULL);
    assert_non_null(strstr(start.failure.text, "left of 64 starts"));
    assert_int_equal(start.recovery.manifest.count, MANIFEST_SETS_MAX);
    end(&start);
    disk_destroy(disk);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_one_after_the_other),
        cmocka_unit_test_prestate(a_start_ends_anywhere, &seed),
        cmocka_unit_test_prestate(what_a_failed_sync_has_lost_is_written_again, &seed),
        cmocka_unit_test(a_log_that_is_not_there_is_damage),
        cmocka_unit_test(an_end_that_fails_is_tried_again),
        cmocka_unit_test(so_many_sets_and_no_more),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
