#include "store/store_memory.h"

#include "base/assert.h"
#include "base/hash.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS_MIN = 64 };

struct piece_bytes {
    uint32_t size;
    uint8_t bytes[];
};

struct kept_leaf {
    struct channel_key fence;
    struct piece_bytes *bytes;
};

struct kept_user {
    struct kept_user *next; /* In its bucket. */
    struct user_id user;
    struct piece_bytes *record; /* NULL while a first write is being prepared, or failed. */
    uint32_t leaves_count;
    uint32_t leaves_coming; /* At most so many more, by the write that is being prepared. */
    uint32_t leaves_room;
    struct kept_leaf *leaves; /* Ascending by fence. */
};

struct store_memory {
    pthread_rwlock_t lock; /* Guards what follows. */
    struct kept_user **buckets;
    uint64_t buckets_count; /* A power of two. */
    uint64_t users_count;
    char identity[STORE_IDENTITY_SIZE_MAX + 1];
    uint32_t generations[HASH_SLOTS];

    _Atomic uint64_t heap_bytes; /* Readable without the lock. */
};

static void *take(struct store_memory *self, size_t size)
{
    void *block = calloc(1, size);
    if (block != NULL) {
        atomic_fetch_add_explicit(&self->heap_bytes, size, memory_order_relaxed);
    }
    return block;
}

static void give_back(struct store_memory *self, void *block, size_t size)
{
    if (block != NULL) {
        atomic_fetch_sub_explicit(&self->heap_bytes, size, memory_order_relaxed);
        free(block);
    }
}

static void give_back_bytes(struct store_memory *self, struct piece_bytes *bytes)
{
    if (bytes != NULL) {
        give_back(self, bytes, sizeof *bytes + bytes->size);
    }
}

static struct kept_user **bucket_of(const struct store_memory *self, struct user_id user)
{
    return &self->buckets[hash_user(user) & (self->buckets_count - 1)];
}

static struct kept_user *find_user(const struct store_memory *self, struct user_id user)
{
    struct kept_user *kept = *bucket_of(self, user);
    while (kept != NULL && kept->user.value != user.value) {
        kept = kept->next;
    }
    return kept;
}

/* A table that cannot grow stays as it is, and only gets slower. */
static void grow_buckets(struct store_memory *self)
{
    const uint64_t old_count = self->buckets_count;
    struct kept_user **old = self->buckets;
    struct kept_user **grown = take(self, old_count * 2 * sizeof(struct kept_user *));
    if (grown == NULL) {
        return;
    }
    self->buckets = grown;
    self->buckets_count = old_count * 2;
    for (uint64_t i = 0; i < old_count; i++) {
        struct kept_user *next = NULL;
        for (struct kept_user *kept = old[i]; kept != NULL; kept = next) {
            next = kept->next;
            struct kept_user **bucket = bucket_of(self, kept->user);
            kept->next = *bucket;
            *bucket = kept;
        }
    }
    give_back(self, (void *)old, old_count * sizeof(struct kept_user *));
}

static struct kept_user *find_or_insert_user(struct store_memory *self, struct user_id user)
{
    struct kept_user *kept = find_user(self, user);
    if (kept != NULL) {
        return kept;
    }
    kept = take(self, sizeof *kept);
    if (kept == NULL) {
        return NULL;
    }
    if (self->users_count == self->buckets_count) {
        grow_buckets(self);
    }
    struct kept_user **bucket = bucket_of(self, user);
    kept->user = user;
    kept->next = *bucket;
    *bucket = kept;
    self->users_count++;
    return kept;
}

