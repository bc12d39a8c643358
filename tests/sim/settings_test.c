#include "sim/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS_MAX = 32 };

/* Of one line, its words with a blank between. */
static bool read_line(const char *line, struct settings *out_settings, struct failure *out_failure)
{
    char copy[SETTINGS_COMMAND_SIZE];
    char *words[WORDS_MAX + 1] = {"readstates-sim"};
    int count = 1;
    assert_true(strlen(line) < sizeof copy);
    memcpy(copy, line, strlen(line) + 1);
    char *rest = copy;
    for (char *word = strtok_r(copy, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        assert_true(count < WORDS_MAX);
        words[count++] = word;
    }
    return settings_read(out_settings, count, words, out_failure);
}

static void assert_same(const struct run_options *got, const struct run_options *wanted)
{
    assert_int_equal(got->seed, wanted->seed);
    assert_int_equal(got->operations, wanted->operations);
    assert_int_equal(got->faults, wanted->faults);
    assert_int_equal(got->tells, wanted->tells);
    assert_int_equal(got->sync, wanted->sync);
    assert_int_equal(got->kill_at, wanted->kill_at);
    assert_int_equal(got->kill_with, wanted->kill_with);
    assert_int_equal(got->users_max, wanted->users_max);
    assert_int_equal(got->clients_max, wanted->clients_max);
    assert_int_equal(got->shards_max, wanted->shards_max);
}

static void what_is_printed_is_read(void **state)
{
    const uint64_t few = UINT64_C(1) << FAULT_KILL | UINT64_C(1) << FAULT_DISK_ROT;
    const struct run_options runs[] = {
        {.seed = 1, .operations = 20000, .faults = FAULTS_ALL, .sync = -1},
        {.seed = 0, .operations = 1, .faults = 0, .sync = 2, .kill_at = 7},
        {.seed = INT64_MAX, .operations = 33, .faults = few, .sync = 0},
        {.seed = 3, .operations = 30, .faults = FAULTS_ALL & ~few, .sync = 1},
        {.seed = 3,
         .operations = 30,
         .sync = -1,
         .kill_at = 12345,
         .kill_with = RUN_CUTS - 1,
         .users_max = RUN_USERS_MAX,
         .clients_max = 1,
         .shards_max = 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        char line[SETTINGS_COMMAND_SIZE];
        struct settings settings;
        struct failure failure;
        settings_print(&runs[i], line);
        assert_true(read_line(line, &settings, &failure));
        assert_same(&settings.run, &runs[i]);
    }
}

static void each_fault_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < FAULTS_COUNT; i++) {
        uint64_t found = 0;
        assert_true(faults_parse(fault_get_kind((enum fault)i).name, &found));
        assert_int_equal(found, UINT64_C(1) << i);
    }
}

static void what_is_wrong_is_said(void **state)
{
    static const struct {
        const char *line;
        const char *text;
    } cases[] = {
        {"--frob", "no option --frob"},
        {"--seed", "--seed needs a value"},
        {"--seed 1x", "--seed takes a number from 0 to 9223372036854775807, not '1x'"},
        {"--seed -1", "--seed takes a number from 0 to 9223372036854775807, not '-1'"},
        {"--operations 0", "--operations takes a number from 1 to 9223372036854775807, not '0'"},
        {"--users 25", "--users takes a number from 1 to 24, not '25'"},
        {"--hours nan", "--hours takes a number above 0 and up to 10000, not 'nan'"},
        {"--sync often", "--sync takes always, everysec or no, not 'often'"},
        {"--faults kill,x", "--faults: one of 'kill,x' is no fault; --help lists them"},
        {"--kill-at 5 --kill-with x",
         "--kill-with takes kill or a power cut (cut-drawn, ...), not 'x'"},
        {"--kill-with cut-torn", "--kill-with without --kill-at"},
        {"--seed 1 7", "'7' is no option"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct settings settings;
        struct failure failure;
        assert_false(read_line(cases[i].line, &settings, &failure));
        assert_string_equal(failure.text, cases[i].text);
    }
}

static void the_rest_is_read(void **state)
{
    struct settings settings;
    struct failure failure;
    (void)state;
    assert_true(read_line("", &settings, &failure));
    assert_true(settings.shrinks && !settings.wants_help && settings.runs == 1);
    assert_true(read_line("--hours 0.5 --no-shrink --tell", &settings, &failure));
    assert_true(!settings.shrinks && settings.run.tells && settings.hours == 0.5);
    assert_int_equal(settings.runs, UINT64_MAX);
    assert_true(read_line("--help", &settings, &failure));
    assert_true(settings.wants_help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_printed_is_read),
        cmocka_unit_test(each_fault_has_a_name_of_its_own),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(the_rest_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
