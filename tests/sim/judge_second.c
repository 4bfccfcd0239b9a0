/* SPDX-License-Identifier: Apache-2.0 */
/* Once a second: was served what could be served, and is the core where the truth is? */
#include <math.h>
#include <string.h>

#include "judge.h"

static const double utilization = 0.85;
/* The longest that evidence of the past may keep an endpoint out: an ejection, and a slow start. */
static const uint32_t forgiven_ms = 330000;

static bool
quiet_for(uint32_t last_ms, const struct world *w, uint32_t for_ms)
{
	return last_ms == 0 || w->t_ms > last_ms + for_ms;
}

static bool
fine(const struct sim_endpoint *e)
{
	return !e->troubled;
}

/* Is any trouble of endpoints on this region now, also in the quiet half of its period? */
static bool
troubled(const struct world *w, unsigned region)
{
	for (unsigned i = 0; i < w->is->trouble_count; i++) {
		const struct trouble *t = &w->is->trouble[i];

		if (trouble_scope(t->kind) == SCOPE_ENDPOINTS && t->count == 0 &&
		    (t->region == region || t->region == SIM_REGIONS) && trouble_during(t, w->t_ms))
			return true;
	}
	return false;
}

/* The part of its endpoints that works, as far as the past does not keep them out by rule. */
static double
working_part(const struct world *w, const struct sim_region *r)
{
	double sum = 0;

	for (unsigned k = 0; k < w->is->endpoint_count; k++) {
		const struct sim_endpoint *e = &r->endpoint[k];
		bool excused = e->troubled_ms > 0 && w->t_ms < e->troubled_ms + forgiven_ms;

		if (!fine(e))
			continue;
		if (excused)
			sum += e->usable ? e->weight / 1000.0 : 0;
		else
			sum += 1;
	}
	return sum / w->is->endpoint_count;
}

/* How much of a working region the rules let be used now; the states have judges of their own. */
static double
lawful_part(const struct world *w, unsigned region)
{
	const struct region *is = &w->region[region].out.region;

	if (troubled(w, region))
		return 0;
	switch (is->state) {
	case REGION_UP:
	case REGION_SUSPECT:
		return 1;
	case REGION_GREY:
	case REGION_RAMP:
		return is->factor;
	case REGION_DOWN:
	case REGION_HOLD:
	case REGION_EVACUATED:
		return 0;
	}
	return 0;
}

/* Is one full, of which nobody told the core how much it can take? */
static bool
unstated_limit_met(const struct world *w)
{
	for (unsigned i = 0; i < w->is->region_count; i++) {
		const struct sim_region *r = &w->region[i];

		if (r->is->capacity == 0 && (r->load > 0.8 || r->backlog > 1))
			return true;
	}
	return false;
}

/* Requests per second that could be served; less than 0: cannot be told. */
static double
available(const struct judge *j)
{
	const struct world *w = j->world;
	double sum = 0, upper = 0;

	if (unstated_limit_met(w))
		return -1;
	for (unsigned tier = 0; tier < 2; tier++) {
		upper = sum;
		if (w->is->spill_all_down && upper > 0)
			break;
		for (unsigned i = 0; i < w->is->region_count; i++) {
			const struct sim_region *r = &w->region[i];
			double part = working_part(w, r);
			double can = r->is->capacity * utilization;

			if (r->is->tier != tier)
				continue;
			/* Too few endpoints: panic may send to those that are dead, by rule. */
			if (part < 0.5 && part > 0)
				return -1;
			part *= lawful_part(w, i);
			if (r->is->capacity == 0)
				can = part > 0 ? w->is->demand * 10 / part : 0;
			else if (r->is->real * r->factor < can)
				can = r->is->real * r->factor;
			sum += part * can;
		}
	}
	return sum;
}

/* Frozen, a region is left for hard failures only: people said so. What is merely worse stays. */
static bool
frozen_beside_worse(const struct world *w)
{
	bool frozen = wishes_freeze(&w->wishes, "shop") != NULL;

	for (unsigned i = 0; frozen && i < w->is->region_count; i++) {
		const struct steer_region_out *out = &w->region[i].out;

		if (out->region.state == REGION_GREY && out->share > out->region.factor)
			return true;
		for (unsigned k = 0; k < w->is->endpoint_count; k++) {
			if (w->region[i].endpoint[k].errors > 0)
				return true;
		}
	}
	return false;
}

