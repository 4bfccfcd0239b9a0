/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/known.h"

#include <stdio.h>
#include <string.h>

#include "helper.h"

static const char *
said(const char *word, const char *const *names)
{
	static char text[2 * KNOWN_BYTES];
	struct known k = { .nearest.word = word };

	for (; *names != NULL; names++)
		known_offer(&k, *names);
	snprintf(text, sizeof text, "none 'x'");
	known_say(&k, text, sizeof text);
	return text;
}

START_TEST(a_near_name_comes_first_and_then_those_there_are)
{
	static const char *const none[] = { NULL };
	static const char *const one[] = { "east", NULL };
	static const char *const three[] = { "east", "west", "far", NULL };

	ck_assert_str_eq(
	    said("wset", three), "none 'x'; did you mean west? There are east, west, far");
	ck_assert_str_eq(said("moon", three), "none 'x'; there are east, west, far");
	ck_assert_str_eq(said("moon", one), "none 'x'; there is east");
	ck_assert_str_eq(said("moon", none), "none 'x'; there are none");
}
END_TEST

START_TEST(many_names_are_cut_at_a_whole_one_and_the_rest_is_counted)
{
	static char names[100][16];
	struct known k = { .nearest.word = "region-99" };
	char text[2 * KNOWN_BYTES] = "";

	for (unsigned i = 0; i < 100; i++) {
		snprintf(names[i], sizeof names[i], "region-%02u", i);
		known_offer(&k, names[i]);
	}
	known_say(&k, text, sizeof text);
	ck_assert_str_eq(strstr(text, "region-45"), "region-45 and 54 more");
	ck_assert_ptr_nonnull(strstr(text, "did you mean region-99?"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf/known");
	TCase *tests = tcase_create("known");

	tcase_add_test(tests, a_near_name_comes_first_and_then_those_there_are);
	tcase_add_test(tests, many_names_are_cut_at_a_whole_one_and_the_rest_is_counted);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
