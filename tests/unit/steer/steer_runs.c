/* SPDX-License-Identifier: Apache-2.0 */
/* The steering as a whole: failures in a row, and what is reported as it happens. */
#include "steer/steer.h"

#include <check.h>

#include "bench.h"

static struct bench b;

static void
stop(void)
{
	bench_stop(&b);
}

/* So many failures; nobody is there if they are enough for a worker to say so. */
static bool
report(unsigned region, unsigned endpoint, enum fault fault, uint32_t count, uint64_t now_ms)
{
	struct steer_report some = { region, endpoint, fault, count, count >= EVIDENCE_ROW, false };

	return steer_urgent(b.s, &some, NULL, now_ms);
}

/* One request each 10 ms, refused and reported at once, a tick whenever the steering asks for one.
 */
static unsigned
refuse_until_left(unsigned region, unsigned most_ms)
{
	unsigned turn = 0;

	b.demand = 0; /* the shards lag behind */
	for (unsigned ms = 10; ms <= most_ms; ms += 10) {
		b.now_ms += 10;
		if (report(region, turn++ % 2, FAULT_CONNECT_REFUSED, 1, b.now_ms)) {
			b.now_ms -= 100;
			bench_tick(&b);
		}
		if (bench_share_of(&b, region) <= 0)
			return ms;
	}
	return most_ms + 1;
}

START_TEST(a_region_that_refuses_is_left_within_200_ms_at_100_a_second)
{
	unsigned ms;

	bench_start_pair(&b);
	ms = refuse_until_left(0, 1000);
	ck_assert_msg(ms <= 160, "left after %u ms", ms);
	BENCH_SHARES(&b, 0, 1);
	ck_assert_int_eq(bench_state(&b, 0), REGION_DOWN);
	ck_assert_uint_eq(b.told[FACT_REGION_DOWN], 1);
}
END_TEST

START_TEST(the_failure_that_ends_a_region_waits_for_no_tick_however_young_the_last_one)
{
	bench_start_pair(&b);
	b.demand = 0;
	ck_assert(report(0, 0, FAULT_RESET, 1, b.now_ms + 100)); /* it may be failing */
	bench_tick(&b);
	ck_assert(!report(0, 1, FAULT_CONNECT_REFUSED, 1, b.now_ms + 1));
	ck_assert(report(0, 0, FAULT_CONNECT_REFUSED, EVIDENCE_ROW, b.now_ms + 2));
	bench_tick(&b);
	ck_assert_int_eq(bench_state(&b, 0), REGION_DOWN);
	ck_assert(!report(0, 1, FAULT_CONNECT_REFUSED, 1, b.now_ms + 1));
}
END_TEST

START_TEST(failures_of_one_endpoint_do_not_hurry_while_the_other_one_may_be_well)
{
	bench_start_pair(&b);
	b.demand = 0;
	ck_assert(report(0, 0, FAULT_RESET, 1, b.now_ms + 100));
	bench_tick(&b);
	for (unsigned ms = 0; ms < 40; ms++)
		ck_assert(!report(0, 0, FAULT_RESET, 1, b.now_ms + ms));
	ck_assert(report(0, 0, FAULT_RESET, 1, b.now_ms + 40)); /* to eject it */
}
END_TEST

/* A region that is one address, as load balancers are. */
static void
start_one_address_and_a_standby(double per_s)
{
	bench_plan(&b, 2);
	b.regions[0].endpoint_count = 1;
	b.regions[1].tier = 1;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	b.demand = per_s;
	bench_run(&b, 10000);
	b.demand = 0;
}

START_TEST(a_failure_reported_ahead_of_its_count_counts_once)
{
	struct evidence one = { .tries = 1, .not_sent = 1 };

	start_one_address_and_a_standby(20);
	for (unsigned i = 0; i < 2; i++) {
		report(0, 0, FAULT_CONNECT_REFUSED, 1, b.now_ms);
		steer_see(b.s, 0, 0, &one, b.now_ms);
		bench_tick(&b);
		ck_assert_int_ne(bench_state(&b, 0), REGION_DOWN);
	}
	report(0, 0, FAULT_CONNECT_REFUSED, 1, b.now_ms);
	bench_tick(&b);
	ck_assert_int_eq(bench_state(&b, 0), REGION_DOWN);
}
END_TEST

START_TEST(answers_between_them_make_failures_no_run)
{
	struct evidence good = { .tries = 10, .answered = 10 };

	bench_plan(&b, 2);
	b.regions[0].endpoint_count = 8;
	b.regions[1].tier = 1;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 5000);
	b.demand = 0;
	for (unsigned i = 0; i < 20; i++) {
		report(0, i % 2, FAULT_CONNECT_REFUSED, 1, b.now_ms);
		for (unsigned k = 2; k < 8; k++)
			steer_see(b.s, 0, k, &good, b.now_ms);
		bench_tick(&b);
		ck_assert_int_ne(bench_state(&b, 0), REGION_DOWN);
	}
	ck_assert_double_gt(bench_share_of(&b, 0), 0.9);
	ck_assert_uint_eq(b.told[FACT_ENDPOINT_EJECTED], 2);
}
END_TEST

