#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void slices_are_equal_by_their_bytes(void **state)
{
    (void)state;
    const struct slice empty = {0};
    assert_true(slice_equal(empty, slice_from_text("")));
    assert_true(slice_equal(slice_from_text("ack"), slice_from_text("ack")));
    assert_false(slice_equal(slice_from_text("ack"), slice_from_text("Ack")));
    assert_false(slice_equal(slice_from_text("ack"), slice_from_text("acks")));
    const struct slice a = {.bytes = "a\0b", .size = 3};
    const struct slice b = {.bytes = "a\0c", .size = 3};
    assert_false(slice_equal(a, b));
}

/* Every pair of bytes: equal without case if both are the same letter, or the same byte. */
static void only_ascii_letters_lose_their_case(void **state)
{
    (void)state;
    for (int a = 1; a < 256; a++) {
        for (int b = 1; b < 256; b++) {
            const char byte = (char)a;
            const char text[2] = {(char)b, '\0'};
            const int a_low = a >= 'A' && a <= 'Z' ? a + 32 : a;
            const int b_low = b >= 'A' && b <= 'Z' ? b + 32 : b;
            const struct slice slice = {.bytes = &byte, .size = 1};
            assert_int_equal(slice_equal_text_nocase(slice, text), a_low == b_low);
        }
    }
}

static void a_prefix_is_not_the_whole(void **state)
{
    (void)state;
    assert_true(slice_equal_text_nocase(slice_from_text("rs.Ack"), "RS.ACK"));
    assert_false(slice_equal_text_nocase(slice_from_text("RS.AC"), "RS.ACK"));
    assert_false(slice_equal_text_nocase(slice_from_text("RS.ACKS"), "RS.ACK"));
    assert_true(slice_equal_text_nocase((struct slice){0}, ""));
    assert_false(slice_equal_text_nocase((struct slice){0}, "a"));
    const struct slice with_zero_byte = {.bytes = "ack\0", .size = 4};
    assert_false(slice_equal_text_nocase(with_zero_byte, "ack"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_equal_by_their_bytes),
        cmocka_unit_test(only_ascii_letters_lose_their_case),
        cmocka_unit_test(a_prefix_is_not_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
