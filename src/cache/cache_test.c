/* The cache against arrays: states, sums, accounts, saves in slices, loads, blocks that move. */
#include "cache/cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { USERS = 6, CHANNELS = 3500, PIECES_MAX = 2000, VIEWS = 100, CROWD = 20000 };

/* The user as the store has it: images applied one after the other. */
struct stored {
    bool there;
    struct record_head head;
    uint32_t count;
    struct channel_key fences[PIECES_MAX];
    uint8_t *leaves[PIECES_MAX];
};

struct model_user {
    uint64_t version;
    bool there[CHANNELS];
    struct read_state states[CHANNELS];
    uint64_t stored_versions[CHANNELS]; /* That a finished save has for sure. */
    uint64_t saving_versions[CHANNELS]; /* When the save began. */
    bool saving;
    struct channel_key next_fence;
    struct stored stored;
    struct stored image; /* Being made. */
};

struct room {
    struct cache cache;
    uint32_t channels;
    struct model_user *users;
};

static struct user_id user_of(uint32_t number)
{
    return (struct user_id){number + 1};
}

static struct channel_key key_of(uint32_t channel)
{
    return (struct channel_key){.id = 1 + (uint64_t)(channel / 2) * 1000003,
                                .type = (uint8_t)(channel % 2 * 7)};
}

static uint32_t channel_of(struct channel_key key)
{
    return (uint32_t)((key.id - 1) / 1000003 * 2 + key.type / 7);
}

static void room_init(struct room *self, uint32_t channels)
{
    self->channels = channels;
    self->users = calloc(USERS, sizeof *self->users);
    assert_int_equal(cache_init(&self->cache, 0), STATUS_OK);
}

static void stored_deinit(struct stored *self)
{
    for (uint32_t i = 0; i < self->count; i++) {
        free(self->leaves[i]);
    }
    *self = (struct stored){0};
}

static void room_deinit(struct room *self)
{
    for (uint32_t i = 0; i < USERS; i++) {
        const uint32_t block = cache_find(&self->cache, user_of(i));
        if (block != BLOCK_NONE) {
            if (self->users[i].saving) {
                cache_end_save(&self->cache, block, true, self->cache.dirty.epoch);
            }
            cache_remove(&self->cache, block);
            while (cache_turn_removed(&self->cache, 1)) {
            }
        }
        stored_deinit(&self->users[i].stored);
        stored_deinit(&self->users[i].image);
    }
    assert_int_equal(cache_count_bytes(&self->cache), ARENA_SIZE); /* The index's. */
    assert_int_equal(self->cache.dirty_bytes, 0);
    assert_int_equal(self->cache.live_states, 0);
    assert_int_equal(cache_count_dirty(&self->cache), 0);
    assert_int_equal(self->cache.lru.oldest, BLOCK_NONE);
    cache_deinit(&self->cache);
    free(self->users);
}

static void draw_state(struct read_state *state, struct channel_key channel)
{
    read_state_init(state, channel);
    state->last_read = (uint64_t)rand() << (rand() % 32);
    state->floor = state->last_read + (rand() % 10 == 0 ? 5 : 0);
    if (rand() % 5 == 0) {
        state->mentions_kept = (uint8_t)(1 + rand() % (rand() % 20 == 0 ? 200 : 3));
        for (uint32_t i = 0; i < state->mentions_kept; i++) {
            state->mentions[i] = (struct mention){.message = (state->floor + 1 + i) & INT64_MAX};
        }
    }
}

static void write_one(struct room *self, uint32_t number)
{
    struct model_user *user = &self->users[number];
    const uint32_t channel = (uint32_t)rand() % self->channels;
    uint32_t block = cache_find(&self->cache, user_of(number));
    if (block == BLOCK_NONE) {
        assert_int_equal(cache_insert(&self->cache, user_of(number), &block), STATUS_OK);
    }
    struct read_state *state = &user->states[channel];
    draw_state(state, key_of(channel));
    state->version = ++user->version;
    user->there[channel] = true;
    const struct cache_place place = cache_find_state(&self->cache, block, key_of(channel));
    assert_int_equal(cache_write_state(&self->cache, &block, &place, state), STATUS_OK);
    cache_get(&self->cache, block)->version = user->version;
    assert_int_equal(cache_find(&self->cache, user_of(number)), block);
}

