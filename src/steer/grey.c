/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/grey.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
	BASELINE_WAIT_MS = 20000,
	BASELINE_PROOF_MS = 10000,
	LATENCY_MIN_SAMPLES = 20, /* of a peer; and of a region for its baseline */
	WINDOWS = 3,              /* in a row */
	FEW_SAMPLES = 3,          /* of a region that has little but its sensor share */
	SLOWER_SECONDS = 2,       /* in a row */
	SUDDEN_PEER_SAMPLES = 10, /* of one that is only asked whether it does better */
	MOST_REGIONS = 64,
	US_PER_S = 1000000,
};

static const double errors_z = 3.3;
static const double errors_deviations = 5;
static const double errors_margin = 0.02;
static const double errors_clean = 0.005;
static const double errors_clean_z = 1;
static const double errors_common = 0.05;
static const double slow_times = 3;
static const double slow_peers_times = 2;
static const double slow_us = 100e3;
static const double worth_times = 1.5; /* of what the others need */
static const double clean_times = 1.5;
static const double clean_us = 10e3;
static const double jump_times = 10;
static const double jump_us = 500e3;
static const double sudden_answers = 1.25; /* of the second's tries, at most */

/* ---- memory ---- */

/*
 * What the quantile is at least, chance allowed for: three deviations of a rank, that is the
 * quantile q - 3 sqrt(q (1 - q) / n). A grey region has its sensor share only; with 40 answers a
 * window its 95th percentile passes 1.5 times the baseline by chance every few windows, and it
 * would never be clean for a minute.
 */
static uint64_t
sure_quantile(const struct histogram_sum *sum, double q)
{
	if (sum->total == 0)
		return 0;
	return histogram_quantile(sum, fmax(0, q - 3 * sqrt(q * (1 - q) / (double)sum->total)));
}

/*
 * Of the answers those that were asked for in the window too. The last answers of a region that
 * traffic leaves are its slowest ones, and would be most of what is in a window of answers.
 */
static void
sum_window(struct grey *g)
{
	struct histogram_sum sum = { 0 };

	g->window_tries = 0;
	g->window_errors = 0;
	for (unsigned i = 0; i < GREY_SECONDS; i++) {
		unsigned at = (g->at + 1 + i) % GREY_SECONDS; /* the oldest first */

		g->window_tries += g->tries[at];
		g->window_errors += g->errors[at];
		if (g->seconds[at].total > 0)
			histogram_add_below(&sum, &g->seconds[at], (i + 1) * US_PER_S);
	}
	g->samples = (uint32_t)sum.total;
	g->p50_us = histogram_quantile(&sum, 0.5);
	g->p95_us = histogram_quantile(&sum, 0.95);
	g->sure_p50_us = sure_quantile(&sum, 0.5);
	g->sure_p95_us = sure_quantile(&sum, 0.95);
}

/*
 * The newest second by itself, for what has become slow suddenly. What took more than a second is
 * left out: of a busy region the stall rule was quicker, and it may be what is left of another
 * time.
 */
static void
sum_second(struct grey *g)
{
	struct histogram_sum sum = { 0 };

	if (g->seconds[g->at].total > 0)
		histogram_add_below(&sum, &g->seconds[g->at], US_PER_S);
	g->second_samples = (uint32_t)sum.total;
	g->second_p50_us = histogram_quantile(&sum, 0.5);
	g->sure_second_p50_us = sure_quantile(&sum, 0.5);
	g->most_second_p50_us = sum.total == 0
	    ? 0
	    : histogram_quantile(&sum, fmin(1, 0.5 + 1.5 / sqrt((double)sum.total)));
}

/*
 * One sample in 30 s, and kept only if the ten seconds after it, by which all that was in its
 * window is over, were not bad either: what begins to go wrong must not become what is normal.
 */
