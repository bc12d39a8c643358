#include "readstate/rules.h"

#include "base/assert.h"
#include "base/decimal.h"

#include <string.h>

static uint64_t max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static void remove_lowest_mentions(struct read_state *state, uint32_t count)
{
    ASSERT(count <= state->mentions_kept);
    state->mentions_kept = (uint8_t)(state->mentions_kept - count);
    memmove(state->mentions, state->mentions + count,
            state->mentions_kept * sizeof state->mentions[0]);
}

static void count_only(struct read_state *state, struct mention mention)
{
    if (!mention.withdrawn && state->counted < MENTIONS_MAX) {
        state->counted++;
    }
    state->counted_to = max_u64(state->counted_to, mention.message);
}

static void push_out_lowest(struct read_state *state)
{
    count_only(state, state->mentions[0]);
    remove_lowest_mentions(state, 1);
}

/* The first known mention at or above `message`. Searched from the end: messages grow with time. */
static uint32_t find_mention(const struct read_state *state, uint64_t message)
{
    uint32_t at = state->mentions_kept;
    while (at > 0 && state->mentions[at - 1].message >= message) {
        at--;
    }
    return at;
}

/* Of a change that shows in the number of mentions or not at all. */
static enum rule_effect effect_on_mentions(const struct read_state *state, uint32_t mentions_before)
{
    return read_state_count_mentions(state) == mentions_before ? RULE_CHANGED_HIDDEN : RULE_CHANGED;
}

/* Rule 8: what comes anew after a tombstone starts with its floor, up to which all is read. That is
 * what a tombstone has, and it has nothing else. */
static void end_tombstone(struct read_state *state)
{
    state->deleted = false;
}

enum rule_effect rules_ack(struct read_state *state, struct message_id message)
{
    if (message.value <= state->last_read) {
        return RULE_UNCHANGED;
    }
    end_tombstone(state);
    state->last_read = message.value;
    state->floor = max_u64(state->floor, message.value);

    uint32_t read = 0;
    while (read < state->mentions_kept && state->mentions[read].message <= message.value) {
        read++;
    }
    if (read > 0) {
        remove_lowest_mentions(state, read);
    }
    if (message.value >= state->counted_to) {
        state->counted = 0;
        state->counted_to = 0;
    }
    return RULE_CHANGED;
}

/* Rule 5. Back, nothing ends: all that is known and counted lies above the old last_read. */
static enum rule_effect ack_manually(struct read_state *state, struct message_id message)
{
    if (message.value >= state->last_read) {
        return rules_ack(state, message);
    }
    state->last_read = message.value;
    return RULE_CHANGED;
}

/* Rule 5, MENTIONS: `mentions` lie above last_read, those known by id among them. */
static enum rule_effect recount(struct read_state *state, uint32_t mentions)
{
    const uint64_t unknown_to = max_u64(state->floor, state->counted_to);
    if (state->last_read >= unknown_to) {
        return RULE_UNCHANGED;
    }
    const uint32_t mentions_before = read_state_count_mentions(state);
    const uint32_t counted_before = state->counted;
    const uint64_t counted_to_before = state->counted_to;
    state->counted = 0;
    const uint32_t known = read_state_count_mentions(state);
    state->counted = mentions > known ? mentions - known : 0;
    state->counted_to = unknown_to;
    if (state->counted == counted_before && state->counted_to == counted_to_before) {
        return RULE_UNCHANGED;
    }
    return effect_on_mentions(state, mentions_before);
}

enum rule_effect rules_ack_with_options(struct read_state *state, struct message_id message,
                                        const struct rules_ack_options *options)
{
    ASSERT(options->manual || !options->has_mentions);
    ASSERT(!options->has_mentions || options->mentions <= MENTIONS_MAX);

    if (state->deleted && message.value <= state->floor) {
        return RULE_UNCHANGED;
    }
    enum rule_effect effect =
        options->manual ? ack_manually(state, message) : rules_ack(state, message);
    if (options->has_mentions) {
        const enum rule_effect recounted = recount(state, options->mentions);
        effect = effect == RULE_CHANGED ? effect : recounted;
    }
    if (options->has_viewed && options->viewed > state->viewed_days) {
        state->viewed_days = options->viewed;
        effect = RULE_CHANGED;
    }
    if (options->has_flags && options->flags != state->flags) {
        state->flags = options->flags;
        effect = RULE_CHANGED;
    }
    return effect;
}

enum rule_effect rules_mention(struct read_state *state, struct message_id message,
                               uint8_t ids_kept)
{
    ASSERT(ids_kept >= MENTION_IDS_KEPT_MIN);

    if (message.value <= max_u64(state->floor, state->counted_to)) {
        return RULE_UNCHANGED;
    }
    uint32_t at = find_mention(state, message.value);
    if (at < state->mentions_kept && state->mentions[at].message == message.value) {
        return RULE_UNCHANGED;
    }

    end_tombstone(state);
    const uint32_t mentions_before = read_state_count_mentions(state);
    const struct mention mention = {.message = message.value & U63_MAX};
    while (state->mentions_kept >= ids_kept && at > 0) {
        push_out_lowest(state);
        at--;
    }
    if (state->mentions_kept < ids_kept) {
        memmove(state->mentions + at + 1, state->mentions + at,
                (state->mentions_kept - at) * sizeof mention);
        state->mentions[at] = mention;
        state->mentions_kept++;
    } else {
        /* It is itself the lowest of more than may be kept. */
        count_only(state, mention);
        while (state->mentions_kept > ids_kept) {
            push_out_lowest(state);
        }
    }
    return effect_on_mentions(state, mentions_before);
}

enum rule_effect rules_unmention(struct read_state *state, struct message_id message)
{
    const uint32_t at = find_mention(state, message.value);
    if (at == state->mentions_kept || state->mentions[at].message != message.value ||
        state->mentions[at].withdrawn) {
        return RULE_UNCHANGED;
    }
    const uint32_t mentions_before = read_state_count_mentions(state);
    state->mentions[at].withdrawn = 1;
    return effect_on_mentions(state, mentions_before);
}

enum rule_effect rules_pin(struct read_state *state, uint64_t pin_ms)
{
    ASSERT(pin_ms <= PIN_MS_MAX);
    if (state->deleted || pin_ms <= state->pin_ms) {
        return RULE_UNCHANGED;
    }
    state->pin_ms = pin_ms;
    return RULE_CHANGED;
}

enum rule_effect rules_join(struct read_state *state, struct message_id newest)
{
    const bool was_deleted = state->deleted;
    end_tombstone(state);
    /* An ack of a new state is just that: its last_read and floor are 0. */
    const enum rule_effect effect = rules_ack(state, newest);
    return was_deleted ? RULE_CHANGED : effect;
}

enum rule_effect rules_leave(struct read_state *state, struct message_id newest)
{
    uint64_t floor = max_u64(max_u64(state->floor, state->counted_to), newest.value);
    if (state->mentions_kept > 0) {
        floor = max_u64(floor, state->mentions[state->mentions_kept - 1].message);
    }
    const bool live = state->version != 0 && !state->deleted;
    if (!live && floor == state->floor) {
        return RULE_UNCHANGED;
    }
    const uint64_t version = state->version;
    read_state_init(state, state->channel);
    state->deleted = true;
    state->last_read = floor;
    state->floor = floor;
    state->version = version;
    return RULE_CHANGED;
}
