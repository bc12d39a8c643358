#include "base/quote.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void what_was_got_is_shown_safely(void **state)
{
    (void)state;
    char quote[QUOTE_SIZE];
    assert_string_equal(quote_print(quote, slice_from_text("a b~")), "a b~");
    const struct slice bytes = {.bytes = "\n\0\x7f\xff", .size = 4};
    assert_string_equal(quote_print(quote, bytes), "\\x0a\\x00\\x7f\\xff");
    assert_string_equal(quote_print(quote, (struct slice){.bytes = NULL, .size = 0}), "");
}

static void what_is_long_is_cut(void **state)
{
    (void)state;
    char bytes[QUOTE_BYTES_MAX + 1];
    char quote[QUOTE_SIZE];
    memset(bytes, 1, sizeof bytes);
    quote_print(quote, (struct slice){.bytes = bytes, .size = sizeof bytes});
    assert_int_equal(strlen(quote), QUOTE_SIZE - 1);
    memset(bytes, 'a', sizeof bytes);
    quote_print(quote, (struct slice){.bytes = bytes, .size = sizeof bytes});
    assert_int_equal(strlen(quote), QUOTE_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_got_is_shown_safely),
        cmocka_unit_test(what_is_long_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
