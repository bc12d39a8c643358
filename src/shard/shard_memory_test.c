/* A shard whose cache gets no more memory from the system: commands are refused, and leave nothing
 * behind. */
#include "shard/shard.h"
#include "shard/shard_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { USER = 7 };

struct world {
    struct shard *shard;
    struct metrics metrics;
    struct buffer journal;
    struct reply reply; /* The newest, without its payload. */
};

static void take_reply(void *context, const struct reply *reply)
{
    struct world *self = context;
    self->reply = *reply;
    self->reply.payload = NULL;
}

/* Nobody is in it. */
static void take_request(void *context, const struct store_request *request)
    THREAD_ATTRIBUTE(no_thread_safety_analysis)
{
    struct world *self = context;
    struct store_completion completion = {.work = request->work,
                                          .status = STATUS_MISSING,
                                          .user = request->user,
                                          .ticket = request->ticket};
    assert_int_equal(request->work, STORE_WORK_READ);
    shard_complete(self->shard, &completion);
}

static void begin(struct world *self) THREAD_ATTRIBUTE(acquire_capability(shard_thread))
{
    shard_thread_enter();
    *self = (struct world){.reply = {.kind = REPLY_DONE}};
    buffer_init(&self->journal);
    const struct shard_config config = {
        .limits = {.cache_bytes = 8 << 20,
                   .dirty_bytes = 8 << 20,
                   .max_channels = 2000,
                   .tombstones_kept = 3,
                   .commit_delay_ms = 100000,
                   .mention_ids_kept = 4},
        .port = {.reply = take_reply, .send_to_store = take_request, .lent_context = self},
        .lent_metrics = &self->metrics,
        .now_ms = 1000,
        .lent_journal = &self->journal};
    assert_int_equal(shard_create(&self->shard, &config), STATUS_OK);
    shard_set_segment(self->shard, 1, STATUS_OK);
}

static void end(struct world *self) THREAD_ATTRIBUTE(release_capability(shard_thread))
{
    shard_destroy(&self->shard);
    buffer_deinit(&self->journal);
    shard_thread_leave();
}

static void bulkack(struct world *self) ON_SHARD_THREAD
{
    const struct channel_message pairs[] = {{.channel = {.id = 3}, .message = {9}},
                                            {.channel = {.id = 4}, .message = {9}}};
    const struct command command = {
        .kind = COMMAND_BULKACK, .user = {USER}, .count = 2, .pairs = pairs};
    shard_execute(self->shard, &command);
}

static void a_bulk_of_a_new_user_is_refused(void **state)
{
    struct world world;
    (void)state;
    begin(&world);
    slab_set_exhausted(world.shard->cache.slab, true);
    bulkack(&world);
    assert_int_equal(world.reply.kind, REPLY_FAILED);
    assert_int_equal(world.reply.status, STATUS_MEMORY);
    assert_int_equal(cache_count_users(&world.shard->cache), 0);
    assert_int_equal(buffer_peek_size(&world.journal), 0);
    slab_set_exhausted(world.shard->cache.slab, false);
    bulkack(&world);
    assert_int_equal(world.reply.kind, REPLY_BULK);
    assert_int_equal(world.reply.version, 1);
    assert_int_equal(world.reply.number, 2);
    assert_true(buffer_peek_size(&world.journal) > 0);
    end(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bulk_of_a_new_user_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
