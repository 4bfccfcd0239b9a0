/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/grey.h"

#include <check.h>
#include <math.h>
#include <string.h>

#include "steer/rng.h"

enum { MOST = 4 };

/* One region's second: tries, errors, and where half and the last tenth of first bytes lie. */
struct second {
	uint32_t tries, errors;
	uint32_t usual_ms, slow_ms; /* slow_ms: of one in ten; 0: none is slower */
};

static struct grey greys[MOST];
static struct grey *regions[MOST];
static bool serving[MOST];
static struct grey_verdict verdicts[MOST];
static uint64_t now_ms;

static void
fresh(void)
{
	memset(greys, 0, sizeof greys);
	memset(verdicts, 0, sizeof verdicts);
	now_ms = 1000;
	for (unsigned i = 0; i < MOST; i++) {
		regions[i] = &greys[i];
		serving[i] = true;
	}
}

static void
second(const struct second *s, unsigned count)
{
	now_ms += 1000;
	for (unsigned i = 0; i < count; i++) {
		struct histogram h = { 0 };
		struct histogram_sum sum = { 0 };

		for (uint32_t k = 0; k < s[i].tries; k++)
			histogram_add(&h,
			    1000ull *
				(k % 10 == 0 && s[i].slow_ms > 0 ? s[i].slow_ms : s[i].usual_ms));
		histogram_merge(&sum, &h);
		grey_second(&greys[i], &sum, s[i].tries, s[i].errors, !verdicts[i].grey, now_ms);
	}
	grey_judge(regions, serving, count, verdicts);
}

static void
seconds(const struct second *s, unsigned count, unsigned n)
{
	while (n-- > 0)
		second(s, count);
}

/* The first second at which the first region is grey; 0: not within n. */
static unsigned
seconds_until_grey(const struct second *s, unsigned count, unsigned n)
{
	for (unsigned i = 1; i <= n; i++) {
		second(s, count);
		if (verdicts[0].grey)
			return i;
	}
	return 0;
}

START_TEST(z_is_that_of_two_proportions)
{
	static const struct {
		uint32_t bad_a, n_a, bad_b, n_b;
		double z;
	} t[] = {
		{ 0, 0, 0, 0, 0 },
		{ 5, 10, 0, 0, 0 },
		{ 0, 100, 0, 100, 0 },
		{ 100, 100, 100, 100, 0 },
		{ 10, 100, 10, 100, 0 },
		{ 30, 100, 10, 100, 3.5355339 },
		{ 10, 100, 30, 100, -3.5355339 },
		{ 20, 20, 0, 10, 5.4772256 },
		{ 5, 100, 100, 10000, 3.9240 },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		double z = grey_z(t[i].bad_a, t[i].n_a, t[i].bad_b, t[i].n_b);

		ck_assert_msg(fabs(z - t[i].z) < 1e-3, "%u: %g", i, z);
	}
}
END_TEST

