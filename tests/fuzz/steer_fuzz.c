/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The failover steering under events that no world would bring about, in any order: what it says
 * stays possible. Shares are parts of demand, nobody who is evacuated is sent anything while others
 * serve and nothing is held, limits are numbers, and one made anew from the old one says the same.
 *
 * The simulator (tests/sim) judges whether what it decides is good; here the events need not make
 * sense.
 */
#include <math.h>

#include "../sim/policy.h"
#include "oracle.h"
#include "steer/steer.h"

enum { REGIONS = 3, ENDPOINTS = 3 };

static const char *const names[REGIONS] = { "r0", "r1", "r2" };
static const uint16_t weights[ENDPOINTS] = { 1, 5, 1000 };
static const struct safety_rule rule = { .kind = SAFETY_AT_LEAST, .name = "one", .number = 1 };
static uint32_t ids[REGIONS][ENDPOINTS] = { { 0, 1, 2 }, { 3, 4, 5 }, { 6, 7, 8 } };

struct play {
	struct steer *s;
	struct steer_plan plan;
	struct steer_region_plan regions[REGIONS];
	struct wishes wishes;
	struct facts facts;
	struct histogram_sum latency[REGIONS];
	uint64_t now_ms, wall_ms;
	double demand;
};

static void
make_plan(struct play *p, uint8_t kind)
{
	p->plan = (struct steer_plan){ .service = "shop",
		.regions = p->regions,
		.region_count = REGIONS,
		.policy = usual_policy };
	p->plan.policy.share.panic_threshold = kind & 1 ? 0.5 : 0;
	p->plan.policy.share.fail_open = kind & 2;
	p->plan.policy.rules = &rule;
	p->plan.policy.rule_count = kind & 4 ? 1 : 0;
	for (unsigned i = 0; i < REGIONS; i++)
		p->regions[i] = (struct steer_region_plan){ .name = names[i],
			.provider = "",
			.tier = kind & 8 ? i : 0,
			.weight = kind & 16 ? i : 1,
			.capacity = kind & 32 ? 100 : 0,
			.endpoint_count = 1 + i,
			.ids = ids[i],
			.weights = weights,
			.checked = kind & 64 };
}

static bool
is_part(double x)
{
	return x >= 0 && x <= 1.000001;
}

static void
must_be_possible(const struct play *p)
{
	double sum = 0;
	bool others = false, evacuated_gets = false;

	for (unsigned i = 0; i < REGIONS; i++) {
		struct steer_region_out out;
		const struct wish *w = wishes_evacuation(&p->wishes, names[i]);
		bool evacuated = w != NULL && w->until_wall_ms > p->wall_ms;

		steer_region(p->s, i, &out);
		must(is_part(out.share) && is_part(out.target), "a share is a part");
		must(isnan(out.health) || is_part(out.health), "health is a part or unknown");
		must(is_part(out.blind), "so is what goes out in the blind");
		must(isfinite(out.limit) && out.limit >= 0 && isfinite(out.limit_in_flight) &&
			out.limit_in_flight >= 0,
		    "limits are numbers");
		sum += out.share;
		others = others || (!evacuated && out.target > 0);
		evacuated_gets = evacuated_gets || (evacuated && out.target > 0);
		for (unsigned k = 0; k < p->regions[i].endpoint_count; k++) {
			struct steer_endpoint_out e;

			steer_endpoint(p->s, i, k, &e);
			must(e.weight <= 1000, "no more than its weight");
		}
	}
	must(is_part(sum), "shares are parts of one whole");
	must(is_part(steer_shed(p->s)), "what is shed is a part");
	must(!evacuated_gets || !others || steer_self_suspect(p->s),
	    "who is evacuated is left alone while others serve");
}

static void
tick(struct play *p, uint8_t a, uint8_t b)
{
	struct steer_region_seen regions[REGIONS];
	struct steer_seen seen = { .demand = p->demand,
		.regions = regions,
		.wishes = &p->wishes,
		.wall_ms = p->wall_ms,
		.second = a & 1 };

	for (unsigned i = 0; i < REGIONS; i++)
		regions[i] = (struct steer_region_seen){ .in_flight = b * (i + 1u),
			.completions = a,
			.first_byte = a & 1 ? &p->latency[i] : NULL,
			.capacity_share = (a >> 1) / 127.0,
			.restored = b == 255 };
	p->facts.count = p->facts.lost = 0;
	(void)steer_tick(p->s, &seen, p->now_ms, &p->facts);
	if (a & 1)
		memset(p->latency, 0, sizeof p->latency);
	must_be_possible(p);
}

