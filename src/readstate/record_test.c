#include "readstate/record.h"

#include "base/assert.h"
#include "base/decimal.h"
#include "readstate/leaf.h"
#include "readstate/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RECORD_SIZE_MAX = RECORD_HEAD_SIZE + 256, FLIPS = 20000, KEYS = 2000 };

static const struct record_head head_of_three = {
    .incarnation = 0xfedcba98,
    .version = 9,
    .purged_to = 5,
    .live_states = 2,
    .tombstones = 1,
};

static struct slice slice_of(const uint8_t *bytes, size_t size)
{
    return (struct slice){.bytes = (const char *)bytes, .size = size};
}

/* Three states of versions 7, 8 and 9, the last of them a tombstone. */
static size_t encode_three(uint8_t to[static RECORD_SIZE_MAX])
{
    record_encode_head(to, &head_of_three);
    uint8_t leaves[2][256];
    leaf_init(leaves[0]);
    for (uint32_t at = 0; at < 3; at++) {
        struct read_state state;
        read_state_init(&state, (struct channel_key){.id = 100 + at});
        state.version = 7 + at;
        state.floor = at;
        if (at == 2) {
            assert_int_equal(rules_leave(&state, (struct message_id){at}), RULE_CHANGED);
        }
        const struct leaf_change change = leaf_measure(leaves[at % 2], at, true, &state);
        leaf_write_to(leaves[(at + 1) % 2], leaves[at % 2], &change, at, true, &state);
    }
    const size_t size = leaf_get_size(leaves[1]);
    memcpy(to + RECORD_HEAD_SIZE, leaves[1], size);
    return RECORD_HEAD_SIZE + size;
}

static enum status decode(const uint8_t *bytes, size_t size)
{
    struct record_head head = {.incarnation = 77};
    struct slice leaf = {.size = 77};
    const enum status status = record_decode(slice_of(bytes, size), &head, &leaf);
    if (status != STATUS_OK) {
        assert_int_equal(head.incarnation, 77);
        assert_int_equal(leaf.size, 77);
    }
    return status;
}

static void assert_heads_equal(const struct record_head *a, const struct record_head *b)
{
    assert_int_equal(a->in_leaves, b->in_leaves);
    assert_int_equal(a->incarnation, b->incarnation);
    assert_int_equal(a->version, b->version);
    assert_int_equal(a->purged_to, b->purged_to);
    assert_int_equal(a->live_states, b->live_states);
    assert_int_equal(a->tombstones, b->tombstones);
}

static void a_record_comes_back_as_it_went(void **unused)
{
    (void)unused;
    uint8_t bytes[RECORD_SIZE_MAX];
    const size_t size = encode_three(bytes);
    struct record_head head;
    struct slice leaf;
    assert_int_equal(record_decode(slice_of(bytes, size), &head, &leaf), STATUS_OK);
    assert_heads_equal(&head, &head_of_three);
    assert_ptr_equal(leaf.bytes, bytes + RECORD_HEAD_SIZE);
    assert_int_equal(leaf.size, size - RECORD_HEAD_SIZE);
}

static void a_record_of_a_large_user_is_its_head_alone(void **unused)
{
    (void)unused;
    const struct record_head large = {
        .in_leaves = true,
        .incarnation = UINT32_MAX,
        .version = U63_MAX,
        .purged_to = U63_MAX,
        .live_states = 100000,
        .tombstones = 1000,
    };
    uint8_t bytes[RECORD_HEAD_SIZE + 1] = {0};
    record_encode_head(bytes, &large);
    struct record_head head;
    struct slice leaf;
    assert_int_equal(record_decode(slice_of(bytes, RECORD_HEAD_SIZE), &head, &leaf), STATUS_OK);
    assert_heads_equal(&head, &large);
    assert_int_equal(leaf.size, 0);
    assert_int_equal(decode(bytes, RECORD_HEAD_SIZE + 1), STATUS_CORRUPT);
}

