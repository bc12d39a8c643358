#include "net/feed_internal.h"

#include "base/assert.h"
#include "base/hash.h"

#include <stdlib.h>

static uint64_t hash_pair(const struct subscriber *subscriber, struct user_id user)
{
    return hash_user((struct user_id){user.value ^ (uint64_t)(uintptr_t)subscriber << 1});
}

struct audience *feed_find_audience(const struct feed *self, struct user_id user)
{
    struct feed_node *node = feed_table_find(&self->audiences, hash_user(user));
    while (node != NULL && ((struct audience *)node)->user.value != user.value) {
        node = feed_node_next(node);
    }
    return (struct audience *)node;
}

static struct subscription *
find_subscription(const struct feed *self, const struct subscriber *subscriber, struct user_id user)
{
    struct feed_node *node = feed_table_find(&self->subscriptions, hash_pair(subscriber, user));
    for (; node != NULL; node = feed_node_next(node)) {
        struct subscription *subscription = (struct subscription *)node;
        if (subscription->user.value == user.value && subscription->lent_subscriber == subscriber) {
            return subscription;
        }
    }
    return NULL;
}

struct subscriber *feed_acquire_subscriber(struct connection *connection)
{
    if (connection->subscriber == NULL) {
        connection->subscriber = calloc(1, sizeof *connection->subscriber);
        if (connection->subscriber != NULL) {
            connection->subscriber->lent_connection = connection;
        }
    }
    return connection->subscriber;
}

uint32_t feed_count_subscriptions(const struct connection *connection)
{
    return connection->subscriber == NULL ? 0 : connection->subscriber->count;
}

struct user_id feed_find_subscription(const struct connection *connection)
{
    const struct subscriber *subscriber = connection->subscriber;
    return subscriber == NULL || subscriber->first == NULL ? (struct user_id){0}
                                                           : subscriber->first->user;
}

static struct audience *acquire_audience(struct feed *self, struct user_id user)
{
    struct audience *audience = feed_find_audience(self, user);
    if (audience == NULL) {
        audience = calloc(1, sizeof *audience);
        if (audience == NULL) {
            return NULL;
        }
        audience->user = user;
        if (feed_table_insert(&self->audiences, &audience->node, hash_user(user)) != STATUS_OK) {
            free(audience);
            return NULL;
        }
    }
    return audience;
}

static void remove_empty_audience(struct feed *self, struct audience *audience)
{
    if (audience->first == NULL) {
        feed_table_remove(&self->audiences, &audience->node);
        free(audience);
    }
}

static void insert_into_audience(struct audience *audience, struct subscription *subscription)
{
    subscription->lent_audience = audience;
    subscription->audience_after = audience->first;
    if (audience->first != NULL) {
        audience->first->audience_before = subscription;
    }
    audience->first = subscription;
}

static void insert_into_own(struct subscriber *subscriber, struct subscription *subscription)
{
    subscription->own_after = subscriber->first;
    if (subscriber->first != NULL) {
        subscriber->first->own_before = subscription;
    }
    subscriber->first = subscription;
    subscriber->count++;
}

/* A subscription of which nothing is known yet. NULL without memory. */
static struct subscription *create_subscription(struct feed *self, struct subscriber *subscriber,
                                                struct user_id user)
{
    struct subscription *subscription = calloc(1, sizeof *subscription);
    struct audience *audience = subscription == NULL ? NULL : acquire_audience(self, user);
    if (audience == NULL) {
        free(subscription);
        return NULL;
    }
    if (feed_table_insert(&self->subscriptions, &subscription->node, hash_pair(subscriber, user)) !=
        STATUS_OK) {
        remove_empty_audience(self, audience);
        free(subscription);
        return NULL;
    }
    subscription->user = user;
    subscription->lent_subscriber = subscriber;
    subscription->state = SUBSCRIPTION_ASKED;
    insert_into_audience(audience, subscription);
    insert_into_own(subscriber, subscription);
    return subscription;
}

/* Those that are done with leave their places, where there is no other. */
static void forget_questions(struct subscriber *subscriber)
{
    if (subscriber->questions.count == subscriber->questions.capacity) {
        uint32_t kept = 0;
        for (uint32_t i = subscriber->questions_first; i < subscriber->questions.count; i++) {
            subscriber->questions.items[kept++] = subscriber->questions.items[i];
        }
        subscriber->questions.count = kept;
        subscriber->questions_first = 0;
    }
}

enum status feed_ask(struct connection *connection, struct user_id user, uint32_t number)
{
    struct feed *self = feed_of(connection);
    struct subscriber *subscriber = connection->subscriber;
    forget_questions(subscriber);
    const enum status status = VEC_RESERVE(&subscriber->questions, 1);
    if (status != STATUS_OK) {
        return status;
    }
    struct subscription *subscription = find_subscription(self, subscriber, user);
    if (subscription == NULL) {
        subscription = create_subscription(self, subscriber, user);
    }
    if (subscription == NULL) {
        return STATUS_MEMORY;
    }
    subscription->questions++;
    const struct feed_question question = {.number = number, .subscription = subscription};
    return VEC_PUSH(&subscriber->questions, question);
}

