/* SPDX-License-Identifier: Apache-2.0 */
/* Why one region has the share it has. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "steer/explain.h"
#include "steer/wish.h"
#include "steer_private.h"

static const char *
upper_state(enum region_state state)
{
	switch (state) {
	case REGION_UP:
		return "UP";
	case REGION_SUSPECT:
		return "SUSPECT";
	case REGION_GREY:
		return "GREY";
	case REGION_DOWN:
		return "DOWN";
	case REGION_HOLD:
		return "HOLD";
	case REGION_RAMP:
		return "RAMP";
	case REGION_EVACUATED:
		return "EVACUATED";
	}
	abort();
}

/* The evidence a state rests on, with its numbers. */
static void
say_evidence(struct text *t, const struct region *r)
{
	switch (r->signal) {
	case SIGNAL_IN_A_ROW:
		if (r->state == REGION_SUSPECT)
			say(t, ", %.0f failures to reach it within a second", r->value);
		else
			say(t, ", %.0f failures in a row to reach it (threshold %.0f)", r->value,
			    r->threshold);
		return;
	case SIGNAL_LOCAL_SHARE:
		say(t, ", ");
		say_part(t, r->value);
		say(t, " of tries in a second did not reach it (threshold ");
		say_part(t, r->threshold);
		say(t, ")");
		return;
	case SIGNAL_HEALTH:
	case SIGNAL_CHECKS:
		say(t, ", ");
		say_part(t, r->value);
		say(t, " of its endpoints' weight was up (threshold ");
		say_part(t, r->threshold);
		say(t, ")");
		return;
	case SIGNAL_ERRORS:
		say(t, ", it answered ");
		say_part(t, r->value);
		say(t, " with errors where others did not (threshold ");
		say_part(t, r->threshold);
		say(t, ")");
		return;
	case SIGNAL_ERRORS_IN_A_ROW:
		say(t,
		    ", it answered %.0f requests in a row with errors where others did not "
		    "(threshold %.0f)",
		    r->value, r->threshold);
		return;
	case SIGNAL_LATENCY_P50:
	case SIGNAL_LATENCY_P95:
		say(t,
		    ", its %s latency was %.0f ms where the others' was not (threshold %.0f "
		    "ms)",
		    r->signal == SIGNAL_LATENCY_P50 ? "median" : "p95", r->value, r->threshold);
		return;
	case SIGNAL_STALL:
		say(t, ", it takes requests and answers nothing (%.0f windows in a row)", r->value);
		return;
	case SIGNAL_NONE:
	case SIGNAL_CAPACITY:
	case SIGNAL_CLOCK:
	case SIGNAL_MASS_CHANGE:
	case SIGNAL_PERSON:
	case SIGNAL_TIME:
	case SIGNAL_IN_FLIGHT:
	case SIGNAL_MEMORY:
	case SIGNAL_COUNT:
		return;
	}
	abort();
}

/* What keeps its share from growing, if anything does. */
static void
say_held(struct text *t, const struct steer *s, const struct steered_region *r,
    const struct wishes *wishes)
{
	const struct wish *freeze;

	switch (steer_failback_hold(s, r)) {
	case HELD_BY_NOTHING:
		return;
	case HELD_BY_FREEZE:
		freeze = wishes != NULL ? wishes_freeze(wishes, s->plan->service) : NULL;
		if (freeze != NULL && freeze->service[0] == '\0')
			say(t, ", held: all services are frozen");
		else
			say(t, ", held: %s is frozen", s->plan->service);
		say_wish(t, freeze);
		return;
	case HELD_BY_DOUBT:
		say(t, ", held: our own view is doubted");
		return;
	case HELD_BY_SUSPICION:
		say(t, ", held: another region may be failing");
		return;
	}
	abort();
}

static void
say_ramp(struct text *t, const struct steer *s, const struct steered_region *r,
    const struct wishes *wishes)
{
	bool held = steer_failback_hold(s, r) != HELD_BY_NOTHING;

	say(t, "; it is back to ");
	say_part(t, r->region.factor);
	say(t, " of its part");
	say_held(t, s, r, wishes);
	say(t, held ? "; full " : ", full in ");
	say_time(t, (uint64_t)((1 - r->region.factor) * s->plan->policy.region.ramp_ms));
	if (held)
		say(t, " after that");
	if (r->region.paused)
		say(t, ", but paused: it is worse than the others");
}

