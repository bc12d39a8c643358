#include "server/options.h"

#include "server/options_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct machine machine = {.memory_bytes = UINT64_C(24) << 30, .cores = 2};

static struct options defaults(void)
{
    struct options options;
    options_set_defaults(&options, machine);
    return options;
}

static const struct option *option_named(const char *name)
{
    const struct option *option = options_find(slice_from_text(name));
    assert_non_null(option);
    return option;
}

static enum status set(struct options *options, const char *name, const char *value,
                       struct failure *out_failure)
{
    return options_set(options, option_named(name), slice_from_text(value), out_failure);
}

static void assert_value(const struct options *options, const char *name, const char *wanted)
{
    char value[OPTIONS_TEXT_SIZE];
    options_print_value(options, option_named(name), value);
    assert_string_equal(value, wanted);
}

static void the_defaults_are_those_of_the_contract(void **state)
{
    (void)state;
    static const char *const wanted[][2] = {
        {"bind", "127.0.0.1"},
        {"port", "6677"},
        {"unixsocket", ""},
        {"threads", "0"},
        {"data-dir", "./data"},
        {"store", "rocksdb"},
        {"cache-memory", "6442450944"},
        {"cache-users", "0"},
        {"commit-delay", "30s"},
        {"rocksdb-memory", "67108864"},
        {"dirty-memory", "3221225472"},
        {"journal-sync", "everysec"},
        {"mention-ids-kept", "16"},
        {"max-channels", "100000"},
        {"tombstones-kept", "1000"},
        {"maxclients", "10000"},
        {"timeout", "300s"},
        {"max-arguments", "4096"},
        {"max-argument-bytes", "4096"},
        {"client-output-limit", "33554432"},
        {"log-level", "info"},
        {"log-format", "text"},
        {"shutdown-timeout", "10s"},
        {"allow-insecure", "no"},
        /* The contract has none of these. */
        {"maxmemory-clients", "6442450944"},
        {"journal-segment", "16777216"},
        {"disk-reserve", "67108864"},
        {"gather-below", "85"},
        {"warm-save", "300s"},
        {"warm-users", "4000000"},
        {"warm-rate", "20000"},
        {"slowlog-log-slower-than", "10ms"},
        {"slowlog-max-len", "128"},
        {"latency-monitor-threshold", "100ms"},
        {"enable-debug-command", "no"},
    };
    const struct options options = defaults();
    struct failure failure;
    assert_int_equal(sizeof wanted / sizeof wanted[0], OPTIONS_COUNT);
    for (size_t i = 0; i < OPTIONS_COUNT; i++) {
        assert_value(&options, wanted[i][0], wanted[i][1]);
    }
    assert_int_equal(options_check(&options, &failure), STATUS_OK);
    assert_int_equal(options_get_threads(&options), 2);
    assert_int_equal(options.timeout_ms, 300000);
    assert_int_equal(options.log_level, LOG_LEVEL_INFO);
}

static void names_are_found_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < OPTIONS_COUNT; i++) {
        assert_ptr_equal(option_named(options_table[i].name), &options_table[i]);
        const size_t size = strlen(options_table[i].help);
        assert_true(size > 0 && options_table[i].help[size - 1] != '.');
    }
    assert_ptr_equal(option_named("CACHE-Memory"), option_named("cache-memory"));
    assert_null(options_find(slice_from_text("cache")));
    assert_null(options_find(slice_from_text("")));
}

static void what_is_shown_is_taken_back(void **state)
{
    (void)state;
    struct options options = defaults();
    struct failure failure;
    for (size_t i = 0; i < OPTIONS_COUNT; i++) {
        char before[OPTIONS_TEXT_SIZE];
        char after[OPTIONS_TEXT_SIZE];
        options_print_value(&options, &options_table[i], before);
        assert_int_equal(
            options_set(&options, &options_table[i], slice_from_text(before), &failure), STATUS_OK);
        options_print_value(&options, &options_table[i], after);
        assert_string_equal(after, before);
    }
}

