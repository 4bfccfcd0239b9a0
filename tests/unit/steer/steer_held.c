/* SPDX-License-Identifier: Apache-2.0 */
/* The steering as a whole: when it does not act, what people wish, and what it remembers. */
#include "steer/steer.h"

#include <check.h>
#include <string.h>

#include "bench.h"
#include "steer/explain.h"

static struct bench b;

static void
stop(void)
{
	bench_stop(&b);
}

START_TEST(a_late_tick_holds_everything_for_a_second)
{
	bench_start_pair(&b);
	bench_skip(&b, 600);
	bench_probe_region(&b, 0, ENDPOINT_DOWN);
	b.demand = 0;
	ck_assert(!bench_tick(&b));
	ck_assert(steer_self_suspect(b.s));
	ck_assert_uint_eq(b.told[FACT_SELF_SUSPECT], 1);
	ck_assert_double_eq_tol(b.last[FACT_SELF_SUSPECT].a, 700, 0.5);
	bench_run(&b, 900);
	BENCH_SHARES(&b, 1, 0);
	bench_run(&b, 200);
	ck_assert(!steer_self_suspect(b.s));
	ck_assert_uint_eq(b.told[FACT_SELF_TRUSTED], 1);
	BENCH_SHARES(&b, 0, 1);
}
END_TEST

START_TEST(a_tick_half_a_second_late_is_not_late_yet)
{
	bench_start_pair(&b);
	bench_skip(&b, 500);
	bench_tick(&b);
	ck_assert(!steer_self_suspect(b.s));
}
END_TEST

START_TEST(a_clock_that_jumps_back_ends_no_wait_and_no_wait_ends_early)
{
	struct steer_region_out out;

	bench_start_pair(&b);
	bench_probe_region(&b, 0, ENDPOINT_DOWN);
	bench_answer(&b, 0, ANSWER_REFUSED);
	bench_run(&b, 1000);
	bench_answer(&b, 0, ANSWER_WELL);
	bench_probe_region(&b, 0, ENDPOINT_UP);
	bench_run(&b, 10000);
	ck_assert_int_eq(bench_state(&b, 0), REGION_HOLD);
	bench_skip(&b, -500000);
	bench_tick(&b);
	ck_assert(steer_self_suspect(b.s));
	bench_run(&b, 15000);
	ck_assert_int_eq(bench_state(&b, 0), REGION_HOLD);
	bench_run(&b, 6000);
	ck_assert_int_eq(bench_state(&b, 0), REGION_RAMP);
	steer_region(b.s, 0, &out);
	ck_assert_uint_le(out.region.since_ms, b.now_ms);
	ck_assert_uint_ge(out.region.since_ms, b.now_ms - 6000);
	ck_assert_uint_le(b.last[FACT_REGION_RAMP].at_ms, b.now_ms);
}
END_TEST

START_TEST(checks_that_fall_by_the_dozen_are_doubted_while_traffic_succeeds)
{
	bench_start_pair(&b);
	bench_probe_all(&b, ENDPOINT_DOWN);
	bench_run(&b, 1000);
	ck_assert(steer_self_suspect(b.s));
	ck_assert_int_eq(b.last[FACT_SELF_SUSPECT].signal, SIGNAL_MASS_CHANGE);
	BENCH_SHARES(&b, 1, 0);
	ck_assert_int_eq(steer_mode(b.s), SHARE_NORMAL);
	bench_run(&b, 2500);
	ck_assert(!steer_self_suspect(b.s));
	ck_assert_int_eq(steer_mode(b.s), SHARE_FAIL_OPEN);
	ck_assert_uint_eq(b.told[FACT_FAIL_OPEN], 1);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 100);
	ck_assert_int_eq(steer_mode(b.s), SHARE_NORMAL);
	ck_assert_uint_eq(b.told[FACT_FAIL_OPEN_ENDED], 1);
}
END_TEST

START_TEST(but_believed_when_traffic_fails_too_or_is_none)
{
	bench_start_pair(&b);
	b.demand = 0;
	bench_run(&b, 2000);
	bench_probe_all(&b, ENDPOINT_DOWN);
	bench_tick(&b);
	ck_assert(!steer_self_suspect(b.s));
	ck_assert_int_eq(steer_mode(b.s), SHARE_FAIL_OPEN);
	BENCH_SHARES(&b, 0.5, 0.5);
}
END_TEST

