#include "sim/run.h"

#include "sim/run_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    STEP_MS_MAX = 5,
    WIDE_USERS = 4,
    AWAKE_STEP_MS_MAX = 20,
    SETTLE_STEPS = 64,
    STEPS_KEPT_MAX = 400,   /* Of a user, that no power cut may undo yet. */
    ANSWER_MS_MAX = 120000, /* Once nothing goes wrong any more. */
};

#define MB (UINT64_C(1) << 20)

static uint32_t bound(uint32_t drawn, uint32_t most)
{
    return most != 0 && drawn > most ? most : drawn;
}

/* What cannot be in one and the same run: the power goes, or it does not; and crashes are
 * frequent, or logs get long. */
static void draw_climate(struct run *self)
{
    const uint32_t kind = world_draw_below(&self->world, CHANCE_OPTIONS, 4);
    const bool keeps_power = world_draw_below(&self->world, CHANCE_OPTIONS, 2) == 0;
    self->is_long = kind == 0;
    self->is_wide = kind == 2;
    if (kind == 1 || (self->is_long && keeps_power)) {
        self->options.faults &= ~run_get_cuts();
    }
}

static void draw_options(struct run *self)
{
    static const uint64_t dirty_kbytes[] = {4096, 64, 16};
    static const uint32_t channels[] = {5, 12, 40, MODEL_CHANNELS_MAX};
    static const uint64_t delays_ms[] = {50, 300, 1000, 5000};
    struct world *world = &self->world;
    struct node_options *options = &self->node_options;
    const uint32_t few = world_draw_below(world, CHANCE_OPTIONS, 4);
    self->rules.channels = self->is_wide ? MODEL_CHANNELS_MAX : channels[few];
    self->rules.max_channels = self->rules.channels - world_draw_below(world, CHANCE_OPTIONS, 3);
    self->rules.tombstones_kept = 1 + world_draw_below(world, CHANCE_OPTIONS, 5);
    const uint32_t users_max = self->is_wide ? WIDE_USERS : RUN_USERS_MAX;
    self->users_count =
        bound(1 + world_draw_below(world, CHANCE_OPTIONS, users_max), self->options.users_max);
    self->clients_count = bound(1 + world_draw_below(world, CHANCE_OPTIONS, RUN_CLIENTS_MAX),
                                self->options.clients_max);
    self->depth = 1 + world_draw_below(world, CHANCE_OPTIONS, 6);
    const uint32_t shards = bound(1 + world_draw_below(world, CHANCE_OPTIONS, NODE_SHARDS_MAX),
                                  self->options.shards_max);
    options->shards = self->is_long ? 1 : shards;
    const uint32_t sync = world_draw_below(world, CHANCE_OPTIONS, 3);
    options->sync =
        (enum journal_sync)(self->options.sync < 0 ? (int32_t)sync : self->options.sync);
    const uint32_t doublings = world_draw_below(world, CHANCE_OPTIONS, 4);
    options->segment_bytes = (UINT64_C(4096)) << (self->is_long ? 0 : doublings);
    options->reserve_bytes = UINT64_C(64) * 1024;
    /* One draw at a time: in one expression their order would be the compiler's. */
    const uint64_t dirty_bytes = dirty_kbytes[world_draw_below(world, CHANCE_OPTIONS, 3)] * 1024;
    const uint32_t users = world_draw_below(world, CHANCE_OPTIONS, 6);
    const uint32_t cache_users = self->is_long && users % 2 == 0 ? 0 : users;
    const uint64_t commit_delay_ms = delays_ms[world_draw_below(world, CHANCE_OPTIONS, 4)];
    options->limits = (struct shard_limits){.cache_bytes = 4 * MB * options->shards,
                                            .dirty_bytes = dirty_bytes * options->shards,
                                            .cache_users = cache_users * options->shards,
                                            .max_channels = self->rules.max_channels,
                                            .tombstones_kept = self->rules.tombstones_kept,
                                            .commit_delay_ms = commit_delay_ms,
                                            .mention_ids_kept = MODEL_IDS_KEPT};
}

