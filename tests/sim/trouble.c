/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "world.h"

enum { CREEP_MS = 20000, CREEP_STEP_MS = 500 };

static bool
hurts(const struct trouble *t, uint32_t t_ms)
{
	if (!trouble_during(t, t_ms))
		return false;
	return t->period_ms == 0 || (t_ms - t->at_ms) % t->period_ms < t->period_ms / 2;
}

static double
crept(const struct trouble *t, uint32_t t_ms)
{
	double part = (double)(t_ms - t->at_ms) / CREEP_MS;

	return 1 + (t->amount - 1) * (part < 1 ? part : 1);
}

static void
strike_endpoint(struct sim_endpoint *e, const struct trouble *t, uint32_t t_ms)
{
	switch (t->kind) {
	case TROUBLE_CRASH:
		e->refuses = true;
		break;
	case TROUBLE_LIE_UP:
		e->refuses = true;
		e->lies_up = true;
		break;
	case TROUBLE_LIE_DOWN:
		e->lies_down = true;
		break;
	case TROUBLE_RESET:
		e->resets = true;
		break;
	case TROUBLE_BLACKHOLE:
	case TROUBLE_ONE_WAY:
		e->vanishes = true;
		break;
	case TROUBLE_HANG:
		e->hangs = true;
		break;
	case TROUBLE_SLOW:
		e->slow *= t->amount;
		break;
	case TROUBLE_CREEP:
		e->slow *= crept(t, t_ms);
		break;
	case TROUBLE_ERRORS:
		if (t->amount > e->errors)
			e->errors = t->amount;
		break;
	case TROUBLE_SHRINK:
	case TROUBLE_STALL:
	case TROUBLE_CLOCK:
	case TROUBLE_WALL:
	case TROUBLE_RESTART:
	case TROUBLE_RELOAD:
	case TROUBLE_SURGE:
	case TROUBLE_EVACUATE:
	case TROUBLE_FREEZE:
	case TROUBLE_KINDS:
		break;
	}
}

static void
strike_endpoints(struct world *w, const struct trouble *t, bool active)
{
	for (unsigned i = 0; i < w->is->region_count; i++) {
		unsigned last = t->count == 0 ? w->is->endpoint_count : t->first + t->count;

		if (t->region != SIM_REGIONS && t->region != i)
			continue;
		for (unsigned k = t->first; k < last && k < w->is->endpoint_count; k++) {
			w->region[i].endpoint[k].troubled_ms = w->t_ms;
			w->region[i].endpoint[k].troubled = true;
			if (active)
				strike_endpoint(&w->region[i].endpoint[k], t, w->t_ms);
		}
	}
}

static void
wish(struct world *w, enum wish_kind kind, const struct trouble *t)
{
	struct wish x = { .kind = kind, .owner = "sim", .reason = "drawn" };
	uint64_t wall_ms = (uint64_t)((int64_t)w->t_ms + w->wall_jumped_ms + (1ll << 40));

	if (kind == WISH_EVACUATE)
		memcpy(x.region, w->names[t->region], sizeof w->names[0]);
	x.made_wall_ms = wall_ms;
	x.until_wall_ms = wall_ms + 72ull * 3600 * 1000;
	(void)wishes_set(&w->wishes, &x);
}

static void
begin(struct world *w, const struct trouble *t)
{
	switch (t->kind) {
	case TROUBLE_CLOCK:
		w->jumped_ms += (uint64_t)t->amount;
		break;
	case TROUBLE_WALL:
		w->wall_jumped_ms += (int64_t)t->amount;
		break;
	case TROUBLE_RESTART:
		if (w->running)
			proxy_stop(w);
		break;
	case TROUBLE_RELOAD:
		if (t->amount >= 1 && t->region < w->is->region_count)
			w->region_weights[t->region] = (unsigned)t->amount;
		if (w->running)
			proxy_reload(w);
		break;
	case TROUBLE_EVACUATE:
		if (t->region < w->is->region_count)
			wish(w, WISH_EVACUATE, t);
		break;
	case TROUBLE_FREEZE:
		wish(w, WISH_FREEZE, t);
		break;
	case TROUBLE_CRASH:
	case TROUBLE_RESET:
	case TROUBLE_BLACKHOLE:
	case TROUBLE_ONE_WAY:
	case TROUBLE_HANG:
	case TROUBLE_SLOW:
	case TROUBLE_CREEP:
	case TROUBLE_ERRORS:
	case TROUBLE_LIE_DOWN:
	case TROUBLE_LIE_UP:
	case TROUBLE_SHRINK:
	case TROUBLE_STALL:
	case TROUBLE_SURGE:
	case TROUBLE_KINDS:
		break; /* what lasts follows from active[] */
	}
}

