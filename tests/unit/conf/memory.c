/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/memory.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper.h"

static uint64_t
machine(void)
{
	return (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void
make_tree(void)
{
	static const char *const dirs[] = { "proc", "proc/self", "sys", "sys/fs", "sys/fs/cgroup",
		"sys/fs/cgroup/a", "sys/fs/cgroup/a/b" };

	scratch_make();
	for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
		ck_assert_int_eq(mkdir(scratch_path(dirs[i]), 0700), 0);
	scratch_write("proc/self/cgroup", "0::/a/b\n", 0600);
}

static uint64_t
usable(void)
{
	char root[256];

	snprintf(root, sizeof root, "%s", scratch_path(""));
	root[strlen(root) - 1] = '\0';
	return memory_usable(root);
}

START_TEST(without_a_limit_it_is_the_machines)
{
	ck_assert_uint_eq(memory_usable("/nowhere"), machine());
	make_tree();
	scratch_write("sys/fs/cgroup/a/b/memory.max", "max\n", 0600);
	ck_assert_uint_eq(usable(), machine());
	scratch_write("sys/fs/cgroup/a/b/memory.max", "9223372036854771712\n", 0600);
	ck_assert_uint_eq(usable(), machine());
	scratch_remove();
}
END_TEST

START_TEST(the_least_limit_above_us_counts)
{
	make_tree();
	scratch_write("sys/fs/cgroup/a/b/memory.max", "67108864\n", 0600);
	scratch_write("sys/fs/cgroup/a/memory.max", "33554432\n", 0600);
	ck_assert_uint_eq(usable(), 32 << 20);
	scratch_write("sys/fs/cgroup/a/memory.max", "0\n", 0600);
	ck_assert_uint_eq(usable(), 1);
	scratch_remove();
}
END_TEST

START_TEST(a_limit_of_the_shell_counts)
{
	enum { NARROW = 16 << 20 }; /* less than is mapped: it only forbids more */
	struct rlimit before, narrow;

	ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
	narrow = (struct rlimit){ NARROW, before.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &narrow), 0);
	ck_assert_uint_eq(memory_usable("/nowhere"), NARROW);
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &before), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf/memory");
	TCase *tc = tcase_create("memory");

	tcase_add_test(tc, without_a_limit_it_is_the_machines);
	tcase_add_test(tc, the_least_limit_above_us_counts);
	tcase_add_test(tc, a_limit_of_the_shell_counts);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
