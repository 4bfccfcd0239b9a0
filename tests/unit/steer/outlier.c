/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/outlier.h"

#include <check.h>
#include <string.h>

enum { MOST = 12 };

static const struct outlier_policy policy = {
	.consecutive = 3,
	.failure_share = 0.5,
	.min_tries = 20,
	.base_ms = 30000,
	.max_ms = 300000,
	.max_ejected = 0.5,
	.slow_start_ms = 10000,
};

static const struct evidence good = { .tries = 1, .answered = 1 };
static const struct evidence refused = { .tries = 1, .not_sent = 1 };
static const struct evidence reset = { .tries = 1, .broken = 1 };
static const struct evidence timeout = { .tries = 1, .broken = 1, .timeouts = 1 };

/* A region of endpoints that are all up by their checks, until a test says otherwise. */
static struct outlier outliers[MOST];
static struct outlier *endpoints[MOST];
static bool healthy[MOST], changed[MOST];

static void
fresh(void)
{
	memset(outliers, 0, sizeof outliers);
	for (unsigned i = 0; i < MOST; i++) {
		endpoints[i] = &outliers[i];
		healthy[i] = true;
	}
}

static void
see(unsigned i, const struct evidence *e, unsigned times, uint64_t now_ms)
{
	for (; times > 0; times--) {
		outlier_see(&outliers[i], e, now_ms);
		now_ms += evidence_local(e) > 0 ? EVIDENCE_MOMENT_MS : 0;
	}
}

static unsigned
judge(unsigned count, uint64_t now_ms)
{
	unsigned n = outlier_judge(endpoints, healthy, changed, count, &policy, now_ms);
	unsigned told = 0;

	for (unsigned i = 0; i < count; i++)
		told += changed[i];
	ck_assert_uint_eq(n, told);
	return n;
}

static unsigned
ejected_of(unsigned count)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++)
		n += outliers[i].ejected;
	return n;
}

START_TEST(what_live_traffic_met_ejects_or_not)
{
	static const struct {
		const char *what;
		struct evidence seen[4]; /* one after the other */
		bool failing;
		enum outlier_why why;
		uint32_t value;
	} t[] = {
		{ "nothing", { { 0 } }, false, OUTLIER_NONE, 0 },
		{ "two in a row", { { 1, 0, 1, 0, 0, 0, 0, 0 }, { 1, 0, 0, 1, 0, 0, 0, 0 } }, false,
		    OUTLIER_NONE, 0 },
		{ "three in a row",
		    { { 1, 0, 1, 0, 0, 0, 0, 0 }, { 1, 0, 0, 1, 0, 0, 0, 0 },
			{ 1, 0, 1, 0, 0, 0, 0, 0 } },
		    true, OUTLIER_CONSECUTIVE, 3 },
		{ "five, of which two and three are of one moment",
		    { { 2, 0, 2, 0, 0, 0, 0, 0 }, { 3, 0, 1, 2, 0, 0, 0, 0 } }, false, OUTLIER_NONE,
		    0 },
		{ "an answer in between",
		    { { 1, 0, 1, 0, 0, 0, 0, 0 }, { 1, 1, 0, 0, 0, 0, 0, 0 },
			{ 1, 0, 1, 0, 0, 0, 0, 0 }, { 1, 0, 1, 0, 0, 0, 0, 0 } },
		    false, OUTLIER_NONE, 0 },
		{ "an answer at the same time", { { 6, 1, 5, 0, 0, 0, 0, 0 } }, false, OUTLIER_NONE,
		    0 },
		{ "errors are answers", { { 9, 9, 0, 0, 0, 0, 9, 0 } }, false, OUTLIER_NONE, 0 },
		{ "half of 20", { { 20, 10, 10, 0, 0, 0, 0, 0 } }, false, OUTLIER_NONE, 0 },
		{ "more than half of 20, but at one moment", { { 20, 9, 11, 0, 0, 0, 0, 0 } },
		    false, OUTLIER_NONE, 0 },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		fresh();
		for (unsigned k = 0; k < 4; k++)
			outlier_see(&outliers[0], &t[i].seen[k], 1000 + k * EVIDENCE_MOMENT_MS);
		ck_assert_msg(judge(2, 1100) == t[i].failing, "%s", t[i].what);
		ck_assert_msg(outliers[0].failing == t[i].failing &&
			outliers[0].ejected == t[i].failing && outliers[0].why == t[i].why,
		    "%s: why %d", t[i].what, outliers[0].why);
		ck_assert_msg(!t[i].failing || outliers[0].value == t[i].value, "%s: %u", t[i].what,
		    outliers[0].value);
	}
}
END_TEST

