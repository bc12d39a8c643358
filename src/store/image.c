#include "store/image.h"

#include "base/assert.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES_GROWTH_MIN = 8, BYTES_GROWTH_MIN = 256 };

/* Pieces and bytes stand behind the struct, in its block, as long as they stay within what was
 * expected. What outgrows that moves to a block of its own. */
struct image {
    struct user_id user;
    uint32_t pieces_count;
    uint32_t pieces_room;
    uint32_t bytes_used;
    uint32_t bytes_room;
    uint64_t size; /* Of all its blocks. */
    struct image_piece *pieces;
    uint8_t *bytes;
    struct image_piece *pieces_grown; /* NULL while they stand inside. */
    uint8_t *bytes_grown;
    struct image_piece inside[];
};

enum status image_create(struct image **out_image, struct user_id user, uint32_t pieces_expected,
                         uint32_t bytes_expected)
{
    const size_t size =
        sizeof(struct image) + pieces_expected * sizeof(struct image_piece) + bytes_expected;
    struct image *image = malloc(size);
    if (image == NULL) {
        return STATUS_MEMORY;
    }
    *image = (struct image){
        .user = user,
        .pieces_room = pieces_expected,
        .bytes_room = bytes_expected,
        .size = size,
        .pieces = image->inside,
        .bytes = (uint8_t *)&image->inside[pieces_expected],
    };
    *out_image = image;
    return STATUS_OK;
}

void image_destroy(struct image **taken_image)
{
    struct image *self = *taken_image;
    *taken_image = NULL;
    if (self != NULL) {
        free(self->pieces_grown);
        free(self->bytes_grown);
        free(self);
    }
}

/* Twice what is needed, so that an image of unknown size is copied a bounded number of times. */
static uint64_t grown_room(uint64_t needed, uint64_t least)
{
    const uint64_t room = needed * 2 < least ? least : needed * 2;
    return room > UINT32_MAX ? UINT32_MAX : room;
}

static bool grow_pieces(struct image *self)
{
    const uint64_t room = grown_room((uint64_t)self->pieces_count + 1, PIECES_GROWTH_MIN);
    struct image_piece *grown = realloc(self->pieces_grown, room * sizeof *grown);
    if (grown == NULL) {
        return false;
    }
    if (self->pieces_grown == NULL) {
        memcpy(grown, self->pieces, self->pieces_count * sizeof *grown);
    } else {
        self->size -= self->pieces_room * sizeof *grown;
    }
    self->size += room * sizeof *grown;
    self->pieces_grown = grown;
    self->pieces = grown;
    self->pieces_room = (uint32_t)room;
    return true;
}

static bool grow_bytes(struct image *self, uint64_t needed)
{
    const uint64_t room = grown_room(needed, BYTES_GROWTH_MIN);
    uint8_t *grown = realloc(self->bytes_grown, room);
    if (grown == NULL) {
        return false;
    }
    if (self->bytes_grown == NULL) {
        memcpy(grown, self->bytes, self->bytes_used);
    } else {
        self->size -= self->bytes_room;
    }
    self->size += room;
    self->bytes_grown = grown;
    self->bytes = grown;
    self->bytes_room = (uint32_t)room;
    return true;
}

uint8_t *image_insert(struct image *self, enum image_piece_kind kind, struct channel_key fence,
                      uint32_t size)
{
    ASSERT((kind != IMAGE_ERASURE && kind != IMAGE_FORGETTING) || size == 0);

    const uint64_t needed = (uint64_t)self->bytes_used + size;
    if (needed > UINT32_MAX || self->pieces_count == UINT32_MAX) {
        return NULL;
    }
    if (self->pieces_count == self->pieces_room && !grow_pieces(self)) {
        return NULL;
    }
    if (needed > self->bytes_room && !grow_bytes(self, needed)) {
        return NULL;
    }
    uint8_t *bytes = self->bytes + self->bytes_used;
    self->pieces[self->pieces_count++] = (struct image_piece){
        .kind = kind,
        .fence = fence,
        .offset = self->bytes_used,
        .size = size,
    };
    self->bytes_used = (uint32_t)needed;
    return bytes;
}

struct user_id image_get_user(const struct image *self)
{
    return self->user;
}

uint32_t image_count_pieces(const struct image *self)
{
    return self->pieces_count;
}

struct image_piece image_get_piece(const struct image *self, uint32_t at)
{
    ASSERT(at < self->pieces_count);
    return self->pieces[at];
}

struct slice image_get_bytes(const struct image *self, uint32_t at)
{
    const struct image_piece piece = image_get_piece(self, at);
    return (struct slice){
        .bytes = (const char *)self->bytes + piece.offset,
        .size = piece.size,
    };
}

uint64_t image_get_size(const struct image *self)
{
    return self->size;
}
