/* A hash table of nodes that stand in what they name, which grows a bucket at an insertion.
 *
 * Linear hashing: with N buckets in use, 2^L <= N < 2^(L+1), a hash is of bucket `hash mod 2^(L+1)`
 * if that is in use, else of `hash mod 2^L`. One more bucket takes its nodes from one other: no
 * step moves more than a chain. (W. Litwin, "Linear hashing", VLDB 1980.)
 *
 * Memory: an array of buckets, which doubles; without memory for that chains get longer. The nodes
 * are the caller's.  Thread: the owner's.
 */
#ifndef NET_FEED_TABLE_H
#define NET_FEED_TABLE_H

#include "base/attribute.h"
#include "base/status.h"

#include <stdint.h>

struct feed_node {
    struct feed_node *chain;
    uint64_t hash;
};

struct feed_table {
    struct feed_node **buckets;
    uint32_t in_use; /* N; 0 before the first node. */
    uint32_t room;
    uint32_t count;
};

/* Where the search for a hash begins, NULL where there is nothing: to be gone through by
 * feed_node_next, each node with its hash compared. */
struct feed_node *feed_table_find(const struct feed_table *self, uint64_t hash);

/* The next node of the same hash. */
struct feed_node *feed_node_next(const struct feed_node *self);

/* STATUS_MEMORY: before the first node only. */
NODISCARD enum status feed_table_insert(struct feed_table *self, struct feed_node *node,
                                        uint64_t hash);

/* The node is in the table. */
void feed_table_remove(struct feed_table *self, struct feed_node *node);

/* The nodes stay. */
void feed_table_deinit(struct feed_table *self);

#endif