START_TEST(most_of_a_seconds_tries_must_fail_for_longer_than_a_moment)
{
	static const struct {
		const char *what;
		struct evidence seen; /* in each of so many tenths of a second */
		unsigned slots;
		bool failing;
	} t[] = {
		{ "half of 20", { 5, 2, 2, 0, 0, 0, 0, 0 }, 4, false },
		{ "more than half of 20", { 5, 2, 3, 0, 0, 0, 0, 0 }, 4, true },
		{ "more than half of 40 that are seen to fail for longer",
		    { 13, 2, 11, 0, 0, 0, 0, 0 }, 3, false },
		{ "more than half of 16", { 4, 1, 3, 0, 0, 0, 0, 0 }, 4, false },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		fresh();
		for (unsigned k = 0; k < t[i].slots; k++)
			outlier_see(&outliers[0], &t[i].seen, 1000 + k * EVIDENCE_SLOT_MS);
		ck_assert_msg(judge(2, 1400) == t[i].failing, "%s", t[i].what);
		ck_assert_int_eq(
		    outliers[0].why, t[i].failing ? OUTLIER_FAILURE_SHARE : OUTLIER_NONE);
		ck_assert(!t[i].failing || outliers[0].value == 600);
	}
}
END_TEST

/* All fail; so many may go. */
START_TEST(ejections_stay_within_the_cap_whatever_the_size_of_the_region)
{
	static const struct {
		unsigned count;
		double cap;
		unsigned ejected;
	} t[] = {
		{ 1, 0.5, 0 },
		{ 2, 0.5, 1 },
		{ 3, 0.5, 1 },
		{ 4, 0.5, 2 },
		{ 5, 0.5, 2 },
		{ 12, 0.5, 6 },
		{ 1, 1.0, 1 },
		{ 3, 1.0, 3 },
		{ 2, 0.1, 0 },
		{ 10, 0.1, 1 },
		{ 10, 0.29, 2 },
		{ 10, 0.3, 3 },
		{ 4, 0, 0 },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct outlier_policy p = policy;

		p.max_ejected = t[i].cap;
		fresh();
		for (unsigned k = 0; k < t[i].count; k++)
			see(k, &refused, 3, 1000);
		outlier_judge(endpoints, healthy, changed, t[i].count, &p, 1100);
		ck_assert_msg(ejected_of(t[i].count) == t[i].ejected, "%u at %g: %u", t[i].count,
		    t[i].cap, ejected_of(t[i].count));
		for (unsigned k = 0; k < t[i].count; k++)
			ck_assert(outliers[k].failing); /* raw: the cap hides nothing */
	}
}
END_TEST

START_TEST(the_last_endpoint_is_not_ejected_for_timeouts_alone)
{
	const struct evidence mostly_timeouts = { 8, 1, 0, 7, 7, 0, 0, 0 };
	const struct evidence mostly_resets = { 8, 1, 0, 7, 2, 0, 0, 0 };
	const struct {
		const char *what;
		struct evidence seen[4]; /* one after the other */
		bool other_up;
		bool ejected;
	} t[] = {
		{ "refused, the last", { refused, refused, refused }, false, true },
		{ "timeouts, the last", { timeout, timeout, timeout }, false, false },
		{ "timeouts and a reset, the last", { timeout, timeout, reset }, false, true },
		{ "timeouts, not the last", { timeout, timeout, timeout }, true, true },
		{ "a share of timeouts, the last",
		    { mostly_timeouts, mostly_timeouts, mostly_timeouts, mostly_timeouts }, false,
		    false },
		{ "a share of resets, the last",
		    { mostly_timeouts, mostly_timeouts, mostly_timeouts, mostly_resets }, false,
		    true },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		fresh();
		healthy[1] = t[i].other_up;
		for (unsigned k = 0; k < 4; k++)
			outlier_see(&outliers[0], &t[i].seen[k], 1000 + k * EVIDENCE_SLOT_MS);
		judge(2, 1400);
		ck_assert_msg(outliers[0].failing, "%s", t[i].what);
		ck_assert_msg(outliers[0].ejected == t[i].ejected, "%s", t[i].what);
	}
}
END_TEST

