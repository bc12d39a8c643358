#include "load/population.h"

#include "base/assert.h"
#include "base/splitmix.h"

/* 2015-01-01, where snowflakes begin, and how old the messages are that a user is filled with. */
#define BEGIN_MS UINT64_C(1420070400000)
#define DAY_MS UINT64_C(86400000)

enum { SNOWFLAKE_BITS = 22 };

static uint64_t make_message(uint64_t ms, uint64_t drawn)
{
    ASSERT(ms > BEGIN_MS + DAY_MS);
    return (ms - BEGIN_MS) << SNOWFLAKE_BITS | drawn >> (64 - SNOWFLAKE_BITS);
}

/* Always the same for a number, of 62 bits, and not 0. */
static uint64_t make_channel(uint64_t number)
{
    uint64_t seed = number + 1;
    return (splitmix_draw(&seed) >> 2) | 1;
}

void subject_init(struct subject *self, const struct population *lent_population, uint64_t seed,
                  uint64_t ms)
{
    *self = (struct subject){
        .lent_population = lent_population, .seed = seed, .pairs = lent_population->pairs};
    self->user = subject_draw_user(self);
    self->message = make_message(ms, splitmix_draw(&self->seed));
}

static uint32_t count_bulks_each(const struct population *self)
{
    return (self->channels + POPULATION_PAIRS_MAX - 1) / POPULATION_PAIRS_MAX;
}

uint64_t population_count_bulks(const struct population *self)
{
    return self->choice.users * count_bulks_each(self);
}

void subject_init_bulk(struct subject *self, const struct population *lent_population,
                       uint64_t number, uint64_t ms)
{
    const uint32_t each = count_bulks_each(lent_population);
    const uint32_t first = (uint32_t)(number % each) * POPULATION_PAIRS_MAX;
    const uint32_t left = lent_population->channels - first;
    *self = (struct subject){
        .lent_population = lent_population,
        .seed = number,
        .user = lent_population->first_user + number / each,
        .pairs = left < POPULATION_PAIRS_MAX ? left : POPULATION_PAIRS_MAX,
        .next_channel = first,
        .filling = true,
    };
    self->message = make_message(ms - DAY_MS, splitmix_draw(&self->seed));
}

uint64_t subject_draw_user(struct subject *self)
{
    return self->lent_population->first_user - 1 +
           choice_draw(&self->lent_population->choice, &self->seed);
}

uint64_t subject_draw_channel(struct subject *self)
{
    if (self->filling) {
        return make_channel(self->next_channel++);
    }
    return make_channel(splitmix_draw(&self->seed) % self->lent_population->channels);
}