static void
say_what_follows(struct text *t, const struct steer *s, const struct steered_region *r,
    const struct wishes *wishes, uint64_t now_ms)
{
	const struct region_policy *policy = &s->plan->policy.region;
	const struct region *region = &r->region;
	uint64_t age_ms = now_ms - region->since_ms;

	switch (region->state) {
	case REGION_UP:
	case REGION_SUSPECT:
	case REGION_DOWN:
		return;
	case REGION_GREY:
		if (region->clean_since_ms != 0) {
			say(t, "; as good as the others for ");
			say_time(t, now_ms - region->clean_since_ms);
			say_held(t, s, r, wishes);
		}
		return;
	case REGION_HOLD:
		if (policy->manual_failback) {
			say(t, "; it is healthy and waits for 'detour restore %s'", r->plan->name);
			return;
		}
		say(t, "; it is healthy and its ramp begins ");
		if (region->hold_ms <= age_ms) {
			say(t, "as soon as nothing holds failback");
		} else {
			say(t, "in ");
			say_time(t, region->hold_ms - age_ms);
			if (steer_failback_hold(s, r) != HELD_BY_NOTHING)
				say(t, " at the earliest");
		}
		say_held(t, s, r, wishes);
		return;
	case REGION_RAMP:
		say_ramp(t, s, r, wishes);
		return;
	case REGION_EVACUATED:
		say(t, "; wished");
		say_wish(t, wishes != NULL ? wishes_evacuation(wishes, r->plan->name) : NULL);
		say(t, ", for another ");
		say_time(t, r->evacuated_until_ms > now_ms ? r->evacuated_until_ms - now_ms : 0);
		return;
	}
	abort();
}

static void
say_state(struct text *t, const struct steer *s, const struct steered_region *r,
    const struct wishes *wishes, uint64_t now_ms)
{
	const struct region *region = &r->region;

	say(t, ": %s for ", upper_state(region->state));
	say_time(t, now_ms - region->since_ms);
	if (region->state != REGION_UP && region->state != REGION_HOLD)
		say_evidence(t, region);
	if (region->relapses >= 0.5 && region->state != REGION_UP)
		say(t, ", after %.0f relapse%s", region->relapses,
		    region->relapses < 1.5 ? "" : "s");
	say_what_follows(t, s, r, wishes, now_ms);
}

static unsigned
count_serving(const struct steered_region *r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r->plan->endpoint_count; i++)
		n += steer_endpoint_serves(&r->endpoints[i]);
	return n;
}

/* Of those that are down: how many for which reason, the commonest causes only. */
static void
say_causes(struct text *t, const struct steered_region *r)
{
	enum { CAUSES = 3 };
	enum endpoint_reason told[CAUSES];
	char why[ENDPOINT_REASON_BYTES];
	unsigned count = 0;

	for (unsigned i = 0; i < r->plan->endpoint_count && count < CAUSES; i++) {
		const struct steer_endpoint_out *out = &r->endpoints[i].out;
		unsigned alike = 0;
		bool known = false;

		for (unsigned j = 0; j < count; j++)
			known = known || told[j] == out->reason;
		if (out->state != ENDPOINT_DOWN || out->ejected || known)
			continue;
		for (unsigned j = i; j < r->plan->endpoint_count; j++)
			alike += r->endpoints[j].out.state == ENDPOINT_DOWN &&
			    r->endpoints[j].out.reason == out->reason;
		told[count++] = out->reason;
		endpoint_reason_format(out->reason, out->detail, why, sizeof why);
		say(t, ", %u down: %s", alike, why);
	}
}

static void
say_endpoints(struct text *t, const struct steered_region *r)
{
	unsigned unknown = 0;
	unsigned ejected = 0;
	unsigned doubted = 0;

	for (unsigned i = 0; i < r->plan->endpoint_count; i++) {
		unknown += r->endpoints[i].out.state == ENDPOINT_UNKNOWN;
		ejected += r->endpoints[i].out.ejected;
		doubted += r->endpoints[i].answering;
	}
	say(t, "; %u of %u endpoints up", count_serving(r), r->plan->endpoint_count);
	if (doubted > 0)
		say(t, ", %u though its checks fail: its requests are answered", doubted);
	say_causes(t, r);
	if (unknown > 0)
		say(t, ", %u not checked yet", unknown);
	if (ejected > 0)
		say(t, ", %u taken out by live traffic", ejected);
	if (r->blind >= 1)
		say(t, ", all of them used whatever their health");
	else if (r->blind > 0)
		say(t, ", too few: %.0f %% of its requests are tried on the others",
		    r->blind * 100);
}

