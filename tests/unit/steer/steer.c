/* SPDX-License-Identifier: Apache-2.0 */
/* The steering as a whole: how fast it moves, where to, and what it tells. */
#include "steer/steer.h"

#include <check.h>
#include <string.h>
#include <math.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "bench.h"

static struct bench b;

static void
stop(void)
{
	bench_stop(&b);
}

START_TEST(without_a_fault_nothing_moves_and_nothing_is_told)
{
	bench_start_pair(&b);
	BENCH_SHARES(&b, 1, 0);
	for (unsigned i = 0; i < 1200; i++) {
		ck_assert_msg(!bench_tick(&b), "tick %u changed something", i);
		ck_assert_msg(b.facts.count == 0 || b.facts.list[0].kind == FACT_NOT_REDUNDANT,
		    "tick %u: %s", i, fact_word(b.facts.list[0].kind));
	}
	BENCH_SHARES(&b, 1, 0);
}
END_TEST

START_TEST(nothing_is_allocated_once_it_runs)
{
	static atomic_ullong allocations;

	bench_start_pair(&b);
	mem_count_into(&allocations);
	bench_answer(&b, 0, ANSWER_REFUSED);
	bench_run(&b, 10000);
	bench_answer(&b, 0, ANSWER_WELL);
	bench_run(&b, 120000);
	ck_assert_uint_eq(atomic_load(&allocations), 0);
	BENCH_SHARES(&b, 1, 0);
}
END_TEST

START_TEST(a_standby_whose_probe_came_first_does_not_take_over_at_the_start)
{
	bench_plan(&b, 2);
	b.regions[1].tier = 1;
	bench_start(&b);
	bench_probe_region(&b, 1, ENDPOINT_UP);
	bench_tick(&b);
	BENCH_SHARES(&b, 1, 0);
	ck_assert_int_eq(steer_mode(b.s), SHARE_UNPROVEN);
	bench_run(&b, 500);
	BENCH_SHARES(&b, 1, 0);
	bench_probe_region(&b, 0, ENDPOINT_UP);
	bench_tick(&b);
	BENCH_SHARES(&b, 1, 0);
	ck_assert_int_eq(steer_mode(b.s), SHARE_NORMAL);
	ck_assert_uint_eq(b.told[FACT_SHARES_MOVED], 0);
}
END_TEST

START_TEST(but_it_does_when_the_others_are_down_or_never_answer)
{
	bench_plan(&b, 2);
	b.regions[1].tier = 1;
	b.demand = 0;
	bench_start(&b);
	bench_probe_region(&b, 1, ENDPOINT_UP);
	bench_run(&b, 1000);
	BENCH_SHARES(&b, 1, 0);
	bench_run(&b, 1500);
	BENCH_SHARES(&b, 0, 1);
	bench_stop(&b);

	bench_start(&b);
	bench_probe_region(&b, 1, ENDPOINT_UP);
	bench_probe_region(&b, 0, ENDPOINT_DOWN);
	bench_run(&b, 100);
	BENCH_SHARES(&b, 0, 1);
}
END_TEST

START_TEST(unchecked_endpoints_are_up)
{
	bench_plan(&b, 1);
	b.regions[0].checked = false;
	bench_start(&b);
	bench_tick(&b);
	BENCH_SHARES(&b, 1);
	ck_assert_int_eq(steer_mode(b.s), SHARE_NORMAL);
}
END_TEST

START_TEST(a_failover_is_told_with_where_to_and_why)
{
	bench_start_pair(&b);
	ck_assert_uint_eq(b.told[FACT_SHARES_MOVED], 0); /* what it began with has not moved */
	bench_answer(&b, 0, ANSWER_REFUSED);
	bench_run(&b, 1000);
	ck_assert_uint_eq(b.told[FACT_FAILED_OVER], 1);
	ck_assert_str_eq(b.last[FACT_FAILED_OVER].region, "r0");
	ck_assert_str_eq(b.last[FACT_FAILED_OVER].into, "r1");
	ck_assert_int_eq(b.last[FACT_FAILED_OVER].signal, SIGNAL_IN_A_ROW);
	ck_assert_double_eq_tol(b.last[FACT_FAILED_OVER].a, 1, 0.01);
	ck_assert_uint_gt(b.told[FACT_SHARES_MOVED], 0);
	bench_wish(&b, WISH_EVACUATE, "r0", 0, 10000); /* nothing went there any more */
	bench_run(&b, 1000);
	ck_assert_uint_eq(b.told[FACT_FAILED_OVER], 1);
}
END_TEST

