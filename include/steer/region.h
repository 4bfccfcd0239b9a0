/*
 * The state of one region of one service. Pure: one step per tick.
 *
 *   UP --burst of local failures--> SUSPECT --evidence--> DOWN --healthy--> HOLD --time--> RAMP --> UP
 *   UP --comparison--> GREY --clean 60 s--> RAMP      RAMP --relapse--> DOWN or GREY, hold-down doubled
 *   any --evacuate--> EVACUATED --restore, expiry--> RAMP
 */
#ifndef STEER_REGION_H
#define STEER_REGION_H

#include <stdbool.h>
#include <stdint.h>

#include "steer/fact.h"

enum region_state {
	REGION_UP,
	REGION_SUSPECT,
	REGION_GREY,
	REGION_DOWN,
	REGION_HOLD,
	REGION_RAMP,
	REGION_EVACUATED,
};

const char *region_state_name(enum region_state);

struct region_policy {
	double min_healthy; /* 0.25: below it the region is down */
	uint32_t hold_down_ms; /* 30 s, x 2^relapses (at most 5) */
	uint32_t ramp_ms; /* 60 s */
	double sensor_share; /* 0.05: what a grey region keeps, of its own share */
	bool manual_failback; /* HOLD until a person says restore */
};

/* The region's evidence of this tick, worked out by steer.c from endpoints, windows and peers. */
struct region_evidence {
	double health; /* raw: healthy weight / known weight; NaN: nothing is known yet */
	uint32_t local_in_a_row; /* over the region's endpoints */
	uint32_t failing_endpoints; /* distinct ones in that run */
	uint32_t run_among; /* endpoints that served when it began; 0: all */
	uint32_t run_needs; /* failures, by the traffic when it began; 0: REGION_RUN */
	uint32_t endpoints;
	uint32_t local_1s, tries_1s; /* local-origin failures and tries in the last second */
	uint32_t aged_1s; /* of the failures, those of older tries */
	unsigned failing_slots; /* of that second: evidence_window_failing() */
	uint32_t successes_since_suspect; /* answers that came after the suspicion */
	unsigned stalls; /* stalled windows in a row: 1 suspect, 2 down */
	bool grey; /* the comparison says worse, by enough windows */
	bool grey_sudden; /* so plainly that it is left in larger steps */
	bool grey_clean; /* below the leaving thresholds in this window */
	bool grey_at_once; /* grey_burst(): errors that cannot wait for windows; down to sensor_share now */
	bool half_grey; /* worse than the donors at half the thresholds: a ramp pauses */
	enum fact_signal grey_signal;
	double grey_value, grey_threshold;
	uint32_t grey_peers;
	bool failback_held; /* frozen, another region SUSPECT, or our view is stale */
	bool evacuated; /* by a wish in force */
	uint64_t evacuated_for_ms; /* what is left of it, for the fact */
	bool restore_asked; /* manual failback, this tick */
	bool only_region; /* no other region serves the service: holding this one back serves nobody */
};

/* Zero-initialised is UP since 0, which a start corrects with region_start(). */
struct region {
	enum region_state state;
	uint64_t since_ms;
	enum fact_signal signal; /* why it is in this state */
	double value, threshold;
	double factor; /* of its share: UP, SUSPECT 1; GREY falling to sensor_share; RAMP growing; else 0 */
	bool sudden; /* GREY: it gives up its share in larger steps */
	double relapses; /* decays with a half-life of 10 min */
	uint64_t relapses_at_ms;
	uint64_t hold_ms; /* of the present HOLD */
	uint64_t clean_since_ms; /* GREY, SUSPECT: clean since; 0: not clean */
	bool paused; /* RAMP: waiting */
};

/* HOLD begins with hold_ms 0: who resumes one sets it. GREY and RAMP begin with their least share. */
void region_start(struct region *, enum region_state, uint64_t now_ms);
/* One step; facts tell of each transition. Returns whether state or factor changed. */
bool region_step(struct region *, const struct region_policy *, const struct region_evidence *,
    uint64_t dt_ms, uint64_t now_ms, struct facts *, const char *service, const char *name);
enum { REGION_RUN = 3 }; /* failures in a row, at least */
/*
 * Is a region down by a run of local-origin failures on so many endpoints, of those that served? A
 * few that die together, as those of one machine do, fail in a row too: all that they were busy
 * with fails before another one can answer. So it takes more than half of them, or four.
 */
bool region_run_is_down(uint32_t failures, uint32_t needs, uint32_t failing_endpoints,
    uint32_t endpoints);
/* min(5, relapses) doublings of hold_down_ms; relapses to the nearest whole one. */
uint64_t region_hold_ms(const struct region *, const struct region_policy *, uint64_t now_ms);

#endif
