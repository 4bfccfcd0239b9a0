/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/region.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "steer/evidence.h"

enum {
	ENDPOINTS_DOWN = 4,       /* that fail in a row: enough, however many there are */
	MIN_TRIES = 20,           /* for a share of failures to mean anything */
	SUSPECT_BURST = 2,        /* local-origin failures in 1 s */
	SUSPECT_QUIET_MS = 10000, /* no failure that long clears a region nobody tries */
	STALLS_DOWN = 2,          /* windows */
	GREY_STEP_MS = 1000,
	SUDDEN_STEP_MS = 750, /* it is seen within two seconds, and has to be left within three */
	GREY_CLEAN_MS = 60000,
	MOST_DOUBLINGS = 5,
	RELAPSE_HALF_LIFE_MS = 600000,
};

static const double grey_step = 0.25;
static const double sudden_step = 0.5;
static const double down_share = 0.5; /* of at least MIN_TRIES in 1 s */
static const double burst_share = 0.01;
static const double clear_share = 0.005; /* apart, so that a rate between them does not flap */

/* One tick of one region, for the functions of its states. */
struct step {
	struct region *r;
	const struct region_policy *policy;
	const struct region_evidence *e;
	uint64_t dt_ms;
	uint64_t now_ms;
	struct facts *facts;
	const char *service;
	const char *name;
};

/* What speaks against a region, with its numbers. */
struct charge {
	enum fact_signal signal;
	double value;
	double threshold;
	uint32_t endpoints;
};

const char *
region_state_name(enum region_state s)
{
	switch (s) {
	case REGION_UP:
		return "up";
	case REGION_SUSPECT:
		return "suspect";
	case REGION_GREY:
		return "grey";
	case REGION_DOWN:
		return "down";
	case REGION_HOLD:
		return "hold";
	case REGION_RAMP:
		return "ramp";
	case REGION_EVACUATED:
		return "evacuated";
	}
	abort();
}

bool
region_run_is_down(
    uint32_t failures, uint32_t needs, uint32_t failing_endpoints, uint32_t endpoints)
{
	uint32_t most = endpoints / 2 + 1;

	return failures >= needs &&
	    failing_endpoints >= (most < ENDPOINTS_DOWN ? most : ENDPOINTS_DOWN);
}

/*
 * Down: three local-origin failures in a row on most endpoints (a few alone may just be
 * dead), more than half of at least 20 tries in 1 s, and in four tenths of it (connections of one
 * dead server may hold many more requests than came in it: those do not count), two stalled
 * windows, or too few healthy endpoints. A run counts only while it is fresh: nobody ends the run
 * of a region that gets no traffic.
 */
static bool
is_down(const struct step *s, struct charge *c)
{
	const struct region_evidence *e = s->e;
	uint32_t failed_1s = e->local_1s - e->aged_1s;
	uint32_t needs = e->run_needs > 0 ? e->run_needs : REGION_RUN;

	if (e->local_1s > 0 &&
	    region_run_is_down(e->local_in_a_row, needs, e->failing_endpoints,
		e->run_among > 0 ? e->run_among : e->endpoints)) {
		*c = (struct charge){ SIGNAL_IN_A_ROW, e->local_in_a_row, needs,
			e->failing_endpoints };
		return true;
	}
	if (e->tries_1s >= MIN_TRIES && failed_1s > down_share * e->tries_1s &&
	    e->failing_slots >= EVIDENCE_FAILING) {
		*c = (struct charge){ SIGNAL_LOCAL_SHARE, (double)failed_1s / e->tries_1s,
			down_share, e->endpoints };
		return true;
	}
	if (e->stalls >= STALLS_DOWN) {
		*c = (struct charge){ SIGNAL_STALL, e->stalls, STALLS_DOWN, e->endpoints };
		return true;
	}
	if (e->health < s->policy->min_healthy) { /* never true of an unknown one: NaN */
		*c = (struct charge){ SIGNAL_HEALTH, e->health, s->policy->min_healthy,
			e->endpoints };
		return true;
	}
	return false;
}

/*
 * A burst: two failures in a second, one where there is little traffic; but of a lot of traffic a
 * percent, or a busy region would be suspected for what its clients' networks do all day.
 */