START_TEST(endpoints_that_served_while_health_was_ignored_do_not_start_slowly)
{
	struct steer_endpoint_out out;

	bench_plan(&b, 1);
	b.regions[0].capacity = 200;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 5000);
	bench_answer(&b, 0, ANSWER_REFUSED);
	bench_probe_all(&b, ENDPOINT_DOWN);
	bench_run(&b, 2000);
	ck_assert_int_eq(steer_mode(b.s), SHARE_FAIL_OPEN);
	bench_answer(&b, 0, ANSWER_WELL);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 200);
	steer_endpoint(b.s, 0, 0, &out);
	ck_assert_uint_eq(out.weight, 1000);
	ck_assert_double_eq_tol(steer_shed(b.s), 0, 0.001);
}
END_TEST

/* None of their tries has failed, but none was answered either. */
START_TEST(and_when_what_they_condemn_hangs)
{
	bench_start_pair(&b);
	bench_answer(&b, 0, ANSWER_NEVER);
	bench_answer(&b, 1, ANSWER_NEVER);
	bench_run(&b, 1000);
	bench_probe_all(&b, ENDPOINT_DOWN);
	bench_tick(&b);
	ck_assert(!steer_self_suspect(b.s));
	ck_assert_int_eq(steer_mode(b.s), SHARE_FAIL_OPEN);
}
END_TEST

/* One address for a region: its checks begin to fail half a second before they make it down. */
static void
start_one_address(void)
{
	bench_plan(&b, 2);
	b.regions[0].endpoint_count = 1;
	b.regions[1].tier = 1;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 5000);
}

static void
fall(bool uncertain)
{
	bench_probe(&b, 0, 0, ENDPOINT_DOWN);
	if (uncertain)
		steer_probe_uncertain(b.s, 0, 0, b.now_ms - 500);
}

static enum endpoint_state
state_of_it(void)
{
	struct steer_endpoint_out out;

	steer_endpoint(b.s, 0, 0, &out);
	return out.state;
}

START_TEST(checks_that_nobody_answered_take_no_last_endpoint_out_while_traffic_is_answered)
{
	char text[512];

	start_one_address();
	fall(true);
	bench_run(&b, 3000);
	ck_assert_int_eq(state_of_it(), ENDPOINT_UP);
	ck_assert_int_eq(bench_state(&b, 0), REGION_UP);
	BENCH_SHARES(&b, 1, 0);
	ck_assert_uint_eq(b.told[FACT_ENDPOINT_DOUBTED], 1);
	ck_assert_uint_eq(b.told[FACT_ENDPOINT_DOWN], 0);
	explain_region(b.s, 0, NULL, b.now_ms, text, sizeof text);
	ck_assert_msg(strstr(text,
			  "1 of 1 endpoints up, 1 though its checks fail: its requests are "
			  "answered") != NULL,
	    "%s", text);
	bench_probe(&b, 0, 0, ENDPOINT_UP);
	bench_run(&b, 1000);
	ck_assert_uint_eq(b.told[FACT_ENDPOINT_UP], 3); /* of the start */
	bench_probe(&b, 0, 0, ENDPOINT_DOWN);
	steer_probe_uncertain(b.s, 0, 0, b.now_ms); /* three checks of one moment */
	bench_run(&b, 1000);
	ck_assert_int_eq(state_of_it(), ENDPOINT_UP);
	ck_assert_uint_eq(b.told[FACT_ENDPOINT_DOUBTED], 1); /* once a minute */
}
END_TEST

START_TEST(they_do_as_soon_as_that_is_certain_or_traffic_is_answered_no_more)
{
	static const struct {
		const char *what;
		bool uncertain;
		enum bench_answer answer;
		double demand;
	} t[] = {
		{ "somebody said no", false, ANSWER_WELL, 100 },
		{ "it is refused", true, ANSWER_REFUSED, 100 },
		{ "it answers errors", true, ANSWER_ERROR, 100 },
		{ "no traffic", true, ANSWER_WELL, 0 },
		{ "little traffic", true, ANSWER_WELL, 5 },
	};

	start_one_address();
	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		bench_stop(&b);
		start_one_address();
		bench_answer(&b, 0, t[i].answer);
		b.demand = t[i].demand;
		bench_run(&b, 500);
		fall(t[i].uncertain);
		bench_tick(&b);
		ck_assert_msg(state_of_it() == ENDPOINT_DOWN, "%s", t[i].what);
		ck_assert_msg(b.told[FACT_ENDPOINT_DOWN] == 1, "%s", t[i].what);
		ck_assert_msg(bench_state(&b, 0) == REGION_DOWN, "%s", t[i].what);
		ck_assert_msg(b.told[FACT_ENDPOINT_DOUBTED] == 0, "%s", t[i].what);
	}
}
END_TEST