static void
learn_baseline(struct grey *g, uint64_t now_ms)
{
	if (g->pending_ms == 0) {
		if (now_ms < g->base_next_ms || g->samples < LATENCY_MIN_SAMPLES)
			return;
		g->pending_ms = now_ms;
		g->pending_p50_us = g->p50_us;
		g->pending_p95_us = g->p95_us;
		return;
	}
	if (now_ms - g->pending_ms < BASELINE_PROOF_MS)
		return;
	g->base_p50_us[g->base_at] = g->pending_p50_us;
	g->base_p95_us[g->base_at] = g->pending_p95_us;
	g->base_at = (g->base_at + 1) % GREY_BASELINE_SLOTS;
	if (g->base_count < GREY_BASELINE_SLOTS)
		g->base_count++;
	g->pending_ms = 0;
	g->base_next_ms = now_ms + BASELINE_WAIT_MS;
}

static void
rest_baseline(struct grey *g, uint64_t now_ms)
{
	g->pending_ms = 0;
	g->base_next_ms = now_ms + BASELINE_WAIT_MS;
}

void
grey_second(struct grey *g, const struct histogram_sum *first_byte, uint32_t tries, uint32_t errors,
    bool learn, uint64_t now_ms)
{
	static const struct histogram_sum none;

	g->at = (g->at + 1) % GREY_SECONDS;
	histogram_sum_copy(&g->seconds[g->at], first_byte != NULL ? first_byte : &none);
	g->tries[g->at] = tries;
	g->errors[g->at] = errors < tries ? errors : tries;
	sum_window(g);
	sum_second(g);
	if (!learn || (g->base_count == 0 && g->samples < LATENCY_MIN_SAMPLES) ||
	    g->base_next_ms == 0 || g->bad_errors + g->bad_p50 + g->bad_p95 > 0)
		rest_baseline(g, now_ms);
	else
		learn_baseline(g, now_ms);
}

