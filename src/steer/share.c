/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/share.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* Below this a share is the dust of arithmetic. */
static const double dust = 1e-9;

/* One computation; all shares and limits are parts of demand. */
struct fill {
	const struct share_region *regions;
	unsigned count;
	const struct share_policy *policy;
	double *x;                        /* given so far */
	double left;                      /* not given yet */
	double health[SHARE_MAX_REGIONS]; /* healthy / known; 0 when nothing is known */
	double part[SHARE_MAX_REGIONS];   /* weight * health of what takes part by the formula */
	double limit[SHARE_MAX_REGIONS];  /* of step 2, were its factor 1 */
	double most[SHARE_MAX_REGIONS];   /* health * capacity; INFINITY: not stated */
	bool pinned[SHARE_MAX_REGIONS];
};

static double
known_weight(const struct share_region *r)
{
	return r->total - r->unknown;
}

/* Well enough to serve and allowed to, whether its turn has come or not. */
static bool
is_able(const struct share_region *r)
{
	return !r->evacuated && r->healthy > 0 && known_weight(r) > 0;
}

static bool
is_eligible(const struct share_region *r)
{
	return is_able(r) && r->weight > 0 && r->factor > 0;
}

/* With demand 0 no capacity binds. */
static double
as_part(double rate, double demand)
{
	return demand > 0 ? rate / demand : INFINITY;
}

/*
 * Water-filling: hands amount out in proportion to part, none above its room, and what a full one
 * leaves goes to the others. Room is used up. Returns what found no place.
 */
static double
pour(double amount, unsigned count, const double *part, double *room, double *x)
{
	while (amount > 0) {
		double open = 0;
		double each;
		bool overflowed = false;

		for (unsigned i = 0; i < count; i++)
			open += room[i] > 0 ? part[i] : 0;
		if (open <= 0)
			return amount;
		each = amount / open;
		for (unsigned i = 0; i < count; i++) {
			if (part[i] <= 0 || room[i] <= 0 || part[i] * each < room[i])
				continue;
			x[i] += room[i];
			amount -= room[i];
			room[i] = 0;
			overflowed = true;
		}
		if (overflowed)
			continue;
		for (unsigned i = 0; i < count; i++) {
			if (room[i] <= 0)
				continue;
			x[i] += part[i] * each;
			room[i] -= part[i] * each;
		}
		return 0;
	}
	return 0;
}

/* The next tier above this one (or the first: above -1); false when there is none. */
static bool
next_tier(const struct fill *f, int64_t *tier)
{
	int64_t best = INT64_MAX;

	for (unsigned i = 0; i < f->count; i++) {
		if (f->regions[i].tier > *tier && f->regions[i].tier < best)
			best = f->regions[i].tier;
	}
	*tier = best;
	return best != INT64_MAX;
}

/* A tier's weight: of all its regions of which anything is known, serving or not. */
static double
tier_weight(const struct fill *f, uint32_t tier)
{
	double weight = 0;

	for (unsigned i = 0; i < f->count; i++) {
		const struct share_region *r = &f->regions[i];

		if (r->tier == tier && !f->pinned[i] && known_weight(r) > 0)
			weight += r->weight;
	}
	return weight;
}

static bool
tier_has_capacity(const struct fill *f, uint32_t tier)
{
	for (unsigned i = 0; i < f->count; i++) {
		if (f->regions[i].tier == tier && f->regions[i].capacity > 0)
			return true;
	}
	return false;
}

/* min(1, OPF * available / total), Envoy's health of a tier. */
static double
tier_health(const struct fill *f, uint32_t tier)
{
	double weight = tier_weight(f, tier);
	double available = 0;

	for (unsigned i = 0; i < f->count; i++)
		available += f->regions[i].tier == tier ? f->part[i] : 0;
	return weight > 0 ? fmin(1, f->policy->overprovisioning * available / weight) : 0;
}

/*
 * A region without capacity, in a tier of such: its part of the tier, times health, times
 * overprovisioning. Their sum is OPF * available / total, so that filling tier after tier to
 * these limits is load(i) = min(1 - sum of load(j < i), health(i)).
 */
static double
limit_by_health(const struct fill *f, unsigned i)
{
	const struct share_region *r = &f->regions[i];

	if (f->policy->spill == SPILL_ALL_DOWN || tier_has_capacity(f, r->tier))
		return INFINITY;
	return f->policy->overprovisioning * f->part[i] / tier_weight(f, r->tier);
}