START_TEST(a_doubt_ends_when_the_row_is_too_long_for_chance)
{
	start_one_address();
	fall(true);
	bench_run(&b, 500);
	ck_assert_int_eq(state_of_it(), ENDPOINT_UP);
	bench_probe(&b, 0, 0, ENDPOINT_DOWN); /* certain now */
	bench_tick(&b);
	ck_assert_int_eq(state_of_it(), ENDPOINT_DOWN);
	ck_assert_int_eq(bench_state(&b, 0), REGION_DOWN);
	ck_assert_uint_eq(b.told[FACT_ENDPOINT_DOWN], 1);
	steer_probe_uncertain(b.s, 0, 0, b.now_ms); /* what is believed is not taken back */
	bench_run(&b, 1000);
	ck_assert_int_eq(state_of_it(), ENDPOINT_DOWN);
}
END_TEST

START_TEST(or_when_traffic_is_answered_no_more_and_is_told_then)
{
	static const enum bench_answer answers[] = { ANSWER_REFUSED, ANSWER_ERROR, ANSWER_NEVER };
	struct steer_endpoint_out out;

	start_one_address();
	for (unsigned i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		bench_stop(&b);
		start_one_address();
		fall(true);
		bench_run(&b, 500);
		ck_assert_int_eq(state_of_it(), ENDPOINT_UP);
		bench_answer(&b, 0, answers[i]);
		bench_run(&b, 1200);
		steer_endpoint(b.s, 0, 0, &out);
		ck_assert_msg(out.state == ENDPOINT_DOWN, "%u", i);
		ck_assert_int_eq(out.reason, REASON_CHECK_REFUSED);
		ck_assert_uint_eq(b.told[FACT_ENDPOINT_DOWN], 1);
		ck_assert_double_eq(b.last[FACT_ENDPOINT_DOWN].a, 3);
		ck_assert_int_eq(bench_state(&b, 0), REGION_DOWN);
		BENCH_SHARES(&b, 0, 1);
	}
}
END_TEST

START_TEST(or_when_another_endpoint_is_up_but_not_with_a_new_plan)
{
	static struct bench next;

	bench_plan(&b, 2);
	b.regions[1].tier = 1;
	bench_start(&b);
	bench_probe(&b, 0, 0, ENDPOINT_UP); /* nothing is known of the other one */
	bench_probe_region(&b, 1, ENDPOINT_UP);
	bench_run(&b, 5000);
	fall(true);
	bench_run(&b, 500);
	next = b;
	next.plan.regions = next.regions;
	next.s = steer_new(&next.plan, b.s, b.now_ms);
	steer_free(b.s);
	b = next;
	bench_run(&b, 500);
	ck_assert_int_eq(state_of_it(), ENDPOINT_UP);
	bench_probe(&b, 0, 1, ENDPOINT_UP);
	bench_tick(&b);
	ck_assert_int_eq(state_of_it(), ENDPOINT_DOWN);
	ck_assert_uint_eq(b.told[FACT_ENDPOINT_DOWN], 1);
}
END_TEST

START_TEST(one_of_two_endpoints_falls_without_doubt)
{
	bench_start_pair(&b);
	fall(true);
	bench_tick(&b);
	ck_assert_int_eq(state_of_it(), ENDPOINT_DOWN);
	ck_assert_uint_eq(b.told[FACT_ENDPOINT_DOWN], 1);
}
END_TEST

START_TEST(half_of_the_targets_are_not_a_mass)
{
	bench_start_pair(&b);
	bench_probe_region(&b, 0, ENDPOINT_DOWN);
	bench_tick(&b);
	ck_assert(!steer_self_suspect(b.s));
	BENCH_SHARES(&b, 0, 1);
}
END_TEST

