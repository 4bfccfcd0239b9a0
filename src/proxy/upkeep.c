// SPDX-License-Identifier: Apache-2.0
#include "proxy/upkeep.h"

#include "base/timer.h"
#include "net/loop.h"
#include "proxy/pool.h"
#include "proxy/service.h"
#include "proxy/worker_state.h"

enum {
	UPKEEP_EVERY_MS = 1000,
	/* Of one region by one worker: with many endpoints the workers keep different ones. */
	WARM_ENDPOINTS = 32,
};

static void
close_kept(struct worker *w, const struct service_region *r)
{
	for (unsigned i = 0; i < r->now->endpoint_count; i++) {
		struct pool_slot *slot = pool_slot_of(w->pool, r->now->endpoints[i]);

		if (slot != NULL)
			pool_close_idle(slot);
	}
}

static void
keep_warm(struct worker *w, struct service *s, struct service_region *r)
{
	unsigned count = r->now->endpoint_count;
	unsigned most = count < WARM_ENDPOINTS ? count : WARM_ENDPOINTS;

	for (unsigned i = 0; i < most; i++) {
		struct endpoint *ep =
		    r->now->endpoints[(w->setup.index * WARM_ENDPOINTS + i) % count];
		unsigned word = atomic_load_explicit(&ep->word, memory_order_relaxed);

		if (endpoint_word_state(word) == ENDPOINT_UP)
			pool_warm(
			    pool_slot(w->pool, s, r, ep), s->now->conf->failover.warm_connections);
	}
}

/* One that gets no traffic, or only a trickle, and could be needed any moment. */
static bool
is_standby(const struct service_region *r)
{
	return r->now->conf->weight > 0 && (r->now->conf->tier > 0 || !service_region_has_share(r));
}

static void
look_after(struct worker *w, struct service *s, struct service_region *r)
{
	switch (service_region_state(r)) {
	case REGION_DOWN:
		if (!service_region_has_share(r)) /* else the service fails open */
			close_kept(w, r);
		return;
	case REGION_EVACUATED:
		return;
	case REGION_UP:
	case REGION_SUSPECT:
	case REGION_GREY:
	case REGION_HOLD:
	case REGION_RAMP:
		break;
	}
	if (w->pressure < PRESSURE_SHRINK && is_standby(r) && s->region_count > 1 &&
	    s->now->conf->failover.warm_connections > 0)
		keep_warm(w, s, r);
}

static void
on_upkeep(void *arg)
{
	struct worker *w = arg;

	if (w->draining)
		return;
	pressure_relieve(w);
	for (unsigned i = 0; i < services_count(w->services); i++) {
		struct service *s = services_at(w->services, i);

		for (unsigned r = 0; r < s->region_count; r++)
			look_after(w, s, s->regions[r]);
	}
	timer_start(w->loop->timers, &w->upkeep, UPKEEP_EVERY_MS, on_upkeep, w);
}

void
upkeep_start(struct worker *w)
{
	timer_start(w->loop->timers, &w->upkeep, UPKEEP_EVERY_MS, on_upkeep, w);
}

void
upkeep_stop(struct worker *w)
{
	timer_stop(&w->upkeep);
}
