#include "sim/shrink.h"

enum { ROUNDS_MAX = 4 };

struct shrinking {
    const struct player *lent_player;
    struct wrong_run *lent_smallest;
    uint32_t runs;
    uint64_t commands;
};

/* True: it is wrong as well, and the smallest by now. */
static bool try(struct shrinking *self, const struct run_options *options)
{
    struct wrong_run run = {.options = *options};
    if (self->runs == SHRINK_RUNS_MAX || self->commands >= SHRINK_COMMANDS_MAX) {
        return false;
    }
    run.options.tells = false;
    const bool is_well = self->lent_player->play(self->lent_player->lent_context, &run.options,
                                                 &run.counts, &run.failure);
    self->runs++;
    self->commands += run.counts.operations;
    if (!is_well) {
        *self->lent_smallest = run;
    }
    return !is_well;
}

static bool try_operations(struct shrinking *self, uint64_t operations)
{
    struct run_options options = self->lent_smallest->options;
    options.operations = operations;
    return try(self, &options);
}

/* The shortest beginning that is wrong: at first that at whose end it was seen. */
static void shrink_operations(struct shrinking *self)
{
    const struct wrong_run *smallest = self->lent_smallest;
    const uint64_t seen = smallest->counts.operations;
    if (seen > 0 && seen < smallest->options.operations) {
        (void)try_operations(self, seen);
    }
    uint64_t well = 0;
    uint64_t wrong = smallest->options.operations;
    while (well + 1 < wrong) {
        const uint64_t middle = well + (wrong - well) / 2;
        if (try_operations(self, middle)) {
            wrong = middle;
        } else {
            well = middle;
        }
    }
}

static bool try_faults(struct shrinking *self, uint64_t faults)
{
    struct run_options options = self->lent_smallest->options;
    options.faults = faults;
    return faults != self->lent_smallest->options.faults && try(self, &options);
}

static uint64_t find_met(const struct run_counts *counts)
{
    uint64_t met = 0;
    for (uint32_t i = 0; i < FAULTS_COUNT; i++) {
        met |= (uint64_t)(counts->faults[i] > 0) << i;
    }
    return met;
}

/* So many of the kinds, after the first `from`. */
static uint64_t take_kinds(uint64_t faults, uint32_t from, uint32_t count)
{
    uint64_t taken = 0;
    for (uint32_t at = 0; faults != 0; at++, faults &= faults - 1) {
        taken |= at >= from && at < from + count ? faults & -faults : 0;
    }
    return taken;
}

/* Half of the kinds goes, then a quarter, and at last each by itself. */
static void shrink_faults(struct shrinking *self)
{
    const struct wrong_run *smallest = self->lent_smallest;
    (void)try_faults(self, smallest->options.faults & find_met(&smallest->counts));
    uint32_t size = ((uint32_t)__builtin_popcountll(smallest->options.faults) + 1) / 2;
    while (size > 0) {
        uint32_t from = 0;
        while (from < (uint32_t)__builtin_popcountll(smallest->options.faults)) {
            const uint64_t faults = smallest->options.faults;
            const bool is_wrong = try_faults(self, faults & ~take_kinds(faults, from, size));
            from += is_wrong ? 0 : size;
        }
        size = size == 1 ? 0 : (size + 1) / 2;
    }
}

enum measure { MEASURE_USERS, MEASURE_CLIENTS, MEASURE_SHARDS, MEASURES_COUNT };

static uint32_t *get_measure(struct run_options *options, enum measure measure)
{
    return measure == MEASURE_USERS     ? &options->users_max
           : measure == MEASURE_CLIENTS ? &options->clients_max
                                        : &options->shards_max;
}

static void shrink_measure(struct shrinking *self, enum measure measure, uint32_t most)
{
    struct run_options options = self->lent_smallest->options;
    uint32_t *value = get_measure(&options, measure);
    const uint32_t now = *value == 0 ? most : *value;
    for (*value = 1; *value < now; *value *= 2) {
        if (try(self, &options)) {
            return;
        }
    }
}

uint32_t shrink_run(const struct wrong_run *wrong, const struct player *player,
                    struct wrong_run *out_smallest)
{
    struct shrinking shrinking = {.lent_player = player, .lent_smallest = out_smallest};
    *out_smallest = *wrong;
    bool goes_on = true;
    for (int round = 0; round < ROUNDS_MAX && goes_on; round++) {
        const struct run_options before = out_smallest->options;
        shrink_operations(&shrinking);
        shrink_faults(&shrinking);
        shrink_measure(&shrinking, MEASURE_USERS, RUN_USERS_MAX);
        shrink_measure(&shrinking, MEASURE_CLIENTS, RUN_CLIENTS_MAX);
        shrink_measure(&shrinking, MEASURE_SHARDS, NODE_SHARDS_MAX);
        const struct run_options *after = &out_smallest->options;
        goes_on = after->operations != before.operations || after->faults != before.faults ||
                  after->users_max != before.users_max ||
                  after->clients_max != before.clients_max ||
                  after->shards_max != before.shards_max;
    }
    return shrinking.runs;
}
