// SPDX-License-Identifier: Apache-2.0
/* What a look at a connection is taken for. Times are ms before the moment of the look. */
#include "proxy/watch.h"

#include <check.h>
#include <stdlib.h>

#include "net/socket.h"

enum { NEVER = 0 };

struct look_case {
	const char *what;
	uint32_t wrote_ago_ms;
	uint32_t looked_ago_ms; /* NEVER: this is the first look */
	uint32_t sent_ago_ms;   /* by the kernel, first or again */
	uint32_t rtt_us;
	bool unacknowledged;
	bool progress; /* more was acknowledged since the first look */
	enum watch_verdict verdict;
};

static const struct look_case cases[] = {
	{ "acknowledged", 250, NEVER, 250, 100, false, false, WATCH_ARRIVED },
	{ "acknowledged at last", 250, 50, 20, 100, false, true, WATCH_ARRIVED },
	{ "a first look never condemns", 500, NEVER, 20, 100, true, false, WATCH_OPEN },
	{ "sent again, and no answer to that", 250, 50, 25, 100, true, false, WATCH_DEAD },
	{ "sent once only: a delayed acknowledgement", 225, 50, 225, 100, true, false, WATCH_OPEN },
	{ "sent again a jiffy after the first time", 225, 50, 210, 100, true, false, WATCH_OPEN },
	{ "the border of that", 225, 50, 205, 100, true, false, WATCH_DEAD },
	{ "the first look was just now", 250, 19, 25, 100, true, false, WATCH_OPEN },
	{ "a far peer has had no time to answer", 1000, 300, 350, 200000, true, false, WATCH_OPEN },
	{ "a far peer, looked at a moment ago", 1000, 199, 450, 200000, true, false, WATCH_OPEN },
	{ "a far peer that does not answer", 1000, 300, 450, 200000, true, false, WATCH_DEAD },
	{ "a long upload that goes on", 2000, 100, 20, 100, true, true, WATCH_OPEN },
	{ "a long upload that stands", 2000, 100, 50, 100, true, false, WATCH_DEAD },
};

START_TEST(a_path_is_dead_when_bytes_sent_again_are_not_acknowledged_either)
{
	const struct look_case *c = &cases[_i];
	uint64_t now_us = 3600 * 1000000ull;
	struct socket_path path = {
		.rtt_us = c->rtt_us,
		.sent_ago_ms = c->sent_ago_ms,
		.acknowledged_bytes = c->progress ? 1500 : 1000,
		.unacknowledged = c->unacknowledged,
		.heard_ago_ms = c->wrote_ago_ms,
		.resends = 1, /* a probe for a loss */
	};
	struct watch_path seen = {
		.looked_us = c->looked_ago_ms == NEVER ? 0 : now_us - c->looked_ago_ms * 1000ull,
		.looked_bytes = 1000,
	};
	struct watch_look look = {
		.wrote_us = now_us - c->wrote_ago_ms * 1000ull,
		.end_bytes = c->looked_ago_ms == NEVER ? 0 : 3000,
	};

	ck_assert_msg(watch_judge(&seen, &path, &look, now_us) == c->verdict, "%s", c->what);
	ck_assert_msg((seen.looked_us == 0) == !c->unacknowledged, "%s", c->what);
	if (c->progress && c->unacknowledged)
		ck_assert_msg(seen.looked_us == now_us && seen.moved, "%s", c->what);
}
END_TEST

/* Others write on the same connection all the time, so something is always under way. */
START_TEST(on_a_shared_connection_a_request_arrives_where_its_own_bytes_end)
{
	uint64_t now_us = 3600 * 1000000ull;
	struct socket_path path = {
		.rtt_us = 100, .sent_ago_ms = 1, .acknowledged_bytes = 2000, .unacknowledged = true
	};
	struct watch_path seen = { 0 };
	struct watch_look look = { .wrote_us = now_us - 1000 };

	ck_assert_int_eq(watch_judge(&seen, &path, &look, now_us), WATCH_OPEN);
	look.end_bytes = 2000;
	ck_assert_int_eq(watch_judge(&seen, &path, &look, now_us), WATCH_ARRIVED);
	look.end_bytes = 2001;
	ck_assert_int_eq(watch_judge(&seen, &path, &look, now_us), WATCH_OPEN);
}
END_TEST

START_TEST(a_shared_connection_is_dead_once_the_kernel_has_timed_out_whatever_others_write)
{
	uint64_t now_us = 3600 * 1000000ull;
	struct socket_path path = {
		.rtt_us = 100, .sent_ago_ms = 5, .acknowledged_bytes = 1000, .unacknowledged = true
	};
	struct watch_path seen = { .looked_us = now_us - 25000, .looked_bytes = 1000 };
	struct watch_look look = { .wrote_us = now_us - 1000, .end_bytes = 2000 };

	ck_assert_int_eq(watch_judge(&seen, &path, &look, now_us), WATCH_OPEN);
	path.resent = true;
	ck_assert_int_eq(watch_judge(&seen, &path, &look, now_us), WATCH_DEAD);
	path.acknowledged_bytes = 1001;
	ck_assert_int_eq(watch_judge(&seen, &path, &look, now_us), WATCH_OPEN);
}
END_TEST

