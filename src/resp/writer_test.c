#include "resp/writer.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RANDOM_REPLIES = 20000 };

/* The replies of the table below. */
static void write_ok(struct resp_writer *w)
{
    resp_write_simple(w, slice_from_text("OK"));
}

static void write_broken_simple(struct resp_writer *w)
{
    resp_write_simple(w, slice_from_text("a\r\nb"));
}

static void write_error(struct resp_writer *w)
{
    resp_write_error(w, "ERR", slice_from_text("it is not there"));
}

static void write_broken_error(struct resp_writer *w)
{
    resp_write_error(w, "ERR", slice_from_text("got '\r\n+OK\r\n'"));
}

static void write_integers(struct resp_writer *w)
{
    static const int64_t values[] = {0, 7, 10, 99, 100, 12345, -1, -10, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        resp_write_integer(w, values[i]);
    }
}

static void write_pairs(struct resp_writer *w)
{
    resp_write_pair(w, 0, 9);
    resp_write_pair(w, 10, (uint64_t)INT64_MAX);
}

static void write_bulks(struct resp_writer *w)
{
    resp_write_bulk(w, (struct slice){0});
    resp_write_bulk(w, slice_from_text("a\r\nb"));
    resp_write_bulk(w, slice_from_text("ten bytes."));
}

static void write_ids(struct resp_writer *w)
{
    resp_write_bulk_u64(w, 0);
    resp_write_bulk_u64(w, 9223372036854775807U);
    resp_write_bulk_u64(w, UINT64_MAX);
}

static void write_verbatim(struct resp_writer *w)
{
    resp_write_verbatim(w, slice_from_text("# Server\r\n"));
}

static void write_nulls(struct resp_writer *w)
{
    resp_write_null(w);
    resp_write_null_array(w);
}

static void write_heads(struct resp_writer *w)
{
    resp_write_array_head(w, 0);
    resp_write_array_head(w, 10);
    resp_write_map_head(w, 0);
    resp_write_map_head(w, 6);
    resp_write_set_head(w, 3);
    resp_write_push_head(w, 100000);
}

static void replies_are_these_bytes(void **state)
{
    static const struct {
        void (*write)(struct resp_writer *);
        const char *resp2;
        const char *resp3; /* NULL: the same. */
    } cases[] = {
        {write_ok, "+OK\r\n", NULL},
        {write_broken_simple, "+a  b\r\n", NULL},
        {write_error, "-ERR it is not there\r\n", NULL},
        {write_broken_error, "-ERR got '  +OK  '\r\n", NULL},
        {write_integers,
         ":0\r\n:7\r\n:10\r\n:99\r\n:100\r\n:12345\r\n:-1\r\n:-10\r\n"
         ":9223372036854775807\r\n:-9223372036854775808\r\n",
         NULL},
        {write_bulks, "$0\r\n\r\n$4\r\na\r\nb\r\n$10\r\nten bytes.\r\n", NULL},
        {write_ids, "$1\r\n0\r\n$19\r\n9223372036854775807\r\n$20\r\n18446744073709551615\r\n",
         NULL},
        {write_pairs, "*2\r\n:0\r\n:9\r\n*2\r\n:10\r\n:9223372036854775807\r\n", NULL},
        {write_verbatim, "$10\r\n# Server\r\n\r\n", "=14\r\ntxt:# Server\r\n\r\n"},
        {write_nulls, "$-1\r\n*-1\r\n", "_\r\n_\r\n"},
        {write_heads, "*0\r\n*10\r\n*0\r\n*12\r\n*3\r\n*100000\r\n",
         "*0\r\n*10\r\n%0\r\n%6\r\n~3\r\n>100000\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer output;
        buffer_init(&output);
        struct resp_writer writer = resp_writer_over(&output);
        cases[i].write(&writer);
        assert_true(slice_equal(buffer_peek(&output), slice_from_text(cases[i].resp2)));
        buffer_consume(&output, buffer_peek_size(&output));

        writer.version = RESP_VERSION_3;
        cases[i].write(&writer);
        const char *resp3 = cases[i].resp3 == NULL ? cases[i].resp2 : cases[i].resp3;
        assert_true(slice_equal(buffer_peek(&output), slice_from_text(resp3)));
        assert_false(writer.failed);
        buffer_deinit(&output);
    }
}

/* Of every length, and not only of the largest. */
static uint64_t random_u64(void)
{
    uint64_t value = 0;
    for (int i = 0; i < 5; i++) {
        value = value << 15 ^ (uint64_t)rand();
    }
    return value >> rand() % 64;
}

static void random_replies_follow_each_other(void **state)
{
    srand(*(const unsigned *)*state);
    struct buffer output;
    buffer_init(&output);
    struct resp_writer writer = resp_writer_over(&output);
    for (int i = 0; i < RANDOM_REPLIES; i++) {
        const uint64_t value = random_u64();
        char digits[32];
        char expected[128];
        (void)snprintf(digits, sizeof digits, "%" PRIu64, value);
        (void)snprintf(expected, sizeof expected,
                       "*%" PRIu64 "\r\n:%" PRId64 "\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", value,
                       (int64_t)value, strlen(digits), digits, strlen(digits), digits);
        resp_write_array_head(&writer, value);
        resp_write_integer(&writer, (int64_t)value);
        resp_write_bulk_u64(&writer, value);
        resp_write_bulk(&writer, slice_from_text(digits));

        const struct slice all = buffer_peek(&output);
        const size_t size = strlen(expected);
        assert_true(all.size >= size);
        assert_memory_equal(all.bytes + all.size - size, expected, size);
        if (rand() % 10 == 0) {
            buffer_consume(&output, (size_t)rand() % (all.size + 1));
        }
    }
    assert_false(writer.failed);
    buffer_deinit(&output);
}

static void failure_is_kept(void **state)
{
    (void)state;
    /* Refused before a byte of it is looked at. */
    const struct slice huge = {.bytes = "", .size = BUFFER_SIZE_MAX};
    struct buffer output;
    buffer_init(&output);
    struct resp_writer writer = resp_writer_over(&output);
    resp_write_array_head(&writer, 2);
    resp_write_bulk(&writer, huge);
    assert_true(writer.failed);
    write_ok(&writer);
    write_error(&writer);
    write_integers(&writer);
    write_pairs(&writer);
    write_ids(&writer);
    write_nulls(&writer);
    write_heads(&writer);
    write_verbatim(&writer);
    assert_true(writer.failed);
    assert_true(slice_equal(buffer_peek(&output), slice_from_text("*2\r\n")));
    buffer_deinit(&output);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_these_bytes),
        cmocka_unit_test_prestate(random_replies_follow_each_other, &seed),
        cmocka_unit_test(failure_is_kept),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
