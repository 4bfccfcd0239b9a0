/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/stall.h"

#include <check.h>
#include <string.h>

enum { TICK_MS = 100 };

/* A region that is told of tick by tick, as the control thread does. */
static struct stall stall;
static struct evidence_window window;
static uint64_t now_ms;
static uint32_t in_flight;
static unsigned stalled, most_stalled;

static void
fresh(void)
{
	memset(&stall, 0, sizeof stall);
	memset(&window, 0, sizeof window);
	now_ms = 1000;
	in_flight = 0;
	stalled = most_stalled = 0;
}

static void
tick_after(uint32_t ms, uint32_t begun, uint32_t done)
{
	const struct evidence e = { .tries = begun, .answered = done };

	now_ms += ms;
	in_flight = in_flight + begun > done ? in_flight + begun - done : 0;
	evidence_window_add(&window, &e, now_ms);
	stalled = stall_step(&stall, &window, done, in_flight, now_ms);
	if (stalled > most_stalled)
		most_stalled = stalled;
}

static void
tick(uint32_t begun, uint32_t done)
{
	tick_after(TICK_MS, begun, done);
}

static void
run(uint32_t begun, uint32_t done, unsigned ticks)
{
	while (ticks-- > 0)
		tick(begun, done);
}

/* Ticks until so many stalled windows; 0: not within 50. */
static unsigned
ticks_until(unsigned windows, uint32_t begun, uint32_t done)
{
	for (unsigned n = 1; n <= 50; n++) {
		tick(begun, done);
		if (stalled >= windows)
			return n;
	}
	return 0;
}

START_TEST(a_region_that_answers_nothing_any_more_is_seen_within_two_windows)
{
	static const struct {
		uint32_t per_tick;
		unsigned suspect_ticks, down_ticks; /* at most */
	} t[] = {
		{ 3, 14, 22 }, /* 30 a second: windows of 700 ms */
		{ 4, 10, 16 },
		{ 10, 3, 6 }, /* 100 a second: windows of 200 ms */
		{ 50, 2, 4 },
		{ 1000, 2, 4 },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		for (unsigned phase = 0; phase < 10; phase++) {
			unsigned first, second;

			fresh();
			run(t[i].per_tick, t[i].per_tick, 100 + phase);
			ck_assert_uint_eq(most_stalled, 0);
			first = ticks_until(1, t[i].per_tick, 0);
			second = first + ticks_until(2, t[i].per_tick, 0);
			ck_assert_msg(first > 0 && first <= t[i].suspect_ticks && second > first &&
				second <= t[i].down_ticks,
			    "%u a tick: after %u and %u ticks", t[i].per_tick, first, second);
		}
	}
}
END_TEST

/* The control thread waits for a processor now and then; traffic does not. */
START_TEST(a_late_tick_is_no_silence)
{
	for (unsigned phase = 0; phase < TICK_MS; phase += 5) {
		fresh();
		now_ms += phase;
		run(50, 50, 97);
		tick_after(220, 110, 110);
		tick_after(80, 40, 40);
		tick(50, 50);
		ck_assert_uint_eq(most_stalled, 0);
		ck_assert_uint_le(ticks_until(1, 50, 0), 3);
		ck_assert_uint_le(ticks_until(2, 50, 0), 2);
	}
}
END_TEST

/* One request a second, to learn from; then all of them. */
START_TEST(a_standby_that_had_a_trickle_is_seen_to_hang_as_soon_as_any)
{
	fresh();
	for (unsigned i = 0; i < 300; i++)
		tick(i % 10 == 0, i % 10 == 0);
	run(200, 200, 20);
	ck_assert_uint_eq(most_stalled, 0);
	ck_assert_uint_le(ticks_until(1, 200, 0), 2);
	ck_assert_uint_le(ticks_until(2, 200, 0), 2);
}
END_TEST

START_TEST(a_silence_is_forgotten_with_the_traffic_before_it)
{
	fresh();
	run(50, 50, 100);
	run(0, 0, 50);
	run(50, 50, 60);
	ck_assert_uint_le(ticks_until(1, 50, 0), 2);
}
END_TEST

START_TEST(batches_are_known_after_a_hold_too)
{
	fresh();
	for (unsigned batch = 0; batch < 30; batch++) {
		tick(100, 0);
		run(0, 0, 4);
		tick(0, 100);
		run(0, 0, 4);
		if (batch == 2)
			most_stalled = 0;
		if (batch == 10)
			stall_let_pass(&stall);
	}
	ck_assert_uint_eq(most_stalled, 0);
}
END_TEST

START_TEST(nor_does_a_tick_that_is_a_little_early_cost_another_one)
{
	fresh();
	run(50, 50, 98);
	tick_after(101, 51, 51); /* the last answers */
	tick_after(99, 49, 0);
	tick(50, 0);
	ck_assert_uint_eq(stalled, 1);
	tick_after(101, 51, 0);
	tick_after(98, 49, 0);
	ck_assert_uint_eq(stalled, 2);
}
END_TEST

