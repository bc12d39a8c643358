/* What goes into the journal, and which of its segments are still needed. */
#include "base/assert.h"
#include "shard/shard_subject.h"

#include "journal/entry.h"

uint8_t shard_era_of(uint64_t segment)
{
    return (uint8_t)(1 + segment % (CACHE_ERAS - 1));
}

bool shard_journal_reserve(struct shard *self, uint32_t states, size_t state_size_max)
{
    struct buffer *to = self->config.lent_journal;
    const size_t size = JOURNAL_STATES_HEAD_SIZE + 8 + states * state_size_max;
    return to == NULL || buffer_reserve(to, size) != NULL;
}

struct journaling shard_begin_journaling(const struct subject *subject)
{
    struct buffer *to = subject->shard->config.lent_journal;
    return (struct journaling){.subject = subject,
                               .lent_entry = to == NULL ? NULL : (uint8_t *)to->bytes + to->end};
}

void shard_journal_state(struct journaling *self, struct channel_key channel)
{
    if (self->lent_entry == NULL) {
        return;
    }
    const struct cache_place place = subject_find_place(self->subject, channel);
    if (place.there) {
        uint8_t *to = self->lent_entry + JOURNAL_STATES_HEAD_SIZE + self->leaves_size;
        self->leaves_size += leaf_copy_rows(to, place.leaf, place.row, place.row + 1);
    }
}

void shard_end_journaling(struct journaling *self)
{
    if (self->lent_entry == NULL) {
        return;
    }
    const struct shard *shard = self->subject->shard;
    const struct user *user = cache_get(&shard->cache, self->subject->block);
    const struct journal_entry head = {.user = self->subject->id,
                                       .incarnation = user->incarnation,
                                       .tombstones = user->tombstones,
                                       .version = user->version,
                                       .purged_to = user->purged_to};
    journal_entry_encode_states(self->lent_entry, &head, self->leaves_size);
    buffer_extend(shard->config.lent_journal, journal_entry_measure_states(self->leaves_size));
}

bool shard_journal_forgetting(struct shard *self, struct user_id user, uint32_t generation)
{
    struct buffer *to = self->config.lent_journal;
    if (to == NULL) {
        return true;
    }
    char *entry = buffer_reserve(to, JOURNAL_FORGETTING_SIZE);
    if (entry != NULL) {
        journal_entry_encode_forgetting((uint8_t *)entry, user, generation);
        buffer_extend(to, JOURNAL_FORGETTING_SIZE);
    }
    return entry != NULL;
}

void shard_set_segment(struct shard *self, uint64_t current, enum status status)
{
    self->journal_segment = current;
    self->journal_status = status;
    self->cache.era = shard_era_of(current);
}

static bool is_recovered(const struct shard *self)
{
    return self->cache.eras[0] == 0;
}

/* All segments before the first in which an unwritten change began, or a forgetting. A user with
 * changes from before the first one may have later ones in any; and as long as earlier logs count,
 * they may have what was forgotten since. */
static uint64_t find_released(const struct shard *self)
{
    uint64_t number = self->journal_released;
    while (self->has_ended_history && is_recovered(self) && number + 1 < self->journal_segment &&
           self->cache.eras[shard_era_of(number + 1)] == 0) {
        number++;
    }
    return number;
}

void shard_end_history(struct shard *self)
{
    self->has_ended_history = true;
    self->wants_turn = true;
}

bool shard_is_recovered(const struct shard *self)
{
    return is_recovered(self);
}

/* What the store has taken must be on its disk before the journal lets go of it. */
void shard_turn_journal(struct shard *self)
{
    /* As long as it is being recovered, more may come of what is in the store already. */
    const bool is_recovering = self->journal_segment == 0;
    if (self->config.lent_journal == NULL || is_recovering || self->is_syncing_store ||
        self->now_ms < self->store_sync_at_ms) {
        return;
    }
    const uint64_t released = find_released(self);
    const bool ends_recovery = !self->has_ended_recovery && is_recovered(self);
    if (released == self->journal_released && !ends_recovery) {
        return;
    }
    self->is_syncing_store = true;
    self->is_ending_recovery = ends_recovery;
    const struct store_request request = {.work = STORE_WORK_SYNC, .ticket = released};
    self->config.port.send_to_store(self->config.port.lent_context, &request);
}

void shard_end_store_sync(struct shard *self, const struct store_completion *completion)
{
    self->is_syncing_store = false;
    if (completion->status != STATUS_OK) {
        self->store_sync_at_ms = self->now_ms + STORE_SYNC_RETRY_MS;
        return;
    }
    self->journal_released = completion->ticket;
    self->has_ended_recovery |= self->is_ending_recovery;
    self->config.port.release(self->config.port.lent_context, completion->ticket,
                              self->has_ended_recovery);
}

/* Is the log so long that users are written before their time, the oldest changes first? */
bool shard_journal_is_long(const struct shard *self)
{
    return self->config.lent_journal != NULL &&
           self->journal_segment - self->journal_released > JOURNAL_LONG_SEGMENTS;
}
