// SPDX-License-Identifier: Apache-2.0
#include "proxy/lasting.h"

#include "base/clock.h"
#include "net/loop.h"
#include "proxy/exchange.h"
#include "proxy/exchange_parts.h"
#include "proxy/service.h"
#include "proxy/worker_state.h"

enum {
	SWEEP_EVERY_MS = 100,
	SPREAD_US = 10 * 1000 * 1000, /* a tenth a second */
	SLOWEST_US = 1000 * 1000,     /* but not below one a second */
};

static void on_sweep(void *arg);

void
lasting_begin(struct exchange *x)
{
	struct worker *w = x->worker;
	struct region_lasting *r = &x->try->region->lasting;

	x->lasting.in = r;
	list_append(&r->list, &x->lasting.node);
	if (r->count++ == 0) {
		r->down_us = 0; /* nobody has looked while nothing was there */
		list_append(&w->lasting_regions, &r->node);
	}
	if (!timer_running(&w->lasting_sweep))
		timer_start(w->loop->timers, &w->lasting_sweep, SWEEP_EVERY_MS, on_sweep, w);
}

void
lasting_begin_call(struct exchange *x)
{
	if (x->call.is && x->lasting.on_region_down.what != ON_DOWN_KEEP &&
	    !list_linked(&x->lasting.node))
		lasting_begin(x);
}

bool
lasting_end(struct exchange *x)
{
	struct region_lasting *r = x->lasting.in;

	if (!list_linked(&x->lasting.node))
		return false;
	list_unlink(&x->lasting.node);
	if (--r->count == 0)
		list_unlink(&r->node);
	return true;
}

/* ---- when their region goes down ---- */

static bool
is_due(const struct lasting *l, uint64_t down_for_us)
{
	switch (l->on_region_down.what) {
	case ON_DOWN_KEEP:
		return false;
	case ON_DOWN_DRAIN:
		return down_for_us >= l->on_region_down.drain_ms * 1000ull;
	case ON_DOWN_RESET:
		return true;
	}
	return false;
}

static void
end_some(struct region_lasting *r, uint64_t now_us)
{
	uint64_t gap_us = SPREAD_US / (r->had > 0 ? r->had : 1);

	if (gap_us > SLOWEST_US)
		gap_us = SLOWEST_US;
	if (r->next_us + SWEEP_EVERY_MS * 1000 < now_us)
		r->next_us = now_us - SWEEP_EVERY_MS * 1000; /* none were due: no debt builds up */
	list_for_safe (node, &r->list) {
		struct exchange *x = container_of(node, struct exchange, lasting.node);

		if (r->next_us > now_us)
			return;
		if (!is_due(&x->lasting, now_us - r->down_us))
			continue;
		r->next_us += gap_us;
		exchange_give_up(
		    x, FAULT_REGION_LEFT, x->lasting.on_region_down.what == ON_DOWN_DRAIN);
	}
}

/* Where the service fails open it is not: who was sent away would come back to the same place. */
static bool
is_left(const struct service_region *r)
{
	enum region_state state = service_region_state(r);

	return state == REGION_EVACUATED || (state == REGION_DOWN && !service_region_has_share(r));
}

static void
on_sweep(void *arg)
{
	struct worker *w = arg;
	uint64_t now_us = clock_now_us();

	list_for_safe (node, &w->lasting_regions) {
		struct service_region *r = container_of(node, struct service_region, lasting.node);

		if (!is_left(r)) {
			r->lasting.down_us = 0;
			continue;
		}
		if (r->lasting.down_us == 0) {
			r->lasting.down_us = r->lasting.next_us = now_us;
			r->lasting.had = r->lasting.count;
		}
		end_some(&r->lasting, now_us);
	}
	if (!list_empty(&w->lasting_regions))
		timer_start(w->loop->timers, &w->lasting_sweep, SWEEP_EVERY_MS, on_sweep, w);
}

void
lasting_open(struct worker *w)
{
	list_init(&w->lasting_regions);
}

void
lasting_close(struct worker *w)
{
	timer_stop(&w->lasting_sweep);
}
