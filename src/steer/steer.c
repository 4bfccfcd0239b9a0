/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/steer.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "steer_private.h"

enum {
	DT_MAX_MS = 200, /* a late tick is no reason for a leap */
	BASE_KEPT_MS = 3600 * 1000,
};

static uint64_t
callers_time(const struct steer *s, uint64_t ms)
{
	int64_t t = (int64_t)ms - s->skew_ms;

	return t > 0 ? (uint64_t)t : 0;
}

void
steer_tell(struct steer *s, struct facts *facts, struct fact fact)
{
	fact.at_ms = s->now_ms;
	fact.service = s->plan->service;
	if (fact.region == NULL)
		fact.region = "";
	if (fact.rule == NULL)
		fact.rule = "";
	facts_add(facts, fact);
}

/* Unchecked endpoints are up until traffic says otherwise. */
static void
endpoint_start(
    struct steered_endpoint *e, const struct steer_region_plan *plan, unsigned i, uint64_t now_ms)
{
	e->id = plan->ids[i];
	e->checked = plan->checked ? ENDPOINT_UNKNOWN : ENDPOINT_UP;
	e->reason = plan->checked ? REASON_FIRST_CHECK_PENDING : REASON_NOT_CHECKED;
	e->checked_since_ms = now_ms;
	e->out.since_ms = now_ms;
}

static void
endpoints_open(struct steered_region *r, const struct steer_region_plan *plan, uint64_t now_ms)
{
	r->endpoints = mem_lines(plan->endpoint_count * sizeof *r->endpoints);
	r->outliers = mem_array(plan->endpoint_count, sizeof(struct outlier *));
	r->healthy = mem_array(plan->endpoint_count, sizeof(bool));
	r->changed = mem_array(plan->endpoint_count, sizeof(bool));
	for (unsigned i = 0; i < plan->endpoint_count; i++) {
		endpoint_start(&r->endpoints[i], plan, i, now_ms);
		r->endpoints[i].weight = plan->weights[i];
		r->outliers[i] = &r->endpoints[i].outlier;
	}
}

static void
region_open(struct steered_region *r, const struct steer_region_plan *plan, uint64_t now_ms)
{
	r->plan = plan;
	region_start(&r->region, REGION_UP, now_ms);
	r->capacity_share = 1;
	r->pinned = NAN;
	r->idle_since_ms = now_ms;
	r->stale = true;
	r->settled_health = 1;
}

static void
region_close(struct steered_region *r)
{
	mem_free(r->endpoints);
	mem_free(r->outliers);
	mem_free(r->healthy);
	mem_free(r->changed);
}

static struct steered_region *
find_region(const struct steer *s, const char *name)
{
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		if (strcmp(s->regions[i].plan->name, name) == 0)
			return &s->regions[i];
	}
	return NULL;
}

/* Endpoints keep their order more often than not: the search begins where the last one ended. */
static void
inherit_endpoints(struct steered_region *r, const struct steered_region *from)
{
	unsigned at = 0;

	for (unsigned i = 0; i < r->plan->endpoint_count; i++) {
		for (unsigned n = 0; n < from->plan->endpoint_count; n++) {
			const struct steered_endpoint *e =
			    &from->endpoints[(at + n) % from->plan->endpoint_count];

			if (e->id != r->endpoints[i].id)
				continue;
			r->endpoints[i] = *e;
			r->endpoints[i].weight = r->plan->weights[i];
			at = (unsigned)(e - from->endpoints) + 1;
			break;
		}
	}
}

static bool
has_same_endpoints(const struct steer_region_plan *a, const struct steer_region_plan *b)
{
	return a->endpoint_count == b->endpoint_count &&
	    memcmp(a->ids, b->ids, a->endpoint_count * sizeof a->ids[0]) == 0;
}

/*
 * What is known of an endpoint is 3.5 KiB, and most tables have the endpoints of the one before:
 * those of such a region are taken over where they are. r has all else of from.
 */
static void
take_endpoints(struct steered_region *r, struct steered_region *from)
{
	from->endpoints = NULL;
	from->outliers = NULL;
	from->healthy = NULL;
	from->changed = NULL;
	for (unsigned i = 0; i < r->plan->endpoint_count; i++)
		r->endpoints[i].weight = r->plan->weights[i];
}

static void
inherit_region(struct steered_region *r, struct steered_region *from, uint64_t now_ms)
{
	const struct steer_region_plan *plan = r->plan;

	*r = *from;
	r->plan = plan;
	r->endpoints_changed = true;
	r->stale = true;
	r->judge = true;
	if (has_same_endpoints(plan, from->plan)) {
		take_endpoints(r, from);
	} else {
		endpoints_open(r, plan, now_ms);
		inherit_endpoints(r, from);
	}
}

/* What removed regions had goes to those that stay: it is not to be shed until shares are stepped.
 */
