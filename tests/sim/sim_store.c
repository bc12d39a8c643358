#include "sim/sim_store.h"

#include "base/assert.h"
#include "readstate/record.h"

#include <stdlib.h>
#include <string.h>

struct kept_piece {
    struct user_id user;
    bool is_record;
    struct channel_key fence;
    uint32_t size;
    uint8_t *bytes;
};

/* All pieces by user, the record first, then leaves by fence. */
struct side {
    struct kept_piece *pieces;
    uint32_t count;
    uint32_t room;
    uint32_t *generations; /* Of all slots. */
    char identity[STORE_IDENTITY_SIZE_MAX + 1];
};

struct unsynced {
    struct image *image; /* NULL: it was the identity. */
    char identity[STORE_IDENTITY_SIZE_MAX + 1];
};

struct sim_store {
    struct side live;
    struct side synced;
    struct unsynced *unsynced;
    uint32_t unsynced_count;
    uint32_t unsynced_room;
    bool is_down;
};

static void *must(void *block)
{
    ASSERT(block != NULL);
    return block;
}

static void side_init(struct side *self)
{
    *self = (struct side){.generations = must(calloc(HASH_SLOTS, sizeof(uint32_t)))};
}

static void side_deinit(struct side *self)
{
    for (uint32_t i = 0; i < self->count; i++) {
        free(self->pieces[i].bytes);
    }
    free(self->pieces);
    free(self->generations);
}

static void side_copy(struct side *self, const struct side *from)
{
    side_init(self);
    memcpy(self->generations, from->generations, HASH_SLOTS * sizeof(uint32_t));
    memcpy(self->identity, from->identity, sizeof self->identity);
    self->count = from->count;
    self->room = from->count + 1;
    self->pieces = must(calloc(self->room, sizeof *self->pieces));
    for (uint32_t i = 0; i < from->count; i++) {
        self->pieces[i] = from->pieces[i];
        self->pieces[i].bytes = must(malloc(from->pieces[i].size + 1));
        memcpy(self->pieces[i].bytes, from->pieces[i].bytes, from->pieces[i].size);
    }
}

static int compare(const struct kept_piece *piece, struct user_id user, bool is_record,
                   struct channel_key fence)
{
    if (piece->user.value != user.value) {
        return piece->user.value < user.value ? -1 : 1;
    }
    if (piece->is_record != is_record) {
        return piece->is_record ? -1 : 1;
    }
    return is_record ? 0 : channel_key_compare(piece->fence, fence);
}