static void check_same(const struct state_view *view, const struct read_state *state)
{
    assert_int_equal(view->last_read, state->last_read);
    assert_int_equal(view->floor, state->floor);
    assert_int_equal(view->version, state->version);
    assert_int_equal(view->mentions, read_state_count_mentions(state));
}

/* Everything of the user, by listing, by finding and by the sums. */
static void check_user(struct room *self, uint32_t number)
{
    const struct model_user *user = &self->users[number];
    const uint32_t block = cache_find(&self->cache, user_of(number));
    if (block == BLOCK_NONE) {
        return;
    }
    struct leaf_totals expected = {0};
    struct state_view views[VIEWS];
    uint32_t filled = 0;
    uint32_t at = 0;
    struct channel_key from = {0};
    for (uint32_t i = 0; i < self->channels; i++) {
        const struct cache_place place = cache_find_state(&self->cache, block, key_of(i));
        assert_int_equal(place.there, user->there[i]);
        if (!user->there[i]) {
            continue;
        }
        if (at == filled) {
            filled = cache_list_states(&self->cache, block, from, views, VIEWS);
            assert_true(filled > 0);
            at = 0;
        }
        assert_int_equal(channel_of(views[at].channel), i);
        check_same(&views[at], &user->states[i]);
        from = key_of(i);
        from.type++;
        at++;
        expected.live_states++;
        expected.mentions += read_state_count_mentions(&user->states[i]);
        expected.mentioned_states += read_state_count_mentions(&user->states[i]) > 0;
    }
    assert_int_equal(cache_list_states(&self->cache, block, from, views, VIEWS), filled - at);
    const struct leaf_totals totals = cache_count_totals(&self->cache, block);
    assert_int_equal(totals.live_states, expected.live_states);
    assert_int_equal(totals.mentions, expected.mentions);
    assert_int_equal(totals.mentioned_states, expected.mentioned_states);
    assert_int_equal(cache_get_record(&self->cache, block).live_states, expected.live_states);
}

static void check_accounts(struct room *self)
{
    uint64_t bytes = (uint64_t)self->cache.index.segments_count * ARENA_SIZE;
    uint64_t states = 0;
    for (uint32_t i = 0; i < USERS; i++) {
        const uint32_t block = cache_find(&self->cache, user_of(i));
        if (block != BLOCK_NONE) {
            bytes += cache_count_user_bytes(&self->cache, block);
            states += cache_get(&self->cache, block)->live_states;
        }
    }
    assert_int_equal(cache_count_bytes(&self->cache), bytes);
    assert_int_equal(self->cache.live_states, states);
}

static void stored_put(struct stored *self, struct channel_key fence, const void *leaf, size_t size)
{
    uint32_t at = 0;
    while (at < self->count && channel_key_compare(self->fences[at], fence) < 0) {
        at++;
    }
    if (at == self->count || channel_key_compare(self->fences[at], fence) != 0) {
        assert_true(self->count < PIECES_MAX);
        memmove(self->fences + at + 1, self->fences + at,
                (self->count - at) * sizeof self->fences[0]);
        memmove(self->leaves + at + 1, self->leaves + at,
                (self->count - at) * sizeof self->leaves[0]);
        self->count++;
    } else {
        free(self->leaves[at]);
    }
    self->fences[at] = fence;
    self->leaves[at] = malloc(size);
    memcpy(self->leaves[at], leaf, size);
}

/* Is every state that must be there in the store, once, and none that the model never had? */
static void check_stored(const struct room *self, const struct model_user *user)
{
    const struct stored *stored = &user->stored;
    uint32_t channel = 0;
    for (uint32_t piece = 0; piece < stored->count; piece++) {
        const uint32_t rows = leaf_get_rows(stored->leaves[piece]);
        for (uint32_t row = 0; row < rows; row++) {
            struct state_view view;
            leaf_view(stored->leaves[piece], row, &view);
            const uint32_t here = channel_of(view.channel);
            assert_true(here >= channel); /* Ascending over all leaves. */
            for (; channel < here; channel++) {
                assert_int_equal(user->stored_versions[channel], 0);
            }
            assert_true(piece + 1 == stored->count ||
                        channel_key_compare(view.channel, stored->fences[piece + 1]) < 0);
            assert_true(view.version >= user->stored_versions[here]);
            assert_true(view.version <= stored->head.version);
            if (view.version == user->states[here].version) {
                check_same(&view, &user->states[here]);
            }
            channel++;
        }
    }
    for (; channel < self->channels; channel++) {
        assert_int_equal(user->stored_versions[channel], 0);
    }
}