/* Well for a minute, then like this: after how many seconds is the first region grey? */
static const struct {
	const char *what;
	unsigned count;
	struct second before[MOST], then[MOST];
	unsigned at_least, at_most; /* seconds; 0: never */
	enum fact_signal signal;
} worse[] = {
	{ "as before", 2, { { 100, 0, 20, 0 }, { 100, 0, 30, 0 } },
	    { { 100, 0, 20, 0 }, { 100, 0, 30, 0 } }, 0, 0, SIGNAL_NONE },
	{ "a third of answers are errors", 2, { { 100, 0, 20, 0 }, { 100, 0, 30, 0 } },
	    { { 100, 33, 20, 0 }, { 100, 0, 30, 0 } }, 3, 3, SIGNAL_ERRORS },
	{ "one in fifty, where none was", 2, { { 100, 0, 20, 0 }, { 100, 0, 30, 0 } },
	    { { 100, 2, 20, 0 }, { 100, 0, 30, 0 } }, 0, 0, SIGNAL_NONE },
	{ "three in hundred", 2, { { 100, 0, 20, 0 }, { 100, 0, 30, 0 } },
	    { { 100, 3, 20, 0 }, { 100, 0, 30, 0 } }, 9, 10, SIGNAL_ERRORS },
	{ "three in hundred, as everywhere", 2, { { 100, 0, 20, 0 }, { 100, 0, 30, 0 } },
	    { { 100, 3, 20, 0 }, { 100, 2, 30, 0 } }, 0, 0, SIGNAL_NONE },
	{ "errors, but nobody to compare with", 1, { { 100, 0, 20, 0 } }, { { 100, 50, 20, 0 } }, 0,
	    0, SIGNAL_NONE },
	{ "errors of nine tries a second", 2, { { 9, 0, 20, 0 }, { 100, 0, 30, 0 } },
	    { { 9, 9, 20, 0 }, { 100, 0, 30, 0 } }, 0, 0, SIGNAL_NONE },
	{ "errors of ten tries a second", 2, { { 10, 0, 20, 0 }, { 100, 0, 30, 0 } },
	    { { 10, 9, 20, 0 }, { 100, 0, 30, 0 } }, 3, 4, SIGNAL_ERRORS },
	{ "most are five times slower: one second tells", 2,
	    { { 100, 0, 50, 0 }, { 100, 0, 30, 0 } }, { { 100, 0, 250, 0 }, { 100, 0, 30, 0 } }, 1,
	    1, SIGNAL_LATENCY_P50 },
	{ "of ten tries a second no single one tells", 2, { { 10, 0, 50, 0 }, { 100, 0, 30, 0 } },
	    { { 10, 0, 250, 0 }, { 100, 0, 30, 0 } }, 3, 4, SIGNAL_LATENCY_P95 },
	{ "most are what the slow tenth was before", 2,
	    { { 100, 0, 20, 400 }, { 100, 0, 20, 400 } },
	    { { 100, 0, 400, 0 }, { 100, 0, 20, 400 } }, 3, 9, SIGNAL_LATENCY_P50 },
	{ "five times slower, within 100 ms", 2, { { 100, 0, 20, 0 }, { 100, 0, 30, 0 } },
	    { { 100, 0, 100, 0 }, { 100, 0, 30, 0 } }, 0, 0, SIGNAL_NONE },
	{ "twice as slow", 2, { { 100, 0, 200, 0 }, { 100, 0, 30, 0 } },
	    { { 100, 0, 400, 0 }, { 100, 0, 30, 0 } }, 0, 0, SIGNAL_NONE },
	{ "five times slower, the other three times", 2, { { 100, 0, 50, 0 }, { 100, 0, 50, 0 } },
	    { { 100, 0, 250, 0 }, { 100, 0, 145, 0 } }, 0, 0, SIGNAL_NONE },
	{ "the slow tenth of mixed traffic was slow before; the rest is now", 2,
	    { { 100, 0, 20, 3000 }, { 100, 0, 20, 3000 } },
	    { { 100, 0, 200, 3000 }, { 100, 0, 20, 3000 } }, 3, 10, SIGNAL_LATENCY_P50 },
	{ "a tenth became slow", 2, { { 100, 0, 20, 100 }, { 100, 0, 20, 100 } },
	    { { 100, 0, 20, 450 }, { 100, 0, 20, 100 } }, 3, 9, SIGNAL_LATENCY_P95 },
	{ "a jump of ten times and 500 ms needs one window", 2,
	    { { 100, 0, 20, 0 }, { 100, 0, 30, 0 } }, { { 100, 0, 2000, 0 }, { 100, 0, 30, 0 } }, 1,
	    1, SIGNAL_LATENCY_P95 },
	{ "both slow together", 2, { { 100, 0, 20, 0 }, { 100, 0, 30, 0 } },
	    { { 100, 0, 2000, 0 }, { 100, 0, 500, 0 } }, 0, 0, SIGNAL_LATENCY_P95 },
	{ "slow, the other has no traffic", 2, { { 100, 0, 20, 0 }, { 0, 0, 0, 0 } },
	    { { 100, 0, 2000, 0 }, { 0, 0, 0, 0 } }, 0, 0, SIGNAL_NONE },
	{ "slow, a standby answers second tries well", 2, { { 100, 0, 20, 0 }, { 0, 0, 0, 0 } },
	    { { 100, 0, 2000, 0 }, { 50, 0, 30, 0 } }, 1, 2, SIGNAL_LATENCY_P95 },
	{ "slow, but a standby would be no better", 2, { { 100, 0, 20, 0 }, { 0, 0, 0, 0 } },
	    { { 100, 0, 400, 0 }, { 50, 0, 300, 0 } }, 0, 0, SIGNAL_NONE },
	{ "slower than it was, and as slow as another always was", 2,
	    { { 100, 0, 20, 0 }, { 100, 0, 300, 0 } }, { { 100, 0, 400, 0 }, { 100, 0, 300, 0 } },
	    0, 0, SIGNAL_NONE },
	{ "slower than it was, and than another always was", 2,
	    { { 100, 0, 20, 0 }, { 100, 0, 300, 0 } }, { { 100, 0, 600, 0 }, { 100, 0, 300, 0 } },
	    1, 1, SIGNAL_LATENCY_P50 },
	{ "one of four, whose median counts", 4,
	    { { 100, 0, 50, 0 }, { 100, 0, 50, 0 }, { 100, 0, 50, 0 }, { 100, 0, 50, 0 } },
	    { { 100, 0, 250, 0 }, { 100, 0, 50, 0 }, { 100, 0, 50, 0 }, { 100, 0, 140, 0 } }, 1, 1,
	    SIGNAL_LATENCY_P50 },
};

