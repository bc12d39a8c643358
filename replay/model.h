/* What every read state must be after a trace, worked out without a server: the plain model.
 *
 * It has the rules that a trace needs (contract, section 3: 1, 2, 3, 6 and the join of 8), written
 * for clarity and sharing no code with the server. A trace has no manual ack, so that the floor
 * never differs from last_read, and a join does what an ack of the same message does, also on a new
 * state.
 *
 * Memory: the model owns its states, until model_deinit.
 */
#ifndef REPLAY_MODEL_H
#define REPLAY_MODEL_H

#include "replay/id_map.h"
#include "replay/trace.h"

#include <stddef.h>
#include <stdint.h>

/* Users and channels are numbers in the trace's maps. */
struct model_state {
    uint32_t user;
    uint32_t channel;
    uint64_t last_read;
    uint64_t counted_to; /* The highest id that was only counted. */
    uint32_t counted;    /* Unread mentions whose ids are no longer kept. */
    uint32_t ids_count;
    uint64_t *ids; /* Of the newest unread mentions, ascending. NULL where there never was one. */
};

struct model {
    struct id_map index; /* user << 32 | channel: a number in `states`. */
    struct model_state *states;
    size_t states_capacity;
    uint32_t ids_kept;
};

/* `ids_kept` is what the server's mention-ids-kept is: 1 or more. */
void model_init(struct model *self, uint32_t ids_kept);
void model_deinit(struct model *self);

/* How many states there are: states[0] to states[count - 1], in the order of their making. */
uint32_t model_get_count(const struct model *self);

/* NULL where there is none. */
const struct model_state *model_find_state(const struct model *self, uint32_t user,
                                           uint32_t channel);

/* Both create the state where there is none. */
void model_ack(struct model *self, uint32_t user, uint32_t channel, uint64_t message);
void model_mention(struct model *self, uint32_t user, uint32_t channel, uint64_t message);

/* All that an event of the trace does, to whomever it names. */
void model_apply_event(struct model *self, const struct trace *trace, const struct event *event);

/* Those known by id and those only counted. */
uint64_t model_state_count_mentions(const struct model_state *state);

#endif
