/* A leaf's head and rows (leaf.h draws them), for the files that work on leaves.
 *
 * Memory: the caller's, no pointer is kept.
 */
#ifndef READSTATE_LEAF_ROW_H
#define READSTATE_LEAF_ROW_H

#include "base/bytes.h"
#include "readstate/leaf.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    LEAF_COLUMN_ID,
    LEAF_COLUMN_TYPE,
    LEAF_COLUMN_LAST_READ,
    LEAF_COLUMN_VERSION,
};

enum {
    LEAF_BIT_SIDE = 1,
    LEAF_BIT_DELETED = 2,
};

enum { LEAF_WIDTHS_OFFSET = 4 };

/* What a leaf's head says, taken apart once for a call. */
struct leaf_shape {
    uint32_t rows;
    uint32_t side_bytes;
    uint8_t widths[LEAF_COLUMNS];
    uint32_t row_size;
};

struct leaf_row {
    uint8_t bits;
    uint64_t values[LEAF_COLUMNS];
};

static inline uint32_t leaf_row_size_of(const uint8_t widths[static LEAF_COLUMNS])
{
    return 1U + widths[0] + widths[1] + widths[2] + widths[3];
}

static inline struct leaf_shape leaf_shape_read(const uint8_t *leaf)
{
    struct leaf_shape shape = {
        .rows = bytes_read_u16(leaf),
        .side_bytes = bytes_read_u16(leaf + 2),
    };
    memcpy(shape.widths, leaf + LEAF_WIDTHS_OFFSET, sizeof shape.widths);
    shape.row_size = leaf_row_size_of(shape.widths);
    return shape;
}

static inline void leaf_shape_write(uint8_t *leaf, const struct leaf_shape *shape)
{
    bytes_write_u16(leaf, (uint16_t)shape->rows);
    bytes_write_u16(leaf + 2, (uint16_t)shape->side_bytes);
    memcpy(leaf + LEAF_WIDTHS_OFFSET, shape->widths, sizeof shape->widths);
}

static inline size_t leaf_row_offset(const struct leaf_shape *shape, uint32_t row)
{
    return LEAF_HEAD_SIZE + (size_t)row * shape->row_size;
}

static inline size_t leaf_shape_get_size(const struct leaf_shape *shape)
{
    return leaf_row_offset(shape, shape->rows) + shape->side_bytes;
}

static inline struct leaf_row leaf_row_read(const uint8_t *at,
                                            const uint8_t widths[static LEAF_COLUMNS])
{
    struct leaf_row row = {.bits = *at++};
    for (unsigned column = 0; column < LEAF_COLUMNS; column++) {
        row.values[column] = bytes_read_uint(at, widths[column]);
        at += widths[column];
    }
    return row;
}

static inline void leaf_row_write(uint8_t *at, const uint8_t widths[static LEAF_COLUMNS],
                                  const struct leaf_row *row)
{
    *at++ = row->bits;
    for (unsigned column = 0; column < LEAF_COLUMNS; column++) {
        bytes_write_uint(at, widths[column], row->values[column]);
        at += widths[column];
    }
}

#endif
