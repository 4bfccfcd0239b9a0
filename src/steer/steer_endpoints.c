/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "steer/check.h"
#include "steer_private.h"

enum {
	URGENT_FORGET_MS = 1000, /* by then the shards have been read many times */
	URGENT_BURST = 3,        /* failures in a row that may take somebody out */
	URGENT_EVERY_MS = 20,    /* not a tick for each failure */
	WEIGHT_STEP = 10,        /* of 1000: a slow start is not told in finer steps */
	PERMILLE = 1000,
	DOUBT_TOLD_MS = 60000,
	DOUBT_LOOK_MS = 400, /* at least: checks that traffic asks for fail within moments */
};

/* What a verdict by checks means: a fall that is doubted has not happened. */
static enum endpoint_state
believed(const struct steered_endpoint *e)
{
	return e->doubted || e->answering ? ENDPOINT_UP : e->checked;
}

bool
steer_endpoint_serves(const struct steered_endpoint *e)
{
	return believed(e) == ENDPOINT_UP && !e->outlier.failing && !e->outlier.ejected;
}

/*
 * Checks that saw it go may say that it is back: then what live traffic held against it is over
 * too, which a passing check alone (a shallow one may pass all along) does not end. Where health
 * was ignored it has had its traffic all along, and starting slowly would only refuse some of that.
 */
static void
come_back(struct steered_region *r, struct steered_endpoint *e, uint64_t now_ms)
{
	if (e->outlier.failing || e->outlier.ejected) {
		e->outlier.brief = e->outlier.brief || r->blind > 0;
		r->judge = true;
	}
	if (e->outlier.ejected)
		e->outlier.until_ms = now_ms;
	else if (e->outlier.failing)
		outlier_take_back(&e->outlier, now_ms);
	if (r->blind <= 0)
		outlier_come_back(&e->outlier, now_ms);
}

void
steer_probe(struct steer *s, unsigned region, unsigned endpoint, enum endpoint_state state,
    enum endpoint_reason reason, uint32_t detail, uint64_t now_ms)
{
	struct steered_region *r = &s->regions[region];
	struct steered_endpoint *e = &r->endpoints[endpoint];
	uint64_t now = steer_time(s, now_ms);

	r->stale = true;
	e->reason = reason;
	e->detail = detail;
	e->uncertain = false;
	if (state == e->checked)
		return;
	if (e->checked == ENDPOINT_DOWN && state == ENDPOINT_UP && !e->doubted && !e->answering)
		come_back(r, e, now);
	if (e->checked == ENDPOINT_UP && state == ENDPOINT_DOWN) {
		e->fell_at_ms = now;
		s->last_fall_ms = now;
	}
	e->doubted = e->doubted && state == ENDPOINT_DOWN;
	e->checked = state;
	e->checked_since_ms = now;
	/* that it is up again is no news where nobody was told that it was not */
	e->told = !e->answering;
	e->answering = e->answering && state == ENDPOINT_DOWN;
}

void
steer_probe_uncertain(
    struct steer *s, unsigned region, unsigned endpoint, uint64_t failing_since_ms)
{
	struct steered_region *r = &s->regions[region];
	struct steered_endpoint *e = &r->endpoints[endpoint];
	int64_t since = (int64_t)failing_since_ms + s->skew_ms;

	/* It was up before, and one that is believed already is not taken back. */
	e->uncertain = e->checked == ENDPOINT_DOWN && e->fell_at_ms == e->checked_since_ms &&
	    (e->told || e->answering);
	r->uncertain = r->uncertain || e->uncertain;
	e->failing_ms = since > 0 ? (uint64_t)since : 0;
}

static uint32_t
take(uint32_t *count, uint32_t *ahead)
{
	uint32_t taken = *count < *ahead ? *count : *ahead;

	*count -= taken;
	*ahead -= taken;
	return taken;
}

/*
 * Takes out of the counts what was reported ahead of them. Not all is: what failed within moments
 * of one that was is left to the counts, and is no other failure of the row.
 */
