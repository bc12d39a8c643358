/* One user by the contract's sentences, slow and plain: the states by number of their channel, each
 * command applied at once.
 *
 * What a command changes visibly is found by comparing what is shown before and after; nothing is
 * shared with the rules of the server.
 *
 * Memory: plain data without gaps, one block, so that two users are equal where their bytes are.
 */
#ifndef SIM_USER_MODEL_H
#define SIM_USER_MODEL_H

#include "base/ids.h"
#include "message/command.h"
#include "message/reply.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MODEL_IDS_KEPT = 4, /* mention-ids-kept of every run. */
    MODEL_PAIRS_MAX = 40,
    MODEL_CHANNELS_MAX = 120, /* A list of so many comes in one part. */
};

struct model_state {
    uint64_t version;
    uint64_t last_read;
    uint64_t floor;
    uint64_t counted_to;
    uint64_t pin_ms;
    uint64_t ids[MODEL_IDS_KEPT];
    uint32_t counted;
    uint16_t viewed;
    uint16_t flags;
    uint8_t is_there; /* A tombstone as well. */
    uint8_t is_deleted;
    uint8_t ids_count;
    uint8_t withdrawn[MODEL_IDS_KEPT]; /* Of the ids. */
    uint8_t none;
};

struct model_user {
    uint64_t version;
    uint64_t purged_to;
    uint32_t incarnation_min; /* It is this or higher, */
    uint32_t incarnation;     /* and this, once one is known. */
    uint32_t is_known;
    uint32_t channels;
    struct model_state states[];
};

/* What holds for all users of a run. */
struct model_rules {
    uint32_t channels; /* To MODEL_CHANNELS_MAX. */
    uint32_t max_channels;
    uint32_t tombstones_kept;
};

/* A command, as it concerns one user. */
struct model_operation {
    enum command_kind kind;
    bool acks; /* The author of RS.MESSAGE. */
    bool has_options;
    bool is_since;
    uint32_t count;
    uint32_t since_incarnation;
    uint64_t number; /* The message, the pin, the version since. */
    struct ack_options options;
    uint32_t channels[MODEL_PAIRS_MAX]; /* One of most kinds. */
    uint64_t messages[MODEL_PAIRS_MAX]; /* BULKACK. */
};

struct model_outcome {
    enum status status; /* LIMIT, VERSION: nothing has changed. */
    bool is_visible;
    uint64_t version; /* As the reply has them. */
    uint64_t number;
};

static inline size_t model_user_get_size(uint32_t channels)
{
    return sizeof(struct model_user) + channels * sizeof(struct model_state);
}

/* Channels alternate between two types of one id. */
struct channel_key model_get_channel(uint32_t number);
uint32_t model_find_channel(struct channel_key channel);

struct model_user *model_user_create(uint32_t channels);
void model_user_destroy(struct model_user *self);

/* A forgetting that failed: nothing is forgotten, but the user may have a new epoch. */
void model_begin_anew_perhaps(struct model_user *self);

void model_apply(struct model_user *self, const struct model_rules *rules,
                 const struct model_operation *operation, struct model_outcome *out_outcome);

/* What RS.GET and RS.LIST show of the channel; not present for what is not there. */
struct state_view model_view(const struct model_user *self, uint32_t channel);

uint32_t model_count_mentions(const struct model_state *state);
uint32_t model_count_live(const struct model_user *self);

#endif
