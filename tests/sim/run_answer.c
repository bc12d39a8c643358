/* What comes back to the clients of a run, and whether that can be. */
#include "sim/run_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct run_call *find_call(struct run *self, uint64_t sequence)
{
    for (uint32_t i = 0; i < self->calls_count; i++) {
        if (self->calls[i].sequence == sequence) {
            return &self->calls[i];
        }
    }
    return NULL;
}

static void set_views(struct belief_step *step, const struct reply *reply)
{
    step->views_count = reply->count;
    step->views = calloc(reply->count + 1, sizeof *step->views);
    ASSERT(step->views != NULL);
    memcpy(step->views, reply->views, reply->count * sizeof *step->views);
}

static void set_inspected(struct belief_step *step, const struct read_state *state)
{
    struct model_state *to = &step->inspected;
    *to = (struct model_state){.version = state->version,
                               .last_read = state->last_read,
                               .floor = state->floor,
                               .counted_to = state->counted_to,
                               .pin_ms = state->pin_ms,
                               .counted = state->counted,
                               .viewed = state->viewed_days,
                               .flags = state->flags,
                               .is_there = 1,
                               .is_deleted = state->deleted,
                               .ids_count = state->mentions_kept};
    for (uint32_t i = 0; i < state->mentions_kept && i < MODEL_IDS_KEPT; i++) {
        to->ids[i] = state->mentions[i].message;
        to->withdrawn[i] = state->mentions[i].withdrawn;
    }
}

static void fill_step(struct belief_step *step, const struct reply *reply)
{
    step->is_answered = true;
    step->status = reply->kind == REPLY_FAILED ? reply->status : STATUS_OK;
    step->version = reply->version;
    step->number = reply->number;
    step->incarnation = reply->incarnation;
    step->is_full = reply->full;
    if (reply->kind == REPLY_STATES || reply->kind == REPLY_LIST) {
        set_views(step, reply);
    } else if (reply->kind == REPLY_INSPECTED_CHANNEL) {
        set_inspected(step, reply->state);
    }
}

/* Where some have failed it is not said which; where all that the model refuses are as many as have
 * failed, it was those. */
static bool fill_refused(struct run *self, struct run_call *call, const struct reply_counts *counts)
{
    enum status predicted[RUN_TARGETS_MAX];
    uint32_t refused = 0;
    bool is_certain = counts->failed_status == STATUS_LIMIT;
    for (uint32_t i = 0; i < call->targets; i++) {
        predicted[i] = belief_predict(&self->users[call->users[i]].belief, call->steps[i]);
        is_certain = is_certain && predicted[i] != STATUS_BUSY;
        refused += predicted[i] == STATUS_LIMIT;
    }
    is_certain = is_certain && refused == call->targets - counts->succeeded;
    for (uint32_t i = 0; i < call->targets && is_certain; i++) {
        call->steps[i]->status = predicted[i];
    }
    return is_certain;
}

static void fill_counts(struct run *self, struct run_call *call, const struct reply_counts *counts)
{
    const bool all = counts->succeeded == call->targets;
    const bool none = counts->succeeded == 0;
    if (!all && call->targets > 1 && fill_refused(self, call, counts)) {
        return;
    }
    for (uint32_t i = 0; i < call->targets; i++) {
        struct belief_step *step = call->steps[i];
        step->status = all ? STATUS_OK : counts->failed_status;
        step->is_doubtful = !all && call->targets > 1 && (!none || step->status == STATUS_LIMIT);
    }
}

/* An answer for several users: what does it say of each? */
static void fill_steps(struct run *self, struct run_call *call, const struct reply *reply)
{
    for (uint32_t i = 0; i < call->targets; i++) {
        call->steps[i]->is_answered = true;
        call->steps[i]->status = reply->kind == REPLY_FAILED ? reply->status : STATUS_OK;
    }
    if (reply->kind == REPLY_COUNTS) {
        fill_counts(self, call, reply->counts);
    }
    for (uint32_t i = 0; reply->kind == REPLY_BADGES && i < reply->count; i++) {
        const struct reply_badge *badge = &reply->badges[i];
        struct belief_step *step = call->steps[badge->position];
        step->status = badge->status;
        step->version = badge->mentions;
        step->number = badge->states;
    }
}

static void check_risen(struct run *self, const struct run_call *call,
                        const struct reply_counts *counts)
{
    uint32_t surely = 0;
    uint32_t perhaps = 0;
    for (uint32_t i = 0; i < call->targets; i++) {
        if (!call->steps[i]->was_taken || self->users[call->users[i]].belief.is_given_up) {
            return;
        }
        surely += call->steps[i]->rises_surely && !call->steps[i]->operation.acks;
        perhaps += call->steps[i]->rises_perhaps && !call->steps[i]->operation.acks;
    }
    if (counts->succeeded == call->targets && (counts->risen < surely || counts->risen > perhaps)) {
        failure_set(&self->failure,
                    "command %d: %" PRIu32 " counts have changed, and not %" PRIu32 " to %" PRIu32,
                    (int)call->kind, counts->risen, surely, perhaps);
    }
}

