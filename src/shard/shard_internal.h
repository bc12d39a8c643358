/* What the files of the shard share.
 *
 * Memory and thread: as in shard.h.
 */
#ifndef SHARD_SHARD_INTERNAL_H
#define SHARD_SHARD_INTERNAL_H

#include "cache/cache.h"
#include "cache/cache_hot.h"
#include "shard/breaker.h"
#include "shard/shard.h"
#include "shard/waiting.h"

enum {
    /* What one call of shard_turn does of each kind of work at the most; each is some 10 to 100
     * us. */
    TURN_EVICTIONS = 256, /* Users, and leaves of those that went. */
    TURN_PASSED_BY = 64,  /* An eviction. */
    TURN_SAVES = 64,
    TURN_LEAVES = 16,
    TURN_MOVES = 64,
    TURN_LIST_PARTS = 4,
    TURN_LISTS_ASKED = 64,
    TURN_WORK = 256, /* Commands, and elements of their lists. */

    VIEWS_MAX = 128, /* Of one part of a list. */

    /* How often leaves of a large user are copied again because they have changed meanwhile, before
     * all of them are at once. */
    SAVE_ROUNDS_MAX = 8,

    /* Images being made of large users at once: bounds the memory they take. */
    LARGE_SAVES_MAX = 4,

    /* After a failed write, until the next try: doubles up to the second. */
    RETRY_DELAY_MIN_MS = 100,
    RETRY_DELAY_MAX_MS = 5000,

    STORE_SYNC_RETRY_MS = 500,

    /* Who waits for a load is told after so long that the store does not answer. */
    LOAD_TIMEOUT_MS = 5000,
    LOADS_LOOK_MS = 100,
    /* Loads under way, and what they have brought and has no room yet. */
    IMAGES_HELD_MAX = SHARD_LOADS_MAX,
    /* And who waits for a write, where none has ended for so long. */
    WRITE_TIMEOUT_MS = 5000,

    /* Segments of the journal that are needed: with more, users are written before their time. */
    JOURNAL_LONG_SEGMENTS = 64,

    /* Users of a warm restart: loaded at once, and at once while clients wait for loads too;
     * recovery's loads find room beside them. */
    WARM_LOADS_MAX = 8,
    WARM_LOADS_BESIDE_CLIENTS = 2,
    TURN_WARM = 64,
    TURN_HOT = 256, /* Users looked at for the list of the hottest. */

    /* Rows of a partial user that are put upon what the store has, a turn. */
    TURN_ROWS = 512,

    /* With writes under way and none done for so long, the store counts as not taking them. */
    STORE_SILENCE_MAX_MS = 1000,
};

/* A large user whose image is being made in slices. */
struct save {
    struct save *next;
    struct user_id user;
    uint64_t ticket;
    struct image *image;
    struct channel_key next_fence;
    uint32_t rounds;
    bool is_last_round; /* Ends in the same turn, with the record. */
};

/* What the store is to erase once the journal has it. */
struct erasure {
    struct erasure *next;
    struct user_id user;
    uint64_t ticket;
    struct image *image;
};

/* RS.FLUSH of everything: who waits for this round, and for the next one. */
struct flush_waiter {
    struct flush_waiter *next;
    struct command_token token;
};

/* Who is to be loaded without a client asking. */
struct warm {
    uint32_t first; /* In line: users[first % SHARD_WARM_MAX] is the next. */
    uint32_t count;
    uint32_t under_way;
    /* Loads are numbered. None begins far ahead of one that is not done, which would come to stand
     * behind all that were. */
    uint32_t begun;  /* The next one's number. */
    uint32_t done;   /* All before this one are done, */
    uint32_t ahead;  /* and of those behind it these, a bit each. */
    uint64_t earned; /* Loads that the rate allows now, in thousandths. */
    uint64_t earned_ms;
    struct user_id users[SHARD_WARM_MAX];
};

