/* SPDX-License-Identifier: Apache-2.0 */
/* What the steering tells of its moves: what left whom for whom, and what did not. */
#include <check.h>

#include "bench.h"

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
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
