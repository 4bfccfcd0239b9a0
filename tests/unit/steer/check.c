/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/check.h"

#include <check.h>

#include "conf/topology.h"

static const struct conf_health_check three_two = {
	.interval_ms = 1000, .fast_interval_ms = 200, .fall = 3, .rise = 2, .jitter_pct = 10
};

static const char letters[] = {
	[ENDPOINT_UNKNOWN] = '?', [ENDPOINT_UP] = 'U', [ENDPOINT_DOWN] = 'D'
};

/* Results (p, f) one second apart; after each the state (?, U, D) and whether fast (!) or not (.).
 */
static void
play(const struct conf_health_check *c, const char *results, const char *states, const char *speed)
{
	struct check_track t = { 0 };

	for (unsigned i = 0; results[i] != '\0'; i++) {
		struct check_result r = { .passed = results[i] == 'p',
			.reason = REASON_CHECK_REFUSED };
		enum endpoint_state was = t.state;
		bool changed;

		if (r.passed)
			r.reason = REASON_CHECK_PASSED;
		changed = check_step(&t, &r, c, i * 1000);
		ck_assert_msg(letters[t.state] == states[i], "%s, result %u: state %c, expected %c",
		    results, i, letters[t.state], states[i]);
		ck_assert_msg(changed == (t.state != was), "%s, result %u: changed is %d", results,
		    i, changed);
		if (changed)
			ck_assert_uint_eq(t.since_ms, i * 1000);
		ck_assert_msg(check_in_transition(&t) == (speed[i] == '!'),
		    "%s, result %u: in transition is %d", results, i, check_in_transition(&t));
	}
}

START_TEST(fall_and_rise_are_counted_exactly)
{
	static const struct {
		const char *results, *states, *speed;
	} t[] = {
		{ "p", "U", "." },       /* the first pass is enough */
		{ "fff", "??D", "!!." }, /* what never was up has not fallen by chance */
		/* three may be chance, ten are not */
		{ "pffffffffff", "UUUDDDDDDDD", ".!!!!!!!!!." },
		{ "ffp", "??U", "!!." },
		{ "pff", "UUU", ".!!" },
		{ "pfff", "UUUD", ".!!!" },
		{ "pffpff", "UUUUUU", ".!!.!!" }, /* a pass starts the count over */
		{ "pfffp", "UUUDD", ".!!!!" },
		{ "pfffpp", "UUUDDU", ".!!!!." },
		{ "pfffpfpfpf", "UUUDDDDDDD", ".!!!!!!!!!" }, /* flapping never rises */
		{ "fffpffpp", "??DDDDDU", "!!.!..!." },
		{ "pfpfpfpf", "UUUUUUUU", ".!.!.!.!" }, /* nor falls */
		{ "fffppfff", "??DDUUUD", "!!.!.!!!" },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++)
		play(&three_two, t[i].results, t[i].states, t[i].speed);
}
END_TEST

START_TEST(one_and_one_follows_each_result)
{
	struct conf_health_check c = three_two;

	c.fall = c.rise = 1;
	play(&c, "fpfpp", "DUDUU", "..!..");
	play(&c, "pf", "UD", ".!");
}
END_TEST

START_TEST(a_large_fall_is_reached_and_not_before)
{
	struct conf_health_check c = three_two;
	struct check_track t = { .state = ENDPOINT_UP };
	struct check_result failed = { .reason = REASON_CHECK_RESET };

	c.fall = 1000;
	for (unsigned i = 1; i < 1000; i++)
		ck_assert(!check_step(&t, &failed, &c, i));
	ck_assert(check_step(&t, &failed, &c, 1000));
	ck_assert_int_eq(t.state, ENDPOINT_DOWN);
	ck_assert_uint_eq(t.detail, 1000);
}
END_TEST

START_TEST(a_streak_does_not_wrap_around)
{
	struct check_track t = { .state = ENDPOINT_DOWN, .streak = UINT32_MAX };
	struct check_result failed = { .reason = REASON_CHECK_RESET };

	check_step(&t, &failed, &three_two, 1);
	ck_assert_uint_eq(t.streak, UINT32_MAX);
	ck_assert_int_eq(t.state, ENDPOINT_DOWN);
}
END_TEST

