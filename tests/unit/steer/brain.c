/* SPDX-License-Identifier: Apache-2.0 */
#include "brain.h"

#include <assert.h>
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { TICK_MS = 100, QUICK_US = 5000, SLOW_US = 2000000 };

static const char *const names[BRAIN_REGIONS] = { "r0", "r1", "r2", "r3" };

static const struct steer_policy usual = {
	.share = { .overprovisioning = 1.4,
	    .panic_threshold = 0.5,
	    .max_utilization = 0.85,
	    .fail_open = true },
	.region = { .min_healthy = 0.25,
	    .hold_down_ms = 30000,
	    .ramp_ms = 60000,
	    .sensor_share = 0.05 },
	.outlier = { .consecutive = 3,
	    .failure_share = 0.5,
	    .min_tries = 20,
	    .base_ms = 30000,
	    .max_ms = 300000,
	    .max_ejected = 0.5,
	    .slow_start_ms = 10000 },
	.warm_up_ms = 30000,
	.move_per_s = 0.1,
	.shed_leave_per_s = 0.1,
};

void
brain_plan(struct brain *b, unsigned regions)
{
	memset(b, 0, sizeof *b);
	b->now_ms = 1000000;
	b->wall_ms = 1700000000000;
	b->demand = 100;
	b->plan = (struct steer_plan){
		.service = "shop", .policy = usual, .regions = b->regions, .region_count = regions
	};
	for (unsigned k = 0; k < BRAIN_ENDPOINTS; k++)
		b->weights[k] = 1;
	for (unsigned i = 0; i < regions; i++) {
		for (unsigned k = 0; k < BRAIN_ENDPOINTS; k++)
			b->ids[i][k] = i * BRAIN_ENDPOINTS + k;
		b->regions[i] = (struct steer_region_plan){
			.name = names[i],
			.provider = "",
			.weight = 1,
			.endpoint_count = 2,
			.ids = b->ids[i],
			.weights = b->weights,
			.checked = true,
		};
	}
}

void
brain_start(struct brain *b)
{
	b->s = steer_new(&b->plan, NULL, b->now_ms);
}

void
brain_stop(struct brain *b)
{
	steer_free(b->s);
	b->s = NULL;
}

void
brain_start_pair(struct brain *b)
{
	brain_plan(b, 2);
	b->regions[1].tier = 1;
	brain_start(b);
	brain_probe_all(b, ENDPOINT_UP);
	brain_run(b, 5000);
}

void
brain_probe(struct brain *b, unsigned region, unsigned endpoint, enum endpoint_state state)
{
	enum endpoint_reason reason =
	    state == ENDPOINT_UP ? REASON_CHECK_PASSED : REASON_CHECK_REFUSED;

	steer_probe(b->s, region, endpoint, state, reason, 3, b->now_ms);
}

void
brain_probe_region(struct brain *b, unsigned region, enum endpoint_state state)
{
	for (unsigned k = 0; k < b->regions[region].endpoint_count; k++)
		brain_probe(b, region, k, state);
}

void
brain_probe_all(struct brain *b, enum endpoint_state state)
{
	for (unsigned i = 0; i < b->plan.region_count; i++)
		brain_probe_region(b, i, state);
}

void
brain_answer(struct brain *b, unsigned region, enum brain_answer answer)
{
	for (unsigned k = 0; k < BRAIN_ENDPOINTS; k++)
		b->answer[region][k] = answer;
}

static void
add_latency(struct brain *b, unsigned region, uint64_t us)
{
	static struct histogram one;

	memset(&one, 0, sizeof one);
	histogram_add(&one, us);
	histogram_merge(&b->first_byte[region], &one);
}

static void
try_once(struct brain *b, unsigned region, enum brain_answer answer, struct evidence *e)
{
	e->tries++;
	switch (answer) {
	case ANSWER_WELL:
		e->answered++;
		add_latency(b, region, QUICK_US);
		return;
	case ANSWER_SLOWLY:
		e->answered++;
		add_latency(b, region, SLOW_US);
		return;
	case ANSWER_ERROR:
		e->answered++;
		e->errors++;
		add_latency(b, region, QUICK_US);
		return;
	case ANSWER_REFUSED:
		e->not_sent++;
		return;
	case ANSWER_NEVER:
		b->in_flight[region]++;
		return;
	}
}

