#include "net/timing.h"

#include "base/assert.h"
#include "net/address.h"
#include "net/net_internal.h"

#include <stdio.h>
#include <time.h>

static uint64_t read_clock(struct timing *self)
{
    self->now_ns = uv_hrtime();
    return self->now_ns;
}

static uint64_t read_wall_s(void)
{
    return (uint64_t)time(NULL);
}

uint64_t timing_begin(struct loop *loop)
{
    struct timing *self = &loop->timing;
    if (!self->is_in_turn) {
        self->is_in_turn = true;
        self->turn_began_ns = read_clock(self);
    }
    return self->now_ns;
}

uint64_t timing_end_turn(struct loop *loop)
{
    struct timing *self = &loop->timing;
    const uint64_t now_ns = read_clock(self);
    if (self->is_in_turn) {
        self->is_in_turn = false;
        const uint64_t taken_ns = now_ns - self->turn_began_ns;
        struct latency *latency = &loop->lent_net->latency;
        if (latency_is_long(latency, taken_ns)) {
            latency_insert(latency, LATENCY_TURN, read_wall_s(), taken_ns);
        }
    }
    return now_ns;
}

static void log_slow(const struct connection *connection, struct slow_command *taken_command,
                     uint64_t taken_ns)
{
    struct slow_client client = {0};
    address_print(connection, ADDRESS_PEER, client.address);
    if (connection->names != NULL) {
        snprintf(client.name, sizeof client.name, "%s", connection->names->name);
    }
    slowlog_insert(&connection->lent_loop->lent_net->slowlog, &taken_command, read_wall_s(),
                   taken_ns, &client);
}

static void count(struct loop *loop, uint8_t command, uint64_t times, uint64_t taken_ns,
                  bool failed)
{
    struct latency *latency = &loop->lent_net->latency;
    calls_add(&loop->stats->calls[command], times, taken_ns, failed);
    if (UNLIKELY(latency_is_long(latency, taken_ns))) {
        const unsigned flags = command_table_get((enum command_id)command)->flags;
        latency_insert(latency,
                       (flags & COMMAND_FAST) != 0 ? LATENCY_FAST_COMMAND : LATENCY_COMMAND,
                       read_wall_s(), taken_ns);
    }
}

/* All that was answered at once. True: one of them was slow. */
static bool settle(struct loop *loop)
{
    struct timing *self = &loop->timing;
    const uint64_t now_ns = read_clock(self);
    bool slow = false;
    for (uint32_t i = 0; i < self->groups_count; i++) {
        const struct timing_group *group = &self->groups[i];
        const uint64_t taken_ns = now_ns - group->taken_ns;
        count(loop, group->command, group->count, taken_ns, group->failed);
        slow |= slowlog_is_slow(&loop->lent_net->slowlog, taken_ns);
    }
    self->groups_count = 0;
    return slow;
}

static void end_at_once(struct loop *loop, const struct call *call, bool failed)
{
    struct timing *self = &loop->timing;
    self->answered++;
    if (self->groups_count > 0) {
        struct timing_group *last = &self->groups[self->groups_count - 1];
        if (last->taken_ns == call->taken_ns && last->command == call->command &&
            last->failed == failed) {
            last->count++;
            return;
        }
    }
    ASSERT(self->groups_count < BATCH_MAX);
    self->groups[self->groups_count++] = (struct timing_group){
        .taken_ns = call->taken_ns, .count = 1, .command = call->command, .failed = failed};
}

void timing_end(struct connection *connection, struct call *call,
                const struct call_numbers *numbers, bool failed)
{
    struct loop *loop = connection->lent_loop;
    if (LIKELY(!call->is_left)) {
        end_at_once(loop, call, failed);
        return;
    }
    const uint64_t taken_ns = timing_begin(loop) - call->taken_ns;
    count(loop, call->command, 1, taken_ns, failed);
    if (UNLIKELY(slowlog_is_slow(&loop->lent_net->slowlog, taken_ns))) {
        log_slow(connection, call_take_arguments(call, numbers), taken_ns);
    }
    if (call->copied != NULL) {
        slow_command_destroy(&call->copied);
    }
}

