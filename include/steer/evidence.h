/*
 * What happened to the tries of an endpoint or a region: counts, and sliding windows of counts.
 * Pure.
 *
 * Local-origin failures (we could not reach it) are kept apart from upstream ones (it answered
 * badly), after Envoy's split_external_local_origin_errors.
 */
#ifndef STEER_EVIDENCE_H
#define STEER_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

/* Added and subtracted as a whole, at each tick for each endpoint in use: see evidence_add(). */
struct evidence {
	_Alignas(16) uint32_t tries; /* begun */
	uint32_t answered; /* a response head came */
	uint32_t not_sent; /* local: refused, unreachable, connect deadline, TLS, reset before sending */
	uint32_t broken; /* local: reset, closed, unacknowledged, try deadline, after sending */
	uint32_t timeouts; /* of the two above, those that were deadlines */
	uint32_t aged; /* of broken: reset or closed after more than a second */
	uint32_t errors; /* upstream: 5xx, statuses to retry on, malformed answers */
	uint32_t cut; /* of errors: cut off in their answer after more than a second */
};

enum {
	EVIDENCE_SLOT_MS = 100,
	EVIDENCE_SLOTS = 100, /* 10 s */
	/*
	 * What fails within such a moment is one failure of a row, however many requests it took
	 * along: behind one address many may serve, and where one of them dies, all that it was busy
	 * with is reset at once, and some of the connections made in their place are refused, before
	 * any of the others has had time to answer.
	 */
	EVIDENCE_MOMENT_MS = 20,
	EVIDENCE_AGED_MS = 1000,
	EVIDENCE_ROW = 8,
	/*
	 * Most tries of a second fail for longer than one moment is seen by a busy machine: all that
	 * a balancer was busy with may be lost in one, and be more than begins in a second.
	 */
	EVIDENCE_FAILING = 4,
};

/* Ten seconds of counts in slots of 100 ms, with running sums of 1 s and 10 s. */
struct evidence_window {
	struct evidence slot[EVIDENCE_SLOTS];
	struct evidence last_1s;
	struct evidence last_10s;
	uint64_t slot_no; /* of the newest slot: now_ms / EVIDENCE_SLOT_MS */
	unsigned newest; /* where in slot it is */
};

/* Both are read before anything is written, so that the compiler need not fear that they overlap. */
static inline void
evidence_add(struct evidence *into, const struct evidence *more)
{
	struct evidence sum = *into;
	const struct evidence added = *more;

	sum.tries += added.tries;
	sum.answered += added.answered;
	sum.not_sent += added.not_sent;
	sum.broken += added.broken;
	sum.timeouts += added.timeouts;
	sum.aged += added.aged;
	sum.errors += added.errors;
	sum.cut += added.cut;
	*into = sum;
}

void evidence_window_add(struct evidence_window *, const struct evidence *delta, uint64_t now_ms);
/*
 * In how many slots of the last second, the newest one too, were there errors? fresh: others than
 * those of tries from before it.
 */
unsigned evidence_window_erring(const struct evidence_window *, bool fresh);
/* In how many of them did no fewer tries fail than half of those that began? Older ones apart. */
unsigned evidence_window_failing(const struct evidence_window *);
/*
 * What was counted in the last second and after then, as far as slots tell: one that may hold what
 * came before is left out.
 */
struct evidence evidence_window_since(const struct evidence_window *, uint64_t then_ms);
/* Lets time pass without counts. */
void evidence_window_pass(struct evidence_window *, uint64_t now_ms);

static inline uint32_t
evidence_local(const struct evidence *e)
{
	return e->not_sent + e->broken;
}

/* Failures of tries from before the last second, which are no share of those that it saw begin. */
static inline uint32_t
evidence_aged(const struct evidence *e)
{
	return e->aged < e->broken ? e->aged : e->broken;
}

/* Errors that say something of how new tries fare. */
static inline uint32_t
evidence_fresh_errors(const struct evidence *e)
{
	return e->errors - (e->cut < e->errors ? e->cut : e->errors);
}

/*
 * Are these failures another one of the row? failed_at_ms is when it last grew, kept from call to
 * call; a row that begins has no such time. Where nothing but older tries is lost, a moment is a
 * second: one server may die with so many of them that it takes longer than that to see them end.
 */
bool evidence_row_grows(const struct evidence *, bool begins, uint64_t *failed_at_ms,
    uint64_t now_ms);
/*
 * So many must be in it: least, or a tenth of a second's answers up to EVIDENCE_ROW, be it of the
 * last second or, where that was quiet, of the last ten. Of many tries of which one in a hundred
 * fails, three in a row do so by chance every few minutes; eight of one in five, once in half an
 * hour. So many more cost a busy region a few milliseconds.
 */
uint32_t evidence_row_needs(uint32_t least, const struct evidence_window *);

#endif