/*
 * Answers that come later and later are fewer in a second than the requests, and whether a slow
 * region can be known for one depends on others to compare it with; check_sick() judges that.
 */
static bool
slow_region_serves(const struct world *w)
{
	for (unsigned n = 0; n < w->is->trouble_count; n++) {
		const struct trouble *t = &w->is->trouble[n];

		/* in the quiet half of its period too: what began in the other half is still late
		 */
		if (!w->during[n] || (t->kind != TROUBLE_SLOW && t->kind != TROUBLE_CREEP))
			continue;
		for (unsigned i = 0; i < w->is->region_count; i++) {
			if ((t->region == SIM_REGIONS || t->region == i) &&
			    w->region[i].out.share > 0.2)
				return true;
		}
	}
	return false;
}

/* The part of requests that is lawfully lost: not safe, and met a sick region. */
static double
lost_part(const struct world *w)
{
	double lost = 0;

	for (unsigned i = 0; i < w->is->region_count; i++) {
		const struct sim_region *r = &w->region[i];
		unsigned sick = 0;

		for (unsigned k = 0; k < w->is->endpoint_count; k++)
			sick += r->endpoint[k].bad;
		lost += r->out.share * sick / w->is->endpoint_count * (1 - w->is->safe);
	}
	return lost;
}

/* What is worked on as the second ends is neither served yet nor lost, where it is bounded: */
static double
worked_on(const struct world *w)
{
	double sum = 0;

	for (unsigned i = 0; i < w->is->region_count; i++) {
		const struct sim_region *r = &w->region[i];

		if (r->out.limit_in_flight > 0)
			sum += fmin(r->waiting, r->out.limit_in_flight);
	}
	return sum;
}

static void
check_service(struct judge *j)
{
	const struct world *w = j->world;
	double least = 1e30, floor_rate, could, more;

	more = fmax(0, worked_on(w) - j->worked_on); /* than before */
	j->worked_on = worked_on(w);
	j->available[w->t_ms / 1000 % JUDGE_SECONDS] = available(j);
	for (unsigned i = 0; i < JUDGE_SECONDS; i++) {
		if (j->available[i] < least)
			least = j->available[i];
	}
	if (w->t_ms < j->grace_until_ms || least < 0 || w->stalled || slow_region_serves(w) ||
	    frozen_beside_worse(w))
		return;
	could = j->wanted_1s < least ? j->wanted_1s : least;
	floor_rate = could * (0.95 - lost_part(w)) - 4 * sqrt(could) - 3 - more;
	if (j->ok_1s < floor_rate)
		judge_broken(j, "what can be served is served",
		    "%u of %u served in a second, %.0f possible, floor %.0f", j->ok_1s,
		    j->wanted_1s, least, floor_rate);
}

static void
check_tries(struct judge *j)
{
	const struct world *w = j->world;
	unsigned slot = w->t_ms / 1000 % 10;
	uint64_t reached = 0, requests = 0;

	j->reached_s[slot] = j->reached_now;
	j->requests_s[slot] = j->requests_now;
	j->reached_now = j->requests_now = 0;
	for (unsigned i = 0; i < 10; i++) {
		reached += j->reached_s[i];
		requests += j->requests_s[i];
	}
	/* The floor of the budget is 10 a second; tries end up to 5 s after their requests came. */
	if ((double)reached > 1.2 * (double)requests + 100 + 4 * sqrt((double)requests) &&
	    quiet_for(j->proxy_trouble_ms, w, 15000))
		judge_broken(j, "tries are bounded", "%llu tries for %llu requests in 10 s",
		    (unsigned long long)reached, (unsigned long long)requests);
}

/* A region that flaps is dead and alive in turns, and has other rules. */
static bool
flaps(const struct world *w, unsigned region)
{
	for (unsigned i = 0; i < w->is->trouble_count; i++) {
		const struct trouble *t = &w->is->trouble[i];

		if (t->period_ms > 0 && (t->region == region || t->region == SIM_REGIONS) &&
		    trouble_during(t, w->t_ms))
			return true;
	}
	return false;
}

static bool
all_gone(const struct world *w, unsigned region, bool *by_reset)
{
	*by_reset = true;
	if (flaps(w, region))
		return false;
	for (unsigned k = 0; k < w->is->endpoint_count; k++) {
		const struct sim_endpoint *e = &w->region[region].endpoint[k];

		if (e->fate == FATE_USUAL || e->lies_up)
			return false;
		if (e->fate != FATE_RESET)
			*by_reset = false;
	}
	return true;
}

