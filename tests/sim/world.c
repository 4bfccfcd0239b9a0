/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <stdio.h>

#include "base/mem.h"

/* A clock that has run for a while: 0 means "never" in many places. */
static const uint64_t boot_ms = 1000000;

double
sim_chance(struct rng *r)
{
	return (double)(rng_next(r) >> 11) / (double)(1ull << 53);
}

uint32_t
sim_round(struct rng *r, double x)
{
	uint32_t whole = (uint32_t)x;

	return whole + (x > whole && sim_chance(r) < x - whole);
}

uint64_t
world_core_ms(const struct world *w, unsigned into_tick_ms)
{
	return boot_ms + w->jumped_ms + w->t_ms + into_tick_ms;
}

struct world *
world_new(const struct scenario *s)
{
	struct world *w = mem_new(sizeof *w);

	w->is = s;
	w->surge = 1;
	rng_seed(&w->rng, s->seed);
	for (unsigned i = 0; i < s->region_count; i++) {
		struct sim_region *r = &w->region[i];

		snprintf(w->names[i], sizeof w->names[i], "r%u", i % 100);
		r->is = &s->region[i];
		r->factor = 1;
		w->region_weights[i] = s->region[i].weight;
		r->latency_us = r->is->latency_us;
		for (unsigned k = 0; k < s->endpoint_count; k++)
			r->endpoint[k].slow = 1;
	}
	proxy_start(w);
	return w;
}

void
world_free(struct world *w)
{
	if (w->core != NULL)
		steer_free(w->core);
	mem_free(w);
}

void
world_step(struct world *w)
{
	w->facts.count = w->facts.lost = 0;
	w->requests = w->ok = w->failed = w->shed = w->reached = 0;
	(void)troubles_apply(w);
	if (w->running) {
		if (!w->stalled)
			checks_run(w);
		traffic_run(w);
		if (w->urgent && !w->stalled)
			proxy_tick(w, TICK_MS / 2, false);
		if (!w->stalled)
			proxy_tick(w, TICK_MS, true);
		tries_move_on(w);
	}
	w->tick++;
	w->t_ms += TICK_MS;
}
