/* SPDX-License-Identifier: Apache-2.0 */
/* A region that answers only errors, or slowly, and standbys without traffic to compare it with. */
#include "steer/steer.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "steer/explain.h"

static struct bench b;

static void
stop(void)
{
	bench_stop(&b);
}

static bool
is_trickle(unsigned region)
{
	struct steer_region_out out;

	steer_region(b.s, region, &out);
	return out.trickle;
}

START_TEST(a_region_that_only_errs_is_left_for_a_standby_that_had_no_traffic)
{
	static const struct {
		double demand;
		unsigned within_ms;
	} t[] = { { 50, 4000 }, { 100, 3000 }, { 500, 1500 }, { 5000, 500 } };

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		bench_start_pair(&b);
		b.demand = t[i].demand;
		bench_run(&b, 5000);
		bench_answer(&b, 0, ANSWER_ERROR);
		bench_run(&b, t[i].within_ms);
		ck_assert_msg(bench_state(&b, 0) == REGION_GREY, "at %.0f/s: %s", t[i].demand,
		    region_state_name(bench_state(&b, 0)));
		BENCH_SHARES(&b, 0.05, 0.95);
		ck_assert_uint_eq(b.told[FACT_SENSOR_LENT], 1);
		bench_stop(&b);
	}
	bench_start_pair(&b);
}
END_TEST

static const char *
explained(void)
{
	static char text[1024];

	explain_region(b.s, 0, NULL, b.now_ms, text, sizeof text);
	return text;
}

/* At 500 a second the row is full while most of the last second was good yet. */
START_TEST(errors_in_a_row_are_told_as_the_number_they_were_when_they_decided)
{
	const struct fact *lent = &b.last[FACT_SENSOR_LENT], *grey = &b.last[FACT_REGION_GREY];
	char said[128];

	bench_start_pair(&b);
	b.demand = 500;
	bench_run(&b, 5000);
	bench_answer(&b, 0, ANSWER_ERROR);
	bench_run(&b, 1500);
	ck_assert_int_eq(bench_state(&b, 0), REGION_GREY);
	ck_assert_int_eq(lent->signal, SIGNAL_ERRORS_IN_A_ROW);
	ck_assert_int_eq(grey->signal, SIGNAL_ERRORS_IN_A_ROW);
	ck_assert(lent->a >= 20 && lent->a < grey->a);
	ck_assert(lent->b == 20 && grey->b == 20 && grey->c == 1);
	bench_run(&b, 3000); /* what is told is not what came since */
	snprintf(said, sizeof said,
	    "it answered %.0f requests in a row with errors where others did not (threshold 20)",
	    grey->a);
	ck_assert_msg(strstr(explained(), said) != NULL, "%s\nlacks %s", explained(), said);
}
END_TEST

START_TEST(errors_that_are_most_of_a_second_are_told_as_their_share_of_it)
{
	const struct fact *grey = &b.last[FACT_REGION_GREY];

	bench_plan(&b, 2);
	b.regions[0].endpoint_count = 4;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	b.demand = 500;
	bench_run(&b, 5000);
	for (unsigned e = 1; e < 4; e++)
		b.answer[0][e] = ANSWER_ERROR;
	bench_run(&b, 900);
	ck_assert_int_eq(bench_state(&b, 0), REGION_GREY);
	ck_assert_int_eq(grey->signal, SIGNAL_ERRORS);
	ck_assert_double_gt(grey->a, 0.5);
	ck_assert_double_eq_tol(grey->b, 0.5, 1e-9);
	ck_assert_msg(strstr(explained(), "% with errors where others did not (threshold 50 %)"),
	    "%s", explained());
}
END_TEST

START_TEST(what_is_lent_is_for_all_requests_and_ends_with_the_errors)
{
	bench_start_pair(&b);
	b.demand = 500;
	ck_assert(!is_trickle(1));
	bench_answer(&b, 0, ANSWER_ERROR);
	bench_answer(&b, 1, ANSWER_ERROR);
	bench_run(&b, 10000);
	BENCH_SHARES(&b, 0.95, 0.05);
	ck_assert(!is_trickle(1));
	ck_assert_uint_eq(b.told[FACT_SENSOR_LENT], 1);
	ck_assert_uint_eq(b.told[FACT_SENSOR_ENDED], 0);
	bench_answer(&b, 0, ANSWER_WELL);
	bench_answer(&b, 1, ANSWER_WELL);
	bench_run(&b, 8000);
	BENCH_SHARES(&b, 1, 0);
	ck_assert_uint_eq(b.told[FACT_SENSOR_ENDED], 1);
}
END_TEST

START_TEST(the_share_of_a_standby_is_a_trickle_until_it_serves)
{
	bench_plan(&b, 2);
	b.regions[1].tier = 1;
	b.plan.policy.share.standby_share = 0.02;
	b.demand = 500;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 5000);
	BENCH_SHARES(&b, 0.98, 0.02);
	ck_assert(is_trickle(1));
	ck_assert(!is_trickle(0));
	bench_answer(&b, 0, ANSWER_REFUSED);
	bench_run(&b, 1000);
	BENCH_SHARES(&b, 0, 1);
	ck_assert(!is_trickle(1));
}
END_TEST