/* The first piece that is not before it. */
static uint32_t find(const struct side *self, struct user_id user, bool is_record,
                     struct channel_key fence)
{
    uint32_t low = 0;
    uint32_t high = self->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (compare(&self->pieces[middle], user, is_record, fence) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static void remove_at(struct side *self, uint32_t at)
{
    free(self->pieces[at].bytes);
    self->count--;
    memmove(&self->pieces[at], &self->pieces[at + 1], (self->count - at) * sizeof *self->pieces);
}

static void put(struct side *self, struct kept_piece piece, const void *bytes)
{
    const uint32_t at = find(self, piece.user, piece.is_record, piece.fence);
    if (at < self->count &&
        compare(&self->pieces[at], piece.user, piece.is_record, piece.fence) == 0) {
        remove_at(self, at);
    }
    if (self->count == self->room) {
        self->room = self->room == 0 ? 16 : 2 * self->room;
        self->pieces = must(realloc(self->pieces, self->room * sizeof *self->pieces));
    }
    memmove(&self->pieces[at + 1], &self->pieces[at], (self->count - at) * sizeof *self->pieces);
    piece.bytes = must(malloc(piece.size + 1));
    memcpy(piece.bytes, bytes, piece.size);
    self->pieces[at] = piece;
    self->count++;
}

static void forget(struct side *self, struct user_id user, uint64_t generation)
{
    uint32_t *of_slot = &self->generations[hash_slot_of_user(user)];
    *of_slot = *of_slot < generation ? (uint32_t)generation : *of_slot;
    const uint32_t at = find(self, user, true, (struct channel_key){0});
    while (at < self->count && self->pieces[at].user.value == user.value) {
        remove_at(self, at);
    }
}

static void apply(struct side *self, const struct image *image)
{
    const struct user_id user = image_get_user(image);
    for (uint32_t i = 0; i < image_count_pieces(image); i++) {
        const struct image_piece piece = image_get_piece(image, i);
        const struct kept_piece kept = {.user = user,
                                        .is_record = piece.kind == IMAGE_RECORD,
                                        .fence = piece.fence,
                                        .size = piece.size};
        switch (piece.kind) {
        case IMAGE_RECORD:
        case IMAGE_LEAF:
            put(self, kept, image_get_bytes(image, i).bytes);
            break;
        case IMAGE_ERASURE: {
            const uint32_t at = find(self, user, false, piece.fence);
            if (at < self->count && compare(&self->pieces[at], user, false, piece.fence) == 0) {
                remove_at(self, at);
            }
            break;
        }
        case IMAGE_FORGETTING:
            forget(self, user, piece.fence.id);
            break;
        }
    }
}

static struct image *copy_image(const struct image *image)
{
    struct image *copy = NULL;
    enum status status =
        image_create(&copy, image_get_user(image), image_count_pieces(image), 1024);
    ASSERT(status == STATUS_OK);
    for (uint32_t i = 0; i < image_count_pieces(image); i++) {
        const struct image_piece piece = image_get_piece(image, i);
        uint8_t *to = must(image_insert(copy, piece.kind, piece.fence, piece.size));
        if (piece.size > 0) {
            memcpy(to, image_get_bytes(image, i).bytes, piece.size);
        }
    }
    return copy;
}

static struct unsynced *add_unsynced(struct sim_store *self)
{
    if (self->unsynced_count == self->unsynced_room) {
        self->unsynced_room = self->unsynced_room == 0 ? 16 : 2 * self->unsynced_room;
        self->unsynced =
            must(realloc(self->unsynced, self->unsynced_room * sizeof *self->unsynced));
    }
    struct unsynced *unsynced = &self->unsynced[self->unsynced_count++];
    *unsynced = (struct unsynced){0};
    return unsynced;
}

static void sync_first(struct sim_store *self, uint32_t count)
{
    for (uint32_t i = 0; i < self->unsynced_count; i++) {
        struct unsynced *unsynced = &self->unsynced[i];
        if (i < count && unsynced->image == NULL) {
            memcpy(self->synced.identity, unsynced->identity, sizeof unsynced->identity);
        } else if (i < count) {
            apply(&self->synced, unsynced->image);
        }
        image_destroy(&unsynced->image);
    }
    self->unsynced_count = 0;
}

static enum status store_read(void *opaque, struct user_id user, struct image **out_image)
{
    const struct sim_store *self = opaque;
    if (self->is_down) {
        return STATUS_STORE;
    }
    const struct side *live = &self->live;
    uint32_t at = find(live, user, true, (struct channel_key){0});
    if (at == live->count || live->pieces[at].user.value != user.value) {
        return STATUS_MISSING;
    }
    struct image *image = NULL;
    const enum status status = image_create(&image, user, 4, 4096);
    ASSERT(status == STATUS_OK);
    for (; at < live->count && live->pieces[at].user.value == user.value; at++) {
        const struct kept_piece *piece = &live->pieces[at];
        uint8_t *to = must(image_insert(image, piece->is_record ? IMAGE_RECORD : IMAGE_LEAF,
                                        piece->fence, piece->size));
        memcpy(to, piece->bytes, piece->size);
    }
    *out_image = image;
    return STATUS_OK;
}

static enum status store_write(void *opaque, const struct image *const *images, uint32_t count)
{
    struct sim_store *self = opaque;
    if (self->is_down) {
        return STATUS_STORE;
    }
    for (uint32_t i = 0; i < count; i++) {
        apply(&self->live, images[i]);
        add_unsynced(self)->image = copy_image(images[i]);
    }
    return STATUS_OK;
}

static enum status store_sync(void *opaque)
{
    struct sim_store *self = opaque;
    if (self->is_down) {
        return STATUS_STORE;
    }
    sync_first(self, self->unsynced_count);
    return STATUS_OK;
}

static enum status store_read_generations(void *opaque, uint32_t generations[static HASH_SLOTS])
{
    const struct sim_store *self = opaque;
    if (self->is_down) {
        return STATUS_STORE;
    }
    memcpy(generations, self->live.generations, HASH_SLOTS * sizeof *generations);
    return STATUS_OK;
}

static enum status store_read_identity(void *opaque, char *to, size_t size)
{
    const struct sim_store *self = opaque;
    const size_t length = strlen(self->live.identity);
    if (self->is_down || length == 0) {
        return self->is_down ? STATUS_STORE : STATUS_MISSING;
    }
    if (length >= size) {
        return STATUS_CORRUPT;
    }
    memcpy(to, self->live.identity, length + 1);
    return STATUS_OK;
}

static enum status store_write_identity(void *opaque, const char *identity)
{
    struct sim_store *self = opaque;
    const size_t length = strlen(identity);
    ASSERT(length <= STORE_IDENTITY_SIZE_MAX);
    if (self->is_down) {
        return STATUS_STORE;
    }
    memcpy(self->live.identity, identity, length + 1);
    memcpy(add_unsynced(self)->identity, identity, length + 1);
    return STATUS_OK;
}

static uint64_t store_count_memory(void *opaque)
{
    (void)opaque;
    return 0;
}

static void store_close(void *opaque)
{
    (void)opaque;
}

static const struct store_ops sim_store_ops = {
    .name = "simulated",
    .read = store_read,
    .write = store_write,
    .sync = store_sync,
    .read_generations = store_read_generations,
    .read_identity = store_read_identity,
    .write_identity = store_write_identity,
    .count_memory = store_count_memory,
    .close = store_close,
};

struct sim_store *sim_store_create(void)
{
    struct sim_store *self = must(calloc(1, sizeof *self));
    side_init(&self->live);
    side_init(&self->synced);
    return self;
}

void sim_store_destroy(struct sim_store *self)
{
    sync_first(self, 0);
    side_deinit(&self->live);
    side_deinit(&self->synced);
    free(self->unsynced);
    free(self);
}

struct store sim_store_get(struct sim_store *lent_self)
{
    return (struct store){.ops = &sim_store_ops, .self = lent_self};
}

void sim_store_set_down(struct sim_store *self, bool is_down)
{
    self->is_down = is_down;
}

void sim_store_cut_power(struct sim_store *self, uint32_t writes_kept)
{
    sync_first(self, writes_kept);
    side_deinit(&self->live);
    side_copy(&self->live, &self->synced);
}

uint32_t sim_store_count_unsynced(const struct sim_store *self)
{
    return self->unsynced_count;
}

uint64_t sim_store_peek_version(const struct sim_store *self, struct user_id user, bool is_synced,
                                uint32_t *out_incarnation)
{
    const struct side *side = is_synced ? &self->synced : &self->live;
    const uint32_t at = find(side, user, true, (struct channel_key){0});
    struct record_head head = {0};
    struct slice leaf;
    if (at < side->count && side->pieces[at].user.value == user.value) {
        const struct slice bytes = {.bytes = (const char *)side->pieces[at].bytes,
                                    .size = side->pieces[at].size};
        const enum status status = record_decode(bytes, &head, &leaf);
        ASSERT(status == STATUS_OK);
    }
    *out_incarnation = head.incarnation;
    return head.version;
}

uint64_t sim_store_hash(const struct sim_store *self)
{
    struct world noted;
    world_init(&noted, 0);
    for (uint32_t i = 0; i < self->live.count; i++) {
        const struct kept_piece *piece = &self->live.pieces[i];
        world_note(&noted, piece->user.value);
        world_note(&noted, piece->fence.id);
        for (uint32_t at = 0; at < piece->size; at++) {
            world_note(&noted, piece->bytes[at]);
        }
    }
    return noted.hash;
}
