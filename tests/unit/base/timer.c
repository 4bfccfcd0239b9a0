/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timer.h"

#include <check.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/mem.h"

/*
 * This program brings its own clock and its own event loop, so that hours pass at once and each
 * millisecond can be checked. tests/unit/base/timer_loop.c has the real ones.
 */
static uint64_t now_ms = 1000000;

uint64_t
clock_now_us(void)
{
	return now_ms * 1000;
}

uint64_t
clock_now_ms(void)
{
	return now_ms;
}

void
clock_hold(void)
{
}

void
clock_go_on(void)
{
}

uint64_t
clock_wall_us(void)
{
	return 0;
}

char *
clock_format_wall(uint64_t wall_us, char *buf, size_t size)
{
	snprintf(buf, size, "%llu", (unsigned long long)wall_us);
	return buf;
}

struct event {
	event_callback_fn callback;
	void *arg;
	bool pending;
	uint64_t due_ms;
};

static struct event loop_event;
static unsigned long loop_adds, loop_wakes;

struct event *
event_new(
    struct event_base *base, evutil_socket_t fd, short what, event_callback_fn callback, void *arg)
{
	loop_event.callback = callback;
	loop_event.arg = arg;
	return &loop_event;
}

int
event_add(struct event *e, const struct timeval *delay)
{
	e->pending = true;
	e->due_ms = now_ms + (uint64_t)delay->tv_sec * 1000 + (uint64_t)delay->tv_usec / 1000;
	loop_adds++;
	return 0;
}

void
event_free(struct event *e)
{
	e->pending = false;
}

/* Runs the loop for after_ms, waking as the event asks for it. */
static void
pass(uint64_t after_ms)
{
	uint64_t until_ms = now_ms + after_ms;

	while (loop_event.pending && loop_event.due_ms <= until_ms) {
		if (loop_event.due_ms > now_ms)
			now_ms = loop_event.due_ms;
		loop_event.pending = false;
		loop_wakes++;
		loop_event.callback(-1, EV_TIMEOUT, loop_event.arg);
	}
	if (now_ms < until_ms)
		now_ms = until_ms;
}

static struct timers *ts;
static unsigned fired;

static void
count(void *arg)
{
	fired += arg == NULL ? 1 : *(unsigned *)arg;
}

START_TEST(a_timer_fires_once_and_on_time)
{
	static const uint32_t cases[] = { 1, 2, 31, 32, 1000, 3600 * 1000, UINT32_MAX };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct timer t = { .queue = NULL };

		ts = timers_new(NULL);
		fired = 0;
		timer_start(ts, &t, cases[i], count, NULL);
		ck_assert(timer_running(&t));
		pass(cases[i] - 1);
		ck_assert_msg(fired == 0, "%u ms", cases[i]);
		pass(1);
		ck_assert_msg(fired == 1 && !timer_running(&t), "%u ms", cases[i]);
		pass(2 * (uint64_t)UINT32_MAX);
		ck_assert_msg(fired == 1, "%u ms", cases[i]);
		timers_free(ts);
	}
}
END_TEST

START_TEST(a_stopped_timer_does_not_fire)
{
	struct timer t = { .queue = NULL };

	ts = timers_new(NULL);
	timer_stop(&t); /* never started */
	timer_start(ts, &t, 10, count, NULL);
	timer_stop(&t);
	ck_assert(!timer_running(&t));
	timer_stop(&t);
	timer_start(ts, &t, 10, count, NULL);
	timer_start(ts, &t, 0, count, NULL); /* no deadline */
	ck_assert(!timer_running(&t));
	pass(1000);
	ck_assert_uint_eq(fired, 0);
	timer_start(ts, &t, 10, count, NULL);
	pass(10);
	ck_assert_uint_eq(fired, 1);
	timers_free(ts);
	timers_free(NULL);
}
END_TEST

