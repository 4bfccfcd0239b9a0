/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/admission.h"

#include <check.h>
#include <math.h>

enum { START_US = 1000000 };

static struct admission admission;

static void
set(double limit, double most)
{
	atomic_store(&admission.empty_at_ns, 0);
	atomic_store(&admission.in_flight, 0);
	atomic_store(&admission.resent, 0);
	admission_set(&admission, limit, most, 0);
}

/* Enters and leaves as often as it is let, up to n times; returns how often. */
static unsigned
enter(enum admission_class class, unsigned n, uint64_t now_us)
{
	unsigned in = 0;

	for (unsigned i = 0; i < n; i++) {
		atomic_uint *counter = admission_enter(&admission, class, now_us);

		if (counter == NULL)
			continue;
		in++;
		admission_leave(counter);
	}
	return in;
}

START_TEST(a_burst_is_twenty_ms_worth_or_ten_requests)
{
	static const struct {
		double limit;
		unsigned burst;
	} t[] = { { 1, 10 }, { 0.1, 10 }, { 100, 10 }, { 500, 10 }, { 1000, 20 }, { 10000, 200 },
		{ 1e6, 20000 } };

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		set(t[i].limit, 0);
		ck_assert_msg(
		    enter(ADMIT_HIGH, 100000, START_US) == t[i].burst, "limit %g", t[i].limit);
	}
}
END_TEST

START_TEST(lower_classes_leave_a_reserve_for_higher_ones)
{
	set(1000, 0); /* a burst of 20 */
	ck_assert_uint_eq(enter(ADMIT_RETRY, 100, START_US), 10);
	ck_assert_uint_eq(enter(ADMIT_RETRY, 100, START_US), 0);
	ck_assert_uint_eq(enter(ADMIT_LOW, 100, START_US), 5);
	ck_assert_uint_eq(enter(ADMIT_NORMAL, 100, START_US), 3);
	ck_assert_uint_eq(enter(ADMIT_LOW, 100, START_US), 0);
	ck_assert_uint_eq(enter(ADMIT_HIGH, 100, START_US), 2);
	ck_assert_uint_eq(enter(ADMIT_HIGH, 100, START_US), 0);
	ck_assert_uint_eq(
	    enter(ADMIT_HIGH, 100, START_US + 1000), 1); /* 1 ms: one more, for the highest */
	ck_assert_uint_eq(enter(ADMIT_NORMAL, 100, START_US + 2000), 0);
}
END_TEST

START_TEST(of_more_than_the_limit_of_all_classes_the_higher_ones_are_served)
{
	unsigned in[4] = { 0 };

	set(1000, 0);
	for (uint64_t us = 0; us < 10000000; us += 1000) { /* twice the limit, 500 a second each */
		in[us % 2000 == 0 ? ADMIT_RETRY : ADMIT_LOW] +=
		    enter(us % 2000 == 0 ? ADMIT_RETRY : ADMIT_LOW, 1, START_US + us);
		in[us % 2000 == 0 ? ADMIT_NORMAL : ADMIT_HIGH] +=
		    enter(us % 2000 == 0 ? ADMIT_NORMAL : ADMIT_HIGH, 1, START_US + us);
	}
	ck_assert_uint_eq(in[ADMIT_HIGH], 5000);
	ck_assert_uint_gt(in[ADMIT_NORMAL], 4900);
	ck_assert_uint_lt(in[ADMIT_RETRY] + in[ADMIT_LOW], 100);
}
END_TEST

START_TEST(the_rate_is_kept_to_one_percent)
{
	static const double limits[] = { 1, 3, 100, 333, 1000, 7777, 100000, 999999 };

	for (unsigned i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		uint64_t span_us = limits[i] < 100 ? 1000000000 : 10000000;
		uint64_t step_us = limits[i] < 100 ? 10000 : 10;
		double due = limits[i] * (double)span_us / 1e6;
		unsigned in = 0;

		set(limits[i], 0);
		in = enter(ADMIT_HIGH, 1000000, START_US); /* what the burst gives is not rate */
		in = 0;
		for (uint64_t us = step_us; us <= span_us; us += step_us)
			in += enter(ADMIT_HIGH, 20, START_US + us);
		ck_assert_msg(fabs(in - due) <= due * 0.01 + 1, "%g a second: %u, due %g",
		    limits[i], in, due);
	}
}
END_TEST

