#include "net/connection.h"

#include "base/assert.h"
#include "net/net_internal.h"
#include "net/render.h"

#include <stdlib.h>
#include <string.h>

enum { CONNECTIONS_AT_START = 64 };

void connection_count_bytes(struct connection *self)
{
    const uint64_t bytes = sizeof *self + self->in.capacity + self->out.capacity +
                           self->sending.capacity + self->answers.bytes + self->answers.held +
                           answers_get_size(&self->answers) + feed_count_bytes(self);
    self->lent_loop->client_bytes += bytes - self->bytes_counted;
    self->bytes_counted = bytes;
}

static bool find_number(struct loop *loop, uint32_t *out_number)
{
    if (loop->connections_count == loop->connections_capacity) {
        const uint32_t capacity =
            loop->connections_capacity == 0 ? CONNECTIONS_AT_START : 2 * loop->connections_capacity;
        struct connection **connections =
            realloc(loop->connections, capacity * sizeof(struct connection *));
        if (connections == NULL) {
            return false;
        }
        for (uint32_t i = loop->connections_capacity; i < capacity; i++) {
            connections[i] = NULL;
        }
        loop->connections = connections;
        loop->connections_free = loop->connections_capacity;
        loop->connections_capacity = capacity;
    }
    while (loop->connections[loop->connections_free] != NULL) {
        loop->connections_free = (loop->connections_free + 1) % loop->connections_capacity;
    }
    *out_number = loop->connections_free;
    return true;
}

static void on_closed(uv_handle_t *handle)
{
    struct connection *self = (struct connection *)handle->data;
    buffer_deinit(&self->in);
    buffer_deinit(&self->out);
    buffer_deinit(&self->sending);
    answers_deinit(&self->answers);
    feed_release_subscriber(self);
    errand_end(self);
    free(self->names);
    free(self);
}

void connection_close(struct connection *self)
{
    if (!self->is_open) {
        return;
    }
    struct loop *loop = self->lent_loop;
    self->is_open = false;
    connection_leave_idle_order(self);
    feed_leave(self);
    loop->connections[self->number] = NULL;
    loop->connections_count--;
    loop->client_bytes -= self->bytes_counted;
    atomic_fetch_sub_explicit(&loop->lent_net->clients, 1, memory_order_relaxed);
    metrics_set(&loop->metrics, METRIC_CLIENTS, loop->connections_count);
    /* Or it stands in the list that connections_flush is going through, which looks at is_open. */
    for (struct connection **place = &loop->flush_first; self->is_in_flush && *place != NULL;) {
        if (*place == self) {
            *place = self->flush_next;
            self->is_in_flush = false;
        } else {
            place = &(*place)->flush_next;
        }
    }
    /* Or it stands in the list that connections_resume is going through, which looks at is_open. */
    struct connection **place = &loop->stalled_first;
    while (*place != NULL && *place != self) {
        place = &(*place)->stalled_next;
    }
    if (*place == self) {
        *place = self->stalled_next;
    }
    uv_close(&self->uv.handle, on_closed);
}

void connection_want_flush(struct connection *self)
{
    if (!self->is_in_flush) {
        self->is_in_flush = true;
        self->flush_next = self->lent_loop->flush_first;
        self->lent_loop->flush_first = self;
    }
}

void connection_end(struct connection *self)
{
    self->is_ending = true;
    connection_want_flush(self);
}

void connection_stall(struct connection *self)
{
    if (!self->is_stalled) {
        self->is_stalled = true;
        self->stalled_next = self->lent_loop->stalled_first;
        self->lent_loop->stalled_first = self;
    }
    if (self->is_reading) {
        uv_read_stop(&self->uv.stream);
        self->is_reading = false;
    }
}

/* Executes what can be, keeps the rest for later. */
static void take_input(struct connection *self, char *bytes, size_t size)
    THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    const bool is_kept = buffer_peek_size(&self->in) > 0;
    if (is_kept && bytes != NULL) {
        if (buffer_append(&self->in, (struct slice){.bytes = bytes, .size = size}) != STATUS_OK) {
            connection_close(self);
            return;
        }
    }
    if (is_kept) {
        bytes = buffer_get_bytes(&self->in);
        size = buffer_peek_size(&self->in);
    }
    const size_t done = executor_run(self, bytes, size);
    if (!self->is_open) {
        return;
    }
    if (is_kept) {
        buffer_consume(&self->in, done);
        if (buffer_peek_size(&self->in) == 0) {
            buffer_deinit(&self->in);
        }
    } else if (done < size) {
        const struct slice rest = {.bytes = bytes + done, .size = size - done};
        if (buffer_append(&self->in, rest) != STATUS_OK) {
            connection_close(self);
            return;
        }
    }
    connection_count_bytes(self);
}

