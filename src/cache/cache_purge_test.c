#include "cache/cache.h"
#include "readstate/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { CHANNELS_MAX = 4000, ROUNDS = 60 };

static const struct user_id user = {7};

/* The user as an array: what stands where, and how far back its changes are known. */
struct model {
    uint32_t channels;
    uint64_t versions[CHANNELS_MAX]; /* 0: nothing. */
    bool deleted[CHANNELS_MAX];
    uint64_t version;
    uint64_t purged_to;
};

static struct channel_key key_of(uint32_t channel)
{
    return (struct channel_key){.id = 1 + (uint64_t)(channel / 2) * 70001,
                                .type = (uint8_t)(channel % 2)};
}

static uint32_t count_tombstones(const struct model *model)
{
    uint32_t count = 0;
    for (uint32_t channel = 0; channel < model->channels; channel++) {
        count += model->deleted[channel];
    }
    return count;
}

/* One by one, the lowest version first, of one version the lowest channel. */
static void model_purge(struct model *model, uint32_t kept)
{
    while (count_tombstones(model) > kept) {
        uint32_t oldest = UINT32_MAX;
        for (uint32_t channel = 0; channel < model->channels; channel++) {
            if (model->deleted[channel] &&
                (oldest == UINT32_MAX || model->versions[channel] < model->versions[oldest])) {
                oldest = channel;
            }
        }
        const uint64_t version = model->versions[oldest];
        model->purged_to = version > model->purged_to ? version : model->purged_to;
        model->versions[oldest] = 0;
        model->deleted[oldest] = false;
    }
}

/* A state, or a tombstone, of that version. */
static void put(struct cache *cache, uint32_t *block, struct model *model, uint32_t channel,
                bool deleted)
{
    struct read_state state;
    read_state_init(&state, key_of(channel));
    (void)rules_ack(&state, (struct message_id){1 + (uint64_t)rand() % 100000});
    if (deleted) {
        (void)rules_leave(&state, (struct message_id){200000});
    }
    state.version = model->version;
    const struct cache_place place = cache_find_state(cache, *block, state.channel);
    assert_int_equal(cache_write_state(cache, block, &place, &state), STATUS_OK);
    model->versions[channel] = state.version;
    model->deleted[channel] = deleted;
}

static void compare(const struct cache *cache, uint32_t block, const struct model *model)
{
    uint32_t live = 0;
    for (uint32_t channel = 0; channel < model->channels; channel++) {
        const struct cache_place place = cache_find_state(cache, block, key_of(channel));
        assert_int_equal(place.there, model->versions[channel] != 0);
        if (place.there) {
            struct state_view view;
            leaf_view(place.leaf, place.row, &view);
            assert_int_equal(view.version, model->versions[channel]);
            assert_int_equal(view.deleted, model->deleted[channel]);
        }
        live += model->versions[channel] != 0 && !model->deleted[channel];
    }
    const struct user *there = cache_get(cache, block);
    assert_int_equal(there->live_states, live);
    assert_int_equal(there->tombstones, count_tombstones(model));
    assert_int_equal(there->purged_to, model->purged_to);
    assert_int_equal(cache->live_states, live);
    assert_true(user_is(there, USER_DIRTY));
}

/* Each leaf as it goes to the store is whole, also one that has no row left. */
static void check_leaves(struct cache *cache, uint32_t block)
{
    struct cache_piece piece;
    struct channel_key from = {0};
    cache_begin_save(cache, block);
    if (!user_is(cache_get(cache, block), USER_LARGE)) {
        const uint8_t *leaf = user_get_leaf(cache_get(cache, block));
        assert_int_equal(leaf_check(leaf, leaf_get_size(leaf)), STATUS_OK);
    }
    while (cache_next_save(cache, block, from, &piece)) {
        assert_int_equal(leaf_check((const uint8_t *)piece.leaf.bytes, piece.leaf.size), STATUS_OK);
        from = channel_key_after(piece.fence);
    }
    cache_end_save(cache, block, false, cache->dirty.epoch);
}

static struct model *create_model(uint32_t channels)
{
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    model->channels = channels;
    return model;
}

/* A cache with the user, who has nothing yet. */
static uint32_t begin(struct cache *cache)
{
    uint32_t block = BLOCK_NONE;
    assert_int_equal(cache_init(cache, 0), STATUS_OK);
    assert_int_equal(cache_insert(cache, user, &block), STATUS_OK);
    return block;
}

/* All is given back. */
static void end(struct cache *cache, uint32_t block)
{
    cache_remove(cache, block);
    while (cache_turn_removed(cache, 1)) {
    }
    assert_int_equal(cache_count_bytes(cache), ARENA_SIZE); /* The index's. */
    assert_int_equal(cache->dirty_bytes, 0);
    cache_deinit(cache);
}

static void play(uint32_t channels, uint32_t kept_max)
{
    struct cache cache;
    struct model *model = create_model(channels);
    uint32_t block = begin(&cache);
    for (int round = 0; round < ROUNDS; round++) {
        /* Several of one version, as RS.DEL makes them. */
        const uint32_t changes = 1 + (uint32_t)rand() % (channels / 10 + 1);
        model->version++;
        for (uint32_t i = 0; i < changes; i++) {
            model->version += (uint64_t)rand() % 3;
            put(&cache, &block, model, (uint32_t)rand() % channels, rand() % 2 == 0);
        }
        const uint32_t kept = 1 + (uint32_t)rand() % kept_max;
        cache_purge(&cache, &block, kept);
        model_purge(model, kept);
        compare(&cache, block, model);
        check_leaves(&cache, block);
    }
    end(&cache, block);
    free(model);
}

static void the_oldest_tombstones_of_a_small_user_go(void **state)
{
    srand(*(const unsigned *)*state);
    play(40, 12);
}

static void the_oldest_tombstones_of_a_large_user_go(void **state)
{
    srand(*(const unsigned *)*state);
    play(CHANNELS_MAX, 500);
}

/* The leaves of a user that has left nearly everything take next to nothing. */
static void what_is_purged_gives_its_memory_back(void **state)
{
    (void)state;
    struct cache cache;
    struct model *model = create_model(CHANNELS_MAX);
    uint32_t block = begin(&cache);
    for (uint32_t channel = 0; channel < CHANNELS_MAX; channel++) {
        model->version++;
        put(&cache, &block, model, channel, true);
    }
    const uint64_t before = cache_count_user_bytes(&cache, block);
    cache_purge(&cache, &block, 1);
    assert_int_equal(cache_get(&cache, block)->tombstones, 1);
    assert_true(cache_count_user_bytes(&cache, block) < before / 4);
    end(&cache, block);
    free(model);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(the_oldest_tombstones_of_a_small_user_go, &seed),
        cmocka_unit_test_prestate(the_oldest_tombstones_of_a_large_user_go, &seed),
        cmocka_unit_test(what_is_purged_gives_its_memory_back),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests_name("cache_purge", tests, NULL, NULL);
}
