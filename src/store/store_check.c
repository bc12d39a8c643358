#include "store/store_check.h"

#include "base/assert.h"
#include "base/hash.h"
#include "readstate/leaf.h"
#include "readstate/record.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEAF_ROWS = 8,
    LEAF_SPAN = 1000, /* Of channel ids, from one fence to the next. */
    LEAF_ROOM = LEAF_HEAD_SIZE + LEAF_ROWS * LEAF_ROW_SIZE_MAX,
    RECORD_ROOM = RECORD_HEAD_SIZE + LEAF_ROOM,
    MODEL_USERS = 12,
    MODEL_LEAVES = 24,
    BATCH_MAX = 5,
    READERS = 3,
};

struct channel_key store_check_fence(uint32_t leaf)
{
    return (struct channel_key){.id = (uint64_t)leaf * LEAF_SPAN, .type = leaf == 0 ? 0 : 3};
}

/* A leaf that follows from its number and version. */
static uint32_t make_leaf(uint8_t to[static LEAF_ROOM], uint32_t leaf, uint64_t version)
{
    uint8_t other[LEAF_ROOM];
    leaf_init(to);
    for (uint32_t row = 0; row < LEAF_ROWS; row++) {
        struct read_state state;
        const struct channel_key channel = {.id = leaf * LEAF_SPAN + 1 + row * 3, .type = 7};
        read_state_init(&state, channel);
        state.last_read = version * 5 + row;
        state.floor = state.last_read;
        state.version = version;
        const struct leaf_change change = leaf_measure(to, row, true, &state);
        leaf_write_to(other, to, &change, row, true, &state);
        memcpy(to, other, change.size);
    }
    return (uint32_t)leaf_get_size(to);
}

static uint32_t make_record(uint8_t to[static RECORD_ROOM], uint64_t version, bool in_leaves)
{
    const struct record_head head = {
        .in_leaves = in_leaves,
        .incarnation = 1,
        .version = version,
        .live_states = LEAF_ROWS,
    };
    record_encode_head(to, &head);
    return RECORD_HEAD_SIZE + (in_leaves ? 0 : make_leaf(to + RECORD_HEAD_SIZE, 0, version));
}

static void put(struct image *image, enum image_piece_kind kind, struct channel_key fence,
                const uint8_t *bytes, uint32_t size)
{
    uint8_t *to = image_insert(image, kind, fence, size);
    ASSERT(to != NULL);
    if (size > 0) {
        memcpy(to, bytes, size);
    }
}

static void put_record(struct image *image, uint64_t version, bool in_leaves)
{
    uint8_t bytes[RECORD_ROOM];
    const uint32_t size = make_record(bytes, version, in_leaves);
    put(image, IMAGE_RECORD, (struct channel_key){0}, bytes, size);
}

static void put_leaf(struct image *image, uint32_t leaf, uint64_t version)
{
    uint8_t bytes[LEAF_ROOM];
    const uint32_t size = make_leaf(bytes, leaf, version);
    put(image, IMAGE_LEAF, store_check_fence(leaf), bytes, size);
}

static struct image *make_image(struct user_id user)
{
    struct image *image = NULL;
    const enum status status = image_create(&image, user, 4, 256);
    ASSERT(status == STATUS_OK);
    return image;
}

struct image *store_check_encode_user(struct user_id user, uint64_t version, uint32_t leaves)
{
    struct image *image = make_image(user);
    put_record(image, version, leaves > 0);
    for (uint32_t leaf = 0; leaf < leaves; leaf++) {
        put_leaf(image, leaf, version);
    }
    return image;
}

static void write_one(struct store store, struct image **taken_image)
{
    const struct image *image = *taken_image;
    const enum status status = store.ops->write(store.self, &image, 1);
    ASSERT(status == STATUS_OK);
    image_destroy(taken_image);
}

