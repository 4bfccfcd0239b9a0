/* SPDX-License-Identifier: Apache-2.0 */
#include "base/watchdog.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sanitized.h"
#include "base/thread.h"

/* Real time, so bounds are wide: the machine may be busy. */

/* A loop that goes round until it is told to stop, and stands still once. */
struct loop {
	pthread_t thread;
	struct beat beat;
	struct watchdog_stalls stalls;
	atomic_uint stand_ms; /* the next time round */
	atomic_uint work_ms; /* the same, but it says that it goes on */
	atomic_bool stop;
	atomic_bool ended;
};

static void *
go_round(void *arg)
{
	struct loop *l = arg;

	ck_assert(watchdog_watch(&l->beat, &l->stalls));
	while (!atomic_load(&l->stop)) {
		poll(NULL, 0, WATCHDOG_BEAT_MS);
		poll(NULL, 0, (int)atomic_exchange(&l->stand_ms, 0));
		for (unsigned ms = atomic_exchange(&l->work_ms, 0); ms > 0; ms -= 10) {
			poll(NULL, 0, 10);
			watchdog_work();
		}
		watchdog_beat(&l->beat);
	}
	watchdog_forget(&l->beat);
	return NULL;
}

static atomic_uint alive;

static void
on_alive(void)
{
	atomic_fetch_add(&alive, 1);
}

static void
start_dog(uint32_t warning_ms, uint32_t abort_ms, uint32_t alive_every_ms)
{
	struct watchdog_setup setup = { warning_ms, abort_ms, on_alive, alive_every_ms };
	struct error error;

	ck_assert_msg(watchdog_start(&setup, &error), "%s", error.text);
}

static void
start_loop(struct loop *l, const char *name)
{
	ck_assert_int_eq(thread_start(&l->thread, name, go_round, l), 0);
}

static void
end_loop(struct loop *l)
{
	atomic_store(&l->stop, true);
	pthread_join(l->thread, NULL);
}

static void
until(atomic_ullong *counter, unsigned long long least)
{
	uint64_t end_ms = clock_now_ms() + 20000;

	while (atomic_load(counter) < least && clock_now_ms() < end_ms)
		poll(NULL, 0, 5);
	ck_assert_uint_ge(atomic_load(counter), least);
}

START_TEST(a_loop_that_stood_still_is_counted_with_the_time_it_stood)
{
	struct loop l = { .stop = false }, other = { .stop = false };

	start_dog(200, 0, 0);
	start_loop(&l, "slow");
	start_loop(&other, "quick");
	atomic_store(&l.stand_ms, 500);
	until(&l.stalls.count, 1);
	ck_assert_uint_ge(atomic_load(&l.stalls.longest_us), 400 * 1000);
	ck_assert_uint_lt(atomic_load(&l.stalls.longest_us), 5000 * 1000);
	ck_assert_uint_eq(atomic_load(&l.stalls.count), 1);
	ck_assert_uint_eq(atomic_load(&other.stalls.count), 0);
	end_loop(&l);
	end_loop(&other);
	watchdog_stop();
}
END_TEST

START_TEST(without_a_watchdog_nobody_is_watched)
{
	struct beat b = { .at_us = 0 };

	start_dog(0, 0, 0);
	ck_assert(!watchdog_watch(&b, NULL));
	ck_assert(!watchdog_configure(100, 2000));
	watchdog_stop();
}
END_TEST

START_TEST(a_loop_that_stands_still_for_too_long_ends_the_process)
{
	struct loop l = { .stop = false };

	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* no core of a test */
	start_dog(100, 400, 0);
	start_loop(&l, "stuck");
	atomic_store(&l.stand_ms, 20000);
	poll(NULL, 0, 20000);
	exit(0);
}
END_TEST

START_TEST(a_long_piece_of_work_that_goes_on_is_told_of_and_ends_nothing)
{
	struct loop l = { .stop = false };

	start_dog(100, 1000, 0);
	start_loop(&l, "busy");
	atomic_store(&l.work_ms, 2000);
	until(&l.stalls.count, 1);
	ck_assert_uint_ge(atomic_load(&l.stalls.longest_us), 1500 * 1000);
	end_loop(&l);
	watchdog_stop();
}
END_TEST

START_TEST(it_says_which_loop_it_was_and_where_it_stands)
{
	int out[2], status;
	char text[8192];
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	ck_assert_int_eq(pipe(out), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct loop l = { .stop = false };

		dup2(out[1], STDERR_FILENO);
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
		start_dog(100, 400, 0);
		start_loop(&l, "stuck");
		atomic_store(&l.stand_ms, 20000);
		poll(NULL, 0, 20000);
		_exit(0);
	}
	close(out[1]);
	while (len < sizeof text - 1 && (n = read(out[0], text + len, sizeof text - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	close(out[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ck_assert_msg(strstr(text, "stuck has been standing still for") != NULL, "%s", text);
	/* the stack of the thread that stands: this program and poll() */
	ck_assert_msg(strstr(text, program_invocation_short_name) != NULL, "%s", text);
	ck_assert_msg(strstr(text, "poll") != NULL, "%s", text);
}
END_TEST

/* The process is stopped for longer than either limit; then it goes on as if nothing had been. */
START_TEST(time_in_which_the_whole_process_stood_still_blames_nobody)
{
	struct loop l = { .stop = false };
	pid_t self = getpid(), pid;

	start_dog(300, 1000, 0);
	start_loop(&l, "innocent");
	poll(NULL, 0, 100);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		kill(self, SIGSTOP);
		poll(NULL, 0, 1500);
		kill(self, SIGCONT);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	poll(NULL, 0, 200);
	ck_assert_uint_eq(atomic_load(&l.stalls.count), 0);
	end_loop(&l);
	watchdog_stop();
}
END_TEST

START_TEST(it_says_that_all_is_well_while_all_is_well)
{
	struct loop l = { .stop = false };
	unsigned before;

	start_dog(0, 0, 50);
	start_loop(&l, "loop");
	for (uint64_t end_ms = clock_now_ms() + 20000;
	     atomic_load(&alive) < 3 && clock_now_ms() < end_ms;)
		poll(NULL, 0, 5);
	ck_assert_uint_ge(atomic_load(&alive), 3);
	atomic_store(&l.stand_ms, 1000);
	poll(NULL, 0, 300);
	before = atomic_load(&alive);
	poll(NULL, 0, 300);
	ck_assert_uint_eq(atomic_load(&alive), before);
	end_loop(&l);
	watchdog_stop();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/watchdog");
	TCase *tests = tcase_create("watchdog");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 40);
	tcase_add_test(tests, a_loop_that_stood_still_is_counted_with_the_time_it_stood);
	tcase_add_test(tests, a_long_piece_of_work_that_goes_on_is_told_of_and_ends_nothing);
	tcase_add_test(tests, without_a_watchdog_nobody_is_watched);
	tcase_add_test(tests, time_in_which_the_whole_process_stood_still_blames_nobody);
	tcase_add_test(tests, it_says_that_all_is_well_while_all_is_well);
	if (!SANITIZED) { /* which never ends for that */
		tcase_add_test_raise_signal(
		    tests, a_loop_that_stands_still_for_too_long_ends_the_process, SIGABRT);
		tcase_add_test(tests, it_says_which_loop_it_was_and_where_it_stands);
	}
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
