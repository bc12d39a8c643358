#include "replay/comparison.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* User 10 has read to 1 in channel 5 and to 2 in channel 6, where 5 mentions wait of which 1 is
 * only counted. User 20 only wrote. */
struct scene {
    struct trace trace;
    struct model model;
    struct comparison comparison;
};

static void scene_init(struct scene *self)
{
    static const char *const lines[] = {
        "0\t5\tmessage\t10",     "0\t6\tmessage\t10",     "0\t6\tmessage\t20\t10",
        "0\t6\tmessage\t20\t10", "0\t6\tmessage\t20\t10", "0\t6\tmessage\t20\t10",
        "0\t6\tmessage\t20\t10",
    };
    char error[TRACE_ERROR_SIZE];
    trace_init(&self->trace);
    model_init(&self->model, 4);
    for (size_t at = 0; at < sizeof lines / sizeof lines[0]; at++) {
        assert_true(trace_read_line(&self->trace, lines[at], strlen(lines[at]), 1, error));
        model_apply_event(&self->model, &self->trace, &self->trace.events[at]);
    }
    comparison_init(&self->comparison, &self->model, &self->trace);
}

static void scene_deinit(struct scene *self)
{
    comparison_deinit(&self->comparison);
    model_deinit(&self->model);
    trace_deinit(&self->trace);
}

static void compare_bytes(struct scene *self, const char *bytes)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;
    assert_non_null(reader);
    assert_int_equal(redisReaderFeed(reader, bytes, strlen(bytes)), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    comparison_compare_list(&self->comparison, id_map_find(&self->trace.users, 10), reply);
    freeReplyObject(reply);
    redisReaderFree(reader);
}

#define HEAD "*4\r\n$1\r\ne\r\n:9\r\n:1\r\n"
#define STATE(fields, channel, last_read, mentions)                                                \
    "*" fields "\r\n$7\r\nchannel\r\n" channel "\r\n$9\r\nlast_read\r\n" last_read                 \
    "\r\n$8\r\nmentions\r\n" mentions "\r\n$7\r\nversion\r\n:3\r\n"
#define APPROXIMATE "$11\r\napproximate\r\n:1\r\n"
#define FIVE STATE("8", "$1\r\n5", "$1\r\n1", ":0")
#define SIX STATE("10", "$1\r\n6", "$1\r\n2", ":5") APPROXIMATE

static void check_none(const char *bytes, size_t states_compared)
{
    struct scene scene;
    scene_init(&scene);
    compare_bytes(&scene, bytes);
    assert_int_equal(scene.comparison.differences, 0);
    assert_int_equal(scene.comparison.states_compared, states_compared);
    scene_deinit(&scene);
}

static void check_one(const char *bytes, const char *channel, const char *field,
                      const char *expected, const char *got)
{
    struct scene scene;
    scene_init(&scene);
    compare_bytes(&scene, bytes);
    const struct difference *first = &scene.comparison.first[0];
    assert_int_equal(scene.comparison.differences, 1);
    assert_int_equal(first->user, 10);
    assert_string_equal(first->channel, channel);
    assert_string_equal(first->field, field);
    assert_string_equal(first->expected, expected);
    assert_string_equal(first->got, got);
    scene_deinit(&scene);
}

static void what_is_the_same_makes_no_difference(void **state)
{
    (void)state;
    check_none(HEAD "*2\r\n" FIVE SIX, 2);
    /* A field of a later contract is no fault. */
    check_none(HEAD "*2\r\n" STATE("10", "$1\r\n5", "$1\r\n1", ":0") "$4\r\nmood\r\n:1\r\n" SIX, 2);
}

static void each_field_is_compared(void **state)
{
    (void)state;
    check_one(HEAD "*2\r\n" STATE("8", "$1\r\n5", "$1\r\n3", ":0") SIX, "5", "last_read", "1", "3");
    check_one(HEAD "*2\r\n" STATE("8", "$1\r\n5", "$1\r\n1", ":7") SIX, "5", "mentions", "0", "7");
    check_one(HEAD "*2\r\n" STATE("10", "$1\r\n5", "$1\r\n1", ":0") APPROXIMATE SIX, "5",
              "approximate", "0", "1");
    check_one(HEAD "*2\r\n" FIVE STATE("8", "$1\r\n6", "$1\r\n2", ":5"), "6", "approximate", "1",
              "0");
    check_one(HEAD
              "*2\r\n" STATE("10", "$1\r\n5", "$1\r\n1", ":0") "$5\r\nfloor\r\n$1\r\n4\r\n" SIX,
              "5", "floor", "0", "4");
    check_one(HEAD "*2\r\n" STATE("10", "$1\r\n5", "$1\r\n1", ":0") "$7\r\ndeleted\r\n:1\r\n" SIX,
              "5", "deleted", "0", "1");
    check_one(HEAD "*2\r\n" STATE("10", "$1\r\n5", "$1\r\n1", ":0") "$3\r\npin\r\n:8\r\n" SIX, "5",
              "pin", "0", "8");
}