static void bad_values_change_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        const char *said; /* NULL: not looked at. */
    } cases[] = {
        {"port", "x", "port must be a number from 0 to 65535, got 'x'"},
        {"port", "65536", "port must be a number from 0 to 65535, got '65536'"},
        {"port", "-1", NULL},
        {"port", "", "port must be a number from 0 to 65535, got ''"},
        {"port", "1kb", NULL},
        {"port", "06677", NULL},
        {"threads", "65", NULL},
        {"cache-memory", "12qb",
         "cache-memory must be a size from 1mb to 65536gb, in bytes or with kb, mb or gb, got "
         "'12qb'"},
        {"cache-memory", "1023kb", NULL},
        {"commit-delay", "30",
         "commit-delay must be a time from 10ms to 86400s, with ms, s, m or h, got '30'"},
        {"commit-delay", "9ms", NULL},
        {"commit-delay", "25h", NULL},
        {"mention-ids-kept", "3", NULL},
        {"mention-ids-kept", "256", NULL},
        {"store", "nope", "store must be rocksdb or memory, got 'nope'"},
        {"store", "rocks", NULL},
        {"store", "rocksdb|memory", NULL},
        {"log-level", "", "log-level must be debug, info, warn or error, got ''"},
        {"allow-insecure", "maybe\n", "allow-insecure must be yes or no, got 'maybe\\x0a'"},
        {"allow-insecure", "1", NULL},
        {"bind", "nowhere",
         "bind must be numeric IPv4 or IPv6 addresses with spaces between, got 'nowhere'"},
        {"bind", "", NULL},
        {"bind", "  ", NULL},
        {"bind", "127.0.0.1 ::g", NULL},
        {"bind", "127.0.0.1,::1", NULL},
        {"bind", "127.1", NULL},
        {"data-dir", "", "data-dir must be 1 to 1023 bytes without control characters, got ''"},
        {"data-dir", "a\nb", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct options options = defaults();
        const struct options before = options;
        struct failure failure;
        if (set(&options, cases[i].name, cases[i].value, &failure) != STATUS_INVALID) {
            fail_msg("%s takes '%s'", cases[i].name, cases[i].value);
        }
        assert_memory_equal(&options, &before, sizeof options);
        if (cases[i].said != NULL) {
            assert_string_equal(failure.text, cases[i].said);
        }
    }
}

static void texts_have_a_longest_size(void **state)
{
    (void)state;
    struct options options = defaults();
    struct failure failure;
    char text[OPTIONS_TEXT_SIZE + 1];
    memset(text, 'x', sizeof text);
    text[OPTIONS_TEXT_SIZE - 1] = '\0';
    assert_int_equal(set(&options, "data-dir", text, &failure), STATUS_OK);
    assert_string_equal(options.data_dir, text);
    text[OPTIONS_TEXT_SIZE - 1] = 'x';
    text[OPTIONS_TEXT_SIZE] = '\0';
    assert_int_equal(set(&options, "data-dir", text, &failure), STATUS_INVALID);
    text[108] = '\0';
    assert_int_equal(set(&options, "unixsocket", text, &failure), STATUS_INVALID);
    text[107] = '\0';
    assert_int_equal(set(&options, "unixsocket", text, &failure), STATUS_OK);
    assert_int_equal(set(&options, "unixsocket", "", &failure), STATUS_OK);
    assert_string_equal(options.unixsocket, "");
}

static void dirty_memory_follows_until_it_is_set(void **state)
{
    (void)state;
    struct options options = defaults();
    struct failure failure;
    assert_int_equal(set(&options, "cache-memory", "64mb", &failure), STATUS_OK);
    assert_value(&options, "dirty-memory", "33554432");
    assert_int_equal(set(&options, "dirty-memory", "40mb", &failure), STATUS_OK);
    assert_int_equal(set(&options, "cache-memory", "32mb", &failure), STATUS_OK);
    assert_value(&options, "dirty-memory", "41943040");
    assert_int_equal(options_check(&options, &failure), STATUS_INVALID);
    assert_string_equal(
        failure.text, "dirty-memory must not be more than cache-memory, which is 32mb, got '40mb'");
}

static void only_some_change_live(void **state)
{
    (void)state;
    struct options options = defaults();
    const struct options before = options;
    struct failure failure;
    enum status status =
        options_set_live(&options, slice_from_text("PORT"), slice_from_text("7000"), &failure);
    assert_int_equal(status, STATUS_INVALID);
    assert_string_equal(failure.text, "port cannot be changed while the server is running");
    status = options_set_live(&options, slice_from_text("nope"), slice_from_text("1"), &failure);
    assert_int_equal(status, STATUS_MISSING);
    assert_string_equal(failure.text, "there is no option 'nope'");
    status = options_set_live(&options, slice_from_text("timeout"), slice_from_text("1"), &failure);
    assert_int_equal(status, STATUS_INVALID);
    assert_memory_equal(&options, &before, sizeof options);
    status =
        options_set_live(&options, slice_from_text("Timeout"), slice_from_text("1m"), &failure);
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(options.timeout_ms, 60000);
}

