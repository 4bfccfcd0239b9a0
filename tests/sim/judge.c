/* SPDX-License-Identifier: Apache-2.0 */
#include "judge.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Of the policy in policy.h. */
static const uint64_t hold_ms = 30000;
static const uint64_t ramp_ms = 60000;

void
judge_broken(struct judge *j, const char *rule, const char *fmt, ...)
{
	va_list args;

	if (j->found.rule != NULL)
		return;
	j->found.rule = rule;
	j->found.t_ms = j->world->t_ms;
	va_start(args, fmt);
	vsnprintf(j->found.text, sizeof j->found.text, fmt, args);
	va_end(args);
}

void
judge_start(struct judge *j, const struct world *w)
{
	memset(j, 0, sizeof *j);
	j->world = w;
	j->grace_until_ms = 15000;
}

/* ---- what may be expected at all ---- */

static bool
others_err(const struct world *w, const struct trouble *t)
{
	for (unsigned i = 0; i < w->is->trouble_count; i++) {
		const struct trouble *o = &w->is->trouble[i];

		if (o != t && o->kind == TROUBLE_ERRORS && trouble_during(o, w->t_ms))
			return true;
	}
	return false;
}

static uint32_t
grace_of(const struct world *w, const struct trouble *t)
{
	/* Where others err too it takes a comparison: three windows, then steps of a second. */
	if (t->kind == TROUBLE_ERRORS && others_err(w, t))
		return 12000;
	/* What cannot be sent twice waits for the try's own deadline first. */
	if (t->kind == TROUBLE_HANG || t->kind == TROUBLE_SLOW || t->kind == TROUBLE_CREEP)
		return 5000 + TRY_TIMEOUT_TICKS * TICK_MS + 1000;
	return 5000;
}

static void
extend_grace(struct judge *j, uint32_t until_ms)
{
	if (until_ms > j->grace_until_ms)
		j->grace_until_ms = until_ms;
}

static void
note_troubles(struct judge *j)
{
	const struct world *w = j->world;
	uint32_t now_ms = w->t_ms - TICK_MS;

	for (unsigned i = 0; i < w->is->trouble_count; i++) {
		const struct trouble *t = &w->is->trouble[i];
		bool slow_flap = t->period_ms >= 20000;

		if (!trouble_during(t, now_ms)) {
			if (now_ms >= TICK_MS && trouble_during(t, now_ms - TICK_MS))
				extend_grace(j, now_ms + 30000);
			continue;
		}
		j->any_trouble_ms = now_ms + 1;
		if (trouble_scope(t->kind) == SCOPE_PROXY)
			j->proxy_trouble_ms = now_ms + 1;
		if (t->kind == TROUBLE_STALL || t->kind == TROUBLE_CLOCK ||
		    t->kind == TROUBLE_RESTART)
			j->shaken_ms = now_ms + 1;
		for (unsigned r = 0; r < w->is->region_count; r++) {
			if (t->region == r || t->region == SIM_REGIONS)
				j->region_trouble_ms[r] = now_ms + 1;
		}
		if (t->kind == TROUBLE_RESTART)
			j->restarted_ms = now_ms + 1;
		if (now_ms < t->at_ms + TICK_MS || (slow_flap && w->began[i] && w->active[i]))
			extend_grace(j, now_ms + grace_of(w, t));
	}
}

static bool
quiet_since(uint32_t last_ms, uint32_t now_ms, uint32_t for_ms)
{
	return last_ms == 0 || now_ms > last_ms + for_ms;
}

/* ---- invariants of a tick ---- */

static void
check_sums(struct judge *j)
{
	const struct world *w = j->world;
	double sum = steer_shed(w->core);
	enum share_mode mode = steer_mode(w->core);

	for (unsigned i = 0; i < w->is->region_count; i++) {
		double share = w->region[i].out.share;

		if (!(share >= 0 && share <= 1 + 1e-9))
			judge_broken(j, "share in range", "%s has %g", w->names[i], share);
		sum += share;
	}
	if ((mode == SHARE_FAIL_CLOSED && w->is->fail_open) ||
	    (mode == SHARE_FAIL_OPEN && !w->is->fail_open))
		judge_broken(j, "fails open or closed as configured", "mode %d", mode);
	if (mode == SHARE_FAIL_CLOSED || mode == SHARE_NOTHING)
		return;
	if (!(fabs(sum - 1) < 1e-6))
		judge_broken(
		    j, "shares and shed sum to 1", "they sum to %.9f in mode %d", sum, mode);
}

/*
 * A region that is well again but waits is used all the same rather than to shed or to serve
 * nothing: when all that serve are full, or none does.
 */