static void
leave_out_reported(
    struct steered_region *r, struct steered_endpoint *e, struct evidence *counts, uint64_t now_ms)
{
	uint32_t taken;

	if (now_ms - e->urgent_at_ms > URGENT_FORGET_MS) {
		e->urgent = (struct evidence){ 0 };
		return;
	}
	taken = take(&counts->not_sent, &e->urgent.not_sent);
	taken += take(&counts->broken, &e->urgent.broken);
	(void)take(&counts->aged, &e->urgent.aged);
	if (taken > 0 && evidence_local(counts) > evidence_aged(counts))
		e->outlier.failed_at_ms = r->failed_at_ms = now_ms;
	counts->timeouts -= taken < counts->timeouts ? taken : counts->timeouts;
	if (counts->timeouts > evidence_local(counts))
		counts->timeouts = evidence_local(counts);
}

void
steer_end_run(struct steered_region *r)
{
	for (unsigned i = 0; r->run_endpoints > 0 && i < r->plan->endpoint_count; i++)
		r->endpoints[i].in_run = false;
	r->run = 0;
	r->run_endpoints = 0;
}

/*
 * Is a run of failures that are reported as they come still one? What is answered in the moment of
 * the first ones was on its way; an answer after that ends it. Where it goes on or begins, the
 * answers that it is measured from are known from then on.
 */
static bool
goes_on(struct run_start *start, bool runs, uint64_t answered, uint64_t now_ms)
{
	bool known = runs && start->known;

	if (known && now_ms < start->at_ms + EVIDENCE_MOMENT_MS) {
		start->answered = answered;
		return true;
	}
	if (known && answered == start->answered)
		return true;
	*start = (struct run_start){ now_ms, answered, true };
	return !known;
}

/* A few failures among many answers take nobody out, however close together they are. */
static void
end_broken_runs(struct steered_region *r, struct steered_endpoint *e,
    const struct steer_answered *answered, uint64_t now_ms)
{
	if (!goes_on(&r->run_start, r->run > 0, answered->region, now_ms))
		steer_end_run(r);
	if (!goes_on(&e->run_start, e->outlier.local_in_a_row > 0, answered->endpoint, now_ms))
		outlier_end_run(&e->outlier);
}

/* Those that fail may be ejected while it lasts, and are among them all the same. */
static uint32_t
among_whom(const struct steered_region *r)
{
	uint32_t all = r->plan->endpoint_count;
	uint32_t serving = r->health.count > 0 ? r->health.count : all;

	return all > 1 && serving < 2 ? 2 : serving;
}

static void
count_run(struct steered_region *r, struct steered_endpoint *e, const struct evidence *failures,
    uint64_t now_ms)
{
	if (r->run == 0) {
		r->run_among = among_whom(r);
		r->run_needs = evidence_row_needs(REGION_RUN, &r->window);
	}
	r->run += evidence_row_grows(failures, r->run == 0, &r->failed_at_ms, now_ms);
	r->run_endpoints += !e->in_run;
	e->in_run = true;
}

static void
count_nobody(struct steered_region *r, struct steered_endpoint *e)
{
	outlier_nobody_there(&e->outlier);
	r->run += EVIDENCE_ROW;
}

void
steer_see(struct steer *s, unsigned region, unsigned endpoint, const struct evidence *delta,
    uint64_t now_ms)
{
	struct steered_region *r = &s->regions[region];
	struct steered_endpoint *e = &r->endpoints[endpoint];
	uint64_t now = steer_time(s, now_ms);
	struct evidence fresh = *delta;

	if (evidence_local(&e->urgent) > 0)
		leave_out_reported(r, e, &fresh, now);
	/* Of a run that begins here nobody knows what was counted when it did. */
	r->run_start.known = r->run > 0 && r->run_start.known;
	e->run_start.known = e->outlier.local_in_a_row > 0 && e->run_start.known;
	outlier_see(&e->outlier, &fresh, now);
	evidence_add(&r->tick, &fresh);
	if (evidence_local(&fresh) > 0)
		count_run(r, e, &fresh, now);
	if (evidence_local(&fresh) > 0 || fresh.errors > 0 || e->outlier.failing)
		r->judge = true;
}