START_TEST(an_evacuated_region_leaves_at_once_and_ramps_back)
{
	bench_start_pair(&b);
	bench_wish(&b, WISH_EVACUATE, "r0", 0, 10000);
	bench_tick(&b);
	BENCH_SHARES(&b, 0, 1);
	ck_assert_int_eq(bench_state(&b, 0), REGION_EVACUATED);
	bench_probe_region(&b, 1, ENDPOINT_DOWN); /* not even then */
	bench_tick(&b);
	BENCH_SHARES(&b, 0, 1);
	bench_probe_region(&b, 1, ENDPOINT_UP);
	bench_run(&b, 9700);
	ck_assert_int_eq(bench_state(&b, 0), REGION_EVACUATED);
	bench_run(&b, 1000); /* it ends by itself, though nobody took it from the list */
	ck_assert_int_eq(bench_state(&b, 0), REGION_RAMP);
	ck_assert_uint_eq(b.told[FACT_REGION_RESTORED], 1);
	bench_run(&b, 120000);
	BENCH_SHARES(&b, 1, 0);
}
END_TEST

START_TEST(frozen_only_hard_failures_move)
{
	bench_start_pair(&b);
	bench_probe_region(&b, 0, ENDPOINT_DOWN);
	bench_answer(&b, 0, ANSWER_REFUSED);
	bench_run(&b, 1000);
	BENCH_SHARES(&b, 0, 1);
	bench_wish(&b, WISH_FREEZE, "", 0, 600000);
	bench_answer(&b, 0, ANSWER_WELL);
	bench_probe_region(&b, 0, ENDPOINT_UP);
	bench_run(&b, 90000);
	ck_assert_uint_eq(b.told[FACT_FROZEN], 1);
	ck_assert_int_eq(bench_state(&b, 0), REGION_HOLD);
	BENCH_SHARES(&b, 0, 1);
	bench_probe_region(&b, 1, ENDPOINT_DOWN);
	bench_answer(&b, 1, ANSWER_REFUSED);
	bench_tick(&b);
	BENCH_SHARES(&b, 1, 0);
	wishes_drop(&b.wishes, WISH_FREEZE, "shop", "");
	bench_tick(&b);
	ck_assert_uint_eq(b.told[FACT_UNFROZEN], 1);
}
END_TEST

START_TEST(a_pin_moves_softly_even_frozen_and_is_told)
{
	bench_start_pair(&b);
	bench_wish(&b, WISH_FREEZE, "", 0, 600000);
	bench_wish(&b, WISH_PIN, "r1", 0.3, 600000);
	bench_run(&b, 1000);
	ck_assert_double_eq_tol(bench_share_of(&b, 1), 0.1, 0.011);
	bench_run(&b, 3000);
	BENCH_SHARES(&b, 0.7, 0.3);
	ck_assert_uint_eq(b.told[FACT_PINNED], 1);
	wishes_drop(&b.wishes, WISH_FREEZE, "shop", "");
	wishes_drop(&b.wishes, WISH_PIN, "shop", "r1");
	bench_run(&b, 4000);
	BENCH_SHARES(&b, 1, 0);
	ck_assert_uint_eq(b.told[FACT_UNPINNED], 1);
}
END_TEST

START_TEST(a_new_plan_inherits_what_is_known)
{
	static const uint32_t new_ids[] = { 77 };
	static struct bench next;
	struct steer_endpoint_out out;

	bench_plan(&b, 3);
	b.regions[2].tier = 1;
	bench_start(&b);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 5000);
	bench_probe_region(&b, 1, ENDPOINT_DOWN);
	bench_answer(&b, 1, ANSWER_REFUSED);
	bench_run(&b, 1000);
	BENCH_SHARES(&b, 0.7, 0, 0.3);

	/* r0 goes, r3 comes, r1 has its endpoints in another order */
	next = b;
	next.plan.regions = next.regions;
	next.regions[0] = b.regions[1];
	next.regions[1] = b.regions[2];
	next.regions[2] = (struct steer_region_plan){ .name = "new",
		.weight = 1,
		.endpoint_count = 1,
		.ids = new_ids,
		.weights = b.weights,
		.checked = true };
	next.ids[1][0] = b.ids[1][1];
	next.ids[1][1] = b.ids[1][0];
	next.regions[0].ids = next.ids[1];
	next.regions[1].ids = next.ids[2];
	next.s = steer_new(&next.plan, b.s, b.now_ms);
	steer_free(b.s);
	b = next; /* whose plan stays where it is */
	bench_answer(&b, 0, ANSWER_REFUSED);
	bench_answer(&b, 1, ANSWER_WELL);

	ck_assert_int_eq(bench_state(&b, 0), REGION_DOWN);
	steer_endpoint(b.s, 0, 1, &out);
	ck_assert_int_eq(out.state, ENDPOINT_DOWN);
	ck_assert_int_eq(steer_mode(b.s), SHARE_NORMAL);
	BENCH_SHARES(&b, 0, 1, 0);
	bench_run(&b, 3000);
	BENCH_SHARES(&b, 0, 1, 0);
	bench_probe(&b, 2, 0, ENDPOINT_UP);
	bench_run(&b, 1000);
	ck_assert_double_gt(bench_share_of(&b, 2), 0.05); /* softly */
	ck_assert_double_lt(bench_share_of(&b, 2), 0.12);
}
END_TEST