/* The first leaf whose fence is `fence` or higher. */
static uint32_t find_leaf(const struct kept_user *kept, struct channel_key fence)
{
    uint32_t low = 0;
    uint32_t high = kept->leaves_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (channel_key_compare(kept->leaves[middle].fence, fence) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool leaf_is_at(const struct kept_user *kept, uint32_t at, struct channel_key fence)
{
    return at < kept->leaves_count && channel_key_compare(kept->leaves[at].fence, fence) == 0;
}

static void put_leaf(struct store_memory *self, struct kept_user *kept, struct channel_key fence,
                     struct piece_bytes *bytes)
{
    const uint32_t at = find_leaf(kept, fence);
    if (leaf_is_at(kept, at, fence)) {
        give_back_bytes(self, kept->leaves[at].bytes);
    } else {
        ASSERT(kept->leaves_count < kept->leaves_room);
        memmove(&kept->leaves[at + 1], &kept->leaves[at],
                (kept->leaves_count - at) * sizeof *kept->leaves);
        kept->leaves_count++;
    }
    kept->leaves[at] = (struct kept_leaf){.fence = fence, .bytes = bytes};
}

static void drop_leaf(struct store_memory *self, struct kept_user *kept, struct channel_key fence)
{
    const uint32_t at = find_leaf(kept, fence);
    if (leaf_is_at(kept, at, fence)) {
        give_back_bytes(self, kept->leaves[at].bytes);
        kept->leaves_count--;
        memmove(&kept->leaves[at], &kept->leaves[at + 1],
                (kept->leaves_count - at) * sizeof *kept->leaves);
    }
}

static bool reserve_leaves(struct store_memory *self, struct kept_user *kept, uint32_t coming)
{
    kept->leaves_coming += coming;
    const uint32_t needed = kept->leaves_count + kept->leaves_coming;
    if (needed <= kept->leaves_room) {
        return true;
    }
    const uint32_t room = needed * 2;
    struct kept_leaf *leaves = take(self, room * sizeof *leaves);
    if (leaves == NULL) {
        return false;
    }
    if (kept->leaves_count > 0) {
        memcpy(leaves, kept->leaves, kept->leaves_count * sizeof *leaves);
    }
    give_back(self, kept->leaves, kept->leaves_room * sizeof *leaves);
    kept->leaves = leaves;
    kept->leaves_room = room;
    return true;
}

/* A write in the making: all that can fail is done before anything changes. */
struct prepared {
    struct piece_bytes **bytes; /* One a piece, in order; NULL for erasures. */
    uint32_t count;
    uint32_t room;
};

static bool prepare_image(struct store_memory *self, const struct image *image,
                          struct prepared *prepared)
{
    uint32_t leaves = 0;
    for (uint32_t i = 0; i < image_count_pieces(image); i++) {
        const struct image_piece piece = image_get_piece(image, i);
        struct piece_bytes *bytes = NULL;
        if (piece.kind == IMAGE_RECORD || piece.kind == IMAGE_LEAF) {
            bytes = take(self, sizeof *bytes + piece.size);
            if (bytes == NULL) {
                return false;
            }
            bytes->size = piece.size;
            memcpy(bytes->bytes, image_get_bytes(image, i).bytes, piece.size);
        }
        leaves += piece.kind == IMAGE_LEAF ? 1 : 0;
        prepared->bytes[prepared->count++] = bytes;
    }
    struct kept_user *kept = find_or_insert_user(self, image_get_user(image));
    return kept != NULL && reserve_leaves(self, kept, leaves);
}

static void abandon(struct store_memory *self, struct prepared *prepared,
                    const struct image *const *images, uint32_t count)
{
    for (uint32_t i = 0; i < prepared->count; i++) {
        give_back_bytes(self, prepared->bytes[i]);
    }
    for (uint32_t i = 0; i < count; i++) {
        struct kept_user *kept = find_user(self, image_get_user(images[i]));
        if (kept != NULL) {
            kept->leaves_coming = 0;
        }
    }
}

static void drop_user(struct store_memory *self, struct kept_user *kept)
{
    give_back_bytes(self, kept->record);
    for (uint32_t i = 0; i < kept->leaves_count; i++) {
        give_back_bytes(self, kept->leaves[i].bytes);
    }
    give_back(self, kept->leaves, kept->leaves_room * sizeof *kept->leaves);
    give_back(self, kept, sizeof *kept);
}

static void raise_generation(struct store_memory *self, struct user_id user, uint64_t generation)
{
    uint32_t *of_slot = &self->generations[hash_slot_of_user(user)];
    *of_slot = *of_slot < generation ? (uint32_t)generation : *of_slot;
}

/* The node stays for now: a later image of the same write may have room reserved in it. */
static void clear_user(struct store_memory *self, struct kept_user *kept)
{
    give_back_bytes(self, kept->record);
    kept->record = NULL;
    while (kept->leaves_count > 0) {
        give_back_bytes(self, kept->leaves[--kept->leaves_count].bytes);
    }
}

static void remove_if_forgotten(struct store_memory *self, struct user_id user)
{
    struct kept_user **place = bucket_of(self, user);
    while (*place != NULL && (*place)->user.value != user.value) {
        place = &(*place)->next;
    }
    struct kept_user *kept = *place;
    if (kept != NULL && kept->record == NULL) {
        *place = kept->next;
        self->users_count--;
        drop_user(self, kept);
    }
}

/* Returns the bytes behind those that it took. */
static struct piece_bytes **put_image(struct store_memory *self, const struct image *image,
                                      struct piece_bytes **bytes)
{
    struct kept_user *kept = find_user(self, image_get_user(image));
    for (uint32_t i = 0; i < image_count_pieces(image); i++) {
        const struct image_piece piece = image_get_piece(image, i);
        switch (piece.kind) {
        case IMAGE_RECORD:
            give_back_bytes(self, kept->record);
            kept->record = bytes[i];
            break;
        case IMAGE_LEAF:
            put_leaf(self, kept, piece.fence, bytes[i]);
            break;
        case IMAGE_ERASURE:
            drop_leaf(self, kept, piece.fence);
            break;
        case IMAGE_FORGETTING:
            raise_generation(self, kept->user, piece.fence.id);
            clear_user(self, kept);
            break;
        }
    }
    kept->leaves_coming = 0;
    return bytes + image_count_pieces(image);
}

static enum status write_locked(struct store_memory *self, const struct image *const *images,
                                uint32_t count, struct prepared *prepared)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!prepare_image(self, images[i], prepared)) {
            abandon(self, prepared, images, count);
            return STATUS_MEMORY;
        }
    }
    struct piece_bytes **bytes = prepared->bytes;
    for (uint32_t i = 0; i < count; i++) {
        bytes = put_image(self, images[i], bytes);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (image_get_piece(images[i], 0).kind == IMAGE_FORGETTING) {
            remove_if_forgotten(self, image_get_user(images[i]));
        }
    }
    return STATUS_OK;
}