static void
sort(double *v, unsigned count)
{
	for (unsigned i = 1; i < count; i++) {
		double x = v[i];
		unsigned k = i;

		for (; k > 0 && v[k - 1] > x; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
}

/* Both sort v; 0 of none. */
static double
median(double *v, unsigned count)
{
	sort(v, count);
	if (count == 0)
		return 0;
	return count % 2 == 1 ? v[count / 2] : (v[count / 2 - 1] + v[count / 2]) / 2;
}

static double
lower_median(double *v, unsigned count)
{
	sort(v, count);
	return count == 0 ? 0 : v[(count - 1) / 2];
}

static double
baseline(const uint64_t *samples, unsigned count)
{
	double v[GREY_BASELINE_SLOTS];

	for (unsigned i = 0; i < count; i++)
		v[i] = (double)samples[i];
	return median(v, count);
}

uint64_t
grey_base_p50_us(const struct grey *g)
{
	return (uint64_t)baseline(g->base_p50_us, g->base_count);
}

uint64_t
grey_base_p95_us(const struct grey *g)
{
	return (uint64_t)baseline(g->base_p95_us, g->base_count);
}

void
grey_restore(struct grey *g, uint64_t base_p50_us, uint64_t base_p95_us)
{
	if (base_p50_us == 0 || base_p95_us == 0)
		return;
	g->base_p50_us[0] = base_p50_us;
	g->base_p95_us[0] = base_p95_us;
	g->base_count = g->base_at = 1;
}

/* ---- one region and the others ---- */

/* Either quantile, of one region: now, its baseline (0: unknown), and their ratio. */
struct slowness {
	double now;
	double sure; /* now, at least */
	double base;
	double ratio; /* 0: unknown */
};

enum quantile { P50, P95, QUANTILES };

static const enum fact_signal signals[QUANTILES] = { SIGNAL_LATENCY_P50, SIGNAL_LATENCY_P95 };

/* One region in one round of judging. */
struct party {
	struct grey *g;
	bool serving;
	struct slowness slow[QUANTILES];
};

static struct slowness
slowness_of(uint64_t now_us, uint64_t sure_us, const uint64_t *samples, unsigned count)
{
	struct slowness s = {
		.now = (double)now_us, .sure = (double)sure_us, .base = baseline(samples, count)
	};

	s.ratio = s.base > 0 && s.now > 0 ? s.now / s.base : 0;
	return s;
}

static bool
has_latency(const struct party *p)
{
	return p->serving && p->g->samples >= LATENCY_MIN_SAMPLES;
}

/* The other regions, by one quantile: medians of what they need now, and of how many times their
 * baseline that is. */
struct others {
	double now;
	double ratio; /* 0: there are none to compare with */
	uint32_t count;
};

/*
 * What a region needs now, in its newest second or else its window; 0: it cannot be told. Of a few
 * answers the median may be low by chance, and that of its window is what it was: neither must make
 * it look better than it is. One that has not answered half of what it was asked does not.
 */
static double
needs_now(const struct party *p, enum quantile k, bool second)
{
	const struct grey *g = p->g;
	bool enough = second && g->second_samples >= SUDDEN_PEER_SAMPLES;

	if (!p->serving || !(enough || has_latency(p)) ||
	    (second && g->second_samples * 2 < g->tries[g->at]))
		return 0;
	if (!second)
		return p->slow[k].now;
	return enough ? (double)g->most_second_p50_us
		      : fmax(p->slow[k].now, (double)g->most_second_p50_us);
}

/*
 * One without a baseline (a standby that has taken traffic only now) is measured by this region's:
 * would requests be better off there? Of two others the quicker one counts.
 */
static struct others
others_of(const struct party *all, unsigned count, unsigned self, enum quantile k, bool second)
{
	double now[MOST_REGIONS], ratio[MOST_REGIONS];
	struct others o = { 0 };

	for (unsigned i = 0; i < count; i++) {
		double base = all[i].slow[k].base, own = all[self].slow[k].base;
		double us = i != self ? needs_now(&all[i], k, second) : 0;

		if (us <= 0)
			continue;
		now[o.count] = us;
		ratio[o.count++] = base > 0 ? us / base : fmax(1, us / own);
	}
	o.now = lower_median(now, o.count);
	o.ratio = lower_median(ratio, o.count);
	return o;
}

/* What a region must need to be slow by comparison, where moving its requests helps them too. */
static double
slow_limit_us(const struct slowness *s, const struct others *o)
{
	double limit_us = fmax(slow_times, slow_peers_times * o->ratio) * s->base;

	return fmax(fmax(limit_us, s->base + slow_us), worth_times * o->now);
}

double
grey_z(uint32_t bad_a, uint32_t n_a, uint32_t bad_b, uint32_t n_b)
{
	double p, spread;

	if (n_a == 0 || n_b == 0)
		return 0;
	p = ((double)bad_a + bad_b) / ((double)n_a + n_b);
	spread = p * (1 - p) * (1.0 / n_a + 1.0 / n_b);
	if (spread <= 0)
		return 0;
	return ((double)bad_a / n_a - (double)bad_b / n_b) / sqrt(spread);
}

bool
grey_is_certain(uint32_t bad_a, uint32_t n_a, uint32_t bad_b, uint32_t n_b)
{
	double a = asin(sqrt((bad_a + 0.375) / (n_a + 0.75)));
	double b = asin(sqrt((bad_b + 0.375) / (n_b + 0.75)));

	return 2 * (a - b) > errors_deviations * sqrt(1.0 / n_a + 1.0 / n_b);
}

static double
error_share(const struct grey *g)
{
	return g->window_tries > 0 ? (double)g->window_errors / g->window_tries : 0;
}

/* What one moment lost stands in ten windows, and is no more than that in each of them. */
static bool
errs_still(const struct grey *g)
{
	return g->errors[g->at] > errors_margin / 2 * g->tries[g->at];
}

static void
judge_errors(const struct party *all, unsigned count, unsigned self, struct grey_verdict *v)
{
	struct grey *g = all[self].g;
	uint32_t tries = 0, errors = 0, peers = 0;
	double z, others, excess;

	for (unsigned i = 0; i < count; i++) {
		if (i == self || !all[i].serving || all[i].g->window_tries == 0)
			continue;
		tries += all[i].g->window_tries;
		errors += all[i].g->window_errors;
		peers++;
	}
	z = grey_z(g->window_errors, g->window_tries, errors, tries);
	others = tries > 0 ? (double)errors / tries : 0;
	excess = error_share(g) - others;
	if (g->window_tries >= GREY_MIN_TRIES && z > errors_z && excess > errors_margin &&
	    grey_is_certain(g->window_errors, g->window_tries, errors, tries))
		g->bad_errors += errs_still(g);
	else
		g->bad_errors = 0;
	if (tries > 0 && z > errors_z / 2 && excess > errors_margin / 2)
		v->half = true;
	if (excess >= errors_clean && z > errors_clean_z)
		v->clean = false;
	if (v->half || g->bad_errors > 0) {
		v->signal = SIGNAL_ERRORS;
		v->value = error_share(g);
		v->threshold = others + errors_margin;
		v->peers = peers;
	}
	v->grey = g->bad_errors >= WINDOWS;
}

/*
 * Slower than before, and than the others are by now. Less than a tenth of what would make it grey
 * does not count: a grey region learns no baseline, so one of 4 ms that came back with 7 would stay
 * grey for good.
 */
static bool
is_unclean(const struct slowness *s, const struct others *o)
{
	return s->sure >= clean_times * fmax(1, o->ratio) * s->base &&
	    s->sure - s->base >= clean_us && s->sure > o->now;
}

/* By what it was before, whatever the others are. */
static bool
is_slower(const struct slowness *s)
{
	return s->ratio > slow_times && s->now - s->base > slow_us;
}

static void
tell_slow(struct grey_verdict *v, enum quantile k, double now_us, double limit_us, uint32_t peers)
{
	v->signal = signals[k];
	v->value = now_us / 1000;
	v->threshold = limit_us / 1000;
	v->peers = peers;
}

/* What one moment delayed stands in ten windows, and is no more than that in each of them. */
static bool
is_slow_still(const struct grey *g, const struct slowness *s, enum quantile k)
{
	double us = (double)histogram_quantile(&g->seconds[g->at], k == P50 ? 0.5 : 0.95);

	return us > slow_times * s->base && us - s->base > slow_us;
}

/* Raises the verdict; what was found by another signal stays what is told. */
static void
judge_latency(const struct party *all, unsigned count, unsigned self, enum quantile k,
    unsigned *bad, unsigned *slower_row, struct grey_verdict *v)
{
	const struct slowness *s = &all[self].slow[k];
	double excess = s->now - s->base;
	struct others o;
	double limit_us, half_us;
	bool slower, slow, half, jump, still;

	if (s->ratio <= 0 || all[self].g->samples < FEW_SAMPLES) {
		*bad = *slower_row = 0;
		return;
	}
	o = others_of(all, count, self, k, false);
	half_us = fmax(slow_times, slow_peers_times * o.ratio) / 2 * s->base;
	half_us = fmax(fmax(half_us, s->base + slow_us / 2), o.now);
	if (is_unclean(s, &o))
		v->clean = false;
	if (!has_latency(&all[self])) {
		/* too few to accuse it by, but if each of them is slow it is not well either */
		*bad = *slower_row = 0;
		if (o.count > 0 && s->sure > half_us) {
			v->half = true;
			tell_slow(v, k, s->sure, half_us, o.count);
		}
		return;
	}
	limit_us = slow_limit_us(s, &o);
	slower = all[self].g->window_tries >= GREY_MIN_TRIES && is_slower(s);
	slow = slower && o.count > 0 && s->now > limit_us;
	half = o.count > 0 && s->now > half_us;
	still = is_slow_still(all[self].g, s, k);
	jump = slow && still && s->ratio >= jump_times && excess >= jump_us;
	*bad = slow ? *bad + still : 0;
	*slower_row = slower ? *slower_row + still : 0;
	v->half |= half;
	v->slower |= *slower_row >= WINDOWS;
	if ((half || slow || *slower_row >= WINDOWS) &&
	    (v->signal == SIGNAL_NONE || (!v->grey && (jump || *bad >= WINDOWS))))
		tell_slow(v, k, s->now, limit_us, o.count);
	v->grey |= jump || *bad >= WINDOWS;
}

/* Has another one, that has not become slow itself, answered enough to compare with? */
static bool
has_peer(const struct party *all, unsigned count, unsigned self)
{
	for (unsigned i = 0; i < count; i++) {
		if (i != self && needs_now(&all[i], P50, true) > 0 &&
		    !is_slower(&all[i].slow[P50]) && !is_slower(&all[i].slow[P95]))
			return true;
	}
	return false;
}

/*
 * Most answers of one second took longer than nineteen of twenty used to, and several times what
 * half of them did: no mixture of requests does that by chance, so no windows need pass. More
 * answers than requests are the end of a pause, or what is left of traffic that goes elsewhere.
 * Others are asked only after a second such one, for a pause may fill most of one.
 */
static void
judge_second(const struct party *all, unsigned count, unsigned self, struct grey_verdict *v)
{
	struct grey *g = all[self].g;
	const struct slowness *s = &all[self].slow[P50];
	struct others o = others_of(all, count, self, P50, true);
	double sure = (double)g->sure_second_p50_us;
	double usual_us = all[self].slow[P95].base;
	uint32_t tries = g->tries[g->at];
	bool told = s->base > 0 && tries >= LATENCY_MIN_SAMPLES &&
	    g->second_samples >= LATENCY_MIN_SAMPLES &&
	    g->second_samples <= sudden_answers * tries && sure > usual_us;

	v->lonely = !has_peer(all, count, self);
	g->slower_seconds =
	    told && sure > slow_limit_us(s, &(struct others){ 0 }) ? g->slower_seconds + 1 : 0;
	v->slower |= g->slower_seconds >= SLOWER_SECONDS;
	if (!told || sure <= slow_limit_us(s, &o))
		return;
	tell_slow(v, P50, (double)g->second_p50_us, fmax(usual_us, slow_limit_us(s, &o)), o.count);
	v->sudden = o.count > 0;
	v->grey |= v->sudden;
	v->clean &= !v->sudden;
}

/* ---- all together ---- */

/*
 * All are slower than they were, or all answer errors at rates that differ by less than two times:
 * what they share is at fault, and moving requests between them only adds load.
 */
static bool
has_common_cause(const struct party *all, unsigned count)
{
	unsigned n = 0, slow = 0;
	double least = 1, most = 0;

	for (unsigned i = 0; i < count; i++) {
		if (!all[i].serving || all[i].g->window_tries < LATENCY_MIN_SAMPLES)
			continue;
		n++;
		slow += is_slower(&all[i].slow[P50]) || is_slower(&all[i].slow[P95]);
		least = fmin(least, error_share(all[i].g));
		most = fmax(most, error_share(all[i].g));
	}
	return n > 1 && (slow == n || (least > errors_common && least * 2 >= most));
}

void
grey_judge(
    struct grey *const *regions, const bool *serving, unsigned count, struct grey_verdict *verdicts)
{
	struct party all[MOST_REGIONS];
	bool common;

	assert(count <= MOST_REGIONS);
	for (unsigned i = 0; i < count; i++) {
		struct grey *g = regions[i];

		all[i].g = g;
		all[i].serving = serving[i] && g->window_tries > 0;
		all[i].slow[P50] =
		    slowness_of(g->p50_us, g->sure_p50_us, g->base_p50_us, g->base_count);
		all[i].slow[P95] =
		    slowness_of(g->p95_us, g->sure_p95_us, g->base_p95_us, g->base_count);
	}
	common = has_common_cause(all, count);
	for (unsigned i = 0; i < count; i++) {
		struct grey *g = regions[i];
		struct grey_verdict v = { .clean = true };

		if (all[i].serving) {
			judge_errors(all, count, i, &v);
			judge_latency(all, count, i, P50, &g->bad_p50, &g->slower_p50, &v);
			judge_latency(all, count, i, P95, &g->bad_p95, &g->slower_p95, &v);
			judge_second(all, count, i, &v);
		} else {
			g->bad_errors = g->bad_p50 = g->bad_p95 = 0;
			g->slower_p50 = g->slower_p95 = g->slower_seconds = 0;
		}
		v.common_cause = common;
		if (common) {
			v.grey = v.half = false;
			v.sudden = false;
		}
		verdicts[i] = v;
	}
}
