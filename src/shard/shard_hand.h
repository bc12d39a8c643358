/* One user's shard by hand, for tests: a store that answers when the test says so, and as it says,
 * and a journal that keeps all, where the test wants one.
 *
 * Memory: a struct world owns all it points at.  Thread: the shard's.
 */
#ifndef SHARD_SHARD_HAND_H
#define SHARD_SHARD_HAND_H

#include "journal/entry.h"
#include "shard/shard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { REPLIES_MAX = 64 };

static const struct user_id anna = {7};

struct world {
    struct shard *shard;
    struct metrics metrics;
    struct store_request request; /* The newest, not completed. */
    bool has_request;
    struct reply replies[REPLIES_MAX]; /* Without their payloads. */
    uint32_t count;
    struct publication published;
    uint64_t now_ms;
    bool keeps_journal;
    struct buffer journal;
    uint32_t journal_syncs; /* Asked for. */
};

static inline void take_reply(void *context, const struct reply *reply)
{
    struct world *self = context;
    assert_true(self->count < REPLIES_MAX);
    self->replies[self->count] = *reply;
    self->replies[self->count++].payload = NULL;
}

static inline bool has_room(void *context, const struct command_token *token)
{
    (void)context;
    (void)token;
    return true;
}

static inline void take_request(void *context, const struct store_request *request)
{
    struct world *self = context;
    if (request->work == STORE_WORK_SYNC) {
        return; /* It never ends: the journal keeps all. */
    }
    assert_false(self->has_request);
    self->request = *request;
    self->has_request = true;
}

static inline void take_publication(void *context, const struct publication *publication)
{
    struct world *self = context;
    self->published = *publication;
}

static inline void turn(struct world *self, uint64_t passes_ms) ON_SHARD_THREAD
{
    self->now_ms += passes_ms;
    while (shard_turn(self->shard, self->now_ms)) {
    }
}

static inline void complete(struct world *self, enum status status) ON_SHARD_THREAD
{
    assert_true(self->has_request);
    self->has_request = false;
    image_destroy(&self->request.image);
    struct store_completion completion = {.work = self->request.work,
                                          .status = status,
                                          .user = self->request.user,
                                          .ticket = self->request.ticket};
    shard_complete(self->shard, &completion);
    turn(self, 0);
}

static inline void execute(struct world *self, struct command command) ON_SHARD_THREAD
{
    command.user = anna;
    shard_execute(self->shard, &command);
    turn(self, 0);
}

static inline void ack(struct world *self, uint64_t channel, uint64_t message) ON_SHARD_THREAD
{
    execute(self, (struct command){
                      .kind = COMMAND_ACK, .channel = {.id = channel}, .message = {message}});
}

static inline void forget(struct world *self) ON_SHARD_THREAD
{
    execute(self, (struct command){.kind = COMMAND_FORGET});
}

static const struct reply *last(const struct world *self)
{
    assert_true(self->count > 0);
    return &self->replies[self->count - 1];
}

static inline void take_note(void *context)
{
    (void)context;
}

static inline void take_sync(void *context)
{
    struct world *self = context;
    self->journal_syncs++;
}

/* Anna has one state for each channel, none of them written. */
static inline void begin_shard(struct world *self, uint64_t channels) ON_SHARD_THREAD
{
    const struct shard_config config = {
        .limits = {.cache_bytes = 8 << 20,
                   .dirty_bytes = 8 << 20,
                   .max_channels = 1000,
                   .tombstones_kept = 10,
                   .commit_delay_ms = 1000,
                   .mention_ids_kept = 16},
        .port = {.reply = take_reply,
                 .has_reply_room = has_room,
                 .publish = take_publication,
                 .send_to_store = take_request,
                 .note_forgetting = take_note,
                 .sync_journal = take_sync,
                 .lent_context = self},
        .lent_metrics = &self->metrics,
        .now_ms = self->now_ms,
        .lent_journal = self->keeps_journal ? &self->journal : NULL,
    };
    assert_int_equal(shard_create(&self->shard, &config), STATUS_OK);
    for (uint64_t channel = 1; channel <= channels; channel++) {
        ack(self, channel, 9);
        if (channel == 1) {
            complete(self, STATUS_MISSING);
        }
        self->count = 0;
    }
}

static inline void begin(struct world *self, uint64_t channels) ON_SHARD_THREAD
{
    *self = (struct world){.now_ms = 1000};
    begin_shard(self, channels);
}

/* Nobody is served yet: what an earlier journal had is to come. */
static inline void begin_recovering(struct world *self, uint64_t channels) ON_SHARD_THREAD
{
    *self = (struct world){.now_ms = 1000, .keeps_journal = true};
    buffer_init(&self->journal);
    begin_shard(self, channels);
}

static inline void begin_with_journal(struct world *self, uint64_t channels) ON_SHARD_THREAD
{
    begin_recovering(self, channels);
    shard_set_segment(self->shard, 1, STATUS_OK);
    buffer_consume(&self->journal, buffer_peek_size(&self->journal));
}

/* The next one in the journal. */
static inline struct journal_entry take_entry(struct world *self)
{
    struct journal_entry entry;
    assert_true(buffer_peek_size(&self->journal) > 0);
    const uint8_t *bytes = (const uint8_t *)buffer_get_bytes(&self->journal);
    assert_int_equal(journal_entry_decode(bytes, &entry), STATUS_OK);
    buffer_consume(&self->journal, journal_entry_get_size(bytes));
    return entry;
}

static inline void end(struct world *self) ON_SHARD_THREAD
{
    if (self->has_request) {
        complete(self, STATUS_OK);
    }
    shard_destroy(&self->shard);
    if (self->keeps_journal) {
        buffer_deinit(&self->journal);
    }
}

#endif
