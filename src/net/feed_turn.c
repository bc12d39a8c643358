/* What the feed does a turn at a time: lists for those who have fallen behind, the end of what was
 * dropped. */
#include "base/assert.h"
#include "base/hash.h"
#include "net/feed_internal.h"

#include <stdlib.h>

enum {
    TURN_CATCH_UPS = 64, /* Lists asked for in a turn. */
    TURN_DROPS = 128,
    TURN_LOST = 256, /* Buckets gone through after messages were lost. */
};

static uint32_t shard_of(const struct loop *loop, struct user_id user)
{
    return net_find_shard(loop->lent_net, hash_slot_of_user(user));
}

/* The list is there, and a message of it where it has any states. */
static void end_catch_up(struct subscriber *subscriber, bool is_wanted)
{
    struct subscription *subscription = subscriber->catching;
    struct feed_draft *draft = &subscriber->draft;
    const struct feed_mark told = {draft->incarnation, draft->version};
    struct feed_text *text = NULL;
    subscriber->catching = NULL;
    /* A list that tells of no newer version may show states that changed while it was made: they
     * come with the next. */
    is_wanted &= feed_is_newer(told, subscription->told);
    if (is_wanted && (feed_draft_end(draft, &text) != STATUS_OK ||
                      !feed_queue_push_merged(&subscriber->queue, &text))) {
        feed_text_release(&text);
        feed_fall_behind(subscription);
        return;
    }
    if (!is_wanted) {
        feed_draft_deinit(draft);
    }
    feed_settle(subscription, told);
    connection_want_flush(subscriber->lent_connection);
    feed_note_room(subscriber);
}

void feed_take_list(struct connection *connection, const struct reply *reply)
{
    struct subscriber *subscriber = connection->subscriber;
    if (subscriber == NULL || subscriber->catching == NULL ||
        (uint32_t)reply->token.sequence != subscriber->catching_number) {
        return;
    }
    struct subscription *subscription = subscriber->catching;
    enum status status = reply->kind == REPLY_FAILED ? reply->status : STATUS_OK;
    if (status == STATUS_OK && reply->first) {
        const struct publication head = {
            .user = subscription->user,
            .incarnation = reply->incarnation,
            .version = reply->version,
            /* What is no longer known to have gone (another epoch, tombstones that were forgotten)
             * can only be told by giving all that is there. */
            .cause = reply->full ? CAUSE_FORGET : CAUSE_MERGED,
        };
        subscriber->is_drafting = reply->full;
        status =
            feed_draft_begin(&subscriber->draft, connection->lent_loop->lent_net->epoch, &head);
    }
    if (status == STATUS_OK) {
        status = feed_draft_add(&subscriber->draft, reply->views, reply->count);
    }
    if (status != STATUS_OK) {
        /* Once more, later: without memory, or with the user out of it, nothing can be told. */
        subscriber->catching = NULL;
        feed_draft_deinit(&subscriber->draft);
        feed_fall_behind(subscription);
    } else if (reply->last) {
        end_catch_up(subscriber, subscriber->is_drafting || subscriber->draft.states > 0);
    }
}

/* Asks for the list of its oldest that has fallen behind. False: not now. */
static bool begin_catch_up(struct subscriber *subscriber)
    THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    struct loop *loop = subscriber->lent_connection->lent_loop;
    struct subscription *subscription = subscriber->behind_first;
    /* That may execute commands, of which some change what this reads. */
    const bool has_room = dispatch_has_room(loop, shard_of(loop, subscription->user));
    if (!has_room || !feed_may_catch_up(subscriber) || subscription != subscriber->behind_first) {
        return false;
    }
    feed_remove_from_behind(subscriber, subscription);
    subscription->has_lost = false;
    subscriber->catching = subscription;
    struct command command = {
        .kind = COMMAND_LIST,
        .user = subscription->user,
        .since_version = subscription->told.version,
        .since = {.incarnation = subscription->told.incarnation, .is_asked = true},
        .token = connection_make_token(subscriber->lent_connection, ++subscriber->catching_number),
    };
    command.token.purpose = TOKEN_CATCH_UP;
    dispatch_add(loop, shard_of(loop, subscription->user), &command, NULL);
    return true;
}

