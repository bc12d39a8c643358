#include "cache/dirty.h"

#include "base/assert.h"
#include "cache/user.h"

static struct user *user_at(const struct dirty *self, uint32_t block)
{
    return slab_get(self->lent_slab, block);
}

/* struct user keeps epoch and list in one number. */
static uint16_t list_name(uint8_t epoch, uint8_t list)
{
    return (uint16_t)(epoch * DIRTY_LISTS + list);
}

static uint8_t epoch_of(const struct user *user)
{
    return (uint8_t)(user->dirty_slot / DIRTY_LISTS);
}

static uint8_t list_of(const struct user *user)
{
    return (uint8_t)(user->dirty_slot % DIRTY_LISTS);
}

void dirty_init(struct dirty *self, struct slab *lent_slab, uint64_t now_ms)
{
    *self = (struct dirty){.lent_slab = lent_slab, .turned_at = now_ms * DIRTY_SLOTS_PER_DELAY};
    for (int epoch = 0; epoch < 2; epoch++) {
        for (int slot = 0; slot < DIRTY_LISTS; slot++) {
            self->heads[epoch][slot] = BLOCK_NONE;
        }
    }
}

static void file(struct dirty *self, uint32_t block, uint8_t epoch, uint8_t list)
{
    struct user *user = user_at(self, block);
    ASSERT(!user_is(user, USER_DIRTY));
    uint32_t *head = &self->heads[epoch][list];
    user->dirty_slot = list_name(epoch, list);
    user->dirty_before = BLOCK_NONE;
    user->dirty_after = *head;
    if (*head != BLOCK_NONE) {
        user_at(self, *head)->dirty_before = block;
    }
    *head = block;
    self->counts[epoch]++;
    self->parked[epoch] += list == DIRTY_PARKED;
    user_set(user, USER_DIRTY, true);
}

void dirty_insert(struct dirty *self, uint32_t block, uint64_t spread)
{
    const unsigned ahead =
        DIRTY_AHEAD_MIN + (unsigned)(spread % (DIRTY_AHEAD_MAX - DIRTY_AHEAD_MIN));
    file(self, block, self->epoch, (uint8_t)((self->now + ahead) % DIRTY_SLOTS));
}

void dirty_insert_due(struct dirty *self, uint32_t block, uint8_t epoch)
{
    file(self, block, epoch, epoch == self->epoch ? self->due : self->flushing_slot);
}

/* Makes the neighbours, or the head, point at these two instead of at `user`. */
static void point_at(struct dirty *self, const struct user *user, uint32_t for_before,
                     uint32_t for_after)
{
    if (user->dirty_before != BLOCK_NONE) {
        user_at(self, user->dirty_before)->dirty_after = for_before;
    } else {
        self->heads[epoch_of(user)][list_of(user)] = for_before;
    }
    if (user->dirty_after != BLOCK_NONE) {
        user_at(self, user->dirty_after)->dirty_before = for_after;
    }
}

void dirty_remove(struct dirty *self, uint32_t block)
{
    struct user *user = user_at(self, block);
    ASSERT(user_is(user, USER_DIRTY));
    point_at(self, user, user->dirty_after, user->dirty_before);
    self->counts[epoch_of(user)]--;
    self->parked[epoch_of(user)] -= list_of(user) == DIRTY_PARKED;
    user_set(user, USER_DIRTY, false);
}

void dirty_park(struct dirty *self, uint32_t block)
{
    const uint8_t epoch = epoch_of(user_at(self, block));
    dirty_remove(self, block);
    file(self, block, epoch, DIRTY_PARKED);
}

void dirty_unpark(struct dirty *self, uint32_t block)
{
    const struct user *user = user_at(self, block);
    if (list_of(user) == DIRTY_PARKED) {
        const uint8_t epoch = epoch_of(user);
        dirty_remove(self, block);
        dirty_insert_due(self, block, epoch);
    }
}

void dirty_mend(struct dirty *self, uint32_t block)
{
    point_at(self, user_at(self, block), block, block);
}

bool dirty_turn(struct dirty *self, uint64_t now_ms, uint64_t delay_ms)
{
    const uint64_t now = now_ms * DIRTY_SLOTS_PER_DELAY;
    /* After a long sleep all that was filed is due, and no more than that. */
    const uint64_t passed_max = (uint64_t)DIRTY_SLOTS * delay_ms;
    if (now - self->turned_at > passed_max) {
        self->turned_at = now - passed_max;
    }
    const uint64_t steps_due = (now - self->turned_at) / delay_ms;
    /* A slot that still holds due users is not filed into again: `now` waits for `due`. */
    const unsigned lag = (unsigned)(self->now - self->due) % DIRTY_SLOTS;
    const unsigned room = DIRTY_LAG_MAX > lag ? DIRTY_LAG_MAX - lag : 0;
    const uint64_t steps = steps_due < room ? steps_due : room;
    self->turned_at += steps * delay_ms;
    self->now = (uint8_t)((self->now + steps) % DIRTY_SLOTS);
    return steps < steps_due;
}

uint32_t dirty_find_due(struct dirty *self)
{
    const uint8_t other = self->epoch ^ 1;
    while (self->counts[other] > self->parked[other]) {
        const uint32_t block = self->heads[other][self->flushing_slot];
        if (block != BLOCK_NONE) {
            return block;
        }
        self->flushing_slot = (uint8_t)((self->flushing_slot + 1) % DIRTY_SLOTS);
    }
    for (;;) {
        const uint32_t block = self->heads[self->epoch][self->due];
        if (block != BLOCK_NONE || self->due == self->now) {
            return block;
        }
        self->due = (uint8_t)((self->due + 1) % DIRTY_SLOTS);
    }
}

uint32_t dirty_find_next(const struct dirty *self)
{
    for (unsigned i = 0; i < 2; i++) {
        const uint8_t epoch = i == 0 ? self->epoch ^ 1 : self->epoch;
        for (unsigned ahead = 0; ahead < DIRTY_SLOTS; ahead++) {
            const uint32_t block = self->heads[epoch][(self->due + ahead) % DIRTY_SLOTS];
            if (block != BLOCK_NONE) {
                return block;
            }
        }
    }
    return BLOCK_NONE;
}

uint8_t dirty_get_epoch(const struct dirty *self, uint32_t block)
{
    return epoch_of(user_at(self, block));
}

void dirty_begin_flush(struct dirty *self)
{
    ASSERT(self->counts[self->epoch ^ 1] == 0);
    self->flushing_slot = self->due;
    self->due = self->now;
    self->epoch ^= 1;
}

uint64_t dirty_peek_delay_ms(const struct dirty *self, uint32_t block, uint64_t delay_ms)
{
    const struct user *user = user_at(self, block);
    if (epoch_of(user) != self->epoch || list_of(user) == DIRTY_PARKED) {
        return 0;
    }
    const unsigned ahead = (unsigned)(list_of(user) - self->now) % DIRTY_SLOTS;
    return ahead > DIRTY_AHEAD_MAX ? 0 : ahead * delay_ms / DIRTY_SLOTS_PER_DELAY;
}