START_TEST(a_region_that_is_worse_than_the_others_turns_grey)
{
	for (unsigned i = 0; i < sizeof worse / sizeof worse[0]; i++) {
		unsigned at;

		fresh();
		seconds(worse[i].before, worse[i].count, 60);
		ck_assert_msg(!verdicts[0].grey, "%s: before", worse[i].what);
		at = seconds_until_grey(worse[i].then, worse[i].count, 30);
		ck_assert_msg(at >= worse[i].at_least && at <= worse[i].at_most, "%s: after %u s",
		    worse[i].what, at);
		if (at > 0)
			ck_assert_msg(verdicts[0].signal == worse[i].signal, "%s: by %s",
			    worse[i].what, fact_signal_word(verdicts[0].signal));
		for (unsigned k = 1; k < worse[i].count; k++)
			ck_assert_msg(!verdicts[k].grey, "%s: region %u", worse[i].what, k);
	}
}
END_TEST

START_TEST(the_verdict_tells_its_numbers)
{
	const struct second well[] = { { 100, 0, 50, 0 }, { 100, 0, 50, 0 }, { 100, 0, 50, 0 } };
	const struct second slow[] = { { 100, 0, 300, 0 }, { 100, 0, 50, 0 }, { 100, 0, 50, 0 } };
	const struct second bad[] = { { 100, 40, 50, 0 }, { 100, 0, 50, 0 }, { 100, 0, 50, 0 } };

	fresh();
	seconds(well, 3, 60);
	seconds(slow, 3, 15);
	ck_assert(verdicts[0].grey);
	ck_assert_double_eq_tol(verdicts[0].value, 300, 40);
	ck_assert_double_eq_tol(verdicts[0].threshold, 150, 20);
	ck_assert_uint_eq(verdicts[0].peers, 2);

	fresh();
	seconds(well, 3, 60);
	seconds(bad, 3, 15);
	ck_assert(verdicts[0].grey);
	ck_assert_double_eq_tol(verdicts[0].value, 0.4, 1e-6);
	ck_assert_double_eq_tol(verdicts[0].threshold, 0.02, 1e-6);
	ck_assert_uint_eq(verdicts[0].peers, 2);
}
END_TEST

