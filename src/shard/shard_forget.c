/* RS.FORGET: written down in the journal, erased from the store, then from memory. Until the store
 * has done it the user's other commands wait, and the user stays in memory as it was. */
#include "base/assert.h"
#include "base/hash.h"
#include "memory/box.h"
#include "shard/shard_subject.h"

#include <stdlib.h>

uint32_t shard_get_generation(const struct shard *self, struct user_id user)
{
    return self->generations[hash_slot_of_user(user)];
}

uint32_t shard_get_next_generation(const struct shard *self, const struct user *user)
{
    const uint32_t generation = shard_get_generation(self, (struct user_id){user->id});
    return (generation > user->incarnation ? generation : user->incarnation) + 1;
}

static enum outcome answer(const struct subject *subject, const struct waiter *waiter,
                           uint64_t erased)
{
    const struct reply reply = {
        .kind = REPLY_INTEGER, .token = waiter->command.token, .number = erased};
    subject_send(subject, &reply);
    return OUTCOME_DONE;
}

/* The journal's disk has it before the store has done it. Else a power cut could take the entry
 * and leave the erasure, and what the journal has of some of the states would be all of them. */
static void sync_journal(struct shard *self)
{
    if (self->erasures_syncing == NULL && self->erasures != NULL) {
        self->erasures_syncing = self->erasures;
        self->erasures = NULL;
        self->config.port.sync_journal(self->config.port.lent_context);
    }
}

static void send_erasures(struct shard *self, struct erasure **taken_erasures)
{
    while (*taken_erasures != NULL) {
        struct erasure *erasure = *taken_erasures;
        *taken_erasures = erasure->next;
        shard_send_write(self, erasure->user, erasure->ticket, TAKE(erasure->image));
        free(erasure);
    }
}

void shard_end_journal_sync(struct shard *self)
{
    send_erasures(self, &self->erasures_syncing);
    sync_journal(self);
}

void shard_destroy_erasures(struct erasure **taken_erasures)
{
    while (*taken_erasures != NULL) {
        struct erasure *erasure = *taken_erasures;
        *taken_erasures = erasure->next;
        image_destroy(&erasure->image);
        free(erasure);
    }
}

enum status shard_begin_forgetting(struct shard *self, uint32_t block)
{
    const struct user *user = cache_get(&self->cache, block);
    const struct user_id id = {user->id};
    const uint64_t generation = shard_get_next_generation(self, user);
    struct erasure *erasure = calloc(1, sizeof *erasure);
    if (erasure == NULL) {
        return STATUS_MEMORY;
    }
    erasure->user = id;
    if (image_create(&erasure->image, id, 1, 0) != STATUS_OK ||
        image_insert(erasure->image, IMAGE_FORGETTING, (struct channel_key){.id = generation}, 0) ==
            NULL ||
        !shard_journal_forgetting(self, id, (uint32_t)generation)) {
        shard_destroy_erasures(&erasure);
        return STATUS_MEMORY;
    }
    /* If it fails, who knows what is left in the store? All is written again then. */
    cache_mark_all_dirty(&self->cache, block);
    shard_begin_writing(self, block);
    user_set(cache_get(&self->cache, block), USER_FORGETTING, true);
    erasure->ticket = self->ticket_last;
    erasure->next = self->erasures;
    self->erasures = erasure;
    if (self->config.lent_journal != NULL) {
        sync_journal(self);
    } else {
        send_erasures(self, &self->erasures);
    }
    return STATUS_OK;
}

enum outcome shard_run_forget(struct subject *subject, const struct waiter *waiter)
{
    struct shard *shard = subject->shard;
    if (subject_get_version(subject) == 0) {
        return answer(subject, waiter, 0);
    }
    const struct user *user = cache_get(&shard->cache, subject->block);
    if (user_is(user, USER_WRITING)) {
        return OUTCOME_NEEDS_WRITE;
    }
    /* After a failed write the store is not asked: a slow one is waited for. */
    if (shard->retry_delay_ms > 0) {
        shard_reply_status(shard, &waiter->command.token, STATUS_STORE);
        return OUTCOME_DONE;
    }
    /* From its queue only: what comes meanwhile must find it there, and wait. */
    const bool is_queued = waiting_find(&shard->waiting, subject->id) != NULL &&
                           waiting_find(&shard->waiting, subject->id)->first != NULL;
    if (!is_queued || shard->saves_in_flight[0] + shard->saves_in_flight[1] == SHARD_SAVES_MAX) {
        return OUTCOME_NEEDS_ROOM;
    }
    const enum status status = shard_begin_forgetting(shard, subject->block);
    if (status != STATUS_OK) {
        shard_reply_status(shard, &waiter->command.token, status);
        return OUTCOME_DONE;
    }
    return OUTCOME_NEEDS_WRITE;
}

void shard_end_forgetting(struct shard *self, struct waiting *waiting, uint32_t block)
{
    ASSERT(waiting != NULL && waiting->for_what == WAITING_FOR_WRITE);
    struct waiter *waiter = waiting_pop(&self->waiting, waiting);
    ASSERT(waiter->command.kind == COMMAND_FORGET);
    shard_rescue(self, block);
    const struct subject subject = {.shard = self, .id = waiter->command.user, .block = block};
    const struct user *user = cache_get(&self->cache, block);
    const uint64_t erased = user->live_states;
    const uint32_t generation = shard_get_next_generation(self, user);
    self->generations[hash_slot_of_user(subject.id)] = generation;
    metrics_add(self->lent_metrics, METRIC_FORGOTTEN_USERS, 1);
    if (self->config.lent_journal != NULL) {
        self->config.port.note_forgetting(self->config.port.lent_context);
    }
    if (user_is(user, USER_SUBSCRIBED)) {
        shard_publish_forgetting(&subject);
        cache_clear(&self->cache, block, generation);
        self->empty_users++;
    } else {
        cache_remove(&self->cache, block);
        self->wants_turn |= self->cache.removed != BLOCK_NONE;
        waiting->absent = true;
    }
    (void)answer(&subject, waiter, erased);
    waiter_destroy(waiter);
    shard_pump(self, waiting);
}
