/* However a stream is cut into pieces, the answers are those of the model. */
#include "resp/parser.h"
#include "resp/parser_model.h"
#include "resp/parser_play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    GENERATED_STREAMS = 400,
    GENERATED_PIPELINES = 300,
    STREAM_SIZE_MAX = 4096,
    LIMIT = 8, /* So small that the inputs below can be over it. */
    ROOM = 3,  /* Smaller still: some commands need a second try. */
};

static const struct resp_limits limits = {.arguments_max = LIMIT, .argument_size_max = LIMIT};

#define TEXT(literal) {.bytes = (literal), .size = sizeof(literal) - 1}

static const struct slice inputs[] = {
    /* Arrays of bulks, alone and in pipelines. */
    TEXT("*1\r\n$4\r\nPING\r\n"),
    TEXT("*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n"),
    TEXT("*4\r\n$6\r\nRS.ACK\r\n$1\r\n7\r\n$2\r\n42\r\n$3\r\n100\r\n"),
    TEXT("*3\r\n$0\r\n\r\n$2\r\n\r\n\r\n$4\r\n$1\r\n\r\n"),
    TEXT("*2\r\n$3\r\na\0b\r\n$2\r\n\xff\xfe\r\nPING\r\n"),
    TEXT("*8\r\n$1\r\n1\r\n$1\r\n2\r\n$1\r\n3\r\n$1\r\n4\r\n$1\r\n5\r\n$1\r\n6\r\n$1\r\n7\r\n$"
         "8\r\n12345678\r\n"),
    TEXT("*1\r\n$8\r\n*1\r\n$1\r\n\r\n"),
    /* What asks for nothing. */
    TEXT("*0\r\n"),
    TEXT("*-1\r\n*0\r\n*-5\r\nPING\r\n*0\r\n"),
    TEXT("*-999999999999999999\r\nPING\r\n"),
    TEXT("\r\n\n  \r\n\t\v\f\nPING\r\n\r\n"),
    TEXT("\r\n*1\r\n$4\r\nPING\r\n\r\n*0\r\nPING\n"),
    /* Counts. */
    TEXT("*\r\n"),
    TEXT("*x\r\n"),
    TEXT("*+1\r\n"),
    TEXT("* 1\r\n"),
    TEXT("*1 \r\n"),
    TEXT("*01\r\n"),
    TEXT("*00\r\n"),
    TEXT("*-0\r\n"),
    TEXT("*-01\r\n"),
    TEXT("*--1\r\n"),
    TEXT("*-\r\n"),
    TEXT("*-x\r\n"),
    TEXT("*1-\r\n"),
    TEXT("*-1x\r\n"),
    TEXT("*1\n$1\r\na\r\n"),
    TEXT("*1\rx$1\r\na\r\n"),
    TEXT("*1\r\r\n"),
    TEXT("*-1\rx"),
    TEXT("*1\0\r\n"),
    TEXT("*9\r\n"),
    TEXT("*10\r\n"),
    TEXT("*9x\r\n"),
    TEXT("*2147483648\r\n"),
    TEXT("*99999999999999999999\r\n"),
    TEXT("*-1000000000000000000\r\n"),
    TEXT("*-99999999999999999999999999\r\n"),
    TEXT("PING\r\n*1\r\n$1\r\na\r\n*x"),
    /* Types. */
    TEXT("*1\r\n:4\r\n"),
    TEXT("*1\r\n\0"),
    TEXT("*1\r\n\x7f"),
    TEXT("*1\r\n\xff\r\n"),
    TEXT("*1\r\n'4\r\n"),
    TEXT("*1\r\n\\4\r\n"),
    TEXT("*1\r\n\r\n"),
    TEXT("*1\r\n*1\r\n"),
    TEXT("*2\r\n$1\r\na\r\nPING\r\n"),
    TEXT("*2\r\n$1\r\na\r\n\n$1\r\nb\r\n"),
    /* Sizes. */
    TEXT("*1\r\n$\r\n"),
    TEXT("*1\r\n$-1\r\n"),
    TEXT("*1\r\n$a\r\n"),
    TEXT("*1\r\n$04\r\nPING\r\n"),
    TEXT("*1\r\n$4 \r\nPING\r\n"),
    TEXT("*1\r\n$4\nPING\r\n"),
    TEXT("*1\r\n$4\rxPING\r\n"),
    TEXT("*1\r\n$9\r\n123456789\r\n"),
    TEXT("*1\r\n$10\r\n1234567890\r\n"),
    TEXT("*1\r\n$99999999999999999999\r\n"),
    TEXT("*2\r\n$1\r\na\r\n$9"),
    /* Ends of arguments. */
    TEXT("*1\r\n$4\r\nPINGxx"),
    TEXT("*1\r\n$4\r\nPING\rx"),
    TEXT("*1\r\n$4\r\nPING\n\r"),
    TEXT("*1\r\n$4\r\nPINGS\r\n"),
    TEXT("*1\r\n$4\r\nPIN\r\n*1\r\n$4\r\nPING\r\n"),
    TEXT("*1\r\n$0\r\n$1\r\na\r\n"),
    /* Inline. */
    TEXT("PING\r\n"),
    TEXT("PING\n"),
    TEXT("PING\r\r\n"),
    TEXT("  PING  \r\nPING\r\n"),
    TEXT("PING"),
    TEXT("$4\r\nPING\r\n"),
    TEXT("ECHO a\rb\tc\r\n"),
    TEXT("ECHO\va\fb\r\n"),
    TEXT("ECHO \v\f a\r\n"),
    TEXT("ECHO \xff\x80\x01\r\n"),
    TEXT("1 2 3 4\n"),
    TEXT("1 2 3 4 5 6 7 8\r\n"),
    TEXT("1 2 3 4 5 6 7 8 9\r\n"),
    TEXT("1 2 3 4 5 6 7 8 \"\r\n"),
    TEXT("12345678 12345678\r\n"),
    TEXT("12345678 123456789\r\n"),
    TEXT("a 123456789 \"\r\n"),
    TEXT("a \" 123456789\r\n"),
    TEXT("\0PING\r\n"),
    TEXT("PING\0\r\n"),
    TEXT("PING \"\0\"\r\n"),
    TEXT("PING\r\n\0"),
    TEXT("\x16\x03\x01\x02\0\x01"),
    /* Quotes. */
    TEXT("\"PING\"\r\n"),
    TEXT("ECHO \"a b\" 'c d'\r\n"),
    TEXT("ECHO \"\" ''\r\n"),
    TEXT("\"\"\r\n"),
    TEXT("ECHO \"\\x41\\xfF\\x00\"\r\nPING\r\n"),
    TEXT("ECHO \"\\n\\r\\t\\b\\a\\q\\\\\\\"\"\r\n"),
    TEXT("ECHO \"\\xzz\" \"\\x4\" \"\\x\"\r\n"),
    TEXT("ECHO 'it\\'s' '\\n' '\\\\'\r\n"),
    TEXT("ECHO '\\x41' a\\x41\r\n"),
    TEXT("ECHO a\"b c\"\r\n"),
    TEXT("ECHO a'b c'\r\n"),
    TEXT("ECHO \"a\rb\" 'c\td'\r\n"),
    TEXT("ECHO \"it's\" 'say \"\"'\r\n"),
    TEXT("ECHO \"a\"\vb\r\n"),
    TEXT("ECHO \"a\"b\r\n"),
    TEXT("ECHO 'a'b\r\n"),
    TEXT("ECHO a\"b c\"d\r\n"),
    TEXT("ECHO \"a\"\"b\"\r\n"),
    TEXT("ECHO \"a\r\n"),
    TEXT("ECHO 'a\r\n"),
    TEXT("ECHO \"\r\n"),
    TEXT("ECHO \"a\\\r\n"),
    TEXT("ECHO 'a\\\n"),
    TEXT("ECHO \"a\\\"\r\n"),
    TEXT("ECHO 'a\\'\r\n"),
    TEXT("ECHO \"\\x4\r\n"),
    TEXT("ECHO \"12345678\"\r\n"),
    TEXT("ECHO \"123456789\"\r\n"),
    TEXT("ECHO \"123456789\r\n"),
    TEXT("ECHO \"12345678\r\n"),
    TEXT("ECHO \"12345678\"x\r\n"),
    TEXT("ECHO \"123456\\x37\\x38\"\r\n"),
    TEXT("ECHO '1234567\\'9'\r\n"),
    TEXT("ECHO 1234\"56789\"\r\n"),
};

