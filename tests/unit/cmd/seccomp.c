/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/seccomp.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sanitized.h"
#include "base/thread.h"

/* Check runs each test in a process of its own, so each may shut itself in. */

static unsigned
mode_of(const char *task)
{
	char path[64], line[256];
	unsigned mode = 99;
	FILE *file;

	snprintf(path, sizeof path, "/proc/self/%s/status", task);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof line, file) != NULL)
		if (sscanf(line, "Seccomp: %u", &mode) == 1)
			break;
	fclose(file);
	return mode;
}

static void
shut_in(void)
{
	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	seccomp_start(SECCOMP_ENFORCE);
}

/*
 * Ends a test that is shut in, before Check takes its time: whose timer_create() is refused then,
 * so it would read another clock than at the begin. On machines that were started at a time which is
 * negative in 32 bits of microseconds it fails over the difference.
 */
static _Noreturn void
passed(void)
{
	exit(0);
}

static bool
fd_is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

START_TEST(a_call_that_nobody_needs_fails_and_is_counted_once_for_each_time)
{
	shut_in();
	ck_assert_int_ge(seccomp_fd(), 0);
	ck_assert(!fd_is_readable(seccomp_fd()));
	errno = 0;
	ck_assert_int_eq(syscall(SYS_acct, NULL), -1);
	ck_assert_int_eq(errno, ENOSYS);
	ck_assert_int_eq(syscall(SYS_acct, NULL), -1);
	ck_assert_uint_eq(seccomp_refused(), 2);
	ck_assert(fd_is_readable(seccomp_fd()));
	seccomp_report();
	ck_assert(!fd_is_readable(seccomp_fd()));
	passed();
}
END_TEST

START_TEST(a_call_that_is_needed_in_another_way_is_not_permitted)
{
	shut_in();
	errno = 0;
	ck_assert_int_eq(socket(AF_PACKET, SOCK_RAW, 0), -1);
	ck_assert_int_eq(errno, EPERM);
	errno = 0;
	ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), -1);
	ck_assert_int_eq(errno, EPERM);
	errno = 0;
	ck_assert_int_eq(kill(1, 0), -1);
	ck_assert_int_eq(errno, ENOSYS);
	errno = 0;
	ck_assert_int_eq(fork(), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_uint_eq(seccomp_refused(), 4);
	passed();
}
END_TEST

/* A child makes the call; the signal it died of. */
static int
death_by(long call)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		char *const argv[] = { (char[]){ "true" }, NULL };

		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
			_exit(99);
		seccomp_start(SECCOMP_ENFORCE);
		if (seccomp_fd() < 0)
			_exit(98);
		syscall(call, call == SYS_execve ? (long)"/bin/true" : 0, argv, argv, 0, 0, 0);
		_exit(97);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSIGNALED(status), "call %ld: exit %d", call, WEXITSTATUS(status));
	return WTERMSIG(status);
}

static const long fatal[] = { SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_bpf,
	SYS_mount, SYS_kexec_load, SYS_init_module, SYS_setresuid };

START_TEST(a_call_of_somebody_who_took_over_ends_the_process)
{
	ck_assert_int_eq(death_by(fatal[_i]), SIGSYS);
}
END_TEST

struct other {
	pthread_t thread;
	atomic_int go;
	unsigned mode;
	int err;
};

static void *
call_when_told(void *arg)
{
	struct other *o = arg;

	while (atomic_load(&o->go) == 0)
		sched_yield();
	o->mode = mode_of("../thread-self");
	o->err = syscall(SYS_acct, NULL) < 0 ? errno : 0;
	return NULL;
}

START_TEST(threads_of_before_and_after_are_shut_in_too)
{
	struct other before = { .go = 0 }, after = { .go = 1 };

	ck_assert_int_eq(thread_start(&before.thread, "before", call_when_told, &before), 0);
	shut_in();
	atomic_store(&before.go, 1);
	ck_assert_int_eq(thread_start(&after.thread, "after", call_when_told, &after), 0);
	pthread_join(before.thread, NULL);
	pthread_join(after.thread, NULL);
	ck_assert_uint_eq(mode_of("."), 2);
	ck_assert_uint_eq(before.mode, 2);
	ck_assert_uint_eq(after.mode, 2);
	ck_assert_int_eq(before.err, ENOSYS);
	ck_assert_int_eq(after.err, ENOSYS);
	ck_assert_uint_eq(seccomp_refused(), 2);
	passed();
}
END_TEST

START_TEST(off_means_no_filter)
{
	seccomp_start(SECCOMP_OFF);
	ck_assert_uint_eq(mode_of("."), 0);
	ck_assert_int_eq(seccomp_fd(), -1);
}
END_TEST

START_TEST(a_filter_that_only_logs_refuses_nothing)
{
	int fd;

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	seccomp_start(SECCOMP_LOG);
	ck_assert_uint_eq(mode_of("."), 2);
	fd = (int)syscall(SYS_inotify_init1, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(seccomp_refused(), 0);
}
END_TEST

/* As in a container whose own filter lets nobody set another one. */
START_TEST(a_kernel_that_refuses_the_filter_is_no_reason_to_stop)
{
	shut_in();
	seccomp_start(SECCOMP_ENFORCE);
	ck_assert_int_eq(seccomp_fd(), -1);
	ck_assert_int_eq(syscall(SYS_getpid), getpid());
	passed();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cmd/seccomp");
	TCase *tests = tcase_create("seccomp");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tests);
	if (SANITIZED) {
		puts("a sanitizer's build has no filter: nothing to test");
		srunner_free(runner);
		return 0;
	}
	tcase_add_test(tests, a_call_that_nobody_needs_fails_and_is_counted_once_for_each_time);
	tcase_add_test(tests, a_call_that_is_needed_in_another_way_is_not_permitted);
	tcase_add_loop_test(tests, a_call_of_somebody_who_took_over_ends_the_process, 0,
	    (int)(sizeof fatal / sizeof fatal[0]));
	tcase_add_test(tests, threads_of_before_and_after_are_shut_in_too);
	tcase_add_test(tests, off_means_no_filter);
	tcase_add_test(tests, a_filter_that_only_logs_refuses_nothing);
	tcase_add_test(tests, a_kernel_that_refuses_the_filter_is_no_reason_to_stop);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
