/* From bytes to commands taken.
 *
 *     parse ─► take: token, place among the answers ─► dispatch ─► ... ─► answer
 *
 * A command on one user, without a list, waits in the loop's batch until that is full or all
 * sockets were read. Any other goes to its shards at once, behind those. What cannot be taken now
 * (no room in a link, too much unsent, an answer that must come first) stalls the connection, and
 * is read again from its first byte.
 */
#include "base/assert.h"
#include "base/hash.h"
#include "base/quote.h"
#include "net/net_internal.h"
#include "net/render.h"
#include "net/targets.h"
#include "net/visit.h"
#include "shard/waiting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How the reading of a connection's bytes stands. */
struct execution {
    struct connection *connection;
    struct loop *loop;
    char *bytes;
    size_t size;
    size_t done;      /* Bytes of commands that were taken. */
    size_t parsed;    /* Bytes that the parser is through with. */
    bool stopped;     /* Nothing more is taken in this call. */
    struct call call; /* The command at hand, with so many arguments. */
    uint32_t arguments_count;
};

/* An answer on the way may have closed the connection: then nothing more comes. */
static void stop_and_stall(struct execution *self)
{
    self->stopped = true;
    if (self->connection->is_open) {
        resp_parser_reset(&self->connection->parser);
        connection_stall(self->connection);
    }
}

/* May one more command be taken of this connection? */
static bool has_room(const struct connection *connection, const struct command *command)
{
    const uint32_t open = answers_count(&connection->answers);
    return open < ANSWERS_OPEN_MAX &&
           (command->kind != COMMAND_LIST || open < connection->lists_open_max) &&
           (command->count == 0 || connection->answers.held < CONNECTION_HELD_MAX) &&
           connection_mute_allows(connection, command->kind == COMMAND_SUBSCRIBE) &&
           connection_count_output(connection) < CONNECTION_OUTPUT_SOFT_MAX;
}

/* What the command may take until its answer: its list, and where it names several users a waiter
 * for each of them, which are many times as large. */
static size_t find_held_size(const struct command *command)
{
    const enum command_kind kind = command->kind;
    const bool for_several = kind == COMMAND_MENTION || kind == COMMAND_MESSAGE ||
                             kind == COMMAND_UNMENTION || kind == COMMAND_BADGE;
    return command_get_list_size(command) +
           (for_several ? command->count * sizeof(struct waiter) : 0);
}

/* The connection owes an answer to the command from here on. False: not now. */
static bool take(struct execution *self, struct command *command)
{
    struct connection *connection = self->connection;
    uint32_t number = 0;
    if (!connection->is_open || !has_room(connection, command) ||
        !answers_insert(&connection->answers, &number)) {
        return false;
    }
    if (command->count > 0) {
        answers_hold(&connection->answers, number, find_held_size(command));
    }
    self->call.taken_ns = self->loop->timing.now_ns;
    command->token = connection_make_token(connection, number);
    metrics_add(&self->loop->metrics, METRIC_COMMANDS, 1);
    return true;
}

static void fail_part(const struct execution *self, struct command_token token, enum status status)
{
    const struct reply reply = {.kind = REPLY_FAILED, .status = status, .token = token};
    connection_take_reply(self->loop, &reply);
}

static void execute_part(const struct execution *self, uint32_t shard,
                         const struct command *command)
    THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    const enum status status = dispatch_now(self->loop, shard, command);
    if (status != STATUS_OK) {
        fail_part(self, command->token, status);
    }
}

/* Nothing is left to be executed before what comes now. False: there is. */
static bool is_dispatched(const struct execution *self)
    THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    dispatch_run(self->loop);
    return self->loop->batch.count == 0;
}

/* One user's command, which has a list. False: not now. */
static bool execute_listed(struct execution *self, struct command *command, uint32_t shard)
    THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    struct loop *loop = self->loop;
    const bool is_own = shard == loop->number;
    if (!is_dispatched(self) || !dispatch_has_room(loop, shard) ||
        (is_own && !visit_begin(loop, loop))) {
        return false;
    }
    const bool taken = take(self, command);
    if (taken) {
        const struct timing_mark mark = timing_mark(self->connection);
        execute_part(self, shard, command);
        timing_end_listed(self->connection, &mark, &self->call, loop->arguments,
                          self->arguments_count);
    }
    if (is_own) {
        visit_end(loop, loop);
    }
    return taken;
}

