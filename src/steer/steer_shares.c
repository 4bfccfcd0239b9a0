/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "steer_private.h"

static const double dust = 1e-9;
static const double demand_step = 0.02;    /* smaller changes of demand move nothing */
static const double least_capacity = 1e-6; /* none at all, which share_region cannot say */
static const double cold = 0.1;            /* of its capacity, a standby that has been idle */
static const double least_in_flight = 10;
static const double blind_step = 0.05;

/* ---- inputs: the states in share_compute()'s terms ---- */

static double
factor_of(const struct steer *s, const struct steered_region *r, bool settle)
{
	const struct region_policy *policy = &s->plan->policy.region;

	if (!settle)
		return r->region.factor;
	switch (r->region.state) {
	case REGION_UP:
	case REGION_SUSPECT:
	case REGION_RAMP:
		return 1;
	case REGION_HOLD:
		return policy->manual_failback ? 0 : 1;
	case REGION_GREY:
		return policy->sensor_share;
	case REGION_DOWN:
	case REGION_EVACUATED:
		return 0;
	}
	abort();
}

/* A ramp that has just begun has as little share as a wait, and is as well. */
static enum share_reserve
reserve_of(const struct steer *s, const struct steered_region *r)
{
	bool waits = r->region.state == REGION_HOLD ||
	    (r->region.state == REGION_RAMP && r->region.factor <= 0);

	if (!waits)
		return RESERVE_NONE;
	return s->plan->policy.region.manual_failback || s->frozen ? RESERVE_LAST : RESERVE_SHED;
}

static double
part_of_capacity(const struct steered_region *r, double part)
{
	return r->plan->capacity > 0 ? fmax(least_capacity, r->plan->capacity * part) : 0;
}

static double
capacity_of(const struct steered_region *r)
{
	return part_of_capacity(r, r->capacity_share);
}

/* Grows from 10 % over warm_up from when it began to take traffic; a region that always does, or
 * that has been idle for less than warm_up, is warm. */
static double
warm_of(const struct steer *s, const struct steered_region *r)
{
	uint32_t warm_up_ms = s->plan->policy.warm_up_ms;
	double age;

	if (r->plan->capacity <= 0 || warm_up_ms == 0)
		return 1;
	if (r->warm_since_ms == 0)
		return r->idle_since_ms != 0 && s->now_ms - r->idle_since_ms >= warm_up_ms ? cold
											   : 1;
	age = (double)(s->now_ms - r->warm_since_ms) / warm_up_ms;
	return fmin(1, cold + (1 - cold) * age);
}

static void
input_health(
    const struct steer *s, const struct steered_region *r, bool settle, struct share_region *in)
{
	const struct steered_health *h = &r->health;
	/*
	 * At the start the first probes of a standby may come back before those of a preferred
	 * region: until all had time to, what is not known counts as healthy, or traffic would go
	 * to the standby for a moment. A plan without a running proxy knows of none at all.
	 */
	bool trust = s->in_grace || (settle && h->total - h->unknown <= 0);

	in->total = h->total;
	in->healthy = (settle ? h->up : h->serving) + (trust ? h->unknown : 0);
	in->unknown = trust ? 0 : h->unknown;
}

void
steer_share_inputs(const struct steer *s, bool settle, struct share_region *inputs)
{
	uint32_t lowest = UINT32_MAX;

	for (unsigned i = 0; i < s->plan->region_count; i++) {
		if (s->plan->regions[i].tier < lowest)
			lowest = s->plan->regions[i].tier;
	}
	memset(inputs, 0, s->plan->region_count * sizeof *inputs); /* compared as bytes */
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		const struct steered_region *r = &s->regions[i];
		struct share_region *in = &inputs[i];

		in->tier = r->plan->tier;
		in->weight = r->plan->weight;
		input_health(s, r, settle, in);
		in->factor = factor_of(s, r, settle);
		in->reserve = settle ? RESERVE_NONE : reserve_of(s, r);
		in->evacuated = r->evacuated || r->region.state == REGION_EVACUATED;
		in->capacity = capacity_of(r);
		in->pinned = r->pinned;
		in->warm = settle || in->tier == lowest ? 1 : warm_of(s, r);
	}
}

