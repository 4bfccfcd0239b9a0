/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "steer_private.h"

enum { SILENT_TRIES = 3 }; /* expected in a second, and waiting */

static const double base_full_share = 0.2;

/* Can it take traffic, by its state? */
static bool
serves(const struct steered_region *r)
{
	switch (r->region.state) {
	case REGION_UP:
	case REGION_SUSPECT:
	case REGION_GREY:
	case REGION_RAMP:
		return !r->evacuated && r->plan->weight > 0 && r->health.up > 0;
	case REGION_DOWN:
	case REGION_HOLD:
	case REGION_EVACUATED:
		return false;
	}
	return false;
}

static bool
another_serves(const struct steer *s, const struct steered_region *r)
{
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		if (&s->regions[i] != r && serves(&s->regions[i]))
			return true;
	}
	return false;
}

/* Is there one that nothing is held against? */
static bool
another_is_better(const struct steer *s, const struct steered_region *r)
{
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		const struct steered_region *o = &s->regions[i];

		if (o != r && serves(o) && o->region.state != REGION_GREY)
			return true;
	}
	return false;
}

/*
 * Nothing is gained by holding it back: no other serves, or it is clean again while all others are
 * grey too. Factors that are low alike move nothing, so one that errs now would keep its share
 * beside one that was slow a minute ago.
 */
static bool
is_best(const struct steer *s, const struct steered_region *r)
{
	if (!another_serves(s, r))
		return true;
	return r->region.state == REGION_GREY && r->verdict.clean && !another_is_better(s, r);
}

static bool
another_is_suspect(const struct steer *s, const struct steered_region *r)
{
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		if (&s->regions[i] != r && s->regions[i].region.state == REGION_SUSPECT)
			return true;
	}
	return false;
}

enum failback_hold
steer_failback_hold(const struct steer *s, const struct steered_region *r)
{
	if (s->frozen)
		return HELD_BY_FREEZE;
	if (s->suspect_since_ms != 0)
		return HELD_BY_DOUBT;
	return another_is_suspect(s, r) ? HELD_BY_SUSPICION : HELD_BY_NOTHING;
}

/* Two that fail together are no measure for each other while a third one does well. */
static struct evidence
others_1s(const struct steer *s, const struct steered_region *r, uint32_t *peers)
{
	struct evidence sum = { 0 };

	*peers = 0;
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		const struct steered_region *o = &s->regions[i];

		if (o == r || o->errs)
			continue;
		evidence_add(&sum, &o->window.last_1s);
		*peers += o->window.last_1s.answered > 0;
	}
	return sum;
}

/* The tick's counts into the windows. Answers end a run: in which order they came is not known. */
static void
take_counts(struct steer *s, struct steered_region *r)
{
	evidence_window_add(&r->window, &r->tick, s->now_ms);
	evidence_add(&r->second, &r->tick);
	if (r->tick.answered == 0)
		return;
	r->successes = r->region.state == REGION_SUSPECT ? r->successes + r->tick.answered : 0;
	steer_end_run(r);
}

/*
 * What has been in flight for longer than it was answered in is still being worked on: by now for
 * so long altogether, and, as far as anybody can tell, for as long again. Without that, ten seconds
 * of a service that takes 3 s for some of its answers say a third too little of those. What hangs
 * is in flight too, so it may count for no more than the answers do.
 */
static double
slot_mean_us(const struct steered_region *r)
{
	double answered_us = (double)r->base_sum_us;
	double waiting_us = 2 * (r->base_busy_us - answered_us);

	if (r->base_count > 0 || waiting_us <= 0)
		return answered_us / (double)r->base_total;
	return (answered_us + fmin(waiting_us, answered_us)) /
	    (double)(r->base_total + r->base_in_flight);
}

static void
begin_slot(struct steer *s, struct steered_region *r)
{
	r->base_sum_us = 0;
	r->base_total = 0;
	r->base_seconds = 0;
	r->base_full_seconds = 0;
	r->base_busy_us = 0;
	r->base_next_ms = s->now_ms + BASE_SLOT_MS;
}

