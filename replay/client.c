#include "replay/client.h"

#include "replay/array.h"
#include "replay/clock.h"
#include "replay/decimal_text.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct timeval connect_timeout = {.tv_sec = CLIENT_CONNECT_TIMEOUT_S};
static const struct timeval reply_timeout = {.tv_sec = CLIENT_REPLY_TIMEOUT_S};

static void name_address(struct client *self, const struct client_address *address)
{
    if (address->unixsocket != NULL) {
        snprintf(self->address, sizeof self->address, "%s", address->unixsocket);
    } else if (strchr(address->host, ':') != NULL) {
        snprintf(self->address, sizeof self->address, "[%s]:%u", address->host, address->port);
    } else {
        snprintf(self->address, sizeof self->address, "%s:%u", address->host, address->port);
    }
}

static bool is_here(const char *host)
{
    return strncmp(host, "127.", 4) == 0 || strcmp(host, "localhost") == 0 ||
           strcmp(host, "::1") == 0;
}

static bool fail_open(struct client *self, const struct client_address *address, const char *reason)
{
    char start[128] = "";
    if (address->unixsocket != NULL) {
        snprintf(start, sizeof start, ". Start one with: ./dev run --unixsocket %.80s",
                 address->unixsocket);
    } else if (is_here(address->host)) {
        snprintf(start, sizeof start, ". Start one with: ./dev run --port %u", address->port);
    }
    snprintf(self->error, sizeof self->error, "no server answers at %s (%s)%s", self->address,
             reason, start);
    return false;
}

bool client_open(struct client *self, const struct client_address *address, uint32_t depth)
{
    assert(depth >= 1 && depth <= CLIENT_DEPTH_MAX);
    *self = (struct client){.depth = depth};
    name_address(self, address);
    size_t capacity = 0;
    self->sent = array_reserve(NULL, &capacity, depth, sizeof *self->sent);
    self->connection = address->unixsocket != NULL
                           ? redisConnectUnixWithTimeout(address->unixsocket, connect_timeout)
                           : redisConnectWithTimeout(address->host, address->port, connect_timeout);
    if (self->connection == NULL) {
        return fail_open(self, address, "no memory");
    }
    if (self->connection->err != 0) {
        return fail_open(self, address, self->connection->errstr);
    }
    if (redisSetTimeout(self->connection, reply_timeout) != REDIS_OK) {
        return fail_open(self, address, self->connection->errstr);
    }
    return true;
}

void client_close(struct client *self)
{
    if (self->connection != NULL) {
        redisFree(self->connection);
    }
    free(self->sent);
    self->connection = NULL;
    self->sent = NULL;
}

void client_listen(struct client *self, client_on_reply *on_reply, void *lent_context,
                   struct latency *lent_latency)
{
    assert(self->count == 0);
    self->on_reply = on_reply;
    self->lent_context = lent_context;
    self->lent_latency = lent_latency;
}

static bool fail_lost(struct client *self)
{
    const redisContext *connection = self->connection;
    const bool late = connection->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK);
    if (late) {
        snprintf(self->error, sizeof self->error,
                 "%s gave no answer for %d seconds, after %llu "
                 "answers",
                 self->address, CLIENT_REPLY_TIMEOUT_S, (unsigned long long)self->replies);
    } else if (connection->err == REDIS_ERR_PROTOCOL) {
        snprintf(self->error, sizeof self->error,
                 "what answers at %s does not speak the Redis protocol (%s)", self->address,
                 connection->errstr);
    } else {
        snprintf(self->error, sizeof self->error,
                 "the connection to %s was lost after %llu answers (%s)", self->address,
                 (unsigned long long)self->replies, connection->errstr);
    }
    return false;
}

static bool write_all(struct client *self)
{
    const uint64_t now_ns = clock_read_ns();
    for (; self->unwritten > 0; self->unwritten--) {
        const uint32_t at = (self->oldest + self->count - self->unwritten) % self->depth;
        self->sent[at].sent_ns = now_ns;
    }
    int done = 0;
    while (done == 0) {
        if (redisBufferWrite(self->connection, &done) != REDIS_OK) {
            return fail_lost(self);
        }
    }
    return true;
}

static void take_reply(struct client *self, const redisReply *reply, uint64_t now_ns)
{
    const struct client_sent sent = self->sent[self->oldest];
    self->oldest = (self->oldest + 1) % self->depth;
    self->count--;
    self->sent_bytes -= sent.size_bytes;
    self->replies++;
    latency_insert(self->lent_latency, now_ns - sent.sent_ns);
    self->on_reply(self->lent_context, sent.tag, reply);
}

/* Takes what was received; *out_taken is how many replies that were. */
static bool take_received(struct client *self, uint32_t *out_taken)
{
    const uint64_t now_ns = clock_read_ns();
    for (*out_taken = 0; self->count > 0; (*out_taken)++) {
        void *reply = NULL;
        if (redisGetReplyFromReader(self->connection, &reply) != REDIS_OK) {
            return fail_lost(self);
        }
        if (reply == NULL) {
            return true;
        }
        take_reply(self, reply, now_ns);
        freeReplyObject(reply);
    }
    return true;
}

/* Writes what is not written, then waits until at least one reply was taken. */
static bool wait_for_replies(struct client *self)
{
    if (!write_all(self)) {
        return false;
    }
    uint32_t taken = 0;
    while (taken == 0) {
        if (redisBufferRead(self->connection) != REDIS_OK) {
            return fail_lost(self);
        }
        if (!take_received(self, &taken)) {
            return false;
        }
    }
    return true;
}

bool client_send(struct client *self, const struct command *command, uint32_t tag)
{
    while (self->count == self->depth || self->sent_bytes >= CLIENT_BYTES_MAX) {
        if (!wait_for_replies(self)) {
            return false;
        }
    }
    const size_t before = sdslen(self->connection->obuf);
    if (redisAppendCommandArgv(self->connection, command->arguments_count,
                               (const char **)command->arguments, command->sizes) != REDIS_OK) {
        return fail_lost(self);
    }
    const size_t size_bytes = sdslen(self->connection->obuf) - before;
    self->sent[(self->oldest + self->count) % self->depth] =
        (struct client_sent){.size_bytes = size_bytes, .tag = tag};
    self->count++;
    self->unwritten++;
    self->sent_bytes += size_bytes;
    return true;
}

bool client_drain(struct client *self)
{
    while (self->count > 0) {
        if (!wait_for_replies(self)) {
            return false;
        }
    }
    return true;
}

bool client_read_option(struct client *self, const char *name, uint32_t fallback,
                        uint32_t *out_value)
{
    assert(self->count == 0);
    redisReply *reply = redisCommand(self->connection, "CONFIG GET %s", name);
    if (reply == NULL) {
        return fail_lost(self);
    }
    uint64_t value = fallback;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        reply->element[1]->type == REDIS_REPLY_STRING &&
        !decimal_text_parse(reply->element[1]->str, reply->element[1]->len, UINT32_MAX, &value)) {
        value = fallback;
    }
    *out_value = (uint32_t)value;
    freeReplyObject(reply);
    return true;
}
