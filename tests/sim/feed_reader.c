#include "sim/feed_reader.h"

#include "sim/belief_judge.h"

#include <inttypes.h>
#include <string.h>

static bool is_live(const struct state_view *view)
{
    return view->present && !view->deleted;
}

enum status feed_reader_subscribe(struct feed_reader *self, uint64_t version,
                                  struct failure *out_failure)
{
    if (self->is_current && version != self->version) {
        failure_set(out_failure,
                    "a SUBSCRIBE is answered with version %" PRIu64 ", and the reader has been "
                    "told of version %" PRIu64,
                    version, self->version);
        return STATUS_CORRUPT;
    }
    self->is_subscribed = true;
    return STATUS_OK;
}

void feed_reader_leave(struct feed_reader *self)
{
    self->is_subscribed = false;
    self->is_current = false;
    self->has_asked = false;
}

/* What is newer wins. */
static void apply(struct feed_reader *self, const struct state_view *views, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct state_view *there = &self->states[model_find_channel(views[i].channel)];
        if (!there->present || views[i].version >= there->version) {
            *there = views[i];
        }
    }
}

static enum status say_different(const struct feed_reader *self, const struct feed_list *list,
                                 const struct state_view *listed, struct failure *out_failure)
{
    const struct state_view *has = &self->states[model_find_channel(listed->channel)];
    failure_set(out_failure,
                "the feed has told of channel %" PRIu64 ":%d version %" PRIu64 " read %" PRIu64
                " mentions %" PRIu32 ", there %d, deleted %d; the list at version %" PRIu64
                " has version %" PRIu64 " read %" PRIu64 " mentions %" PRIu32 ", deleted %d",
                listed->channel.id, (int)listed->channel.type, has->version, has->last_read,
                has->mentions, (int)has->present, (int)has->deleted, list->version, listed->version,
                listed->last_read, listed->mentions, (int)listed->deleted);
    return STATUS_CORRUPT;
}

/* A list at this moment shows what it has. */
static enum status compare(const struct feed_reader *self, const struct feed_list *list,
                           struct failure *out_failure)
{
    uint32_t live = 0;
    uint32_t listed = 0;
    if (self->version != list->version) {
        failure_set(out_failure,
                    "the feed has told of version %" PRIu64 ", and the list is at %" PRIu64,
                    self->version, list->version);
        return STATUS_CORRUPT;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        const struct state_view *view = &list->views[i];
        const struct state_view *has = &self->states[model_find_channel(view->channel)];
        /* Tombstones are not in a list of all, so it may not know of one. */
        if (!(view->deleted && !is_live(has)) && !judge_is_same_view(view, has)) {
            return say_different(self, list, view, out_failure);
        }
        listed += is_live(view);
    }
    for (uint32_t i = 0; i < MODEL_CHANNELS_MAX; i++) {
        live += is_live(&self->states[i]);
    }
    if (list->is_full && live != listed) {
        failure_set(out_failure,
                    "the feed has told of %" PRIu32 " states, and the list has %" PRIu32, live,
                    listed);
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

enum status feed_reader_take_list(struct feed_reader *self, const struct feed_list *list,
                                  struct failure *out_failure)
{
    const bool is_same_epoch =
        self->has_listed && strcmp(self->epoch, list->epoch) == 0 &&
        (self->incarnation == list->incarnation || self->version == 0 || list->version == 0);
    if (self->is_current && compare(self, list, out_failure) != STATUS_OK) {
        return STATUS_CORRUPT;
    }
    if (is_same_epoch && self->incarnation == list->incarnation && list->version < self->version) {
        failure_set(out_failure,
                    "the reader has been told of version %" PRIu64 ", and a list of the same "
                    "epoch is at %" PRIu64,
                    self->version, list->version);
        return STATUS_CORRUPT;
    }
    const bool is_of_use = is_same_epoch && list->since_incarnation == self->incarnation &&
                           list->since <= self->version;
    if (!list->is_full && !is_of_use) {
        return STATUS_OK;
    }
    if (list->is_full) {
        memset(self->states, 0, sizeof self->states);
    }
    apply(self, list->views, list->count);
    self->has_listed = true;
    self->is_current = self->is_subscribed;
    (void)memcpy(self->epoch, list->epoch, sizeof self->epoch);
    self->incarnation = list->incarnation;
    self->version = list->version;
    return STATUS_OK;
}

static enum status take_first(struct feed_reader *self, const struct publication *message,
                              struct failure *out_failure)
{
    const bool is_foreign = message->incarnation != self->incarnation;
    if (is_foreign && self->may_begin_anew && message->incarnation > self->incarnation &&
        message->version == self->version + 1) {
        /* What it has is dropped, and it lists again. */
        self->may_begin_anew = false;
        self->is_current = false;
        self->has_asked = false;
        self->has_listed = false;
        return STATUS_OK;
    }
    /* At version 0 the epoch does not bind yet. */
    if (message->version != self->version + 1 || (is_foreign && self->version > 0)) {
        failure_set(out_failure,
                    "a message of version %" PRIu64 ", incarnation %" PRIu32 " comes to a reader "
                    "of version %" PRIu64 ", incarnation %" PRIu32,
                    message->version, message->incarnation, self->version, self->incarnation);
        return STATUS_CORRUPT;
    }
    if (message->count == 0 && message->cause != CAUSE_FORGET) {
        failure_set(out_failure, "a message of version %" PRIu64 " has no state", message->version);
        return STATUS_CORRUPT;
    }
    return STATUS_OK;
}

enum status feed_reader_take_message(struct feed_reader *self, const struct publication *message,
                                     struct failure *out_failure)
{
    if (!self->is_subscribed || !self->is_current) {
        /* What comes before the list is in the list. */
        return STATUS_OK;
    }
    if (message->first && take_first(self, message, out_failure) != STATUS_OK) {
        return STATUS_CORRUPT;
    }
    if (!self->is_current) {
        return STATUS_OK;
    }
    self->incarnation = message->incarnation;
    self->version = message->version;
    if (message->cause == CAUSE_FORGET) {
        memset(self->states, 0, sizeof self->states);
        self->version = 0;
    }
    apply(self, message->views, message->count);
    return STATUS_OK;
}
