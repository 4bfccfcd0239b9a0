/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <pthread.h>

#include "steer/admission.h"

enum { THREADS = 4, START_US = 1000000 };

static struct admission admission;
static atomic_ullong clock_us;
static atomic_uint admitted, most_seen;

static void *
worker(void *arg)
{
	const enum admission_class *class = arg;

	for (;;) {
		uint64_t now_us = atomic_fetch_add(&clock_us, 1);
		atomic_uint *counter;

		if (now_us >= START_US + 1000000)
			return NULL;
		counter = admission_enter(&admission, *class, now_us);
		if (counter != NULL) {
			unsigned now = atomic_load(&admission.in_flight);
			unsigned most = atomic_load(&most_seen);

			while (now > most && !atomic_compare_exchange_weak(&most_seen, &most, now))
				;
			atomic_fetch_add(&admitted, 1);
			admission_leave(counter);
		}
	}
}

/* Under these limits, for a second. */
static void
run_workers(double limit, double most)
{
	enum admission_class classes[THREADS] = { ADMIT_HIGH, ADMIT_NORMAL, ADMIT_HIGH,
		ADMIT_RETRY };
	pthread_t threads[THREADS];

	atomic_store(&admission.empty_at_ns, 0);
	admission_set(&admission, limit, most, 0);
	atomic_store(&clock_us, START_US);
	atomic_store(&admitted, 0);
	atomic_store(&most_seen, 0);
	for (unsigned i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, worker, &classes[i]), 0);
	for (unsigned i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
}

START_TEST(threads_together_never_exceed_the_limit_and_use_it)
{
	static const struct {
		double limit;
		unsigned burst;
	} t[] = { { 50, 10 }, { 1000, 20 }, { 20000, 400 }, { 100000, 2000 } };

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		unsigned in;

		run_workers(t[i].limit, 0);
		in = atomic_load(&admitted);
		ck_assert_msg(in <= t[i].limit + t[i].burst, "%g a second: %u", t[i].limit, in);
		ck_assert_msg(in >= t[i].limit * 0.99, "%g a second: %u", t[i].limit, in);
		ck_assert_uint_eq(atomic_load(&admission.in_flight), 0);
	}
}
END_TEST

/* Each of them may be counted for a moment before it is refused. */
START_TEST(threads_together_never_exceed_the_cap_in_flight)
{
	run_workers(0, 2);
	ck_assert_uint_le(atomic_load(&most_seen), 2 + THREADS);
	ck_assert_uint_gt(atomic_load(&admitted), 0);
	ck_assert_uint_eq(atomic_load(&admission.in_flight), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/admission_threads");
	TCase *tests = tcase_create("admission_threads");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, threads_together_never_exceed_the_limit_and_use_it);
	tcase_add_test(tests, threads_together_never_exceed_the_cap_in_flight);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
