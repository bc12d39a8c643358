#include "load/choice.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { USERS = 50, DRAWS = 200000 };

/* The seed is fixed, so a draw outside of six deviations is a mistake and not chance. */
static void check_frequencies(const char *text, const double *weights)
{
    struct choice choice;
    uint64_t seed = 7;
    uint64_t counts[USERS + 1] = {0};
    double sum = 0;
    printf("%s, seed %llu\n", text, (unsigned long long)seed);
    assert_true(choice_init(&choice, text, USERS));
    for (int draw = 0; draw < DRAWS; draw++) {
        const uint64_t user = choice_draw(&choice, &seed);
        assert_in_range(user, 1, USERS);
        counts[user]++;
    }
    for (int user = 1; user <= USERS; user++) {
        sum += weights[user];
    }
    for (int user = 1; user <= USERS; user++) {
        const double expected = (double)DRAWS * weights[user] / sum;
        assert_true(fabs((double)counts[user] - expected) <= 6 * sqrt(expected) + 1);
    }
}

static void users_come_as_often_as_they_should(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double exponent;
    } zipfs[] = {
        {"zipf:0.5", 0.5}, {"zipf:0.99", 0.99}, {"zipf:1", 1}, {"zipf:1.5", 1.5}, {"zipf:3", 3}};
    double weights[USERS + 1];
    for (int user = 1; user <= USERS; user++) {
        weights[user] = 1;
    }
    check_frequencies("uniform", weights);
    for (size_t at = 0; at < sizeof zipfs / sizeof *zipfs; at++) {
        for (int user = 1; user <= USERS; user++) {
            weights[user] = pow(user, -zipfs[at].exponent);
        }
        check_frequencies(zipfs[at].text, weights);
    }
    for (int user = 1; user <= USERS; user++) {
        weights[user] = user <= 5 ? 0.9 / 5 : 0.1 / 45;
    }
    check_frequencies("hot:0.1:0.9", weights);
}

static void large_numbers_of_users_stay_in_range(void **state)
{
    (void)state;
    static const char *const texts[] = {"uniform", "zipf:0.99",    "zipf:1",
                                        "zipf:2",  "hot:0.01:0.5", "hot:1:1"};
    static const uint64_t users[] = {1, 2, CHOICE_USERS_MAX};
    uint64_t seed = 11;
    for (size_t text = 0; text < sizeof texts / sizeof *texts; text++) {
        for (size_t at = 0; at < sizeof users / sizeof *users; at++) {
            struct choice choice;
            assert_true(choice_init(&choice, texts[text], users[at]));
            for (int draw = 0; draw < 2000; draw++) {
                const uint64_t user = choice_draw(&choice, &seed);
                assert_true(user >= 1 && user <= users[at]);
            }
        }
    }
}

static void what_is_no_choice_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",        "uniform:1",   "zipf",     "zipf:",       "zipf:0",    "zipf:11",
        "zipf:-1", "zipf:1x",     "hot",      "hot:0.1",     "hot:0:1",   "hot:2:0.5",
        "normal",  "hot:0.1:1.5", "zipf:nan", "hot:0.1:inf", "uniformly", "zipf: 1"};
    for (size_t at = 0; at < sizeof texts / sizeof *texts; at++) {
        struct choice choice;
        assert_false(choice_init(&choice, texts[at], 10));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_come_as_often_as_they_should),
        cmocka_unit_test(large_numbers_of_users_stay_in_range),
        cmocka_unit_test(what_is_no_choice_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
