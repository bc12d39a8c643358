#include "memory/arena.h"

#include "memory/box.h"
#include "memory/poison.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { LIVE_MAX = 3000, STEPS = 60000, ARENA_IDS = 1 << 20 };

/* The slow, obvious model: a list of blocks, and what was written into each. */
struct live {
    uint32_t block;
    uint32_t size; /* As asked for. */
    uint8_t filler;
};

struct model {
    struct slab *lent_slab;
    struct live live[LIVE_MAX];
    uint32_t count;
};

static void live_fill(const struct slab *slab, const struct live *live)
{
    memset(slab_get(slab, live->block), live->filler, slab_get_size(slab, live->block));
}

static void live_check(const struct slab *slab, const struct live *live)
{
    const size_t size = slab_get_size(slab, live->block);
    const uint8_t *bytes = slab_get(slab, live->block);
    assert_int_equal((uintptr_t)bytes % 16, 0);
    assert_int_equal(size, slab_round_size(live->size));
    assert_true(size >= live->size);
    /* All are the same as the first, which is right. */
    assert_int_equal(bytes[0], live->filler);
    assert_int_equal(memcmp(bytes, bytes + 1, size - 1), 0);
}

static void model_acquire(struct model *self, uint32_t size)
{
    const uint32_t block = slab_acquire(self->lent_slab, size);
    assert_int_not_equal(block, BLOCK_NONE);
    struct live *live = &self->live[self->count++];
    *live = (struct live){.block = block, .size = size, .filler = (uint8_t)rand()};
    live_fill(self->lent_slab, live);
}

static void model_release(struct model *self, uint32_t at)
{
    live_check(self->lent_slab, &self->live[at]);
    slab_release(self->lent_slab, self->live[at].block);
    self->live[at] = self->live[--self->count];
}

/* False when nothing is worth moving. */
static bool model_move(struct model *self)
{
    const uint32_t block = slab_find_move(self->lent_slab);
    if (block == BLOCK_NONE) {
        return false;
    }
    uint32_t at = 0;
    while (at < self->count && self->live[at].block != block) {
        at++;
    }
    assert_true(at < self->count);
    struct live *live = &self->live[at];
    const uint32_t to = slab_acquire(self->lent_slab, live->size);
    assert_int_not_equal(to, BLOCK_NONE);
    assert_int_not_equal(to, block);
    memcpy(slab_get(self->lent_slab, to), slab_get(self->lent_slab, block), live->size);
    slab_release(self->lent_slab, block);
    live->block = to;
    live_fill(self->lent_slab, live);
    return true;
}

