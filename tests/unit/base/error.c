/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/bytes.h"

START_TEST(a_later_error_replaces_an_earlier_one)
{
	struct error e;

	error_set(&e, "a long text that must be gone");
	error_set(&e, "%s:%d", "file", 3);
	ck_assert_str_eq(e.text, "file:3");
	error_set(&e, "%s", "");
	ck_assert_str_eq(e.text, "");
}
END_TEST

START_TEST(an_error_can_be_wrapped_in_another)
{
	struct error e;

	error_set(&e, "no such file");
	error_set(&e, "tls \"site\": %s", e.text);
	ck_assert_str_eq(e.text, "tls \"site\": no such file");
}
END_TEST

START_TEST(a_text_that_is_too_long_says_that_it_was_cut)
{
	struct error e;
	size_t size = sizeof e.text;

	error_set(&e, "%0*d", (int)size - 1, 7);
	ck_assert_uint_eq(strlen(e.text), size - 1);
	ck_assert(e.text[size - 2] == '7');
	error_set(&e, "%0*d", (int)size, 7);
	ck_assert_uint_eq(strlen(e.text), size - 1);
	ck_assert_str_eq(e.text + size - 5, "0...");
}
END_TEST

START_TEST(the_errno_of_the_failed_call_is_told)
{
	struct error e;

	errno = ENOENT;
	error_errno(&e, "cannot open", "tls/site.key");
	ck_assert_str_eq(e.text, "cannot open tls/site.key: No such file or directory");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/error");
	TCase *tests = tcase_create("error");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, a_later_error_replaces_an_earlier_one);
	tcase_add_test(tests, an_error_can_be_wrapped_in_another);
	tcase_add_test(tests, a_text_that_is_too_long_says_that_it_was_cut);
	tcase_add_test(tests, the_errno_of_the_failed_call_is_told);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
