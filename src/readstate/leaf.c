#include "readstate/leaf.h"

#include "base/assert.h"
#include "readstate/leaf_row.h"
#include "readstate/leaf_side.h"

#include <string.h>

static inline struct leaf_row pack_row(const struct read_state *state, bool has_side)
{
    return (struct leaf_row){
        .bits = (uint8_t)((has_side ? LEAF_BIT_SIDE : 0) | (state->deleted ? LEAF_BIT_DELETED : 0)),
        .values = {state->channel.id, state->channel.type, state->last_read, state->version},
    };
}

static bool has_side(const uint8_t *leaf, const struct leaf_shape *shape, uint32_t row)
{
    return (leaf[leaf_row_offset(shape, row)] & LEAF_BIT_SIDE) != 0;
}

/* Where the side entry of `row` is, or would come; of `rows`: where the leaf ends. */
static size_t find_side(const uint8_t *leaf, const struct leaf_shape *shape, uint32_t row)
{
    size_t offset = leaf_row_offset(shape, shape->rows);
    if (shape->side_bytes == 0) {
        return offset;
    }
    const uint8_t *bits = leaf + LEAF_HEAD_SIZE;
    for (uint32_t before = 0; before < row; before++) {
        if ((*bits & LEAF_BIT_SIDE) != 0) {
            offset += leaf_side_get_size(leaf + offset);
        }
        bits += shape->row_size;
    }
    return offset;
}

void leaf_init(uint8_t *leaf)
{
    memset(leaf, 0, LEAF_HEAD_SIZE);
}

size_t leaf_get_size(const uint8_t *leaf)
{
    const struct leaf_shape shape = leaf_shape_read(leaf);
    return leaf_shape_get_size(&shape);
}

uint32_t leaf_get_rows(const uint8_t *leaf)
{
    return bytes_read_u16(leaf);
}

static inline struct channel_key read_channel(const uint8_t *leaf, const struct leaf_shape *shape,
                                              uint32_t row)
{
    const uint8_t *id = leaf + leaf_row_offset(shape, row) + 1;
    const uint8_t *type = id + shape->widths[LEAF_COLUMN_ID];
    return (struct channel_key){
        .id = bytes_read_uint(id, shape->widths[LEAF_COLUMN_ID]),
        .type = shape->widths[LEAF_COLUMN_TYPE] == 0 ? 0 : *type,
    };
}

struct channel_key leaf_get_channel(const uint8_t *leaf, uint32_t row)
{
    const struct leaf_shape shape = leaf_shape_read(leaf);
    ASSERT(row < shape.rows);
    return read_channel(leaf, &shape, row);
}

uint64_t leaf_get_version(const uint8_t *leaf, uint32_t row)
{
    const struct leaf_shape shape = leaf_shape_read(leaf);
    ASSERT(row < shape.rows);
    const unsigned width = shape.widths[LEAF_COLUMN_VERSION];
    return bytes_read_uint(leaf + leaf_row_offset(&shape, row + 1) - width, width);
}

/* 1 where a < b, else 0; both at most 2^63-1. Compilers make no branch of it, as they may of a
 * comparison: half of the branches of a binary search would be guessed wrong. */
static uint32_t is_below(uint64_t a, uint64_t b)
{
    return (uint32_t)((a - b) >> 63);
}

/* The first row whose channel id is `id` or higher; there are rows. */
static uint32_t find_id(const uint8_t *leaf, const struct leaf_shape *shape, uint64_t id)
{
    /* A load that ends where the id ends: it begins inside the leaf, since the head comes before.
     */
    const uint8_t *id_end = leaf + LEAF_HEAD_SIZE + 1 + shape->widths[LEAF_COLUMN_ID];
    const unsigned drop = 64U - 8U * shape->widths[LEAF_COLUMN_ID];
    const size_t row_size = shape->row_size;
    /* As many rounds for every id, so that the loop's end is foreseen as well. */
    uint32_t first = 0;
    for (uint32_t count = shape->rows; count > 1; count -= count / 2) {
        const uint32_t half = count / 2;
        const uint64_t at = bytes_read_u64(id_end - 8 + (first + half - 1) * row_size) >> drop;
        first += half & (0U - is_below(at, id));
    }
    return first + is_below(bytes_read_u64(id_end - 8 + first * row_size) >> drop, id);
}

