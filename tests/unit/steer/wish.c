/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/wish.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static struct wish
wish(enum wish_kind kind, const char *service, const char *region, uint64_t until_wall_ms)
{
	struct wish w = { .kind = kind, .until_wall_ms = until_wall_ms };

	snprintf(w.service, sizeof w.service, "%s", service);
	snprintf(w.region, sizeof w.region, "%s", region);
	return w;
}

static bool
set(struct wishes *w, enum wish_kind kind, const char *service, const char *region,
    uint64_t until_wall_ms)
{
	struct wish one = wish(kind, service, region, until_wall_ms);

	return wishes_set(w, &one);
}

static void
note(void *arg, const struct wish *w)
{
	char *text = arg;

	strcat(text, w->region);
	strcat(text, " ");
}

START_TEST(wishes_are_found_by_what_they_are_about)
{
	static struct wishes w;

	memset(&w, 0, sizeof w);
	ck_assert(set(&w, WISH_EVACUATE, "shop", "east", 1));
	ck_assert(set(&w, WISH_FREEZE, "shop", "east", 2));
	ck_assert(set(&w, WISH_PIN, "shop", "east", 3));
	ck_assert_uint_eq(wishes_evacuation(&w, "east")->until_wall_ms, 1);
	ck_assert_ptr_null(wishes_evacuation(&w, "west"));
	ck_assert_uint_eq(wishes_freeze(&w, "shop")->until_wall_ms, 2);
	ck_assert_ptr_null(wishes_freeze(&w, "mail"));
	ck_assert_uint_eq(wishes_pin(&w, "shop", "east")->until_wall_ms, 3);
	ck_assert_ptr_null(wishes_pin(&w, "shop", "west"));
	ck_assert_ptr_null(wishes_pin(&w, "mail", "east"));
}
END_TEST

START_TEST(a_wish_for_all_services_gives_way_to_one_of_their_own)
{
	static struct wishes w;

	memset(&w, 0, sizeof w);
	ck_assert(set(&w, WISH_FREEZE, "", "", 1));
	ck_assert(set(&w, WISH_FREEZE, "shop", "", 2));
	ck_assert(set(&w, WISH_PIN, "", "east", 3));
	ck_assert_uint_eq(wishes_freeze(&w, "mail")->until_wall_ms, 1);
	ck_assert_uint_eq(wishes_freeze(&w, "shop")->until_wall_ms, 2);
	ck_assert_uint_eq(wishes_pin(&w, "shop", "east")->until_wall_ms, 3);
}
END_TEST

START_TEST(a_second_wish_for_the_same_replaces_the_first_and_each_change_is_a_version)
{
	static struct wishes w;

	memset(&w, 0, sizeof w);
	ck_assert(set(&w, WISH_EVACUATE, "", "east", 1));
	ck_assert_uint_eq(w.version, 1);
	ck_assert(set(&w, WISH_EVACUATE, "", "east", 9));
	ck_assert_uint_eq(w.version, 2);
	ck_assert_uint_eq(w.count, 1);
	ck_assert_uint_eq(wishes_evacuation(&w, "east")->until_wall_ms, 9);
	ck_assert(wishes_drop(&w, WISH_EVACUATE, "", "east"));
	ck_assert_uint_eq(w.version, 3);
	ck_assert(!wishes_drop(&w, WISH_EVACUATE, "", "east"));
	ck_assert_uint_eq(w.version, 3);
	ck_assert_ptr_null(wishes_evacuation(&w, "east"));
}
END_TEST

START_TEST(there_is_room_for_so_many_and_no_more)
{
	static struct wishes w;
	char name[16];

	memset(&w, 0, sizeof w);
	for (unsigned i = 0; i < WISHES_MAX; i++) {
		snprintf(name, sizeof name, "r%u", i);
		ck_assert(set(&w, WISH_EVACUATE, "", name, i));
	}
	ck_assert(!set(&w, WISH_EVACUATE, "", "one more", 1));
	ck_assert(set(&w, WISH_EVACUATE, "", "r7", 1)); /* replacing needs none */
	ck_assert_uint_eq(w.count, WISHES_MAX);
	ck_assert(wishes_drop(&w, WISH_EVACUATE, "", "r63"));
	ck_assert(wishes_drop(&w, WISH_EVACUATE, "", "r0"));
	ck_assert_ptr_nonnull(wishes_evacuation(&w, "r1"));
	ck_assert_ptr_nonnull(wishes_evacuation(&w, "r62"));
}
END_TEST

