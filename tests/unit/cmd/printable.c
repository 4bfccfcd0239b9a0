/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/printable.h"

#include <check.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

static char *shown;
static size_t shown_len;

static FILE *
open_shown(void)
{
	free(shown);
	return open_memstream(&shown, &shown_len);
}

static const struct {
	const char *text, *shown;
} texts[] = {
	{ "", "" },
	{ "kernel upgrade", "kernel upgrade" },
	{ "J\xc3\xbcrgen \xe2\x82\xac", "J\xc3\xbcrgen \xe2\x82\xac" },
	{ "a\x1b[31mred\x1b[0m", "a\\x1b[31mred\\x1b[0m" },
	{ "two\nlines\tand\x7f", "two\\nlines\\tand\\x7f" },
	{ "csi \xc2\x9b"
	  "2J",
	    "csi \\u009b"
	    "2J" },
	{ "\xc2\xa0 is no control character", "\xc2\xa0 is no control character" },
	{ "cut \xc2", "cut \xc2" },
};

START_TEST(control_characters_are_shown_and_all_others_stay)
{
	FILE *to = open_shown();

	printable_text(to, texts[_i].text, SIZE_MAX);
	fclose(to);
	ck_assert_str_eq(shown, texts[_i].shown);
}
END_TEST

START_TEST(no_more_than_its_length_is_shown)
{
	FILE *to = open_shown();

	printable_text(to, "east\x1b[2J", 4);
	printable_text(to, "a\xc2\x9b", 2); /* half of a character */
	fclose(to);
	ck_assert_str_eq(shown, "easta\xc2");
}
END_TEST

START_TEST(lines_stay_lines)
{
	FILE *to = open_shown();

	printable_lines(to, "one\ntwo\x1b\n\nthree\n");
	fclose(to);
	ck_assert_str_eq(shown, "one\ntwo\\x1b\n\nthree\n");
}
END_TEST

START_TEST(json_means_the_same_and_holds_no_control_character)
{
	static const char text[] = "{\n \"reason\": \"a\xc2\x9b\x7f\xc3\xbc\"\n}\n";
	FILE *to = open_shown();
	json_t *before = json_loads(text, 0, NULL), *after;

	printable_json(to, text);
	fclose(to);
	after = json_loads(shown, 0, NULL);
	ck_assert_ptr_nonnull(strstr(shown, "\"a\\u009b\\u007f\xc3\xbc\""));
	ck_assert(json_equal(before, after));
	json_decref(before);
	json_decref(after);
}
END_TEST

static void
forget(void)
{
	free(shown);
	shown = NULL;
}

int
main(void)
{
	Suite *suite = suite_create("cmd/printable");
	TCase *tests = tcase_create("printable");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, NULL, forget);
	tcase_add_loop_test(
	    tests, control_characters_are_shown_and_all_others_stay, 0, ARRAY_SIZE(texts));
	tcase_add_test(tests, no_more_than_its_length_is_shown);
	tcase_add_test(tests, lines_stay_lines);
	tcase_add_test(tests, json_means_the_same_and_holds_no_control_character);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
