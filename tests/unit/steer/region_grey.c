/* SPDX-License-Identifier: Apache-2.0 */
/* A region that is worse than its peers: how it gives up its share, and comes back. */
#include <check.h>

#include "region_play.h"

START_TEST(a_grey_region_gives_up_a_quarter_each_second_down_to_its_sensor_share)
{
	reset(REGION_UP);
	PLAY({ 1100, { WELL, GREY }, REGION_GREY, 0.75 },
	    { 2000, { WELL, GREY }, REGION_GREY, 0.75 }, { 2100, { WELL, GREY }, REGION_GREY, 0.5 },
	    { 3100, { WELL, GREY }, REGION_GREY, 0.25 },
	    { 4000, { WELL, GREY }, REGION_GREY, 0.25 },
	    { 4100, { WELL, GREY }, REGION_GREY, 0.05 },
	    { 9000, { WELL, GREY }, REGION_GREY, 0.05 });
	ck_assert_uint_eq(facts.count, 1);
	ck_assert_double_eq(facts.list[0].a, 0.3);
	ck_assert_double_eq(facts.list[0].b, 0.02);
	ck_assert_double_eq(facts.list[0].c, 2);
}
END_TEST

START_TEST(a_region_that_is_suddenly_grey_has_given_up_all_within_a_second)
{
	reset(REGION_UP);
	PLAY({ 1100, { WELL, GREY, .grey_sudden = true }, REGION_GREY, 0.5 },
	    { 1800, { WELL, GREY }, REGION_GREY, 0.5 },
	    { 1900, { WELL, GREY }, REGION_GREY, 0.05 });
	reset(REGION_UP); /* or from when on it is plain */
	PLAY({ 1100, { WELL, GREY }, REGION_GREY, 0.75 },
	    { 1900, { WELL, GREY }, REGION_GREY, 0.75 },
	    { 2000, { WELL, GREY, .grey_sudden = true }, REGION_GREY, 0.75 },
	    { 2500, { WELL, GREY }, REGION_GREY, 0.75 },
	    { 2600, { WELL, GREY }, REGION_GREY, 0.25 });
}
END_TEST

START_TEST(ticks_that_are_late_do_not_slow_the_steps)
{
	const struct region_evidence e = { WELL, GREY };

	reset(REGION_UP);
	region_step(&region, &automatic, &e, 100, 2000, &facts, "shop", "a");
	ck_assert_double_eq_tol(region.factor, 0.75, 1e-9);
	region_step(&region, &automatic, &e, 2500, 4500, &facts, "shop", "a");
	ck_assert_double_eq_tol(region.factor, 0.25, 1e-9);
	region_step(&region, &automatic, &e, 499, 4999, &facts, "shop", "a");
	ck_assert_double_eq_tol(region.factor, 0.25, 1e-9);
	region_step(&region, &automatic, &e, 1, 5000, &facts, "shop", "a");
	ck_assert_double_eq_tol(region.factor, 0.05, 1e-9);
}
END_TEST

START_TEST(plain_errors_take_all_but_the_sensor_share_at_once)
{
	reset(REGION_UP);
	PLAY({ 1100, { WELL, .grey_at_once = true, .grey_signal = SIGNAL_ERRORS }, REGION_GREY,
	    0.05 });
}
END_TEST

START_TEST(a_grey_region_ramps_after_a_whole_clean_minute)
{
	reset(REGION_UP);
	PLAY({ 1100, { WELL, GREY }, REGION_GREY, 0.75 },
	    { 9000, { WELL, GREY }, REGION_GREY, 0.05 },
	    { 60000, { WELL, .grey_clean = true }, REGION_GREY, 0.05 },
	    { 60100, { WELL }, REGION_GREY, 0.05 },
	    { 120100, { WELL, .grey_clean = true }, REGION_GREY, 0.05 },
	    { 120200, { WELL, .grey_clean = true }, REGION_RAMP, 0.05 },
	    { 150200, { WELL, .grey_clean = true }, REGION_RAMP, 0.55 },
	    { 177200, { WELL, .grey_clean = true }, REGION_UP, 1 });
}
END_TEST

START_TEST(a_ramp_that_turns_grey_again_has_to_be_clean_for_longer)
{
	reset(REGION_RAMP);
	region.relapses = 1;
	region.relapses_at_ms = 1000;
	PLAY({ 1100, { WELL, GREY }, REGION_GREY, 0.05 });
	ck_assert_double_eq_tol(region.relapses, 2, 1e-3);
	PLAY({ 121100, { WELL, .grey_clean = true }, REGION_GREY, 0.05 },
	    { 121200, { WELL, .grey_clean = true }, REGION_RAMP, 0.05 });
}
END_TEST

START_TEST(a_grey_region_still_goes_down)
{
	reset(REGION_GREY);
	PLAY({ 1100, { RESETS, GREY }, REGION_DOWN, 0 });
	ck_assert_double_eq(region.relapses, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/region_grey");
	TCase *tests = tcase_create("region_grey");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(
	    tests, a_grey_region_gives_up_a_quarter_each_second_down_to_its_sensor_share);
	tcase_add_test(tests, a_region_that_is_suddenly_grey_has_given_up_all_within_a_second);
	tcase_add_test(tests, ticks_that_are_late_do_not_slow_the_steps);
	tcase_add_test(tests, plain_errors_take_all_but_the_sensor_share_at_once);
	tcase_add_test(tests, a_grey_region_ramps_after_a_whole_clean_minute);
	tcase_add_test(tests, a_ramp_that_turns_grey_again_has_to_be_clean_for_longer);
	tcase_add_test(tests, a_grey_region_still_goes_down);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
