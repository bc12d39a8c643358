/* Outputs on their way to the sockets, at the end of a turn. */
#include "base/assert.h"
#include "net/net_internal.h"

enum {
    /* An empty buffer larger than this is given back. */
    OUTPUT_KEPT_MAX = 512,
    /* More than this does not wait for answers of other shards. */
    OUTPUT_HELD_MAX = 16 * 1024,
    SEND_MAX = 256 * 1024,
};

static void consume_texts(struct connection *self, size_t size)
{
    struct feed_queue *queue = &self->subscriber->queue;
    const uint32_t before = queue->count;
    feed_queue_consume(queue, size);
    const uint32_t gone = before - queue->count;
    self->ripe.texts -= gone < self->ripe.texts ? gone : self->ripe.texts;
    self->ripening.texts -= gone < self->ripening.texts ? gone : self->ripening.texts;
}

static void drop_ripe(struct connection *self, size_t size)
{
    self->ripe.bytes -= size;
    self->ripening.bytes -= size < self->ripening.bytes ? size : self->ripening.bytes;
}

static void on_written(uv_write_t *write, int status)
{
    struct connection *self = (struct connection *)write->data;
    self->is_writing = false;
    buffer_deinit(&self->sending);
    if (!self->is_open) {
        return;
    }
    if (status < 0) {
        connection_close(self);
        return;
    }
    if (self->subscriber != NULL) {
        consume_texts(self, self->texts_sending);
        self->texts_sending = 0;
        feed_note_room(self->subscriber);
    }
    connection_note_activity(self);
    connection_want_flush(self);
}

/* The first `size` bytes of the output become what is with the system. False: without memory. */
static bool take_out(struct connection *self, size_t size)
{
    if (size == buffer_peek_size(&self->out)) {
        self->sending = self->out;
        buffer_init(&self->out);
        return true;
    }
    const struct slice part = {.bytes = buffer_get_bytes(&self->out), .size = size};
    if (buffer_append(&self->sending, part) != STATUS_OK) {
        return false;
    }
    buffer_consume(&self->out, size);
    return true;
}

/* What the socket did not take at once goes when it can. */
static void send_later(struct connection *self, size_t size)
{
    if (!take_out(self, size)) {
        connection_close(self);
        return;
    }
    const uv_buf_t bytes = {.base = buffer_get_bytes(&self->sending),
                            .len = buffer_peek_size(&self->sending)};
    metrics_add(&self->lent_loop->metrics, METRIC_BYTES_OUT, bytes.len);
    self->write.data = self;
    self->unsent_seen = SIZE_MAX;
    if (uv_write(&self->write, &self->uv.stream, &bytes, 1, on_written) != 0) {
        connection_close(self);
        return;
    }
    self->is_writing = true;
}

static uint32_t peek_texts(const struct connection *self, uv_buf_t bytes[FEED_QUEUE_SLICES_MAX],
                           size_t *out_size)
{
    struct slice slices[FEED_QUEUE_SLICES_MAX];
    uint32_t count = 0;
    feed_queue_peek(&self->subscriber->queue, self->writer.version, self->ripe.texts, slices,
                    &count, out_size);
    for (uint32_t i = 0; i < count; i++) {
        bytes[i] = uv_buf_init((char *)(uintptr_t)slices[i].bytes, (unsigned)slices[i].size);
    }
    return count;
}

/* Messages of the feed, between two answers. False: the rest goes when the socket takes it, or the
 * connection is closed. */
static bool send_texts(struct connection *self)
{
    uv_buf_t bytes[FEED_QUEUE_SLICES_MAX];
    size_t size = 0;
    uint32_t count = peek_texts(self, bytes, &size);
    const int sent = uv_try_write(&self->uv.stream, bytes, count);
    if (sent < 0 && sent != UV_EAGAIN) {
        connection_close(self);
        return false;
    }
    const size_t done = sent > 0 ? (size_t)sent : 0;
    metrics_add(&self->lent_loop->metrics, METRIC_BYTES_OUT, done);
    consume_texts(self, done);
    if (done == size) {
        if (self->ripe.texts > 0) {
            connection_want_flush(self);
            self->lent_loop->more = true;
        }
        feed_note_room(self->subscriber);
        return true;
    }
    count = peek_texts(self, bytes, &size);
    metrics_add(&self->lent_loop->metrics, METRIC_BYTES_OUT, size);
    self->write.data = self;
    self->unsent_seen = SIZE_MAX;
    self->texts_sending = size;
    if (uv_write(&self->write, &self->uv.stream, bytes, count, on_written) != 0) {
        connection_close(self);
        return false;
    }
    self->is_writing = true;
    return false;
}

