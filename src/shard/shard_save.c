/* Saves: users on their way to the store. Write-behind at the deadline, at eviction, and on
 * demand. */
#include "base/assert.h"
#include "memory/box.h"
#include "shard/shard_internal.h"

#include <stdlib.h>
#include <string.h>

/* A ticket says which epoch of the dirty queue the save was begun in: its lowest bit. */
static uint8_t epoch_of(uint64_t ticket)
{
    return ticket & 1;
}

bool shard_may_save(const struct shard *self)
{
    return self->now_ms >= self->retry_at_ms && self->saves_making < LARGE_SAVES_MAX &&
           self->saves_in_flight[0] + self->saves_in_flight[1] < SHARD_SAVES_MAX;
}

bool shard_store_is_ailing(const struct shard *self)
{
    const uint32_t in_flight = self->saves_in_flight[0] + self->saves_in_flight[1];
    return self->retry_delay_ms > 0 ||
           (in_flight > 0 && self->now_ms - self->store_answered_ms > STORE_SILENCE_MAX_MS);
}

/* The last piece of an image: made when all leaves are in, so that its version covers them. */
static enum status add_record(struct shard *self, struct image *image, uint32_t block)
{
    const struct record_head head = cache_get_record(&self->cache, block);
    const uint8_t *leaf = NULL;
    size_t leaf_size = 0;
    if (!head.in_leaves) {
        leaf = user_get_leaf(cache_get(&self->cache, block));
        leaf_size = leaf_get_size(leaf);
    }
    uint8_t *to = image_insert(image, IMAGE_RECORD, (struct channel_key){0},
                               (uint32_t)(RECORD_HEAD_SIZE + leaf_size));
    if (to == NULL) {
        return STATUS_MEMORY;
    }
    record_encode_head(to, &head);
    if (leaf_size > 0) {
        memcpy(to + RECORD_HEAD_SIZE, leaf, leaf_size);
    }
    return STATUS_OK;
}

void shard_send_write(struct shard *self, struct user_id user, uint64_t ticket,
                      struct image *taken_image)
{
    const struct store_request request = {
        .work = STORE_WORK_WRITE, .user = user, .ticket = ticket, .image = taken_image};
    metrics_add(self->lent_metrics, METRIC_STORE_WRITES, 1);
    self->config.port.send_to_store(self->config.port.lent_context, &request);
}

/* The save never reached the store. */
static void fail_save(struct shard *self, struct user_id user, uint64_t ticket)
{
    const struct store_completion completion = {
        .work = STORE_WORK_WRITE, .status = STATUS_MEMORY, .user = user, .ticket = ticket};
    shard_end_save(self, &completion);
}

static void begin_large(struct shard *self, uint32_t block, struct user_id user, uint64_t ticket)
{
    const struct cache_save_size size = cache_measure_save(&self->cache, block);
    struct save *save = calloc(1, sizeof *save);
    if (save == NULL || image_create(&save->image, user, size.leaves + 1,
                                     size.bytes + RECORD_HEAD_SIZE) != STATUS_OK) {
        free(save);
        fail_save(self, user, ticket);
        return;
    }
    save->user = user;
    save->ticket = ticket;
    save->next = self->saves;
    self->saves = save;
    self->saves_making++;
    self->wants_turn = true;
}

static void begin_small(struct shard *self, uint32_t block, struct user_id user, uint64_t ticket)
{
    const struct cache_save_size size = cache_measure_save(&self->cache, block);
    BOX(image_destroy) struct image *image = NULL;
    if (image_create(&image, user, 1, size.bytes + RECORD_HEAD_SIZE) != STATUS_OK ||
        add_record(self, image, block) != STATUS_OK) {
        fail_save(self, user, ticket);
        return;
    }
    shard_send_write(self, user, ticket, TAKE(image));
}

