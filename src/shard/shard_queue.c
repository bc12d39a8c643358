/* Users for whom something waits: for their load, for room in the cache, for a write. */
#include "base/assert.h"
#include "shard/shard_internal.h"

#include <stdlib.h>

static void drop_image(struct shard *self, struct waiting *waiting)
{
    if (waiting->image != NULL) {
        image_destroy(&waiting->image);
        self->images_held--;
    }
}

/* A partial user for whom nothing waits any more is to be written all the same. */
static void unpark_partial(struct shard *self, struct user_id user)
{
    const uint32_t block = cache_find(&self->cache, user);
    if (block != BLOCK_NONE && user_is(cache_get(&self->cache, block), USER_PARTIAL)) {
        dirty_unpark(&self->cache.dirty, block);
    }
}

/* Nothing stands in the user's queue any more. */
static void end_waiting(struct shard *self, struct waiting *waiting)
{
    if (self->cache.partial_users > 0) {
        unpark_partial(self, waiting->user);
    }
    drop_image(self, waiting);
    waiting->for_what = WAITING_FOR_NOTHING;
    waiting->absent = false;
    if (waiting->is_warm) {
        waiting->is_warm = false;
        shard_end_warm_load(self, waiting);
    }
    if (waiting->flushers == NULL) {
        waiting_release(&self->waiting, waiting);
    }
}

void shard_fail_waiters(struct shard *self, struct waiting *waiting, enum status status)
{
    const uint32_t block = cache_find(&self->cache, waiting->user);
    if (block != BLOCK_NONE && user_is(cache_get(&self->cache, block), USER_PARTIAL)) {
        /* It is tried again when writes are. */
        shard_note_failure(self);
        dirty_unpark(&self->cache.dirty, block);
    }
    while (waiting->first != NULL) {
        struct waiter *waiter = waiting_pop(&self->waiting, waiting);
        shard_reply_failed(self, waiter, status);
        waiter_destroy(waiter);
    }
}

void shard_fail_all(struct shard *self, struct waiting *waiting, enum status status)
{
    shard_fail_waiters(self, waiting, status);
    end_waiting(self, waiting);
}

static void push_list(struct shard *self, struct waiter *taken_waiter)
{
    if (self->lists_last != NULL) {
        self->lists_last->next = taken_waiter;
    } else {
        self->lists_first = taken_waiter;
    }
    self->lists_last = taken_waiter;
    self->wants_turn = true;
}

static enum status find_room(struct shard *self, const struct waiting *waiting, uint32_t partial,
                             uint64_t bytes)
{
    if (partial != BLOCK_NONE) {
        return shard_make_room_for_partial(self, bytes, waiting->user);
    }
    return shard_is_warm_load(waiting) ? shard_find_warm_room(self, bytes)
                                       : shard_make_room(self, bytes, 1, waiting->user);
}

/* The loaded image into the cache. STATUS_BUSY: not yet; else the user is there, though a large
 * one's leaves may still have to follow. */
static enum status install(struct shard *self, struct waiting *waiting)
{
    if (image_count_pieces(waiting->image) > CACHE_LEAVES_MAX) {
        return STATUS_CACHE_FULL;
    }
    const uint64_t bytes = shard_room_to_load(waiting->image);
    const uint32_t partial = cache_find(&self->cache, waiting->user);
    enum status status = find_room(self, waiting, partial, bytes);
    if (status != STATUS_OK) {
        return status;
    }
    struct record_head head;
    struct slice leaf;
    status = record_decode(image_get_bytes(waiting->image, 0), &head, &leaf);
    if (status == STATUS_OK && partial != BLOCK_NONE) {
        status = shard_take_overlay(self, waiting, partial);
    }
    if (status != STATUS_OK) {
        return status;
    }
    uint32_t block = BLOCK_NONE;
    if (!head.in_leaves) {
        status = cache_insert_small(&self->cache, waiting->user, &head, leaf, &block);
        if (status == STATUS_OK) {
            drop_image(self, waiting);
        } else {
            shard_return_overlay(self, waiting);
        }
        return status;
    }
    status = cache_begin_load(&self->cache, waiting->user, &head,
                              image_count_pieces(waiting->image) - 1, &block);
    if (status != STATUS_OK) {
        shard_return_overlay(self, waiting);
    } else {
        waiting->image_next = 1;
        waiting->reserved_bytes = bytes;
        self->reserved_bytes += bytes;
    }
    return status;
}

