/* Partial users by hand: of whom the journal had something, and the store has nothing. */
#include "shard/shard.h"

#include "readstate/leaf.h"
#include "shard/shard_hand.h"

enum { CHANNELS = 200, STATE_SIZE_MAX = 64 };

static size_t encode_tombstone(uint8_t *to, uint64_t channel)
{
    uint8_t empty[LEAF_HEAD_SIZE];
    struct read_state state;
    leaf_init(empty);
    read_state_init(&state, (struct channel_key){.id = channel});
    state.deleted = true;
    state.last_read = channel;
    state.floor = channel;
    state.version = channel;
    const struct leaf_change change = leaf_measure(empty, 0, true, &state);
    assert_true(change.size <= STATE_SIZE_MAX);
    leaf_write_to(to, empty, &change, 0, true, &state);
    return change.size;
}

/* One state is left of so many: of each there is a tombstone, of which `tombstones` were kept when
 * the last one came. */
static void recover_tombstones(struct world *self, uint32_t tombstones) ON_SHARD_THREAD
{
    uint8_t *bytes = calloc(1, JOURNAL_STATES_HEAD_SIZE + CHANNELS * STATE_SIZE_MAX + 8);
    assert_non_null(bytes);
    size_t size = 0;
    for (uint64_t channel = 1; channel <= CHANNELS; channel++) {
        size += encode_tombstone(bytes + JOURNAL_STATES_HEAD_SIZE + size, channel);
    }
    const struct journal_entry head = {.user = anna,
                                       .tombstones = tombstones,
                                       .version = CHANNELS,
                                       .purged_to = CHANNELS - tombstones};
    journal_entry_encode_states(bytes, &head, size);
    struct journal_entry entry;
    assert_int_equal(journal_entry_decode(bytes, &entry), STATUS_OK);
    assert_int_equal(shard_recover(self->shard, &entry), STATUS_OK);
    free(bytes);
    shard_set_segment(self->shard, 1, STATUS_OK);
}

/* It takes less of the cache then, in another block: what serves the command must know. */
static void who_is_not_in_the_store_shrinks(void **state)
{
    (void)state;
    for (uint32_t tombstones = 0; tombstones <= 10; tombstones += 5) {
        struct world world;
        shard_thread_enter();
        begin_recovering(&world, 0);
        recover_tombstones(&world, tombstones);
        struct command command = {.kind = COMMAND_LIST, .user = anna};
        shard_execute(world.shard, &command);
        complete(&world, STATUS_MISSING);
        assert_int_equal(world.count, 1);
        assert_int_equal(last(&world)->kind, REPLY_LIST);
        assert_int_equal(last(&world)->version, CHANNELS);
        assert_int_equal(last(&world)->count, 0);
        /* Another user gets what the smaller one does not need any more. */
        command = (struct command){.kind = COMMAND_ACK, .user = {8}, .channel = {.id = 1}};
        command.message = (struct message_id){1};
        shard_execute(world.shard, &command);
        complete(&world, STATUS_MISSING);
        assert_int_equal(world.count, 2);
        command = (struct command){.kind = COMMAND_FLUSH_USER, .user = anna};
        shard_execute(world.shard, &command);
        complete(&world, STATUS_OK);
        assert_int_equal(last(&world)->kind, REPLY_DONE);
        end(&world);
        shard_thread_leave();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_not_in_the_store_shrinks),
    };
    return cmocka_run_group_tests_name("shard partial", tests, NULL, NULL);
}
