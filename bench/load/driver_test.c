#include "load/driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NOW_MS UINT64_C(1790000000000)

static void init_population(struct population *population, uint32_t channels)
{
    *population = (struct population){
        .channels = channels, .pairs = POPULATION_PAIRS_MAX, .mentions = POPULATION_MENTIONS_MAX};
    assert_true(choice_init(&population->choice, "uniform", CHOICE_USERS_MAX));
}

/* Reads one command; returns where it ends. */
static const char *skip_command(const char *at, const char *end, const char **out_name)
{
    char *next = NULL;
    assert_int_equal(*at, '*');
    long arguments = strtol(at + 1, &next, 10);
    assert_in_range(arguments, 1, 4096);
    at = next + 2;
    *out_name = memchr(at, '\n', (size_t)(end - at)) ? strchr(at, '\n') + 1 : NULL;
    for (; arguments > 0; arguments--) {
        assert_true(at < end);
        assert_int_equal(*at, '$');
        const long size = strtol(at + 1, &next, 10);
        assert_in_range(size, 1, 64);
        at = next + 2 + size;
        assert_memory_equal(at, "\r\n", 2);
        at += 2;
    }
    assert_true(at <= end);
    return at;
}

/* With a guard behind the bytes that a command may take. */
static void check_commands(const struct driver *driver, uint32_t channels)
{
    enum { GUARD = 64 };
    struct population population;
    char *bytes = malloc(DRIVER_COMMAND_SIZE_MAX + GUARD);
    assert_non_null(bytes);
    init_population(&population, channels);
    for (uint64_t seed = 0; seed < 600; seed++) {
        struct subject subject;
        struct text text = {.bytes = bytes};
        memset(bytes, '#', DRIVER_COMMAND_SIZE_MAX + GUARD);
        subject_init(&subject, &population, seed, NOW_MS);
        uint32_t replies = driver->encode((enum kind)(seed % KINDS), &subject, &text);
        assert_true(text.size <= DRIVER_COMMAND_SIZE_MAX);
        assert_int_equal(bytes[text.size], '#');
        const char *at = bytes;
        for (; replies > 0; replies--) {
            const char *name = NULL;
            at = skip_command(at, bytes + text.size, &name);
            assert_non_null(name);
        }
        assert_ptr_equal(at, bytes + text.size);
    }
    free(bytes);
}

static void commands_are_whole_and_not_too_long(void **state)
{
    (void)state;
    check_commands(&driver_readstates, 1);
    check_commands(&driver_readstates, POPULATION_CHANNELS_MAX);
    check_commands(&driver_redis, 20);
}

static void one_seed_is_one_command(void **state)
{
    (void)state;
    char bytes[2][DRIVER_COMMAND_SIZE_MAX];
    struct population population;
    init_population(&population, 20);
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct text texts[2] = {{.bytes = bytes[0]}, {.bytes = bytes[1]}};
        for (int turn = 0; turn < 2; turn++) {
            struct subject subject;
            subject_init(&subject, &population, seed, NOW_MS);
            (void)driver_readstates.encode((enum kind)(seed % KINDS), &subject, &texts[turn]);
        }
        assert_int_equal(texts[0].size, texts[1].size);
        assert_memory_equal(bytes[0], bytes[1], texts[0].size);
    }
}

static void an_ack_is_as_the_server_takes_it(void **state)
{
    (void)state;
    char bytes[DRIVER_COMMAND_SIZE_MAX] = {0};
    struct population population = {.first_user = 1, .channels = 1, .pairs = 1, .mentions = 1};
    struct subject subject;
    struct text text = {.bytes = bytes};
    assert_true(choice_init(&population.choice, "uniform", 1));
    subject_init(&subject, &population, 5, NOW_MS);
    subject.message = 99;
    assert_int_equal(driver_readstates.encode(KIND_ACK, &subject, &text), 1);
    static const char begin[] = "*4\r\n$6\r\nRS.ACK\r\n$1\r\n1\r\n$19\r\n";
    static const char end[] = "\r\n$2\r\n99\r\n";
    assert_memory_equal(bytes, begin, strlen(begin));
    assert_string_equal(bytes + text.size - strlen(end), end);
}

static void to_fill_is_to_give_each_user_each_channel_once(void **state)
{
    (void)state;
    enum { USERS = 3, FIRST = 1000, CHANNELS = 2 * POPULATION_PAIRS_MAX + 7 };
    struct population population = {
        .first_user = FIRST, .channels = CHANNELS, .pairs = 1, .mentions = 1};
    uint32_t seen[USERS + 1] = {0};
    assert_true(choice_init(&population.choice, "uniform", USERS));
    uint64_t *channels = calloc((USERS + 1) * (size_t)CHANNELS, sizeof *channels);
    assert_non_null(channels);
    const uint64_t bulks = population_count_bulks(&population);
    assert_int_equal(bulks, USERS * 3);
    for (uint64_t number = 0; number < bulks; number++) {
        struct subject subject;
        subject_init_bulk(&subject, &population, number, NOW_MS);
        assert_in_range(subject.user, FIRST, FIRST + USERS - 1);
        const uint64_t user = subject.user - FIRST + 1;
        for (uint32_t pair = 0; pair < subject.pairs; pair++) {
            assert_true(seen[user] < CHANNELS);
            channels[user * CHANNELS + seen[user]++] = subject_draw_channel(&subject);
        }
    }
    for (size_t user = 1; user <= USERS; user++) {
        assert_int_equal(seen[user], CHANNELS);
        assert_memory_equal(&channels[user * CHANNELS], &channels[CHANNELS],
                            CHANNELS * sizeof *channels);
        for (size_t at = 1; at < CHANNELS; at++) {
            assert_int_not_equal(channels[user * CHANNELS + at],
                                 channels[user * CHANNELS + at - 1]);
        }
    }
    free(channels);
}

static void drivers_have_names(void **state)
{
    (void)state;
    assert_ptr_equal(driver_find("readstates"), &driver_readstates);
    assert_ptr_equal(driver_find("redis"), &driver_redis);
    assert_null(driver_find("memcached"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_are_whole_and_not_too_long),
        cmocka_unit_test(one_seed_is_one_command),
        cmocka_unit_test(an_ack_is_as_the_server_takes_it),
        cmocka_unit_test(to_fill_is_to_give_each_user_each_channel_once),
        cmocka_unit_test(drivers_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