/* A slice of a large user's leaves. True when all are in. */
static enum status install_leaves(struct shard *self, struct waiting *waiting)
{
    const uint32_t block = cache_find(&self->cache, waiting->user);
    const uint32_t pieces = image_count_pieces(waiting->image);
    for (int i = 0; i < TURN_LEAVES && waiting->image_next < pieces; i++) {
        const struct image_piece piece = image_get_piece(waiting->image, waiting->image_next);
        const struct slice leaf = image_get_bytes(waiting->image, waiting->image_next);
        const uint64_t before = cache_count_bytes(&self->cache);
        const enum status status = cache_load_leaf(&self->cache, block, piece.fence, leaf);
        if (status != STATUS_OK) {
            return status;
        }
        const uint64_t taken = cache_count_bytes(&self->cache) - before;
        const uint64_t less = taken < waiting->reserved_bytes ? taken : waiting->reserved_bytes;
        waiting->reserved_bytes -= less;
        self->reserved_bytes -= less;
        waiting->image_next++;
    }
    return waiting->image_next < pieces ? STATUS_BUSY : STATUS_OK;
}

static void end_reservation(struct shard *self, struct waiting *waiting)
{
    self->reserved_bytes -= waiting->reserved_bytes;
    waiting->reserved_bytes = 0;
}

static void turn_leaves(struct shard *self, struct waiting *waiting)
{
    const enum status status = install_leaves(self, waiting);
    if (status == STATUS_BUSY) {
        waiting_queue_push(&self->leaf_queue, waiting);
        return;
    }
    const uint32_t block = cache_find(&self->cache, waiting->user);
    end_reservation(self, waiting);
    drop_image(self, waiting);
    if (status != STATUS_OK) {
        cache_remove(&self->cache, block);
        shard_return_overlay(self, waiting);
        shard_fail_all(self, waiting, status);
        return;
    }
    cache_end_load(&self->cache, block);
    if (shard_is_warm_load(waiting)) {
        shard_place_warm(self, waiting->user);
    }
    shard_pump(self, waiting);
}

/* How the serving of a queue stopped. */
enum pumped {
    PUMPED_ALL,
    PUMPED_WAITS,
    PUMPED_NEEDS_ROOM,
    PUMPED_FAILED,
};

/* The user into memory, or known to be nowhere. PUMPED_ALL: the next command can be run. */
static enum pumped bring_in(struct shard *self, struct waiting *waiting, enum status *out_status)
{
    if (waiting->image == NULL) {
        *out_status = STATUS_STORE;
        return shard_begin_load(self, waiting) ? PUMPED_WAITS : PUMPED_FAILED;
    }
    const enum status status = install(self, waiting);
    if (status == STATUS_BUSY) {
        return PUMPED_NEEDS_ROOM;
    }
    if (status != STATUS_OK) {
        *out_status = status;
        return PUMPED_FAILED;
    }
    if (waiting->image != NULL) {
        waiting->for_what = WAITING_FOR_LEAVES;
        waiting_queue_push(&self->leaf_queue, waiting);
        return PUMPED_WAITS;
    }
    return PUMPED_ALL;
}

bool shard_is_inspection(const struct command *command)
{
    return command->kind == COMMAND_INSPECT_USER || command->kind == COMMAND_INSPECT_CHANNEL;
}

bool shard_only_looks(const struct command *command)
{
    return shard_is_inspection(command) || command->kind == COMMAND_MEASURE_USER;
}

bool shard_is_for_cached(const struct command *command)
{
    return command->kind == COMMAND_EVICT || command->kind == COMMAND_FLUSH_USER ||
           command->kind == COMMAND_MEASURE_USER || command->kind == COMMAND_UNSUBSCRIBE;
}

/* What the journal had, upon what the store had. */
static enum pumped put_on_overlay(struct shard *self, struct waiting *waiting, uint32_t block)
{
    switch (shard_apply_overlay(self, waiting, block)) {
    case OVERLAY_APPLIED:
        return PUMPED_ALL;
    case OVERLAY_CONTINUES:
        waiting->for_what = WAITING_FOR_TURN;
        waiting_queue_push(&self->turn_queue, waiting);
        return PUMPED_WAITS;
    case OVERLAY_NEEDS_ROOM:
        return PUMPED_NEEDS_ROOM;
    }
    UNREACHABLE("an overlay that does neither");
}

