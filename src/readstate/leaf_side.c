#include "readstate/leaf_side.h"

#include "base/assert.h"
#include "base/decimal.h"

#include <stdbool.h>

/* The single fields, in the order of their bits in `has`. */
enum {
    FIELD_FLOOR,
    FIELD_COUNTED,
    FIELD_COUNTED_TO,
    FIELD_PIN,
    FIELD_VIEWED,
    FIELD_FLAGS,
    FIELDS,
};
enum {
    HAS_FLOOR = 1 << FIELD_FLOOR,
    HAS_COUNTED = 1 << FIELD_COUNTED,
    HAS_COUNTED_TO = 1 << FIELD_COUNTED_TO,
    HAS_PIN = 1 << FIELD_PIN,
    HAS_VIEWED = 1 << FIELD_VIEWED,
    HAS_FLAGS = 1 << FIELD_FLAGS,
    HAS_MENTIONS = 64,
    HAS_WITHDRAWN = 128,
};
static const uint8_t field_sizes[FIELDS] = {8, 4, 8, 8, 2, 2};

/* An entry taken apart. A field that is not there is 0. */
struct side {
    uint8_t has;
    uint64_t fields[FIELDS];
    uint32_t mentions;
    unsigned id_width;
    const uint8_t *ids;
    const uint8_t *withdrawn; /* NULL: none is. */
};

static size_t withdrawn_size(uint32_t mentions)
{
    return (mentions + 7) / 8;
}

static bool is_withdrawn(const uint8_t *withdrawn, uint32_t at)
{
    return withdrawn != NULL && (withdrawn[at / 8] >> (at % 8) & 1) != 0;
}

static uint8_t find_out_has(const struct read_state *state)
{
    unsigned has = 0;
    has |= state->floor != state->last_read ? HAS_FLOOR : 0;
    has |= state->counted != 0 ? HAS_COUNTED : 0;
    has |= state->counted_to != 0 ? HAS_COUNTED_TO : 0;
    has |= state->pin_ms != 0 ? HAS_PIN : 0;
    has |= state->viewed_days != 0 ? HAS_VIEWED : 0;
    has |= state->flags != 0 ? HAS_FLAGS : 0;
    has |= state->mentions_kept != 0 ? HAS_MENTIONS : 0;
    for (uint32_t at = 0; at < state->mentions_kept; at++) {
        has |= state->mentions[at].withdrawn ? HAS_WITHDRAWN : 0;
    }
    return (uint8_t)has;
}

/* They ascend, so the last is the widest. */
static unsigned find_out_id_width(const struct read_state *state)
{
    return bytes_width_of(state->mentions[state->mentions_kept - 1].message);
}

size_t leaf_side_measure(const struct read_state *state)
{
    const uint8_t has = find_out_has(state);
    if (has == 0) {
        return 0;
    }
    size_t size = LEAF_SIDE_HEAD_SIZE;
    for (unsigned field = 0; field < FIELDS; field++) {
        size += (has >> field & 1) != 0 ? field_sizes[field] : 0;
    }
    if ((has & HAS_MENTIONS) != 0) {
        size += 2 + (size_t)state->mentions_kept * find_out_id_width(state);
    }
    if ((has & HAS_WITHDRAWN) != 0) {
        size += withdrawn_size(state->mentions_kept);
    }
    return size;
}

static uint8_t *write_mentions(uint8_t *to, bool some_withdrawn, const struct read_state *state)
{
    const unsigned width = find_out_id_width(state);
    *to++ = state->mentions_kept;
    *to++ = (uint8_t)width;
    for (uint32_t at = 0; at < state->mentions_kept; at++) {
        bytes_write_uint(to, width, state->mentions[at].message);
        to += width;
    }
    if (!some_withdrawn) {
        return to;
    }
    memset(to, 0, withdrawn_size(state->mentions_kept));
    for (uint32_t at = 0; at < state->mentions_kept; at++) {
        to[at / 8] |= (uint8_t)(state->mentions[at].withdrawn << (at % 8));
    }
    return to + withdrawn_size(state->mentions_kept);
}

