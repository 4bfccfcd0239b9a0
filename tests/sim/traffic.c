/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of requests: tries, their ends, and the proxy's rules for trying again. */
#include <string.h>

#include "world.h"

/* Longer than this a region does not queue: it answers 503, at a part of a request's cost. */
static const double longest_queue_s = 2.0;
static const double refusal_cost = 0.3;

static const double retry_share = 0.2; /* retry.budget */
static const double retry_floor = 10.0;

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

static void
failed(struct world *w, uint32_t n)
{
	w->failed += n;
	w->again[(w->tick + 10) % AGAIN_TICKS] += sim_round(&w->rng, n * w->is->again);
}

static void
shed(struct world *w, uint32_t n)
{
	w->shed += n;
	w->again[(w->tick + 50 + rng_below(&w->rng, 70)) % AGAIN_TICKS] +=
	    sim_round(&w->rng, n * w->is->again);
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
			failed(w, n);
		return;
	}
	again = turn == TURN_FIRST ? may_repeat(w, n) : 0;
	w->other_region[region][TURN_SECOND] += again;
	failed(w, n - again);
}

/* Tells the core of local failures as they happen; a few stand for all that come in one moment. */
static void
tell_urgent(struct world *w, unsigned region, unsigned endpoint, enum outcome o, uint32_t n)
{
	if (w->stalled || o == OUTCOME_ERROR || o == OUTCOME_ANSWERED)
		return;
	for (uint32_t i = 0; i < n && i < 4; i++)
		w->urgent |= steer_urgent(
		    w->core, region, endpoint, fault_of[o], world_core_ms(w, TICK_MS / 2));
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

static void
measure(struct world *w, struct sim_region *r, double median_us, uint32_t n)
{
	uint64_t random = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (i % 12 == 0)
			random = rng_next(&w->rng) >> 4;
		histogram_add(&r->first_byte, (uint64_t)(median_us * (double)spread[random & 31]));
		random >>= 5;
	}
	r->answered += n;
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

static double
latency_ticks(const struct sim_region *r)
{
	return r->latency_us / 1000.0 / TICK_MS;
}

/* A slow endpoint is slow at its own work; the queue is the region's. */
static double
latency_of(const struct sim_region *r, const struct sim_endpoint *e)
{
	return r->queue_us + (r->latency_us - r->queue_us) * e->slow;
}

/*
 * Answers fall into ticks: part of them into one, part into the next, or a queue that grows would
 * look as if nothing came at all for a tick.
 */
static void
answer(struct world *w, unsigned region, unsigned endpoint, enum turn turn, uint32_t n, double us)
{
	struct sim_region *r = &w->region[region];
	double in_ticks = us / 1000 / TICK_MS;
	unsigned ticks = in_ticks < 0.7 ? 0 : (unsigned)in_ticks;
	uint32_t later = in_ticks < 0.7 ? 0 : sim_round(&w->rng, n * (in_ticks - ticks));

	if (in_ticks >= TRY_TIMEOUT_TICKS) {
		finish_later(w, r, endpoint, OUTCOME_LOST, turn, n, TRY_TIMEOUT_TICKS);
		return;
	}
	if (later > n)
		later = n;
	if (later > 0)
		finish_later(w, r, endpoint, OUTCOME_ANSWERED, turn, later, ticks + 1);
	n -= later;
	if (n == 0)
		return;
	if (ticks > 0) {
		finish_later(w, r, endpoint, OUTCOME_ANSWERED, turn, n, ticks);
		return;
	}
	measure(w, r, us, n);
	finish(w, region, endpoint, OUTCOME_ANSWERED, turn, n);
}

/* The endpoint works on n tries: at its speed, behind what the region has queued. */
static void
work(struct world *w, unsigned region, unsigned endpoint, enum turn turn, uint32_t n)
{
	struct sim_region *r = &w->region[region];
	const struct sim_endpoint *e = &r->endpoint[endpoint];
	double us = latency_of(r, e);
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
send_to(struct world *w, unsigned region, unsigned endpoint, enum turn turn, uint32_t n)
{
	struct sim_region *r = &w->region[region];
	struct sim_endpoint *e = &r->endpoint[endpoint];

	e->delta.tries += n;
	r->touched |= 1u << endpoint;
	w->reached += e->refuses ? 0 : n;
	if (e->refuses)
		finish(w, region, endpoint, OUTCOME_REFUSED, turn, n);
	else if (e->resets)
		finish(w, region, endpoint, OUTCOME_BROKEN, turn, n);
	else if (e->vanishes)
		vanish(w, r, endpoint, turn, n);
	else if (e->hangs)
		finish_later(w, r, endpoint, OUTCOME_LOST, turn, n, TRY_TIMEOUT_TICKS);
	else
		work(w, region, endpoint, turn, n);
}

static void
deal_equally(struct world *w, unsigned region, enum turn turn, uint32_t n)
{
	struct sim_region *r = &w->region[region];
	uint32_t each = n / r->used_count;
	uint32_t extra = n % r->used_count;
	unsigned at = r->turn;

	for (unsigned i = 0; i < r->used_count && (each > 0 || i < extra); i++) {
		send_to(w, region, r->used[at], turn, each + (i < extra));
		if (++at == r->used_count)
			at = 0;
	}
	r->turn = (r->turn + extra) % r->used_count;
}

static void
deal_by_weight(struct world *w, unsigned region, enum turn turn, uint32_t n)
{
	struct sim_region *r = &w->region[region];
	uint32_t left = n;

	for (unsigned i = 0; i < r->used_count && left > 0; i++) {
		struct sim_endpoint *e = &r->endpoint[r->used[i]];
		uint32_t k;

		e->carry += (double)n * e->weight / r->used_weight;
		k = e->carry < left ? (uint32_t)e->carry : left;
		e->carry -= k;
		left -= k;
		if (k > 0)
			send_to(w, region, r->used[i], turn, k);
	}
	if (left > 0)
		deal_equally(w, region, turn, left);
}

/*
 * As least-request balancing does once endpoints answer late: each try where the least is in
 * flight.
 */
static void
deal_by_load(struct world *w, unsigned region, enum turn turn, uint32_t n)
{
	struct sim_region *r = &w->region[region];
	double flight = latency_ticks(r), load[SIM_ENDPOINTS];
	uint32_t given[SIM_ENDPOINTS] = { 0 };

	if (flight > 1)
		flight = 1;
	for (unsigned i = 0; i < r->used_count; i++)
		load[i] = r->endpoint[r->used[i]].waiting;
	for (uint32_t k = 0; k < n; k++) {
		unsigned best = (r->turn + k) % r->used_count;

		for (unsigned i = 0; i < r->used_count; i++) {
			if (load[i] < load[best])
				best = i;
		}
		given[best]++;
		load[best] += r->endpoint[r->used[best]].bad ? 1 : flight;
	}
	r->turn = (r->turn + n) % r->used_count;
	for (unsigned i = 0; i < r->used_count; i++) {
		if (given[i] > 0)
			send_to(w, region, r->used[i], turn, given[i]);
	}
}

static uint32_t
admit(struct sim_region *r, uint32_t n)
{
	double room = n;

	if (r->used_count == 0 || r->out.region.state == REGION_EVACUATED)
		return 0;
	if (r->out.limit > 0 && r->tokens < room)
		room = r->tokens;
	if (r->out.limit_in_flight > 0) {
		double turns = 1000.0 * TICK_MS / r->latency_us;
		double flights = (r->out.limit_in_flight - r->waiting) * (turns > 1 ? turns : 1);

		if (flights - r->answered < room)
			room = flights - r->answered;
	}
	return room > 0 ? (uint32_t)room : 0;
}

/* Returns how many the region did not admit. */
static uint32_t
offer(struct world *w, unsigned region, enum turn turn, uint32_t n)
{
	struct sim_region *r = &w->region[region];
	uint32_t taken = admit(r, n);

	if (taken == 0)
		return n;
	r->tokens -= taken;
	r->tries += taken;
	if (r->waiting > 0)
		deal_by_load(w, region, turn, taken);
	else if (r->used_weight == r->used_count * ENDPOINT_WEIGHT_FULL)
		deal_equally(w, region, turn, taken);
	else
		deal_by_weight(w, region, turn, taken);
	return n - taken;
}

/* Among regions not asked yet: the lowest tier, then the heaviest that has an endpoint up. */
static int
by_tier(const struct world *w, unsigned asked)
{
	int best = -1;

	for (unsigned i = 0; i < w->is->region_count; i++) {
		const struct sim_region *r = &w->region[i];

		if ((asked >> i & 1) != 0 || r->used_count == 0 ||
		    !r->endpoint[r->used[0]].usable || r->out.region.state == REGION_EVACUATED)
			continue;
		if (best < 0 || r->is->tier < w->region[best].is->tier ||
		    (r->is->tier == w->region[best].is->tier &&
			w->region_weights[i] > w->region_weights[best]))
			best = (int)i;
	}
	return best;
}

/* Offers n to the regions with a share, by share; returns what they did not admit. */
static uint32_t
offer_by_share(struct world *w, unsigned avoid, enum turn turn, uint32_t n)
{
	uint32_t sum = 0, left = n, part[SIM_REGIONS] = { 0 };

	for (unsigned i = 0; i < w->is->region_count; i++)
		sum += i != avoid ? w->region[i].word : 0;
	for (unsigned i = 0; i < w->is->region_count; i++) {
		struct sim_region *r = &w->region[i];

		if (i == avoid || r->word == 0)
			continue;
		r->carry += (double)n * r->word / sum;
		part[i] = r->carry < left ? (uint32_t)r->carry : left;
		r->carry -= part[i];
		left -= part[i];
	}
	for (unsigned i = 0; i < w->is->region_count; i++) {
		if (part[i] > 0)
			left += offer(w, i, turn, part[i]);
	}
	for (unsigned i = 0; i < w->is->region_count && left > 0; i++) {
		if (i != avoid && w->region[i].word > 0)
			left = offer(w, i, turn, left);
	}
	return left;
}

/* All regions but one: those with a share, then the others, before anything is refused. */
static uint32_t
spread_over(struct world *w, unsigned avoid, enum turn turn, uint32_t n)
{
	uint32_t left = offer_by_share(w, avoid, turn, n);
	unsigned asked = 1u << avoid;

	for (unsigned i = 0; i < w->is->region_count; i++)
		asked |= w->region[i].word > 0 ? 1u << i : 0;
	while (left > 0) {
		int next = by_tier(w, asked);

		if (next < 0)
			break;
		asked |= 1u << next;
		left = offer(w, (unsigned)next, turn, left);
	}
	return left;
}

/* A retry that finds no place is a failed request; a first try is one that was shed. */
static void
retry(struct world *w, unsigned region)
{
	uint32_t n = w->same_region[region];

	w->same_region[region] = 0;
	if (n > 0)
		w->other_region[region][TURN_SECOND] += offer(w, region, TURN_SECOND, n);
	for (unsigned turn = TURN_SECOND; turn <= TURN_THIRD; turn++) {
		n = w->other_region[region][turn];
		w->other_region[region][turn] = 0;
		if (n > 0)
			n = spread_over(w, region, (enum turn)turn, n);
		if (n > 0)
			failed(w, offer(w, region, TURN_THIRD, n));
	}
}

static bool
retries_wanted(const struct world *w)
{
	for (unsigned i = 0; i < w->is->region_count; i++) {
		if (w->same_region[i] > 0 || w->other_region[i][TURN_SECOND] > 0 ||
		    w->other_region[i][TURN_THIRD] > 0)
			return true;
	}
	return false;
}

static void
end_due(struct world *w, unsigned region, unsigned endpoint)
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
				measure(w, r, latency_of(r, &r->endpoint[endpoint]), n);
			finish(w, region, endpoint, (enum outcome)o, (enum turn)turn, n);
		}
	}
}

