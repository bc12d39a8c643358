#include "resp/parser.h"

#include "base/assert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROOM = 64 };

static const struct resp_limits plenty = {.arguments_max = ROOM, .argument_size_max = 4096};

/* A fresh parser over a copy of `text`: what it says, and what it read. */
struct reading {
    char bytes[1024];
    struct slice arguments[ROOM];
    struct resp_request request;
    enum resp_verdict verdict;
};

static void read_slice(struct reading *self, const struct resp_limits *limits, struct slice input)
{
    struct resp_parser parser;
    resp_parser_reset(&parser);
    ASSERT(input.size <= sizeof self->bytes);
    memcpy(self->bytes, input.bytes, input.size);
    self->verdict = resp_parser_read(&parser, limits, self->bytes, input.size, self->arguments,
                                     ROOM, &self->request);
}

static void read_text(struct reading *self, const struct resp_limits *limits, const char *text)
{
    read_slice(self, limits, slice_from_text(text));
}

static void commands_are_cut_into_their_arguments(void **state)
{
    static const struct {
        const char *input;
        const char *arguments[5];
    } cases[] = {
        {"*1\r\n$4\r\nPING\r\n", {"PING"}},
        {"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", {"ECHO", ""}},
        {"*4\r\n$6\r\nRS.ACK\r\n$1\r\n7\r\n$2\r\n42\r\n$3\r\n100\r\n",
         {"RS.ACK", "7", "42", "100"}},
        {"*2\r\n$4\r\nECHO\r\n$12\r\n*1\r\n$4\r\nPING\r\n", {"ECHO", "*1\r\n$4\r\nPING"}},
        {"RS.ACK 7 42 100\r\n", {"RS.ACK", "7", "42", "100"}},
        {"PING\n", {"PING"}},
        {"  PING  \r\n", {"PING"}},
        {"ECHO \"a b\"\r\n", {"ECHO", "a b"}},
        {"ECHO a\"b c\"\r\n", {"ECHO", "ab c"}},
        {"ECHO \"\\x41\\n\\r\\t\\b\\a\\q\\\"\"\r\n", {"ECHO", "A\n\r\t\b\aq\""}},
        {"ECHO \"\\xzz\" \"\\x0\"\r\n", {"ECHO", "xzz", "x0"}},
        {"ECHO 'a\\'b\\n' '\\x41' a\\x41\r\n", {"ECHO", "a'b\\n", "\\x41", "a\\x41"}},
        {"ECHO a\rb\tc\r\n", {"ECHO", "a", "b", "c"}},
        {"ECHO \"a\rb\" \"\"\r\n", {"ECHO", "a\rb", ""}},
        {"ECHO\va\r\n", {"ECHO\va"}},
        {"ECHO \"a\"\vb\r\n", {"ECHO", "a", "b"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reading reading;
        read_text(&reading, &plenty, cases[i].input);
        assert_int_equal(reading.verdict, RESP_COMMAND);
        assert_int_equal(reading.request.size, strlen(cases[i].input));
        uint32_t count = 0;
        for (; count < 5 && cases[i].arguments[count] != NULL; count++) {
            const struct slice expected = slice_from_text(cases[i].arguments[count]);
            assert_true(slice_equal(reading.arguments[count], expected));
        }
        assert_int_equal(reading.request.arguments_count, count);
    }
}

static void errors_have_the_texts_of_redis(void **state)
{
    static const struct {
        const char *input;
        const char *text;
    } cases[] = {
        {"*\r\n", "invalid multibulk length"},
        {"*x", "invalid multibulk length"},
        {"*01\r\n", "invalid multibulk length"},
        {"*-0\r\n", "invalid multibulk length"},
        {"*1\n", "invalid multibulk length"},
        {"*-9999999999999999999\r\n", "invalid multibulk length"},
        {"*1\r\n$\r\n", "invalid bulk length"},
        {"*1\r\n$a\r\n", "invalid bulk length"},
        {"*1\r\n$-1\r\n", "invalid bulk length"},
        {"*1\r\n:4\r\n", "expected '$', got ':'"},
        {"*1\r\n'\r\n", "expected '$', got '''"},
        {"*1\r\n\xff\r\n", "expected '$', got '\\xff'"},
        {"*1\r\n\r\n", "expected '$', got '\\x0d'"},
        {"ECHO \"a\r\n", "unbalanced quotes in request"},
        {"ECHO 'a'b\r\n", "unbalanced quotes in request"},
        /* Where Redis takes the bytes, or waits for more. */
        {"*1\rx", "invalid multibulk length"},
        {"*1\r\n$4\rx", "invalid bulk length"},
        {"*1\r\n$4\r\nPINGx", "expected CRLF behind an argument, got 'x'"},
        {"*1\r\n$4\r\nPING\r\r", "expected CRLF behind an argument, got '\\x0d'"},
        /* The limits are ours. */
        {"*65\r\n", "too many arguments, max-arguments is 64"},
        {"*99999999999999999999", "too many arguments, max-arguments is 64"},
        {"*1\r\n$4097\r\n", "too big an argument, max-argument-bytes is 4096"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reading reading;
        char text[RESP_FAULT_TEXT_SIZE_MAX];
        char expected[128];
        read_text(&reading, &plenty, cases[i].input);
        assert_int_equal(reading.verdict, RESP_BAD);
        const size_t size = resp_fault_print(&reading.request, &plenty, text);
        (void)snprintf(expected, sizeof expected, "Protocol error: %s", cases[i].text);
        assert_string_equal(text, expected);
        assert_int_equal(size, strlen(expected));
    }
}

static void nul_byte_in_an_inline_command_is_an_error(void **state)
{
    (void)state;
    struct reading reading;
    char text[RESP_FAULT_TEXT_SIZE_MAX];
    read_slice(&reading, &plenty, (struct slice){.bytes = "PI\0NG", .size = 5});
    assert_int_equal(reading.verdict, RESP_BAD);
    (void)resp_fault_print(&reading.request, &plenty, text);
    assert_string_equal(text, "Protocol error: unexpected '\\x00' in inline request");
}

static void every_text_fits_with_the_largest_limits(void **state)
{
    (void)state;
    const struct resp_limits largest = {.arguments_max = UINT32_MAX,
                                        .argument_size_max = UINT32_MAX};
    for (int fault = RESP_FAULT_COUNT; fault <= RESP_FAULT_ARGUMENT_SIZE_MAX; fault++) {
        char text[RESP_FAULT_TEXT_SIZE_MAX];
        const struct resp_request request = {.fault = (enum resp_fault)fault, .fault_byte = 0xff};
        assert_true(resp_fault_print(&request, &largest, text) < sizeof text - 1);
    }
}

static void arguments_are_slices_of_the_input(void **state)
{
    static const char *const cases[] = {"*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n", "ECHO hi\r\n",
                                        "ECHO \"hi\"\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reading reading;
        read_text(&reading, &plenty, cases[i]);
        assert_int_equal(reading.request.arguments_count, 2);
        for (uint32_t j = 0; j < 2; j++) {
            const char *bytes = reading.arguments[j].bytes;
            assert_true(bytes >= reading.bytes && bytes < reading.bytes + sizeof reading.bytes);
        }
    }
}

static void what_asks_for_nothing_is_done_with_at_once(void **state)
{
    static const struct {
        const char *input;
        size_t size;
        enum resp_verdict verdict;
    } cases[] = {
        {"", 0, RESP_MORE},
        {"*0\r\n", 4, RESP_MORE},
        {"\r\n*-1\r\n \r\n*", 10, RESP_MORE},
        {"\r\n*0\r\nPI", 6, RESP_MORE},
        {"\r\n*0\r\nPING\r\nPING\r\n", 12, RESP_COMMAND},
        {"\r\n*x", 2, RESP_BAD},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reading reading;
        read_text(&reading, &plenty, cases[i].input);
        assert_int_equal(reading.verdict, cases[i].verdict);
        assert_int_equal(reading.request.size, cases[i].size);
    }
}

/* Else a command that comes in small pieces would cost the square of its size. */
static void command_in_pieces_is_not_read_from_its_start_again(void **state)
{
    (void)state;
    char input[2048];
    struct slice arguments[ROOM];
    struct resp_request request;
    struct resp_parser parser;
    size_t size = (size_t)sprintf(input, "*%d\r\n", ROOM);
    resp_parser_reset(&parser);
    for (int i = 0; i < ROOM; i++) {
        const size_t begin = size;
        size += (size_t)sprintf(input + size, "$10\r\n%010d\r\n", i);
        for (size_t end = begin; end < size; end++) {
            assert_int_equal(
                resp_parser_read(&parser, &plenty, input, end, arguments, ROOM, &request),
                RESP_MORE);
            assert_int_equal(parser.offset, begin);
        }
    }
    assert_int_equal(resp_parser_read(&parser, &plenty, input, size, arguments, ROOM, &request),
                     RESP_COMMAND);
    assert_int_equal(request.arguments_count, ROOM);
    for (int i = 0; i < ROOM; i++) {
        char expected[16];
        (void)snprintf(expected, sizeof expected, "%010d", i);
        assert_true(slice_equal(arguments[i], slice_from_text(expected)));
    }

    size = (size_t)sprintf(input, "PING PING PING");
    assert_int_equal(resp_parser_read(&parser, &plenty, input, size, arguments, ROOM, &request),
                     RESP_MORE);
    assert_int_equal(parser.offset, size);
}

static void too_little_room_asks_to_come_again(void **state)
{
    static const char *const cases[] = {"\r\n*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
                                        "\r\n\"a\" b c\r\n", "\r\na b c\n"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char input[64];
        struct slice arguments[ROOM];
        struct resp_request request;
        struct resp_parser parser;
        const size_t size = strlen(cases[i]);
        memcpy(input, cases[i], size);
        resp_parser_reset(&parser);
        assert_int_equal(resp_parser_read(&parser, &plenty, input, size, arguments, 2, &request),
                         RESP_FULL);
        assert_int_equal(request.size, 2);
        assert_memory_equal(input, cases[i], size);
        assert_int_equal(
            resp_parser_read(&parser, &plenty, input + 2, size - 2, arguments, ROOM, &request),
            RESP_COMMAND);
        assert_int_equal(request.size, size - 2);
        assert_int_equal(request.arguments_count, 3);
        assert_true(slice_equal(arguments[0], slice_from_text("a")));
        assert_true(slice_equal(arguments[2], slice_from_text("c")));
    }
}

/* An option may be set between two pieces of a command. */
static void limits_may_shrink_inside_a_command(void **state)
{
    static const struct {
        struct resp_limits limits;
        size_t first_size;
        enum resp_verdict verdict;
    } cases[] = {
        {{3, 2}, 4, RESP_COMMAND}, {{3, 2}, 14, RESP_COMMAND}, {{2, 2}, 4, RESP_BAD},
        {{2, 2}, 14, RESP_BAD},    {{3, 1}, 4, RESP_BAD},      {{3, 1}, 14, RESP_BAD},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char input[] = "*3\r\n$2\r\naa\r\n$1\r\nb\r\n$1\r\nc\r\n";
        struct slice arguments[ROOM];
        struct resp_request request;
        struct resp_parser parser;
        resp_parser_reset(&parser);
        assert_int_equal(resp_parser_read(&parser, &plenty, input, cases[i].first_size, arguments,
                                          ROOM, &request),
                         RESP_MORE);
        assert_int_equal(resp_parser_read(&parser, &cases[i].limits, input, sizeof input - 1,
                                          arguments, cases[i].limits.arguments_max, &request),
                         cases[i].verdict);
    }
}

static enum resp_verdict read_inline_of(size_t size, const char *end, size_t cut,
                                        struct resp_request *request)
{
    static const struct resp_limits limits = {.arguments_max = 1,
                                              .argument_size_max = 2 * RESP_INLINE_SIZE_MAX};
    const struct slice tail = slice_from_text(end);
    const size_t input_size = size + tail.size;
    char *input = malloc(input_size);
    ASSERT(input != NULL);
    memset(input, 'a', size);
    memcpy(input + size, tail.bytes, tail.size);
    struct slice argument;
    struct resp_parser parser;
    resp_parser_reset(&parser);
    enum resp_verdict verdict =
        resp_parser_read(&parser, &limits, input, cut, &argument, 1, request);
    if (verdict == RESP_MORE) {
        verdict = resp_parser_read(&parser, &limits, input, input_size, &argument, 1, request);
    }
    free(input);
    return verdict;
}

static void inline_command_has_a_largest_size(void **state)
{
    (void)state;
    for (size_t cut = 0; cut <= RESP_INLINE_SIZE_MAX; cut += RESP_INLINE_SIZE_MAX / 16) {
        struct resp_request request;
        assert_int_equal(read_inline_of(RESP_INLINE_SIZE_MAX, "\n", cut, &request), RESP_COMMAND);
        assert_int_equal(request.size, RESP_INLINE_SIZE_MAX + 1);
        assert_int_equal(read_inline_of(RESP_INLINE_SIZE_MAX, "", cut, &request), RESP_MORE);
        assert_int_equal(read_inline_of(RESP_INLINE_SIZE_MAX + 1, "", cut, &request), RESP_BAD);
        assert_int_equal(request.fault, RESP_FAULT_INLINE_SIZE);
        assert_int_equal(read_inline_of(RESP_INLINE_SIZE_MAX + 1, "\n", cut, &request), RESP_BAD);
        assert_int_equal(request.fault, RESP_FAULT_INLINE_SIZE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_cut_into_their_arguments),
        cmocka_unit_test(errors_have_the_texts_of_redis),
        cmocka_unit_test(nul_byte_in_an_inline_command_is_an_error),
        cmocka_unit_test(every_text_fits_with_the_largest_limits),
        cmocka_unit_test(arguments_are_slices_of_the_input),
        cmocka_unit_test(what_asks_for_nothing_is_done_with_at_once),
        cmocka_unit_test(command_in_pieces_is_not_read_from_its_start_again),
        cmocka_unit_test(too_little_room_asks_to_come_again),
        cmocka_unit_test(limits_may_shrink_inside_a_command),
        cmocka_unit_test(inline_command_has_a_largest_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