static enum status memory_write(void *opaque, const struct image *const *images, uint32_t count)
{
    struct store_memory *self = opaque;
    struct prepared prepared = {0};
    for (uint32_t i = 0; i < count; i++) {
        prepared.room += image_count_pieces(images[i]);
    }
    prepared.bytes = calloc(prepared.room + 1, sizeof(struct piece_bytes *));
    if (prepared.bytes == NULL) {
        return STATUS_MEMORY;
    }
    pthread_rwlock_wrlock(&self->lock);
    const enum status status = write_locked(self, images, count, &prepared);
    pthread_rwlock_unlock(&self->lock);
    free((void *)prepared.bytes);
    return status;
}

static bool copy_piece(struct image *image, enum image_piece_kind kind, struct channel_key fence,
                       const struct piece_bytes *from)
{
    uint8_t *bytes = image_insert(image, kind, fence, from->size);
    if (bytes == NULL) {
        return false;
    }
    memcpy(bytes, from->bytes, from->size);
    return true;
}

static enum status copy_user(const struct kept_user *kept, struct image **out_image)
{
    uint32_t size = kept->record->size;
    for (uint32_t i = 0; i < kept->leaves_count; i++) {
        size += kept->leaves[i].bytes->size;
    }
    struct image *image = NULL;
    if (image_create(&image, kept->user, 1 + kept->leaves_count, size) != STATUS_OK) {
        return STATUS_MEMORY;
    }
    bool copied = copy_piece(image, IMAGE_RECORD, (struct channel_key){0}, kept->record);
    for (uint32_t i = 0; i < kept->leaves_count && copied; i++) {
        copied = copy_piece(image, IMAGE_LEAF, kept->leaves[i].fence, kept->leaves[i].bytes);
    }
    if (!copied) {
        image_destroy(&image);
        return STATUS_MEMORY;
    }
    *out_image = image;
    return STATUS_OK;
}