/* Endpoints in turn among those the workers would use. */
static unsigned
next_endpoint(struct brain *b, unsigned region)
{
	unsigned count = b->regions[region].endpoint_count;

	for (unsigned n = 0; n < count; n++) {
		unsigned k = b->turn[region]++ % count;
		struct steer_endpoint_out out;

		steer_endpoint(b->s, region, k, &out);
		if (out.state == ENDPOINT_UP)
			return k;
	}
	return b->turn[region]++ % count;
}

static uint32_t
send_tries(struct brain *b, unsigned region)
{
	struct evidence e[BRAIN_ENDPOINTS] = { 0 };
	uint32_t completions = 0;

	b->owed[region] += b->demand * TICK_MS / 1000 * brain_share_of(b, region);
	for (; b->owed[region] >= 1 - 1e-9; b->owed[region]--) {
		unsigned k = next_endpoint(b, region);

		try_once(b, region, b->answer[region][k], &e[k]);
	}
	for (unsigned k = 0; k < b->regions[region].endpoint_count; k++) {
		if (e[k].tries > 0)
			steer_see(b->s, region, k, &e[k], b->now_ms);
		completions += e[k].answered + evidence_local(&e[k]);
	}
	return completions;
}

static void
keep_facts(struct brain *b)
{
	for (unsigned i = 0; i < b->facts.count; i++) {
		b->told[b->facts.list[i].kind]++;
		b->last[b->facts.list[i].kind] = b->facts.list[i];
	}
}

/* One tick at now_ms, with what happened in the 100 ms before it. */
bool
brain_tick(struct brain *b)
{
	struct steer_region_seen regions[BRAIN_REGIONS];
	bool second;
	bool changed;

	b->now_ms += TICK_MS;
	b->wall_ms += TICK_MS;
	second = b->now_ms % 1000 < TICK_MS;
	for (unsigned i = 0; i < b->plan.region_count; i++) {
		uint32_t completions = send_tries(b, i);

		regions[i] = (struct steer_region_seen){
			.in_flight = b->in_flight[i],
			.completions = completions,
			.first_byte = second ? &b->first_byte[i] : NULL,
			.capacity_share = 1,
			.restored = b->restored != NULL &&
			    strcmp(b->restored, names[i]) == 0,
		};
	}
	b->facts.count = 0;
	changed = steer_tick(b->s,
	    &(struct steer_seen){ .demand = b->demand,
		.regions = regions,
		.wishes = &b->wishes,
		.wall_ms = b->wall_ms,
		.second = second },
	    b->now_ms, &b->facts);
	keep_facts(b);
	b->restored = NULL;
	if (second)
		memset(b->first_byte, 0, sizeof b->first_byte);
	return changed;
}

void
brain_run(struct brain *b, unsigned ms)
{
	for (unsigned t = 0; t < ms; t += TICK_MS)
		brain_tick(b);
}

void
brain_skip(struct brain *b, int64_t ms)
{
	b->now_ms = (uint64_t)((int64_t)b->now_ms + ms);
}

void
brain_check_shares(const struct brain *b, const double *due)
{
	for (unsigned i = 0; i < b->plan.region_count; i++) {
		double share = brain_share_of(b, i);

		ck_assert_msg(fabs(share - due[i]) < 0.005, "%.1f s: r%u has %.3f, expected %.3f",
		    (double)b->now_ms / 1000, i, share, due[i]);
	}
}

double
brain_share_of(const struct brain *b, unsigned region)
{
	struct steer_region_out out;

	steer_region(b->s, region, &out);
	return out.share;
}

enum region_state
brain_state(const struct brain *b, unsigned region)
{
	struct steer_region_out out;

	steer_region(b->s, region, &out);
	return out.region.state;
}

void
brain_wish(struct brain *b, enum wish_kind kind, const char *region, double share, unsigned for_ms)
{
	struct wish w = { .kind = kind,
		.share = share,
		.owner = "ann",
		.reason = "test",
		.made_wall_ms = b->wall_ms,
		.until_wall_ms = b->wall_ms + for_ms };

	snprintf(w.region, sizeof w.region, "%s", region);
	if (kind != WISH_EVACUATE)
		snprintf(w.service, sizeof w.service, "shop");
	assert(wishes_set(&b->wishes, &w));
}