bool
judge_is_needed(const struct judge *j, unsigned region)
{
	const struct world *w = j->world;

	if (steer_shed(w->core) > 0)
		return true;
	for (unsigned i = 0; i < w->is->region_count; i++) {
		const struct steer_region_out *o = &w->region[i].out;
		bool open = o->region.state == REGION_UP || o->region.state == REGION_SUSPECT;

		/* what is grey or ramps has all that its state gives it */
		if (i == region || !open || !(o->health > 0))
			continue;
		if (o->limit <= 0 ||
		    o->share * steer_demand(w->core) < 0.85 * o->limit * fmin(1, o->health))
			return false;
	}
	return true;
}

static void
check_excluded(struct judge *j, unsigned i)
{
	const struct sim_region *r = &j->world->region[i];
	struct judge_region *t = &j->region[i];
	enum share_mode mode = steer_mode(j->world->core);
	bool open = mode == SHARE_FAIL_OPEN || mode == SHARE_UNPROVEN;
	uint32_t deadline_ms = 300;
	bool may_not = r->out.region.state == REGION_DOWN;

	if (r->out.region.state == REGION_HOLD && !judge_is_needed(j, i)) {
		may_not = true;
		deadline_ms = 11000; /* 10 percentage points a second */
	}
	if (r->out.region.state == REGION_EVACUATED) {
		may_not = true;
		open = false;
	}
	if (!may_not || open || r->out.share == 0) {
		t->excluded_ms = 0;
		return;
	}
	t->excluded_ms += TICK_MS;
	if (t->excluded_ms > deadline_ms)
		judge_broken(j, "no share where none may be", "%s is %s and has %.4f since %u ms",
		    j->world->names[i], region_state_name(r->out.region.state), r->out.share,
		    t->excluded_ms);
}

static void
check_capacity(struct judge *j, unsigned i)
{
	const struct sim_region *r = &j->world->region[i];
	struct judge_region *t = &j->region[i];
	uint32_t *slot = &t->tries[j->world->tick % 10];
	double most = r->is->capacity * 1.05 + 1;

	t->tries_1s += r->tries - *slot;
	*slot = r->tries;
	if (r->load > 0.8 || r->backlog > 1)
		t->busy_t_ms = j->world->t_ms;
	if (r->is->capacity == 0)
		return;
	if (t->tries_1s > most)
		judge_broken(j, "no region above its capacity",
		    "%s got %u tries in a second and can do %.0f", j->world->names[i], t->tries_1s,
		    r->is->capacity);
	if (r->out.share > 0 && !(r->out.limit > 0 && r->out.limit <= r->is->capacity * 1.0001))
		judge_broken(j, "a stated capacity is a limit", "%s has limit %g of %g",
		    j->world->names[i], r->out.limit, r->is->capacity);
}

static bool
all_reset(const struct world *w, unsigned region)
{
	for (unsigned k = 0; k < w->is->endpoint_count; k++) {
		if (w->region[region].endpoint[k].fate != FATE_RESET)
			return false;
	}
	return true;
}

/* Live traffic tells at once that nobody listens, whatever the checks say. */
static void
check_reset(struct judge *j, unsigned i)
{
	const struct world *w = j->world;
	struct judge_region *t = &j->region[i];
	double rate = w->region[i].out.share * steer_demand(w->core);

	if (!all_reset(w, i) || rate < 30) {
		t->reset_ms = 0;
		return;
	}
	t->reset_ms += TICK_MS;
	if (t->reset_ms > (rate >= 100 ? 400 : 1200) && judge_another_is_fine(j, i) &&
	    quiet_since(j->proxy_trouble_ms, w->t_ms, 20000))
		judge_broken(j, "a region that resets is left at once",
		    "%s resets since %u ms at %.0f requests a second", w->names[i], t->reset_ms,
		    rate);
}

/* ---- transitions ---- */

static const bool allowed[7][7] = {
	[REGION_UP] = { [REGION_SUSPECT] = true, [REGION_GREY] = true, [REGION_DOWN] = true },
	[REGION_SUSPECT] = { [REGION_UP] = true, [REGION_GREY] = true, [REGION_DOWN] = true },
	[REGION_GREY] = { [REGION_RAMP] = true, [REGION_DOWN] = true },
	[REGION_DOWN] = { [REGION_HOLD] = true },
	[REGION_HOLD] = { [REGION_RAMP] = true, [REGION_DOWN] = true, [REGION_GREY] = true },
	[REGION_RAMP] = { [REGION_UP] = true,
	    [REGION_DOWN] = true,
	    [REGION_GREY] = true,
	    [REGION_HOLD] = true },
	[REGION_EVACUATED] = { [REGION_RAMP] = true, [REGION_DOWN] = true, [REGION_HOLD] = true },
};

