#include "sim/belief.h"

#include "base/assert.h"
#include "sim/belief_judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SETTLE_GROWTH_MAX = 8,
    SETTLE_USERS_MAX = 64, /* On the way to it: with more it takes too long. */
};

static void add_user(struct belief_set *set, struct model_user *user)
{
    const size_t size = model_user_get_size(user->channels);
    for (uint32_t i = 0; i < set->count; i++) {
        if (memcmp(set->users[i], user, size) == 0) {
            model_user_destroy(user);
            return;
        }
    }
    if (set->count == BELIEF_USERS_MAX) {
        set->is_full = true;
        model_user_destroy(user);
        return;
    }
    if (set->count == set->room) {
        set->room = set->room == 0 ? 4 : 2 * set->room;
        struct model_user **users =
            realloc((void *)set->users, set->room * sizeof(struct model_user *));
        ASSERT(users != NULL);
        set->users = users;
    }
    set->users[set->count++] = user;
}

static struct model_user *copy_user(const struct model_user *user)
{
    struct model_user *copy = model_user_create(user->channels);
    memcpy(copy, user, model_user_get_size(user->channels));
    return copy;
}

static void clear_set(struct belief_set *set)
{
    for (uint32_t i = 0; i < set->count; i++) {
        model_user_destroy(set->users[i]);
    }
    set->count = 0;
}

static void end_set(struct belief_set *set)
{
    clear_set(set);
    free((void *)set->users);
    *set = (struct belief_set){0};
}

static void copy_set(struct belief_set *to, const struct belief_set *from)
{
    for (uint32_t i = 0; i < from->count; i++) {
        add_user(to, copy_user(from->users[i]));
    }
}

void belief_init(struct belief *self, const struct model_rules *lent_rules, uint64_t user)
{
    *self = (struct belief){.lent_rules = lent_rules, .user = user};
    add_user(&self->base, model_user_create(lent_rules->channels));
    add_user(&self->now, model_user_create(lent_rules->channels));
}

static void end_step(struct belief_step *step)
{
    free(step->views);
    free(step);
}

void belief_deinit(struct belief *self)
{
    for (uint32_t i = 0; i < self->steps_count; i++) {
        end_step(self->steps[i]);
    }
    free((void *)self->steps);
    end_set(&self->base);
    end_set(&self->now);
}

struct belief_step *belief_begin(struct belief *self, const struct model_operation *operation)
{
    ASSERT(!self->is_crashed);
    if (self->steps_count == self->steps_room) {
        self->steps_room = self->steps_room == 0 ? 16 : 2 * self->steps_room;
        struct belief_step **steps =
            realloc((void *)self->steps, self->steps_room * sizeof(struct belief_step *));
        ASSERT(steps != NULL);
        self->steps = steps;
    }
    struct belief_step *step = calloc(1, sizeof *step);
    ASSERT(step != NULL);
    step->operation = *operation;
    step->is_lent = true;
    step->safe_ms = BELIEF_NEVER;
    self->steps[self->steps_count++] = step;
    return step;
}

/* May it have acted without having been answered? It waits for the store, or for other users. */
static bool acts_early(const struct model_operation *operation)
{
    return operation->kind == COMMAND_FORGET || operation->kind == COMMAND_MENTION ||
           operation->kind == COMMAND_MESSAGE || operation->kind == COMMAND_UNMENTION ||
           (operation->has_options && operation->options.commits);
}

/* Without memory for all of its states, one that is refused may have changed the first of them. */
static void add_partial(struct belief_set *set, const struct model_rules *rules,
                        const struct belief_step *step, const struct model_user *user)
{
    const enum command_kind kind = step->operation.kind;
    const bool is_partial = step->is_answered && step->status == STATUS_MEMORY &&
                            (kind == COMMAND_BULKACK || kind == COMMAND_DEL);
    struct model_operation operation = step->operation;
    for (operation.count = 1; is_partial && operation.count < step->operation.count;
         operation.count++) {
        struct model_user *changed = copy_user(user);
        struct model_outcome outcome;
        model_apply(changed, rules, &operation, &outcome);
        add_user(set, changed);
    }
}

