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

void timing_end(struct connection *connection, struct answer_call *left, bool failed)
{
    struct loop *loop = connection->lent_loop;
    struct call *call = &left->call;
    const uint64_t taken_ns = timing_begin(loop) - call->taken_ns;
    count(loop, call->command, 1, taken_ns, failed);
    if (UNLIKELY(slowlog_is_slow(&loop->lent_net->slowlog, taken_ns))) {
        log_slow(connection, call_take_arguments(call, &left->numbers), taken_ns);
    }
    slow_command_destroy(&call->copied);
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

uint64_t timing_leave_batch(struct loop *loop, uint64_t entries)
{
    struct batch *batch = &loop->batch;
    uint64_t found = 0;
    for (uint64_t left = entries; left != 0; left &= left - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(left);
        const struct command *command = &batch->commands[i];
        struct connection *connection = find_connection(loop, &command->token);
        const uint32_t number = (uint32_t)command->token.sequence;
        if (connection != NULL && answers_is_open(&connection->answers, number)) {
            const struct call_numbers numbers = call_get_numbers(command);
            answers_leave(&connection->answers, number, &batch->calls[i], &numbers);
            found |= UINT64_C(1) << i;
        }
    }
    return found;
}

/* Of what was answered at once. True: something was slow. */
static bool count_batch(struct loop *loop, uint64_t entries, uint64_t failed)
{
    const struct batch *batch = &loop->batch;
    const uint64_t now_ns = read_clock(&loop->timing);
    bool slow = false;
    while (entries != 0) {
        const unsigned first = (unsigned)__builtin_ctzll(entries);
        const struct call *call = &batch->calls[first];
        const bool has_failed = (failed >> first & 1) != 0;
        uint64_t times = 0;
        /* Most batches are of one command, all taken in one turn. */
        for (uint64_t rest = entries; rest != 0; rest &= rest - 1) {
            const unsigned i = (unsigned)__builtin_ctzll(rest);
            if (batch->calls[i].taken_ns != call->taken_ns ||
                batch->calls[i].command != call->command ||
                ((failed >> i & 1) != 0) != has_failed) {
                break;
            }
            times++;
            entries &= entries - 1;
        }
        /* What the loop itself has asked for is no call. */
        if (call->taken_ns != 0) {
            count(loop, call->command, times, now_ns - call->taken_ns, has_failed);
            slow |= slowlog_is_slow(&loop->lent_net->slowlog, now_ns - call->taken_ns);
        }
    }
    return slow;
}

static void log_slow_entry(struct loop *loop, struct call *call, const struct command *command)
{
    const struct connection *connection = find_connection(loop, &command->token);
    const uint64_t taken_ns = loop->timing.now_ns - call->taken_ns;
    if (connection != NULL && slowlog_is_slow(&loop->lent_net->slowlog, taken_ns)) {
        const struct call_numbers numbers = call_get_numbers(command);
        log_slow(connection, call_take_arguments(call, &numbers), taken_ns);
    }
}

void timing_end_batch(struct loop *loop, uint64_t entries, uint64_t left, uint64_t failed)
{
    struct batch *batch = &loop->batch;
    const uint64_t at_once = entries & ~left;
    const bool slow = count_batch(loop, at_once, failed);
    if (LIKELY(!slow && !batch->has_copied)) {
        return;
    }
    for (uint64_t rest = entries; rest != 0; rest &= rest - 1) {
        const unsigned i = (unsigned)__builtin_ctzll(rest);
        if (slow && (at_once >> i & 1) != 0) {
            log_slow_entry(loop, &batch->calls[i], &batch->commands[i]);
        }
        slow_command_destroy(&batch->calls[i].copied);
    }
    batch->has_copied = false;
}

struct timing_mark timing_mark(const struct connection *connection)
{
    const struct timing *timing = &connection->lent_loop->timing;
    return (struct timing_mark){.number = answers_get_newest(&connection->answers),
                                .answered = timing->answered,
                                .failed = timing->failed};
}

void timing_end_listed(struct connection *connection, const struct timing_mark *mark,
                       const struct call *call, const struct slice *arguments,
                       uint32_t arguments_count)
{
    struct timing *timing = &connection->lent_loop->timing;
    if (timing->answered != mark->answered) {
        timing_end_here(connection, call, arguments, arguments_count,
                        timing->failed != mark->failed);
    } else if (connection->is_open && answers_is_open(&connection->answers, mark->number)) {
        struct call left = *call;
        left.copied = slow_command_create(arguments, arguments_count);
        answers_leave(&connection->answers, mark->number, &left, &(struct call_numbers){0});
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
