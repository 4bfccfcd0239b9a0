/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <math.h>

#include "region_play.h"

static unsigned
count_facts(enum fact_kind kind)
{
	unsigned n = 0;

	for (unsigned i = 0; i < facts.count; i++)
		n += facts.list[i].kind == kind;
	return n;
}

static const struct fact *
last_fact(void)
{
	ck_assert_uint_gt(facts.count, 0);
	return &facts.list[facts.count - 1];
}

/* What one step of evidence does to a region that is up. */
static const struct {
	const char *what;
	struct region_evidence e;
	enum region_state state;
	enum fact_signal signal;
} from_up[] = {
	{ "well", { WELL }, REGION_UP, SIGNAL_NONE },
	{ "nothing known", { .health = NAN }, REGION_UP, SIGNAL_NONE },
	{ "idle", { .health = 1, .endpoints = 1 }, REGION_UP, SIGNAL_NONE },
	{ "health at the border", { .health = 0.25, .endpoints = 4 }, REGION_UP, SIGNAL_NONE },
	{ "health below", { .health = 0.2499, .endpoints = 4 }, REGION_DOWN, SIGNAL_HEALTH },
	{ "no health", { .health = 0, .endpoints = 1 }, REGION_DOWN, SIGNAL_HEALTH },
	{ "three in a row on two", { RESETS }, REGION_DOWN, SIGNAL_IN_A_ROW },
	{ "three in a row on one of two",
	    { .health = 1,
		.endpoints = 2,
		.tries_1s = 10,
		.local_1s = 3,
		.local_in_a_row = 3,
		.failing_endpoints = 1 },
	    REGION_SUSPECT, SIGNAL_IN_A_ROW },
	{ "many in a row on three of eight",
	    { .health = 1,
		.endpoints = 8,
		.tries_1s = 100,
		.local_1s = 30,
		.local_in_a_row = 30,
		.failing_endpoints = 3 },
	    REGION_SUSPECT, SIGNAL_IN_A_ROW },
	{ "four in a row on four of eight",
	    { .health = 1,
		.endpoints = 8,
		.tries_1s = 10,
		.local_1s = 4,
		.local_in_a_row = 4,
		.failing_endpoints = 4 },
	    REGION_DOWN, SIGNAL_IN_A_ROW },
	{ "three in a row on the only two of eight that served",
	    { .health = 1,
		.endpoints = 8,
		.run_among = 2,
		.tries_1s = 10,
		.local_1s = 3,
		.local_in_a_row = 3,
		.failing_endpoints = 2 },
	    REGION_DOWN, SIGNAL_IN_A_ROW },
	{ "three in a row on the only one",
	    { .health = 1,
		.endpoints = 1,
		.tries_1s = 3,
		.local_1s = 3,
		.local_in_a_row = 3,
		.failing_endpoints = 1 },
	    REGION_DOWN, SIGNAL_IN_A_ROW },
	{ "two in a row",
	    { .health = 1,
		.endpoints = 2,
		.tries_1s = 2,
		.local_1s = 2,
		.local_in_a_row = 2,
		.failing_endpoints = 2 },
	    REGION_SUSPECT, SIGNAL_IN_A_ROW },
	{ "a run that is over since long",
	    { .health = 1, .endpoints = 2, .local_in_a_row = 9, .failing_endpoints = 2 }, REGION_UP,
	    SIGNAL_NONE },
	{ "half of 20",
	    { .health = 1, .endpoints = 2, .tries_1s = 20, .local_1s = 10, .failing_slots = 4 },
	    REGION_SUSPECT, SIGNAL_IN_A_ROW },
	{ "more than half of 20",
	    { .health = 1, .endpoints = 2, .tries_1s = 20, .local_1s = 11, .failing_slots = 4 },
	    REGION_DOWN, SIGNAL_LOCAL_SHARE },
	{ "more than half of 20 at one moment, that was seen for long",
	    { .health = 1, .endpoints = 2, .tries_1s = 20, .local_1s = 19, .failing_slots = 3 },
	    REGION_SUSPECT, SIGNAL_IN_A_ROW },
	{ "more than half of 20, of which one was sent long before",
	    { .health = 1,
		.endpoints = 2,
		.tries_1s = 20,
		.local_1s = 11,
		.aged_1s = 1,
		.failing_slots = 4 },
	    REGION_SUSPECT, SIGNAL_IN_A_ROW },
	{ "all of 19",
	    { .health = 1, .endpoints = 2, .tries_1s = 19, .local_1s = 19, .failing_slots = 4 },
	    REGION_SUSPECT, SIGNAL_IN_A_ROW },
	{ "one of a few", { .health = 1, .endpoints = 2, .tries_1s = 19, .local_1s = 1 },
	    REGION_SUSPECT, SIGNAL_IN_A_ROW },
	{ "one of 20", { .health = 1, .endpoints = 2, .tries_1s = 20, .local_1s = 1 }, REGION_UP,
	    SIGNAL_NONE },
	{ "two of 20", { .health = 1, .endpoints = 2, .tries_1s = 20, .local_1s = 2 },
	    REGION_SUSPECT, SIGNAL_IN_A_ROW },
	{ "two of 200", { .health = 1, .endpoints = 2, .tries_1s = 200, .local_1s = 2 },
	    REGION_SUSPECT, SIGNAL_IN_A_ROW },
	{ "what a busy region sees every second",
	    { .health = 1, .endpoints = 2, .tries_1s = 10000, .local_1s = 20 }, REGION_UP,
	    SIGNAL_NONE },
	{ "one stall", { .health = 1, .endpoints = 2, .stalls = 1 }, REGION_SUSPECT, SIGNAL_STALL },
	{ "two stalls", { .health = 1, .endpoints = 2, .stalls = 2 }, REGION_DOWN, SIGNAL_STALL },
	{ "worse than its peers", { WELL, GREY }, REGION_GREY, SIGNAL_ERRORS },
	{ "grey, without anybody to compare with", { WELL, GREY, .only_region = true }, REGION_UP,
	    SIGNAL_NONE },
	{ "down and grey", { SICK, GREY }, REGION_DOWN, SIGNAL_HEALTH },
	{ "evacuated", { WELL, .evacuated = true }, REGION_EVACUATED, SIGNAL_PERSON },
	{ "evacuated when down", { SICK, .evacuated = true }, REGION_EVACUATED, SIGNAL_PERSON },
	{ "evacuated though alone", { WELL, .evacuated = true, .only_region = true },
	    REGION_EVACUATED, SIGNAL_PERSON },
};

