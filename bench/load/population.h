/* Whom and what commands are about: users, channels and messages, drawn from one seed a command.
 *
 * A user has up to `channels` states, in channels that all users share. Ids are as large as real
 * ones; messages are as new as their command is, so that an ack moves forward.
 *
 * Memory: plain data; a subject borrows its population.  Thread: any.
 */
#ifndef LOAD_POPULATION_H
#define LOAD_POPULATION_H

#include "load/choice.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    POPULATION_CHANNELS_MAX = 100000,
    POPULATION_PAIRS_MAX = 100,
    POPULATION_MENTIONS_MAX = 100,
};

struct population {
    struct choice choice;
    uint64_t first_user; /* Where the choice's users begin. */
    uint32_t channels;   /* 1 to POPULATION_CHANNELS_MAX. */
    uint32_t pairs;      /* Of a bulk. */
    uint32_t mentions;   /* Users of a mention, and of a message. */
};

/* Of one command. */
struct subject {
    const struct population *lent_population;
    uint64_t seed;
    uint64_t user;
    uint64_t message;
    uint32_t pairs;
    uint32_t next_channel; /* Of the next pair, where `filling`; else it is drawn. */
    bool filling;
};

/* `ms`: milliseconds since 1970, of when the command is due. */
void subject_init(struct subject *self, const struct population *lent_population, uint64_t seed,
                  uint64_t ms);

/* The bulks that give each user all channels: number 0 to population_count_bulks() - 1. */
void subject_init_bulk(struct subject *self, const struct population *lent_population,
                       uint64_t number, uint64_t ms);
uint64_t population_count_bulks(const struct population *self);

/* The subject's seed moves on. */
uint64_t subject_draw_user(struct subject *self);
uint64_t subject_draw_channel(struct subject *self);

#endif
