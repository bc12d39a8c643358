#include "base/ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define UNTOUCHED UINT64_C(77)

static const char *const not_a_number[] = {
    "",
    "-1",
    "+1",
    "01",
    "00",
    " 1",
    "1 ",
    "1.0",
    "0x1",
    "a",
    "1a",
    "1-",
    "1/",
    "1\n",
    "٣",
    "1e3",
    "1_000",

    "9223372036854775808",
    "18446744073709551616",
    "10000000000000000000",
};

static void users_and_messages_are_positive_u63(void **state)
{
    (void)state;
    struct user_id user = {0};
    assert_true(user_id_parse(slice_from_text("1"), &user));
    assert_int_equal(user.value, 1);
    assert_true(user_id_parse(slice_from_text("9223372036854775807"), &user));
    assert_int_equal(user.value, INT64_MAX);

    struct message_id message = {0};
    assert_true(message_id_parse(slice_from_text("10"), &message));
    assert_int_equal(message.value, 10);
}

static void zero_is_a_message_only_where_a_rule_says_so(void **state)
{
    (void)state;
    const struct slice zero = slice_from_text("0");
    struct user_id user = {UNTOUCHED};
    struct message_id message = {UNTOUCHED};
    assert_false(user_id_parse(zero, &user));
    assert_int_equal(user.value, UNTOUCHED);
    assert_false(message_id_parse(zero, &message));
    assert_int_equal(message.value, UNTOUCHED);
    assert_true(message_id_parse_or_zero(zero, &message));
    assert_int_equal(message.value, 0);
}

static void what_is_not_canonical_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof not_a_number / sizeof *not_a_number; i++) {
        const struct slice text = slice_from_text(not_a_number[i]);
        struct user_id user = {UNTOUCHED};
        struct message_id message = {UNTOUCHED};
        struct channel_key channel = {.id = UNTOUCHED, .type = 7};
        assert_false(user_id_parse(text, &user));
        assert_false(message_id_parse(text, &message));
        assert_false(message_id_parse_or_zero(text, &message));
        assert_false(channel_key_parse(text, &channel));
        assert_int_equal(user.value, UNTOUCHED);
        assert_int_equal(message.value, UNTOUCHED);
        assert_int_equal(channel.id, UNTOUCHED);
        assert_int_equal(channel.type, 7);
    }
    const struct slice with_zero_byte = {.bytes = "1\0", .size = 2};
    struct user_id user = {0};
    assert_false(user_id_parse(with_zero_byte, &user));
}

static void expect_channel(const char *text, unsigned type, uint64_t id, const char *printed)
{
    struct channel_key channel = {0};
    char bytes[CHANNEL_KEY_SIZE_MAX];
    assert_true(channel_key_parse(slice_from_text(text), &channel));
    assert_int_equal(channel.id, id);
    assert_int_equal(channel.type, type);
    const size_t size = channel_key_print(bytes, channel);
    assert_int_equal(size, strlen(printed));
    assert_memory_equal(bytes, printed, size);
}

static void channels_have_a_type_and_print_without_type_zero(void **state)
{
    (void)state;
    expect_channel("1", 0, 1, "1");
    expect_channel("0:1", 0, 1, "1");
    expect_channel("1:1", 1, 1, "1:1");
    expect_channel("255:9223372036854775807", 255, INT64_MAX, "255:9223372036854775807");
    assert_int_equal(strlen("255:9223372036854775807"), CHANNEL_KEY_SIZE_MAX);
}

static void malformed_channels_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "0",    "0:0",  "5:0",  ":",    ":1",   "1:",    "256:1",  "00:1",
        "01:1", "1:01", "-1:1", "1:-1", "1::1", "1:1:1", "1000:1", "1:9223372036854775808",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct channel_key channel = {.id = UNTOUCHED, .type = 7};
        assert_false(channel_key_parse(slice_from_text(texts[i]), &channel));
        assert_int_equal(channel.id, UNTOUCHED);
        assert_int_equal(channel.type, 7);
    }
}

static void channels_are_ordered_by_id_then_type(void **state)
{
    (void)state;
    static const struct channel_key ascending[] = {
        {.id = 1}, {.id = 1, .type = 1}, {.id = 1, .type = 255}, {.id = 2}, {.id = INT64_MAX},
    };
    const int count = sizeof ascending / sizeof *ascending;
    for (int a = 0; a < count; a++) {
        for (int b = 0; b < count; b++) {
            const int order = channel_key_compare(ascending[a], ascending[b]);
            assert_int_equal((order > 0) - (order < 0), (a > b) - (a < b));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_and_messages_are_positive_u63),
        cmocka_unit_test(zero_is_a_message_only_where_a_rule_says_so),
        cmocka_unit_test(what_is_not_canonical_is_refused_and_changes_nothing),
        cmocka_unit_test(channels_have_a_type_and_print_without_type_zero),
        cmocka_unit_test(malformed_channels_are_refused),
        cmocka_unit_test(channels_are_ordered_by_id_then_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
