#include "journal/entry.h"

#include "base/bytes.h"
#include "base/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID_MAX ((uint64_t)INT64_MAX)

enum { ENTRY_SIZE = 4096, STEPS = 300 };

static uint64_t draw_id(void)
{
    const uint64_t bits = (uint64_t)rand() << 33 ^ (uint64_t)rand() << 15 ^ (uint64_t)rand();
    return 1 + (bits & (ID_MAX - 1)) % ((uint64_t)1 << (1 + rand() % 62));
}

static size_t put_leaf(uint8_t *to, uint64_t channel, uint64_t version, uint32_t mentions)
{
    uint8_t empty[LEAF_HEAD_SIZE];
    struct read_state state;
    leaf_init(empty);
    read_state_init(&state, (struct channel_key){.id = channel, .type = 3});
    state.version = version;
    state.mentions_kept = (uint8_t)mentions;
    for (uint32_t i = 0; i < mentions; i++) {
        state.mentions[i] = (struct mention){.message = i + 1};
    }
    const struct leaf_change change = leaf_measure(empty, 0, true, &state);
    leaf_write_to(to, empty, &change, 0, true, &state);
    return change.size;
}

/* An entry of that kind, of drawn values, and what it says. */
static size_t draw_entry(enum journal_entry_kind kind, uint8_t to[static ENTRY_SIZE],
                         struct journal_entry *out_entry)
{
    struct journal_entry entry = {.kind = kind};
    memset(to, 0xee, ENTRY_SIZE);
    switch (kind) {
    case JOURNAL_PLAIN:
        entry.user.value = draw_id();
        entry.incarnation = (uint32_t)rand();
        entry.channel = (struct channel_key){.id = draw_id(), .type = (uint8_t)rand()};
        entry.last_read = draw_id() - 1;
        entry.version = draw_id();
        journal_entry_encode_plain(to, entry.user, entry.incarnation, entry.channel,
                                   entry.last_read, entry.version);
        break;
    case JOURNAL_STATES:
        entry.user.value = draw_id();
        entry.incarnation = (uint32_t)rand();
        entry.tombstones = (uint32_t)rand();
        entry.version = draw_id();
        entry.purged_to = draw_id() % (entry.version + 1);
        for (int i = rand() % 5; i > 0; i--) {
            entry.leaves.size += put_leaf(to + JOURNAL_STATES_HEAD_SIZE + entry.leaves.size,
                                          draw_id(), draw_id(), (uint32_t)rand() % 20);
        }
        entry.leaves.bytes = (const char *)to + JOURNAL_STATES_HEAD_SIZE;
        journal_entry_encode_states(to, &entry, entry.leaves.size);
        break;
    case JOURNAL_FORGETTING:
        entry.user.value = draw_id();
        entry.incarnation = (uint32_t)rand();
        journal_entry_encode_forgetting(to, entry.user, entry.incarnation);
        break;
    case JOURNAL_SYNCED:
        entry.segment = draw_id();
        entry.offset = draw_id();
        journal_entry_encode_synced(to, entry.segment, entry.offset);
        break;
    case JOURNAL_SEALED:
        entry.segment = draw_id();
        journal_entry_encode_sealed(to, entry.segment);
        break;
    }
    *out_entry = entry;
    return journal_entry_get_size(to);
}

static void assert_same(const struct journal_entry *one, const struct journal_entry *other)
{
    assert_int_equal(one->kind, other->kind);
    assert_int_equal(one->incarnation, other->incarnation);
    if (one->kind == JOURNAL_SYNCED || one->kind == JOURNAL_SEALED) {
        assert_true(one->segment == other->segment && one->offset == other->offset);
        return;
    }
    assert_true(one->user.value == other->user.value && one->version == other->version);
    assert_true(one->purged_to == other->purged_to && one->last_read == other->last_read);
    assert_int_equal(one->tombstones, other->tombstones);
    assert_int_equal(channel_key_compare(one->channel, other->channel), 0);
    assert_int_equal(one->leaves.size, other->leaves.size);
    if (one->leaves.size > 0) {
        assert_memory_equal(one->leaves.bytes, other->leaves.bytes, one->leaves.size);
    }
}

static void what_is_encoded_is_decoded(void **state)
{
    srand(*(unsigned *)*state);
    for (int step = 0; step < STEPS; step++) {
        uint8_t bytes[ENTRY_SIZE];
        struct journal_entry wanted;
        struct journal_entry got;
        const enum journal_entry_kind kind = (enum journal_entry_kind)(1 + rand() % 5);
        const size_t size = draw_entry(kind, bytes, &wanted);
        assert_int_equal(size % 8, 0);
        assert_int_equal(journal_entry_peek_size(bytes, JOURNAL_ENTRY_HEAD_SIZE), size);
        assert_int_equal(journal_entry_peek_size(bytes, JOURNAL_ENTRY_HEAD_SIZE - 1), 0);
        const uint32_t crc = journal_entry_seal(bytes, 7, 9);
        assert_int_equal(journal_entry_get_crc(bytes), crc);
        assert_true(journal_entry_is_behind(bytes, 7, 9));
        assert_false(journal_entry_is_behind(bytes, 8, 9));
        assert_false(journal_entry_is_behind(bytes, 7, 8));
        assert_false(journal_entry_is_behind(bytes, 9, 7));
        assert_int_equal(journal_entry_decode(bytes, &got), STATUS_OK);
        assert_same(&got, &wanted);
    }
}