static void execute_parts(const struct execution *self, const struct command *command,
                          const bool *named) THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    const struct net *net = self->loop->lent_net;
    struct command_target *targets = targets_of(command);
    uint32_t rest = command->count;
    for (uint32_t shard = 0; shard < net->threads; shard++) {
        struct command part = *command;
        if (named[shard] && command->kind != COMMAND_FLUSH_ALL) {
            part.targets = targets;
            part.count = targets_gather(targets, rest, shard);
            targets += part.count;
            rest -= part.count;
        }
        if (named[shard]) {
            execute_part(self, shard, &part);
        }
    }
}

/* RS.FLUSH, and what names several users: to each shard its part. False: not now. */
static bool execute_many(struct execution *self, struct command *command)
    THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    struct connection *connection = self->connection;
    struct loop *loop = self->loop;
    const struct net *net = loop->lent_net;
    bool named[NET_THREADS_MAX] = {false};
    uint32_t shards = targets_find_shards(net, command, named);
    if (shards == 0) {
        /* A message that changes nobody: NOACK, and no mentions but of its author. */
        named[loop->number] = true;
        shards = 1;
    }
    bool has_room = is_dispatched(self);
    for (uint32_t shard = 0; shard < net->threads && has_room; shard++) {
        has_room = !named[shard] || dispatch_has_room(loop, shard);
    }
    const bool is_own = named[loop->number];
    if (!has_room || (is_own && !visit_begin(loop, loop))) {
        return false;
    }
    const bool taken = take(self, command);
    if (taken &&
        answers_expect_parts(&connection->answers, answers_get_newest(&connection->answers), shards,
                             command->count, command->kind == COMMAND_BADGE)) {
        const struct timing_mark mark = timing_mark(connection);
        execute_parts(self, command, named);
        timing_end_listed(connection, &mark, &self->call, loop->arguments, self->arguments_count);
    } else if (taken) {
        answers_remove_newest(&connection->answers);
        connection_close(connection);
    }
    if (is_own) {
        visit_end(loop, loop);
    }
    return taken;
}

/* What must come after all answers that are owed. False: they are not all there yet. The
 * connection may end by them. */
static bool is_in_order(const struct execution *self)
    THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    if (answers_count(&self->connection->answers) > 0) {
        dispatch_run(self->loop);
    }
    return answers_count(&self->connection->answers) == 0 &&
           connection_count_output(self->connection) < CONNECTION_OUTPUT_SOFT_MAX;
}

/* Redis's own text: the name and the first arguments as they came, each list cut at 128 bytes. */
static void render_unknown(struct connection *connection, const struct slice *arguments,
                           uint32_t count)
{
    enum { SHOWN_MAX = 128 };
    const int name_size = arguments[0].size < SHOWN_MAX ? (int)arguments[0].size : SHOWN_MAX;
    char text[REQUEST_ERROR_SIZE];
    int at =
        snprintf(text, sizeof text, "unknown command '%.*s', with args beginning with: ", name_size,
                 arguments[0].bytes);
    const int begin = at;
    for (uint32_t i = 1; i < count && at - begin < SHOWN_MAX; i++) {
        const int room = SHOWN_MAX - (at - begin);
        const int size = arguments[i].size < (size_t)room ? (int)arguments[i].size : room;
        at += snprintf(text + at, sizeof text - (size_t)at, "'%.*s' ", size, arguments[i].bytes);
    }
    render_error(&connection->writer, text);
}

static void render_wrong_arity(struct connection *connection, const struct command_spec *spec)
{
    char text[REQUEST_ERROR_SIZE];
    snprintf(text, sizeof text, "wrong number of arguments for '%s' command", spec->name);
    render_error(&connection->writer, text);
}

static bool is_single(const struct command *command)
{
    return command->kind != COMMAND_MENTION && command->kind != COMMAND_MESSAGE &&
           command->kind != COMMAND_UNMENTION && command->kind != COMMAND_BADGE &&
           command->kind != COMMAND_FLUSH_ALL;
}