struct shard {
    struct shard_config config;
    struct shard_limits limits;
    uint64_t now_ms;
    bool wants_turn; /* A command has left something for shard_turn. */
    struct metrics *lent_metrics;
    struct cache cache;
    struct waiting_table waiting;
    struct waiting_queue load_queue; /* Wait for fewer loads to be in flight. */
    struct waiting_queue room_queue; /* Wait for room in the cache. */
    struct waiting_queue leaf_queue; /* Their leaves go into the cache. */
    struct waiting_queue turn_queue; /* Wait for the next turn. */
    struct waiter *lists_first;      /* Long lists, a part at a time. */
    struct waiter *lists_last;

    /* Room. The ceilings are the bounds, or what there was when a bound was lowered below it. */
    uint64_t ceiling_bytes;
    uint64_t ceiling_users;
    uint64_t leaving_bytes; /* Of users whose write must end before they go. */
    uint32_t leaving_users;
    uint64_t sent_away;      /* Users that had to go, since the start. */
    uint64_t reserved_bytes; /* For the leaves of users that are being loaded. */
    uint32_t *generations;   /* Of the slots: the incarnation of their next new user. */
    uint32_t empty_users;    /* In memory for who reads their feeds, and without any state yet. */

    /* Saves. */
    struct save *saves; /* Of large users, being made. */
    uint32_t saves_making;
    uint32_t saves_in_flight[2];      /* Begun and not ended, by epoch of the dirty queue. */
    struct erasure *erasures;         /* Among them: these wait for the next sync of the journal, */
    struct erasure *erasures_syncing; /* and these for that under way. */
    uint64_t ticket_last;
    uint64_t retry_at_ms; /* No save begins before, after a failure. */
    uint32_t retry_delay_ms;
    uint64_t store_answered_ms; /* The last time, or since when there is anything to answer. */
    struct flush_waiter *flush_round;
    struct flush_waiter *flush_next;
    bool flush_is_active;

    /* Journal. */
    uint64_t journal_segment;  /* The current one. */
    uint64_t journal_released; /* The last one that is not needed. */
    enum status journal_status;
    uint32_t carry_bucket; /* Of the index, where the round goes on; 0: there is none. */
    uint8_t carry_era;     /* The first that is left alone. */
    bool carry_failed;
    bool is_syncing_store;
    bool is_ending_recovery; /* With this sync of the store. */
    bool has_ended_recovery;
    bool has_ended_history;
    bool is_short_of_room; /* Only partial users are there to go: some are to be written at once. */
    uint64_t store_sync_at_ms;
    uint32_t merging[2]; /* Of partial users, put upon what the store has: by epoch. */

    struct breaker breaker; /* Of loads. */
    uint64_t loads_looked_ms;
    uint32_t loads_late; /* Of those in flight: nobody waits for them any more. */
    struct waiting *loads[SHARD_LOADS_MAX]; /* In flight. */
    uint32_t loads_in_flight;
    uint32_t images_held; /* Loaded, and not yet in the cache. */
    struct warm warm;
    struct cache_hot hot;
    struct hot_list hot_list;          /* Without ids: none is being made. */
    struct gathering *spare_gathering; /* Kept for the next command to several users. */
    struct state_view views[VIEWS_MAX];
};

/* How a command on one user ended. */
enum outcome {
    OUTCOME_DONE,        /* It was answered. */
    OUTCOME_NEEDS_ROOM,  /* Nothing happened: the cache must make room first. */
    OUTCOME_NEEDS_LOAD,  /* Nothing happened: the user is not in memory. */
    OUTCOME_NEEDS_WRITE, /* RS.EVICT: the user's changes must be in the store first. */
    OUTCOME_CONTINUES,   /* RS.LIST: a part was answered. */
};

/* shard_run.c: commands on a user whose states are known. `block` BLOCK_NONE: the user has none. */
enum outcome shard_run(struct shard *self, struct waiter *waiter, uint32_t block);
/* What nearly every command is: RS.ACK of a plain state of a user in memory, for which no room is
 * needed. False: it is not that, and nothing happened. */
bool shard_ack_at_once(struct shard *self, const struct command *command, uint32_t block);
/* The user is in the store only, and stays there. */
void shard_inspect_image(struct shard *self, const struct waiter *waiter,
                         const struct image *image);

