#include "base/failure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_sentence_that_is_too_long_is_cut(void **state)
{
    (void)state;
    struct failure failure;
    failure_set(&failure, "%s is %d", "it", 7);
    assert_string_equal(failure.text, "it is 7");
    failure_set(&failure, "%*d", FAILURE_SIZE + 10, 1);
    assert_int_equal(strlen(failure.text), FAILURE_SIZE - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sentence_that_is_too_long_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
