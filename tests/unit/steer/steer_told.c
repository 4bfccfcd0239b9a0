/* SPDX-License-Identifier: Apache-2.0 */
/* What the steering tells of its moves: what left whom for whom, and what did not. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "bench.h"
#include "steer/explain.h"

static struct bench b;

static void
stop(void)
{
	bench_stop(&b);
}

START_TEST(failing_open_is_told_as_that_and_not_as_a_failover)
{
	bench_start_pair(&b);
	bench_answer(&b, 0, ANSWER_REFUSED);
	bench_run(&b, 1000);
	BENCH_SHARES(&b, 0, 1);
	bench_answer(&b, 1, ANSWER_REFUSED);
	bench_run(&b, 1000);
	BENCH_SHARES(&b, 0.5, 0.5);
	ck_assert_uint_eq(b.told[FACT_FAIL_OPEN], 1);
	ck_assert_uint_eq(b.told[FACT_FAILED_OVER], 1); /* of the one that was left before */
	bench_wish(&b, WISH_EVACUATE, "r1", 0, 10000); /* whom a person takes out is left even so */
	bench_run(&b, 1000);
	BENCH_SHARES(&b, 1, 0);
	ck_assert_uint_eq(b.told[FACT_FAILED_OVER], 2);
	ck_assert_str_eq(b.last[FACT_FAILED_OVER].region, "r1");
	ck_assert_str_eq(b.last[FACT_FAILED_OVER].into, "r0");
}
END_TEST

START_TEST(refusing_everything_is_told_as_that_and_not_as_a_failover)
{
	bench_plan(&b, 2);
	b.regions[1].tier = 1;
	b.plan.policy.share.fail_open = false;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 5000);
	bench_answer(&b, 0, ANSWER_REFUSED);
	bench_run(&b, 1000);
	bench_answer(&b, 1, ANSWER_REFUSED);
	bench_run(&b, 1000);
	ck_assert_uint_eq(b.told[FACT_REGION_DOWN], 2);
	ck_assert_uint_eq(b.told[FACT_FAIL_CLOSED], 1);
	ck_assert_uint_eq(b.told[FACT_FAILED_OVER], 1);
}
END_TEST

/* What status and metrics are told of the first region. */
static double
loss_of_first(void)
{
	struct steer_region_out out;

	steer_region(b.s, 0, &out);
	return out.loss;
}

static void
expect_losses(const char *said)
{
	char text[1024];

	explain_service(b.s, &b.wishes, b.now_ms, text, sizeof text);
	ck_assert_msg(strstr(text, said) != NULL, "%s", text);
}

START_TEST(explain_and_the_journal_agree_on_what_can_be_lost)
{
	bench_plan(&b, 2);
	b.regions[0].capacity = 1000;
	b.regions[1].capacity = 1000;
	b.demand = 1200;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 20000);
	ck_assert_uint_eq(b.told[FACT_NOT_REDUNDANT], 2);
	expect_losses(" Losing r0 would shed 16.7 %, losing r1 would shed 16.7 %.");
	ck_assert_double_eq_tol(loss_of_first(), 1 / 6.0, 0.01);
	b.demand = 900;
	bench_run(&b, 8000);
	ck_assert_uint_eq(b.told[FACT_REDUNDANT], 0);
	expect_losses(" Losing r0 would shed ");
	bench_run(&b, 4000);
	ck_assert_uint_eq(b.told[FACT_REDUNDANT], 1);
	expect_losses(" Any one region can be lost.");
	ck_assert_double_eq_tol(loss_of_first(), 0, 1e-9);
	b.demand = 1000.5; /* of which a loss would shed less than is worth telling */
	bench_run(&b, 20000);
	ck_assert_uint_eq(b.told[FACT_NOT_REDUNDANT], 2);
	expect_losses(" Any one region can be lost.");
}
END_TEST