static void print_escaped(struct slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        const unsigned byte = (unsigned char)bytes.bytes[i];
        print_error(byte >= ' ' && byte <= '~' ? "%c" : "\\x%02x", byte);
    }
    print_error("\n");
}

static void expect_log(const struct buffer *log, const struct buffer *model_log,
                       struct slice stream)
{
    if (!slice_equal(buffer_peek(log), buffer_peek(model_log))) {
        print_error("stream  ");
        print_escaped(stream);
        print_error("model   ");
        print_escaped(buffer_peek(model_log));
        print_error("parser  ");
        print_escaped(buffer_peek(log));
        fail();
    }
}

/* Byte by byte, and after each the parser has said no less and no more than the model. */
static void expect_model_at_every_byte(struct slice stream, struct buffer *out_log)
{
    struct model model;
    struct play play;
    model_init(&model, &limits);
    play_init(&play, &limits, ROOM, stream);
    for (size_t i = 0; i < stream.size; i++) {
        model_push(&model, stream.bytes[i]);
        play_feed(&play, i + 1);
        expect_log(&play.log, &model.log, (struct slice){.bytes = stream.bytes, .size = i + 1});
    }
    play_deinit(&play);
    *out_log = model.log;
    buffer_init(&model.log);
    model_deinit(&model);
}

