#include "journal/segment_reader.h"

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

enum { KEY = 99, LARGE_ENTRIES = 40, LARGE_SIZE_MAX = 9 * 1024 * 1024 };

/* A head and four entries, as a small file has room for. */
enum { SMALL_SIZE = SEGMENT_HEAD_SIZE + 4 * JOURNAL_PLAIN_SIZE };

static void encode_head(uint8_t to[static SEGMENT_HEAD_SIZE])
{
    const struct segment_head head = {.set = 1, .number = 2, .logs = 1, .key = KEY};
    segment_encode_head(to, &head);
}

static void make_small(uint8_t to[static SMALL_SIZE])
{
    uint32_t crc = 0;
    encode_head(to);
    for (uint32_t i = 0; i < 4; i++) {
        uint8_t *entry = to + SEGMENT_HEAD_SIZE + (size_t)i * JOURNAL_PLAIN_SIZE;
        journal_entry_encode_plain(entry, (struct user_id){i + 1}, 1, (struct channel_key){.id = 7},
                                   i, i + 1);
        crc = journal_entry_seal(entry, KEY, crc);
    }
}

static struct files put(struct files_fake *memory, const uint8_t *bytes, size_t size)
{
    memset(memory, 0, sizeof *memory);
    const struct files files = files_fake_get(memory);
    struct file file;
    assert_int_equal(files.ops->open(files.self, "x", FILES_REPLACE, &file).status, STATUS_OK);
    assert_int_equal(files.ops->write_at(files.self, file, 0, bytes, size).status, STATUS_OK);
    files.ops->close(files.self, file);
    return files;
}

/* How many entries are whole, and what is found behind them. */
static uint32_t read_all(const struct files *files, struct segment_rest *out_rest)
{
    struct segment_reader reader;
    struct journal_entry entry;
    struct files_result result;
    uint32_t count = 0;
    assert_int_equal(segment_reader_open(&reader, files, "x", &result), STATUS_OK);
    while (segment_reader_next(&reader, &entry, &result) == STATUS_OK) {
        count++;
        assert_int_equal(entry.user.value, count);
    }
    assert_int_equal(reader.offset, SEGMENT_HEAD_SIZE + count * JOURNAL_PLAIN_SIZE);
    /* It stays where it is. */
    assert_int_equal(segment_reader_next(&reader, &entry, &result), STATUS_MISSING);
    assert_int_equal(segment_reader_find_rest(&reader, out_rest, &result), STATUS_OK);
    segment_reader_close(&reader);
    return count;
}

static void what_follows_damage_is_found(void **state)
{
    (void)state;
    uint8_t bytes[SMALL_SIZE];
    struct files_fake memory;
    struct segment_rest rest;
    make_small(bytes);
    struct files files = put(&memory, bytes, sizeof bytes);
    assert_int_equal(read_all(&files, &rest), 4);
    assert_false(rest.is_there);
    for (size_t at = SEGMENT_HEAD_SIZE; at < sizeof bytes; at++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes[at] ^= (uint8_t)(1 << bit);
            files = put(&memory, bytes, sizeof bytes);
            const uint32_t whole = (uint32_t)(at - SEGMENT_HEAD_SIZE) / JOURNAL_PLAIN_SIZE;
            assert_int_equal(read_all(&files, &rest), whole);
            assert_int_equal(rest.is_there, whole < 3);
            if (rest.is_there) {
                assert_int_equal(rest.offset, SEGMENT_HEAD_SIZE + (whole + 1) * JOURNAL_PLAIN_SIZE);
            }
            bytes[at] ^= (uint8_t)(1 << bit);
        }
    }
}

static void a_segment_that_is_cut_ends_there(void **state)
{
    (void)state;
    uint8_t bytes[SMALL_SIZE];
    struct files_fake memory;
    make_small(bytes);
    for (size_t size = 0; size < sizeof bytes; size++) {
        const struct files files = put(&memory, bytes, size);
        struct segment_rest rest;
        struct segment_reader reader;
        struct files_result result;
        if (size < SEGMENT_HEAD_SIZE) {
            assert_int_equal(segment_reader_open(&reader, &files, "x", &result),
                             size == 0 ? STATUS_MISSING : STATUS_CORRUPT);
            continue;
        }
        assert_int_equal(read_all(&files, &rest), (size - SEGMENT_HEAD_SIZE) / JOURNAL_PLAIN_SIZE);
        assert_false(rest.is_there);
    }
}