START_TEST(of_a_region_that_is_lost_already_nothing_more_is_to_be_lost)
{
	bench_start_pair(&b);
	bench_wish(&b, WISH_EVACUATE, "r1", 0, 60000);
	bench_run(&b, 5000);
	expect_losses(" Losing r0 would leave no healthy region.");
	ck_assert_double_eq_tol(loss_of_first(), 1, 1e-9);
	ck_assert(wishes_drop(&b.wishes, WISH_EVACUATE, "", "r1"));
	bench_probe_region(&b, 0, ENDPOINT_DOWN);
	bench_run(&b, 2000);
	ck_assert_int_eq(bench_state(&b, 0), REGION_DOWN);
	ck_assert_double_gt(bench_share_of(&b, 1), 0.5);
	ck_assert_double_eq_tol(loss_of_first(), 0, 1e-9);
}
END_TEST

START_TEST(what_is_too_new_to_be_told_is_explained_as_new)
{
	bench_start_pair(&b);
	bench_run(&b, 5000);
	bench_wish(&b, WISH_EVACUATE, "r0", 0, 60000);
	bench_run(&b, 1000);
	ck_assert_uint_eq(b.told[FACT_NOT_REDUNDANT], 0);
	expect_losses(" Losing r1 would leave no healthy region (as of now).");
	bench_run(&b, 3000);
	ck_assert_uint_eq(b.told[FACT_NOT_REDUNDANT], 1);
	expect_losses(" Losing r1 would leave no healthy region.");
}
END_TEST

/* A burst that a region's bucket has no room for moves no share. */
static void
start_one_of(double capacity)
{
	bench_plan(&b, 2);
	b.regions[0].capacity = capacity;
	b.regions[1].capacity = capacity;
	b.regions[1].tier = 1;
	b.demand = 40;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 5000);
	ck_assert_uint_eq(b.told[FACT_SHED_BEGAN], 0);
}

static void
shed_for(unsigned ms, uint32_t by_rate, uint32_t in_flight)
{
	b.shed[0] = by_rate;
	b.shed_in_flight[0] = in_flight;
	bench_run(&b, ms);
	b.shed[0] = b.shed_in_flight[0] = 0;
}

START_TEST(what_the_workers_shed_is_told_at_once_and_its_end_within_a_second)
{
	start_one_of(400);
	shed_for(100, 10, 0);
	ck_assert_uint_eq(b.told[FACT_SHED_BEGAN], 1);
	ck_assert_str_eq(b.last[FACT_SHED_BEGAN].region, "r0");
	ck_assert_int_eq(b.last[FACT_SHED_BEGAN].signal, SIGNAL_CAPACITY);
	ck_assert_double_eq_tol(b.last[FACT_SHED_BEGAN].a, 40, 0.001);
	ck_assert_double_eq_tol(b.last[FACT_SHED_BEGAN].b, 400, 0.001);
	ck_assert_double_eq_tol(b.last[FACT_SHED_BEGAN].c, 0.25, 0.001);
	bench_run(&b, 500);
	ck_assert_uint_eq(b.told[FACT_SHED_ENDED], 0);
	bench_run(&b, 400);
	ck_assert_uint_eq(b.told[FACT_SHED_ENDED], 1);
	ck_assert_str_eq(b.last[FACT_SHED_ENDED].region, "r0");
}
END_TEST

START_TEST(what_may_be_in_flight_is_told_as_what_was_met)
{
	start_one_of(400);
	shed_for(100, 0, 3);
	ck_assert_int_eq(b.last[FACT_SHED_BEGAN].signal, SIGNAL_IN_FLIGHT);
}
END_TEST

static void
expect_said(const char *said, bool is)
{
	char text[1024];

	explain_service(b.s, &b.wishes, b.now_ms, text, sizeof text);
	ck_assert_msg((strstr(text, said) != NULL) == is, "%s", text);
}