bool leaf_find(const uint8_t *leaf, struct channel_key channel, uint32_t *out_row)
{
    const struct leaf_shape shape = leaf_shape_read(leaf);
    if (shape.rows == 0) {
        *out_row = 0;
        return false;
    }
    uint32_t row = find_id(leaf, &shape, channel.id);
    for (; row < shape.rows; row++) {
        /* Types of one id stand side by side, and are few. */
        const int order = channel_key_compare(read_channel(leaf, &shape, row), channel);
        if (order >= 0) {
            *out_row = row;
            return order == 0;
        }
    }
    *out_row = row;
    return false;
}

void leaf_read(const uint8_t *leaf, uint32_t row, struct read_state *out_state)
{
    const struct leaf_shape shape = leaf_shape_read(leaf);
    ASSERT(row < shape.rows);
    const struct leaf_row packed = leaf_row_read(leaf + leaf_row_offset(&shape, row), shape.widths);
    out_state->channel.id = packed.values[LEAF_COLUMN_ID];
    out_state->channel.type = (uint8_t)packed.values[LEAF_COLUMN_TYPE];
    out_state->deleted = (packed.bits & LEAF_BIT_DELETED) != 0;
    out_state->last_read = packed.values[LEAF_COLUMN_LAST_READ];
    out_state->version = packed.values[LEAF_COLUMN_VERSION];
    if ((packed.bits & LEAF_BIT_SIDE) != 0) {
        leaf_side_read(leaf + find_side(leaf, &shape, row), out_state);
        return;
    }
    out_state->floor = out_state->last_read;
    out_state->mentions_kept = 0;
    out_state->viewed_days = 0;
    out_state->flags = 0;
    out_state->counted = 0;
    out_state->counted_to = 0;
    out_state->pin_ms = 0;
}

/* `side` is where the row's side entry is, if it has one. */
static struct leaf_row view_row(const uint8_t *leaf, const struct leaf_shape *shape, uint32_t row,
                                size_t side, struct state_view *out_view)
{
    const struct leaf_row packed = leaf_row_read(leaf + leaf_row_offset(shape, row), shape->widths);
    *out_view = (struct state_view){
        .channel = {.id = packed.values[LEAF_COLUMN_ID],
                    .type = (uint8_t)packed.values[LEAF_COLUMN_TYPE]},
        .present = true,
        .last_read = packed.values[LEAF_COLUMN_LAST_READ],
        .floor = packed.values[LEAF_COLUMN_LAST_READ],
        .version = packed.values[LEAF_COLUMN_VERSION],
    };
    if ((packed.bits & LEAF_BIT_SIDE) != 0) {
        leaf_side_view(leaf + side, out_view);
    }
    if ((packed.bits & LEAF_BIT_DELETED) != 0) {
        state_view_show_tombstone(out_view);
    }
    return packed;
}

void leaf_view(const uint8_t *leaf, uint32_t row, struct state_view *out_view)
{
    const struct leaf_shape shape = leaf_shape_read(leaf);
    ASSERT(row < shape.rows);
    const size_t side = has_side(leaf, &shape, row) ? find_side(leaf, &shape, row) : 0;
    view_row(leaf, &shape, row, side, out_view);
}

uint32_t leaf_view_rows(const uint8_t *leaf, uint32_t first, struct state_view *views,
                        uint32_t views_max)
{
    const struct leaf_shape shape = leaf_shape_read(leaf);
    const uint32_t there = first < shape.rows ? shape.rows - first : 0;
    const uint32_t count = there < views_max ? there : views_max;
    size_t side = count == 0 ? 0 : find_side(leaf, &shape, first);
    for (uint32_t i = 0; i < count; i++) {
        const struct leaf_row packed = view_row(leaf, &shape, first + i, side, &views[i]);
        if ((packed.bits & LEAF_BIT_SIDE) != 0) {
            side += leaf_side_get_size(leaf + side);
        }
    }
    return count;
}