static void expect_same_at_every_cut(struct slice stream)
{
    struct buffer log;
    expect_model_at_every_byte(stream, &log);
    for (size_t cut = 0; cut <= stream.size; cut++) {
        struct play play;
        play_init(&play, &limits, cut % 2 == 0 ? LIMIT : ROOM, stream);
        play_feed(&play, cut);
        play_feed(&play, stream.size);
        expect_log(&play.log, &log, stream);
        play_deinit(&play);
    }
    buffer_deinit(&log);
}

static unsigned below(unsigned bound)
{
    return (unsigned)rand() % bound;
}

static void append_text(char *stream, size_t *size, const char *text)
{
    const struct slice bytes = slice_from_text(text);
    memcpy(stream + *size, bytes.bytes, bytes.size);
    *size += bytes.size;
}

static void append_random(char *stream, size_t *size, size_t count)
{
    static const char bytes[] = "ab \t\r\n\"'\\x0$*";
    for (size_t i = 0; i < count; i++) {
        const unsigned at = below(sizeof bytes);
        stream[(*size)++] = (char)(at == sizeof bytes - 1 ? below(256) : (unsigned char)bytes[at]);
    }
}

/* A good command, or nearly one, of at most LIMIT + 1 arguments of at most LIMIT + 1 bytes. */
static void append_command(char *stream, size_t *size)
{
    const unsigned count = below(below(10) == 0 ? LIMIT + 2 : 5);
    if (below(4) == 0) {
        for (unsigned i = 0; i < count; i++) {
            static const char *const words[] = {"a ",   "bc ",      " PING ", "\"q r\" ",
                                                "'s' ", "\"\\n\" ", "\t",     "\"\\x4a\" "};
            append_text(stream, size, words[below(8)]);
        }
        append_text(stream, size, "\r\n");
        return;
    }
    *size += (size_t)sprintf(stream + *size, "*%u\r\n", count);
    for (unsigned i = 0; i < count; i++) {
        const unsigned argument_size = below(below(40) == 0 ? LIMIT + 2 : LIMIT);
        *size += (size_t)sprintf(stream + *size, "$%u\r\n", argument_size);
        append_random(stream, size, argument_size);
        append_text(stream, size, "\r\n");
    }
}

/* One byte more, less, or other. */
static void damage(char *stream, size_t *size)
{
    const size_t at = below((unsigned)*size);
    switch (below(3)) {
    case 0:
        memmove(stream + at + 1, stream + at, *size - at);
        (*size)++;
        stream[at] = (char)below(256);
        break;
    case 1:
        (*size)--;
        memmove(stream + at, stream + at + 1, *size - at);
        break;
    default:
        stream[at] = "\r\n*$0123456789\"' "[below(17)];
        break;
    }
}

static void inputs_are_the_same_at_every_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        expect_same_at_every_cut(inputs[i]);
    }
}

static void random_streams_are_the_same_at_every_cut(void **state)
{
    srand(*(const unsigned *)*state);
    for (unsigned i = 0; i < GENERATED_STREAMS; i++) {
        char stream[STREAM_SIZE_MAX];
        size_t size = 0;
        append_command(stream, &size);
        append_command(stream, &size);
        if (i % 2 == 1) {
            damage(stream, &size);
        }
        expect_same_at_every_cut((struct slice){.bytes = stream, .size = size});
    }
}

static void random_pipelines_behave_like_the_model(void **state)
{
    srand(*(const unsigned *)*state);
    for (unsigned i = 0; i < GENERATED_PIPELINES; i++) {
        char stream[STREAM_SIZE_MAX];
        size_t size = 0;
        const unsigned commands = 1 + below(25);
        for (unsigned j = 0; j < commands; j++) {
            append_command(stream, &size);
        }
        const struct slice all = {.bytes = stream, .size = size};
        struct model model;
        struct play play;
        model_init(&model, &limits);
        play_init(&play, &limits, 1 + below(LIMIT), all);
        for (size_t end = 0; end < size;) {
            const size_t piece = 1 + below(120);
            const size_t next = piece < size - end ? end + piece : size;
            for (; end < next; end++) {
                model_push(&model, stream[end]);
            }
            play_feed(&play, end);
            expect_log(&play.log, &model.log, all);
        }
        play_deinit(&play);
        model_deinit(&model);
    }
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inputs_are_the_same_at_every_cut),
        cmocka_unit_test_prestate(random_streams_are_the_same_at_every_cut, &seed),
        cmocka_unit_test_prestate(random_pipelines_behave_like_the_model, &seed),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
