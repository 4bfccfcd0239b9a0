/* SPDX-License-Identifier: Apache-2.0 */
#include "net/loop.h"

#include <check.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/slab.h"
#include "base/timer.h"

START_TEST(the_loop_runs_on_epoll_with_edges)
{
	struct loop *l = loop_new();

	ck_assert_str_eq(event_base_get_method(l->base), "epoll");
	ck_assert_int_ne(event_base_get_features(l->base) & EV_FEATURE_ET, 0);
	loop_free(l);
	loop_free(NULL);
}
END_TEST

START_TEST(the_span_has_all_the_room_it_promises)
{
	struct loop *l = loop_new();
	struct span s = loop_span(l);

	/* The sanitizers watch the borders. */
	memset(s.at - s.head_room, 1, s.head_room + s.len + s.tail_room);
	ck_assert_uint_eq(s.len, 0);
	ck_assert_uint_ge(s.head_room, LOOP_HEAD_ROOM);
	ck_assert_uint_ge(s.tail_room, LOOP_CHUNK + LOOP_TAIL_ROOM);
	memset(l->cipher_in, 1, LOOP_CIPHER);
	memset(l->cipher_out, 1, LOOP_CIPHER);
	ck_assert_uint_ge(slab_block_size(l->large), LOOP_CIPHER);
	ck_assert_uint_ge(slab_block_size(l->small), 4096);
	loop_free(l);
}
END_TEST

static void
stop(void *arg)
{
	loop_stop(arg);
}

START_TEST(it_runs_until_stopped_even_with_nothing_else_to_do)
{
	struct loop *l = loop_new();
	struct timer t = { .fn = NULL };

	for (int i = 0; i < 2; i++) {
		timer_start(l->timers, &t, 10, stop, l);
		loop_run(l, NULL);
		ck_assert(!timer_running(&t));
	}
	loop_free(l);
}
END_TEST

enum { CROWD = 100, BUSY_MS = 5, LATE_MS = 250 }; /* half of what all of them take */

struct crowd {
	struct loop *loop;
	struct event *events[CROWD];
	unsigned done;
	uint64_t latest_us; /* a beat was by so much */
};

/* As a handshake does: all its time is spent on the CPU. */
static void
be_busy(evutil_socket_t fd, short what, void *arg)
{
	struct crowd *c = arg;
	uint64_t began_us = clock_now_us(), beat_us = atomic_load(&c->loop->beat.at_us);

	loop_enter(c->loop);
	loop_leave();
	if (began_us > beat_us && began_us - beat_us > c->latest_us)
		c->latest_us = began_us - beat_us;
	while (clock_now_us() - began_us < BUSY_MS * 1000)
		;
	if (++c->done == CROWD)
		loop_stop(c->loop);
}

START_TEST(it_beats_while_a_crowd_has_its_turn)
{
	struct crowd c = { .loop = loop_new() };
	struct watchdog_setup setup = { .warning_ms = LATE_MS };
	struct watchdog_stalls stalls = { 0 };
	struct error error;

	ck_assert_msg(watchdog_start(&setup, &error), "%s", error.text);
	for (unsigned i = 0; i < CROWD; i++) {
		c.events[i] = event_new(c.loop->base, -1, 0, be_busy, &c);
		event_active(c.events[i], EV_READ, 0);
	}
	loop_run(c.loop, &stalls);
	watchdog_stop();
	ck_assert_uint_eq(c.done, CROWD);
	ck_assert_uint_lt(c.latest_us, LATE_MS * 1000);
	ck_assert_uint_eq(atomic_load(&stalls.count), 0);
	for (unsigned i = 0; i < CROWD; i++)
		event_free(c.events[i]);
	loop_free(c.loop);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("loop");
	TCase *tc = tcase_create("loop");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, the_loop_runs_on_epoll_with_edges);
	tcase_add_test(tc, the_span_has_all_the_room_it_promises);
	tcase_add_test(tc, it_runs_until_stopped_even_with_nothing_else_to_do);
	tcase_add_test(tc, it_beats_while_a_crowd_has_its_turn);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
