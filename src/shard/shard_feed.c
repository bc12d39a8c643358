/* The change feed: who is read by whom, and what they are told. */
#include "base/assert.h"
#include "shard/shard_subject.h"

/* A user without states, so that there is something that stays in memory. */
static enum status insert_empty(struct subject *subject)
{
    struct shard *shard = subject->shard;
    const uint64_t room = shard_room_to_insert() + CACHE_CHANGE_BYTES_MAX;
    enum status status = shard_make_room(shard, room, 1, subject->id);
    if (status == STATUS_OK) {
        status = cache_insert(&shard->cache, subject->id, &subject->block);
    }
    if (status == STATUS_OK) {
        cache_get(&shard->cache, subject->block)->incarnation =
            shard_get_generation(shard, subject->id);
        shard->empty_users++;
    }
    return status;
}

enum outcome shard_run_subscribe(struct subject *subject, const struct waiter *waiter)
{
    struct shard *shard = subject->shard;
    const struct command *command = &waiter->command;
    const enum status status = subject->block == BLOCK_NONE ? insert_empty(subject) : STATUS_OK;
    if (status == STATUS_BUSY) {
        return OUTCOME_NEEDS_ROOM;
    }
    if (status != STATUS_OK) {
        shard_reply_status(shard, &command->token, status);
        return OUTCOME_DONE;
    }
    cache_subscribe(&shard->cache, subject->block, command->token.shard);
    subject_touch(subject);
    const struct user *user = cache_get(&shard->cache, subject->block);
    const struct reply reply = {.kind = REPLY_SUBSCRIBED,
                                .token = command->token,
                                .count = (uint32_t)command->subscriptions,
                                .number = subject->id.value,
                                .incarnation = user->incarnation,
                                .version = user->version};
    subject_send(subject, &reply);
    return OUTCOME_DONE;
}

enum outcome shard_run_unsubscribe(struct subject *subject, const struct waiter *waiter)
{
    struct shard *shard = subject->shard;
    if (subject->block != BLOCK_NONE) {
        cache_unsubscribe(&shard->cache, subject->block, waiter->command.token.shard);
        const struct user *user = cache_get(&shard->cache, subject->block);
        if (!user_is(user, USER_SUBSCRIBED) && user->version == 0) {
            shard->empty_users--;
            cache_remove(&shard->cache, subject->block);
            subject->block = BLOCK_NONE;
        }
    }
    shard_reply_status(shard, &waiter->command.token, STATUS_OK);
    return OUTCOME_DONE;
}

struct publishing shard_begin_publication(const struct subject *subject,
                                          enum publication_cause cause)
{
    const bool is_wanted =
        subject->block != BLOCK_NONE &&
        user_is(cache_get(&subject->shard->cache, subject->block), USER_SUBSCRIBED);
    return (struct publishing){.subject = subject, .cause = cause, .is_wanted = is_wanted};
}

static void publish(struct publishing *self, bool last)
{
    const struct shard *shard = self->subject->shard;
    const struct user *user = cache_get(&shard->cache, self->subject->block);
    const struct publication publication = {.user = self->subject->id,
                                            .incarnation = user->incarnation,
                                            .cause = self->cause,
                                            .version = user->version,
                                            .readers = user_get_readers(user),
                                            .first = !self->has_begun,
                                            .last = last,
                                            .count = self->count,
                                            .views = shard->views};
    shard->config.port.publish(shard->config.port.lent_context, &publication);
    self->has_begun = true;
    self->count = 0;
}

void shard_publish_state(struct publishing *self, struct channel_key channel)
{
    if (!self->is_wanted) {
        return;
    }
    if (self->count == VIEWS_MAX) {
        publish(self, false);
    }
    const struct cache_place place = subject_find_place(self->subject, channel);
    ASSERT(place.there);
    leaf_view(place.leaf, place.row, &self->subject->shard->views[self->count++]);
}

void shard_publish_forgetting(const struct subject *subject)
{
    const struct shard *shard = subject->shard;
    const struct user *user = cache_get(&shard->cache, subject->block);
    const struct publication publication = {.user = subject->id,
                                            .incarnation = user->incarnation,
                                            .cause = CAUSE_FORGET,
                                            .version = user->version + 1,
                                            .readers = user_get_readers(user),
                                            .first = true,
                                            .last = true};
    shard->config.port.publish(shard->config.port.lent_context, &publication);
}

void shard_end_publication(struct publishing *self)
{
    /* What has changed nothing that is shown is not published. */
    if (self->count > 0 || self->has_begun) {
        publish(self, true);
    }
}
