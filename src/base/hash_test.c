#include "base/hash.h"

#include "base/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ROUNDS = 20000 };

/* CRC16-CCITT (XMODEM) by its definition: a bit at a time, polynomial 0x1021, from 0. */
static unsigned model_slot(struct slice key)
{
    unsigned crc = 0;
    for (size_t i = 0; i < key.size; i++) {
        crc ^= (unsigned)(unsigned char)key.bytes[i] << 8;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc & 0x8000U) != 0 ? (crc << 1 ^ 0x1021U) & 0xffffU : crc << 1;
        }
    }
    return crc % HASH_SLOTS;
}

/* The check value of the Redis Cluster specification, and what CLUSTER KEYSLOT answers. */
static void known_keys_have_their_slot(void **state)
{
    (void)state;
    assert_int_equal(hash_slot_of_decimal(slice_from_text("123456789")), 0x31c3);
    assert_int_equal(model_slot(slice_from_text("foo")), 12182);
    assert_int_equal(model_slot(slice_from_text("hello")), 866);
}

static void random_keys_have_the_slot_of_the_model(void **state)
{
    srand(*(const unsigned *)*state);
    for (int i = 0; i < ROUNDS; i++) {
        char digits[DECIMAL_SIZE_MAX];
        const struct slice key = {.bytes = digits, .size = (size_t)(i % DECIMAL_SIZE_MAX + 1)};
        for (size_t at = 0; at < key.size; at++) {
            digits[at] = (char)('0' + rand() % 10);
        }
        assert_int_equal(hash_slot_of_decimal(key), model_slot(key));
    }
}

static void a_user_has_the_slot_of_its_decimal(void **state)
{
    (void)state;
    for (uint64_t value = 1; value < U63_MAX / 7; value *= 7) {
        char text[DECIMAL_SIZE_MAX + 1];
        const int size = snprintf(text, sizeof text, "%llu", (unsigned long long)value);
        const struct slice key = {.bytes = text, .size = (size_t)size};
        assert_int_equal(hash_slot_of_user((struct user_id){value}), model_slot(key));
    }
}

/* Ids that follow one another must not fill neighbouring buckets only: of 4096 buckets, 4096 random
 * keys leave about 1507 (1/e) empty. */
static void users_in_a_row_spread_over_low_and_high_bits(void **state)
{
    (void)state;
    enum { BUCKETS = 4096, EMPTY_LOW = 1307, EMPTY_HIGH = 1707 };
    bool low[BUCKETS] = {false};
    bool high[BUCKETS] = {false};
    for (uint64_t value = 1; value <= BUCKETS; value++) {
        const uint64_t hash = hash_user((struct user_id){value});
        low[hash % BUCKETS] = true;
        high[hash >> 52] = true;
    }
    unsigned low_empty = 0;
    unsigned high_empty = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        low_empty += low[i] ? 0 : 1;
        high_empty += high[i] ? 0 : 1;
    }
    assert_in_range(low_empty, EMPTY_LOW, EMPTY_HIGH);
    assert_in_range(high_empty, EMPTY_LOW, EMPTY_HIGH);
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_keys_have_their_slot),
        cmocka_unit_test_prestate(random_keys_have_the_slot_of_the_model, &seed),
        cmocka_unit_test(a_user_has_the_slot_of_its_decimal),
        cmocka_unit_test(users_in_a_row_spread_over_low_and_high_bits),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
