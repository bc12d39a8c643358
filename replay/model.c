#include "replay/model.h"

#include "replay/array.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void model_init(struct model *self, uint32_t ids_kept)
{
    *self = (struct model){.ids_kept = ids_kept};
    id_map_init(&self->index);
}

void model_deinit(struct model *self)
{
    for (uint32_t at = 0; at < self->index.count; at++) {
        free(self->states[at].ids);
    }
    free(self->states);
    id_map_deinit(&self->index);
    *self = (struct model){0};
}

uint32_t model_get_count(const struct model *self)
{
    return self->index.count;
}

static uint64_t key_of(uint32_t user, uint32_t channel)
{
    return ((uint64_t)user << 32) | channel;
}

const struct model_state *model_find_state(const struct model *self, uint32_t user,
                                           uint32_t channel)
{
    const uint32_t at = id_map_find(&self->index, key_of(user, channel));
    return at == ID_MAP_NONE ? NULL : &self->states[at];
}

static struct model_state *find_or_insert(struct model *self, uint32_t user, uint32_t channel)
{
    const uint32_t before = self->index.count;
    const uint32_t at = id_map_insert(&self->index, key_of(user, channel));
    if (at == before) {
        self->states = array_reserve(self->states, &self->states_capacity, (size_t)before + 1,
                                     sizeof *self->states);
        self->states[at] = (struct model_state){.user = user, .channel = channel};
    }
    return &self->states[at];
}

static void remove_oldest_ids(struct model_state *state, uint32_t count)
{
    state->ids_count -= count;
    memmove(state->ids, state->ids + count, state->ids_count * sizeof *state->ids);
}

void model_ack(struct model *self, uint32_t user, uint32_t channel, uint64_t message)
{
    struct model_state *state = find_or_insert(self, user, channel);
    if (message <= state->last_read) {
        return;
    }
    state->last_read = message;
    uint32_t read = 0;
    while (read < state->ids_count && state->ids[read] <= message) {
        read++;
    }
    if (read > 0) {
        remove_oldest_ids(state, read);
    }
    if (message >= state->counted_to) {
        state->counted = 0;
    }
}

void model_mention(struct model *self, uint32_t user, uint32_t channel, uint64_t message)
{
    struct model_state *state = find_or_insert(self, user, channel);
    if (message <= state->last_read || message <= state->counted_to) {
        return;
    }
    if (state->ids == NULL) {
        size_t capacity = 0;
        state->ids = array_reserve(NULL, &capacity, (size_t)self->ids_kept + 1, sizeof *state->ids);
    }
    uint32_t at = state->ids_count;
    while (at > 0 && state->ids[at - 1] >= message) {
        at--;
    }
    if (at < state->ids_count && state->ids[at] == message) {
        return;
    }
    memmove(state->ids + at + 1, state->ids + at, (state->ids_count - at) * sizeof *state->ids);
    state->ids[at] = message;
    state->ids_count++;
    if (state->ids_count > self->ids_kept) {
        state->counted++;
        state->counted_to = state->ids[0];
        remove_oldest_ids(state, 1);
    }
}

static void apply_message(struct model *self, const struct trace *trace, const struct event *event)
{
    model_ack(self, event->user, event->channel, event->message);
    for (uint32_t at = 0; at < event->mentions_count; at++) {
        const uint32_t mentioned = trace->mentions[event->mentions_at + at];
        if (mentioned != event->user) {
            model_mention(self, mentioned, event->channel, event->message);
        }
    }
}

void model_apply_event(struct model *self, const struct trace *trace, const struct event *event)
{
    switch (event->kind) {
    case EVENT_MESSAGE:
        apply_message(self, trace, event);
        break;
    case EVENT_JOIN:
    case EVENT_LEAVE:
        if (event->message != 0) {
            model_ack(self, event->user, event->channel, event->message);
        }
        break;
    }
}

uint64_t model_state_count_mentions(const struct model_state *state)
{
    return (uint64_t)state->counted + state->ids_count;
}
