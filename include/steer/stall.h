/*
 * A region that takes bytes and answers nothing (hung processes, a dead dependency): seen by the
 * completions that are missing, not by a long timeout. Pure.
 *
 * With L completions a second over the last 10 s and w = max(200 ms, 20/L) up to 1 s: at most 5 % of
 * the expected L*w >= 20 completions came in w while tries in flight grew. A window begins where the
 * silence does, so that half of one is not spent on the answers before it.
 */
#ifndef STEER_STALL_H
#define STEER_STALL_H

#include <stdbool.h>
#include <stdint.h>

#include "steer/evidence.h"

enum { STALL_SECONDS = 10 };

struct stall_second {
	uint64_t second;
	uint32_t longest_ms;
};

struct stall {
	uint64_t window_start_ms; /* 0: none open */
	uint32_t window_ms;
	uint32_t completions; /* in the open window */
	uint64_t told_ms; /* the last tick */
	uint64_t spoke_ms; /* the last one that was not silent */
	uint32_t since_spoke; /* completions since then */
	struct stall_second silences[STALL_SECONDS]; /* that began in each of the last seconds */
	uint32_t usual_in_flight; /* when answers last came as expected */
	bool usual_known;
	double per_s; /* completions a second expected; kept while stalled, since the stall lowers it */
	unsigned stalled; /* windows in a row */
};

/* completions and in_flight of this tick; window: the region's evidence. Returns stalled windows. */
unsigned stall_step(struct stall *, const struct evidence_window *, uint32_t completions,
    uint32_t in_flight, uint64_t now_ms);
/* A tick that is not to be judged by: begins anew, but knows how long silences have been. */
void stall_let_pass(struct stall *);

#endif
