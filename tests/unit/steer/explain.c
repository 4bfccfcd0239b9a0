/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/explain.h"

#include <check.h>
#include <string.h>

#include "bench.h"

static struct bench b;

static const char *
region(unsigned i)
{
	static char text[1024];

	ck_assert_uint_eq(
	    explain_region(b.s, i, &b.wishes, b.now_ms, text, sizeof text), strlen(text));
	return text;
}

static const char *
service(void)
{
	static char text[1024];

	ck_assert_uint_eq(
	    explain_service(b.s, &b.wishes, b.now_ms, text, sizeof text), strlen(text));
	return text;
}

START_TEST(in_peace_any_one_region_can_be_lost)
{
	bench_start_pair(&b);
	ck_assert_str_eq(region(0), "r0 gets 100 %: UP for 5.0 s; 2 of 2 endpoints up.");
	ck_assert_str_eq(
	    region(1), "r1 gets 0 %: UP for 5.0 s; 2 of 2 endpoints up; standby (tier 1).");
	ck_assert_str_eq(service(), "shop goes by health and weight. Any one region can be lost.");
	bench_stop(&b);
}
END_TEST

START_TEST(a_failover_tells_its_evidence_and_what_it_waits_for)
{
	bench_start_pair(&b);
	bench_answer(&b, 0, ANSWER_REFUSED);
	bench_run(&b, 1000);
	bench_probe_region(&b, 0, ENDPOINT_DOWN);
	bench_run(&b, 191000);
	ck_assert_str_eq(region(0),
	    "r0 gets 0 %: DOWN for 3 m 11 s, 17 failures in a row to reach it (threshold "
	    "8); 0 of 2 endpoints up, 2 down: 3 checks failed: connection refused.");
	ck_assert_str_eq(
	    service(), "shop goes by health and weight. Losing r1 would leave no healthy region.");
	bench_answer(&b, 0, ANSWER_WELL);
	bench_probe_region(&b, 0, ENDPOINT_UP);
	bench_run(&b, 8000);
	ck_assert_str_eq(region(0),
	    "r0 gets 0 %: HOLD for 7.9 s; it is healthy and its ramp begins in 22 s; 2 of "
	    "2 endpoints up.");
	bench_run(&b, 40000);
	ck_assert_str_eq(region(0),
	    "r0 gets 29.8 %: RAMP for 17 s; it is back to 29.8 % of its part, full in 42 "
	    "s; 2 of 2 endpoints up.");
	bench_stop(&b);
}
END_TEST

START_TEST(what_people_wish_is_told_with_the_time_it_has_left)
{
	bench_start_pair(&b);
	bench_wish(&b, WISH_FREEZE, "", 0, 600000);
	bench_wish(&b, WISH_EVACUATE, "r0", 0, 3600000);
	bench_run(&b, 1000);
	ck_assert_str_eq(region(0),
	    "r0 gets 0 %: EVACUATED for 900 ms; wished by ann (test) until "
	    "2023-11-14T23:13:25.000Z, for another 59 m 59 s; 2 of 2 endpoints up.");
	ck_assert_str_eq(service(),
	    "shop goes by health and weight. Frozen by ann (test) until "
	    "2023-11-14T22:23:25.000Z: only hard failures move traffic. Losing r1 would leave no "
	    "healthy region (as of now).");
	bench_stop(&b);
}
END_TEST

START_TEST(a_ramp_that_a_freeze_holds_says_so_and_whose_it_is)
{
	bench_start_pair(&b);
	bench_wish(&b, WISH_EVACUATE, "r0", 0, 2000);
	bench_wish(&b, WISH_FREEZE, "", 0, 600000);
	bench_run(&b, 11000);
	ck_assert_str_eq(region(0),
	    "r0 gets 0 %: RAMP for 9.0 s; it is back to 0 % of its part, held: shop is frozen by "
	    "ann (test) until 2023-11-14T22:23:25.000Z; full 1 m 0 s after that; 2 of 2 endpoints "
	    "up.");
	wishes_drop(&b.wishes, WISH_FREEZE, "shop", "");
	wishes_set(&b.wishes,
	    &(struct wish){ .kind = WISH_FREEZE,
		.owner = "zed",
		.reason = "audit",
		.until_wall_ms = b.wall_ms + 600000 });
	bench_tick(&b);
	ck_assert_ptr_nonnull(
	    strstr(region(0), ", held: all services are frozen by zed (audit) until 2023-"));
	bench_stop(&b);
}
END_TEST