/* What a user must be: version 0 is "not there". */
struct model_user {
    uint64_t version;
    bool in_leaves;
    uint64_t leaves[MODEL_LEAVES];
    uint32_t generation; /* Of the user's slot, which no other has. */
};

static void expect_record(const struct image *image, uint64_t version, bool in_leaves)
{
    uint8_t bytes[RECORD_ROOM];
    const uint32_t size = make_record(bytes, version, in_leaves);
    const struct slice found = image_get_bytes(image, 0);
    ASSERT(image_get_piece(image, 0).kind == IMAGE_RECORD);
    ASSERT(found.size == size && memcmp(found.bytes, bytes, size) == 0);
}

static void expect_leaf(const struct image *image, uint32_t at, uint32_t leaf, uint64_t version)
{
    uint8_t bytes[LEAF_ROOM];
    const uint32_t size = make_leaf(bytes, leaf, version);
    const struct image_piece piece = image_get_piece(image, at);
    const struct slice found = image_get_bytes(image, at);
    ASSERT(piece.kind == IMAGE_LEAF);
    ASSERT(channel_key_compare(piece.fence, store_check_fence(leaf)) == 0);
    ASSERT(found.size == size && memcmp(found.bytes, bytes, size) == 0);
}

static struct image *read_one(struct store store, struct user_id user)
{
    struct image *image = NULL;
    const enum status status = store.ops->read(store.self, user, &image);
    ASSERT(status == STATUS_OK || status == STATUS_MISSING);
    ASSERT((status == STATUS_OK) == (image != NULL));
    return image;
}

static void expect_model(struct store store, struct user_id user, const struct model_user *model)
{
    struct image *image = read_one(store, user);
    ASSERT((image != NULL) == (model->version != 0));
    if (image == NULL) {
        return;
    }
    ASSERT(image_get_user(image).value == user.value);
    expect_record(image, model->version, model->in_leaves);
    uint32_t at = 1;
    for (uint32_t leaf = 0; leaf < MODEL_LEAVES; leaf++) {
        if (model->leaves[leaf] != 0) {
            expect_leaf(image, at++, leaf, model->leaves[leaf]);
        }
    }
    ASSERT(at == image_count_pieces(image));
    image_destroy(&image);
}

void store_check_expect_user(struct store store, struct user_id user, uint64_t version,
                             uint32_t leaves)
{
    struct image *image = read_one(store, user);
    ASSERT(image != NULL);
    ASSERT(image_count_pieces(image) == 1 + leaves);
    expect_record(image, version, leaves > 0);
    for (uint32_t leaf = 0; leaf < leaves; leaf++) {
        expect_leaf(image, 1 + leaf, leaf, version);
    }
    image_destroy(&image);
}

void store_check_missing(const struct store_check *self)
{
    struct store store = self->open(self->lent_context);
    ASSERT(read_one(store, (struct user_id){1}) == NULL);
    struct image *image = store_check_encode_user((struct user_id){2}, 1, 3);
    write_one(store, &image);
    ASSERT(read_one(store, (struct user_id){1}) == NULL);
    ASSERT(read_one(store, (struct user_id){3}) == NULL);
    ASSERT(read_one(store, (struct user_id){INT64_MAX}) == NULL);

    image = store_check_encode_user((struct user_id){INT64_MAX}, 9, 2);
    write_one(store, &image);
    store_check_expect_user(store, (struct user_id){INT64_MAX}, 9, 2);
    store_check_expect_user(store, (struct user_id){2}, 1, 3);

    const enum status status = store.ops->write(store.self, NULL, 0);
    ASSERT(status == STATUS_OK);
    ASSERT(store.ops->count_memory(store.self) > 0);
    store.ops->close(store.self);
}