START_TEST(three_windows_must_be_bad_in_a_row)
{
	const struct second well[] = { { 100, 0, 20, 0 }, { 100, 0, 20, 0 } };
	const struct second bad[] = { { 100, 50, 20, 0 }, { 100, 0, 20, 0 } };

	fresh();
	seconds(well, 2, 60);
	seconds(bad, 2, 2);
	ck_assert(!verdicts[0].grey && verdicts[0].half);
	second(bad, 2);
	ck_assert(verdicts[0].grey);
}
END_TEST

START_TEST(what_all_have_in_common_makes_nobody_grey_and_is_said)
{
	static const struct {
		const char *what;
		struct second then[3];
		bool common;
	} t[] = {
		{ "all slow", { { 100, 0, 900, 0 }, { 100, 0, 400, 0 }, { 100, 0, 1500, 0 } },
		    true },
		{ "all err alike", { { 100, 40, 20, 0 }, { 100, 30, 20, 0 }, { 100, 50, 20, 0 } },
		    true },
		{ "one errs much more",
		    { { 100, 90, 20, 0 }, { 100, 10, 20, 0 }, { 100, 10, 20, 0 } }, false },
		{ "one is well", { { 100, 0, 900, 0 }, { 100, 0, 20, 0 }, { 100, 0, 1500, 0 } },
		    false },
		{ "all are well", { { 100, 0, 20, 0 }, { 100, 0, 20, 0 }, { 100, 0, 20, 0 } },
		    false },
	};
	const struct second well[] = { { 100, 0, 20, 0 }, { 100, 0, 20, 0 }, { 100, 0, 20, 0 } };

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		fresh();
		seconds(well, 3, 60);
		seconds(t[i].then, 3, 12);
		for (unsigned k = 0; k < 3; k++) {
			ck_assert_msg(verdicts[k].common_cause == t[i].common, "%s", t[i].what);
			ck_assert_msg(!t[i].common || !(verdicts[k].grey || verdicts[k].half), "%s",
			    t[i].what);
		}
	}
}
END_TEST

/* The sensor share of a small service: 4 answers a second, of which one in thirty takes 2.6 times.
 */
START_TEST(a_well_region_with_little_traffic_is_clean_for_a_minute_in_spite_of_chance)
{
	struct rng rng;
	unsigned unclean = 0;

	fresh();
	rng_seed(&rng, 1);
	for (unsigned s = 0; s < 1200; s++) {
		unsigned n = s < 120 ? 100 : 4;

		now_ms += 1000;
		for (unsigned i = 0; i < 2; i++) {
			struct histogram h = { 0 };
			struct histogram_sum sum = { 0 };

			for (unsigned k = 0; k < n; k++)
				histogram_add(&h,
				    20000 + rng_below(&rng, 20000) +
					(rng_below(&rng, 30) == 0 ? 40000 : 0));
			histogram_merge(&sum, &h);
			grey_second(&greys[i], &sum, n, 0, s < 120, now_ms);
		}
		grey_judge(regions, serving, 2, verdicts);
		unclean += s >= 130 && !verdicts[0].clean;
	}
	ck_assert_msg(unclean < 5, "%u of 1070 seconds are not clean", unclean);
}
END_TEST

START_TEST(a_region_is_clean_below_the_leaving_thresholds)
{
	static const struct {
		const char *what;
		struct second then;
		bool clean;
	} t[] = {
		{ "well", { 100, 0, 20, 0 }, true },
		{ "no traffic speaks against it", { 0, 0, 0, 0 }, true },
		{ "a little slower", { 100, 0, 28, 0 }, true },
		{ "twice as slow", { 100, 0, 40, 0 }, false },
		{ "one percent of errors", { 100, 1, 20, 0 }, false },
		{ "five tries a second, of which two err", { 5, 2, 20, 0 }, false },
		{ "five tries a second, well", { 5, 0, 20, 0 }, true },
		{ "one try a second, each slow", { 1, 0, 300, 0 }, false },
		{ "one try a second, well", { 1, 0, 20, 0 }, true },
	};
	const struct second well[] = { { 100, 0, 20, 0 }, { 100, 0, 20, 0 } };

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		const struct second then[] = { t[i].then, { 100, 0, 20, 0 } };

		fresh();
		seconds(well, 2, 60);
		seconds(then, 2, 12);
		ck_assert_msg(verdicts[0].clean == t[i].clean, "%s", t[i].what);
		ck_assert(verdicts[1].clean);
	}
}
END_TEST

