#include "base/decimal.h"
#include "readstate/leaf.h"
#include "readstate/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 8, RUNS = 400, ACKS = 200, LEAF_ROOM = 4096 };

/* Few message ids and versions, at both sides of where a column gets wider. */
static uint64_t random_message(void)
{
    static const uint64_t bases[] = {1, 250, 65530, UINT64_C(1) << 40, U63_MAX - 9};
    return bases[rand() % 5] + (uint64_t)rand() % 10;
}

static void put(uint8_t *leaf, const struct read_state *state)
{
    uint8_t copy[LEAF_ROOM];
    uint32_t row = 0;
    const bool insert = !leaf_find(leaf, state->channel, &row);
    const struct leaf_change change = leaf_measure(leaf, row, insert, state);
    assert_in_range(change.size, 0, LEAF_ROOM);
    leaf_write_to(copy, leaf, &change, row, insert, state);
    memcpy(leaf, copy, change.size);
}

static struct read_state random_state(uint64_t channel)
{
    struct read_state state;
    read_state_init(&state, (struct channel_key){.id = channel});
    state.version = 1 + (uint64_t)rand() % 300;
    state.last_read = rand() % 4 == 0 ? 0 : random_message();
    state.floor = state.last_read;
    switch (rand() % 6) {
    case 0:
        state.deleted = true;
        break;
    case 1:
        (void)rules_mention(&state, (struct message_id){random_message()}, MENTION_IDS_KEPT_MIN);
        break;
    case 2:
        state.flags = 7;
        break;
    default:
        break;
    }
    return state;
}

static bool is_plain(const struct read_state *state)
{
    return !state->deleted && state->mentions_kept == 0 && state->flags == 0;
}

/* The rule on the unpacked state, which is packed again, must make the same leaf. */
static void expect_ack(uint8_t *leaf, uint32_t row, uint64_t message, uint64_t version)
{
    uint8_t before[LEAF_ROOM];
    const size_t size = leaf_get_size(leaf);
    memcpy(before, leaf, size);
    struct read_state state;
    leaf_read(leaf, row, &state);
    const bool plain = is_plain(&state);
    const uint64_t version_before = state.version;
    const enum rule_effect effect =
        state.deleted ? RULE_UNCHANGED : rules_ack(&state, (struct message_id){message});
    state.version = effect == RULE_CHANGED ? version : version_before;
    const bool fits = leaf_measure(before, row, false, &state).in_place;

    uint64_t told = 0;
    switch (leaf_ack(leaf, row, (struct message_id){message}, version, &told)) {
    case LEAF_ACKED_NOT:
        assert_true(!plain || !fits);
        assert_memory_equal(leaf, before, size);
        return;
    case LEAF_ACKED_UNCHANGED:
        assert_true(plain && effect == RULE_UNCHANGED);
        assert_memory_equal(leaf, before, size);
        break;
    case LEAF_ACKED_CHANGED:
        assert_true(plain && fits && effect == RULE_CHANGED);
        put(before, &state);
        assert_memory_equal(leaf, before, size);
        break;
    }
    assert_int_equal(told, state.version);
    assert_int_equal(leaf_check(leaf, size), STATUS_OK);
}

static void an_ack_in_place_does_what_the_rule_does(void **prestate)
{
    srand(*(const unsigned *)*prestate);
    for (int run = 0; run < RUNS; run++) {
        uint8_t leaf[LEAF_ROOM];
        leaf_init(leaf);
        const int rows = 1 + rand() % ROWS;
        for (int row = 0; row < rows; row++) {
            const struct read_state state = random_state((uint64_t)row + 1);
            put(leaf, &state);
        }
        for (int i = 0; i < ACKS; i++) {
            expect_ack(leaf, (uint32_t)(rand() % rows), random_message(),
                       1 + (uint64_t)rand() % 400);
        }
    }
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(an_ack_in_place_does_what_the_rule_does, &seed),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests_name("leaf_ack", tests, NULL, NULL);
}