void leaf_side_write(uint8_t *to, size_t size, const struct read_state *state)
{
    const uint8_t has = find_out_has(state);
    const uint64_t fields[FIELDS] = {
        state->floor,  state->counted,     state->counted_to,
        state->pin_ms, state->viewed_days, state->flags,
    };
    const uint8_t *begin = to;
    bytes_write_u16(to, (uint16_t)size);
    to[2] = has;
    to += LEAF_SIDE_HEAD_SIZE;
    for (unsigned field = 0; field < FIELDS; field++) {
        if ((has >> field & 1) != 0) {
            bytes_write_uint(to, field_sizes[field], fields[field]);
            to += field_sizes[field];
        }
    }
    if ((has & HAS_MENTIONS) != 0) {
        to = write_mentions(to, (has & HAS_WITHDRAWN) != 0, state);
    }
    ASSERT((size_t)(to - begin) == size);
}

/* Of an entry that is known to be whole. */
static struct side take_apart(const uint8_t *from)
{
    struct side side = {.has = from[2]};
    from += LEAF_SIDE_HEAD_SIZE;
    for (unsigned field = 0; field < FIELDS; field++) {
        if ((side.has >> field & 1) != 0) {
            side.fields[field] = bytes_read_uint(from, field_sizes[field]);
            from += field_sizes[field];
        }
    }
    if ((side.has & HAS_MENTIONS) != 0) {
        side.mentions = from[0];
        side.id_width = from[1];
        side.ids = from + 2;
        if ((side.has & HAS_WITHDRAWN) != 0) {
            side.withdrawn = side.ids + (size_t)side.mentions * side.id_width;
        }
    }
    return side;
}

static uint64_t floor_of(const struct side *side, uint64_t last_read)
{
    return (side->has & HAS_FLOOR) != 0 ? side->fields[FIELD_FLOOR] : last_read;
}

static uint32_t count_mentions(const struct side *side)
{
    uint32_t count = (uint32_t)side->fields[FIELD_COUNTED] + side->mentions;
    if (side->withdrawn != NULL) {
        for (uint32_t at = 0; at < side->mentions; at++) {
            count -= is_withdrawn(side->withdrawn, at) ? 1 : 0;
        }
    }
    return count < MENTIONS_MAX ? count : MENTIONS_MAX;
}

void leaf_side_read(const uint8_t *side, struct read_state *state)
{
    const struct side parts = take_apart(side);
    state->floor = floor_of(&parts, state->last_read);
    state->counted = (uint32_t)parts.fields[FIELD_COUNTED];
    state->counted_to = parts.fields[FIELD_COUNTED_TO];
    state->pin_ms = parts.fields[FIELD_PIN];
    state->viewed_days = (uint16_t)parts.fields[FIELD_VIEWED];
    state->flags = (uint16_t)parts.fields[FIELD_FLAGS];
    state->mentions_kept = (uint8_t)parts.mentions;
    for (uint32_t at = 0; at < parts.mentions; at++) {
        const uint64_t id =
            bytes_read_uint(parts.ids + (size_t)at * parts.id_width, parts.id_width);
        state->mentions[at] = (struct mention){
            .message = id & U63_MAX,
            .withdrawn = is_withdrawn(parts.withdrawn, at),
        };
    }
}

void leaf_side_view(const uint8_t *side, struct state_view *view)
{
    const struct side parts = take_apart(side);
    view->floor = floor_of(&parts, view->last_read);
    view->approximate = parts.fields[FIELD_COUNTED] != 0;
    view->mentions = count_mentions(&parts);
    view->pin_ms = parts.fields[FIELD_PIN];
    view->viewed_days = (uint16_t)parts.fields[FIELD_VIEWED];
    view->flags = (uint16_t)parts.fields[FIELD_FLAGS];
}