static void
start_eight_and_a_standby(void)
{
	bench_plan(&b, 2);
	b.regions[0].endpoint_count = 8;
	b.regions[1].tier = 1;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 5000);
	b.demand = 0;
}

/* As those of one machine do: all that they are busy with fails before another one can answer. */
START_TEST(two_of_eight_endpoints_that_die_together_do_not_take_their_region_along)
{
	start_eight_and_a_standby();
	for (unsigned i = 0; i < 20; i++)
		report(0, i % 2, FAULT_RESET, 1, b.now_ms);
	for (unsigned i = 0; i < 2; i++)
		report(0, i, FAULT_CONNECT_REFUSED, EVIDENCE_ROW, b.now_ms);
	bench_tick(&b);
	ck_assert_int_ne(bench_state(&b, 0), REGION_DOWN);
	ck_assert_uint_eq(b.told[FACT_ENDPOINT_EJECTED], 2);
	bench_tick(&b); /* six serve now, and the run is still of eight */
	ck_assert_int_ne(bench_state(&b, 0), REGION_DOWN);
}
END_TEST

START_TEST(a_region_of_eight_is_left_when_four_of_them_fail_in_a_row)
{
	start_eight_and_a_standby();
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_int_ne(bench_state(&b, 0), REGION_DOWN);
		report(0, i, FAULT_CONNECT_REFUSED, EVIDENCE_ROW, b.now_ms);
		bench_tick(&b);
	}
	ck_assert_int_eq(bench_state(&b, 0), REGION_DOWN);
}
END_TEST

START_TEST(what_an_address_loses_in_one_moment_is_one_failure)
{
	struct evidence all = { .tries = 1, .broken = 35, .aged = 35 };

	start_one_address_and_a_standby(20);
	for (unsigned i = 0; i < 20; i++)
		report(0, 0, FAULT_RESET, 1, b.now_ms + i / 2);
	bench_tick(&b);
	ck_assert_int_ne(bench_state(&b, 0), REGION_DOWN);
	steer_see(b.s, 0, 0, &all, b.now_ms); /* with those whom nobody has reported */
	bench_tick(&b);
	ck_assert_int_ne(bench_state(&b, 0), REGION_DOWN);
	BENCH_SHARES(&b, 1, 0);
	report(0, 0, FAULT_RESET, 1, b.now_ms + 20);
	ck_assert(report(0, 0, FAULT_RESET, 1, b.now_ms + 40));
	bench_tick(&b);
	ck_assert_int_eq(bench_state(&b, 0), REGION_DOWN);
}
END_TEST

START_TEST(an_address_that_loses_what_it_has_and_then_refuses_is_left_at_once)
{
	start_one_address_and_a_standby(20);
	for (unsigned i = 0; i < 9; i++)
		report(0, 0, FAULT_CLOSED, 1, b.now_ms);
	report(0, 0, FAULT_CONNECT_REFUSED, 1, b.now_ms + 1);
	ck_assert(report(0, 0, FAULT_CONNECT_REFUSED, EVIDENCE_ROW, b.now_ms + 1));
	bench_tick(&b);
	ck_assert_int_eq(bench_state(&b, 0), REGION_DOWN);
}
END_TEST

/* The failures that it fell by are of the last second still. */
START_TEST(an_address_that_falls_and_rises_within_a_second_waits_for_no_ejection_to_end)
{
	start_one_address_and_a_standby(20);
	report(0, 0, FAULT_CONNECT_REFUSED, EVIDENCE_ROW, b.now_ms);
	bench_probe_region(&b, 0, ENDPOINT_DOWN);
	bench_tick(&b);
	ck_assert_int_eq(bench_state(&b, 0), REGION_DOWN);
	bench_probe_region(&b, 0, ENDPOINT_UP);
	bench_run(&b, 1500);
	ck_assert_int_eq(bench_state(&b, 0), REGION_HOLD);
}
END_TEST

/* Where one try in five fails, three in a row would take a busy region out within a second. */
START_TEST(a_busy_region_is_left_after_more_failures_in_a_row_than_a_quiet_one)
{
	static const struct {
		double per_s;
		unsigned failures;
	} t[] = { { 0, 3 }, { 30, 3 }, { 55, 5 }, { 85, 8 }, { 5000, 8 } };

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		unsigned failures = 0;

		start_one_address_and_a_standby(t[i].per_s);
		while (bench_state(&b, 0) != REGION_DOWN && ++failures < 20) {
			b.now_ms += EVIDENCE_MOMENT_MS;
			if (!report(0, 0, FAULT_CONNECT_REFUSED, 1, b.now_ms))
				continue;
			b.now_ms -= 100;
			bench_tick(&b);
		}
		ck_assert_msg(failures == t[i].failures, "%.0f/s: %u", t[i].per_s, failures);
		ck_assert_int_eq(b.last[FACT_REGION_DOWN].signal, SIGNAL_IN_A_ROW);
		if (i + 1 < sizeof t / sizeof t[0])
			bench_stop(&b);
	}
}
END_TEST