static void
fill_open(struct fill *f, double demand)
{
	for (unsigned i = 0; i < f->count; i++) {
		const struct share_region *r = &f->regions[i];

		f->health[i] = known_weight(r) > 0 ? r->healthy / known_weight(r) : 0;
		f->pinned[i] = !isnan(r->pinned) && is_able(r) &&
		    (r->factor > 0 || r->reserve != RESERVE_NONE);
		f->part[i] = is_eligible(r) && !f->pinned[i] ? r->weight * f->health[i] : 0;
		f->most[i] =
		    r->capacity > 0 ? as_part(f->health[i] * r->capacity, demand) : INFINITY;
		f->x[i] = 0;
	}
	for (unsigned i = 0; i < f->count; i++) {
		const struct share_region *r = &f->regions[i];

		if (f->part[i] <= 0)
			f->limit[i] = 0;
		else if (r->capacity > 0 && r->warm > 0)
			f->limit[i] = f->policy->max_utilization * r->warm * f->most[i];
		else if (r->capacity > 0)
			f->limit[i] = 0;
		else
			f->limit[i] = limit_by_health(f, i);
	}
	f->left = 1;
}

/* Step 1. Pins that sum to more than everything are taken as proportions. */
static void
fill_pins(struct fill *f)
{
	double sum = 0;

	for (unsigned i = 0; i < f->count; i++)
		sum += f->pinned[i] ? f->regions[i].pinned : 0;
	for (unsigned i = 0; i < f->count; i++) {
		if (!f->pinned[i])
			continue;
		f->x[i] = fmin(f->regions[i].pinned / fmax(1, sum), f->most[i]);
		f->left -= f->x[i];
	}
	f->left = fmax(0, f->left);
}

/*
 * Step 2 for one tier. First as if every factor were 1; then the regions below 1 are limited to
 * that factor of what they got, and what they give up goes to the others by the same rule. So a
 * region that ramps or is left moves in step with its factor, whatever slack overprovisioning or
 * capacity would have given it.
 */
static void
fill_tier(struct fill *f, int64_t tier)
{
	double part[SHARE_MAX_REGIONS] = { 0 };
	double room[SHARE_MAX_REGIONS];
	double whole[SHARE_MAX_REGIONS] = { 0 };
	bool partial = false;

	for (unsigned i = 0; i < f->count; i++) {
		part[i] = f->regions[i].tier == tier ? f->part[i] : 0;
		room[i] = f->limit[i];
		partial = partial || (part[i] > 0 && f->regions[i].factor < 1);
	}
	if (partial) {
		(void)pour(f->left, f->count, part, room, whole);
		for (unsigned i = 0; i < f->count; i++) {
			double factor = f->regions[i].factor;

			room[i] = factor < 1 ? factor * whole[i] : f->limit[i];
		}
	}
	f->left = pour(f->left, f->count, part, room, f->x);
}

static bool
has_whole_factor(const struct fill *f, unsigned i)
{
	return f->part[i] > 0 && f->regions[i].factor >= 1;
}

/* Step 3. In proportion to what their limits were: the sum is then load(i) = health(i) / total. */
static void
fill_unlimited(struct fill *f)
{
	double part[SHARE_MAX_REGIONS] = { 0 };
	double room[SHARE_MAX_REGIONS];

	for (unsigned i = 0; i < f->count; i++) {
		bool takes = has_whole_factor(f, i) && f->regions[i].capacity <= 0;

		part[i] = takes ? f->limit[i] : 0;
		if (takes && isinf(f->limit[i]))
			part[i] = f->part[i];
		room[i] = INFINITY;
	}
	f->left = pour(f->left, f->count, part, room, f->x);
}

/* Step 4, tier by tier. */
static void
fill_capacity(struct fill *f)
{
	double part[SHARE_MAX_REGIONS] = { 0 };
	double room[SHARE_MAX_REGIONS];

	for (int64_t tier = -1; f->left > 0 && next_tier(f, &tier);) {
		for (unsigned i = 0; i < f->count; i++) {
			part[i] =
			    f->regions[i].tier == tier && has_whole_factor(f, i) ? f->part[i] : 0;
			room[i] = f->most[i] - f->x[i];
		}
		f->left = pour(f->left, f->count, part, room, f->x);
	}
}

/* Step 5. */
static void
fill_reserves(struct fill *f)
{
	double part[SHARE_MAX_REGIONS] = { 0 };
	double room[SHARE_MAX_REGIONS];

	for (unsigned i = 0; i < f->count; i++) {
		part[i] = f->part[i] * f->regions[i].factor;
		room[i] = f->most[i] - f->x[i];
	}
	f->left = pour(f->left, f->count, part, room, f->x);
	for (unsigned i = 0; i < f->count; i++) {
		const struct share_region *r = &f->regions[i];
		bool waits = r->reserve == RESERVE_SHED && is_able(r) && !f->pinned[i];

		part[i] = waits ? r->weight * f->health[i] : 0;
		room[i] = f->most[i] - f->x[i];
	}
	f->left = pour(f->left, f->count, part, room, f->x);
}