/* Each row sets a few options, and says what is wrong with them together. */
static void options_must_go_together(void **state)
{
    (void)state;
    static const struct {
        const char *set[6];
        const char *said; /* NULL: nothing is wrong. */
    } cases[] = {
        {{"cache-users", "1"},
         "cache-users must be 0 (no bound) or at least 2, one for each thread, got '1'"},
        {{"cache-users", "2"}, NULL},
        {{"cache-users", "2", "threads", "3"},
         "cache-users must be 0 (no bound) or at least 3, one for each thread, got '2'"},
        {{"cache-users", "0", "threads", "3"}, NULL},
        {{"cache-memory", "1mb"},
         "cache-memory must be at least 2mb, 1mb for each thread, got '1mb'"},
        {{"cache-memory", "2mb"}, NULL},
        {{"cache-memory", "2mb", "dirty-memory", "2mb"}, NULL},
        {{"cache-memory", "2mb", "dirty-memory", "2097153"},
         "dirty-memory must not be more than cache-memory, which is 2mb, got '2097153'"},
        {{"bind", "127.0.0.1 127.255.0.3 ::1"}, NULL},
        {{"bind", "127.0.0.1  0.0.0.0 "},
         "bind: 0.0.0.0 is not a loopback address (127.0.0.0/8, ::1), and whoever reaches it could "
         "read and change everything; allow-insecure yes permits it"},
        {{"bind", "::"},
         "bind: :: is not a loopback address (127.0.0.0/8, ::1), and whoever reaches it could "
         "read and change everything; allow-insecure yes permits it"},
        {{"bind", "::", "allow-insecure", "yes"}, NULL},
        {{"bind", "::", "port", "0", "unixsocket", "s"}, NULL},
        {{"port", "0"}, "port is 0 and unixsocket is empty: nobody could connect"},
        {{"port", "0", "unixsocket", "s"}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct options options = defaults();
        struct failure failure = {.text = ""};
        for (size_t at = 0; at < 6 && cases[i].set[at] != NULL; at += 2) {
            assert_int_equal(set(&options, cases[i].set[at], cases[i].set[at + 1], &failure),
                             STATUS_OK);
        }
        const enum status status = options_check(&options, &failure);
        assert_int_equal(status, cases[i].said == NULL ? STATUS_OK : STATUS_INVALID);
        assert_string_equal(failure.text, cases[i].said == NULL ? "" : cases[i].said);
    }
}

static void threads_are_bounded(void **state)
{
    (void)state;
    struct options options;
    struct failure failure;
    options_set_defaults(&options, (struct machine){.memory_bytes = 1 << 20, .cores = 200});
    assert_int_equal(options_get_threads(&options), 64);
    /* A small machine starts all the same. */
    assert_int_equal(options_check(&options, &failure), STATUS_OK);
    assert_int_equal(set(&options, "threads", "1", &failure), STATUS_OK);
    assert_int_equal(options_get_threads(&options), 1);
}

static void addresses_are_counted(void **state)
{
    (void)state;
    struct options options = defaults();
    struct failure failure;
    char address[OPTIONS_ADDRESS_SIZE];
    assert_int_equal(set(&options, "bind", " 127.0.0.1  ::1 ", &failure), STATUS_OK);
    assert_true(options_find_address(&options, 0, address));
    assert_string_equal(address, "127.0.0.1");
    assert_true(options_find_address(&options, 1, address));
    assert_string_equal(address, "::1");
    assert_false(options_find_address(&options, 2, address));
    assert_false(options_address_is_loopback(slice_from_text("128.0.0.1")));
    assert_false(options_address_is_loopback(slice_from_text("::2")));
    assert_false(options_address_is_loopback(slice_from_text("localhost")));
}

static void a_slip_has_a_nearest_name(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"comit-delay", "commit-delay"},
        {"commit_delay", "commit-delay"},
        {"prot", "port"},
        {"trop", NULL}, /* Two slips in four letters. */
        {"cacheusers", "cache-users"},
        {"commit-dleay", "commit-delay"},
        {"porr", "port"},
        {"max-clients", "maxclients"},
        {"thread", "threads"},
        {"nope", NULL},
        {"", NULL},
        {"a-very-long-name-that-nobody-would-give-to-any-option", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *nearest = options_find_nearest(slice_from_text(cases[i][0]));
        if (cases[i][1] == NULL) {
            assert_null(nearest);
        } else {
            assert_non_null(nearest);
            assert_string_equal(nearest, cases[i][1]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_defaults_are_those_of_the_contract),
        cmocka_unit_test(names_are_found_once),
        cmocka_unit_test(what_is_shown_is_taken_back),
        cmocka_unit_test(bad_values_change_nothing),
        cmocka_unit_test(texts_have_a_longest_size),
        cmocka_unit_test(dirty_memory_follows_until_it_is_set),
        cmocka_unit_test(only_some_change_live),
        cmocka_unit_test(options_must_go_together),
        cmocka_unit_test(threads_are_bounded),
        cmocka_unit_test(addresses_are_counted),
        cmocka_unit_test(a_slip_has_a_nearest_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
