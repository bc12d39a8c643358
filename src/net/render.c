#include "net/render.h"

#include "base/assert.h"
#include "base/decimal.h"

#include <inttypes.h>
#include <stdio.h>

static void field(struct resp_writer *to, const char *name)
{
    resp_write_bulk(to, slice_from_text(name));
}

static void field_integer(struct resp_writer *to, const char *name, uint64_t value)
{
    field(to, name);
    resp_write_integer(to, (int64_t)value);
}

static void field_id(struct resp_writer *to, const char *name, uint64_t value)
{
    field(to, name);
    resp_write_bulk_u64(to, value);
}

static void write_channel(struct resp_writer *to, struct channel_key channel)
{
    char text[CHANNEL_KEY_SIZE_MAX];
    const size_t size = channel_key_print(text, channel);
    resp_write_bulk(to, (struct slice){.bytes = text, .size = size});
}

void render_status(struct resp_writer *to, enum status status)
{
    resp_write_error(to, status_word(status), slice_from_text(status_text(status)));
}

void render_error(struct resp_writer *to, const char *sentence)
{
    resp_write_error(to, "ERR", slice_from_text(sentence));
}

static void write_view(struct resp_writer *to, const struct state_view *view)
{
    if (!view->present) {
        resp_write_null(to);
        return;
    }
    const bool has_floor = view->floor != view->last_read;
    const unsigned fields = 4U + has_floor + (view->viewed_days != 0) + (view->pin_ms != 0) +
                            (view->flags != 0) + view->approximate + view->deleted;
    resp_write_map_head(to, fields);
    field(to, "channel");
    write_channel(to, view->channel);
    field_id(to, "last_read", view->last_read);
    field_integer(to, "mentions", view->mentions);
    field_integer(to, "version", view->version);
    if (has_floor) {
        field_id(to, "floor", view->floor);
    }
    if (view->viewed_days != 0) {
        field_integer(to, "viewed", view->viewed_days);
    }
    if (view->pin_ms != 0) {
        field_integer(to, "pin", view->pin_ms);
    }
    if (view->flags != 0) {
        field_integer(to, "flags", view->flags);
    }
    if (view->approximate) {
        field_integer(to, "approximate", 1);
    }
    if (view->deleted) {
        field_integer(to, "deleted", 1);
    }
}

void render_views(struct resp_writer *to, const struct state_view *views, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        write_view(to, &views[i]);
    }
}

void render_epoch(char to[static EPOCH_SIZE], const char *epoch, uint32_t incarnation)
{
    if (incarnation == 0) {
        snprintf(to, EPOCH_SIZE, "%s", epoch);
    } else {
        snprintf(to, EPOCH_SIZE, "%s-%" PRIu32, epoch, incarnation);
    }
}

void render_list_head(struct resp_writer *to, const char *epoch, const struct reply *reply,
                      uint64_t states)
{
    char text[EPOCH_SIZE];
    render_epoch(text, epoch, reply->incarnation);
    resp_write_array_head(to, 4);
    resp_write_bulk(to, slice_from_text(text));
    resp_write_integer(to, (int64_t)reply->version);
    resp_write_integer(to, reply->full);
    resp_write_array_head(to, states);
}

/* Some of the users failed: the word of the first of them leads. */
static void write_partly_failed(struct resp_writer *to, const struct reply_counts *counts,
                                uint32_t asked)
{
    char text[256];
    const int size = snprintf(text, sizeof text, "succeeded %" PRIu32 " of %" PRIu32 ": %s",
                              counts->succeeded, asked, status_text(counts->failed_status));
    resp_write_error(to, status_word(counts->failed_status),
                     (struct slice){.bytes = text, .size = (size_t)size});
}

void render_counts(struct resp_writer *to, const struct reply_counts *counts, uint32_t asked)
{
    if (counts->failed_position != UINT32_MAX) {
        write_partly_failed(to, counts, asked);
        return;
    }
    resp_write_pair(to, counts->risen, counts->pending);
}

void render_badges(struct resp_writer *to, const struct reply_badge *badges,
                   const struct reply_counts *counts, uint32_t asked)
{
    if (counts->failed_position != UINT32_MAX) {
        write_partly_failed(to, counts, asked);
        return;
    }
    resp_write_array_head(to, asked);
    for (uint32_t i = 0; i < asked; i++) {
        resp_write_pair(to, badges[i].mentions, badges[i].states);
    }
}

