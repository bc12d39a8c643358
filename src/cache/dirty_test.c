/* The dirty queue against what it promises: not lost, not twice, not too early and not too late. */
#include "cache/dirty.h"

#include "cache/user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { USERS = 2000, STEPS = 30000, MS_AT_START = 777 };

struct room {
    struct slab *slab;
    struct dirty dirty;
    uint64_t now_ms;
    uint64_t delay_ms;
    uint32_t blocks[USERS];
    uint64_t filed_ms[USERS]; /* UINT64_MAX: not in the queue. */
    bool parked[USERS];
    uint32_t count;
};

static void room_init(struct room *self)
{
    memset(self, 0, sizeof *self);
    self->now_ms = MS_AT_START;
    self->delay_ms = 3000;
    assert_int_equal(slab_create(&self->slab), STATUS_OK);
    dirty_init(&self->dirty, self->slab, self->now_ms);
    for (uint32_t i = 0; i < USERS; i++) {
        self->blocks[i] = slab_acquire(self->slab, sizeof(struct user));
        assert_int_not_equal(self->blocks[i], BLOCK_NONE);
        *(struct user *)slab_get(self->slab, self->blocks[i]) = (struct user){.id = i};
        self->filed_ms[i] = UINT64_MAX;
    }
}

static void insert(struct room *self, uint32_t user)
{
    dirty_insert(&self->dirty, self->blocks[user], (uint64_t)rand());
    self->filed_ms[user] = self->now_ms;
    self->parked[user] = false;
    self->count++;
}

static uint32_t number_of(const struct room *self, uint32_t block)
{
    return (uint32_t)((const struct user *)slab_get(self->slab, block))->id;
}

static void take(struct room *self, uint32_t user)
{
    dirty_remove(&self->dirty, self->blocks[user]);
    self->filed_ms[user] = UINT64_MAX;
    self->count--;
}

/* All that is due; how many. */
static uint32_t take_due(struct room *self, uint64_t early_ms, uint64_t late_ms)
{
    uint32_t taken = 0;
    bool more = true;
    while (more) {
        more = dirty_turn(&self->dirty, self->now_ms, self->delay_ms);
        uint32_t block = dirty_find_due(&self->dirty);
        for (; block != BLOCK_NONE; block = dirty_find_due(&self->dirty)) {
            const uint32_t user = number_of(self, block);
            assert_true(self->filed_ms[user] != UINT64_MAX);
            assert_false(self->parked[user]);
            const uint64_t age_ms = self->now_ms - self->filed_ms[user];
            assert_true(age_ms >= early_ms);
            assert_true(age_ms <= late_ms);
            take(self, user);
            taken++;
        }
    }
    assert_int_equal(self->dirty.counts[0] + self->dirty.counts[1], self->count);
    return taken;
}

static void room_deinit(struct room *self)
{
    slab_destroy(&self->slab);
}

/* Between a bit less than half and the whole of the delay, whatever the steps in which time goes.
 */
static void users_are_due_within_the_delay(void **state)
{
    srand(*(const unsigned *)*state);
    static const uint64_t delays_ms[] = {10, 100, 3000, 30000, 86400000};
    for (size_t i = 0; i < sizeof delays_ms / sizeof *delays_ms; i++) {
        struct room room;
        room_init(&room);
        room.delay_ms = delays_ms[i];
        const uint64_t slot_ms = room.delay_ms / DIRTY_SLOTS_PER_DELAY + 1;
        const uint64_t step_ms_max = room.delay_ms / 50 + 1;
        uint32_t taken = 0;
        for (int step = 0; step < STEPS / 10; step++) {
            const uint32_t user = (uint32_t)rand() % USERS;
            if (room.filed_ms[user] == UINT64_MAX) {
                insert(&room, user);
            } else if (rand() % 10 == 0) {
                take(&room, user);
            }
            room.now_ms += (uint64_t)rand() % (step_ms_max + 1);
            taken += take_due(&room, room.delay_ms * 59 / DIRTY_SLOTS_PER_DELAY - 1,
                              room.delay_ms * 110 / DIRTY_SLOTS_PER_DELAY + step_ms_max + slot_ms);
        }
        assert_true(taken > USERS / 10);
        room_deinit(&room);
    }
}

static void a_burst_is_spread(void **state)
{
    srand(*(const unsigned *)*state);
    struct room room;
    room_init(&room);
    for (uint32_t i = 0; i < USERS; i++) {
        insert(&room, i);
    }
    uint32_t most = 0;
    uint32_t taken = 0;
    while (taken < USERS) {
        room.now_ms += room.delay_ms / DIRTY_SLOTS_PER_DELAY;
        const uint32_t now = take_due(&room, 0, room.delay_ms);
        most = now > most ? now : most;
        taken += now;
    }
    assert_true(most < USERS / 20);
    room_deinit(&room);
}