static void
spread_missing(struct steer *s)
{
	double sum = 0;

	for (unsigned i = 0; i < s->plan->region_count; i++)
		sum += s->regions[i].share;
	if (sum <= 0) {
		s->placed = false;
		return;
	}
	for (unsigned i = 0; i < s->plan->region_count; i++)
		s->regions[i].share *= (1 - s->shed) / sum;
}

static void
inherit(struct steer *s, const struct steer *before, uint64_t now_ms)
{
	const struct steer_plan *plan = s->plan;
	struct steered_region *regions = s->regions;

	*s = *before;
	s->plan = plan;
	s->regions = regions;
	s->wishes_read = false;
	s->settled = false;
	s->shed_region = plan->region_count;
	for (unsigned i = 0; i < plan->region_count; i++) {
		struct steered_region *from = find_region(before, plan->regions[i].name);

		if (from != NULL)
			inherit_region(&regions[i], from, now_ms);
	}
	if (s->placed)
		spread_missing(s);
}

struct steer *
steer_new(const struct steer_plan *plan, struct steer *before, uint64_t now_ms)
{
	struct steer *s = mem_new(sizeof *s);

	assert(plan->region_count <= SHARE_MAX_REGIONS);
	s->plan = plan;
	s->regions = mem_array(plan->region_count, sizeof *s->regions);
	s->start_ms = now_ms;
	s->in_grace = true;
	if (before != NULL)
		now_ms = steer_time(before, now_ms);
	for (unsigned i = 0; i < plan->region_count; i++)
		region_open(&s->regions[i], &plan->regions[i], now_ms);
	if (before != NULL)
		inherit(s, before, now_ms);
	for (unsigned i = 0; i < plan->region_count; i++) {
		if (s->regions[i].endpoints == NULL)
			endpoints_open(&s->regions[i], &plan->regions[i], now_ms);
		steer_rate(s, &s->regions[i]);
	}
	return s;
}

void
steer_free(struct steer *s)
{
	for (unsigned i = 0; i < s->plan->region_count; i++)
		region_close(&s->regions[i]);
	mem_free(s->regions);
	mem_free(s);
}

static void
end_grace(struct steer *s)
{
	if (!s->in_grace || s->now_ms - s->start_ms < GRACE_MS)
		return;
	s->in_grace = false;
	for (unsigned i = 0; i < s->plan->region_count; i++)
		s->regions[i].stale = true;
}

static void
observe(struct steer *s, const struct steer_seen *seen, struct facts *facts)
{
	end_grace(s);
	steer_read_wishes(s, seen, facts);
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		struct steered_region *r = &s->regions[i];

		r->endpoints_changed = false;
		r->capacity_share = fmax(0, seen->regions[i].capacity_share);
		steer_judge(s, r, seen->second, facts);
	}
}

/* Time and counts go on while everything is held; what they say is not acted upon. */
static void
let_pass(struct steer *s)
{
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		struct steered_region *r = &s->regions[i];

		evidence_window_add(&r->window, &r->tick, s->now_ms);
		r->tick = (struct evidence){ 0 };
		r->second = (struct evidence){ 0 };
		stall_let_pass(&r->stall);
		steer_end_run(r);
		r->endpoints_changed = false;
	}
}

/* Facts are written in the steering's own time, as the states are; they leave in the caller's. */
static void
translate(const struct steer *s, struct facts *facts, unsigned from)
{
	for (unsigned i = from; i < facts->count; i++)
		facts->list[i].at_ms = callers_time(s, facts->list[i].at_ms);
}

bool
steer_tick(struct steer *s, const struct steer_seen *seen, uint64_t now_ms, struct facts *facts)
{
	uint64_t before_ms = s->now_ms;
	unsigned first_fact = facts->count;
	bool changed = false;
	uint64_t dt_ms;

	s->demand = seen->demand;
	if (steer_guard(s, now_ms, facts)) {
		let_pass(s);
		translate(s, facts, first_fact);
		return false;
	}
	dt_ms = before_ms == 0 ? 0 : s->now_ms - before_ms;
	if (dt_ms > DT_MAX_MS)
		dt_ms = DT_MAX_MS;
	observe(s, seen, facts);
	changed = steer_step_regions(s, seen, dt_ms, facts) || changed;
	changed = steer_share(s, seen, dt_ms, facts) || changed;
	steer_tell_shed(s, seen, facts);
	changed = steer_limit(s, seen) || changed;
	for (unsigned i = 0; i < s->plan->region_count; i++)
		changed = changed || s->regions[i].endpoints_changed;
	if (seen->second)
		steer_tell_redundancy(s, seen->without, facts);
	translate(s, facts, first_fact);
	return changed;
}

enum share_mode
steer_mode(const struct steer *s)
{
	return s->mode;
}

double
steer_shed(const struct steer *s)
{
	return s->shed;
}