static enum status memory_read(void *opaque, struct user_id user, struct image **out_image)
{
    struct store_memory *self = opaque;
    pthread_rwlock_rdlock(&self->lock);
    const struct kept_user *kept = find_user(self, user);
    const bool missing = kept == NULL || kept->record == NULL;
    const enum status status = missing ? STATUS_MISSING : copy_user(kept, out_image);
    pthread_rwlock_unlock(&self->lock);
    return status;
}

static enum status memory_sync(void *opaque)
{
    (void)opaque;
    return STATUS_OK;
}

static enum status memory_read_identity(void *opaque, char *to, size_t size)
{
    struct store_memory *self = opaque;
    enum status status = STATUS_OK;
    pthread_rwlock_rdlock(&self->lock);
    const size_t needed = strlen(self->identity) + 1;
    if (needed == 1) {
        status = STATUS_MISSING;
    } else if (needed > size) {
        status = STATUS_CORRUPT;
    } else {
        memcpy(to, self->identity, needed);
    }
    pthread_rwlock_unlock(&self->lock);
    return status;
}

static enum status memory_write_identity(void *opaque, const char *identity)
{
    struct store_memory *self = opaque;
    const size_t size = strlen(identity);
    ASSERT(size > 0 && size <= STORE_IDENTITY_SIZE_MAX);
    pthread_rwlock_wrlock(&self->lock);
    memcpy(self->identity, identity, size + 1);
    pthread_rwlock_unlock(&self->lock);
    return STATUS_OK;
}

static enum status memory_read_generations(void *opaque, uint32_t generations[static HASH_SLOTS])
{
    struct store_memory *self = opaque;
    pthread_rwlock_rdlock(&self->lock);
    memcpy(generations, self->generations, sizeof self->generations);
    pthread_rwlock_unlock(&self->lock);
    return STATUS_OK;
}

static uint64_t memory_count_memory(void *opaque)
{
    struct store_memory *self = opaque;
    return atomic_load_explicit(&self->heap_bytes, memory_order_relaxed);
}

void store_memory_close(void *taken_self)
{
    struct store_memory *self = taken_self;
    for (uint64_t i = 0; i < self->buckets_count; i++) {
        struct kept_user *next = NULL;
        for (struct kept_user *kept = self->buckets[i]; kept != NULL; kept = next) {
            next = kept->next;
            drop_user(self, kept);
        }
    }
    give_back(self, (void *)self->buckets, self->buckets_count * sizeof(struct kept_user *));
    ASSERT(atomic_load(&self->heap_bytes) == 0);
    pthread_rwlock_destroy(&self->lock);
    free(self);
}

static const struct store_ops memory_ops = {
    .name = "memory",
    .read = memory_read,
    .write = memory_write,
    .sync = memory_sync,
    .read_generations = memory_read_generations,
    .read_identity = memory_read_identity,
    .write_identity = memory_write_identity,
    .count_memory = memory_count_memory,
    .close = store_memory_close,
};

enum status store_memory_open(struct store *out_store)
{
    struct store_memory *self = calloc(1, sizeof *self);
    if (self == NULL) {
        return STATUS_MEMORY;
    }
    self->buckets_count = BUCKETS_MIN;
    self->buckets = take(self, BUCKETS_MIN * sizeof(struct kept_user *));
    if (self->buckets == NULL || pthread_rwlock_init(&self->lock, NULL) != 0) {
        free((void *)self->buckets);
        free(self);
        return STATUS_MEMORY;
    }
    *out_store = (struct store){.ops = &memory_ops, .self = self};
    return STATUS_OK;
}
