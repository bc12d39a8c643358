/* What a reader of the feed must not be told. */
#include "sim/feed_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char epoch[DATADIR_EPOCH_SIZE] = "one";
static const char other_epoch[DATADIR_EPOCH_SIZE] = "two";

static struct state_view view_of(uint32_t channel, uint64_t version, uint64_t last_read)
{
    return (struct state_view){.channel = model_get_channel(channel),
                               .present = true,
                               .last_read = last_read,
                               .floor = last_read,
                               .version = version};
}

static enum status tell(struct feed_reader *reader, uint64_t version, enum publication_cause cause,
                        const struct state_view *view)
{
    struct failure failure;
    const struct publication message = {.incarnation = 1,
                                        .cause = cause,
                                        .version = version,
                                        .first = true,
                                        .last = true,
                                        .count = view != NULL,
                                        .views = view};
    return feed_reader_take_message(reader, &message, &failure);
}

static enum status list(struct feed_reader *reader, const char *of, uint64_t version,
                        const struct state_view *views, uint32_t count)
{
    struct failure failure;
    const struct feed_list list = {.epoch = of,
                                   .incarnation = 1,
                                   .version = version,
                                   .is_full = true,
                                   .count = count,
                                   .views = views};
    return feed_reader_take_list(reader, &list, &failure);
}

static enum status list_since(struct feed_reader *reader, uint64_t since, uint64_t version,
                              const struct state_view *views, uint32_t count)
{
    struct failure failure;
    const struct feed_list list = {.epoch = epoch,
                                   .incarnation = 1,
                                   .version = version,
                                   .since = since,
                                   .since_incarnation = 1,
                                   .count = count,
                                   .views = views};
    return feed_reader_take_list(reader, &list, &failure);
}

/* Subscribed, listed: channel 3 at version 5. */
static struct feed_reader make_reader(void)
{
    struct feed_reader reader = {.version = 0};
    struct failure failure;
    const struct state_view view = view_of(3, 5, 10);
    assert_int_equal(feed_reader_subscribe(&reader, 5, &failure), STATUS_OK);
    assert_int_equal(list(&reader, epoch, 5, &view, 1), STATUS_OK);
    return reader;
}

static void what_is_told_is_what_is_listed(void **state)
{
    struct feed_reader reader = make_reader();
    const struct state_view views[] = {view_of(3, 6, 11), view_of(4, 7, 12)};
    const struct state_view older = view_of(3, 6, 10);
    (void)state;
    assert_int_equal(tell(&reader, 6, CAUSE_ACK, &views[0]), STATUS_OK);
    assert_int_equal(tell(&reader, 7, CAUSE_JOIN, &views[1]), STATUS_OK);
    assert_int_equal(list(&reader, epoch, 7, views, 2), STATUS_OK);
    assert_int_equal(list_since(&reader, 6, 7, &views[1], 1), STATUS_OK);
    assert_int_equal(list_since(&reader, 5, 7, &older, 1), STATUS_CORRUPT);
    assert_int_equal(list(&reader, epoch, 8, views, 2), STATUS_CORRUPT);
    assert_int_equal(list(&reader, epoch, 7, views, 1), STATUS_CORRUPT);
    const struct state_view changed[] = {view_of(3, 6, 11), view_of(4, 7, 13)};
    assert_int_equal(list(&reader, epoch, 7, changed, 2), STATUS_CORRUPT);
}

static void each_change_is_told_once(void **state)
{
    const struct state_view view = view_of(3, 6, 11);
    (void)state;
    struct feed_reader reader = make_reader();
    assert_int_equal(tell(&reader, 7, CAUSE_ACK, &view), STATUS_CORRUPT);
    assert_int_equal(tell(&reader, 5, CAUSE_ACK, &view), STATUS_CORRUPT);
    assert_int_equal(tell(&reader, 6, CAUSE_ACK, NULL), STATUS_CORRUPT);
    assert_int_equal(tell(&reader, 6, CAUSE_ACK, &view), STATUS_OK);
    assert_int_equal(tell(&reader, 6, CAUSE_ACK, &view), STATUS_CORRUPT);
}

static void a_forgotten_user_begins_anew(void **state)
{
    struct feed_reader reader = make_reader();
    const struct state_view view = view_of(9, 1, 2);
    struct publication message = {.incarnation = 2,
                                  .cause = CAUSE_PIN,
                                  .version = 1,
                                  .first = true,
                                  .last = true,
                                  .count = 1,
                                  .views = &view};
    struct failure failure;
    (void)state;
    assert_int_equal(feed_reader_take_message(&reader, &message, &failure), STATUS_CORRUPT);
    assert_int_equal(tell(&reader, 6, CAUSE_FORGET, NULL), STATUS_OK);
    assert_int_equal(feed_reader_take_message(&reader, &message, &failure), STATUS_OK);
    assert_int_equal(reader.incarnation, 2);
    assert_int_equal(reader.version, 1);
    assert_false(reader.states[3].present);
}

/* What a reader was told of is undone only under a new epoch. */
static void a_list_of_the_same_epoch_is_not_older(void **state)
{
    const struct state_view view = view_of(3, 4, 10);
    struct failure failure;
    (void)state;
    struct feed_reader reader = make_reader();
    feed_reader_leave(&reader);
    assert_int_equal(feed_reader_subscribe(&reader, 4, &failure), STATUS_OK);
    assert_int_equal(list(&reader, epoch, 4, &view, 1), STATUS_CORRUPT);
    assert_int_equal(list(&reader, other_epoch, 4, &view, 1), STATUS_OK);
    assert_int_equal(reader.version, 4);
}

static void what_came_meanwhile_is_listed_since(void **state)
{
    struct feed_reader reader = make_reader();
    const struct state_view views[] = {view_of(3, 5, 10), view_of(4, 7, 12)};
    struct failure failure;
    (void)state;
    feed_reader_leave(&reader);
    assert_int_equal(tell(&reader, 9, CAUSE_ACK, &views[1]), STATUS_OK);
    assert_int_equal(feed_reader_subscribe(&reader, 7, &failure), STATUS_OK);
    /* From later on than what it knows: of no use. */
    assert_int_equal(list_since(&reader, 6, 7, &views[1], 1), STATUS_OK);
    assert_false(reader.is_current);
    assert_int_equal(list_since(&reader, 5, 7, &views[1], 1), STATUS_OK);
    assert_true(reader.is_current);
    assert_int_equal(list(&reader, epoch, 7, views, 2), STATUS_OK);
    assert_int_equal(feed_reader_subscribe(&reader, 8, &failure), STATUS_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_told_is_what_is_listed),
        cmocka_unit_test(each_change_is_told_once),
        cmocka_unit_test(a_forgotten_user_begins_anew),
        cmocka_unit_test(a_list_of_the_same_epoch_is_not_older),
        cmocka_unit_test(what_came_meanwhile_is_listed_since),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
