/* What the files of the node share.
 *
 * Memory and thread: as in node.h.
 */
#ifndef SIM_NODE_INTERNAL_H
#define SIM_NODE_INTERNAL_H

#include "sim/node.h"

enum {
    NODE_STORE_HANG_MS = 3000,
    NODE_TURNS_MAX = 64, /* Of a shard that asks for another one at once. */
};

#define NODE_DATA_FOLDER "data"

/* node_warm.c */
uint32_t node_get_warm_rate(void);
void node_begin_warm(struct node *self);
void node_turn_warm(struct node *self) ON_SHARD_THREAD;
/* At a clean end: all is written, and the shards are there. */
void node_save_warm(struct node *self) ON_SHARD_THREAD;
void node_end_warm(struct node *self);

/* node_store.c: what comes back from the store by now. */
void node_complete_requests(struct node_shard *self) ON_SHARD_THREAD;
/* The log is written: what was sent since may be done. */
void node_show_requests(struct node_shard *self);
/* Some of the writes under way may have been done. */
void node_abandon_requests(struct node_shard *self);
void node_send_to_store(void *context, const struct store_request *request);

/* The shard goes on with as much memory as there is now, if it is to go without at all. */
void node_ration(struct node_shard *self, bool may_fail);

/* Ends by itself: the journal is not safe. */
void node_fail(struct node *self);

#endif