/* NULL: it is closed, or did not ask for an answer. */
static struct connection *find_connection(const struct loop *loop,
                                          const struct command_token *token)
{
    struct connection *connection = token->connection < loop->connections_capacity
                                        ? loop->connections[token->connection]
                                        : NULL;
    const bool is_same = connection != NULL &&
                         connection->generation == (uint32_t)(token->sequence >> 32) &&
                         token->purpose != TOKEN_CATCH_UP;
    return is_same ? connection : NULL;
}

/* Its arguments wait with it, and count as what the connection holds. */
static void leave(struct connection *connection, uint32_t number, struct call *call,
                  const struct call_numbers *numbers)
{
    call->is_left = true;
    if (call->copied != NULL) {
        answers_hold(&connection->answers, number, slow_command_get_size(call->copied));
    }
    *answers_get_call(&connection->answers, number) = *call;
    *answers_get_numbers(&connection->answers, number) = *numbers;
    call->copied = NULL;
}

void timing_leave_batch(struct loop *loop, uint64_t entries)
{
    struct batch *batch = &loop->batch;
    for (uint64_t left = entries; left != 0; left &= left - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(left);
        const struct command *command = &batch->commands[i];
        struct connection *connection = find_connection(loop, &command->token);
        const uint32_t number = (uint32_t)command->token.sequence;
        if (connection != NULL && answers_is_open(&connection->answers, number)) {
            const struct call_numbers numbers = call_get_numbers(command);
            leave(connection, number, &batch->calls[i], &numbers);
        }
    }
}

static void log_slow_entry(struct loop *loop, struct call *call, const struct command *command)
{
    const struct connection *connection = find_connection(loop, &command->token);
    const uint64_t taken_ns = loop->timing.now_ns - call->taken_ns;
    if (call->is_left || connection == NULL ||
        !slowlog_is_slow(&loop->lent_net->slowlog, taken_ns)) {
        return;
    }
    const struct call_numbers numbers = call_get_numbers(command);
    log_slow(connection, call_take_arguments(call, &numbers), taken_ns);
}

void timing_end_batch(struct loop *loop, uint64_t entries)
{
    struct batch *batch = &loop->batch;
    const bool slow = settle(loop);
    if (LIKELY(!slow && !batch->has_copied)) {
        return;
    }
    for (uint64_t left = entries; left != 0; left &= left - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(left);
        struct call *call = &batch->calls[i];
        if (slow) {
            log_slow_entry(loop, call, &batch->commands[i]);
        }
        if (call->copied != NULL) {
            slow_command_destroy(&call->copied);
        }
    }
    batch->has_copied = false;
}

struct timing_mark timing_mark(const struct connection *connection)
{
    return (struct timing_mark){.number = answers_get_newest(&connection->answers),
                                .answered = connection->lent_loop->timing.answered};
}

void timing_end_listed(struct connection *connection, const struct timing_mark *mark,
                       const struct slice *arguments, uint32_t arguments_count)
{
    struct loop *loop = connection->lent_loop;
    if (loop->timing.answered != mark->answered) {
        const uint64_t taken_ns = loop->timing.groups[0].taken_ns;
        if (settle(loop)) {
            log_slow(connection, slow_command_create(arguments, arguments_count),
                     loop->timing.now_ns - taken_ns);
        }
        return;
    }
    if (connection->is_open && answers_is_open(&connection->answers, mark->number)) {
        struct call call = *answers_get_call(&connection->answers, mark->number);
        call.copied = slow_command_create(arguments, arguments_count);
        leave(connection, mark->number, &call, &(struct call_numbers){0});
    }
}

void timing_end_here(struct connection *connection, const struct call *call,
                     const struct slice *arguments, uint32_t arguments_count, bool failed)
{
    struct loop *loop = connection->lent_loop;
    const uint64_t taken_ns = read_clock(&loop->timing) - call->taken_ns;
    count(loop, call->command, 1, taken_ns, failed);
    if (UNLIKELY(slowlog_is_slow(&loop->lent_net->slowlog, taken_ns))) {
        log_slow(connection, slow_command_create(arguments, arguments_count), taken_ns);
    }
}
