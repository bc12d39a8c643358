/* RS.FORGET by hand: a store that answers when the test says so, and as it says. */
#include "shard/shard.h"

#include "readstate/leaf.h"
#include "shard/shard_hand.h"

enum { CHANNELS_OF_LARGE = 400 };

static void expect_erasing(const struct world *self, uint64_t generation)
{
    assert_true(self->has_request);
    assert_int_equal(self->request.work, STORE_WORK_WRITE);
    assert_int_equal(image_count_pieces(self->request.image), 1);
    const struct image_piece piece = image_get_piece(self->request.image, 0);
    assert_int_equal(piece.kind, IMAGE_FORGETTING);
    assert_int_equal(piece.fence.id, generation);
}

static void what_comes_meanwhile_waits(void **state)
{
    (void)state;
    struct world world;
    shard_thread_enter();
    begin(&world, 3);
    forget(&world);
    expect_erasing(&world, 1);
    ack(&world, 5, 5);
    execute(&world, (struct command){.kind = COMMAND_LIST});
    turn(&world, 10000);
    assert_int_equal(world.count, 0);
    complete(&world, STATUS_OK);
    assert_int_equal(world.count, 3);
    assert_int_equal(world.replies[0].number, 3);
    assert_int_equal(world.replies[1].version, 1);
    assert_int_equal(world.replies[2].count, 1);
    assert_int_equal(world.replies[2].incarnation, 1);
    forget(&world);
    expect_erasing(&world, 2);
    end(&world);
    shard_thread_leave();
}

static void a_store_that_fails_leaves_all_as_it_was(void **state)
{
    (void)state;
    struct world world;
    shard_thread_enter();
    begin(&world, CHANNELS_OF_LARGE);
    turn(&world, 2000);
    complete(&world, STATUS_OK); /* Nothing is dirty. */
    assert_int_equal(shard_count_unwritten(world.shard), 0);
    forget(&world);
    expect_erasing(&world, 1);
    assert_int_equal(shard_count_unwritten(world.shard), 1);
    complete(&world, STATUS_STORE);
    assert_int_equal(last(&world)->kind, REPLY_FAILED);
    assert_int_equal(last(&world)->status, STATUS_STORE);
    /* At once after a failure nothing is tried. */
    forget(&world);
    assert_int_equal(last(&world)->status, STATUS_STORE);
    assert_int_equal(world.count, 2);
    /* It may have erased anything: all is written again. */
    turn(&world, 10000);
    assert_true(world.has_request);
    const uint32_t pieces = image_count_pieces(world.request.image);
    const struct image_piece record = image_get_piece(world.request.image, pieces - 1);
    assert_int_equal(record.kind, IMAGE_RECORD);
    uint32_t rows = 0;
    for (uint32_t i = 0; i + 1 < pieces; i++) {
        assert_int_equal(image_get_piece(world.request.image, i).kind, IMAGE_LEAF);
        rows += leaf_get_rows((const uint8_t *)image_get_bytes(world.request.image, i).bytes);
    }
    assert_int_equal(rows, CHANNELS_OF_LARGE);
    end(&world);
    shard_thread_leave();
}

static void the_store_erases_what_the_journal_has(void **state)
{
    (void)state;
    struct world world;
    shard_thread_enter();
    begin_with_journal(&world, 2);
    forget(&world);
    const struct journal_entry entry = take_entry(&world);
    assert_int_equal(entry.kind, JOURNAL_FORGETTING);
    assert_int_equal(entry.incarnation, 1);
    turn(&world, 100);
    assert_false(world.has_request);
    assert_int_equal(world.journal_syncs, 1);
    /* Another user's waits for the next sync: its entry came after this one was asked for. */
    const struct command other = {.user = {8}, .channel = {.id = 1}, .message = {1}};
    struct command command = other;
    shard_execute(world.shard, &command);
    complete(&world, STATUS_MISSING);
    command = (struct command){.kind = COMMAND_FORGET, .user = other.user};
    shard_execute(world.shard, &command);
    turn(&world, 0);
    assert_int_equal(world.journal_syncs, 1);
    shard_end_journal_sync(world.shard);
    assert_int_equal(world.journal_syncs, 2);
    assert_int_equal(world.request.user.value, anna.value);
    expect_erasing(&world, 1);
    complete(&world, STATUS_OK);
    assert_int_equal(last(&world)->number, 2);
    shard_end_journal_sync(world.shard);
    assert_int_equal(world.request.user.value, other.user.value);
    complete(&world, STATUS_OK);
    assert_int_equal(last(&world)->number, 1);
    assert_int_equal(world.journal_syncs, 2);
    end(&world);
    shard_thread_leave();
}

