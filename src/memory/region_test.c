#include "memory/region.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { STEPS = 1000, IDS = 4 * REGION_ARENAS, RUNS_MAX = 200 };

struct run {
    struct arena *arena;
    uint32_t count;
};

/* The model: an array that says of each arena whether it is taken. */
struct model {
    bool taken[IDS];
    struct run runs[RUNS_MAX];
    uint32_t runs_count;
    uint32_t arenas_taken;
};

static bool model_region_is_taken(const struct model *self, uint32_t region)
{
    bool taken = false;
    for (uint32_t at = 0; at < REGION_ARENAS; at++) {
        taken = taken || self->taken[region * REGION_ARENAS + at];
    }
    return taken;
}

/* In the regions that are mapped, or else in those that are not. */
static uint32_t model_find_lowest_in(const struct model *self, uint32_t count, bool mapped)
{
    for (uint32_t region = 0; region < IDS / REGION_ARENAS; region++) {
        uint32_t length = 0;
        for (uint32_t at = 0; at < REGION_ARENAS; at++) {
            const uint32_t id = region * REGION_ARENAS + at;
            length = self->taken[id] ? 0 : length + 1;
            if (length == count && model_region_is_taken(self, region) == mapped) {
                return id + 1 - count;
            }
        }
    }
    return IDS;
}

static uint32_t model_find_lowest(const struct model *self, uint32_t count)
{
    const uint32_t id = model_find_lowest_in(self, count, true);
    return id != IDS ? id : model_find_lowest_in(self, count, false);
}

static void model_mark(struct model *self, uint32_t id, uint32_t count, bool taken)
{
    for (uint32_t at = id; at < id + count; at++) {
        assert_int_equal(self->taken[at], !taken);
        self->taken[at] = taken;
    }
    self->arenas_taken += taken ? count : 0U - count;
}

static void acquire_run(struct regions *regions, struct model *model)
{
    const uint32_t count = 2 + (uint32_t)rand() % 63;
    struct arena *arena = regions_acquire(regions, count);
    assert_non_null(arena);
    assert_int_equal(arena->id, model_find_lowest(model, count));
    model_mark(model, arena->id, count, true);
    model->runs[model->runs_count++] = (struct run){.arena = arena, .count = count};
}

static void release_run(struct regions *regions, struct model *model, uint32_t at)
{
    const struct run run = model->runs[at];
    model->runs[at] = model->runs[--model->runs_count];
    model_mark(model, run.arena->id, run.count, false);
    regions_release(regions, run.arena, run.count);
}

/* Mapped are the regions with a taken arena; returns how many. */
static uint32_t model_check_mapped(const struct model *self, const struct regions *regions)
{
    uint32_t mapped = 0;
    for (uint32_t region = 0; region < IDS / REGION_ARENAS; region++) {
        const bool taken = model_region_is_taken(self, region);
        assert_int_equal(regions->bases[region] != NULL, taken);
        mapped += taken;
    }
    return mapped;
}

/* Runs of one arena are left out: the spare would stand in the way of the lowest. */
static void runs_are_the_lowest_there_are(void **state)
{
    srand(*(const unsigned *)*state);
    struct regions regions;
    struct model model;
    model = (struct model){0};
    regions_init(&regions);
    uint32_t mapped_most = 0;
    for (int step = 0; step < STEPS; step++) {
        const bool grow = rand() % 8 < (step / 250 % 2 == 0 ? 6 : 2);
        if (grow && model.runs_count < 80) {
            acquire_run(&regions, &model);
        } else if (model.runs_count > 0) {
            release_run(&regions, &model, (uint32_t)rand() % model.runs_count);
        }
        assert_int_equal(regions.arenas_resident, model.arenas_taken);
        if (step % 16 == 0) {
            const uint32_t mapped = model_check_mapped(&model, &regions);
            mapped_most = mapped > mapped_most ? mapped : mapped_most;
        }
    }
    assert_true(mapped_most > 1);
    while (model.runs_count > 0) {
        release_run(&regions, &model, 0);
    }
    assert_int_equal(regions.arenas_resident, 0);
    regions_deinit(&regions);
}

static void one_arena_is_kept_as_a_spare(void **state)
{
    (void)state;
    struct regions regions;
    regions_init(&regions);
    enum { COUNT = 5 };
    struct arena *arenas[COUNT];
    for (uint32_t at = 0; at < COUNT; at++) {
        arenas[at] = regions_acquire(&regions, 1);
        assert_non_null(arenas[at]);
        assert_ptr_equal(regions_get_arena(&regions, arenas[at]->id), arenas[at]);
        assert_int_equal(
            (uintptr_t)regions_get_address(&regions, arenas[at]->id << 12) % ARENA_SIZE, 0);
    }
    regions_release(&regions, arenas[3], 1);
    assert_int_equal(regions.arenas_resident, COUNT);
    regions_release(&regions, arenas[1], 1);
    assert_int_equal(regions.arenas_resident, COUNT - 1);
    /* The lower one of two stays. */
    assert_ptr_equal(regions_acquire(&regions, 1), arenas[1]);
    assert_int_equal(regions.arenas_resident, COUNT - 1);
    assert_ptr_equal(regions_acquire(&regions, 1), arenas[3]);
    for (uint32_t at = 0; at < COUNT; at++) {
        regions_release(&regions, arenas[at], 1);
    }
    assert_int_equal(regions.arenas_resident, 1);
    assert_int_equal(regions.spares_count, 1);
    assert_ptr_equal(regions.spares[0], arenas[0]);
    regions_deinit(&regions);
}

/* Many that empty and fill in turn: some stay, and when all are gone only one. */
static void with_many_more_are_kept(void **state)
{
    (void)state;
    enum { COUNT = 10 * REGIONS_RESIDENT_A_SPARE };
    struct regions regions;
    struct arena *arenas[COUNT];
    regions_init(&regions);
    for (uint32_t at = 0; at < COUNT; at++) {
        arenas[at] = regions_acquire(&regions, 1);
        assert_non_null(arenas[at]);
    }
    for (uint32_t at = COUNT; at-- > COUNT - 8;) {
        regions_release(&regions, arenas[at], 1);
    }
    assert_int_equal(regions.spares_count, 8);
    assert_int_equal(regions.arenas_resident, COUNT);
    for (uint32_t at = COUNT - 8; at < COUNT; at++) {
        assert_ptr_equal(regions_acquire(&regions, 1), arenas[at]);
    }
    for (uint32_t at = 0; at < COUNT; at++) {
        regions_release(&regions, arenas[at], 1);
        assert_true(regions.spares_count <= 1 + COUNT / REGIONS_RESIDENT_A_SPARE);
    }
    assert_int_equal(regions.arenas_resident, 1);
    assert_ptr_equal(regions.spares[0], arenas[0]);
    regions_deinit(&regions);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(runs_are_the_lowest_there_are, &seed),
        cmocka_unit_test(one_arena_is_kept_as_a_spare),
        cmocka_unit_test(with_many_more_are_kept),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