struct leaf_totals leaf_count_totals(const uint8_t *leaf)
{
    const struct leaf_shape shape = leaf_shape_read(leaf);
    struct leaf_totals totals = {0};
    size_t side = leaf_row_offset(&shape, shape.rows);
    for (uint32_t row = 0; row < shape.rows; row++) {
        const uint8_t bits = leaf[leaf_row_offset(&shape, row)];
        const bool live = (bits & LEAF_BIT_DELETED) == 0;
        totals.live_states += live ? 1 : 0;
        totals.tombstones += live ? 0 : 1;
        if ((bits & LEAF_BIT_SIDE) == 0) {
            continue;
        }
        const uint32_t mentions = live ? leaf_side_count_mentions(leaf + side) : 0;
        totals.mentions += mentions;
        totals.mentioned_states += mentions > 0 ? 1 : 0;
        side += leaf_side_get_size(leaf + side);
    }
    return totals;
}

static inline bool row_fits(const struct leaf_row *row, const uint8_t widths[static LEAF_COLUMNS])
{
    bool fits = true;
    for (unsigned column = 0; column < LEAF_COLUMNS; column++) {
        fits &= bytes_width_of(row->values[column]) <= widths[column];
    }
    return fits;
}

/* `lowest`: the widths that the other rows need, NULL where there are none. */
static void widen(uint8_t widths[static LEAF_COLUMNS], const uint8_t *lowest,
                  const struct leaf_row *row)
{
    for (unsigned column = 0; column < LEAF_COLUMNS; column++) {
        const uint8_t needed = (uint8_t)bytes_width_of(row->values[column]);
        widths[column] = lowest != NULL && lowest[column] > needed ? lowest[column] : needed;
    }
}

struct leaf_change leaf_measure(const uint8_t *leaf, uint32_t row, bool insert,
                                const struct read_state *state)
{
    const struct leaf_shape shape = leaf_shape_read(leaf);
    ASSERT(row < shape.rows + (insert ? 1 : 0));
    ASSERT(state->last_read <= state->floor);

    struct leaf_change change = {.side_size = (uint16_t)leaf_side_measure(state)};
    ASSERT(!state->deleted || change.side_size == 0);
    if (!insert && has_side(leaf, &shape, row)) {
        change.side_offset = (uint16_t)find_side(leaf, &shape, row);
        change.side_size_before = (uint16_t)leaf_side_get_size(leaf + change.side_offset);
    } else if (change.side_size > 0) {
        change.side_offset = (uint16_t)find_side(leaf, &shape, row);
    }

    const struct leaf_row packed = pack_row(state, false);
    if (shape.rows > 0 && row_fits(&packed, shape.widths)) {
        memcpy(change.widths, shape.widths, LEAF_COLUMNS);
        change.in_place = true;
    } else {
        widen(change.widths, shape.rows > 0 ? shape.widths : NULL, &packed);
        /* An empty leaf has no row that would have to change with the widths. */
        change.in_place = shape.rows == 0;
    }
    change.size = LEAF_HEAD_SIZE +
                  (size_t)(shape.rows + (insert ? 1 : 0)) * leaf_row_size_of(change.widths) +
                  shape.side_bytes - change.side_size_before + change.side_size;
    return change;
}

/* What the head says after the change. */
static struct leaf_shape shape_after(const struct leaf_shape *before,
                                     const struct leaf_change *change, bool insert)
{
    struct leaf_shape after = {
        .rows = before->rows + (insert ? 1 : 0),
        .side_bytes = before->side_bytes - change->side_size_before + change->side_size,
        .row_size = leaf_row_size_of(change->widths),
    };
    memcpy(after.widths, change->widths, sizeof after.widths);
    ASSERT(after.rows <= LEAF_ROWS_MAX);
    ASSERT(change->size <= LEAF_SIZE_MAX);
    ASSERT(leaf_shape_get_size(&after) == change->size);
    return after;
}

