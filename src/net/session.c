/* Commands that the connection's thread answers: which there are, and those of a few lines. */
#include "base/assert.h"
#include "base/decimal.h"
#include "base/quote.h"
#include "net/net_internal.h"
#include "net/render.h"
#include "net/session_reply.h"

#include <stdio.h>

static void write_hello(struct connection *self)
{
    struct resp_writer *to = &self->writer;
    resp_write_map_head(to, 7);
    write_text(to, "server");
    write_text(to, "readstates");
    write_text(to, "version");
    write_text(to, self->lent_loop->lent_net->config.lent_version);
    write_text(to, "proto");
    resp_write_integer(to, to->version);
    write_text(to, "id");
    resp_write_integer(to, (int64_t)self->id);
    write_text(to, "mode");
    write_text(to, "standalone");
    write_text(to, "role");
    write_text(to, "master");
    write_text(to, "modules");
    resp_write_array_head(to, 0);
}

bool session_parse_integer(struct slice text, int64_t *out_value)
{
    uint64_t value = 0;
    const bool negative = text.size > 1 && text.bytes[0] == '-';
    const struct slice digits = {.bytes = text.bytes + negative, .size = text.size - negative};
    if (!decimal_parse_u63(digits, &value) || (negative && value == 0)) {
        return false;
    }
    *out_value = negative ? -(int64_t)value : (int64_t)value;
    return true;
}

/* HELLO [version [AUTH user password] [SETNAME name]] */
static enum session_outcome run_hello(struct connection *self, const struct slice *arguments,
                                      uint32_t count)
{
    int64_t version = self->writer.version;
    if (count > 1 && !session_parse_integer(arguments[1], &version)) {
        render_error(&self->writer, "Protocol version is not an integer or out of range");
        return SESSION_GOES_ON;
    }
    if (version != RESP_VERSION_2 && version != RESP_VERSION_3) {
        resp_write_error(&self->writer, "NOPROTO", slice_from_text("unsupported protocol version"));
        return SESSION_GOES_ON;
    }
    for (uint32_t i = 2; i < count; i += 2) {
        if (slice_equal_text_nocase(arguments[i], "auth") && i + 2 < count) {
            if (!session_may_be(self, arguments[++i])) {
                return SESSION_GOES_ON;
            }
        } else if (slice_equal_text_nocase(arguments[i], "setname") && i + 1 < count) {
            if (!session_set_name(self, arguments[i + 1])) {
                return SESSION_GOES_ON;
            }
        } else {
            char shown[QUOTE_SIZE];
            char text[REQUEST_ERROR_SIZE];
            snprintf(text, sizeof text, "Syntax error in HELLO option '%s'",
                     quote_print(shown, arguments[i]));
            render_error(&self->writer, text);
            return SESSION_GOES_ON;
        }
    }
    self->writer.version = (enum resp_version)version;
    write_hello(self);
    return SESSION_GOES_ON;
}

static enum session_outcome run_ping(struct connection *self, const struct slice *arguments,
                                     uint32_t count)
{
    const bool is_subscribed =
        self->writer.version == RESP_VERSION_2 && feed_count_subscriptions(self) > 0;
    if (count <= 2 && is_subscribed) {
        /* Of the shape of a message, so that a reader knows it from an answer. */
        resp_write_array_head(&self->writer, 2);
        write_text(&self->writer, "pong");
        resp_write_bulk(&self->writer, count == 2 ? arguments[1] : slice_from_text(""));
    } else if (count == 1) {
        resp_write_simple(&self->writer, slice_from_text("PONG"));
    } else if (count == 2) {
        resp_write_bulk(&self->writer, arguments[1]);
    } else {
        wrong_arity(self, "ping");
    }
    return SESSION_GOES_ON;
}

static enum session_outcome run_echo(struct connection *self, struct slice text)
{
    resp_write_bulk(&self->writer, text);
    return SESSION_GOES_ON;
}

/* READONLY and READWRITE: there is one server, which reads and writes. */
static enum session_outcome agree(struct connection *self)
{
    write_ok(self);
    return SESSION_GOES_ON;
}

static enum session_outcome run_select(struct connection *self, struct slice database)
{
    int64_t number = 0;
    if (!session_parse_integer(database, &number)) {
        render_error(&self->writer, "value is not an integer or out of range");
    } else if (number != 0) {
        render_error(&self->writer, "DB index is out of range");
    } else {
        write_ok(self);
    }
    return SESSION_GOES_ON;
}

