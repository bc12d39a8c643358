/* A store in front of the store: the same, but that it notes what took long.
 *
 * Memory: the owner's.  Threads: as for any store.
 */
#ifndef NET_STORE_WATCH_H
#define NET_STORE_WATCH_H

#include "net/latency.h"
#include "store/store.h"

struct store_watch {
    struct store lent_store;
    struct latency *lent_latency;
};

/* To be asked in the store's place; good as long as the watch is. Never closed. */
struct store store_watch_get(struct store_watch *self);

#endif