START_TEST(the_reason_is_the_evidence_for_the_state)
{
	static const struct check_result pass = { .passed = true, .reason = REASON_CHECK_PASSED };
	static const struct check_result refused = { .reason = REASON_CHECK_REFUSED };
	static const struct check_result status = { .reason = REASON_CHECK_STATUS, .detail = 503 };
	static const struct check_result grpc = { .reason = REASON_CHECK_GRPC, .detail = 12 };
	static const struct {
		const struct check_result *result;
		enum endpoint_state state;
		enum endpoint_reason reason;
		uint32_t detail;
	} steps[] = {
		{ &refused, ENDPOINT_UNKNOWN, REASON_CHECK_REFUSED, 1 },
		{ &pass, ENDPOINT_UP, REASON_CHECK_PASSED, 1 },
		{ &pass, ENDPOINT_UP, REASON_CHECK_PASSED, 2 },
		{ &refused, ENDPOINT_UP, REASON_CHECK_PASSED, 2 }, /* not evidence for up */
		{ &status, ENDPOINT_UP, REASON_CHECK_PASSED, 2 },
		{ &refused, ENDPOINT_DOWN, REASON_CHECK_REFUSED, 3 },
		{ &status, ENDPOINT_DOWN, REASON_CHECK_STATUS, 503 },
		{ &pass, ENDPOINT_DOWN, REASON_CHECK_STATUS, 503 },
		{ &grpc, ENDPOINT_DOWN, REASON_CHECK_GRPC, 12 },
		{ &pass, ENDPOINT_DOWN, REASON_CHECK_GRPC, 12 },
		{ &pass, ENDPOINT_UP, REASON_CHECK_PASSED, 2 },
	};
	struct check_track t = { 0 };

	for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		check_step(&t, steps[i].result, &three_two, i);
		ck_assert_msg(t.state == steps[i].state && t.reason == steps[i].reason &&
			t.detail == steps[i].detail,
		    "step %u: state %d, reason %d, detail %u", i, t.state, t.reason, t.detail);
	}
}
END_TEST

/* Results: p, f (refused), r (reset), t (timeout), n (no way), s (503), b (body), T (TLS). */
START_TEST(a_fall_is_certain_by_an_answer_that_says_no_or_by_ten_failures)
{
	static const struct {
		const char *results;
		bool certain;
	} t[] = {
		{ "pfff", false }, { "fff", true }, { "prtn", false }, { "psss", true },
		{ "pfsf", true }, { "pbff", true }, { "pTTT", true },
		{ "psfpfff", false },                       /* that was before the last pass */
		{ "pfffs", true }, { "pfffffffff", false }, /* nine */
		{ "pffffffffff", true }, { "pfffpffffffff", false },
		{ "pffffffffffp", true },                     /* it stays so until it is up */
		{ "pffffffffffpp", false }, { "pss", false }, /* not down */
	};
	static const enum endpoint_reason reasons[] = { ['f'] = REASON_CHECK_REFUSED,
		['r'] = REASON_CHECK_RESET,
		['t'] = REASON_CHECK_TIMEOUT,
		['n'] = REASON_CHECK_UNREACHABLE,
		['s'] = REASON_CHECK_STATUS,
		['b'] = REASON_CHECK_BODY,
		['T'] = REASON_CHECK_TLS };

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct check_track track = { 0 };

		for (const char *c = t[i].results; *c != '\0'; c++) {
			struct check_result r = { .passed = *c == 'p',
				.reason = *c == 'p' ? REASON_CHECK_PASSED : reasons[(int)*c] };

			check_step(&track, &r, &three_two, (uint64_t)(c - t[i].results) * 100);
		}
		ck_assert_msg(track.certain == t[i].certain, "%s", t[i].results);
	}
}
END_TEST

START_TEST(a_row_of_failures_knows_when_it_began)
{
	static const char results[] = "pffpfffpff"; /* what follows the fall makes it no younger */
	struct check_track t = { 0 };

	for (unsigned i = 0; i + 1 < sizeof results; i++)
		check_step(&t,
		    &(struct check_result){
			.passed = results[i] == 'p', .reason = REASON_CHECK_REFUSED },
		    &three_two, i * 1000);
	ck_assert_int_eq(t.state, ENDPOINT_DOWN);
	ck_assert_uint_eq(t.failing_since_ms, 4000);
}
END_TEST