START_TEST(a_request_that_comes_later_learns_from_the_looks_for_those_before_it)
{
	uint64_t now_us = 3600 * 1000000ull;
	struct socket_path path = { .rtt_us = 100,
		.sent_ago_ms = 5,
		.acknowledged_bytes = 1000,
		.unacknowledged = true,
		.resent = true };
	struct watch_path seen = { 0 };
	struct watch_look first = { .wrote_us = now_us - 1000 }, later = first;

	ck_assert_int_eq(watch_judge(&seen, &path, &first, now_us), WATCH_OPEN);
	ck_assert_int_eq(watch_judge(&seen, &path, &later, now_us + 25000), WATCH_DEAD);
}
END_TEST

/* What goes as a slow reader makes room was given to the kernel long before. */
START_TEST(who_acknowledges_slowly_is_lost_only_once_the_kernel_has_timed_out)
{
	uint64_t now_us = 3600 * 1000000ull;
	struct socket_path path = { .rtt_us = 100,
		.sent_ago_ms = 30, /* its acknowledgement is delayed by 40 */
		.heard_ago_ms = 30,
		.acknowledged_bytes = 1000,
		.unacknowledged = true,
		.resends = 7 };
	struct watch_path seen = {
		.looked_us = now_us - 25000, .looked_bytes = 1000, .resends = 7
	};
	struct watch_look look = { .wrote_us = now_us - 800000, .end_bytes = 90000 };

	ck_assert_int_eq(watch_judge(&seen, &path, &look, now_us), WATCH_OPEN);
	path.resends = 8; /* as it probes early */
	ck_assert_int_eq(watch_judge(&seen, &path, &look, now_us), WATCH_OPEN);
	path.resent = true;
	ck_assert_int_eq(watch_judge(&seen, &path, &look, now_us), WATCH_DEAD);
}
END_TEST

START_TEST(what_was_sent_again_before_something_was_acknowledged_is_of_the_past)
{
	uint64_t now_us = 3600 * 1000000ull;
	struct socket_path path = { .rtt_us = 100,
		.sent_ago_ms = 250,
		.heard_ago_ms = 250,
		.acknowledged_bytes = 1000,
		.unacknowledged = true,
		.resends = 7 };
	struct watch_path seen = { 0 };
	struct watch_look look = { .wrote_us = now_us - 250000 };

	ck_assert_int_eq(watch_judge(&seen, &path, &look, now_us), WATCH_OPEN);
	path.sent_ago_ms = 200; /* late, but for the first time */
	path.heard_ago_ms = 275;
	ck_assert_int_eq(watch_judge(&seen, &path, &look, now_us + 25000), WATCH_OPEN);
	path.resends = 8;
	ck_assert_int_eq(watch_judge(&seen, &path, &look, now_us + 25000), WATCH_DEAD);
	path.unacknowledged = false;
	ck_assert_int_eq(watch_judge(&seen, &path, &look, now_us + 50000), WATCH_ARRIVED);
	ck_assert_uint_eq(seen.resends, 8);
}
END_TEST

/* The first look at a far path comes after the kernel's first guess that something was lost. */
START_TEST(what_was_sent_again_before_the_first_look_counts)
{
	uint64_t now_us = 3600 * 1000000ull;
	struct socket_path path = { .rtt_us = 100000,
		.sent_ago_ms = 100,
		.heard_ago_ms = 400,
		.acknowledged_bytes = 1000,
		.unacknowledged = true,
		.resends = 4 };
	struct watch_path seen = { .resends = 3 };
	struct watch_look look = { .wrote_us = now_us - 400000 };

	ck_assert_int_eq(watch_judge(&seen, &path, &look, now_us), WATCH_OPEN);
	path.sent_ago_ms = 200;
	path.heard_ago_ms = 500;
	ck_assert_int_eq(watch_judge(&seen, &path, &look, now_us + 100000), WATCH_DEAD);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proxy/watch");
	TCase *tc = tcase_create("watch");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, a_path_is_dead_when_bytes_sent_again_are_not_acknowledged_either, 0,
	    sizeof cases / sizeof cases[0]);
	tcase_add_test(tc, on_a_shared_connection_a_request_arrives_where_its_own_bytes_end);
	tcase_add_test(
	    tc, a_shared_connection_is_dead_once_the_kernel_has_timed_out_whatever_others_write);
	tcase_add_test(tc, a_request_that_comes_later_learns_from_the_looks_for_those_before_it);
	tcase_add_test(tc, who_acknowledges_slowly_is_lost_only_once_the_kernel_has_timed_out);
	tcase_add_test(tc, what_was_sent_again_before_something_was_acknowledged_is_of_the_past);
	tcase_add_test(tc, what_was_sent_again_before_the_first_look_counts);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