START_TEST(wishes_last_as_long_when_the_clock_is_set)
{
	static struct wishes w;

	memset(&w, 0, sizeof w);
	w.wall_ahead_ms = 1000;
	ck_assert(set(&w, WISH_EVACUATE, "", "east", 90));
	w.list[0].made_wall_ms = 30;
	wishes_shift(&w, 3600000);
	ck_assert_uint_eq(w.list[0].made_wall_ms, 3600030);
	ck_assert_uint_eq(w.list[0].until_wall_ms, 3600090);
	ck_assert_int_eq(w.wall_ahead_ms, 3601000);
	ck_assert_uint_eq(w.version, 2);
	wishes_shift(&w, -3600010);
	ck_assert_uint_eq(w.list[0].made_wall_ms, 20);
	ck_assert_uint_eq(w.list[0].until_wall_ms, 80);
	ck_assert_int_eq(w.wall_ahead_ms, 990);
}
END_TEST

START_TEST(wishes_end_when_their_time_has_come)
{
	static struct wishes w;
	char ended[64] = "";

	memset(&w, 0, sizeof w);
	ck_assert(set(&w, WISH_EVACUATE, "", "a", 10));
	ck_assert(set(&w, WISH_EVACUATE, "", "b", 20));
	ck_assert(set(&w, WISH_EVACUATE, "", "c", 10));
	ck_assert_uint_eq(wishes_expire(&w, 9, note, ended), 0);
	ck_assert_uint_eq(wishes_expire(&w, 10, note, ended), 2);
	ck_assert_str_eq(ended, "a c ");
	ck_assert_uint_eq(w.count, 1);
	ck_assert_ptr_nonnull(wishes_evacuation(&w, "b"));
}
END_TEST

START_TEST(a_change_that_breaks_a_rule_names_the_first_it_breaks)
{
	static const char *const aws[] = { "aws-a", "aws-b" };
	static const char *const regions[] = { "aws-a", "aws-b", "gcp" };
	static const struct safety_rule rules[] = {
		{ SAFETY_NEVER_TOGETHER, "not-both-aws", aws, 2, 0 },
		{ SAFETY_AT_LEAST, "two-serve", NULL, 0, 2 },
		{ SAFETY_CAPACITY, "fits", NULL, 0, 0 },
		{ SAFETY_WAIT, "wait", NULL, 0, 5000 },
	};
	static const struct {
		bool serving[3];
		double shed;
		uint64_t since_ms;
		const char *overridden;
		const char *broken;
	} t[] = {
		{ { true, true, true }, 0, UINT64_MAX, NULL, NULL },
		{ { false, true, true }, 0, 5000, NULL, NULL },
		{ { false, false, true }, 0, 5000, NULL, "not-both-aws" },
		{ { false, false, true }, 0, 5000, "not-both-aws", "two-serve" },
		{ { true, false, false }, 0, 5000, NULL, "two-serve" },
		{ { true, false, false }, 0, 5000, "two-serve", NULL },
		{ { true, true, true }, 0.01, 5000, NULL, "fits" },
		{ { true, true, true }, 0.0005, 5000, NULL, NULL },
		{ { true, true, true }, 0, 4999, NULL, "wait" },
		{ { true, true, true }, 0, 4999, "wait", NULL },
		{ { true, true, true }, 0, 4999, "no-such-rule", "wait" },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct safety_after after = { regions, t[i].serving, 3, t[i].shed, t[i].since_ms };
		const struct safety_rule *broken = safety_broken(rules, 4, &after, t[i].overridden);

		if (t[i].broken == NULL)
			ck_assert_msg(broken == NULL, "case %u breaks %s", i, broken->name);
		else
			ck_assert_msg(broken != NULL && strcmp(broken->name, t[i].broken) == 0,
			    "case %u breaks %s", i, broken != NULL ? broken->name : "nothing");
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/wish");
	TCase *tests = tcase_create("wish");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, wishes_are_found_by_what_they_are_about);
	tcase_add_test(tests, a_wish_for_all_services_gives_way_to_one_of_their_own);
	tcase_add_test(
	    tests, a_second_wish_for_the_same_replaces_the_first_and_each_change_is_a_version);
	tcase_add_test(tests, there_is_room_for_so_many_and_no_more);
	tcase_add_test(tests, wishes_last_as_long_when_the_clock_is_set);
	tcase_add_test(tests, wishes_end_when_their_time_has_come);
	tcase_add_test(tests, a_change_that_breaks_a_rule_names_the_first_it_breaks);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