START_TEST(a_region_is_clean_as_well_if_it_is_hardly_slower_than_before_or_than_the_others)
{
	static const struct {
		const char *what;
		uint32_t before_ms, then_ms, others_ms;
		bool clean;
	} t[] = {
		{ "a few milliseconds", 4, 12, 4, true },
		{ "more than those", 4, 20, 4, false },
		{ "all are three times as slow", 20, 60, 60, true },
		{ "the others are faster than they were", 20, 40, 10, false },
		{ "twice as slow as the others, which are slower too", 20, 80, 40, false },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		const struct second well[] = { { 100, 0, t[i].before_ms, 0 },
			{ 100, 0, t[i].before_ms, 0 } };
		const struct second then[] = { { 100, 0, t[i].then_ms, 0 },
			{ 100, 0, t[i].others_ms, 0 } };

		fresh();
		seconds(well, 2, 60);
		seconds(then, 2, 12);
		ck_assert_msg(verdicts[0].clean == t[i].clean, "%s", t[i].what);
	}
}
END_TEST

START_TEST(latency_is_not_judged_before_there_is_a_baseline)
{
	const struct second well[] = { { 100, 0, 20, 0 }, { 100, 0, 20, 0 } };
	const struct second slow[] = { { 100, 0, 2000, 0 }, { 100, 0, 20, 0 } };

	fresh();
	seconds(well, 2, 20);
	ck_assert_uint_eq(grey_base_p50_us(&greys[0]), 0);
	ck_assert_uint_eq(seconds_until_grey(slow, 2, 8), 0);

	fresh();
	seconds(well, 2, 40);
	ck_assert_uint_ge(grey_base_p50_us(&greys[0]), 20000);
	ck_assert_uint_le(grey_base_p50_us(&greys[0]), 22500);
	ck_assert_uint_gt(seconds_until_grey(slow, 2, 8), 0);
}
END_TEST

/* The learning rests from the first bad window on, so what is slow never becomes usual. */
START_TEST(a_baseline_does_not_learn_what_is_bad)
{
	const struct second well[] = { { 100, 0, 20, 0 }, { 100, 0, 20, 0 } };
	const struct second slow[] = { { 100, 0, 400, 0 }, { 100, 0, 20, 0 } };

	fresh();
	seconds(well, 2, 100);
	seconds(slow, 2, 1200);
	ck_assert(verdicts[0].grey);
	ck_assert_uint_le(grey_base_p50_us(&greys[0]), 22500);
	seconds(well, 2, 12);
	ck_assert(verdicts[0].clean && !verdicts[0].grey);
}
END_TEST

START_TEST(a_baseline_follows_slow_change_within_ten_minutes)
{
	const struct second well[] = { { 100, 0, 20, 0 }, { 100, 0, 20, 0 } };
	const struct second slower[] = { { 100, 0, 40, 0 }, { 100, 0, 20, 0 } };

	fresh();
	seconds(well, 2, 700);
	seconds(slower, 2, 200);
	ck_assert_uint_le(grey_base_p50_us(&greys[0]), 22500);
	seconds(slower, 2, 400);
	ck_assert_uint_ge(grey_base_p50_us(&greys[0]), 40000);
}
END_TEST