START_TEST(failback_waits_out_the_hold_down_and_then_ramps)
{
	double before;
	unsigned seconds = 0;

	bench_start_pair(&b);
	bench_answer(&b, 0, ANSWER_REFUSED);
	bench_probe_region(&b, 0, ENDPOINT_DOWN);
	bench_run(&b, 2000);
	BENCH_SHARES(&b, 0, 1);
	bench_answer(&b, 0, ANSWER_WELL);
	bench_probe_region(&b, 0, ENDPOINT_UP);
	bench_run(&b, 30000);
	BENCH_SHARES(&b, 0, 1);
	ck_assert_int_eq(bench_state(&b, 0), REGION_HOLD);
	bench_run(&b, 1000);
	ck_assert_int_eq(bench_state(&b, 0), REGION_RAMP);
	b.told[FACT_SHARES_MOVED] = 0;
	for (; bench_state(&b, 0) == REGION_RAMP; seconds++) {
		before = bench_share_of(&b, 0);
		bench_run(&b, 1000);
		ck_assert_double_ge(bench_share_of(&b, 0), before);
		ck_assert_double_lt(bench_share_of(&b, 0) - before, 0.02);
	}
	ck_assert_uint_ge(seconds, 58);
	ck_assert_uint_le(seconds, 61);
	BENCH_SHARES(&b, 1, 0);
	ck_assert_msg(b.told[FACT_SHARES_MOVED] <= 2 * 61, "%u facts", b.told[FACT_SHARES_MOVED]);
	ck_assert_msg(b.told[FACT_SHARES_MOVED] >= 2 * 55, "%u facts", b.told[FACT_SHARES_MOVED]);
}
END_TEST

/* Told where it stands, in the order of the regions, and from where the log left it. */
static unsigned
count_logged(const struct facts *f, double *share_of_r0)
{
	unsigned lines = 0;

	for (unsigned i = 0; i < f->count; i++) {
		const struct fact *one = &f->list[i];

		if (one->kind != FACT_SHARES_MOVED || isnan(one->c))
			continue;
		lines++;
		ck_assert_double_gt(fabs(one->b - one->c), 0.0005); /* "from 0 %, to 0 %" */
		if (strcmp(one->region, "r0") != 0)
			continue;
		ck_assert_double_eq_tol(one->c, *share_of_r0, 1e-9);
		*share_of_r0 = one->b;
	}
	return lines;
}

START_TEST(of_a_ramp_the_log_has_the_quarters_and_the_end_and_the_journal_each_second)
{
	double at = 0;
	unsigned lines = 0;

	bench_start_pair(&b);
	bench_answer(&b, 0, ANSWER_REFUSED);
	bench_probe_region(&b, 0, ENDPOINT_DOWN);
	bench_run(&b, 2000);
	bench_answer(&b, 0, ANSWER_WELL);
	bench_probe_region(&b, 0, ENDPOINT_UP);
	bench_run(&b, 31000);
	ck_assert_int_eq(bench_state(&b, 0), REGION_RAMP);
	b.told[FACT_SHARES_MOVED] = 0;
	for (unsigned i = 0; i < 700; i++) {
		bench_tick(&b);
		lines += count_logged(&b.facts, &at);
	}
	ck_assert_int_eq(bench_state(&b, 0), REGION_UP);
	ck_assert_double_eq_tol(at, 1, 1e-3);
	ck_assert_uint_eq(lines, 2 * 4);
	ck_assert_uint_ge(b.told[FACT_SHARES_MOVED], 2 * 55);
}
END_TEST

START_TEST(a_ramp_that_is_over_before_it_made_a_line_makes_none)
{
	double at = 0;
	unsigned lines = 0;

	bench_start_pair(&b);
	bench_wish(&b, WISH_EVACUATE, "r0", 0, 60000);
	bench_run(&b, 2000);
	BENCH_SHARES(&b, 0, 1);
	wishes_drop(&b.wishes, WISH_EVACUATE, "", "r0");
	for (unsigned i = 0; i < 30; i++) {
		if (i == 5)
			bench_wish(&b, WISH_EVACUATE, "r0", 0, 60000);
		bench_tick(&b);
		lines += count_logged(&b.facts, &at);
	}
	BENCH_SHARES(&b, 0, 1);
	ck_assert_uint_eq(lines, 0);
	ck_assert_uint_gt(b.told[FACT_REGION_RAMP], 0);
}
END_TEST