/* Lost: excluded, even when failing open. */
void
steer_what_if(const struct steer *s, int lose, double demand, bool settle, const double *parts,
    struct share_plan *plan)
{
	struct share_region inputs[SHARE_MAX_REGIONS];

	steer_share_inputs(s, settle, inputs);
	for (unsigned i = 0; parts != NULL && i < s->plan->region_count; i++)
		inputs[i].capacity = part_of_capacity(&s->regions[i], parts[i]);
	if (lose >= 0) {
		inputs[lose].healthy = 0;
		inputs[lose].unknown = 0;
		inputs[lose].factor = 0;
		inputs[lose].reserve = RESERVE_NONE;
		inputs[lose].evacuated = true;
	}
	share_compute(inputs, s->plan->region_count, &s->plan->policy.share, demand, plan);
}

/* ---- target ---- */

static bool
demand_moved(const struct steer *s)
{
	double least = demand_step * s->planned_demand;

	if ((s->demand > 0) != (s->planned_demand > 0))
		return true;
	return fabs(s->demand - s->planned_demand) > least;
}

static bool
any_capacity(const struct steer *s)
{
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		if (s->regions[i].plan->capacity > 0)
			return true;
	}
	return false;
}

/* At the start a share by health that nobody has proven yet is what it was: unproven. */
static void
name_mode(struct steer *s)
{
	if (!s->in_grace || s->target.mode != SHARE_NORMAL)
		return;
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		if (s->regions[i].health.up > 0 && s->target.share[i] > 0)
			return;
	}
	s->target.mode = SHARE_UNPROVEN;
}

/* Workers rebuild their lists when it changes, so not at each breath of demand. */
static double
in_steps(double blind)
{
	return fmin(1, ceil(blind / blind_step - dust) * blind_step);
}

/* Slow start makes a region weigh less, not ill. */
static void
take_panic(struct steer *s)
{
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		struct steered_region *r = &s->regions[i];
		double known = r->health.total - r->health.unknown;

		r->blind = in_steps(s->target.blind[i]);
		if (s->target.mode == SHARE_NORMAL &&
		    r->health.up >= s->plan->policy.share.panic_threshold * known)
			r->blind = 0;
	}
}

/* False: nothing it depends on has changed. */
static bool
aim(struct steer *s)
{
	struct share_region inputs[SHARE_MAX_REGIONS];
	struct share_policy policy = s->plan->policy.share;
	size_t size = s->plan->region_count * sizeof inputs[0];
	bool moved = any_capacity(s) && demand_moved(s);

	policy.standby_share = fmax(policy.standby_share, s->lent);
	steer_share_inputs(s, false, inputs);
	if (s->placed && !s->in_grace && !moved && memcmp(inputs, s->inputs, size) == 0 &&
	    fabs(policy.standby_share - s->trickle) <= dust)
		return false;
	memcpy(s->inputs, inputs, size);
	s->trickle = policy.standby_share;
	if (moved || !s->placed)
		s->planned_demand = s->demand;
	share_compute(inputs, s->plan->region_count, &policy, s->planned_demand, &s->target);
	name_mode(s);
	s->mode = s->target.mode;
	for (unsigned i = 0; i < s->plan->region_count; i++)
		s->regions[i].target = s->target.share[i];
	take_panic(s);
	return true;
}

/* ---- step ---- */

static double
health_of(const struct share_region *in)
{
	double known = in->total - in->unknown;

	return known > 0 ? in->healthy / known : 0;
}

/*
 * Must its loss happen at once? When it is down or out, or waits and is not needed (any more); when
 * endpoints of it were lost since its share was last where it should be; when it has more than its
 * capacity; and when it is grey, whose steps are its speed limit already.
 */
