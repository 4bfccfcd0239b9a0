/* SPDX-License-Identifier: Apache-2.0 */
#include "net/loop.h"

#include <event2/event.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/slab.h"
#include "base/timer.h"

enum {
	SMALL_BLOCK = 4096,
	SMALL_KEEP = 256,
	LARGE_KEEP = 64,
};

/*
 * Edge triggers are what the data path is written for; a poll or select loop would run it but
 * hang at the first missed edge, so no epoll means no start.
 */
static struct event_base *
base_new(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base = NULL;

	if (config != NULL && event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0 &&
	    event_config_require_features(config, EV_FEATURE_ET) == 0)
		base = event_base_new_with_config(config);
	if (config != NULL)
		event_config_free(config);
	if (base == NULL) {
		log_error("cannot create an epoll event loop; check the file-descriptor limit");
		abort();
	}
	return base;
}

struct loop *
loop_new(void)
{
	struct loop *l = mem_new(sizeof *l);

	l->base = base_new();
	l->timers = timers_new(l->base);
	l->small = slab_new(SMALL_BLOCK, SMALL_KEEP);
	l->large = slab_new(LOOP_CIPHER, LARGE_KEEP);
	l->plain = mem_raw(LOOP_HEAD_ROOM + LOOP_CHUNK + LOOP_TAIL_ROOM);
	l->cipher_in = mem_raw(LOOP_CIPHER);
	l->cipher_out = mem_raw(LOOP_CIPHER);
	return l;
}

void
loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	mem_free(l->cipher_out);
	mem_free(l->cipher_in);
	mem_free(l->plain);
	slab_free(l->large);
	slab_free(l->small);
	timers_free(l->timers);
	event_base_free(l->base);
	mem_free(l);
}

static void
on_beat(evutil_socket_t fd, short what, void *arg)
{
	watchdog_beat(arg);
}

void
loop_enter(struct loop *l)
{
	clock_hold();
	watchdog_beat(&l->beat);
}

void
loop_leave(void)
{
	clock_go_on();
}

void
loop_run(struct loop *l, struct watchdog_stalls *stalls)
{
	static const struct timeval every = { .tv_usec = WATCHDOG_BEAT_MS * 1000 };
	struct event *beats = event_new(l->base, -1, EV_PERSIST, on_beat, &l->beat);
	bool watched = beats != NULL && watchdog_watch(&l->beat, stalls);

	if (watched && event_add(beats, &every) != 0) {
		watchdog_forget(&l->beat);
		watched = false;
	}
	do {
		l->turn++;
		event_base_loop(l->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
	} while (!event_base_got_break(l->base));
	if (watched)
		watchdog_forget(&l->beat);
	if (beats != NULL)
		event_free(beats);
}

void
loop_stop(struct loop *l)
{
	event_base_loopbreak(l->base);
}
