/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/stall.h"

#include <string.h>

enum {
	WINDOW_MIN_MS = 200,
	WINDOW_MAX_MS = 1000,
	EXPECTED_MIN = 20, /* completions in a window, for their absence to mean anything */
	GROWTH_MIN = 3,    /* tries in flight */
	EARLY_MS = 20, /* a window may end so much sooner, or the tick's jitter would cost a tick */
};

static const double stalled_share = 0.05;
static const double arrivals_share = 0.5;
static const double usual_share = 0.8;

static double
completions_per_s(const struct evidence_window *w)
{
	return (w->last_10s.answered + evidence_local(&w->last_10s)) * 1000.0 /
	    (EVIDENCE_SLOTS * EVIDENCE_SLOT_MS);
}

static bool
is_enough(double per_s)
{
	return per_s * WINDOW_MAX_MS >= EXPECTED_MIN * 1000.0;
}

/*
 * How long a silence was that has ended; by when it began, so that it is forgotten with the traffic
 * before it. One that outlasts what is remembered was no traffic.
 */
static void
remember(struct stall *s, uint64_t silence_ms)
{
	uint64_t second = s->spoke_ms / 1000;
	struct stall_second *is = &s->silences[second % STALL_SECONDS];

	if (silence_ms >= STALL_SECONDS * 1000)
		return;
	if (is->second != second)
		*is = (struct stall_second){ .second = second };
	if (silence_ms > is->longest_ms)
		is->longest_ms = (uint32_t)silence_ms;
}

static uint32_t
longest_silence(const struct stall *s, uint64_t now_ms)
{
	uint32_t longest_ms = 0;

	for (unsigned i = 0; i < STALL_SECONDS; i++) {
		const struct stall_second *is = &s->silences[i];

		if (is->second + STALL_SECONDS > now_ms / 1000 && is->longest_ms > longest_ms)
			longest_ms = is->longest_ms;
	}
	return longest_ms;
}

/*
 * By the time that passed between two ticks, not by slots of a clock: ticks come a little early or
 * late, and a slot that none fell into would look like a silence.
 */
static void
listen(struct stall *s, double per_s, uint32_t completions, uint64_t now_ms)
{
	double before_per_s = per_s - completions * 1000.0 / (EVIDENCE_SLOTS * EVIDENCE_SLOT_MS);

	s->since_spoke += completions;
	if (completions > stalled_share * per_s * (double)(now_ms - s->told_ms) / 1000.0) {
		/* What lies between the few requests of a trickle is no silence. */
		if (s->told_ms > s->spoke_ms && is_enough(before_per_s))
			remember(s, s->told_ms - s->spoke_ms);
		s->spoke_ms = now_ms;
		s->since_spoke = 0;
	}
	s->told_ms = now_ms;
}

static bool
window_open(struct stall *s, double per_s, uint32_t in_flight, uint64_t now_ms)
{
	double ms = EXPECTED_MIN * 1000.0 / per_s;

	if (!is_enough(per_s))
		return false;
	s->window_start_ms = now_ms;
	s->window_ms = ms > WINDOW_MIN_MS ? (uint32_t)ms : WINDOW_MIN_MS;
	s->completions = 0;
	s->per_s = per_s;
	/* What was silent is a part of this window, unless it has counted as one already. */
	if (s->stalled == 0 && s->spoke_ms + s->window_ms > now_ms) {
		s->window_start_ms = s->spoke_ms;
		s->completions = s->since_spoke;
	}
	if (!s->usual_known || s->usual_in_flight > in_flight) {
		s->usual_known = true;
		s->usual_in_flight = in_flight;
	}
	return true;
}

/*
 * Is this silence longer than twice any of the last 10 s? Requests that come in batches are
 * answered in batches, and the pause in between is no news.
 */
static bool
is_unusual(const struct stall *s, uint64_t now_ms)
{
	return now_ms - s->spoke_ms >= 2 * longest_silence(s, now_ms);
}

/*
 * Nearly nothing came though tries had just begun as usual, and they pile up: there are more of
 * them than when answers last came as expected. Not than at the start of this window: a cap on
 * tries in flight is full by then if it was one endpoint after the other that fell silent, and lets
 * no more begin. Without the arrivals, a region that traffic has just left, with one long request
 * remaining, would look the same; once it is known to be stalled they prove nothing more.
 */
static bool
is_stalled(const struct stall *s, const struct evidence_window *w, double expected,
    uint32_t in_flight, uint64_t now_ms)
{
	if (s->completions > stalled_share * expected ||
	    in_flight < s->usual_in_flight + GROWTH_MIN)
		return false;
	if (s->stalled > 0)
		return true;
	return w->last_1s.tries >= arrivals_share * s->per_s * s->window_ms / 1000.0 &&
	    is_unusual(s, now_ms);
}

static void
window_close(struct stall *s, const struct evidence_window *w, uint32_t in_flight, uint64_t now_ms)
{
	double expected = s->per_s * (double)(now_ms - s->window_start_ms) / 1000.0;

	s->stalled = is_stalled(s, w, expected, in_flight, now_ms) ? s->stalled + 1 : 0;
	s->window_start_ms = 0;
	if (s->completions >= usual_share * expected)
		s->usual_in_flight = in_flight;
}

void
stall_let_pass(struct stall *s)
{
	struct stall fresh = { 0 };

	memcpy(fresh.silences, s->silences, sizeof fresh.silences);
	*s = fresh;
}

/* Windows follow each other without a gap; while stalled, what was expected before still is. */
unsigned
stall_step(struct stall *s, const struct evidence_window *w, uint32_t completions,
    uint32_t in_flight, uint64_t now_ms)
{
	double per_s = completions_per_s(w);

	listen(s, s->stalled > 0 ? s->per_s : per_s, completions, now_ms);
	if (s->window_start_ms != 0) {
		s->completions += completions;
		if (now_ms + EARLY_MS < s->window_start_ms + s->window_ms)
			return s->stalled;
		window_close(s, w, in_flight, now_ms);
	}
	if (!window_open(s, s->stalled > 0 ? s->per_s : per_s, in_flight, now_ms))
		s->stalled = 0;
	return s->stalled;
}
