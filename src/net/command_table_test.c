#include "net/command_table.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void every_command_is_declared_whole(void **state)
{
    (void)state;
    for (int id = 0; id < COMMAND_IDS; id++) {
        const struct command_spec *spec = command_table_get((enum command_id)id);
        assert_int_equal(spec->id, id);
        assert_non_null(spec->name);
        for (const char *at = spec->name; *at != '\0'; at++) {
            assert_false(isupper((unsigned char)*at));
        }
        assert_int_not_equal(spec->arity, 0);
        assert_true(spec->flags < 1U << COMMAND_FLAGS);
        assert_false((spec->flags & COMMAND_WRITE) != 0 && (spec->flags & COMMAND_READONLY) != 0);
        assert_in_range(spec->key, 0, abs(spec->arity) - 1);
        assert_true(spec->group[0] != '\0' && spec->reply[0] != '\0' &&
                    spec->complexity[0] != '\0');
        /* Sentences, as the docs show them. */
        assert_true(isupper((unsigned char)spec->summary[0]));
        assert_int_equal(spec->summary[strlen(spec->summary) - 1], '.');
    }
}

static void commands_are_found_in_any_case(void **state)
{
    (void)state;
    for (int id = 0; id < COMMAND_IDS; id++) {
        const struct command_spec *spec = command_table_get((enum command_id)id);
        char name[32];
        size_t size = 0;
        for (; spec->name[size] != '\0'; size++) {
            const int letter = (unsigned char)spec->name[size];
            name[size] = (char)(size % 2 == 0 ? toupper(letter) : letter);
        }
        assert_ptr_equal(command_table_find((struct slice){.bytes = name, .size = size}), spec);
        /* Neither a part of a name nor more than it. */
        name[size] = 'x';
        assert_null(command_table_find((struct slice){.bytes = name, .size = size + 1}));
        assert_null(command_table_find((struct slice){.bytes = name, .size = size - 1}));
    }
    assert_null(command_table_find((struct slice){.bytes = NULL, .size = 0}));
    assert_null(command_table_find((struct slice){.bytes = "ping\0", .size = 5}));
}

static bool accepts(const char *name, uint32_t arguments)
{
    return command_spec_accepts(command_table_find(slice_from_text(name)), arguments);
}

static void only_letters_have_cases(void **state)
{
    (void)state;
    for (int id = 0; id < COMMAND_IDS; id++) {
        const struct command_spec *spec = command_table_get((enum command_id)id);
        const size_t size = strlen(spec->name);
        for (size_t at = 0; at < size; at++) {
            for (int byte = 0; byte < 256; byte++) {
                char name[COMMAND_NAME_SIZE];
                memcpy(name, spec->name, sizeof name);
                name[at] = (char)byte;
                const struct slice typed = {.bytes = name, .size = size};
                const bool is_same = tolower(byte) == (unsigned char)spec->name[at];
                assert_int_equal(command_table_find(typed) == spec, is_same);
            }
        }
    }
}

static void the_number_of_arguments_is_checked(void **state)
{
    (void)state;
    assert_false(accepts("rs.ack", 3));
    assert_true(accepts("rs.ack", 4));
    assert_true(accepts("rs.ack", 5));
    assert_false(accepts("rs.join", 5));
    assert_false(accepts("rs.mention", 3));
    assert_true(accepts("rs.mention", 4));
    assert_true(accepts("rs.mention", UINT32_MAX));
    assert_true(accepts("rs.flush", 1));
    assert_false(accepts("rs.badge", 1));
    assert_true(accepts("dbsize", 1));
    assert_false(accepts("dbsize", 2));
}

/* Contract, section 4: a user argument is the key of every command that takes exactly one. */
static void the_key_is_the_only_user(void **state)
{
    (void)state;
    static const char *const keyed[] = {
        "rs.ack",  "rs.bulkack", "rs.del",  "rs.evict",   "rs.forget", "rs.get",
        "rs.join", "rs.leave",   "rs.list", "rs.inspect", "rs.pin",
    };
    int count = 0;
    for (size_t i = 0; i < sizeof keyed / sizeof *keyed; i++) {
        assert_int_equal(command_table_find(slice_from_text(keyed[i]))->key, 1);
    }
    for (int id = 0; id < COMMAND_IDS; id++) {
        count += command_table_get((enum command_id)id)->key != 0;
    }
    assert_int_equal(count, sizeof keyed / sizeof *keyed);
}

static void flags_have_the_names_of_redis(void **state)
{
    (void)state;
    assert_string_equal(command_flag_get_name(COMMAND_WRITE), "write");
    assert_string_equal(command_flag_get_name(COMMAND_READONLY), "readonly");
    assert_string_equal(command_flag_get_name(COMMAND_FAST), "fast");
    assert_string_equal(command_flag_get_name(COMMAND_ADMIN), "admin");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_is_declared_whole),
        cmocka_unit_test(commands_are_found_in_any_case),
        cmocka_unit_test(only_letters_have_cases),
        cmocka_unit_test(the_number_of_arguments_is_checked),
        cmocka_unit_test(the_key_is_the_only_user),
        cmocka_unit_test(flags_have_the_names_of_redis),
    };
    return cmocka_run_group_tests_name("command_table", tests, NULL, NULL);
}
