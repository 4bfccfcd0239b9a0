/* SPDX-License-Identifier: Apache-2.0 */
#include "base/phrase.h"

#include <check.h>

START_TEST(what_is_added_stands_behind_what_is_there)
{
	char text[32] = "";

	phrase_add(text, sizeof text, "%s", "east");
	phrase_add(text, sizeof text, ", %u of %u", 1u, 2u);
	ck_assert_str_eq(text, "east, 1 of 2");
}
END_TEST

START_TEST(what_does_not_fit_is_cut_and_nothing_is_written_behind_it)
{
	struct {
		char text[8], behind;
	} at = { "", 'x' };

	phrase_add(at.text, sizeof at.text, "12345");
	phrase_add(at.text, sizeof at.text, "%s", "6789");
	ck_assert_str_eq(at.text, "1234567");
	phrase_add(at.text, sizeof at.text, "more");
	ck_assert_str_eq(at.text, "1234567");
	ck_assert_int_eq(at.behind, 'x');
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/phrase");
	TCase *tests = tcase_create("phrase");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, what_is_added_stands_behind_what_is_there);
	tcase_add_test(tests, what_does_not_fit_is_cut_and_nothing_is_written_behind_it);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
