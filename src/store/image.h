/* An image: what goes to the store, or comes from it, of one user.
 *
 *     record        the user's record (readstate/record.h), at most one; the first piece of what is
 *                   read
 *     leaf ...      leaves of a large user; what is read has all, ascending by fence, and what is
 *                   written those that changed
 *     erasure ...   leaves that are no more
 *     forgetting    alone: nothing of the user is to stay
 *
 * Memory: the heap; one block, bytes included, where as much was expected as came. An image has one
 * owner and moves between threads with its request.
 */
#ifndef STORE_IMAGE_H
#define STORE_IMAGE_H

#include "base/attribute.h"
#include "base/ids.h"
#include "base/slice.h"
#include "base/status.h"

#include <stdint.h>

enum image_piece_kind {
    IMAGE_RECORD,
    IMAGE_LEAF,
    IMAGE_ERASURE,    /* Has no bytes. */
    IMAGE_FORGETTING, /* Has none either. The fence's id: the generation of the user's slot. */
};

struct image_piece {
    enum image_piece_kind kind;
    struct channel_key fence; /* Leaves and erasures: the lowest channel the leaf may hold. */
    uint32_t offset;          /* Of its bytes. */
    uint32_t size;
};

struct image;

/* Room for so many pieces and bytes; more is taken as needed. STATUS_MEMORY leaves *out_image
 * alone. */
NODISCARD enum status image_create(struct image **out_image, struct user_id user,
                                   uint32_t pieces_expected, uint32_t bytes_expected);

/* NULL is no image. */
void image_destroy(struct image **taken_image);

/* Room for `size` bytes of a new piece, to be filled in before the next call; NULL when out of
 * memory, the image is then as before. `fence` of a record does not matter. */
NODISCARD uint8_t *image_insert(struct image *self, enum image_piece_kind kind,
                                struct channel_key fence, uint32_t size);

struct user_id image_get_user(const struct image *self);
uint32_t image_count_pieces(const struct image *self);

/* `at` is 0 to image_count_pieces - 1. The bytes are valid until the next insert. */
struct image_piece image_get_piece(const struct image *self, uint32_t at);
struct slice image_get_bytes(const struct image *self, uint32_t at);

/* What it takes of the heap, in bytes. */
uint64_t image_get_size(const struct image *self);

#endif
