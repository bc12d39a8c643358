/* The recency order against an array that is shifted. */
#include "cache/lru.h"

#include "cache/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { USERS = 40, STEPS = 20000 };

struct model {
    uint32_t blocks[USERS]; /* Oldest first. */
    uint32_t count;
};

static void model_remove(struct model *self, uint32_t at)
{
    self->count--;
    memmove(self->blocks + at, self->blocks + at + 1, (self->count - at) * sizeof self->blocks[0]);
}

static void model_insert(struct model *self, uint32_t at, uint32_t block)
{
    memmove(self->blocks + at + 1, self->blocks + at, (self->count - at) * sizeof self->blocks[0]);
    self->blocks[at] = block;
    self->count++;
}

static void check(const struct lru *lru, const struct model *model)
{
    uint32_t older = BLOCK_NONE;
    uint32_t at = lru->oldest;
    for (uint32_t i = 0; i < model->count; i++) {
        assert_int_equal(at, model->blocks[i]);
        const struct user *user = slab_get(lru->lent_slab, at);
        assert_int_equal(user->older, older);
        older = at;
        at = user->newer;
    }
    assert_int_equal(at, BLOCK_NONE);
    assert_int_equal(lru->newest, older);
}

static uint32_t acquire(struct slab *slab)
{
    const uint32_t block = slab_acquire(slab, sizeof(struct user));
    assert_int_not_equal(block, BLOCK_NONE);
    return block;
}

static void a_random_walk_agrees_with_the_model(void **state)
{
    srand(*(const unsigned *)*state);
    struct slab *slab = NULL;
    assert_int_equal(slab_create(&slab), STATUS_OK);
    struct lru lru;
    lru_init(&lru, slab);
    struct model model = {.count = 0};
    for (int step = 0; step < STEPS; step++) {
        const uint32_t at = model.count == 0 ? 0 : (uint32_t)rand() % model.count;
        const uint32_t block = model.count == 0 ? BLOCK_NONE : model.blocks[at];
        const int what = rand() % 5;
        if (block == BLOCK_NONE || (what < 2 && model.count < USERS)) {
            const uint32_t new_block = acquire(slab);
            if (what == 0) {
                lru_insert_oldest(&lru, new_block);
                model_insert(&model, 0, new_block);
            } else {
                lru_insert_newest(&lru, new_block);
                model_insert(&model, model.count, new_block);
            }
        } else if (what == 2) {
            lru_touch(&lru, block);
            model_remove(&model, at);
            model_insert(&model, model.count, block);
        } else if (what == 3) {
            lru_remove(&lru, block);
            model_remove(&model, at);
            slab_release(slab, block);
        } else {
            const uint32_t to = acquire(slab);
            memcpy(slab_get(slab, to), slab_get(slab, block), sizeof(struct user));
            lru_mend(&lru, block, to);
            slab_release(slab, block);
            model.blocks[at] = to;
        }
        check(&lru, &model);
    }
    slab_destroy(&slab);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    printf("seed %u\n", seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(a_random_walk_agrees_with_the_model, &seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
