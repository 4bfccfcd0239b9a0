/* SPDX-License-Identifier: Apache-2.0 */
#include "control/health.h"

#include <check.h>

#include "origin.h"
#include "rig.h"
#include "steer/region.h"
#include "steer/share.h"
#include "world.h"

static const struct origin_answer busy = {
	.bytes = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
};

struct reason_case {
	struct origin_answer answer;
	enum endpoint_reason reason;
	uint32_t detail;
};

static const struct reason_case reasons[] = {
	{ { .bytes = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n" }, REASON_CHECK_STATUS, 503 },
	{ { .then = ORIGIN_RESET }, REASON_CHECK_RESET, 3 },
	{ { .then = ORIGIN_HANG }, REASON_CHECK_TIMEOUT, 0 },
	{ { .bytes = "nonsense\r\n\r\n" }, REASON_CHECK_MALFORMED, 3 },
};

START_TEST(an_endpoint_that_is_down_says_why)
{
	const struct reason_case *c = &reasons[_i];
	struct origin *east = origin_start(&c->answer, 1, NULL);
	struct world w = rig_two_regions(&world_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();
	const struct table *t;

	w.check.timeout_ms = c->reason == REASON_CHECK_TIMEOUT ? 50 : 2000;
	t = rig_apply_and_wait(&r, &w);
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_DOWN);
	ck_assert_int_eq(world_reason(world_endpoint(t, 0, 0)), c->reason);
	if (c->detail != 0)
		ck_assert_uint_ge(atomic_load(&world_endpoint(t, 0, 0)->reason_detail), c->detail);
	rig_stop(&r);
	origin_stop(east);
}
END_TEST

START_TEST(a_failed_try_is_probed_within_100_ms)
{
	struct origin *east = origin_start(&rig_fine, 1, NULL);
	struct world w = rig_two_regions(&world_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();
	const struct table *t;
	uint64_t reported_ms;

	w.check.interval_ms = 3600 * 1000;
	t = rig_apply_and_wait(&r, &w);
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP);
	UNTIL(rig_checks(&r) >= 4); /* west is known to be down */
	ck_assert_uint_eq(origin_requests(east), 1);
	for (int pause = 0; pause < 60; pause++) /* past the gap after the first probe */
		world_pause();

	reported_ms = clock_now_ms();
	rig_report(&r, world_endpoint(t, 0, 0), FAULT_CONNECT_TIMEOUT);
	UNTIL(origin_requests(east) == 2);
	ck_assert_uint_le(clock_now_ms() - reported_ms, 100);
	/* It stays under closer watch for a while, then comes to rest. */
	UNTIL(origin_requests(east) == 4);
	ck_assert_int_eq(world_state(world_endpoint(t, 0, 0)), ENDPOINT_UP);
	rig_stop(&r);
	origin_stop(east);
}
END_TEST

START_TEST(a_failing_endpoint_is_out_long_before_its_next_interval)
{
	struct origin *east = origin_start(&rig_fine, 1, NULL);
	struct origin *west = origin_start(&rig_fine, 1, NULL);
	struct world w = rig_two_regions(&world_check, origin_port(east), origin_port(west));
	struct rig r = rig_start();
	const struct table *t;
	uint64_t reported_ms;

	w.check.interval_ms = 3600 * 1000;
	t = rig_apply_and_wait(&r, &w);
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP &&
	    world_state(world_endpoint(t, 1, 0)) == ENDPOINT_UP);
	origin_script(east, &busy, 1);
	reported_ms = clock_now_ms();
	rig_report(&r, world_endpoint(t, 0, 0), FAULT_RESET);
	UNTIL(world_share(t, 1) == 100);
	ck_assert_uint_le(clock_now_ms() - reported_ms, 1000);
	rig_stop(&r);
	origin_stop(east);
	origin_stop(west);
}
END_TEST

START_TEST(a_storm_of_reports_is_no_storm_of_probes)
{
	struct origin *east = origin_start(&rig_fine, 1, NULL);
	struct world w = rig_two_regions(&world_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();
	const struct table *t;
	uint64_t began_ms, spent_ms;
	unsigned before;

	w.check.interval_ms = 3600 * 1000;
	t = rig_apply_and_wait(&r, &w);
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP);
	before = origin_requests(east);
	began_ms = clock_now_ms();
	do {
		rig_report(&r, world_endpoint(t, 0, 0), FAULT_CONNECT_REFUSED);
		world_pause();
		spent_ms = clock_now_ms() - began_ms;
	} while (spent_ms < 500);
	rig_wait_for_reports(&r);
	ck_assert_uint_ge(origin_requests(east), before + 2);
	/* Timers may fire a thirty-second part early. */
	ck_assert_uint_le(origin_requests(east), before + 2 + (unsigned)(spent_ms / 48));
	rig_stop(&r);
	origin_stop(east);
}
END_TEST

START_TEST(a_probe_that_fails_ends_the_trust_in_one_that_has_passed)
{
	struct origin *east = origin_start(&rig_fine, 1, NULL);
	struct world w = rig_two_regions(&world_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();
	const struct table *t;
	uint64_t failed_ms;
	unsigned before;

	w.check.interval_ms = w.check.fast_interval_ms = 400;
	t = rig_apply_and_wait(&r, &w);
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP);
	for (int pause = 0; pause < 60; pause++) /* past the gap after the first probe */
		world_pause();
	before = origin_requests(east);
	rig_report(&r, world_endpoint(t, 0, 0), FAULT_RESET);
	UNTIL(origin_requests(east) == before + 1);
	origin_script(east, &busy, 1);
	UNTIL(origin_requests(east) == before + 2);
	failed_ms = clock_now_ms();
	do {
		rig_report(&r, world_endpoint(t, 0, 0), FAULT_RESET);
		world_pause();
	} while (origin_requests(east) == before + 2);
	ck_assert_uint_lt(clock_now_ms() - failed_ms, 200);
	rig_stop(&r);
	origin_stop(east);
}
END_TEST

START_TEST(a_probe_that_was_asked_for_and_has_passed_is_trusted_for_a_second)
{
	struct origin *east = origin_start(&rig_fine, 1, NULL);
	struct world w = rig_two_regions(&world_check, origin_port(east), origin_free_port());
	struct rig r = rig_start();
	const struct table *t;
	uint64_t asked_ms;
	unsigned after;

	w.check.interval_ms = 3600 * 1000;
	t = rig_apply_and_wait(&r, &w);
	UNTIL(world_state(world_endpoint(t, 0, 0)) == ENDPOINT_UP);
	asked_ms = clock_now_ms();
	rig_report(&r, world_endpoint(t, 0, 0), FAULT_CONNECT_REFUSED);
	UNTIL(origin_requests(east) == 1 + w.check.fall); /* the closer watch is over */
	after = origin_requests(east);
	while (clock_now_ms() < asked_ms + HEALTH_TRUST_MS * 8 / 10) {
		rig_report(&r, world_endpoint(t, 0, 0), FAULT_CONNECT_REFUSED);
		world_pause();
	}
	rig_wait_for_reports(&r);
	ck_assert_uint_eq(origin_requests(east), after);
	while (origin_requests(east) == after) { /* but no longer */
		rig_report(&r, world_endpoint(t, 0, 0), FAULT_CONNECT_REFUSED);
		world_pause();
	}
	ck_assert_uint_ge(clock_now_ms(), asked_ms + HEALTH_TRUST_MS);
	rig_stop(&r);
	origin_stop(east);
}
END_TEST

START_TEST(reports_that_say_nothing_about_the_endpoint_are_ignored)
{
	static const enum fault others[] = { FAULT_CLIENT_LEFT, FAULT_BAD_RESPONSE, FAULT_STATUS,
		FAULT_QUEUE_FULL, FAULT_NONE };
	struct world w = rig_two_regions(&world_no_check, 1, 2);
	struct rig r = rig_start();
	const struct table *t = rig_apply_and_wait(&r, &w);
	struct endpoint stranger = { .id = 4711 };

	for (int i = 0; i < 5; i++) {
		for (size_t f = 0; f < ARRAY_SIZE(others); f++)
			rig_report(&r, world_endpoint(t, 0, 0), others[f]);
		rig_report(&r, &stranger, FAULT_CONNECT_REFUSED);
	}
	rig_wait_for_reports(&r);
	ck_assert_int_eq(world_state(world_endpoint(t, 0, 0)), ENDPOINT_UP);
	rig_stop(&r);
}
END_TEST

START_TEST(a_region_whose_only_endpoint_fails_is_left_though_nothing_checks_it)
{
	struct world w = rig_two_regions(&world_no_check, 1, 2);
	struct rig r = rig_start();
	const struct table *t = rig_apply_and_wait(&r, &w);
	struct endpoint *e = world_endpoint(t, 0, 0);

	for (int i = 0; i < 3; i++)
		rig_report(&r, e, FAULT_CONNECT_REFUSED);
	UNTIL(world_share(t, 0) == 0 && world_share(t, 1) == 100);
	ck_assert_uint_eq(
	    atomic_load(&t->services[0].regions[0].steering->state), REGION_DOWN);
	/* A reload does not forget it. */
	t = rig_apply_and_wait(&r, &w);
	ck_assert_uint_eq(
	    atomic_load(&t->services[0].regions[0].steering->state), REGION_DOWN);
	rig_stop(&r);
}
END_TEST

START_TEST(when_no_region_is_fit_all_serve_whatever_traffic_says)
{
	struct world w = rig_two_regions(&world_no_check, 1, 2);
	struct rig r = rig_start();
	const struct table *t = rig_apply_and_wait(&r, &w);

	w.regions[1].tier = 0;
	t = rig_apply_and_wait(&r, &w);
	for (unsigned region = 0; region < 2; region++)
		for (int i = 0; i < 5; i++)
			rig_report(&r, world_endpoint(t, region, 0), FAULT_CONNECT_REFUSED);
	UNTIL(atomic_load(&t->services[0].steering->mode) == SHARE_FAIL_OPEN);
	ck_assert_uint_eq(world_share(t, 0), 50);
	ck_assert_uint_eq(world_share(t, 1), 50);
	rig_stop(&r);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("control/health");
	TCase *c = tcase_create("health");

	tcase_set_timeout(c, 120);
	tcase_add_loop_test(c, an_endpoint_that_is_down_says_why, 0, ARRAY_SIZE(reasons));
	tcase_add_test(c, a_failed_try_is_probed_within_100_ms);
	tcase_add_test(c, a_failing_endpoint_is_out_long_before_its_next_interval);
	tcase_add_test(c, a_storm_of_reports_is_no_storm_of_probes);
	tcase_add_test(c, a_probe_that_fails_ends_the_trust_in_one_that_has_passed);
	tcase_add_test(c, a_probe_that_was_asked_for_and_has_passed_is_trusted_for_a_second);
	tcase_add_test(c, reports_that_say_nothing_about_the_endpoint_are_ignored);
	tcase_add_test(
	    c, a_region_whose_only_endpoint_fails_is_left_though_nothing_checks_it);
	tcase_add_test(c, when_no_region_is_fit_all_serve_whatever_traffic_says);
	suite_add_tcase(s, c);
	return rig_main(s);
}