double
steer_demand(const struct steer *s)
{
	return s->demand;
}

bool
steer_self_suspect(const struct steer *s)
{
	return s->suspect_since_ms != 0;
}

const struct steer_plan *
steer_plan_of(const struct steer *s)
{
	return s->plan;
}

void
steer_region(const struct steer *s, unsigned region, struct steer_region_out *out)
{
	const struct steered_region *r = &s->regions[region];
	const struct steer_loss loss = steer_loss(s, region);
	double known = r->health.total - r->health.unknown;

	*out = (struct steer_region_out){
		.region = r->region,
		.share = r->share,
		.target = r->target,
		.health = known > 0 ? r->health.up / known : NAN,
		.limit = r->limit,
		.limit_in_flight = r->limit_in_flight,
		.shed_by_rate = r->shed_by_rate,
		.shed_in_flight = r->shed_in_flight,
		.blind = r->blind,
		.trickle = r->trickle,
		.loss = loss.told ? loss.missed : 0,
	};
	out->region.since_ms = callers_time(s, r->region.since_ms);
}

struct steer_shed_out
steer_shed_seen(const struct steer *s)
{
	return (struct steer_shed_out){ s->shed_rate, s->refused_rate,
		s->shedding ? callers_time(s, s->shed_since_ms) : 0 };
}

bool
steer_endpoints_changed(const struct steer *s, unsigned region)
{
	return s->regions[region].endpoints_changed;
}

void
steer_endpoint(
    const struct steer *s, unsigned region, unsigned endpoint, struct steer_endpoint_out *out)
{
	*out = s->regions[region].endpoints[endpoint].out;
	out->since_ms = callers_time(s, out->since_ms);
}

void
steer_save_region(
    const struct steer *s, unsigned region, uint64_t now_ms, struct steer_saved_region *saved)
{
	const struct steered_region *r = &s->regions[region];
	uint64_t age_ms = steer_time(s, now_ms) - r->region.since_ms;

	*saved = (struct steer_saved_region){
		.state = r->region.state,
		.age_ms = age_ms,
		.relapses = r->region.relapses,
		.hold_left_ms = r->region.state == REGION_HOLD && r->region.hold_ms > age_ms
		    ? r->region.hold_ms - age_ms
		    : 0,
		.p50_us = grey_base_p50_us(&r->grey),
		.p95_us = grey_base_p95_us(&r->grey),
		.mean_us = (uint64_t)r->base_median_us,
		.factor = r->region.factor,
	};
	assert(strlen(r->plan->name) < sizeof saved->name);
	memcpy(saved->name, r->plan->name, strlen(r->plan->name) + 1);
}

/* Since when, and how long to hold: as if it had not been away, as far as the clock reaches back.
 */
static void
resume(
    struct region *r, const struct steer_saved_region *saved, uint64_t passed_ms, uint64_t now_ms)
{
	uint64_t age_ms = saved->age_ms + passed_ms;
	uint64_t left_ms = saved->hold_left_ms > passed_ms ? saved->hold_left_ms - passed_ms : 0;

	if (age_ms > now_ms)
		age_ms = now_ms;
	r->since_ms = now_ms - age_ms;
	r->hold_ms = r->state == REGION_HOLD ? age_ms + left_ms : 0;
}

static void
resume_latencies(
    struct steered_region *r, const struct steer_saved_region *saved, uint64_t passed_ms)
{
	if (passed_ms > BASE_KEPT_MS)
		return;
	grey_restore(&r->grey, saved->p50_us, saved->p95_us);
	if (saved->mean_us == 0)
		return;
	r->base_count = r->base_at = 0;
	steer_learn_latency(r, (double)saved->mean_us);
}

/*
 * Where it was, as far as that still means something: a suspicion does not, and EVACUATED follows
 * from its wish. A ramp begins anew.
 */
void
steer_restore_region(
    struct steer *s, const struct steer_saved_region *saved, uint64_t passed_ms, uint64_t now_ms)
{
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		struct region *r = &s->regions[i].region;

		if (strcmp(s->plan->regions[i].name, saved->name) != 0)
			continue;
		resume_latencies(&s->regions[i], saved, passed_ms);
		r->relapses = saved->relapses;
		r->relapses_at_ms = now_ms > passed_ms ? now_ms - passed_ms : 0;
		if (saved->state == REGION_UP || saved->state == REGION_SUSPECT ||
		    saved->state == REGION_EVACUATED)
			return;
		region_start(r, saved->state, now_ms);
		r->signal = SIGNAL_TIME;
		if (saved->state == REGION_GREY)
			r->factor = s->plan->policy.region.sensor_share;
		else if (saved->state == REGION_RAMP)
			r->factor = fmin(saved->factor, 1);
		resume(r, saved, passed_ms, now_ms);
		return;
	}
}
