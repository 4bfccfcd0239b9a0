/* SPDX-License-Identifier: Apache-2.0 */
#include "base/ring.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

/* The n-th record: its length and bytes follow from n. */
static size_t
len_of(unsigned n, size_t most)
{
	return (n * 2654435761u >> 7) % (most + 1);
}

static void
fill(unsigned char *p, unsigned n, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (unsigned char)(n + i);
}

static bool
is_filled(const unsigned char *p, unsigned n, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != (unsigned char)(n + i))
			return false;
	return true;
}

static bool
put(struct ring *r, unsigned n, size_t most)
{
	unsigned char *p = ring_reserve(r, len_of(n, most));

	if (p == NULL)
		return false;
	fill(p, n, len_of(n, most));
	ring_commit(r);
	return true;
}

/* False: empty. */
static bool
get(struct ring *r, unsigned n, size_t most)
{
	size_t len;
	const unsigned char *p = ring_peek(r, &len);

	if (p == NULL)
		return false;
	/* A check that holds costs Check a system call, so only what fails is told to it. */
	if ((uintptr_t)p % 8 != 0 || len != len_of(n, most) || !is_filled(p, n, len))
		ck_abort_msg("record %u came out wrong", n);
	ring_release(r);
	return true;
}

START_TEST(records_come_out_whole_and_in_order)
{
	static const size_t most_cases[] = { 0, 1, 7, 8, 9, 100, 255, 256 };

	for (size_t i = 0; i < ARRAY_SIZE(most_cases); i++) {
		size_t most = most_cases[i];
		struct ring *r = ring_new(1000); /* 1024 */
		unsigned in = 0, out = 0, seed = 7;

		while (out < 20000) {
			for (int burst = rand_r(&seed) % 60; burst > 0; burst--)
				in += put(r, in, most);
			for (int burst = rand_r(&seed) % 60; burst > 0; burst--)
				out += get(r, out, most);
			ck_assert_uint_ge(in, out);
			ck_assert((in == out) == (ring_waiting(r) == 0));
			ck_assert_uint_le(ring_waiting(r), 1024);
		}
		ring_free(r);
	}
}
END_TEST

START_TEST(a_quarter_fits_and_no_more)
{
	struct ring *r = ring_new(4096);
	size_t len;

	ck_assert_ptr_null(ring_reserve(r, 1025));
	ck_assert_uint_eq(ring_dropped(r), 1);
	ck_assert_ptr_null(ring_reserve(r, SIZE_MAX));
	ck_assert_uint_eq(ring_dropped(r), 2);
	/* Wherever in the buffer the ring stands, an empty one takes the largest record. */
	for (int i = 0; i < 1000; i++) {
		ck_assert_ptr_nonnull(ring_reserve(r, 1024));
		ring_commit(r);
		ck_assert_ptr_nonnull(ring_peek(r, &len));
		ck_assert_uint_eq(len, 1024);
		ring_release(r);
		ck_assert_ptr_nonnull(ring_reserve(r, 8));
		ring_commit(r);
		ck_assert_ptr_nonnull(ring_peek(r, &len));
		ring_release(r);
	}
	ck_assert_uint_eq(ring_dropped(r), 2);
	ring_free(r);
	ring_free(NULL);
}
END_TEST

START_TEST(a_full_ring_refuses_and_counts)
{
	struct ring *r = ring_new(1024);
	unsigned fits = 0;
	size_t len;

	while (ring_reserve(r, 24) != NULL) {
		ring_commit(r);
		fits++;
	}
	ck_assert_uint_eq(fits, 1024 / 32);
	ck_assert_uint_eq(ring_waiting(r), 1024);
	ck_assert_uint_eq(ring_dropped(r), 1);
	ck_assert_ptr_nonnull(ring_peek(r, &len));
	ck_assert_ptr_null(ring_reserve(r, 24)); /* looked at is not released */
	ring_release(r);
	ck_assert_ptr_nonnull(ring_reserve(r, 24));
	ck_assert_uint_eq(ring_dropped(r), 2);
	ring_free(r);
}
END_TEST

START_TEST(what_is_reserved_is_not_seen_until_committed)
{
	struct ring *r = ring_new(1024);
	size_t len;
	char *p;

	ck_assert_ptr_null(ring_peek(r, &len));
	ck_assert_ptr_nonnull(ring_reserve(r, 100));
	ck_assert_ptr_null(ring_peek(r, &len));
	p = ring_reserve(r, 3); /* thought better of it */
	memcpy(p, "abc", 3);
	ring_commit(r);
	ck_assert(memcmp(ring_peek(r, &len), "abc", 3) == 0);
	ck_assert_uint_eq(len, 3);
	ck_assert_ptr_eq(ring_peek(r, &len), p); /* looking does not take */
	ring_release(r);
	ck_assert_ptr_null(ring_peek(r, &len));
	ring_free(r);
}
END_TEST

/* aborts */
START_TEST(committing_twice_aborts)
{
	struct ring *r = ring_new(1024);

	ck_assert_ptr_nonnull(ring_reserve(r, 1));
	ring_commit(r);
	ring_commit(r);
}
END_TEST

/* aborts */
START_TEST(releasing_what_was_not_there_aborts)
{
	ring_release(ring_new(1024));
}
END_TEST

enum { RECORDS = 300000, MOST = 120 };

static void *
produce(void *ring)
{
	for (unsigned n = 0; n < RECORDS; n++)
		while (!put(ring, n, MOST))
			sched_yield();
	return NULL;
}

START_TEST(two_threads_hand_over_every_record)
{
	struct ring *r = ring_new(4096);
	pthread_t producer;

	pthread_create(&producer, NULL, produce, r);
	for (unsigned n = 0; n < RECORDS;) {
		if (get(r, n, MOST))
			n++;
		else
			sched_yield();
		if (ring_waiting(r) > 4096)
			ck_abort_msg("more waiting than there is room for");
	}
	pthread_join(producer, NULL);
	ck_assert_uint_eq(ring_waiting(r), 0);
	ring_free(r);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/ring");
	TCase *tests = tcase_create("ring");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, records_come_out_whole_and_in_order);
	tcase_add_test(tests, a_quarter_fits_and_no_more);
	tcase_add_test(tests, a_full_ring_refuses_and_counts);
	tcase_add_test(tests, what_is_reserved_is_not_seen_until_committed);
	tcase_add_test_raise_signal(tests, committing_twice_aborts, SIGABRT);
	tcase_add_test_raise_signal(tests, releasing_what_was_not_there_aborts, SIGABRT);
	tcase_add_test(tests, two_threads_hand_over_every_record);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