START_TEST(an_endpoint_that_is_down_is_told_with_its_number_only_if_it_counts)
{
	bench_start_pair(&b);
	steer_probe(b.s, 0, 0, ENDPOINT_DOWN, REASON_CHECK_TIMEOUT, 501, b.now_ms);
	bench_run(&b, 100);
	ck_assert(isnan(b.last[FACT_ENDPOINT_DOWN].a));
	steer_probe(b.s, 0, 0, ENDPOINT_UP, REASON_CHECK_PASSED, 2, b.now_ms);
	bench_run(&b, 100);
	ck_assert_double_eq_tol(b.last[FACT_ENDPOINT_UP].a, 2, 1e-9);
	steer_probe(b.s, 0, 0, ENDPOINT_DOWN, REASON_CHECK_REFUSED, 3, b.now_ms);
	bench_run(&b, 100);
	ck_assert_double_eq_tol(b.last[FACT_ENDPOINT_DOWN].a, 3, 1e-9);
}
END_TEST

START_TEST(a_standby_that_errs_alike_changes_nothing_but_the_loan)
{
	bench_start_pair(&b);
	b.demand = 500;
	bench_answer(&b, 0, ANSWER_ERROR);
	bench_answer(&b, 1, ANSWER_ERROR);
	bench_run(&b, 60000);
	ck_assert_uint_eq(b.told[FACT_REGION_GREY], 0);
	BENCH_SHARES(&b, 0.95, 0.05);
}
END_TEST

START_TEST(two_regions_that_err_together_are_left_for_a_third_that_does_not)
{
	bench_plan(&b, 3);
	b.regions[2].tier = 1;
	b.demand = 500;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 5000);
	BENCH_SHARES(&b, 0.5, 0.5, 0);
	bench_answer(&b, 0, ANSWER_ERROR);
	bench_answer(&b, 1, ANSWER_ERROR);
	bench_run(&b, 4000);
	ck_assert_int_eq(bench_state(&b, 0), REGION_GREY);
	ck_assert_int_eq(bench_state(&b, 1), REGION_GREY);
	BENCH_SHARES(&b, 0.025, 0.025, 0.95);
}
END_TEST

START_TEST(without_sensor_share_or_when_frozen_nothing_is_lent)
{
	bench_start_pair(&b);
	b.plan.policy.region.sensor_share = 0;
	bench_answer(&b, 0, ANSWER_ERROR);
	bench_run(&b, 10000);
	BENCH_SHARES(&b, 1, 0);
	bench_stop(&b);

	bench_start_pair(&b);
	bench_wish(&b, WISH_FREEZE, "", 0, 600000);
	bench_answer(&b, 0, ANSWER_ERROR);
	bench_run(&b, 10000);
	BENCH_SHARES(&b, 1, 0);
	ck_assert_uint_eq(b.told[FACT_SENSOR_LENT], 0);
}
END_TEST

START_TEST(a_few_errors_lend_nothing)
{
	bench_start_pair(&b);
	b.demand = 500;
	b.answer[0][0] = ANSWER_ERROR; /* every second one */
	bench_run(&b, 30000);
	ck_assert_uint_eq(b.told[FACT_SENSOR_LENT], 0);
}
END_TEST

/* Two seconds to see it, one or two to ask the standby, and two steps. */
START_TEST(a_region_that_becomes_slow_is_left_for_a_standby_that_had_no_traffic)
{
	static const struct {
		double demand;
		unsigned within_ms;
	} t[] = { { 60, 7000 }, { 150, 6000 }, { 500, 5000 }, { 5000, 5000 } };

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		bench_start_pair(&b);
		b.demand = t[i].demand;
		bench_run(&b, 60000);
		ck_assert_uint_eq(b.told[FACT_SENSOR_LENT], 0);
		bench_answer(&b, 0, ANSWER_LATE);
		bench_run(&b, t[i].within_ms);
		ck_assert_msg(bench_state(&b, 0) == REGION_GREY, "at %.0f/s: %s", t[i].demand,
		    region_state_name(bench_state(&b, 0)));
		BENCH_SHARES(&b, 0.05, 0.95);
		ck_assert_uint_eq(b.told[FACT_SENSOR_LENT], 1);
		ck_assert_int_eq(b.last[FACT_SENSOR_LENT].signal, SIGNAL_LATENCY_P50);
		ck_assert_double_gt(b.last[FACT_SENSOR_LENT].a, b.last[FACT_SENSOR_LENT].b);
		bench_stop(&b);
	}
	bench_start_pair(&b);
}
END_TEST

