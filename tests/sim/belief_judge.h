/* Could a user have answered so? And what is it then?
 *
 * Memory: as in belief.h.
 */
#ifndef SIM_BELIEF_JUDGE_H
#define SIM_BELIEF_JUDGE_H

#include "sim/belief.h"

enum verdict {
    VERDICT_IMPOSSIBLE,
    VERDICT_SO, /* The user is now what it has become. */
};

bool judge_is_same_view(const struct state_view *a, const struct state_view *b);

/* The user acts, and answers as the step has it. */
enum verdict belief_judge(struct model_user *user, const struct model_rules *rules,
                          const struct belief_step *step, bool *out_is_visible);

#endif
