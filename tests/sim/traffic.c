/* SPDX-License-Identifier: Apache-2.0 */
/* Requests: how many come, and to which regions and endpoints they go. */

#include <math.h>

#include "world.h"

static const double retry_share = 0.2; /* retry.budget */

static void
shed(struct world *w, uint32_t n)
{
	w->shed += n;
	w->again[(w->tick + 50 + rng_below(&w->rng, 70)) % AGAIN_TICKS] +=
	    sim_round(&w->rng, n * w->is->again);
}

static void
deal_equally(struct world *w, unsigned region, enum turn turn, uint32_t n)
{
	struct sim_region *r = &w->region[region];
	const unsigned count = r->used_count;
	uint32_t each = n / count;
	uint32_t extra = n % count;
	unsigned served = each > 0 ? count : extra;
	unsigned at = r->turn;

	for (unsigned i = 0; i < served; i++) {
		tries_send(w, region, r->used[at], turn, each + (i < extra));
		if (++at == count)
			at = 0;
	}
	r->turn = (r->turn + extra) % count;
}

static void
deal_by_weight(struct world *w, unsigned region, enum turn turn, uint32_t n)
{
	struct sim_region *r = &w->region[region];
	uint32_t left = n;

	for (unsigned i = 0; i < r->used_count; i++) {
		struct sim_endpoint *e = &r->endpoint[r->used[i]];

		e->carry += (double)n * e->weight / r->used_weight;
	}
	for (unsigned i = 0; i < r->used_count && left > 0; i++) {
		struct sim_endpoint *e = &r->endpoint[r->used[i]];
		uint32_t k = e->carry < left ? (uint32_t)fmax(0, e->carry) : left;

		e->carry -= k;
		left -= k;
		if (k > 0)
			tries_send(w, region, r->used[i], turn, k);
	}
	if (left > 0)
		deal_equally(w, region, turn, left);
}

static double
latency_ticks(const struct sim_region *r)
{
	return r->latency_us / 1000.0 / TICK_MS;
}

/*
 * As least-request balancing does once endpoints answer late: each try where the least is in
 * flight.
 */
static void
deal_by_load(struct world *w, unsigned region, enum turn turn, uint32_t n)
{
	struct sim_region *r = &w->region[region];
	double flight = latency_ticks(r), load[SIM_ENDPOINTS];
	uint32_t given[SIM_ENDPOINTS] = { 0 };

	if (flight > 1)
		flight = 1;
	for (unsigned i = 0; i < r->used_count; i++)
		load[i] = r->endpoint[r->used[i]].waiting;
	for (uint32_t k = 0; k < n; k++) {
		unsigned best = (r->turn + k) % r->used_count;

		for (unsigned i = 0; i < r->used_count; i++) {
			if (load[i] < load[best])
				best = i;
		}
		given[best]++;
		load[best] += r->endpoint[r->used[best]].bad ? 1 : flight;
	}
	r->turn = (r->turn + n) % r->used_count;
	for (unsigned i = 0; i < r->used_count; i++) {
		if (given[i] > 0)
			tries_send(w, region, r->used[i], turn, given[i]);
	}
}

uint32_t
traffic_admit(const struct sim_region *r, uint32_t n)
{
	double room = n;

	if (r->used_count == 0 || r->out.region.state == REGION_EVACUATED)
		return 0;
	if (r->out.limit > 0 && r->tokens < room)
		room = r->tokens;
	if (r->out.limit_in_flight > 0) {
		double turns = 1000.0 * TICK_MS / r->latency_us;
		double flights = (r->out.limit_in_flight - r->waiting) * (turns > 1 ? turns : 1);

		if (flights - r->answered < room)
			room = flights - r->answered;
	}
	return room > 0 ? (uint32_t)room : 0;
}

/* Returns how many the region did not admit. */
static uint32_t
offer(struct world *w, unsigned region, enum turn turn, uint32_t n)
{
	struct sim_region *r = &w->region[region];
	uint32_t taken = traffic_admit(r, n);

	if (taken == 0)
		return n;
	r->tokens -= taken;
	r->tries += taken;
	if (r->waiting > 0)
		deal_by_load(w, region, turn, taken);
	else if (r->used_weight == r->used_count * ENDPOINT_WEIGHT_FULL)
		deal_equally(w, region, turn, taken);
	else
		deal_by_weight(w, region, turn, taken);
	return n - taken;
}

/* Among regions not asked yet: the lowest tier, then the heaviest that has an endpoint up. */
static int
by_tier(const struct world *w, unsigned asked)
{
	int best = -1;

	for (unsigned i = 0; i < w->is->region_count; i++) {
		const struct sim_region *r = &w->region[i];

		if ((asked >> i & 1) != 0 || r->used_count == 0 ||
		    !r->endpoint[r->used[0]].usable || r->out.region.state == REGION_EVACUATED)
			continue;
		if (best < 0 || r->is->tier < w->region[best].is->tier ||
		    (r->is->tier == w->region[best].is->tier &&
			w->region_weights[i] > w->region_weights[best]))
			best = (int)i;
	}
	return best;
}

/* Offers n to the regions with a share, by share; returns what they did not admit. */
static uint32_t
offer_by_share(struct world *w, unsigned avoid, enum turn turn, uint32_t n)
{
	uint32_t sum = 0, left = n, part[SIM_REGIONS] = { 0 };

	for (unsigned i = 0; i < w->is->region_count; i++)
		sum += i != avoid ? w->region[i].word : 0;
	for (unsigned i = 0; i < w->is->region_count; i++) {
		struct sim_region *r = &w->region[i];

		if (i == avoid || r->word == 0)
			continue;
		r->carry += (double)n * r->word / sum;
		part[i] = r->carry < left ? (uint32_t)r->carry : left;
		r->carry -= part[i];
		left -= part[i];
	}
	for (unsigned i = 0; i < w->is->region_count; i++) {
		if (part[i] > 0)
			left += offer(w, i, turn, part[i]);
	}
	for (unsigned i = 0; i < w->is->region_count && left > 0; i++) {
		if (i != avoid && w->region[i].word > 0)
			left = offer(w, i, turn, left);
	}
	return left;
}

