/* What the tests of the rules share: a fresh state, rules by plain numbers, what a state shows.
 *
 * Memory: the caller's.
 */
#ifndef READSTATE_RULES_PLAY_H
#define READSTATE_RULES_PLAY_H

#include "readstate/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static inline struct read_state fresh_state(void)
{
    struct read_state self;
    read_state_init(&self, (struct channel_key){.id = 7});
    return self;
}

static inline enum rule_effect ack(struct read_state *state, uint64_t message)
{
    return rules_ack(state, (struct message_id){message});
}

static inline enum rule_effect ack_manually(struct read_state *state, uint64_t message)
{
    const struct rules_ack_options options = {.manual = true};
    return rules_ack_with_options(state, (struct message_id){message}, &options);
}

/* A manual ack that says how many mentions lie above the message. */
static inline enum rule_effect ack_telling(struct read_state *state, uint64_t message,
                                           uint32_t mentions)
{
    const struct rules_ack_options options = {
        .manual = true,
        .has_mentions = true,
        .mentions = mentions,
    };
    return rules_ack_with_options(state, (struct message_id){message}, &options);
}

static inline enum rule_effect mention(struct read_state *state, uint64_t message)
{
    return rules_mention(state, (struct message_id){message}, MENTION_IDS_KEPT_MIN);
}

static inline enum rule_effect unmention(struct read_state *state, uint64_t message)
{
    return rules_unmention(state, (struct message_id){message});
}

static inline enum rule_effect join(struct read_state *state, uint64_t newest)
{
    return rules_join(state, (struct message_id){newest});
}

static inline enum rule_effect leave(struct read_state *state, uint64_t newest)
{
    return rules_leave(state, (struct message_id){newest});
}

static inline void mention_range(struct read_state *state, uint64_t first, uint64_t last)
{
    for (uint64_t message = first; message <= last; message++) {
        assert_int_equal(mention(state, message), RULE_CHANGED);
    }
}

static inline void assert_shows(const struct read_state *state, uint64_t last_read, uint64_t floor,
                                uint32_t mentions, bool approximate)
{
    struct state_view view;
    read_state_view(state, &view);
    assert_true(view.present);
    assert_int_equal(view.last_read, last_read);
    assert_int_equal(view.floor, floor);
    assert_int_equal(view.mentions, mentions);
    assert_int_equal(view.approximate, approximate);
}

#endif