static void begin_save(struct room *self, uint32_t number)
{
    struct model_user *user = &self->users[number];
    const uint32_t block = cache_find(&self->cache, user_of(number));
    if (user->saving || block == BLOCK_NONE ||
        !user_is(cache_get(&self->cache, block), USER_DIRTY)) {
        return;
    }
    cache_begin_save(&self->cache, block);
    user->saving = true;
    user->next_fence = (struct channel_key){0};
    for (uint32_t i = 0; i < self->channels; i++) {
        user->saving_versions[i] = user->there[i] ? user->states[i].version : 0;
    }
    if (!user_is(cache_get(&self->cache, block), USER_LARGE)) {
        /* A small user's image is made at once. */
        const uint8_t *leaf = user_get_leaf(cache_get(&self->cache, block));
        user->image.head = cache_get_record(&self->cache, block);
        stored_put(&user->image, (struct channel_key){0}, leaf, leaf_get_size(leaf));
        user->image.there = true;
    }
}

static void end_save(struct room *self, uint32_t number, uint32_t block)
{
    struct model_user *user = &self->users[number];
    const bool written = rand() % 4 != 0;
    cache_end_save(&self->cache, block, written, self->cache.dirty.epoch);
    user->saving = false;
    if (written) {
        for (uint32_t i = 0; i < user->image.count; i++) {
            stored_put(&user->stored, user->image.fences[i], user->image.leaves[i],
                       leaf_get_size(user->image.leaves[i]));
        }
        user->stored.head = user->image.head;
        user->stored.there = true;
        memcpy(user->stored_versions, user->saving_versions, sizeof user->stored_versions);
        check_stored(self, user);
    } else {
        assert_true(user_is(cache_get(&self->cache, block), USER_DIRTY));
    }
    stored_deinit(&user->image);
}

/* A slice of the image, or its end. */
static void continue_save(struct room *self, uint32_t number)
{
    struct model_user *user = &self->users[number];
    const uint32_t block = cache_find(&self->cache, user_of(number));
    if (!user->saving) {
        return;
    }
    if (user->image.there) {
        end_save(self, number, block);
        return;
    }
    struct cache_piece piece;
    for (int i = 0; i < 3; i++) {
        if (!cache_next_save(&self->cache, block, user->next_fence, &piece)) {
            user->image.head = cache_get_record(&self->cache, block);
            user->image.there = true;
            return;
        }
        stored_put(&user->image, piece.fence, piece.leaf.bytes, piece.leaf.size);
        user->next_fence = piece.fence;
    }
}

static void evict(struct room *self, uint32_t number)
{
    const uint32_t block = cache_find(&self->cache, user_of(number));
    if (block != BLOCK_NONE &&
        !(cache_get(&self->cache, block)->flags & (USER_DIRTY | USER_WRITING))) {
        for (uint32_t i = 0; i < self->channels; i++) {
            const struct model_user *user = &self->users[number];
            assert_int_equal(user->stored_versions[i],
                             user->there[i] ? user->states[i].version : 0);
        }
        cache_remove(&self->cache, block);
        assert_int_equal(cache_find(&self->cache, user_of(number)), BLOCK_NONE);
        while (cache_turn_removed(&self->cache, 1 + (uint32_t)rand() % 5)) {
        }
    }
}

static void load(struct room *self, uint32_t number)
{
    const struct stored *stored = &self->users[number].stored;
    if (cache_find(&self->cache, user_of(number)) != BLOCK_NONE || !stored->there) {
        return;
    }
    uint32_t block = BLOCK_NONE;
    if (!stored->head.in_leaves) {
        const struct slice leaf = {.bytes = (const char *)stored->leaves[0],
                                   .size = leaf_get_size(stored->leaves[0])};
        assert_int_equal(
            cache_insert_small(&self->cache, user_of(number), &stored->head, leaf, &block),
            STATUS_OK);
    } else {
        assert_int_equal(
            cache_begin_load(&self->cache, user_of(number), &stored->head, stored->count, &block),
            STATUS_OK);
        for (uint32_t i = 0; i < stored->count; i++) {
            const struct slice leaf = {.bytes = (const char *)stored->leaves[i],
                                       .size = leaf_get_size(stored->leaves[i])};
            assert_int_equal(cache_load_leaf(&self->cache, block, stored->fences[i], leaf),
                             STATUS_OK);
            (void)cache_compact(&self->cache, 1);
            block = cache_find(&self->cache, user_of(number));
        }
        cache_end_load(&self->cache, block);
    }
    check_user(self, number);
}

