/* The node's store workers: requests wait, fail, hang, and end in some order. */
#include "base/assert.h"
#include "readstate/record.h"
#include "sim/node_internal.h"

#include <inttypes.h>
#include <string.h>

void node_send_to_store(void *context, const struct store_request *request)
{
    struct node_shard *self = context;
    struct node *node = self->lent_node;
    struct world *world = node->lent_world;
    ASSERT(self->requests_count < NODE_REQUESTS_MAX);
    uint64_t due_ms =
        world->now_ms + world_draw_below(world, CHANCE_NODE, node->weather.store_delay_ms_max + 1);
    if (world_draw_chance(world, world_get_stream(FAULT_STORE_HANG), node->weather.store_hangs)) {
        due_ms += NODE_STORE_HANG_MS;
        node->counts.store_hangs++;
    }
    world_note(world, request->user.value);
    world_note(world, request->ticket);
    world_note(world, due_ms);
    self->requests[self->requests_count++] =
        (struct node_request){.request = *request, .due_ms = due_ms};
}

static enum status perform(struct node *node, const struct store_request *request,
                           struct image **out_image)
{
    const struct store store = sim_store_get(node->lent_store);
    const struct image *images[] = {request->image};
    switch (request->work) {
    case STORE_WORK_READ:
        return store.ops->read(store.self, request->user, out_image);
    case STORE_WORK_WRITE:
        return store.ops->write(store.self, images, 1);
    case STORE_WORK_SYNC:
        return store.ops->sync(store.self);
    }
    UNREACHABLE("work of no kind");
}

static void tell_request(const struct world *world, const struct store_request *request,
                         enum status status)
{
    static const char *const works[] = {"read", "write", "sync"};
    const uint32_t pieces = request->image == NULL ? 0 : image_count_pieces(request->image);
    world_tell(world, "store: %s of user %" PRIu64 ": %s, %" PRIu32 " pieces", works[request->work],
               request->user.value, status_text(status), pieces);
    for (uint32_t i = 0; i < pieces; i++) {
        const struct image_piece piece = image_get_piece(request->image, i);
        struct record_head head = {0};
        struct slice leaf;
        if (piece.kind != IMAGE_RECORD ||
            record_decode(image_get_bytes(request->image, i), &head, &leaf) != STATUS_OK) {
            world_tell(world, "store:   piece of kind %d, fence %" PRIu64, (int)piece.kind,
                       piece.fence.id);
        } else {
            world_tell(world, "store:   version %" PRIu64 " of incarnation %" PRIu32, head.version,
                       head.incarnation);
        }
    }
}

static void complete_at(struct node_shard *self, uint32_t at) ON_SHARD_THREAD
{
    struct node *node = self->lent_node;
    struct world *world = node->lent_world;
    struct store_request request = self->requests[at].request;
    self->requests_count--;
    memmove(&self->requests[at], &self->requests[at + 1],
            (self->requests_count - at) * sizeof self->requests[0]);
    struct store_completion completion = {.work = request.work,
                                          .status = STATUS_STORE,
                                          .user = request.user,
                                          .ticket = request.ticket};
    const bool fails =
        world_draw_chance(world, world_get_stream(FAULT_STORE_ERROR), node->weather.store_fails) ||
        node->weather.store_is_down;
    const bool fails_late = world_draw_chance(world, world_get_stream(FAULT_STORE_ERROR_WRITTEN),
                                              node->weather.store_fails_late);
    if (fails) {
        node->counts.store_failures++;
    } else {
        completion.status = perform(node, &request, &completion.image);
        if (fails_late && completion.status == STATUS_OK) {
            node->counts.store_failures_late++;
            completion.status = STATUS_STORE;
            image_destroy(&completion.image);
        }
    }
    tell_request(world, &request, completion.status);
    image_destroy(&request.image);
    world_note(world, completion.status);
    shard_complete(self->shard, &completion);
    image_destroy(&completion.image);
}

void node_complete_requests(struct node_shard *self)
{
    const struct world *world = self->lent_node->lent_world;
    if (self->lent_node->weather.store_is_silent) {
        return;
    }
    /* Writes and syncs keep their order: one that is late holds up those behind it. */
    bool is_held_up = false;
    for (uint32_t i = 0; i < self->requests_count;) {
        const struct node_request *request = &self->requests[i];
        const bool is_read = request->request.work == STORE_WORK_READ;
        const bool is_due = request->is_shown && request->due_ms <= world->now_ms;
        if (is_due && (is_read || !is_held_up)) {
            complete_at(self, i);
            i = 0;
            is_held_up = false;
        } else {
            is_held_up |= !is_read;
            i++;
        }
    }
}

void node_show_requests(struct node_shard *self)
{
    for (uint32_t i = 0; i < self->requests_count; i++) {
        self->requests[i].is_shown = true;
    }
}

void node_abandon_requests(struct node_shard *self)
{
    struct node *node = self->lent_node;
    bool goes_on = world_draw_below(node->lent_world, CHANCE_NODE, 2) == 0;
    for (uint32_t i = 0; i < self->requests_count; i++) {
        struct store_request *request = &self->requests[i].request;
        if (request->work == STORE_WORK_WRITE && goes_on && self->requests[i].is_shown &&
            !node->weather.store_is_down) {
            (void)perform(node, request, NULL);
        }
        goes_on = goes_on && world_draw_below(node->lent_world, CHANCE_NODE, 4) != 0;
        image_destroy(&request->image);
    }
    self->requests_count = 0;
}
