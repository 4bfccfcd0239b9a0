/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/evidence.h"

#include <check.h>
#include <string.h>

#include "steer/rng.h"

static const struct evidence one = { .tries = 1, .answered = 1 };

START_TEST(a_count_leaves_the_second_after_ten_slots_and_the_ten_seconds_after_hundred)
{
	static const struct {
		uint64_t at_ms;
		uint32_t last_1s, last_10s;
	} t[] = {
		{ 5000, 1, 1 },
		{ 5099, 1, 1 },
		{ 5999, 1, 1 },
		{ 6000, 0, 1 },
		{ 14999, 0, 1 },
		{ 15000, 0, 0 },
		{ UINT64_MAX, 0, 0 },
	};
	struct evidence_window w = { 0 };

	evidence_window_add(&w, &one, 5000);
	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		evidence_window_pass(&w, t[i].at_ms);
		ck_assert_msg(w.last_1s.tries == t[i].last_1s && w.last_10s.tries == t[i].last_10s,
		    "at %lu ms: %u and %u", (unsigned long)t[i].at_ms, w.last_1s.tries,
		    w.last_10s.tries);
	}
}
END_TEST

START_TEST(a_time_behind_the_newest_slot_counts_as_new)
{
	struct evidence_window w = { 0 };

	evidence_window_add(&w, &one, 100000);
	evidence_window_add(&w, &one, 40000);
	evidence_window_pass(&w, 0);
	ck_assert_uint_eq(w.last_1s.tries, 2);
	evidence_window_pass(&w, 101000);
	ck_assert_uint_eq(w.last_1s.tries, 0);
	ck_assert_uint_eq(w.last_10s.tries, 2);
}
END_TEST

START_TEST(every_kind_of_count_is_kept_and_leaves)
{
	const struct evidence all = { 1, 2, 3, 4, 5, 6, 7, 0 };
	const struct evidence none = { 0 };
	struct evidence_window w = { 0 };

	evidence_window_add(&w, &all, 0);
	evidence_window_add(&w, &all, 50);
	ck_assert_uint_eq(w.last_10s.tries, 2);
	ck_assert_uint_eq(w.last_10s.answered, 4);
	ck_assert_uint_eq(w.last_10s.not_sent, 6);
	ck_assert_uint_eq(w.last_10s.broken, 8);
	ck_assert_uint_eq(w.last_10s.timeouts, 10);
	ck_assert_uint_eq(w.last_10s.aged, 12);
	ck_assert_uint_eq(w.last_10s.errors, 14);
	ck_assert_uint_eq(evidence_local(&w.last_10s), 14);
	ck_assert_int_eq(memcmp(&w.last_1s, &w.last_10s, sizeof none), 0);
	evidence_window_pass(&w, 10000);
	ck_assert_int_eq(memcmp(&w.last_1s, &none, sizeof none), 0);
	ck_assert_int_eq(memcmp(&w.last_10s, &none, sizeof none), 0);
}
END_TEST

START_TEST(a_row_grows_by_a_moment_and_by_a_second_where_only_old_tries_are_lost)
{
	static const struct evidence none = { .tries = 1, .answered = 1 };
	static const struct evidence new = { .broken = 7, .aged = 6 };
	static const struct evidence old = { .broken = 7, .aged = 7 };
	static const struct evidence refused = { .not_sent = 1, .broken = 1, .aged = 1 };
	uint64_t at_ms = 0;

	ck_assert(!evidence_row_grows(&none, true, &at_ms, 5));
	ck_assert(evidence_row_grows(&old, true, &at_ms, 5)); /* it begins */
	ck_assert(!evidence_row_grows(&new, false, &at_ms, 24));
	ck_assert(evidence_row_grows(&new, false, &at_ms, 25));
	ck_assert(!evidence_row_grows(&old, false, &at_ms, 1024));
	ck_assert(evidence_row_grows(&old, false, &at_ms, 1025));
	ck_assert(evidence_row_grows(&refused, false, &at_ms, 1045));
}
END_TEST