static struct evidence
evidence_of(const struct steer_report *report)
{
	enum fault fault = report->fault;
	uint32_t count = report->count;
	bool not_sent = fault_class(fault) == FAULT_NOT_SENT;
	bool timeout = fault == FAULT_CONNECT_TIMEOUT || fault == FAULT_UNACKNOWLEDGED ||
	    fault == FAULT_TRY_TIMEOUT || fault == FAULT_TOTAL_TIMEOUT;

	return (struct evidence){ .not_sent = not_sent ? count : 0,
		.broken = not_sent ? 0 : count,
		.timeouts = timeout ? count : 0,
		.aged = report->aged ? count : 0 };
}

static bool
is_down_by_run(const struct steered_region *r)
{
	return region_run_is_down(r->run, r->run_needs, r->run_endpoints, r->run_among);
}

/*
 * A tick is worth its while for the first failure of a run (a region becomes SUSPECT, its endpoint
 * is probed) and once the run is long enough to take a region out that still serves. The failure
 * that makes it so does not wait: where processes die it comes within a millisecond of the first
 * one, and until the region is left whoever fails there asks its other endpoints too.
 */
bool
steer_urgent(struct steer *s, const struct steer_report *report,
    const struct steer_answered *answered, uint64_t now_ms)
{
	struct steered_region *r = &s->regions[report->region];
	struct steered_endpoint *e = &r->endpoints[report->endpoint];
	struct evidence failures = evidence_of(report);
	uint64_t now = steer_time(s, now_ms);
	bool was_down, first;

	if (fault_origin(report->fault) != FAULT_LOCAL)
		return false;
	if (answered != NULL)
		end_broken_runs(r, e, answered, now);
	was_down = is_down_by_run(r);
	first = r->run == 0;
	outlier_see(&e->outlier, &failures, now);
	evidence_add(&r->tick, &failures);
	evidence_add(&e->urgent, &failures);
	e->urgent_at_ms = now;
	count_run(r, e, &failures, now);
	if (report->nobody_there)
		count_nobody(r, e);
	r->judge = true;
	if (r->share <= 0 || r->region.state == REGION_DOWN)
		return false;
	if (is_down_by_run(r) && !was_down)
		return true;
	return (first || r->run >= URGENT_BURST) && now >= s->now_ms + URGENT_EVERY_MS;
}

static void
tell_endpoint(struct steer *s, const struct steered_region *r, const struct steered_endpoint *e,
    enum fact_kind kind, enum fact_signal signal, double a, double b, double c, struct facts *facts)
{
	steer_tell(s, facts,
	    (struct fact){ .kind = kind,
		.signal = signal,
		.region = r->plan->name,
		.endpoint_id = e->id,
		.a = a,
		.b = b,
		.c = c });
}

static enum fact_signal
signal_of(enum outlier_why why)
{
	switch (why) {
	case OUTLIER_NONE:
		return SIGNAL_NONE;
	case OUTLIER_CONSECUTIVE:
		return SIGNAL_IN_A_ROW;
	case OUTLIER_FAILURE_SHARE:
		return SIGNAL_LOCAL_SHARE;
	case OUTLIER_SUCCESS_RATE:
	case OUTLIER_PEERS:
		return SIGNAL_ERRORS;
	}
	return SIGNAL_NONE;
}

/* Facts have a count in a row as it is, and shares as 0..1. */
static void
tell_ejection(struct steer *s, const struct steered_region *r, const struct steered_endpoint *e,
    struct facts *facts)
{
	const struct outlier *o = &e->outlier;
	double unit = o->why == OUTLIER_CONSECUTIVE ? 1 : PERMILLE;

