#include "server/options_read.h"

#include "os/files_fake.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { ARGUMENTS_MAX = 8 };

static const struct machine machine = {.memory_bytes = UINT64_C(24) << 30, .cores = 2};

struct world {
    struct files_fake memory;
    struct files files;
    struct options options;
    struct failure failure;
    char arguments[ARGUMENTS_MAX][128];
};

static void start_world(struct world *self, const char *text)
{
    memset(self, 0, sizeof *self);
    self->files = files_fake_get(&self->memory);
    options_set_defaults(&self->options, machine);
    if (text != NULL) {
        struct file file;
        const struct files *files = &self->files;
        assert_int_equal(files->ops->open(files->self, "conf", FILES_REPLACE, &file).status,
                         STATUS_OK);
        assert_int_equal(files->ops->write_at(files->self, file, 0, text, strlen(text)).status,
                         STATUS_OK);
        files->ops->close(files->self, file);
    }
}

static enum status read_file(struct world *self)
{
    return options_read_file(&self->options, &self->files, "conf", &self->failure);
}

static enum status read_arguments(struct world *self, const char *const *words,
                                  struct options_wishes *out_wishes)
{
    char *arguments[ARGUMENTS_MAX] = {self->arguments[0]};
    int count = 1;
    for (; words[count - 1] != NULL; count++) {
        (void)snprintf(self->arguments[count], sizeof self->arguments[count], "%s",
                       words[count - 1]);
        arguments[count] = self->arguments[count];
    }
    return options_read_arguments(&self->options, count, arguments, out_wishes, &self->failure);
}

static void a_file_has_every_form_of_a_line(void **state)
{
    (void)state;
    struct world world;
    start_world(&world, "# A comment.\n"
                        "; Another one.\r\n"
                        "\n"
                        "port=7000\n"
                        "cache-memory =  32mb  ; behind\n"
                        "COMMIT-DELAY: 2m\r\n"
                        "bind = 127.0.0.1 ::1\n"
                        "unixsocket =\n"
                        "allow-insecure = yes");
    assert_int_equal(read_file(&world), STATUS_OK);
    assert_int_equal(world.options.port, 7000);
    assert_int_equal(world.options.cache_memory_bytes, 32 << 20);
    assert_int_equal(world.options.dirty_memory_bytes, 16 << 20);
    assert_int_equal(world.options.commit_delay_ms, 120000);
    assert_string_equal(world.options.bind, "127.0.0.1 ::1");
    assert_string_equal(world.options.unixsocket, "");
    assert_true(world.options.allow_insecure);
}

static void a_bad_line_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *said;
    } cases[] = {
        {"port = x\n", "conf, line 1: port must be a number from 0 to 65535, got 'x'"},
        {"\n\n# x\nport = 1 # x",
         "conf, line 4: port must be a number from 0 to 65535, got '1 # x'"},
        {"port = 1\nprot = 2\n", "conf, line 2: there is no option 'prot', did you mean 'port'?"},
        {"nope = 2\n", "conf, line 1: there is no option 'nope', --help lists them"},
        {"config = x\n", "conf, line 1: there is no option 'config', --help lists them"},
        {"port\nnope = 1\n", "conf, line 1: a line is like 'port = 6677'"},
        {"nope = 1\nport\n", "conf, line 1: there is no option 'nope', --help lists them"},
        {"threads = 1\nport\n", "conf, line 2: a line is like 'port = 6677'"},
        {"port = 1\nthreads = 1\nPORT = 1\n",
         "conf, line 3: port is set a second time (a line that begins with a space goes on with "
         "the one before)"},
        {"bind = 127.0.0.1\n  port = 7\n",
         "conf, line 2: bind is set a second time (a line that begins with a space goes on with "
         "the one before)"},
        {"port = 1\n[cache]\ncache-users = 7\n",
         "conf, line 3: there are no sections in this file, only lines like 'port = 6677'"},
        {"port =\n", "conf, line 1: port must be a number from 0 to 65535, got ''"},
        {"data-dir = \x01\n", "conf, line 1: data-dir must be 1 to 1023 bytes without control "
                              "characters, got '\\x01'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        start_world(&world, cases[i].text);
        const struct options before = world.options;
        assert_int_equal(read_file(&world), STATUS_INVALID);
        assert_string_equal(world.failure.text, cases[i].said);
        assert_memory_equal(&world.options, &before, sizeof before);
    }
}

