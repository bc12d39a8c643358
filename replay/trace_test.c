#include "replay/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

/* One minute in the upper bits of a snowflake. */
#define MINUTE_ID (UINT64_C(60000) << 22)

/* Writes `bytes` to a file of its own, as gzip or plain, reads it as a trace, and removes it. */
static bool read_bytes(struct trace *trace, const char *bytes, size_t size, const char *mode,
                       size_t cut, char error[static TRACE_ERROR_SIZE])
{
    char path[] = "/tmp/readstates-trace-XXXXXX";
    const int file = mkstemp(path);
    assert_true(file >= 0);
    gzFile out = gzdopen(file, mode);
    assert_non_null(out);
    assert_int_equal(gzwrite(out, bytes, (unsigned)size), (int)size);
    assert_int_equal(gzclose(out), Z_OK);
    if (cut > 0) {
        assert_int_equal(truncate(path, (off_t)cut), 0);
    }
    trace_init(trace);
    const bool done = trace_read_file(trace, path, error);
    assert_int_equal(unlink(path), 0);
    return done;
}

static bool read_text(struct trace *trace, const char *text, char error[static TRACE_ERROR_SIZE])
{
    return read_bytes(trace, text, strlen(text), "wbT", 0, error);
}

static void check_event(const struct trace *trace, size_t at, enum event_kind kind,
                        uint64_t channel, uint64_t user, uint64_t message, uint32_t line)
{
    const struct event *event = &trace->events[at];
    assert_int_equal(event->kind, kind);
    assert_int_equal(id_map_get_key(&trace->channels, event->channel), channel);
    assert_int_equal(id_map_get_key(&trace->users, event->user), user);
    assert_int_equal(event->message, message);
    assert_int_equal(event->line, line);
}

static const char small_trace[] = "# minute\tchannel\tkind\tuser\tmentioned_users\n"
                                  "0\t7\tjoin\t1\t\n"
                                  "0\t7\tmessage\t2\t3,3,2\n"
                                  "\n"
                                  "5\t9\tmessage\t9223372036854775807\r\n"
                                  "5\t7\tjoin\t1\n"
                                  "6\t7\tmessage\t3\t1\n"
                                  "6\t9\tleave\t1\t\n"
                                  "6\t8\tleave\t1";

static void check_small_trace(struct trace *trace)
{
    assert_int_equal(trace->events_count, 7);
    check_event(trace, 0, EVENT_JOIN, 7, 1, 0, 2);
    check_event(trace, 1, EVENT_MESSAGE, 7, 2, 1, 3);
    check_event(trace, 2, EVENT_MESSAGE, 9, INT64_MAX, 5 * MINUTE_ID + 2, 5);
    check_event(trace, 3, EVENT_JOIN, 7, 1, 1, 6);
    check_event(trace, 4, EVENT_MESSAGE, 7, 3, 6 * MINUTE_ID + 3, 7);
    check_event(trace, 5, EVENT_LEAVE, 9, 1, 5 * MINUTE_ID + 2, 8);
    check_event(trace, 6, EVENT_LEAVE, 8, 1, 0, 9);

    const struct event *message = &trace->events[1];
    const uint64_t mentioned[] = {3, 3, 2};
    assert_int_equal(message->mentions_count, 3);
    for (size_t at = 0; at < 3; at++) {
        const uint32_t user = trace->mentions[message->mentions_at + at];
        assert_int_equal(id_map_get_key(&trace->users, user), mentioned[at]);
    }
    assert_int_equal(trace->events[4].mentions_count, 1);
    assert_int_equal(trace->joins, 2);
    assert_int_equal(trace->messages, 3);
    assert_int_equal(trace->leaves, 2);
    assert_int_equal(trace->users.count, 4);
    assert_int_equal(trace->channels.count, 3);
    trace_deinit(trace);
}

static void a_plain_trace_is_read(void **state)
{
    (void)state;
    struct trace trace;
    char error[TRACE_ERROR_SIZE];
    assert_true(read_text(&trace, small_trace, error));
    check_small_trace(&trace);
}

static void a_gzip_trace_is_read(void **state)
{
    (void)state;
    struct trace trace;
    char error[TRACE_ERROR_SIZE];
    assert_true(read_bytes(&trace, small_trace, sizeof small_trace - 1, "wb", 0, error));
    check_small_trace(&trace);
}

static void a_cut_gzip_trace_is_refused(void **state)
{
    (void)state;
    struct trace trace;
    char error[TRACE_ERROR_SIZE];
    assert_false(read_bytes(&trace, small_trace, sizeof small_trace - 1, "wb", 60, error));
    assert_non_null(strstr(error, "cannot be read: "));
    trace_deinit(&trace);
}

