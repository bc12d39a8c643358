/* A store that loses at a power cut what it was not told to sync.
 *
 *     live ──writes──► what is read          synced ──► what a power cut leaves for sure,
 *                                            with any number of the first writes since
 *
 * Its functions do as store/store.h says, and never fail: faults are the node's, which asks when a
 * request is due.
 *
 * Memory: the heap.  Thread: one.
 */
#ifndef SIM_SIM_STORE_H
#define SIM_SIM_STORE_H

#include "sim/world.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct sim_store;

struct sim_store *sim_store_create(void);
void sim_store_destroy(struct sim_store *self);

/* Lives as long as it does; close does nothing. */
struct store sim_store_get(struct sim_store *lent_self);

/* Calls through the port fail from here on, or no more. */
void sim_store_set_down(struct sim_store *self, bool is_down);

/* Of the writes since the last sync so many stay. */
void sim_store_cut_power(struct sim_store *self, uint32_t writes_kept);
uint32_t sim_store_count_unsynced(const struct sim_store *self);

/* The version of the user, as it is read, or as it is for sure after a power cut; 0: not there. */
uint64_t sim_store_peek_version(const struct sim_store *self, struct user_id user, bool is_synced,
                                uint32_t *out_incarnation);

/* Of all that is read. */
uint64_t sim_store_hash(const struct sim_store *self);

#endif
