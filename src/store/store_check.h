/* What every store must do, as checks that are run on one: each store's test calls them all.
 *
 * A check that fails says so and ends the process.
 *
 * Memory: the heap, freed at the end of each.  Threads: one; store_check_threads starts its own.
 */
#ifndef STORE_STORE_CHECK_H
#define STORE_STORE_CHECK_H

#include "base/ids.h"
#include "store/image.h"
#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct store_check {
    /* Opens the same store each time; it is empty at the first. */
    struct store (*open)(void *lent_context);
    void *lent_context;
    bool keeps; /* What was written is there after close and open. */
    unsigned seed;
};

void store_check_missing(const struct store_check *self);
void store_check_identity(const struct store_check *self);

/* One user of so many leaves, of which then some change and some end. */
void store_check_large_user(const struct store_check *self, uint32_t leaves);

/* Random writes against a slow model, with the store closed and opened in between. */
void store_check_random(const struct store_check *self, uint32_t steps);

/* Readers beside a writer see only whole writes. */
void store_check_threads(const struct store_check *self, uint32_t writes);

/* Valid bytes to write, of which version and number can be told again: for tests of one store only.
 * A user whose record says leaves: `leaves` of them, the n-th with the fence store_check_fence(n).
 */
struct image *store_check_encode_user(struct user_id user, uint64_t version, uint32_t leaves);
struct channel_key store_check_fence(uint32_t leaf);

/* Ends the process unless the store has the user just so. */
void store_check_expect_user(struct store store, struct user_id user, uint64_t version,
                             uint32_t leaves);

#endif
