/* Who waits for writes: RS.FLUSH, COMMIT now, RS.EVICT. They are told when what they wait for is in
 * the store, and when the store does not take it: for none of them the change is gone. */
#include "base/assert.h"
#include "shard/shard_internal.h"

#include <stdlib.h>

enum { TURN_FAILS = 256 };

/* Writes are under way, and none has ended for so long that nobody is to wait for one. */
static bool is_silent(const struct shard *self)
{
    return self->saves_in_flight[0] + self->saves_in_flight[1] > 0 &&
           self->now_ms - self->store_answered_ms >= WRITE_TIMEOUT_MS;
}

void shard_note_waiting_for_write(struct shard *self, struct waiting *waiting)
{
    waiting_note_write(&self->waiting, waiting);
    self->wants_turn |= is_silent(self);
}

void shard_answer_flushers(struct shard *self, struct user_id user, uint64_t ticket,
                           enum status status)
{
    struct waiting *waiting = waiting_find(&self->waiting, user);
    if (waiting == NULL) {
        return;
    }
    for (struct flusher **place = &waiting->flushers; *place != NULL;) {
        struct flusher *flusher = *place;
        if (flusher->ticket_min > ticket) {
            place = &flusher->next;
            continue;
        }
        *place = flusher->next;
        if (status == STATUS_OK) {
            self->config.port.reply(self->config.port.lent_context, &flusher->reply);
        } else {
            shard_reply_status(self, &flusher->reply.token, flusher->failed);
        }
        free(flusher);
    }
    if (waiting->flushers == NULL && waiting->for_what == WAITING_FOR_NOTHING) {
        waiting_release(&self->waiting, waiting);
    }
}

static void answer_flush_waiters(struct shard *self, struct flush_waiter **waiters,
                                 enum status status)
{
    while (*waiters != NULL) {
        struct flush_waiter *waiter = *waiters;
        *waiters = waiter->next;
        shard_reply_status(self, &waiter->token, status);
        free(waiter);
    }
}

void shard_fail_flush_all(struct shard *self)
{
    answer_flush_waiters(self, &self->flush_round, STATUS_STORE);
    answer_flush_waiters(self, &self->flush_next, STATUS_STORE);
}

/* RS.EVICT waits at the head of the user's queue. */
void shard_serve_evict(struct shard *self, struct user_id user, bool written)
{
    struct waiting *waiting = waiting_find(&self->waiting, user);
    if (waiting == NULL || waiting->for_what != WAITING_FOR_WRITE) {
        return;
    }
    if (!written) {
        struct waiter *waiter = waiting_pop(&self->waiting, waiting);
        shard_reply_failed(self, waiter, STATUS_STORE);
        waiter_destroy(waiter);
    }
    shard_pump(self, waiting);
}

void shard_reply_written(struct shard *self, struct user_id id, uint32_t block,
                         const struct reply *reply, enum status failed)
{
    const struct user *user = block == BLOCK_NONE ? NULL : cache_get(&self->cache, block);
    if (user == NULL || (!user_is(user, USER_DIRTY) && !user_is(user, USER_WRITING))) {
        self->config.port.reply(self->config.port.lent_context, reply);
        return;
    }
    struct waiting *waiting = waiting_acquire(&self->waiting, id);
    struct flusher *flusher = calloc(1, sizeof *flusher);
    if (waiting == NULL || flusher == NULL) {
        free(flusher);
        if (waiting != NULL && waiting->first == NULL && waiting->flushers == NULL) {
            waiting_release(&self->waiting, waiting);
        }
        shard_reply_status(self, &reply->token, STATUS_MEMORY);
        return;
    }
    flusher->reply = *reply;
    flusher->failed = failed;
    flusher->ticket_min = user_is(user, USER_DIRTY) ? self->ticket_last + 1 : 0;
    flusher->next = waiting->flushers;
    waiting->flushers = flusher;
    shard_note_waiting_for_write(self, waiting);
    shard_write_soon(self, block);
}

void shard_flush_user(struct shard *self, const struct command *command, uint32_t block)
{
    const struct reply reply = {.kind = REPLY_DONE, .token = command->token};
    shard_reply_written(self, command->user, block, &reply, STATUS_STORE);
}

static bool round_is_done(const struct shard *self)
{
    const uint8_t old = self->cache.dirty.epoch ^ 1;
    return self->cache.dirty.counts[old] == 0 && self->saves_in_flight[old] == 0 &&
           self->merging[old] == 0;
}

static void turn_rounds(struct shard *self)
{
    /* At most twice: a round that has nothing to write is done as soon as it has begun. */
    for (;;) {
        if (self->flush_is_active && round_is_done(self)) {
            self->flush_is_active = false;
            answer_flush_waiters(self, &self->flush_round, STATUS_OK);
        }
        if (self->flush_is_active || self->flush_next == NULL) {
            return;
        }
        self->flush_is_active = true;
        self->flush_round = self->flush_next;
        self->flush_next = NULL;
        dirty_begin_flush(&self->cache.dirty);
    }
}

void shard_flush_all(struct shard *self, const struct command_token *token)
{
    struct flush_waiter *waiter = calloc(1, sizeof *waiter);
    if (waiter == NULL) {
        shard_reply_status(self, token, STATUS_MEMORY);
        return;
    }
    waiter->token = *token;
    waiter->next = self->flush_next;
    self->flush_next = waiter;
    self->wants_turn = true;
    turn_rounds(self);
}

/* A user that is being forgotten is neither what it was nor gone: its commands go on waiting. */
static void fail_waiting(struct shard *self, struct waiting *waiting)
{
    const struct user_id user = waiting->user;
    const uint32_t block = cache_find(&self->cache, user);
    const bool is_evicted = waiting->for_what == WAITING_FOR_WRITE &&
                            !user_is(cache_get(&self->cache, block), USER_FORGETTING);
    if (is_evicted) {
        shard_rescue(self, block);
        shard_serve_evict(self, user, false);
    }
    shard_answer_flushers(self, user, UINT64_MAX, STATUS_STORE);
}

bool shard_turn_flush(struct shard *self)
{
    turn_rounds(self);
    if (!is_silent(self)) {
        return false;
    }
    shard_fail_flush_all(self);
    struct waiting *waiting = NULL;
    uint32_t budget = TURN_FAILS;
    while (budget > 0 && (waiting = waiting_pop_write(&self->waiting)) != NULL) {
        fail_waiting(self, waiting);
        budget--;
    }
    return self->waiting.writes != NULL;
}