START_TEST(checks_that_saw_it_go_may_bring_it_back_but_a_passing_one_may_not)
{
	struct steer_endpoint_out out;

	bench_start_pair(&b);
	b.answer[0][0] = ANSWER_REFUSED;
	bench_run(&b, 1000);
	steer_endpoint(b.s, 0, 0, &out);
	ck_assert(out.ejected);
	ck_assert_int_eq(out.state, ENDPOINT_DOWN);
	ck_assert_int_eq(out.reason, REASON_TRAFFIC_FAILED);
	b.answer[0][0] = ANSWER_WELL;
	bench_probe(&b, 0, 0, ENDPOINT_UP); /* as it was all along */
	bench_run(&b, 5000);
	steer_endpoint(b.s, 0, 0, &out);
	ck_assert(out.ejected);
	bench_probe(&b, 0, 0, ENDPOINT_DOWN);
	bench_run(&b, 1000);
	bench_probe(&b, 0, 0, ENDPOINT_UP);
	bench_tick(&b);
	steer_endpoint(b.s, 0, 0, &out);
	ck_assert(!out.ejected);
	ck_assert_int_eq(out.state, ENDPOINT_UP);
	ck_assert_uint_eq(out.weight, 100); /* slowly */
	bench_run(&b, 11000);
	steer_endpoint(b.s, 0, 0, &out);
	ck_assert_uint_eq(out.weight, 1000);
}
END_TEST

START_TEST(a_slow_region_is_left_to_its_sensor_and_comes_back)
{
	bench_plan(&b, 2);
	bench_start(&b);
	b.demand = 200;
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 120000);
	BENCH_SHARES(&b, 0.5, 0.5);
	bench_answer(&b, 0, ANSWER_SLOWLY);
	bench_run(&b, 12000);
	ck_assert_int_eq(bench_state(&b, 0), REGION_GREY);
	BENCH_SHARES(&b, 0.025, 0.975);
	bench_answer(&b, 0, ANSWER_WELL);
	bench_run(&b, 180000);
	ck_assert_int_eq(bench_state(&b, 0), REGION_UP);
	BENCH_SHARES(&b, 0.5, 0.5);
}
END_TEST

START_TEST(a_small_standby_is_given_its_capacity_and_the_rest_is_shed)
{
	struct steer_region_out out;

	bench_plan(&b, 2);
	b.regions[1].tier = 1;
	b.regions[1].capacity = 250;
	b.demand = 500;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 60000); /* it is cold by now */
	bench_probe_region(&b, 0, ENDPOINT_DOWN);
	bench_answer(&b, 0, ANSWER_REFUSED);
	bench_tick(&b);
	BENCH_SHARES(&b, 0, 0.5);
	ck_assert_double_eq_tol(steer_shed(b.s), 0.5, 1e-6);
	ck_assert_uint_eq(b.told[FACT_SHED_BEGAN], 1);
	steer_region(b.s, 1, &out);
	ck_assert_double_eq_tol(out.limit, 250, 1e-6);
	bench_run(&b, 5000);
	b.demand = 100;
	b.told[FACT_SHARES_MOVED] = 0;
	bench_run(&b, 1000);
	ck_assert_double_eq_tol(bench_share_of(&b, 1), 0.6, 0.011); /* left slowly */
	ck_assert_uint_le(b.told[FACT_SHARES_MOVED], 1);            /* and told once a second */
	bench_run(&b, 5000);
	BENCH_SHARES(&b, 0, 1);
	ck_assert_uint_eq(b.told[FACT_SHED_ENDED], 1);
}
END_TEST

START_TEST(demand_beyond_capacity_is_shed_at_once_but_noise_moves_nothing)
{
	bench_plan(&b, 1);
	b.regions[0].capacity = 250;
	b.demand = 200;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 5000);
	BENCH_SHARES(&b, 1);
	b.demand = 500;
	bench_tick(&b);
	BENCH_SHARES(&b, 0.5);
	b.demand = 505;
	bench_tick(&b);
	BENCH_SHARES(&b, 0.5);
}
END_TEST

START_TEST(what_waits_serves_rather_than_that_requests_are_refused)
{
	bench_plan(&b, 2);
	b.regions[0].capacity = 1000;
	b.regions[1].capacity = 400;
	b.demand = 800;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 5000);
	bench_answer(&b, 0, ANSWER_REFUSED);
	bench_probe_region(&b, 0, ENDPOINT_DOWN);
	bench_run(&b, 5000);
	BENCH_SHARES(&b, 0, 0.5);
	bench_answer(&b, 0, ANSWER_WELL);
	bench_probe_region(&b, 0, ENDPOINT_UP);
	bench_run(&b, 2000);
	ck_assert_int_eq(bench_state(&b, 0), REGION_HOLD);
	ck_assert_double_ge(bench_share_of(&b, 0), 0.1);
	bench_run(&b, 13000);
	BENCH_SHARES(&b, 0.5, 0.5);
}
END_TEST

START_TEST(it_is_said_before_a_loss_that_it_could_not_be_absorbed)
{
	bench_plan(&b, 2);
	b.regions[0].capacity = 1000;
	b.regions[1].capacity = 1000;
	b.demand = 1200;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 20000);
	ck_assert_uint_eq(b.told[FACT_NOT_REDUNDANT], 2);
	ck_assert_double_eq_tol(b.last[FACT_NOT_REDUNDANT].a, 1 / 6.0, 0.01);
	ck_assert_uint_eq(b.told[FACT_REDUNDANT], 0);
	b.demand = 900;
	bench_run(&b, 8000);
	ck_assert_uint_eq(b.told[FACT_REDUNDANT], 0);
	bench_run(&b, 4000);
	ck_assert_uint_eq(b.told[FACT_REDUNDANT], 1);
}
END_TEST

