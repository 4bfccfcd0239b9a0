/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/check.h"

#include <stdlib.h>

#include "conf/topology.h"

enum {
	DOUBT_ANSWERS = 5, /* fewer say nothing */
	/* failures for so many answers: at most four in nine, half less what chance may add */
	DOUBT_FAILED = 4,
	DOUBT_ANSWERED = 5,
};

static enum endpoint_state
next_state(const struct check_track *t, const struct conf_health_check *c)
{
	switch (t->state) {
	case ENDPOINT_UNKNOWN:
		if (t->streak_passes)
			return ENDPOINT_UP;
		return t->streak >= c->fall ? ENDPOINT_DOWN : ENDPOINT_UNKNOWN;
	case ENDPOINT_UP:
		return !t->streak_passes && t->streak >= c->fall ? ENDPOINT_DOWN : ENDPOINT_UP;
	case ENDPOINT_DOWN:
		return t->streak_passes && t->streak >= c->rise ? ENDPOINT_UP : ENDPOINT_DOWN;
	case ENDPOINT_DRAINING:
		return ENDPOINT_DRAINING;
	}
	abort();
}

static bool
speaks_against(const struct check_track *t)
{
	switch (t->state) {
	case ENDPOINT_UP:
		return t->streak > 0 && !t->streak_passes;
	case ENDPOINT_DOWN:
		return t->streak_passes;
	case ENDPOINT_UNKNOWN:
	case ENDPOINT_DRAINING:
		return false;
	}
	abort();
}

static bool
has_own_detail(enum endpoint_reason reason)
{
	return reason == REASON_CHECK_TIMEOUT || reason == REASON_CHECK_STATUS ||
	    reason == REASON_CHECK_GRPC;
}

/* Somebody answered, and said no: who wants a region left makes its checks say so. */
static bool
is_answer(enum endpoint_reason reason)
{
	return reason != REASON_CHECK_REFUSED && reason != REASON_CHECK_UNREACHABLE &&
	    reason != REASON_CHECK_RESET && reason != REASON_CHECK_TIMEOUT;
}

static void
note_failure(struct check_track *t, enum endpoint_reason reason, uint64_t now_ms)
{
	if (t->streak == 1 && t->state != ENDPOINT_DOWN)
		t->failing_since_ms = now_ms;
	t->told_off = (t->streak > 1 && t->told_off) || is_answer(reason);
}

bool
check_step(struct check_track *t, const struct check_result *result,
    const struct conf_health_check *c, uint64_t now_ms)
{
	enum endpoint_state was = t->state;

	if (t->streak == 0 || t->streak_passes != result->passed)
		t->streak = 0;
	t->streak_passes = result->passed;
	if (t->streak < UINT32_MAX)
		t->streak++;

	if (!result->passed)
		note_failure(t, result->reason, now_ms);
	t->state = next_state(t, c);
	/* What never was up has not fallen by chance. */
	t->certain = t->state == ENDPOINT_DOWN &&
	    (t->certain || was == ENDPOINT_UNKNOWN ||
		(!t->streak_passes && (t->told_off || t->streak >= CHECK_CERTAIN)));
	if (!speaks_against(t)) {
		t->reason = result->passed ? REASON_CHECK_PASSED : result->reason;
		t->detail = has_own_detail(t->reason) ? result->detail : t->streak;
	}
	if (t->state == was)
		return false;
	t->since_ms = now_ms;
	return true;
}

bool
check_in_transition(const struct check_track *t)
{
	return t->state == ENDPOINT_UNKNOWN || speaks_against(t) ||
	    (t->state == ENDPOINT_DOWN && !t->certain);
}

/*
 * Behind one address many servers may be. Where one of five is dead, a check in five fails, so that
 * three in a row do by chance every two minutes, and with the address the region is gone, though
 * four requests in five are answered there at once and the fifth by its next try. A check is one
 * request; what live traffic met in the same time is many.
 *
 * It does not outweigh every check. An answer that says no (a status, another body) was meant: a
 * person who takes a region out by its checks is obeyed. A row that is too long for chance says
 * that what is checked is gone, be it another port. And without another way to go a doubt costs
 * least: while others serve in the region it is not worth one request in five.
 */
bool
check_fall_is_doubted(const struct check_fall *f)
{
	return !f->certain && f->last && f->answers >= DOUBT_ANSWERS &&
	    (uint64_t)f->failures * DOUBT_ANSWERED <= (uint64_t)f->answers * DOUBT_FAILED;
}

uint32_t
check_next_ms(const struct check_track *t, const struct conf_health_check *c, uint32_t random)
{
	uint64_t base = check_in_transition(t) ? c->fast_interval_ms : c->interval_ms;
	uint64_t pct = c->jitter_pct < 100 ? c->jitter_pct : 100;
	uint64_t span = base * pct / 100;
	uint64_t next = base - span + (uint64_t)((unsigned __int128)(2 * span + 1) * random >> 32);

	/* A probe after 0 ms would be a busy loop. */
	if (next == 0)
		return 1;
	return next < UINT32_MAX ? (uint32_t)next : UINT32_MAX;
}

uint32_t
check_first_ms(const struct conf_health_check *c, uint32_t random)
{
	return (uint32_t)((uint64_t)c->interval_ms * random >> 32);
}
