/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a try, and the proxy's rules for another one. */
#include <string.h>

#include "world.h"

/* So many latencies are drawn with one random number. */
enum { DRAWS_EACH = 12 };

/* Longer than this a region does not queue: it answers 503, at a part of a request's cost. */
static const double longest_queue_s = 2.0;
static const double refusal_cost = 0.3;

static const double retry_floor = 10.0;

/* What is answered sooner is answered in the tick in which it was sent. */
static const double at_once_us = 0.7 * TICK_MS * 1000;

/* Latencies as factors on the median, each as likely as the others: roughly log-normal. */
static const float spread[32] = { 0.45f, 0.55f, 0.61f, 0.66f, 0.70f, 0.74f, 0.77f, 0.80f, 0.83f,
	0.86f, 0.88f, 0.91f, 0.93f, 0.95f, 0.97f, 0.99f, 1.01f, 1.03f, 1.06f, 1.08f, 1.11f, 1.14f,
	1.17f, 1.20f, 1.24f, 1.28f, 1.33f, 1.40f, 1.49f, 1.62f, 1.85f, 2.60f };

static const enum fault fault_of[OUTCOMES] = {
	[OUTCOME_ANSWERED] = FAULT_NONE,
	[OUTCOME_ERROR] = FAULT_STATUS,
	[OUTCOME_BROKEN] = FAULT_RESET,
	[OUTCOME_LOST] = FAULT_UNACKNOWLEDGED,
	[OUTCOME_REFUSED] = FAULT_CONNECT_REFUSED,
	[OUTCOME_UNREACHED] = FAULT_CONNECT_TIMEOUT,
};

void
tries_failed(struct world *w, uint32_t n)
{
	w->failed += n;
	w->again[(w->tick + 10) % AGAIN_TICKS] += sim_round(&w->rng, n * w->is->again);
}

/* How many of n requests may go out again, though the first may have been executed. */
static uint32_t
may_repeat(struct world *w, uint32_t n)
{
	uint32_t safe = sim_round(&w->rng, n * w->is->safe);
	uint32_t granted = 0;

	if (safe > n)
		safe = n;
	while (granted < safe && budget_spend(&w->budget, retry_floor, world_core_ms(w, 0)))
		granted++;
	return granted;
}

/* Not sent: another endpoint of the region, then another region, free of charge. */
static void
try_elsewhere(struct world *w, unsigned region, enum outcome o, enum turn turn, uint32_t n)
{
	uint32_t again;

	if (o == OUTCOME_REFUSED || o == OUTCOME_UNREACHED) {
		if (turn == TURN_FIRST && w->region[region].out.region.state == REGION_UP)
			w->same_region[region] += n;
		else if (turn != TURN_THIRD)
			w->other_region[region][turn + 1] += n;
		else
			tries_failed(w, n);
		return;
	}
	again = turn == TURN_FIRST ? may_repeat(w, n) : 0;
	w->other_region[region][TURN_SECOND] += again;
	tries_failed(w, n - again);
}

/*
 * Tells the core of local failures as they happen, in the moments of half a tick: what a worker
 * found in a whole one would be known to the core only at its end.
 */
static void
tell_urgent(struct world *w, unsigned region, unsigned endpoint, enum outcome o, uint32_t n)
{
	const unsigned moments = TICK_MS / 2 / EVIDENCE_MOMENT_MS;

	if (w->stalled || o == OUTCOME_ERROR || o == OUTCOME_ANSWERED)
		return;
	for (unsigned i = 0; i < moments && i < n; i++) {
		struct steer_report report = { region, endpoint, fault_of[o],
			n / moments + (i < n % moments),
			i + 1 == moments && o == OUTCOME_REFUSED && n >= EVIDENCE_ROW, false };

		w->urgent |=
		    steer_urgent(w->core, &report, NULL, world_core_ms(w, i * EVIDENCE_MOMENT_MS));
	}
	check_soon(w, region, endpoint);
}

