/* SPDX-License-Identifier: Apache-2.0 */
#include "base/histogram.h"

#include <check.h>
#include <string.h>

#include "base/bytes.h"

static struct histogram h;

static struct histogram_sum
sum_of(const struct histogram *from)
{
	struct histogram_sum sum = { .total = 0 };

	histogram_merge(&sum, from);
	return sum;
}

START_TEST(a_sample_is_found_within_an_eighth)
{
	static const uint64_t cases[] = { 0, 1, 7, 8, 9, 15, 16, 17, 18, 31, 32, 1000, 1023, 1024,
		1025, 999999, 3600 * UINT64_C(1000000), (UINT64_C(1) << 34) - 1 };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t us = cases[i], found;
		struct histogram_sum sum;

		memset(&h, 0, sizeof h);
		histogram_add(&h, us);
		sum = sum_of(&h);
		found = histogram_quantile(&sum, 0.5);
		ck_assert_uint_ge(found, us);
		ck_assert_uint_le(found, us + us / 8);
		ck_assert_uint_eq(sum.total, 1);
		ck_assert_uint_eq(sum.sum_us, us);
	}
}
END_TEST

START_TEST(samples_below_a_bound_are_added)
{
	struct histogram_sum sum, below = { .total = 0 };

	memset(&h, 0, sizeof h);
	histogram_add(&h, 5000);
	histogram_add(&h, 900000);
	histogram_add(&h, 3005000);
	sum = sum_of(&h);
	histogram_add_below(&below, &sum, 1000000);
	ck_assert_uint_eq(below.total, 2);
	ck_assert_uint_le(histogram_quantile(&below, 1), 1000000);
	histogram_add_below(&below, &sum, 4000000);
	ck_assert_uint_eq(below.total, 5);
}
END_TEST

START_TEST(bucket_borders_are_exact)
{
	uint64_t end = 0;

	/* Each quantile is the end of a bucket: the next value must lie in the next one. */
	for (int i = 0; i < HISTOGRAM_BUCKETS - 1; i++) {
		struct histogram_sum sum;

		memset(&h, 0, sizeof h);
		histogram_add(&h, end);
		sum = sum_of(&h);
		ck_assert_uint_eq(sum.count[i], 1);
		end = histogram_quantile(&sum, 1);
		ck_assert_uint_eq(histogram_count_below(&sum, end), 1);
		ck_assert_uint_eq(histogram_count_below(&sum, end - (end > 0)), end == 0);
		histogram_add(&h, end);
		histogram_add(&h, end + 1);
		sum = sum_of(&h);
		ck_assert_uint_eq(sum.count[i], 2);
		ck_assert_uint_eq(sum.count[i + 1], 1);
		ck_assert_uint_eq(histogram_count_below(&sum, end), 2);
		end++;
	}
}
END_TEST

START_TEST(what_is_too_long_is_counted_at_the_top)
{
	struct histogram_sum sum;

	histogram_add(&h, UINT64_MAX / 4);
	histogram_add(&h, UINT64_C(1) << 34);
	sum = sum_of(&h);
	ck_assert_uint_eq(sum.count[HISTOGRAM_BUCKETS - 1], 2);
	ck_assert_uint_eq(histogram_quantile(&sum, 0.5), (UINT64_C(1) << 34) - 1);
	ck_assert_uint_eq(histogram_count_below(&sum, UINT64_MAX), 0);
}
END_TEST

START_TEST(quantiles_follow_the_ranks)
{
	static const struct {
		double q;
		uint64_t least, most;
	} cases[] = { { 0, 1, 1 }, { 0.01, 10, 11 }, { 0.5, 500, 563 }, { 0.9, 900, 1013 },
		{ 0.99, 990, 1114 }, { 1, 1000, 1125 } };
	struct histogram_sum sum;

	for (uint64_t us = 1; us <= 1000; us++)
		histogram_add(&h, us);
	sum = sum_of(&h);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ck_assert_uint_ge(histogram_quantile(&sum, cases[i].q), cases[i].least);
		ck_assert_uint_le(histogram_quantile(&sum, cases[i].q), cases[i].most);
	}
}
END_TEST

