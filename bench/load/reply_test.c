#include "load/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char stream[] = "+OK\r\n"
                             ":17\r\n"
                             "$5\r\na\r\nbc\r\n"
                             "$-1\r\n"
                             "*0\r\n"
                             "*-1\r\n"
                             "*3\r\n:1\r\n*2\r\n$0\r\n\r\n$-1\r\n+x\r\n"
                             "-BUSY it is too much\r\n"
                             "*2\r\n-OOM no room\r\n-ERR more\r\n"
                             "-lower case\r\n";

static const struct {
    char type;
    const char *word; /* NULL: no error. */
} expected[] = {{'+', NULL}, {':', NULL}, {'$', NULL},   {'$', NULL},  {'*', NULL},
                {'*', NULL}, {'*', NULL}, {'-', "BUSY"}, {'*', "OOM"}, {'-', ""}};

enum { REPLIES = sizeof expected / sizeof *expected };

static void replies_are_the_same_however_the_stream_is_cut(void **state)
{
    (void)state;
    for (size_t step = 1; step < sizeof stream; step++) {
        struct reply_reader reader;
        size_t seen = 0;
        reply_reader_init(&reader);
        for (size_t begin = 0; begin < sizeof stream - 1;) {
            const size_t left = sizeof stream - 1 - begin;
            size_t taken = 0;
            if (reply_reader_take(&reader, stream + begin, step < left ? step : left, &taken)) {
                assert_true(seen < REPLIES);
                assert_int_equal(reader.reply.type, expected[seen].type);
                assert_int_equal(reader.reply.failed, expected[seen].word != NULL);
                if (expected[seen].word != NULL) {
                    assert_string_equal(reader.reply.word, expected[seen].word);
                }
                seen++;
            }
            begin += taken;
        }
        assert_int_equal(seen, REPLIES);
        assert_false(reader.broken);
    }
}

static void long_errors_are_cut(void **state)
{
    (void)state;
    char text[300] = "-ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    memset(text + 27, 'x', 200);
    memcpy(text + 227, "\r\n", 3);
    struct reply_reader reader;
    size_t taken = 0;
    reply_reader_init(&reader);
    assert_true(reply_reader_take(&reader, text, strlen(text), &taken));
    assert_string_equal(reader.reply.word, "ABCDEFGHIJKLMNO");
    assert_int_equal(strlen(reader.reply.line), REPLY_LINE_SIZE - 2);
    assert_int_equal(taken, strlen(text));
}

static void what_is_no_reply_is_noticed(void **state)
{
    (void)state;
    struct reply_reader reader;
    size_t taken = 0;
    reply_reader_init(&reader);
    assert_false(reply_reader_take(&reader, "HTTP/1.1 200\r\n+OK\r\n", 19, &taken));
    assert_true(reader.broken);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_the_same_however_the_stream_is_cut),
        cmocka_unit_test(long_errors_are_cut),
        cmocka_unit_test(what_is_no_reply_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