/* As the header draws it, by hand. */
static void the_bytes_are_those_of_the_header(void **state)
{
    (void)state;
    static const uint8_t plain[JOURNAL_PLAIN_SIZE] = {
        0, 0, 0, 0, 1, 48, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 2, 1, 0, 0, 5, 0, 0, 0,
        3, 0, 0, 0, 0, 0,  0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0};
    uint8_t bytes[JOURNAL_PLAIN_SIZE];
    journal_entry_encode_plain(bytes, (struct user_id){7}, 258,
                               (struct channel_key){.id = 3, .type = 5}, 512, 4);
    assert_memory_equal(bytes, plain, sizeof plain);

    uint8_t chain[8 + JOURNAL_PLAIN_SIZE - 4] = {0x44, 0x33, 0x22, 0x11, 0x88, 0x77, 0x66, 0x55};
    memcpy(chain + 8, plain + 4, sizeof plain - 4);
    assert_int_equal(journal_entry_seal(bytes, 0x11223344, 0x55667788),
                     crc32c_extend_portable(0, chain, sizeof chain));

    static const uint8_t forgetting[] = {0, 0, 0, 0, 3, 24, 0, 0, 9, 0, 0, 0,
                                         0, 0, 0, 0, 6, 0,  0, 0, 0, 0, 0, 0};
    journal_entry_encode_forgetting(bytes, (struct user_id){9}, 6);
    assert_memory_equal(bytes, forgetting, sizeof forgetting);
    static const uint8_t synced[] = {0, 0, 0, 0, 4, 24, 0, 0, 9, 0, 0, 0,
                                     0, 0, 0, 0, 6, 0,  0, 0, 0, 0, 0, 0};
    journal_entry_encode_synced(bytes, 9, 6);
    assert_memory_equal(bytes, synced, sizeof synced);
    static const uint8_t sealed[] = {0, 0, 0, 0, 5, 16, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0};
    journal_entry_encode_sealed(bytes, 9);
    assert_memory_equal(bytes, sealed, sizeof sealed);
}

