/* SPDX-License-Identifier: Apache-2.0 */
/* One second of a region that tells by itself that it has become slow. */
#include <check.h>
#include <string.h>

#include "steer/grey.h"

enum { REGIONS = 2 };

static struct grey greys[REGIONS];
static struct grey *const regions[REGIONS] = { &greys[0], &greys[1] };
static const bool serving[REGIONS] = { true, true };
static struct grey_verdict verdicts[REGIONS];
static uint64_t now_ms;

static void
fresh(void)
{
	memset(greys, 0, sizeof greys);
	now_ms = 1000;
}

static void
answer(unsigned region, uint32_t tries, uint32_t answers, uint64_t ms)
{
	struct histogram h = { 0 };
	struct histogram_sum sum = { 0 };

	for (uint32_t k = 0; k < answers; k++)
		histogram_add(&h, 1000 * ms);
	histogram_merge(&sum, &h);
	grey_second(&greys[region], &sum, tries, 0, true, now_ms);
}

/* What the first region was asked and what it answered, beside one that is well. */
static void
second(uint32_t tries, uint32_t answers, uint64_t ms)
{
	now_ms += 1000;
	answer(0, tries, answers, ms);
	answer(1, 100, 100, 20);
	grey_judge(regions, serving, REGIONS, verdicts);
}

START_TEST(a_region_most_of_whose_second_is_slow_is_suddenly_grey)
{
	static const struct {
		const char *what;
		uint32_t tries, answers;
		uint64_t ms;
		bool sudden;
	} t[] = {
		{ "as many answers as requests", 100, 100, 300, true },
		{ "fewer, for the slow ones are still worked on", 100, 60, 300, true },
		{ "the end of a pause", 100, 160, 300, false },
		{ "what is left when its traffic has gone", 10, 30, 300, false },
		{ "too few to tell", 100, 19, 300, false },
		{ "three times and no more", 100, 100, 60, false },
		{ "100 ms and no more", 100, 100, 110, false },
		{ "what a stall would have told sooner", 100, 100, 1500, false },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		fresh();
		for (unsigned n = 0; n < 60; n++)
			second(100, 100, 20);
		second(t[i].tries, t[i].answers, t[i].ms);
		ck_assert_msg(verdicts[0].sudden == t[i].sudden, "%s", t[i].what);
		ck_assert_msg(!t[i].sudden || verdicts[0].grey, "%s", t[i].what);
		ck_assert_msg(!verdicts[1].sudden && !verdicts[1].grey, "%s", t[i].what);
	}
}
END_TEST

/* A standby is asked with some 15 requests a second. */
START_TEST(ten_answers_of_another_region_are_enough_to_compare_with)
{
	fresh();
	for (unsigned n = 0; n < 60; n++)
		second(100, 100, 20);
	for (unsigned asked = 9; asked <= 10; asked++) {
		for (unsigned n = 0; n < 10; n++) { /* till nothing is left in its window */
			now_ms += 1000;
			answer(0, 100, 100, 20);
			answer(1, 0, 0, 0);
			grey_judge(regions, serving, REGIONS, verdicts);
		}
		now_ms += 1000;
		answer(0, 100, 100, 300);
		answer(1, asked, asked, 20);
		grey_judge(regions, serving, REGIONS, verdicts);
		ck_assert_int_eq(verdicts[0].sudden, asked == 10);
		ck_assert_int_eq(verdicts[0].lonely, asked == 9);
	}
}
END_TEST

/* Quick ones come back first: what a peer was asked before it became slow too. */
START_TEST(a_peer_that_may_be_slow_too_accuses_nobody)
{
	static const struct {
		const char *what;
		uint32_t tries, quick, slow; /* of the peer */
		bool sudden;
	} t[] = {
		{ "it is well", 100, 100, 0, true },
		{ "well, with little traffic", 12, 12, 0, true },
		{ "a few of its answers are slow", 100, 80, 20, true },
		{ "of few answers nearly half are slow", 12, 7, 5, false },
		{ "the little that it answered is slow", 5, 0, 5, false },
		{ "it was asked much and has answered little", 100, 30, 0, false },
		{ "it hangs", 100, 0, 0, false },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct histogram h = { 0 };
		struct histogram_sum sum = { 0 };

		fresh();
		for (unsigned n = 0; n < 60; n++)
			second(100, 100, 20);
		now_ms += 1000;
		answer(0, 100, 70, 300);
		for (uint32_t k = 0; k < t[i].quick + t[i].slow; k++)
			histogram_add(&h, k < t[i].quick ? 20000 : 300000);
		histogram_merge(&sum, &h);
		grey_second(&greys[1], &sum, t[i].tries, 0, true, now_ms);
		grey_judge(regions, serving, REGIONS, verdicts);
		ck_assert_msg(verdicts[0].sudden == t[i].sudden, "%s", t[i].what);
		ck_assert_msg(!verdicts[0].sudden || !verdicts[0].clean, "%s", t[i].what);
	}
}
END_TEST

/* Tries that begin in a second, and what ends in it: nearly all at once, reports of 3 s later. */
static void
mixed_second(unsigned region, uint32_t tries, uint32_t reports_3s_ago)
{
	struct histogram h = { 0 };
	struct histogram_sum sum = { 0 };

	for (uint32_t k = 0; k < tries - tries / 50; k++)
		histogram_add(&h, 5000);
	for (uint32_t k = 0; k < reports_3s_ago; k++)
		histogram_add(&h, 3005000);
	histogram_merge(&sum, &h);
	grey_second(&greys[region], &sum, tries, 0, true, now_ms);
}

/* The last answers of a region that traffic leaves are its slowest ones. */
START_TEST(long_answers_that_outlive_the_traffic_make_nobody_grey)
{
	uint32_t tries[100];

	fresh();
	for (unsigned n = 0; n < 100; n++) {
		tries[n] = n < 60 ? 500 : n < 70 ? 50 * (70 - n) : 0;
		now_ms += 1000;
		mixed_second(0, tries[n], n < 3 ? 0 : tries[n - 3] / 50);
		mixed_second(1, 500, 10);
		grey_judge(regions, serving, 2, verdicts);
		ck_assert_msg(!verdicts[0].grey && !verdicts[0].half, "second %u: p95 %llu us", n,
		    (unsigned long long)greys[0].p95_us);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/grey_sudden");
	TCase *tests = tcase_create("grey_sudden");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, a_region_most_of_whose_second_is_slow_is_suddenly_grey);
	tcase_add_test(tests, ten_answers_of_another_region_are_enough_to_compare_with);
	tcase_add_test(tests, a_peer_that_may_be_slow_too_accuses_nobody);
	tcase_add_test(tests, long_answers_that_outlive_the_traffic_make_nobody_grey);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
