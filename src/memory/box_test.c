#include "memory/box.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Counts in what the caller lent it how often it was freed; the memory itself is AddressSanitizer's
 * to watch. */
struct thing {
    int *lent_frees;
};

static void thing_destroy(struct thing **taken_thing)
{
    struct thing *self = TAKE(*taken_thing);
    if (self != NULL) {
        ++*self->lent_frees;
        free(self);
    }
}

static struct thing *thing_create(int *lent_frees)
{
    struct thing *self = malloc(sizeof *self);
    assert_non_null(self);
    self->lent_frees = lent_frees;
    return self;
}

/* Three ways out: before there is a thing, with it in the box, and with it given away. */
static struct thing *leave(int way, int *lent_frees)
{
    BOX(thing_destroy) struct thing *thing = NULL;
    if (way == 0) {
        return NULL;
    }
    thing = thing_create(lent_frees);
    if (way == 1) {
        return NULL;
    }
    return TAKE(thing);
}

static void a_box_frees_what_it_holds_at_scope_end(void **state)
{
    (void)state;
    int frees = 0;
    assert_null(leave(0, &frees));
    assert_int_equal(frees, 0);
    assert_null(leave(1, &frees));
    assert_int_equal(frees, 1);
}

static void what_was_taken_is_not_freed(void **state)
{
    (void)state;
    int frees = 0;
    {
        BOX(thing_destroy) struct thing *thing = leave(2, &frees);
        assert_non_null(thing);
        assert_int_equal(frees, 0);
    }
    assert_int_equal(frees, 1);
}

static int **look(int **pointer, int *looks)
{
    ++*looks;
    return pointer;
}

static void take_empties_the_giver_and_looks_once(void **state)
{
    (void)state;
    int number = 1;
    int *pointer = &number;
    int looks = 0;
    assert_ptr_equal(TAKE(*look(&pointer, &looks)), &number);
    assert_null(pointer);
    assert_int_equal(looks, 1);
    assert_null(TAKE(pointer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_box_frees_what_it_holds_at_scope_end),
        cmocka_unit_test(what_was_taken_is_not_freed),
        cmocka_unit_test(take_empties_the_giver_and_looks_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
