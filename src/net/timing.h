/* How long commands take, as the loop that took them sees it.
 *
 *     taken ──► executed ──► answered        at once: all of a batch at its end, with one look at
 *        └────► left ─ ─ ─ ─ ► answered       the clock; left (it waits for the store, or another
 *                                             shard): each when its answer comes
 *
 * A time is counted from when the loop took the command to when its answer was there. The clock is
 * looked at when a turn begins, after each batch, after each command that is not part of one, and
 * before the loop waits again; so a command of a batch counts as long as its batch.
 *
 * What takes long goes into the slow log and the latency monitor.
 *
 * Memory: in the loop.  Thread: the loop's.
 */
#ifndef NET_TIMING_H
#define NET_TIMING_H

#include "net/call.h"
#include "net/dispatch.h"

#include <stdbool.h>
#include <stdint.h>

struct answer_call;
struct connection;
struct loop;

struct timing {
    uint64_t now_ns; /* The clock when it was last looked at. */
    uint64_t turn_began_ns;
    bool is_in_turn;
    uint32_t answered; /* At once, since the start; goes round. */
    uint32_t failed;   /* Of those, with an error. */
};

/* The clock; looked at if it was not yet in this turn. */
uint64_t timing_begin(struct loop *loop);

/* Before the loop waits. Returns the clock. */
uint64_t timing_end_turn(struct loop *loop);

/* The answer to a command of the connection that was left is there. The call's copied arguments are
 * taken over. */
void timing_end(struct connection *connection, struct answer_call *left, bool failed);

/* Entries of the loop's batch, a bit each, have been executed or sent: those that have no answer
 * are left; returns which. */
uint64_t timing_leave_batch(struct loop *loop, uint64_t entries);

/* Entries that are done with: counts those that were answered at once, some of them with an error,
 * and drops the copied arguments of all. */
void timing_end_batch(struct loop *loop, uint64_t entries, uint64_t left, uint64_t failed);

/* Around the execution, or sending, of a command with a list, which is the connection's newest. */
struct timing_mark {
    uint32_t number;   /* Among the connection's answers. */
    uint32_t answered; /* Of the loop, before. */
    uint32_t failed;
};
struct timing_mark timing_mark(const struct connection *connection);
void timing_end_listed(struct connection *connection, const struct timing_mark *mark,
                       const struct call *call, const struct slice *arguments, uint32_t count);

/* A command that the connection's own thread has answered. */
void timing_end_here(struct connection *connection, const struct call *call,
                     const struct slice *arguments, uint32_t count, bool failed);

#endif