START_TEST(a_hold_that_a_freeze_lengthens_says_so)
{
	bench_start_pair(&b);
	bench_answer(&b, 0, ANSWER_REFUSED);
	bench_probe_region(&b, 0, ENDPOINT_DOWN);
	bench_run(&b, 1000);
	bench_answer(&b, 0, ANSWER_WELL);
	bench_wish(&b, WISH_FREEZE, "", 0, 600000);
	bench_probe_region(&b, 0, ENDPOINT_UP);
	bench_run(&b, 8000);
	ck_assert_ptr_nonnull(strstr(
	    region(0), " s at the earliest, held: shop is frozen by ann (test) until 2023-"));
	bench_run(&b, 40000);
	ck_assert_ptr_nonnull(strstr(region(0),
	    "as soon as nothing holds failback, held: shop is frozen by ann (test) until 2023-"));
	bench_stop(&b);
}
END_TEST

START_TEST(a_ramp_that_waits_for_our_own_view_says_so)
{
	bench_start_pair(&b);
	bench_wish(&b, WISH_EVACUATE, "r0", 0, 2000);
	bench_run(&b, 11000);
	ck_assert_ptr_nonnull(strstr(region(0), " of its part, full in "));
	bench_skip(&b, 2000);
	bench_run(&b, 100);
	ck_assert_ptr_nonnull(
	    strstr(region(0), " of its part, held: our own view is doubted; full "));
	bench_stop(&b);
}
END_TEST

START_TEST(a_ramp_that_waits_for_another_region_says_so)
{
	bench_plan(&b, 3);
	bench_start(&b);
	b.demand = 100;
	bench_probe_all(&b, ENDPOINT_UP);
	bench_wish(&b, WISH_EVACUATE, "r0", 0, 2000);
	bench_run(&b, 11000);
	b.answer[1][0] = ANSWER_REFUSED;
	for (unsigned i = 0; i < 50 && bench_state(&b, 1) != REGION_SUSPECT; i++)
		bench_run(&b, 100);
	ck_assert_int_eq(bench_state(&b, 1), REGION_SUSPECT);
	ck_assert_ptr_nonnull(
	    strstr(region(0), " of its part, held: another region may be failing; full "));
	bench_stop(&b);
}
END_TEST

START_TEST(shedding_tells_how_much_and_of_what)
{
	bench_plan(&b, 2);
	b.regions[0].capacity = 1000;
	b.regions[1].capacity = 1000;
	b.demand = 4000;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 3000);
	ck_assert_str_eq(region(0),
	    "r0 gets 25 %: UP for 3.0 s; 2 of 2 endpoints up; gets 1000 of the 1000 "
	    "requests/s it may.");
	ck_assert_str_eq(service(),
	    "shop goes by health and weight, up to capacity. SHEDDING 50 % of 4000 "
	    "requests/s: the regions that serve can take no more than 2000. Losing r0 "
	    "would shed 75 % (as of now), losing r1 would shed 75 % (as of now).");
	b.demand = 0; /* it is left slowly, but nobody is refused any more */
	bench_tick(&b);
	ck_assert_double_gt(steer_shed(b.s), 0.4);
	ck_assert_ptr_null(strstr(service(), "SHEDDING"));
	bench_stop(&b);
}
END_TEST

START_TEST(failing_open_is_loud)
{
	bench_start_pair(&b);
	b.demand = 0;
	bench_run(&b, 2000);
	bench_probe_all(&b, ENDPOINT_DOWN);
	bench_run(&b, 1000);
	ck_assert_str_eq(region(1),
	    "r1 gets 50 %: DOWN for 900 ms, 0 % of its endpoints' weight was up (threshold "
	    "25 %); 0 of 2 endpoints up, 2 down: 3 checks failed: connection refused, all of "
	    "them used whatever their health; standby (tier 1).");
	ck_assert_str_eq(service(),
	    "shop FAILS OPEN: no region is eligible, so the checks are doubted and traffic "
	    "goes by weight to all that is not evacuated.");
	bench_stop(&b);
}
END_TEST

START_TEST(a_slow_region_tells_its_latency_and_the_threshold)
{
	bench_plan(&b, 2);
	bench_start(&b);
	b.demand = 200;
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 120000);
	bench_answer(&b, 0, ANSWER_SLOWLY);
	bench_run(&b, 12000);
	ck_assert_str_eq(region(0),
	    "r0 gets 2.5 %: GREY for 11 s, its p95 latency was 2097 ms where the others' was "
	    "not (threshold 105 ms); 2 of 2 endpoints up.");
	bench_stop(&b);
}
END_TEST

