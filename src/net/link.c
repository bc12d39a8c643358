#include "net/link.h"

#include "base/assert.h"

enum status link_init(struct link *self, uint32_t commands_max)
{
    *self = (struct link){.commands_max = commands_max};
    enum status status = ring_init(&self->commands, sizeof(struct command), commands_max);
    if (status != STATUS_OK) {
        return status;
    }
    status = ring_init(&self->replies, sizeof(struct reply), commands_max * LINK_REPLIES_A_COMMAND);
    if (status == STATUS_OK) {
        status = ring_init(&self->texts, sizeof(struct feed_text *), LINK_TEXTS_MAX);
        if (status != STATUS_OK) {
            ring_deinit(&self->replies);
        }
    }
    if (status != STATUS_OK) {
        ring_deinit(&self->commands);
    }
    return status;
}

void link_deinit(struct link *self)
{
    /* What was put and not yet shown is the link's as well. */
    (void)ring_publish(&self->commands);
    (void)ring_publish(&self->replies);
    (void)ring_publish(&self->texts);
    struct command command;
    while (link_receive_command(self, &command)) {
        command_deinit(&command);
    }
    struct reply reply;
    while (link_receive_reply(self, &reply)) {
        reply_deinit(&reply);
    }
    struct feed_text *text = NULL;
    while (link_receive_text(self, &text)) {
        feed_text_release(&text);
    }
    for (uint32_t i = 0; i < self->waiting_replies.count; i++) {
        reply_deinit(&self->waiting_replies.items[i]);
    }
    VEC_DEINIT(&self->waiting_replies);
    ring_deinit(&self->commands);
    ring_deinit(&self->replies);
    ring_deinit(&self->texts);
}

bool link_has_room(const struct link *self)
{
    return self->commands_open < self->commands_max;
}

enum status link_send_command(struct link *self, const struct command *command)
{
    struct command copy;
    const enum status status = command_copy(command, &copy);
    if (status != STATUS_OK) {
        return status;
    }
    struct command *place = ring_put(&self->commands);
    /* It has room for all that may be open. */
    ASSERT(place != NULL);
    *place = copy;
    return STATUS_OK;
}

bool link_is_drained(struct link *self)
{
    return ring_count_free(&self->commands) == self->commands.capacity;
}

bool link_is_quiet(const struct link *self)
{
    return self->waiting_replies.count == 0 && self->replies.put == self->replies.taken;
}

void link_begin_command(struct link *self)
{
    ASSERT(link_has_room(self));
    self->commands_open++;
}

void link_end_command(struct link *self)
{
    ASSERT(self->commands_open > 0);
    self->commands_open--;
}

enum status link_send_reply(struct link *self, const struct reply *reply)
{
    struct reply copy;
    const enum status status = reply_copy(reply, &copy);
    if (status != STATUS_OK) {
        return status;
    }
    /* Behind what waits already, so that the order stays. */
    struct reply *place = self->waiting_replies.count == 0 ? ring_put(&self->replies) : NULL;
    if (place != NULL) {
        *place = copy;
        return STATUS_OK;
    }
    const enum status pushed = VEC_PUSH(&self->waiting_replies, copy);
    if (pushed != STATUS_OK) {
        reply_deinit(&copy);
    }
    return pushed;
}

void link_lose_text(struct link *self)
{
    self->has_lost_texts = true;
}

void link_send_text(struct link *self, struct feed_text **taken_text)
{
    /* What comes after lost ones waits for nothing: whoever reads looks for all of it. */
    struct feed_text **place = self->has_lost_texts ? NULL : ring_put(&self->texts);
    if (place == NULL) {
        link_lose_text(self);
        feed_text_release(taken_text);
        return;
    }
    *place = *taken_text;
    *taken_text = NULL;
}

bool link_publish_texts(struct link *self)
{
    if (self->has_lost_texts) {
        struct feed_text **place = ring_put(&self->texts);
        if (place != NULL) {
            *place = NULL;
            self->has_lost_texts = false;
        }
    }
    return ring_publish(&self->texts);
}

bool link_has_reply_room(struct link *self)
{
    return self->waiting_replies.count == 0 &&
           ring_count_free(&self->replies) > self->replies.capacity / 2;
}

bool link_publish_commands(struct link *self)
{
    return ring_publish(&self->commands);
}

bool link_publish_replies(struct link *self)
{
    uint32_t sent = 0;
    while (sent < self->waiting_replies.count) {
        struct reply *place = ring_put(&self->replies);
        if (place == NULL) {
            break;
        }
        *place = self->waiting_replies.items[sent++];
    }
    if (sent > 0) {
        const uint32_t left = self->waiting_replies.count - sent;
        for (uint32_t i = 0; i < left; i++) {
            self->waiting_replies.items[i] = self->waiting_replies.items[sent + i];
        }
        self->waiting_replies.count = left;
    }
    return ring_publish(&self->replies);
}

bool link_receive_command(struct link *self, struct command *out_command)
{
    const struct command *command = ring_peek(&self->commands);
    if (command == NULL) {
        return false;
    }
    *out_command = *command;
    ring_consume(&self->commands);
    return true;
}

bool link_receive_reply(struct link *self, struct reply *out_reply)
{
    const struct reply *reply = ring_peek(&self->replies);
    if (reply == NULL) {
        return false;
    }
    *out_reply = *reply;
    ring_consume(&self->replies);
    return true;
}

bool link_receive_text(struct link *self, struct feed_text **out_text)
{
    struct feed_text *const *text = ring_peek(&self->texts);
    if (text == NULL) {
        return false;
    }
    *out_text = *text;
    ring_consume(&self->texts);
    return true;
}
