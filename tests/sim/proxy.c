/* SPDX-License-Identifier: Apache-2.0 */
/* The core, fed and read as control and the workers do it. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "policy.h"
#include "world.h"

static void
plan(struct world *w)
{
	w->plan = (struct steer_plan){
		.service = "shop",
		.policy = usual_policy,
		.regions = w->regions,
		.region_count = w->is->region_count,
	};
	w->plan.policy.share.standby_share = w->is->standby_share;
	w->plan.policy.share.fail_open = w->is->fail_open;
	w->plan.policy.share.spill = w->is->spill_all_down ? SPILL_ALL_DOWN : SPILL_GRADUAL;
	for (unsigned i = 0; i < w->is->region_count; i++) {
		for (unsigned k = 0; k < w->is->endpoint_count; k++) {
			w->ids[i][k] = i * SIM_ENDPOINTS + k;
			w->weights[k] = 1;
		}
		w->regions[i] = (struct steer_region_plan){
			.name = w->names[i],
			.provider = "",
			.tier = w->is->region[i].tier,
			.weight = w->region_weights[i],
			.capacity = w->is->region[i].capacity,
			.endpoint_count = w->is->endpoint_count,
			.ids = w->ids[i],
			.weights = w->weights,
			.checked = true,
		};
	}
}

/* Endpoints are told as state_dir has them: until its first check each is as it was. */
static void
restore(struct world *w)
{
	uint64_t now_ms = world_core_ms(w, 0);

	for (unsigned i = 0; i < w->is->region_count; i++) {
		steer_restore_region(w->core, &w->saved[i], now_ms - w->saved_now_ms, now_ms);
		for (unsigned k = 0; k < w->is->endpoint_count; k++) {
			const struct sim_endpoint *e = &w->region[i].endpoint[k];

			if (e->track.state != ENDPOINT_UNKNOWN)
				steer_probe(
				    w->core, i, k, e->track.state, REASON_RESTORED, 0, now_ms);
		}
	}
}

void
proxy_start(struct world *w)
{
	assert(!w->running);
	plan(w);
	w->core = steer_new(&w->plan, NULL, world_core_ms(w, 0));
	if (w->saved_now_ms > 0)
		restore(w);
	w->budget = (struct retry_budget){ 0 };
	checks_start(w);
	w->running = true;
	w->anew = true;
	proxy_tick(w, 0, false);
}

void
proxy_stop(struct world *w)
{
	w->saved_now_ms = world_core_ms(w, 0);
	for (unsigned i = 0; i < w->is->region_count; i++)
		steer_save_region(w->core, i, w->saved_now_ms, &w->saved[i]);
	steer_free(w->core);
	w->core = NULL;
	w->running = false;
	tries_forget(w);
}

void
proxy_reload(struct world *w)
{
	struct steer *before = w->core;

	plan(w);
	w->core = steer_new(&w->plan, before, world_core_ms(w, 0));
	steer_free(before);
	w->anew = true;
}

static void
see(struct world *w, uint64_t now_ms)
{
	for (unsigned i = 0; i < w->is->region_count; i++) {
		struct sim_region *r = &w->region[i];

		for (uint32_t left = r->touched; left != 0; left &= left - 1) {
			unsigned k = (unsigned)__builtin_ctz(left);

			steer_see(w->core, i, k, &r->endpoint[k].delta, now_ms);
			r->endpoint[k].delta = (struct evidence){ 0 };
		}
		r->touched = 0;
	}
}

static bool
is_used(enum endpoint_state state, unsigned level)
{
	return level == 2 || state == (level == 0 ? ENDPOINT_UP : ENDPOINT_UNKNOWN);
}

void
proxy_count_able(struct sim_region *r)
{
	r->able = 0;
	for (unsigned i = 0; i < r->used_count; i++)
		r->able += r->endpoint[r->used[i]].fate == FATE_USUAL;
}

/* What is not up gets its part of the region's tries. */
static void
lighten(struct sim_region *r)
{
	unsigned up = 0, weight;
	double due;

	for (unsigned i = 0; i < r->used_count; i++)
		up += r->endpoint[r->used[i]].usable;
	if (up == 0 || up == r->used_count || r->out.blind >= 1)
		return;
	due = up * r->out.blind / (1 - r->out.blind) / (r->used_count - up);
	weight = due < 1 ? (unsigned)(due * ENDPOINT_WEIGHT_FULL) : ENDPOINT_WEIGHT_FULL;
	r->used_weight = 0;
	for (unsigned i = 0; i < r->used_count; i++) {
		struct sim_endpoint *e = &r->endpoint[r->used[i]];

		e->weight = e->usable ? ENDPOINT_WEIGHT_FULL : weight;
		r->used_weight += e->weight;
	}
}

