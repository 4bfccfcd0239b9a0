/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/explain.h"

#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "steer/wish.h"
#include "steer_private.h"

static bool
has_capacity(const struct steer *s)
{
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		if (s->plan->regions[i].capacity > 0)
			return true;
	}
	return false;
}

static void
say_mode(struct text *t, const struct steer *s)
{
	switch (s->mode) {
	case SHARE_NORMAL:
		say(t, "%s goes by health and weight%s.", s->plan->service,
		    has_capacity(s) ? ", up to capacity" : "");
		return;
	case SHARE_UNPROVEN:
		say(t,
		    "%s: no endpoint has passed a check yet; traffic goes where the first tier may "
		    "be up.",
		    s->plan->service);
		return;
	case SHARE_FAIL_OPEN:
		say(t,
		    "%s FAILS OPEN: no region is eligible, so the checks are doubted and traffic "
		    "goes by weight to all that is not evacuated.",
		    s->plan->service);
		return;
	case SHARE_FAIL_CLOSED:
		say(t, "%s IS REFUSED: no region is eligible and all_down is \"fail_closed\".",
		    s->plan->service);
		return;
	case SHARE_NOTHING:
		say(t, "%s IS REFUSED: there is no endpoint to send to, or all is evacuated.",
		    s->plan->service);
		return;
	}
	abort();
}

/* Shedding is left slowly; when nobody asks for anything any more, that is no news. */
static void
say_shed(struct text *t, const struct steer *s)
{
	if (s->shed <= 0 || s->demand < 0.5 || s->mode == SHARE_FAIL_CLOSED ||
	    s->mode == SHARE_NOTHING)
		return;
	say(t, " SHEDDING ");
	say_part(t, s->shed);
	say(t, " of %.0f requests/s: the regions that serve can take no more than %.0f.", s->demand,
	    s->demand * (1 - s->shed));
}

/* What each region that somebody asked in vain has met. */
static void
say_met(struct text *t, const struct steer *s)
{
	const char *between = "; ";

	for (unsigned i = 0; i < s->plan->region_count; i++) {
		const struct steered_region *r = &s->regions[i];
		const char *name = s->plan->regions[i].name;

		if (r->shed_by_rate > 0) {
			say(t, "%s%s meets its capacity of %.4g/s (%.3g/s)", between, name,
			    r->limit, r->shed_by_rate);
			between = ", ";
		}
		if (r->shed_in_flight > 0) {
			say(t, "%s%s its limit of %.0f tries in flight (%.3g/s)", between, name,
			    r->limit_in_flight, r->shed_in_flight);
			between = ", ";
		}
	}
}

static void
say_refused(struct text *t, const struct steer *s, uint64_t now_ms)
{
	if (s->shed_rate > 0) {
		say(t, " SHED in the last second: %.3g of %.4g requests", s->shed_rate, s->demand);
		if (s->shedding) {
			say(t, ", which began ");
			say_time(t, now_ms - s->shed_since_ms);
			say(t, " ago");
		}
		if (s->shedding && s->shed_for_memory)
			say(t, "; memory is short, and they were of low priority");
		say_met(t, s);
		say(t, ".");
	}
	if (s->refused_rate > 0)
		say(t,
		    " REFUSED in the last second: %.3g of %.4g requests, because no region is up.",
		    s->refused_rate, s->demand);
}

static void
say_sensor(struct text *t, const struct steer *s)
{
	if (s->lent <= 0)
		return;
	say(t, s->lent_for_errors ? " Most answers are errors: " : " Answers have become slow: ");
	say_part(t, s->lent);
	say(t, " of the requests ask the standbys whether they do better.");
}

static void
say_holds(struct text *t, const struct steer *s, const struct wishes *wishes, uint64_t now_ms)
{
	if (s->frozen) {
		say(t, " Frozen");
		say_wish(t, wishes != NULL ? wishes_freeze(wishes, s->plan->service) : NULL);
		say(t, ": only hard failures move traffic.");
	}
	if (s->suspect_since_ms == 0)
		return;
	say(t, " Our own view is doubted for ");
	say_time(t, now_ms - s->suspect_since_ms);
	if (s->doubting)
		say(t,
		    ": checks failed by the dozen while live traffic succeeds; their verdicts "
		    "wait.");
	else
		say(t, ": our clock was late or jumped; everything is held.");
}

/* What the loss of each region would mean, of those whose loss would be felt: as the journal has
 * it. */
static void
say_losses(struct text *t, const struct steer *s)
{
	bool any = false;

	if (s->mode != SHARE_NORMAL)
		return;
	for (unsigned i = 0; i < s->plan->region_count; i++) {
		struct steer_loss loss = steer_loss(s, i);

		if (loss.missed <= 0)
			continue;
		say(t, "%s %s", any ? ", losing" : " Losing", s->plan->regions[i].name);
		if (loss.missed >= 1) {
			say(t, " would leave no healthy region");
		} else {
			say(t, " would shed ");
			say_part(t, loss.missed);
		}
		if (!loss.told)
			say(t, " (as of now)");
		any = true;
	}
	say(t, any ? "." : " Any one region can be lost.");
}

size_t
explain_service(
    const struct steer *s, const struct wishes *wishes, uint64_t now_ms, char *buf, size_t size)
{
	struct text t = say_open(buf, size);

	say_mode(&t, s);
	say_shed(&t, s);
	say_refused(&t, s, steer_time(s, now_ms));
	say_sensor(&t, s);
	say_holds(&t, s, wishes, steer_time(s, now_ms));
	say_losses(&t, s);
	return strnlen(buf, size);
}