START_TEST(a_restart_moves_the_deadline_to_within_the_slack)
{
	static const struct {
		uint32_t after_ms;
		uint32_t passed_ms; /* then it is restarted */
		uint32_t fires_ms;  /* after the restart */
	} cases[] = {
		{ 31, 1, 31 }, /* too short for any slack */
		{ 320, 10, 310 },
		{ 320, 11, 320 },
		{ 1000, 31, 969 },
		{ 1000, 32, 1000 },
		{ 60000, 250, 59750 },
		{ 60000, 251, 60000 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct timer t = { .queue = NULL };

		ts = timers_new(NULL);
		fired = 0;
		timer_start(ts, &t, cases[i].after_ms, count, NULL);
		pass(cases[i].passed_ms);
		timer_start(ts, &t, cases[i].after_ms, count, NULL);
		pass(cases[i].fires_ms - 1);
		ck_assert_msg(fired == 0, "case %zu", i);
		pass(1);
		ck_assert_msg(fired == 1, "case %zu", i);
		timers_free(ts);
	}
}
END_TEST

START_TEST(a_restart_may_change_everything)
{
	struct timer t = { .queue = NULL };
	unsigned ten = 10, hundred = 100;

	ts = timers_new(NULL);
	timer_start(ts, &t, 1000, count, &ten);
	timer_start(ts, &t, 1000, count, &hundred); /* within the slack, yet another call */
	pass(1000);
	ck_assert_uint_eq(fired, 100);
	timer_start(ts, &t, 1000, count, &ten);
	timer_start(ts, &t, 5, count, &ten);
	pass(5);
	ck_assert_uint_eq(fired, 110);
	timer_start(ts, &t, 5, count, &ten);
	timer_start(ts, &t, 1000, count, &ten);
	pass(999);
	ck_assert_uint_eq(fired, 110);
	pass(1);
	ck_assert_uint_eq(fired, 120);
	timers_free(ts);
}
END_TEST

START_TEST(restarts_and_stops_do_not_touch_the_event_loop)
{
	static struct timer timers[1000];

	ts = timers_new(NULL);
	for (int ms = 0; ms < 600000; ms++) {
		timer_start(ts, &timers[ms % 1000], 60000, count, NULL);
		timer_start(ts, &timers[(ms + 500) % 1000], 60000, count, NULL);
		timer_stop(&timers[(ms + 700) % 1000]);
		pass(1);
	}
	ck_assert_uint_eq(fired, 0);
	ck_assert_uint_le(loop_adds, 11); /* one look in each of ten minutes */
	ck_assert_uint_le(loop_wakes, 11);
	timers_free(ts);
}
END_TEST

static struct timer victims[3];

static void
stop_the_others(void *arg)
{
	fired++;
	for (size_t i = 0; i < ARRAY_SIZE(victims); i++)
		timer_stop(&victims[i]);
}

START_TEST(what_another_timer_stopped_does_not_fire_in_the_same_round)
{
	ts = timers_new(NULL);
	timer_start(ts, &victims[0], 50, stop_the_others, NULL);
	timer_start(ts, &victims[1], 50, stop_the_others, NULL); /* in the same queue */
	pass(10);
	timer_start(ts, &victims[2], 40, stop_the_others, NULL); /* in another */
	pass(1000);
	ck_assert_uint_eq(fired, 1);
	timers_free(ts);
}
END_TEST

struct owner {
	struct timer timer;
	struct owner *neighbour;
};

static void
free_both(void *arg)
{
	struct owner *o = arg;

	fired++;
	timer_stop(&o->neighbour->timer);
	mem_free(o->neighbour);
	mem_free(o);
}

START_TEST(a_timer_may_free_its_owner_and_its_neighbours)
{
	struct owner *a = mem_new(sizeof *a), *b = mem_new(sizeof *b);

	a->neighbour = b;
	b->neighbour = a;
	ts = timers_new(NULL);
	timer_start(ts, &a->timer, 50, free_both, a);
	timer_start(ts, &b->timer, 50, free_both, b);
	pass(100);
	ck_assert_uint_eq(fired, 1);
	timers_free(ts);
}
END_TEST

static struct timer restless;

/* Longer at work than the timer it starts runs. */
static void
start_again_late(void *arg)
{
	fired++;
	now_ms += 5;
	timer_start(ts, &restless, 1, start_again_late, NULL);
	now_ms += 5;
}

START_TEST(a_timer_that_starts_itself_again_lets_the_loop_go_on)
{
	ts = timers_new(NULL);
	timer_start(ts, &restless, 1, start_again_late, NULL);
	for (unsigned turn = 1; turn <= 100; turn++) {
		ck_assert(loop_event.pending);
		if (now_ms < loop_event.due_ms)
			now_ms = loop_event.due_ms;
		loop_event.pending = false;
		loop_event.callback(-1, EV_TIMEOUT, loop_event.arg);
		ck_assert_uint_eq(fired, turn);
	}
	timers_free(ts);
}
END_TEST

START_TEST(running_timers_are_stopped_with_their_owner)
{
	struct timer a = { .queue = NULL }, b = { .queue = NULL };

	ts = timers_new(NULL);
	timer_start(ts, &a, 50, count, NULL);
	timer_start(ts, &b, 70, count, NULL);
	timers_free(ts);
	ck_assert(!timer_running(&a) && !timer_running(&b));
	timer_stop(&a);
	ts = timers_new(NULL);
	timer_start(ts, &a, 50, count, NULL);
	pass(50);
	ck_assert_uint_eq(fired, 1);
	timers_free(ts);
}
END_TEST

START_TEST(any_number_of_durations_works_without_new_memory)
{
	enum { COUNT = 3000, ROUNDS = 40 };
	static struct timer timers[COUNT];
	atomic_ullong taken = 0;
	unsigned long long warm = 0;
	unsigned seed = 3;

	mem_count_into(&taken);
	ts = timers_new(NULL);
	for (int round = 0; round < ROUNDS; round++) {
		/* The first round needs all its queues at once, and none later more than it. */
		for (uint32_t i = 0; i < COUNT; i++)
			timer_start(ts, &timers[i],
			    500 + (round == 0 ? i : (uint32_t)rand_r(&seed) % 1000000), count,
			    NULL);
		if (round == 0)
			warm = atomic_load(&taken);
		pass(1000500);
		ck_assert_uint_eq(fired, (unsigned)COUNT * (unsigned)(round + 1));
	}
	ck_assert_uint_eq(atomic_load(&taken), warm);
	timers_free(ts);
	mem_count_into(NULL);
}
END_TEST

/* A plain model beside the real thing: when each timer was last started, and for how long. */
struct modelled {
	struct timer timer;
	bool running;
	uint64_t started_ms;
	uint32_t after_ms;
};

enum { MODELLED = 60 };

static struct modelled modelled[MODELLED];
static unsigned first_seed, model_seed;
static unsigned long model_fired;

static unsigned
dice(unsigned sides)
{
	return (unsigned)rand_r(&model_seed) % sides;
}

static void on_modelled(void *arg);

static void
play(void)
{
	static const uint32_t usual[] = { 1, 2, 10, 31, 32, 33, 64, 500, 640, 1000, 30000, 60000 };
	struct modelled *m = &modelled[dice(MODELLED)];
	uint32_t after_ms = dice(4) == 0 ? dice(3000) : usual[dice(ARRAY_SIZE(usual))];

	if (dice(4) == 0) {
		timer_stop(&m->timer);
		m->running = false;
		return;
	}
	if (dice(2) == 0 && m->running)
		after_ms = m->after_ms;
	timer_start(ts, &m->timer, after_ms, on_modelled, m);
	m->running = after_ms != 0;
	m->after_ms = after_ms;
	m->started_ms = now_ms;
}

static void
on_modelled(void *arg)
{
	struct modelled *m = arg;
	uint32_t slack_ms = m->after_ms / 32 < 250 ? m->after_ms / 32 : 250;

	/* A check that holds costs Check a system call, so only what fails is told to it. */
	if (!m->running || timer_running(&m->timer))
		ck_abort_msg("seed %u: fired though not running", first_seed);
	if (now_ms + slack_ms < m->started_ms + m->after_ms)
		ck_abort_msg("seed %u: %u ms fired too early", first_seed, m->after_ms);
	if (now_ms > m->started_ms + m->after_ms)
		ck_abort_msg("seed %u: %u ms fired too late", first_seed, m->after_ms);
	m->running = false;
	model_fired++;
	for (unsigned i = dice(3); i > 0; i--)
		play();
}

START_TEST(timers_do_what_a_plain_model_does)
{
	for (unsigned seed = 1; seed <= 30; seed++) {
		first_seed = model_seed = seed;
		memset(modelled, 0, sizeof modelled);
		ts = timers_new(NULL);
		for (int step = 0; step < 5000; step++) {
			for (unsigned i = dice(4); i > 0; i--)
				play();
			pass(dice(3) == 0 ? dice(2000) : dice(10));
			for (size_t i = 0; i < MODELLED; i++) {
				struct modelled *m = &modelled[i];

				if (m->running != timer_running(&m->timer) ||
				    (m->running && m->started_ms + m->after_ms < now_ms))
					ck_abort_msg("seed %u, step %d, timer %zu", seed, step, i);
			}
		}
		timers_free(ts);
	}
	ck_assert_uint_gt(model_fired, 100000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/timer");
	TCase *tests = tcase_create("timer");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_timer_fires_once_and_on_time);
	tcase_add_test(tests, a_stopped_timer_does_not_fire);
	tcase_add_test(tests, a_restart_moves_the_deadline_to_within_the_slack);
	tcase_add_test(tests, a_restart_may_change_everything);
	tcase_add_test(tests, restarts_and_stops_do_not_touch_the_event_loop);
	tcase_add_test(tests, what_another_timer_stopped_does_not_fire_in_the_same_round);
	tcase_add_test(tests, a_timer_may_free_its_owner_and_its_neighbours);
	tcase_add_test(tests, a_timer_that_starts_itself_again_lets_the_loop_go_on);
	tcase_add_test(tests, running_timers_are_stopped_with_their_owner);
	tcase_add_test(tests, any_number_of_durations_works_without_new_memory);
	tcase_add_test(tests, timers_do_what_a_plain_model_does);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
