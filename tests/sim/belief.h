/* What may be true of one user: all that follows from what was sent and answered.
 *
 *     base ──operation──operation── ... ──►now        a set of users at each place
 *      │         answered, lost or not known
 *      └ what no crash can undo
 *
 * Commands of one user act in the order they were sent. One that was answered acted as its answer
 * says, and every user that would have answered otherwise is dropped from the set. One without an
 * answer may have acted or not. After a crash the user is as after any number of operations, but
 * for those that had to be kept. Where no user is left that can be, the server was wrong.
 *
 * Memory: the heap, ended by belief_deinit.  Thread: one.
 */
#ifndef SIM_BELIEF_H
#define SIM_BELIEF_H

#include "base/attribute.h"
#include "base/failure.h"
#include "sim/user_model.h"

#include <stdbool.h>
#include <stdint.h>

/* In a set. Of who could be more nothing is known any more, and nothing checked. */
enum { BELIEF_USERS_MAX = 1024 };

#define BELIEF_NEVER UINT64_MAX

/* An operation, and what is known of it. */
struct belief_step {
    struct model_operation operation;
    bool is_lent; /* To the caller, who still has to release it. */
    bool is_answered;
    bool is_doubtful; /* Answered, and still it may have acted or not. */
    bool is_void;     /* It had not acted when the process ended. */
    bool was_taken;   /* Into the set that is now. */
    enum status status;
    uint64_t version;
    uint64_t number;
    uint32_t incarnation;
    bool is_full;
    uint32_t views_count;
    struct state_view *views;
    struct model_state inspected;
    uint64_t safe_ms; /* From then on no power cut may undo it. */
    bool is_released; /* Its answer has left the process: no kill may undo it. */
    bool rises_surely;
    bool rises_perhaps;
};

struct belief_set {
    struct model_user **users;
    uint32_t count;
    uint32_t room;
    bool is_full; /* It could be more. */
};

struct belief {
    bool tells; /* Prints what could have been, where nothing is. */
    const struct model_rules *lent_rules;
    uint64_t user; /* For what is said. */
    struct belief_set base;
    struct belief_set now;
    struct belief_step **steps;
    uint32_t steps_count;
    uint32_t steps_room;
    uint32_t taken;  /* Steps that are in `now`. */
    uint32_t kept;   /* After a crash: so many steps are certain. */
    bool is_crashed; /* Not resolved since. */
    bool is_given_up;
};

void belief_init(struct belief *self, const struct model_rules *lent_rules, uint64_t user);
void belief_deinit(struct belief *self);

/* A command is sent. The step is the belief's, until a crash is resolved. */
struct belief_step *belief_begin(struct belief *self, const struct model_operation *operation);

/* The step has an answer, filled in by the caller: what follows from it. STATUS_CORRUPT: that
 * cannot be, and out_failure has a sentence. */
NODISCARD enum status belief_advance(struct belief *self, struct failure *out_failure);

/* What it would come to, where that is certain: STATUS_OK, LIMIT or VERSION. Else STATUS_BUSY. */
enum status belief_predict(const struct belief *self, const struct belief_step *step);

/* The process is gone, perhaps with the power. */
void belief_crash(struct belief *self, bool is_power_cut, uint64_t now_ms);

/* The next process serves: the user is one of those that it can be after all crashes, and what it
 * took up is safe. Steps end. */
NODISCARD enum status belief_resolve(struct belief *self, struct failure *out_failure);

/* All that was answered is safe: no crash undoes it. Steps that were answered end. */
void belief_settle(struct belief *self, uint64_t now_ms);

/* The version that the user has at least, whatever is still to be answered. */
uint64_t belief_get_version_min(const struct belief *self);

#endif
