/* SPDX-License-Identifier: Apache-2.0 */
/* The steering as a whole: how much a region is sent at most. */
#include "steer/steer.h"

#include <check.h>
#include <math.h>
#include <string.h>

#include "bench.h"

static struct bench b;

static void
stop(void)
{
	bench_stop(&b);
}

START_TEST(in_flight_is_limited_by_the_mean_latency_once_it_is_known)
{
	struct steer_region_out out;

	bench_plan(&b, 1);
	b.regions[0].capacity = 4000;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 5000);
	steer_region(b.s, 0, &out);
	ck_assert_double_eq_tol(out.limit_in_flight, 0, 1e-9);
	bench_run(&b, 8000);
	steer_region(b.s, 0, &out);
	ck_assert_double_eq_tol(out.limit_in_flight, ceil(2 * 20 + 3 * sqrt(20)), 1);
}
END_TEST

START_TEST(a_few_seconds_of_answers_limit_nothing)
{
	struct steer_region_out out;

	bench_plan(&b, 1);
	b.regions[0].capacity = 4000;
	b.demand = 0;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 25000);
	b.demand = 1000;
	bench_run(&b, 7000); /* over the end of a slot */
	steer_region(b.s, 0, &out);
	ck_assert_double_eq_tol(out.limit_in_flight, 0, 1e-9);
	bench_run(&b, 12000);
	steer_region(b.s, 0, &out);
	ck_assert_double_gt(out.limit_in_flight, 0);
}
END_TEST

/* Its plan stays where it is, so the next one's regions are a copy. */
START_TEST(a_capacity_that_leaves_the_configuration_takes_its_limits_along)
{
	struct steer_region_out out;
	static struct bench next;

	bench_plan(&b, 1);
	b.regions[0].capacity = 4000;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 13000);
	steer_region(b.s, 0, &out);
	ck_assert_double_gt(out.limit, 0);
	ck_assert_double_gt(out.limit_in_flight, 0);

	next = b;
	next.plan.regions = next.regions;
	next.regions[0].capacity = 0;
	next.s = steer_new(&next.plan, b.s, b.now_ms);
	steer_free(b.s);
	b = next;
	b.plan.regions = b.regions;
	ck_assert(bench_tick(&b));
	steer_region(b.s, 0, &out);
	ck_assert_double_eq_tol(out.limit, 0, 1e-9);
	ck_assert_double_eq_tol(out.limit_in_flight, 0, 1e-9);
}
END_TEST

/* A cold standby is given what the others need, or what it needs itself, before it has proved
 * either. */
START_TEST(in_flight_at_a_fresh_standby_is_limited_by_what_the_others_need)
{
	struct steer_region_out out;

	bench_plan(&b, 2);
	b.regions[1].tier = 1;
	b.regions[1].capacity = 200;
	b.demand = 400;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_answer(&b, 0, ANSWER_SLOWLY); /* 2 s, always */
	bench_run(&b, 75000);
	steer_region(b.s, 1, &out);
	ck_assert_double_eq_tol(out.limit_in_flight, 0, 1e-9);
	bench_answer(&b, 0, ANSWER_REFUSED);
	bench_probe_region(&b, 0, ENDPOINT_DOWN);
	bench_run(&b, 3000);
	steer_region(b.s, 1, &out);
	ck_assert_double_eq_tol(out.limit_in_flight, ceil(2 * 400 + 3 * sqrt(400)), 1);
	bench_answer(&b, 1, ANSWER_SLOWLY); /* what it learns in its first seconds is no excuse */
	bench_run(&b, 5000);
	steer_region(b.s, 1, &out);
	ck_assert_double_eq_tol(out.limit_in_flight, ceil(2 * 400 + 3 * sqrt(400)), 1);
}
END_TEST

static void
answer_report(struct bench *bench, uint64_t us)
{
	static struct histogram one;

	memset(&one, 0, sizeof one);
	histogram_add(&one, us);
	histogram_merge(&bench->first_byte[0], &one);
}

