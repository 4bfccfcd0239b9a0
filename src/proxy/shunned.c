// SPDX-License-Identifier: Apache-2.0
#include "proxy/shunned.h"

#include "base/clock.h"
#include "steer/endpoint.h"
#include "steer/evidence.h"

enum {
	SHUN_MS = 100, /* by then control has read what is counted, and decided */
};

static uint64_t
load(const atomic_ullong *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

/*
 * What speaks for the endpoint since the last loss is told by its number, so that it costs answers
 * nothing. A connection that was made is no excuse for one that was lost with its request.
 */
static bool
goes_on(const struct endpoint_shard *s, enum fault why)
{
	return load(&s->answered) == s->lost_answered &&
	    (why != FAULT_CONNECT_REFUSED || load(&s->connects) == s->lost_connects);
}

static uint32_t
count_lost(struct endpoint_shard *s, enum fault why)
{
	s->lost_in_a_row = goes_on(s, why) ? s->lost_in_a_row + 1 : 1;
	s->lost_answered = load(&s->answered);
	s->lost_connects = load(&s->connects);
	return s->lost_in_a_row;
}

/* Not deadlines, which tell late, nor what somebody says who is there. */
static bool
tells_of_nobody(enum fault why)
{
	return why == FAULT_CLOSED || why == FAULT_RESET || why == FAULT_CONNECT_RESET ||
	    why == FAULT_CONNECT_UNREACHABLE || why == FAULT_TLS_FAILED;
}

static bool
is_loss(struct endpoint_shard *s, enum fault why, uint64_t now_ms)
{
	if (why == FAULT_CONNECT_REFUSED)
		return true;
	if (!tells_of_nobody(why) || now_ms < s->lost_ms + EVIDENCE_MOMENT_MS)
		return false;
	s->lost_ms = now_ms;
	return true;
}

bool
shunned_note(struct worker *w, struct endpoint_shard *s, enum fault why)
{
	uint64_t now_ms = clock_now_ms();

	if (!is_loss(s, why, now_ms) || count_lost(s, why) < EVIDENCE_ROW)
		return false;
	if (now_ms < s->shunned_until_ms)
		return false;
	s->shunned_until_ms = w->shunned_until_ms = now_ms + SHUN_MS;
	return true;
}

bool
shunned_last(struct worker *w)
{
	if (clock_now_ms() < w->shunned_until_ms)
		return true;
	w->shunned_until_ms = 0;
	return false;
}

bool
shunned_is(const struct worker *w, const struct endpoint *e)
{
	const struct endpoint_shard *s =
	    atomic_load_explicit(&e->shards[w->setup.index], memory_order_relaxed);

	return s != NULL && clock_now_ms() < s->shunned_until_ms;
}