START_TEST(no_limit_admits_all)
{
	set(0, 0);
	ck_assert_uint_eq(enter(ADMIT_RETRY, 100000, START_US), 100000);
	set(-5, -5);
	ck_assert_uint_eq(enter(ADMIT_RETRY, 100000, START_US), 100000);
	set(NAN, NAN);
	ck_assert_uint_eq(enter(ADMIT_RETRY, 100000, START_US), 100000);
}
END_TEST

START_TEST(tries_in_flight_are_capped_by_class)
{
	static const struct {
		double most;
		unsigned retry, low, normal, high;
	} t[] = { { 1, 1, 1, 1, 1 }, { 0.3, 1, 1, 1, 1 }, { 10, 8, 9, 10, 10 },
		{ 100, 75, 88, 95, 100 }, { 1e12, 2000, 2000, 2000, 2000 } };

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		const unsigned expected[] = { t[i].retry, t[i].low, t[i].normal, t[i].high };

		for (unsigned class = ADMIT_RETRY; class <= ADMIT_HIGH; class ++) {
			unsigned in = 0;

			set(0, t[i].most);
			while (in < 2000 &&
			    admission_enter(&admission, (enum admission_class) class, START_US))
				in++;
			ck_assert_msg(
			    in == expected[class], "most %g, class %u: %u", t[i].most, class, in);
			ck_assert_uint_eq(atomic_load(class == ADMIT_RETRY ? &admission.resent
									   : &admission.in_flight),
			    in);
		}
	}
	set(0, 2);
	ck_assert(admission_enter(&admission, ADMIT_HIGH, START_US));
	ck_assert(admission_enter(&admission, ADMIT_HIGH, START_US));
	ck_assert(!admission_enter(&admission, ADMIT_HIGH, START_US));
	admission_leave(&admission.in_flight);
	ck_assert(admission_enter(&admission, ADMIT_HIGH, START_US));
}
END_TEST

/* They come at one moment, from a region that was lost with them. */
START_TEST(retries_in_flight_leave_the_others_their_room)
{
	set(0, 40);
	for (unsigned i = 0; i < 30; i++)
		ck_assert(admission_enter(&admission, ADMIT_RETRY, START_US));
	ck_assert(!admission_enter(&admission, ADMIT_RETRY, START_US));
	ck_assert_int_eq(ticket_meets(&admission, NULL, ADMIT_RETRY, START_US), LIMIT_IN_FLIGHT);
	ck_assert_int_eq(ticket_meets(&admission, NULL, ADMIT_LOW, START_US), LIMIT_NONE);
	ck_assert_uint_eq(admission_filling(&admission, ADMIT_NORMAL).most, 0);
	ck_assert_uint_eq(admission_filling(&admission, ADMIT_RETRY).most, 40);
	for (unsigned i = 0; i < 38; i++)
		ck_assert(admission_enter(&admission, ADMIT_NORMAL, START_US));
	ck_assert(!admission_enter(&admission, ADMIT_NORMAL, START_US));
	ck_assert_uint_eq(admission_filling(&admission, ADMIT_NORMAL).most, 40);
	ck_assert_uint_eq(admission_filling(&admission, ADMIT_NORMAL).beside, 30);
	admission_set(&admission, 0, 40, 30 + 38);
	ck_assert_uint_eq(atomic_load(&admission.most_in_flight), 40);
}
END_TEST

START_TEST(retries_are_the_first_to_be_kept_out_of_what_fills)
{
	set(0, 40);
	for (unsigned i = 0; i < 30; i++)
		ck_assert(admission_enter(&admission, ADMIT_NORMAL, START_US));
	ck_assert(!admission_enter(&admission, ADMIT_RETRY, START_US));
	ck_assert(admission_enter(&admission, ADMIT_LOW, START_US));
	ck_assert_uint_eq(ticket_wait_us(&admission, NULL, ADMIT_RETRY, START_US), ADMISSION_NEVER);
}
END_TEST