START_TEST(endpoints_that_stay_keep_what_is_known_and_take_their_new_weights)
{
	static const uint16_t heavier[] = { 9, 1 };
	static struct bench next;
	struct steer_endpoint_out out;
	struct steer_region_out region;

	bench_start_pair(&b);
	bench_run(&b, 5000);
	bench_probe(&b, 0, 1, ENDPOINT_DOWN);
	bench_run(&b, 1000);
	steer_region(b.s, 0, &region);
	ck_assert_double_eq(region.health, 0.5);

	next = b;
	next.plan.regions = next.regions;
	next.regions[0].weights = heavier;
	next.s = steer_new(&next.plan, b.s, b.now_ms);
	steer_free(b.s);
	b = next;
	bench_run(&b, 1000);
	steer_endpoint(b.s, 0, 1, &out);
	ck_assert_int_eq(out.state, ENDPOINT_DOWN);
	steer_region(b.s, 0, &region);
	ck_assert_double_eq(region.health, 0.9);
}
END_TEST

START_TEST(after_a_restart_a_region_is_where_it_was)
{
	static const struct {
		struct steer_saved_region saved;
		uint64_t passed_ms;
		enum region_state state;
		uint64_t hold_left_ms;
	} t[] = {
		{ { "r0", REGION_DOWN, 5000, 1, 0, 0, 0, 0, 0 }, 2000, REGION_DOWN, 0 },
		{ { "r0", REGION_HOLD, 5000, 0, 25000, 0, 0, 0, 0 }, 2000, REGION_HOLD, 23000 },
		{ { "r0", REGION_HOLD, 5000, 0, 1000, 0, 0, 0, 0 }, 2000, REGION_HOLD, 0 },
		{ { "r0", REGION_RAMP, 5000, 0, 0, 0, 0, 0, 0.46 }, 0, REGION_RAMP, 0 },
		{ { "r0", REGION_GREY, 5000, 0, 0, 0, 0, 0, 0 }, 0, REGION_GREY, 0 },
		{ { "r0", REGION_UP, 5000, 2, 0, 0, 0, 0, 0 }, 0, REGION_UP, 0 },
		{ { "r0", REGION_SUSPECT, 5000, 2, 0, 0, 0, 0, 0 }, 0, REGION_UP, 0 },
		{ { "r0", REGION_EVACUATED, 5000, 2, 0, 0, 0, 0, 0 }, 0, REGION_UP, 0 },
		{ { "unknown", REGION_DOWN, 5000, 2, 0, 0, 0, 0, 0 }, 0, REGION_UP, 0 },
	};

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct steer_region_out out;
		struct steer_saved_region again;

		bench_plan(&b, 2);
		bench_start(&b);
		steer_restore_region(b.s, &t[i].saved, t[i].passed_ms, b.now_ms);
		steer_region(b.s, 0, &out);
		ck_assert_msg(out.region.state == t[i].state, "%u: %s", i,
		    region_state_name(out.region.state));
		if (t[i].state != REGION_UP)
			ck_assert_uint_eq(b.now_ms - out.region.since_ms, 5000 + t[i].passed_ms);
		if (t[i].state == REGION_RAMP)
			ck_assert_double_eq_tol(out.region.factor, t[i].saved.factor, 1e-9);
		steer_save_region(b.s, 0, b.now_ms, &again);
		ck_assert_str_eq(again.name, "r0");
		ck_assert_int_eq(again.state, t[i].state);
		ck_assert_uint_eq(again.hold_left_ms, t[i].hold_left_ms);
		if (i + 1 < sizeof t / sizeof t[0])
			bench_stop(&b);
	}
}
END_TEST

