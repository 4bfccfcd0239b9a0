/*
 * The judge: what must hold in any world. It looks at the truth, at what the
 * core says of itself and at what became of requests, after each tick.
 */
#ifndef SIM_JUDGE_H
#define SIM_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "world.h"

enum { JUDGE_SECONDS = 16 };

struct violation {
	const char *rule; /* NULL: none */
	uint32_t t_ms;
	char text[240];
};

struct judge_region {
	enum region_state state;
	uint64_t since_ms; /* of state */
	uint64_t
	    since_core_ms;    /* the same by the core's clock: a paused machine's time passes too */
	double relapses;      /* our own count, decaying */
	uint64_t relapses_ms; /* by the core's clock */
	uint64_t ramped_ms;   /* begin of the last automatic ramp, by the core's clock; 0: none */
	double ramp_from;     /* the factor with which a ramp may begin */
	uint32_t excluded_ms; /* how long it has had a share in a state that allows none */
	uint32_t reset_ms;    /* how long all of its endpoints have reset */
	uint32_t bad_ms[SIM_ENDPOINTS]; /* how long each has reset while it got traffic */
	uint32_t dead_ms;               /* how long all of its endpoints have been gone */
	uint32_t fed_s;                 /* how long it has had traffic to learn from, while well */
	uint32_t sick_ms;               /* how long it has plainly been worse than the others */
	double shares[10];              /* of the last ten ticks */
	double health;
	uint32_t tries[10];
	uint32_t tries_1s;
	uint32_t busy_t_ms;  /* when it was last loaded to its limits */
	uint32_t arrived_ms; /* when its share last was about its target */
	double first_share;  /* of a calm run */
};

struct judge {
	const struct world *world;
	struct violation found;
	struct judge_region region[SIM_REGIONS];

	/* troubles, as they matter for what may be expected */
	uint32_t region_trouble_ms[SIM_REGIONS]; /* world time at which one was last in force + 1 */
	uint32_t proxy_trouble_ms;               /* the same for the proxy itself */
	uint32_t shaken_ms;                      /* for what makes it hold everything, or forget */
	uint32_t any_trouble_ms;
	uint32_t grace_until_ms;
	uint32_t hard_ms;      /* when shares were last free to move at once */
	uint32_t restarted_ms; /* the core's states may jump: it was made anew */

	/* windows */
	uint32_t ok[10], wanted[10];
	uint32_t ok_1s, wanted_1s;
	uint32_t reached_s[10], requests_s[10]; /* of the last ten seconds */
	uint32_t reached_now, requests_now;
	double available[JUDGE_SECONDS]; /* what could be served, by second */
	double worked_on;                /* as the last second ended */

	/* sums of the whole run, for reports */
	uint64_t requests, served, failed, shed;
};

void judge_start(struct judge *, const struct world *);
/* After a world_step(). False: found says what was broken; only the first is kept. */
bool judge_tick(struct judge *);

/* judge_second.c: once a second; what service was possible, and was it given? */
void judge_second(struct judge *);

/* Are all other regions full, or unable to serve? */
bool judge_is_needed(const struct judge *, unsigned region);

/* judge_second.c: is there any other region that is well and serves? */
bool judge_another_is_fine(const struct judge *, unsigned region);

void judge_broken(struct judge *, const char *rule, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