static void turn_behind(struct loop *loop) THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    struct feed *self = &loop->feed;
    struct subscriber *rest = self->behind_first;
    self->behind_first = NULL;
    uint32_t asked = 0;
    while (rest != NULL) {
        struct subscriber *subscriber = rest;
        rest = subscriber->behind_next;
        const bool may = feed_may_catch_up(subscriber);
        if (may && asked < TURN_CATCH_UPS && begin_catch_up(subscriber)) {
            asked++;
        }
        /* Who has one on the way comes back when it is there. */
        subscriber->is_queued = feed_may_catch_up(subscriber);
        if (subscriber->is_queued) {
            subscriber->behind_next = self->behind_first;
            self->behind_first = subscriber;
        }
    }
    /* Where a link is full, an answer from there ends the wait. */
    loop->more |= asked > 0 && self->behind_first != NULL;
}

static void turn_dropped(struct loop *loop) THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    struct feed *self = &loop->feed;
    for (uint32_t i = 0; i < TURN_DROPS && self->dropped != NULL; i++) {
        struct subscription *subscription = self->dropped;
        /* Executes commands perhaps, by which more are dropped. */
        if (!dispatch_has_room(loop, shard_of(loop, subscription->user))) {
            return;
        }
        if (subscription != self->dropped) {
            continue;
        }
        self->dropped = subscription->own_after;
        const struct command command = {
            .kind = COMMAND_UNSUBSCRIBE,
            .user = subscription->user,
            .token = {.shard = (uint16_t)loop->number, .connection = UINT32_MAX}};
        feed_destroy_subscription(self, subscription);
        if (feed_find_audience(self, command.user) == NULL) {
            dispatch_add(loop, shard_of(loop, command.user), &command, NULL);
        }
    }
    loop->more |= self->dropped != NULL;
}

/* The subscriptions of closed connections, and those who had them. */
static void turn_gone(struct loop *loop)
{
    struct feed *self = &loop->feed;
    uint32_t drops = 0;
    for (struct subscriber **place = &self->gone_first; *place != NULL;) {
        struct subscriber *subscriber = *place;
        for (; subscriber->first != NULL && drops < TURN_DROPS; drops++) {
            feed_drop(self, subscriber, subscriber->first);
        }
        if (subscriber->first == NULL && subscriber->is_released && !subscriber->is_queued) {
            *place = subscriber->gone_next;
            free(subscriber);
        } else {
            loop->more |= subscriber->first != NULL;
            place = &subscriber->gone_next;
        }
    }
}

/* Messages were lost: who is up to date asks for a list, who waits for one needs another. */
static void note_loss(struct subscription *subscription)
{
    subscription->has_lost = true;
    if (subscription->state == SUBSCRIPTION_LIVE && !subscription->lent_subscriber->is_gone) {
        feed_fall_behind(subscription);
    }
}

/* Messages of some shards were lost: all who read their users look for what they have missed. */
static void turn_lost(struct loop *loop)
{
    struct feed *self = &loop->feed;
    const struct feed_table *table = &self->subscriptions;
    if (self->lost == 0) {
        self->lost = self->lost_since;
        self->lost_since = 0;
        self->lost_bucket = 0;
    }
    for (uint32_t i = 0; i < TURN_LOST && self->lost_bucket < table->in_use; i++) {
        struct feed_node *node = table->buckets[self->lost_bucket++];
        for (; node != NULL; node = node->chain) {
            struct subscription *subscription = (struct subscription *)node;
            if ((self->lost >> shard_of(loop, subscription->user) & 1) != 0) {
                note_loss(subscription);
            }
        }
    }
    if (self->lost_bucket >= table->in_use) {
        self->lost = 0;
    }
    loop->more |= (self->lost | self->lost_since) != 0;
}

void feed_turn(struct loop *loop)
{
    if ((loop->feed.lost | loop->feed.lost_since) != 0) {
        turn_lost(loop);
    }
    if (loop->feed.behind_first != NULL) {
        turn_behind(loop);
    }
    if (loop->feed.gone_first != NULL) {
        turn_gone(loop);
    }
    if (loop->feed.dropped != NULL) {
        turn_dropped(loop);
    }
}