bool feed_may_catch_up(const struct subscriber *subscriber)
{
    return !subscriber->is_gone && subscriber->behind_first != NULL &&
           subscriber->catching == NULL && subscriber->queue.count == 0 &&
           !subscriber->lent_connection->is_writing;
}

void feed_note_room(struct subscriber *self)
{
    if (!self->is_queued && feed_may_catch_up(self)) {
        struct feed *feed = feed_of(self->lent_connection);
        self->is_queued = true;
        self->behind_next = feed->behind_first;
        feed->behind_first = self;
        self->lent_connection->lent_loop->more = true;
    }
}

void feed_fall_behind(struct subscription *subscription)
{
    struct subscriber *subscriber = subscription->lent_subscriber;
    subscription->state = SUBSCRIPTION_BEHIND;
    subscription->behind_after = NULL;
    subscription->behind_before = subscriber->behind_last;
    if (subscriber->behind_last != NULL) {
        subscriber->behind_last->behind_after = subscription;
    } else {
        subscriber->behind_first = subscription;
    }
    subscriber->behind_last = subscription;
    feed_note_room(subscriber);
}

void feed_settle(struct subscription *subscription, struct feed_mark told)
{
    subscription->told = told;
    if (subscription->has_lost || feed_is_newer(subscription->newest, told)) {
        feed_fall_behind(subscription);
    } else {
        subscription->state = SUBSCRIPTION_LIVE;
    }
}

void feed_remove_from_behind(struct subscriber *subscriber, struct subscription *subscription)
{
    if (subscription->behind_before != NULL) {
        subscription->behind_before->behind_after = subscription->behind_after;
    } else {
        subscriber->behind_first = subscription->behind_after;
    }
    if (subscription->behind_after != NULL) {
        subscription->behind_after->behind_before = subscription->behind_before;
    } else {
        subscriber->behind_last = subscription->behind_before;
    }
}

void feed_drop(struct feed *self, struct subscriber *subscriber, struct subscription *subscription)
{
    if (subscriber->catching == subscription) {
        subscriber->catching = NULL;
        feed_draft_deinit(&subscriber->draft);
    } else if (subscription->state == SUBSCRIPTION_BEHIND) {
        feed_remove_from_behind(subscriber, subscription);
    }
    feed_table_remove(&self->subscriptions, &subscription->node);
    if (subscription->own_before != NULL) {
        subscription->own_before->own_after = subscription->own_after;
    } else {
        subscriber->first = subscription->own_after;
    }
    if (subscription->own_after != NULL) {
        subscription->own_after->own_before = subscription->own_before;
    }
    subscriber->count--;
    subscription->lent_subscriber = NULL;
    subscription->state = SUBSCRIPTION_DROPPED;
    subscription->own_after = self->dropped;
    self->dropped = subscription;
}

bool feed_unsubscribe(struct connection *connection, struct user_id user)
{
    struct feed *self = feed_of(connection);
    struct subscription *subscription = connection->subscriber == NULL
                                            ? NULL
                                            : find_subscription(self, connection->subscriber, user);
    if (subscription != NULL) {
        feed_drop(self, connection->subscriber, subscription);
    }
    return subscription != NULL;
}

static bool is_read(const void *context, const struct feed_text *text)
{
    const struct connection *connection = (const struct connection *)context;
    return find_subscription(&connection->lent_loop->feed, connection->subscriber, text->user) !=
           NULL;
}

void feed_drop_texts(struct connection *connection)
{
    struct subscriber *subscriber = connection->subscriber;
    if (subscriber != NULL) {
        feed_queue_filter(&subscriber->queue, connection->texts_sending, is_read, connection);
        /* Which of those that stay may go is not known any more. */
        connection->ripe.texts = 0;
        connection->ripening.texts = 0;
        feed_note_room(subscriber);
    }
}

void feed_take_answer(struct connection *connection, uint32_t number, const struct reply *reply)
{
    const struct subscriber *subscriber = connection->subscriber;
    struct feed_question *questions = subscriber->questions.items;
    uint32_t low = subscriber->questions_first;
    uint32_t high = subscriber->questions.count;
    /* Numbers go round: only their distances compare. */
    const uint32_t base = questions[low].number;
    while (high - low > 1) {
        const uint32_t middle = low + (high - low) / 2;
        if (questions[middle].number - base <= number - base) {
            low = middle;
        } else {
            high = middle;
        }
    }
    ASSERT(questions[low].number == number);
    questions[low].is_granted = reply->kind == REPLY_SUBSCRIBED;
    questions[low].from = (struct feed_mark){reply->incarnation, reply->version};
}