/* The set after one more step. */
static void take_step(struct belief_set *set, const struct model_rules *rules,
                      struct belief_step *step)
{
    if (step->is_void) {
        return;
    }
    struct belief_set after = {0};
    bool some_rise = false;
    bool all_rise = true;
    for (uint32_t i = 0; i < set->count; i++) {
        bool is_visible = false;
        if (!step->is_answered || step->is_doubtful) {
            add_user(&after, copy_user(set->users[i]));
        }
        add_partial(&after, rules, step, set->users[i]);
        struct model_user *user = copy_user(set->users[i]);
        if (belief_judge(user, rules, step, &is_visible) == VERDICT_SO) {
            add_user(&after, user);
            some_rise |= is_visible;
            all_rise &= is_visible;
        } else {
            model_user_destroy(user);
        }
    }
    step->rises_surely = all_rise && !step->is_doubtful;
    step->rises_perhaps = some_rise;
    after.is_full |= set->is_full;
    end_set(set);
    *set = after;
}

static void tell_view(const struct state_view *view)
{
    printf("    %" PRIu64 ":%d%s version %" PRIu64 " read %" PRIu64 " floor %" PRIu64
           " mentions %" PRIu32 "%s pin %" PRIu64 " viewed %d flags %d\n",
           view->channel.id, (int)view->channel.type, view->deleted ? " deleted" : "",
           view->version, view->last_read, view->floor, view->mentions,
           view->approximate ? " or so" : "", view->pin_ms, (int)view->viewed_days,
           (int)view->flags);
}

static void tell(const struct belief_set *set, const struct belief_step *step)
{
    printf("it answers: version %" PRIu64 " number %" PRIu64 "\n", step->version, step->number);
    for (uint32_t i = 0; i < step->views_count; i++) {
        tell_view(&step->views[i]);
    }
    for (uint32_t at = 0; at < set->count; at++) {
        const struct model_user *user = set->users[at];
        printf("it could be: version %" PRIu64 " purged to %" PRIu64 " incarnation %" PRIu32
               " (%" PRIu32 ")\n",
               user->version, user->purged_to, user->incarnation, user->incarnation_min);
        for (uint32_t i = 0; i < user->channels; i++) {
            const struct state_view view = model_view(user, i);
            if (view.present) {
                tell_view(&view);
            }
        }
    }
}

static enum status say_impossible(const struct belief *self, const struct belief_step *step,
                                  struct failure *out_failure)
{
    const struct model_operation *operation = &step->operation;
    failure_set(out_failure,
                "user %" PRIu64 ": no history explains the answer to command %d on channel "
                "%" PRIu32 " (%" PRIu32 ") number %" PRIu64 ": status %d version %" PRIu64
                " number %" PRIu64 " incarnation %" PRIu32 " full %d views %" PRIu32,
                self->user, (int)operation->kind, operation->channels[0], operation->count,
                operation->number, (int)step->status, step->version, step->number,
                step->incarnation, (int)step->is_full, step->views_count);
    return STATUS_CORRUPT;
}

enum status belief_advance(struct belief *self, struct failure *out_failure)
{
    while (self->taken < self->steps_count && self->steps[self->taken]->is_answered) {
        struct belief_step *step = self->steps[self->taken];
        struct belief_set before = {0};
        if (self->tells) {
            copy_set(&before, &self->now);
        }
        take_step(&self->now, self->lent_rules, step);
        if (self->tells && self->now.count == 0 && !self->is_given_up) {
            tell(&before, step);
        }
        end_set(&before);
        step->was_taken = true;
        self->taken++;
        self->is_given_up |= self->now.is_full;
        if (self->now.count == 0 && !self->is_given_up) {
            return say_impossible(self, step, out_failure);
        }
    }
    return STATUS_OK;
}

enum status belief_predict(const struct belief *self, const struct belief_step *step)
{
    if (self->now.count != 1 || self->steps[self->taken] != step) {
        return STATUS_BUSY;
    }
    struct model_user *user = copy_user(self->now.users[0]);
    struct model_outcome outcome;
    model_apply(user, self->lent_rules, &step->operation, &outcome);
    model_user_destroy(user);
    return outcome.status;
}