static void begin(struct run *self, const struct run_options *options)
{
    memset(self, 0, sizeof *self);
    self->options = *options;
    world_init(&self->world, options->seed);
    self->world.tells = options->tells;
    draw_climate(self);
    draw_options(self);
    const struct disk_options disk = {.files_max = 2048,
                                      .handles_max = 2048,
                                      .capacity_bytes = UINT64_C(1) << 28,
                                      .seed = world_draw(&self->world, CHANCE_OPTIONS)};
    self->disk = disk_create(&disk);
    self->store = sim_store_create();
    const struct node_host host = {.reply = run_take_reply,
                                   .release = run_take_release,
                                   .publish = run_take_publication,
                                   .tell = run_take_tidings,
                                   .lent_context = self};
    self->node = node_create(&self->world, self->disk, self->store, &host);
    self->spells = (struct run_spells){.store_ms = 0, .disk_full_ms = 0, .disk_slow_ms = 0};
    for (uint32_t i = 0; i < self->users_count; i++) {
        self->users[i].id = (struct user_id){1000 + (uint64_t)i * 37};
        belief_init(&self->users[i].belief, &self->rules, self->users[i].id.value);
        self->users[i].belief.tells = options->tells;
    }
    if (options->kill_at != 0) {
        disk_end_process_at(self->disk, options->kill_at,
                            world_draw_below(&self->world, CHANCE_OPTIONS, 200));
    }
}

static void end(struct run *self) ON_SHARD_THREAD
{
    node_end(self->node);
    run_drop_messages(self);
    free(self->messages);
    node_destroy(self->node);
    sim_store_destroy(self->store);
    disk_destroy(self->disk);
    for (uint32_t i = 0; i < self->users_count; i++) {
        belief_deinit(&self->users[i].belief);
    }
}

static bool has_tasks(const struct run *self)
{
    bool has = false;
    for (uint32_t i = 0; i < self->node_options.shards; i++) {
        has |= self->node->shards[i].has_task;
    }
    return has;
}

static void pass_time(struct run *self)
{
    uint32_t step_ms = world_draw_below(&self->world, CHANCE_TIME, STEP_MS_MAX + 1);
    if (self->counts.steps < self->spells.standstill_ms && !self->is_ending) {
        step_ms = 0;
    }
    self->world.now_ms += step_ms;
    if (self->node->is_up && !has_tasks(self)) {
        self->awake_ms += step_ms;
    }
}

static void settle(struct run *self) ON_SHARD_THREAD
{
    bool is_long = false;
    for (uint32_t i = 0; i < self->users_count && self->node->is_up; i++) {
        belief_settle(&self->users[i].belief, self->awake_ms);
        is_long |= self->users[i].belief.steps_count > STEPS_KEPT_MAX;
    }
    if (is_long && self->node->is_up) {
        run_stop(self);
    }
}

static void step(struct run *self, bool sends) ON_SHARD_THREAD
{
    self->counts.steps++;
    pass_time(self);
    run_end_spells(self);
    run_draw_faults(self);
    if (!self->node->is_up && self->world.now_ms >= self->down_until_ms) {
        run_start(self);
        if (self->node->is_up && run_is_well(self) &&
            world_draw_below(&self->world, CHANCE_TIME, 2) == 0) {
            run_send_lists(self);
        }
    }
    if (!self->node->is_up) {
        return;
    }
    if (sends) {
        run_send(self);
    }
    if (run_is_well(self)) {
        node_turn(self->node);
    }
    if (self->node->is_dead) {
        run_end_process(self);
    } else if (run_is_well(self) && !node_check_bounds(self->node)) {
        self->failure = self->node->failure;
    }
    if (self->counts.steps % SETTLE_STEPS == 0) {
        settle(self);
    }
}