START_TEST(one_step_of_an_up_region_goes_by_the_evidence)
{
	for (unsigned i = 0; i < sizeof from_up / sizeof from_up[0]; i++) {
		bool moved;

		reset(REGION_UP);
		moved = region_step(
		    &region, &automatic, &from_up[i].e, TICK_MS, 1100, &facts, "shop", "a");
		ck_assert_msg(
		    region.state == from_up[i].state && region.signal == from_up[i].signal,
		    "%s: %s by %s", from_up[i].what, region_state_name(region.state),
		    fact_signal_word(region.signal));
		ck_assert_msg(moved == (from_up[i].state != REGION_UP), "%s", from_up[i].what);
		ck_assert_msg(facts.count == moved, "%s: %u facts", from_up[i].what, facts.count);
		ck_assert_msg(region.since_ms == (moved ? 1100 : 1000), "%s", from_up[i].what);
	}
}
END_TEST

START_TEST(suspicion_changes_no_share_and_ends_with_answers_and_a_quiet_second)
{
	reset(REGION_UP);
	PLAY({ 1100, { .health = 1, .endpoints = 2, .tries_1s = 5, .local_1s = 1 }, REGION_SUSPECT,
		 1 },
	    { 1900,
		{ .health = 1,
		    .endpoints = 2,
		    .tries_1s = 9,
		    .local_1s = 1,
		    .successes_since_suspect = 8 },
		REGION_SUSPECT, 1 },
	    { 2000, { .health = 1, .endpoints = 2, .tries_1s = 9, .successes_since_suspect = 9 },
		REGION_UP, 1 });
	ck_assert_int_eq(facts.list[0].kind, FACT_REGION_SUSPECT);
	ck_assert_double_eq(facts.list[0].a, 1);
	ck_assert_double_eq(facts.list[0].b, 5);
	ck_assert_int_eq(last_fact()->kind, FACT_REGION_UP);
}
END_TEST

