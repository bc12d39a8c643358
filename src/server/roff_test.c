#include "server/roff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect(const char *text, const char *prose, const char *code)
{
    char *printed = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&printed, &size);
    assert_non_null(to);
    roff_print(to, text);
    fputc('\n', to);
    roff_print_code(to, slice_from_text(text));
    assert_int_equal(fclose(to), 0);
    char expected[256];
    snprintf(expected, sizeof expected, "%s\n%s", prose, code);
    assert_string_equal(printed, expected);
    free(printed);
}

static void text_comes_out_as_it_is(void **state)
{
    (void)state;
    expect("", "", "");
    expect("plain text, 2:1", "plain text, 2:1", "plain text, 2:1");
    expect("a-b", "a\\-b", "a\\-b");
    expect("\\x", "\\ex", "\\ex");
    expect("2^63 ~1", "2\\(ha63 \\(ti1", "2\\(ha63 \\(ti1");
}

static void no_line_is_a_request(void **state)
{
    (void)state;
    expect(".so x", "\\&.so x", "\\&.so x");
    expect("'tis", "\\&'tis", "\\(aqtis");
    expect("a .b", "a .b", "a .b");
}

static void prose_has_bold_parts(void **state)
{
    (void)state;
    expect("set `a-b`, it's", "set \\fBa\\-b\\fR, it's", "set \\(gaa\\-b\\(ga, it\\(aqs");
    expect("`it's`", "\\fBit\\(aqs\\fR", "\\(gait\\(aqs\\(ga");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_comes_out_as_it_is),
        cmocka_unit_test(no_line_is_a_request),
        cmocka_unit_test(prose_has_bold_parts),
    };
    return cmocka_run_group_tests_name("roff", tests, NULL, NULL);
}