static void check_flush(struct run *self, const struct run_call *call)
{
    for (uint32_t i = 0; i < self->users_count; i++) {
        const bool is_named = call->kind == COMMAND_FLUSH_ALL
                                  ? node_find_shard(self->node, self->users[i].id) ==
                                        node_find_shard(self->node, self->users[call->users[0]].id)
                                  : call->users[0] == i;
        uint32_t incarnation = 0;
        const uint64_t version =
            sim_store_peek_version(self->store, self->users[i].id, false, &incarnation);
        if (is_named && call->forgettings[i] == self->users[i].forgettings &&
            version < call->versions[i]) {
            failure_set(&self->failure,
                        "a flush is answered, and the store has user %" PRIu64
                        " at version %" PRIu64 ", not %" PRIu64,
                        self->users[i].id.value, version, call->versions[i]);
        }
    }
}

/* COMMIT: what is answered is in the store. */
static void check_commit(struct run *self, const struct run_call *call, const struct reply *reply)
{
    const struct run_user *user = &self->users[call->users[0]];
    uint32_t incarnation = 0;
    const uint64_t version = sim_store_peek_version(self->store, user->id, false, &incarnation);
    if (call->forgettings[call->users[0]] == user->forgettings && version < reply->version) {
        failure_set(&self->failure,
                    "an ack with COMMIT is answered, and the store has user %" PRIu64
                    " at version %" PRIu64 ", not %" PRIu64,
                    user->id.value, version, reply->version);
    }
}

static void note_list(struct run *self, const struct run_call *call, const struct reply *reply)
{
    struct run_user *user = &self->users[call->users[0]];
    user->incarnation = reply->incarnation;
    user->version = reply->version;
}

/* A refusal must have a cause that a client was told of. */
static void check_refusal(struct run *self, const struct run_call *call, enum status status)
{
    const bool is_known =
        status == STATUS_STORE || status == STATUS_UNWRITTEN || status == STATUS_LIMIT ||
        status == STATUS_VERSION || status == STATUS_DIRTY_FULL || status == STATUS_DISK_FULL ||
        status == STATUS_JOURNAL_FULL || status == STATUS_CACHE_FULL ||
        (status == STATUS_MEMORY && self->counts.faults[FAULT_MEMORY_ALLOCATION] > 0);
    self->counts.refusals++;
    if (!is_known) {
        failure_set(&self->failure, "command %d fails with %s", (int)call->kind,
                    status_text(status));
    }
}

void run_take_reply(void *context, const struct reply *reply)
{
    struct run *self = context;
    struct run_call *call = find_call(self, reply->token.sequence);
    if (!run_is_well(self)) {
        return;
    }
    if (call == NULL || call->is_replied) {
        failure_set(&self->failure, "command %" PRIu64 " is answered twice", reply->token.sequence);
        return;
    }
    if (!reply_ends_command(reply)) {
        failure_set(&self->failure, "so short an answer comes in parts");
        return;
    }
    call->is_replied = true;
    call->has_failed = reply->kind == REPLY_FAILED;
    call->subscribed = reply->version;
    world_tell(&self->world, "%" PRIu64 ": status %d version %" PRIu64 " number %" PRIu64,
               call->sequence, reply->kind == REPLY_FAILED ? (int)reply->status : 0, reply->version,
               reply->number);
    if (reply->kind == REPLY_FAILED) {
        check_refusal(self, call, reply->status);
    }
    if (call->steps[0] == NULL) {
        if (reply->kind == REPLY_DONE &&
            (call->kind == COMMAND_FLUSH_ALL || call->kind == COMMAND_FLUSH_USER)) {
            check_flush(self, call);
        }
        return;
    }
    if (reply->kind == REPLY_STATE && call->steps[0]->operation.options.commits) {
        check_commit(self, call, reply);
    }
    if (call->targets > 1 || reply->kind == REPLY_COUNTS || reply->kind == REPLY_BADGES) {
        fill_steps(self, call, reply);
    } else {
        fill_step(call->steps[0], reply);
    }
    for (uint32_t i = 0; i < call->targets && run_is_well(self); i++) {
        struct failure failure;
        if (belief_advance(&self->users[call->users[i]].belief, &failure) != STATUS_OK) {
            self->failure = failure;
        }
    }
    if (reply->kind == REPLY_COUNTS && run_is_well(self)) {
        check_risen(self, call, reply->counts);
    }
    if (reply->kind == REPLY_LIST) {
        note_list(self, call, reply);
    }
}

/* From when on may no power cut undo what the client has been told? */
static uint64_t get_safe_ms(const struct run *self)
{
    switch (node_get_sync(self->node)) {
    case JOURNAL_SYNC_ALWAYS:
        return 0;
    case JOURNAL_SYNC_EVERYSEC:
        /* And the turns in which a sync begins and is seen to have ended. */
        return self->awake_ms + JOURNAL_SYNC_INTERVAL_MS + 100;
    case JOURNAL_SYNC_NO:
        return BELIEF_NEVER;
    }
    UNREACHABLE("a sync of no kind");
}

void run_take_release(void *context, uint64_t sequence)
{
    struct run *self = context;
    struct run_call *call = find_call(self, sequence);
    if (!run_is_well(self)) {
        return;
    }
    ASSERT(call != NULL && call->is_replied);
    for (uint32_t i = 0; i < call->targets && call->steps[i] != NULL; i++) {
        struct belief_step *step = call->steps[i];
        step->is_lent = false;
        step->is_released = !call->is_dropped;
        step->safe_ms = call->is_dropped ? BELIEF_NEVER : get_safe_ms(self);
    }
    run_show_to_reader(self, call);
    self->counts.answers++;
    self->clients[call->client].open--;
    *call = self->calls[--self->calls_count];
}
