#include "base/glob.h"

#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROUNDS = 100000 };

static void patterns_match_as_redis_does(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *name;
        bool matches;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "port", true},
        {"**", "port", true},
        {"PORT", "port", true},
        {"por", "port", false},
        {"ports", "port", false},
        {"cache-*", "cache-users", true},
        {"*-users", "cache-users", true},
        {"c*e*s", "cache-users", true},
        {"c*e*x", "cache-users", false},
        {"c?che-[u]sers", "cache-users", true},
        {"c?che-[^u]sers", "cache-users", false},
        {"cache-[t-v]sers", "cache-users", true},
        {"cache-[v-t]sers", "cache-users", true},
        {"cache-[A-D]sers", "cache-users", false},
        {"cache-[U]sers", "cache-users", true},
        {"a[", "ab", false},
        {"a[b", "ab", true},
        {"a[]b", "ab", false},
        {"\\*", "*", true},
        {"\\*", "a", false},
        {"a\\", "a\\", true},
        {"[\\]]", "]", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const bool matches = glob_matches(slice_from_text(cases[i].pattern), cases[i].name);
        if (matches != cases[i].matches) {
            fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].name);
        }
    }
}

/* The C library's matcher is the model, of stars, question marks and letters. */
static void random_patterns_match_as_fnmatch_does(void **state)
{
    srand(*(const unsigned *)*state);
    for (int round = 0; round < ROUNDS; round++) {
        char pattern[9] = {0};
        char name[9] = {0};
        const int pattern_size = rand() % 9;
        const int name_size = rand() % 9;
        for (int i = 0; i < pattern_size; i++) {
            pattern[i] = "ab*?AB"[rand() % 6];
        }
        for (int i = 0; i < name_size; i++) {
            name[i] = "abAB"[rand() % 4];
        }
        const bool wanted = fnmatch(pattern, name, FNM_CASEFOLD) == 0;
        if (glob_matches(slice_from_text(pattern), name) != wanted) {
            fail_msg("'%s' and '%s'", pattern, name);
        }
    }
}

/* Tried in every way, this would take longer than anyone waits. */
static void no_pattern_takes_long(void **state)
{
    (void)state;
    char pattern[2001];
    char name[1001];
    for (size_t i = 0; i < sizeof pattern; i++) {
        pattern[i] = i % 2 == 0 ? '*' : 'a';
    }
    memset(name, 'a', sizeof name);
    name[sizeof name - 2] = 'b';
    name[sizeof name - 1] = '\0';
    assert_false(glob_matches((struct slice){.bytes = pattern, .size = sizeof pattern - 1}, name));
}

int main(int argc, char **argv)
{
    unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_as_redis_does),
        cmocka_unit_test_prestate(random_patterns_match_as_fnmatch_does, &seed),
        cmocka_unit_test(no_pattern_takes_long),
    };
    print_message("seed %u (another one: %s SEED)\n", seed, argv[0]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
