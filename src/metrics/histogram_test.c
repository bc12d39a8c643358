#include "metrics/histogram.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { VALUES = 4000, RUNS = 40 };

/* The obvious form of it: bucket after bucket until one holds the value. */
static uint32_t search_bucket(uint64_t value)
{
    uint64_t lowest = 0;
    uint64_t width = 1;
    uint32_t bucket = 0;
    while (value >= lowest + width && bucket + 1 < HISTOGRAM_BUCKETS) {
        lowest += width;
        bucket++;
        if (bucket >= 2 * HISTOGRAM_OCTAVE && bucket % HISTOGRAM_OCTAVE == 0) {
            width *= 2;
        }
    }
    return bucket;
}

static void check_value(uint64_t value)
{
    const uint32_t bucket = histogram_find_bucket(value);
    assert_int_equal(bucket, search_bucket(value));
    if (value < HISTOGRAM_VALUES_MAX) {
        const uint64_t highest = histogram_get_highest(bucket);
        assert_true(value <= highest && highest - value <= value / HISTOGRAM_OCTAVE);
        assert_true(bucket == 0 || histogram_get_highest(bucket - 1) < value);
    }
}

static void every_value_has_its_bucket(void **state)
{
    (void)state;
    for (uint64_t value = 0; value < 5000; value++) {
        check_value(value);
    }
    for (unsigned bit = 4; bit < 64; bit++) {
        const uint64_t power = UINT64_C(1) << bit;
        check_value(power - 1);
        check_value(power);
        check_value(power + 1);
        check_value(power + power / 3);
    }
    check_value(UINT64_MAX);
    assert_int_equal(histogram_get_highest(HISTOGRAM_BUCKETS - 1), HISTOGRAM_VALUES_MAX - 1);
}

static int compare(const void *left, const void *right)
{
    const uint64_t a = *(const uint64_t *)left;
    const uint64_t b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

static uint64_t draw(unsigned *seed)
{
    const unsigned bits = (unsigned)rand_r(seed) % (HISTOGRAM_VALUE_BITS - 1) + 1;
    const uint64_t wide = (uint64_t)rand_r(seed) << 31 ^ (uint64_t)rand_r(seed);
    return wide & ((UINT64_C(1) << bits) - 1);
}

/* Against the values themselves, in order. */
static void check_percentiles(const struct histogram_sum *sum, const uint64_t *sorted,
                              uint32_t count)
{
    static const double percents[] = {0, 1, 25, 50, 90, 99, 99.9, 100};
    for (size_t i = 0; i < sizeof percents / sizeof *percents; i++) {
        uint32_t rank = 1;
        while (rank < count && (double)rank * 100 < percents[i] * count) {
            rank++;
        }
        const uint64_t exact = sorted[rank - 1];
        assert_int_equal(histogram_sum_get_percentile(sum, percents[i]),
                         histogram_get_highest(search_bucket(exact)));
    }
}

static void counts_are_those_of_the_values(void **state)
{
    (void)state;
    unsigned seed = (unsigned)time(NULL);
    print_message("seed %u\n", seed);
    struct histogram *histogram = calloc(1, sizeof *histogram);
    uint64_t *values = calloc(VALUES, sizeof *values);
    assert_non_null(histogram);
    assert_non_null(values);
    uint32_t count = 0;
    for (int run = 0; run < RUNS; run++) {
        const uint32_t times = 1 + (uint32_t)rand_r(&seed) % (VALUES / RUNS);
        const uint64_t value = draw(&seed);
        histogram_add(histogram, value, times);
        for (uint32_t i = 0; i < times; i++) {
            values[count++] = value;
        }
        struct histogram_sum sum = {0};
        histogram_sum_add(&sum, histogram);
        assert_int_equal(histogram_sum_count(&sum), count);
        qsort(values, count, sizeof *values, compare);
        check_percentiles(&sum, values, count);
        for (unsigned bit = HISTOGRAM_BITS; bit < HISTOGRAM_VALUE_BITS; bit++) {
            uint64_t below = 0;
            for (uint32_t i = 0; i < count; i++) {
                below += values[i] < UINT64_C(1) << bit;
            }
            assert_int_equal(histogram_sum_count_below(&sum, UINT64_C(1) << bit), below);
        }
    }
    free(values);
    free(histogram);
}

static void what_is_too_large_is_counted_as_the_largest(void **state)
{
    (void)state;
    struct histogram histogram = {0};
    histogram_add(&histogram, UINT64_MAX, 2);
    struct histogram_sum sum = {0};
    histogram_sum_add(&sum, &histogram);
    assert_int_equal(histogram_sum_get_percentile(&sum, 50), HISTOGRAM_VALUES_MAX - 1);
    assert_int_equal(histogram_sum_count_below(&sum, HISTOGRAM_VALUES_MAX / 2), 0);
    assert_int_equal(histogram_sum_count_below(&sum, HISTOGRAM_VALUES_MAX), 2);
    assert_int_equal(histogram_sum_count_below(&sum, HISTOGRAM_VALUES_MAX * 2), 2);
}

static void a_sum_is_of_several_and_since_a_moment(void **state)
{
    (void)state;
    struct histogram first = {0};
    struct histogram second = {0};
    histogram_add(&first, 100, 3);
    histogram_add(&second, 100, 1);
    histogram_add(&second, 7000, 1);
    struct histogram_sum earlier = {0};
    histogram_sum_add(&earlier, &first);
    histogram_sum_add(&earlier, &second);
    assert_int_equal(histogram_sum_count(&earlier), 5);
    histogram_add(&first, 7000, 2);
    struct histogram_sum sum = {0};
    histogram_sum_add(&sum, &first);
    histogram_sum_add(&sum, &second);
    histogram_sum_subtract(&sum, &earlier);
    assert_int_equal(histogram_sum_count(&sum), 2);
    assert_int_equal(histogram_sum_count_below(&sum, 4096), 0);
    assert_int_equal(histogram_sum_get_percentile(&(struct histogram_sum){0}, 50), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_has_its_bucket),
        cmocka_unit_test(counts_are_those_of_the_values),
        cmocka_unit_test(what_is_too_large_is_counted_as_the_largest),
        cmocka_unit_test(a_sum_is_of_several_and_since_a_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