static bool
must_leave(const struct steer *s, unsigned i)
{
	const struct steered_region *r = &s->regions[i];
	const struct share_region *in = &s->inputs[i];
	double most = in->healthy > 0 ? health_of(in) * in->capacity : in->capacity;

	if (in->evacuated || in->healthy <= 0 || r->region.state == REGION_DOWN)
		return true;
	if (r->region.state == REGION_HOLD && r->target <= 0)
		return true;
	if (r->region.state == REGION_GREY)
		return !s->frozen;
	if (health_of(in) < r->settled_health - dust)
		return true;
	return in->capacity > 0 && r->share * s->planned_demand > most * (1 + dust);
}

static bool
pin_pending(const struct steer *s)
{
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		const struct steered_region *r = &s->regions[i];

		if (!isnan(r->pinned) && fabs(r->share - r->target) > dust)
			return true;
	}
	return false;
}

/* Frozen: nothing soft moves but what people asked for, and what is needed to stop refusing. */
static double
soft_rate(const struct steer *s)
{
	if (!s->frozen || pin_pending(s) || s->shed > s->target.shed + dust)
		return s->plan->policy.move_per_s;
	return 0;
}

static double
sum_of(const double *shares, unsigned count)
{
	double sum = 0;

	for (unsigned i = 0; i < count; i++)
		sum += shares[i];
	return sum;
}

/* Shedding is left slowly: what all gain together is bounded, whoever else loses. */
static void
leave_shedding_slowly(const struct steer *s, const double *now, uint64_t dt_ms, double *next)
{
	unsigned count = s->plan->region_count;
	double most = s->plan->policy.shed_leave_per_s * (double)dt_ms / 1000;
	double excess = sum_of(next, count) - sum_of(now, count) - most;
	double gains = 0;

	if (excess <= 0 || s->shed <= dust)
		return;
	for (unsigned i = 0; i < count; i++)
		gains += fmax(0, next[i] - now[i]);
	for (unsigned i = 0; i < count; i++) {
		if (next[i] > now[i])
			next[i] -= (next[i] - now[i]) * excess / gains;
	}
}

/*
 * At the start and out of nothing there are no shares to move from; and a service that refuses
 * everything, or cannot but, is not made to wait.
 */
static bool
must_jump(const struct steer *s, const double *now)
{
	return !s->placed || s->in_grace || s->target.mode == SHARE_FAIL_CLOSED ||
	    s->target.mode == SHARE_NOTHING || sum_of(now, s->plan->region_count) <= dust;
}

static void
advance(struct steer *s, const double *now, uint64_t dt_ms, double *next)
{
	bool hard[SHARE_MAX_REGIONS];
	unsigned count = s->plan->region_count;

	if (must_jump(s, now)) {
		memcpy(next, s->target.share, count * sizeof *next);
		return;
	}
	for (unsigned i = 0; i < count; i++)
		hard[i] = must_leave(s, i);
	share_step(now, &s->target, hard, count, soft_rate(s), dt_ms, next);
	leave_shedding_slowly(s, now, dt_ms, next);
}

/* When a region began and ceased to take traffic: whether it is warm. */
static void
note_traffic(struct steer *s, struct steered_region *r)
{
	if (r->share <= 0) {
		r->idle_since_ms = r->idle_since_ms != 0 ? r->idle_since_ms : s->now_ms;
		r->warm_since_ms = 0;
		return;
	}
	if (r->idle_since_ms != 0 && s->now_ms - r->idle_since_ms >= s->plan->policy.warm_up_ms &&
	    s->placed)
		r->warm_since_ms = s->now_ms;
	r->idle_since_ms = 0;
}

/* Returns whether any share changed. */
static bool
place(struct steer *s, const double *next)
{
	bool changed = !s->placed;
	bool settled = true;

	for (unsigned i = 0; i < s->plan->region_count; i++) {
		struct steered_region *r = &s->regions[i];

		changed = changed || fabs(next[i] - r->share) > 0;
		r->share = next[i];
		/* Beside one that only errs, what can be tried just once is better off here too. */
		r->trickle = s->target.trickle[i] && r->share <= r->target + dust && s->lent <= 0;
		note_traffic(s, r);
		settled = settled && fabs(r->share - r->target) <= dust;
	}
	s->shed = fmax(0, 1 - sum_of(next, s->plan->region_count));
	if (s->shed < dust)
		s->shed = 0;
	s->settled = settled;
	s->placed = true;
	for (unsigned i = 0; settled && i < s->plan->region_count; i++)
		s->regions[i].settled_health = health_of(&s->inputs[i]);
	return changed;
}

