#include "base/status.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const enum status all[] = {
#define X(name, word, sentence) name,
    STATUS_TABLE(X)
#undef X
};

enum { STATUSES = sizeof all / sizeof *all };

static void success_is_zero(void **state)
{
    (void)state;
    assert_int_equal(STATUS_OK, 0);
    assert_string_equal(status_word(STATUS_OK), "OK");
}

/* They go to the client as they are: a word of capitals, and a sentence that has no line end. */
static void each_can_stand_in_an_error_reply(void **state)
{
    (void)state;
    for (int i = 0; i < STATUSES; i++) {
        const char *word = status_word(all[i]);
        assert_true(strlen(word) > 0);
        for (const char *at = word; *at != '\0'; at++) {
            assert_true(isupper((unsigned char)*at));
        }
        const char *text = status_text(all[i]);
        assert_true(strlen(text) > 0);
        assert_null(strpbrk(text, "\r\n"));
        assert_true(text[strlen(text) - 1] != '.');
    }
}

static void no_two_have_the_same_sentence(void **state)
{
    (void)state;
    for (int a = 0; a < STATUSES; a++) {
        for (int b = a + 1; b < STATUSES; b++) {
            assert_string_not_equal(status_text(all[a]), status_text(all[b]));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(success_is_zero),
        cmocka_unit_test(each_can_stand_in_an_error_reply),
        cmocka_unit_test(no_two_have_the_same_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