START_TEST(of_two_that_fail_the_unreachable_one_goes)
{
	fresh();
	see(0, &timeout, 5, 1000);
	see(1, &reset, 3, 1000);
	ck_assert_uint_eq(judge(2, 1100), 1);
	ck_assert(!outliers[0].ejected && outliers[1].ejected);
	ck_assert(!changed[0] && changed[1]);
}
END_TEST

START_TEST(each_ejection_is_longer_than_the_one_before_up_to_five_minutes)
{
	uint64_t now_ms = 1000;

	fresh();
	for (unsigned n = 1; n <= 13; n++) {
		uint64_t term_ms = n < 10 ? n * 30000 : 300000;

		see(0, &refused, 3, now_ms);
		ck_assert_uint_eq(judge(2, now_ms), 1);
		ck_assert_uint_eq(outliers[0].times, n);
		ck_assert_uint_eq(outliers[0].until_ms, now_ms + term_ms);
		ck_assert_uint_eq(judge(2, now_ms + term_ms - 1), 0);
		now_ms += term_ms;
		ck_assert_uint_eq(judge(2, now_ms), 1);
		ck_assert(!outliers[0].ejected && !outliers[0].failing);
	}
}
END_TEST

START_TEST(the_count_of_ejections_falls_only_after_whole_clean_intervals)
{
	uint64_t back_ms = 101000;

	fresh();
	outliers[0].times = 3;
	outliers[0].ejected = true;
	outliers[0].until_ms = back_ms;
	judge(2, back_ms);
	judge(2, back_ms + 29999);
	ck_assert_uint_eq(outliers[0].times, 3);
	judge(2, back_ms + 30000);
	ck_assert_uint_eq(outliers[0].times, 2);
	judge(2, back_ms + 59999);
	ck_assert_uint_eq(outliers[0].times, 2);
	see(0, &refused, 1, back_ms + 59999); /* not enough to eject, but not clean */
	judge(2, back_ms + 60000);
	ck_assert_uint_eq(outliers[0].times, 2);
	see(0, &good, 1, back_ms + 60001);
	judge(2, back_ms + 89998);
	ck_assert_uint_eq(outliers[0].times, 2);
	judge(2, back_ms + 89999);
	ck_assert_uint_eq(outliers[0].times, 1);
	judge(2, back_ms + 119999);
	ck_assert_uint_eq(outliers[0].times, 0);
	judge(2, back_ms + 999999);
	ck_assert_uint_eq(outliers[0].times, 0);
}
END_TEST

START_TEST(a_rare_failure_among_thousands_does_not_soil_an_interval)
{
	const struct evidence busy = { .tries = 1000, .answered = 999, .not_sent = 1 };

	fresh();
	outliers[0].times = 1;
	outliers[0].clean_since_ms = 1000;
	for (uint64_t ms = 1000; ms <= 31000; ms += 1000)
		outlier_see(&outliers[0], &busy, ms);
	judge(2, 31000);
	ck_assert_uint_eq(outliers[0].times, 0);
}
END_TEST

/* A check that passes is not even told here; going down and up by checks must not matter either. */
START_TEST(checks_do_not_clear_what_traffic_met)
{
	fresh();
	see(0, &refused, 3, 1000);
	judge(2, 1100);
	healthy[0] = false;
	judge(2, 5000);
	healthy[0] = true;
	judge(2, 6000);
	ck_assert(outliers[0].ejected && outliers[0].failing);
}
END_TEST

