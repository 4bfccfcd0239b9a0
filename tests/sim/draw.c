/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios by chance. */
#include <math.h>
#include <string.h>

#include "scenario.h"

#include "steer/rng.h"

static double
between(struct rng *r, double low, double high)
{
	return low + (high - low) * (double)(rng_next(r) >> 11) / (double)(1ull << 53);
}

static unsigned
one_of(struct rng *r, const unsigned *list, unsigned count)
{
	return list[rng_below(r, count)];
}

/* What tier 0 may be planned to take, at the default utilisation of 0.85. */
static double
planned(const struct scenario *s)
{
	double sum = 0;

	for (unsigned i = 0; i < s->region_count; i++) {
		if (s->region[i].tier == 0)
			sum += 0.85 * s->region[i].capacity;
	}
	return sum;
}

/* Demand at which, noise and wave included, no region of tier 0 comes near what is planned. */
static double
far_from_limits(const struct scenario *s, double demand)
{
	double weights = 0;

	for (unsigned i = 0; i < s->region_count; i++)
		weights += s->region[i].tier == 0 ? s->region[i].weight : 0;
	for (unsigned i = 0; i < s->region_count; i++) {
		const struct scenario_region *r = &s->region[i];
		double most = 0.85 * r->capacity * weights / r->weight;

		while (r->tier == 0 && demand * (1 + s->wave) + 6 * sqrt(demand) > 0.9 * most)
			demand *= 0.9;
	}
	return demand;
}

static void
draw_regions(struct scenario *s, struct rng *r)
{
	static const unsigned weights[] = { 1, 1, 1, 2, 3 };
	bool tiers = rng_below(r, 2) == 0;
	bool stated = rng_below(r, 3) != 0;
	double spread = between(r, 1, 4);

	for (unsigned i = 0; i < s->region_count; i++) {
		struct scenario_region *x = &s->region[i];

		x->tier = tiers && i > 0 && i + 1 >= (s->region_count + 1) / 2 ? 1 : 0;
		x->weight = one_of(r, weights, sizeof weights / sizeof weights[0]);
		x->latency_us = (unsigned)between(r, 3000, 60000);
		if (stated) {
			x->capacity = 100 * between(r, 1, spread);
			x->real = x->capacity * between(r, 1.05, 1.5);
		}
	}
}

/*
 * Without stated capacities every region has to be able to carry all: nobody told the core better,
 * so nobody can hold it to more.
 */
static void
draw_demand(struct scenario *s, struct rng *r, bool calm)
{
	double most = planned(s);

	s->wave = rng_below(r, 2) == 0 ? 0 : between(r, 0, 0.3);
	if (most > 0) {
		s->demand = most * between(r, 0.1, 0.95);
		if (calm)
			s->demand = far_from_limits(s, s->demand);
		return;
	}
	s->demand = between(r, 20, 600);
	for (unsigned i = 0; i < s->region_count; i++)
		s->region[i].real = s->demand * between(r, 2, 4);
}

static enum trouble_kind
draw_kind(struct rng *r)
{
	unsigned sum = 0, at;

	for (unsigned k = 0; k < TROUBLE_KINDS; k++)
		sum += trouble_odds((enum trouble_kind)k);
	at = rng_below(r, sum);
	for (unsigned k = 0; k < TROUBLE_KINDS; k++) {
		unsigned odds = trouble_odds((enum trouble_kind)k);

		if (at < odds)
			return (enum trouble_kind)k;
		at -= odds;
	}
	return TROUBLE_CRASH;
}

static double
draw_amount(struct rng *r, enum trouble_kind k)
{
	switch (k) {
	case TROUBLE_SLOW:
	case TROUBLE_CREEP:
		return between(r, 4, 100);
	case TROUBLE_ERRORS:
		return rng_below(r, 3) == 0 ? 1 : between(r, 0.05, 1);
	case TROUBLE_SHRINK:
		return between(r, 0.3, 0.8);
	case TROUBLE_CLOCK:
		return rng_below(r, 2) == 0 ? between(r, 600, 10000) : between(r, 10000, 7200000);
	case TROUBLE_WALL:
		return between(r, -7200000, 7200000);
	case TROUBLE_SURGE:
		return between(r, 1.2, 3);
	case TROUBLE_RELOAD:
		return rng_below(r, 5);
	case TROUBLE_CRASH:
	case TROUBLE_RESET:
	case TROUBLE_BLACKHOLE:
	case TROUBLE_ONE_WAY:
	case TROUBLE_HANG:
	case TROUBLE_LIE_DOWN:
	case TROUBLE_LIE_UP:
	case TROUBLE_STALL:
	case TROUBLE_RESTART:
	case TROUBLE_EVACUATE:
	case TROUBLE_FREEZE:
	case TROUBLE_KINDS:
		break;
	}
	return 0;
}