bool
judge_another_is_fine(const struct judge *j, unsigned region)
{
	const struct world *w = j->world;

	for (unsigned i = 0; i < w->is->region_count; i++) {
		if (i != region && w->region[i].out.region.state == REGION_UP &&
		    quiet_for(j->region_trouble_ms[i], w, forgiven_ms) &&
		    w->region[i].out.share > 0)
			return true;
	}
	return false;
}

/* A region that is gone has no share for long, if there is any other place. */
static void
check_dead(struct judge *j, unsigned i)
{
	const struct world *w = j->world;
	struct judge_region *t = &j->region[i];
	bool by_reset;

	if (!all_gone(w, i, &by_reset) || !judge_another_is_fine(j, i) ||
	    !quiet_for(j->proxy_trouble_ms, w, 20000)) {
		t->dead_ms = 0;
		return;
	}
	t->dead_ms += 1000;
	if (t->dead_ms > (by_reset ? 3000 : 4000) && w->region[i].out.share > 0)
		judge_broken(j, "a dead region is left",
		    "%s is gone since %u ms and has %.4f, state %s", w->names[i], t->dead_ms,
		    w->region[i].out.share, region_state_name(w->region[i].out.region.state));
}

/* Plainly slower or answering more errors than it should, in all its endpoints and for good. */
static bool
plainly_sick(const struct world *w, unsigned region)
{
	for (unsigned k = 0; k < w->is->endpoint_count; k++) {
		const struct sim_endpoint *e = &w->region[region].endpoint[k];
		double added_us = w->region[region].is->latency_us * (e->slow - 1);

		if (e->fate != FATE_USUAL || e->lies_down)
			return false;
		if (e->errors < 0.2 && (e->slow < 6 || added_us < 200000))
			return false;
	}
	return true;
}

static void
check_sick(struct judge *j, unsigned i)
{
	const struct world *w = j->world;
	struct judge_region *t = &j->region[i];
	uint32_t others = 0;
	double most;

	for (unsigned r = 0; r < w->is->region_count; r++)
		others += r != i ? j->region[r].tries_1s : 0;
	if (!plainly_sick(w, i) || !judge_another_is_fine(j, i) || others < 40 ||
	    judge_is_needed(j, i) || !quiet_for(j->proxy_trouble_ms, w, 60000)) {
		t->sick_ms = 0;
		if (!quiet_for(j->restarted_ms, w, 3000))
			t->fed_s = 0;
		else if (t->tries_1s >= 20 && quiet_for(j->region_trouble_ms[i], w, 2000))
			t->fed_s++;
		return;
	}
	/* What is normal there has to be known first. */
	if (t->sick_ms > 0 || (t->tries_1s >= 40 && t->fed_s >= 90))
		t->sick_ms += 1000;
	/* A ramp is how a region shows what it is like by now. */
	most = w->region[i].out.region.state == REGION_RAMP ? 0.3 : 0.12;
	if (t->sick_ms > 20000 && w->region[i].out.share > most)
		judge_broken(j, "a sick region is left",
		    "%s is sick since %u ms and has %.4f, state %s", w->names[i], t->sick_ms,
		    w->region[i].out.share, region_state_name(w->region[i].out.region.state));
}

/*
 * An endpoint that resets is taken out by its traffic, as long as those of its region are few;
 * where too few are left, because others are still out for what they did before, health is ignored.
 */
static void
check_endpoints(struct judge *j, unsigned i)
{
	const struct world *w = j->world;
	const struct sim_region *r = &w->region[i];
	bool open = w->mode == SHARE_FAIL_OPEN || w->region[i].out.blind > 0;
	unsigned troubled = 0;

	for (unsigned k = 0; k < w->is->endpoint_count; k++)
		troubled += r->endpoint[k].troubled;
	for (unsigned k = 0; k < w->is->endpoint_count; k++) {
		const struct sim_endpoint *e = &r->endpoint[k];
		uint32_t *bad_ms = &j->region[i].bad_ms[k];

		if (e->fate != FATE_RESET || !e->usable || open ||
		    troubled * 2 > w->is->endpoint_count || flaps(w, i) ||
		    j->region[i].tries_1s < 5 * w->is->endpoint_count ||
		    !quiet_for(j->proxy_trouble_ms, w, 20000)) {
			*bad_ms = 0;
			continue;
		}
		*bad_ms += 1000;
		if (*bad_ms > 5000)
			judge_broken(j, "an endpoint that resets is taken out",
			    "%s, endpoint %u, resets since %u ms", w->names[i], k, *bad_ms);
	}
}