static bool
is_suspicious(const struct region_evidence *e)
{
	if (e->stalls > 0)
		return true;
	if (e->tries_1s < MIN_TRIES)
		return e->local_1s > 0;
	return e->local_1s >= SUSPECT_BURST && e->local_1s >= burst_share * e->tries_1s;
}

static bool
is_clear(const struct region_evidence *e)
{
	return e->stalls == 0 && (e->local_1s == 0 || e->local_1s < clear_share * e->tries_1s);
}

/* Well enough to be given traffic again; tries that still hang say that it is not. */
static bool
is_fit(const struct step *s)
{
	return s->e->health >= s->policy->min_healthy && s->e->local_1s == 0 && s->e->stalls == 0;
}

static double
relapses_now(const struct region *r, uint64_t now_ms)
{
	if (r->relapses <= 0 || now_ms <= r->relapses_at_ms)
		return r->relapses;
	return r->relapses * exp2(-(double)(now_ms - r->relapses_at_ms) / RELAPSE_HALF_LIFE_MS);
}

static void
count_relapse(struct region *r, uint64_t now_ms)
{
	r->relapses = relapses_now(r, now_ms) + 1;
	r->relapses_at_ms = now_ms;
}

/* Whole doublings: 30 s, 60 s, 120 s are waits a person can recognise. */
uint64_t
region_hold_ms(const struct region *r, const struct region_policy *p, uint64_t now_ms)
{
	long n = lround(relapses_now(r, now_ms));

	return (uint64_t)p->hold_down_ms << (n < MOST_DOUBLINGS ? n : MOST_DOUBLINGS);
}

static double
first_factor(enum region_state state)
{
	switch (state) {
	case REGION_UP:
	case REGION_SUSPECT:
		return 1;
	case REGION_GREY:
	case REGION_DOWN:
	case REGION_HOLD:
	case REGION_RAMP:
	case REGION_EVACUATED:
		return 0;
	}
	abort();
}

/* Relapses outlive states. */
void
region_start(struct region *r, enum region_state state, uint64_t now_ms)
{
	struct region fresh = {
		.state = state,
		.since_ms = now_ms,
		.factor = first_factor(state),
		.relapses = r->relapses,
		.relapses_at_ms = r->relapses_at_ms,
	};

	*r = fresh;
}

static void
tell(const struct step *s, enum fact_kind kind, enum fact_signal signal, double a, double b,
    double c)
{
	struct fact f = {
		.kind = kind,
		.signal = signal,
		.at_ms = s->now_ms,
		.service = s->service,
		.region = s->name,
		.endpoint_id = UINT32_MAX,
		.a = a,
		.b = b,
		.c = c,
		.rule = "",
	};

	facts_add(s->facts, f);
}

static void
enter(const struct step *s, enum region_state state, const struct charge *c)
{
	region_start(s->r, state, s->now_ms);
	s->r->signal = c->signal;
	s->r->value = c->value;
	s->r->threshold = c->threshold;
}

static void
go_up(const struct step *s, enum fact_signal why)
{
	enter(s, REGION_UP, &(struct charge){ .signal = why });
	tell(s, FACT_REGION_UP, why, 0, 0, 0);
}

static void
go_suspect(const struct step *s)
{
	struct charge c = { SIGNAL_IN_A_ROW, s->e->local_1s, 0, s->e->endpoints };

	if (s->e->stalls > 0)
		c = (struct charge){ SIGNAL_STALL, s->e->stalls, STALLS_DOWN, s->e->endpoints };
	enter(s, REGION_SUSPECT, &c);
	if (s->e->stalls > 0)
		tell(s, FACT_REGION_SUSPECT, c.signal, NAN, NAN, s->e->stalls);
	else
		tell(s, FACT_REGION_SUSPECT, c.signal, s->e->local_1s, s->e->tries_1s, NAN);
}

static void
go_down(const struct step *s, const struct charge *c)
{
	enter(s, REGION_DOWN, c);
	tell(s, FACT_REGION_DOWN, c->signal, c->value, c->threshold, c->endpoints);
}

