#include "load/options.h"

#include <getopt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS_MAX = 16 };

/* The words of a line, as a shell would give them. */
static enum options_outcome read_line(struct options *options, const char *line)
{
    char text[256];
    char *argv[WORDS_MAX + 1] = {NULL};
    char *rest = NULL;
    int argc = 0;
    snprintf(text, sizeof text, "readstates-bench %s", line);
    for (char *word = strtok_r(text, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        assert_true(argc < WORDS_MAX);
        argv[argc++] = word;
    }
    optind = 0;
    return options_read(options, argc, argv);
}

static void what_is_not_given_has_a_default(void **state)
{
    (void)state;
    struct options options;
    assert_int_equal(read_line(&options, ""), OPTIONS_RUN);
    assert_int_equal(options.port, 6677);
    assert_int_equal(options.rate, 0);
    assert_int_equal(options.depth, 1);
    assert_int_equal(options.population.choice.users, 100000);
    assert_int_equal(options.mix.sum, 100);
    assert_int_equal(read_line(&options, "--driver redis"), OPTIONS_RUN);
    assert_int_equal(options.port, 6379);
}

static void what_is_given_is_taken(void **state)
{
    (void)state;
    struct options options;
    assert_int_equal(read_line(&options, "--rate 5000 --users 7 --choice hot:0.5:0.9 --port 1"),
                     OPTIONS_RUN);
    assert_int_equal(options.rate, 5000);
    assert_int_equal(options.depth, 0);
    assert_int_equal(options.port, 1);
    assert_int_equal(options.population.choice.hot_users, 3);
    assert_int_equal(read_line(&options, "--mix list=1 --channels 300 --fill --warm-up 0"),
                     OPTIONS_RUN);
    assert_int_equal(options.mix.weights[KIND_LIST], 1);
    assert_int_equal(options.mix.sum, 1);
    assert_int_equal(options.population.channels, 300);
    assert_int_equal(options.warm_up_s, 0);
    assert_true(options.fill);
}

static void what_is_wrong_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "--rate 0",           "--rate x",      "--rate",
        "--rate 5 --depth 5", "--port 65536",  "--bogus",
        "--mix bogus=1",      "--choice zipf", "--threads 4 --connections 3",
        "--driver mysql",     "trace",         "--users 0",
        "--duration 1.5",     "--pairs 101",   "--seed -1",
    };
    for (size_t at = 0; at < sizeof lines / sizeof *lines; at++) {
        struct options options;
        assert_int_equal(read_line(&options, lines[at]), OPTIONS_WRONG);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_given_has_a_default),
        cmocka_unit_test(what_is_given_is_taken),
        cmocka_unit_test(what_is_wrong_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