/* Longer than what is read at once, so that its pieces must be put together. */
static void a_long_line_is_read(void **state)
{
    (void)state;
    enum { MENTIONED = 100000 };
    const size_t size_max = (size_t)MENTIONED * 8 + 64;
    char *text = malloc(size_max);
    assert_non_null(text);
    size_t size = (size_t)snprintf(text, size_max, "1\t1\tmessage\t1\t");
    for (int user = 1; user <= MENTIONED; user++) {
        size += (size_t)snprintf(text + size, size_max - size, user == 1 ? "%d" : ",%d", user);
    }
    size += (size_t)snprintf(text + size, size_max - size, "\n1\t1\tjoin\t2\n");

    struct trace trace;
    char error[TRACE_ERROR_SIZE];
    assert_true(read_bytes(&trace, text, size, "wb", 0, error));
    free(text);
    assert_int_equal(trace.events_count, 2);
    assert_int_equal(trace.events[0].mentions_count, MENTIONED);
    assert_int_equal(trace.users.count, MENTIONED);
    assert_int_equal(trace.events[1].message, MINUTE_ID + 1);
    trace_deinit(&trace);
}

static void a_wrong_line_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *complaint;
    } wrong[] = {
        {"1\t1\tjoin", "this one has 3"},
        {"1\t1\tjoin\t1\t\t", "this one has 6"},
        {"1 1 join 1", "this one has 1"},
        {"-1\t1\tjoin\t1", "column 1, the minute, must be 0 to 36650387, got '-1'"},
        {"01\t1\tjoin\t1", "got '01'"},
        {"\t1\tjoin\t1", "got ''"},
        {"36650388\t1\tjoin\t1", "got '36650388'"},
        {"1\t1\tjoin\t1", "must not go back"},
        {"9\t0\tjoin\t1", "column 2, the channel, must be 1 to 9223372036854775807, got '0'"},
        {"9\t9223372036854775808\tjoin\t1", "got '9223372036854775808'"},
        {"9\t1\tJoin\t1", "column 3, the kind, must be join, message or leave, got 'Join'"},
        {"9\t1\tjoi\t1", "got 'joi'"},
        {"9\t1\tjoin\tanna", "column 4, the user, must be 1 to 9223372036854775807, got 'anna'"},
        {"9\t1\tjoin\t\x1b[2J\x7f", "got '\\x1b[2J\\x7f'"},
        {"9\t1\tjoin\t1\t2", "must be empty but for a message, got '2'"},
        {"9\t1\tmessage\t1\t2,,3", "column 5, the mentioned users,"},
        {"9\t1\tmessage\t1\t2,", "column 5, the mentioned users,"},
        {"9\t1\tmessage\t1\t2, 3", "got ' 3'"},
    };
    for (size_t at = 0; at < sizeof wrong / sizeof wrong[0]; at++) {
        char text[256];
        char error[TRACE_ERROR_SIZE];
        struct trace trace;
        snprintf(text, sizeof text, "# first\n2\t1\tmessage\t1\t\n%s\n9\t1\tjoin\t1\n",
                 wrong[at].line);
        assert_false(read_text(&trace, text, error));
        if (strstr(error, wrong[at].complaint) == NULL || strstr(error, ":3: ") == NULL) {
            fail_msg("of '%s' it was said: %s", wrong[at].line, error);
        }
        trace_deinit(&trace);
    }
}

static void what_is_shown_of_a_wrong_line_is_short(void **state)
{
    (void)state;
    char line[400] = "1\t1\tjoin\t";
    char error[TRACE_ERROR_SIZE];
    struct trace trace;
    trace_init(&trace);
    memset(line + strlen(line), 'x', 300);
    assert_false(trace_read_line(&trace, line, strlen(line), 1, error));
    const char *got = strstr(error, "got '");
    assert_non_null(got);
    assert_int_equal(strspn(got + 5, "x"), 64);
    trace_deinit(&trace);
}

static void a_trace_without_events_is_refused(void **state)
{
    (void)state;
    struct trace trace;
    char error[TRACE_ERROR_SIZE];
    assert_false(read_text(&trace, "# nothing\n\n", error));
    assert_non_null(strstr(error, "has no event"));
    trace_deinit(&trace);
}

static void the_last_minute_still_has_valid_ids(void **state)
{
    (void)state;
    struct trace trace;
    char error[TRACE_ERROR_SIZE];
    assert_true(read_text(&trace, "36650387\t1\tmessage\t1\n", error));
    assert_true(trace.events[0].message <= (uint64_t)INT64_MAX - UINT32_MAX);
    assert_int_equal(trace.events[0].message / MINUTE_ID, TRACE_MINUTE_MAX);
    trace_deinit(&trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_trace_is_read),
        cmocka_unit_test(a_gzip_trace_is_read),
        cmocka_unit_test(a_cut_gzip_trace_is_refused),
        cmocka_unit_test(a_long_line_is_read),
        cmocka_unit_test(a_wrong_line_is_named),
        cmocka_unit_test(what_is_shown_of_a_wrong_line_is_short),
        cmocka_unit_test(a_trace_without_events_is_refused),
        cmocka_unit_test(the_last_minute_still_has_valid_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
