#include "journal/segment.h"

#include "base/bytes.h"
#include "base/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct segment_head make_head(void)
{
    return (struct segment_head){.sync = JOURNAL_SYNC_EVERYSEC,
                                 .set = 3,
                                 .number = 17,
                                 .log = 1,
                                 .logs = 2,
                                 .boot = {"0123456789abcde"},
                                 .key = 0xfedcba98};
}

static void a_head_is_read_as_it_was_written(void **state)
{
    (void)state;
    uint8_t bytes[SEGMENT_HEAD_SIZE];
    struct segment_head head;
    const struct segment_head wanted = make_head();
    segment_encode_head(bytes, &wanted);
    assert_memory_equal(bytes, "rs-jrnl\n\1\0\0\0\1\0\0\0\3\0\0\0\0\0\0\0\21", 25);
    assert_memory_equal(bytes + 32,
                        "\1\0\0\0\2\0\0\0"
                        "0123456789abcde\0\x98\xba\xdc\xfe",
                        28);
    assert_int_equal(segment_decode_head(bytes, &head), STATUS_OK);
    assert_int_equal(head.sync, JOURNAL_SYNC_EVERYSEC);
    assert_true(head.set == 3 && head.number == 17 && head.log == 1 && head.logs == 2);
    assert_true(segment_boot_is(&head.boot, &wanted.boot));
    assert_int_equal(head.key, 0xfedcba98);
    head.boot.bytes[15] = 1;
    assert_false(segment_boot_is(&head.boot, &wanted.boot));
}

static void every_flip_in_a_head_is_seen(void **state)
{
    (void)state;
    uint8_t bytes[SEGMENT_HEAD_SIZE];
    const struct segment_head wanted = make_head();
    segment_encode_head(bytes, &wanted);
    for (int at = 0; at < SEGMENT_HEAD_SIZE; at++) {
        for (int mask = 1; mask < 256; mask++) {
            struct segment_head head = {.key = 5};
            bytes[at] ^= (uint8_t)mask;
            assert_int_equal(segment_decode_head(bytes, &head), STATUS_CORRUPT);
            assert_int_equal(head.key, 5);
            bytes[at] ^= (uint8_t)mask;
        }
    }
}

static enum status decode(const uint8_t *changed)
{
    uint8_t bytes[SEGMENT_HEAD_SIZE];
    struct segment_head head;
    memcpy(bytes, changed, sizeof bytes);
    bytes_write_u32(bytes + 60, crc32c_extend(0, bytes, 60));
    return segment_decode_head(bytes, &head);
}

static void fields_out_of_range_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[SEGMENT_HEAD_SIZE] = {0};
    struct segment_head head;
    assert_int_equal(segment_decode_head(bytes, &head), STATUS_MISSING);
    head = make_head();
    segment_encode_head(bytes, &head);
    assert_int_equal(decode(bytes), STATUS_OK);
    bytes[8] = 2;
    assert_int_equal(decode(bytes), STATUS_NEWER);
    bytes[8] = 0;
    assert_int_equal(decode(bytes), STATUS_CORRUPT);
    bytes[8] = 1;
    bytes[12] = 3; /* A mode there is none of. */
    assert_int_equal(decode(bytes), STATUS_CORRUPT);
    static const struct {
        size_t at;
        uint64_t value;
    } wrong[] = {
        {16, 0}, {24, 0}, {32, UINT64_C(2) << 32 | 2}, {32, 0}, {32, UINT64_C(1025) << 32}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        segment_encode_head(bytes, &head);
        bytes_write_u64(bytes + wrong[i].at, wrong[i].value);
        assert_int_equal(decode(bytes), STATUS_CORRUPT);
    }
}

static void names_are_read_as_they_are_printed(void **state)
{
    (void)state;
    static const uint64_t values[] = {1, 2, 9, 10, 1023, UINT64_C(1) << 40, (uint64_t)INT64_MAX};
    enum { VALUES = sizeof values / sizeof values[0] };
    for (size_t i = 0; i < VALUES; i++) {
        for (size_t j = 0; j < VALUES; j++) {
            char name[SEGMENT_NAME_SIZE];
            uint64_t set = 0;
            uint64_t number = 0;
            uint32_t log = 0;
            segment_print_name(name, values[i], (uint32_t)(values[j] % 1024), values[j]);
            assert_true(segment_parse_name(name, &set, &log, &number));
            assert_true(set == values[i] && log == values[j] % 1024 && number == values[j]);
        }
    }
    char name[SEGMENT_NAME_SIZE];
    segment_print_name(name, 3, 0, 17);
    assert_string_equal(name, "3-0-17.journal");
}

static void other_names_are_no_segments(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        "manifest",
        "manifest.new",
        "3-0-spare",
        "3-0-17",
        "3-0-17.journal.new",
        "3-0-17.journa",
        "3-0-17.",
        "-3-0-17.journal",
        "03-0-17.journal",
        "3-00-17.journal",
        "3-0-017.journal",
        "3-0-+7.journal",
        "3-0- 7.journal",
        "3--17.journal",
        "0-0-17.journal",
        "3-0-0.journal",
        "3-1024-1.journal",
        "3-0-9223372036854775808.journal",
        "3-0-17-1.journal",
        "a3-0-17.journal",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        uint64_t set = 5;
        uint64_t number = 5;
        uint32_t log = 5;
        assert_false(segment_parse_name(names[i], &set, &log, &number));
        assert_true(set == 5 && log == 5 && number == 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_is_read_as_it_was_written),
        cmocka_unit_test(every_flip_in_a_head_is_seen),
        cmocka_unit_test(fields_out_of_range_are_refused),
        cmocka_unit_test(names_are_read_as_they_are_printed),
        cmocka_unit_test(other_names_are_no_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
