/* The thread that waits for a log's disk, so that no shard does.
 *
 *     log ──task──► worker ──► disk
 *         ◄─the same, done─
 *
 * Memory: the heap; one task at a time.  Threads: create and destroy: the owner's, while nobody
 * uses it. send and receive: one at a time.
 */
#ifndef JOURNAL_WORKER_H
#define JOURNAL_WORKER_H

#include "base/attribute.h"
#include "base/status.h"
#include "journal/task.h"

#include <stdbool.h>

struct journal_worker;

struct journal_worker_config {
    /* On the worker's thread: there is something to receive. */
    void (*wake)(void *lent_context);
    void *lent_context;
};

/* STATUS_MEMORY leaves nothing behind. The thread has all signals blocked. */
NODISCARD enum status journal_worker_create(struct journal_worker **out_worker,
                                            const struct journal_worker_config *config);

/* Finishes the task it has. True: *out_task is it, and was not received. */
NODISCARD bool journal_worker_destroy(struct journal_worker **taken_worker,
                                      struct journal_task *out_task);

/* It has none: what was sent was received. */
void journal_worker_send(struct journal_worker *self, const struct journal_task *task);

/* False: none is done. */
bool journal_worker_receive(struct journal_worker *self, struct journal_task *out_task);

#endif