static void
count(struct evidence *e, enum outcome o, uint32_t n)
{
	switch (o) {
	case OUTCOME_ERROR:
		e->errors += n;
		e->answered += n;
		return;
	case OUTCOME_ANSWERED:
		e->answered += n;
		return;
	case OUTCOME_LOST:
		e->timeouts += n;
		e->broken += n;
		return;
	case OUTCOME_BROKEN:
		e->broken += n;
		return;
	case OUTCOME_UNREACHED:
		e->timeouts += n;
		e->not_sent += n;
		return;
	case OUTCOME_REFUSED:
		e->not_sent += n;
		return;
	case OUTCOMES:
		return;
	}
}

static void
finish(
    struct world *w, unsigned region, unsigned endpoint, enum outcome o, enum turn turn, uint32_t n)
{
	struct sim_region *r = &w->region[region];

	count(&r->endpoint[endpoint].delta, o, n);
	r->touched |= 1u << endpoint;
	r->completions += n;
	tell_urgent(w, region, endpoint, o, n);
	if (turn == TURN_ORPHAN)
		return;
	if (o == OUTCOME_ANSWERED)
		w->ok += n;
	else
		try_elsewhere(w, region, o, turn, n);
}

static inline void
measure(struct world *w, struct sim_region *r, double median_us, uint32_t n)
{
	r->answered += n;
	while (n > 0) {
		uint64_t random = rng_next(&w->rng) >> 4;

		for (unsigned i = 0; i < DRAWS_EACH && n > 0; i++, n--) {
			double us = median_us * (double)spread[random & 31];

			histogram_add(&r->first_byte, (uint64_t)(int64_t)us);
			random >>= 5;
		}
	}
}

static void
finish_later(struct world *w, struct sim_region *r, unsigned endpoint, enum outcome o,
    enum turn turn, uint32_t n, unsigned ticks)
{
	if (ticks >= DUE_SLOTS)
		ticks = DUE_SLOTS - 1;
	r->due[endpoint][(w->tick + ticks) % DUE_SLOTS].tries[o][turn] += (uint16_t)n;
	r->endpoint[endpoint].waiting += n;
	r->waiting += n;
}

/* A slow endpoint is slow at its own work; the queue is the region's. */
static double
latency_at(const struct sim_region *r, double slow)
{
	return r->queue_us + (r->latency_us - r->queue_us) * slow;
}

/*
 * Answers fall into ticks: part of them into one, part into the next, or a queue that grows would
 * look as if nothing came at all for a tick. Returns how many do not come in this tick.
 */
static uint32_t
answer_later(
    struct world *w, struct sim_region *r, unsigned endpoint, enum turn turn, uint32_t n, double us)
{
	double in_ticks = us / 1000 / TICK_MS;
	unsigned ticks = (unsigned)in_ticks;
	uint32_t later = sim_round(&w->rng, n * (in_ticks - ticks));

	if (in_ticks >= TRY_TIMEOUT_TICKS) {
		finish_later(w, r, endpoint, OUTCOME_LOST, turn, n, TRY_TIMEOUT_TICKS);
		return n;
	}
	if (later > n)
		later = n;
	if (later > 0)
		finish_later(w, r, endpoint, OUTCOME_ANSWERED, turn, later, ticks + 1);
	if (ticks == 0)
		return later;
	if (later < n)
		finish_later(w, r, endpoint, OUTCOME_ANSWERED, turn, n - later, ticks);
	return n;
}

static void
answer(struct world *w, unsigned region, unsigned endpoint, enum turn turn, uint32_t n, double us)
{
	struct sim_region *r = &w->region[region];

	if (us >= at_once_us)
		n -= answer_later(w, r, endpoint, turn, n, us);
	if (n == 0)
		return;
	measure(w, r, us, n);
	finish(w, region, endpoint, OUTCOME_ANSWERED, turn, n);
}

