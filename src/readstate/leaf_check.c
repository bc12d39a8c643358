#include "base/decimal.h"
#include "readstate/leaf.h"
#include "readstate/leaf_row.h"
#include "readstate/leaf_side.h"

/* Is the row one of a whole state, but for its side entry? */
static bool row_is_whole(const struct leaf_row *row)
{
    const uint64_t id = row->values[LEAF_COLUMN_ID];
    const uint64_t version = row->values[LEAF_COLUMN_VERSION];
    const bool bits_are_whole =
        row->bits == 0 || row->bits == LEAF_BIT_SIDE || row->bits == LEAF_BIT_DELETED;
    return bits_are_whole && id >= 1 && id <= U63_MAX &&
           row->values[LEAF_COLUMN_LAST_READ] <= U63_MAX && version >= 1 && version <= U63_MAX;
}

enum status leaf_check(const uint8_t *bytes, size_t size)
{
    if (size < LEAF_HEAD_SIZE || size > LEAF_SIZE_MAX) {
        return STATUS_CORRUPT;
    }
    const struct leaf_shape shape = leaf_shape_read(bytes);
    const uint8_t *widths = shape.widths;
    if (shape.rows > LEAF_ROWS_MAX || widths[LEAF_COLUMN_ID] > 8 || widths[LEAF_COLUMN_TYPE] > 1 ||
        widths[LEAF_COLUMN_LAST_READ] > 8 || widths[LEAF_COLUMN_VERSION] > 8 ||
        leaf_shape_get_size(&shape) != size) {
        return STATUS_CORRUPT;
    }
    struct channel_key lower = {0};
    size_t side = leaf_row_offset(&shape, shape.rows);
    for (uint32_t at = 0; at < shape.rows; at++) {
        const struct leaf_row row = leaf_row_read(bytes + leaf_row_offset(&shape, at), widths);
        const struct channel_key channel = {
            .id = row.values[LEAF_COLUMN_ID],
            .type = (uint8_t)row.values[LEAF_COLUMN_TYPE],
        };
        if (!row_is_whole(&row) || channel_key_compare(lower, channel) >= 0) {
            return STATUS_CORRUPT;
        }
        lower = channel;
        if ((row.bits & LEAF_BIT_SIDE) == 0) {
            continue;
        }
        size_t side_size = 0;
        if (leaf_side_check(bytes + side, size - side, row.values[LEAF_COLUMN_LAST_READ],
                            &side_size) != STATUS_OK) {
            return STATUS_CORRUPT;
        }
        side += side_size;
    }
    return side == size ? STATUS_OK : STATUS_CORRUPT;
}