static void
see(struct play *p, unsigned region, unsigned endpoint, uint8_t a, uint8_t b)
{
	struct evidence e = { .tries = a, .answered = b < a ? b : a };
	struct histogram one = { 0 };

	e.not_sent = (a - e.answered) / 2;
	e.broken = a - e.answered - e.not_sent;
	e.timeouts = e.broken / 2;
	e.errors = b & 1 ? e.answered / 2 : 0;
	histogram_add(&one, (uint64_t)b * b * 100);
	histogram_merge(&p->latency[region], &one);
	steer_see(p->s, region, endpoint, &e, p->now_ms);
}

static void
report(struct play *p, unsigned region, unsigned endpoint, uint8_t a, uint8_t b)
{
	struct steer_report some = { region, endpoint, (enum fault)(a % FAULT_COUNT), b % 16,
		b > 200, b % 3 == 0 };

	(void)steer_urgent(p->s, &some, NULL, p->now_ms);
}

static void
wish(struct play *p, unsigned region, uint8_t a, uint8_t b)
{
	struct wish w = { .kind = (enum wish_kind)(a % 3),
		.share = b / 255.0,
		.made_wall_ms = p->wall_ms,
		.until_wall_ms = p->wall_ms + b * 1000u };

	if (w.kind != WISH_FREEZE)
		strcpy(w.region, names[region]);
	if (w.kind == WISH_PIN)
		strcpy(w.service, "shop");
	if (a & 128)
		wishes_drop(&p->wishes, w.kind, w.service, w.region);
	else
		wishes_set(&p->wishes, &w);
}

static void
make_anew(struct play *p, uint8_t a)
{
	struct steer_region_out was[REGIONS], is;
	struct steer_saved_region saved;
	struct steer *fresh;

	for (unsigned i = 0; i < REGIONS; i++)
		steer_region(p->s, i, &was[i]);
	if (a & 1) { /* a restart: only what is saved is known */
		fresh = steer_new(&p->plan, NULL, p->now_ms);
		for (unsigned i = 0; i < REGIONS; i++) {
			steer_save_region(p->s, i, p->now_ms, &saved);
			steer_restore_region(fresh, &saved, a * 1000u, p->now_ms);
		}
	} else {
		fresh = steer_new(&p->plan, p->s, p->now_ms);
		for (unsigned i = 0; i < REGIONS; i++) {
			steer_region(fresh, i, &is);
			must(is.region.state == was[i].region.state, "a state is carried over");
		}
	}
	steer_free(p->s);
	p->s = fresh;
}

static void
play_one(struct play *p, const uint8_t *e)
{
	unsigned region = e[1] % REGIONS, endpoint = e[1] / REGIONS % (1 + region);

	switch (e[0] % 9) {
	case 0:
	case 1:
		p->now_ms += 100;
		p->wall_ms += 100;
		tick(p, e[2], e[3]);
		return;
	case 2:
		steer_probe(p->s, region, endpoint, (enum endpoint_state)(e[2] % 3),
		    e[2] % 3 == ENDPOINT_UP ? REASON_CHECK_PASSED : REASON_CHECK_REFUSED, e[3],
		    p->now_ms);
		return;
	case 3:
		see(p, region, endpoint, e[2], e[3]);
		return;
	case 4:
		report(p, region, endpoint, e[2], e[3]);
		return;
	case 5:
		p->now_ms += (uint64_t)e[2] * e[3];
		p->wall_ms += (uint64_t)e[2] * e[2] * e[3];
		return;
	case 6:
		p->demand = e[2] * e[3];
		return;
	case 7:
		wish(p, region, e[2], e[3]);
		return;
	case 8:
		make_anew(p, e[2]);
		return;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct play p;

	if (size < 1)
		return 0;
	memset(&p, 0, sizeof p);
	p.now_ms = 1000000;
	p.wall_ms = 1700000000000;
	p.demand = 100;
	make_plan(&p, data[0]);
	p.s = steer_new(&p.plan, NULL, p.now_ms);
	for (data++, size--; size >= 4; data += 4, size -= 4)
		play_one(&p, data);
	tick(&p, 1, 1);
	steer_free(p.s);
	return 0;
}