/* The endpoint works on n tries: at its speed, behind what the region has queued. */
static void
work(struct world *w, unsigned region, unsigned endpoint, enum turn turn, uint32_t n)
{
	struct sim_region *r = &w->region[region];
	const struct sim_endpoint *e = &r->endpoint[endpoint];
	double us = latency_at(r, e->slow);
	uint32_t errors = 0;

	if (e->errors > 0)
		errors = sim_round(&w->rng, n * e->errors);
	if (r->queue_us > longest_queue_s * 1e6) {
		r->work += refusal_cost * n;
		errors = n;
	} else
		r->work += n;
	if (errors > 0)
		finish(w, region, endpoint, OUTCOME_ERROR, turn, errors);
	n -= errors;
	if (n == 0)
		return;
	answer(w, region, endpoint, turn, n, us);
}

/* Half of what vanishes was written on a kept connection, half never got a connection. */
static void
vanish(struct world *w, struct sim_region *r, unsigned endpoint, enum turn turn, uint32_t n)
{
	uint32_t sent = (n + (w->tick & 1)) / 2;

	w->reached -= n - sent;
	finish_later(w, r, endpoint, OUTCOME_LOST, turn, sent, PATH_DEAD_TICKS);
	finish_later(w, r, endpoint, OUTCOME_UNREACHED, turn, n - sent, PATH_DEAD_TICKS);
}

static void
meet_trouble(struct world *w, unsigned region, unsigned endpoint, enum turn turn, uint32_t n)
{
	struct sim_region *r = &w->region[region];
	struct sim_endpoint *e = &r->endpoint[endpoint];

	e->delta.tries += n;
	r->touched |= 1u << endpoint;
	w->reached += e->refuses ? 0 : n;
	if (e->fate == FATE_USUAL)
		work(w, region, endpoint, turn, n);
	else if (e->refuses)
		finish(w, region, endpoint, OUTCOME_REFUSED, turn, n);
	else if (e->resets)
		finish(w, region, endpoint, OUTCOME_BROKEN, turn, n);
	else if (e->vanishes)
		vanish(w, r, endpoint, turn, n);
	else
		finish_later(w, r, endpoint, OUTCOME_LOST, turn, n, TRY_TIMEOUT_TICKS);
}

void
tries_prepare(struct sim_region *r)
{
	r->usual_us = latency_at(r, 1);
	r->prompt = r->queue_us <= longest_queue_s * 1e6 && r->usual_us < at_once_us;
}

/* Most tries of most worlds meet a region that does not queue, and an endpoint that is well. */
void
tries_send(struct world *w, unsigned region, unsigned endpoint, enum turn turn, uint32_t n)
{
	struct sim_region *r = &w->region[region];
	struct sim_endpoint *e = &r->endpoint[endpoint];

	if (!r->prompt || e->bad) {
		meet_trouble(w, region, endpoint, turn, n);
		return;
	}
	e->delta.tries += n;
	e->delta.answered += n;
	r->touched |= 1u << endpoint;
	r->work += n;
	r->completions += n;
	w->reached += n;
	w->ok += n;
	measure(w, r, r->usual_us, n);
}

void
tries_end_due(struct world *w, unsigned region, unsigned endpoint)
{
	struct sim_region *r = &w->region[region];
	struct due due = r->due[endpoint][w->tick % DUE_SLOTS];

	memset(&r->due[endpoint][w->tick % DUE_SLOTS], 0, sizeof due);
	for (unsigned o = 0; o < OUTCOMES; o++) {
		for (unsigned turn = 0; turn < TURNS; turn++) {
			uint32_t n = due.tries[o][turn];

			if (n == 0)
				continue;
			r->endpoint[endpoint].waiting -= n;
			r->waiting -= n;
			if (o == OUTCOME_ANSWERED)
				measure(w, r, latency_at(r, r->endpoint[endpoint].slow), n);
			finish(w, region, endpoint, (enum outcome)o, (enum turn)turn, n);
		}
	}
}

/*
 * Those of the first turn that wait at an endpoint, and may be repeated, go elsewhere, room of them
 * at most. Returns how many.
 */