START_TEST(a_trickle_of_answers_is_a_stall_up_to_five_percent)
{
	fresh();
	run(100, 100, 100);
	run(100, 5, 20);
	ck_assert_uint_ge(most_stalled, 2);
	fresh();
	run(100, 100, 100);
	run(100, 7, 20);
	ck_assert_uint_eq(most_stalled, 0);
}
END_TEST

START_TEST(too_little_traffic_tells_nothing)
{
	fresh();
	for (unsigned i = 0; i < 100; i++)
		tick(i % 2, i % 2); /* 5 a second */
	run(1, 0, 50);
	ck_assert_uint_eq(most_stalled, 0);
}
END_TEST

START_TEST(the_end_of_demand_is_not_a_stall)
{
	fresh();
	in_flight = 30; /* long ones that remain */
	run(50, 50, 100);
	run(0, 0, 100);
	ck_assert_uint_eq(most_stalled, 0);
}
END_TEST

START_TEST(a_region_that_traffic_has_left_but_for_a_long_request_is_not_stalled)
{
	fresh();
	run(50, 50, 100);
	run(0, 0, 10);
	for (unsigned i = 0; i < 50; i++)
		tick(i % 5 == 0, 0);
	ck_assert_uint_eq(most_stalled, 0);
}
END_TEST

START_TEST(batches_that_are_answered_late_are_not_stalls)
{
	fresh();
	for (unsigned batch = 0; batch < 30;
	     batch++) { /* each second 100, all answered 500 ms later */
		tick(100, 0);
		run(0, 0, 4);
		tick(0, 100);
		run(0, 0, 4);
		if (batch == 2)
			most_stalled = 0; /* by then it is known to be so */
	}
	ck_assert_uint_eq(most_stalled, 0);
}
END_TEST

START_TEST(failures_are_completions_too)
{
	const struct evidence refused = { .tries = 50, .not_sent = 50 };

	fresh();
	run(50, 50, 100);
	for (unsigned i = 0; i < 20; i++) {
		now_ms += TICK_MS;
		evidence_window_add(&window, &refused, now_ms);
		ck_assert_uint_eq(stall_step(&stall, &window, 50, 4 + i, now_ms), 0);
	}
}
END_TEST

START_TEST(a_cap_on_tries_in_flight_does_not_hide_a_stall)
{
	fresh();
	run(50, 50, 100);
	in_flight = 2;
	tick(8, 0); /* then no more are let in */
	run(0, 0, 8);
	ck_assert_uint_ge(most_stalled, 2);
}
END_TEST

/* One of two endpoints hangs: its tries fill the cap while the other still answers. */
START_TEST(nor_does_a_cap_that_was_full_before_answers_ceased)
{
	fresh();
	run(10, 10, 100);
	in_flight = 3;
	run(10, 10, 3);
	run(10, 5, 3); /* until 18 hang */
	run(0, 0, 8);
	ck_assert_uint_ge(most_stalled, 2);
}
END_TEST

START_TEST(answers_end_a_stall_at_once)
{
	fresh();
	run(50, 50, 100);
	ck_assert_uint_gt(ticks_until(1, 50, 0), 0);
	run(50, 50, 2);
	ck_assert_uint_eq(stalled, 0);
	run(50, 50, 20);
	ck_assert_uint_eq(stalled, 0);
}
END_TEST

START_TEST(a_lasting_stall_is_counted_on_though_the_expected_rate_falls)
{
	fresh();
	run(3, 3, 100);
	run(3, 0, 60);
	ck_assert_uint_ge(most_stalled, 4);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/stall");
	TCase *tests = tcase_create("stall");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, a_region_that_answers_nothing_any_more_is_seen_within_two_windows);
	tcase_add_test(tests, a_late_tick_is_no_silence);
	tcase_add_test(tests, a_standby_that_had_a_trickle_is_seen_to_hang_as_soon_as_any);
	tcase_add_test(tests, a_silence_is_forgotten_with_the_traffic_before_it);
	tcase_add_test(tests, batches_are_known_after_a_hold_too);
	tcase_add_test(tests, nor_does_a_tick_that_is_a_little_early_cost_another_one);
	tcase_add_test(tests, a_trickle_of_answers_is_a_stall_up_to_five_percent);
	tcase_add_test(tests, too_little_traffic_tells_nothing);
	tcase_add_test(tests, the_end_of_demand_is_not_a_stall);
	tcase_add_test(tests, a_region_that_traffic_has_left_but_for_a_long_request_is_not_stalled);
	tcase_add_test(tests, batches_that_are_answered_late_are_not_stalls);
	tcase_add_test(tests, failures_are_completions_too);
	tcase_add_test(tests, a_cap_on_tries_in_flight_does_not_hide_a_stall);
	tcase_add_test(tests, nor_does_a_cap_that_was_full_before_answers_ceased);
	tcase_add_test(tests, answers_end_a_stall_at_once);
	tcase_add_test(tests, a_lasting_stall_is_counted_on_though_the_expected_rate_falls);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