START_TEST(what_is_shed_for_want_of_memory_is_not_told_as_too_much_demand)
{
	start_one_of(400);
	b.shed_for_memory = 4;
	bench_run(&b, 100);
	b.shed_for_memory = 0;
	ck_assert_uint_eq(b.told[FACT_SHED_BEGAN], 1);
	ck_assert_int_eq(b.last[FACT_SHED_BEGAN].signal, SIGNAL_MEMORY);
	ck_assert(isnan(b.last[FACT_SHED_BEGAN].b));
	ck_assert_double_eq_tol(b.last[FACT_SHED_BEGAN].c, 0.1, 0.001);
	expect_said(
	    " SHED in the last second: 4 of 40 requests, which began 0 ms ago; memory is short",
	    true);
	bench_run(&b, 900);
	ck_assert_uint_eq(b.told[FACT_SHED_ENDED], 1);
	ck_assert_int_eq(b.last[FACT_SHED_ENDED].signal, SIGNAL_MEMORY);
	/* Beside a region that is full it is the region that is told. */
	b.shed_for_memory = 4;
	shed_for(100, 10, 0);
	b.shed_for_memory = 0;
	ck_assert_int_eq(b.last[FACT_SHED_BEGAN].signal, SIGNAL_CAPACITY);
	ck_assert_str_eq(b.last[FACT_SHED_BEGAN].region, "r0");
}
END_TEST

START_TEST(shedding_that_comes_and_goes_does_not_fill_the_journal)
{
	start_one_of(400);
	for (unsigned s = 0; s < 60; s++) {
		shed_for(100, 1, 0);
		bench_run(&b, 1400);
	}
	ck_assert_uint_le(b.told[FACT_SHED_BEGAN], 3);
	ck_assert_uint_le(b.told[FACT_SHED_ENDED], 3);
}
END_TEST

START_TEST(bursts_far_apart_are_soon_told_as_one_until_all_was_well_for_minutes)
{
	static const unsigned apart_ms[] = { 11000, 60000 };
	unsigned told;

	start_one_of(400);
	for (unsigned ms = 0; ms < 1800000; ms += apart_ms[_i]) {
		shed_for(100, 1, 0);
		bench_run(&b, apart_ms[_i] - 100);
	}
	told = b.told[FACT_SHED_BEGAN];
	ck_assert_uint_le(told, 9);
	bench_run(&b, 500000);
	ck_assert_uint_eq(b.told[FACT_SHED_ENDED], told);
	shed_for(100, 1, 0);
	ck_assert_uint_eq(b.told[FACT_SHED_BEGAN], told + 1);
	bench_run(&b, 900);
	ck_assert_uint_eq(b.told[FACT_SHED_ENDED], told + 1);
}
END_TEST

START_TEST(explain_tells_what_is_shed_since_when_and_what_it_meets)
{
	start_one_of(400);
	expect_said("SHED", false);
	b.shed[0] = 10;
	b.shed_in_flight[0] = 3;
	bench_run(&b, 3000);
	expect_said(
	    " SHED in the last second: 13 of 40 requests, which began 2.9 s ago; r0 meets its "
	    "capacity of 400/s (10/s), r0 its limit of ",
	    true);
	b.shed[0] = b.shed_in_flight[0] = 0;
	bench_run(&b, 3000);
	expect_said("SHED", false);
	b.refused = 7;
	bench_run(&b, 100);
	expect_said(
	    " REFUSED in the last second: 7 of 40 requests, because no region is up.", true);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/steer_told");
	TCase *tests = tcase_create("steer_told");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, NULL, stop);
	tcase_add_test(tests, failing_open_is_told_as_that_and_not_as_a_failover);
	tcase_add_test(tests, refusing_everything_is_told_as_that_and_not_as_a_failover);
	tcase_add_test(tests, what_the_workers_shed_is_told_at_once_and_its_end_within_a_second);
	tcase_add_test(tests, what_may_be_in_flight_is_told_as_what_was_met);
	tcase_add_test(tests, what_is_shed_for_want_of_memory_is_not_told_as_too_much_demand);
	tcase_add_test(tests, shedding_that_comes_and_goes_does_not_fill_the_journal);
	tcase_add_loop_test(
	    tests, bursts_far_apart_are_soon_told_as_one_until_all_was_well_for_minutes, 0, 2);
	tcase_add_test(tests, explain_tells_what_is_shed_since_when_and_what_it_meets);
	tcase_add_test(tests, explain_and_the_journal_agree_on_what_can_be_lost);
	tcase_add_test(tests, of_a_region_that_is_lost_already_nothing_more_is_to_be_lost);
	tcase_add_test(tests, what_is_too_new_to_be_told_is_explained_as_new);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
