/* What must be kept before it is answered: the log of a loop's shard.
 *
 *     command ──► shard ──► entries ──write──► file ──sync──► disk
 *                  └──► answer ──► output ─────────┴──────────────┴──► socket
 *
 * A shard's entries are written once for all commands of a turn. Nothing that a loop has learned
 * from a shard is sent before: at its turn's end the loop notes how far each log had come, and lets
 * its outputs go when all of that is safe. Safe is what was written; under journal-sync always,
 * what was synced, by a thread of the log's own. While it waits for that, a loop gathers what comes
 * meanwhile, and lets it go with the next sync.
 *
 * Behind the gate (visit.h) stand the log and its thread; positions are read by any thread.
 *
 * Memory: the buffer of a turn's entries, kept. Thread: who is inside the shard; durable_is_safe
 * and the functions of outputs: the loop's. */
#ifndef NET_DURABLE_H
#define NET_DURABLE_H

#include "base/role.h"
#include "journal/journal.h"
#include "journal/worker.h"
#include "memory/buffer.h"
#include "memory/ring.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    DURABLE_THREADS_MAX = 64,
    /* More is written at once, and not at the end of the turn. */
    DURABLE_ENTRIES_SOFT_MAX = 256 * 1024,
    /* What the buffer may keep. */
    DURABLE_ENTRIES_KEPT_MAX = 1024 * 1024,
    /* What is shown of the log is as it was so long ago, at the most. */
    DURABLE_SHOW_MS = 20,
};

struct loop;

struct durable {
    bool is_there; /* Else nothing is kept, and all is safe. */
    struct journal journal;
    struct journal_worker *worker;
    struct buffer entries;
    uint64_t settings_seen;
    uint64_t asked; /* The shard waits until that position is synced; 0: it does not. */
    bool has_ended_history;

    alignas(CACHE_LINE) _Atomic uint64_t appended; /* Positions in the log. */
    _Atomic uint64_t safe;
    _Atomic uint64_t waiting; /* Loops that wait for `safe` to rise, a bit each. */
    _Atomic bool is_recovered;

    /* For whoever watches; what can be summed up is among the shard's metrics. */
    uint64_t shown_ms;
    _Atomic uint64_t peek_sync_us_last;
    _Atomic uint64_t peek_sync_us_max;
    _Atomic uint64_t peek_status;

    /* The loop's own. */
    bool has_left; /* It has left entries to be written at its turn's end. */
    bool awaits;   /* Its outputs wait, for this: */
    uint64_t awaited[DURABLE_THREADS_MAX];
};

/* STATUS_MEMORY, or as journal_open: then out_failure has a sentence. */
NODISCARD enum status durable_open(struct loop *loop, struct failure *out_failure);

/* The thread has ended; a log that holds what the store does not is synced. False: it could not be.
 */
bool durable_close(struct loop *loop);

/* What was appended is written, and its positions are shown. */
void durable_write(struct loop *home) ON_SHARD_THREAD;
/* Shows how far the log has come; writes where that must not wait for the turn's end. */
void durable_end_visit(struct loop *self, struct loop *home, bool must_write) ON_SHARD_THREAD;

/* The own loop's, inside its shard, once a turn: what its thread has done, and is to do. */
void durable_turn(struct loop *self) ON_SHARD_THREAD;

/* The own loop's, at its turn's end: writes what is left. */
void durable_end_turn(struct loop *self) ON_SHARD_THREAD;

/* Is all safe that the loop has learned until now? */
enum durable_outputs {
    DURABLE_ALL,     /* All outputs may go. */
    DURABLE_GROUP,   /* Those that waited may go, and what came later waits now. */
    DURABLE_NOTHING, /* They go on waiting. */
};
enum durable_outputs durable_look(struct loop *self);

/* The shard's effects (struct shard_port). */
void durable_release(void *context, uint64_t segment, bool recovered);
void durable_note_forgetting(void *context);
void durable_sync_journal(void *context);

#endif