	if (o->ejected)
		tell_endpoint(s, r, e, FACT_ENDPOINT_EJECTED, signal_of(o->why), o->value / unit,
		    o->threshold / unit, (double)(o->until_ms - s->now_ms), facts);
	else
		tell_endpoint(s, r, e, FACT_ENDPOINT_BACK, SIGNAL_TIME, o->times, 0, 0, facts);
}

static void
tell_checks(struct steer *s, struct steered_region *r, struct facts *facts)
{
	for (unsigned i = 0; i < r->plan->endpoint_count; i++) {
		struct steered_endpoint *e = &r->endpoints[i];
		double times = endpoint_reason_counts(e->reason) ? (double)e->detail : (double)NAN;

		if (!e->told || e->answering)
			continue;
		e->told = false;
		if (e->checked == ENDPOINT_UP)
			tell_endpoint(s, r, e, FACT_ENDPOINT_UP, SIGNAL_CHECKS, times, 0, 0, facts);
		else if (e->checked == ENDPOINT_DOWN)
			tell_endpoint(
			    s, r, e, FACT_ENDPOINT_DOWN, SIGNAL_CHECKS, times, 0, 0, facts);
	}
}

/* It takes requests, and nothing else in its region does. */
static bool
is_last(const struct steered_region *r, const struct steered_endpoint *e)
{
	for (unsigned i = 0; i < r->plan->endpoint_count; i++) {
		if (&r->endpoints[i] != e && steer_endpoint_serves(&r->endpoints[i]))
			return false;
	}
	return !e->outlier.failing && !e->outlier.ejected;
}

static bool
may_be_chance(const struct steer *s, const struct steered_region *r, struct steered_endpoint *e,
    struct evidence *since)
{
	struct check_fall fall = { .certain = !e->uncertain, .last = is_last(r, e) };
	uint64_t then_ms = e->failing_ms;

	if (then_ms + DOUBT_LOOK_MS > s->now_ms)
		then_ms = s->now_ms > DOUBT_LOOK_MS ? s->now_ms - DOUBT_LOOK_MS : 0;
	evidence_window_pass(&e->outlier.window, s->now_ms);
	*since = evidence_window_since(&e->outlier.window, then_ms);
	fall.answers = since->answered > since->errors ? since->answered - since->errors : 0;
	fall.failures = evidence_local(since) + since->errors;
	return check_fall_is_doubted(&fall);
}

/* Where a server is dead for hours its checks fall every few minutes. */
static void
tell_doubt(struct steer *s, const struct steered_region *r, struct steered_endpoint *e,
    const struct evidence *since, struct facts *facts)
{
	if (e->told_doubt_ms != 0 && s->now_ms - e->told_doubt_ms < DOUBT_TOLD_MS)
		return;
	e->told_doubt_ms = s->now_ms;
	tell_endpoint(
	    s, r, e, FACT_ENDPOINT_DOUBTED, SIGNAL_CHECKS, since->answered, since->tries, 0, facts);
}

/* Falls that may be chance, looked at anew in each tick while there are any. */
static void
weigh_falls(struct steer *s, struct steered_region *r, struct facts *facts)
{
	r->uncertain = false;
	for (unsigned i = 0; i < r->plan->endpoint_count; i++) {
		struct steered_endpoint *e = &r->endpoints[i];
		struct evidence since;
		bool was = e->answering;

		if (!e->uncertain && !was)
			continue;
		/* once it is believed, what comes later is no reason to take it back */
		e->uncertain = e->answering = may_be_chance(s, r, e, &since);
		r->uncertain = r->uncertain || e->answering;
		r->stale = r->stale || e->answering != was;
		if (e->answering && !was)
			tell_doubt(s, r, e, &since, facts);
	}
}

