/* The threads that wait for the store, so that no shard does.
 *
 *     shard ──requests──► worker ──► store          one worker writes, the others read;
 *           ◄─completions─                          a ring each way between a shard and each worker
 *
 * Each shard has workers of its own. One of them does all its writes, so those of a user keep their
 * order; it takes all that waits in its ring, up to a bound, as one write call. A failed call fails
 * for each of its images: a store that fails does so whatever it is given, and trying them one by
 * one would only wait as many times. Reads go to the worker with the fewest of them. A read and a
 * write are not ordered: a read sees a write for sure only if it is sent after the write's
 * completion.
 *
 * Who owns an image: the request's sender until store_workers_send, then the worker, then, with the
 * completion of a read, the receiver. The image of a write is freed by the worker.
 *
 * Threads: send, flush and receive: the shard's. create and destroy: whoever owns the workers,
 * while no shard uses them.
 */
#ifndef STORE_WORKER_H
#define STORE_WORKER_H

#include "base/attribute.h"
#include "base/ids.h"
#include "base/role.h"
#include "base/status.h"
#include "store/image.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    STORE_READERS_MAX = 8,
    STORE_IN_FLIGHT_MAX = 65536,
    /* One write call takes at most so many images, and so many bytes if it takes more than one. */
    STORE_BATCH_IMAGES_MAX = 256,
    STORE_BATCH_SIZE_MAX = 1024 * 1024,
};

enum store_work {
    STORE_WORK_READ,
    STORE_WORK_WRITE,
    STORE_WORK_SYNC, /* All writes that were sent before are on the store's disk. Counts as a write,
                      * and has no user. */
};

struct store_request {
    enum store_work work;
    struct user_id user;
    uint64_t ticket;     /* The sender's own, comes back with the completion. */
    struct image *image; /* Writes only. */
};

struct store_completion {
    enum store_work work;
    enum status status; /* What the store's read, write or sync returned. */
    struct user_id user;
    uint64_t ticket;
    struct image *image; /* Reads that ended with STATUS_OK only, else NULL. */
};

struct store_workers;

struct store_workers_config {
    uint32_t readers; /* 1 to STORE_READERS_MAX. */
    uint32_t
        reads_max; /* In flight at once, 1 to STORE_IN_FLIGHT_MAX: sent and not yet received. */
    uint32_t writes_max;
    struct store lent_store;

    /* Called on a worker's thread, once for each batch of completions it has shown; must be safe
     * there (as uv_async_send is), until store_workers_destroy has returned. */
    void (*wake)(void *lent_context);
    void *lent_context;
};

/* Starts the threads, with all signals blocked. STATUS_MEMORY leaves nothing behind. */
NODISCARD enum status store_workers_create(struct store_workers **out_workers,
                                           const struct store_workers_config *config);

/* Finishes what was sent, ends the threads, frees what was not received. The store stays open. */
void store_workers_destroy(struct store_workers **taken_workers);

/* False: as many as allowed are in flight; nothing was taken. True: the image, if any, is theirs.
 */
NODISCARD bool store_workers_send(struct store_workers *self,
                                  const struct store_request *request) ON_SHARD_THREAD;

/* Shows the workers all that was sent, and wakes those that sleep. Once a turn of the loop. */
void store_workers_flush(struct store_workers *self) ON_SHARD_THREAD;

/* False: nothing waits. */
NODISCARD bool store_workers_receive(struct store_workers *self,
                                     struct store_completion *out_completion) ON_SHARD_THREAD;

#endif