START_TEST(what_came_since_then_leaves_out_slots_that_may_hold_more)
{
	struct evidence_window w = { 0 };

	for (uint64_t ms = 5000; ms < 8000; ms += 100)
		evidence_window_add(&w, &one, ms);
	ck_assert_uint_eq(evidence_window_since(&w, 7499).tries, 4); /* 7600 .. 7900 */
	ck_assert_uint_eq(evidence_window_since(&w, 7500).tries, 3);
	ck_assert_uint_eq(evidence_window_since(&w, 7799).tries, 1);
	ck_assert_uint_eq(evidence_window_since(&w, 7800).tries, 0);
	ck_assert_uint_eq(evidence_window_since(&w, 9000).tries, 0);
	ck_assert_uint_eq(evidence_window_since(&w, 1000).tries, 10); /* a second at most */
}
END_TEST

START_TEST(slots_of_the_last_second_with_errors_are_counted_each_once)
{
	const struct evidence bad = { .tries = 9, .errors = 9 };
	struct evidence_window w = { 0 };

	evidence_window_add(&w, &bad, 5000);
	evidence_window_add(&w, &bad, 5099);
	ck_assert_uint_eq(evidence_window_erring(&w, false), 1);
	evidence_window_add(&w, &one, 5150);
	ck_assert_uint_eq(evidence_window_erring(&w, false), 1);
	evidence_window_add(&w, &bad, 5250);
	evidence_window_add(&w, &bad, 5999);
	ck_assert_uint_eq(evidence_window_erring(&w, false), 3);
	evidence_window_pass(&w, 6000);
	ck_assert_uint_eq(evidence_window_erring(&w, false), 2);
	evidence_window_pass(&w, 6999);
	ck_assert_uint_eq(evidence_window_erring(&w, false), 0);
}
END_TEST

START_TEST(errors_of_old_tries_only_make_no_slot_a_fresh_one)
{
	const struct evidence old = { .tries = 9, .errors = 9, .cut = 9 };
	const struct evidence both = { .tries = 9, .errors = 9, .cut = 8 };
	struct evidence_window w = { 0 };

	evidence_window_add(&w, &old, 5000);
	evidence_window_add(&w, &both, 5100);
	ck_assert_uint_eq(evidence_window_erring(&w, false), 2);
	ck_assert_uint_eq(evidence_window_erring(&w, true), 1);
	ck_assert_uint_eq(evidence_fresh_errors(&w.last_1s), 1);
	evidence_window_pass(&w, 6100);
	ck_assert_uint_eq(w.last_1s.cut, 0);
}
END_TEST

START_TEST(slots_of_the_last_second_in_which_most_failed_are_counted)
{
	const struct evidence most = { .tries = 4, .answered = 2, .not_sent = 1, .broken = 1 };
	const struct evidence few = { .tries = 5, .answered = 3, .not_sent = 1, .broken = 1 };
	const struct evidence old = { .tries = 4, .broken = 4, .aged = 3 };
	const struct evidence ends = { .broken = 1 };
	struct evidence_window w = { 0 };

	evidence_window_add(&w, &few, 5000);
	evidence_window_add(&w, &old, 5100);
	ck_assert_uint_eq(evidence_window_failing(&w), 0);
	evidence_window_add(&w, &most, 5200);
	evidence_window_add(&w, &ends, 5399);
	evidence_window_add(&w, &one, 5400);
	ck_assert_uint_eq(evidence_window_failing(&w), 2);
	evidence_window_pass(&w, 6200);
	ck_assert_uint_eq(evidence_window_failing(&w), 1);
	evidence_window_pass(&w, 7000);
	ck_assert_uint_eq(evidence_window_failing(&w), 0);
}
END_TEST

START_TEST(a_row_grows_by_one_in_each_moment_that_has_local_failures)
{
	static const struct {
		struct evidence e;
		uint64_t at_ms;
		bool begins, grows;
	} t[] = {
		{ { .answered = 5, .errors = 5 }, 1000, true, false },
		{ { .not_sent = 1 }, 1000, true, true },
		{ { .broken = 40 }, 1019, false, false },
		{ { .not_sent = 1 }, 1019, true, true }, /* it was ended in between */
		{ { .not_sent = 1 }, 1038, false, false },
		{ { .broken = 40 }, 1039, false, true },
		{ { .errors = 1 }, 1080, false, false },
		{ { .not_sent = 1 }, 1080, false, true },
	};
	uint64_t failed_at_ms = 0;

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++)
		ck_assert_msg(evidence_row_grows(&t[i].e, t[i].begins, &failed_at_ms, t[i].at_ms) ==
			t[i].grows,
		    "case %u", i);
}
END_TEST