static void the_bytes_are_those_of_the_map(void **unused)
{
    (void)unused;
    static const uint8_t expected[RECORD_HEAD_SIZE] = {
        1, 0, 0x98, 0xba, 0xdc, 0xfe, 9, 0, 0, 0, 0, 0, 0, 0, 5,
        0, 0, 0,    0,    0,    0,    0, 2, 0, 0, 0, 1, 0, 0, 0,
    };
    uint8_t bytes[RECORD_SIZE_MAX];
    encode_three(bytes);
    assert_memory_equal(bytes, expected, sizeof expected);

    static const uint8_t key[RECORD_LEAF_KEY_SIZE] = {0, 0, 0, 0, 0, 0, 1, 2,  0,
                                                      0, 0, 0, 0, 0, 3, 4, 250};
    uint8_t to[RECORD_LEAF_KEY_SIZE];
    record_encode_leaf_key(to, (struct user_id){0x102},
                           (struct channel_key){.id = 0x304, .type = 250});
    assert_memory_equal(to, key, sizeof key);
    record_encode_user_key(to, (struct user_id){0x102});
    assert_memory_equal(to, key, RECORD_USER_KEY_SIZE);
}

static void what_a_newer_program_wrote_is_not_called_damaged(void **unused)
{
    (void)unused;
    uint8_t bytes[RECORD_SIZE_MAX];
    const size_t size = encode_three(bytes);
    bytes[0] = RECORD_FORMAT + 1;
    assert_int_equal(decode(bytes, size), STATUS_NEWER);
    assert_int_equal(decode(bytes, 1), STATUS_NEWER);
    bytes[0] = 0;
    assert_int_equal(decode(bytes, size), STATUS_CORRUPT);
}

static void a_head_that_does_not_fit_its_states_is_refused(void **unused)
{
    (void)unused;
    uint8_t bytes[RECORD_SIZE_MAX];
    const size_t size = encode_three(bytes);
    assert_int_equal(decode(bytes, size), STATUS_OK);
    struct record_head head = head_of_three;
    head.version = 8; /* Older than its newest state. */
    record_encode_head(bytes, &head);
    assert_int_equal(decode(bytes, size), STATUS_CORRUPT);
    head = head_of_three;
    head.live_states = 3;
    record_encode_head(bytes, &head);
    assert_int_equal(decode(bytes, size), STATUS_CORRUPT);
    head = head_of_three;
    head.tombstones = 0;
    record_encode_head(bytes, &head);
    assert_int_equal(decode(bytes, size), STATUS_CORRUPT);
    head = head_of_three;
    head.purged_to = 10;
    record_encode_head(bytes, &head);
    assert_int_equal(decode(bytes, size), STATUS_CORRUPT);
    head = head_of_three;
    head.version = U63_MAX + 1;
    record_encode_head(bytes, &head);
    assert_int_equal(decode(bytes, size), STATUS_CORRUPT);
    head = head_of_three;
    head.in_leaves = true;
    record_encode_head(bytes, &head);
    assert_int_equal(decode(bytes, size), STATUS_CORRUPT);
    record_encode_head(bytes, &head_of_three);
    bytes[1] = 2;
    assert_int_equal(decode(bytes, size), STATUS_CORRUPT);
}

static void a_record_cut_or_bent_anywhere_is_refused_or_whole(void **prestate)
{
    srand(*(const unsigned *)*prestate);
    uint8_t bytes[RECORD_SIZE_MAX];
    const size_t size = encode_three(bytes);
    ASSERT(size > RECORD_HEAD_SIZE);
    for (size_t cut = 0; cut < size; cut++) {
        /* Of its own, so that a byte beyond it would be seen. */
        uint8_t *part = malloc(cut == 0 ? 1 : cut);
        assert_non_null(part);
        memcpy(part, bytes, cut);
        assert_int_equal(decode(part, cut), STATUS_CORRUPT);
        free(part);
    }
    for (int flip = 0; flip < FLIPS; flip++) {
        encode_three(bytes);
        for (int bits = 1 + rand() % 3; bits > 0; bits--) {
            bytes[(size_t)rand() % size] ^= (uint8_t)(1U << rand() % 8);
        }
        struct record_head head;
        struct slice leaf;
        if (record_decode(slice_of(bytes, size), &head, &leaf) == STATUS_OK) {
            assert_int_equal(leaf_check((const uint8_t *)leaf.bytes, leaf.size), STATUS_OK);
            assert_int_equal(leaf_get_rows((const uint8_t *)leaf.bytes), 3);
        }
    }
}