/* Fit by its checks: a peer to be compared with, and one that a loss of others would lean on. */
static bool
judge_traffic(struct steer *s, struct steered_region *r, struct facts *facts)
{
	unsigned changes;

	for (unsigned i = 0; i < r->plan->endpoint_count; i++)
		r->healthy[i] = believed(&r->endpoints[i]) == ENDPOINT_UP;
	changes = outlier_judge(r->outliers, r->healthy, r->changed, r->plan->endpoint_count,
	    &s->plan->policy.outlier, s->now_ms);
	for (unsigned i = 0; changes > 0 && i < r->plan->endpoint_count; i++) {
		if (r->changed[i])
			tell_ejection(s, r, &r->endpoints[i], facts);
	}
	return changes > 0;
}

static struct steer_endpoint_out
out_of(const struct steer *s, const struct steered_endpoint *e)
{
	const struct outlier_policy *policy = &s->plan->policy.outlier;
	uint32_t weight = outlier_weight(&e->outlier, policy, s->now_ms);
	struct steer_endpoint_out out = {
		.state = believed(e),
		.reason = e->reason,
		.detail = e->detail,
		.weight = weight - weight % WEIGHT_STEP,
		.ejected = e->outlier.ejected,
	};

	if (e->answering) {
		out.reason = REASON_CHECK_DOUBTED;
		out.detail = 0;
	}
	if (e->outlier.ejected && out.state == ENDPOINT_UP) {
		out.state = ENDPOINT_DOWN;
		out.reason = e->outlier.why == OUTLIER_CONSECUTIVE ? REASON_TRAFFIC_FAILED
								   : REASON_TRAFFIC_MOSTLY;
		out.detail = e->outlier.value;
	}
	return out;
}

static void
write_out(const struct steer *s, struct steered_region *r, struct steered_endpoint *e)
{
	struct steer_endpoint_out out = out_of(s, e);

	out.since_ms = out.state == e->out.state ? e->out.since_ms : s->now_ms;
	/* Neighbours compared as one word would wait for both to be written: never in a row. */
	if (out.state == e->out.state && out.detail == e->out.detail &&
	    out.reason == e->out.reason && out.weight == e->out.weight &&
	    out.ejected == e->out.ejected)
		return;
	e->out = out;
	r->endpoints_changed = true;
}

/* At the start what is unknown counts as well: see GRACE_MS. */
static void
count_endpoint(const struct steer *s, struct steered_region *r, const struct steered_endpoint *e)
{
	struct steered_health *h = &r->health;

	switch (believed(e)) {
	case ENDPOINT_UNKNOWN:
		h->total += e->weight;
		h->unknown += e->weight;
		return;
	case ENDPOINT_UP:
		h->total += e->weight;
		if (!steer_endpoint_serves(e))
			return;
		h->up += e->weight;
		h->count++;
		h->serving += e->weight * e->out.weight / PERMILLE;
		r->slow_start = r->slow_start || e->out.weight < PERMILLE;
		return;
	case ENDPOINT_DOWN:
		h->total += e->weight;
		return;
	case ENDPOINT_DRAINING:
		return;
	}
}

void
steer_rate(struct steer *s, struct steered_region *r)
{
	r->health = (struct steered_health){ 0 };
	r->slow_start = false;
	for (unsigned i = 0; i < r->plan->endpoint_count; i++) {
		write_out(s, r, &r->endpoints[i]);
		count_endpoint(s, r, &r->endpoints[i]);
	}
}

/*
 * Traffic is judged when something went wrong in it, and once a second for what time ends; else
 * there is nothing to find, and most regions are well most of the time.
 */
void
steer_judge(struct steer *s, struct steered_region *r, bool second, struct facts *facts)
{
	if (r->uncertain)
		weigh_falls(s, r, facts);
	if (r->stale)
		tell_checks(s, r, facts);
	if (r->judge || second) {
		r->judge = false;
		(void)judge_traffic(s, r, facts);
		r->stale = true;
	}
	if (r->stale || r->slow_start)
		steer_rate(s, r);
	r->stale = false;
}