START_TEST(a_region_that_becomes_slow_beside_one_that_is_not_is_left_within_three_seconds)
{
	bench_plan(&b, 2);
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	b.demand = 100;
	bench_run(&b, 60000);
	BENCH_SHARES(&b, 0.5, 0.5);
	for (unsigned began = 0; began < 1000; began += 100) { /* in its second */
		bench_stop(&b);
		bench_plan(&b, 2);
		bench_start(&b);
		bench_probe_all(&b, ENDPOINT_UP);
		bench_run(&b, 60000 + began);
		bench_answer(&b, 0, ANSWER_LATE);
		bench_run(&b, 3000);
		BENCH_SHARES(&b, 0.025, 0.975);
	}
}
END_TEST

START_TEST(a_standby_that_is_as_slow_is_asked_each_minute_until_slow_has_become_usual)
{
	bench_start_pair(&b);
	b.demand = 500;
	bench_run(&b, 600000);
	bench_answer(&b, 0, ANSWER_LATE);
	bench_answer(&b, 1, ANSWER_LATE);
	bench_run(&b, 5000);
	BENCH_SHARES(&b, 0.95, 0.05);
	bench_run(&b, 15000);
	BENCH_SHARES(&b, 1, 0);
	bench_run(&b, 900000);
	ck_assert_uint_eq(b.told[FACT_REGION_GREY], 0);
	ck_assert_uint_ge(b.told[FACT_SENSOR_LENT], 2);
	ck_assert_uint_le(b.told[FACT_SENSOR_LENT], 10);
	ck_assert_uint_eq(b.told[FACT_SENSOR_ENDED], b.told[FACT_SENSOR_LENT]);
	BENCH_SHARES(&b, 1, 0);
}
END_TEST

START_TEST(a_second_of_slowness_now_and_then_moves_nothing)
{
	bench_start_pair(&b);
	b.demand = 100;
	bench_run(&b, 60000);
	for (unsigned i = 0; i < 20; i++) {
		bench_answer(&b, 0, ANSWER_LATE);
		bench_run(&b, 1000);
		bench_answer(&b, 0, ANSWER_WELL);
		bench_run(&b, 29000);
	}
	ck_assert_uint_eq(b.told[FACT_REGION_GREY], 0);
	ck_assert_uint_eq(b.told[FACT_SENSOR_LENT], 0);
}
END_TEST

/* With a quarter lent what is left would be too little to judge it by. */
START_TEST(of_twelve_requests_a_second_none_are_lent)
{
	bench_start_pair(&b);
	b.demand = 12;
	bench_run(&b, 90000);
	bench_answer(&b, 0, ANSWER_LATE);
	bench_run(&b, 60000);
	ck_assert_uint_eq(b.told[FACT_SENSOR_LENT], 0);
}
END_TEST

START_TEST(two_regions_that_become_slow_together_are_left_for_a_third_that_had_no_traffic)
{
	bench_plan(&b, 3);
	b.regions[2].tier = 1;
	b.demand = 500;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 60000);
	BENCH_SHARES(&b, 0.5, 0.5, 0);
	bench_answer(&b, 0, ANSWER_LATE);
	bench_answer(&b, 1, ANSWER_LATE);
	bench_run(&b, 6000);
	ck_assert_int_eq(bench_state(&b, 0), REGION_GREY);
	ck_assert_int_eq(bench_state(&b, 1), REGION_GREY);
	BENCH_SHARES(&b, 0.025, 0.025, 0.95);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/steer_sensor");
	TCase *tests = tcase_create("steer_sensor");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, NULL, stop);
	tcase_add_test(tests, a_region_that_only_errs_is_left_for_a_standby_that_had_no_traffic);
	tcase_add_test(tests, errors_in_a_row_are_told_as_the_number_they_were_when_they_decided);
	tcase_add_test(tests, errors_that_are_most_of_a_second_are_told_as_their_share_of_it);
	tcase_add_test(tests, what_is_lent_is_for_all_requests_and_ends_with_the_errors);
	tcase_add_test(tests, the_share_of_a_standby_is_a_trickle_until_it_serves);
	tcase_add_test(tests, an_endpoint_that_is_down_is_told_with_its_number_only_if_it_counts);
	tcase_add_test(tests, a_standby_that_errs_alike_changes_nothing_but_the_loan);
	tcase_add_test(tests, two_regions_that_err_together_are_left_for_a_third_that_does_not);
	tcase_add_test(tests, without_sensor_share_or_when_frozen_nothing_is_lent);
	tcase_add_test(tests, a_few_errors_lend_nothing);
	tcase_add_test(tests, a_region_that_becomes_slow_is_left_for_a_standby_that_had_no_traffic);
	tcase_add_test(
	    tests, a_region_that_becomes_slow_beside_one_that_is_not_is_left_within_three_seconds);
	tcase_add_test(
	    tests, a_standby_that_is_as_slow_is_asked_each_minute_until_slow_has_become_usual);
	tcase_add_test(tests, a_second_of_slowness_now_and_then_moves_nothing);
	tcase_add_test(tests, of_twelve_requests_a_second_none_are_lent);
	tcase_add_test(
	    tests, two_regions_that_become_slow_together_are_left_for_a_third_that_had_no_traffic);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
