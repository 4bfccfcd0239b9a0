/*
 * Outlier detection: taking an endpoint out by what live traffic met there. Pure.
 */
#ifndef STEER_OUTLIER_H
#define STEER_OUTLIER_H

#include <stdbool.h>
#include <stdint.h>

#include "steer/evidence.h"

struct outlier_policy {
	uint32_t consecutive; /* local failures in a row: 3; more where there is more traffic */
	double failure_share; /* of at least min_tries in 1 s, and in four tenths of it: 0.5 */
	uint32_t min_tries; /* 20 */
	uint32_t base_ms; /* 30 s, times the number of ejections */
	uint32_t max_ms; /* 5 min */
	double max_ejected; /* (ejected + 1) / total must not exceed it: 0.5 */
	uint32_t slow_start_ms; /* 10 s */
};

enum outlier_why {
	OUTLIER_NONE,
	OUTLIER_CONSECUTIVE, /* value: in a row */
	OUTLIER_FAILURE_SHARE, /* value: permille of 1 s */
	OUTLIER_SUCCESS_RATE, /* value: permille; threshold: mean - 1.9 stdev of the peers */
	OUTLIER_PEERS, /* value: permille above the peers' failure share, z > 3.3 */
};

/* One endpoint's track record; zero-initialised is clean. */
struct outlier {
	struct evidence_window window;
	uint32_t local_in_a_row; /* as evidence_row_grows() says */
	uint64_t failed_at_ms;   /* the last of them */
	uint32_t timeouts_in_a_row; /* of those: all of them? then they are doubted longer */
	/*
	 * Raw: its own traffic says out, whether or not the cap lets it be ejected. This, not ejected,
	 * is what region health counts: the cap protects endpoints, never a dead region.
	 */
	bool failing;
	bool ejected;
	enum outlier_why why; /* while failing; with its numbers */
	uint32_t value, threshold;
	uint64_t failing_since_ms;
	uint32_t together; /* times in a row that it failed with most of its region */
	bool brief; /* and is out, or held to be failing, for such a time only */
	uint32_t times; /* ejections; falls by one after each full clean base_ms */
	uint64_t until_ms; /* while failing: how long the evidence holds unless a success refutes it */
	uint64_t clean_since_ms;
	uint64_t back_since_ms; /* slow start; 0: none */
};

/* Failures from now on are in a row only with each other. */
void outlier_end_run(struct outlier *);
/* Besides what has been seen: a worker found nobody there, EVIDENCE_ROW times in a row. */
void outlier_nobody_there(struct outlier *);
/* What came of its tries in the last tick. A success ends the run of failures. */
void outlier_see(struct outlier *, const struct evidence *delta, uint64_t now_ms);

/*
 * Judges all endpoints of one region together: ejects and un-ejects, within the cap. healthy[i]:
 * the endpoint counts as up by its checks. Returns how many changed; changed[i] tells which.
 *
 * An outlier is one of few. Where more than half cannot be reached within two seconds, what they
 * have in common is at fault (the network, a deployment, a load balancer before them), and that may
 * be over in a moment: they go for 1 s, then 2, 4 .. up to base_ms, it does not count among their
 * ejections, and they come back without a slow start. That the region as a whole may be gone is
 * for its own rule to say.
 */
unsigned outlier_judge(struct outlier **endpoints, const bool *healthy, bool *changed,
    unsigned count, const struct outlier_policy *, uint64_t now_ms);

/* Its weight now, in 1/1000: 1000, or less while it starts slowly (10 % to 100 % linearly). */
uint32_t outlier_weight(const struct outlier *, const struct outlier_policy *, uint64_t now_ms);
/* What it did before is served: only what comes now speaks for or against it. */
void outlier_take_back(struct outlier *, uint64_t now_ms);
/* It comes back (from DOWN by checks, or from ejection): slow start begins; never at process start. */
void outlier_come_back(struct outlier *, uint64_t now_ms);

#endif