static uint32_t
arrivals(struct world *w)
{
	double rate = w->is->demand * w->surge * TICK_MS / 1000;
	uint32_t n;

	if (w->is->wave > 0) {
		/* a triangle, ten minutes long */
		double at = (double)(w->t_ms % 600000) / 600000;

		rate *= 1 + w->is->wave * (at < 0.5 ? 4 * at - 1 : 3 - 4 * at);
	}
	/* Three uniform numbers for a normal one, with the variance of Poisson's. */
	w->carry += rate +
	    (sim_chance(&w->rng) + sim_chance(&w->rng) + sim_chance(&w->rng) - 1.5) * 2 *
		__builtin_sqrt(rate);
	n = w->carry > 0 ? (uint32_t)w->carry : 0;
	w->carry -= n;
	n += w->again[w->tick % AGAIN_TICKS];
	w->again[w->tick % AGAIN_TICKS] = 0;
	return n;
}

/* A tick's worth, and at most half a tick's saved: 105 % of the limit in any second. */
static void
refill_tokens(struct sim_region *r)
{
	double tick = r->out.limit * TICK_MS / 1000;
	double most = tick * 1.5 > 1 ? tick * 1.5 : 1;

	r->tokens = r->tokens + tick < most ? r->tokens + tick : most;
}