/* What the tiers before one come to, as share_compute() saw them. */
struct before {
	unsigned tiers;
	uint32_t tier;  /* the last of them */
	double takes;   /* of the service's traffic */
	double weight;  /* of their regions */
	double fit;     /* of that weight, what is healthy and has its whole part */
	double planned; /* requests per second; 0: no capacity is stated */
	bool pinned;
};

static void
add_before(struct before *b, const struct steer *s, unsigned i)
{
	const struct share_region *in = &s->inputs[i];
	double known = in->total - in->unknown;
	double fit = known > 0 && !in->evacuated ? in->healthy / known * in->factor : 0;

	if (b->tiers == 0 || in->tier != b->tier)
		b->tiers++;
	b->tier = in->tier;
	b->takes += s->regions[i].target;
	b->weight += in->weight;
	b->fit += in->weight * fit;
	b->planned += s->plan->policy.share.max_utilization * fit * in->capacity;
	b->pinned = b->pinned || !isnan(in->pinned);
}

static struct before
look_before(const struct steer *s, uint32_t tier)
{
	struct before b = { .tiers = 0 };

	for (uint32_t t = 0; t < tier; t++) {
		uint32_t next = tier;

		for (unsigned i = 0; i < s->plan->region_count; i++) {
			if (s->inputs[i].tier == t)
				add_before(&b, s, i);
			else if (s->inputs[i].tier > t && s->inputs[i].tier < next)
				next = s->inputs[i].tier;
		}
		t = next - 1; /* tiers may be numbered with gaps */
	}
	return b;
}

/* The numbers on which a standby was given traffic. */
static void
say_why_it_serves(struct text *t, const struct steer *s, const struct before *b)
{
	say(t, ", serves because ");
	if (b->tiers == 1)
		say(t, "tier %u takes ", b->tier);
	else
		say(t, "the %u tiers before it take ", b->tiers);
	if (b->takes > 0) {
		say(t, "only ");
		say_part(t, b->takes);
	} else {
		say(t, "nothing");
	}
	say(t, ": ");
	if (b->planned > 0) {
		say(t, "planned for %.0f of %.0f requests/s", b->planned, s->planned_demand);
		return;
	}
	say_part(t, b->weight > 0 ? b->fit / b->weight : 0);
	say(t, " of %s fit", b->tiers == 1 ? "it is" : "them are");
	if (b->fit > 0 && s->plan->policy.share.spill == SPILL_GRADUAL)
		say(t, ", times overprovisioning %.4g", s->plan->policy.share.overprovisioning);
}

static void
say_standby(struct text *t, const struct steer *s, const struct steered_region *r)
{
	struct before b = look_before(s, r->plan->tier);

	if (b.tiers == 0)
		return;
	say(t, "; standby (tier %u)", r->plan->tier);
	if (s->mode != SHARE_NORMAL || r->target <= 0 || !isnan(r->pinned))
		return;
	if (s->target.trickle[r - s->regions])
		say(t, ", asked a little to learn how it does");
	else if (b.pinned)
		say(t, ", serves what the pins of others leave");
	else
		say_why_it_serves(t, s, &b);
}

static void
say_why_this_share(struct text *t, const struct steer *s, const struct steered_region *r,
    const struct wishes *wishes)
{
	if (!isnan(r->pinned)) {
		say(t, "; pinned to ");
		say_part(t, r->pinned);
		say_wish(
		    t, wishes != NULL ? wishes_pin(wishes, s->plan->service, r->plan->name) : NULL);
	}
	if (r->plan->capacity > 0)
		say(t, "; gets %.0f of the %.0f requests/s it may", r->share * s->demand, r->limit);
	if (fabs(r->share - r->target) > 0.005) {
		say(t, "; on its way to ");
		say_part(t, r->target);
	}
	if (r->plan->weight == 0 && isnan(r->pinned))
		say(t, "; its weight is 0");
	else
		say_standby(t, s, r);
}

size_t
explain_region(const struct steer *s, unsigned region, const struct wishes *wishes, uint64_t now_ms,
    char *buf, size_t size)
{
	const struct steered_region *r = &s->regions[region];
	struct text t = say_open(buf, size);

	say(&t, "%s gets ", r->plan->name);
	say_part(&t, r->share);
	say_state(&t, s, r, wishes, steer_time(s, now_ms));
	say_endpoints(&t, r);
	say_why_this_share(&t, s, r, wishes);
	say(&t, ".");
	return strnlen(buf, size);
}