/* A browser that a web page sends here would go on with what the page wrote as the request's body.
 * As Redis does, such a connection is closed before that. */
static bool is_http(struct slice name)
{
    return slice_equal_text_nocase(name, "post") || slice_equal_text_nocase(name, "host:");
}

/* In RESP2 a connection that reads the feed is for little else: what it gets could be taken for an
 * answer. */
static bool may_run(const struct connection *connection, enum command_id id)
{
    return connection->writer.version != RESP_VERSION_2 ||
           feed_count_subscriptions(connection) == 0 || id == COMMAND_ID_SUBSCRIBE ||
           id == COMMAND_ID_UNSUBSCRIBE || id == COMMAND_ID_PING || id == COMMAND_ID_QUIT ||
           id == COMMAND_ID_RESET;
}

/* One that goes on is timed when it is through. */
static enum session_outcome call_here(struct execution *self, const struct command_spec *spec,
                                      const char *error)
    THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    struct connection *connection = self->connection;
    struct loop *loop = self->loop;
    const uint32_t count = self->arguments_count;
    enum session_outcome outcome = SESSION_GOES_ON;
    self->call.taken_ns = loop->timing.now_ns;
    if (error != NULL) {
        render_error(&connection->writer, error);
    } else {
        outcome = session_execute(connection, spec, loop->arguments, count);
    }
    if (outcome == SESSION_CONTINUES) {
        return outcome;
    }
    if (outcome == SESSION_ENDS) {
        connection_end(connection);
        self->stopped = true;
    }
    metrics_add(&loop->metrics, METRIC_COMMANDS, 1);
    const bool failed = stats_take_error(loop->stats, &connection->writer);
    timing_end_here(connection, &self->call, loop->arguments, count, failed);
    return outcome;
}

/* A command that this thread answers, or an error: in its place among the answers. */
static void execute_here(struct execution *self, const struct command_spec *spec, uint32_t count,
                         const char *error) THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    struct connection *connection = self->connection;
    const struct slice *arguments = self->loop->arguments;
    if (!is_in_order(self)) {
        stop_and_stall(self);
        return;
    }
    if (!connection->is_open) {
        return;
    }
    const size_t size = buffer_peek_size(&connection->out);
    const bool is_subscription = spec != NULL && spec->id == COMMAND_ID_UNSUBSCRIBE;
    if (spec == NULL && is_http(arguments[0])) {
        connection_close(connection);
        return;
    }
    if (spec == NULL) {
        render_unknown(connection, arguments, count);
    } else if (!command_spec_accepts(spec, count)) {
        calls_reject(&self->loop->stats->calls[spec->id]);
        render_wrong_arity(connection, spec);
    } else if (error != NULL && !may_run(connection, spec->id)) {
        calls_reject(&self->loop->stats->calls[spec->id]);
        render_error(&connection->writer, error);
    } else if (call_here(self, spec, error) == SESSION_CONTINUES) {
        connection_mute_output(connection, size, is_subscription, true);
        connection_want_flush(connection);
        stop_and_stall(self);
        return;
    }
    (void)stats_take_error(self->loop->stats, &connection->writer);
    connection_mute_output(connection, size, is_subscription, false);
    connection_want_flush(connection);
    self->done = self->parsed;
}

/* Whose the user is. With one shard there is no need to hash. */
static uint32_t find_shard(const struct net *net, const struct command *command,
                           const struct slice *arguments)
{
    const bool has_user = command->user.value != 0;
    const struct slice user = arguments[command->kind == COMMAND_MEASURE_USER ? 2 : 1];
    return net->threads == 1 || !has_user ? 0 : net_find_shard(net, hash_slot_of_decimal(user));
}

static void end_command(struct execution *self, bool taken)
{
    if (taken) {
        self->done = self->parsed;
    } else {
        stop_and_stall(self);
    }
}

static void take_for_shards(struct execution *self, struct command *command)
    THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    struct loop *loop = self->loop;
    if (!is_single(command)) {
        end_command(self, execute_many(self, command));
        return;
    }
    const uint32_t shard = find_shard(loop->lent_net, command, loop->arguments);
    if (command->count > 0) {
        end_command(self, execute_listed(self, command, shard));
        return;
    }
    const bool taken = dispatch_has_room(loop, shard) && take(self, command);
    if (taken) {
        if (!call_is_made_of_numbers(command, loop->arguments, self->arguments_count)) {
            self->call.copied = slow_command_create(loop->arguments, self->arguments_count);
        }
        dispatch_add(loop, shard, command, &self->call);
    }
    end_command(self, taken);
}