START_TEST(suspicion_of_a_region_nobody_tries_ends_after_ten_seconds)
{
	reset(REGION_UP);
	PLAY({ 1100, { .health = 1, .endpoints = 2, .tries_1s = 1, .local_1s = 1 }, REGION_SUSPECT,
		 1 },
	    { 11100, { .health = 1, .endpoints = 2 }, REGION_SUSPECT, 1 },
	    { 11200, { .health = 1, .endpoints = 2 }, REGION_UP, 1 });
}
END_TEST

START_TEST(a_stall_keeps_a_region_suspected_though_earlier_answers_came)
{
	reset(REGION_UP);
	PLAY({ 1100, { WELL, .stalls = 1 }, REGION_SUSPECT, 1 },
	    { 3000, { WELL, .stalls = 1, .successes_since_suspect = 1 }, REGION_SUSPECT, 1 },
	    { 3100, { WELL, .stalls = 2, .successes_since_suspect = 1 }, REGION_DOWN, 0 });
}
END_TEST

START_TEST(a_region_that_came_back_is_held_then_ramps_linearly)
{
	reset(REGION_UP);
	PLAY({ 1100, { RESETS }, REGION_DOWN, 0 }, { 5000, { SICK }, REGION_DOWN, 0 },
	    { 5100, { WELL }, REGION_HOLD, 0 }, { 35000, { WELL }, REGION_HOLD, 0 },
	    { 35100, { WELL }, REGION_RAMP, 0 }, { 50100, { WELL }, REGION_RAMP, 0.25 },
	    { 65100, { WELL }, REGION_RAMP, 0.5 }, { 95000, { WELL }, REGION_RAMP, -1 },
	    { 95100, { WELL }, REGION_UP, 1 });
	ck_assert_uint_eq(facts.count, 4);
	ck_assert_int_eq(facts.list[0].kind, FACT_REGION_DOWN);
	ck_assert_double_eq(facts.list[0].a, 3);
	ck_assert_double_eq(facts.list[0].b, 3);
	ck_assert_double_eq(facts.list[0].c, 2);
	ck_assert_int_eq(facts.list[1].kind, FACT_REGION_HOLD);
	ck_assert_double_eq(facts.list[1].a, 30000);
	ck_assert_int_eq(facts.list[2].kind, FACT_REGION_RAMP);
	ck_assert_int_eq(facts.list[3].kind, FACT_REGION_UP);
	ck_assert_str_eq(facts.list[3].service, "shop");
	ck_assert_str_eq(facts.list[3].region, "east");
}
END_TEST

