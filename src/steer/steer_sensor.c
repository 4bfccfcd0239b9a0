/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A region that answers mostly with errors, or has become slow, while its standbys have no traffic:
 * there is nothing to compare it with, and errors that are not retried elsewhere (500, or any after
 * a POST) would be passed on for ever. So the standbys are lent some of the requests, unsafe ones
 * too, for they would be lost, or wait, where they are; enough to be compared by within a second
 * (it is a soft move, so it takes as long again). If they do better the comparison moves the rest
 * (grey_burst(), grey_judge()); if not, the cause is common, and only what would have fared as
 * badly has moved.
 */
#include <math.h>

#include "steer_private.h"

enum {
	KEPT_MS = 5000,  /* after the last such second: a share about the threshold must not flap */
	KNOWN_MS = 5000, /* of comparing: standbys that do better have been found by then */
	AGAIN_MS = 60000, /* they are asked again; errors are asked about all the time */
};

static const double enough_per_s = 15;
static const double lent_most = 0.25;

void
steer_note_errors(struct steer *s)
{
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		struct steered_region *r = &s->regions[i];

		r->errs = grey_errs(&r->grey, &r->tick, &r->window) && !s->in_grace;
	}
}

/* sensor_share 0: nothing is ever sent anywhere only to learn from it. */
static double
loan(const struct steer *s)
{
	double least = s->plan->policy.region.sensor_share;

	if (least <= 0 || s->demand <= 0)
		return 0;
	return fmax(least, fmin(lent_most, enough_per_s / s->demand));
}

/* Standbys that a slow region has been compared with for a while are no better: that is known. */
static void
note_answer(struct steer *s, struct steered_region *r)
{
	if (!r->verdict.slower || r->verdict.lonely || s->lent <= 0)
		r->compared_ms = 0;
	else if (r->compared_ms == 0)
		r->compared_ms = s->now_ms;
	else if (s->now_ms - r->compared_ms >= KNOWN_MS)
		r->known_ms = s->now_ms;
}

/* What stays must be enough to judge the region by. */
static bool
can_spare(const struct steer *s, const struct steered_region *r)
{
	double left = r->share - (s->lent > 0 ? 0 : loan(s));

	return left * s->demand * GREY_SECONDS >= GREY_MIN_TRIES;
}

static bool
asks_for_slowness(const struct steer *s, const struct steered_region *r)
{
	return r->verdict.slower && (r->verdict.lonely || s->lent > 0) && can_spare(s, r) &&
	    (r->known_ms == 0 || s->now_ms - r->known_ms >= AGAIN_MS);
}

/* GREY has been compared already; nobody counts on what is DOWN, in HOLD or EVACUATED. */
static bool
is_in_doubt(const struct steer *s, const struct steered_region *r)
{
	switch (r->region.state) {
	case REGION_UP:
	case REGION_SUSPECT:
	case REGION_RAMP:
		return (r->errs || asks_for_slowness(s, r)) && r->share > 0 && !r->trickle;
	case REGION_GREY:
	case REGION_DOWN:
	case REGION_HOLD:
	case REGION_EVACUATED:
		return false;
	}
	return false;
}

static const struct steered_region *
region_in_doubt(const struct steer *s)
{
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		if (is_in_doubt(s, &s->regions[i]))
			return &s->regions[i];
	}
	return NULL;
}

static bool
has_standby(const struct steer *s)
{
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		const struct steered_region *r = &s->regions[i];

		if (r->region.state == REGION_UP && !r->evacuated && r->plan->weight > 0 &&
		    r->health.up > 0 && (r->share <= 0 || r->trickle))
			return true;
	}
	return false;
}

static void
tell(struct steer *s, enum fact_kind kind, const struct steered_region *r, struct facts *facts)
{
	struct fact f = { .kind = kind,
		.signal = SIGNAL_ERRORS,
		.region = r != NULL ? r->plan->name : NULL,
		.endpoint_id = UINT32_MAX,
		.c = s->lent };

	if (r != NULL && r->errs) {
		f.signal = grey_errs_by(&r->grey, &r->window.last_1s, &f.a, &f.b);
	} else if (r != NULL) {
		f.signal = r->verdict.signal;
		f.a = r->verdict.value;
		f.b = r->verdict.threshold;
	}
	steer_tell(s, facts, f);
}

void
steer_lend(struct steer *s, struct facts *facts)
{
	const struct steered_region *r;

	for (unsigned i = 0; i < s->plan->region_count; i++)
		note_answer(s, &s->regions[i]);
	r = s->frozen ? NULL : region_in_doubt(s);
	if (r != NULL && (s->lent > 0 || has_standby(s))) {
		bool begins = s->lent <= 0;

		s->doubted_ms = s->now_ms;
		if (begins) {
			s->lent = loan(s);
			s->lent_for_errors = r->errs;
		}
		if (begins && s->lent > 0)
			tell(s, FACT_SENSOR_LENT, r, facts);
		return;
	}
	if (s->lent <= 0 || (!s->frozen && s->now_ms - s->doubted_ms < KEPT_MS))
		return;
	s->lent = 0;
	tell(s, FACT_SENSOR_ENDED, NULL, facts);
}