static void walk(struct room *self, int steps, int writes)
{
    for (int step = 0; step < steps; step++) {
        const uint32_t number = (uint32_t)rand() % USERS;
        load(self, number);
        for (int i = rand() % writes; i > 0; i--) {
            write_one(self, number);
        }
        begin_save(self, (uint32_t)rand() % USERS);
        continue_save(self, number);
        if (rand() % 4 == 0) {
            evict(self, (uint32_t)rand() % USERS);
        }
        if (rand() % 10 == 0) {
            (void)cache_compact(&self->cache, (uint32_t)rand() % 20);
        }
        check_accounts(self);
        if (step % 100 == 0) {
            check_user(self, number);
        }
    }
    for (uint32_t i = 0; i < USERS; i++) {
        check_user(self, i);
    }
    /* All written, nothing is dirty. */
    for (uint32_t i = 0; i < USERS; i++) {
        const uint32_t block = cache_find(&self->cache, user_of(i));
        while (block != BLOCK_NONE &&
               (cache_get(&self->cache, block)->flags & (USER_DIRTY | USER_WRITING)) != 0) {
            begin_save(self, i);
            continue_save(self, i);
        }
    }
    assert_int_equal(self->cache.dirty_bytes, 0);
}

static void small_users_agree_with_the_model(void **state)
{
    srand(*(const unsigned *)*state);
    struct room room;
    room_init(&room, 30);
    walk(&room, 5000, 4);
    room_deinit(&room);
}

static void large_users_agree_with_the_model(void **state)
{
    srand(*(const unsigned *)*state);
    struct room room;
    room_init(&room, CHANNELS);
    walk(&room, 1500, 60);
    for (uint32_t i = 0; i < USERS; i++) {
        load(&room, i);
        const uint32_t block = cache_find(&room.cache, user_of(i));
        assert_int_not_equal(block, BLOCK_NONE);
        assert_true(user_is(cache_get(&room.cache, block), USER_LARGE));
    }
    room_deinit(&room);
}

/* Many come, most of them go: what is resident follows what is used, and those who stay are as they
 * were. */
static void blocks_move_out_of_sparse_arenas(void **state)
{
    srand(*(const unsigned *)*state);
    struct cache cache;
    assert_int_equal(cache_init(&cache, 0), STATUS_OK);
    for (uint32_t i = 0; i < CROWD; i++) {
        uint32_t block = BLOCK_NONE;
        assert_int_equal(cache_insert(&cache, user_of(i), &block), STATUS_OK);
        for (uint32_t channel = 0; channel < 1 + i % 20; channel++) {
            struct read_state read;
            read_state_init(&read, key_of(channel));
            read.last_read = read.floor = i + channel;
            read.version = 1;
            const struct cache_place place = cache_find_state(&cache, block, read.channel);
            assert_int_equal(cache_write_state(&cache, &block, &place, &read), STATUS_OK);
        }
    }
    for (uint32_t i = 0; i < CROWD; i++) {
        if (rand() % 8 != 0) {
            cache_remove(&cache, cache_find(&cache, user_of(i)));
        }
    }
    while (slab_is_sparse(cache.slab) && cache_compact(&cache, 64) > 0) {
    }
    const struct slab_usage usage = slab_peek_usage(cache.slab);
    /* The arenas a class may keep weigh more here than in a cache of some size. */
    assert_true(usage.resident_bytes <= usage.used_bytes * 5 / 4 + (uint64_t)16 * ARENA_SIZE);
    uint32_t there = 0;
    for (uint32_t i = 0; i < CROWD; i++) {
        const uint32_t block = cache_find(&cache, user_of(i));
        if (block == BLOCK_NONE) {
            continue;
        }
        there++;
        assert_int_equal(cache_get(&cache, block)->live_states, 1 + i % 20);
        struct state_view views[20];
        assert_int_equal(cache_list_states(&cache, block, (struct channel_key){0}, views, 20),
                         1 + i % 20);
        assert_int_equal(views[i % 20].last_read, i + i % 20);
    }
    assert_int_equal(there, cache_count_users(&cache));
    cache_deinit(&cache);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    printf("seed %u\n", seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(small_users_agree_with_the_model, &seed),
        cmocka_unit_test_prestate(large_users_agree_with_the_model, &seed),
        cmocka_unit_test_prestate(blocks_move_out_of_sparse_arenas, &seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