/* With its subcommand, where it has some, as Redis shows it. */
static const char *say_not_now(const struct command_spec *spec, const struct slice *arguments,
                               uint32_t count, char error[REQUEST_ERROR_SIZE])
{
    char subcommand[QUOTE_SIZE] = "";
    const bool has_subcommand = count > 1 && spec->has_subcommands;
    if (has_subcommand) {
        quote_print(subcommand, arguments[1]);
        for (char *at = subcommand; *at != '\0'; at++) {
            *at = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
        }
    }
    snprintf(error, REQUEST_ERROR_SIZE,
             "Can't execute '%s%s%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET "
             "are allowed in this context",
             spec->name, has_subcommand ? "|" : "", subcommand);
    return error;
}

static bool are_feeds(const struct slice *channels, uint32_t count, char error[REQUEST_ERROR_SIZE])
{
    struct user_id user;
    for (uint32_t i = 0; i < count; i++) {
        if (!request_read_feed(channels[i], &user, error)) {
            return false;
        }
    }
    return true;
}

/* One channel of SUBSCRIBE. False: not now. */
static bool subscribe_one(struct execution *self, struct user_id user)
    THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    struct connection *connection = self->connection;
    struct loop *loop = self->loop;
    struct command command = {.kind = COMMAND_SUBSCRIBE, .user = user};
    const uint32_t shard = net_find_shard(loop->lent_net, hash_slot_of_user(user));
    if (!dispatch_has_room(loop, shard) || !take(self, &command)) {
        return false;
    }
    const uint32_t number = answers_get_newest(&connection->answers);
    if (feed_ask(connection, user, number) != STATUS_OK) {
        answers_remove_newest(&connection->answers);
        connection_close(connection);
        return false;
    }
    command.subscriptions = feed_count_subscriptions(connection);
    command.token.purpose = TOKEN_SUBSCRIPTION;
    dispatch_add(loop, shard, &command, &self->call);
    return true;
}

/* Each channel has an answer of its own. Those that are asked for are not asked for again when the
 * command is read once more. */
static void take_subscribe(struct execution *self, uint32_t count)
    THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    char error[REQUEST_ERROR_SIZE];
    const struct slice *arguments = self->loop->arguments;
    struct subscriber *subscriber = feed_acquire_subscriber(self->connection);
    if (subscriber == NULL) {
        connection_close(self->connection);
        return;
    }
    while (subscriber->names_done + 1 < count) {
        struct user_id user;
        const bool is_channel =
            request_read_feed(arguments[subscriber->names_done + 1], &user, error);
        ASSERT(is_channel);
        if (!subscribe_one(self, user)) {
            stop_and_stall(self);
            return;
        }
        subscriber->names_done++;
    }
    subscriber->names_done = 0;
    self->done = self->parsed;
}

static void take_command(struct execution *self, uint32_t count)
    THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    struct loop *loop = self->loop;
    const struct slice *arguments = loop->arguments;
    const struct command_spec *spec = command_table_find(arguments[0]);
    const char *error = NULL;
    char error_text[REQUEST_ERROR_SIZE];
    struct command command;
    self->arguments_count = count;
    self->call = (struct call){.command = (uint8_t)(spec == NULL ? 0 : spec->id),
                               .is_lower = arguments[0].size > 0 && arguments[0].bytes[0] >= 'a'};
    const bool is_known = spec != NULL && command_spec_accepts(spec, count);
    self->connection->lent_command = spec == NULL ? self->connection->lent_command : spec->name;
    if (is_known && !may_run(self->connection, spec->id)) {
        error = say_not_now(spec, arguments, count, error_text);
    } else if (is_known && spec->id == COMMAND_ID_SUBSCRIBE) {
        if (are_feeds(arguments + 1, count - 1, error_text)) {
            take_subscribe(self, count);
            return;
        }
        error = error_text;
    } else if (is_known && spec->id == COMMAND_ID_UNSUBSCRIBE) {
        error = are_feeds(arguments + 1, count - 1, error_text) ? NULL : error_text;
    } else if (is_known && request_is_for_shards(spec, arguments)) {
        if (request_read(spec, arguments, count, loop->lent_net->epoch, &loop->scratch, &command,
                         error_text)) {
            take_for_shards(self, &command);
            return;
        }
        error = error_text;
    }
    execute_here(self, spec, count, error);
}

