/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deadlines of probes on a thread that is late itself. The server runs in the prober's own loop, so
 * that what is there when is certain.
 */
#include <arpa/inet.h>
#include <check.h>
#include <event2/event.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/timer.h"
#include "net/loop.h"
#include "prober.h"
#include "rig.h"

static const char fine[] = OK_HEAD EMPTY;

struct server {
	struct prober *prober;
	int listener, connection;
	struct event *accepts, *reads;
	struct timer later;
	uint32_t accept_takes_ms; /* for which the whole thread stands still */
	uint32_t answer_after_ms; /* 0: at once */
	bool answers;
	bool closes; /* instead */
};

static void
stand_still(uint32_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	while (nanosleep(&t, &t) != 0)
		continue;
}

static void
answer(void *arg)
{
	struct server *s = arg;

	ck_assert_int_eq(write(s->connection, fine, strlen(fine)), (ssize_t)strlen(fine));
}

static void
on_request(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	char request[4096];

	if (read(fd, request, sizeof request) <= 0) {
		event_del(s->reads);
		return;
	}
	if (s->closes) {
		event_free(s->reads);
		s->reads = NULL;
		close(s->connection);
		s->connection = -1;
		return;
	}
	if (!s->answers)
		return;
	if (s->answer_after_ms > 0)
		timer_start(s->prober->loop->timers, &s->later, s->answer_after_ms, answer, s);
	else
		answer(s);
}

static void
on_connection(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;

	s->connection = accept(fd, NULL, NULL);
	ck_assert_int_ge(s->connection, 0);
	stand_still(s->accept_takes_ms);
	s->reads =
	    event_new(s->prober->loop->base, s->connection, EV_READ | EV_PERSIST, on_request, s);
	event_add(s->reads, NULL);
}

static void
server_open(struct server *s, uint32_t timeout_ms)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t len = sizeof in;
	struct conf_health_check check = world_check;
	struct world w;

	*s = (struct server){ .connection = -1, .answers = true };
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(s->listener, (struct sockaddr *)&in, sizeof in), 0);
	ck_assert_int_eq(listen(s->listener, 8), 0);
	ck_assert_int_eq(getsockname(s->listener, (struct sockaddr *)&in, &len), 0);
	check.timeout_ms = timeout_ms;
	check.reuse = true;
	w = prober_world(&check);
	s->prober = prober_new(ntohs(in.sin_port), &w);
	s->accepts =
	    event_new(s->prober->loop->base, s->listener, EV_READ | EV_PERSIST, on_connection, s);
	event_add(s->accepts, NULL);
}

static void
server_close(struct server *s)
{
	timer_stop(&s->later);
	event_free(s->accepts);
	if (s->reads != NULL)
		event_free(s->reads);
	close(s->listener);
	if (s->connection >= 0)
		close(s->connection);
	prober_free(s->prober);
}

/*
 * The request is on its way as the deadline passes. In the turn of the loop that judges it the
 * server's event comes first, and the answer lies in the prober's socket, of which nobody was told.
 */
START_TEST(an_answer_that_is_there_as_the_deadline_is_judged_is_in_time)
{
	struct server s;
	struct prober *b;

	server_open(&s, 1);
	b = s.prober;
	while (!prober_once(b)->check.passed) /* on a kept connection from here on */
		ck_assert_uint_lt(b->results, 100);
	ck_assert_int_eq(b->probe.state, PROBE_KEPT);
	probe_start(&b->probe, b->site);
	stand_still(20);
	loop_run(b->loop, NULL);
	ck_assert(b->result.evidence);
	ck_assert_msg(b->result.check.passed, "reason %d", b->result.check.reason);
	server_close(&s);
}
END_TEST

/* Whether it would answer on a fresh one nobody knows: there is no time left to ask. */
START_TEST(a_kept_connection_that_is_found_closed_as_the_deadline_passes_tells_nothing)
{
	struct server s;
	struct prober *b;

	server_open(&s, 1);
	b = s.prober;
	while (!prober_once(b)->check.passed)
		ck_assert_uint_lt(b->results, 100);
	s.closes = true;
	probe_start(&b->probe, b->site);
	stand_still(20);
	loop_run(b->loop, NULL);
	ck_assert(!b->result.evidence);
	ck_assert_int_eq(b->probe.state, PROBE_CLOSED);
	server_close(&s);
}
END_TEST

START_TEST(a_deadline_that_nothing_was_missed_by_is_one)
{
	struct server s;
	struct prober *b;

	server_open(&s, 1);
	b = s.prober;
	while (!prober_once(b)->check.passed)
		ck_assert_uint_lt(b->results, 100);
	s.answers = false;
	probe_start(&b->probe, b->site);
	stand_still(20);
	loop_run(b->loop, NULL);
	ck_assert(b->result.evidence && !b->result.check.passed);
	ck_assert_int_eq(b->result.check.reason, REASON_CHECK_TIMEOUT);
	server_close(&s);
}
END_TEST

/* Nobody could have been asked in that time, be it as long as the whole deadline. */
START_TEST(time_in_which_the_thread_stood_still_is_not_the_endpoints)
{
	const struct probe_result *r;
	struct server s;

	server_open(&s, 300);
	s.accept_takes_ms = 400;
	s.answer_after_ms = 40;
	r = prober_once(s.prober);
	ck_assert(r->evidence);
	ck_assert_msg(r->check.passed, "reason %d after %u ms", r->check.reason, r->check.detail);
	server_close(&s);
}
END_TEST

static struct timer late;

static void
on_late(void *arg)
{
	struct prober *b = arg;

	stand_still(60);
	timer_start(b->loop->timers, &late, 1, on_late, b);
}

START_TEST(a_thread_that_is_always_late_finds_out_that_nobody_answers_all_the_same)
{
	const struct probe_result *r;
	struct server s;

	server_open(&s, 100);
	s.answers = false;
	timer_start(s.prober->loop->timers, &late, 1, on_late, s.prober);
	r = prober_once(s.prober);
	timer_stop(&late);
	ck_assert(r->evidence && !r->check.passed);
	ck_assert_int_eq(r->check.reason, REASON_CHECK_TIMEOUT);
	ck_assert_uint_ge(r->check.detail, 95);
	ck_assert_uint_le(r->check.detail, 100 + 500 + 100);
	server_close(&s);
}
END_TEST

START_TEST(a_thread_that_stood_still_for_long_knows_nothing)
{
	const struct probe_result *r;
	struct server s;

	server_open(&s, 100);
	s.accept_takes_ms = 700;
	s.answers = false;
	r = prober_once(s.prober);
	ck_assert(!r->evidence);
	server_close(&s);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("probe deadline");
	TCase *tests = tcase_create("deadlines");

	tcase_add_test(tests, an_answer_that_is_there_as_the_deadline_is_judged_is_in_time);
	tcase_add_test(tests,
	    a_kept_connection_that_is_found_closed_as_the_deadline_passes_tells_nothing);
	tcase_add_test(tests, a_deadline_that_nothing_was_missed_by_is_one);
	tcase_add_test(tests, time_in_which_the_thread_stood_still_is_not_the_endpoints);
	tcase_add_test(
	    tests, a_thread_that_is_always_late_finds_out_that_nobody_answers_all_the_same);
	tcase_add_test(tests, a_thread_that_stood_still_for_long_knows_nothing);
	suite_add_tcase(suite, tests);
	return rig_main(suite);
}