static void
fill_slot(struct steered_region *r, const struct histogram_sum *first_byte, uint32_t in_flight)
{
	r->base_sum_us += first_byte->sum_us;
	r->base_total += first_byte->total;
	r->base_seconds += first_byte->total > 0;
	r->base_busy_us += ((double)r->base_in_flight + in_flight) / 2 * 1e6;
}

/*
 * The mean latency of 30 s, of which limits take the median of 10 minutes. Little's law speaks of
 * the mean: with a median of 5 ms and 2 % of reports that take 3 s, there is 13 times as much in
 * flight as the median says.
 *
 * The first slot ends as soon as it says anything: until then nothing protects the region, and that
 * may be the moment at which it has to take over from another one. But a few seconds, a standby's
 * first, know nothing of the answers that are still being worked on, and a limit from them would
 * shut the region.
 *
 * At full capacity half of what may be in flight is; where it is more for a fifth of the time, the
 * region is slow because too much was let in, or has become able to do less. To learn that would
 * let in more, and make it slower still.
 */
static void
learn_mean(struct steer *s, struct steered_region *r, const struct histogram_sum *first_byte,
    uint32_t in_flight)
{
	bool enough;

	if (r->limit_in_flight > 0 && in_flight > r->limit_in_flight / 2)
		r->base_full_seconds++;
	if (r->base_next_ms == 0)
		r->base_next_ms = s->now_ms + BASE_SLOT_MS;
	if (first_byte != NULL && r->region.state == REGION_UP)
		fill_slot(r, first_byte, in_flight);
	r->base_in_flight = in_flight;
	if (r->first_us <= 0 && r->base_total >= GREY_MIN_TRIES)
		r->first_us = (double)r->base_sum_us / (double)r->base_total;
	enough = r->base_total >= GREY_MIN_TRIES && r->base_seconds >= BASE_SECONDS_MIN;
	if (s->now_ms < r->base_next_ms && (r->base_count > 0 || !enough))
		return;
	if (enough && r->base_full_seconds * 1000 < base_full_share * BASE_SLOT_MS)
		steer_learn_latency(r, slot_mean_us(r));
	begin_slot(s, r);
}

/* Not to be reached is as bad as an error, when regions are compared. */
static void
close_second(struct steer *s, struct steered_region *r, const struct steer_region_seen *seen)
{
	const struct histogram_sum *first_byte = seen->first_byte;
	const struct evidence *e = &r->second;
	bool learn = r->region.state == REGION_UP;

	/* At the start all of a region's traffic may meet the one endpoint whose probe came first.
	 */
	if (!s->in_grace) {
		grey_second(&r->grey, first_byte, e->tries, e->errors + evidence_local(e), learn,
		    s->now_ms);
		learn_mean(s, r, first_byte, seen->in_flight);
	}
	r->second = (struct evidence){ 0 };
}

static void
tell_common_cause(struct steer *s, unsigned bad, struct facts *facts)
{
	if (bad > 0 && !s->common_cause)
		steer_tell(s, facts,
		    (struct fact){ .kind = FACT_COMMON_CAUSE,
			.signal = SIGNAL_ERRORS,
			.endpoint_id = UINT32_MAX,
			.a = bad });
	s->common_cause = bad > 0;
}

static void
compare(struct steer *s, const struct steer_seen *seen, struct facts *facts)
{
	struct grey *greys[SHARE_MAX_REGIONS] = { NULL };
	bool serving[SHARE_MAX_REGIONS] = { false };
	struct grey_verdict verdicts[SHARE_MAX_REGIONS];
	unsigned count = s->plan->region_count;
	unsigned common = 0;

	for (unsigned i = 0; i < count; i++) {
		struct steered_region *r = &s->regions[i];

		close_second(s, r, &seen->regions[i]);
		greys[i] = &r->grey;
		/* a standby without a share is a peer too, by the retries it answers */
		serving[i] = serves(r) && (r->share > 0 || r->window.last_10s.tries > 0);
	}
	memset(verdicts, 0, count * sizeof verdicts[0]);
	grey_judge(greys, serving, count, verdicts);
	for (unsigned i = 0; i < count; i++) {
		s->regions[i].verdict = verdicts[i];
		common += verdicts[i].common_cause;
	}
	tell_common_cause(s, common, facts);
}