/* When all checks lie and nothing else is wrong, the service goes on. */
static void
check_open(struct judge *j)
{
	const struct world *w = j->world;
	double can = 0;

	if (!w->is->fail_open || w->t_ms < j->grace_until_ms ||
	    !quiet_for(j->proxy_trouble_ms, w, 60000))
		return;
	for (unsigned i = 0; i < w->is->trouble_count; i++) {
		if (w->during[i] && w->is->trouble[i].kind != TROUBLE_LIE_DOWN)
			return;
	}
	for (unsigned i = 0; i < w->is->region_count; i++) {
		const struct scenario_region *is = w->region[i].is;

		for (unsigned k = 0; k < w->is->endpoint_count; k++) {
			if (!w->region[i].endpoint[k].lies_down)
				return;
		}
		can += is->tier > 0 ? 0 : is->capacity > 0 ? 0.8 * is->capacity : is->real / 2;
	}
	if (j->ok_1s < 0.9 * fmin(can, j->wanted_1s) - 4 * sqrt(can) - 3)
		judge_broken(j, "lying checks stop nothing", "%u of %u served in a second",
		    j->ok_1s, j->wanted_1s);
}

/* Nobody waits longer than told, and in the end all is as it was. */
static void
check_return(struct judge *j, unsigned i)
{
	const struct world *w = j->world;
	const struct region *is = &w->region[i].out.region;
	uint64_t age_ms = w->t_ms - j->region[i].since_ms;

	if (is->state == REGION_HOLD && is->hold_ms > 32 * 30000)
		judge_broken(j, "hold-down is bounded", "%s holds for %llu ms", w->names[i],
		    (unsigned long long)is->hold_ms);
	if (is->state == REGION_HOLD && age_ms > is->hold_ms + 5000 &&
	    quiet_for(j->any_trouble_ms, w, 30000))
		judge_broken(j, "a hold-down ends", "%s holds since %llu ms, told %llu",
		    w->names[i], (unsigned long long)age_ms, (unsigned long long)is->hold_ms);
	if (fabs(w->region[i].out.share - w->region[i].out.target) < 0.05)
		j->region[i].arrived_ms = w->t_ms;
	if (!quiet_for(j->any_trouble_ms, w, forgiven_ms + 120000 + (uint32_t)is->hold_ms) ||
	    w->t_ms < j->grace_until_ms)
		return;
	if (is->state != REGION_UP && quiet_for(j->region[i].busy_t_ms, w, 60000))
		judge_broken(j, "in the end all are up", "%s is %s since %llu ms", w->names[i],
		    region_state_name(is->state), (unsigned long long)age_ms);
	if (w->t_ms > j->region[i].arrived_ms + 15000)
		judge_broken(j, "in the end shares arrive", "%s has %.4f instead of %.4f",
		    w->names[i], w->region[i].out.share, w->region[i].out.target);
}

static void
check_evacuated(struct judge *j, unsigned i)
{
	const struct world *w = j->world;

	if (!w->region[i].evacuated || !quiet_for(j->proxy_trouble_ms, w, 2000))
		return;
	for (unsigned k = 0; k < w->is->trouble_count; k++) {
		const struct trouble *t = &w->is->trouble[k];

		if (t->kind == TROUBLE_EVACUATE && t->region == i && w->t_ms < t->at_ms + 2000)
			return;
	}
	if (w->region[i].out.region.state != REGION_EVACUATED)
		judge_broken(j, "an evacuation is obeyed", "%s is %s", w->names[i],
		    region_state_name(w->region[i].out.region.state));
}

void
judge_second(struct judge *j)
{
	const struct world *w = j->world;

	check_tries(j);
	if (!w->running)
		return;
	check_service(j);
	check_open(j);
	for (unsigned i = 0; i < w->is->region_count && !w->stalled; i++) {
		check_dead(j, i);
		check_endpoints(j, i);
		check_sick(j, i);
		check_return(j, i);
		check_evacuated(j, i);
	}
}
