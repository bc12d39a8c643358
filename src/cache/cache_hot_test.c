/* The walk over the hottest users, while they come, go, are touched, read and moved. */
#include "cache/cache_hot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { USERS = 60, ROUNDS = 400, GIVEN_MAX = 4096 };

/* What is known of each user by itself: slow, and obviously right. */
struct model {
    uint64_t order[USERS]; /* Oldest first: who is in the order of use. */
    uint32_t count;
    bool held[USERS + 1];
    /* Of the walk. */
    bool was_there_always[USERS + 1]; /* In the order, untouched, since the walk began. */
    bool was_touched[USERS + 1];      /* Became the newest since the walk began, and stayed. */
    uint64_t before[USERS];           /* The order when it began. */
    uint32_t before_count;
};

struct given {
    uint32_t count;
    uint64_t ids[GIVEN_MAX];
};

struct room {
    struct cache cache;
    struct model model;
    struct given parts[CACHE_HOT_END];
};

static void take_id(void *context, struct user_id user)
{
    struct given *given = context;
    assert_true(given->count < GIVEN_MAX);
    given->ids[given->count++] = user.value;
}

static bool has_given(const struct given *given, uint64_t id)
{
    bool has = false;
    for (uint32_t i = 0; i < given->count && !has; i++) {
        has = given->ids[i] == id;
    }
    return has;
}

static void model_remove(struct model *self, uint64_t id)
{
    for (uint32_t i = 0; i < self->count; i++) {
        if (self->order[i] == id) {
            self->count--;
            memmove(self->order + i, self->order + i + 1,
                    (self->count - i) * sizeof self->order[0]);
            break;
        }
    }
    self->was_there_always[id] = false;
    self->was_touched[id] = false;
}

static void model_touch(struct model *self, uint64_t id)
{
    if (self->count > 0 && self->order[self->count - 1] == id) {
        return; /* It is the newest already, and stays where it is. */
    }
    model_remove(self, id);
    self->order[self->count++] = id;
    self->was_touched[id] = true;
}

static void insert(struct room *self, uint64_t id)
{
    uint8_t leaf[LEAF_HEAD_SIZE];
    uint32_t block = BLOCK_NONE;
    leaf_init(leaf);
    const struct record_head head = {.version = 1};
    const struct slice bytes = {.bytes = (const char *)leaf, .size = sizeof leaf};
    assert_int_equal(cache_insert_small(&self->cache, (struct user_id){id}, &head, bytes, &block),
                     STATUS_OK);
    model_touch(&self->model, id);
}

/* It moves to another block, where its own has no room for one more state. */
static void grow(struct room *self, uint64_t id, uint64_t channel_id)
{
    uint32_t block = cache_find(&self->cache, (struct user_id){id});
    const struct channel_key channel = {.id = channel_id};
    const struct cache_place place = cache_find_state(&self->cache, block, channel);
    struct read_state state;
    read_state_init(&state, channel);
    state.version = 1;
    assert_int_equal(cache_write_state(&self->cache, &block, &place, &state), STATUS_OK);
}

static void change(struct room *self)
{
    const uint64_t id = 1 + (uint64_t)rand() % USERS;
    const uint32_t block = cache_find(&self->cache, (struct user_id){id});
    struct model *model = &self->model;
    const int what = rand() % 8;
    if (block == BLOCK_NONE) {
        insert(self, id);
    } else if (model->held[id] && what < 4) {
        cache_unsubscribe(&self->cache, block, 3);
        model->held[id] = false;
        model_touch(model, id);
    } else if (model->held[id]) {
        cache_touch(&self->cache, block, 1);
    } else if (what == 0) {
        cache_remove(&self->cache, block);
        model_remove(model, id);
    } else if (what == 1) {
        cache_subscribe(&self->cache, block, 3);
        model_remove(model, id);
        model->held[id] = true;
    } else if (what == 2) {
        grow(self, id, 1 + (uint64_t)rand() % 1000);
    } else {
        cache_touch(&self->cache, block, 1);
        model_touch(model, id);
    }
}

static void begin_walk(struct room *self, struct cache_hot *hot)
{
    struct model *model = &self->model;
    memset(self->parts, 0, sizeof self->parts);
    memset(model->was_there_always, 0, sizeof model->was_there_always);
    memset(model->was_touched, 0, sizeof model->was_touched);
    memcpy(model->before, model->order, sizeof model->before);
    model->before_count = model->count;
    for (uint32_t i = 0; i < model->count; i++) {
        model->was_there_always[model->order[i]] = true;
    }
    cache_begin_hot(&self->cache, hot);
}

