/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is shed, by the shares, which say beforehand what will not fit, and by the workers, who find
 * a region's rate or what may be in flight there used up: that may be a burst within any share. Of
 * low priority they shed for want of memory too, which is told as that and not as too much demand.
 */
#include <math.h>

#include "steer_private.h"

enum {
	QUIET_MS = 700, /* without anybody shed: it is over, and told within the second */
	/*
	 * It began again after it was told to be over: next time that takes twice as long, up to
	 * this, and only when all was well for some minutes it is as at first. So bursts that come
	 * every ten seconds, or every minute, are soon one.
	 */
	QUIET_MAX_MS = 120000,
	RELAPSE_MS = 300000,
};

static const double told_at_all = 0.001;

static double
shed_in(const struct steered_region *r)
{
	return r->shed_by_rate + r->shed_in_flight;
}

/* Where most were turned away; region_count: nowhere in particular. */
static unsigned
fullest(const struct steer *s)
{
	unsigned most = s->plan->region_count;

	for (unsigned i = 0; i < s->plan->region_count; i++) {
		if (shed_in(&s->regions[i]) > 0 &&
		    (most == s->plan->region_count ||
			shed_in(&s->regions[i]) > shed_in(&s->regions[most])))
			most = i;
	}
	return most;
}

static void
tell(struct steer *s, enum fact_kind kind, enum fact_signal why, double capacity, double shed,
    struct facts *facts)
{
	steer_tell(s, facts,
	    (struct fact){ .kind = kind,
		.signal = why,
		.region = s->shed_region < s->plan->region_count
		    ? s->plan->regions[s->shed_region].name
		    : NULL,
		.endpoint_id = UINT32_MAX,
		.a = s->demand,
		.b = capacity,
		.c = shed });
}

static void
tell_began(struct steer *s, bool planned, bool for_memory, struct facts *facts)
{
	const struct steered_region *r;

	s->shedding = true;
	s->shed_since_ms = s->now_ms;
	s->shed_region = planned ? s->plan->region_count : fullest(s);
	s->shed_quiet_ms = s->shed_end_ms != 0 && s->now_ms - s->shed_end_ms < RELAPSE_MS
	    ? (uint32_t)fmin(2.0 * s->shed_quiet_ms, QUIET_MAX_MS)
	    : QUIET_MS;
	s->shed_for_memory = for_memory && !planned && s->shed_region == s->plan->region_count;
	if (s->shed_for_memory) {
		tell(s, FACT_SHED_BEGAN, SIGNAL_MEMORY, NAN,
		    fmin(1, s->shed_rate / fmax(s->demand, 1)), facts);
		return;
	}
	if (s->shed_region == s->plan->region_count) {
		double shed = planned ? s->shed : fmin(1, s->shed_rate / fmax(s->demand, 1));

		tell(s, FACT_SHED_BEGAN, SIGNAL_CAPACITY, s->demand * (1 - shed), shed, facts);
		return;
	}
	r = &s->regions[s->shed_region];
	tell(s, FACT_SHED_BEGAN,
	    r->shed_in_flight > r->shed_by_rate ? SIGNAL_IN_FLIGHT : SIGNAL_CAPACITY, r->limit,
	    fmin(1, s->shed_rate / fmax(s->demand, 1)), facts);
}

static void
tell_ended(struct steer *s, struct facts *facts)
{
	s->shedding = false;
	s->shed_since_ms = 0;
	s->shed_end_ms = s->now_ms;
	if (s->shed_for_memory) {
		tell(s, FACT_SHED_ENDED, SIGNAL_MEMORY, NAN, 0, facts);
		return;
	}
	tell(s, FACT_SHED_ENDED, SIGNAL_CAPACITY,
	    s->shed_region < s->plan->region_count ? s->regions[s->shed_region].limit
						   : s->demand * (1 - s->shed),
	    0, facts);
}

static void
see(struct steer *s, const struct steer_seen *seen)
{
	s->shed_rate = seen->shed_rate;
	s->refused_rate = seen->refused_rate;
	if (seen->shed > 0)
		s->shed_at_ms = s->now_ms;
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		s->regions[i].shed_by_rate = seen->regions[i].shed_by_rate;
		s->regions[i].shed_in_flight = seen->regions[i].shed_in_flight;
	}
}

void
steer_tell_shed(struct steer *s, const struct steer_seen *seen, struct facts *facts)
{
	bool serves = s->mode != SHARE_FAIL_CLOSED && s->mode != SHARE_NOTHING;
	bool planned = serves && s->shed > 0;

	see(s, seen);
	if (!s->shedding && ((planned && s->shed >= told_at_all) || seen->shed > 0))
		tell_began(s, planned && s->shed >= told_at_all, seen->shed_for_memory > 0, facts);
	else if (s->shedding && !planned &&
	    (s->shed_at_ms == 0 || s->now_ms - s->shed_at_ms >= s->shed_quiet_ms))
		tell_ended(s, facts);
}
