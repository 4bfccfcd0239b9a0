/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/outlier.h"

#include <math.h>
#include <string.h>

#include "steer/grey.h"

enum {
	PEERS_MIN_REQUESTS = 100, /* in 10 s */
	CERTAIN_REQUESTS = 20,    /* where the difference leaves no doubt */
	PEERS_MIN = 5,            /* endpoints with that many, for a deviation to mean anything */
	PERMILLE = 1000,
	FIRST_PERMILLE = 100, /* of the weight, when it comes back */
	TOGETHER_MS = 2000,   /* failures so close have one cause */
	BRIEF_MS = 1000,
	MOST_DOUBLINGS = 16,
};

static const double deviations = 1.9;
static const double deviation_margin = 0.05;
static const double deviation_z = 5;
static const double peers_margin = 0.2;
static const double peers_z = 3.3;
static const double dirty_share = 0.01;
static const double most_share = 0.5; /* of a region's endpoints: outliers are fewer */

/* What it takes to put all upstream answers of a region in relation. */
struct peers {
	unsigned count;             /* endpoints with enough requests */
	double sum, sum_of_squares; /* of their success rates */
	uint32_t answers, errors;
};

void
outlier_end_run(struct outlier *o)
{
	o->local_in_a_row = 0;
	o->timeouts_in_a_row = 0;
}

static void
count_row(struct outlier *o, const struct evidence *delta, uint64_t now_ms)
{
	if (!evidence_row_grows(delta, o->local_in_a_row == 0, &o->failed_at_ms, now_ms))
		return;
	o->local_in_a_row++;
	o->timeouts_in_a_row += delta->timeouts >= evidence_local(delta);
}

void
outlier_nobody_there(struct outlier *o)
{
	o->local_in_a_row += EVIDENCE_ROW;
}

void
outlier_see(struct outlier *o, const struct evidence *delta, uint64_t now_ms)
{
	const struct evidence *lately = &o->window.last_10s;
	uint32_t local = evidence_local(delta);

	evidence_window_add(&o->window, delta, now_ms);
	if (delta->answered > 0) {
		/* in which order they came is not known: in doubt the run is over */
		outlier_end_run(o);
	} else {
		count_row(o, delta, now_ms);
	}
	if (local > 0 && evidence_local(lately) > dirty_share * lately->tries)
		o->clean_since_ms = now_ms;
}

/* Answers and errors of 10 s; a malformed answer may be an error without having been an answer. */
static uint32_t
answers_of(const struct outlier *o)
{
	const struct evidence *e = &o->window.last_10s;

	return e->answered > e->errors ? e->answered : e->errors;
}

static double
success_rate(const struct outlier *o)
{
	return 1 - (double)o->window.last_10s.errors / answers_of(o);
}

/* Only those that serve: what an ejected one did before is no measure for the others. */
static bool
is_peer(const struct outlier *o, bool healthy)
{
	return healthy && !o->ejected;
}

static struct peers
peers_of(struct outlier *const *endpoints, const bool *healthy, unsigned count)
{
	struct peers p = { 0 };

	for (unsigned i = 0; i < count; i++) {
		const struct outlier *o = endpoints[i];
		double rate;

		if (!is_peer(o, healthy[i]) || answers_of(o) == 0)
			continue;
		p.answers += answers_of(o);
		p.errors += o->window.last_10s.errors;
		if (answers_of(o) < PEERS_MIN_REQUESTS)
			continue;
		rate = success_rate(o);
		p.count++;
		p.sum += rate;
		p.sum_of_squares += rate * rate;
	}
	return p;
}

static void
accuse(struct outlier *o, enum outlier_why why, double value, double threshold)
{
	o->why = why;
	o->value = (uint32_t)lround(value);
	o->threshold = threshold > 0 ? (uint32_t)lround(threshold) : 0;
}

/* Population stdev: of five, one can never be 1.9 of the sample's away from the mean. */
static bool
deviates(struct outlier *o, const struct peers *p)
{
	double mean = p->sum / p->count;
	double variance = p->sum_of_squares / p->count - mean * mean;
	double least = mean - deviations * sqrt(fmax(variance, 0));

	if (success_rate(o) >= least)
		return false;
	accuse(o, OUTLIER_SUCCESS_RATE, success_rate(o) * PERMILLE, least * PERMILLE);
	return true;
}

/*
 * Answers badly, compared with the rest of its region: by 20 points (of fewer than a hundred
 * answers only where chance is out of the question), or by less if there are enough endpoints to
 * know how much they differ anyway. Where all are nearly perfect that is a hair's breadth, so even
 * then the gap must be certain and worth acting on. Two of six that fail make the deviation so
 * large that neither exceeds it: therefore the first test holds for any number.
 */
