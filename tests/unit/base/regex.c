/* SPDX-License-Identifier: Apache-2.0 */
#include "base/regex.h"

#include <check.h>
#include <stdlib.h>
#include <time.h>

static bool
finds(const char *pattern, struct slice text)
{
	struct error e;
	struct regex *r = regex_new(pattern, &e);
	struct regex_scratch *s = regex_scratch_new();
	bool found;

	ck_assert_ptr_nonnull(r);
	ck_assert_str_eq(regex_text(r), pattern);
	found = regex_find(r, s, text, NULL);
	regex_free(r);
	regex_scratch_free(s);
	return found;
}

START_TEST(a_pattern_is_found_anywhere_unless_it_is_anchored)
{
	ck_assert(finds("b+", SLICE("abbc")));
	ck_assert(!finds("^b+", SLICE("abbc")));
	ck_assert(finds("^a.*c$", SLICE("abbc")));
	ck_assert(!finds("c$", SLICE("c\n")));
	ck_assert(finds("(?i)^ABBC$", SLICE("abbc")));
	ck_assert(finds("^$", (struct slice){ NULL, 0 }));
	ck_assert(finds("\xc3\xa4", SLICE("caf\xc3\xa4")));
}
END_TEST

START_TEST(groups_are_parts_of_the_text)
{
	struct slice g[REGEX_GROUPS];
	struct slice text = SLICE("/api/v2/users/7");
	struct error e;
	struct regex *r = regex_new("^/api/v(\\d+)/(x)?(.*)$", &e);
	struct regex_scratch *s = regex_scratch_new();

	ck_assert_uint_eq(regex_groups(r), 3);
	ck_assert(regex_find(r, s, text, g));
	ck_assert(slice_eq(g[0], text));
	ck_assert(slice_eq(g[1], SLICE("2")));
	ck_assert_uint_eq(g[2].len, 0);
	ck_assert(slice_eq(g[3], SLICE("users/7")));
	ck_assert_uint_eq(g[4].len, 0);
	regex_free(r);
	r = regex_new("(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)", &e);
	ck_assert(regex_find(r, s, text, g));
	ck_assert(slice_eq(g[9], SLICE("u")));
	regex_free(r);
	regex_scratch_free(s);
}
END_TEST

START_TEST(a_broken_pattern_says_where)
{
	struct error e;

	ck_assert_ptr_null(regex_new("ab(c", &e));
	ck_assert_ptr_nonnull(strstr(e.text, "missing closing parenthesis"));
	ck_assert_ptr_null(regex_new("a\\Cb", &e));
}
END_TEST

/* Each more "a" would double the time. */
START_TEST(a_text_that_blows_a_pattern_up_is_given_up_on_soon)
{
	struct error e;
	struct regex *r = regex_new("^(a+)+$", &e);
	struct regex_scratch *s = regex_scratch_new();
	char text[4096];
	clock_t began = clock();

	memset(text, 'a', sizeof text);
	text[sizeof text - 1] = 'b';
	for (int i = 0; i < 10; i++)
		ck_assert(!regex_find(r, s, (struct slice){ text, sizeof text }, NULL));
	ck_assert_int_lt((clock() - began) / (CLOCKS_PER_SEC / 1000), 200);
	regex_begin(s);
	ck_assert(regex_find(r, s, (struct slice){ text, 100 }, NULL));
	regex_free(r);
	regex_scratch_free(s);
}
END_TEST

static double
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* PCRE2's own limit is for each of the places where a match may begin, and here those are many. */
START_TEST(all_matches_of_a_budget_share_its_effort)
{
	static const char *const patterns[] = { "(a+)+x!", "(a|aa)+x!", "a.{0,1500}x!", "[^!]+x!" };
	struct regex_scratch *s = regex_scratch_new();
	char text[16384];
	struct error e;

	memset(text, 'a', sizeof text);
	memcpy(text + sizeof text - 4, "b!cx", 4); /* that there is a "!" at all is not enough */
	for (unsigned i = 0; i < ARRAY_SIZE(patterns); i++) {
		struct regex *r = regex_new(patterns[i], &e);
		double began = cpu_ms();

		regex_begin(s);
		for (int n = 0; n < 200; n++)
			ck_assert(!regex_find(r, s, (struct slice){ text, sizeof text }, NULL));
		ck_assert_msg(cpu_ms() - began < 10, "%s: %f ms", patterns[i], cpu_ms() - began);
		ck_assert(regex_is_over(s));
		regex_begin(s);
		ck_assert(!regex_is_over(s));
		regex_free(r);
	}
	regex_scratch_free(s);
}
END_TEST

/* In pieces of a few places, and still as if in one. */
START_TEST(a_match_is_found_wherever_in_a_long_text_it_begins)
{
	struct regex_scratch *s = regex_scratch_new();
	struct slice g[REGEX_GROUPS];
	char text[300];
	struct error e;
	struct regex *r = regex_new("(?<=a)b(a*)$|^x|\\Ga{299}b", &e);
	struct regex *plain = regex_new("(?<=a)b(a*)$|^x|^b", &e);

	for (size_t at = 1; at < sizeof text; at++) {
		memset(text, 'a', sizeof text);
		text[at] = 'b';
		regex_begin(s);
		ck_assert(regex_find(plain, s, (struct slice){ text, sizeof text }, g));
		ck_assert_ptr_eq(g[0].at, text + at);
		ck_assert_uint_eq(g[1].len, sizeof text - at - 1);
		ck_assert(regex_find(r, s, (struct slice){ text, sizeof text }, NULL));
	}
	memset(text, 'a', sizeof text);
	ck_assert(!regex_find(plain, s, (struct slice){ text, sizeof text }, g));
	regex_free(r);
	regex_free(plain);
	regex_scratch_free(s);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("regex");
	TCase *tc = tcase_create("regex");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, a_pattern_is_found_anywhere_unless_it_is_anchored);
	tcase_add_test(tc, groups_are_parts_of_the_text);
	tcase_add_test(tc, a_broken_pattern_says_where);
	tcase_add_test(tc, a_text_that_blows_a_pattern_up_is_given_up_on_soon);
	tcase_add_test(tc, all_matches_of_a_budget_share_its_effort);
	tcase_add_test(tc, a_match_is_found_wherever_in_a_long_text_it_begins);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
