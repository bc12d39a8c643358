/* The node's warm restart: as server/warm.c and net/net_warm.c have it. */
#include "base/assert.h"
#include "server/warm_read.h"
#include "server/warm_save.h"
#include "sim/node_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
    WARM_USERS_MAX = 1000,
    WARM_RATE = 2000,    /* A shard. */
    SAVES_A_TURN = 5000, /* In a million. */
};

uint32_t node_get_warm_rate(void)
{
    return WARM_RATE;
}

/* Whatever has happened, the file is whole, or there is none. */
static bool read_ids(struct node *self, struct warm_read *read)
{
    struct failure failure;
    enum status status = warm_read_open(read, &self->files, NODE_DATA_FOLDER, &failure);
    while (status == STATUS_OK && (status = warm_read_check(read, &failure)) == STATUS_BUSY) {
        status = STATUS_OK;
    }
    ASSERT(status == STATUS_OK || status == STATUS_MISSING || status == STATUS_IO);
    if (status != STATUS_OK) {
        return false;
    }
    struct user_id user;
    while (self->warm_count < NODE_WARM_MAX && warm_read_next(read, &user, &failure) == STATUS_OK) {
        self->warm[self->warm_count++] = user;
        warm_read_pass(read);
    }
    return true;
}

void node_begin_warm(struct node *self)
{
    struct warm_read *read = calloc(1, sizeof *read);
    ASSERT(read != NULL);
    self->warm_count = 0;
    self->warm_at = 0;
    self->is_listing = false;
    if (read_ids(self, read)) {
        world_tell(self->lent_world, "%u users are to be loaded", (unsigned)self->warm_count);
    }
    warm_read_close(read);
    free(read);
}

static void begin_lists(struct node *self) ON_SHARD_THREAD
{
    self->is_listing = true;
    for (uint32_t i = 0; i < self->options.shards; i++) {
        const enum status status = shard_begin_hot(self->shards[i].shard, WARM_USERS_MAX);
        ASSERT(status == STATUS_OK);
        hot_list_deinit(&self->hot_lists[i]);
    }
}

/* False: not all lists are made. */
static bool end_lists(struct node *self) ON_SHARD_THREAD
{
    bool are_made = true;
    for (uint32_t i = 0; i < self->options.shards; i++) {
        struct hot_list *list = &self->hot_lists[i];
        are_made &= list->ids != NULL || shard_take_hot(self->shards[i].shard, list);
    }
    if (!are_made) {
        return false;
    }
    const struct warm_save save = {.lent_files = &self->files,
                                   .lent_folder = NODE_DATA_FOLDER,
                                   .lent_lists = self->hot_lists,
                                   .lists = self->options.shards,
                                   .users_max = WARM_USERS_MAX,
                                   .reserve_bytes = self->options.reserve_bytes};
    struct failure failure;
    world_note(self->lent_world, warm_save_count(&save));
    if (warm_save_count(&save) > 0 && warm_save_run(&save, &failure) != STATUS_OK) {
        world_tell(self->lent_world, "%s", failure.text);
    }
    node_end_warm(self);
    return true;
}

void node_end_warm(struct node *self)
{
    for (uint32_t i = 0; i < NODE_SHARDS_MAX; i++) {
        hot_list_deinit(&self->hot_lists[i]);
    }
    self->is_listing = false;
}

void node_turn_warm(struct node *self)
{
    while (self->warm_at < self->warm_count) {
        const struct user_id user = self->warm[self->warm_at];
        if (!shard_warm(self->shards[node_find_shard(self, user)].shard, user)) {
            break;
        }
        self->warm_at++;
    }
    if (self->is_listing) {
        (void)end_lists(self);
    } else if (world_draw_chance(self->lent_world, CHANCE_NODE, SAVES_A_TURN)) {
        begin_lists(self);
    }
}

void node_save_warm(struct node *self)
{
    if (!self->is_listing) {
        begin_lists(self);
    }
    do {
        for (uint32_t i = 0; i < self->options.shards; i++) {
            (void)shard_turn(self->shards[i].shard, self->lent_world->now_ms);
        }
    } while (!end_lists(self));
}
