/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/nearest.h"

#include "base/bytes.h"
#include "conf/names.h"
#include "helper.h"

START_TEST(distance_counts_changes)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} cases[] = {
		{ "", "", 0 },
		{ "service", "service", 0 },
		{ "Service", "service", 0 },
		{ "servce", "service", 1 },
		{ "serrvice", "service", 1 },
		{ "sirvice", "service", 1 },
		{ "sevrice", "service", 1 },
		{ "shpo", "shop", 1 },
		{ "", "ab", 2 },
		{ "ab", "ba", 1 },
		{ "listener", "listeners", 1 },
		{ "kitten", "sitting", 3 },
		{ "abcd", "wxyz", 3 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ck_assert_msg(nearest_distance(cases[i].a, cases[i].b, 2) == cases[i].distance,
		    "%s %s", cases[i].a, cases[i].b);
		ck_assert_msg(nearest_distance(cases[i].b, cases[i].a, 2) == cases[i].distance,
		    "%s %s", cases[i].b, cases[i].a);
	}
}
END_TEST

START_TEST(very_long_words_are_far)
{
	char a[200], b[200];

	memset(a, 'a', sizeof a - 1);
	memset(b, 'a', sizeof b - 1);
	a[sizeof a - 1] = b[sizeof b - 1] = '\0';
	ck_assert_uint_eq(nearest_distance(a, b, 2), 3);
	a[64] = b[64] = '\0';
	b[0] = 'b';
	ck_assert_uint_eq(nearest_distance(a, b, 2), 1);
}
END_TEST

START_TEST(short_words_have_no_near_ones)
{
	struct nearest n = { .word = "up" };

	nearest_offer(&n, "us");
	nearest_offer(&n, "cup");
	ck_assert_ptr_null(n.best);
	n = (struct nearest){ .word = "tsl" };
	nearest_offer(&n, "tls");
	ck_assert_str_eq(n.best, "tls");
}
END_TEST

START_TEST(the_nearest_of_several_wins)
{
	struct names *names = names_new();
	struct conf_where where = { .file = "f", .line = 1 };

	names_add(names, "timeouts", names, where);
	names_add(names, "timeout", names, where);
	names_add(names, "time", names, where);
	ck_assert_str_eq(names_nearest(names, "timeuot"), "timeout");
	ck_assert_ptr_null(names_nearest(names, "bananas"));
	names_free(names);
}
END_TEST

START_TEST(a_set_keeps_the_first_of_each_name)
{
	struct names *names = names_new();
	static char texts[1000][8];
	struct conf_where where = { .file = "f", .line = 1 };

	for (int i = 0; i < 1000; i++) {
		snprintf(texts[i], sizeof texts[i], "n%d", i);
		ck_assert_ptr_null(names_add(names, texts[i], texts[i], where));
	}
	for (int i = 0; i < 1000; i++) {
		ck_assert_ptr_eq(names_find(names, texts[i])->thing, texts[i]);
		ck_assert_ptr_eq(names_add(names, texts[i], names, where)->thing, texts[i]);
	}
	ck_assert_ptr_null(names_find(names, "n1000"));
	ck_assert_ptr_null(names_find(names, ""));
	names_free(names);
	names_free(NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("nearest");
	TCase *tc = tcase_create("nearest");

	tcase_add_test(tc, distance_counts_changes);
	tcase_add_test(tc, very_long_words_are_far);
	tcase_add_test(tc, short_words_have_no_near_ones);
	tcase_add_test(tc, the_nearest_of_several_wins);
	tcase_add_test(tc, a_set_keeps_the_first_of_each_name);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