START_TEST(who_is_refused_by_the_rate_is_not_in_flight)
{
	set(100, 50);
	enter(ADMIT_HIGH, 10, START_US);
	ck_assert(!admission_enter(&admission, ADMIT_HIGH, START_US));
	ck_assert_uint_eq(atomic_load(&admission.in_flight), 0);
}
END_TEST

START_TEST(tries_that_began_before_there_was_a_limit_take_up_room)
{
	set(0, 0);
	admission_set(&admission, 0, 10, 7);
	ck_assert_uint_eq(atomic_load(&admission.most_in_flight), 3);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(admission_enter(&admission, ADMIT_HIGH, START_US));
	ck_assert(!admission_enter(&admission, ADMIT_HIGH, START_US));
	/* five of the seven are over; what is let in meanwhile is not taken for one of them */
	admission_set(&admission, 0, 10, 5);
	ck_assert_uint_eq(atomic_load(&admission.most_in_flight), 8);
	admission_set(&admission, 0, 10, 9);
	ck_assert_uint_eq(atomic_load(&admission.most_in_flight), 8);
	admission_set(&admission, 0, 10, 3);
	ck_assert_uint_eq(atomic_load(&admission.most_in_flight), 10);
	/* more than there is room for: one at a time is let in all the same */
	set(0, 0);
	admission_set(&admission, 0, 10, 100);
	ck_assert_uint_eq(atomic_load(&admission.most_in_flight), 1);
}
END_TEST

START_TEST(a_cap_fills_from_its_half_on)
{
	set(1000, 0);
	ck_assert_uint_eq(admission_filling(&admission, ADMIT_NORMAL).most, 0);
	set(0, 10);
	for (unsigned i = 0; i < 10; i++) {
		ck_assert_uint_eq(admission_filling(&admission, ADMIT_NORMAL).most, i < 5 ? 0 : 10);
		ck_assert(admission_enter(&admission, ADMIT_HIGH, START_US));
	}
}
END_TEST

START_TEST(a_ticket_needs_room_in_both_caps_or_takes_none)
{
	struct admission common = { 0 };
	struct ticket first, second;

	set(100, 10);
	admission_set(&common, 100, 1, 0);
	ck_assert(ticket_take(&first, &admission, &common, ADMIT_HIGH, START_US));
	ck_assert_uint_eq(atomic_load(&common.in_flight), 1);
	for (unsigned i = 0; i < 100; i++)
		ck_assert(!ticket_take(&second, &admission, &common, ADMIT_HIGH, START_US));
	ck_assert_uint_eq(atomic_load(&admission.in_flight), 1);
	ticket_give_back(&second);
	ticket_give_back(&first);
	ticket_give_back(&first);
	ck_assert_uint_eq(atomic_load(&admission.in_flight), 0);
	ck_assert_uint_eq(atomic_load(&common.in_flight), 0);
	/* nor have the refused ones used up what the service itself may send */
	ck_assert_uint_eq(enter(ADMIT_HIGH, 100, START_US), 9);
}
END_TEST

START_TEST(a_ticket_is_not_counted_where_nothing_is_limited)
{
	struct admission common = { 0 };
	struct ticket t;

	set(0, 0);
	ck_assert(ticket_take(&t, &admission, NULL, ADMIT_LOW, START_US));
	ck_assert(ticket_take(&t, &admission, &common, ADMIT_LOW, START_US));
	ck_assert_uint_eq(atomic_load(&admission.in_flight), 0);
	ck_assert_uint_eq(atomic_load(&common.in_flight), 0);
	admission_set(&common, 1000, 0, 0);
	ck_assert(ticket_take(&t, &admission, &common, ADMIT_LOW, START_US));
	ck_assert_uint_eq(atomic_load(&common.in_flight), 1);
	admission_set(&common, 0, 0, 0);
	ticket_give_back(&t); /* it knows what it entered, whatever the limit is now */
	ck_assert_uint_eq(atomic_load(&common.in_flight), 0);
}
END_TEST