static bool
errs_more_than_peers(struct outlier *o, const struct peers *p)
{
	const uint32_t n = answers_of(o);
	const uint32_t bad = o->window.last_10s.errors;
	double excess, z;

	if (bad == 0 || n < CERTAIN_REQUESTS || p->answers - n == 0)
		return false;
	z = grey_z(bad, n, p->errors - bad, p->answers - n);
	excess = (double)bad / n - (double)(p->errors - bad) / (p->answers - n);
	if (excess > peers_margin && z > peers_z &&
	    (n >= PEERS_MIN_REQUESTS || grey_is_certain(bad, n, p->errors - bad, p->answers - n))) {
		accuse(o, OUTLIER_PEERS, excess * PERMILLE, peers_margin * PERMILLE);
		return true;
	}
	return n >= PEERS_MIN_REQUESTS && p->count >= PEERS_MIN && excess > deviation_margin &&
	    z > deviation_z && deviates(o, p);
}

/* Could not be reached: in a row, or most of a second's tries. */
static bool
is_unreachable(struct outlier *o, const struct outlier_policy *policy)
{
	const struct evidence *e = &o->window.last_1s;
	uint32_t failed = evidence_local(e) - evidence_aged(e);
	uint32_t row = evidence_row_needs(policy->consecutive, &o->window);

	if (o->local_in_a_row >= row) {
		accuse(o, OUTLIER_CONSECUTIVE, o->local_in_a_row, row);
		return true;
	}
	if (e->tries >= policy->min_tries && failed > policy->failure_share * e->tries &&
	    evidence_window_failing(&o->window) >= EVIDENCE_FAILING) {
		accuse(o, OUTLIER_FAILURE_SHARE, (double)PERMILLE * failed / e->tries,
		    policy->failure_share * PERMILLE);
		return true;
	}
	return false;
}

/* Nothing but deadlines: the network between us may be what is slow. */
static bool
only_timeouts(const struct outlier *o)
{
	const struct evidence *e = &o->window.last_1s;

	if (o->why == OUTLIER_CONSECUTIVE)
		return o->timeouts_in_a_row >= o->local_in_a_row;
	return o->why == OUTLIER_FAILURE_SHARE &&
	    e->timeouts >= evidence_local(e) - evidence_aged(e);
}

static uint64_t
term_ms(const struct outlier *o, const struct outlier_policy *policy)
{
	uint64_t ms = (uint64_t)policy->base_ms * (o->times + 1);

	return ms < policy->max_ms ? ms : policy->max_ms;
}

static uint64_t
brief_ms(const struct outlier *o, const struct outlier_policy *policy)
{
	uint64_t ms = (uint64_t)BRIEF_MS
	    << (o->together < MOST_DOUBLINGS ? o->together : MOST_DOUBLINGS);

	return ms < policy->base_ms ? ms : policy->base_ms;
}

static void
set_until(struct outlier *o, const struct outlier_policy *policy, uint64_t now_ms)
{
	o->until_ms = now_ms + (o->brief ? brief_ms(o, policy) : term_ms(o, policy));
	o->together += o->brief;
}

/*
 * Evidence against an endpoint that the cap keeps in is refuted by its next success. Where it gets
 * no traffic it holds as long as an ejection would; a probe that passes is no refutation.
 */
static void
look_at(struct outlier *o, const struct peers *p, const struct outlier_policy *policy, bool healthy,
    uint64_t now_ms)
{
	const struct evidence *e = &o->window.last_1s;
	bool quiet = (e->tries | e->answered | evidence_local(e)) == 0;
	bool was = o->failing;

	if (was && quiet && now_ms < o->until_ms)
		return;
	if (was && quiet) {
		o->local_in_a_row = 0;
		o->timeouts_in_a_row = 0;
	}
	o->failing =
	    is_unreachable(o, policy) || (is_peer(o, healthy) && errs_more_than_peers(o, p));
	if (!o->failing) {
		o->why = OUTLIER_NONE;
		o->brief = false;
		if (e->answered > 0)
			o->together = 0;
		return;
	}
	if (!was)
		o->failing_since_ms = now_ms;
	o->clean_since_ms = now_ms;
	if (!was || now_ms >= o->until_ms)
		set_until(o, policy, now_ms);
}

static void
forgive(struct outlier *o, const struct outlier_policy *policy, uint64_t now_ms)
{
	if (o->times == 0 || o->ejected || o->failing)
		return;
	if (now_ms - o->clean_since_ms < policy->base_ms)
		return;
	o->times--;
	o->clean_since_ms = now_ms;
}

static void
eject(struct outlier *o, const struct outlier_policy *policy, uint64_t now_ms)
{
	/* For such a time only, as long as that has not run out already. */
	if (!o->brief || now_ms >= o->until_ms)
		set_until(o, policy, now_ms);
	o->times += !o->brief;
	o->ejected = true;
	o->back_since_ms = 0;
}

void
outlier_take_back(struct outlier *o, uint64_t now_ms)
{
	memset(&o->window, 0, sizeof o->window);
	o->local_in_a_row = 0;
	o->timeouts_in_a_row = 0;
	o->ejected = false;
	o->failing = false;
	o->why = OUTLIER_NONE;
	o->clean_since_ms = now_ms;
	if (!o->brief)
		outlier_come_back(o, now_ms);
	o->brief = false;
}

