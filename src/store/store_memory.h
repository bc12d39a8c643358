/* The store in plain memory: gone with its process. For tests, and for trying things out.
 *
 * Memory: the heap, counted but not bounded.  Threads: any, several at a time; readers do not wait
 * for each other.
 */
#ifndef STORE_STORE_MEMORY_H
#define STORE_STORE_MEMORY_H

#include "base/attribute.h"
#include "base/status.h"
#include "store/store.h"

/* Starts empty. STATUS_MEMORY leaves *out_store alone. */
NODISCARD enum status store_memory_open(struct store *out_store);

/* What ops->close of such a store is; takes its `self`. */
void store_memory_close(void *taken_self);

#endif
