/* SPDX-License-Identifier: Apache-2.0 */
#include "control/tally.h"

#include <check.h>
#include <string.h>

#include "view_world.h"

static struct tally_window
region_window(unsigned region)
{
	struct tally_window w = { .tries_per_s = 0 };

	tally_add_region_window(view.tally, view_region(region), view.now_ms, &w);
	return w;
}

START_TEST(nothing_sent_is_no_account)
{
	view_world_observe(1000);
	ck_assert_ptr_null(tally_endpoint(view.tally, view_endpoint(0, 0)));
	ck_assert_ptr_null(tally_region(view.tally, view_region(0)));
	ck_assert_double_eq(region_window(0).tries_per_s, 0);
}
END_TEST

START_TEST(workers_and_endpoints_add_up)
{
	const struct tally_counts *c;

	view_traffic(view_endpoint(0, 0), 0, 3, 2, 100);
	view_traffic(view_endpoint(0, 0), 1, 4, 2, 100);
	view_traffic(view_endpoint(0, 1), 1, 5, 5, 200);
	view_world_observe(1000);
	c = tally_endpoint(view.tally, view_endpoint(0, 0));
	ck_assert_uint_eq(c->tries, 7);
	ck_assert_uint_eq(c->first_byte.total, 7);
	c = tally_region(view.tally, view_region(0));
	ck_assert_uint_eq(c->tries, 12);
	ck_assert_uint_eq(c->status_class[2], 7);
	ck_assert_uint_eq(c->status_class[5], 5);
	ck_assert_uint_eq(c->first_byte.sum_us, 7 * 100 + 5 * 200);
	ck_assert_ptr_null(tally_region(view.tally, view_region(1)));
}
END_TEST

START_TEST(observing_twice_counts_once)
{
	view_traffic(view_endpoint(0, 0), 0, 3, 2, 100);
	view_world_observe(1000);
	view_world_observe(1001);
	ck_assert_uint_eq(tally_region(view.tally, view_region(0))->tries, 3);
}
END_TEST

/* Prometheus takes a counter that goes back for a restart and shows a peak that never was. */
START_TEST(a_region_never_goes_back_when_an_endpoint_leaves)
{
	view_traffic(view_endpoint(0, 0), 0, 3, 2, 100);
	view_traffic(view_endpoint(0, 1), 0, 1000, 2, 100);
	view_world_observe(1000);
	view_world_shrink();
	view_world_observe(2000);
	ck_assert_uint_eq(tally_region(view.tally, view_region(0))->tries, 1003);
	view_traffic(view_endpoint(0, 0), 1, 7, 2, 100);
	view_world_observe(3000);
	ck_assert_uint_eq(tally_region(view.tally, view_region(0))->tries, 1010);
}
END_TEST

START_TEST(a_rate_is_of_the_last_seconds_only)
{
	view_world_observe(0);
	view_traffic(view_endpoint(0, 0), 0, 1000, 2, 100);
	view_world_observe(5000);
	ck_assert_double_eq_tol(region_window(0).tries_per_s, 200, 0.01);
	for (uint64_t now_ms = 10000; now_ms <= 30000; now_ms += 5000)
		view_world_observe(now_ms);
	ck_assert_double_eq_tol(region_window(0).tries_per_s, 0, 0.01);
	ck_assert_uint_eq(region_window(0).first_byte.total, 0);
	ck_assert_uint_eq(tally_region(view.tally, view_region(0))->tries, 1000);
}
END_TEST

START_TEST(what_came_before_the_first_look_came_since_the_beginning)
{
	view_traffic(view_endpoint(0, 0), 0, 40, 2, 100);
	view_world_observe(4000);
	ck_assert_double_eq_tol(region_window(0).tries_per_s, 10, 0.01);
}
END_TEST

