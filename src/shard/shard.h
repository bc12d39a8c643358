/* A shard: what happens when a message arrives? A pure machine over its part of the users.
 *
 *     commands ──►┌───────┐──► replies, publications
 *     store's  ──►│ shard │──► loads and writes for the store
 *     time     ──►└───────┘──► entries for the journal
 *
 * It does no I/O, takes no clock and draws nothing at random: what it does follows from what it
 * was given, in order.
 *
 * A command on a user in memory is executed at once. One that must wait (for a load, or for room
 * in the cache) stands in the user's queue with a copy of its arguments, and so do all later ones
 * on that user, so each user's commands act in the order they came.
 *
 * Nothing takes long at once: large users are loaded, saved, listed and evictions done in slices,
 * by shard_turn.
 *
 * Memory: owns its cache and what waits.  Thread: one at a time.
 */
#ifndef SHARD_SHARD_H
#define SHARD_SHARD_H

#include "base/attribute.h"
#include "base/hash.h"
#include "base/role.h"
#include "base/status.h"
#include "journal/entry.h"
#include "memory/buffer.h"
#include "message/command.h"
#include "message/publication.h"
#include "message/reply.h"
#include "metrics/metrics.h"
#include "shard/hot_list.h"
#include "store/worker.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    /* In flight at the store at once, a shard. */
    SHARD_LOADS_MAX = 256,
    SHARD_SAVES_MAX = 256,

    SHARD_PREFETCH_MAX = 64,

    /* Users of a warm restart that stand in line, a shard. */
    SHARD_WARM_MAX = 256,
};

/* The shard's share of the options that may change live. */
struct shard_limits {
    uint64_t cache_bytes;
    uint64_t dirty_bytes;
    uint32_t cache_users; /* 0: no bound. */
    uint32_t max_channels;
    uint32_t tombstones_kept; /* 1 or more. */
    uint64_t commit_delay_ms;
    uint8_t mention_ids_kept;
    uint32_t warm_rate; /* Users a second that shard_warm has loaded at the most; 0: none. */
};

/* Where its effects go. */
struct shard_port {
    /* The payload is lent for the call. */
    void (*reply)(void *lent_context, const struct reply *lent_reply);

    /* May a further part of a long list be sent there now? If not, the shard asks again at its
     * next turn. */
    bool (*has_reply_room)(void *lent_context, const struct command_token *token);

    /* Of users that a loop is subscribed to. The views are lent for the call. */
    void (*publish)(void *lent_context, const struct publication *lent_publication);

    /* The image, if any, is the store's. Never more in flight than SHARD_LOADS_MAX and
     * SHARD_SAVES_MAX. */
    void (*send_to_store)(void *lent_context, const struct store_request *request);

    /* Nothing in the journal's segments up to that number is needed any more; nor, with
     * `recovered`, in what was there before this shard was made. */
    void (*release)(void *lent_context, uint64_t segment, bool recovered);

    /* The store has erased a user: what the journal's segments up to the current one hold of it is
     * to go from the disk as well. */
    void (*note_forgetting)(void *lent_context);

    /* What is in the journal by now is to be on its disk, whatever the mode: shard_end_journal_sync
     * follows. Not called again before. */
    void (*sync_journal)(void *lent_context);

    void *lent_context;
};

struct shard_config {
    uint32_t number;
    struct shard_limits limits;
    struct shard_port port;
    struct metrics *lent_metrics;
    uint64_t now_ms;
    const uint32_t *generations; /* Of all HASH_SLOTS slots, as the store has them; copied. */

    /* What is changed is put there as entries (journal/entry.h), before the reply is given; NULL:
     * nobody keeps it. The caller empties it. */
    struct buffer *lent_journal;
};

struct shard;

NODISCARD enum status shard_create(struct shard **out_shard, const struct shard_config *config);

/* What waits gets no answer any more. */
void shard_destroy(struct shard **taken_shard);

void shard_set_limits(struct shard *self, const struct shard_limits *limits) ON_SHARD_THREAD;

/* Brings users nearer to the processor, before their commands are executed; SHARD_PREFETCH_MAX at
 * the most. */
void shard_prefetch(const struct shard *self, const struct user_id *users,
                    uint32_t count) ON_SHARD_THREAD;

/* Every command gets its reply, now or later. The command's list is lent for the call. */
void shard_execute(struct shard *self, const struct command *command) ON_SHARD_THREAD;

/* The journal's segment that entries go into from here on, from 1, and whether changes may be taken
 * (STATUS_OK), have to wait (STATUS_BUSY), or are refused with that status. */
void shard_set_segment(struct shard *self, uint64_t current, enum status status) ON_SHARD_THREAD;

/* All is on the disk that was in the journal when the shard asked for it. */
void shard_end_journal_sync(struct shard *self) ON_SHARD_THREAD;

/* Recovery: a change of the journal, as it was put there. Before any command, in order.
 * STATUS_BUSY: there is no room for it, or something is under way with the user: to be tried again
 * after some shard_turn, in which users are written and sent away. STATUS_MEMORY, STATUS_CORRUPT.
 */
NODISCARD enum status shard_recover(struct shard *self,
                                    const struct journal_entry *entry) ON_SHARD_THREAD;

/* Earlier logs count no more, on the disk: from here on segments are let go of. Until then they
 * would be read again, and what was forgotten meanwhile must be found behind them. */
void shard_end_history(struct shard *self) ON_SHARD_THREAD;

/* Is all that was recovered in the store, or overtaken by what came later? */
bool shard_is_recovered(const struct shard *self) ON_SHARD_THREAD;

/* A load or a write has ended. The completion's image is the shard's from here on. */
void shard_complete(struct shard *self, struct store_completion *taken_completion) ON_SHARD_THREAD;

/* Lets time pass, and does a slice of all that is cut in slices. True: more is waiting to be done,
 * and does not wait for anything but the next call. */
bool shard_turn(struct shard *self, uint64_t now_ms) ON_SHARD_THREAD;

/* Has something begun, since the last shard_turn, that goes on with the next one? Without one it
 * would wait until the next completion, or for time to pass. */
bool shard_wants_turn(const struct shard *self) ON_SHARD_THREAD;

/* Warm restart (shard_warm.c). The user is to be loaded once there is time and room for it; who
 * comes first is hotter, and nobody goes for it. False: as many stand in line as may; else
 * METRIC_WARM_LOADED or METRIC_WARM_SKIPPED will count it. */
NODISCARD bool shard_warm(struct shard *self, struct user_id user) ON_SHARD_THREAD;

/* Those who stand in line are not loaded. */
void shard_end_warm(struct shard *self) ON_SHARD_THREAD;

/* Makes a list of the hottest users, `users_max` at the most, in slices; one that was being made is
 * dropped. */
NODISCARD enum status shard_begin_hot(struct shard *self, uint32_t users_max) ON_SHARD_THREAD;

/* True: it is made, and the caller's. */
NODISCARD bool shard_take_hot(struct shard *self, struct hot_list *out_list) ON_SHARD_THREAD;

/* Brings the gauges up to date. */
void shard_publish_metrics(struct shard *self) ON_SHARD_THREAD;

/* Users whose changes are not all in the store. */
uint32_t shard_count_unwritten(const struct shard *self) ON_SHARD_THREAD;

#endif
