#include "server/log.h"

#include "os/clock_fake.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { READ_SIZE = 32 * 1024, THREADS = 4, LINES = 100 };

struct world {
    int ends[2]; /* Of a pipe: what is read, what is written. */
    struct clock_fake time;
    struct log log;
    char text[READ_SIZE];
};

static void start_world(struct world *self, enum log_format format, enum log_level level)
{
    assert_int_equal(pipe2(self->ends, O_NONBLOCK), 0);
    self->time = (struct clock_fake){.wall_ms = UINT64_C(1767268800123)};
    log_start(&self->log, self->ends[1], format, level, clock_fake_get(&self->time));
}

static const char *read_log(struct world *self)
{
    const ssize_t size = read(self->ends[0], self->text, READ_SIZE - 1);
    self->text[size < 0 ? 0 : size] = '\0';
    return self->text;
}

static void end_world(struct world *self)
{
    (void)close(self->ends[0]);
    (void)close(self->ends[1]);
}

static void a_line_of_text(void **state)
{
    (void)state;
    struct world world;
    start_world(&world, LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    log_write(&world.log, LOG_LEVEL_INFO, "ready on %s:%d", "127.0.0.1", 6677);
    assert_string_equal(read_log(&world),
                        "2026-01-01T12:00:00.123Z info  ready on 127.0.0.1:6677\n");
    log_write(&world.log, LOG_LEVEL_ERROR, "two\nlines\x1b and \xc3\xa9");
    assert_string_equal(read_log(&world),
                        "2026-01-01T12:00:00.123Z error two\\x0alines\\x1b and \xc3\xa9\n");
    end_world(&world);
}

static void a_line_of_json(void **state)
{
    (void)state;
    static const struct {
        const char *message;
        const char *written;
    } cases[] = {
        {"plain", "plain"},
        {"a\"b\\c\n\t\x01\x7f", "a\\\"b\\\\c\\u000a\\u0009\\u0001\\u007f"},
        {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\xff", "\\ufffd"},
        {"\xc3", "\\ufffd"},
        {"\xc3x", "\\ufffdx"},
        {"\xc0\xaf", "\\ufffd\\ufffd"},
        {"\xe0\x80\x80", "\\ufffd\\ufffd\\ufffd"},
        {"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},
        {"\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},
        {"\xf0\x9f\x98", "\\ufffd\\ufffd\\ufffd"},
    };
    struct world world;
    start_world(&world, LOG_FORMAT_JSON, LOG_LEVEL_INFO);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char wanted[256];
        (void)snprintf(wanted, sizeof wanted,
                       "{\"time\":\"2026-01-01T12:00:00.123Z\",\"level\":\"warn\","
                       "\"message\":\"%s\"}\n",
                       cases[i].written);
        log_write(&world.log, LOG_LEVEL_WARN, "%s", cases[i].message);
        assert_string_equal(read_log(&world), wanted);
    }
    end_world(&world);
}

static void what_is_below_the_level_is_left_out(void **state)
{
    (void)state;
    struct world world;
    start_world(&world, LOG_FORMAT_TEXT, LOG_LEVEL_WARN);
    log_write(&world.log, LOG_LEVEL_INFO, "left out");
    assert_string_equal(read_log(&world), "");
    log_write(&world.log, LOG_LEVEL_WARN, "said");
    assert_non_null(strstr(read_log(&world), " warn  said\n"));
    log_set_level(&world.log, LOG_LEVEL_DEBUG);
    log_write(&world.log, LOG_LEVEL_DEBUG, "said too");
    assert_non_null(strstr(read_log(&world), " debug said too\n"));
    end_world(&world);
}

static void a_long_message_is_cut(void **state)
{
    (void)state;
    struct world world;
    static const enum log_format formats[] = {LOG_FORMAT_TEXT, LOG_FORMAT_JSON};
    for (size_t i = 0; i < 2; i++) {
        char message[LOG_MESSAGE_SIZE_MAX + 100];
        memset(message, 1, sizeof message);
        message[sizeof message - 1] = '\0';
        start_world(&world, formats[i], LOG_LEVEL_INFO);
        log_write(&world.log, LOG_LEVEL_INFO, "%s", message);
        const char *text = read_log(&world);
        assert_int_equal(text[strlen(text) - 1], '\n');
        size_t escapes = 0;
        for (const char *at = text; (at = strchr(at, '\\')) != NULL; at++) {
            escapes++;
        }
        assert_int_equal(escapes, LOG_MESSAGE_SIZE_MAX);
        end_world(&world);
    }
}

static void a_log_that_is_full_stops_nobody(void **state)
{
    (void)state;
    struct world world;
    start_world(&world, LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    for (int i = 0; i < 100000; i++) {
        log_write(&world.log, LOG_LEVEL_INFO, "line");
    }
    assert_non_null(strstr(read_log(&world), "line\n"));
    end_world(&world);
}

static void *write_lines(void *lent_log)
{
    struct log *log = lent_log;
    for (int i = 0; i < LINES; i++) {
        log_write(log, LOG_LEVEL_INFO, "0123456789");
        log_set_level(log, LOG_LEVEL_INFO);
    }
    return NULL;
}

static void lines_of_threads_never_mix(void **state)
{
    (void)state;
    struct world world;
    pthread_t threads[THREADS];
    static const char wanted[] = "2026-01-01T12:00:00.123Z info  0123456789\n";
    start_world(&world, LOG_FORMAT_TEXT, LOG_LEVEL_INFO);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &world.log), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    const char *text = read_log(&world);
    assert_int_equal(strlen(text), (size_t)THREADS * LINES * (sizeof wanted - 1));
    for (int i = 0; i < THREADS * LINES; i++) {
        assert_memory_equal(text, wanted, sizeof wanted - 1);
        text += sizeof wanted - 1;
    }
    end_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_of_text),
        cmocka_unit_test(a_line_of_json),
        cmocka_unit_test(what_is_below_the_level_is_left_out),
        cmocka_unit_test(a_long_message_is_cut),
        cmocka_unit_test(a_log_that_is_full_stops_nobody),
        cmocka_unit_test(lines_of_threads_never_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
