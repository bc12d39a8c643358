#include "journal_tool/tally.h"

#include "base/hash.h"
#include "readstate/leaf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum status tally_init(struct tally *self)
{
    *self = (struct tally){.slots = calloc(TALLY_SLOTS, sizeof *self->slots)};
    return self->slots == NULL ? STATUS_MEMORY : STATUS_OK;
}

void tally_deinit(struct tally *self)
{
    free(self->slots);
    *self = (struct tally){0};
}

void tally_reset(struct tally *self)
{
    uint64_t *slots = self->slots;
    if (self->users > 0) {
        memset(slots, 0, TALLY_SLOTS * sizeof *slots);
    }
    *self = (struct tally){.slots = slots};
}

static void note_user(struct tally *self, struct user_id user)
{
    if (self->users > TALLY_USERS_MAX) {
        return;
    }
    uint64_t at = hash_user(user) % TALLY_SLOTS;
    while (self->slots[at] != 0 && self->slots[at] != user.value) {
        at = (at + 1) % TALLY_SLOTS;
    }
    self->users += self->slots[at] == 0;
    self->slots[at] = user.value;
}

static uint64_t count_states(struct slice leaves)
{
    uint64_t states = 0;
    for (size_t at = 0; at < leaves.size;) {
        const uint8_t *leaf = (const uint8_t *)leaves.bytes + at;
        states += leaf_get_rows(leaf);
        at += leaf_get_size(leaf);
    }
    return states;
}

void tally_take(struct tally *self, const struct journal_entry *entry, uint64_t size)
{
    self->by_kind[entry->kind]++;
    self->bytes += size;
    if (entry->kind == JOURNAL_SYNCED || entry->kind == JOURNAL_SEALED) {
        return;
    }
    note_user(self, entry->user);
    if (entry->kind == JOURNAL_FORGETTING) {
        return;
    }
    self->states += entry->kind == JOURNAL_PLAIN ? 1 : count_states(entry->leaves);
    if (self->version_min == 0 || entry->version < self->version_min) {
        self->version_min = entry->version;
    }
    self->version_max = entry->version > self->version_max ? entry->version : self->version_max;
}

void tally_print(const struct tally *self, FILE *to)
{
    uint64_t entries = 0;
    for (int kind = 0; kind < TALLY_KINDS; kind++) {
        entries += self->by_kind[kind];
    }
    fprintf(to,
            "entries   %" PRIu64 ": %" PRIu64 " plain, %" PRIu64 " states, %" PRIu64
            " forgetting, %" PRIu64 " synced, %" PRIu64 " sealed\n",
            entries, self->by_kind[JOURNAL_PLAIN], self->by_kind[JOURNAL_STATES],
            self->by_kind[JOURNAL_FORGETTING], self->by_kind[JOURNAL_SYNCED],
            self->by_kind[JOURNAL_SEALED]);
    fprintf(to, "bytes     %" PRIu64 "\n", self->bytes);
    fprintf(to, "users     %s%" PRIu32 "\n", self->users > TALLY_USERS_MAX ? "more than " : "",
            self->users > TALLY_USERS_MAX ? TALLY_USERS_MAX : self->users);
    fprintf(to, "states    %" PRIu64 "\n", self->states);
    if (self->version_min > 0) {
        fprintf(to, "versions  %" PRIu64 " to %" PRIu64 "\n", self->version_min, self->version_max);
    }
}
