/* SPDX-License-Identifier: Apache-2.0 */
/* What people are told of shares: each move once, ramps once a second, losses before they happen.
 */
#include <math.h>
#include <stdlib.h>

#include "steer_private.h"

enum {
	TELL_EVERY_MS = 1000,
	LOG_EVERY_MS = 10000,
	MISSED_SECONDS = 3,    /* not redundant for so long: said */
	ABSORBED_SECONDS = 10, /* and unsaid */
	SETTLE_MS = 5000,      /* after a start, for checks to come back */
};

static const double soft_ticks =
    2.5; /* more than so many soft steps in one tick is a jump: told at once */
static const double told_at_all = 0.0005;
static const double log_mark = 0.25; /* of a slow move */
static const double shed_told = 0.001;
static const double served = 0.01; /* with less share than this, its loss is none */

static void
tell(struct steer *s, enum fact_kind kind, enum fact_signal why, const struct steered_region *r,
    double a, double b, double c, struct facts *facts)
{
	steer_tell(s, facts,
	    (struct fact){ .kind = kind,
		.signal = why,
		.region = r != NULL ? r->plan->name : NULL,
		.endpoint_id = UINT32_MAX,
		.a = a,
		.b = b,
		.c = c });
}

/* Why shares are what they are: a state that is not UP, else the room there is. */
static enum fact_signal
cause(const struct steer *s, const struct steered_region *r)
{
	bool limited = false;

	if (r->region.state != REGION_UP && r->region.signal != SIGNAL_NONE)
		return r->region.signal;
	if (!isnan(r->pinned))
		return SIGNAL_PERSON;
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		const struct steered_region *other = &s->regions[i];

		limited = limited || other->plan->capacity > 0;
		if (other->region.state != REGION_UP && other->region.state != REGION_SUSPECT)
			return other->region.signal;
	}
	return limited ? SIGNAL_CAPACITY : SIGNAL_HEALTH;
}

/* Who gains most; "" if nobody does. */
static const char *
gainer(const struct steer *s, const double *before)
{
	const char *name = "";
	double most = told_at_all;

	for (unsigned i = 0; i < s->plan->region_count; i++) {
		double gain = s->regions[i].share - before[i];

		if (gain <= most)
			continue;
		most = gain;
		name = s->plan->regions[i].name;
	}
	return name;
}

/* Who ignores health has left no region but those that are evacuated; who refuses has no other. */
static bool
is_left(const struct steer *s, enum region_state state)
{
	switch (s->mode) {
	case SHARE_NORMAL:
	case SHARE_UNPROVEN:
		return state == REGION_DOWN || state == REGION_GREY || state == REGION_EVACUATED;
	case SHARE_FAIL_OPEN:
		return state == REGION_EVACUATED;
	case SHARE_FAIL_CLOSED:
	case SHARE_NOTHING:
		return false;
	}
	abort();
}

/* A region that has just been found to be down or grey, or was evacuated, and had traffic. */
static void
tell_failovers(struct steer *s, const double *before, struct facts *facts)
{
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		const struct steered_region *r = &s->regions[i];

		if (!is_left(s, r->region.state) || r->region.since_ms != s->now_ms ||
		    before[i] < served || r->share >= before[i])
			continue;
		steer_tell(s, facts,
		    (struct fact){ .kind = FACT_FAILED_OVER,
			.signal = r->region.signal,
			.region = r->plan->name,
			.endpoint_id = UINT32_MAX,
			.a = before[i] - r->share,
			.into = gainer(s, before) });
	}
}

static bool
is_first(const struct steer *s, const double *before)
{
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		if (before[i] > 0 || s->regions[i].told_at_ms != 0)
			return false;
	}
	return true;
}

/* The shares that a service begins with have not moved from anywhere. */
static void
take_first(struct steer *s)
{
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		s->regions[i].told_share = s->regions[i].share;
		s->regions[i].told_at_ms = s->now_ms;
		s->regions[i].logged_share = s->regions[i].share;
	}
}

/* Nothing is on its way: no ramp or retreat by steps, and all shares are where they shall be. */
static bool
is_at_rest(const struct steer *s)
{
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		const struct steered_region *r = &s->regions[i];

		if (r->region.state == REGION_RAMP || fabs(r->share - r->target) >= told_at_all)
			return false;
	}
	return true;
}

/*
 * The journal has each second of a ramp; in a log they would bury what else there is. It takes
 * jumps, of a slow move its marks and where it ends, and of the small moves that demand makes one
 * in ten seconds. Returns the share it told last, or NaN: not this one.
 */
static double
log_from(const struct steer *s, struct steered_region *r, bool large)
{
	bool rests = is_at_rest(s);
	bool often = r->logged_at_rest_ms != 0 && s->now_ms - r->logged_at_rest_ms < LOG_EVERY_MS;
	double from = r->logged_share;

	/* it may be back where it was, by steps that were no lines */
	if (fabs(r->share - from) < told_at_all)
		return NAN;
	if (!large && fabs(r->share - from) < log_mark && (!rests || often))
		return NAN;
	r->logged_share = r->share;
	if (rests)
		r->logged_at_rest_ms = s->now_ms;
	return from;
}