START_TEST(a_down_region_needs_health_and_a_second_without_failures_to_come_back)
{
	static const struct {
		const char *what;
		struct region_evidence e;
		enum region_state state;
	} t[] = {
		{ "unknown health", { .health = NAN }, REGION_DOWN },
		{ "health below", { .health = 0.24, .endpoints = 4 }, REGION_DOWN },
		{ "health at the border", { .health = 0.25, .endpoints = 4 }, REGION_HOLD },
		{ "still failing under fail open", { WELL, .local_1s = 1 }, REGION_DOWN },
		{ "an old run",
		    { .health = 1, .endpoints = 2, .local_in_a_row = 7, .failing_endpoints = 2 },
		    REGION_HOLD },
		{ "alone", { WELL, .only_region = true }, REGION_UP },
		{ "alone and sick", { SICK, .only_region = true }, REGION_DOWN },
		{ "alone and held", { WELL, .only_region = true, .failback_held = true },
		    REGION_UP },
		{ "restore does not make it well", { SICK, .restore_asked = true }, REGION_DOWN },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		reset(REGION_DOWN);
		region_step(&region, &automatic, &t[i].e, TICK_MS, 1100, &facts, "shop", "a");
		ck_assert_msg(region.state == t[i].state, "%s: %s", t[i].what,
		    region_state_name(region.state));
	}
}
END_TEST

START_TEST(a_region_that_still_answers_nothing_does_not_begin_to_wait)
{
	reset(REGION_UP);
	PLAY({ 1100, { WELL, .stalls = 2 }, REGION_DOWN, 0 },
	    { 1200, { WELL, .stalls = 2 }, REGION_DOWN, 0 },
	    { 1300, { WELL, .stalls = 3 }, REGION_DOWN, 0 }, { 1400, { WELL }, REGION_HOLD, 0 });
}
END_TEST

START_TEST(a_wait_that_is_broken_off_starts_over_and_is_no_relapse)
{
	reset(REGION_DOWN);
	PLAY({ 1100, { WELL }, REGION_HOLD, 0 }, { 30000, { WELL }, REGION_HOLD, 0 },
	    { 30100, { SICK }, REGION_DOWN, 0 }, { 30200, { WELL }, REGION_HOLD, 0 },
	    { 60100, { WELL }, REGION_HOLD, 0 }, { 60200, { WELL }, REGION_RAMP, 0 });
}
END_TEST

START_TEST(each_relapse_in_the_ramp_doubles_the_next_wait_up_to_five_times)
{
	static const uint64_t waits_ms[] = { 30000, 60000, 120000, 240000, 480000, 960000 };
	uint64_t relapsed_ms;

	reset(REGION_DOWN);
	for (unsigned i = 0; i < 5; i++) {
		PLAY({ now_ms + 100, { WELL }, REGION_HOLD, 0 });
		ck_assert_uint_eq(region.hold_ms, waits_ms[i]);
		PLAY({ now_ms + region.hold_ms - 100, { WELL }, REGION_HOLD, 0 },
		    { now_ms + region.hold_ms, { WELL }, REGION_RAMP, 0 },
		    { now_ms + region.hold_ms + 1000, { WELL }, REGION_RAMP, -1 },
		    { now_ms + region.hold_ms + 1100, { SICK }, REGION_DOWN, 0 });
		/* as if the wait had not let them decay: what doubles is counted here */
		region.relapses = i + 1;
		region.relapses_at_ms = now_ms;
	}
	ck_assert_uint_eq(region_hold_ms(&region, &automatic, now_ms), waits_ms[5]);
	region.relapses = 20;
	ck_assert_uint_eq(region_hold_ms(&region, &automatic, now_ms), waits_ms[5]);
	relapsed_ms = region.relapses_at_ms;
	region.relapses = 2;
	ck_assert_uint_eq(region_hold_ms(&region, &automatic, relapsed_ms), 120000);
	ck_assert_uint_eq(region_hold_ms(&region, &automatic, relapsed_ms + 600000), 60000);
	ck_assert_uint_eq(region_hold_ms(&region, &automatic, relapsed_ms + 1300000), 30000);
}
END_TEST

START_TEST(a_relapse_counts_once_and_survives_states)
{
	reset(REGION_RAMP);
	PLAY({ 2000, { WELL }, REGION_RAMP, -1 }, { 2100, { RESETS }, REGION_DOWN, 0 });
	ck_assert_double_eq(region.relapses, 1);
	PLAY({ 4000, { SICK }, REGION_DOWN, 0 }, { 4100, { WELL }, REGION_HOLD, 0 });
	ck_assert_uint_eq(region.hold_ms, 60000);
	ck_assert_int_eq(last_fact()->kind, FACT_REGION_HOLD);
	ck_assert_double_eq(last_fact()->b, 1);
}
END_TEST

