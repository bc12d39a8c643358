/* Partial users by hand: of whom the journal had something, and the store has nothing. */
#include "shard/shard.h"

#include "journal/entry.h"
#include "readstate/leaf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { CHANNELS = 200, STATE_SIZE_MAX = 64 };

static const struct user_id anna = {7};

struct world {
    struct shard *shard;
    struct metrics metrics;
    struct buffer journal;
    struct store_request request; /* The newest, not completed. */
    bool has_request;
    struct reply reply; /* The newest, without its payload. */
    uint32_t replies;
    uint64_t now_ms;
};

static void take_reply(void *context, const struct reply *reply)
{
    struct world *self = context;
    self->reply = *reply;
    self->reply.payload = NULL;
    self->replies++;
}

static bool has_room(void *context, const struct command_token *token)
{
    (void)context;
    (void)token;
    return true;
}

static void take_request(void *context, const struct store_request *request)
{
    struct world *self = context;
    if (request->work == STORE_WORK_SYNC) {
        return; /* It never ends: the journal keeps all. */
    }
    assert_false(self->has_request);
    self->request = *request;
    self->has_request = true;
}

static void turn(struct world *self, uint64_t passes_ms) ON_SHARD_THREAD
{
    self->now_ms += passes_ms;
    while (shard_turn(self->shard, self->now_ms)) {
    }
}

static void complete(struct world *self, enum store_work work, enum status status) ON_SHARD_THREAD
{
    assert_true(self->has_request);
    assert_int_equal(self->request.work, work);
    self->has_request = false;
    image_destroy(&self->request.image);
    struct store_completion completion = {.work = self->request.work,
                                          .status = status,
                                          .user = self->request.user,
                                          .ticket = self->request.ticket};
    shard_complete(self->shard, &completion);
    turn(self, 0);
}

static void begin(struct world *self) ON_SHARD_THREAD
{
    *self = (struct world){.now_ms = 1000};
    buffer_init(&self->journal);
    const struct shard_config config = {
        .limits = {.cache_bytes = 8 << 20,
                   .dirty_bytes = 8 << 20,
                   .max_channels = 1000,
                   .tombstones_kept = 10,
                   .commit_delay_ms = 1000,
                   .mention_ids_kept = 16},
        .port = {.reply = take_reply,
                 .has_reply_room = has_room,
                 .send_to_store = take_request,
                 .lent_context = self},
        .lent_metrics = &self->metrics,
        .now_ms = self->now_ms,
        .lent_journal = &self->journal,
    };
    assert_int_equal(shard_create(&self->shard, &config), STATUS_OK);
}

static void end(struct world *self) ON_SHARD_THREAD
{
    shard_destroy(&self->shard);
    buffer_deinit(&self->journal);
}

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
        begin(&world);
        recover_tombstones(&world, tombstones);
        struct command command = {.kind = COMMAND_LIST, .user = anna};
        shard_execute(world.shard, &command);
        complete(&world, STORE_WORK_READ, STATUS_MISSING);
        assert_int_equal(world.replies, 1);
        assert_int_equal(world.reply.kind, REPLY_LIST);
        assert_int_equal(world.reply.version, CHANNELS);
        assert_int_equal(world.reply.count, 0);
        /* Another user gets what the smaller one does not need any more. */
        command = (struct command){.kind = COMMAND_ACK, .user = {8}, .channel = {.id = 1}};
        command.message = (struct message_id){1};
        shard_execute(world.shard, &command);
        complete(&world, STORE_WORK_READ, STATUS_MISSING);
        assert_int_equal(world.replies, 2);
        command = (struct command){.kind = COMMAND_FLUSH_USER, .user = anna};
        shard_execute(world.shard, &command);
        complete(&world, STORE_WORK_WRITE, STATUS_OK);
        assert_int_equal(world.reply.kind, REPLY_DONE);
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
