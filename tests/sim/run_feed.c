/* The readers of the change feed: what they are told, and whether it is what lists show. */
#include "sim/run_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct feed_reader *find_reader(struct run *self, struct user_id user)
{
    for (uint32_t i = 0; i < RUN_READERS_MAX && i < self->users_count; i++) {
        if (self->users[i].id.value == user.value) {
            return &self->readers[i];
        }
    }
    return NULL;
}

void run_take_publication(void *context, const struct publication *publication)
{
    struct run *self = context;
    if (self->messages_count == self->messages_room) {
        self->messages_room = self->messages_room == 0 ? 64 : 2 * self->messages_room;
        struct run_message *grown =
            realloc(self->messages, self->messages_room * sizeof *self->messages);
        ASSERT(grown != NULL);
        self->messages = grown;
    }
    struct run_message *message = &self->messages[self->messages_count++];
    message->publication = *publication;
    message->views = calloc(publication->count + 1, sizeof *message->views);
    ASSERT(message->views != NULL);
    for (uint32_t i = 0; i < publication->count; i++) {
        message->views[i] = publication->views[i];
    }
}

/* The first of them may be told. */
void run_take_tidings(void *context)
{
    struct run *self = context;
    ASSERT(self->messages_count > 0);
    struct run_message message = self->messages[0];
    memmove(self->messages, self->messages + 1, --self->messages_count * sizeof *self->messages);
    message.publication.views = message.views;
    struct feed_reader *reader = find_reader(self, message.publication.user);
    struct failure failure;
    if (run_is_well(self) && reader == NULL) {
        failure_set(&self->failure, "a message of user %" PRIu64 ", whom nobody reads",
                    message.publication.user.value);
    } else if (run_is_well(self) &&
               feed_reader_take_message(reader, &message.publication, &failure) != STATUS_OK) {
        failure_set(&self->failure, "user %" PRIu64 ": %.1000s", message.publication.user.value,
                    failure.text);
    }
    self->counts.messages += message.publication.last;
    free(message.views);
}

void run_drop_messages(struct run *self)
{
    for (uint32_t i = 0; i < self->messages_count; i++) {
        free(self->messages[i].views);
    }
    self->messages_count = 0;
    for (uint32_t i = 0; i < RUN_READERS_MAX; i++) {
        feed_reader_leave(&self->readers[i]);
    }
}

static enum status take_list(struct run *self, struct feed_reader *reader,
                             const struct belief_step *step, struct failure *out_failure)
{
    const struct feed_list list = {.epoch = self->node->epoch,
                                   .incarnation = step->incarnation,
                                   .version = step->version,
                                   .is_full = step->is_full,
                                   .since = step->operation.number,
                                   .since_incarnation = step->operation.since_incarnation,
                                   .count = step->views_count,
                                   .views = step->views};
    self->counts.lists_compared += reader->is_current;
    return feed_reader_take_list(reader, &list, out_failure);
}

/* An answer has come to its client. */
void run_show_to_reader(struct run *self, const struct run_call *call)
{
    struct failure failure;
    struct feed_reader *reader = find_reader(self, self->users[call->users[0]].id);
    enum status status = STATUS_OK;
    if (reader == NULL || call->has_failed) {
        return;
    }
    if (call->kind == COMMAND_LIST) {
        status = take_list(self, reader, call->steps[0], &failure);
    } else if (call->kind == COMMAND_SUBSCRIBE) {
        status = feed_reader_subscribe(reader, call->subscribed, &failure);
    } else if (call->kind == COMMAND_UNSUBSCRIBE) {
        feed_reader_leave(reader);
    }
    if (status != STATUS_OK) {
        failure_set(&self->failure, "user %" PRIu64 ": %.1000s",
                    self->users[call->users[0]].id.value, failure.text);
    }
}

/* A client that has subscribed lists: what is new since, where it has something. */
bool run_draw_list(struct run *self, uint32_t user, struct model_operation *operation)
{
    const struct feed_reader *reader = user < RUN_READERS_MAX ? &self->readers[user] : NULL;
    if (reader == NULL || !reader->has_listed || strcmp(reader->epoch, self->node->epoch) != 0) {
        return false;
    }
    operation->is_since = true;
    operation->since_incarnation = reader->incarnation;
    operation->number = reader->version;
    return true;
}