/* One command at the head of the queue. PUMPED_ALL: it was served. */
static enum pumped pump_one(struct shard *self, struct waiting *waiting, enum status *out_status)
{
    struct waiter *waiter = waiting->first;
    uint32_t block = cache_find(&self->cache, waiting->user);
    const bool is_partial =
        block != BLOCK_NONE && user_is(cache_get(&self->cache, block), USER_PARTIAL);
    if (is_partial && waiting->absent) {
        shard_complete_partial(self, &block);
    } else if (is_partial) {
        const enum pumped pumped = bring_in(self, waiting, out_status);
        if (pumped != PUMPED_ALL) {
            return pumped;
        }
        block = cache_find(&self->cache, waiting->user);
    }
    if (waiting->overlay != NULL) {
        const enum pumped pumped = put_on_overlay(self, waiting, block);
        if (pumped != PUMPED_ALL) {
            return pumped;
        }
        block = cache_find(&self->cache, waiting->user);
    }
    if (block == BLOCK_NONE && waiting->image != NULL && shard_is_inspection(&waiter->command)) {
        shard_inspect_image(self, waiter, waiting->image);
        waiter_destroy(waiting_pop(&self->waiting, waiting));
        return PUMPED_ALL;
    }
    if (block == BLOCK_NONE && !waiting->absent && !shard_is_for_cached(&waiter->command)) {
        const enum pumped pumped = bring_in(self, waiting, out_status);
        if (pumped != PUMPED_ALL) {
            return pumped;
        }
        block = cache_find(&self->cache, waiting->user);
    }
    if (block != BLOCK_NONE) {
        waiting->absent = false;
        if (!shard_only_looks(&waiter->command)) {
            shard_rescue(self, block);
        }
    }
    switch (shard_run(self, waiter, block)) {
    case OUTCOME_DONE:
        waiter_destroy(waiting_pop(&self->waiting, waiting));
        return PUMPED_ALL;
    case OUTCOME_CONTINUES:
        push_list(self, waiting_pop(&self->waiting, waiting));
        return PUMPED_ALL;
    case OUTCOME_NEEDS_ROOM:
        return PUMPED_NEEDS_ROOM;
    case OUTCOME_NEEDS_WRITE:
        waiting->for_what = WAITING_FOR_WRITE;
        shard_note_waiting_for_write(self, waiting);
        shard_write_soon(self, block);
        return PUMPED_WAITS;
    case OUTCOME_NEEDS_LOAD:
        break;
    }
    UNREACHABLE("a user that is in memory needs no load");
}

/* The user, for whom no command waits. True: a large one, whose leaves have to follow. */
static bool bring_in_warm(struct shard *self, struct waiting *waiting)
{
    if (waiting->image == NULL || install(self, waiting) != STATUS_OK) {
        return false;
    }
    if (waiting->image == NULL) {
        shard_place_warm(self, waiting->user);
        return false;
    }
    waiting->for_what = WAITING_FOR_LEAVES;
    waiting_queue_push(&self->leaf_queue, waiting);
    return true;
}

/* False: the user waits for room, and stands in no queue. */
static bool pump(struct shard *self, struct waiting *waiting, uint32_t *budget)
{
    enum status status = STATUS_OK;
    /* Not for what it waited for until now: nothing that happens on the way may take it for that.
     */
    waiting->for_what = WAITING_FOR_TURN;
    while (waiting->first != NULL) {
        if (*budget == 0) {
            waiting_queue_push(&self->turn_queue, waiting);
            return true;
        }
        const uint32_t work = 1 + waiting->first->command.count;
        *budget -= work < *budget ? work : *budget;
        switch (pump_one(self, waiting, &status)) {
        case PUMPED_ALL:
            break;
        case PUMPED_WAITS:
            return true;
        case PUMPED_NEEDS_ROOM:
            waiting->for_what = WAITING_FOR_ROOM;
            return false;
        case PUMPED_FAILED:
            shard_fail_all(self, waiting, status);
            return true;
        }
    }
    if (!shard_is_warm_load(waiting) || !bring_in_warm(self, waiting)) {
        end_waiting(self, waiting);
    }
    return true;
}

void shard_pump(struct shard *self, struct waiting *waiting)
{
    uint32_t budget = TURN_WORK;
    if (!pump(self, waiting, &budget)) {
        waiting_queue_push(&self->room_queue, waiting);
    }
}

void shard_wait(struct shard *self, const struct waiter *waiter, enum outcome outcome)
{
    struct waiting *waiting = waiting_acquire(&self->waiting, waiter->command.user);
    if (waiting != NULL && waiting->for_what == WAITING_FOR_LOAD && waiting->is_late) {
        struct waiter failed = *waiter;
        shard_reply_failed(self, &failed, STATUS_STORE);
        return;
    }
    if (waiting == NULL || waiting_push(&self->waiting, waiting, waiter) != STATUS_OK) {
        if (waiting != NULL && waiting->first == NULL && waiting->flushers == NULL &&
            waiting->for_what == WAITING_FOR_NOTHING) {
            waiting_release(&self->waiting, waiting);
        }
        struct waiter failed = *waiter;
        shard_reply_failed(self, &failed, STATUS_MEMORY);
        return;
    }
    if (waiting->for_what != WAITING_FOR_NOTHING) {
        return;
    }
    switch (outcome) {
    case OUTCOME_CONTINUES:
        push_list(self, waiting_pop(&self->waiting, waiting));
        end_waiting(self, waiting);
        return;
    case OUTCOME_NEEDS_LOAD:
        if (!shard_begin_load(self, waiting)) {
            shard_fail_all(self, waiting, STATUS_STORE);
        }
        return;
    case OUTCOME_NEEDS_ROOM:
        waiting->for_what = WAITING_FOR_ROOM;
        waiting_queue_push(&self->room_queue, waiting);
        self->wants_turn = true;
        return;
    case OUTCOME_NEEDS_WRITE:
        waiting->for_what = WAITING_FOR_WRITE;
        shard_note_waiting_for_write(self, waiting);
        shard_write_soon(self, cache_find(&self->cache, waiting->user));
        return;
    case OUTCOME_DONE:
        break;
    }
    UNREACHABLE("a command that was answered does not wait");
}