/* Where in the order before the walk; from the oldest. */
static uint32_t find_before(const struct model *self, uint64_t id)
{
    uint32_t at = 0;
    while (at < self->before_count && self->before[at] != id) {
        at++;
    }
    return at;
}

static void check_used(const struct room *self)
{
    const struct given *used = &self->parts[CACHE_HOT_USED];
    uint32_t at_last = USERS;
    for (uint32_t i = 0; i < used->count; i++) {
        const uint32_t at = find_before(&self->model, used->ids[i]);
        if (at < self->model.before_count) {
            assert_true(at < at_last);
            at_last = at;
        }
    }
    for (uint64_t id = 1; id <= USERS; id++) {
        assert_true(!self->model.was_there_always[id] || has_given(used, id));
    }
}

/* `at_second`: who had become the newest when the second part began. */
static void check_since(const struct room *self, const struct model *at_second)
{
    const struct given *since = &self->parts[CACHE_HOT_SINCE];
    for (uint64_t id = 1; id <= USERS; id++) {
        assert_true(!at_second->was_touched[id] || self->model.was_there_always[id] ||
                    has_given(since, id));
    }
}

static void each_user_is_given_in_order(void **state)
{
    srand(*(const unsigned *)*state);
    struct room *room = calloc(1, sizeof *room);
    assert_int_equal(cache_init(&room->cache, 0), STATUS_OK);
    for (int round = 0; round < ROUNDS; round++) {
        struct cache_hot hot;
        const int changes_max = round % 4 * 6; /* In some rounds nothing changes. */
        bool held_always[USERS + 1];
        memcpy(held_always, room->model.held, sizeof held_always);
        begin_walk(room, &hot);
        struct model at_second = {.count = 0};
        while (hot.part != CACHE_HOT_END) {
            const enum cache_hot_part part = hot.part;
            cache_walk_hot(&room->cache, &hot, 1 + (uint32_t)rand() % 12, take_id,
                           &room->parts[part]);
            if (hot.part == CACHE_HOT_SINCE && part != CACHE_HOT_SINCE) {
                at_second = room->model;
            }
            /* What changes during the second part may be missed. */
            for (int i = changes_max == 0 || hot.part == CACHE_HOT_SINCE ? 0 : rand() % changes_max;
                 i > 0; i--) {
                change(room);
            }
            for (uint64_t id = 1; id <= USERS; id++) {
                held_always[id] &= room->model.held[id];
            }
        }
        check_used(room);
        check_since(room, &at_second);
        for (uint64_t id = 1; id <= USERS; id++) {
            assert_true(!held_always[id] || has_given(&room->parts[CACHE_HOT_HELD], id));
        }
        for (uint32_t i = 0; changes_max == 0 && i < room->model.count; i++) {
            assert_int_equal(room->parts[CACHE_HOT_USED].ids[i],
                             room->model.order[room->model.count - 1 - i]);
        }
        assert_true(changes_max > 0 || (room->parts[CACHE_HOT_SINCE].count == 0 &&
                                        room->parts[CACHE_HOT_USED].count == room->model.count));
        for (int i = rand() % 40; i > 0; i--) {
            change(room);
        }
    }
    cache_deinit(&room->cache);
    free(room);
}