/* However often the journal is read: its forgetting is older than the user. */
static void who_could_not_be_forgotten_begins_anew(void **state)
{
    (void)state;
    struct world world;
    shard_thread_enter();
    begin_with_journal(&world, 2);
    forget(&world);
    shard_end_journal_sync(world.shard);
    complete(&world, STATUS_STORE);
    assert_int_equal(last(&world)->status, STATUS_STORE);
    const struct journal_entry forgetting = take_entry(&world);
    assert_int_equal(forgetting.kind, JOURNAL_FORGETTING);
    const struct journal_entry whole = take_entry(&world);
    assert_int_equal(whole.kind, JOURNAL_STATES);
    assert_int_equal(whole.version, 2);
    assert_true(whole.incarnation >= forgetting.incarnation);
    execute(&world, (struct command){.kind = COMMAND_LIST});
    assert_int_equal(last(&world)->incarnation, whole.incarnation);
    assert_int_equal(last(&world)->version, 2);
    end(&world);
    shard_thread_leave();
}

/* Nobody is left who would ask. */
static void what_waits_for_the_journal_ends_with_the_shard(void **state)
{
    (void)state;
    struct world world;
    shard_thread_enter();
    begin_with_journal(&world, 1);
    forget(&world);
    end(&world);
    shard_thread_leave();
}

static void a_write_under_way_is_waited_for(void **state)
{
    (void)state;
    struct world world;
    shard_thread_enter();
    begin(&world, 1);
    turn(&world, 2000);
    assert_int_equal(image_get_piece(world.request.image, 0).kind, IMAGE_RECORD);
    ack(&world, 1, 10);
    forget(&world);
    assert_int_equal(image_get_piece(world.request.image, 0).kind, IMAGE_RECORD);
    complete(&world, STATUS_OK);
    expect_erasing(&world, 1);
    complete(&world, STATUS_OK);
    assert_int_equal(last(&world)->number, 1);
    assert_int_equal(shard_count_unwritten(world.shard), 0);
    end(&world);
    shard_thread_leave();
}

static void who_flushes_meanwhile_is_answered(void **state)
{
    (void)state;
    struct world world;
    shard_thread_enter();
    begin(&world, 1);
    forget(&world);
    execute(&world, (struct command){.kind = COMMAND_FLUSH_USER});
    shard_execute(world.shard, &(struct command){.kind = COMMAND_FLUSH_ALL});
    turn(&world, 0);
    assert_int_equal(world.count, 0);
    complete(&world, STATUS_OK);
    assert_int_equal(world.count, 3);
    for (uint32_t i = 0; i < world.count; i++) {
        assert_int_not_equal(world.replies[i].kind, REPLY_FAILED);
    }
    end(&world);
    shard_thread_leave();
}

static void readers_stay_and_are_told(void **state)
{
    (void)state;
    struct world world;
    shard_thread_enter();
    begin(&world, CHANNELS_OF_LARGE);
    execute(&world, (struct command){.kind = COMMAND_SUBSCRIBE, .token = {.shard = 5}});
    assert_int_equal(last(&world)->kind, REPLY_SUBSCRIBED);
    forget(&world);
    complete(&world, STATUS_OK);
    assert_int_equal(last(&world)->number, CHANNELS_OF_LARGE);
    assert_int_equal(world.published.cause, CAUSE_FORGET);
    assert_int_equal(world.published.incarnation, 0);
    assert_int_equal(world.published.version, CHANNELS_OF_LARGE + 1);
    assert_int_equal(world.published.readers, 1 << 5);
    shard_publish_metrics(world.shard);
    assert_int_equal(metrics_get(&world.metrics, METRIC_CACHED_USERS), 0);
    assert_int_equal(metrics_get(&world.metrics, METRIC_CACHED_STATES), 0);
    ack(&world, 3, 4);
    assert_int_equal(world.published.cause, CAUSE_ACK);
    assert_int_equal(world.published.incarnation, 1);
    assert_int_equal(world.published.version, 1);
    forget(&world);
    expect_erasing(&world, 2);
    end(&world);
    shard_thread_leave();
}

static void who_is_not_there_is_forgotten_already(void **state)
{
    (void)state;
    struct world world;
    shard_thread_enter();
    begin(&world, 0);
    forget(&world);
    assert_int_equal(world.request.work, STORE_WORK_READ);
    complete(&world, STATUS_MISSING);
    assert_int_equal(last(&world)->number, 0);
    assert_false(world.has_request);
    end(&world);
    shard_thread_leave();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_meanwhile_waits),
        cmocka_unit_test(a_store_that_fails_leaves_all_as_it_was),
        cmocka_unit_test(the_store_erases_what_the_journal_has),
        cmocka_unit_test(who_could_not_be_forgotten_begins_anew),
        cmocka_unit_test(what_waits_for_the_journal_ends_with_the_shard),
        cmocka_unit_test(a_write_under_way_is_waited_for),
        cmocka_unit_test(who_flushes_meanwhile_is_answered),
        cmocka_unit_test(readers_stay_and_are_told),
        cmocka_unit_test(who_is_not_there_is_forgotten_already),
    };
    return cmocka_run_group_tests_name("shard forget", tests, NULL, NULL);
}