/* Nothing is held back from the only region there is. */
static bool
only_one(const struct judge *j, unsigned region)
{
	for (unsigned i = 0; i < j->world->is->region_count; i++) {
		enum region_state state = j->world->region[i].out.region.state;

		if (i != region && (state == REGION_UP || state == REGION_SUSPECT))
			return false;
	}
	return true;
}

/* Our own count of relapses, so that the core's is not taken on trust. */
static void
relapse(struct judge_region *t, uint64_t now_ms)
{
	t->relapses *= exp2(-(double)(now_ms - t->relapses_ms) / 600000.0);
	t->relapses += 1;
	t->relapses_ms = now_ms;
}

static void
check_failback(struct judge *j, unsigned i)
{
	struct judge_region *t = &j->region[i];
	uint64_t core_ms = world_core_ms(j->world, 0);
	double relapses = t->relapses * exp2(-(double)(core_ms - t->relapses_ms) / 600000.0);
	uint64_t waited_ms = core_ms - t->since_core_ms;
	uint64_t want_ms;

	if (t->state == REGION_HOLD) {
		relapses = round(relapses < 5 ? relapses : 5);
		want_ms = (uint64_t)((double)hold_ms * exp2(relapses));
		if (waited_ms + 2 * TICK_MS < want_ms)
			judge_broken(j, "hold-down is waited out",
			    "%s came back after %llu ms of %llu, %.2f relapses", j->world->names[i],
			    (unsigned long long)waited_ms, (unsigned long long)want_ms,
			    t->relapses);
	}
	if (t->state != REGION_EVACUATED) {
		if (t->ramped_ms > 0 && core_ms - t->ramped_ms + 2 * TICK_MS < hold_ms)
			judge_broken(j, "one failback in a hold-down",
			    "%s ramps again after %llu ms", j->world->names[i],
			    (unsigned long long)(core_ms - t->ramped_ms));
		t->ramped_ms = core_ms;
	}
}

static void
check_innocent(struct judge *j, unsigned i, enum region_state now)
{
	uint32_t t_ms = j->world->t_ms;

	if (!quiet_since(j->region_trouble_ms[i], t_ms, 90000) ||
	    !quiet_since(j->proxy_trouble_ms, t_ms, 60000) ||
	    !quiet_since(j->region[i].busy_t_ms, t_ms, 30000) || t_ms < 10000)
		return;
	judge_broken(j, "an innocent region is left alone",
	    "%s went from %s to %s (signal %d, %g, %g)", j->world->names[i],
	    region_state_name(j->region[i].state), region_state_name(now),
	    j->world->region[i].out.region.signal, j->world->region[i].out.region.value,
	    j->world->region[i].out.region.threshold);
}

static bool
frozen(const struct world *w)
{
	return wishes_freeze(&w->wishes, "shop") != NULL;
}

static void
check_transition(struct judge *j, unsigned i, uint64_t now_ms)
{
	const struct region *is = &j->world->region[i].out.region;
	struct judge_region *t = &j->region[i];
	bool made_anew = !quiet_since(j->restarted_ms, j->world->t_ms, 200);

	if (is->state == t->state)
		return;
	/* Evacuation comes from people, from anywhere; two steps may fall into one of our ticks. */
	if (is->state != REGION_EVACUATED && !allowed[t->state][is->state] && !made_anew &&
	    !((is->state == REGION_UP || is->state == REGION_SUSPECT) && only_one(j, i)))
		judge_broken(j, "states follow their order", "%s went from %s to %s",
		    j->world->names[i], region_state_name(t->state), region_state_name(is->state));
	if ((t->state == REGION_UP || t->state == REGION_SUSPECT) && is->state != REGION_UP &&
	    is->state != REGION_EVACUATED && !made_anew)
		check_innocent(j, i, is->state);
	/* A restart is no way around the wait. */
	if (is->state == REGION_RAMP && (!made_anew || t->state == REGION_HOLD)) {
		check_failback(j, i);
		if (t->state == REGION_HOLD && frozen(j->world))
			judge_broken(j, "no failback while frozen", "%s ramps", j->world->names[i]);
	}
	if (t->state == REGION_RAMP && (is->state == REGION_DOWN || is->state == REGION_GREY))
		relapse(t, world_core_ms(j->world, 0));
	/* What was grey begins with what it has left. */
	t->ramp_from = t->state == REGION_GREY ? is->factor : 0;
	t->state = is->state;
	t->since_ms = now_ms;
	t->since_core_ms = world_core_ms(j->world, 0);
}