static void a_failure_is_the_systems(void **state)
{
    (void)state;
    uint8_t bytes[SMALL_SIZE];
    struct files_fake memory;
    struct segment_reader reader;
    struct files_result result;
    make_small(bytes);
    const struct files files = put(&memory, bytes, sizeof bytes);
    assert_int_equal(segment_reader_open(&reader, &files, "none", &result), STATUS_MISSING);
    assert_int_equal(result.number, ENOENT);
    for (uint32_t at = 1; at <= 2; at++) {
        memory.fail_at = memory.operations + at;
        memory.fail_number = EIO;
        assert_int_equal(segment_reader_open(&reader, &files, "x", &result), STATUS_IO);
        assert_int_equal(result.number, EIO);
    }
}

/* Entries of up to megabytes, in a file of the system. */
static size_t make_large(uint8_t *to, size_t sizes[static LARGE_ENTRIES])
{
    size_t at = SEGMENT_HEAD_SIZE;
    uint32_t crc = 0;
    encode_head(to);
    for (uint32_t i = 0; i < LARGE_ENTRIES; i++) {
        const size_t leaves = (size_t)LEAF_HEAD_SIZE * (size_t)(rand() % (1 << rand() % 17));
        const struct journal_entry head = {.user = {i + 1}, .version = 1};
        sizes[i] = journal_entry_measure_states(leaves);
        if (at + sizes[i] > LARGE_SIZE_MAX) {
            sizes[i] = journal_entry_measure_states(0);
        }
        memset(to + at, 0, sizes[i]);
        journal_entry_encode_states(to + at, &head, sizes[i] - JOURNAL_STATES_HEAD_SIZE);
        crc = journal_entry_seal(to + at, KEY, crc);
        at += sizes[i];
    }
    return at;
}

static void entries_of_any_size_are_read_through_a_window(void **state)
{
    srand(*(unsigned *)*state);
    char folder[] = "/tmp/segment_reader_test.XXXXXX";
    char path[64];
    size_t sizes[LARGE_ENTRIES];
    uint8_t *bytes = malloc(LARGE_SIZE_MAX + 4096);
    assert_non_null(bytes);
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/x", folder);
    const struct files files = files_get_system();
    const size_t size = make_large(bytes, sizes);
    const uint32_t broken = 1 + (uint32_t)rand() % (LARGE_ENTRIES - 3);
    for (int breaks = 0; breaks < 2; breaks++) {
        struct file file;
        struct segment_reader reader;
        struct journal_entry entry;
        struct files_result result;
        size_t offset = SEGMENT_HEAD_SIZE;
        for (uint32_t i = 0; i < broken; i++) {
            offset += sizes[i];
        }
        bytes[offset + 30] ^= (uint8_t)breaks;
        assert_int_equal(files.ops->open(files.self, path, FILES_REPLACE, &file).status, STATUS_OK);
        assert_int_equal(files.ops->write_at(files.self, file, 0, bytes, size).status, STATUS_OK);
        files.ops->close(files.self, file);
        assert_int_equal(segment_reader_open(&reader, &files, path, &result), STATUS_OK);
        uint32_t count = 0;
        while (segment_reader_next(&reader, &entry, &result) == STATUS_OK) {
            assert_int_equal(entry.leaves.size, sizes[count] - JOURNAL_STATES_HEAD_SIZE);
            count++;
            assert_int_equal(entry.user.value, count);
        }
        assert_int_equal(count, breaks ? broken : LARGE_ENTRIES);
        struct segment_rest rest;
        assert_int_equal(segment_reader_find_rest(&reader, &rest, &result), STATUS_OK);
        assert_int_equal(rest.is_there, breaks);
        assert_int_equal(rest.offset, breaks ? offset + sizes[broken] : 0);
        segment_reader_close(&reader);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    free(bytes);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_follows_damage_is_found),
        cmocka_unit_test(a_segment_that_is_cut_ends_there),
        cmocka_unit_test(a_failure_is_the_systems),
        cmocka_unit_test_prestate(entries_of_any_size_are_read_through_a_window, &seed),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