/* A line of `size` bytes: `data-dir = xxx`. */
static void write_line(char *to, size_t size)
{
    memset(to, 'x', size);
    memcpy(to, "data-dir = ", 11);
    to[size] = '\0';
}

static void a_line_has_a_longest_size(void **state)
{
    (void)state;
    struct world world;
    char text[FILES_FAKE_CONTENT_SIZE];
    write_line(text, OPTIONS_FILE_LINE_MAX);
    start_world(&world, text);
    assert_int_equal(read_file(&world), STATUS_OK);
    assert_int_equal(strlen(world.options.data_dir), OPTIONS_FILE_LINE_MAX - 11);

    write_line(text, OPTIONS_FILE_LINE_MAX + 1);
    memcpy(text + OPTIONS_FILE_LINE_MAX + 1, "\nnope\n", sizeof "\nnope\n");
    start_world(&world, text);
    assert_int_equal(read_file(&world), STATUS_INVALID);
    assert_string_equal(world.failure.text, "conf, line 1: a line has at most 198 bytes");
}

static void a_byte_of_value_0_is_refused(void **state)
{
    (void)state;
    struct world world;
    start_world(&world, "port = 1\nport = 2x3\n");
    world.memory.nodes[0].now.bytes[17] = '\0';
    assert_int_equal(read_file(&world), STATUS_INVALID);
    assert_string_equal(world.failure.text, "conf, line 2: a line has a byte of value 0");
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    struct world world;
    start_world(&world, NULL);
    assert_int_equal(read_file(&world), STATUS_MISSING);
    assert_string_equal(world.failure.text,
                        "the config file conf cannot be read: No such file or directory");
    for (uint32_t fail_at = 3; fail_at <= 4; fail_at++) {
        start_world(&world, "port = 7\n");
        world.memory.fail_at = fail_at;
        world.memory.fail_number = EACCES;
        assert_int_equal(read_file(&world), STATUS_IO);
        assert_string_equal(world.failure.text,
                            "the config file conf cannot be read: Permission denied");
        assert_int_equal(world.memory.handles[0].node, 0);
    }
}

static void the_environment_sets_what_it_names(void **state)
{
    (void)state;
    char *good[] = {"HOME=/",
                    "READSTATES_COMMIT_DELAY=5s",
                    "READSTATES_SEED=x",
                    "READSTATES_PORTS=1",
                    "READSTATES_",
                    "READSTATES_ALLOW_INSECURE=yes",
                    NULL};
    char *bad[] = {"READSTATES_CACHE_MEMORY=lots", NULL};
    struct world world;
    start_world(&world, NULL);
    assert_int_equal(options_read_environment(&world.options, good, &world.failure), STATUS_OK);
    assert_int_equal(world.options.commit_delay_ms, 5000);
    assert_true(world.options.allow_insecure);
    assert_int_equal(world.options.port, 6677);
    assert_int_equal(options_read_environment(&world.options, bad, &world.failure), STATUS_INVALID);
    assert_string_equal(world.failure.text,
                        "READSTATES_CACHE_MEMORY: cache-memory must be a size from 1mb to 65536gb, "
                        "in bytes or with kb, mb or gb, got 'lots'");
}

static void a_command_line_sets_options(void **state)
{
    (void)state;
    struct world world;
    struct options_wishes wishes;
    start_world(&world, NULL);
    assert_int_equal(read_arguments(&world,
                                    (const char *const[]){"--port", "7000", "--commit-delay=1m",
                                                          "--config=a=b", "--port=7001", NULL},
                                    &wishes),
                     STATUS_OK);
    assert_int_equal(world.options.port, 7001);
    assert_int_equal(world.options.commit_delay_ms, 60000);
    assert_int_equal(wishes.wish, OPTIONS_WISH_SERVE);
    assert_string_equal(wishes.lent_config_path, "a=b");
}