static int compare_u32(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a;
    const uint32_t right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static uint32_t model_count_arenas(const struct model *self)
{
    uint32_t ids[LIVE_MAX];
    uint32_t arenas = 0;
    uint32_t slabs = 0;
    for (uint32_t at = 0; at < self->count; at++) {
        if (self->live[at].size > BLOCK_SLAB_SIZE_MAX) {
            arenas += (uint32_t)(slab_round_size(self->live[at].size) / ARENA_SIZE);
        } else {
            ids[slabs++] = self->live[at].block >> 12;
        }
    }
    qsort(ids, slabs, sizeof ids[0], compare_u32);
    for (uint32_t at = 0; at < slabs; at++) {
        arenas += at == 0 || ids[at] != ids[at - 1];
    }
    return arenas;
}

/* Every byte is counted; beside the arenas with blocks a spare is held, or a few where many are. */
static void model_check_usage(const struct model *self)
{
    const struct slab_usage usage = slab_peek_usage(self->lent_slab);
    uint64_t used_bytes = 0;
    for (uint32_t at = 0; at < self->count; at++) {
        used_bytes += slab_round_size(self->live[at].size);
    }
    const uint64_t arenas_bytes = (uint64_t)model_count_arenas(self) * ARENA_SIZE;
    assert_int_equal(usage.blocks, self->count);
    assert_int_equal(usage.used_bytes, used_bytes);
    assert_in_range(usage.resident_bytes, arenas_bytes,
                    arenas_bytes + ARENA_SIZE + usage.resident_bytes / 8);
}

static uint32_t random_size(void)
{
    const int kind = rand() % 100;
    if (kind < 60) {
        return 1 + (uint32_t)rand() % 600;
    }
    if (kind < 99) {
        return 1 + (uint32_t)rand() % BLOCK_SLAB_SIZE_MAX;
    }
    return BLOCK_SLAB_SIZE_MAX + 1 + (uint32_t)rand() % (4 * ARENA_SIZE);
}

static void slab_behaves_like_its_model(void **state)
{
    srand(*(const unsigned *)*state);
    BOX(slab_destroy) struct slab *slab = NULL;
    assert_int_equal(slab_create(&slab), STATUS_OK);
    struct model model;
    model = (struct model){.lent_slab = slab};

    for (int step = 0; step < STEPS; step++) {
        /* It grows for a while, then shrinks for a while. */
        const bool grow = rand() % 8 < (step / 4000 % 2 == 0 ? 5 : 3);
        if (grow && model.count < LIVE_MAX) {
            model_acquire(&model, random_size());
        } else if (model.count > 0) {
            model_release(&model, (uint32_t)rand() % model.count);
        }
        if (rand() % 4 == 0) {
            (void)model_move(&model);
        }
        if (step % 64 == 0) {
            model_check_usage(&model);
        }
    }
    while (model.count > 0) {
        model_release(&model, model.count - 1);
    }
    model_check_usage(&model);
}

static void every_size_gets_room(void **state)
{
    (void)state;
    BOX(slab_destroy) struct slab *slab = NULL;
    assert_int_equal(slab_create(&slab), STATUS_OK);
    size_t before = 0;
    for (size_t size = 1; size <= BLOCK_SLAB_SIZE_MAX + 1; size++) {
        const size_t rounded = slab_round_size(size);
        assert_true(rounded >= size && rounded >= before && rounded % 16 == 0);
        assert_true(size < BLOCK_SIZE_MIN || rounded <= size + size / 8 + 16 ||
                    size > BLOCK_SLAB_SIZE_MAX);
        before = rounded;

        /* Two of a size, so that the second is not at an arena's begin. */
        const uint32_t first = slab_acquire(slab, size);
        const uint32_t second = slab_acquire(slab, size);
        assert_int_equal(slab_get_size(slab, first), rounded);
        assert_int_equal(slab_peek_usage(slab).used_bytes, 2 * rounded);
        memset(slab_get(slab, second), 1, rounded);
        memset(slab_get(slab, first), 2, rounded);
        assert_int_equal(*(const uint8_t *)slab_get(slab, second), 1);
        slab_release(slab, first);
        slab_release(slab, second);
    }
    assert_int_equal(slab_round_size(BLOCK_SIZE_MAX), BLOCK_SIZE_MAX);
}

static size_t count_resident_pages(void *arena)
{
    unsigned char pages[ARENA_SIZE / 4096];
    const size_t page_size = (size_t)sysconf(_SC_PAGESIZE);
    assert_int_equal(mincore(arena, ARENA_SIZE, pages), 0);
    size_t resident = 0;
    for (size_t page = 0; page < ARENA_SIZE / page_size; page++) {
        resident += pages[page] & 1U;
    }
    return resident * page_size;
}

static void empty_arenas_go_back_to_the_system(void **state)
{
    (void)state;
    enum { ARENAS = 50, BLOCKS = ARENAS * 128 };
    BOX(slab_destroy) struct slab *slab = NULL;
    assert_int_equal(slab_create(&slab), STATUS_OK);
    const uint32_t keeper = slab_acquire(slab, 64); /* So that the region stays mapped. */
    uint32_t blocks[BLOCKS];
    for (uint32_t at = 0; at < BLOCKS; at++) {
        blocks[at] = slab_acquire(slab, 512);
        memset(slab_get(slab, blocks[at]), 1, 512);
    }
    assert_int_equal(slab_peek_usage(slab).resident_bytes, (ARENAS + 1) * ARENA_SIZE);

    uint8_t *arenas[ARENAS];
    size_t resident_bytes = 0;
    for (uint32_t at = 0; at < ARENAS; at++) {
        arenas[at] = slab_get(slab, blocks[(size_t)at * 128]);
        resident_bytes += count_resident_pages(arenas[at]);
    }
    assert_int_equal(resident_bytes, ARENAS * ARENA_SIZE);

    for (uint32_t at = 0; at < BLOCKS; at++) {
        slab_release(slab, blocks[at]);
    }
    assert_int_equal(slab_peek_usage(slab).resident_bytes, 2 * ARENA_SIZE);
    resident_bytes = 0;
    for (uint32_t at = 0; at < ARENAS; at++) {
        resident_bytes += count_resident_pages(arenas[at]);
    }
    assert_int_equal(resident_bytes, ARENA_SIZE);
    slab_release(slab, keeper);
}

static void moves_give_sparse_arenas_back(void **state)
{
    srand(*(const unsigned *)*state);
    BOX(slab_destroy) struct slab *slab = NULL;
    assert_int_equal(slab_create(&slab), STATUS_OK);
    struct model model;
    model = (struct model){.lent_slab = slab};
    enum { CLASSES_USED = 3 };
    static const uint32_t sizes[CLASSES_USED] = {300, 512, 5000};

    while (model.count < LIVE_MAX) {
        model_acquire(&model, sizes[rand() % CLASSES_USED]);
    }
    const uint64_t full_bytes = slab_peek_usage(slab).resident_bytes;
    assert_false(slab_is_sparse(slab));
    while (model.count > LIVE_MAX / 5) {
        model_release(&model, (uint32_t)rand() % model.count);
    }
    assert_true(slab_is_sparse(slab));
    assert_true(slab_peek_usage(slab).resident_bytes > full_bytes / 2);

    uint32_t moves = 0;
    while (model_move(&model)) {
        moves++;
        /* No block moves twice: each leaves an arena that never takes one again. */
        assert_true(moves <= model.count);
    }
    model_check_usage(&model);
    const struct slab_usage usage = slab_peek_usage(slab);
    assert_false(slab_is_sparse(slab));
    assert_true(usage.resident_bytes * 100 <=
                usage.used_bytes * 102 + (uint64_t)(CLASSES_USED + 1) * ARENA_SIZE * 100);
    while (model.count > 0) {
        model_release(&model, model.count - 1);
    }
}

static void a_draining_arena_may_be_needed_again(void **state)
{
    (void)state;
    BOX(slab_destroy) struct slab *slab = NULL;
    assert_int_equal(slab_create(&slab), STATUS_OK);
    enum { SLOTS = ARENA_SIZE / 1024, BLOCKS = 3 * SLOTS };
    uint32_t blocks[BLOCKS];
    for (uint32_t at = 0; at < BLOCKS; at++) {
        blocks[at] = slab_acquire(slab, 1024);
    }
    /* The three arenas keep a half each: one is to gain, then taking what is free makes it worth
     * nothing. */
    for (uint32_t at = 0; at < BLOCKS; at += 2) {
        slab_release(slab, blocks[at]);
    }
    const uint32_t moving = slab_find_move(slab);
    assert_int_not_equal(moving, BLOCK_NONE);
    assert_int_equal(slab_find_move(slab), moving);
    for (uint32_t at = 0; at < BLOCKS; at += 2) {
        blocks[at] = slab_acquire(slab, 1024);
        assert_true((blocks[at] >> 12 == moving >> 12) == (at / 2 >= SLOTS));
    }
    assert_int_equal(slab_find_move(slab), BLOCK_NONE);
    assert_int_equal(slab_peek_usage(slab).resident_bytes, 3 * ARENA_SIZE);
    /* All are full: the next one needs a fourth arena. */
    const uint32_t next = slab_acquire(slab, 1024);
    assert_int_equal(slab_peek_usage(slab).resident_bytes, 4 * ARENA_SIZE);
    for (uint32_t at = 0; at < BLOCKS; at++) {
        assert_int_not_equal(next >> 12, blocks[at] >> 12);
    }
    slab_release(slab, next);
    for (uint32_t at = 0; at < BLOCKS; at++) {
        slab_release(slab, blocks[at]);
    }
}

static void large_blocks_stand_side_by_side(void **state)
{
    (void)state;
    BOX(slab_destroy) struct slab *slab = NULL;
    assert_int_equal(slab_create(&slab), STATUS_OK);
    enum { BLOCKS = 40 }; /* 160 MiB: three regions. */
    uint32_t blocks[BLOCKS];
    for (uint32_t at = 0; at < BLOCKS; at++) {
        blocks[at] = slab_acquire(slab, BLOCK_SIZE_MAX - at);
        uint8_t *bytes = slab_get(slab, blocks[at]);
        bytes[0] = (uint8_t)at;
        bytes[BLOCK_SIZE_MAX - 1] = (uint8_t)at;
    }
    assert_int_equal(slab_peek_usage(slab).used_bytes, (uint64_t)BLOCKS * BLOCK_SIZE_MAX);
    assert_int_equal(slab_peek_usage(slab).resident_bytes, (uint64_t)BLOCKS * BLOCK_SIZE_MAX);
    assert_int_equal(slab_find_move(slab), BLOCK_NONE);
    for (uint32_t at = 0; at < BLOCKS; at++) {
        const uint8_t *bytes = slab_get(slab, blocks[at]);
        assert_int_equal(bytes[0], at);
        assert_int_equal(bytes[BLOCK_SIZE_MAX - 1], at);
    }
    /* The lowest gap that is wide enough is used again. */
    slab_release(slab, blocks[3]);
    slab_release(slab, blocks[7]);
    const uint32_t third = slab_acquire(slab, BLOCK_SIZE_MAX / 2 + 1);
    assert_int_equal(third, blocks[3]);
    assert_int_equal(slab_acquire(slab, BLOCK_SIZE_MAX), blocks[7]);
    slab_release(slab, third);
    blocks[3] = slab_acquire(slab, ARENA_SIZE + 1);
    for (uint32_t at = 0; at < BLOCKS; at++) {
        slab_release(slab, blocks[at]);
    }
    assert_int_equal(slab_peek_usage(slab).resident_bytes, 0);
}

enum { REGION_BLOCKS = 16 }; /* Of 4 MiB: one region. */

/* What the system refuses is BLOCK_NONE, and what there is goes on working. */
static bool slab_bears_refusal(struct slab *slab, const uint32_t blocks[REGION_BLOCKS])
{
    const struct slab_usage before = slab_peek_usage(slab);
    if (slab_acquire(slab, BLOCK_SIZE_MAX) != BLOCK_NONE || slab_acquire(slab, 64) != BLOCK_NONE) {
        return false;
    }
    const struct slab_usage after = slab_peek_usage(slab);
    if (after.used_bytes != before.used_bytes || after.blocks != before.blocks ||
        after.resident_bytes != before.resident_bytes) {
        return false;
    }
    slab_release(slab, blocks[5]);
    const uint32_t small = slab_acquire(slab, 64);
    if (small == BLOCK_NONE) {
        return false;
    }
    *(uint8_t *)slab_get(slab, small) = 1;
    return slab_acquire(slab, BLOCK_SIZE_MAX) == BLOCK_NONE;
}

/* In a process of its own, as the limit is the process's. */
static int run_out_of_address_space(void)
{
    BOX(slab_destroy) struct slab *slab = NULL;
    if (slab_create(&slab) != STATUS_OK) {
        return 1;
    }
    uint32_t blocks[REGION_BLOCKS];
    for (uint32_t at = 0; at < REGION_BLOCKS; at++) {
        blocks[at] = slab_acquire(slab, BLOCK_SIZE_MAX);
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0) {
        return 2;
    }
    const struct rlimit nothing_more = {.rlim_cur = 4096, .rlim_max = limit.rlim_max};
    if (setrlimit(RLIMIT_AS, &nothing_more) != 0) {
        return 3;
    }
    const bool borne = slab_bears_refusal(slab, blocks);
    /* AddressSanitizer maps memory to say that a region is gone. */
    return setrlimit(RLIMIT_AS, &limit) == 0 && borne ? 0 : 4;
}

static void no_more_memory_is_no_block(void **state)
{
    (void)state;
    fflush(NULL);
    const pid_t child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0) {
        _exit(run_out_of_address_space());
    }
    int result = 0;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), 0);
}