static void on_read_room(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
    (void)suggested;
    struct connection *self = (struct connection *)handle->data;
    *room = uv_buf_init(self->lent_loop->read_buffer, READ_SIZE);
}

/* The client sends nothing more, but may still read: it gets the answers to what it has sent. */
static void take_end(struct connection *self)
{
    uv_read_stop(&self->uv.stream);
    self->is_reading = false;
    self->is_at_end = true;
    if (!self->is_stalled) {
        connection_end(self);
    }
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes)
    THREAD_ATTRIBUTE(no_thread_safety_analysis)
{
    struct connection *self = (struct connection *)stream->data;
    struct loop *loop = self->lent_loop;
    if (size == UV_EOF) {
        take_end(self);
        return;
    }
    if (size < 0) {
        connection_close(self);
        return;
    }
    if (size == 0 || self->is_ending) {
        return;
    }
    metrics_add(&loop->metrics, METRIC_BYTES_IN, (uint64_t)size);
    connection_note_activity(self);
    take_input(self, bytes->base, (size_t)size);
}

static void start_reading(struct connection *self)
{
    if (!self->is_reading && !self->is_ending &&
        uv_read_start(&self->uv.stream, on_read_room, on_read) == 0) {
        self->is_reading = true;
    }
}

void connections_resume(struct loop *loop)
{
    struct connection *waiting = loop->stalled_first;
    loop->stalled_first = NULL;
    while (waiting != NULL) {
        struct connection *self = waiting;
        waiting = self->stalled_next;
        self->is_stalled = false;
        self->stalled_next = NULL;
        if (!self->is_open || self->is_ending || loop->phase != STOP_NOT) {
            continue;
        }
        take_input(self, NULL, 0);
        if (!self->is_open || self->is_stalled) {
            continue;
        }
        if (self->is_at_end) {
            connection_end(self);
        } else {
            start_reading(self);
        }
    }
}

uint64_t connection_count_output(const struct connection *self)
{
    return buffer_peek_size(&self->out) + buffer_peek_size(&self->sending) + self->answers.bytes;
}

struct command_token connection_make_token(const struct connection *self, uint32_t number)
{
    return (struct command_token){.shard = (uint16_t)self->lent_loop->number,
                                  .connection = self->number,
                                  .sequence = (uint64_t)self->generation << 32 | number};
}

/* The whole answer to a command that waited for it. */
static NOINLINE bool take_left(struct connection *self, uint32_t number, const struct reply *reply)
{
    struct answer_call left = answers_take_call(&self->answers, number);
    const bool taken = answers_take(&self->answers, number, reply, &self->writer);
    timing_end(self, &left, stats_take_error(self->lent_loop->stats, &self->writer));
    return taken;
}

/* False without memory. */
static bool take_answer(struct connection *self, uint32_t number, const struct reply *reply)
{
    struct loop *loop = self->lent_loop;
    const bool ends = answers_ends_with(&self->answers, number, reply);
    if (UNLIKELY(ends && answers_is_left(&self->answers, number))) {
        return take_left(self, number, reply);
    }
    const bool taken = answers_take(&self->answers, number, reply, &self->writer);
    const bool failed = stats_take_error(loop->stats, &self->writer);
    loop->timing.answered += ends;
    loop->timing.failed += ends && failed;
    return taken;
}

