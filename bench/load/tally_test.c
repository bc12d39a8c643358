#include "load/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void refuse(struct tally *tally, const char *word)
{
    struct reply reply = {.type = '-', .failed = true};
    snprintf(reply.word, sizeof reply.word, "%s", word);
    snprintf(reply.line, sizeof reply.line, "%s and why", word);
    refusals_insert(&tally->refusals, &reply);
}

static void refusals_are_counted_by_their_word(void **state)
{
    (void)state;
    struct tally *tallies = calloc(2, sizeof *tallies);
    assert_non_null(tallies);
    refuse(&tallies[1], "BUSY");
    refuse(&tallies[1], "OOM");
    refuse(&tallies[1], "BUSY");
    refuse(&tallies[0], "OOM");
    tally_add(&tallies[0], &tallies[1]);
    const struct refusals *sum = &tallies[0].refusals;
    assert_int_equal(sum->words_count, 2);
    assert_string_equal(sum->words[0], "OOM");
    assert_int_equal(sum->counts[0], 2);
    assert_string_equal(sum->words[1], "BUSY");
    assert_int_equal(sum->counts[1], 2);
    assert_string_equal(sum->line, "OOM and why");
    free(tallies);
}

static void words_beyond_the_table_are_counted_together(void **state)
{
    (void)state;
    struct tally *tally = calloc(1, sizeof *tally);
    assert_non_null(tally);
    for (int number = 0; number < TALLY_WORDS_MAX + 3; number++) {
        char word[REPLY_WORD_SIZE];
        snprintf(word, sizeof word, "W%c", 'A' + number);
        refuse(tally, word);
    }
    assert_int_equal(tally->refusals.words_count, TALLY_WORDS_MAX);
    assert_int_equal(tally->refusals.others, 3);
    free(tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refusals_are_counted_by_their_word),
        cmocka_unit_test(words_beyond_the_table_are_counted_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
