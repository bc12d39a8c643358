/* Which user a command is for: a number from 1 to `users`, drawn in constant time and memory.
 *
 *     uniform          each as often as any other
 *     zipf:0.99        the n-th as often as 1/n^0.99
 *     hot:0.1:0.9      the first tenth of the users gets nine tenths of the draws
 *
 * Zipf is drawn by rejection-inversion (Hörmann, Derflinger: Rejection-inversion to generate
 * variates from monotone discrete distributions, 1996).
 *
 * Memory: plain data.  Thread: any; what changes is the caller's seed.
 */
#ifndef LOAD_CHOICE_H
#define LOAD_CHOICE_H

#include "base/attribute.h"

#include <stdbool.h>
#include <stdint.h>

enum choice_kind {
    CHOICE_UNIFORM,
    CHOICE_ZIPF,
    CHOICE_HOT,
};

#define CHOICE_USERS_MAX UINT64_C(1000000000000)

struct choice {
    enum choice_kind kind;
    uint64_t users;
    double exponent;
    double first; /* Of the area under the curve: see choice.c. */
    double last;
    double slack;
    uint64_t hot_users;
    double hot_share;
};

/* `text` as above, `users` 1 to CHOICE_USERS_MAX. False: it is none of the above. */
NODISCARD bool choice_init(struct choice *self, const char *text, uint64_t users);

/* 1 to `users`; the seed moves on. */
uint64_t choice_draw(const struct choice *self, uint64_t *seed);

/* 0 to less than 1; the seed moves on. */
double choice_draw_share(uint64_t *seed);

#endif
