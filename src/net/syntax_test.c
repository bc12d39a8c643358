#include "net/syntax.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The reply in RESP2, with a space for each end of a line; and without the sizes of texts. */
static void expect(const char *syntax, const char *expected)
{
    struct buffer reply;
    buffer_init(&reply);
    struct resp_writer writer = resp_writer_over(&reply);
    syntax_write_arguments(syntax, &writer);
    const struct slice bytes = buffer_peek(&reply);
    char *text = calloc(bytes.size + 1, 1);
    assert_non_null(text);
    size_t size = 0;
    for (size_t at = 0; at < bytes.size; at++) {
        if (bytes.bytes[at] == '$') {
            at += strcspn(bytes.bytes + at, "\n");
        } else if (bytes.bytes[at] == '\r') {
            text[size++] = ' ';
            at++;
        } else {
            text[size++] = bytes.bytes[at];
        }
    }
    assert_string_equal(text, expected);
    free(text);
    buffer_deinit(&reply);
}

static void words(void **state)
{
    (void)state;
    expect("user", "*1 *4 name user type string ");
    expect("user channel", "*2 *4 name user type string *4 name channel type string ");
    expect("0", "*1 *4 name 0 type string ");
}

static void what_may_be_left_out(void **state)
{
    (void)state;
    expect("[user]", "*1 *6 name user type string flags *1 +optional ");
    expect("[SAVE]", "*1 *8 name save type pure-token token SAVE flags *1 +optional ");
    expect("[FLAGS f]", "*1 *8 name f type string token FLAGS flags *1 +optional ");
    expect("[SINCE epoch version]",
           "*1 *10 name since type block token SINCE flags *1 +optional "
           "arguments *2 *4 name epoch type string *4 name version type string ");
    expect("[MANUAL [MENTIONS n]]", "*1 *8 name manual type block flags *1 +optional "
                                    "arguments *2 *6 name manual type pure-token token MANUAL "
                                    "*8 name n type string token MENTIONS flags *1 +optional ");
}

static void repetitions(void **state)
{
    (void)state;
    expect("user [user ...]", "*1 *6 name user type string flags *1 +multiple ");
    expect("[section ...]", "*1 *6 name section type string flags *2 +optional +multiple ");
    expect("user a b [a b ...]", "*2 *4 name user type string "
                                 "*8 name a type block flags *1 +multiple "
                                 "arguments *2 *4 name a type string *4 name b type string ");
    expect("[MENTIONS user [user ...]]",
           "*1 *8 name user type string token MENTIONS flags *2 +optional +multiple ");
}

static void choices(void **state)
{
    (void)state;
    expect("[COMMIT now|delayed]", "*1 *10 name commit type oneof token COMMIT flags *1 +optional "
                                   "arguments *2 *6 name now type pure-token token now "
                                   "*6 name delayed type pure-token token delayed ");
    expect("[2|3 [SETNAME name]]",
           "*1 *8 name 2|3 type block flags *1 +optional "
           "arguments *2 *6 name 2|3 type oneof arguments *2 *6 name 2 type pure-token token 2 "
           "*6 name 3 type pure-token token 3 "
           "*8 name name type string token SETNAME flags *1 +optional ");
}

static void subcommands_have_none(void **state)
{
    (void)state;
    assert_false(syntax_has_arguments("ID | GETNAME"));
    assert_false(syntax_has_arguments(""));
    assert_true(syntax_has_arguments("[COMMIT now|delayed]"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(what_may_be_left_out),
        cmocka_unit_test(repetitions),
        cmocka_unit_test(choices),
        cmocka_unit_test(subcommands_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