/* How fast a region is now, and how much it takes. */
static void
prepare(struct sim_region *r, unsigned endpoints)
{
	double can = r->is->real * r->factor * r->able / endpoints;
	double load = r->load < 0.97 ? r->load * r->load * r->load * r->load : 0.9;

	r->queue_us = can > 0 ? r->backlog / can * 1e6 : 0;
	r->latency_us = (unsigned)(r->is->latency_us / (1 - load) + r->queue_us);
	refill_tokens(r);
	r->work = 0;
	r->tries = 0;
	r->answered = 0;
}

static void
settle(struct sim_region *r, unsigned endpoints)
{
	double can = r->is->real * r->factor * r->able / endpoints * TICK_MS / 1000;

	r->load += ((can > 0 ? r->work / can : 0) - r->load) * 0.2;
	r->backlog += r->work - can;
	if (r->backlog < 0)
		r->backlog = 0;
}

void
traffic_run(struct world *w)
{
	uint32_t n = arrivals(w);
	enum share_mode mode = steer_mode(w->core);

	w->requests = n;
	w->arrived_sum += n - w->arrived[w->tick % 10];
	w->arrived[w->tick % 10] = n;
	for (unsigned i = 0; i < w->is->region_count; i++) {
		prepare(&w->region[i], w->is->endpoint_count);
		for (unsigned k = 0; k < w->is->endpoint_count && w->region[i].waiting > 0; k++) {
			if (w->region[i].endpoint[k].waiting > 0)
				end_due(w, i, k);
		}
	}
	for (uint32_t i = 0; i < n; i++)
		budget_earn(&w->budget, retry_share, world_core_ms(w, 0));
	if (mode == SHARE_FAIL_CLOSED || mode == SHARE_NOTHING)
		shed(w, n);
	else
		shed(w, spread_over(w, SIM_REGIONS, TURN_FIRST, n));
	for (unsigned pass = 0; pass < 4 && retries_wanted(w); pass++) {
		for (unsigned i = 0; i < w->is->region_count; i++)
			retry(w, i);
	}
	for (unsigned i = 0; i < w->is->region_count; i++)
		settle(&w->region[i], w->is->endpoint_count);
}

