/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/privileges.h"

#include <check.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Check runs each test in a process of its own, so each may give up its privileges. */

static unsigned long long
status_hex(const char *key)
{
	FILE *file = fopen("/proc/self/status", "r");
	unsigned long long value = ~0ULL;
	char line[256];

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof line, file) != NULL)
		if (strncmp(line, key, strlen(key)) == 0)
			value = strtoull(line + strlen(key), NULL, 16);
	fclose(file);
	return value;
}

START_TEST(nothing_of_root_is_left_but_low_ports)
{
	struct privileges who;
	struct error error;
	gid_t groups[64];
	int count;

	ck_assert_msg(privileges_find("nobody", &who, &error), "%s", error.text);
	ck_assert_msg(privileges_drop(&who, &error), "%s", error.text);
	ck_assert_uint_eq(getuid(), who.uid);
	ck_assert_uint_eq(geteuid(), who.uid);
	ck_assert_uint_eq(getgid(), who.gid);
	ck_assert_int_ne(setuid(0), 0);
	ck_assert_int_ne(setgid(0), 0);
	ck_assert_uint_eq(status_hex("CapPrm:") & ~0x400ULL, 0);
	ck_assert_uint_eq(status_hex("CapEff:") & ~0x400ULL, 0);
	ck_assert_uint_eq(status_hex("CapInh:"), 0);
	count = getgroups(64, groups);
	for (int i = 0; i < count; i++)
		ck_assert_uint_ne(groups[i], 0);
	ck_assert_int_ne(access("/etc/shadow", R_OK), 0);
}
END_TEST

START_TEST(no_user_is_nobody_to_become)
{
	struct privileges who;
	struct error error;

	ck_assert(privileges_find(NULL, &who, &error));
	ck_assert_ptr_null(who.name);
	ck_assert(privileges_drop(&who, &error));
	ck_assert_uint_eq(geteuid(), 0);
}
END_TEST

START_TEST(a_user_that_does_not_exist_is_named)
{
	struct privileges who;
	struct error error;

	ck_assert(!privileges_find("no-such-user-here", &who, &error));
	ck_assert_ptr_nonnull(strstr(error.text, "no-such-user-here"));
}
END_TEST

START_TEST(who_is_not_root_stays)
{
	struct privileges who;
	struct error error;

	ck_assert_int_eq(setgroups(0, NULL), 0);
	ck_assert_int_eq(setresuid(12345, 12345, 12345), 0);
	ck_assert(privileges_find("nobody", &who, &error));
	ck_assert(privileges_drop(&who, &error));
	ck_assert_uint_eq(geteuid(), 12345);
}
END_TEST

START_TEST(an_exec_gives_no_more_than_we_have)
{
	struct error error;

	ck_assert(privileges_forbid_new(&error));
	ck_assert_uint_eq(status_hex("NoNewPrivs:"), 1);
}
END_TEST

START_TEST(memory_is_for_nobody_to_see_but_by_wish)
{
	struct rlimit size;

	privileges_guard_memory(true);
	ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 1);
	ck_assert_int_eq(getrlimit(RLIMIT_CORE, &size), 0);
	ck_assert_uint_eq(size.rlim_cur, size.rlim_max);
	privileges_guard_memory(false);
	ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_CORE, &size), 0);
	ck_assert_uint_eq(size.rlim_cur, 0);
	ck_assert_uint_eq(size.rlim_max, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cmd/privileges");
	TCase *tests = tcase_create("privileges");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, a_user_that_does_not_exist_is_named);
	tcase_add_test(tests, memory_is_for_nobody_to_see_but_by_wish);
	tcase_add_test(tests, an_exec_gives_no_more_than_we_have);
	if (geteuid() == 0) {
		tcase_add_test(tests, nothing_of_root_is_left_but_low_ports);
		tcase_add_test(tests, no_user_is_nobody_to_become);
		tcase_add_test(tests, who_is_not_root_stays);
	} else {
		puts("not root: nothing to give up, three tests left out");
	}
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