/* Slots of arenas that are there are given, and no more. */
static void what_is_taken_serves_on_without_more(void **state)
{
    struct slab *slab = NULL;
    (void)state;
    assert_int_equal(slab_create(&slab), STATUS_OK);
    assert_int_not_equal(slab_acquire(slab, BLOCK_SLAB_SIZE_MAX), BLOCK_NONE);
    slab_set_exhausted(slab, true);
    uint32_t more = 0;
    while (slab_acquire(slab, BLOCK_SLAB_SIZE_MAX) != BLOCK_NONE) {
        more++;
    }
    assert_int_equal(more, ARENA_SIZE / BLOCK_SLAB_SIZE_MAX - 1);
    assert_int_equal(slab_acquire(slab, 64), BLOCK_NONE);
    assert_int_equal(slab_acquire(slab, BLOCK_SIZE_MAX), BLOCK_NONE);
    slab_set_exhausted(slab, false);
    assert_int_not_equal(slab_acquire(slab, 64), BLOCK_NONE);
    slab_destroy(&slab);
}

#ifdef POISON_IS_CHECKED
static void what_is_not_taken_is_poisoned(void **state)
{
    (void)state;
    BOX(slab_destroy) struct slab *slab = NULL;
    assert_int_equal(slab_create(&slab), STATUS_OK);
    static const uint32_t sizes[] = {100, 5000, 100000};
    for (size_t at = 0; at < sizeof sizes / sizeof sizes[0]; at++) {
        const uint32_t block = slab_acquire(slab, sizes[at]);
        const uint32_t keeper = slab_acquire(slab, sizes[at]);
        const size_t size = slab_get_size(slab, block);
        uint8_t *bytes = slab_get(slab, block);
        assert_null(__asan_region_is_poisoned(bytes, size));
        slab_release(slab, block);
        assert_true(__asan_address_is_poisoned(bytes));
        assert_true(__asan_address_is_poisoned(bytes + size - 1));
        slab_release(slab, keeper);
    }
}
#endif