static uint32_t
draw_length(struct rng *r, enum trouble_kind k)
{
	if (k == TROUBLE_STALL)
		return (uint32_t)between(r, 300, 10000);
	if (k == TROUBLE_RESTART)
		return (uint32_t)between(r, 100, 5000);
	if (k == TROUBLE_CLOCK || k == TROUBLE_WALL || k == TROUBLE_RELOAD)
		return 0;
	if (rng_below(r, 2) == 0)
		return (uint32_t)between(r, 1000, 20000);
	return (uint32_t)between(r, 10000, 120000);
}

static void
draw_trouble(struct scenario *s, struct rng *r, uint32_t at_ms, bool flaps)
{
	static const unsigned periods[] = { 400, 1000, 2000, 3700, 10000, 20000, 60000, 90000 };
	struct trouble *t = &s->trouble[s->trouble_count++];

	memset(t, 0, sizeof *t);
	t->kind = draw_kind(r);
	t->at_ms = at_ms / 100 * 100;
	t->for_ms = draw_length(r, t->kind) / 100 * 100;
	t->amount = draw_amount(r, t->kind);
	t->region = rng_below(r, s->region_count);
	if (trouble_scope(t->kind) != SCOPE_ENDPOINTS)
		return;
	if (rng_below(r, 12) == 0)
		t->region = SIM_REGIONS;
	if (s->endpoint_count > 1 && rng_below(r, 3) == 0) {
		t->count = 1 + rng_below(r, s->endpoint_count - 1);
		t->first = rng_below(r, s->endpoint_count - t->count + 1);
	}
	if (flaps && rng_below(r, 4) == 0) {
		t->period_ms = one_of(r, periods, sizeof periods / sizeof periods[0]);
		t->for_ms += 4 * t->period_ms;
	}
}

void
scenario_draw(struct scenario *s, uint64_t seed, bool calm)
{
	static const unsigned counts[] = { 1, 2, 2, 3, 3, 4, 5 };
	static const unsigned endpoints[] = { 1, 2, 2, 3, 5, 10, 20 };
	struct rng r;
	unsigned troubles;
	double at_ms = 0;

	rng_seed(&r, seed);
	memset(s, 0, sizeof *s);
	s->seed = seed;
	s->region_count = one_of(&r, counts, sizeof counts / sizeof counts[0]);
	s->endpoint_count = one_of(&r, endpoints, sizeof endpoints / sizeof endpoints[0]);
	s->safe = between(&r, 0.6, 1);
	s->again = rng_below(&r, 2) == 0 ? 0 : between(&r, 0, 0.5);
	s->standby_share = rng_below(&r, 2) == 0 ? 0 : between(&r, 0.01, 0.05);
	s->fail_open = rng_below(&r, 5) != 0;
	s->spill_all_down = rng_below(&r, 4) == 0;
	draw_regions(s, &r);
	draw_demand(s, &r, calm);
	s->run_ms = 900000;
	if (calm)
		return;
	/* The first 90 s are quiet, so that baselines exist; the gaps make two at once common. */
	troubles = 1 + rng_below(&r, 5);
	at_ms = between(&r, 90000, 150000);
	for (unsigned i = 0; i < troubles; i++) {
		draw_trouble(s, &r, (uint32_t)at_ms, true);
		at_ms += rng_below(&r, 3) == 0 ? between(&r, 0, 5000) : between(&r, 5000, 150000);
	}
}

void
scenario_draw_full(struct scenario *s, uint64_t seed)
{
	struct rng r;

	rng_seed(&r, seed);
	scenario_draw(s, seed, true);
	s->region_count = SIM_REGIONS;
	s->endpoint_count = SIM_ENDPOINTS;
	for (unsigned i = 0; i < SIM_REGIONS; i++)
		s->region[i] = (struct scenario_region){ i < 3 ? 0 : 1, 1, 400, 500, 20000 };
	s->demand = 800;
	s->run_ms = 2000000;
	for (unsigned i = 0; i < SIM_TROUBLES; i++)
		draw_trouble(s, &r, 100000 + i * 75000, false);
}
