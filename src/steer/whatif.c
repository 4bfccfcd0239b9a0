/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/whatif.h"

#include <string.h>

#include "steer_private.h"

/* What a day at max_utilization could bring: of the preferred tier, as far as it is stated. */
static double
assumed_demand(const struct steer *s)
{
	uint32_t lowest = UINT32_MAX;
	double capacity = 0;

	for (unsigned i = 0; i < s->plan->region_count; i++) {
		if (s->plan->regions[i].tier < lowest)
			lowest = s->plan->regions[i].tier;
	}
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		if (s->plan->regions[i].tier == lowest)
			capacity += s->plan->regions[i].capacity;
	}
	return s->plan->policy.share.max_utilization * capacity;
}

/* Without a wait since the last change: that rule is about when, not about where. */
static const struct safety_rule *
rule_broken(const struct steer *s, int lost, double shed)
{
	const char *names[SHARE_MAX_REGIONS] = { NULL };
	bool serving[SHARE_MAX_REGIONS] = { false };
	struct share_region inputs[SHARE_MAX_REGIONS];
	struct safety_after after = {
		.regions = names,
		.serving = serving,
		.region_count = s->plan->region_count,
		.shed = shed,
		.since_last_change_ms = UINT64_MAX,
	};

	steer_share_inputs(s, true, inputs);
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		names[i] = s->plan->regions[i].name;
		serving[i] = (int)i != lost && !inputs[i].evacuated && inputs[i].healthy > 0 &&
		    inputs[i].factor > 0;
	}
	return safety_broken(s->plan->policy.rules, s->plan->policy.rule_count, &after, NULL);
}

static void
lose(const struct steer *s, int region, double demand, bool settle,
    const struct together_parts *parts, struct whatif *out)
{
	struct share_plan before, after;
	size_t size = s->plan->region_count * sizeof before.share[0];

	if (demand <= 0)
		demand = assumed_demand(s);
	steer_what_if(s, -1, demand, settle, parts->now, &before);
	steer_what_if(s, region, demand, settle, parts->after, &after);
	memset(out, 0, sizeof *out);
	memcpy(out->before, before.share, size);
	memcpy(out->after, after.share, size);
	out->shed = after.shed;
	out->shed_rate = after.shed * demand;
	out->mode = after.mode;
	out->broken = rule_broken(s, region, after.shed);
}

void
whatif_lose_beside(const struct steer *s, int region, double demand,
    const struct together_parts *parts, struct whatif *out)
{
	lose(s, region, demand, true, parts, out);
}

void
whatif_lose_now(const struct steer *s, int region, double demand,
    const struct together_parts *parts, struct whatif *out)
{
	lose(s, region, demand, false, parts, out);
}

void
whatif_lose(const struct steer *s, int region, double demand, struct whatif *out)
{
	whatif_lose_beside(s, region, demand, &(struct together_parts){ NULL, NULL }, out);
}