START_TEST(an_answer_after_the_moment_in_which_a_run_began_ends_it)
{
	struct steer_report refused = { .fault = FAULT_CONNECT_REFUSED, .count = 2 };
	struct steer_answered answered = { 1000, 1000 };

	start_one_address_and_a_standby(0);
	for (unsigned i = 0; i < 100; i++) {
		answered.region = ++answered.endpoint;
		b.now_ms += 10;
		steer_urgent(b.s, &refused, &answered, b.now_ms);
		if (i % 10 == 9) {
			b.now_ms -= 100;
			bench_tick(&b);
			ck_assert_int_ne(bench_state(&b, 0), REGION_DOWN);
		}
	}
}
END_TEST

/* Long polls: many hang on each server behind the address, and few come in a second. */
START_TEST(what_was_sent_long_ago_is_no_share_of_what_is_sent_now)
{
	struct evidence now = { .tries = 10, .answered = 9 };
	struct evidence lost = { .tries = 10, .answered = 9, .broken = 60, .aged = 60 };

	start_one_address_and_a_standby(20);
	for (unsigned i = 0; i < 20; i++) {
		steer_see(b.s, 0, 0, i == 10 ? &lost : &now, b.now_ms);
		bench_tick(&b);
		ck_assert_int_ne(bench_state(&b, 0), REGION_DOWN);
	}
	ck_assert_uint_eq(b.told[FACT_ENDPOINT_EJECTED], 0);
	BENCH_SHARES(&b, 1, 0);
}
END_TEST

START_TEST(failures_of_the_client_or_of_the_proxy_are_no_evidence)
{
	bench_start_pair(&b);
	for (unsigned i = 0; i < 10; i++) {
		ck_assert(!report(0, 0, FAULT_CLIENT_LEFT, 1, b.now_ms));
		ck_assert(!report(0, 1, FAULT_STATUS, 1, b.now_ms));
	}
	bench_tick(&b);
	ck_assert_int_eq(bench_state(&b, 0), REGION_UP);
}
END_TEST

START_TEST(failures_among_answers_ask_for_no_tick_each)
{
	struct evidence good = { .tries = 10, .answered = 10 };
	unsigned ticks = 0;

	bench_start_pair(&b);
	b.demand = 0;
	for (unsigned ms = 0; ms < 1000; ms++) {
		b.now_ms++;
		steer_see(b.s, 0, 1, &good, b.now_ms);
		if (!report(0, 0, FAULT_RESET, 1, b.now_ms))
			continue;
		b.now_ms -= 100;
		bench_tick(&b);
		ticks++;
	}
	ck_assert_msg(ticks <= 50, "%u ticks in a second", ticks);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/steer_runs");
	TCase *tests = tcase_create("steer");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, NULL, stop);
	tcase_add_test(tests, a_region_that_refuses_is_left_within_200_ms_at_100_a_second);
	tcase_add_test(
	    tests, the_failure_that_ends_a_region_waits_for_no_tick_however_young_the_last_one);
	tcase_add_test(
	    tests, failures_of_one_endpoint_do_not_hurry_while_the_other_one_may_be_well);
	tcase_add_test(tests, a_failure_reported_ahead_of_its_count_counts_once);
	tcase_add_test(tests, answers_between_them_make_failures_no_run);
	tcase_add_test(
	    tests, two_of_eight_endpoints_that_die_together_do_not_take_their_region_along);
	tcase_add_test(tests, a_region_of_eight_is_left_when_four_of_them_fail_in_a_row);
	tcase_add_test(tests, what_an_address_loses_in_one_moment_is_one_failure);
	tcase_add_test(tests, an_address_that_loses_what_it_has_and_then_refuses_is_left_at_once);
	tcase_add_test(
	    tests, an_address_that_falls_and_rises_within_a_second_waits_for_no_ejection_to_end);
	tcase_add_test(tests, a_busy_region_is_left_after_more_failures_in_a_row_than_a_quiet_one);
	tcase_add_test(tests, an_answer_after_the_moment_in_which_a_run_began_ends_it);
	tcase_add_test(tests, what_was_sent_long_ago_is_no_share_of_what_is_sent_now);
	tcase_add_test(tests, failures_of_the_client_or_of_the_proxy_are_no_evidence);
	tcase_add_test(tests, failures_among_answers_ask_for_no_tick_each);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