/* What takes nothing while time goes on (the store is down) finds all of it later. */
static void nothing_is_lost_while_nobody_takes(void **state)
{
    srand(*(const unsigned *)*state);
    struct room room;
    room_init(&room);
    for (int step = 0; step < STEPS / 10; step++) {
        const uint32_t user = (uint32_t)rand() % USERS;
        if (room.filed_ms[user] == UINT64_MAX) {
            insert(&room, user);
        }
        room.now_ms += (uint64_t)rand() % 30;
        (void)dirty_turn(&room.dirty, room.now_ms, room.delay_ms);
        (void)dirty_find_due(&room.dirty);
    }
    const uint32_t there = room.count;
    const uint32_t at_once = take_due(&room, 0, UINT64_MAX);
    assert_true(at_once > 0);
    room.now_ms += room.delay_ms;
    assert_int_equal(at_once + take_due(&room, 0, UINT64_MAX), there);
    room_deinit(&room);
}

static void a_long_sleep_makes_all_due_once(void **state)
{
    srand(*(const unsigned *)*state);
    struct room room;
    room_init(&room);
    for (uint32_t i = 0; i < USERS; i++) {
        insert(&room, i);
    }
    room.now_ms += 1000 * room.delay_ms;
    assert_int_equal(take_due(&room, 0, UINT64_MAX), USERS);
    room_deinit(&room);
}

static void the_queue_follows_a_changed_delay(void **state)
{
    srand(*(const unsigned *)*state);
    struct room room;
    room_init(&room);
    room.delay_ms = 1000000;
    for (uint32_t i = 0; i < USERS; i++) {
        insert(&room, i);
    }
    assert_int_equal(take_due(&room, 0, 0), 0);
    room.delay_ms = 100;
    room.now_ms += 100;
    assert_int_equal(take_due(&room, 0, 100), USERS);
    room_deinit(&room);
}

static void a_flush_ends_under_a_steady_stream(void **state)
{
    srand(*(const unsigned *)*state);
    struct room room;
    room_init(&room);
    for (uint32_t round = 0; round < 50; round++) {
        for (uint32_t i = 0; i < USERS / 2; i++) {
            const uint32_t user = (uint32_t)rand() % USERS;
            if (room.filed_ms[user] == UINT64_MAX) {
                insert(&room, user);
            }
        }
        const uint8_t old = room.dirty.epoch;
        const uint32_t there = room.count;
        dirty_begin_flush(&room.dirty);
        for (uint32_t taken = 0; taken < there; taken++) {
            const uint32_t block = dirty_find_due(&room.dirty);
            assert_int_not_equal(block, BLOCK_NONE);
            assert_int_equal(dirty_get_epoch(&room.dirty, block), old);
            const uint32_t user = number_of(&room, block);
            take(&room, user);
            if (taken % 3 == 0) {
                insert(&room, user); /* It changes again: that is not of this flush. */
            } else if (taken % 3 == 1) {
                /* Its write failed: that is. */
                dirty_insert_due(&room.dirty, block, old);
                dirty_remove(&room.dirty, block);
            }
        }
        assert_int_equal(room.dirty.counts[old], 0);
        room.now_ms += (uint64_t)rand() % 2000;
        (void)take_due(&room, 0, UINT64_MAX);
    }
    room_deinit(&room);
}

static void the_parked_are_due_when_they_are_unparked(void **state)
{
    srand(*(const unsigned *)*state);
    struct room room;
    room_init(&room);
    uint32_t parked_count = 0;
    for (int step = 0; step < STEPS; step++) {
        const uint32_t user = (uint32_t)rand() % USERS;
        const uint32_t block = room.blocks[user];
        if (room.filed_ms[user] == UINT64_MAX) {
            insert(&room, user);
        } else if (!room.parked[user]) {
            if (rand() % 4 == 0) {
                dirty_park(&room.dirty, block);
                room.parked[user] = true;
                parked_count++;
            }
        } else if (rand() % 2 == 0) {
            dirty_unpark(&room.dirty, block);
            room.parked[user] = false;
            parked_count--;
            assert_int_equal(dirty_peek_delay_ms(&room.dirty, block, room.delay_ms), 0);
            (void)take_due(&room, 0, UINT64_MAX);
            assert_true(room.filed_ms[user] == UINT64_MAX);
        }
        if (step % 500 == 0 && room.dirty.counts[room.dirty.epoch ^ 1] == 0) {
            dirty_begin_flush(&room.dirty);
        }
        room.now_ms += 1;
    }
    room.now_ms += 2 * room.delay_ms;
    (void)take_due(&room, 0, UINT64_MAX);
    assert_int_equal(room.count, parked_count);
    room_deinit(&room);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    printf("seed %u\n", seed);
    unsigned *const given = &seed;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(users_are_due_within_the_delay, given),
        cmocka_unit_test_prestate(a_burst_is_spread, given),
        cmocka_unit_test_prestate(nothing_is_lost_while_nobody_takes, given),
        cmocka_unit_test_prestate(a_long_sleep_makes_all_due_once, given),
        cmocka_unit_test_prestate(the_queue_follows_a_changed_delay, given),
        cmocka_unit_test_prestate(a_flush_ends_under_a_steady_stream, given),
        cmocka_unit_test_prestate(the_parked_are_due_when_they_are_unparked, given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