void shard_begin_writing(struct shard *self, uint32_t block)
{
    const uint8_t epoch = dirty_get_epoch(&self->cache.dirty, block);
    cache_begin_save(&self->cache, block);
    if (self->saves_in_flight[0] + self->saves_in_flight[1] == 0) {
        self->store_answered_ms = self->now_ms;
    }
    self->saves_in_flight[epoch]++;
    self->ticket_last = (self->ticket_last | 1) + 1 + epoch;
}

void shard_begin_save(struct shard *self, uint32_t block)
{
    const struct user *user = cache_get(&self->cache, block);
    const struct user_id id = {user->id};
    shard_begin_writing(self, block);
    if (user_is(user, USER_LARGE)) {
        begin_large(self, block, id, self->ticket_last);
    } else {
        begin_small(self, block, id, self->ticket_last);
    }
}

/* All leaves were copied, some of which have changed since: an image is what the user was at one
 * moment. So they are copied again, and of two copies the store takes the later one; in slices, as
 * long as they are many, but not for ever. How many are copied in this turn: UINT32_MAX where it is
 * time for the record. */
static uint32_t begin_round(struct shard *self, struct save *save, uint32_t block)
{
    const uint32_t changed = cache_count_changed(&self->cache, block);
    save->rounds++;
    if (changed == 0) {
        return UINT32_MAX;
    }
    cache_collect_changed(&self->cache, block);
    save->next_fence = (struct channel_key){0};
    save->is_last_round = changed <= TURN_LEAVES || save->rounds > SAVE_ROUNDS_MAX;
    return save->is_last_round ? UINT32_MAX - 1 : TURN_LEAVES;
}

/* A slice of a large user's leaves into its image. True: it is on its way, or has failed. */
static bool continue_save(struct shard *self, struct save *save)
{
    const uint32_t block = cache_find(&self->cache, save->user);
    struct cache_piece piece;
    enum status status = STATUS_OK;
    uint32_t budget = TURN_LEAVES;
    while (budget > 0 && status == STATUS_OK) {
        if (!cache_next_save(&self->cache, block, save->next_fence, &piece)) {
            const uint32_t more = save->is_last_round ? UINT32_MAX : begin_round(self, save, block);
            if (more != UINT32_MAX) {
                budget = save->is_last_round ? more : budget;
                continue;
            }
            status = add_record(self, save->image, block);
            if (status == STATUS_OK) {
                shard_send_write(self, save->user, save->ticket, save->image);
                return true;
            }
            break;
        }
        uint8_t *to = image_insert(save->image, IMAGE_LEAF, piece.fence, (uint32_t)piece.leaf.size);
        if (to == NULL) {
            status = STATUS_MEMORY;
            break;
        }
        memcpy(to, piece.leaf.bytes, piece.leaf.size);
        save->next_fence = piece.fence;
        budget--;
    }
    if (status != STATUS_OK) {
        image_destroy(&save->image);
        fail_save(self, save->user, save->ticket);
        return true;
    }
    return false;
}

void shard_note_failure(struct shard *self)
{
    metrics_add(self->lent_metrics, METRIC_STORE_WRITES_FAILED, 1);
    if (self->now_ms >= self->retry_at_ms) {
        const uint32_t doubled = 2 * self->retry_delay_ms;
        self->retry_delay_ms = doubled < RETRY_DELAY_MIN_MS   ? RETRY_DELAY_MIN_MS
                               : doubled > RETRY_DELAY_MAX_MS ? RETRY_DELAY_MAX_MS
                                                              : doubled;
        self->retry_at_ms = self->now_ms + self->retry_delay_ms;
    }
    /* The round itself goes on; those who wait for the next one would wait as long as the store
     * fails. */
    shard_fail_flush_all(self);
}