/* Beside 100 quick requests a second, ten reports: the first of them are answered after 3 s. */
static void
run_with_reports(struct bench *bench, unsigned ms)
{
	for (unsigned t = 0; t < ms; t += 100) {
		bench->in_flight[0] += t < 3000;
		if (t >= 3000)
			answer_report(bench, 3000000);
		bench_tick(bench);
	}
}

/* Who still waits by then are the slow ones: without them the limit would shut a healthy region. */
START_TEST(the_first_limit_allows_for_what_is_still_being_worked_on)
{
	double mean_s = (100 * 0.005 + 10 * 3.0) / 110;
	struct steer_region_out out;

	bench_plan(&b, 1);
	b.regions[0].capacity = 1000;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	b.demand = 0;
	bench_run(&b, 3000);
	b.demand = 100;
	run_with_reports(&b, 13000);
	steer_region(b.s, 0, &out);
	ck_assert_double_gt(out.limit_in_flight, 0.95 * 2 * 1000 * mean_s);
	ck_assert_double_lt(
	    out.limit_in_flight, 1.1 * (2 * 1000 * mean_s + 3 * sqrt(1000 * mean_s)));
}
END_TEST

START_TEST(the_latency_of_a_full_region_does_not_raise_its_limit_in_flight)
{
	struct steer_region_out before, after;

	bench_plan(&b, 1);
	b.demand = 400;
	b.regions[0].capacity = 1000;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 70000);
	steer_region(b.s, 0, &before);
	ck_assert_double_gt(before.limit_in_flight, 0);
	bench_answer(&b, 0, ANSWER_SLOWLY);
	b.in_flight[0] = (uint32_t)before.limit_in_flight;
	bench_run(&b, 600000);
	steer_region(b.s, 0, &after);
	ck_assert_double_eq_tol(after.limit_in_flight, before.limit_in_flight, 1e-9);
	/* slow, but not because of what is in flight */
	b.in_flight[0] = (uint32_t)before.limit_in_flight / 3;
	bench_run(&b, 600000);
	steer_region(b.s, 0, &after);
	ck_assert_double_gt(after.limit_in_flight, 10 * before.limit_in_flight);
}
END_TEST

START_TEST(a_region_with_half_of_its_endpoints_is_sent_half_of_its_capacity)
{
	struct steer_region_out out;

	bench_plan(&b, 2);
	b.regions[0].capacity = 200;
	b.regions[1].capacity = 100;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 5000);
	steer_region(b.s, 0, &out);
	ck_assert_double_eq_tol(out.limit, 200, 1e-6);
	bench_probe(&b, 0, 1, ENDPOINT_DOWN);
	bench_run(&b, 1000);
	steer_region(b.s, 0, &out);
	ck_assert_double_eq_tol(out.limit, 100, 1e-6);
	steer_region(b.s, 1, &out);
	ck_assert_double_eq_tol(out.limit, 100, 1e-6);
	bench_probe_all(&b, ENDPOINT_DOWN); /* fails open: no limit of 0, which would be none */
	bench_run(&b, 5000);
	steer_region(b.s, 0, &out);
	ck_assert_double_eq_tol(out.limit, 200, 1e-6);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/steer_limits");
	TCase *tests = tcase_create("steer");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, NULL, stop);
	tcase_add_test(tests, in_flight_is_limited_by_the_mean_latency_once_it_is_known);
	tcase_add_test(tests, a_few_seconds_of_answers_limit_nothing);
	tcase_add_test(tests, a_capacity_that_leaves_the_configuration_takes_its_limits_along);
	tcase_add_test(tests, in_flight_at_a_fresh_standby_is_limited_by_what_the_others_need);
	tcase_add_test(tests, the_first_limit_allows_for_what_is_still_being_worked_on);
	tcase_add_test(tests, the_latency_of_a_full_region_does_not_raise_its_limit_in_flight);
	tcase_add_test(tests, a_region_with_half_of_its_endpoints_is_sent_half_of_its_capacity);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