/* Its share falls by the first step at once, from what it was, and not below sensor_share. */
static void
go_grey(const struct step *s)
{
	const struct region_evidence *e = s->e;
	struct charge c = { e->grey_signal, e->grey_value, e->grey_threshold, e->grey_peers };
	double step = e->grey_sudden ? sudden_step : grey_step;
	double factor = e->grey_at_once ? 0 : s->r->factor - step;

	enter(s, REGION_GREY, &c);
	s->r->sudden = e->grey_sudden;
	s->r->factor = fmax(factor, s->policy->sensor_share);
	tell(s, FACT_REGION_GREY, c.signal, c.value, c.threshold, e->grey_peers);
}

static void
go_hold(const struct step *s)
{
	struct region *r = s->r;

	enter(s, REGION_HOLD,
	    &(struct charge){
		SIGNAL_HEALTH, s->e->health, s->policy->min_healthy, s->e->endpoints });
	r->hold_ms = region_hold_ms(r, s->policy, s->now_ms);
	tell(s, FACT_REGION_HOLD, SIGNAL_HEALTH, (double)r->hold_ms,
	    (double)lround(relapses_now(r, s->now_ms)), 0);
}

/* From the share it has: a grey region keeps its sensor share, all others begin with nothing. */
static void
go_ramp(const struct step *s, enum fact_signal why)
{
	double factor = s->r->factor;

	enter(s, REGION_RAMP, &(struct charge){ .signal = why });
	s->r->factor = factor;
	tell(s, FACT_REGION_RAMP, why, s->policy->ramp_ms, 0, 0);
}

static void
go_evacuated(const struct step *s)
{
	enter(s, REGION_EVACUATED, &(struct charge){ .signal = SIGNAL_PERSON });
	tell(s, FACT_REGION_EVACUATED, SIGNAL_PERSON, (double)s->e->evacuated_for_ms, 0, 0);
}

static bool
is_grey(const struct region_evidence *e)
{
	return (e->grey || e->grey_at_once) && !e->only_region;
}

static void
step_up(const struct step *s)
{
	struct charge c;

	if (is_down(s, &c))
		go_down(s, &c);
	else if (is_grey(s->e))
		go_grey(s);
	else if (is_suspicious(s->e))
		go_suspect(s);
}

/* Cleared by answers and a second without failures; or by time, when nobody tries it any more. */
static void
step_suspect(const struct step *s)
{
	struct region *r = s->r;
	struct charge c;

	if (is_down(s, &c)) {
		go_down(s, &c);
		return;
	}
	if (is_grey(s->e)) {
		go_grey(s);
		return;
	}
	if (!is_clear(s->e)) {
		r->clean_since_ms = 0;
		return;
	}
	if (r->clean_since_ms == 0)
		r->clean_since_ms = s->now_ms;
	if (s->e->successes_since_suspect > 0)
		go_up(s, SIGNAL_IN_A_ROW);
	else if (s->now_ms - r->clean_since_ms >= SUSPECT_QUIET_MS)
		go_up(s, SIGNAL_TIME);
}

/* What it loses in this tick: a whole step for each such time since it became grey. */
static double
grey_loss(const struct step *s)
{
	uint64_t each_ms = s->r->sudden ? SUDDEN_STEP_MS : GREY_STEP_MS;
	uint64_t age = s->now_ms - s->r->since_ms;
	uint64_t before = age > s->dt_ms ? age - s->dt_ms : 0;
	uint64_t steps = age / each_ms - before / each_ms;

	return (double)steps * (s->r->sudden ? sudden_step : grey_step);
}

/*
 * Four steps at most take all but the sensor share. A region that fell back from its ramp must be
 * clean for as long as it would have to be held.
 */
static void
step_grey(const struct step *s)
{
	struct region *r = s->r;
	uint64_t clean_ms = region_hold_ms(r, s->policy, s->now_ms);
	struct charge c;

	if (is_down(s, &c)) {
		go_down(s, &c);
		return;
	}
	if (s->e->only_region) {
		go_up(s, SIGNAL_NONE);
		return;
	}
	if (!s->e->grey_clean) {
		double factor = s->e->grey_at_once ? 0 : r->factor - grey_loss(s);

		r->sudden |= s->e->grey_sudden;
		r->clean_since_ms = 0;
		r->factor = fmax(factor, s->policy->sensor_share);
		return;
	}
	if (clean_ms < GREY_CLEAN_MS)
		clean_ms = GREY_CLEAN_MS;
	if (r->clean_since_ms == 0)
		r->clean_since_ms = s->now_ms;
	if (s->now_ms - r->clean_since_ms >= clean_ms && !s->e->failback_held)
		go_ramp(s, SIGNAL_TIME);
}