/* Which of the failing go first when the cap does not let all of them go. */
enum rank { RANK_UNREACHABLE, RANK_TIMEOUTS, RANK_ERRORS, RANKS };

static enum rank
rank_of(const struct outlier *o)
{
	if (only_timeouts(o))
		return RANK_TIMEOUTS;
	return o->why == OUTLIER_SUCCESS_RATE || o->why == OUTLIER_PEERS ? RANK_ERRORS
									 : RANK_UNREACHABLE;
}

/* Or, having failed with the others, has not answered since. */
static bool
has_just_failed(const struct outlier *o, uint64_t now_ms)
{
	return o->failing && rank_of(o) != RANK_ERRORS &&
	    (o->brief || now_ms - o->failing_since_ms <= TOGETHER_MS);
}

/* Of those that served until now. */
static bool
most_have_just_failed(
    struct outlier *const *endpoints, const bool *healthy, unsigned count, uint64_t now_ms)
{
	unsigned failed = 0, able = 0;

	for (unsigned i = 0; i < count; i++) {
		bool just_failed = has_just_failed(endpoints[i], now_ms);

		failed += healthy[i] && just_failed;
		able += healthy[i] && (just_failed || !endpoints[i]->failing);
	}
	return failed > 1 && failed > most_share * able;
}

/* Those ejected already were the first to meet it: it is not to be held against them either. */
static void
fail_together(struct outlier **endpoints, unsigned count, const struct outlier_policy *policy,
    uint64_t now_ms)
{
	for (unsigned i = 0; i < count; i++) {
		struct outlier *o = endpoints[i];

		if (o->brief || !has_just_failed(o, now_ms))
			continue;
		o->brief = true;
		o->times -= o->ejected;
		set_until(o, policy, now_ms);
	}
}

/*
 * (ejected + 1) / total <= max_ejected: a cap of half lets one of two go, and none of one. The last
 * one that serves goes only if it cannot be reached for certain.
 */
static unsigned
eject_failing(struct outlier **endpoints, const bool *healthy, bool *changed, unsigned count,
    const struct outlier_policy *policy, uint64_t now_ms)
{
	unsigned ejected = 0, serving = 0, changes = 0;

	for (unsigned i = 0; i < count; i++) {
		ejected += endpoints[i]->ejected;
		serving += healthy[i] && !endpoints[i]->ejected;
	}
	for (unsigned rank = 0; rank < RANKS; rank++) {
		for (unsigned i = 0; i < count; i++) {
			struct outlier *o = endpoints[i];
			bool last = healthy[i] && serving <= 1;

			if (!o->failing || o->ejected || rank_of(o) != rank)
				continue;
			if (ejected + 1 > policy->max_ejected * count + 1e-9 ||
			    (last && rank != RANK_UNREACHABLE))
				continue;
			eject(o, policy, now_ms);
			ejected++;
			serving -= healthy[i];
			changed[i] = true;
			changes++;
		}
	}
	return changes;
}

unsigned
outlier_judge(struct outlier **endpoints, const bool *healthy, bool *changed, unsigned count,
    const struct outlier_policy *policy, uint64_t now_ms)
{
	unsigned changes = 0;
	bool any_failing = false;
	struct peers p;

	for (unsigned i = 0; i < count; i++) {
		struct outlier *o = endpoints[i];

		changed[i] = o->ejected && now_ms >= o->until_ms;
		if (changed[i])
			outlier_take_back(o, now_ms);
		changes += changed[i];
		evidence_window_pass(&o->window, now_ms);
	}
	p = peers_of(endpoints, healthy, count);
	for (unsigned i = 0; i < count; i++) {
		struct outlier *o = endpoints[i];

		if (!o->ejected)
			look_at(o, &p, policy, healthy[i], now_ms);
		any_failing |= o->failing;
		forgive(o, policy, now_ms);
	}
	if (any_failing && most_have_just_failed(endpoints, healthy, count, now_ms))
		fail_together(endpoints, count, policy, now_ms);
	if (any_failing)
		changes += eject_failing(endpoints, healthy, changed, count, policy, now_ms);
	return changes;
}

uint32_t
outlier_weight(const struct outlier *o, const struct outlier_policy *policy, uint64_t now_ms)
{
	uint64_t age;

	if (o->back_since_ms == 0 || now_ms < o->back_since_ms)
		return PERMILLE;
	age = now_ms - o->back_since_ms;
	if (age >= policy->slow_start_ms)
		return PERMILLE;
	return (
	    uint32_t)(FIRST_PERMILLE + (PERMILLE - FIRST_PERMILLE) * age / policy->slow_start_ms);
}

void
outlier_come_back(struct outlier *o, uint64_t now_ms)
{
	o->back_since_ms = now_ms > 0 ? now_ms : 1;
}