START_TEST(evidence_that_the_cap_keeps_in_is_refuted_by_an_answer_or_by_time)
{
	fresh();
	see(0, &refused, 3, 1000); /* alone: cannot be ejected */
	judge(1, 1100);
	ck_assert(outliers[0].failing && !outliers[0].ejected);
	see(0, &good, 1, 1200);
	judge(1, 1200);
	ck_assert(!outliers[0].failing);

	fresh();
	see(0, &refused, 3, 1000);
	judge(1, 1100);
	judge(1, 31000);
	ck_assert(outliers[0].failing); /* no traffic: it holds as long as an ejection */
	judge(1, 31100);
	ck_assert(!outliers[0].failing);
	see(0, &refused, 2, 31200);
	judge(1, 31200);
	ck_assert(!outliers[0].failing); /* and the run starts anew */
}
END_TEST

START_TEST(an_endpoint_that_the_cap_kept_in_goes_when_there_is_room)
{
	fresh();
	see(0, &refused, 3, 1000);
	judge(2, 1000);
	see(1, &refused, 3, 20000);
	judge(2, 20000);
	ck_assert(outliers[0].ejected && !outliers[1].ejected);
	ck_assert_uint_eq(judge(2, 31000), 2);
	ck_assert(!outliers[0].ejected && outliers[1].ejected);
}
END_TEST

/* A network that resets everything for a moment. */
START_TEST(what_befalls_most_of_a_region_at_once_ejects_for_a_second)
{
	fresh();
	for (unsigned i = 0; i < 6; i++) {
		see(i, &reset, 3, 1000 + i * 10);
		judge(6, 1000 + i * 10);
	}
	ck_assert_uint_eq(ejected_of(6), 3);
	for (unsigned i = 0; i < 6; i++)
		ck_assert(outliers[i].failing);
	for (unsigned i = 3; i < 6; i++)
		see(i, &good, 1, 1200);
	judge(6, 1200);
	ck_assert(!outliers[4].failing);
	judge(6, 2100);
	ck_assert_uint_eq(ejected_of(6), 0);
	for (unsigned i = 0; i < 6; i++) {
		ck_assert(!outliers[i].failing);
		ck_assert_uint_eq(outliers[i].times, 0);
		ck_assert_uint_eq(outlier_weight(&outliers[i], &policy, 2100), 1000);
	}
}
END_TEST

START_TEST(what_befalls_them_again_ejects_for_longer_until_an_answer_comes)
{
	uint64_t t = 1000;

	fresh();
	for (unsigned n = 0; n < 7; n++) {
		uint64_t term_ms = n < 5 ? 1000u << n : 30000;

		for (unsigned i = 0; i < 4; i++)
			see(i, &refused, 3, t);
		judge(4, t);
		ck_assert_uint_eq(ejected_of(4), 2);
		judge(4, t + term_ms - 100);
		ck_assert_msg(ejected_of(4) == 2, "the %u. time", n + 1);
		judge(4, t + term_ms);
		ck_assert_msg(ejected_of(4) == 0, "the %u. time", n + 1);
		t += term_ms + 100;
	}
	for (unsigned i = 0; i < 4; i++)
		see(i, &good, 1, t);
	judge(4, t);
	for (unsigned i = 0; i < 4; i++)
		see(i, &refused, 3, t + 5000);
	judge(4, t + 5000);
	judge(4, t + 6000);
	ck_assert_uint_eq(ejected_of(4), 0);
}
END_TEST

START_TEST(half_of_a_region_or_endpoints_that_err_are_no_common_cause)
{
	fresh();
	see(0, &reset, 3, 1000);
	see(1, &reset, 3, 1000);
	judge(4, 1000);
	judge(4, 5000);
	ck_assert_uint_eq(ejected_of(4), 2);
	ck_assert_uint_eq(outliers[0].times, 1);

	fresh(); /* nor are those that fail one after the other */
	see(0, &reset, 3, 1000);
	judge(3, 1000);
	see(1, &reset, 3, 4000);
	judge(3, 4000);
	judge(3, 8000);
	ck_assert(outliers[0].ejected && !outliers[1].ejected && outliers[1].failing);
}
END_TEST