static void take_fault(struct execution *self, const struct resp_request *fault,
                       const struct resp_limits *limits)
    THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    if (!is_in_order(self)) {
        stop_and_stall(self);
        return;
    }
    if (!self->connection->is_open) {
        return;
    }
    char text[RESP_FAULT_TEXT_SIZE_MAX];
    resp_fault_print(fault, limits, text);
    render_error(&self->connection->writer, text);
    (void)stats_take_error(self->loop->stats, &self->connection->writer);
    connection_end(self->connection);
    self->done = self->size;
    self->stopped = true;
}

/* Room for as many arguments as a command may have. */
static bool grow_arguments(struct loop *loop)
{
    const uint32_t room = loop->settings.arguments_max;
    struct slice *arguments = realloc(loop->arguments, room * sizeof *arguments);
    if (arguments == NULL) {
        return false;
    }
    loop->arguments = arguments;
    loop->arguments_room = room;
    return true;
}

/* An inline command is read from a copy of its line: reading resolves its quotes in place, and a
 * command that stalls is read again. Whole lines only; anything else is read where it is. */
static struct slice copy_line(struct execution *self, size_t begin)
{
    const struct slice rest = {.bytes = self->bytes + begin, .size = self->size - begin};
    const bool is_array = rest.bytes[0] == '*';
    if (is_array && (rest.size < 2 || (rest.bytes[1] >= '1' && rest.bytes[1] <= '9'))) {
        return rest;
    }
    const char *end = memchr(rest.bytes, '\n', rest.size);
    const struct slice line = {.bytes = rest.bytes,
                               .size = end == NULL ? 0 : (size_t)(end - rest.bytes) + 1};
    if (is_array) {
        /* Of no elements: the command behind it may be an inline one. */
        return end == NULL ? rest : line;
    }
    struct buffer *copy = &self->loop->line;
    buffer_consume(copy, buffer_peek_size(copy));
    if (end == NULL || buffer_append(copy, line) != STATUS_OK) {
        return rest;
    }
    return buffer_peek(copy);
}

/* The next command from `parsed` on. False: there is no whole one. */
static bool parse_next(struct execution *self) THREAD_ATTRIBUTE(requires_capability(shard_thread))
{
    struct connection *connection = self->connection;
    struct loop *loop = self->loop;
    const struct resp_limits limits = {.arguments_max = loop->settings.arguments_max,
                                       .argument_size_max = loop->settings.argument_size_max};
    struct resp_request request;
    const size_t begin = self->parsed;
    const struct slice input = copy_line(self, begin);
    const enum resp_verdict verdict =
        resp_parser_read(&connection->parser, &limits, (char *)(uintptr_t)input.bytes, input.size,
                         loop->arguments, loop->arguments_room, &request);
    self->parsed += request.size;
    switch (verdict) {
    case RESP_COMMAND:
        take_command(self, request.arguments_count);
        return true;
    case RESP_MORE:
        return request.size == input.size && self->parsed < self->size;
    case RESP_FULL:
        if (!grow_arguments(loop)) {
            connection_close(connection);
        }
        return true;
    case RESP_BAD:
        take_fault(self, &request, &limits);
        return true;
    }
    UNREACHABLE("a verdict of no kind");
}

size_t executor_run(struct connection *connection, char *bytes, size_t size)
{
    struct execution self = {
        .connection = connection, .loop = connection->lent_loop, .bytes = bytes, .size = size};
    (void)timing_begin(self.loop);
    while (!self.stopped && connection->is_open && self.parsed < size && parse_next(&self)) {
    }
    /* What asks for nothing (empty lines) is done with too. */
    if (!self.stopped && connection->is_open) {
        self.done = self.parsed;
    }
    return self.done;
}