static void
step_down(const struct step *s)
{
	if (!is_fit(s))
		return;
	if (s->e->only_region)
		go_up(s, SIGNAL_HEALTH);
	else
		go_hold(s);
}

/* A person's restore skips the wait, not the ramp; nothing else may end it while failback is held.
 */
static void
step_hold(const struct step *s)
{
	struct region *r = s->r;
	struct charge c;

	if (is_down(s, &c)) {
		go_down(s, &c);
		return;
	}
	if (s->e->only_region) {
		go_up(s, SIGNAL_HEALTH);
		return;
	}
	if (s->e->restore_asked) {
		go_ramp(s, SIGNAL_PERSON);
		return;
	}
	if (s->policy->manual_failback || s->e->failback_held)
		return;
	if (s->now_ms - r->since_ms >= r->hold_ms)
		go_ramp(s, SIGNAL_TIME);
}

/* Returns whether the ramp must wait; tells of it once for each wait that the region is to blame
 * for. */
static bool
ramp_waits(const struct step *s)
{
	struct region *r = s->r;
	const struct region_evidence *e = s->e;
	bool bad = e->half_grey || is_suspicious(e);

	if (bad && !r->paused) {
		if (e->half_grey)
			tell(s, FACT_REGION_RAMP_PAUSED, e->grey_signal, e->grey_value,
			    e->grey_threshold, 0);
		else
			tell(s, FACT_REGION_RAMP_PAUSED, SIGNAL_LOCAL_SHARE,
			    e->tries_1s > 0 ? (double)e->local_1s / e->tries_1s : 0, burst_share,
			    0);
	}
	r->paused = bad;
	return bad || e->failback_held;
}

static void
step_ramp(const struct step *s)
{
	struct region *r = s->r;
	struct charge c;

	if (is_down(s, &c)) {
		count_relapse(r, s->now_ms);
		go_down(s, &c);
		return;
	}
	if (s->e->only_region) {
		go_up(s, SIGNAL_NONE);
		return;
	}
	if (is_grey(s->e)) {
		count_relapse(r, s->now_ms);
		go_grey(s);
		return;
	}
	if (ramp_waits(s))
		return;
	r->factor += s->policy->ramp_ms > 0 ? (double)s->dt_ms / s->policy->ramp_ms : 1;
	if (r->factor >= 1 - 1e-9)
		go_up(s, SIGNAL_TIME);
}

/* It comes back only if it is well: nobody's restore makes a dead region serve. */
static void
step_evacuated(const struct step *s)
{
	struct charge c;

	if (s->e->evacuated)
		return;
	tell(s, FACT_REGION_RESTORED, SIGNAL_PERSON, 0, 0, 0);
	if (is_down(s, &c))
		go_down(s, &c);
	else if (s->e->only_region)
		go_up(s, SIGNAL_PERSON);
	else
		go_ramp(s, SIGNAL_PERSON);
}

static void
step_state(const struct step *s)
{
	switch (s->r->state) {
	case REGION_UP:
		step_up(s);
		return;
	case REGION_SUSPECT:
		step_suspect(s);
		return;
	case REGION_GREY:
		step_grey(s);
		return;
	case REGION_DOWN:
		step_down(s);
		return;
	case REGION_HOLD:
		step_hold(s);
		return;
	case REGION_RAMP:
		step_ramp(s);
		return;
	case REGION_EVACUATED:
		step_evacuated(s);
		return;
	}
	abort();
}

static bool
differs(double a, double b)
{
	return a < b || a > b;
}

bool
region_step(struct region *r, const struct region_policy *policy, const struct region_evidence *e,
    uint64_t dt_ms, uint64_t now_ms, struct facts *facts, const char *service, const char *name)
{
	struct step s = { r, policy, e, dt_ms, now_ms, facts, service, name };
	enum region_state was = r->state;
	double factor = r->factor;

	if (e->evacuated && r->state != REGION_EVACUATED)
		go_evacuated(&s);
	else
		step_state(&s);
	return r->state != was || differs(r->factor, factor);
}
