/* Crashes: what was answered is there again, from the store and from the segments of the journal
 * that the shard has not let go of. */
#include "shard/shard.h"

#include "shard/shard_play.h"
#include "shard/shard_play_commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MB (UINT64_C(1) << 20)

enum { CRASHES = 25, STEPS_A_LIFE = 60 };

static const struct plan plan_of_outage = {.name = "a long outage",
                                           .users = 8,
                                           .channels = 20,
                                           .bulk_max = 10,
                                           .cache_bytes = 4 * MB,
                                           .dirty_bytes = 4 * MB,
                                           .max_channels = 100,
                                           .commit_delay_ms = 400,
                                           .step_ms_max = 10,
                                           .latency_ms_max = 0,
                                           .failures = 1,
                                           .keeps_journal = true};

static const struct plan plans[] = {
    {.name = "all in memory",
     .users = 8,
     .channels = 20,
     .bulk_max = 10,
     .cache_bytes = 4 * MB,
     .dirty_bytes = 4 * MB,
     .max_channels = 100,
     .commit_delay_ms = 400,
     .step_ms_max = 10,
     .latency_ms_max = 20,
     .keeps_journal = true},
    {.name = "few users in memory",
     .users = 10,
     .channels = 12,
     .bulk_max = 5,
     .cache_users = 3,
     .cache_bytes = 4 * MB,
     .dirty_bytes = 4 * MB,
     .max_channels = 8,
     .commit_delay_ms = 2000,
     .step_ms_max = 10,
     .latency_ms_max = 20,
     .keeps_journal = true},
    {.name = "a store that fails",
     .users = 10,
     .channels = 12,
     .bulk_max = 5,
     .cache_users = 5,
     .cache_bytes = 4 * MB,
     .dirty_bytes = 4 * MB,
     .max_channels = 100,
     .commit_delay_ms = 300,
     .step_ms_max = 30,
     .latency_ms_max = 20,
     .failures = 200,
     .keeps_journal = true},
    {.name = "large users",
     .users = 4,
     .channels = 3000,
     .bulk_max = 300,
     .cache_bytes = 4 * MB,
     .dirty_bytes = 4 * MB,
     .max_channels = 2500,
     .commit_delay_ms = 500,
     .step_ms_max = 20,
     .latency_ms_max = 30,
     .keeps_journal = true},
};

/* The journal goes on in a further segment. */
static void begin_segment(struct sim *self) ON_SHARD_THREAD
{
    self->segment++;
    assert_true(self->segment < SEGMENTS_MAX);
    self->segments[self->segment] = buffer_peek_size(&self->journal);
    shard_set_segment(self->shard, self->segment, STATUS_OK);
    /* What it lets go of can wait: nobody asks for a turn. */
    self->changed_bounds = true;
}

/* What was on its way to the store is there, or is not. */
static void lose_pending(struct sim *self)
{
    for (uint32_t i = 0; i < self->pending_count; i++) {
        struct image *image = self->pending[i].request.image;
        if (image != NULL && chance(self, 500)) {
            const struct image *images[] = {image};
            assert_int_equal(self->store.ops->write(self->store.self, images, 1), STATUS_OK);
        }
        image_destroy(&image);
    }
    self->pending_count = 0;
}

static void recover_entry(struct sim *self, const uint8_t *bytes) ON_SHARD_THREAD
{
    struct journal_entry entry;
    assert_int_equal(journal_entry_decode(bytes, &entry), STATUS_OK);
    enum status status = shard_recover(self->shard, &entry);
    for (int i = 0; status == STATUS_BUSY; i++) {
        assert_true(i < TURNS_MAX);
        self->model.now_ms++;
        complete_due(self);
        turn(self);
        status = shard_recover(self->shard, &entry);
    }
    assert_int_equal(status, STATUS_OK);
}

static void crash(struct sim *self) ON_SHARD_THREAD
{
    if (self->has_ended_history) {
        self->needed_from = self->segments[self->released + 1];
    }
    lose_pending(self);
    shard_destroy(&self->shard);
    self->metrics = (struct metrics){0};
    sim_make_shard(self);
    self->is_recovered = false;
    self->has_ended_history = false;
    self->released = 0;
    self->segment = 0;
    /* A journal of its own, so that what is recovered is not put there again. */
    const size_t end = buffer_peek_size(&self->journal);
    for (size_t at = self->needed_from; at < end;) {
        const uint8_t *entry = (const uint8_t *)buffer_get_bytes(&self->journal) + at;
        at += journal_entry_get_size(entry);
        recover_entry(self, entry);
    }
    assert_int_equal(buffer_peek_size(&self->journal), end);
    for (uint32_t i = 0; i < self->plan->users; i++) {
        self->model.users[i].dirty_since_ms = self->model.now_ms;
    }
    begin_segment(self);
}