/* shard.c */
void shard_reply_status(struct shard *self, const struct command_token *token, enum status status);
void shard_reply_failed(struct shard *self, struct waiter *waiter, enum status status);
void shard_gathering_done(struct shard *self, struct gathering *gathering);

/* shard_queue.c: users for whom something waits. */
void shard_wait(struct shard *self, const struct waiter *waiter, enum outcome outcome);
/* Serves the user's queue as far as it goes; frees it when nothing waits any more. */
void shard_pump(struct shard *self, struct waiting *waiting);
/* RS.INSPECT looks, and neither loads nor touches. */
bool shard_is_inspection(const struct command *command);
/* So does MEMORY USAGE. */
bool shard_only_looks(const struct command *command);
/* RS.EVICT, RS.FLUSH, UNSUBSCRIBE, MEMORY USAGE: of no interest for a user who is not in memory. */
bool shard_is_for_cached(const struct command *command);
bool shard_turn_queues(struct shard *self);

/* False: there is no memory for it, or the store is not asked now. */
bool shard_begin_warm_load(struct shard *self, struct user_id user);

/* shard_warm.c */
/* Does nobody wait for the user but the warm restart? */
bool shard_is_warm_load(const struct waiting *waiting);
/* STATUS_CACHE_FULL: nobody goes for it. */
enum status shard_find_warm_room(const struct shard *self, uint64_t bytes);
/* The user is in memory now, and colder than all who were there. */
void shard_place_warm(struct shard *self, struct user_id user);
/* The user is in memory, or not there. */
void shard_end_warm_load(struct shard *self, const struct waiting *waiting);
bool shard_turn_warm(struct shard *self);
bool shard_turn_hot(struct shard *self);

/* All commands of the user are answered with that; and nothing waits there any more. */
void shard_fail_waiters(struct shard *self, struct waiting *waiting, enum status status);
void shard_fail_all(struct shard *self, struct waiting *waiting, enum status status);

/* shard_load.c */
/* Now, or when fewer are under way. False: the store is not asked. */
bool shard_begin_load(struct shard *self, struct waiting *waiting);
void shard_end_load(struct shard *self, struct store_completion *completion);
/* Their time begins anew. */
void shard_excuse_loads(struct shard *self, uint64_t now_ms);
/* Fails those who have waited too long for the store. */
void shard_turn_loads(struct shard *self);

/* shard_room.c */
/* STATUS_OK: so much may be taken now. STATUS_BUSY: room is being made. Else there will be none.
 * `spare` is not sent away. */
enum status shard_make_room(struct shard *self, uint64_t bytes, uint32_t users,
                            struct user_id spare);
uint64_t shard_room_to_change(const struct shard *self, uint32_t block, uint32_t changes);
uint64_t shard_room_to_insert(void);
/* What the image will take of the cache. */
uint64_t shard_room_to_load(const struct image *image);
/* A command wants a user that was about to leave. */
void shard_rescue(struct shard *self, uint32_t block);
void shard_leave(struct shard *self, uint32_t block);
void shard_evict(struct shard *self, uint32_t block);
/* The write of a user that was to leave has ended: it goes, or stays as the next to go. */
void shard_end_leaving(struct shard *self, uint32_t block);
bool shard_turn_room(struct shard *self);

/* shard_journal.c */
/* Room for an entry about so many states. False: there is none. */
bool shard_journal_reserve(struct shard *self, uint32_t states, size_t state_size_max);
bool shard_journal_forgetting(struct shard *self, struct user_id user, uint32_t generation);
/* Segment numbers rise, eras go round; 0 is that of what was recovered. */
uint8_t shard_era_of(uint64_t segment);
void shard_turn_journal(struct shard *self);
void shard_end_store_sync(struct shard *self, const struct store_completion *completion);
bool shard_journal_is_long(const struct shard *self);

/* shard_carry.c */
/* The user as it is; but for `whole` only what the store may not have. False: without memory, and
 * only a part is there. */
bool shard_journal_user(struct shard *self, uint32_t block, bool whole);
/* True: a round is under way, and goes on with the next call. */
bool shard_turn_carry(struct shard *self);