static const char *wait_text(enum inspect_wait wait)
{
    switch (wait) {
    case INSPECT_WAITS_FOR_NOTHING:
        return "nothing";
    case INSPECT_WAITS_FOR_WRITE:
        return "a write to the store";
    }
    UNREACHABLE("a wait of no kind");
}

static void write_inspected_user(struct resp_writer *to, const struct inspected_user *user)
{
    resp_write_map_head(to, 14);
    field_integer(to, "cached", user->cached);
    field_integer(to, "dirty", user->dirty);
    field_integer(to, "dirty_pieces", user->dirty_leaves);
    field_integer(to, "bytes", user->bytes);
    field_integer(to, "shard", user->shard);
    field_integer(to, "slot", user->slot);
    field_integer(to, "states", user->states);
    field_integer(to, "tombstones", user->tombstones);
    field_integer(to, "version", user->version);
    field_integer(to, "incarnation", user->incarnation);
    field_integer(to, "pending", 0);
    field_integer(to, "idle_seconds", user->idle_s);
    field_integer(to, "write_in_milliseconds", user->write_in_ms);
    field(to, "waits_for");
    resp_write_bulk(to, slice_from_text(wait_text(user->waits_for)));
}

static void write_ids(struct resp_writer *to, const struct read_state *state, bool withdrawn)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < state->mentions_kept; i++) {
        count += state->mentions[i].withdrawn == withdrawn;
    }
    resp_write_array_head(to, count);
    for (uint32_t i = 0; i < state->mentions_kept; i++) {
        if (state->mentions[i].withdrawn == withdrawn) {
            resp_write_bulk_u64(to, state->mentions[i].message);
        }
    }
}

static void write_inspected_channel(struct resp_writer *to, const struct read_state *state,
                                    bool present)
{
    resp_write_map_head(to, 14);
    field_integer(to, "present", present);
    field(to, "channel");
    write_channel(to, state->channel);
    field_id(to, "last_read", state->last_read);
    field_id(to, "floor", state->floor);
    field_integer(to, "mentions", read_state_count_mentions(state));
    field_integer(to, "counted", state->counted);
    field_id(to, "counted_to", state->counted_to);
    field(to, "ids");
    write_ids(to, state, false);
    field(to, "withdrawn");
    write_ids(to, state, true);
    field_integer(to, "version", state->version);
    field_integer(to, "viewed", state->viewed_days);
    field_integer(to, "pin", state->pin_ms);
    field_integer(to, "flags", state->flags);
    field_integer(to, "deleted", state->deleted);
}

void render_subscription(struct resp_writer *to, const char *command, struct user_id user,
                         uint64_t subscriptions)
{
    char channel[DECIMAL_SIZE_MAX + 4];
    const int size = snprintf(channel, sizeof channel, "rs:%" PRIu64, user.value);
    resp_write_push_head(to, 3);
    resp_write_bulk(to, slice_from_text(command));
    if (user.value == 0) {
        resp_write_null(to);
    } else {
        resp_write_bulk(to, (struct slice){.bytes = channel, .size = (size_t)size});
    }
    resp_write_integer(to, (int64_t)subscriptions);
}

void render_reply(struct resp_writer *to, const struct reply *reply)
{
    switch (reply->kind) {
    case REPLY_STATE:
    case REPLY_BULK:
        resp_write_pair(to, reply->version, reply->number);
        return;
    case REPLY_INTEGER:
        resp_write_integer(to, (int64_t)reply->number);
        return;
    case REPLY_SIZE:
        if (reply->number == 0) {
            resp_write_null(to);
        } else {
            resp_write_integer(to, (int64_t)reply->number);
        }
        return;
    case REPLY_DONE:
        resp_write_simple(to, slice_from_text("OK"));
        return;
    case REPLY_FAILED:
        render_status(to, reply->status);
        return;
    case REPLY_INSPECTED_USER:
        write_inspected_user(to, reply->user);
        return;
    case REPLY_INSPECTED_CHANNEL:
        write_inspected_channel(to, reply->state, reply->number != 0);
        return;
    case REPLY_SUBSCRIBED:
        render_subscription(to, "subscribe", (struct user_id){reply->number}, reply->count);
        return;
    case REPLY_COUNTS:
    case REPLY_STATES:
    case REPLY_LIST:
    case REPLY_BADGES:
        break;
    }
    UNREACHABLE("a reply that comes in parts");
}