START_TEST(of_two_grey_regions_the_one_that_is_clean_again_serves)
{
	bench_plan(&b, 2);
	b.demand = 400;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 90000);
	bench_answer(&b, 0, ANSWER_ERROR);
	bench_run(&b, 10000);
	ck_assert_int_eq(bench_state(&b, 0), REGION_GREY);
	bench_answer(&b, 0, ANSWER_WELL);
	bench_run(&b, 20000);
	ck_assert_int_eq(bench_state(&b, 0), REGION_GREY); /* a whole minute, in general */
	bench_answer(&b, 1, ANSWER_ERROR);
	bench_run(&b, 15000);
	ck_assert_int_eq(bench_state(&b, 1), REGION_GREY);
	ck_assert_int_eq(bench_state(&b, 0), REGION_UP);
	BENCH_SHARES(&b, 0.975, 0.025);
}
END_TEST

START_TEST(errors_of_the_first_second_of_all_condemn_no_region)
{
	bench_plan(&b, 2);
	b.demand = 400;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_answer(&b, 0, ANSWER_ERROR);
	bench_run(&b, 1000);
	ck_assert_int_eq(bench_state(&b, 0), REGION_UP);
	bench_answer(&b, 0, ANSWER_WELL);
	bench_run(&b, 60000);
	ck_assert_uint_eq(b.told[FACT_REGION_GREY], 0);
	bench_answer(&b, 0, ANSWER_ERROR);
	bench_run(&b, 1000);
	ck_assert_int_eq(bench_state(&b, 0), REGION_GREY);
}
END_TEST

START_TEST(a_region_in_panic_says_so_once)
{
	struct steer_region_out out;

	bench_plan(&b, 1);
	b.regions[0].endpoint_count = 5;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 3000);
	b.demand = 0;
	for (unsigned k = 0; k < 3; k++)
		bench_probe(&b, 0, k, ENDPOINT_DOWN);
	bench_run(&b, 10000);
	steer_region(b.s, 0, &out);
	ck_assert_double_eq_tol(out.blind, 0.45, 1e-9); /* 1 - 1.4 * 0.4, in steps of 5 % */
	ck_assert_uint_eq(b.told[FACT_REGION_PANIC], 1);
	ck_assert_double_eq_tol(b.last[FACT_REGION_PANIC].a, 0.4, 1e-6);
	bench_probe(&b, 0, 0, ENDPOINT_UP);
	bench_tick(&b);
	steer_region(b.s, 0, &out);
	ck_assert_double_eq_tol(out.blind, 0, 1e-9); /* though the new one starts slowly */
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/steer");
	TCase *tests = tcase_create("steer");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, NULL, stop);
	tcase_add_test(tests, without_a_fault_nothing_moves_and_nothing_is_told);
	tcase_add_test(tests, nothing_is_allocated_once_it_runs);
	tcase_add_test(tests, a_standby_whose_probe_came_first_does_not_take_over_at_the_start);
	tcase_add_test(tests, but_it_does_when_the_others_are_down_or_never_answer);
	tcase_add_test(tests, unchecked_endpoints_are_up);
	tcase_add_test(tests, a_failover_is_told_with_where_to_and_why);
	tcase_add_test(tests, failback_waits_out_the_hold_down_and_then_ramps);
	tcase_add_test(tests, a_ramp_that_is_over_before_it_made_a_line_makes_none);
	tcase_add_test(
	    tests, of_a_ramp_the_log_has_the_quarters_and_the_end_and_the_journal_each_second);
	tcase_add_test(tests, checks_that_saw_it_go_may_bring_it_back_but_a_passing_one_may_not);
	tcase_add_test(tests, a_slow_region_is_left_to_its_sensor_and_comes_back);
	tcase_add_test(tests, a_small_standby_is_given_its_capacity_and_the_rest_is_shed);
	tcase_add_test(tests, demand_beyond_capacity_is_shed_at_once_but_noise_moves_nothing);
	tcase_add_test(tests, what_waits_serves_rather_than_that_requests_are_refused);
	tcase_add_test(tests, it_is_said_before_a_loss_that_it_could_not_be_absorbed);
	tcase_add_test(tests, of_two_grey_regions_the_one_that_is_clean_again_serves);
	tcase_add_test(tests, errors_of_the_first_second_of_all_condemn_no_region);
	tcase_add_test(tests, a_region_in_panic_says_so_once);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