START_TEST(a_higher_limit_is_in_force_at_once_and_a_lower_one_too)
{
	set(1, 0);
	enter(ADMIT_HIGH, 10, START_US); /* empty for the next ten seconds */
	admission_set(&admission, 1000, 0, 0);
	enter(ADMIT_HIGH, 1, START_US);
	ck_assert_uint_gt(enter(ADMIT_HIGH, 100, START_US + 10000), 8);
	ck_assert_uint_lt(enter(ADMIT_HIGH, 100, START_US + 10000), 2);
	set(1000, 0);
	enter(ADMIT_HIGH, 100, START_US);
	admission_set(
	    &admission, 10, 0, 0); /* the burst is ten requests, of which 20 ms are missing */
	ck_assert_uint_lt(enter(ADMIT_HIGH, 100, START_US), 10);
}
END_TEST

/* Workers read the clock once a turn, so one may lag behind another by some ms. */
START_TEST(a_worker_whose_clock_lags_gives_nothing_back)
{
	unsigned in = 0;

	set(1000, 0);
	for (uint64_t us = 0; us < 1000000; us += 100) {
		in += enter(ADMIT_HIGH, 1, START_US + us);
		in += enter(ADMIT_HIGH, 1, START_US + us - 30000);
	}
	ck_assert_uint_le(in, 1000 + 20);
	ck_assert_uint_ge(in, 990);
}
END_TEST

/* ---- waiting ---- */

/* How long a request of this class waits for its token; ADMISSION_NEVER: it is shed. */
static uint32_t
wait_for(enum admission_class class, uint64_t now_us)
{
	struct ticket t;

	if (ticket_take(&t, &admission, NULL, class, now_us)) {
		ticket_give_back(&t);
		return 0;
	}
	return ticket_reserve(&admission, NULL, class, now_us);
}

static void
begin(double limit)
{
	set(limit, 0);
	atomic_store(&admission.patience_ns, 0);
}

START_TEST(a_burst_is_paced_and_what_would_wait_too_long_is_shed_at_once)
{
	static const struct {
		double limit;
		unsigned served; /* of a hundred normal requests that come at once */
	} t[] = { { 100, 20 }, { 400, 9 + 45 }, { 10, 9 + 1 }, { 1, 9 } };

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		uint32_t last = 0;
		unsigned served = 0;

		begin(t[i].limit);
		for (unsigned n = 0; n < 100; n++) {
			uint32_t us = wait_for(ADMIT_NORMAL, START_US);

			if (us == ADMISSION_NEVER)
				continue;
			ck_assert_uint_ge(us, last);
			ck_assert_uint_le(us, ADMISSION_WAIT_US);
			last = us;
			served++;
		}
		ck_assert_msg(served == t[i].served, "%g a second: %u", t[i].limit, served);
	}
}
END_TEST

/* As the description of a route's priority says. */
START_TEST(when_an_overload_begins_high_waits_some_100_ms_behind_those_that_came_before)
{
	begin(400);
	for (unsigned n = 0; n < 100; n++)
		wait_for(ADMIT_NORMAL, START_US);
	ck_assert_uint_ge(wait_for(ADMIT_HIGH, START_US), 100 * 1000);
	ck_assert_uint_le(wait_for(ADMIT_HIGH, START_US), ADMISSION_WAIT_US);
}
END_TEST

START_TEST(who_waits_is_told_beforehand_how_long)
{
	begin(100);
	for (unsigned n = 0; n < 100; n++) {
		uint32_t told = ticket_wait_us(&admission, NULL, ADMIT_NORMAL, START_US);
		uint32_t us = wait_for(ADMIT_NORMAL, START_US);

		ck_assert_msg(told == us || (us == 0 && told == 1), "%u, not %u", us, told);
	}
}
END_TEST

/* Tokens of the future, and what has waited for its own, are no more than the rate allows. */
START_TEST(in_no_second_more_than_the_limit_and_a_burst_go)
{
	static uint64_t went[200000];
	static const double loads[] = { 0.8, 1.1, 1.5, 4 };
	unsigned random = 1;

	for (unsigned i = 0; i < sizeof loads / sizeof loads[0]; i++) {
		unsigned count = 0, first = 0, most = 0;
		double at_us = START_US;

		begin(250);
		while (at_us < START_US + 20e6) {
			/* bursts of one to twenty, at once */
			unsigned n = 1 + (random >> 16) % 20;

			for (unsigned k = 0; k < n; k++) {
				uint32_t us = wait_for(ADMIT_HIGH, (uint64_t)at_us);

				if (us != ADMISSION_NEVER)
					went[count++] = (uint64_t)at_us + us;
			}
			random = random * 1103515245 + 12345;
			at_us += n * 1e6 / (250 * loads[i]);
		}
		for (unsigned k = 1; k < count; k++) /* one class: hardly out of order */
			for (unsigned m = k; m > 0 && went[m - 1] > went[m]; m--) {
				uint64_t later = went[m - 1];

				went[m - 1] = went[m];
				went[m] = later;
			}
		for (unsigned k = 0; k < count; k++) {
			while (went[k] - went[first] >= 1000000)
				first++;
			most = k - first + 1 > most ? k - first + 1 : most;
		}
		ck_assert_msg(most <= 262, "load %g: %u in a second", loads[i], most);
	}
}
END_TEST