uint32_t leaf_side_count_mentions(const uint8_t *side)
{
    const struct side parts = take_apart(side);
    return count_mentions(&parts);
}

/* The size of the entry that these bytes begin with, by its parts; 0 where they end too early. */
static size_t measure_bytes(const uint8_t *bytes, size_t room)
{
    if (room < LEAF_SIDE_HEAD_SIZE) {
        return 0;
    }
    const uint8_t has = bytes[2];
    size_t size = LEAF_SIDE_HEAD_SIZE;
    for (unsigned field = 0; field < FIELDS; field++) {
        size += (has >> field & 1) != 0 ? field_sizes[field] : 0;
    }
    if ((has & HAS_MENTIONS) != 0) {
        if (room < size + 2 || bytes[size + 1] > 8) {
            return 0;
        }
        const uint32_t mentions = bytes[size];
        size += 2 + (size_t)mentions * bytes[size + 1];
        size += (has & HAS_WITHDRAWN) != 0 ? withdrawn_size(mentions) : 0;
    }
    return size <= room ? size : 0;
}

static bool fields_are_whole(const struct side *side, uint64_t last_read)
{
    static const uint64_t maxima[FIELDS] = {
        U63_MAX, MENTIONS_MAX, U63_MAX, PIN_MS_MAX, UINT16_MAX, UINT16_MAX,
    };
    for (unsigned field = 0; field < FIELDS; field++) {
        const bool there = (side->has >> field & 1) != 0;
        if (there && (side->fields[field] == 0 || side->fields[field] > maxima[field])) {
            return false;
        }
    }
    const uint64_t floor = floor_of(side, last_read);
    const uint64_t counted_to = side->fields[FIELD_COUNTED_TO];
    if ((side->has & HAS_FLOOR) != 0 && floor <= last_read) {
        return false;
    }
    if ((side->has & HAS_COUNTED_TO) == 0) {
        return (side->has & HAS_COUNTED) == 0;
    }
    return counted_to > last_read && counted_to >= floor;
}

static bool mentions_are_whole(const struct side *side, uint64_t last_read)
{
    const bool there = (side->has & HAS_MENTIONS) != 0;
    if (!there) {
        return (side->has & HAS_WITHDRAWN) == 0;
    }
    const uint64_t floor = floor_of(side, last_read);
    const uint64_t counted_to = side->fields[FIELD_COUNTED_TO];
    uint64_t lower = counted_to > floor ? counted_to : floor;
    uint32_t withdrawn = 0;
    for (uint32_t at = 0; at < side->mentions; at++) {
        const uint64_t id =
            bytes_read_uint(side->ids + (size_t)at * side->id_width, side->id_width);
        if (id <= lower || id > U63_MAX) {
            return false;
        }
        lower = id;
        withdrawn += is_withdrawn(side->withdrawn, at) ? 1 : 0;
    }
    if (side->mentions == 0 || bytes_width_of(lower) != side->id_width) {
        return false;
    }
    if (side->withdrawn == NULL) {
        return true;
    }
    const unsigned used = side->mentions % 8;
    const unsigned last = side->withdrawn[withdrawn_size(side->mentions) - 1];
    return withdrawn > 0 && (used == 0 || last >> used == 0);
}

enum status leaf_side_check(const uint8_t *bytes, size_t room, uint64_t last_read, size_t *out_size)
{
    const size_t size = measure_bytes(bytes, room);
    if (size == 0 || size != leaf_side_get_size(bytes) || bytes[2] == 0) {
        return STATUS_CORRUPT;
    }
    const struct side side = take_apart(bytes);
    if (!fields_are_whole(&side, last_read) || !mentions_are_whole(&side, last_read)) {
        return STATUS_CORRUPT;
    }
    *out_size = size;
    return STATUS_OK;
}
