/* What the files of a run share.
 *
 * Memory and thread: as in run.h.
 */
#ifndef SIM_RUN_INTERNAL_H
#define SIM_RUN_INTERNAL_H

#include "base/assert.h"
#include "sim/run.h"

static inline bool run_is_well(const struct run *self)
{
    return self->failure.text[0] == '\0';
}

static inline uint64_t run_get_cuts(void)
{
    return ((UINT64_C(2) << FAULT_CUT_NAMES_LOST) - 1) ^ ((UINT64_C(1) << FAULT_CUT_DRAWN) - 1);
}

/* May the power go? */
static inline bool run_has_cuts(const struct run *self)
{
    return (self->options.faults & run_get_cuts()) != 0 || self->options.kill_with > 0;
}

/* Is it this fault's turn? Where it cannot be, the chance is gone all the same. */
bool run_meets(struct run *self, enum fault fault);
bool run_meets_if(struct run *self, enum fault fault, bool is_possible);
/* Below `below`, by the fault's own chance. */
uint32_t run_draw(struct run *self, enum fault fault, uint32_t below);

/* run_client.c: what is sent, and what comes back. */
void run_send(struct run *self) ON_SHARD_THREAD;
/* Of all users. */
void run_send_lists(struct run *self) ON_SHARD_THREAD;
/* Of those whose feeds are read. */
void run_send_readers_lists(struct run *self) ON_SHARD_THREAD;
/* Who is read stays in memory, and keeps others out. */
void run_send_unsubscriptions(struct run *self) ON_SHARD_THREAD;
void run_send_flush(struct run *self) ON_SHARD_THREAD;
void run_drop_client(struct run *self, uint32_t client);
void run_drop_calls(struct run *self);

/* run_answer.c */
void run_take_reply(void *context, const struct reply *reply);
void run_take_release(void *context, uint64_t sequence);

/* run_feed.c */
void run_take_publication(void *context, const struct publication *publication);
void run_take_tidings(void *context);
/* Nobody reads any more. */
void run_drop_messages(struct run *self);
void run_show_to_reader(struct run *self, const struct run_call *call);
/* What is new since the reader was told of something. False: it has nothing of this epoch. */
bool run_draw_list(struct run *self, uint32_t user, struct model_operation *operation);

/* run_fault.c */
void run_draw_faults(struct run *self) ON_SHARD_THREAD;
void run_end_spells(struct run *self);
void run_end_process(struct run *self) ON_SHARD_THREAD;
void run_cut_power(struct run *self, enum fault kind) ON_SHARD_THREAD;
void run_stop(struct run *self) ON_SHARD_THREAD;
/* Tries to start the node. */
void run_start(struct run *self) ON_SHARD_THREAD;

#endif