START_TEST(a_fall_is_doubted_only_where_live_traffic_is_answered)
{
	static const struct {
		const char *what;
		struct check_fall fall;
		bool doubted;
	} t[] = {
		{ "answers alone", { false, true, 30, 0 }, true },
		{ "a fifth fails", { false, true, 24, 6 }, true },
		{ "four in nine fail", { false, true, 25, 20 }, true },
		{ "and one more", { false, true, 25, 21 }, false },
		{ "half fails", { false, true, 15, 15 }, false },
		{ "all fails", { false, true, 0, 30 }, false },
		{ "five answers", { false, true, 5, 0 }, true },
		{ "four are too few", { false, true, 4, 0 }, false },
		{ "no traffic", { false, true, 0, 0 }, false },
		{ "no chance", { true, true, 30, 0 }, false },
		{ "others serve there", { false, false, 30, 0 }, false },
		{ "very many", { false, true, UINT32_MAX, UINT32_MAX / 2 }, true },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++)
		ck_assert_msg(check_fall_is_doubted(&t[i].fall) == t[i].doubted, "%s", t[i].what);
}
END_TEST

START_TEST(a_draining_endpoint_is_not_brought_back_by_checks)
{
	struct check_track t = { .state = ENDPOINT_DRAINING };
	struct check_result pass = { .passed = true, .reason = REASON_CHECK_PASSED };

	for (unsigned i = 0; i < 5; i++)
		ck_assert(!check_step(&t, &pass, &three_two, i));
	ck_assert_int_eq(t.state, ENDPOINT_DRAINING);
}
END_TEST

START_TEST(the_next_probe_is_within_the_jitter)
{
	static const struct {
		uint32_t interval, fast, jitter, random;
		bool fast_one;
		uint32_t expected;
	} t[] = {
		{ 1000, 200, 10, 0, false, 900 },
		{ 1000, 200, 10, UINT32_MAX, false, 1100 },
		{ 1000, 200, 10, 1u << 31, false, 1000 },
		{ 1000, 200, 10, 0, true, 180 },
		{ 1000, 200, 10, UINT32_MAX, true, 220 },
		{ 1000, 200, 0, 12345, false, 1000 },
		{ 1000, 200, 100, 0, false, 1 },
		{ 1000, 200, 500, 0, false, 1 }, /* more than all is all */
		{ 1000, 200, 500, UINT32_MAX, false, 2000 },
		{ 1, 1, 10, 0, false, 1 },
		{ 0, 0, 10, 0, false, 1 }, /* never a busy loop */
		{ UINT32_MAX, 1, 100, UINT32_MAX, false, UINT32_MAX },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct conf_health_check c = { .interval_ms = t[i].interval,
			.fast_interval_ms = t[i].fast,
			.jitter_pct = t[i].jitter };
		struct check_track track = { .state =
						 t[i].fast_one ? ENDPOINT_UNKNOWN : ENDPOINT_UP };

		ck_assert_msg(check_next_ms(&track, &c, t[i].random) == t[i].expected,
		    "row %u: %u, expected %u", i, check_next_ms(&track, &c, t[i].random),
		    t[i].expected);
	}
}
END_TEST

START_TEST(the_first_probe_is_within_one_interval)
{
	ck_assert_uint_eq(check_first_ms(&three_two, 0), 0);
	ck_assert_uint_eq(check_first_ms(&three_two, 1u << 31), 500);
	ck_assert_uint_eq(check_first_ms(&three_two, UINT32_MAX), 999);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/check");
	TCase *tests = tcase_create("check");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, fall_and_rise_are_counted_exactly);
	tcase_add_test(tests, one_and_one_follows_each_result);
	tcase_add_test(tests, a_large_fall_is_reached_and_not_before);
	tcase_add_test(tests, a_streak_does_not_wrap_around);
	tcase_add_test(tests, the_reason_is_the_evidence_for_the_state);
	tcase_add_test(tests, a_fall_is_certain_by_an_answer_that_says_no_or_by_ten_failures);
	tcase_add_test(tests, a_row_of_failures_knows_when_it_began);
	tcase_add_test(tests, a_fall_is_doubted_only_where_live_traffic_is_answered);
	tcase_add_test(tests, a_draining_endpoint_is_not_brought_back_by_checks);
	tcase_add_test(tests, the_next_probe_is_within_the_jitter);
	tcase_add_test(tests, the_first_probe_is_within_one_interval);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