/* Those of the first turn that wait at an endpoint, and may be repeated, go elsewhere. */
static void
move_on(struct world *w, unsigned region, unsigned endpoint, bool leave)
{
	struct sim_region *r = &w->region[region];

	for (unsigned s = 0; s < DUE_SLOTS; s++) {
		struct due *d = &r->due[endpoint][s];

		for (unsigned o = 0; o < OUTCOMES; o++) {
			uint32_t n = d->tries[o][TURN_FIRST];
			uint32_t moved = n > 0 ? may_repeat(w, n) : 0;

			if (moved == 0)
				continue;
			d->tries[o][TURN_FIRST] -= (uint16_t)moved;
			w->other_region[region][TURN_SECOND] += moved;
			if (leave) {
				r->waiting -= moved;
				r->endpoint[endpoint].waiting -= moved;
			} else
				d->tries[o][TURN_ORPHAN] += (uint16_t)moved;
		}
	}
}

static bool
has_elsewhere(const struct world *w, unsigned region)
{
	for (unsigned i = 0; i < w->is->region_count; i++) {
		if (i != region && w->region[i].word > 0)
			return true;
	}
	return by_tier(w, 1u << region) >= 0;
}

void
traffic_move_on(struct world *w)
{
	for (unsigned i = 0; i < w->is->region_count; i++) {
		const struct sim_region *r = &w->region[i];
		enum region_state state = r->out.region.state;
		uint64_t age_ms = world_core_ms(w, TICK_MS) - r->out.region.since_ms;

		if (r->waiting == 0 || !has_elsewhere(w, i) ||
		    (state != REGION_DOWN && state != REGION_SUSPECT) ||
		    (state == REGION_SUSPECT && age_ms < 2 * TICK_MS))
			continue;
		for (unsigned k = 0; k < w->is->endpoint_count; k++) {
			if (r->endpoint[k].waiting > 0)
				move_on(w, i, k, state == REGION_DOWN);
		}
	}
}

void
traffic_redirect(struct world *w, unsigned region, unsigned endpoint, enum fate fate)
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
traffic_forget(struct world *w)
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
