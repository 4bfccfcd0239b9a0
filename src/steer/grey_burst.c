/* SPDX-License-Identifier: Apache-2.0 */
/* Errors that are so many at once that three windows need not pass. */
#include <math.h>

#include "steer/grey.h"

enum {
	BURST = 20,        /* answers */
	BURST_SLOTS = 2,   /* of a tenth of a second: one may be the death of one server */
	LASTING_SLOTS = 8, /* nor does it take so long to see all that it leaves behind */
	BURST_OTHERS = 10, /* answers of the others, to know that they do better */
};

static const double burst_share = 0.5;
static const double burst_others_share = 0.25; /* of the region's own error share, at most */

static bool
mostly_errs(const struct evidence *last_1s, uint32_t errors)
{
	return last_1s->answered >= BURST && errors > burst_share * last_1s->answered;
}

/*
 * Errors in a row tell sooner than a share, which the second before still dilutes; the share tells
 * of a region that answers now and then.
 *
 * Answers that had begun more than a second before they were cut are left out: one server may have
 * died with hundreds of them, which a busy machine sees end over several tenths of a second. They
 * say nothing of what begins now; where all is cut, something younger is too. Only where nothing is
 * cut sooner do they tell, by going on for longer than the end of one server is seen.
 */
bool
grey_errs(struct grey *g, const struct evidence *delta, const struct evidence_window *w)
{
	const struct evidence *last_1s = &w->last_1s;
	uint32_t fresh = evidence_fresh_errors(delta);
	bool now;

	if (delta->answered > fresh || (last_1s->answered | last_1s->errors) == 0)
		g->errors_in_a_row = 0; /* a good one, or none at all for a second */
	else
		g->errors_in_a_row += fresh;
	now = g->errors_in_a_row >= BURST || mostly_errs(last_1s, evidence_fresh_errors(last_1s));
	return (now && evidence_window_erring(w, true) >= BURST_SLOTS) ||
	    (mostly_errs(last_1s, last_1s->errors) &&
		evidence_window_erring(w, false) >= LASTING_SLOTS);
}

enum fact_signal
grey_errs_by(const struct grey *g, const struct evidence *last_1s, double *value, double *threshold)
{
	if (g->errors_in_a_row >= BURST) {
		*value = g->errors_in_a_row;
		*threshold = BURST;
		return SIGNAL_ERRORS_IN_A_ROW;
	}
	/* malformed answers are errors too, but no answers */
	*value = last_1s->answered > 0 ? fmin(1, (double)last_1s->errors / last_1s->answered) : 1;
	*threshold = burst_share;
	return SIGNAL_ERRORS;
}

/*
 * The others must have answered just now, and well: their answers are the retries of the very
 * requests that failed here, or those of a sensor.
 */
bool
grey_burst(const struct grey *g, const struct evidence *last_1s, const struct evidence *others_1s)
{
	double share = 1, others;

	if (others_1s->answered < BURST_OTHERS)
		return false;
	if (g->errors_in_a_row < BURST)
		share = (double)last_1s->errors / last_1s->answered;
	others = (double)others_1s->errors / others_1s->answered;
	return others <= burst_others_share * share;
}