static uint32_t
move_on(struct world *w, unsigned region, unsigned endpoint, bool leave, uint32_t room)
{
	struct sim_region *r = &w->region[region];
	uint32_t sum = 0;

	for (unsigned s = 0; s < DUE_SLOTS; s++) {
		struct due *d = &r->due[endpoint][s];

		for (unsigned o = 0; o < OUTCOMES && sum < room; o++) {
			uint32_t n = d->tries[o][TURN_FIRST];
			uint32_t moved = n > 0 ? may_repeat(w, n < room - sum ? n : room - sum) : 0;

			sum += moved;
			d->tries[o][TURN_FIRST] = (uint16_t)(d->tries[o][TURN_FIRST] - moved);
			if (!leave)
				d->tries[o][TURN_ORPHAN] =
				    (uint16_t)(d->tries[o][TURN_ORPHAN] + moved);
		}
	}
	w->other_region[region][TURN_SECOND] += sum;
	if (leave) {
		r->waiting -= sum;
		r->endpoint[endpoint].waiting -= sum;
	}
	return sum;
}

/* A second try beside the first is begun only where it is admitted. */
static uint32_t
room_elsewhere(const struct world *w, unsigned region, uint32_t n)
{
	uint32_t room = 0;

	for (unsigned i = 0; i < w->is->region_count; i++) {
		const struct sim_region *r = &w->region[i];

		if (i != region && r->used_count > 0 &&
		    (r->word > 0 || r->endpoint[r->used[0]].usable))
			room += traffic_admit(r, n);
	}
	return room < n ? room : n;
}

void
tries_move_on(struct world *w)
{
	for (unsigned i = 0; i < w->is->region_count; i++) {
		const struct sim_region *r = &w->region[i];
		enum region_state state = r->out.region.state;
		uint64_t age_ms;
		uint32_t room;

		if (r->waiting == 0)
			continue;
		age_ms = world_core_ms(w, TICK_MS) - r->out.region.since_ms;
		if ((state != REGION_DOWN && state != REGION_SUSPECT) ||
		    (state == REGION_SUSPECT && age_ms < 2 * TICK_MS))
			continue;
		room = room_elsewhere(w, i, r->waiting);
		for (unsigned k = 0; k < w->is->endpoint_count && room > 0; k++) {
			if (r->endpoint[k].waiting > 0)
				room -= move_on(w, i, k, state == REGION_DOWN, room);
		}
	}
}

void
tries_redirect(struct world *w, unsigned region, unsigned endpoint, enum fate fate)
{
	static const struct {
		enum outcome outcome;
		unsigned ticks;
	} ends[] = {
		[FATE_RESET] = { OUTCOME_BROKEN, 1 },
		[FATE_VANISH] = { OUTCOME_LOST, PATH_DEAD_TICKS },
		[FATE_HANG] = { OUTCOME_LOST, TRY_TIMEOUT_TICKS },
	};
	struct sim_region *r = &w->region[region];
	uint16_t sum[TURNS] = { 0 };
	struct due *end;

	if (fate == FATE_USUAL || r->endpoint[endpoint].waiting == 0)
		return;
	for (unsigned s = 0; s < DUE_SLOTS; s++) {
		struct due *d = &r->due[endpoint][s];

		for (unsigned o = 0; o < OUTCOMES; o++) {
			/* What waits for its deadline already goes on to do so. */
			if (fate == FATE_HANG && o != OUTCOME_ANSWERED)
				continue;
			for (unsigned turn = 0; turn < TURNS; turn++) {
				sum[turn] += d->tries[o][turn];
				d->tries[o][turn] = 0;
			}
		}
	}
	end = &r->due[endpoint][(w->tick + ends[fate].ticks) % DUE_SLOTS];
	for (unsigned turn = 0; turn < TURNS; turn++)
		end->tries[ends[fate].outcome][turn] += sum[turn];
}

void
tries_forget(struct world *w)
{
	memset(w->same_region, 0, sizeof w->same_region);
	memset(w->other_region, 0, sizeof w->other_region);
	for (unsigned i = 0; i < w->is->region_count; i++) {
		struct sim_region *r = &w->region[i];

		memset(r->due, 0, sizeof r->due);
		r->waiting = 0;
		r->touched = 0;
		r->completions = 0;
		r->tries = 0;
		for (unsigned k = 0; k < w->is->endpoint_count; k++) {
			r->endpoint[k].waiting = 0;
			r->endpoint[k].delta = (struct evidence){ 0 };
		}
	}
}