/* peers: how many others it is compared with. */
static bool
is_worse_than_others(const struct steer *s, const struct steered_region *r, uint32_t *peers)
{
	struct evidence others = others_1s(s, r, peers);

	return grey_burst(&r->grey, &r->window.last_1s, &others);
}

static void
add_comparison(struct steer *s, struct steered_region *r, struct region_evidence *e)
{
	const struct grey_verdict *v = &r->verdict;
	uint32_t peers;

	e->grey = v->grey;
	e->grey_sudden = v->sudden;
	e->grey_clean = v->clean;
	e->half_grey = v->half;
	e->grey_signal = v->signal;
	e->grey_value = v->value;
	e->grey_threshold = v->threshold;
	e->grey_peers = v->peers;
	e->grey_at_once = r->errs && is_worse_than_others(s, r, &peers);
	if (!e->grey_at_once || e->grey)
		return;
	e->grey_signal =
	    grey_errs_by(&r->grey, &r->window.last_1s, &e->grey_value, &e->grey_threshold);
	e->grey_peers = peers;
}

/*
 * Too little traffic for the stall rule, but what there is gets no answer: a ramp must not go on by
 * the clock alone.
 */
static bool
is_silent(const struct steer *s, const struct steered_region *r, uint32_t in_flight)
{
	return r->share * s->demand >= SILENT_TRIES && in_flight >= SILENT_TRIES &&
	    r->window.last_1s.answered == 0;
}

static struct region_evidence
gather(struct steer *s, struct steered_region *r, const struct steer_seen *seen)
{
	double known = r->health.total - r->health.unknown;
	struct region_evidence e = {
		.health = known > 0 ? r->health.up / known : NAN,
		.local_in_a_row = r->run,
		.failing_endpoints = r->run_endpoints,
		.run_among = r->run_among,
		.run_needs = r->run_needs,
		.endpoints = r->plan->endpoint_count,
		.local_1s = evidence_local(&r->window.last_1s),
		.aged_1s = evidence_aged(&r->window.last_1s),
		.failing_slots = evidence_local(&r->window.last_1s) > 0
		    ? evidence_window_failing(&r->window)
		    : 0,
		.tries_1s = r->window.last_1s.tries,
		.successes_since_suspect = r->successes,
		.stalls = r->stall.stalled,
		.failback_held = steer_failback_hold(s, r) != HELD_BY_NOTHING,
		.evacuated = r->evacuated,
		.evacuated_for_ms =
		    r->evacuated_until_ms > s->now_ms ? r->evacuated_until_ms - s->now_ms : 0,
		.restore_asked = seen->regions[r - s->regions].restored,
		.only_region = is_best(s, r),
	};

	add_comparison(s, r, &e);
	if (!e.half_grey && is_silent(s, r, seen->regions[r - s->regions].in_flight)) {
		e.half_grey = true;
		e.grey_signal = SIGNAL_STALL;
		e.grey_value = 0;
		e.grey_threshold = 1;
	}
	return e;
}

static bool
step(struct steer *s, struct steered_region *r, const struct steer_seen *seen, uint64_t dt_ms,
    struct facts *facts)
{
	enum region_state was = r->region.state;
	struct region_evidence e = gather(s, r, seen);
	bool changed = region_step(&r->region, &s->plan->policy.region, &e, dt_ms, s->now_ms, facts,
	    s->plan->service, r->plan->name);

	if (r->region.state != was)
		r->successes = 0;
	return changed;
}

bool
steer_step_regions(
    struct steer *s, const struct steer_seen *seen, uint64_t dt_ms, struct facts *facts)
{
	bool changed = false;

	for (unsigned i = 0; i < s->plan->region_count; i++)
		take_counts(s, &s->regions[i]);
	steer_note_errors(s);
	if (seen->second)
		compare(s, seen, facts);
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		struct steered_region *r = &s->regions[i];

		(void)stall_step(&r->stall, &r->window, seen->regions[i].completions,
		    seen->regions[i].in_flight, s->now_ms);
		changed = step(s, r, seen, dt_ms, facts) || changed;
		r->tick = (struct evidence){ 0 };
	}
	steer_lend(s, facts);
	return changed;
}