static void a_flag_alone_means_yes(void **state)
{
    (void)state;
    static const struct {
        const char *words[3];
        bool is_set;
    } cases[] = {
        {{"--allow-insecure"}, true},        {{"--allow-insecure", "--port=1"}, true},
        {{"--allow-insecure", "no"}, false}, {{"--allow-insecure", "yes"}, true},
        {{"--allow-insecure=no"}, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        struct options_wishes wishes;
        start_world(&world, NULL);
        assert_int_equal(read_arguments(&world, cases[i].words, &wishes), STATUS_OK);
        assert_int_equal(world.options.allow_insecure, cases[i].is_set);
    }
}

static void a_bad_argument_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *words[3];
        const char *said;
    } cases[] = {
        {{"--port", "x"}, "port must be a number from 0 to 65535, got 'x'"},
        {{"--port", "-1"}, "port must be a number from 0 to 65535, got '-1'"},
        {{"--port"}, "--port needs a value: a number from 0 to 65535"},
        {{"--port", "--threads"}, "--port needs a value: a number from 0 to 65535"},
        {{"--port="}, "port must be a number from 0 to 65535, got ''"},
        {{"--comit-delay", "1s"},
         "there is no option '--comit-delay', did you mean '--commit-delay'?"},
        {{"--nope=1"}, "there is no option '--nope', --help lists them"},
        {{"--"}, "there is no option '--', --help lists them"},
        {{"--config"}, "--config needs a value: the path of a file"},
        {{"--allow-insecure", "maybe"}, "allow-insecure must be yes or no, got 'maybe'"},
        {{"wort\n"},
         "'wort\\x0a' is no option: they are given as --name value, a file as --config "
         "FILE"},
        {{"-p", "1"}, "'-p' is no option: they are given as --name value, a file as --config FILE"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        struct options_wishes wishes;
        start_world(&world, NULL);
        assert_int_equal(read_arguments(&world, cases[i].words, &wishes), STATUS_INVALID);
        assert_string_equal(world.failure.text, cases[i].said);
    }
}

static void the_later_source_wins(void **state)
{
    (void)state;
    char *environment[] = {"READSTATES_MAXCLIENTS=22", "READSTATES_PORT=22", NULL};
    char *arguments[] = {"readstates-server", "--port", "33", "--config", "conf"};
    struct world world;
    struct options_wishes wishes = {.wish = OPTIONS_WISH_HELP};
    start_world(&world, "max-channels = 11\nmaxclients = 11\nport = 11\n");
    assert_int_equal(options_read(&world.options, &world.files, environment, 5, arguments, &wishes,
                                  &world.failure),
                     STATUS_OK);
    assert_int_equal(wishes.wish, OPTIONS_WISH_SERVE);
    assert_string_equal(wishes.lent_config_path, "conf");
    assert_int_equal(world.options.max_channels, 11);
    assert_int_equal(world.options.maxclients, 22);
    assert_int_equal(world.options.port, 33);
    assert_int_equal(world.options.threads, 0);

    char *not_together[] = {"readstates-server", "--cache-users", "1"};
    assert_int_equal(options_read(&world.options, &world.files, environment, 3, not_together,
                                  &wishes, &world.failure),
                     STATUS_INVALID);
}

static void help_asks_for_nothing_else(void **state)
{
    (void)state;
    static const struct {
        char *word;
        enum options_wish wish;
    } cases[] = {
        {"--help", OPTIONS_WISH_HELP},
        {"-h", OPTIONS_WISH_HELP},
        {"--version", OPTIONS_WISH_VERSION},
        {"-v", OPTIONS_WISH_VERSION},
    };
    char *environment[] = {"READSTATES_PORT=x", NULL};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        struct options_wishes wishes = {.wish = OPTIONS_WISH_SERVE};
        char *arguments[] = {"readstates-server", "--config", "none", cases[i].word, "--nope"};
        start_world(&world, NULL);
        assert_int_equal(options_read(&world.options, &world.files, environment, 5, arguments,
                                      &wishes, &world.failure),
                         STATUS_OK);
        assert_int_equal(wishes.wish, cases[i].wish);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_has_every_form_of_a_line),
        cmocka_unit_test(a_bad_line_is_named),
        cmocka_unit_test(a_line_has_a_longest_size),
        cmocka_unit_test(a_byte_of_value_0_is_refused),
        cmocka_unit_test(a_file_that_cannot_be_read_is_named),
        cmocka_unit_test(the_environment_sets_what_it_names),
        cmocka_unit_test(a_command_line_sets_options),
        cmocka_unit_test(a_flag_alone_means_yes),
        cmocka_unit_test(a_bad_argument_is_named),
        cmocka_unit_test(the_later_source_wins),
        cmocka_unit_test(help_asks_for_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
