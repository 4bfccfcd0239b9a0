/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <assert.h>
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "policy.h"

enum { TICK_MS = 100, QUICK_US = 5000, LATE_US = 300000, SLOW_US = 2000000 };

static const char *const names[BENCH_REGIONS] = { "r0", "r1", "r2", "r3" };

void
bench_plan(struct bench *b, unsigned regions)
{
	memset(b, 0, sizeof *b);
	b->now_ms = 1000000;
	b->wall_ms = 1700000000000;
	b->demand = 100;
	b->plan = (struct steer_plan){ .service = "shop",
		.policy = usual_policy,
		.regions = b->regions,
		.region_count = regions };
	for (unsigned k = 0; k < BENCH_ENDPOINTS; k++)
		b->weights[k] = 1;
	for (unsigned i = 0; i < regions; i++) {
		for (unsigned k = 0; k < BENCH_ENDPOINTS; k++)
			b->ids[i][k] = i * BENCH_ENDPOINTS + k;
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
bench_start(struct bench *b)
{
	b->s = steer_new(&b->plan, NULL, b->now_ms);
}

void
bench_stop(struct bench *b)
{
	steer_free(b->s);
	b->s = NULL;
}

void
bench_start_pair(struct bench *b)
{
	bench_plan(b, 2);
	b->regions[1].tier = 1;
	bench_start(b);
	bench_probe_all(b, ENDPOINT_UP);
	bench_run(b, 5000);
}

void
bench_probe(struct bench *b, unsigned region, unsigned endpoint, enum endpoint_state state)
{
	enum endpoint_reason reason =
	    state == ENDPOINT_UP ? REASON_CHECK_PASSED : REASON_CHECK_REFUSED;

	steer_probe(b->s, region, endpoint, state, reason, 3, b->now_ms);
}

void
bench_probe_region(struct bench *b, unsigned region, enum endpoint_state state)
{
	for (unsigned k = 0; k < b->regions[region].endpoint_count; k++)
		bench_probe(b, region, k, state);
}

void
bench_probe_all(struct bench *b, enum endpoint_state state)
{
	for (unsigned i = 0; i < b->plan.region_count; i++)
		bench_probe_region(b, i, state);
}

void
bench_answer(struct bench *b, unsigned region, enum bench_answer answer)
{
	for (unsigned k = 0; k < BENCH_ENDPOINTS; k++)
		b->answer[region][k] = answer;
}

static void
add_latency(struct bench *b, unsigned region, uint64_t us)
{
	static struct histogram one;

	memset(&one, 0, sizeof one);
	histogram_add(&one, us);
	histogram_merge(&b->first_byte[region], &one);
}

static void
try_once(struct bench *b, unsigned region, enum bench_answer answer, struct evidence *e)
{
	e->tries++;
	switch (answer) {
	case ANSWER_WELL:
		e->answered++;
		add_latency(b, region, QUICK_US);
		return;
	case ANSWER_LATE:
		e->answered++;
		add_latency(b, region, LATE_US);
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
next_endpoint(struct bench *b, unsigned region)
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

/* As a worker would that is refused there by now. */
static void
report(struct bench *b, unsigned region, unsigned endpoint, const struct evidence *e)
{
	struct steer_report some = { region, endpoint,
		e->not_sent > 0 ? FAULT_CONNECT_REFUSED : FAULT_RESET, 1, e->not_sent > 0, false };

	(void)steer_urgent(b->s, &some, NULL, b->now_ms);
}

static uint32_t
send_tries(struct bench *b, unsigned region)
{
	struct evidence e[BENCH_ENDPOINTS] = { 0 };
	uint32_t completions = 0;

	b->owed[region] += b->demand * TICK_MS / 1000 * bench_share_of(b, region);
	for (; b->owed[region] >= 1 - 1e-9; b->owed[region]--) {
		unsigned k = next_endpoint(b, region);

		try_once(b, region, b->answer[region][k], &e[k]);
	}
	for (unsigned k = 0; k < b->regions[region].endpoint_count; k++) {
		if (evidence_local(&e[k]) > 0)
			report(b, region, k, &e[k]);
		if (e[k].tries > 0)
			steer_see(b->s, region, k, &e[k], b->now_ms);
		completions += e[k].answered + evidence_local(&e[k]);
	}
	return completions;
}

static void
keep_facts(struct bench *b)
{
	for (unsigned i = 0; i < b->facts.count; i++) {
		b->told[b->facts.list[i].kind]++;
		b->last[b->facts.list[i].kind] = b->facts.list[i];
	}
}

/* One tick at now_ms, with what happened in the 100 ms before it. */
bool
bench_tick(struct bench *b)
{
	struct steer_region_seen regions[BENCH_REGIONS];
	uint32_t shed = b->shed_for_memory;
	bool second;
	bool changed;

	b->now_ms += TICK_MS;
	b->wall_ms += TICK_MS;
	second = b->now_ms % 1000 < TICK_MS;
	for (unsigned i = 0; i < b->plan.region_count; i++) {
		uint32_t completions = send_tries(b, i);

		shed += b->shed[i] + b->shed_in_flight[i];

		regions[i] = (struct steer_region_seen){
			.in_flight = b->in_flight[i],
			.completions = completions,
			.first_byte = second ? &b->first_byte[i] : NULL,
			.capacity_share = 1,
			.shed_by_rate = b->shed[i],
			.shed_in_flight = b->shed_in_flight[i],
			.restored = b->restored != NULL && strcmp(b->restored, names[i]) == 0,
		};
	}
	b->facts.count = 0;
	changed = steer_tick(b->s,
	    &(struct steer_seen){ .demand = b->demand,
		.shed = shed,
		.shed_for_memory = b->shed_for_memory,
		.shed_rate = shed,
		.refused_rate = b->refused,
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
bench_run(struct bench *b, unsigned ms)
{
	for (unsigned t = 0; t < ms; t += TICK_MS)
		bench_tick(b);
}

void
bench_skip(struct bench *b, int64_t ms)
{
	b->now_ms = (uint64_t)((int64_t)b->now_ms + ms);
}

void
bench_check_shares(const struct bench *b, const double *due)
{
	for (unsigned i = 0; i < b->plan.region_count; i++) {
		double share = bench_share_of(b, i);

		ck_assert_msg(fabs(share - due[i]) < 0.005, "%.1f s: r%u has %.3f, expected %.3f",
		    (double)b->now_ms / 1000, i, share, due[i]);
	}
}

double
bench_share_of(const struct bench *b, unsigned region)
{
	struct steer_region_out out;

	steer_region(b->s, region, &out);
	return out.share;
}

enum region_state
bench_state(const struct bench *b, unsigned region)
{
	struct steer_region_out out;

	steer_region(b->s, region, &out);
	return out.region.state;
}

void
bench_wish(struct bench *b, enum wish_kind kind, const char *region, double share, unsigned for_ms)
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
