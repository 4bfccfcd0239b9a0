/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"

#include <check.h>
#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/bytes.h"

START_TEST(every_fault_is_described)
{
	for (int i = 0; i < FAULT_COUNT; i++) {
		enum fault f = (enum fault)i;
		const char *word = fault_word(f);

		ck_assert_uint_gt(strlen(fault_text(f)), 0);
		ck_assert_uint_gt(strlen(word), 0);
		if (f == FAULT_NONE)
			continue;
		ck_assert_msg(fault_status(f) >= 400 && fault_status(f) <= 599, "%s", word);
		ck_assert_msg(fault_origin(f) != FAULT_NOBODY, "%s", word);
		for (const char *c = word; *c != '\0'; c++) /* fit to be a metric label */
			ck_assert_msg(islower((unsigned char)*c) || *c == '_', "%s", word);
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(word, fault_word((enum fault)k));
	}
}
END_TEST

START_TEST(what_an_endpoint_answered_was_sent)
{
	for (int i = 0; i < FAULT_COUNT; i++) {
		enum fault f = (enum fault)i;

		if (fault_class(f) == FAULT_NOT_SENT)
			ck_assert_msg(fault_origin(f) != FAULT_UPSTREAM, "%s", fault_word(f));
		if (fault_class(f) != FAULT_FINAL)
			ck_assert_msg(fault_status(f) >= 500, "%s", fault_word(f));
		if (fault_origin(f) == FAULT_CLIENT)
			ck_assert_msg(fault_class(f) == FAULT_FINAL, "%s", fault_word(f));
	}
}
END_TEST

START_TEST(a_failed_connect_is_named_by_its_errno)
{
	static const struct {
		int err;
		enum fault fault;
	} cases[] = {
		{ ECONNREFUSED, FAULT_CONNECT_REFUSED },
		{ ETIMEDOUT, FAULT_CONNECT_TIMEOUT },
		{ ECONNRESET, FAULT_CONNECT_RESET },
		{ EPIPE, FAULT_CONNECT_RESET },
		{ ENETUNREACH, FAULT_CONNECT_UNREACHABLE },
		{ EHOSTUNREACH, FAULT_CONNECT_UNREACHABLE },
		{ EACCES, FAULT_CONNECT_UNREACHABLE },
		{ EADDRNOTAVAIL, FAULT_NO_PORTS },
		{ EMFILE, FAULT_NO_RESOURCES },
		{ ENOBUFS, FAULT_NO_RESOURCES },
		{ 12345, FAULT_CONNECT_UNREACHABLE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_str_eq(
		    fault_word(fault_from_connect_errno(cases[i].err)), fault_word(cases[i].fault));
}
END_TEST

START_TEST(a_failed_read_or_write_is_named_by_its_errno)
{
	static const struct {
		int err;
		enum fault fault;
	} cases[] = {
		{ 0, FAULT_CLOSED },
		{ ECONNRESET, FAULT_RESET },
		{ EPIPE, FAULT_RESET },
		{ ETIMEDOUT, FAULT_UNACKNOWLEDGED },
		{ EHOSTUNREACH, FAULT_UNACKNOWLEDGED },
		{ ENOMEM, FAULT_INTERNAL },
		{ 12345, FAULT_RESET },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ck_assert_str_eq(
		    fault_word(fault_from_io_errno(cases[i].err)), fault_word(cases[i].fault));
}
END_TEST

/* aborts */
START_TEST(a_fault_that_is_none_aborts)
{
	volatile int bad = FAULT_COUNT;

	ck_assert_ptr_nonnull(fault_word((enum fault)bad));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/fault");
	TCase *tests = tcase_create("fault");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, every_fault_is_described);
	tcase_add_test(tests, what_an_endpoint_answered_was_sent);
	tcase_add_test(tests, a_failed_connect_is_named_by_its_errno);
	tcase_add_test(tests, a_failed_read_or_write_is_named_by_its_errno);
	tcase_add_test_raise_signal(tests, a_fault_that_is_none_aborts, SIGABRT);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