/* Step 6: in proportion to the pins; those pinned to nothing only when no other is left. */
static void
fill_pinned_beyond(struct fill *f)
{
	double part[SHARE_MAX_REGIONS] = { 0 };
	double room[SHARE_MAX_REGIONS];

	for (unsigned i = 0; i < f->count; i++) {
		part[i] = f->pinned[i] ? f->regions[i].pinned : 0;
		room[i] = f->most[i] - f->x[i];
	}
	f->left = pour(f->left, f->count, part, room, f->x);
	for (unsigned i = 0; i < f->count; i++)
		part[i] = f->pinned[i] && f->regions[i].pinned <= 0 ? f->health[i] : 0;
	f->left = pour(f->left, f->count, part, room, f->x);
}

/* The lowest tier that takes traffic by the formula; INT64_MAX: none. */
static int64_t
serving_tier(const struct fill *f)
{
	int64_t lowest = INT64_MAX;

	for (unsigned i = 0; i < f->count; i++) {
		if (f->x[i] > 0 && !f->pinned[i] && f->regions[i].tier < lowest)
			lowest = f->regions[i].tier;
	}
	return lowest;
}

/*
 * The trickle to standbys: standby_share in all, by weight, taken in proportion from the lowest
 * serving tier. A region above it that gets as much anyway needs none.
 */
static void
fill_standby(struct fill *f, bool *trickle)
{
	int64_t lowest = serving_tier(f);
	double base = 0;
	double standby = 0;
	double taken = 0;

	for (unsigned i = 0; i < f->count; i++) {
		if (f->regions[i].tier == lowest && !f->pinned[i])
			base += f->x[i];
		else if (f->regions[i].tier > lowest)
			standby += f->part[i] * f->regions[i].factor;
	}
	if (f->policy->standby_share <= 0 || standby <= 0 || base <= 0)
		return;
	for (unsigned i = 0; i < f->count; i++) {
		double due = f->policy->standby_share * f->part[i] * f->regions[i].factor / standby;

		if (f->regions[i].tier <= lowest || f->part[i] <= 0)
			continue;
		if (f->regions[i].capacity > 0)
			due = fmin(due, f->limit[i]);
		due = fmax(0, fmin(due - f->x[i], base - taken));
		trickle[i] = f->x[i] <= 0 && due > 0;
		f->x[i] += due;
		taken += due;
	}
	for (unsigned i = 0; i < f->count; i++) {
		if (f->regions[i].tier == lowest && !f->pinned[i])
			f->x[i] -= taken * f->x[i] / base;
	}
}

/*
 * Panic only when the tiers together are not whole: spilling over comes first (envoy#3304).
 */
static void
mark_panic(const struct fill *f, struct share_plan *plan)
{
	double total = 0;

	for (int64_t tier = -1; next_tier(f, &tier);)
		total += tier_health(f, (uint32_t)tier);
	for (unsigned i = 0; total < 1 && i < f->count; i++) {
		double bearable = f->policy->overprovisioning * f->health[i];

		if (plan->share[i] <= 0 || f->health[i] >= f->policy->panic_threshold)
			continue;
		plan->blind[i] = 1 - fmin(1, fmin(bearable, f->most[i] / plan->share[i]));
	}
}

static void
settle_shed(struct share_plan *plan, unsigned count)
{
	double sum = 0;

	for (unsigned i = 0; i < count; i++) {
		if (plan->share[i] < dust)
			plan->share[i] = 0;
		sum += plan->share[i];
	}
	plan->shed = 1 - sum > dust ? 1 - sum : 0;
}

static void
share_by_health(struct fill *f, double demand, struct share_plan *plan)
{
	fill_open(f, demand);
	fill_pins(f);
	for (int64_t tier = -1; f->left > 0 && next_tier(f, &tier);)
		fill_tier(f, tier);
	if (f->left > 0) {
		fill_unlimited(f);
		fill_capacity(f);
		fill_reserves(f);
		fill_pinned_beyond(f);
	}
	fill_standby(f, plan->trickle);
	mark_panic(f, plan);
}

/* What waits or was pinned is as good as up when there is nothing else. */
static void
share_reserves(struct fill *f, double demand, struct share_plan *plan)
{
	struct share_region regions[SHARE_MAX_REGIONS];
	struct fill reserves = *f;

	memcpy(regions, f->regions, f->count * sizeof regions[0]);
	for (unsigned i = 0; i < f->count; i++)
		regions[i].factor = regions[i].reserve != RESERVE_NONE ? 1 : 0;
	reserves.regions = regions;
	share_by_health(&reserves, demand, plan);
}

