#include "replay/player.h"

#include <assert.h>
#include <stdio.h>

void player_init(struct player *self, const struct trace *lent_trace, struct model *lent_model,
                 struct client *lent_client, uint32_t arguments_max)
{
    assert(arguments_max >= PLAYER_ARGUMENTS_MIN);
    *self = (struct player){
        .lent_trace = lent_trace,
        .lent_model = lent_model,
        .lent_client = lent_client,
        .command = command_create(),
        .arguments_max =
            arguments_max < COMMAND_ARGUMENTS_MAX ? (int)arguments_max : (int)COMMAND_ARGUMENTS_MAX,
    };
}

void player_deinit(struct player *self)
{
    command_destroy(self->command);
    *self = (struct player){0};
}

static void on_reply(void *context, uint32_t tag, const redisReply *reply)
{
    struct player *self = context;
    if (reply->type != REDIS_REPLY_ERROR) {
        return;
    }
    if (self->refusals < REFUSALS_KEPT) {
        struct refusal *refusal = &self->first[self->refusals];
        refusal->line = tag;
        snprintf(refusal->text, sizeof refusal->text, "%s", reply->str);
    }
    self->refusals++;
}

static bool send(struct player *self, const struct event *event)
{
    self->commands++;
    return client_send(self->lent_client, self->command, event->line);
}

static uint64_t user_of(const struct player *self, uint32_t user)
{
    return id_map_get_key(&self->lent_trace->users, user);
}

static uint64_t channel_of(const struct player *self, const struct event *event)
{
    return id_map_get_key(&self->lent_trace->channels, event->channel);
}

/* RS.JOIN or RS.ACK: user, channel, newest message. */
static bool send_newest(struct player *self, const struct event *event, const char *name)
{
    if (event->message == 0) {
        return true;
    }
    command_start(self->command, name);
    command_insert_number(self->command, user_of(self, event->user));
    command_insert_number(self->command, channel_of(self, event));
    command_insert_number(self->command, event->message);
    return send(self, event);
}

static bool send_join(struct player *self, const struct event *event)
{
    command_start(self->command, "RS.LIST");
    command_insert_number(self->command, user_of(self, event->user));
    return send(self, event) && send_newest(self, event, "RS.JOIN");
}

static bool send_message(struct player *self, const struct event *event)
{
    command_start(self->command, "RS.MESSAGE");
    command_insert_number(self->command, channel_of(self, event));
    command_insert_number(self->command, event->message);
    command_insert_number(self->command, user_of(self, event->user));
    if (event->mentions_count > 0) {
        command_insert_word(self->command, "MENTIONS");
    }
    for (uint32_t at = 0; at < event->mentions_count; at++) {
        if (self->command->arguments_count == self->arguments_max) {
            if (!send(self, event)) {
                return false;
            }
            command_start(self->command, "RS.MENTION");
            command_insert_number(self->command, channel_of(self, event));
            command_insert_number(self->command, event->message);
        }
        const uint32_t mentioned = self->lent_trace->mentions[event->mentions_at + at];
        command_insert_number(self->command, user_of(self, mentioned));
    }
    return send(self, event);
}

static bool send_event(struct player *self, const struct event *event)
{
    switch (event->kind) {
    case EVENT_JOIN:
        return send_join(self, event);
    case EVENT_MESSAGE:
        return send_message(self, event);
    case EVENT_LEAVE:
        return send_newest(self, event, "RS.ACK");
    }
    return false;
}

bool player_play(struct player *self, struct progress *progress, struct latency *latency)
{
    const struct trace *trace = self->lent_trace;
    if (self->lent_client != NULL) {
        client_listen(self->lent_client, on_reply, self, latency);
    }
    for (size_t at = 0; at < trace->events_count && self->refusals == 0; at++) {
        const struct event *event = &trace->events[at];
        model_apply_event(self->lent_model, trace, event);
        if (self->lent_client != NULL) {
            if (!send_event(self, event)) {
                return false;
            }
            progress_show(progress, at);
        }
    }
    return self->lent_client == NULL || client_drain(self->lent_client);
}