void belief_crash(struct belief *self, bool is_power_cut, uint64_t now_ms)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < self->steps_count; i++) {
        struct belief_step *step = self->steps[i];
        step->is_void |= !step->is_answered && !acts_early(&step->operation);
        if (is_power_cut ? step->safe_ms <= now_ms : step->is_released) {
            kept = i + 1;
        }
    }
    self->kept = self->is_crashed && self->kept < kept ? self->kept : kept;
    self->is_crashed = true;
}

/* A forgetting that the store has failed is in the journal before what takes it back. An end in
 * between leaves the user forgotten. */
static void add_forgotten(const struct belief *self, const struct belief_set *before,
                          const struct belief_step *step, struct belief_set *possible)
{
    if (step->is_void || step->operation.kind != COMMAND_FORGET || step->status != STATUS_STORE) {
        return;
    }
    for (uint32_t i = 0; i < before->count; i++) {
        struct model_user *user = copy_user(before->users[i]);
        struct model_outcome outcome;
        model_apply(user, self->lent_rules, &step->operation, &outcome);
        add_user(possible, user);
    }
}

enum status belief_resolve(struct belief *self, struct failure *out_failure)
{
    if (!self->is_crashed) {
        return STATUS_OK;
    }
    struct belief_set set = {0};
    struct belief_set possible = {0};
    enum status status = STATUS_OK;
    copy_set(&set, &self->base);
    for (uint32_t i = 0; i <= self->steps_count && status == STATUS_OK; i++) {
        if (i >= self->kept) {
            copy_set(&possible, &set);
        }
        if (i < self->steps_count) {
            if (i >= self->kept) {
                add_forgotten(self, &set, self->steps[i], &possible);
            }
            take_step(&set, self->lent_rules, self->steps[i]);
            self->is_given_up |= set.is_full || possible.is_full;
            status = set.count == 0 && !self->is_given_up
                         ? say_impossible(self, self->steps[i], out_failure)
                         : status;
        }
    }
    self->is_given_up |= possible.is_full;
    end_set(&set);
    for (uint32_t i = 0; i < self->steps_count; i++) {
        end_step(self->steps[i]);
    }
    self->steps_count = 0;
    self->taken = 0;
    self->is_crashed = false;
    end_set(&self->base);
    end_set(&self->now);
    self->base = possible;
    copy_set(&self->now, &possible);
    return status;
}

void belief_settle(struct belief *self, uint64_t now_ms)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < self->taken && !self->steps[i]->is_lent; i++) {
        count = self->steps[i]->safe_ms <= now_ms && self->steps[i]->is_released ? i + 1 : count;
    }
    if (count == 0) {
        return;
    }
    if (count == self->taken) {
        end_set(&self->base);
        copy_set(&self->base, &self->now);
    } else {
        /* What is doubtful there may be certain a few steps on. */
        struct belief_set base = {0};
        copy_set(&base, &self->base);
        for (uint32_t i = 0; i < count && base.count <= SETTLE_USERS_MAX; i++) {
            take_step(&base, self->lent_rules, self->steps[i]);
        }
        if (base.count > self->base.count + SETTLE_GROWTH_MAX || base.count > SETTLE_USERS_MAX) {
            end_set(&base);
            return;
        }
        end_set(&self->base);
        self->base = base;
    }
    for (uint32_t i = 0; i < count; i++) {
        end_step(self->steps[i]);
    }
    self->steps_count -= count;
    self->taken -= count;
    memmove((void *)self->steps, (void *)(self->steps + count),
            self->steps_count * sizeof(struct belief_step *));
}

uint64_t belief_get_version_min(const struct belief *self)
{
    uint64_t version = UINT64_MAX;
    for (uint32_t i = 0; i < self->now.count; i++) {
        version = self->now.users[i]->version < version ? self->now.users[i]->version : version;
    }
    for (uint32_t i = self->taken; i < self->steps_count; i++) {
        /* It begins again from 0. */
        version = self->steps[i]->operation.kind == COMMAND_FORGET ? 0 : version;
    }
    return self->is_given_up ? 0 : version;
}