void store_check_identity(const struct store_check *self)
{
    static const char longest[] =
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    _Static_assert(sizeof longest == STORE_IDENTITY_SIZE_MAX + 1, "as long as it may be");
    char identity[STORE_IDENTITY_SIZE_MAX + 1] = "untouched";

    struct store store = self->open(self->lent_context);
    enum status status = store.ops->read_identity(store.self, identity, sizeof identity);
    ASSERT(status == STATUS_MISSING && strcmp(identity, "untouched") == 0);
    status = store.ops->write_identity(store.self, longest);
    ASSERT(status == STATUS_OK);
    status = store.ops->read_identity(store.self, identity, sizeof identity - 1);
    ASSERT(status == STATUS_CORRUPT && strcmp(identity, "untouched") == 0);
    store.ops->close(store.self);

    store = self->open(self->lent_context);
    status = store.ops->read_identity(store.self, identity, sizeof identity);
    ASSERT(status == (self->keeps ? STATUS_OK : STATUS_MISSING));
    ASSERT(!self->keeps || strcmp(identity, longest) == 0);
    store.ops->close(store.self);
}

void store_check_large_user(const struct store_check *self, uint32_t leaves)
{
    const struct user_id user = {77};
    struct store store = self->open(self->lent_context);
    struct image *image = store_check_encode_user(user, 1, leaves);
    write_one(store, &image);
    if (self->keeps) {
        store.ops->close(store.self);
        store = self->open(self->lent_context);
    }
    store_check_expect_user(store, user, 1, leaves);

    /* Every third leaf ends and every third changes; the record comes last, as it may. */
    image = make_image(user);
    for (uint32_t leaf = 0; leaf < leaves; leaf++) {
        if (leaf % 3 == 0) {
            put(image, IMAGE_ERASURE, store_check_fence(leaf), NULL, 0);
        } else if (leaf % 3 == 1) {
            put_leaf(image, leaf, 2);
        }
    }
    put_record(image, 2, true);
    write_one(store, &image);
    image = read_one(store, user);
    expect_record(image, 2, true);
    uint32_t at = 1;
    for (uint32_t leaf = 0; leaf < leaves; leaf++) {
        if (leaf % 3 != 0) {
            expect_leaf(image, at++, leaf, leaf % 3 == 1 ? 2 : 1);
        }
    }
    ASSERT(at == image_count_pieces(image));
    image_destroy(&image);
    store.ops->close(store.self);
}

static uint32_t random_below(uint64_t *state, uint32_t bound)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*state >> 33) % bound);
}

/* Nothing stays of the user but the slot's generation, which only rises. */
static struct image *forget_user(struct model_user *model, struct user_id user)
{
    struct image *image = make_image(user);
    const struct channel_key generation = {.id = model->generation + 1};
    put(image, IMAGE_FORGETTING, generation, NULL, 0);
    *model = (struct model_user){.generation = model->generation + 1};
    return image;
}

static void expect_generations(struct store store, const struct model_user *models)
{
    uint32_t expected[HASH_SLOTS] = {0};
    uint32_t *found = calloc(HASH_SLOTS, sizeof *found);
    ASSERT(found != NULL);
    const enum status status = store.ops->read_generations(store.self, found);
    ASSERT(status == STATUS_OK);
    for (uint32_t user = 0; user < MODEL_USERS; user++) {
        expected[hash_slot_of_user((struct user_id){1 + user})] = models[user].generation;
    }
    for (uint32_t slot = 0; slot < HASH_SLOTS; slot++) {
        ASSERT(found[slot] == expected[slot]);
    }
    free(found);
}

/* Becomes small, or large, or stays large with some leaves written and some ended. */
static struct image *change_user(struct model_user *model, struct user_id user, uint64_t *random)
{
    struct image *image = make_image(user);
    const bool in_leaves = random_below(random, 4) != 0;
    const bool fresh = in_leaves && !model->in_leaves;
    model->version++;
    model->in_leaves = in_leaves;
    put_record(image, model->version, in_leaves);
    for (uint32_t leaf = 0; leaf < MODEL_LEAVES; leaf++) {
        const uint32_t dice = random_below(random, 6);
        if (in_leaves && (dice == 0 || (fresh && leaf == 0))) {
            put_leaf(image, leaf, model->version);
            model->leaves[leaf] = model->version;
        } else if (model->leaves[leaf] != 0 && (!in_leaves || (dice == 1 && leaf != 0))) {
            put(image, IMAGE_ERASURE, store_check_fence(leaf), NULL, 0);
            model->leaves[leaf] = 0;
        }
    }
    return image;
}