void shard_end_save(struct shard *self, const struct store_completion *completion)
{
    const bool written = completion->status == STATUS_OK;
    const uint32_t block = cache_find(&self->cache, completion->user);
    ASSERT(block != BLOCK_NONE);
    self->saves_in_flight[epoch_of(completion->ticket)]--;
    self->store_answered_ms = self->now_ms;
    cache_end_save(&self->cache, block, written, epoch_of(completion->ticket));
    if (written) {
        self->retry_delay_ms = 0;
    } else {
        shard_note_failure(self);
    }
    shard_answer_flushers(self, completion->user, completion->ticket,
                          written ? STATUS_OK : STATUS_STORE);
    struct waiting *waiting = waiting_find(&self->waiting, completion->user);
    struct user *user = cache_get(&self->cache, block);
    if (user_is(user, USER_FORGETTING)) {
        user_set(user, USER_FORGETTING, false);
        if (written) {
            shard_end_forgetting(self, waiting, block);
            return;
        }
        /* The journal says that it is forgotten: it is to be found there again, as one who came
         * after that, whenever the journal is read. Without memory for it, and after a crash before
         * the next write, it is forgotten all the same. */
        user->incarnation = shard_get_next_generation(self, user);
        (void)shard_journal_user(self, block, true);
    }
    if (waiting != NULL && waiting->for_what == WAITING_FOR_WRITE) {
        shard_rescue(self, block);
        shard_serve_evict(self, completion->user, written);
    } else if (user_is(cache_get(&self->cache, block), USER_LEAVING)) {
        shard_end_leaving(self, block);
    }
}

void shard_write_soon(struct shard *self, uint32_t block)
{
    const struct user *user = cache_get(&self->cache, block);
    if (!user_is(user, USER_DIRTY)) {
        return;
    }
    if (!user_is(user, USER_WRITING) && shard_may_save(self)) {
        shard_begin_save(self, block);
        return;
    }
    dirty_park(&self->cache.dirty, block);
    if (!user_is(user, USER_WRITING)) {
        dirty_unpark(&self->cache.dirty, block);
        self->wants_turn = true;
    }
}

static void turn_making(struct shard *self)
{
    for (struct save **place = &self->saves; *place != NULL;) {
        struct save *save = *place;
        if (continue_save(self, save)) {
            /* What ended the save may have begun another one, at the head of the list. */
            for (place = &self->saves; *place != save;) {
                place = &(*place)->next;
            }
            *place = save->next;
            self->saves_making--;
            free(save);
        } else {
            place = &save->next;
        }
    }
}

bool shard_saves_early(const struct shard *self)
{
    return self->cache.dirty_bytes > self->limits.dirty_bytes / 2 || shard_journal_is_long(self) ||
           self->is_short_of_room;
}

/* The user to be written next. */
static uint32_t find_to_save(struct shard *self)
{
    const uint32_t block = dirty_find_due(&self->cache.dirty);
    return block == BLOCK_NONE && shard_saves_early(self) ? dirty_find_next(&self->cache.dirty)
                                                          : block;
}

/* Is there one more to be written, and now? */
static bool may_go_on(struct shard *self)
{
    const uint32_t block = find_to_save(self);
    return block != BLOCK_NONE &&
           (!user_is(cache_get(&self->cache, block), USER_PARTIAL) || shard_may_merge(self));
}

bool shard_turn_saves(struct shard *self)
{
    turn_making(self);
    for (int i = 0; i < TURN_SAVES && shard_may_save(self); i++) {
        const bool late =
            dirty_turn(&self->cache.dirty, self->now_ms, self->limits.commit_delay_ms);
        const uint32_t block = find_to_save(self);
        if (block == BLOCK_NONE && !late) {
            break;
        }
        if (block == BLOCK_NONE) {
            continue;
        }
        const struct user *user = cache_get(&self->cache, block);
        if (user_is(user, USER_PARTIAL) && !shard_may_merge(self)) {
            break;
        }
        if (user_is(user, USER_PARTIAL)) {
            shard_begin_merge(self, block);
        } else if (user_is(user, USER_WRITING)) {
            dirty_park(&self->cache.dirty, block);
        } else {
            shard_begin_save(self, block);
        }
    }
    const bool fails_more = shard_turn_flush(self);
    const bool more =
        fails_more || self->saves != NULL || (shard_may_save(self) && may_go_on(self));
    self->is_short_of_room = false;
    return more;
}