/* A wish is taken back when no other trouble still wants it. */
static void
end_wishes(struct world *w, const struct trouble *ended)
{
	for (unsigned i = 0; i < w->is->trouble_count; i++) {
		const struct trouble *t = &w->is->trouble[i];

		if (w->active[i] && t->kind == ended->kind &&
		    (t->region == ended->region || t->kind == TROUBLE_FREEZE))
			return;
	}
	if (ended->kind == TROUBLE_FREEZE)
		(void)wishes_drop(&w->wishes, WISH_FREEZE, "", "");
	if (ended->kind == TROUBLE_EVACUATE && ended->region < w->is->region_count)
		(void)wishes_drop(&w->wishes, WISH_EVACUATE, "", w->names[ended->region]);
}

static void
clear_truth(struct world *w)
{
	w->stalled = false;
	w->surge = 1;
	for (unsigned i = 0; i < w->is->region_count; i++) {
		w->region[i].factor = 1;
		w->region[i].evacuated = false;
		for (unsigned k = 0; k < w->is->endpoint_count; k++) {
			struct sim_endpoint *e = &w->region[i].endpoint[k];

			if (e->troubled)
				e->troubled_ms = w->t_ms;
			e->refuses = e->resets = e->vanishes = e->hangs = false;
			e->lies_down = e->lies_up = e->troubled = false;
			e->slow = 1;
			e->errors = 0;
		}
	}
}

static void
strike(struct world *w, const struct trouble *t, bool *restarting)
{
	switch (trouble_scope(t->kind)) {
	case SCOPE_ENDPOINTS:
		return;
	case SCOPE_REGION:
		if (t->region >= w->is->region_count)
			return;
		if (t->kind == TROUBLE_SHRINK)
			w->region[t->region].factor *= t->amount;
		else
			w->region[t->region].evacuated = true;
		return;
	case SCOPE_PROXY:
		w->stalled |= t->kind == TROUBLE_STALL;
		*restarting |= t->kind == TROUBLE_RESTART;
		if (t->kind == TROUBLE_SURGE)
			w->surge *= t->amount;
		return;
	}
}

static enum fate
fate_of(const struct sim_endpoint *e)
{
	if (e->refuses || e->resets)
		return FATE_RESET;
	if (e->vanishes)
		return FATE_VANISH;
	return e->hangs ? FATE_HANG : FATE_USUAL;
}

static void
truth(struct world *w)
{
	bool restarting = false;

	clear_truth(w);
	for (unsigned i = 0; i < w->is->trouble_count; i++) {
		const struct trouble *t = &w->is->trouble[i];

		if (w->active[i])
			strike(w, t, &restarting);
		if (w->during[i] && trouble_scope(t->kind) == SCOPE_ENDPOINTS)
			strike_endpoints(w, t, w->active[i]);
	}
	for (unsigned i = 0; i < w->is->region_count; i++) {
		for (unsigned k = 0; k < w->is->endpoint_count; k++) {
			struct sim_endpoint *e = &w->region[i].endpoint[k];

			enum fate was = e->fate;

			e->bad = e->refuses || e->resets || e->vanishes || e->hangs ||
			    e->slow > 1 || e->slow < 1 || e->errors > 0;
			e->fate = fate_of(e);
			if (e->fate != was)
				tries_redirect(w, i, k, e->fate);
		}
		proxy_count_able(&w->region[i]);
	}
	if (!w->running && !restarting)
		proxy_start(w);
}

static uint32_t
next_edge(const struct trouble *t, uint32_t now_ms)
{
	uint32_t length_ms = t->for_ms > 0 ? t->for_ms : TICK_MS;

	if (now_ms < t->at_ms)
		return t->at_ms;
	if (now_ms - t->at_ms >= length_ms)
		return UINT32_MAX;
	if (t->kind == TROUBLE_CREEP && now_ms + CREEP_STEP_MS < t->at_ms + length_ms)
		return now_ms + CREEP_STEP_MS;
	return t->period_ms > 0 ? now_ms + TICK_MS : t->at_ms + length_ms;
}

bool
troubles_apply(struct world *w)
{
	bool changed = false;

	memset(w->began, 0, sizeof w->began);
	memset(w->ended, 0, sizeof w->ended);
	if (w->t_ms < w->next_edge_ms)
		return false;
	w->next_edge_ms = UINT32_MAX;
	for (unsigned i = 0; i < w->is->trouble_count; i++) {
		const struct trouble *t = &w->is->trouble[i];
		bool was = w->active[i];
		uint32_t edge_ms = next_edge(t, w->t_ms);

		w->active[i] = hurts(t, w->t_ms);
		w->began[i] = w->active[i] && !was;
		w->ended[i] = was && !w->active[i];
		changed |= was != w->active[i] || w->during[i] != trouble_during(t, w->t_ms);
		w->during[i] = trouble_during(t, w->t_ms);
		changed |= w->during[i] && t->kind == TROUBLE_CREEP;
		if (edge_ms < w->next_edge_ms)
			w->next_edge_ms = edge_ms;
	}
	if (!changed)
		return false;
	for (unsigned i = 0; i < w->is->trouble_count; i++) {
		if (w->began[i])
			begin(w, &w->is->trouble[i]);
		if (w->ended[i])
			end_wishes(w, &w->is->trouble[i]);
	}
	truth(w);
	return true;
}