/* answered and errors of each, in the last ten seconds */
struct upstream {
	uint32_t answered, errors;
};

START_TEST(an_endpoint_that_errs_more_than_its_peers_is_ejected)
{
	static const struct {
		const char *what;
		unsigned count;
		struct upstream seen[MOST];
		enum outlier_why why; /* of the first */
	} t[] = {
		{ "one of two, 50 %", 2, { { 100, 50 }, { 100, 0 } }, OUTLIER_PEERS },
		{ "one of two, too few", 2, { { 19, 19 }, { 100, 0 } }, OUTLIER_NONE },
		{ "few, and all of them", 2, { { 20, 20 }, { 100, 0 } }, OUTLIER_PEERS },
		{ "few, as chance may have it", 2, { { 20, 6 }, { 1000, 10 } }, OUTLIER_NONE },
		{ "of hundred that is no chance", 2, { { 100, 30 }, { 1000, 10 } }, OUTLIER_PEERS },
		{ "half of a region with little traffic", 6,
		    { { 24, 24 }, { 24, 24 }, { 24, 24 }, { 24, 0 }, { 24, 0 }, { 24, 0 } },
		    OUTLIER_PEERS },
		{ "20 points are not enough", 2, { { 1000, 200 }, { 1000, 0 } }, OUTLIER_NONE },
		{ "21 points are", 2, { { 1000, 210 }, { 1000, 0 } }, OUTLIER_PEERS },
		{ "few requests of the peer, z too small", 2, { { 100, 40 }, { 2, 0 } },
		    OUTLIER_NONE },
		{ "both alike", 2, { { 100, 60 }, { 100, 55 } }, OUTLIER_NONE },
		{ "nobody to compare with", 1, { { 1000, 900 } }, OUTLIER_NONE },
		{ "peers without traffic", 3, { { 1000, 900 } }, OUTLIER_NONE },
		{ "one of five, 10 %", 5,
		    { { 1000, 100 }, { 1000, 0 }, { 1000, 0 }, { 1000, 1 }, { 1000, 0 } },
		    OUTLIER_SUCCESS_RATE },
		{ "one of four, 10 %", 4, { { 1000, 100 }, { 1000, 0 }, { 1000, 0 }, { 1000, 1 } },
		    OUTLIER_NONE },
		{ "one of five, of which one has too few", 5,
		    { { 1000, 100 }, { 1000, 0 }, { 1000, 0 }, { 1000, 1 }, { 99, 0 } },
		    OUTLIER_NONE },
		{ "an error where all are perfect", 5,
		    { { 100, 1 }, { 100, 0 }, { 100, 0 }, { 100, 0 }, { 100, 0 } }, OUTLIER_NONE },
		{ "4 points, however certain", 5,
		    { { 100000, 4000 }, { 100000, 0 }, { 100000, 0 }, { 100000, 0 },
			{ 100000, 0 } },
		    OUTLIER_NONE },
		{ "peers that differ as much", 6,
		    { { 1000, 130 }, { 1000, 110 }, { 1000, 0 }, { 1000, 90 }, { 1000, 10 },
			{ 1000, 50 } },
		    OUTLIER_NONE },
		{ "two of six that fail hide each other in the deviation", 6,
		    { { 200, 200 }, { 200, 200 }, { 200, 0 }, { 200, 0 }, { 200, 0 }, { 200, 0 } },
		    OUTLIER_PEERS },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		fresh();
		for (unsigned k = 0; k < t[i].count; k++) {
			struct evidence e = { .tries = t[i].seen[k].answered,
				.answered = t[i].seen[k].answered,
				.errors = t[i].seen[k].errors };

			outlier_see(&outliers[k], &e, 1000);
		}
		judge(t[i].count, 5000);
		ck_assert_msg(
		    outliers[0].why == t[i].why, "%s: why %d", t[i].what, outliers[0].why);
		ck_assert_msg(outliers[0].ejected == (t[i].why != OUTLIER_NONE), "%s", t[i].what);
	}
}
END_TEST

