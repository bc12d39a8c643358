#include "net/feed_queue.h"

#include "base/assert.h"

#include <stdlib.h>

enum {
    ROOM_AT_START = 4,
    SLICES_A_TEXT = 2,
};

static struct feed_text **place_of(const struct feed_queue *self, uint32_t number)
{
    return &self->texts[(self->first + number) & (self->room - 1)];
}

static bool grow(struct feed_queue *self)
{
    const uint32_t room = self->room == 0 ? ROOM_AT_START : 2 * self->room;
    struct feed_text **texts = calloc(room, sizeof(struct feed_text *));
    if (texts == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < self->count; i++) {
        texts[i] = *place_of(self, i);
    }
    free(self->texts);
    self->texts = texts;
    self->room = room;
    self->first = 0;
    return true;
}

static void release_empty(struct feed_queue *self)
{
    if (self->count == 0 && self->room > ROOM_AT_START) {
        feed_queue_deinit(self);
    }
}

bool feed_queue_push(struct feed_queue *self, struct feed_text **taken_text)
{
    const size_t size = feed_text_get_size(*taken_text);
    if (self->count >= FEED_QUEUE_TEXTS_MAX ||
        (self->count > 0 && self->bytes + size > FEED_QUEUE_BYTES_MAX)) {
        return false;
    }
    return feed_queue_push_merged(self, taken_text);
}

bool feed_queue_push_merged(struct feed_queue *self, struct feed_text **taken_text)
{
    const size_t size = feed_text_get_size(*taken_text);
    if (self->count == self->room && !grow(self)) {
        return false;
    }
    *place_of(self, self->count) = *taken_text;
    *taken_text = NULL;
    self->count++;
    self->bytes += size;
    return true;
}

void feed_queue_filter(struct feed_queue *self, size_t sending,
                       bool (*is_kept)(const void *lent_context, const struct feed_text *text),
                       const void *lent_context)
{
    const size_t fixed = self->sent + sending;
    const uint32_t count = self->count;
    size_t begin = 0; /* Of the text, in the bytes of all of them. */
    self->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct feed_text **text = place_of(self, i);
        const size_t size = feed_text_get_size(*text);
        if (begin < fixed || is_kept(lent_context, *text)) {
            *place_of(self, self->count++) = *text;
        } else {
            self->bytes -= size;
            feed_text_release(text);
        }
        begin += size;
    }
    release_empty(self);
}

/* Without the first `skip` bytes. */
static struct slice cut(struct slice slice, size_t skip)
{
    const size_t less = skip < slice.size ? skip : slice.size;
    return (struct slice){.bytes = slice.bytes + less, .size = slice.size - less};
}

void feed_queue_peek(const struct feed_queue *self, enum resp_version version, uint32_t texts_max,
                     struct slice slices[static FEED_QUEUE_SLICES_MAX], uint32_t *out_count,
                     size_t *out_bytes)
{
    const struct slice head = feed_text_get_head(version);
    uint32_t count = 0;
    size_t bytes = 0;
    size_t skip = self->sent;
    const uint32_t texts = self->count < texts_max ? self->count : texts_max;
    for (uint32_t i = 0; i < texts && count <= FEED_QUEUE_SLICES_MAX - SLICES_A_TEXT; i++) {
        const struct feed_text *text = *place_of(self, i);
        const struct slice rest = {.bytes = text->bytes, .size = text->size};
        const struct slice first = cut(head, skip);
        if (first.size > 0) {
            slices[count++] = first;
        }
        slices[count] = cut(rest, skip > head.size ? skip - head.size : 0);
        bytes += first.size + slices[count++].size;
        skip = 0;
    }
    *out_count = count;
    *out_bytes = bytes;
}

void feed_queue_consume(struct feed_queue *self, size_t bytes)
{
    self->sent += bytes;
    while (self->count > 0 && self->sent >= feed_text_get_size(*place_of(self, 0))) {
        const size_t size = feed_text_get_size(*place_of(self, 0));
        self->sent -= size;
        self->bytes -= size;
        feed_text_release(place_of(self, 0));
        self->first = (self->first + 1) & (self->room - 1);
        self->count--;
    }
    ASSERT(self->count > 0 || self->sent == 0);
    release_empty(self);
}

void feed_queue_deinit(struct feed_queue *self)
{
    for (uint32_t i = 0; i < self->count; i++) {
        feed_text_release(place_of(self, i));
    }
    free(self->texts);
    *self = (struct feed_queue){0};
}