static enum session_outcome run_quit(struct connection *self)
{
    write_ok(self);
    return SESSION_ENDS;
}

static enum session_outcome run_dbsize(struct connection *self)
{
    const struct net *net = self->lent_loop->lent_net;
    resp_write_integer(&self->writer, (int64_t)net_peek_metric(net, METRIC_CACHED_USERS));
    return SESSION_GOES_ON;
}

static enum session_outcome run_shutdown(struct connection *self, const struct slice *arguments,
                                         uint32_t count)
{
    const struct net_host *host = &self->lent_loop->lent_net->config.host;
    if (count == 2 && slice_equal_text_nocase(arguments[1], "nosave")) {
        render_error(&self->writer,
                     "SHUTDOWN NOSAVE is refused: what was answered is always saved");
        return SESSION_GOES_ON;
    }
    if (count > 2 || (count == 2 && !slice_equal_text_nocase(arguments[1], "save"))) {
        render_error(&self->writer, "syntax error");
        return SESSION_GOES_ON;
    }
    host->request_stop(host->lent_context);
    return SESSION_ENDS;
}

enum session_outcome session_execute(struct connection *self, const struct command_spec *spec,
                                     const struct slice *arguments, uint32_t count)
{
    switch (spec->id) {
    case COMMAND_ID_AUTH:
        return session_auth(self, arguments, count);
    case COMMAND_ID_CLUSTER:
        return session_refuse_cluster(self);
    case COMMAND_ID_READONLY:
    case COMMAND_ID_READWRITE:
        return agree(self);
    case COMMAND_ID_RESET:
        return session_reset(self);
    case COMMAND_ID_TIME:
        return session_write_time(self);
    case COMMAND_ID_CLIENT:
        return session_run_client(self, arguments, count);
    case COMMAND_ID_COMMAND:
        return session_run_command(self, arguments, count);
    case COMMAND_ID_CONFIG:
        return session_run_config(self, arguments, count);
    case COMMAND_ID_DBSIZE:
        return run_dbsize(self);
    case COMMAND_ID_DEBUG:
        return session_run_debug(self, arguments, count);
    case COMMAND_ID_ECHO:
        return run_echo(self, arguments[1]);
    case COMMAND_ID_HELLO:
        return run_hello(self, arguments, count);
    case COMMAND_ID_INFO:
        info_write(self, arguments + 1, count - 1);
        return SESSION_GOES_ON;
    case COMMAND_ID_LATENCY:
        return session_run_latency(self, arguments, count);
    case COMMAND_ID_MEMORY:
        return session_run_memory(self, arguments, count);
    case COMMAND_ID_PING:
        return run_ping(self, arguments, count);
    case COMMAND_ID_QUIT:
        return run_quit(self);
    case COMMAND_ID_SELECT:
        return run_select(self, arguments[1]);
    case COMMAND_ID_SHUTDOWN:
        return run_shutdown(self, arguments, count);
    case COMMAND_ID_SLOWLOG:
        return session_run_slowlog(self, arguments, count);
    case COMMAND_ID_UNSUBSCRIBE:
        return session_unsubscribe(self, arguments + 1, count - 1);
    case COMMAND_ID_RS_ACK:
    case COMMAND_ID_RS_BADGE:
    case COMMAND_ID_RS_BULKACK:
    case COMMAND_ID_RS_DEL:
    case COMMAND_ID_RS_EVICT:
    case COMMAND_ID_RS_FLUSH:
    case COMMAND_ID_RS_FORGET:
    case COMMAND_ID_RS_GET:
    case COMMAND_ID_RS_INSPECT:
    case COMMAND_ID_RS_JOIN:
    case COMMAND_ID_RS_LEAVE:
    case COMMAND_ID_RS_LIST:
    case COMMAND_ID_RS_MENTION:
    case COMMAND_ID_RS_MESSAGE:
    case COMMAND_ID_RS_PIN:
    case COMMAND_ID_RS_UNMENTION:
    case COMMAND_ID_SUBSCRIBE:
    case COMMAND_IDS:
        break;
    }
    UNREACHABLE("a command for the shards");
}
