/*
 * Active health: rise and fall (HAProxy's semantics). Pure.
 */
#ifndef STEER_CHECK_H
#define STEER_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "steer/endpoint.h"

struct conf_health_check;

/* One endpoint's track record; zero-initialised means UNKNOWN, never checked. */
struct check_track {
	enum endpoint_state state; /* UNKNOWN, UP or DOWN */
	enum endpoint_reason reason;
	uint32_t detail;
	uint32_t streak; /* equal results in a row, the last one among them */
	bool streak_passes;
	uint64_t since_ms;
	uint64_t failing_since_ms; /* the first failure of the streak it is falling or fell by */
	bool told_off;             /* one of their last streak was an answer: somebody says so */
	bool certain;              /* while DOWN: by more than chance, see CHECK_CERTAIN */
};

enum {
	/*
	 * So many failures in a row are no chance: where a fifth of the servers behind one address
	 * is dead, they come once in ten million checks.
	 */
	CHECK_CERTAIN = 10,
};

struct check_result {
	bool passed;
	enum endpoint_reason reason;
	uint32_t detail;
};

/*
 * Takes one probe's result; returns whether the state changed. An unknown endpoint is up after its
 * first pass (rise is for coming back) and down after fall failures. Reason and detail are the
 * evidence for the state: a result that speaks against it changes them only with it. A failure
 * without a detail of its own gets the number of failures in a row.
 */
bool check_step(struct check_track *, const struct check_result *, const struct conf_health_check *,
    uint64_t now_ms);

/* In transition: unknown, the last result spoke against the state, or it may be chance. */
bool check_in_transition(const struct check_track *);

/*
 * When to probe next, in ms from the start of the last probe: interval or, in transition,
 * fast_interval, with +-jitter_pct by random (0..2^32-1).
 */
uint32_t check_next_ms(const struct check_track *, const struct conf_health_check *,
    uint32_t random);
/* The first probe: anywhere within one interval, so that a start is not a herd. */
uint32_t check_first_ms(const struct conf_health_check *, uint32_t random);

/* What there is to weigh of an endpoint that has fallen. */
struct check_fall {
	bool certain;      /* as the track's */
	bool last;         /* nothing else serves in its region */
	uint32_t answers;  /* good ones, since the first of the failures: of some tenths of a second, to one */
	uint32_t failures; /* of tries likewise, and answers that were errors */
};
/* May it be chance, so that it has not happened yet? */
bool check_fall_is_doubted(const struct check_fall *);

#endif