START_TEST(under_a_lasting_overload_nobody_stands_in_a_queue)
{
	unsigned in = 0, waited_long = 0, come = 0;
	uint64_t waited_us = 0;

	begin(250);
	for (uint64_t us = 0; us < 20000000; us += 1333) { /* three times the limit */
		uint32_t wait = wait_for(ADMIT_NORMAL, START_US + us);

		come++;
		if (wait == ADMISSION_NEVER || us < 1000000)
			continue;
		in++;
		waited_us += wait;
		waited_long += wait > 20000;
	}
	ck_assert_msg(in >= 19 * 248, "%u of %u", in, come);
	ck_assert_msg(waited_us / in < 5000, "%u us in the mean", (unsigned)(waited_us / in));
	ck_assert_msg(waited_long < in / 50, "%u of %u", waited_long, in);
}
END_TEST

START_TEST(of_those_that_wait_too_the_higher_ones_are_served)
{
	unsigned in[4] = { 0 };

	begin(1000);
	for (uint64_t us = 0; us < 10000000; us += 1000) { /* twice the limit, 500 a second each */
		in[us % 2000 == 0 ? ADMIT_RETRY : ADMIT_LOW] +=
		    wait_for(us % 2000 == 0 ? ADMIT_RETRY : ADMIT_LOW, START_US + us) !=
		    ADMISSION_NEVER;
		in[us % 2000 == 0 ? ADMIT_NORMAL : ADMIT_HIGH] +=
		    wait_for(us % 2000 == 0 ? ADMIT_NORMAL : ADMIT_HIGH, START_US + us) !=
		    ADMISSION_NEVER;
	}
	ck_assert_uint_eq(in[ADMIT_HIGH], 5000);
	ck_assert_uint_gt(in[ADMIT_NORMAL], 4700);
	ck_assert_uint_lt(in[ADMIT_RETRY] + in[ADMIT_LOW], 300);
}
END_TEST

START_TEST(who_waits_is_in_flight_only_when_his_turn_has_come)
{
	struct admission common = { 0 };
	struct ticket t;

	set(100, 1);
	admission_set(&common, 50, 1, 0);
	enter(ADMIT_HIGH, 10, START_US);
	ck_assert(!ticket_take(&t, &admission, &common, ADMIT_HIGH, START_US));
	ck_assert_uint_eq(ticket_reserve(&admission, &common, ADMIT_HIGH, START_US), 10001);
	ck_assert_uint_eq(atomic_load(&admission.in_flight), 0);
	ck_assert(ticket_redeem(&t, &admission, &common, ADMIT_HIGH));
	ck_assert_uint_eq(atomic_load(&admission.in_flight), 1);
	ck_assert_uint_eq(atomic_load(&common.in_flight), 1);
	/* with that one in flight there is no use in waiting, and no place for whoever has */
	ck_assert_uint_eq(
	    ticket_wait_us(&admission, &common, ADMIT_HIGH, START_US), ADMISSION_NEVER);
	ticket_give_back(&t);
	ck_assert_uint_eq(ticket_reserve(&admission, &common, ADMIT_HIGH, START_US), 20001);
	admission_enter(&common, ADMIT_HIGH, START_US);
	ck_assert(!ticket_redeem(&t, &admission, &common, ADMIT_HIGH));
	ck_assert_uint_eq(atomic_load(&admission.in_flight), 0);
	ticket_give_back(&t);
	ck_assert_uint_eq(atomic_load(&common.in_flight), 1);
}
END_TEST

