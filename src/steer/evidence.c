/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/evidence.h"

#include <string.h>

enum {
	SLOTS_1S = 1000 / EVIDENCE_SLOT_MS,
	TENTHS_1S = 10,
	TENTHS_10S = 100,
};

static void
evidence_subtract(struct evidence *from, const struct evidence *less)
{
	struct evidence rest = *from;
	const struct evidence gone = *less;

	rest.tries -= gone.tries;
	rest.answered -= gone.answered;
	rest.not_sent -= gone.not_sent;
	rest.broken -= gone.broken;
	rest.timeouts -= gone.timeouts;
	rest.aged -= gone.aged;
	rest.errors -= gone.errors;
	rest.cut -= gone.cut;
	*from = rest;
}

static bool
is_empty(const struct evidence *e)
{
	return (e->tries | e->answered | e->not_sent | e->broken | e->timeouts | e->aged |
		   e->errors) == 0;
}

/* Where the slot is that was the newest so many slots ago. */
static unsigned
slot_before(const struct evidence_window *w, unsigned age)
{
	return w->newest >= age ? w->newest - age : w->newest + EVIDENCE_SLOTS - age;
}

static void
begin_slot(struct evidence_window *w)
{
	w->newest = w->newest + 1 < EVIDENCE_SLOTS ? w->newest + 1 : 0;
	evidence_subtract(&w->last_1s, &w->slot[slot_before(w, SLOTS_1S)]);
	evidence_subtract(&w->last_10s, &w->slot[w->newest]);
	w->slot[w->newest] = (struct evidence){ 0 };
}

/*
 * Clocks of several threads meet here, so a time may lie a little behind the newest slot: what
 * happened then is counted as new rather than dropped. Most endpoints are idle most of the time,
 * and then no slot is touched; one that is busy has one to begin at each tick.
 */
void
evidence_window_pass(struct evidence_window *w, uint64_t now_ms)
{
	uint64_t slot_no = now_ms / EVIDENCE_SLOT_MS;
	uint64_t passed = slot_no - w->slot_no;

	if (slot_no <= w->slot_no)
		return;
	if (passed > 1 && is_empty(&w->last_10s)) {
		w->slot_no = slot_no;
		return;
	}
	if (passed >= EVIDENCE_SLOTS) {
		memset(w, 0, sizeof *w);
		w->slot_no = slot_no;
		return;
	}
	for (; passed > 0; passed--)
		begin_slot(w);
	w->slot_no = slot_no;
}

void
evidence_window_add(struct evidence_window *w, const struct evidence *delta, uint64_t now_ms)
{
	evidence_window_pass(w, now_ms);
	evidence_add(&w->slot[w->newest], delta);
	evidence_add(&w->last_1s, delta);
	evidence_add(&w->last_10s, delta);
}

unsigned
evidence_window_erring(const struct evidence_window *w, bool fresh)
{
	unsigned n = 0;

	for (unsigned age = 0; age < SLOTS_1S; age++) {
		const struct evidence *e = &w->slot[slot_before(w, age)];

		n += (fresh ? evidence_fresh_errors(e) : e->errors) > 0;
	}
	return n;
}

unsigned
evidence_window_failing(const struct evidence_window *w)
{
	unsigned n = 0;

	for (unsigned age = 0; age < SLOTS_1S; age++) {
		const struct evidence *e = &w->slot[slot_before(w, age)];
		uint32_t failed = evidence_local(e) - evidence_aged(e);

		n += failed > 0 && (uint64_t)failed * 2 >= e->tries;
	}
	return n;
}

/* A slot holds what a tick in it counted, which may be from the slot before. */
struct evidence
evidence_window_since(const struct evidence_window *w, uint64_t then_ms)
{
	struct evidence sum = { 0 };
	uint64_t whole = then_ms / EVIDENCE_SLOT_MS + 2;

	for (unsigned age = 0; age < SLOTS_1S && w->slot_no >= whole + age; age++)
		evidence_add(&sum, &w->slot[slot_before(w, age)]);
	return sum;
}

bool
evidence_row_grows(const struct evidence *e, bool begins, uint64_t *failed_at_ms, uint64_t now_ms)
{
	bool aged = evidence_local(e) == evidence_aged(e);
	uint64_t gap_ms = aged ? EVIDENCE_AGED_MS : EVIDENCE_MOMENT_MS;

	if (evidence_local(e) == 0)
		return false;
	if (!begins && now_ms < *failed_at_ms + gap_ms)
		return false;
	*failed_at_ms = now_ms;
	return true;
}

uint32_t
evidence_row_needs(uint32_t least, const struct evidence_window *w)
{
	uint32_t expected = w->last_10s.answered / TENTHS_10S;

	if (w->last_1s.answered / TENTHS_1S > expected)
		expected = w->last_1s.answered / TENTHS_1S;
	if (expected > EVIDENCE_ROW)
		expected = EVIDENCE_ROW;
	return expected > least ? expected : least;
}