START_TEST(a_ramp_pauses_while_the_region_is_half_bad_and_says_so_once)
{
	reset(REGION_RAMP);
	PLAY({ 7000, { WELL }, REGION_RAMP, 0.1 },
	    { 20000, { WELL, .half_grey = true, .grey_signal = SIGNAL_ERRORS }, REGION_RAMP, 0.1 });
	ck_assert_uint_eq(count_facts(FACT_REGION_RAMP_PAUSED), 1);
	PLAY({ 26000, { WELL }, REGION_RAMP, 0.2 },
	    { 27000, { WELL, .local_1s = 2 }, REGION_RAMP, 0.2 });
	ck_assert_uint_eq(count_facts(FACT_REGION_RAMP_PAUSED), 2);
	PLAY({ 33000, { WELL }, REGION_RAMP, 0.3 });
}
END_TEST

START_TEST(nothing_comes_back_while_failback_is_held)
{
	reset(REGION_HOLD);
	PLAY({ 90000, { WELL, .failback_held = true }, REGION_HOLD, 0 },
	    { 90100, { WELL }, REGION_RAMP, 0 },
	    { 120000, { WELL, .failback_held = true }, REGION_RAMP, 0 },
	    { 126000, { WELL }, REGION_RAMP, 0.1 });
	ck_assert_uint_eq(count_facts(FACT_REGION_RAMP_PAUSED), 0);
	reset(REGION_GREY);
	PLAY({ 90000, { WELL, .grey_clean = true, .failback_held = true }, REGION_GREY, -1 },
	    { 90100, { WELL, .grey_clean = true }, REGION_RAMP, -1 });
}
END_TEST

START_TEST(a_held_region_still_goes_down)
{
	reset(REGION_HOLD);
	PLAY({ 1100, { SICK, .failback_held = true }, REGION_DOWN, 0 });
	reset(REGION_RAMP);
	PLAY({ 1100, { SICK, .failback_held = true }, REGION_DOWN, 0 });
}
END_TEST

START_TEST(with_manual_failback_a_region_waits_for_a_person)
{
	struct region_policy manual = automatic;

	manual.manual_failback = true;
	reset(REGION_UP);
	play(&manual,
	    (const struct moment[]){ { 1100, { RESETS }, REGION_DOWN, 0 },
		{ 2100, { WELL }, REGION_HOLD, 0 }, { 600000, { WELL }, REGION_HOLD, 0 },
		{ 600100, { WELL, .restore_asked = true }, REGION_RAMP, 0 },
		{ 660100, { WELL }, REGION_UP, 1 }, { .at_ms = 0 } });
	ck_assert_int_eq(facts.list[2].signal, SIGNAL_PERSON);
}
END_TEST

START_TEST(a_person_may_shorten_the_wait_but_not_the_ramp)
{
	reset(REGION_DOWN);
	PLAY({ 1100, { WELL }, REGION_HOLD, 0 },
	    { 1200, { WELL, .restore_asked = true }, REGION_RAMP, 0 },
	    { 31200, { WELL }, REGION_RAMP, 0.5 });
}
END_TEST

START_TEST(an_evacuation_ends_through_the_ramp)
{
	reset(REGION_UP);
	PLAY(
	    { 1100, { WELL, .evacuated = true, .evacuated_for_ms = 3600000 }, REGION_EVACUATED, 0 },
	    { 50000, { RESETS, .evacuated = true }, REGION_EVACUATED, 0 },
	    { 60000, { WELL, .evacuated = true }, REGION_EVACUATED, 0 },
	    { 60100, { WELL }, REGION_RAMP, 0 }, { 120100, { WELL }, REGION_UP, 1 });
	ck_assert_double_eq(facts.list[0].a, 3600000);
	ck_assert_int_eq(facts.list[1].kind, FACT_REGION_RESTORED);
	ck_assert_int_eq(facts.list[2].kind, FACT_REGION_RAMP);
}
END_TEST

