/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/touched.h"

#include <check.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/stat.h"

enum { IDS = 3 * TOUCHED_CHUNK };

static unsigned told[IDS];

static void
count(void *arg, uint32_t id)
{
	unsigned *total = arg;

	ck_assert_uint_lt(id, IDS);
	told[id]++;
	(*total)++;
}

static unsigned
collect(struct touched_reader *r)
{
	unsigned total = 0;

	memset(told, 0, sizeof told);
	touched_collect(r, count, &total);
	return total;
}

START_TEST(a_mark_is_told_twice_and_no_more)
{
	struct touched *t = touched_new();
	struct touched_reader *r = touched_reader_new(&t, 1);
	static const uint32_t ids[] = { 0, 1, 63, 64, 65, TOUCHED_CHUNK - 1, TOUCHED_CHUNK,
		2 * TOUCHED_CHUNK + 777, IDS - 1 };
	enum { COUNT = sizeof ids / sizeof ids[0] };

	ck_assert_uint_eq(collect(r), 0);
	for (unsigned i = 0; i < COUNT; i++)
		touched_mark(t, ids[i]);
	touched_mark(t, ids[3]); /* marking twice is marking once */
	for (unsigned round = 0; round < 2; round++) {
		ck_assert_uint_eq(collect(r), COUNT);
		for (unsigned i = 0; i < COUNT; i++)
			ck_assert_uint_eq(told[ids[i]], 1);
	}
	ck_assert_uint_eq(collect(r), 0);
	touched_reader_free(r);
	touched_free(t);
}
END_TEST

START_TEST(workers_are_told_of_as_one)
{
	struct touched *workers[3] = { touched_new(), NULL, touched_new() };
	struct touched_reader *r = touched_reader_new(workers, 3);

	touched_mark(workers[0], 5);
	touched_mark(workers[2], 5);
	touched_mark(workers[2], 70);
	touched_mark(workers[0], TOUCHED_CHUNK + 1);
	ck_assert_uint_eq(collect(r), 3);
	ck_assert_uint_eq(told[5], 1);
	ck_assert_uint_eq(told[70], 1);
	ck_assert_uint_eq(told[TOUCHED_CHUNK + 1], 1);
	touched_reader_free(r);
	touched_free(workers[0]);
	touched_free(workers[2]);
}
END_TEST

enum { BUSY_IDS = 100, ROUNDS = 20000 };

struct busy {
	struct touched *touched;
	atomic_ullong counts[BUSY_IDS];
	uint64_t seen[BUSY_IDS]; /* the reader's */
};

static void *
be_busy(void *arg)
{
	struct busy *b = arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint32_t id = i * 7 % BUSY_IDS;

		stat_add(&b->counts[id], 1);
		touched_mark(b->touched, id);
	}
	return NULL;
}

static void
read_count(void *arg, uint32_t id)
{
	struct busy *b = arg;

	b->seen[id] = atomic_load_explicit(&b->counts[id], memory_order_relaxed);
}

START_TEST(no_count_is_lost_while_both_sides_run)
{
	struct busy *b = calloc(1, sizeof *b);
	struct touched_reader *r;
	pthread_t thread;
	uint64_t sum = 0;

	b->touched = touched_new();
	r = touched_reader_new(&b->touched, 1);
	ck_assert_int_eq(pthread_create(&thread, NULL, be_busy, b), 0);
	for (unsigned i = 0; i < 1000; i++)
		touched_collect(r, read_count, b);
	pthread_join(thread, NULL);
	touched_collect(r, read_count, b);
	for (unsigned i = 0; i < BUSY_IDS; i++)
		sum += b->seen[i];
	ck_assert_uint_eq(sum, ROUNDS);
	touched_reader_free(r);
	touched_free(b->touched);
	free(b);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/touched");
	TCase *tests = tcase_create("touched");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, a_mark_is_told_twice_and_no_more);
	tcase_add_test(tests, workers_are_told_of_as_one);
	tcase_add_test(tests, no_count_is_lost_while_both_sides_run);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