static void
check_ramp(struct judge *j, unsigned i, uint64_t now_ms)
{
	const struct region *is = &j->world->region[i].out.region;
	double most;

	if (is->state != REGION_RAMP || !quiet_since(j->restarted_ms, j->world->t_ms, 150000))
		return;
	most = (double)(now_ms - j->region[i].since_ms + 300) / (double)ramp_ms +
	    j->region[i].ramp_from + 0.01;
	if (is->factor > most)
		judge_broken(j, "a ramp is slow", "%s has factor %.3f after %llu ms",
		    j->world->names[i], is->factor,
		    (unsigned long long)(now_ms - j->region[i].since_ms));
}

/* What lets a share move at once: a loss, or capacity that binds. */
static bool
is_hard(const struct judge *j, unsigned i)
{
	const struct world *w = j->world;
	const struct steer_region_out *o = &w->region[i].out;
	bool lost = o->region.state == REGION_GREY || o->region.state == REGION_DOWN ||
	    o->region.state == REGION_EVACUATED;

	return o->blind > 0 || (lost && o->share > 0) || o->health < j->region[i].health ||
	    (o->limit > 0 && o->share * steer_demand(w->core) > 0.7 * o->limit * o->health);
}

/* Everything else moves by ten percentage points a second at most. */
static void
check_speed(struct judge *j)
{
	const struct world *w = j->world;
	unsigned slot = w->tick % 10;
	double gains = 0;

	for (unsigned i = 0; i < w->is->region_count; i++) {
		struct judge_region *t = &j->region[i];
		const struct steer_region_out *o = &w->region[i].out;

		if (is_hard(j, i) || o->region.state != t->state)
			j->hard_ms = w->t_ms;
		gains += fmax(0, o->share - t->shares[slot]);
		t->shares[slot] = o->share;
		t->health = o->health;
	}
	if (steer_mode(w->core) != SHARE_NORMAL || steer_shed(w->core) > 0)
		j->hard_ms = w->t_ms;
	if (gains > 0.13 && w->t_ms > j->hard_ms + 12000 &&
	    quiet_since(j->shaken_ms, w->t_ms, 20000))
		judge_broken(
		    j, "soft moves are slow", "%.3f of the traffic moved in a second", gains);
}

/* With nothing wrong and demand far from all limits, nothing moves and nothing is said. */
static void
check_calm(struct judge *j)
{
	const struct world *w = j->world;

	if (w->is->trouble_count > 0 || w->t_ms < 20000)
		return;
	for (unsigned i = 0; i < w->is->region_count; i++) {
		if (w->t_ms < 20000 + TICK_MS)
			j->region[i].first_share = w->region[i].out.share;
		else if (w->region[i].out.share != j->region[i].first_share)
			judge_broken(j, "no fault, no move", "%s moved from %.6f to %.6f",
			    w->names[i], j->region[i].first_share, w->region[i].out.share);
	}
	for (unsigned i = 0; i < w->facts.count; i++) {
		const struct fact *f = &w->facts.list[i];

		if (f->kind != FACT_NOT_REDUNDANT && f->kind != FACT_REDUNDANT)
			judge_broken(j, "no fault, no fact", "%s %s: %g %g %g", f->region,
			    fact_word(f->kind), f->a, f->b, f->c);
	}
}

static void
count_requests(struct judge *j)
{
	const struct world *w = j->world;
	unsigned slot = w->tick % 10;

	j->ok_1s += w->ok - j->ok[slot];
	j->ok[slot] = w->ok;
	j->wanted_1s += w->requests - j->wanted[slot];
	j->wanted[slot] = w->requests;
	j->reached_now += w->reached;
	j->requests_now += w->requests;
	j->requests += w->requests;
	j->served += w->ok;
	j->failed += w->failed;
	j->shed += w->shed;
}

bool
judge_tick(struct judge *j)
{
	const struct world *w = j->world;
	/* the world's time, which does not jump */
	uint64_t now_ms = w->t_ms;

	note_troubles(j);
	count_requests(j);
	if (w->running) {
		check_sums(j);
		check_calm(j);
		check_speed(j);
	}
	for (unsigned i = 0; i < w->is->region_count; i++) {
		check_capacity(j, i);
		if (!w->running || w->stalled)
			continue;
		check_excluded(j, i);
		check_reset(j, i);
		check_transition(j, i, now_ms);
		check_ramp(j, i, now_ms);
	}
	if (w->t_ms % 1000 == 0)
		judge_second(j);
	return j->found.rule == NULL;
}
