// SPDX-License-Identifier: Apache-2.0
#include "proxy/penalty.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/slab.h"
#include "base/timer.h"
#include "net/loop.h"
#include "proxy/exchange.h"
#include "proxy/pool.h"
#include "proxy/service.h"
#include "proxy/worker_state.h"

/* Beyond so many at once everything fails, and who is busiest no longer matters. */
enum { PENALTIES_MAX = 4096, PENALTY_MAX_MS = 8192 };

struct penalty {
	struct list node; /* in worker->penalties */
	struct timer timer;
	struct worker *worker;
	struct endpoint_shard *shard; /* held */
};

void
penalties_open(struct worker *w)
{
	list_init(&w->penalties);
	w->penalty_slab = slab_new(sizeof(struct penalty), 256);
}

static void
end(void *arg)
{
	struct penalty *p = arg;
	struct worker *w = p->worker;

	timer_stop(&p->timer);
	list_unlink(&p->node);
	w->penalty_count--;
	p->shard->in_flight--;
	pool_let_go(p->shard);
	slab_give(w->penalty_slab, p);
}

void
penalties_close(struct worker *w)
{
	list_for_safe (node, &w->penalties)
		end(container_of(node, struct penalty, node));
	slab_free(w->penalty_slab);
}

/* A power of two at least as long: few durations, as timers like them. */
static uint32_t
round_up(uint64_t ms)
{
	uint32_t up = 1;

	while (up < ms && up < PENALTY_MAX_MS)
		up *= 2;
	return up;
}

void
penalty_begin(struct try *t)
{
	struct worker *w = t->exchange->worker;
	uint64_t took_us = clock_now_us() - t->at.lease;
	struct penalty *p;

	if (took_us >= t->region->median_us || w->penalty_count == PENALTIES_MAX) {
		t->shard->in_flight--;
		return;
	}
	p = slab_take(w->penalty_slab);
	*p = (struct penalty){ .worker = w, .shard = t->shard };
	pool_hold(p->shard);
	list_append(&w->penalties, &p->node);
	w->penalty_count++;
	timer_start(
	    w->loop->timers, &p->timer, round_up((t->region->median_us - took_us) / 1000), end, p);
}