static void confirm(struct connection *connection, const struct feed_question *question)
{
    struct subscription *subscription = question->subscription;
    subscription->questions--;
    if (subscription->state != SUBSCRIPTION_ASKED) {
        return;
    }
    if (question->is_granted) {
        feed_settle(subscription, question->from);
    } else if (subscription->questions == 0) {
        feed_drop(feed_of(connection), connection->subscriber, subscription);
    }
}

void feed_note_answers(struct connection *connection)
{
    struct subscriber *subscriber = connection->subscriber;
    while (subscriber->questions_first < subscriber->questions.count) {
        const struct feed_question *question =
            &subscriber->questions.items[subscriber->questions_first];
        if (!answers_is_out(&connection->answers, question->number)) {
            return;
        }
        subscriber->questions_first++;
        confirm(connection, question);
    }
    VEC_DEINIT(&subscriber->questions);
    subscriber->questions_first = 0;
}

static void deliver(struct subscription *subscription, struct feed_text *text)
{
    const struct feed_mark mark = {text->incarnation, text->version};
    if (feed_is_newer(mark, subscription->newest)) {
        subscription->newest = mark;
    }
    if (subscription->state != SUBSCRIPTION_LIVE || subscription->lent_subscriber->is_gone ||
        !feed_is_newer(mark, subscription->told)) {
        return;
    }
    struct subscriber *subscriber = subscription->lent_subscriber;
    const bool follows = mark.incarnation != subscription->told.incarnation
                             ? mark.version == 1
                             : mark.version == subscription->told.version + 1;
    struct feed_text *own = follows ? feed_text_acquire(text) : NULL;
    if (own == NULL || !feed_queue_push(&subscriber->queue, &own)) {
        feed_text_release(&own);
        feed_fall_behind(subscription);
        return;
    }
    subscription->told = mark;
    subscriber->lent_connection->has_learned = true;
    connection_want_flush(subscriber->lent_connection);
}

uint32_t feed_take_text(struct loop *loop, uint32_t shard, struct feed_text *taken_text)
{
    uint32_t readers = 1;
    if (taken_text == NULL) {
        /* A search under way goes on: begun anew each time, it would never come to its end. */
        loop->feed.lost_since |= UINT64_C(1) << shard;
        loop->more = true;
        return readers;
    }
    const struct audience *audience = feed_find_audience(&loop->feed, taken_text->user);
    for (struct subscription *at = audience == NULL ? NULL : audience->first; at != NULL;
         at = at->audience_after) {
        deliver(at, taken_text);
        readers++;
    }
    feed_text_release(&taken_text);
    return readers;
}

void feed_destroy_subscription(struct feed *self, struct subscription *subscription)
{
    struct audience *audience = subscription->lent_audience;
    if (subscription->audience_before != NULL) {
        subscription->audience_before->audience_after = subscription->audience_after;
    } else {
        audience->first = subscription->audience_after;
    }
    if (subscription->audience_after != NULL) {
        subscription->audience_after->audience_before = subscription->audience_before;
    }
    remove_empty_audience(self, audience);
    free(subscription);
}

void feed_leave(struct connection *connection)
{
    struct subscriber *subscriber = connection->subscriber;
    if (subscriber != NULL) {
        struct feed *self = feed_of(connection);
        subscriber->is_gone = true;
        VEC_DEINIT(&subscriber->questions);
        subscriber->questions_first = 0;
        subscriber->gone_next = self->gone_first;
        self->gone_first = subscriber;
        connection->lent_loop->more = true;
    }
}

void feed_release_subscriber(struct connection *connection)
{
    struct subscriber *subscriber = connection->subscriber;
    if (subscriber != NULL) {
        feed_queue_deinit(&subscriber->queue);
        feed_draft_deinit(&subscriber->draft);
        subscriber->is_released = true;
        subscriber->lent_connection = NULL;
        connection->subscriber = NULL;
    }
}

void feed_deinit(struct feed *self)
{
    while (self->gone_first != NULL) {
        struct subscriber *subscriber = self->gone_first;
        ASSERT(subscriber->is_released);
        while (subscriber->first != NULL) {
            feed_drop(self, subscriber, subscriber->first);
        }
        self->gone_first = subscriber->gone_next;
        free(subscriber);
    }
    while (self->dropped != NULL) {
        struct subscription *subscription = self->dropped;
        self->dropped = subscription->own_after;
        feed_destroy_subscription(self, subscription);
    }
    feed_table_deinit(&self->audiences);
    feed_table_deinit(&self->subscriptions);
}

uint64_t feed_count_bytes(const struct connection *connection)
{
    const struct subscriber *subscriber = connection->subscriber;
    if (subscriber == NULL) {
        return 0;
    }
    const uint64_t each =
        sizeof(struct subscription) + sizeof(struct audience) + 2 * sizeof(struct feed_node *);
    return sizeof *subscriber + subscriber->count * each + subscriber->queue.bytes +
           subscriber->queue.room * sizeof(struct feed_text *) + subscriber->draft.json.capacity +
           subscriber->questions.capacity * sizeof(struct feed_question);
}