START_TEST(who_cannot_wait_for_the_region_takes_nothing_of_the_service)
{
	struct admission common = { 0 };

	begin(100);
	admission_set(&common, 5, 0, 0); /* the next one in 200 ms */
	for (unsigned i = 0; i < 10; i++)
		ck_assert(admission_enter(&common, ADMIT_HIGH, START_US));
	for (unsigned i = 0; i < 100; i++)
		ck_assert_uint_eq(
		    ticket_reserve(&admission, &common, ADMIT_HIGH, START_US), ADMISSION_NEVER);
	ck_assert_uint_eq(enter(ADMIT_HIGH, 100, START_US), 10);
	/* nor of its patience, where it has no token either */
	for (unsigned i = 0; i < 100; i++)
		ck_assert_uint_eq(
		    ticket_reserve(&admission, &common, ADMIT_HIGH, START_US), ADMISSION_NEVER);
	ck_assert_uint_eq(ticket_reserve(&admission, NULL, ADMIT_HIGH, START_US), 10001);
}
END_TEST

START_TEST(what_turned_somebody_away_is_told)
{
	struct admission common = { 0 };

	set(100, 10);
	ck_assert_int_eq(ticket_meets(&admission, NULL, ADMIT_HIGH, START_US), LIMIT_NONE);
	for (unsigned i = 0; i < 10; i++)
		ck_assert(admission_enter(&admission, ADMIT_HIGH, START_US));
	ck_assert_int_eq(ticket_meets(&admission, NULL, ADMIT_HIGH, START_US), LIMIT_RATE);
	ck_assert_int_eq(
	    ticket_meets(&admission, NULL, ADMIT_HIGH, START_US + 100000), LIMIT_IN_FLIGHT);
	set(0, 0);
	admission_set(&common, 1, 0, 0);
	for (unsigned i = 0; i < 10; i++)
		ck_assert(admission_enter(&common, ADMIT_HIGH, START_US));
	ck_assert_int_eq(ticket_meets(&admission, &common, ADMIT_HIGH, START_US), LIMIT_RATE);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/admission");
	TCase *tests = tcase_create("admission");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, a_burst_is_twenty_ms_worth_or_ten_requests);
	tcase_add_test(tests, lower_classes_leave_a_reserve_for_higher_ones);
	tcase_add_test(tests, of_more_than_the_limit_of_all_classes_the_higher_ones_are_served);
	tcase_add_test(tests, the_rate_is_kept_to_one_percent);
	tcase_add_test(tests, no_limit_admits_all);
	tcase_add_test(tests, tries_in_flight_are_capped_by_class);
	tcase_add_test(tests, retries_in_flight_leave_the_others_their_room);
	tcase_add_test(tests, retries_are_the_first_to_be_kept_out_of_what_fills);
	tcase_add_test(tests, who_is_refused_by_the_rate_is_not_in_flight);
	tcase_add_test(tests, tries_that_began_before_there_was_a_limit_take_up_room);
	tcase_add_test(tests, a_cap_fills_from_its_half_on);
	tcase_add_test(tests, a_ticket_needs_room_in_both_caps_or_takes_none);
	tcase_add_test(tests, a_ticket_is_not_counted_where_nothing_is_limited);
	tcase_add_test(tests, a_higher_limit_is_in_force_at_once_and_a_lower_one_too);
	tcase_add_test(tests, a_worker_whose_clock_lags_gives_nothing_back);
	tcase_add_test(tests, a_burst_is_paced_and_what_would_wait_too_long_is_shed_at_once);
	tcase_add_test(
	    tests, when_an_overload_begins_high_waits_some_100_ms_behind_those_that_came_before);
	tcase_add_test(tests, who_waits_is_told_beforehand_how_long);
	tcase_add_test(tests, in_no_second_more_than_the_limit_and_a_burst_go);
	tcase_add_test(tests, under_a_lasting_overload_nobody_stands_in_a_queue);
	tcase_add_test(tests, of_those_that_wait_too_the_higher_ones_are_served);
	tcase_add_test(tests, who_waits_is_in_flight_only_when_his_turn_has_come);
	tcase_add_test(tests, who_cannot_wait_for_the_region_takes_nothing_of_the_service);
	tcase_add_test(tests, what_turned_somebody_away_is_told);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