/* Nothing is known to be up: by weight over those that may be asked, capacity respected. */
static void
share_by_weight(const struct share_region *regions, unsigned count, const bool *asked,
    double demand, struct share_plan *plan)
{
	double part[SHARE_MAX_REGIONS] = { 0 };
	double room[SHARE_MAX_REGIONS];

	for (unsigned i = 0; i < count; i++) {
		part[i] = asked[i] ? regions[i].weight : 0;
		room[i] = regions[i].capacity > 0 ? as_part(regions[i].capacity, demand) : INFINITY;
		plan->share[i] = 0;
	}
	(void)pour(1, count, part, room, plan->share);
}

/* See share.h. Were overprovisioning 1, this would be by weight too. */
static void
fail_open(const struct share_region *regions, unsigned count, const bool *asked,
    const struct share_policy *policy, double demand, struct share_plan *plan)
{
	double well[SHARE_MAX_REGIONS] = { 0 }, ill[SHARE_MAX_REGIONS] = { 0 };
	double room_well[SHARE_MAX_REGIONS], room[SHARE_MAX_REGIONS];
	double weight = 0, weight_well = 0, good;

	for (unsigned i = 0; i < count; i++) {
		const struct share_region *r = &regions[i];
		double health = asked[i] ? r->healthy / r->total : 0;

		well[i] = r->weight * health;
		ill[i] = asked[i] ? r->weight * (1 - health) : 0;
		weight += well[i] + ill[i];
		weight_well += well[i];
		room[i] = r->capacity > 0 ? as_part(r->capacity, demand) : INFINITY;
		room_well[i] = r->capacity > 0 ? health * room[i] : INFINITY;
	}
	good = fmin(1, policy->overprovisioning * weight_well / weight);
	(void)pour(good, count, well, room_well, plan->share);
	good = 0;
	for (unsigned i = 0; i < count; i++) {
		room[i] -= plan->share[i];
		plan->blind[i] = -plan->share[i];
		good += plan->share[i];
	}
	(void)pour(1 - good, count, ill, room, plan->share);
	for (unsigned i = 0; i < count; i++) {
		plan->blind[i] += plan->share[i];
		if (plan->share[i] > 0)
			plan->blind[i] /= plan->share[i];
	}
}

static bool
any_of(const bool *list, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (list[i])
			return true;
	}
	return false;
}

/* The lowest tier only: a standby that is not proven either is no better. */
static bool
ask_unknown(const struct share_region *regions, unsigned count, bool *asked)
{
	uint32_t lowest = UINT32_MAX;

	for (unsigned i = 0; i < count; i++) {
		asked[i] = !regions[i].evacuated && regions[i].weight > 0 && regions[i].unknown > 0;
		if (asked[i] && regions[i].tier < lowest)
			lowest = regions[i].tier;
	}
	for (unsigned i = 0; i < count; i++)
		asked[i] = asked[i] && regions[i].tier == lowest;
	return any_of(asked, count);
}

static bool
ask_all(const struct share_region *regions, unsigned count, bool *asked)
{
	for (unsigned i = 0; i < count; i++)
		asked[i] = !regions[i].evacuated && regions[i].weight > 0 && regions[i].total > 0;
	return any_of(asked, count);
}

/* Is there anything to share by health, now or (reserve) among what waits? */
static bool
any_able(const struct share_region *regions, unsigned count, bool reserve)
{
	for (unsigned i = 0; i < count; i++) {
		bool weighs = regions[i].weight > 0 || !isnan(regions[i].pinned);
		bool has_turn =
		    reserve ? regions[i].reserve != RESERVE_NONE : regions[i].factor > 0;

		if (is_able(&regions[i]) && weighs && has_turn)
			return true;
	}
	return false;
}

void
share_compute(const struct share_region *regions, unsigned count, const struct share_policy *policy,
    double demand, struct share_plan *plan)
{
	struct fill f = { .regions = regions, .count = count, .policy = policy, .x = plan->share };
	bool asked[SHARE_MAX_REGIONS];

	assert(count <= SHARE_MAX_REGIONS);
	memset(plan, 0, sizeof *plan);
	if (any_able(regions, count, false)) {
		plan->mode = SHARE_NORMAL;
		share_by_health(&f, demand, plan);
	} else if (any_able(regions, count, true)) {
		plan->mode = SHARE_NORMAL;
		share_reserves(&f, demand, plan);
	} else if (ask_unknown(regions, count, asked)) {
		plan->mode = SHARE_UNPROVEN;
		share_by_weight(regions, count, asked, demand, plan);
	} else if (!ask_all(regions, count, asked)) {
		plan->mode = SHARE_NOTHING;
	} else if (policy->fail_open) {
		plan->mode = SHARE_FAIL_OPEN;
		fail_open(regions, count, asked, policy, demand, plan);
	} else {
		plan->mode = SHARE_FAIL_CLOSED;
	}
	settle_shed(plan, count);
}
