/* SPDX-License-Identifier: Apache-2.0 */
#include "control/needle.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static bool
occurs_in_two_pieces(const char *text, const char *body, size_t cut)
{
	struct needle *n = needle_new(text);
	uint32_t matched = 0;
	bool found;

	(void)needle_feed(n, &matched, body, cut);
	found = needle_feed(n, &matched, body + cut, strlen(body) - cut);
	needle_free(n);
	return found;
}

START_TEST(a_text_is_found_wherever_the_body_is_cut)
{
	static const struct {
		const char *text, *body;
	} cases[] = {
		{ "ok", "ok" },
		{ "ok", "status: ok\n" },
		{ "ok", "o" },
		{ "ok", "" },
		{ "aab", "aaaaaab" },
		{ "abab", "abaabab" },
		{ "ababaca", "abababaca" },
		{ "aaaa", "aaabaaab" },
		{ "x", "yyyy" },
		{ "\"status\":\"pass\"", "{\"status\":\"fail\",\"checks\":{\"status\":\"pass\"}}" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		bool expected = strstr(cases[i].body, cases[i].text) != NULL;

		for (size_t cut = 0; cut <= strlen(cases[i].body); cut++)
			ck_assert_msg(occurs_in_two_pieces(cases[i].text, cases[i].body, cut) ==
				expected,
			    "\"%s\" in \"%s\" cut at %zu", cases[i].text, cases[i].body, cut);
	}
}
END_TEST

START_TEST(random_texts_over_two_letters_are_found_as_strstr_does)
{
	unsigned seed = 1;

	for (int round = 0; round < 20000; round++) {
		char text[8] = { 0 }, body[40] = { 0 };
		size_t text_len, body_len;

		seed = seed * 1103515245u + 12345u;
		text_len = 1 + seed / 65536 % 6;
		body_len = seed / 1048576 % 39;
		for (size_t i = 0; i < text_len + body_len; i++) {
			seed = seed * 1103515245u + 12345u;
			*(i < text_len ? &text[i] : &body[i - text_len]) =
			    (char)('a' + seed / 65536 % 2);
		}
		ck_assert_msg(occurs_in_two_pieces(text, body, body_len / 2) ==
			(strstr(body, text) != NULL),
		    "\"%s\" in \"%s\"", text, body);
	}
}
END_TEST

START_TEST(the_empty_text_is_found_in_nothing)
{
	struct needle *n = needle_new("");
	uint32_t matched = 0;

	ck_assert(needle_feed(n, &matched, NULL, 0));
	needle_free(n);
}
END_TEST

START_TEST(what_was_found_stays_found)
{
	struct needle *n = needle_new("up");
	uint32_t matched = 0;

	ck_assert(needle_feed(n, &matched, "up", 2));
	ck_assert(needle_feed(n, &matched, "down", 4));
	needle_free(n);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("control/needle");
	TCase *c = tcase_create("needle");
	SRunner *runner;
	int failed;

	tcase_add_test(c, a_text_is_found_wherever_the_body_is_cut);
	tcase_add_test(c, random_texts_over_two_letters_are_found_as_strstr_does);
	tcase_add_test(c, the_empty_text_is_found_in_nothing);
	tcase_add_test(c, what_was_found_stays_found);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
