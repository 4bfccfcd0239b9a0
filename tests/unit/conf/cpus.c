/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/cpus.h"

#include <sched.h>
#include <sys/stat.h>

#include "helper.h"

static unsigned
affinity(void)
{
	cpu_set_t set;

	ck_assert_int_eq(sched_getaffinity(0, sizeof set, &set), 0);
	return (unsigned)CPU_COUNT(&set);
}

static void
make_tree(const char *own)
{
	static const char *const dirs[] = { "proc", "proc/self", "sys", "sys/fs", "sys/fs/cgroup",
		"sys/fs/cgroup/a", "sys/fs/cgroup/a/b" };

	scratch_make();
	for (size_t i = 0; i < sizeof dirs / sizeof dirs[0]; i++)
		ck_assert_int_eq(mkdir(scratch_path(dirs[i]), 0700), 0);
	scratch_write("proc/self/cgroup", own, 0600);
}

static unsigned
usable(void)
{
	char root[256];

	snprintf(root, sizeof root, "%s", scratch_path(""));
	root[strlen(root) - 1] = '\0';
	return cpus_usable(root);
}

START_TEST(without_a_quota_the_affinity_counts)
{
	make_tree("0::/a/b\n");
	ck_assert_uint_eq(usable(), affinity());
	scratch_write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n", 0600);
	ck_assert_uint_eq(usable(), affinity());
	scratch_write("sys/fs/cgroup/a/b/cpu.max", "6400000 100000\n", 0600);
	ck_assert_uint_eq(usable(), affinity() < 64 ? affinity() : 64);
	scratch_write("sys/fs/cgroup/a/b/cpu.max", "nonsense", 0600);
	ck_assert_uint_eq(usable(), affinity());
	scratch_remove();
}
END_TEST

START_TEST(the_narrowest_quota_above_us_counts_rounded_up)
{
	make_tree("1:name=systemd:/x\n0::/a/b\n");
	scratch_write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n", 0600);
	scratch_write("sys/fs/cgroup/a/cpu.max", "50000 100000\n", 0600);
	ck_assert_uint_eq(usable(), 1);
	scratch_write("sys/fs/cgroup/a/cpu.max", "100001 100000\n", 0600);
	ck_assert_uint_eq(usable(), affinity() < 2 ? affinity() : 2);
	scratch_write("sys/fs/cgroup/cpu.max", "1 100000\n", 0600);
	ck_assert_uint_eq(usable(), 1);
	scratch_remove();
}
END_TEST

START_TEST(there_is_always_one)
{
	ck_assert_uint_eq(cpus_usable("/nowhere"), affinity());
	ck_assert_uint_ge(cpus_usable(""), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cpus");
	TCase *tc = tcase_create("cpus");

	tcase_add_test(tc, without_a_quota_the_affinity_counts);
	tcase_add_test(tc, the_narrowest_quota_above_us_counts_rounded_up);
	tcase_add_test(tc, there_is_always_one);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