/* 1 % of errors everywhere and latencies that vary: no seed makes a region grey. */
START_TEST(chance_alone_makes_nobody_grey)
{
	struct rng rng;

	for (unsigned seed = 0; seed < 10; seed++) {
		fresh();
		rng_seed(&rng, seed);
		for (unsigned n = 0; n < 1000; n++) {
			struct second s[3];

			for (unsigned i = 0; i < 3; i++) {
				s[i] = (struct second){ 30 + rng_below(&rng, 40), 0,
					15 + rng_below(&rng, 15), 50 + rng_below(&rng, 100) };
				for (uint32_t k = 0; k < s[i].tries; k++)
					s[i].errors += rng_below(&rng, 100) == 0;
			}
			second(s, 3);
			for (unsigned i = 0; i < 3; i++)
				ck_assert_msg(!verdicts[i].grey, "seed %u, second %u: by %s", seed,
				    n, fact_signal_word(verdicts[i].signal));
		}
	}
}
END_TEST

START_TEST(errors_of_one_second_are_no_three_windows_of_errors)
{
	fresh();
	for (unsigned i = 0; i < 20; i++) {
		second((struct second[]){ { .tries = 100, .errors = i == 3 ? 40 : 0 },
			   { .tries = 100 } },
		    2);
		ck_assert(!verdicts[0].grey);
	}
	for (unsigned i = 0; i < 3; i++)
		second((struct second[]){ { .tries = 100, .errors = 50 }, { .tries = 100 } }, 2);
	ck_assert(verdicts[0].grey);
}
END_TEST

START_TEST(a_second_that_is_slow_everywhere_makes_nobody_grey)
{
	const struct second well[] = { { 100, 0, 20, 0 }, { 100, 0, 30, 0 } };
	const struct second slow[] = { { 100, 0, 300, 0 }, { 100, 0, 200, 0 } };
	const struct second one[] = { { 100, 0, 300, 0 }, { 100, 0, 30, 0 } };

	fresh();
	seconds(well, 2, 60);
	second(slow, 2);
	ck_assert(!verdicts[0].grey && !verdicts[0].sudden && !verdicts[1].grey);
	fresh();
	seconds(well, 2, 60);
	second(one, 2);
	ck_assert(verdicts[0].sudden);
}
END_TEST

START_TEST(of_three_regions_two_that_become_slow_are_told_by_the_third)
{
	const struct second well[] = { { 100, 0, 20, 0 }, { 100, 0, 20, 0 }, { 100, 0, 20, 0 } };
	const struct second slow[] = { { 100, 0, 300, 0 }, { 100, 0, 300, 0 }, { 100, 0, 20, 0 } };

	fresh();
	seconds(well, 3, 60);
	second(slow, 3);
	ck_assert(verdicts[0].sudden && verdicts[1].sudden && !verdicts[2].grey);
}
END_TEST

START_TEST(a_moment_of_slowness_is_not_three_windows_of_it)
{
	const struct second well[] = { { 100, 0, 20, 0 }, { 100, 0, 20, 0 } };
	const struct second slow[] = { { 100, 0, 20, 2000 }, { 100, 0, 20, 0 } };

	fresh();
	seconds(well, 2, 60);
	second(slow, 2);
	for (unsigned i = 0; i < 12; i++) {
		second(well, 2);
		ck_assert_msg(!verdicts[0].grey && !verdicts[0].slower, "second %u after it", i);
	}
}
END_TEST

START_TEST(a_few_answers_that_are_all_slow_pause_a_ramp_and_accuse_nobody)
{
	const struct second well[] = { { 100, 0, 20, 0 }, { 100, 0, 20, 0 } };
	const struct second few[] = { { 1, 0, 300, 0 }, { 100, 0, 20, 0 } };

	fresh();
	seconds(well, 2, 60);
	seconds(few, 2, 12);
	ck_assert(verdicts[0].half && !verdicts[0].grey);
}
END_TEST

/* What the others always took is no reason to stay away from one that takes less. */
START_TEST(a_region_is_clean_if_the_others_need_more)
{
	const struct second well[] = { { 100, 0, 20, 0 }, { 100, 0, 300, 0 } };
	const struct second slower[] = { { 100, 0, 90, 0 }, { 100, 0, 300, 0 } };
	const struct second quicker[] = { { 100, 0, 90, 0 }, { 100, 0, 60, 0 } };

	fresh();
	seconds(well, 2, 60);
	seconds(slower, 2, 12);
	ck_assert(verdicts[0].clean && !verdicts[0].half);
	seconds(quicker, 2, 12);
	ck_assert(!verdicts[0].clean);
}
END_TEST