/* Nobody waits for ever, once nothing goes wrong. */
static void wait_for_answers(struct run *self, const char *what) ON_SHARD_THREAD
{
    const uint64_t until_ms = self->world.now_ms + ANSWER_MS_MAX;
    bool is_done = false;
    while (!is_done && run_is_well(self)) {
        step(self, false);
        is_done = self->node->is_up && self->calls_count == 0;
        if (!is_done && self->world.now_ms > until_ms) {
            failure_set(&self->failure,
                        "%s: %" PRIu32 " commands wait for ever, the first is command %d", what,
                        self->calls_count, (int)self->calls[0].kind);
        }
    }
}

static void compare_all(struct run *self, const char *what) ON_SHARD_THREAD
{
    wait_for_answers(self, what);
    if (run_is_well(self)) {
        run_send_readers_lists(self);
        wait_for_answers(self, what);
    }
    if (run_is_well(self)) {
        run_send_unsubscriptions(self);
        wait_for_answers(self, what);
    }
    /* The first ones may find a breaker open, and close it. */
    bool is_refused = true;
    for (int i = 0; i < 2 && run_is_well(self) && is_refused; i++) {
        const uint64_t refusals = self->counts.refusals;
        run_send_lists(self);
        wait_for_answers(self, what);
        is_refused = self->counts.refusals != refusals;
    }
    if (run_is_well(self) && is_refused) {
        failure_set(&self->failure, "%s: a list is refused, although all is well", what);
    }
}

/* What is in the store is all there is. */
static void finish(struct run *self) ON_SHARD_THREAD
{
    self->is_ending = true;
    /* After a failure the shard waits up to RETRY_DELAY_MAX_MS before it writes again. */
    const uint64_t until_ms = self->world.now_ms + 10000;
    while (run_is_well(self) && self->world.now_ms < until_ms) {
        step(self, false);
    }
    compare_all(self, "at the end");
    if (run_is_well(self)) {
        const uint64_t refusals = self->counts.refusals;
        run_send_flush(self);
        wait_for_answers(self, "a flush at the end");
        if (run_is_well(self) && self->counts.refusals != refusals) {
            failure_set(&self->failure, "a flush is refused, although all is well");
        }
    }
    if (run_is_well(self)) {
        run_stop(self);
    }
    if (run_is_well(self)) {
        run_cut_power(self, FAULT_CUT_LOST);
        self->renewal = RENEWAL_FORBIDDEN;
        compare_all(self, "after the end");
    }
}

static uint64_t hash_run(struct run *self)
{
    world_note(&self->world, sim_store_hash(self->store));
    world_note(&self->world, disk_get_counts(self->disk)->operations);
    world_note(&self->world, self->counts.answers);
    world_note(&self->world, self->world.now_ms);
    return self->world.hash;
}

bool run_execute(const struct run_options *options, struct run_counts *out_counts,
                 uint64_t *out_hash, struct failure *out_failure)
{
    struct run *run = malloc(sizeof *run);
    ASSERT(run != NULL);
    shard_thread_enter();
    begin(run, options);
    while (run->counts.operations < options->operations && run_is_well(run)) {
        step(run, true);
        /* The process has ended there, while it served or while it started. */
        if (options->kill_at != 0 && run->counts.kills_met == 0 &&
            disk_get_counts(run->disk)->operations >= options->kill_at) {
            run->counts.kills_met = 1;
            if (options->kill_with > 0 && run_is_well(run)) {
                run_cut_power(run, (enum fault)(FAULT_CUT_DRAWN + options->kill_with - 1));
            }
        }
    }
    if (run_is_well(run)) {
        finish(run);
    }
    *out_hash = hash_run(run);
    *out_counts = run->counts;
    *out_failure = run->failure;
    const bool is_well = run_is_well(run);
    end(run);
    shard_thread_leave();
    free(run);
    return is_well;
}