static void write_some(struct store store, struct model_user *models, uint64_t *random)
{
    struct image *images[BATCH_MAX];
    const uint32_t count = 1 + random_below(random, BATCH_MAX);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t user = random_below(random, MODEL_USERS);
        images[i] = random_below(random, 30) == 0
                        ? forget_user(&models[user], (struct user_id){1 + user})
                        : change_user(&models[user], (struct user_id){1 + user}, random);
    }
    const enum status status =
        store.ops->write(store.self, (const struct image *const *)images, count);
    ASSERT(status == STATUS_OK);
    for (uint32_t i = 0; i < count; i++) {
        image_destroy(&images[i]);
    }
}

void store_check_random(const struct store_check *self, uint32_t steps)
{
    struct model_user models[MODEL_USERS] = {0};
    uint64_t random = self->seed;
    struct store store = self->open(self->lent_context);
    for (uint32_t step = 0; step < steps; step++) {
        write_some(store, models, &random);
        const uint32_t user = random_below(&random, MODEL_USERS);
        expect_model(store, (struct user_id){1 + user}, &models[user]);
        if (self->keeps && random_below(&random, 100) == 0) {
            const enum status status = store.ops->sync(store.self);
            ASSERT(status == STATUS_OK);
            store.ops->close(store.self);
            store = self->open(self->lent_context);
            expect_generations(store, models);
        }
    }
    for (uint32_t user = 0; user < MODEL_USERS; user++) {
        expect_model(store, (struct user_id){1 + user}, &models[user]);
    }
    expect_generations(store, models);
    store.ops->close(store.self);
}

struct threads_check {
    struct store store;
    atomic_bool writer_done;
};

static const struct user_id threads_user = {5};

static void *read_whole_writes(void *context)
{
    struct threads_check *check = context;
    uint64_t newest = 0;
    while (!atomic_load(&check->writer_done)) {
        struct image *image = read_one(check->store, threads_user);
        if (image == NULL) {
            ASSERT(newest == 0);
            continue;
        }
        struct record_head head = {0};
        struct slice inner = {0};
        const enum status status = record_decode(image_get_bytes(image, 0), &head, &inner);
        ASSERT(status == STATUS_OK);
        ASSERT(head.version >= newest);
        newest = head.version;
        for (uint32_t at = 1; at < image_count_pieces(image); at++) {
            expect_leaf(image, at, at - 1, newest);
        }
        image_destroy(&image);
    }
    return NULL;
}

void store_check_threads(const struct store_check *self, uint32_t writes)
{
    struct threads_check check = {.store = self->open(self->lent_context)};
    pthread_t readers[READERS];
    for (int i = 0; i < READERS; i++) {
        const int failed = pthread_create(&readers[i], NULL, read_whole_writes, &check);
        ASSERT(failed == 0);
    }
    for (uint64_t version = 1; version <= writes; version++) {
        const uint32_t leaves = version % 2 == 0 ? 1 : 5;
        struct image *image = store_check_encode_user(threads_user, version, leaves);
        for (uint32_t leaf = 1; version % 2 == 0 && leaf < 5; leaf++) {
            put(image, IMAGE_ERASURE, store_check_fence(leaf), NULL, 0);
        }
        write_one(check.store, &image);
    }
    atomic_store(&check.writer_done, true);
    for (int i = 0; i < READERS; i++) {
        (void)pthread_join(readers[i], NULL);
    }
    store_check_expect_user(check.store, threads_user, writes, 1 + writes % 2 * 4);
    check.store.ops->close(check.store.self);
}