static void answer_all(struct sim *self) ON_SHARD_THREAD
{
    for (int i = 0; self->open_count > 0; i++) {
        assert_true(i < 20000);
        self->model.now_ms++;
        complete_due(self);
        turn(self);
    }
}

static void play(const struct plan *plan, uint64_t seed)
{
    struct sim *sim = malloc(sizeof *sim);
    shard_thread_enter();
    sim_begin(sim, plan, seed);
    begin_segment(sim);
    uint32_t lives_recovered = 0;
    for (int life = 0; life < CRASHES; life++) {
        for (uint32_t i = draw(sim, STEPS_A_LIFE); i > 0; i--) {
            step(sim);
            if (chance(sim, 200)) {
                begin_segment(sim);
            }
        }
        answer_all(sim);
        lives_recovered += sim->has_ended_history;
        crash(sim);
    }
    drain(sim);
    check_all_is_stored(sim);
    /* It was worth it: segments went, in some lives all that was recovered did. */
    assert_true(lives_recovered > 0);
    assert_true(sim->ok_count > sim->failed_count);
    sim_end(sim);
    shard_thread_leave();
    free(sim);
}

struct setting {
    const struct plan *plan;
    uint64_t seed;
};

static void what_was_answered_is_there(void **state)
{
    const struct setting *setting = *state;
    play(setting->plan, setting->seed);
}

/* The store takes no writes, and syncs all the same. */
static void complete_syncs(struct sim *self) ON_SHARD_THREAD
{
    for (uint32_t i = self->pending_count; i > 0; i--) {
        if (self->pending[i - 1].request.work == STORE_WORK_SYNC) {
            self->outage = false;
            complete_one(self, i - 1);
            self->outage = true;
        }
    }
}

/* A store that is down for long: the journal grows, and what old segments hold is carried over into
 * the current one, so that they go although nothing is written. */
static void old_segments_do_not_stay_for_who_cannot_be_written(void **state)
{
    const struct setting *setting = *state;
    struct sim *sim = malloc(sizeof *sim);
    shard_thread_enter();
    sim_begin(sim, setting->plan, setting->seed);
    begin_segment(sim);
    for (int i = 0; i < 40; i++) {
        step(sim);
    }
    answer_all(sim);
    sim->outage = true;
    for (uint32_t user = 0; user < setting->plan->users; user++) {
        execute(sim, COMMAND_BULKACK, user);
    }
    answer_all(sim);
    const uint64_t before = sim->released;
    for (int i = 0; i < 300; i++) {
        begin_segment(sim);
        sim->model.now_ms += 10;
        complete_syncs(sim);
        complete_due(sim);
        turn(sim);
    }
    assert_true(sim->released > before + 100);
    assert_true(shard_count_unwritten(sim->shard) > 0);
    sim->outage = false;
    crash(sim);
    drain(sim);
    check_all_is_stored(sim);
    sim_end(sim);
    shard_thread_leave();
    free(sim);
}

int main(int argc, char **argv)
{
    enum { PLANS = sizeof plans / sizeof *plans };
    const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    struct setting settings[PLANS];
    struct setting of_outage = {.plan = &plan_of_outage, .seed = seed};
    struct CMUnitTest tests[PLANS + 1];
    printf("seed %llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < PLANS; i++) {
        settings[i] = (struct setting){.plan = &plans[i], .seed = seed};
        tests[i] = (struct CMUnitTest){.name = plans[i].name,
                                       .test_func = what_was_answered_is_there,
                                       .initial_state = &settings[i]};
    }
    tests[PLANS] =
        (struct CMUnitTest){.name = "old segments",
                            .test_func = old_segments_do_not_stay_for_who_cannot_be_written,
                            .initial_state = &of_outage};
    return _cmocka_run_group_tests("shard recovery", tests, PLANS + 1, NULL, NULL);
}