START_TEST(a_standby_tells_what_it_serves_for_with_the_numbers)
{
	bench_start_pair(&b);
	bench_probe(&b, 0, 1, ENDPOINT_DOWN);
	bench_run(&b, 20000);
	ck_assert_str_eq(region(0),
	    "r0 gets 70 %: UP for 25 s; 1 of 2 endpoints up, 1 down: 3 checks failed: connection "
	    "refused.");
	ck_assert_str_eq(region(1),
	    "r1 gets 30 %: UP for 25 s; 2 of 2 endpoints up; standby (tier 1), serves because "
	    "tier 0 takes only 70 %: 50 % of it is fit, times overprovisioning 1.4.");
	bench_probe(&b, 0, 0, ENDPOINT_DOWN);
	bench_run(&b, 1000);
	ck_assert_str_eq(region(1),
	    "r1 gets 100 %: UP for 26 s; 2 of 2 endpoints up; standby (tier 1), serves because "
	    "tier 0 takes nothing: 0 % of it is fit.");
	bench_stop(&b);
}
END_TEST

START_TEST(a_standby_of_tiers_with_gaps_counts_all_before_it)
{
	bench_plan(&b, 3);
	b.regions[1].tier = 5;
	b.regions[2].tier = 4000000000;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 5000);
	ck_assert_str_eq(region(2),
	    "r2 gets 0 %: UP for 5.0 s; 2 of 2 endpoints up; standby (tier 4000000000).");
	bench_probe_region(&b, 0, ENDPOINT_DOWN);
	bench_probe(&b, 1, 0, ENDPOINT_DOWN);
	bench_run(&b, 20000);
	ck_assert_str_eq(region(2),
	    "r2 gets 30 %: UP for 25 s; 2 of 2 endpoints up; standby (tier 4000000000), serves "
	    "because the 2 tiers before it take only 70 %: 25 % of them are fit, times "
	    "overprovisioning 1.4.");
	bench_stop(&b);
}
END_TEST

START_TEST(a_standby_tells_the_capacity_it_serves_beyond)
{
	bench_plan(&b, 2);
	b.regions[0].capacity = 1000;
	b.regions[1].capacity = 1000;
	b.regions[1].tier = 1;
	b.demand = 1000;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 60000);
	ck_assert_str_eq(region(1),
	    "r1 gets 15 %: UP for 1 m 0 s; 2 of 2 endpoints up; gets 150 of the 1000 requests/s "
	    "it may; standby (tier 1), serves because tier 0 takes only 85 %: planned for 850 "
	    "of 1000 requests/s.");
	bench_stop(&b);
}
END_TEST

START_TEST(a_standby_that_is_asked_a_little_says_so)
{
	bench_plan(&b, 2);
	b.regions[1].tier = 1;
	b.plan.policy.share.standby_share = 0.02;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 5000);
	ck_assert_str_eq(region(1),
	    "r1 gets 2 %: UP for 5.0 s; 2 of 2 endpoints up; standby (tier 1), asked a little to "
	    "learn how it does.");
	bench_stop(&b);
}
END_TEST

START_TEST(a_text_is_cut_to_the_size_there_is)
{
	char text[16];

	memset(text, 'x', sizeof text);
	bench_start_pair(&b);
	for (size_t size = 0; size < sizeof text; size++) {
		size_t length = explain_region(b.s, 0, &b.wishes, b.now_ms, text, size);

		ck_assert_uint_lt(length, size > 0 ? size : 1);
		if (size > 0)
			ck_assert_uint_eq(length, strlen(text));
		ck_assert_int_eq(text[size], 'x');
		ck_assert_uint_eq(explain_service(b.s, &b.wishes, b.now_ms, text, size), length);
	}
	bench_stop(&b);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/explain");
	TCase *tests = tcase_create("explain");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, in_peace_any_one_region_can_be_lost);
	tcase_add_test(tests, a_failover_tells_its_evidence_and_what_it_waits_for);
	tcase_add_test(tests, what_people_wish_is_told_with_the_time_it_has_left);
	tcase_add_test(tests, a_ramp_that_a_freeze_holds_says_so_and_whose_it_is);
	tcase_add_test(tests, a_hold_that_a_freeze_lengthens_says_so);
	tcase_add_test(tests, a_ramp_that_waits_for_our_own_view_says_so);
	tcase_add_test(tests, a_ramp_that_waits_for_another_region_says_so);
	tcase_add_test(tests, shedding_tells_how_much_and_of_what);
	tcase_add_test(tests, failing_open_is_loud);
	tcase_add_test(tests, a_slow_region_tells_its_latency_and_the_threshold);
	tcase_add_test(tests, a_standby_tells_what_it_serves_for_with_the_numbers);
	tcase_add_test(tests, a_standby_of_tiers_with_gaps_counts_all_before_it);
	tcase_add_test(tests, a_standby_tells_the_capacity_it_serves_beyond);
	tcase_add_test(tests, a_standby_that_is_asked_a_little_says_so);
	tcase_add_test(tests, a_text_is_cut_to_the_size_there_is);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
