/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/rate_table.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>

#define MS UINT64_C(1000000)

START_TEST(a_burst_passes_and_then_the_rate)
{
	struct rate_table *t = rate_table_new();
	uint64_t now = 1000 * MS;

	/* one every 10 ms, five at once */
	for (unsigned i = 0; i < 5; i++)
		ck_assert_uint_eq(rate_table_take(t, 7, 10 * MS, 5, now), 0);
	ck_assert_uint_eq(rate_table_take(t, 7, 10 * MS, 5, now), 10 * MS);
	ck_assert_uint_eq(rate_table_take(t, 7, 10 * MS, 5, now + 9 * MS), 1 * MS);
	ck_assert_uint_eq(rate_table_take(t, 7, 10 * MS, 5, now + 10 * MS), 0);
	ck_assert_uint_eq(rate_table_take(t, 7, 10 * MS, 5, now + 10 * MS), 10 * MS);
	ck_assert_uint_eq(rate_table_take(t, 7, 10 * MS, 5, now + 35 * MS), 0);
	ck_assert_uint_eq(rate_table_take(t, 7, 10 * MS, 5, now + 35 * MS), 0);
	ck_assert_uint_eq(rate_table_take(t, 7, 10 * MS, 5, now + 35 * MS), 5 * MS);
	rate_table_free(t);
}
END_TEST

START_TEST(who_rests_finds_the_whole_burst_and_no_more)
{
	struct rate_table *t = rate_table_new();
	uint64_t now = 1000 * MS;

	for (unsigned round = 0; round < 3; round++, now += 3600 * 1000 * MS) {
		for (unsigned i = 0; i < 3; i++)
			ck_assert_uint_eq(rate_table_take(t, 7, 10 * MS, 3, now), 0);
		ck_assert_uint_ne(rate_table_take(t, 7, 10 * MS, 3, now), 0);
	}
	rate_table_free(t);
}
END_TEST

START_TEST(clients_do_not_share)
{
	struct rate_table *t = rate_table_new();

	for (uint64_t key = 0; key < 1000; key++)
		ck_assert_uint_eq(rate_table_take(t, key * 0x9e3779b97f4a7c15u, MS, 1, MS), 0);
	for (uint64_t key = 0; key < 1000; key++)
		ck_assert_uint_ne(rate_table_take(t, key * 0x9e3779b97f4a7c15u, MS, 1, MS), 0);
	rate_table_free(t);
}
END_TEST

/* Of more than there is room for on one line, those longest empty are remembered. */
START_TEST(room_is_taken_from_who_needs_it_least)
{
	enum { LINE = 64 * 1024, HEAVY = 3 };
	struct rate_table *t = rate_table_new();
	uint64_t now = 1000 * MS;

	for (unsigned i = 1; i <= HEAVY; i++)
		for (unsigned n = 0; n < 100; n++)
			ck_assert_uint_eq(rate_table_take(t, i * LINE, 10 * MS, 100, now), 0);
	for (unsigned i = 10; i < 1000; i++) /* one request each, by many */
		ck_assert_uint_eq(rate_table_take(t, i * LINE, 10 * MS, 100, now), 0);
	for (unsigned i = 1; i <= HEAVY; i++)
		ck_assert_uint_ne(rate_table_take(t, i * LINE, 10 * MS, 100, now), 0);
	rate_table_free(t);
}
END_TEST

struct crowd_of_threads {
	struct rate_table *table;
	atomic_uint taken;
};

static void *
take_all(void *arg)
{
	struct crowd_of_threads *c = arg;

	for (unsigned i = 0; i < 50000; i++)
		if (rate_table_take(c->table, 7, 3600 * 1000 * MS, 1000, MS) == 0)
			atomic_fetch_add(&c->taken, 1);
	return NULL;
}

START_TEST(workers_share_one_bucket_to_the_token)
{
	struct crowd_of_threads c = { .table = rate_table_new() };
	pthread_t threads[3];

	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, take_all, &c), 0);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	/* The first token of each thread may meet the place while it is being claimed. */
	ck_assert_uint_ge(c.taken, 1000);
	ck_assert_uint_le(c.taken, 1003);
	rate_table_free(c.table);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proxy/rate_table");
	TCase *t = tcase_create("rate_table");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, a_burst_passes_and_then_the_rate);
	tcase_add_test(t, who_rests_finds_the_whole_burst_and_no_more);
	tcase_add_test(t, clients_do_not_share);
	tcase_add_test(t, room_is_taken_from_who_needs_it_least);
	tcase_add_test(t, workers_share_one_bucket_to_the_token);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
