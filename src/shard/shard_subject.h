/* One user as a command finds it: what the files that run commands share.
 *
 * Memory and thread: as in shard.h.
 */
#ifndef SHARD_SHARD_SUBJECT_H
#define SHARD_SHARD_SUBJECT_H

#include "shard/shard_internal.h"

/* The user, and it is made where there was none. */
struct subject {
    struct shard *shard;
    struct user_id id;
    uint32_t block; /* BLOCK_NONE: has no states. */
};

static inline void subject_send(const struct subject *self, const struct reply *reply)
{
    self->shard->config.port.reply(self->shard->config.port.lent_context, reply);
}

/* 0 where the user is not there. */
static inline uint64_t subject_get_version(const struct subject *self)
{
    return self->block == BLOCK_NONE ? 0 : cache_get(&self->shard->cache, self->block)->version;
}

static inline uint32_t subject_count_live(const struct subject *self)
{
    return self->block == BLOCK_NONE ? 0 : cache_get(&self->shard->cache, self->block)->live_states;
}

static inline void subject_touch(const struct subject *self)
{
    if (self->block != BLOCK_NONE) {
        cache_touch(&self->shard->cache, self->block, (uint32_t)(self->shard->now_ms / 1000));
    }
}

static inline struct cache_place subject_find_place(const struct subject *self,
                                                    struct channel_key channel)
{
    return self->block == BLOCK_NONE ? (struct cache_place){.channel = channel}
                                     : cache_find_state(&self->shard->cache, self->block, channel);
}

/* The state of that place unpacked, a fresh one where none is there. */
static inline void subject_read_state(const struct cache_place *place, struct read_state *out_state)
{
    if (place->there) {
        leaf_read(place->leaf, place->row, out_state);
    } else {
        read_state_init(out_state, place->channel);
    }
}

/* shard_change.c */
enum outcome shard_run_ack(struct subject *subject, const struct waiter *waiter);
enum outcome shard_run_change(struct subject *subject, const struct waiter *waiter);
enum outcome shard_run_bulkack(struct subject *subject, const struct waiter *waiter);
enum outcome shard_run_del(struct subject *subject, const struct waiter *waiter);
/* One of the users of RS.MENTION, RS.MESSAGE and RS.UNMENTION. */
enum outcome shard_run_target(struct subject *subject, struct waiter *waiter);

/* shard_forget.c */
enum outcome shard_run_forget(struct subject *subject, const struct waiter *waiter);

/* shard_feed.c */
/* Tells readers that the user is forgotten: with the old epoch, and the version after the last. */
void shard_publish_forgetting(const struct subject *subject);
enum outcome shard_run_subscribe(struct subject *subject, const struct waiter *waiter);
enum outcome shard_run_unsubscribe(struct subject *subject, const struct waiter *waiter);

/* A publication being made: its states are gathered in the shard's views, a part at a time. */
struct publishing {
    const struct subject *subject;
    enum publication_cause cause;
    uint32_t count;
    bool is_wanted; /* Somebody reads the user's feed. */
    bool has_begun; /* A part was published. */
};

struct publishing shard_begin_publication(const struct subject *subject,
                                          enum publication_cause cause);
/* The channel's state has changed, and is as it stands now; the user has its new version. */
void shard_publish_state(struct publishing *self, struct channel_key channel);
void shard_end_publication(struct publishing *self);

/* shard_journal.c: an entry about a command on the user, being made in the room that was reserved.
 */
struct journaling {
    const struct subject *subject;
    uint8_t *lent_entry; /* NULL: nobody keeps it. */
    size_t leaves_size;
};

struct journaling shard_begin_journaling(const struct subject *subject);
/* The channel's state as it is now. */
void shard_journal_state(struct journaling *self, struct channel_key channel);
void shard_end_journaling(struct journaling *self);

/* shard_read.c */
enum outcome shard_run_get(struct subject *subject, const struct waiter *waiter);
enum outcome shard_run_list(struct subject *subject, struct waiter *waiter);
enum outcome shard_run_badge(struct subject *subject, const struct waiter *waiter);
enum outcome shard_run_inspect_user(struct subject *subject, const struct waiter *waiter);
enum outcome shard_run_inspect_channel(struct subject *subject, const struct waiter *waiter);
enum outcome shard_run_measure_user(struct subject *subject, const struct waiter *waiter);

#endif
