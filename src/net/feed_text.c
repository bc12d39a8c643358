#include "net/feed_text.h"

#include "base/assert.h"
#include "base/decimal.h"
#include "net/render.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Of the JSON: more than any state, or all before the states, takes. */
    PIECE_MAX = 512,
    /* All around the JSON: heads of bulks, "message", the channel. */
    FRAME_MAX = 128,
    /* A draft's memory beyond this is given back after a long text. */
    DRAFT_KEPT_MAX = 16 * 1024,
};

static const char *cause_get_name(enum publication_cause cause)
{
    switch (cause) {
    case CAUSE_ACK:
        return "ack";
    case CAUSE_BULKACK:
        return "bulkack";
    case CAUSE_MENTION:
        return "mention";
    case CAUSE_MESSAGE:
        return "message";
    case CAUSE_UNMENTION:
        return "unmention";
    case CAUSE_PIN:
        return "pin";
    case CAUSE_JOIN:
        return "join";
    case CAUSE_LEAVE:
        return "leave";
    case CAUSE_DELETE:
        return "delete";
    case CAUSE_FORGET:
        return "forget";
    case CAUSE_MERGED:
        return "merged";
    }
    UNREACHABLE("a cause of no kind");
}

struct slice feed_text_get_head(enum resp_version version)
{
    return (struct slice){.bytes = version == RESP_VERSION_3 ? ">3\r\n" : "*3\r\n",
                          .size = FEED_HEAD_SIZE};
}

/* Where the next byte goes; there is room for the piece. */
static char *put_text(char *at, const char *text)
{
    const size_t size = strlen(text);
    memcpy(at, text, size);
    return at + size;
}

static char *put_number(char *at, const char *name, uint64_t value)
{
    at = put_text(at, name);
    return at + decimal_print_u64(at, value);
}

static char *put_id(char *at, const char *name, uint64_t value)
{
    at = put_number(at, name, value);
    *at++ = '"';
    return at;
}

static char *put_view(char *at, const struct state_view *view)
{
    at = put_text(at, "{\"channel\":\"");
    at += channel_key_print(at, view->channel);
    at = put_id(at, "\",\"last_read\":\"", view->last_read);
    at = put_number(at, ",\"mentions\":", view->mentions);
    at = put_number(at, ",\"version\":", view->version);
    if (view->floor != view->last_read) {
        at = put_id(at, ",\"floor\":\"", view->floor);
    }
    if (view->viewed_days != 0) {
        at = put_number(at, ",\"viewed\":", view->viewed_days);
    }
    if (view->pin_ms != 0) {
        at = put_number(at, ",\"pin\":", view->pin_ms);
    }
    if (view->flags != 0) {
        at = put_number(at, ",\"flags\":", view->flags);
    }
    at = put_text(at, view->approximate ? ",\"approximate\":1" : "");
    at = put_text(at, view->deleted ? ",\"deleted\":1" : "");
    return put_text(at, "}");
}

enum status feed_draft_begin(struct feed_draft *self, const char *epoch,
                             const struct publication *publication)
{
    buffer_consume(&self->json, buffer_peek_size(&self->json));
    self->states = 0;
    self->user = publication->user;
    self->incarnation = publication->incarnation;
    self->version = publication->version;
    char *begin = buffer_reserve(&self->json, PIECE_MAX);
    if (begin == NULL) {
        return STATUS_MEMORY;
    }
    char own_epoch[EPOCH_SIZE];
    render_epoch(own_epoch, epoch, publication->incarnation);
    char *at = put_id(begin, "{\"user\":\"", publication->user.value);
    at = put_text(at, ",\"epoch\":\"");
    at = put_text(at, own_epoch);
    at = put_number(at, "\",\"version\":", publication->version);
    at = put_text(at, ",\"cause\":\"");
    at = put_text(at, cause_get_name(publication->cause));
    at = put_text(at, "\",\"states\":[");
    buffer_extend(&self->json, (size_t)(at - begin));
    return STATUS_OK;
}

enum status feed_draft_add(struct feed_draft *self, const struct state_view *views, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        char *begin = buffer_reserve(&self->json, PIECE_MAX);
        if (begin == NULL) {
            return STATUS_MEMORY;
        }
        char *at = put_view(put_text(begin, self->states == 0 ? "" : ","), &views[i]);
        buffer_extend(&self->json, (size_t)(at - begin));
        self->states++;
    }
    return STATUS_OK;
}

enum status feed_draft_end(struct feed_draft *self, struct feed_text **out_text)
{
    if (buffer_append(&self->json, slice_from_text("]}")) != STATUS_OK) {
        return STATUS_MEMORY;
    }
    const struct slice json = buffer_peek(&self->json);
    ASSERT(json.bytes != NULL);
    struct feed_text *text = malloc(sizeof *text + FRAME_MAX + json.size);
    if (text == NULL) {
        return STATUS_MEMORY;
    }
    arc_init(&text->arc);
    text->user = self->user;
    text->incarnation = self->incarnation;
    text->version = self->version;
    char channel[DECIMAL_SIZE_MAX + 4];
    const int channel_size = snprintf(channel, sizeof channel, "rs:%" PRIu64, self->user.value);
    const int head_size = snprintf(text->bytes, FRAME_MAX, "$7\r\nmessage\r\n$%d\r\n%s\r\n$%zu\r\n",
                                   channel_size, channel, json.size);
    char *at = text->bytes + head_size;
    memcpy(at, json.bytes, json.size);
    at = put_text(at + json.size, "\r\n");
    text->size = (uint32_t)(at - text->bytes);
    buffer_consume(&self->json, json.size);
    buffer_shrink(&self->json, DRAFT_KEPT_MAX);
    *out_text = text;
    return STATUS_OK;
}

void feed_draft_deinit(struct feed_draft *self)
{
    buffer_deinit(&self->json);
}

struct feed_text *feed_text_acquire(struct feed_text *self)
{
    arc_acquire(&self->arc);
    return self;
}

void feed_text_release(struct feed_text **taken_text)
{
    struct feed_text *text = *taken_text;
    *taken_text = NULL;
    if (text != NULL && arc_release(&text->arc)) {
        free(text);
    }
}
