/* The index against an array: users come, go, move, are found, and the table grows and shrinks. */
#include "cache/index.h"

#include "base/hash.h"
#include "cache/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { USERS = 60000, CROWD = 100, CROWD_BITS = 1023 };

struct room {
    struct slab *slab;
    struct index index;
    uint32_t *blocks; /* Of user i + 1; BLOCK_NONE: not there. */
    uint32_t count;
};

static struct user_id user_of(uint32_t number)
{
    return (struct user_id){number + 1};
}

static void room_init(struct room *self)
{
    *self = (struct room){0};
    self->blocks = malloc(USERS * sizeof *self->blocks);
    memset(self->blocks, 0xff, USERS * sizeof *self->blocks);
    assert_int_equal(slab_create(&self->slab), STATUS_OK);
    assert_int_equal(index_init(&self->index, self->slab), STATUS_OK);
}

static void insert(struct room *self, uint32_t number)
{
    const uint32_t block = slab_acquire(self->slab, sizeof(struct user));
    assert_int_not_equal(block, BLOCK_NONE);
    *(struct user *)slab_get(self->slab, block) =
        (struct user){.id = user_of(number).value, .chain = 0xdead};
    index_insert(&self->index, user_of(number), block);
    self->blocks[number] = block;
    self->count++;
}

static void take(struct room *self, uint32_t number)
{
    index_remove(&self->index, user_of(number));
    slab_release(self->slab, self->blocks[number]);
    self->blocks[number] = BLOCK_NONE;
    self->count--;
}

static void move(struct room *self, uint32_t number)
{
    const uint32_t from = self->blocks[number];
    const uint32_t to = slab_acquire(self->slab, sizeof(struct user));
    assert_int_not_equal(to, BLOCK_NONE);
    memcpy(slab_get(self->slab, to), slab_get(self->slab, from), sizeof(struct user));
    index_replace(&self->index, user_of(number), from, to);
    slab_release(self->slab, from);
    self->blocks[number] = to;
}

static void check_all(const struct room *self)
{
    assert_int_equal(self->index.users, self->count);
    for (uint32_t i = 0; i < USERS; i++) {
        assert_int_equal(index_find(&self->index, user_of(i)), self->blocks[i]);
    }
}

static void room_deinit(struct room *self)
{
    for (uint32_t i = 0; i < USERS; i++) {
        if (self->blocks[i] != BLOCK_NONE) {
            take(self, i);
        }
    }
    /* Down to the segment it began with. */
    assert_int_equal(slab_peek_usage(self->slab).used_bytes, ARENA_SIZE);
    index_deinit(&self->index);
    assert_int_equal(slab_peek_usage(self->slab).used_bytes, 0);
    slab_destroy(&self->slab);
    free(self->blocks);
}

/* `often` of ten steps insert. */
static void walk(struct room *self, int steps, int often)
{
    for (int i = 0; i < steps; i++) {
        const uint32_t number = (uint32_t)rand() % USERS;
        const bool there = self->blocks[number] != BLOCK_NONE;
        assert_int_equal(index_find(&self->index, user_of(number)), self->blocks[number]);
        const uint64_t hash = hash_user(user_of(number));
        index_prefetch_bucket(&self->index, hash);
        (void)index_prefetch_block(&self->index, hash);
        if (there && rand() % 4 == 0) {
            move(self, number);
        } else if (rand() % 10 < often) {
            if (!there) {
                insert(self, number);
            }
        } else if (there) {
            take(self, number);
        }
    }
    check_all(self);
}

static void a_random_walk_agrees_with_the_model(void **state)
{
    srand(*(const unsigned *)*state);
    struct room room;
    room_init(&room);
    walk(&room, 150000, 10);
    assert_true(room.index.segments_count > 4);
    walk(&room, 100000, 5);
    walk(&room, 300000, 1);
    const uint32_t shrunk = room.index.segments_count;
    walk(&room, 50000, 9);
    assert_true(room.index.segments_count > shrunk);
    room_deinit(&room);
}

/* All in one bucket: most of them in its chain. */
static void a_crowd_in_one_bucket_is_kept(void **state)
{
    srand(*(const unsigned *)*state);
    struct room room;
    room_init(&room);
    uint32_t crowd[CROWD];
    uint32_t count = 0;
    for (uint32_t i = 0; i < USERS && count < CROWD; i++) {
        if ((hash_user(user_of(i)) & CROWD_BITS) == 7) {
            crowd[count++] = i;
        }
    }
    assert_true(count > 3 * INDEX_BUCKET_PLACES);
    for (int i = 0; i < 20000; i++) {
        const uint32_t number = crowd[(uint32_t)rand() % count];
        if (room.blocks[number] == BLOCK_NONE) {
            insert(&room, number);
        } else if (rand() % 2 == 0) {
            move(&room, number);
        } else {
            take(&room, number);
        }
        for (uint32_t j = 0; i % 50 == 0 && j < count; j++) {
            assert_int_equal(index_find(&room.index, user_of(crowd[j])), room.blocks[crowd[j]]);
        }
    }
    check_all(&room);
    room_deinit(&room);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    printf("seed %u\n", seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(a_random_walk_agrees_with_the_model, &seed),
        cmocka_unit_test_prestate(a_crowd_in_one_bucket_is_kept, &seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