/* Accounts of endpoints begin with their first traffic, those of regions before it. */
START_TEST(a_rate_of_an_endpoint_is_of_the_same_seconds_as_its_region_s)
{
	struct tally_window w = { .tries_per_s = 0 };

	view_world_observe(0);
	view_world_observe(4000);
	view_traffic(view_endpoint(0, 0), 0, 100, 2, 100);
	view_world_observe(5000);
	tally_add_endpoint_window(view.tally, view_endpoint(0, 0), view.now_ms, &w);
	ck_assert_double_eq_tol(region_window(0).tries_per_s, 20, 0.01);
	ck_assert_double_eq_tol(w.tries_per_s, 20, 0.01);
}
END_TEST

START_TEST(a_window_is_never_longer_than_two_rotations)
{
	for (uint64_t now_ms = 0; now_ms <= 20000; now_ms += 1000) {
		view_traffic(view_endpoint(1, 0), 0, 50, 2, 100);
		view_world_observe(now_ms);
	}
	/* steady 50 a second, whatever the window's phase */
	ck_assert_double_eq_tol(region_window(1).tries_per_s, 50, 5);
	ck_assert_uint_le(region_window(1).first_byte.total, 50 * 10);
}
END_TEST

START_TEST(quantiles_of_a_region_are_of_all_its_endpoints)
{
	struct tally_window w;

	view_world_observe(0);
	view_traffic(view_endpoint(0, 0), 0, 98, 2, 1000);
	view_traffic(view_endpoint(0, 1), 1, 2, 2, 1000000);
	view_world_observe(1000);
	w = region_window(0);
	ck_assert_uint_le(histogram_quantile(&w.first_byte, 0.5), 1125);
	ck_assert_uint_ge(histogram_quantile(&w.first_byte, 0.99), 1000000);
}
END_TEST

START_TEST(errors_are_what_the_endpoint_or_its_network_did)
{
	struct tally_counts c = { .tries = 0 };

	c.status_class[4] = 1;
	c.status_class[5] = 2;
	c.faults[FAULT_CONNECT_REFUSED] = 10;
	c.faults[FAULT_RESET] = 20;
	c.faults[FAULT_CUT_RESPONSE] = 40;
	c.faults[FAULT_STATUS] = 1000; /* its 5xx is counted above */
	c.faults[FAULT_CLIENT_LEFT] = 1000;
	c.faults[FAULT_QUEUE_FULL] = 1000;
	ck_assert_uint_eq(tally_errors(&c), 72);
}
END_TEST

START_TEST(an_endpoint_that_starts_anew_is_not_taken_for_the_old_one)
{
	struct endpoint_shard *s;

	view_traffic(view_endpoint(0, 0), 0, 100, 2, 100);
	view_world_observe(1000);
	/* as a freed endpoint whose id and address another one got */
	s = endpoint_shard(view_endpoint(0, 0), 0);
	atomic_store(&s->tries, 5);
	atomic_store(&s->answered, 5);
	atomic_store(&s->status_class[2], 5);
	memset(&s->first_byte, 0, sizeof s->first_byte);
	view_world_observe(2000);
	ck_assert_uint_eq(tally_endpoint(view.tally, view_endpoint(0, 0))->tries, 5);
	ck_assert_uint_eq(tally_region(view.tally, view_region(0))->tries, 105);
	ck_assert_uint_eq(tally_region(view.tally, view_region(0))->status_class[2], 105);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("control/tally");
	TCase *tests = tcase_create("tally");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, view_world_make, view_world_free);
	tcase_add_test(tests, nothing_sent_is_no_account);
	tcase_add_test(tests, workers_and_endpoints_add_up);
	tcase_add_test(tests, observing_twice_counts_once);
	tcase_add_test(tests, a_region_never_goes_back_when_an_endpoint_leaves);
	tcase_add_test(tests, a_rate_is_of_the_last_seconds_only);
	tcase_add_test(tests, what_came_before_the_first_look_came_since_the_beginning);
	tcase_add_test(tests, a_rate_of_an_endpoint_is_of_the_same_seconds_as_its_region_s);
	tcase_add_test(tests, a_window_is_never_longer_than_two_rotations);
	tcase_add_test(tests, quantiles_of_a_region_are_of_all_its_endpoints);
	tcase_add_test(tests, errors_are_what_the_endpoint_or_its_network_did);
	tcase_add_test(tests, an_endpoint_that_starts_anew_is_not_taken_for_the_old_one);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