bool shard_begin_warm_load(struct shard *self, struct user_id user)
{
    struct waiting *waiting = waiting_acquire(&self->waiting, user);
    if (waiting == NULL) {
        return false;
    }
    waiting->is_warm = shard_begin_load(self, waiting);
    waiting->warm = self->warm.begun;
    if (!waiting->is_warm) {
        waiting_release(&self->waiting, waiting);
        return false;
    }
    return true;
}

void shard_complete(struct shard *self, struct store_completion *taken_completion)
{
    switch (taken_completion->work) {
    case STORE_WORK_READ:
        shard_end_load(self, taken_completion);
        return;
    case STORE_WORK_WRITE:
        shard_end_save(self, taken_completion);
        return;
    case STORE_WORK_SYNC:
        shard_end_store_sync(self, taken_completion);
        return;
    }
    UNREACHABLE("work of no kind");
}

/* One more part of the oldest list, if its reader takes it. */
static bool turn_list(struct shard *self)
{
    struct waiter *waiter = self->lists_first;
    self->lists_first = waiter->next;
    if (self->lists_first == NULL) {
        self->lists_last = NULL;
    }
    waiter->next = NULL;
    if (!self->config.port.has_reply_room(self->config.port.lent_context, &waiter->command.token)) {
        push_list(self, waiter);
        return false;
    }
    const struct waiting *waiting = waiting_find(&self->waiting, waiter->command.user);
    const uint32_t block = cache_find(&self->cache, waiter->command.user);
    if (block == BLOCK_NONE || (waiting != NULL && waiting->for_what != WAITING_FOR_NOTHING)) {
        /* It left the cache meanwhile: the rest comes when it is back. */
        shard_wait(self, waiter, OUTCOME_NEEDS_LOAD);
        waiter_destroy(waiter);
        return true;
    }
    shard_rescue(self, block);
    if (shard_run(self, waiter, block) == OUTCOME_CONTINUES) {
        push_list(self, waiter);
    } else {
        waiter_destroy(waiter);
    }
    return true;
}

/* Those who wait for room, in the order they came. True: somebody still waits, and it went
 * forward: some were served, or some went to make room. */
static bool turn_room_queue(struct shard *self)
{
    const uint64_t sent_away = self->sent_away;
    uint32_t budget = TURN_WORK;
    bool served = false;
    while (budget > 0 && self->room_queue.first != NULL) {
        struct waiting *waiting = waiting_queue_pop(&self->room_queue);
        if (!pump(self, waiting, &budget)) {
            waiting_queue_push_first(&self->room_queue, waiting);
            break;
        }
        served = true;
    }
    return self->room_queue.first != NULL && (served || self->sent_away != sent_away);
}

bool shard_turn_queues(struct shard *self)
{
    while (self->load_queue.first != NULL &&
           self->loads_in_flight + self->images_held < IMAGES_HELD_MAX) {
        struct waiting *waiting = waiting_queue_pop(&self->load_queue);
        if (!shard_begin_load(self, waiting)) {
            shard_fail_all(self, waiting, STATUS_STORE);
        }
    }
    if (self->leaf_queue.first != NULL) {
        turn_leaves(self, waiting_queue_pop(&self->leaf_queue));
    }
    if (self->turn_queue.first != NULL) {
        shard_pump(self, waiting_queue_pop(&self->turn_queue));
    }
    const bool room_goes_on = turn_room_queue(self);
    /* More are asked than may be sent: readers that do not take theirs hold up no others. */
    uint32_t listed = 0;
    for (int i = 0; i < TURN_LISTS_ASKED && listed < TURN_LIST_PARTS && self->lists_first != NULL;
         i++) {
        listed += turn_list(self);
    }
    return self->leaf_queue.first != NULL || self->turn_queue.first != NULL ||
           (listed > 0 && self->lists_first != NULL) || room_goes_on;
}
