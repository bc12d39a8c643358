#include "load/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

bool connection_open(struct connection *self, const struct addrinfo *address,
                     uint32_t queue_capacity)
{
    const int one = 1;
    *self = (struct connection){.socket = -1};
    reply_reader_init(&self->reader);
    self->out = malloc(CONNECTION_OUT_SIZE);
    if (!queue_init(&self->queue, queue_capacity) || self->out == NULL) {
        errno = ENOMEM;
        return false;
    }
    self->socket = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return self->socket >= 0 && connect(self->socket, address->ai_addr, address->ai_addrlen) == 0 &&
           setsockopt(self->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0;
}

void connection_close(struct connection *self)
{
    if (self->socket >= 0) {
        (void)close(self->socket);
        self->socket = -1;
    }
    free(self->out);
    self->out = NULL;
    queue_deinit(&self->queue);
}

bool connection_release(struct connection *self, const struct command *command)
{
    if (!queue_insert(&self->queue, command)) {
        return false;
    }
    self->released++;
    return true;
}

static void encode(struct connection *self, const struct plan *plan, struct command *command)
{
    const struct options *options = plan->lent_options;
    struct text text = {.bytes = self->out, .size = self->out_end};
    struct subject subject;
    const uint64_t ms = plan_convert_ms(plan, command->due_ns);
    if (command->filling) {
        subject_init_bulk(&subject, &options->population, command->seed, ms);
    } else {
        subject_init(&subject, &options->population, command->seed, ms);
    }
    command->replies_left =
        (uint16_t)options->driver->encode((enum kind)command->kind, &subject, &text);
    self->out_end = text.size;
}

/* Into the empty buffer. */
static void fill(struct connection *self, const struct plan *plan, struct tally *tally)
{
    self->out_begin = 0;
    self->out_end = 0;
    while (self->out_end <= CONNECTION_OUT_SIZE - DRIVER_COMMAND_SIZE_MAX) {
        struct command *command = queue_find_unsent(&self->queue);
        if (command == NULL) {
            return;
        }
        encode(self, plan, command);
        queue_note_sent(&self->queue);
        tally->sent++;
    }
}

/* False: the socket takes no more, or is lost (errno tells). */
static bool write_buffer(struct connection *self)
{
    while (self->out_begin < self->out_end) {
        const ssize_t written = send(self->socket, self->out + self->out_begin,
                                     self->out_end - self->out_begin, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        self->out_begin += written > 0 ? (size_t)written : 0;
    }
    return true;
}

bool connection_flush(struct connection *self, const struct plan *plan, struct tally *tally)
{
    self->blocked = false;
    while (self->out_begin < self->out_end || self->queue.unsent > 0) {
        if (self->out_begin == self->out_end) {
            fill(self, plan, tally);
        }
        if (!write_buffer(self)) {
            if (errno != EAGAIN && errno != EWOULDBLOCK) {
                return false;
            }
            self->blocked = true;
            break;
        }
    }
    const uint32_t unsent = self->queue.unsent;
    tally->held_back += unsent < self->released ? unsent : self->released;
    self->released = 0;
    return true;
}

/* True: its command has all of its replies. False also where there was none: see the reader. */
static bool take_reply(struct connection *self, const struct plan *plan, struct tally *tally,
                       uint64_t now_ns)
{
    struct command *command = queue_find_oldest(&self->queue);
    const struct reply *reply = &self->reader.reply;
    if (command == NULL) {
        tally->unexpected++;
        self->reader.broken = true;
        return false;
    }
    if (reply->failed) {
        /* One refusal a command, whatever it is made of. */
        if (!command->failed) {
            refusals_insert(&tally->refusals, reply);
        }
        command->failed = true;
    } else if (!plan->lent_options->driver->judge((enum kind)command->kind, reply->type)) {
        tally->unexpected++;
    }
    command->replies_left--;
    if (command->replies_left > 0) {
        return false;
    }
    const uint64_t took_ns = now_ns > command->due_ns ? now_ns - command->due_ns : 0;
    if (command->failed) {
        tally->refused++;
        histogram_insert(&tally->refusal_latency, took_ns);
    } else {
        tally->answered++;
        histogram_insert(&tally->latency[command->kind], took_ns);
    }
    queue_remove_oldest(&self->queue);
    return true;
}

bool connection_receive(struct connection *self, const struct plan *plan, struct tally *tally,
                        char *buffer, size_t buffer_size, uint32_t *out_ended)
{
    *out_ended = 0;
    const ssize_t received = recv(self->socket, buffer, buffer_size, MSG_DONTWAIT);
    if (received < 0) {
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    }
    if (received == 0) {
        return false;
    }
    const uint64_t now_ns = clock_read_ns();
    for (size_t at = 0; at < (size_t)received && !self->reader.broken;) {
        size_t taken = 0;
        if (reply_reader_take(&self->reader, buffer + at, (size_t)received - at, &taken) &&
            take_reply(self, plan, tally, now_ns)) {
            (*out_ended)++;
        }
        at += taken;
    }
    return !self->reader.broken;
}

uint32_t connection_count_on_their_way(const struct connection *self)
{
    return queue_count_on_their_way(&self->queue);
}