/* What is usual for r0 is 5 ms; after the restart it takes 2 s from the first answer on. */
START_TEST(a_ramp_goes_on_after_a_restart_from_where_it_was)
{
	static const struct steer_saved_region saved = {
		"r0", REGION_RAMP, 28000, 0, 0, 0, 0, 0, 0.46
	};

	bench_plan(&b, 2);
	b.regions[1].tier = 1;
	bench_start(&b);
	steer_restore_region(b.s, &saved, 100, b.now_ms);
	bench_probe_all(&b, ENDPOINT_UP);
	bench_run(&b, 1000);
	ck_assert_double_ge(bench_share_of(&b, 0), 0.46);
	ck_assert_double_le(bench_share_of(&b, 0), 0.49);
	bench_run(&b, 35000);
	ck_assert_int_eq(bench_state(&b, 0), REGION_UP);
	BENCH_SHARES(&b, 1, 0);
}
END_TEST

START_TEST(latencies_that_were_usual_before_a_restart_are_so_after_it)
{
	static const struct {
		uint64_t passed_ms;
		enum region_state state;
	} t[] = { { 1000, REGION_GREY }, { 3600 * 1000 + 1, REGION_UP } };

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++) {
		struct steer_saved_region saved;
		struct steer_region_out out;

		bench_plan(&b, 2);
		b.demand = 400;
		b.regions[0].capacity = b.regions[1].capacity = 1000;
		bench_start(&b);
		bench_probe_all(&b, ENDPOINT_UP);
		bench_run(&b, 90000);
		steer_save_region(b.s, 0, b.now_ms, &saved);
		ck_assert_uint_ne(saved.p50_us, 0);
		ck_assert_uint_ge(saved.p95_us, saved.p50_us);
		ck_assert_uint_ne(saved.mean_us, 0);
		bench_stop(&b);
		bench_start(&b);
		steer_restore_region(b.s, &saved, t[i].passed_ms, b.now_ms);
		bench_probe_all(&b, ENDPOINT_UP);
		bench_run(&b, 3000);
		steer_region(b.s, 0, &out);
		ck_assert_int_eq(out.limit_in_flight > 0, t[i].state == REGION_GREY);
		bench_answer(&b, 0, ANSWER_SLOWLY);
		bench_run(&b, 20000);
		ck_assert_int_eq(bench_state(&b, 0), t[i].state);
		if (i + 1 < sizeof t / sizeof t[0])
			bench_stop(&b);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/steer_held");
	TCase *tests = tcase_create("steer");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, NULL, stop);
	tcase_add_test(tests, a_late_tick_holds_everything_for_a_second);
	tcase_add_test(tests, a_tick_half_a_second_late_is_not_late_yet);
	tcase_add_test(tests, a_clock_that_jumps_back_ends_no_wait_and_no_wait_ends_early);
	tcase_add_test(tests, checks_that_fall_by_the_dozen_are_doubted_while_traffic_succeeds);
	tcase_add_test(tests, but_believed_when_traffic_fails_too_or_is_none);
	tcase_add_test(tests, endpoints_that_served_while_health_was_ignored_do_not_start_slowly);
	tcase_add_test(tests, and_when_what_they_condemn_hangs);
	tcase_add_test(
	    tests, checks_that_nobody_answered_take_no_last_endpoint_out_while_traffic_is_answered);
	tcase_add_test(tests, they_do_as_soon_as_that_is_certain_or_traffic_is_answered_no_more);
	tcase_add_test(tests, a_doubt_ends_when_the_row_is_too_long_for_chance);
	tcase_add_test(tests, or_when_traffic_is_answered_no_more_and_is_told_then);
	tcase_add_test(tests, or_when_another_endpoint_is_up_but_not_with_a_new_plan);
	tcase_add_test(tests, one_of_two_endpoints_falls_without_doubt);
	tcase_add_test(tests, half_of_the_targets_are_not_a_mass);
	tcase_add_test(tests, an_evacuated_region_leaves_at_once_and_ramps_back);
	tcase_add_test(tests, frozen_only_hard_failures_move);
	tcase_add_test(tests, a_pin_moves_softly_even_frozen_and_is_told);
	tcase_add_test(tests, a_new_plan_inherits_what_is_known);
	tcase_add_test(tests, endpoints_that_stay_keep_what_is_known_and_take_their_new_weights);
	tcase_add_test(tests, after_a_restart_a_region_is_where_it_was);
	tcase_add_test(tests, a_ramp_goes_on_after_a_restart_from_where_it_was);
	tcase_add_test(tests, latencies_that_were_usual_before_a_restart_are_so_after_it);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