START_TEST(a_row_needs_a_tenth_of_a_seconds_answers_within_bounds)
{
	static const struct {
		uint32_t recent, before; /* answers in the last second, and in the nine before */
		uint32_t least, needs;
	} t[] = {
		{ 0, 0, 3, 3 },
		{ 39, 0, 3, 3 },
		{ 40, 0, 3, 4 }, /* it has served for a second only */
		{ 79, 0, 3, 7 },
		{ 1000, 0, 3, EVIDENCE_ROW },
		{ 0, 499, 3, 4 }, /* it was busy until a moment ago */
		{ 20, 480, 3, 5 },
		{ 60, 440, 3, 6 },
		{ 0, 100000, 3, EVIDENCE_ROW },
		{ 1000, 9000, 20, 20 },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct evidence before = { .answered = t[i].before };
		struct evidence recent = { .answered = t[i].recent };
		struct evidence_window w = { 0 };
		uint32_t needs;

		evidence_window_add(&w, &before, 5000);
		evidence_window_add(&w, &recent, 6500);
		needs = evidence_row_needs(t[i].least, &w);
		ck_assert_msg(needs == t[i].needs, "case %u: %u", i, needs);
	}
}
END_TEST

enum { EVENTS = 3000 };

/* Against a list of all that ever came. */
START_TEST(sums_are_those_of_what_came_in_the_span_whatever_the_pauses)
{
	static uint64_t slots[EVENTS];
	static uint32_t counts[EVENTS];
	struct rng rng;

	for (unsigned seed = 0; seed < 20; seed++) {
		struct evidence_window w = { 0 };
		uint64_t now_ms = seed * 977;

		rng_seed(&rng, seed);
		for (unsigned i = 0; i < EVENTS; i++) {
			struct evidence e = { .tries = rng_below(&rng, 3) };
			uint32_t sum_1s = 0, sum_10s = 0;

			now_ms += rng_below(&rng, rng_below(&rng, 50) == 0 ? 25000 : 300);
			slots[i] = now_ms / EVIDENCE_SLOT_MS;
			counts[i] = e.tries;
			evidence_window_add(&w, &e, now_ms);
			for (unsigned k = i + 1; k-- > 0 && slots[i] - slots[k] < EVIDENCE_SLOTS;) {
				sum_10s += counts[k];
				sum_1s += slots[i] - slots[k] < 10 ? counts[k] : 0;
			}
			ck_assert_uint_eq(w.last_1s.tries, sum_1s);
			ck_assert_uint_eq(w.last_10s.tries, sum_10s);
		}
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/evidence");
	TCase *tests = tcase_create("evidence");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(
	    tests, a_count_leaves_the_second_after_ten_slots_and_the_ten_seconds_after_hundred);
	tcase_add_test(tests, a_time_behind_the_newest_slot_counts_as_new);
	tcase_add_test(tests, every_kind_of_count_is_kept_and_leaves);
	tcase_add_test(
	    tests, a_row_grows_by_a_moment_and_by_a_second_where_only_old_tries_are_lost);
	tcase_add_test(tests, what_came_since_then_leaves_out_slots_that_may_hold_more);
	tcase_add_test(tests, slots_of_the_last_second_with_errors_are_counted_each_once);
	tcase_add_test(tests, errors_of_old_tries_only_make_no_slot_a_fresh_one);
	tcase_add_test(tests, slots_of_the_last_second_in_which_most_failed_are_counted);
	tcase_add_test(tests, a_row_grows_by_one_in_each_moment_that_has_local_failures);
	tcase_add_test(tests, a_row_needs_a_tenth_of_a_seconds_answers_within_bounds);
	tcase_add_test(tests, sums_are_those_of_what_came_in_the_span_whatever_the_pauses);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
