/* What goes wrong in a run. */
#include "sim/run_internal.h"

#include <inttypes.h>
#include <string.h>

enum {
    SPELL_MS_MAX = 4000,
    LONG_SPELL_MS_MAX = 15000,
    LONG_RARITY = 20, /* Of crashes in long runs. */
    JUMP_MS_MAX = 5000,
    FAR_OPERATIONS = 60,
    SLOW_NS = 300 * 1000 * 1000,
    STORE_DELAY_MS = 8,
    DISK_DELAY_MS = 3,
};

/* The process ends. */
static bool is_crash(enum fault fault)
{
    return fault <= FAULT_DISK_FULL ||
           (fault >= FAULT_CUT_DRAWN && fault <= FAULT_CUT_NAMES_LOST) || fault == FAULT_KILL ||
           fault == FAULT_KILL_AT_IO || fault == FAULT_STOP;
}

bool run_meets_if(struct run *self, enum fault fault, bool is_possible)
{
    const uint32_t often = fault_get_kind(fault).per_million;
    const uint32_t per_million = self->is_long && is_crash(fault) ? often / LONG_RARITY : often;
    const bool is_met = world_draw_chance(&self->world, world_get_stream(fault), per_million);
    const bool is_wanted =
        is_possible && (self->options.faults >> fault & 1) != 0 && !self->is_ending;
    self->counts.faults[fault] += is_met && is_wanted;
    return is_met && is_wanted;
}

bool run_meets(struct run *self, enum fault fault)
{
    return run_meets_if(self, fault, true);
}

uint32_t run_draw(struct run *self, enum fault fault, uint32_t below)
{
    return world_draw_below(&self->world, world_get_stream(fault), below);
}

static void plan(struct run *self, enum fault fault, enum disk_fault_kind kind)
{
    if (!run_meets(self, fault)) {
        return;
    }
    world_tell(&self->world, "planned: %s", fault_get_kind(fault).name);
    disk_clear_faults(self->disk);
    const struct disk_fault planned = {.kind = kind,
                                       .at = 1 + run_draw(self, fault, 20),
                                       .bytes = DISK_DRAWN,
                                       .delay_ns = SLOW_NS};
    disk_plan_fault(self->disk, &planned);
}

static void draw_disk_faults(struct run *self)
{
    static const struct {
        enum fault fault;
        enum disk_fault_kind kind;
    } faults[] = {
        {FAULT_DISK_SYNC_ERROR, DISK_SYNC_ERROR},
        {FAULT_DISK_WRITE_ERROR, DISK_WRITE_ERROR},
        {FAULT_DISK_WRITE_SHORT, DISK_WRITE_SHORT},
        {FAULT_DISK_WRITE_FULL, DISK_WRITE_FULL},
        {FAULT_DISK_ALLOCATE_FULL, DISK_ALLOCATE_FULL},
        {FAULT_DISK_OPEN_ERROR, DISK_OPEN_ERROR},
        {FAULT_DISK_READ_ERROR, DISK_READ_ERROR},
        {FAULT_DISK_RENAME_ERROR, DISK_RENAME_ERROR},
        {FAULT_DISK_REMOVE_ERROR, DISK_REMOVE_ERROR},
        {FAULT_DISK_LIST_ERROR, DISK_LIST_ERROR},
        {FAULT_DISK_RESIZE_ERROR, DISK_RESIZE_ERROR},
        {FAULT_DISK_FOLDER_ERROR, DISK_SYNC_FOLDER_ERROR},
        {FAULT_DISK_SLOW_SYNC, DISK_SLOW_SYNC},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        plan(self, faults[i].fault, faults[i].kind);
    }
    if (run_meets(self, FAULT_DISK_FULL)) {
        self->spells.disk_full_ms =
            self->world.now_ms + run_draw(self, FAULT_DISK_FULL, SPELL_MS_MAX);
        disk_set_capacity(self->disk, 0);
    }
    if (run_meets(self, FAULT_DISK_SLOW_TASKS)) {
        self->spells.disk_slow_ms =
            self->world.now_ms + run_draw(self, FAULT_DISK_SLOW_TASKS, SPELL_MS_MAX);
        self->node->weather.disk_delay_ms_max = 400;
    }
}