static void
tell_moves(struct steer *s, const double *before, struct facts *facts)
{
	double at_once = soft_ticks * s->plan->policy.move_per_s * TICK_MS / 1000;

	for (unsigned i = 0; i < s->plan->region_count; i++) {
		struct steered_region *r = &s->regions[i];
		bool large = fabs(r->share - before[i]) > at_once;

		if (fabs(r->share - r->told_share) < told_at_all)
			continue;
		if (!large && s->now_ms - r->told_at_ms < TELL_EVERY_MS)
			continue;
		steer_tell(s, facts,
		    (struct fact){ .kind = FACT_SHARES_MOVED,
			.signal = cause(s, r),
			.region = r->plan->name,
			.endpoint_id = UINT32_MAX,
			.a = r->told_share,
			.b = r->share,
			.c = log_from(s, r, large) });
		r->told_share = r->share;
		r->told_at_ms = s->now_ms;
	}
}

static void
tell_mode(struct steer *s, enum share_mode was, struct facts *facts)
{
	double up = 0;
	double total = 0;

	if (s->mode == was)
		return;
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		up += s->regions[i].health.up;
		total += s->regions[i].health.total;
	}
	switch (s->mode) {
	case SHARE_FAIL_OPEN:
		tell(s, FACT_FAIL_OPEN, SIGNAL_HEALTH, NULL, up, total, 0, facts);
		return;
	case SHARE_FAIL_CLOSED:
	case SHARE_NOTHING:
		tell(s, FACT_FAIL_CLOSED, SIGNAL_HEALTH, NULL, up, total, 0, facts);
		return;
	case SHARE_NORMAL:
	case SHARE_UNPROVEN:
		if (was != SHARE_NORMAL && was != SHARE_UNPROVEN)
			tell(s, FACT_FAIL_OPEN_ENDED, SIGNAL_HEALTH, NULL, up, total, 0, facts);
		return;
	}
	abort();
}

static void
tell_panic(struct steer *s, struct facts *facts)
{
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		struct steered_region *r = &s->regions[i];
		double known = r->health.total - r->health.unknown;
		bool now = r->blind > 0 && s->mode == SHARE_NORMAL;

		if (now && !r->told_panic)
			tell(s, FACT_REGION_PANIC, SIGNAL_HEALTH, r,
			    known > 0 ? r->health.up / known : 0,
			    s->plan->policy.share.panic_threshold, 0, facts);
		r->told_panic = now;
	}
}

void
steer_tell_shares(struct steer *s, const double *before, enum share_mode was, struct facts *facts)
{
	tell_mode(s, was, facts);
	tell_panic(s, facts);
	tell_failovers(s, before, facts);
	if (is_first(s, before))
		take_first(s);
	else
		tell_moves(s, before, facts);
}

/* The part of demand that the loss of this region would leave without a place. */
static double
missed_without(const struct steer *s, unsigned region, const double *without)
{
	const double *parts = without != NULL ? without + region * s->plan->region_count : NULL;
	struct share_plan plan;

	if (s->regions[region].target < served)
		return 0;
	steer_what_if(s, (int)region, s->demand, false, parts, &plan);
	return plan.mode == SHARE_NORMAL ? plan.shed : 1;
}

static void
rate_redundancy(struct steer *s, struct steered_region *r, double missed, struct facts *facts)
{
	if (missed > shed_told) {
		r->missed_seconds++;
		r->absorbed_seconds = 0;
		r->missed = missed;
	} else {
		r->absorbed_seconds++;
		r->missed_seconds = 0;
	}
	if (!r->not_redundant && r->missed_seconds >= MISSED_SECONDS) {
		r->not_redundant = true;
		tell(s, FACT_NOT_REDUNDANT, SIGNAL_CAPACITY, r, missed, s->demand, 0, facts);
	} else if (r->not_redundant && r->absorbed_seconds >= ABSORBED_SECONDS) {
		r->not_redundant = false;
	}
}

/* N - 1, once a second. */
void
steer_tell_redundancy(struct steer *s, const double *without, struct facts *facts)
{
	bool was = false;
	bool is = false;

	for (unsigned i = 0; i < s->plan->region_count; i++)
		s->regions[i].missed_now = missed_without(s, i, without);
	if (s->now_ms - s->start_ms < SETTLE_MS || s->mode != SHARE_NORMAL)
		return;
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		struct steered_region *r = &s->regions[i];

		was = was || r->not_redundant;
		rate_redundancy(s, r, r->missed_now, facts);
		is = is || r->not_redundant;
	}
	if (was && !is)
		tell(s, FACT_REDUNDANT, SIGNAL_CAPACITY, NULL, s->demand, 0, 0, facts);
}

struct steer_loss
steer_loss(const struct steer *s, unsigned region)
{
	const struct steered_region *r = &s->regions[region];
	double missed = r->missed_now;

	if (r->target < served) /* it is lost already, or serves nobody */
		return (struct steer_loss){ 0, false };
	if (missed <= shed_told) /* until it is told that it is absorbed again */
		missed = r->not_redundant ? r->missed : 0;
	return (struct steer_loss){ missed, r->not_redundant };
}
