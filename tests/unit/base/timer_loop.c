/* SPDX-License-Identifier: Apache-2.0 */
#include "base/timer.h"

#include <check.h>
#include <event2/event.h>

#include "base/bytes.h"
#include "base/clock.h"

/* On the real clock and the real event loop, where only what holds on any machine is checked. */
struct stopwatch {
	struct timer timer;
	uint64_t started_ms;
	uint32_t after_ms;
	bool fired;
};

static void
on_time(void *arg)
{
	struct stopwatch *w = arg;

	ck_assert(!w->fired);
	w->fired = true;
	ck_assert_uint_ge(clock_now_ms(), w->started_ms + w->after_ms);
}

static struct event_base *
loop_without_locks(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

START_TEST(no_timer_fires_early_and_the_loop_ends_when_all_have)
{
	struct event_base *base = loop_without_locks();
	struct timers *ts = timers_new(base);
	struct stopwatch watches[40] = { { .after_ms = 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(watches); i++) {
		watches[i].after_ms = (uint32_t)(1 + i * 7 % 31); /* too short for any slack */
		watches[i].started_ms = clock_now_ms();
		timer_start(ts, &watches[i].timer, watches[i].after_ms, on_time, &watches[i]);
	}
	ck_assert_int_eq(event_base_dispatch(base), 1);
	for (size_t i = 0; i < ARRAY_SIZE(watches); i++)
		ck_assert_msg(watches[i].fired, "%u ms", watches[i].after_ms);
	timers_free(ts);
	event_base_free(base);
}
END_TEST

struct chain {
	struct timers *timers;
	struct timer timer;
	unsigned left;
};

static void
next_link(void *arg)
{
	struct chain *c = arg;

	if (--c->left > 0)
		timer_start(c->timers, &c->timer, 1, next_link, c);
}

START_TEST(a_chain_of_short_timers_comes_to_its_end)
{
	struct event_base *base = loop_without_locks();
	struct chain c = { .timers = timers_new(base), .left = 30 };
	uint64_t started_ms = clock_now_ms();

	timer_start(c.timers, &c.timer, 1, next_link, &c);
	event_base_dispatch(base);
	ck_assert_uint_eq(c.left, 0);
	ck_assert_uint_ge(clock_now_ms() - started_ms, 30);
	timers_free(c.timers);
	event_base_free(base);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("base/timer_loop");
	TCase *tests = tcase_create("timer_loop");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, no_timer_fires_early_and_the_loop_ends_when_all_have);
	tcase_add_test(tests, a_chain_of_short_timers_comes_to_its_end);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