/* A user whom all are given before is given once more when it is used during the walk. */
static void whoever_is_used_meanwhile_is_given_at_the_end(void **state)
{
    (void)state;
    struct room *room = calloc(1, sizeof *room);
    struct cache_hot hot;
    assert_int_equal(cache_init(&room->cache, 0), STATUS_OK);
    for (uint64_t id = 1; id <= 10; id++) {
        insert(room, id);
    }
    cache_begin_hot(&room->cache, &hot);
    cache_walk_hot(&room->cache, &hot, 4, take_id, &room->parts[CACHE_HOT_HELD]);
    assert_int_equal(room->parts[CACHE_HOT_HELD].count, 0);
    assert_int_equal(hot.part, CACHE_HOT_USED);
    cache_walk_hot(&room->cache, &hot, 4, take_id, &room->parts[CACHE_HOT_USED]);
    cache_touch(&room->cache, cache_find(&room->cache, (struct user_id){2}), 1);
    cache_touch(&room->cache, cache_find(&room->cache, (struct user_id){9}), 1);
    /* The next one of the walk goes. */
    cache_remove(&room->cache, cache_find(&room->cache, (struct user_id){6}));
    while (hot.part == CACHE_HOT_USED) {
        cache_walk_hot(&room->cache, &hot, 4, take_id, &room->parts[CACHE_HOT_USED]);
    }
    const uint64_t used[] = {10, 9, 8, 7, 5, 4, 3, 1};
    assert_int_equal(room->parts[CACHE_HOT_USED].count, sizeof used / sizeof *used);
    assert_memory_equal(room->parts[CACHE_HOT_USED].ids, used, sizeof used);
    while (hot.part == CACHE_HOT_SINCE) {
        cache_walk_hot(&room->cache, &hot, 4, take_id, &room->parts[CACHE_HOT_SINCE]);
    }
    const uint64_t since[] = {9, 2};
    assert_int_equal(room->parts[CACHE_HOT_SINCE].count, sizeof since / sizeof *since);
    assert_memory_equal(room->parts[CACHE_HOT_SINCE].ids, since, sizeof since);
    cache_deinit(&room->cache);
    free(room);
}

/* The next one of the walk, and the newest: others come into the blocks where they were. */
static void users_may_move(void **state)
{
    (void)state;
    struct room *room = calloc(1, sizeof *room);
    struct cache_hot hot;
    assert_int_equal(cache_init(&room->cache, 0), STATUS_OK);
    for (uint64_t id = 1; id <= 10; id++) {
        insert(room, id);
    }
    cache_begin_hot(&room->cache, &hot);
    cache_walk_hot(&room->cache, &hot, 4, take_id, &room->parts[CACHE_HOT_HELD]);
    cache_walk_hot(&room->cache, &hot, 4, take_id, &room->parts[CACHE_HOT_USED]);
    static const uint64_t moving[] = {6, 10};
    for (size_t i = 0; i < sizeof moving / sizeof *moving; i++) {
        const uint32_t before = cache_find(&room->cache, (struct user_id){moving[i]});
        for (uint64_t channel = 1; channel <= 20; channel++) {
            grow(room, moving[i], channel);
        }
        assert_int_not_equal(cache_find(&room->cache, (struct user_id){moving[i]}), before);
    }
    for (uint64_t id = 11; id <= 20; id++) {
        insert(room, id);
    }
    while (hot.part != CACHE_HOT_END) {
        cache_walk_hot(&room->cache, &hot, 4, take_id, &room->parts[hot.part]);
    }
    const uint64_t used[] = {10, 9, 8, 7, 6, 5, 4, 3, 2, 1};
    assert_int_equal(room->parts[CACHE_HOT_USED].count, sizeof used / sizeof *used);
    assert_memory_equal(room->parts[CACHE_HOT_USED].ids, used, sizeof used);
    const uint64_t since[] = {20, 19, 18, 17, 16, 15, 14, 13, 12, 11};
    assert_int_equal(room->parts[CACHE_HOT_SINCE].count, sizeof since / sizeof *since);
    assert_memory_equal(room->parts[CACHE_HOT_SINCE].ids, since, sizeof since);
    cache_deinit(&room->cache);
    free(room);
}

/* Nothing of them is in the store. */
static void users_without_states_are_left_out(void **state)
{
    (void)state;
    struct room *room = calloc(1, sizeof *room);
    struct cache_hot hot;
    uint32_t block = BLOCK_NONE;
    assert_int_equal(cache_init(&room->cache, 0), STATUS_OK);
    for (uint64_t id = 1; id <= 2; id++) {
        assert_int_equal(cache_insert(&room->cache, (struct user_id){id}, &block), STATUS_OK);
    }
    cache_subscribe(&room->cache, block, 1);
    cache_begin_hot(&room->cache, &hot);
    while (hot.part != CACHE_HOT_END) {
        cache_walk_hot(&room->cache, &hot, 4, take_id, &room->parts[0]);
    }
    assert_int_equal(room->parts[0].count, 0);
    cache_deinit(&room->cache);
    free(room);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    printf("seed %u\n", seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(each_user_is_given_in_order, &seed),
        cmocka_unit_test(whoever_is_used_meanwhile_is_given_at_the_end),
        cmocka_unit_test(users_may_move),
        cmocka_unit_test(users_without_states_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
