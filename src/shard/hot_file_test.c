/* The file of the hottest users: whatever happens to its bytes is told. */
#include "shard/hot_file.h"

#include "base/bytes.h"
#include "base/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { IDS = 5, SIZE = HOT_FILE_HEAD_SIZE + IDS * HOT_FILE_ID_SIZE };

static const uint64_t ids[IDS] = {1, INT64_MAX, 300, 4, UINT64_C(0x123456789abcdef)};

static void make(uint8_t to[static SIZE])
{
    for (int i = 0; i < IDS; i++) {
        hot_id_encode(to + HOT_FILE_HEAD_SIZE + (size_t)i * HOT_FILE_ID_SIZE,
                      (struct user_id){ids[i]});
    }
    const struct hot_head head = {.count = IDS,
                                  .checksum = crc32c_extend(0, to + HOT_FILE_HEAD_SIZE, SIZE - 32)};
    hot_head_encode(to, &head);
}

/* All of a file, as a reader goes through it, in pieces of so many ids. */
static enum status check(const uint8_t *bytes, size_t size, size_t piece)
{
    struct hot_head head;
    const enum status status = hot_head_decode(bytes, size, &head);
    if (status != STATUS_OK) {
        return status;
    }
    if (hot_head_measure(&head) != size) {
        return STATUS_CORRUPT;
    }
    struct hot_check checked;
    hot_check_begin(&checked, &head);
    for (size_t at = HOT_FILE_HEAD_SIZE; at < size;) {
        const size_t rest = size - at;
        const size_t taken = rest < piece * HOT_FILE_ID_SIZE ? rest : piece * HOT_FILE_ID_SIZE;
        hot_check_add(&checked, bytes + at, taken);
        at += taken;
    }
    return hot_check_end(&checked);
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    uint8_t bytes[SIZE];
    make(bytes);
    for (size_t piece = 1; piece <= IDS; piece++) {
        assert_int_equal(check(bytes, SIZE, piece), STATUS_OK);
    }
    struct hot_head head;
    assert_int_equal(hot_head_decode(bytes, SIZE, &head), STATUS_OK);
    assert_int_equal(head.count, IDS);
    for (size_t i = 0; i < IDS; i++) {
        const uint8_t *from = bytes + HOT_FILE_HEAD_SIZE + i * HOT_FILE_ID_SIZE;
        assert_int_equal(hot_id_decode(from).value, ids[i]);
    }
}

/* As the format says it, byte for byte: other versions of this program must read it. */
static void the_bytes_are_those_of_the_format(void **state)
{
    (void)state;
    static const uint8_t wanted[HOT_FILE_HEAD_SIZE + 8] = {
        'R',  'S',  'W',  'A',  'R', 'M', '\r', '\n', 1, 0, 0, 0,
        0x04, 0x03, 0x02, 0x01, 7,   0,   0,    0,    0, 0, 0, 0};
    uint8_t bytes[HOT_FILE_HEAD_SIZE];
    hot_head_encode(bytes, &(struct hot_head){.count = 7, .checksum = 0x01020304});
    assert_memory_equal(bytes, wanted, 24);
    assert_int_equal(bytes_read_u32(bytes + 24), crc32c_extend(0, wanted, 24));
    assert_int_equal(bytes_read_u32(bytes + 28), 0);
    uint8_t id[HOT_FILE_ID_SIZE];
    hot_id_encode(id, (struct user_id){0x0102});
    static const uint8_t wanted_id[] = {2, 1, 0, 0, 0, 0, 0, 0};
    assert_memory_equal(id, wanted_id, sizeof id);
}

static void every_changed_bit_is_told(void **state)
{
    (void)state;
    uint8_t bytes[SIZE];
    for (size_t bit = 0; bit < (size_t)8 * SIZE; bit++) {
        make(bytes);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        const enum status status = check(bytes, SIZE, 2);
        const enum status wanted = bit / 8 < 8     ? STATUS_INVALID
                                   : bit / 8 >= 12 ? STATUS_CORRUPT
                                   : bit == 64     ? STATUS_CORRUPT /* Version 0. */
                                                   : STATUS_NEWER;
        assert_int_equal(status, wanted);
    }
}

static void every_cut_is_told(void **state)
{
    (void)state;
    uint8_t bytes[SIZE + 8];
    make(bytes);
    for (size_t size = 0; size < SIZE; size++) {
        assert_int_equal(check(bytes, size, 2), STATUS_CORRUPT);
    }
    /* And so is what follows it. */
    memset(bytes + SIZE, 0, 8);
    assert_int_equal(check(bytes, SIZE + 8, 2), STATUS_CORRUPT);
}

static void other_files_are_told(void **state)
{
    (void)state;
    static const char text[] = "hello, this is a file that somebody has put here";
    assert_int_equal(check((const uint8_t *)text, sizeof text, 1), STATUS_INVALID);
    assert_int_equal(check((const uint8_t *)text, 1, 1), STATUS_INVALID);
    uint8_t newer[12] = "RSWARM\r\n";
    newer[8] = 2;
    assert_int_equal(check(newer, sizeof newer, 1), STATUS_NEWER);
}

/* With a right checksum as well. */
static void wrong_ids_are_told(void **state)
{
    (void)state;
    static const uint64_t wrong[] = {0, UINT64_C(1) << 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint8_t bytes[SIZE];
        make(bytes);
        hot_id_encode(bytes + HOT_FILE_HEAD_SIZE + 16, (struct user_id){wrong[i]});
        const struct hot_head head = {
            .count = IDS, .checksum = crc32c_extend(0, bytes + HOT_FILE_HEAD_SIZE, SIZE - 32)};
        hot_head_encode(bytes, &head);
        assert_int_equal(check(bytes, SIZE, 2), STATUS_CORRUPT);
    }
}

/* A number of ids that no file has, with a right checksum. */
static void a_size_beyond_all_numbers_is_told(void **state)
{
    (void)state;
    uint8_t bytes[HOT_FILE_HEAD_SIZE];
    hot_head_encode(bytes, &(struct hot_head){.count = UINT64_C(1) << 61});
    assert_int_equal(check(bytes, sizeof bytes, 1), STATUS_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(the_bytes_are_those_of_the_format),
        cmocka_unit_test(every_changed_bit_is_told),
        cmocka_unit_test(every_cut_is_told),
        cmocka_unit_test(other_files_are_told),
        cmocka_unit_test(wrong_ids_are_told),
        cmocka_unit_test(a_size_beyond_all_numbers_is_told),
    };
    return cmocka_run_group_tests_name("hot file", tests, NULL, NULL);
}