/* As balancers do: what is up; else what is not probed yet; else any. Failing open: any. */
static void
read_endpoints(struct world *w, unsigned region)
{
	struct sim_region *r = &w->region[region];
	bool any = r->out.blind > 0;
	enum endpoint_state states[SIM_ENDPOINTS];

	for (unsigned k = 0; k < w->is->endpoint_count; k++) {
		struct steer_endpoint_out out;

		steer_endpoint(w->core, region, k, &out);
		states[k] = out.state;
		r->endpoint[k].usable = out.state == ENDPOINT_UP;
		r->endpoint[k].weight = out.weight;
	}
	r->used_count = 0;
	for (unsigned level = any ? 2 : 0; level < 3 && r->used_count == 0; level++) {
		r->used_weight = 0;
		for (unsigned k = 0; k < w->is->endpoint_count; k++) {
			if (!is_used(states[k], level))
				continue;
			if (level > 0)
				r->endpoint[k].weight = ENDPOINT_WEIGHT_FULL;
			r->used[r->used_count++] = k;
			r->used_weight += r->endpoint[k].weight;
		}
	}
	if (any)
		lighten(r);
	if (r->used_weight == 0)
		r->used_count = 0;
	r->turn = r->used_count > 0 ? r->turn % r->used_count : 0;
	proxy_count_able(r);
}

static void
read_words(struct world *w)
{
	double shares[SIM_REGIONS];
	uint32_t words[SIM_REGIONS];

	for (unsigned i = 0; i < w->is->region_count; i++)
		shares[i] = w->region[i].out.share;
	share_words(shares, w->is->region_count, words);
	for (unsigned i = 0; i < w->is->region_count; i++)
		w->region[i].word = words[i];
}

static const struct histogram_sum *
take_second(struct sim_region *r)
{
	r->now = (struct histogram_sum){ 0 };
	histogram_merge(&r->now, &r->first_byte);
	memset(&r->first_byte, 0, sizeof r->first_byte);
	return &r->now;
}

static void
fill_seen(struct world *w, struct steer_region_seen *regions, bool second)
{
	for (unsigned i = 0; i < w->is->region_count; i++) {
		struct sim_region *r = &w->region[i];

		regions[i] = (struct steer_region_seen){
			.in_flight = r->waiting +
			    (uint32_t)(r->answered * (r->latency_us / 1000.0 / TICK_MS)),
			.completions = r->completions,
			.first_byte = second ? take_second(r) : NULL,
			.capacity_share = 1,
		};
		r->completions = 0;
	}
}

void
proxy_tick(struct world *w, unsigned into_tick_ms, bool regular)
{
	uint64_t now_ms = world_core_ms(w, into_tick_ms);
	struct steer_region_seen regions[SIM_REGIONS];
	struct steer_seen seen = {
		.demand = w->arrived_sum,
		.regions = regions,
		.wishes = &w->wishes,
		.wall_ms = (uint64_t)((int64_t)w->t_ms + w->wall_jumped_ms + (1ll << 40)),
		.second = regular && (w->t_ms + into_tick_ms) / 1000 > w->second,
	};
	bool changed, anew;

	if (seen.second)
		w->second = (w->t_ms + into_tick_ms) / 1000;
	see(w, now_ms);
	fill_seen(w, regions, seen.second);
	w->urgent = false;
	changed = steer_tick(w->core, &seen, now_ms, &w->facts);
	anew = w->anew || steer_mode(w->core) != w->mode;
	w->anew = false;
	w->mode = steer_mode(w->core);
	for (unsigned i = 0; i < w->is->region_count; i++) {
		struct sim_region *r = &w->region[i];
		double blind = r->out.blind;

		steer_region(w->core, i, &r->out);
		if (steer_endpoints_changed(w->core, i) || fabs(blind - r->out.blind) > 0 || anew)
			read_endpoints(w, i);
	}
	if (changed)
		read_words(w);
}