/* All regions but one: those with a share, then the others, before anything is refused. */
static uint32_t
spread_over(struct world *w, unsigned avoid, enum turn turn, uint32_t n)
{
	uint32_t left = offer_by_share(w, avoid, turn, n);
	unsigned asked = 1u << avoid;

	for (unsigned i = 0; i < w->is->region_count; i++)
		asked |= w->region[i].word > 0 ? 1u << i : 0;
	while (left > 0) {
		int next = by_tier(w, asked);

		if (next < 0)
			break;
		asked |= 1u << next;
		left = offer(w, (unsigned)next, turn, left);
	}
	return left;
}

/* A retry that finds no place is a failed request; a first try is one that was shed. */
static void
retry(struct world *w, unsigned region)
{
	uint32_t n = w->same_region[region];

	w->same_region[region] = 0;
	if (n > 0)
		w->other_region[region][TURN_SECOND] += offer(w, region, TURN_SECOND, n);
	for (unsigned turn = TURN_SECOND; turn <= TURN_THIRD; turn++) {
		n = w->other_region[region][turn];
		w->other_region[region][turn] = 0;
		if (n > 0)
			n = spread_over(w, region, (enum turn)turn, n);
		if (n > 0)
			tries_failed(w, offer(w, region, TURN_THIRD, n));
	}
}

static bool
retries_wanted(const struct world *w)
{
	for (unsigned i = 0; i < w->is->region_count; i++) {
		if (w->same_region[i] > 0 || w->other_region[i][TURN_SECOND] > 0 ||
		    w->other_region[i][TURN_THIRD] > 0)
			return true;
	}
	return false;
}

static uint32_t
arrivals(struct world *w)
{
	double rate = w->is->demand * w->surge * TICK_MS / 1000;
	uint32_t n;

	if (w->is->wave > 0) {
		/* a triangle, ten minutes long */
		double at = (double)(w->t_ms % 600000) / 600000;

		rate *= 1 + w->is->wave * (at < 0.5 ? 4 * at - 1 : 3 - 4 * at);
	}
	/* Three uniform numbers for a normal one, with the variance of Poisson's. */
	w->carry += rate +
	    (sim_chance(&w->rng) + sim_chance(&w->rng) + sim_chance(&w->rng) - 1.5) * 2 *
		sqrt(rate);
	n = w->carry > 0 ? (uint32_t)w->carry : 0;
	w->carry -= n;
	n += w->again[w->tick % AGAIN_TICKS];
	w->again[w->tick % AGAIN_TICKS] = 0;
	return n;
}

/*
 * A tick's worth, and at most half a tick's saved: 105 % of the limit in any second. Requests of one
 * tick share its tokens whenever in it they come, as those do that wait for one: that some of the
 * next tick's are lent as well, to a burst and not to an overload, is left out.
 */
static void
refill_tokens(struct sim_region *r)
{
	double tick = r->out.limit * TICK_MS / 1000;
	double most = tick * 1.5 > 1 ? tick * 1.5 : 1;

	r->tokens = r->tokens + tick < most ? r->tokens + tick : most;
}

/* How fast a region is now, and how much it takes. */
static void
prepare(struct sim_region *r, unsigned endpoints)
{
	double can = r->is->real * r->factor * r->able / endpoints;
	double load = r->load < 0.97 ? r->load * r->load * r->load * r->load : 0.9;

	r->queue_us = can > 0 ? r->backlog / can * 1e6 : 0;
	r->latency_us = (unsigned)(r->is->latency_us / (1 - load) + r->queue_us);
	refill_tokens(r);
	tries_prepare(r);
	r->work = 0;
	r->tries = 0;
	r->answered = 0;
}

static void
settle(struct sim_region *r, unsigned endpoints)
{
	double can = r->is->real * r->factor * r->able / endpoints * TICK_MS / 1000;

	r->load += ((can > 0 ? r->work / can : 0) - r->load) * 0.2;
	r->backlog += r->work - can;
	if (r->backlog < 0)
		r->backlog = 0;
}

void
traffic_run(struct world *w)
{
	uint32_t n = arrivals(w);
	enum share_mode mode = steer_mode(w->core);

	w->requests = n;
	w->arrived_sum += n - w->arrived[w->tick % 10];
	w->arrived[w->tick % 10] = n;
	for (unsigned i = 0; i < w->is->region_count; i++) {
		prepare(&w->region[i], w->is->endpoint_count);
		for (unsigned k = 0; k < w->is->endpoint_count && w->region[i].waiting > 0; k++) {
			if (w->region[i].endpoint[k].waiting > 0)
				tries_end_due(w, i, k);
		}
	}
	budget_earn(&w->budget, retry_share * n, world_core_ms(w, 0));
	if (mode == SHARE_FAIL_CLOSED || mode == SHARE_NOTHING)
		shed(w, n);
	else
		shed(w, spread_over(w, SIM_REGIONS, TURN_FIRST, n));
	for (unsigned pass = 0; pass < 4 && retries_wanted(w); pass++) {
		for (unsigned i = 0; i < w->is->region_count; i++)
			retry(w, i);
	}
	for (unsigned i = 0; i < w->is->region_count; i++)
		settle(&w->region[i], w->is->endpoint_count);
}