START_TEST(an_empty_histogram_has_no_quantiles)
{
	struct histogram_sum sum = sum_of(&h);

	ck_assert_uint_eq(histogram_quantile(&sum, 0), 0);
	ck_assert_uint_eq(histogram_quantile(&sum, 1), 0);
	ck_assert_uint_eq(histogram_count_below(&sum, UINT64_MAX), 0);
}
END_TEST

START_TEST(a_window_between_two_readings_survives_the_wrap)
{
	struct histogram_sum before, after;

	atomic_store(&h.count[5], UINT32_MAX);
	before = sum_of(&h);
	histogram_add(&h, 5); /* 0 again */
	histogram_add(&h, 5);
	histogram_add(&h, 100);
	after = sum_of(&h);
	histogram_subtract(&after, &before);
	ck_assert_uint_eq(after.total, 3);
	ck_assert_uint_eq(after.count[5], 2);
	ck_assert_uint_eq(after.sum_us, 110);
}
END_TEST

START_TEST(a_bucket_that_wrapped_to_nothing_counts_in_the_window)
{
	struct histogram_sum before, after;

	atomic_store(&h.count[5], UINT32_MAX);
	before = sum_of(&h);
	histogram_add(&h, 5); /* 0 again, and the only sample */
	after = sum_of(&h);
	histogram_subtract(&after, &before);
	ck_assert_uint_eq(after.total, 1);
	ck_assert_uint_eq(after.count[5], 1);
	ck_assert_uint_eq(histogram_quantile(&after, 1), 5);
}
END_TEST

START_TEST(what_a_copy_held_before_is_gone)
{
	static struct histogram slow;
	struct histogram_sum copy, sum;

	histogram_add(&slow, 3000000);
	copy = sum_of(&slow);
	histogram_add(&h, 10);
	histogram_add(&h, 2000);
	sum = sum_of(&h);
	histogram_sum_copy(&copy, &sum);
	ck_assert_int_eq(memcmp(&copy, &sum, sizeof sum), 0);
}
END_TEST

START_TEST(sums_of_other_ranges_add_up)
{
	static struct histogram slow;
	struct histogram_sum sum, more;

	histogram_add(&h, 10);
	histogram_add(&slow, 3000000);
	for (unsigned order = 0; order < 2; order++) {
		sum = sum_of(order == 0 ? &h : &slow);
		more = sum_of(order == 0 ? &slow : &h);
		histogram_sum_add(&sum, &more);
		ck_assert_uint_eq(sum.total, 2);
		ck_assert_uint_eq(sum.sum_us, 3000010);
		ck_assert_uint_eq(histogram_quantile(&sum, 0.5), 10);
		ck_assert_uint_ge(histogram_quantile(&sum, 1), 3000000);
		ck_assert_uint_eq(histogram_count_below(&sum, UINT64_MAX), 2);
	}
}
END_TEST

START_TEST(workers_histograms_add_up)
{
	static struct histogram other;
	struct histogram_sum sum;

	histogram_add(&h, 10);
	histogram_add(&other, 10);
	histogram_add(&other, 2000);
	sum = sum_of(&h);
	histogram_merge(&sum, &other);
	ck_assert_uint_eq(sum.total, 3);
	ck_assert_uint_eq(sum.sum_us, 2020);
	ck_assert_uint_eq(histogram_count_below(&sum, 11), 2);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/histogram");
	TCase *tests = tcase_create("histogram");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, a_sample_is_found_within_an_eighth);
	tcase_add_test(tests, samples_below_a_bound_are_added);
	tcase_add_test(tests, bucket_borders_are_exact);
	tcase_add_test(tests, what_is_too_long_is_counted_at_the_top);
	tcase_add_test(tests, quantiles_follow_the_ranks);
	tcase_add_test(tests, an_empty_histogram_has_no_quantiles);
	tcase_add_test(tests, a_window_between_two_readings_survives_the_wrap);
	tcase_add_test(tests, a_bucket_that_wrapped_to_nothing_counts_in_the_window);
	tcase_add_test(tests, what_a_copy_held_before_is_gone);
	tcase_add_test(tests, sums_of_other_ranges_add_up);
	tcase_add_test(tests, workers_histograms_add_up);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