static void a_missing_state_is_a_difference(void **state)
{
    (void)state;
    check_one(HEAD "*1\r\n" SIX, "5", "state", "last_read 1, mentions 0", "none");
    check_one(HEAD "*1\r\n" FIVE, "6", "state", "last_read 2, mentions 5", "none");
}

static void a_state_too_many_is_a_difference(void **state)
{
    (void)state;
    check_one(HEAD "*3\r\n" STATE("8", "$1\r\n1", "$1\r\n3", ":0") FIVE SIX, "1", "state", "none",
              "last_read 3, mentions 0");
    check_one(HEAD "*3\r\n" FIVE SIX STATE("8", "$1\r\n7", "$1\r\n3", ":2"), "7", "state", "none",
              "last_read 3, mentions 2");
    check_one(HEAD "*3\r\n" FIVE STATE("8", "$3\r\n1:5", "$1\r\n1", ":0") SIX, "1:5", "state",
              "none", "last_read 1, mentions 0");
}

static void a_malformed_reply_is_a_difference(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        const char *got;
    } wrong[] = {
        {"*2\r\n:1\r\n:2\r\n", "another kind of reply"},
        {"$2\r\nOK\r\n", "another kind of reply"},
        {"*4\r\n$1\r\ne\r\n:9\r\n:0\r\n*0\r\n", "another kind of reply"},
        {"-STORE try again\r\n", "STORE try again"},
        {HEAD "*2\r\n" SIX FIVE, "states that do not ascend by channel"},
        {HEAD "*2\r\n" FIVE FIVE, "states that do not ascend by channel"},
        {HEAD "*1\r\n:5\r\n", "a state that is not a map"},
        {HEAD "*1\r\n*0\r\n", "a state that lacks a field"},
        {HEAD "*1\r\n" STATE("8", ":5", "$1\r\n1", ":0"), "a state with a wrong channel"},
        {HEAD "*1\r\n" STATE("8", "$3\r\n0:5", "$1\r\n1", ":0"), "a state with a wrong channel"},
        {HEAD "*1\r\n" STATE("8", "$1\r\n5", ":1", ":0"),
         "a state with a field of a wrong type, or twice"},
        {HEAD "*1\r\n" STATE("8", "$1\r\n5", "$2\r\n01", ":0"),
         "a state with a field of a wrong type, or twice"},
        {HEAD "*1\r\n" STATE("8", "$1\r\n5", "$1\r\n1", "$1\r\n0"),
         "a state with a field of a wrong type, or twice"},
        {HEAD "*1\r\n" STATE("10", "$1\r\n5", "$1\r\n1", ":0") "$5\r\nflags\r\n:0\r\n",
         "a state with a field that is zero and should not be there"},
    };
    for (size_t at = 0; at < sizeof wrong / sizeof wrong[0]; at++) {
        struct scene scene;
        scene_init(&scene);
        compare_bytes(&scene, wrong[at].bytes);
        assert_true(scene.comparison.differences >= 1);
        const uint64_t last = scene.comparison.differences - 1;
        assert_string_equal(scene.comparison.first[last].field, "reply");
        assert_string_equal(scene.comparison.first[last].got, wrong[at].got);
        scene_deinit(&scene);
    }
}

static void more_differences_than_are_kept_are_counted(void **state)
{
    (void)state;
    struct scene scene;
    scene_init(&scene);
    for (int time = 0; time < DIFFERENCES_KEPT; time++) {
        compare_bytes(&scene, HEAD "*0\r\n");
    }
    assert_int_equal(scene.comparison.differences, 2 * DIFFERENCES_KEPT);
    assert_int_equal(scene.comparison.states_compared, 2 * DIFFERENCES_KEPT);
    scene_deinit(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_the_same_makes_no_difference),
        cmocka_unit_test(each_field_is_compared),
        cmocka_unit_test(a_missing_state_is_a_difference),
        cmocka_unit_test(a_state_too_many_is_a_difference),
        cmocka_unit_test(a_malformed_reply_is_a_difference),
        cmocka_unit_test(more_differences_than_are_kept_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
