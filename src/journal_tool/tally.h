/* What stands in a file, or in all: counted entry by entry.
 *
 * Users are counted one by one up to TALLY_USERS_MAX, beyond that it is said to be more.
 *
 * Memory: the heap, 16 MiB each.  Thread: one at a time.
 */
#ifndef JOURNAL_TOOL_TALLY_H
#define JOURNAL_TOOL_TALLY_H

#include "base/attribute.h"
#include "base/status.h"
#include "journal/entry.h"

#include <stdint.h>
#include <stdio.h>

enum { TALLY_KINDS = JOURNAL_SEALED + 1, TALLY_SLOTS = 1 << 21, TALLY_USERS_MAX = 1 << 20 };

struct tally {
    uint64_t *slots; /* Users, 0: none; by open addressing. */
    uint32_t users;
    uint64_t by_kind[TALLY_KINDS];
    uint64_t bytes;
    uint64_t states;
    uint64_t version_min; /* Of users; 0: no entry has one. */
    uint64_t version_max;
};

NODISCARD enum status tally_init(struct tally *self);
void tally_deinit(struct tally *self);
void tally_reset(struct tally *self);

void tally_take(struct tally *self, const struct journal_entry *entry, uint64_t size);
void tally_print(const struct tally *self, FILE *to);

#endif