START_TEST(an_evacuated_region_that_is_dead_when_it_ends_does_not_serve)
{
	reset(REGION_EVACUATED);
	PLAY({ 1100, { SICK }, REGION_DOWN, 0 });
	reset(REGION_EVACUATED);
	PLAY({ 1100, { WELL, .failback_held = true }, REGION_RAMP, 0 },
	    { 9000, { WELL, .failback_held = true }, REGION_RAMP, 0 });
}
END_TEST

START_TEST(a_region_alone_is_never_held_back)
{
	static const enum region_state from[] = { REGION_GREY, REGION_DOWN, REGION_HOLD,
		REGION_RAMP, REGION_EVACUATED };

	for (unsigned i = 0; i < sizeof from / sizeof from[0]; i++) {
		reset(from[i]);
		PLAY({ 1100, { WELL, .only_region = true, .failback_held = true }, REGION_UP, 1 });
	}
}
END_TEST

START_TEST(no_ramp_at_all_is_a_ramp_of_one_tick)
{
	struct region_policy p = automatic;

	p.ramp_ms = 0;
	p.hold_down_ms = 0;
	reset(REGION_DOWN);
	play(&p,
	    (const struct moment[]){ { 1100, { WELL }, REGION_HOLD, 0 },
		{ 1200, { WELL }, REGION_RAMP, 0 }, { 1300, { WELL }, REGION_UP, 1 },
		{ .at_ms = 0 } });
}
END_TEST

static TCase *
tests_of_coming_back(void)
{
	TCase *tests = tcase_create("coming back");

	tcase_add_test(tests, a_region_that_came_back_is_held_then_ramps_linearly);
	tcase_add_test(
	    tests, a_down_region_needs_health_and_a_second_without_failures_to_come_back);
	tcase_add_test(tests, a_region_that_still_answers_nothing_does_not_begin_to_wait);
	tcase_add_test(tests, a_wait_that_is_broken_off_starts_over_and_is_no_relapse);
	tcase_add_test(tests, each_relapse_in_the_ramp_doubles_the_next_wait_up_to_five_times);
	tcase_add_test(tests, a_relapse_counts_once_and_survives_states);
	tcase_add_test(tests, a_ramp_pauses_while_the_region_is_half_bad_and_says_so_once);
	tcase_add_test(tests, nothing_comes_back_while_failback_is_held);
	tcase_add_test(tests, a_held_region_still_goes_down);
	tcase_add_test(tests, with_manual_failback_a_region_waits_for_a_person);
	tcase_add_test(tests, a_person_may_shorten_the_wait_but_not_the_ramp);
	tcase_add_test(tests, an_evacuation_ends_through_the_ramp);
	tcase_add_test(tests, an_evacuated_region_that_is_dead_when_it_ends_does_not_serve);
	tcase_add_test(tests, a_region_alone_is_never_held_back);
	tcase_add_test(tests, no_ramp_at_all_is_a_ramp_of_one_tick);
	return tests;
}

int
main(void)
{
	Suite *suite = suite_create("steer/region");
	TCase *tests = tcase_create("region");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, one_step_of_an_up_region_goes_by_the_evidence);
	tcase_add_test(tests, suspicion_changes_no_share_and_ends_with_answers_and_a_quiet_second);
	tcase_add_test(tests, suspicion_of_a_region_nobody_tries_ends_after_ten_seconds);
	tcase_add_test(tests, a_stall_keeps_a_region_suspected_though_earlier_answers_came);
	suite_add_tcase(suite, tests);
	suite_add_tcase(suite, tests_of_coming_back());
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