/* As much of the output as is ripe. False: nothing else may follow now. */
static bool send_out(struct connection *self)
{
    const size_t size = self->ripe.bytes;
    if (size == 0) {
        return buffer_peek_size(&self->out) == 0;
    }
    /* A long answer goes in pieces: one call would copy all that the socket can hold. */
    const uv_buf_t bytes = {.base = buffer_get_bytes(&self->out),
                            .len = size < SEND_MAX ? size : SEND_MAX};
    const int sent = uv_try_write(&self->uv.stream, &bytes, 1);
    if (sent < 0 && sent != UV_EAGAIN) {
        connection_close(self);
        return false;
    }
    const size_t done = sent > 0 ? (size_t)sent : 0;
    metrics_add(&self->lent_loop->metrics, METRIC_BYTES_OUT, done);
    buffer_consume(&self->out, done);
    drop_ripe(self, done);
    if (done < size && done == bytes.len) {
        connection_want_flush(self);
        self->lent_loop->more = true;
        return false;
    }
    if (done < size) {
        drop_ripe(self, size - done);
        send_later(self, size - done);
        return false;
    }
    if (self->out.capacity > OUTPUT_KEPT_MAX && buffer_peek_size(&self->out) == 0) {
        buffer_deinit(&self->out);
    }
    return buffer_peek_size(&self->out) == 0;
}

static void flush(struct connection *self)
{
    if (self->is_writing || !send_out(self)) {
        return;
    }
    if (self->subscriber != NULL && self->ripe.texts > 0 && !answers_is_midway(&self->answers) &&
        !send_texts(self)) {
        return;
    }
    if (self->is_ending && answers_count(&self->answers) == 0) {
        connection_close(self);
    }
}

static struct connection_ripe measure_output(const struct connection *self)
{
    return (struct connection_ripe){
        .bytes = buffer_peek_size(&self->out),
        .texts = self->subscriber == NULL ? 0 : self->subscriber->queue.count};
}

/* What of its output may go: see durable.h. */
static void ripen(struct connection *self, enum durable_outputs outputs)
{
    switch (outputs) {
    case DURABLE_ALL:
        self->ripe = measure_output(self);
        self->ripening = (struct connection_ripe){0};
        self->has_learned = false;
        return;
    case DURABLE_GROUP:
        self->ripe.bytes =
            self->ripening.bytes > self->ripe.bytes ? self->ripening.bytes : self->ripe.bytes;
        self->ripe.texts =
            self->ripening.texts > self->ripe.texts ? self->ripening.texts : self->ripe.texts;
        self->ripening = measure_output(self);
        return;
    case DURABLE_NOTHING:
        return;
    }
    UNREACHABLE("outputs of no kind");
}

/* Is there something that waits for what was learned to be safe? */
static bool is_unripe(const struct connection *self)
{
    const struct connection_ripe all = measure_output(self);
    return all.bytes > self->ripe.bytes || all.texts > self->ripe.texts;
}

/* One write for the answers of a pipeline, although some of them come from other shards: what is
 * there waits a moment for what is on its way. */
static bool is_to_be_held(const struct connection *self)
{
    const struct loop *loop = self->lent_loop;
    return loop->commands_away > 0 && answers_count(&self->answers) > 0 && !loop->hold_is_over &&
           buffer_peek_size(&self->out) < OUTPUT_HELD_MAX;
}

void connections_flush(struct loop *loop)
{
    const enum durable_outputs outputs = durable_look(loop);
    struct connection *rest = loop->flush_first;
    loop->flush_first = NULL;
    while (rest != NULL) {
        struct connection *self = rest;
        rest = self->flush_next;
        self->is_in_flush = false;
        if (!self->is_open) {
            continue;
        }
        if (is_to_be_held(self)) {
            connection_want_flush(self);
            continue;
        }
        ripen(self, self->has_learned ? outputs : DURABLE_ALL);
        flush(self);
        if (self->is_open && outputs != DURABLE_ALL && is_unripe(self)) {
            connection_want_flush(self);
            connection_count_bytes(self);
        } else if (self->is_open) {
            connection_count_bytes(self);
            /* Nothing else may come that would end the wait for the next turn. */
            loop->more |= self->is_stalled && !self->is_writing && self->findings == NULL;
        }
    }
}