/* shard_recover.c: partial users, of whom only what the journal had is in memory. */
enum status shard_make_room_for_partial(struct shard *self, uint64_t bytes, struct user_id user);
bool shard_may_merge(const struct shard *self);
/* It is due to be written, and shard_may_merge: what the store has of it is loaded first. */
void shard_begin_merge(struct shard *self, uint32_t block);
/* The user goes out of the cache, and into `waiting`, before what the store has comes in. */
NODISCARD enum status shard_take_overlay(struct shard *self, struct waiting *waiting,
                                         uint32_t block);
/* Back, as it was: what the store has cannot come in. */
void shard_return_overlay(struct shard *self, struct waiting *waiting);
enum overlay_outcome {
    OVERLAY_APPLIED,
    OVERLAY_CONTINUES, /* A slice was. */
    OVERLAY_NEEDS_ROOM,
};
/* A slice of it upon the user, as the store has it. */
enum overlay_outcome shard_apply_overlay(struct shard *self, struct waiting *waiting,
                                         uint32_t block);
/* The store has nothing of it: what the journal had is all. The user's block may be another one
 * afterwards. */
void shard_complete_partial(struct shard *self, uint32_t *block);

/* shard_forget.c */
/* Has the store erase the user, who is not being written; shard_end_forgetting comes after it. */
NODISCARD enum status shard_begin_forgetting(struct shard *self, uint32_t block);
void shard_destroy_erasures(struct erasure **taken_erasures);
/* The store has erased the user, for whose RS.FORGET `waiting` waits. */
void shard_end_forgetting(struct shard *self, struct waiting *waiting, uint32_t block);
/* The generation of the user's slot, once the user is forgotten. */
uint32_t shard_get_next_generation(const struct shard *self, const struct user *user);
/* What a user without a past begins with. */
uint32_t shard_get_generation(const struct shard *self, struct user_id user);

/* shard_save.c */
/* It has failed a write, or does not answer. */
bool shard_store_is_ailing(const struct shard *self);
bool shard_may_save(const struct shard *self);
/* Are users written before their time? Half full of unwritten changes, with a long journal, or
 * where recovery needs room. */
bool shard_saves_early(const struct shard *self);
/* The user is dirty and not being written, and shard_may_save. */
void shard_begin_save(struct shard *self, uint32_t block);
/* It goes to the store as soon as that takes it. */
void shard_write_soon(struct shard *self, uint32_t block);
/* The store has failed: nothing is written to it for a while. */
void shard_note_failure(struct shard *self);
void shard_end_save(struct shard *self, const struct store_completion *completion);
/* What is dirty of the user is on its way, under the newest ticket. */
void shard_begin_writing(struct shard *self, uint32_t block);
void shard_send_write(struct shard *self, struct user_id user, uint64_t ticket,
                      struct image *taken_image);
bool shard_turn_saves(struct shard *self);

/* shard_flush.c: who waits for writes. */
void shard_flush_all(struct shard *self, const struct command_token *token);
/* Sends the reply, which has no payload, when all that is unwritten of the user now is in the
 * store: at once where nothing is. Where the store does not take it, `failed` is answered. */
void shard_reply_written(struct shard *self, struct user_id id, uint32_t block,
                         const struct reply *reply, enum status failed);
void shard_flush_user(struct shard *self, const struct command *command, uint32_t block);
/* It has flushers, or is WAITING_FOR_WRITE: where the store is silent, it is told in a turn. */
void shard_note_waiting_for_write(struct shard *self, struct waiting *waiting);
/* The user's save with that ticket, and those before it, have ended so. */
void shard_answer_flushers(struct shard *self, struct user_id user, uint64_t ticket,
                           enum status status);
/* The write has ended for which RS.EVICT waits at the head of the user's queue, if it does. */
void shard_serve_evict(struct shard *self, struct user_id user, bool written);
void shard_fail_flush_all(struct shard *self);
/* True: it goes on with the next call. */
bool shard_turn_flush(struct shard *self);

#endif