START_TEST(errors_never_eject_the_last_endpoint)
{
	const struct evidence bad = { .tries = 200, .answered = 200, .errors = 200 };
	const struct evidence well = { .tries = 200, .answered = 200 };

	fresh();
	outlier_see(&outliers[0], &bad, 1000);
	outlier_see(&outliers[1], &well, 1000);
	healthy[1] = false;
	judge(2, 1100);
	ck_assert(!outliers[0].ejected);
}
END_TEST

START_TEST(what_an_ejected_endpoint_did_is_no_measure_for_the_others)
{
	const struct evidence bad = { .tries = 200, .answered = 200, .errors = 200 };
	const struct evidence some = { .tries = 1000, .answered = 1000, .errors = 250 };

	fresh();
	outlier_see(&outliers[0], &bad, 1000);
	outlier_see(&outliers[1], &some, 1000);
	outliers[0].ejected = true;
	outliers[0].failing = true;
	outliers[0].until_ms = 90000;
	judge(2, 1100);
	ck_assert(!outliers[1].failing);
}
END_TEST

START_TEST(an_endpoint_that_comes_back_starts_slowly)
{
	static const struct {
		uint64_t age_ms;
		uint32_t weight;
	} t[] = { { 0, 100 }, { 1, 100 }, { 1000, 190 }, { 5000, 550 }, { 9999, 999 },
		{ 10000, 1000 }, { 99999, 1000 } };
	struct outlier_policy p = policy;

	fresh();
	ck_assert_uint_eq(outlier_weight(&outliers[0], &policy, 5), 1000); /* never at the start */
	see(0, &refused, 3, 1000);
	judge(2, 1000);
	judge(2, 31000);
	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++)
		ck_assert_uint_eq(
		    outlier_weight(&outliers[0], &policy, 31000 + t[i].age_ms), t[i].weight);
	p.slow_start_ms = 0;
	ck_assert_uint_eq(outlier_weight(&outliers[0], &p, 31000), 1000);
	outlier_come_back(&outliers[1], 0);
	ck_assert_uint_eq(outlier_weight(&outliers[1], &policy, 500), 144);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/outlier");
	TCase *tests = tcase_create("outlier");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, what_live_traffic_met_ejects_or_not);
	tcase_add_test(tests, most_of_a_seconds_tries_must_fail_for_longer_than_a_moment);
	tcase_add_test(tests, ejections_stay_within_the_cap_whatever_the_size_of_the_region);
	tcase_add_test(tests, the_last_endpoint_is_not_ejected_for_timeouts_alone);
	tcase_add_test(tests, of_two_that_fail_the_unreachable_one_goes);
	tcase_add_test(tests, each_ejection_is_longer_than_the_one_before_up_to_five_minutes);
	tcase_add_test(tests, the_count_of_ejections_falls_only_after_whole_clean_intervals);
	tcase_add_test(tests, a_rare_failure_among_thousands_does_not_soil_an_interval);
	tcase_add_test(tests, checks_do_not_clear_what_traffic_met);
	tcase_add_test(tests, evidence_that_the_cap_keeps_in_is_refuted_by_an_answer_or_by_time);
	tcase_add_test(tests, an_endpoint_that_the_cap_kept_in_goes_when_there_is_room);
	tcase_add_test(tests, what_befalls_most_of_a_region_at_once_ejects_for_a_second);
	tcase_add_test(tests, what_befalls_them_again_ejects_for_longer_until_an_answer_comes);
	tcase_add_test(tests, half_of_a_region_or_endpoints_that_err_are_no_common_cause);
	tcase_add_test(tests, an_endpoint_that_errs_more_than_its_peers_is_ejected);
	tcase_add_test(tests, errors_never_eject_the_last_endpoint);
	tcase_add_test(tests, what_an_ejected_endpoint_did_is_no_measure_for_the_others);
	tcase_add_test(tests, an_endpoint_that_comes_back_starts_slowly);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