/* What may be of any kind. */
static NOINLINE void take_reply(struct connection *self, const struct reply *reply)
{
    switch ((enum token_purpose)reply->token.purpose) {
    case TOKEN_ANSWER:
        break;
    case TOKEN_SUBSCRIPTION:
        feed_take_answer(self, (uint32_t)reply->token.sequence, reply);
        break;
    case TOKEN_CATCH_UP:
        feed_take_list(self, reply);
        return;
    }
    if (reply->kind == REPLY_LIST) {
        const bool is_whole = reply->first && reply->last;
        const unsigned more = is_whole ? 2U * self->lists_open_max : 1;
        self->lists_open_max =
            (uint8_t)(more < CONNECTION_LISTS_OPEN_MAX ? more : CONNECTION_LISTS_OPEN_MAX);
    }
    const size_t size = buffer_peek_size(&self->out);
    if (!take_answer(self, (uint32_t)reply->token.sequence, reply)) {
        connection_close(self);
        return;
    }
    connection_mute_output(self, size, reply->token.purpose == TOKEN_SUBSCRIPTION,
                           answers_count(&self->answers) > 0);
    if (self->subscriber != NULL && feed_count_questions(self->subscriber) > 0) {
        feed_note_answers(self);
    }
    if (connection_count_output(self) > self->lent_loop->settings.output_max) {
        connection_close(self);
        return;
    }
    connection_want_flush(self);
}

/* Nearly every answer: two numbers, at once, when nothing else waits. False: it is another one. */
static inline bool take_plain_state(struct connection *self, const struct reply *reply)
{
    struct loop *loop = self->lent_loop;
    if (reply->kind != REPLY_STATE || self->mute != MUTE_NOT || self->subscriber != NULL ||
        !answers_is_alone(&self->answers, (uint32_t)reply->token.sequence) ||
        connection_count_output(self) > loop->settings.output_max / 2) {
        return false;
    }
    resp_write_pair(&self->writer, reply->version, reply->number);
    if (UNLIKELY(self->writer.failed)) {
        connection_close(self);
        return true;
    }
    answers_skip(&self->answers);
    loop->timing.answered++;
    connection_want_flush(self);
    return true;
}

void connection_take_reply(struct loop *loop, const struct reply *reply)
{
    struct connection *self = reply->token.connection < loop->connections_capacity
                                  ? loop->connections[reply->token.connection]
                                  : NULL;
    if (self == NULL || self->generation != reply->token.sequence >> 32) {
        return;
    }
    self->has_learned = true;
    if (!take_plain_state(self, reply)) {
        take_reply(self, reply);
    }
}

static void refuse(struct connection *self)
{
    render_error(&self->writer, "max number of clients reached");
    (void)stats_take_error(self->lent_loop->stats, &self->writer);
    metrics_add(&self->lent_loop->metrics, METRIC_CONNECTIONS_REFUSED, 1);
    connection_end(self);
}

static void begin(struct connection *self, uint32_t number, uint32_t clients)
{
    struct loop *loop = self->lent_loop;
    self->number = number;
    self->generation = ++loop->generation_last;
    self->id = atomic_fetch_add_explicit(&loop->lent_net->client_ids, 1, memory_order_relaxed) + 1;
    self->is_open = true;
    self->began_ms = uv_now(&loop->uv);
    self->active_ms = self->began_ms;
    answers_init(&self->answers, loop->lent_net->epoch);
    self->writer = resp_writer_over(&self->out);
    self->lists_open_max = 1;
    loop->connections[number] = self;
    loop->connections_count++;
    connection_enter_idle_order(self);
    connection_count_bytes(self);
    metrics_set(&loop->metrics, METRIC_CLIENTS, loop->connections_count);
    metrics_add(&loop->metrics, METRIC_CONNECTIONS, 1);
    if (clients > loop->settings.clients_max) {
        refuse(self);
    } else {
        start_reading(self);
    }
}

static void on_never_opened(uv_handle_t *handle)
{
    free(handle->data);
}

void connection_accept(struct loop *loop, uv_stream_t *listener, bool is_unix)
{
    struct connection *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return;
    }
    self->lent_loop = loop;
    const int made = is_unix ? uv_pipe_init(&loop->uv, &self->uv.pipe, 0)
                             : uv_tcp_init(&loop->uv, &self->uv.tcp);
    if (made != 0) {
        free(self);
        return;
    }
    self->uv.handle.data = self;
    uint32_t number = 0;
    if (uv_accept(listener, &self->uv.stream) != 0 || !find_number(loop, &number)) {
        uv_close(&self->uv.handle, on_never_opened);
        return;
    }
    if (!is_unix) {
        /* Answers go out when they are complete: waiting for more would only delay them. */
        uv_tcp_nodelay(&self->uv.tcp, 1);
    }
    begin(self, number,
          atomic_fetch_add_explicit(&loop->lent_net->clients, 1, memory_order_relaxed) + 1);
}