/* In a process of its own, as it ends it. */
static void a_block_released_twice_stops_the_program(void **state)
{
    (void)state;
    fflush(NULL);
    const pid_t child = fork();
    assert_int_not_equal(child, -1);
    if (child == 0) {
        BOX(slab_destroy) struct slab *slab = NULL;
        if (slab_create(&slab) != STATUS_OK || freopen("/dev/null", "w", stderr) == NULL) {
            _exit(0);
        }
        const uint32_t block = slab_acquire(slab, 100);
        const uint32_t keeper = slab_acquire(slab, 100);
        slab_release(slab, block);
        slab_release(slab, block);
        _exit((int)(keeper & 0)); /* Not reached. */
    }
    int result = 0;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_false(WIFEXITED(result) && WEXITSTATUS(result) == 0);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(slab_behaves_like_its_model, &seed),
        cmocka_unit_test_prestate(moves_give_sparse_arenas_back, &seed),
        cmocka_unit_test(every_size_gets_room),
        cmocka_unit_test(empty_arenas_go_back_to_the_system),
        cmocka_unit_test(a_draining_arena_may_be_needed_again),
        cmocka_unit_test(large_blocks_stand_side_by_side),
        cmocka_unit_test(no_more_memory_is_no_block),
        cmocka_unit_test(what_is_taken_serves_on_without_more),
#ifdef POISON_IS_CHECKED
        cmocka_unit_test(what_is_not_taken_is_poisoned),
#endif
        cmocka_unit_test(a_block_released_twice_stops_the_program),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