/* One of the store's kinds: how it is until the spell is over. */
static void begin_store_spell(struct run *self, enum fault fault)
{
    struct node_weather *weather = &self->node->weather;
    const uint32_t longest_ms = self->is_long ? LONG_SPELL_MS_MAX : SPELL_MS_MAX;
    const uint64_t until_ms = self->world.now_ms + run_draw(self, fault, longest_ms);
    const bool goes_on = self->spells.store_ms != UINT64_MAX && self->is_long;
    self->spells.store_ms =
        goes_on && self->spells.store_ms > until_ms ? self->spells.store_ms : until_ms;
    weather->store_fails = fault == FAULT_STORE_ERROR ? 200000 : weather->store_fails;
    weather->store_fails_late =
        fault == FAULT_STORE_ERROR_WRITTEN ? 200000 : weather->store_fails_late;
    weather->store_hangs = fault == FAULT_STORE_HANG ? 50000 : weather->store_hangs;
    weather->store_delay_ms_max = fault == FAULT_STORE_SLOW ? 500 : weather->store_delay_ms_max;
    weather->store_is_down |= fault == FAULT_STORE_DOWN;
    weather->store_is_silent |= fault == FAULT_STORE_SILENT;
    self->spells.store_flaps |= fault == FAULT_STORE_FLAPS;
}

static void draw_store_faults(struct run *self)
{
    for (uint32_t fault = FAULT_STORE_ERROR; fault <= FAULT_STORE_SILENT; fault++) {
        if (run_meets(self, (enum fault)fault)) {
            begin_store_spell(self, (enum fault)fault);
        }
    }
}

static void end_store_spell(struct run *self)
{
    struct node_weather *weather = &self->node->weather;
    *weather = (struct node_weather){.store_delay_ms_max = STORE_DELAY_MS,
                                     .disk_delay_ms_max = weather->disk_delay_ms_max,
                                     .memory_fails = weather->memory_fails};
    self->spells.store_flaps = false;
    self->spells.store_ms = UINT64_MAX;
    sim_store_set_down(self->store, false);
}

/* All of them where the run is ending. */
void run_end_spells(struct run *self)
{
    const uint64_t now_ms = self->is_ending ? UINT64_MAX - 1 : self->world.now_ms;
    if (self->spells.store_ms <= now_ms || self->is_ending) {
        end_store_spell(self);
    }
    if (self->spells.disk_full_ms <= now_ms || self->is_ending) {
        self->spells.disk_full_ms = UINT64_MAX;
        disk_set_capacity(self->disk, UINT64_C(1) << 28);
    }
    if (self->spells.disk_slow_ms <= now_ms || self->is_ending) {
        self->spells.disk_slow_ms = UINT64_MAX;
        self->node->weather.disk_delay_ms_max = DISK_DELAY_MS;
    }
    if (self->spells.memory_ms <= now_ms || self->is_ending) {
        self->spells.memory_ms = UINT64_MAX;
        self->node->weather.memory_fails = 0;
    }
    if (self->is_ending) {
        disk_clear_faults(self->disk);
        disk_end_process_at(self->disk, 0, 0);
    }
    if (self->spells.store_flaps && self->counts.steps % 64 == 0) {
        self->node->weather.store_is_down = !self->node->weather.store_is_down;
    }
    sim_store_set_down(self->store, self->node->weather.store_is_down);
}

static void crash(struct run *self, bool is_power_cut)
{
    for (uint32_t i = 0; i < self->users_count; i++) {
        belief_crash(&self->users[i].belief, is_power_cut, self->awake_ms);
    }
    run_drop_calls(self);
    run_drop_messages(self);
    self->down_until_ms = self->world.now_ms + world_draw_below(&self->world, CHANCE_TIME, 300);
}

void run_end_process(struct run *self)
{
    world_tell(&self->world, "killed");
    self->counts.kills++;
    crash(self, false);
    node_end(self->node);
}

