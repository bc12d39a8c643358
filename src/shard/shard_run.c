/* Commands on a user whose states are known: in memory, or nowhere. */
#include "base/assert.h"
#include "shard/shard_subject.h"

static enum outcome run_evict(struct subject *subject, const struct waiter *waiter)
{
    const bool there = subject->block != BLOCK_NONE;
    if (there) {
        const struct user *user = cache_get(&subject->shard->cache, subject->block);
        if (user_is(user, USER_SUBSCRIBED)) {
            const struct reply stays = {.kind = REPLY_INTEGER, .token = waiter->command.token};
            subject_send(subject, &stays);
            return OUTCOME_DONE;
        }
        if (user_is(user, USER_DIRTY) || user_is(user, USER_WRITING)) {
            return OUTCOME_NEEDS_WRITE;
        }
        shard_evict(subject->shard, subject->block);
        subject->block = BLOCK_NONE;
    }
    const struct reply reply = {
        .kind = REPLY_INTEGER, .token = waiter->command.token, .number = there};
    subject_send(subject, &reply);
    return OUTCOME_DONE;
}

bool shard_ack_at_once(struct shard *self, const struct command *command, uint32_t block)
{
    struct user *user = cache_get(&self->cache, block);
    struct buffer *journal = self->config.lent_journal;
    char *entry = journal == NULL ? NULL : buffer_reserve(journal, JOURNAL_PLAIN_SIZE);
    if ((user->flags & (USER_LEAVING | USER_SUBSCRIBED)) != 0 ||
        self->cache.dirty_bytes >= self->limits.dirty_bytes ||
        UNLIKELY(self->journal_status != STATUS_OK || (journal != NULL && entry == NULL))) {
        return false;
    }
    const struct cache_place place = cache_find_state(&self->cache, block, command->channel);
    struct reply reply = {.kind = REPLY_STATE, .token = command->token};
    const enum leaf_acked acked =
        place.there ? cache_ack_state(&self->cache, block, &place, command->message,
                                      user->version + 1, &reply.version)
                    : LEAF_ACKED_NOT;
    if (acked == LEAF_ACKED_NOT) {
        return false;
    }
    if (acked == LEAF_ACKED_CHANGED) {
        user->version++;
        metrics_add(self->lent_metrics, METRIC_STATE_CHANGES, 1);
        if (journal != NULL) {
            journal_entry_encode_plain((uint8_t *)entry, command->user, user->incarnation,
                                       command->channel, command->message.value, reply.version);
            buffer_extend(journal, JOURNAL_PLAIN_SIZE);
        }
    }
    cache_touch(&self->cache, block, (uint32_t)(self->now_ms / 1000));
    self->config.port.reply(self->config.port.lent_context, &reply);
    return true;
}

enum outcome shard_run(struct shard *self, struct waiter *waiter, uint32_t block)
{
    struct subject subject = {.shard = self, .id = waiter->command.user, .block = block};
    switch (waiter->command.kind) {
    case COMMAND_ACK:
        return shard_run_ack(&subject, waiter);
    case COMMAND_PIN:
    case COMMAND_JOIN:
    case COMMAND_LEAVE:
        return shard_run_change(&subject, waiter);
    case COMMAND_BULKACK:
        return shard_run_bulkack(&subject, waiter);
    case COMMAND_DEL:
        return shard_run_del(&subject, waiter);
    case COMMAND_MENTION:
    case COMMAND_MESSAGE:
    case COMMAND_UNMENTION:
        return shard_run_target(&subject, waiter);
    case COMMAND_GET:
        return shard_run_get(&subject, waiter);
    case COMMAND_LIST:
        return shard_run_list(&subject, waiter);
    case COMMAND_BADGE:
        return shard_run_badge(&subject, waiter);
    case COMMAND_SUBSCRIBE:
        return shard_run_subscribe(&subject, waiter);
    case COMMAND_UNSUBSCRIBE:
        return shard_run_unsubscribe(&subject, waiter);
    case COMMAND_FORGET:
        return shard_run_forget(&subject, waiter);
    case COMMAND_EVICT:
        return run_evict(&subject, waiter);
    case COMMAND_FLUSH_USER:
        shard_flush_user(self, &waiter->command, block);
        return OUTCOME_DONE;
    case COMMAND_INSPECT_USER:
        return shard_run_inspect_user(&subject, waiter);
    case COMMAND_INSPECT_CHANNEL:
        return shard_run_inspect_channel(&subject, waiter);
    case COMMAND_MEASURE_USER:
        return shard_run_measure_user(&subject, waiter);
    case COMMAND_FLUSH_ALL:
        break;
    }
    UNREACHABLE("a command that is not one user's");
}