/* A state without a side entry has no place among them that would matter, but the end. */
static size_t side_offset_of(const struct leaf_shape *shape, const struct leaf_change *change)
{
    const bool any = change->side_size_before != 0 || change->side_size != 0;
    return any ? change->side_offset : leaf_shape_get_size(shape);
}

void leaf_write(uint8_t *leaf, const struct leaf_change *change, uint32_t row, bool insert,
                const struct read_state *state)
{
    ASSERT(change->in_place);
    const struct leaf_shape before = leaf_shape_read(leaf);
    const struct leaf_shape after = shape_after(&before, change, insert);
    uint8_t *at = leaf + leaf_row_offset(&after, row);
    const struct leaf_row packed = pack_row(state, change->side_size > 0);

    if (insert || change->side_size != change->side_size_before) {
        const size_t end = leaf_shape_get_size(&before);
        const size_t side = side_offset_of(&before, change);
        const size_t side_end = side + change->side_size_before;
        const size_t grow = insert ? after.row_size : 0;
        /* The tail first: what lies before it moves, if it does, up to where the tail then begins.
         */
        memmove(leaf + side + grow + change->side_size, leaf + side_end, end - side_end);
        if (insert) {
            memmove(at + grow, at, (size_t)(leaf + side - at));
        }
        leaf_shape_write(leaf, &after);
        if (change->side_size > 0) {
            leaf_side_write(leaf + side + grow, change->side_size, state);
        }
    } else if (change->side_size > 0) {
        leaf_side_write(leaf + change->side_offset, change->side_size, state);
    }
    leaf_row_write(at, after.widths, &packed);
}

enum leaf_acked leaf_ack(uint8_t *leaf, uint32_t row, struct message_id message, uint64_t version,
                         uint64_t *out_version)
{
    const struct leaf_shape shape = leaf_shape_read(leaf);
    ASSERT(row < shape.rows);
    uint8_t *at = leaf + leaf_row_offset(&shape, row);
    const unsigned read_width = shape.widths[LEAF_COLUMN_LAST_READ];
    const unsigned version_width = shape.widths[LEAF_COLUMN_VERSION];
    uint8_t *version_at = at + shape.row_size - version_width;
    uint8_t *read_at = version_at - read_width;
    if (*at != 0) {
        return LEAF_ACKED_NOT;
    }
    if (message.value <= bytes_read_uint(read_at, read_width)) {
        *out_version = bytes_read_uint(version_at, version_width);
        return LEAF_ACKED_UNCHANGED;
    }
    if (bytes_width_of(message.value) > read_width || bytes_width_of(version) > version_width) {
        return LEAF_ACKED_NOT;
    }
    bytes_write_uint(read_at, read_width, message.value);
    bytes_write_uint(version_at, version_width, version);
    *out_version = version;
    return LEAF_ACKED_CHANGED;
}

/* Rows first to last - 1, without their side entries, into the columns of `to_shape`. */
static uint8_t *copy_rows(uint8_t *to, const struct leaf_shape *to_shape, const uint8_t *from,
                          const struct leaf_shape *from_shape, uint32_t first, uint32_t last)
{
    if (memcmp(to_shape->widths, from_shape->widths, LEAF_COLUMNS) == 0) {
        const size_t size = (size_t)(last - first) * from_shape->row_size;
        memcpy(to, from + leaf_row_offset(from_shape, first), size);
        return to + size;
    }
    for (uint32_t row = first; row < last; row++) {
        const struct leaf_row packed =
            leaf_row_read(from + leaf_row_offset(from_shape, row), from_shape->widths);
        leaf_row_write(to, to_shape->widths, &packed);
        to += to_shape->row_size;
    }
    return to;
}

