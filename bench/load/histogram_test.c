#include "load/histogram.h"

#include "base/splitmix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SAMPLES = 20000 };

static const uint32_t shares[] = {0,      1,      1000,   100000, 250000, 500000,
                                  750000, 900000, 990000, 999000, 999999, 1000000};

static int compare_values(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* The nearest rank among all that were inserted, sorted. */
static uint64_t find_exact(const uint64_t *sorted, uint64_t count, uint32_t per_million)
{
    const uint64_t rank = (count * per_million + 999999) / 1000000;
    return sorted[rank == 0 ? 0 : rank - 1];
}

static void check_quantiles(uint64_t *values, uint64_t count)
{
    struct histogram *histogram = malloc(sizeof *histogram);
    assert_non_null(histogram);
    histogram_init(histogram);
    for (uint64_t at = 0; at < count; at++) {
        histogram_insert(histogram, values[at]);
    }
    qsort(values, count, sizeof *values, compare_values);
    for (size_t at = 0; at < sizeof shares / sizeof *shares; at++) {
        const uint64_t exact = find_exact(values, count, shares[at]);
        const uint64_t got = histogram_peek(histogram, shares[at]);
        assert_true(got >= exact);
        assert_true((got - exact) * 100 <= exact);
    }
    assert_int_equal(histogram_peek(histogram, 1000000), values[count - 1]);
    assert_int_equal(histogram->count, count);
    free(histogram);
}

static void quantiles_are_within_a_hundredth_of_the_exact_ones(void **state)
{
    (void)state;
    uint64_t seed = 20261127;
    printf("seed %llu\n", (unsigned long long)seed);
    uint64_t *values = malloc(SAMPLES * sizeof *values);
    assert_non_null(values);
    /* All sizes alike, then sizes around one, then small ones. */
    for (int shape = 0; shape < 3; shape++) {
        for (uint64_t at = 0; at < SAMPLES; at++) {
            const uint64_t drawn = splitmix_draw(&seed);
            values[at] = shape == 0   ? (drawn % HISTOGRAM_VALUES_MAX) >> (drawn >> 59)
                         : shape == 1 ? 100000 + drawn % 50000
                                      : drawn % 300;
        }
        check_quantiles(values, SAMPLES);
        check_quantiles(values, 1);
        check_quantiles(values, 7);
    }
    free(values);
}

static void sums_are_those_of_all(void **state)
{
    (void)state;
    struct histogram *parts = calloc(3, sizeof *parts);
    assert_non_null(parts);
    for (uint64_t value = 1; value <= 3000; value++) {
        histogram_insert(&parts[value % 2], value * 1000);
        histogram_insert(&parts[2], value * 1000);
    }
    histogram_add(&parts[0], &parts[1]);
    for (size_t at = 0; at < sizeof shares / sizeof *shares; at++) {
        assert_int_equal(histogram_peek(&parts[0], shares[at]),
                         histogram_peek(&parts[2], shares[at]));
    }
    assert_int_equal(parts[0].sum, parts[2].sum);
    assert_true(histogram_peek_share_above(&parts[0], 1500000) > 0.49);
    assert_true(histogram_peek_share_above(&parts[0], 1500000) < 0.51);
    free(parts);
}

static void nothing_and_too_much(void **state)
{
    (void)state;
    struct histogram *histogram = malloc(sizeof *histogram);
    assert_non_null(histogram);
    histogram_init(histogram);
    assert_int_equal(histogram_peek(histogram, 500000), 0);
    histogram_insert(histogram, 3 * HISTOGRAM_VALUES_MAX);
    histogram_insert(histogram, 5);
    assert_int_equal(histogram_peek(histogram, 500000), 5);
    assert_int_equal(histogram_peek(histogram, 500001), 3 * HISTOGRAM_VALUES_MAX);
    free(histogram);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_within_a_hundredth_of_the_exact_ones),
        cmocka_unit_test(sums_are_those_of_all),
        cmocka_unit_test(nothing_and_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