/* Who has nobody to compare it with is not judged, but says so: others can be asked. */
START_TEST(a_region_that_became_slow_alone_says_so_and_learns_it_in_the_end)
{
	const struct second well[] = { { 100, 0, 20, 0 }, { 0, 0, 0, 0 } };
	const struct second slow[] = { { 100, 0, 300, 0 }, { 0, 0, 0, 0 } };
	const struct second tenth[] = { { 100, 0, 20, 450 }, { 0, 0, 0, 0 } };

	fresh();
	seconds(well, 2, 60);
	ck_assert(!verdicts[0].slower && verdicts[0].lonely);
	second(slow, 2);
	ck_assert(!verdicts[0].slower); /* it may be a pause */
	second(slow, 2);
	ck_assert(verdicts[0].slower && verdicts[0].lonely && !verdicts[0].grey);
	ck_assert_int_eq(verdicts[0].signal, SIGNAL_LATENCY_P50);
	seconds(slow, 2, 700);
	ck_assert(!verdicts[0].slower);

	fresh();
	seconds(well, 2, 60);
	seconds(tenth, 2, 2);
	ck_assert(!verdicts[0].slower);
	seconds(tenth, 2, 8);
	ck_assert(verdicts[0].slower && !verdicts[0].grey);
}
END_TEST

START_TEST(a_region_that_does_not_serve_is_not_judged)
{
	const struct second bad[] = { { 100, 90, 20, 0 }, { 100, 0, 20, 0 } };

	fresh();
	serving[0] = false;
	seconds(bad, 2, 60);
	ck_assert(!verdicts[0].grey && !verdicts[1].grey);
	ck_assert_uint_eq(greys[0].bad_errors, 0);
	fresh();
	serving[1] = false;
	seconds(bad, 2, 60);
	ck_assert(!verdicts[0].grey);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/grey");
	TCase *tests = tcase_create("grey");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, z_is_that_of_two_proportions);
	tcase_add_test(tests, a_region_that_is_worse_than_the_others_turns_grey);
	tcase_add_test(tests, the_verdict_tells_its_numbers);
	tcase_add_test(tests, three_windows_must_be_bad_in_a_row);
	tcase_add_test(tests, what_all_have_in_common_makes_nobody_grey_and_is_said);
	tcase_add_test(
	    tests, a_well_region_with_little_traffic_is_clean_for_a_minute_in_spite_of_chance);
	tcase_add_test(tests, a_region_is_clean_below_the_leaving_thresholds);
	tcase_add_test(
	    tests, a_region_is_clean_as_well_if_it_is_hardly_slower_than_before_or_than_the_others);
	tcase_add_test(tests, latency_is_not_judged_before_there_is_a_baseline);
	tcase_add_test(tests, a_baseline_does_not_learn_what_is_bad);
	tcase_add_test(tests, a_baseline_follows_slow_change_within_ten_minutes);
	tcase_add_test(tests, chance_alone_makes_nobody_grey);
	tcase_add_test(tests, errors_of_one_second_are_no_three_windows_of_errors);
	tcase_add_test(tests, a_second_that_is_slow_everywhere_makes_nobody_grey);
	tcase_add_test(tests, of_three_regions_two_that_become_slow_are_told_by_the_third);
	tcase_add_test(tests, a_moment_of_slowness_is_not_three_windows_of_it);
	tcase_add_test(tests, a_few_answers_that_are_all_slow_pause_a_ramp_and_accuse_nobody);
	tcase_add_test(tests, a_region_is_clean_if_the_others_need_more);
	tcase_add_test(tests, a_region_that_became_slow_alone_says_so_and_learns_it_in_the_end);
	tcase_add_test(tests, a_region_that_does_not_serve_is_not_judged);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
