#include "net/slowlog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ARGUMENTS_ROOM = 600 };

static void expect_argument(const struct slow_command *command, uint32_t index, const char *wanted)
{
    const struct slice argument = slow_command_get(command, index);
    assert_int_equal(argument.size, strlen(wanted));
    assert_memory_equal(argument.bytes, wanted, argument.size);
}

static void a_command_is_kept_as_it_came(void **state)
{
    (void)state;
    const struct slice arguments[] = {slice_from_text("RS.ACK"),
                                      slice_from_text(""),
                                      {.bytes = "\0\n", .size = 2},
                                      {.bytes = NULL, .size = 0}};
    struct slow_command *command = slow_command_create(arguments, 4);
    assert_non_null(command);
    assert_int_equal(slow_command_count(command), 4);
    expect_argument(command, 0, "RS.ACK");
    expect_argument(command, 1, "");
    assert_int_equal(slow_command_get(command, 2).size, 2);
    assert_memory_equal(slow_command_get(command, 2).bytes, "\0\n", 2);
    expect_argument(command, 3, "");
    assert_in_range(slow_command_get_size(command), 8, 1024);
    slow_command_destroy(&command);
    assert_null(command);
}

static void what_is_long_is_cut(void **state)
{
    (void)state;
    char text[SLOWLOG_ARGUMENT_SIZE_MAX + 2];
    char wanted[SLOWLOG_ARGUMENT_SIZE_MAX + 32];
    memset(text, 'x', sizeof text);
    const struct slice arguments[] = {{.bytes = text, .size = SLOWLOG_ARGUMENT_SIZE_MAX},
                                      {.bytes = text, .size = SLOWLOG_ARGUMENT_SIZE_MAX + 2}};
    struct slow_command *command = slow_command_create(arguments, 2);
    assert_non_null(command);
    assert_int_equal(slow_command_get(command, 0).size, SLOWLOG_ARGUMENT_SIZE_MAX);
    (void)snprintf(wanted, sizeof wanted, "%.*s... (2 more bytes)", SLOWLOG_ARGUMENT_SIZE_MAX,
                   text);
    expect_argument(command, 1, wanted);
    slow_command_destroy(&command);
}

static void of_many_arguments_the_first_are_kept(void **state)
{
    (void)state;
    struct slice arguments[ARGUMENTS_ROOM];
    for (uint32_t i = 0; i < ARGUMENTS_ROOM; i++) {
        arguments[i] = slice_from_text("a");
    }
    struct slow_command *command = slow_command_create(arguments, SLOWLOG_ARGUMENTS_MAX);
    assert_non_null(command);
    expect_argument(command, SLOWLOG_ARGUMENTS_MAX - 1, "a");
    slow_command_destroy(&command);
    command = slow_command_create(arguments, ARGUMENTS_ROOM);
    assert_non_null(command);
    assert_int_equal(slow_command_count(command), SLOWLOG_ARGUMENTS_MAX);
    expect_argument(command, SLOWLOG_ARGUMENTS_MAX - 2, "a");
    expect_argument(command, SLOWLOG_ARGUMENTS_MAX - 1, "... (569 more arguments)");
    slow_command_destroy(&command);
}

static void secrets_are_not_kept(void **state)
{
    (void)state;
    const struct slice hello[] = {slice_from_text("hello"), slice_from_text("3"),
                                  slice_from_text("Auth"),  slice_from_text("me"),
                                  slice_from_text("pw"),    slice_from_text("SETNAME"),
                                  slice_from_text("n")};
    struct slow_command *command = slow_command_create(hello, 7);
    assert_non_null(command);
    expect_argument(command, 2, "Auth");
    expect_argument(command, 3, "(redacted)");
    expect_argument(command, 4, "(redacted)");
    expect_argument(command, 5, "SETNAME");
    expect_argument(command, 6, "n");
    slow_command_destroy(&command);
    const struct slice auth[] = {slice_from_text("AUTH"), slice_from_text("pw")};
    command = slow_command_create(auth, 2);
    assert_non_null(command);
    expect_argument(command, 0, "AUTH");
    expect_argument(command, 1, "(redacted)");
    slow_command_destroy(&command);
}

/* What slowlog_list gives. */
struct listed {
    uint32_t begun;
    uint32_t count;
    uint64_t ids[8];
};

static void take_count(void *to, uint32_t count)
{
    ((struct listed *)to)->begun = count;
}

static void take_entry(void *to, const struct slow_entry *entry)
{
    struct listed *listed = (struct listed *)to;
    assert_in_range(listed->count, 0, 7);
    assert_int_equal(entry->taken_us, entry->id * 1000);
    assert_int_equal(entry->time_s, 100 + entry->id);
    assert_string_equal(entry->client.name, "me");
    listed->ids[listed->count++] = entry->id;
}

static struct listed list(struct slowlog *self, uint64_t most)
{
    struct listed listed = {0};
    slowlog_list(self, most, take_count, take_entry, &listed);
    assert_int_equal(listed.begun, listed.count);
    return listed;
}

static void insert(struct slowlog *self, uint64_t number)
{
    static const struct slow_client client = {.address = "127.0.0.1:1", .name = "me"};
    const struct slice argument = slice_from_text("PING");
    struct slow_command *command = slow_command_create(&argument, 1);
    assert_non_null(command);
    slowlog_insert(self, &command, 100 + number, number * 1000000, &client);
    assert_null(command);
}

static void the_newest_stay_and_numbers_go_on(void **state)
{
    (void)state;
    struct slowlog log;
    slowlog_init(&log);
    slowlog_set_limits(&log, 1000, 3);
    for (uint64_t number = 0; number < 5; number++) {
        insert(&log, number);
    }
    assert_int_equal(slowlog_count(&log), 3);
    struct listed listed = list(&log, UINT64_MAX);
    assert_int_equal(listed.count, 3);
    assert_int_equal(listed.ids[0], 4);
    assert_int_equal(listed.ids[2], 2);
    assert_int_equal(list(&log, 2).count, 2);
    assert_int_equal(list(&log, 0).count, 0);
    slowlog_set_limits(&log, 1000, 1);
    listed = list(&log, UINT64_MAX);
    assert_int_equal(listed.count, 1);
    assert_int_equal(listed.ids[0], 4);
    slowlog_clear(&log);
    assert_int_equal(slowlog_count(&log), 0);
    insert(&log, 5);
    assert_int_equal(list(&log, 9).ids[0], 5);
    slowlog_deinit(&log);
}

static void what_is_slow(void **state)
{
    (void)state;
    struct slowlog log;
    slowlog_init(&log);
    slowlog_set_limits(&log, 1000, 3);
    assert_false(slowlog_is_slow(&log, 999));
    assert_true(slowlog_is_slow(&log, 1000));
    slowlog_set_limits(&log, 0, 3);
    assert_true(slowlog_is_slow(&log, 0));
    slowlog_set_limits(&log, 0, 0);
    assert_false(slowlog_is_slow(&log, UINT64_MAX));
    slowlog_deinit(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_kept_as_it_came),
        cmocka_unit_test(what_is_long_is_cut),
        cmocka_unit_test(of_many_arguments_the_first_are_kept),
        cmocka_unit_test(secrets_are_not_kept),
        cmocka_unit_test(the_newest_stay_and_numbers_go_on),
        cmocka_unit_test(what_is_slow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