/* What the kinds of cut settle; the rest is drawn. */
static struct disk_cut get_cut(struct run *self, enum fault kind)
{
    struct disk_cut cut =
        disk_draw_cut(self->disk, world_draw(&self->world, world_get_stream(kind)));
    const uint64_t changes = disk_count_changes(self->disk);
    cut.is_torn = kind == FAULT_CUT_TORN || (kind == FAULT_CUT_DRAWN && cut.is_torn);
    if (kind == FAULT_CUT_LOST) {
        cut.writes = DISK_WRITES_LOST;
        cut.sizes = DISK_SIZES_OLD;
        cut.names = DISK_NAMES_OLD;
    } else if (kind == FAULT_CUT_KEPT) {
        cut.writes = DISK_WRITES_KEPT;
        cut.sizes = DISK_SIZES_WRITTEN;
        cut.names = DISK_NAMES_NEW;
    } else if (kind == FAULT_CUT_REORDERED) {
        cut.writes = DISK_WRITES_EACH;
        cut.sizes = DISK_SIZES_EACH;
    } else if (kind == FAULT_CUT_TORN) {
        cut.writes = DISK_WRITES_FIRST;
        cut.first = world_draw(&self->world, world_get_stream(kind)) % (changes + 1);
        cut.torn_bytes = DISK_DRAWN;
    } else if (kind == FAULT_CUT_SECTORS) {
        cut.writes = DISK_WRITES_SECTORS;
    } else if (kind == FAULT_CUT_NAMES_LOST) {
        cut.writes = DISK_WRITES_KEPT;
        cut.names = DISK_NAMES_OLD;
    }
    return cut;
}

void run_cut_power(struct run *self, enum fault kind)
{
    world_tell(&self->world, "the power goes: %s", fault_get_kind(kind).name);
    self->counts.power_cuts++;
    if (self->node->is_up) {
        crash(self, true);
        node_end(self->node);
    } else {
        crash(self, true);
    }
    const struct disk_cut cut = get_cut(self, kind);
    disk_cut_power(self->disk, &cut);
    const uint32_t unsynced = sim_store_count_unsynced(self->store);
    if (run_meets(self, FAULT_CUT_STORE) || self->is_ending) {
        sim_store_cut_power(self->store, run_draw(self, FAULT_CUT_STORE, unsynced + 1));
    } else {
        sim_store_cut_power(self->store, unsynced);
    }
    self->boots++;
    if (self->renewal == RENEWAL_FORBIDDEN && self->keeping != KEEPING_ALL) {
        self->renewal = self->keeping == KEEPING_NOT_ALL ? RENEWAL_DUE : RENEWAL_ALLOWED;
    }
}

/* While nothing runs the power goes as well, but seldom. FAULTS_COUNT: it stays. */
static enum fault draw_cut(struct run *self)
{
    const bool is_possible =
        world_draw_below(&self->world, CHANCE_TIME, 16) == 0 || self->node->is_up;
    enum fault drawn = FAULTS_COUNT;
    for (uint32_t kind = FAULT_CUT_DRAWN; kind <= FAULT_CUT_NAMES_LOST; kind++) {
        if (run_meets_if(self, (enum fault)kind, is_possible && drawn == FAULTS_COUNT)) {
            drawn = (enum fault)kind;
        }
    }
    return drawn;
}

void run_stop(struct run *self)
{
    world_tell(&self->world, "stopped");
    const bool is_good = node_stop(self->node);
    for (uint32_t i = 0; i < self->users_count && is_good; i++) {
        struct belief *belief = &self->users[i].belief;
        for (uint32_t step = 0; step < belief->steps_count; step++) {
            belief->steps[step]->is_released |= belief->steps[step]->is_answered;
            belief->steps[step]->safe_ms =
                belief->steps[step]->is_answered ? 0 : belief->steps[step]->safe_ms;
        }
    }
    self->keeping = is_good ? KEEPING_ALL : self->keeping;
    if (!is_good && self->renewal == RENEWAL_FORBIDDEN) {
        /* It may have come so far that nothing can be lost, and not to its end. */
        self->renewal = RENEWAL_ALLOWED;
    }
    crash(self, false);
    if (self->is_ending && !is_good) {
        failure_set(&self->failure, "it does not stop: %.1000s", self->node->failure.text);
    }
}

