/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/notify.h"

#include <check.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

static int manager = -1;
static char text[512];

/* Listens as the service manager does; '@' is an abstract name. */
static void
listen_at(const char *name)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	memcpy(at.sun_path, name, strlen(name));
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(manager, (struct sockaddr *)&at,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))),
	    0);
	setenv("NOTIFY_SOCKET", name, 1);
}

static void
receive(void)
{
	ssize_t n = recv(manager, text, sizeof text - 1, 0);

	ck_assert_int_gt(n, 0);
	text[n] = '\0';
}

static void
tear_down(void)
{
	if (manager >= 0)
		close(manager);
	manager = -1;
	unsetenv("NOTIFY_SOCKET");
}

START_TEST(a_path_and_an_abstract_name_are_both_told)
{
	char name[64];

	snprintf(name, sizeof name, "%s-%d", _i == 0 ? "/tmp/detour-notify" : "@detour-notify",
	    (int)getpid());
	listen_at(name);
	notify_ready("Serving");
	receive();
	ck_assert_str_eq(text, "READY=1\nSTATUS=Serving\n");
	notify_stopping();
	receive();
	ck_assert_ptr_nonnull(strstr(text, "STOPPING=1\n"));
	if (name[0] == '/')
		unlink(name);
}
END_TEST

START_TEST(without_descriptors_it_still_says_that_it_is_alive)
{
	struct rlimit limit, none;
	char name[64];

	snprintf(name, sizeof name, "@detour-notify-%d", (int)getpid());
	listen_at(name);
	notify_ready("Serving");
	receive();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){ 0, limit.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_lt(dup(manager), 0);
	notify_alive();
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	receive();
	ck_assert_str_eq(text, "WATCHDOG=1\n");
}
END_TEST

START_TEST(reloading_carries_the_moment)
{
	uint64_t before_us = clock_now_us(), told_us = 0;
	char name[64];

	snprintf(name, sizeof name, "@detour-notify-%d", (int)getpid());
	listen_at(name);
	notify_reloading();
	receive();
	ck_assert_int_eq(strncmp(text, "RELOADING=1\n", 12), 0);
	ck_assert_int_eq(sscanf(text + 12, "MONOTONIC_USEC=%" SCNu64, &told_us), 1);
	ck_assert_uint_ge(told_us, before_us);
	ck_assert_uint_le(told_us, clock_now_us());
}
END_TEST

/* None of these may fail, block or crash. */
static const char *const nobody[] = { NULL, "", "relative", "/nowhere/notify", "@detour-nobody",
	"/01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678"
	"90"
	"123456789012345678901234567890" };

START_TEST(nobody_listening_is_no_failure)
{
	if (nobody[_i] == NULL)
		unsetenv("NOTIFY_SOCKET");
	else
		setenv("NOTIFY_SOCKET", nobody[_i], 1);
	notify_ready("Serving");
	notify_reloading();
	notify_stopping();
}
END_TEST

START_TEST(a_watchdog_is_told_twice_in_its_time_and_only_if_it_is_ours)
{
	char pid[16];

	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	ck_assert_uint_eq(notify_alive_every_ms(), 0);
	setenv("WATCHDOG_USEC", "10000000", 1);
	ck_assert_uint_eq(notify_alive_every_ms(), 5000);
	snprintf(pid, sizeof pid, "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	ck_assert_uint_eq(notify_alive_every_ms(), 5000);
	setenv("WATCHDOG_PID", "1", 1);
	ck_assert_uint_eq(notify_alive_every_ms(), 0);
	unsetenv("WATCHDOG_PID");
	setenv("WATCHDOG_USEC", "nonsense", 1);
	ck_assert_uint_eq(notify_alive_every_ms(), 0);
	setenv("WATCHDOG_USEC", "500", 1);
	ck_assert_uint_ge(notify_alive_every_ms(), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cmd/notify");
	TCase *tests = tcase_create("notify");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, NULL, tear_down);
	tcase_add_loop_test(tests, a_path_and_an_abstract_name_are_both_told, 0, 2);
	tcase_add_test(tests, a_watchdog_is_told_twice_in_its_time_and_only_if_it_is_ours);
	tcase_add_test(tests, without_descriptors_it_still_says_that_it_is_alive);
	tcase_add_test(tests, reloading_carries_the_moment);
	tcase_add_loop_test(
	    tests, nobody_listening_is_no_failure, 0, (int)(sizeof nobody / sizeof nobody[0]));
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
