/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/moves.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *facts;

static void
setup(void)
{
	facts = json_array();
}

static void
teardown(void)
{
	json_decref(facts);
}

static void
add(const char *kind, const char *service, const char *region, double from, double to)
{
	json_t *numbers = json_pack("{sf, sf}", "from", from, "to", to);
	char time[32];

	snprintf(time, sizeof time, "t%zu", json_array_size(facts));
	json_array_append_new(facts,
	    json_pack("{ss, ss, ss, ss, ss, so}", "kind", kind, "service", service, "region",
		region, "text", kind, "time", time, "numbers", numbers));
}

static void
move(const char *region, double from, double to)
{
	add("shares_moved", "shop", region, from, to);
}

static const char *
text_at(const json_t *list, size_t i)
{
	return json_string_value(json_object_get(json_array_get(list, i), "text"));
}

START_TEST(a_ramp_is_told_once_with_its_steps_and_its_end)
{
	json_t *folded;

	move("us", 0, 0.1);
	move("eu", 1, 0.9);
	move("us", 0.1, 0.2);
	move("eu", 0.9, 0.8);
	move("us", 0.2, 0.6);
	folded = moves_fold(facts);
	ck_assert_uint_eq(json_array_size(folded), 2);
	ck_assert_str_eq(
	    text_at(folded, 0), "share moved (from 0 %, to 60 %, in 3 steps until t4)");
	ck_assert_str_eq(
	    text_at(folded, 1), "share moved (from 100 %, to 80 %, in 2 steps until t3)");
	/* what it was given is as it was */
	ck_assert_uint_eq(json_array_size(facts), 5);
	ck_assert_str_eq(text_at(facts, 0), "shares_moved");
	json_decref(folded);
}
END_TEST

START_TEST(a_move_back_is_another_one)
{
	json_t *folded;

	move("us", 0, 0.1);
	move("us", 0.1, 0.2);
	move("us", 0.2, 0);
	folded = moves_fold(facts);
	ck_assert_uint_eq(json_array_size(folded), 2);
	ck_assert_str_eq(text_at(folded, 1), "shares_moved");
	json_decref(folded);
}
END_TEST

START_TEST(what_happens_to_the_service_in_between_parts_them)
{
	json_t *folded;

	move("us", 0, 0.1);
	add("region_down", "shop", "eu", 0, 0);
	move("us", 0.1, 0.2);
	folded = moves_fold(facts);
	ck_assert_uint_eq(json_array_size(folded), 3);
	json_decref(folded);
}
END_TEST

START_TEST(what_happens_to_another_service_parts_nothing)
{
	json_t *folded;

	move("us", 0, 0.1);
	add("region_down", "blog", "eu", 0, 0);
	add("shares_moved", "blog", "us", 0, 0.5);
	move("us", 0.1, 0.2);
	folded = moves_fold(facts);
	ck_assert_uint_eq(json_array_size(folded), 3);
	json_decref(folded);
}
END_TEST

START_TEST(what_happens_to_all_parts_all)
{
	json_t *folded;

	move("us", 0, 0.1);
	add("reloaded", "", "", 0, 0);
	move("us", 0.1, 0.2);
	folded = moves_fold(facts);
	ck_assert_uint_eq(json_array_size(folded), 3);
	json_decref(folded);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cmd/moves");
	TCase *tests = tcase_create("moves");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_ramp_is_told_once_with_its_steps_and_its_end);
	tcase_add_test(tests, a_move_back_is_another_one);
	tcase_add_test(tests, what_happens_to_the_service_in_between_parts_them);
	tcase_add_test(tests, what_happens_to_another_service_parts_nothing);
	tcase_add_test(tests, what_happens_to_all_parts_all);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
