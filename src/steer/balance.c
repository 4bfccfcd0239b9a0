/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/balance.h"

#include <stdlib.h>

#include "balancer.h"
#include "conf/topology.h"
#include "steer/region.h"
#include "steer/share.h"

static bool
is_in(const struct table_region *region, uint64_t regions)
{
	return (regions >> region->index & 1) != 0;
}

static enum region_state
state_of(const struct table_region *region)
{
	return (enum region_state)atomic_load_explicit(
	    &region->steering->state, memory_order_relaxed);
}

static bool
is_excluded(const struct table_region *region, const struct pick *pick)
{
	return is_in(region, pick->exclude_regions) || state_of(region) == REGION_EVACUATED;
}

/*
 * A share that is there to learn from, not to serve: what a grey region keeps, and a standby's
 * trickle. A request that cannot be tried a second time is not the one to learn with.
 */
static bool
is_trial(const struct table_region *region, const struct pick *pick)
{
	return pick->unsafe &&
	    (state_of(region) == REGION_GREY ||
		atomic_load_explicit(&region->steering->trickle, memory_order_relaxed) != 0);
}

static bool
is_avoided(const struct table_region *region, const struct pick *pick)
{
	return is_in(region, pick->avoid_regions) || is_trial(region, pick);
}

/* How many of the tried endpoints are among this region's usable ones. */
static unsigned
tried_and_up(const struct table_region *region, const struct pick *pick)
{
	unsigned count = 0;

	for (unsigned i = 0; i < pick->tried_count; i++) {
		int at = table_region_index(region, pick->tried[i]);

		count += at >= 0 &&
		    members_accept(MEMBERS_UP,
		        atomic_load_explicit(
			    &region->endpoints[at]->word, memory_order_relaxed));
	}
	return count;
}

static bool
is_blind(const struct table_region *region)
{
	return atomic_load_explicit(&region->steering->blind, memory_order_relaxed) != 0;
}

/*
 * Does the region have an endpoint left for this pick? Counts instead of searching: a region of
 * thousands with few up must not cost each retry a walk. Failing open, the walk ends at the first
 * endpoint that neither drains nor was tried.
 */
static bool
has_endpoint(const struct table_region *region, const struct pick *pick)
{
	unsigned usable = atomic_load_explicit(&region->steering->usable, memory_order_relaxed);

	if (region->endpoint_count == 0)
		return false;
	if (usable > 0 && !is_blind(region))
		return usable > pick->tried_count || usable > tried_and_up(region, pick);
	for (unsigned i = 0; i < region->endpoint_count; i++) {
		const struct endpoint *e = region->endpoints[i];
		unsigned word = atomic_load_explicit(&e->word, memory_order_relaxed);

		if (members_accept(MEMBERS_NOT_DRAINING, word) && !pick_was_tried(pick, e))
			return true;
	}
	return false;
}

/* The share this region stands for in a draw among the avoided, or among the others. */
static uint32_t
share_for(const struct table_region *region, const struct pick *pick, bool avoided)
{
	uint32_t share = atomic_load_explicit(&region->steering->share, memory_order_relaxed);

	if (share == 0 || is_excluded(region, pick) || is_avoided(region, pick) != avoided ||
	    !has_endpoint(region, pick))
		return 0;
	return share;
}

/*
 * Two readings, one to sum and one to draw, with no copy between them: control may change the
 * words meanwhile. Then the draw can fall beyond the end, and the last region seen stands.
 */
static int
by_share(const struct table_service *s, const struct pick *pick, bool avoided)
{
	uint32_t sum = 0;
	uint32_t drawn;
	int last = -1;

	for (unsigned i = 0; i < s->region_count; i++) {
		uint32_t share = share_for(&s->regions[i], pick, avoided);

		sum += share;
		if (share > 0)
			last = (int)i;
	}
	if (last < 0)
		return -1;
	drawn = rng_below(pick->rng, sum);
	for (unsigned i = 0; i < s->region_count; i++) {
		uint32_t share = share_for(&s->regions[i], pick, avoided);

		if (share == 0)
			continue;
		if (drawn < share)
			return (int)i;
		drawn -= share;
		last = (int)i;
	}
	return last;
}

/* What is not down goes before what is, however good its endpoints look to the checks. */
static bool
is_better(const struct table_region *a, const struct table_region *b)
{
	bool a_down = state_of(a) == REGION_DOWN;

	if (a_down != (state_of(b) == REGION_DOWN))
		return !a_down;
	if (a->conf->tier != b->conf->tier)
		return a->conf->tier < b->conf->tier;
	return a->conf->weight > b->conf->weight;
}

/* Among regions that have no share but could serve. */
static int
by_tier(const struct table_service *s, const struct pick *pick, bool avoided)
{
	int best = -1;

	for (unsigned i = 0; i < s->region_count; i++) {
		const struct table_region *r = &s->regions[i];

		if (r->conf->weight == 0 || is_excluded(r, pick) ||
		    is_avoided(r, pick) != avoided)
			continue;
		if (atomic_load_explicit(&r->steering->usable, memory_order_relaxed) == 0)
			continue;
		if (best >= 0 && !is_better(r, &s->regions[best]))
			continue;
		if (has_endpoint(r, pick))
			best = (int)i;
	}
	return best;
}

static int
any_region(const struct table_service *s, const struct pick *pick)
{
	int region = by_share(s, pick, false);

	if (region < 0)
		region = by_tier(s, pick, false);
	if (region < 0 && (pick->avoid_regions != 0 || pick->unsafe)) {
		region = by_share(s, pick, true);
		if (region < 0)
			region = by_tier(s, pick, true);
	}
	return region;
}

int
balance_region(const struct table_service *s, const struct pick *pick)
{
	int region = any_region(s, pick);

	if (region >= 0)
		return region;
	/*
	 * A share can pass from a region not yet read to one already read, and none be seen.
	 * Control moves shares in steps far apart, so one more look cannot meet the same.
	 */
	atomic_thread_fence(memory_order_acquire);
	return any_region(s, pick);
}
