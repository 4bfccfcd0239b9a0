/* SPDX-License-Identifier: Apache-2.0 */
#include "control/memory_watch.h"

#include <check.h>
#include <string.h>

static const struct conf_memory usual = { 1000, 0.85, 0.9, 0.95, { 0 } };

START_TEST(each_part_of_the_limit_is_a_level)
{
	ck_assert_int_eq(memory_level(0, &usual, PRESSURE_NONE), PRESSURE_NONE);
	ck_assert_int_eq(memory_level(849, &usual, PRESSURE_NONE), PRESSURE_NONE);
	ck_assert_int_eq(memory_level(850, &usual, PRESSURE_NONE), PRESSURE_SHED);
	ck_assert_int_eq(memory_level(899, &usual, PRESSURE_NONE), PRESSURE_SHED);
	ck_assert_int_eq(memory_level(900, &usual, PRESSURE_NONE), PRESSURE_SHRINK);
	ck_assert_int_eq(memory_level(949, &usual, PRESSURE_SHED), PRESSURE_SHRINK);
	ck_assert_int_eq(memory_level(950, &usual, PRESSURE_NONE), PRESSURE_STOP);
	ck_assert_int_eq(memory_level(99999, &usual, PRESSURE_NONE), PRESSURE_STOP);
}
END_TEST

START_TEST(a_level_is_left_only_well_below_it)
{
	ck_assert_int_eq(memory_level(931, &usual, PRESSURE_STOP), PRESSURE_STOP);
	ck_assert_int_eq(memory_level(929, &usual, PRESSURE_STOP), PRESSURE_SHRINK);
	ck_assert_int_eq(memory_level(881, &usual, PRESSURE_SHRINK), PRESSURE_SHRINK);
	ck_assert_int_eq(memory_level(879, &usual, PRESSURE_SHRINK), PRESSURE_SHED);
	ck_assert_int_eq(memory_level(831, &usual, PRESSURE_SHED), PRESSURE_SHED);
	ck_assert_int_eq(memory_level(829, &usual, PRESSURE_SHED), PRESSURE_NONE);
	ck_assert_int_eq(memory_level(100, &usual, PRESSURE_STOP), PRESSURE_NONE);
}
END_TEST

START_TEST(what_is_used_is_read_and_a_change_is_told_once)
{
	const struct conf_memory plenty = { 1ull << 45, 0.85, 0.9, 0.95, { 0 } };
	const struct conf_memory scarce = { 64 << 10, 0.85, 0.9, 0.95, { 0 } };
	struct memory_watch m;

	memory_watch_open(&m);
	ck_assert(!memory_watch_look(&m, &plenty));
	ck_assert_uint_gt(m.used_bytes, 64 << 10);
	ck_assert(memory_watch_look(&m, &scarce));
	ck_assert_int_eq(m.level, PRESSURE_STOP);
	ck_assert(!memory_watch_look(&m, &scarce));
	ck_assert(memory_watch_look(&m, &plenty));
	ck_assert_int_eq(m.level, PRESSURE_NONE);
	memory_watch_close(&m);
	ck_assert(!memory_watch_look(&m, &scarce)); /* what can't be known hurts nobody */
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("control/memory_watch");
	TCase *tc = tcase_create("memory_watch");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, each_part_of_the_limit_is_a_level);
	tcase_add_test(tc, a_level_is_left_only_well_below_it);
	tcase_add_test(tc, what_is_used_is_read_and_a_change_is_told_once);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
