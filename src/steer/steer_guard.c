/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do not act on a stale view (Redis Sentinel's TILT). Two ways in which it can be ours that is
 * wrong: our own clock (a tick late or a jump), and checks that fall by the dozen while the very
 * endpoints they condemn keep answering live traffic.
 */
#include "steer_private.h"

enum {
	LATE_MS = 500,     /* beyond the tick's own 100 */
	ON_TIME_MS = 1000, /* of ticks on time end a hold */
	ROUND_MS = 1000,   /* of checks */
	DOUBT_MS = 3000,   /* three rounds of checks that say the same are believed */
	DOUBT_TRIES = 20,  /* live tries in 1 s, for them to speak against the checks */
};

static const double live_success = 0.9;
static const double live_answers = 0.5;

/* What the endpoints that have just fallen, or are doubted, met in live traffic. */
struct fallen {
	unsigned count;
	unsigned known;
	uint32_t tries;
	uint32_t answers; /* good ones */
	uint32_t failures;
};

static void
suspect_self(
    struct steer *s, enum fact_signal why, double value, double threshold, struct facts *facts)
{
	if (s->suspect_since_ms != 0)
		return;
	s->suspect_since_ms = s->now_ms > 0 ? s->now_ms : 1;
	steer_tell(s, facts,
	    (struct fact){ .kind = FACT_SELF_SUSPECT,
		.signal = why,
		.endpoint_id = UINT32_MAX,
		.a = value,
		.b = threshold });
}

static void
trust_self(struct steer *s, struct facts *facts)
{
	if (s->suspect_since_ms == 0 || s->doubting || s->held_until_ms != 0)
		return;
	steer_tell(s, facts,
	    (struct fact){ .kind = FACT_SELF_TRUSTED,
		.signal = SIGNAL_TIME,
		.endpoint_id = UINT32_MAX,
		.a = (double)(s->now_ms - s->suspect_since_ms) });
	s->suspect_since_ms = 0;
}

/* Moves its own clock on. Backwards it never goes: the jump is taken into skew_ms. */
static void
guard_clock(struct steer *s, uint64_t now_ms, struct facts *facts)
{
	int64_t t = (int64_t)now_ms + s->skew_ms;
	int64_t gap = t - (int64_t)s->now_ms;
	bool first = s->now_ms == 0;

	if (gap < 0 && !first)
		s->skew_ms -= gap;
	else
		s->now_ms = (uint64_t)t;
	if (!first && (gap < 0 || gap > TICK_MS + LATE_MS)) {
		suspect_self(s, SIGNAL_CLOCK, (double)gap, LATE_MS, facts);
		s->held_until_ms = s->now_ms + ON_TIME_MS;
	}
	if (s->held_until_ms != 0 && s->now_ms >= s->held_until_ms)
		s->held_until_ms = 0;
}

static bool
has_just_fallen(const struct steer *s, const struct steered_endpoint *e)
{
	return e->checked == ENDPOINT_DOWN && e->fell_at_ms != 0 &&
	    s->now_ms - e->fell_at_ms <= ROUND_MS;
}

static struct fallen
count_fallen(struct steer *s)
{
	struct fallen f = { 0 };

	for (unsigned i = 0; i < s->plan->region_count; i++) {
		struct steered_region *r = &s->regions[i];

		for (unsigned j = 0; j < r->plan->endpoint_count; j++) {
			struct steered_endpoint *e = &r->endpoints[j];
			const struct evidence *lately = &e->outlier.window.last_1s;

			f.known += e->checked == ENDPOINT_UP || e->checked == ENDPOINT_DOWN;
			if (!e->doubted && !has_just_fallen(s, e))
				continue;
			evidence_window_pass(&e->outlier.window, s->now_ms);
			f.count++;
			f.tries += lately->tries;
			f.failures += evidence_local(lately) + lately->errors;
			f.answers += lately->answered > lately->errors
			    ? lately->answered - lately->errors
			    : 0;
		}
	}
	return f;
}

/*
 * It must have answered, not only not failed yet: what hangs fails when its deadlines come, seconds
 * after the checks have seen it. In a second as many answers end as tries begin, so half of that
 * leaves room for a second in which demand doubles.
 */
static bool
live_traffic_disagrees(const struct fallen *f)
{
	return f->count * 2 > f->known && f->tries >= DOUBT_TRIES &&
	    f->answers >= live_answers * f->tries &&
	    f->failures <= (1 - live_success) * f->tries;
}

static void
doubt(struct steer *s, bool doubted)
{
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		struct steered_region *r = &s->regions[i];

		for (unsigned j = 0; j < r->plan->endpoint_count; j++) {
			struct steered_endpoint *e = &r->endpoints[j];
			bool was = e->doubted;

			e->doubted = doubted && (was || has_just_fallen(s, e));
			r->stale = r->stale || e->doubted != was;
		}
	}
	s->doubting = doubted;
}

/* While in doubt the falls have not happened; everything else goes on, people's wishes too. */
static void
guard_checks(struct steer *s, struct facts *facts)
{
	bool recent = s->last_fall_ms != 0 && s->now_ms - s->last_fall_ms <= ROUND_MS;
	bool over = s->doubting && s->now_ms - s->doubt_since_ms >= DOUBT_MS;
	struct fallen f;

	if (over) {
		doubt(s, false);
		s->last_fall_ms = 0;
		return;
	}
	if (!recent && !s->doubting)
		return;
	f = count_fallen(s);
	if (!live_traffic_disagrees(&f)) {
		if (s->doubting)
			doubt(s, false);
		return;
	}
	if (!s->doubting)
		s->doubt_since_ms = s->now_ms;
	suspect_self(s, SIGNAL_MASS_CHANGE, f.count, f.known / 2.0, facts);
	doubt(s, true);
}

bool
steer_guard(struct steer *s, uint64_t now_ms, struct facts *facts)
{
	guard_clock(s, now_ms, facts);
	if (s->held_until_ms == 0)
		guard_checks(s, facts);
	trust_self(s, facts);
	return s->held_until_ms != 0;
}