void leaf_write_to(uint8_t *to, const uint8_t *from, const struct leaf_change *change, uint32_t row,
                   bool insert, const struct read_state *state)
{
    const struct leaf_shape before = leaf_shape_read(from);
    const struct leaf_shape after = shape_after(&before, change, insert);
    const struct leaf_row packed = pack_row(state, change->side_size > 0);
    leaf_shape_write(to, &after);

    uint8_t *at = copy_rows(to + LEAF_HEAD_SIZE, &after, from, &before, 0, row);
    leaf_row_write(at, after.widths, &packed);
    at = copy_rows(at + after.row_size, &after, from, &before, insert ? row : row + 1, before.rows);

    const size_t begin = leaf_row_offset(&before, before.rows);
    const size_t side = side_offset_of(&before, change);
    const size_t side_end = side + change->side_size_before;
    memcpy(at, from + begin, side - begin);
    at += side - begin;
    if (change->side_size > 0) {
        leaf_side_write(at, change->side_size, state);
    }
    memcpy(at + change->side_size, from + side_end, leaf_shape_get_size(&before) - side_end);
}

void leaf_remove(uint8_t *leaf, uint32_t row)
{
    struct leaf_shape shape = leaf_shape_read(leaf);
    ASSERT(row < shape.rows);
    const size_t at = leaf_row_offset(&shape, row);
    const size_t next = at + shape.row_size;
    const size_t end = leaf_shape_get_size(&shape);
    const size_t side = find_side(leaf, &shape, row);
    const size_t side_size = has_side(leaf, &shape, row) ? leaf_side_get_size(leaf + side) : 0;

    memmove(leaf + at, leaf + next, side - next);
    memmove(leaf + side - shape.row_size, leaf + side + side_size, end - side - side_size);
    shape.rows--;
    shape.side_bytes -= (uint32_t)side_size;
    leaf_shape_write(leaf, &shape);
}

uint32_t leaf_find_middle(const uint8_t *leaf)
{
    const struct leaf_shape shape = leaf_shape_read(leaf);
    ASSERT(shape.rows >= 2);
    const size_t bytes = leaf_shape_get_size(&shape) - LEAF_HEAD_SIZE;
    size_t side = leaf_row_offset(&shape, shape.rows);
    size_t left = 0;
    uint32_t row = 0;
    /* The cut is before or after the row in which the middle lies, whichever is nearer to it. */
    while (row < shape.rows - 1) {
        size_t row_bytes = shape.row_size;
        if (has_side(leaf, &shape, row)) {
            row_bytes += leaf_side_get_size(leaf + side);
            side += leaf_side_get_size(leaf + side);
        }
        if (row > 0 && 2 * left + row_bytes > bytes) {
            break;
        }
        left += row_bytes;
        row++;
    }
    return row;
}

size_t leaf_copy_rows(uint8_t *to, const uint8_t *from, uint32_t first, uint32_t last)
{
    const struct leaf_shape shape = leaf_shape_read(from);
    ASSERT(first <= last);
    ASSERT(last <= shape.rows);
    struct leaf_row largest = {0};
    for (uint32_t row = first; row < last; row++) {
        const struct leaf_row packed =
            leaf_row_read(from + leaf_row_offset(&shape, row), shape.widths);
        for (unsigned column = 0; column < LEAF_COLUMNS; column++) {
            /* Or-ed together they are as wide as the widest. */
            largest.values[column] |= packed.values[column];
        }
    }
    const size_t side = find_side(from, &shape, first);
    const size_t side_end = find_side(from, &shape, last);
    struct leaf_shape copy = {.rows = last - first, .side_bytes = (uint32_t)(side_end - side)};
    for (unsigned column = 0; column < LEAF_COLUMNS; column++) {
        copy.widths[column] = (uint8_t)bytes_width_of(largest.values[column]);
    }
    copy.row_size = leaf_row_size_of(copy.widths);
    leaf_shape_write(to, &copy);
    uint8_t *at = copy_rows(to + LEAF_HEAD_SIZE, &copy, from, &shape, first, last);
    memcpy(at, from + side, copy.side_bytes);
    return leaf_shape_get_size(&copy);
}
