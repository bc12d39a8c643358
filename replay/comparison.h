/* The model beside what the server lists, user by user.
 *
 * A difference is a state that is missing, one that should not be there, a field of another value
 * than the model's, or a reply that is not what the contract draws. Versions and epochs are not
 * compared.
 *
 * Memory: its own, until comparison_deinit.
 */
#ifndef REPLAY_COMPARISON_H
#define REPLAY_COMPARISON_H

#include "replay/model.h"
#include "replay/trace.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DIFFERENCES_KEPT = 20,
    DIFFERENCE_TEXT_SIZE = 96,
};

struct difference {
    uint64_t user;
    const char *field; /* "state" where a whole one is missing or too many, "reply" where it is
                          malformed. */
    char channel[32];  /* "-" where it is about no channel. */
    char expected[DIFFERENCE_TEXT_SIZE];
    char got[DIFFERENCE_TEXT_SIZE];
};

/* A state of the model, where the server would list it. */
struct expected_state {
    uint64_t channel;
    const struct model_state *state;
};

struct comparison {
    const struct trace *lent_trace;
    struct expected_state *expected; /* By user's number, then by channel's id. */
    size_t expected_count;
    size_t *first_of_user; /* In `expected`; one more than there are users. */
    size_t states_compared;
    uint64_t differences;
    struct difference first[DIFFERENCES_KEPT]; /* The first of them, as many as fit. */
};

/* The model must not change while the comparison lives. */
void comparison_init(struct comparison *self, const struct model *lent_model,
                     const struct trace *lent_trace);
void comparison_deinit(struct comparison *self);

/* `reply` is what RS.LIST said of the user with this number in the trace. */
void comparison_compare_list(struct comparison *self, uint32_t user, const redisReply *reply);

#endif