static uint64_t random_id(void)
{
    uint64_t value = 0;
    for (int part = 0; part < 4; part++) {
        value = value << 16 | ((uint64_t)rand() >> 4 & 0xffff);
    }
    return 1 + (value >> (1 + rand() % 63)) % U63_MAX;
}

/* As a store compares: byte by byte, the shorter first. */
static int compare_bytes(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
    const int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

static int sign_of(int order)
{
    return (order > 0) - (order < 0);
}

/* A user before the user's leaves, these by channel. */
static int compare_keys(const struct record_key *a, const struct record_key *b)
{
    if (a->user.value != b->user.value) {
        return a->user.value < b->user.value ? -1 : 1;
    }
    if (a->is_leaf != b->is_leaf) {
        return a->is_leaf ? 1 : -1;
    }
    return sign_of(channel_key_compare(a->fence, b->fence));
}

static size_t random_key(uint8_t to[static RECORD_LEAF_KEY_SIZE], struct record_key *key)
{
    *key = (struct record_key){
        .user = {rand() % 2 == 0 ? 5 : random_id()},
        .is_leaf = rand() % 4 != 0,
    };
    if (!key->is_leaf) {
        record_encode_user_key(to, key->user);
        return RECORD_USER_KEY_SIZE;
    }
    key->fence.id = rand() % 8 == 0 ? 0 : rand() % 2 == 0 ? 256 : random_id();
    key->fence.type = (uint8_t)rand();
    record_encode_leaf_key(to, key->user, key->fence);
    return RECORD_LEAF_KEY_SIZE;
}

static void keys_come_back_and_sort_as_they_should(void **prestate)
{
    srand(*(const unsigned *)*prestate);
    for (int round = 0; round < KEYS; round++) {
        uint8_t a_bytes[RECORD_LEAF_KEY_SIZE];
        uint8_t b_bytes[RECORD_LEAF_KEY_SIZE];
        struct record_key a;
        struct record_key b;
        struct record_key back;
        const size_t a_size = random_key(a_bytes, &a);
        const size_t b_size = random_key(b_bytes, &b);
        assert_int_equal(sign_of(compare_bytes(a_bytes, a_size, b_bytes, b_size)),
                         compare_keys(&a, &b));
        assert_int_equal(record_decode_key(slice_of(a_bytes, a_size), &back), STATUS_OK);
        assert_int_equal(compare_keys(&a, &back), 0);
    }
}

static void keys_of_no_user_are_refused(void **unused)
{
    (void)unused;
    uint8_t bytes[RECORD_LEAF_KEY_SIZE + 1];
    struct record_key key = {.user = {77}};
    memset(bytes, 1, sizeof bytes);
    for (size_t size = 0; size <= sizeof bytes; size++) {
        const bool whole = size == RECORD_USER_KEY_SIZE || size == RECORD_LEAF_KEY_SIZE;
        assert_int_equal(record_decode_key(slice_of(bytes, size), &key),
                         whole ? STATUS_OK : STATUS_CORRUPT);
    }
    key.user.value = 77;
    bytes[8] = 0x80; /* The fence is above 2^63-1. */
    assert_int_equal(record_decode_key(slice_of(bytes, RECORD_LEAF_KEY_SIZE), &key),
                     STATUS_CORRUPT);
    bytes[0] = 0x80; /* The user is. */
    assert_int_equal(record_decode_key(slice_of(bytes, RECORD_USER_KEY_SIZE), &key),
                     STATUS_CORRUPT);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(record_decode_key(slice_of(bytes, RECORD_USER_KEY_SIZE), &key),
                     STATUS_CORRUPT);
    assert_int_equal(key.user.value, 77);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_comes_back_as_it_went),
        cmocka_unit_test(a_record_of_a_large_user_is_its_head_alone),
        cmocka_unit_test(the_bytes_are_those_of_the_map),
        cmocka_unit_test(what_a_newer_program_wrote_is_not_called_damaged),
        cmocka_unit_test(a_head_that_does_not_fit_its_states_is_refused),
        cmocka_unit_test_prestate(a_record_cut_or_bent_anywhere_is_refused_or_whole, &seed),
        cmocka_unit_test_prestate(keys_come_back_and_sort_as_they_should, &seed),
        cmocka_unit_test(keys_of_no_user_are_refused),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