static void shrink(struct run *self) ON_SHARD_THREAD
{
    struct shard_limits limits = self->node_options.limits;
    limits.cache_users = (2 + run_draw(self, FAULT_CACHE_SHRINKS, 4)) * self->node_options.shards;
    self->node_options.limits = limits;
    limits.cache_bytes /= self->node_options.shards;
    limits.dirty_bytes /= self->node_options.shards;
    limits.cache_users /= self->node_options.shards;
    for (uint32_t i = 0; i < self->node_options.shards; i++) {
        shard_set_limits(self->node->shards[i].shard, &limits);
    }
}

static void draw_time_faults(struct run *self)
{
    static const enum fault jumps[] = {FAULT_PAUSE, FAULT_CLOCK_FORWARD};
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        if (run_meets(self, jumps[i])) {
            self->world.now_ms += run_draw(self, jumps[i], JUMP_MS_MAX);
        }
    }
    if (run_meets(self, FAULT_CLOCK_STANDSTILL)) {
        self->spells.standstill_ms =
            self->counts.steps + run_draw(self, FAULT_CLOCK_STANDSTILL, 200);
    }
}

/* Far enough for each year that a system takes. */
static void set_wall(struct run *self)
{
    const uint64_t latest_ms = UINT64_C(8000000000000);
    uint64_t *wall_ms = &self->node->wall.wall_ms;
    if (run_meets(self, FAULT_CLOCK_SET_BACK)) {
        *wall_ms =
            world_draw(&self->world, world_get_stream(FAULT_CLOCK_SET_BACK)) % (*wall_ms + 1);
    }
    if (run_meets(self, FAULT_CLOCK_SET_FORWARD)) {
        *wall_ms += world_draw(&self->world, world_get_stream(FAULT_CLOCK_SET_FORWARD)) %
                    (latest_ms - *wall_ms + 1);
    }
}

static void begin_memory_spell(struct run *self)
{
    static const uint32_t refused[] = {20000, 200000, 1000000}; /* Of a million blocks. */
    self->node->weather.memory_fails = refused[run_draw(self, FAULT_MEMORY_ALLOCATION, 3)];
    self->spells.memory_ms =
        self->world.now_ms + run_draw(self, FAULT_MEMORY_ALLOCATION, SPELL_MS_MAX);
}

/* For the next start as well. */
static void change_sync(struct run *self)
{
    const uint32_t sync = run_draw(self, FAULT_SYNC_CHANGES, 3);
    if (self->options.sync < 0 && sync != (uint32_t)self->node_options.sync) {
        world_tell(&self->world, "sync %d becomes %" PRIu32, (int)self->node_options.sync, sync);
        self->node_options.sync = (enum journal_sync)sync;
        self->keeping = KEEPING_UNKNOWN;
        node_set_sync(self->node, self->node_options.sync);
    }
}

static void kill_at_io(struct run *self)
{
    const uint64_t last = disk_get_counts(self->disk)->operations;
    const uint64_t operation = last + 1 + run_draw(self, FAULT_KILL_AT_IO, FAR_OPERATIONS);
    disk_end_process_at(self->disk, operation, run_draw(self, FAULT_KILL_AT_IO, 200));
}

/* All is drawn in each step, whatever happens: so one kind disturbs no other. */
void run_draw_faults(struct run *self)
{
    const bool is_up = self->node->is_up;
    draw_disk_faults(self);
    draw_store_faults(self);
    draw_time_faults(self);
    set_wall(self);
    if (run_meets(self, FAULT_MEMORY_ALLOCATION)) {
        begin_memory_spell(self);
    }
    if (run_meets_if(self, FAULT_SYNC_CHANGES, is_up)) {
        change_sync(self);
    }
    if (run_meets_if(self, FAULT_CACHE_SHRINKS, is_up)) {
        shrink(self);
    }
    if (run_meets_if(self, FAULT_KILL_AT_IO, is_up)) {
        kill_at_io(self);
    }
    const bool is_killed = run_meets_if(self, FAULT_KILL, is_up);
    const bool is_stopped = run_meets_if(self, FAULT_STOP, is_up && !is_killed);
    const enum fault cut = draw_cut(self);
    if (is_killed) {
        run_end_process(self);
    } else if (is_stopped) {
        run_stop(self);
    } else if (cut != FAULTS_COUNT) {
        run_cut_power(self, cut);
    }
}