static void every_bit_counts(void **state)
{
    srand(*(unsigned *)*state);
    for (int kind = JOURNAL_PLAIN; kind <= JOURNAL_SEALED; kind++) {
        uint8_t bytes[ENTRY_SIZE];
        struct journal_entry entry;
        const size_t size = draw_entry((enum journal_entry_kind)kind, bytes, &entry);
        (void)journal_entry_seal(bytes, 1, 2);
        for (size_t bit = 0; bit < size * 8; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
            if (journal_entry_peek_size(bytes, ENTRY_SIZE) <= ENTRY_SIZE) {
                assert_false(journal_entry_peek_size(bytes, ENTRY_SIZE) == size &&
                             journal_entry_is_behind(bytes, 1, 2));
            }
            bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        assert_true(journal_entry_is_behind(bytes, 1, 2));
    }
}

static void only_sizes_that_a_kind_can_have_are_taken(void **state)
{
    (void)state;
    uint8_t bytes[JOURNAL_ENTRY_HEAD_SIZE] = {0};
    for (uint32_t kind = 0; kind < 256; kind++) {
        for (uint32_t size = 0; size < 4096; size++) {
            bytes_write_u32(bytes + 4, size << 8 | kind);
            const bool fits = (kind == JOURNAL_PLAIN && size == 48) ||
                              (kind == JOURNAL_STATES && size >= 40 && size % 8 == 0) ||
                              (kind == JOURNAL_FORGETTING && size == 24) ||
                              (kind == JOURNAL_SYNCED && size == 24) ||
                              (kind == JOURNAL_SEALED && size == 16);
            assert_int_equal(journal_entry_peek_size(bytes, sizeof bytes), fits ? size : 0);
        }
    }
    bytes_write_u32(bytes + 4, (uint32_t)JOURNAL_ENTRY_SIZE_MAX << 8 | JOURNAL_STATES);
    assert_int_equal(journal_entry_peek_size(bytes, sizeof bytes), JOURNAL_ENTRY_SIZE_MAX);
}

static enum status decode(const uint8_t *bytes)
{
    struct journal_entry entry = {.incarnation = 77};
    const enum status status = journal_entry_decode(bytes, &entry);
    if (status != STATUS_OK) {
        assert_int_equal(status, STATUS_CORRUPT);
        assert_int_equal(entry.incarnation, 77);
    }
    return status;
}

static enum status decode_plain(uint64_t user, uint64_t channel, uint64_t last_read,
                                uint64_t version)
{
    uint8_t bytes[JOURNAL_PLAIN_SIZE];
    journal_entry_encode_plain(bytes, (struct user_id){user}, 1,
                               (struct channel_key){.id = channel}, last_read, version);
    return decode(bytes);
}

static void fields_out_of_range_are_refused(void **state)
{
    (void)state;
    assert_int_equal(decode_plain(1, 1, 0, 1), STATUS_OK);
    assert_int_equal(decode_plain(ID_MAX, ID_MAX, ID_MAX, ID_MAX), STATUS_OK);
    assert_int_equal(decode_plain(0, 1, 0, 1), STATUS_CORRUPT);
    assert_int_equal(decode_plain(ID_MAX + 1, 1, 0, 1), STATUS_CORRUPT);
    assert_int_equal(decode_plain(1, 0, 0, 1), STATUS_CORRUPT);
    assert_int_equal(decode_plain(1, ID_MAX + 1, 0, 1), STATUS_CORRUPT);
    assert_int_equal(decode_plain(1, 1, ID_MAX + 1, 1), STATUS_CORRUPT);
    assert_int_equal(decode_plain(1, 1, 0, 0), STATUS_CORRUPT);
    assert_int_equal(decode_plain(1, 1, 0, ID_MAX + 1), STATUS_CORRUPT);

    uint8_t bytes[ENTRY_SIZE];
    journal_entry_encode_plain(bytes, (struct user_id){1}, 1, (struct channel_key){.id = 1}, 0, 1);
    bytes[21] = 1; /* Behind the channel's type. */
    assert_int_equal(decode(bytes), STATUS_CORRUPT);
    journal_entry_encode_forgetting(bytes, (struct user_id){1}, 1);
    bytes[23] = 1;
    assert_int_equal(decode(bytes), STATUS_CORRUPT);
    journal_entry_encode_forgetting(bytes, (struct user_id){0}, 1);
    assert_int_equal(decode(bytes), STATUS_CORRUPT);
}

static void states_that_are_not_whole_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[ENTRY_SIZE] = {0};
    struct journal_entry head = {.user = {1}, .version = 5, .purged_to = 5};
    const size_t one = put_leaf(bytes + JOURNAL_STATES_HEAD_SIZE, 7, 5, 0);
    const size_t two = put_leaf(bytes + JOURNAL_STATES_HEAD_SIZE + one, 8, 5, 2);
    journal_entry_encode_states(bytes, &head, one + two);
    const uint32_t size = journal_entry_get_size(bytes);
    assert_int_equal(decode(bytes), STATUS_OK);
    assert_true(one + two + JOURNAL_STATES_HEAD_SIZE < size);
    for (size_t i = JOURNAL_STATES_HEAD_SIZE + one + two; i < size; i++) {
        bytes[i] = 1; /* The filling. */
        assert_int_equal(decode(bytes), STATUS_CORRUPT);
        bytes[i] = 0;
    }
    bytes[JOURNAL_STATES_HEAD_SIZE + one] ^= 0x80; /* The rows of the second. */
    assert_int_equal(decode(bytes), STATUS_CORRUPT);
    bytes[JOURNAL_STATES_HEAD_SIZE + one] ^= 0x80;
    bytes_write_u32(bytes + 4, (size - 8) << 8 | JOURNAL_STATES);
    assert_int_equal(decode(bytes), STATUS_CORRUPT);

    head.purged_to = 6;
    journal_entry_encode_states(bytes, &head, one + two);
    assert_int_equal(decode(bytes), STATUS_CORRUPT);
    head = (struct journal_entry){.user = {1}};
    journal_entry_encode_states(bytes, &head, one + two);
    assert_int_equal(decode(bytes), STATUS_CORRUPT);
}

/* Any bytes of a size that peek gives are decoded, or refused, without a fault. */
static void damage_is_never_a_fault(void **state)
{
    srand(*(unsigned *)*state);
    for (int step = 0; step < STEPS * 10; step++) {
        uint8_t drawn[ENTRY_SIZE];
        struct journal_entry entry;
        const size_t size = draw_entry((enum journal_entry_kind)(1 + rand() % 5), drawn, &entry);
        for (int i = 1 + rand() % 8; i > 0; i--) {
            drawn[8 + (size_t)rand() % (size - 8)] = (uint8_t)rand();
        }
        uint8_t *bytes = malloc(size); /* So that the sanitizer sees every byte beyond. */
        assert_non_null(bytes);
        memcpy(bytes, drawn, size);
        if (decode(bytes) == STATUS_OK) {
            assert_int_equal(journal_entry_decode(bytes, &entry), STATUS_OK);
            assert_true(entry.leaves.size <= size - 8);
        }
        free(bytes);
    }
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(what_is_encoded_is_decoded, &seed),
        cmocka_unit_test(the_bytes_are_those_of_the_header),
        cmocka_unit_test_prestate(every_bit_counts, &seed),
        cmocka_unit_test(only_sizes_that_a_kind_can_have_are_taken),
        cmocka_unit_test(fields_out_of_range_are_refused),
        cmocka_unit_test(states_that_are_not_whole_are_refused),
        cmocka_unit_test_prestate(damage_is_never_a_fault, &seed),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