bool
steer_share(struct steer *s, const struct steer_seen *seen, uint64_t dt_ms, struct facts *facts)
{
	double now[SHARE_MAX_REGIONS] = { 0 };
	double next[SHARE_MAX_REGIONS] = { 0 };
	enum share_mode was = s->mode;
	bool aimed, changed;

	assert(seen->demand >= 0);
	for (unsigned i = 0; i < s->plan->region_count; i++)
		now[i] = s->regions[i].share;
	aimed = aim(s);
	if (!aimed && s->settled) {
		steer_tell_shares(s, now, was, facts);
		return false;
	}
	advance(s, now, dt_ms, next);
	changed = place(s, next);
	steer_tell_shares(s, now, was, facts);
	return changed || aimed;
}

/* ---- limits ---- */

static int
by_value(const void *a, const void *b)
{
	const double *x = a;
	const double *y = b;

	return (*x > *y) - (*x < *y);
}

void
steer_learn_latency(struct steered_region *r, double us)
{
	double sorted[BASE_SLOTS];

	r->base_us[r->base_at] = us;
	r->base_at = (r->base_at + 1) % BASE_SLOTS;
	r->base_count += r->base_count < BASE_SLOTS;
	memcpy(sorted, r->base_us, r->base_count * sizeof sorted[0]);
	qsort(sorted, r->base_count, sizeof sorted[0], by_value);
	r->base_median_us = sorted[r->base_count / 2];
}

/*
 * The latency that limits go by. A region that has not served long enough to know its own, as a
 * standby in the first half minute of a failover, when it needs its limit most, is given that of
 * the slowest other region: they answer the same requests. If its own first answers took longer,
 * it is farther away, and is given that; later ones may be slow because there are too many.
 */
static double
latency_us(const struct steer *s, const struct steered_region *r)
{
	double own = r->base_median_us, others = 0;

	if (own > 0 || r->first_us <= 0)
		return own;
	for (unsigned i = 0; i < s->plan->region_count; i++)
		others = fmax(others, s->regions[i].base_median_us);
	return others > 0 ? fmax(others, r->first_us) : 0;
}

/*
 * In flight twice what Little's law says for the capacity: it is what protects a region that has
 * become slow. Three standard deviations of arrivals on top, or chance would throttle a small
 * region; 0 until the latency is known.
 */
static double
most_in_flight(double capacity, double latency_us)
{
	double usual = capacity * latency_us / 1e6;

	return usual > 0 ? fmax(least_in_flight, ceil(2 * usual + 3 * sqrt(usual))) : 0;
}

/*
 * h * C: half of the endpoints can do half. A region whose health is ignored, or that nobody can
 * tell about, is taken at its word.
 */
static double
limit_of(const struct steered_region *r)
{
	double known = r->health.total - r->health.unknown;

	if (r->blind > 0 || r->health.up <= 0 || known <= 0)
		return capacity_of(r);
	return capacity_of(r) * r->health.up / known;
}

/*
 * The hard caps. The rate is the capacity of what is up, for a cold standby too: at the moment of a
 * failover what was caught must find a place before the next tick plans for it.
 */
bool
steer_limit(struct steer *s, const struct steer_seen *seen)
{
	bool changed = false;

	for (unsigned i = 0; i < s->plan->region_count; i++) {
		struct steered_region *r = &s->regions[i];
		double limit = limit_of(r);
		double in_flight = r->limit_in_flight;

		if (limit <= 0)
			in_flight =
			    0; /* its capacity has left the configuration, or never was there */
		else if (seen->second)
			in_flight = most_in_flight(limit, latency_us(s, r));
		changed = changed || fabs(limit - r->limit) > 0 ||
		    fabs(in_flight - r->limit_in_flight) > 0;
		r->limit = limit;
		r->limit_in_flight = in_flight;
	}
	return changed;
}
