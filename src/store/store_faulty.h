/* A store that can be told to fail: stands before another one, for tests of what must survive it.
 *
 * Memory: the heap.  Threads: the store's functions as in store.h, the others any, at any time
 * before close.
 */
#ifndef STORE_STORE_FAULTY_H
#define STORE_STORE_FAULTY_H

#include "base/attribute.h"
#include "base/status.h"
#include "store/store.h"
#include "store/worker.h"

#include <stdint.h>

enum store_fault {
    STORE_FAULT_NONE,
    STORE_FAULT_FAIL,      /* Answers STATUS_STORE and does nothing. */
    STORE_FAULT_FAIL_LATE, /* Does it, and answers STATUS_STORE all the same. */
    STORE_FAULT_LOSE,      /* Does nothing: a write answers STATUS_OK, a read STATUS_MISSING. */
    STORE_FAULT_DELAY,     /* Does it after STORE_FAULT_DELAY_MS. */
    STORE_FAULT_HANG,      /* Does it when told to resume. */
};

enum { STORE_FAULT_DELAY_MS = 20 };

#define STORE_FAULT_FOR_GOOD UINT64_MAX

struct store_faulty;

/* Closing *out_store closes `taken_store` too, and ends *out_faulty, which is borrowed from it.
 * STATUS_MEMORY: nothing was taken. */
NODISCARD enum status store_faulty_open(struct store *out_store, struct store_faulty **out_faulty,
                                        struct store taken_store);

/* What ops->close of such a store is; takes its `self`. */
void store_faulty_close(void *taken_self);

/* The next `skip` calls of that work go through, the `count` after them meet the fault. Replaces
 * what was said before of that work; calls that hang already go on hanging. */
void store_faulty_plan(struct store_faulty *self, enum store_work work, uint64_t skip,
                       uint64_t count, enum store_fault fault);

/* Returns once `count` calls hang. */
void store_faulty_await_hanging(struct store_faulty *self, uint32_t count);

/* Those that hang go on, and no later call hangs. */
void store_faulty_resume(struct store_faulty *self);

/* Calls that began, and images in them where they wrote. */
uint64_t store_faulty_count_calls(struct store_faulty *self, enum store_work work);
uint64_t store_faulty_count_images(struct store_faulty *self);

#endif
