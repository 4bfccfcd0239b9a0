/*
 * The simulated world: regions that serve, networks that drop, clients that come back, and a proxy
 * in the middle whose decisions are the core's own (steer/steer.h). Virtual time, in ticks of
 * 100 ms; traffic is counted, not carried.
 *
 *   scenario --trouble.c--> truth of each endpoint
 *   world.c: one tick = troubles, checks.c (health checks), traffic.c and
 *   tries.c (requests, retries), the core
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/histogram.h"
#include "scenario.h"
#include "steer/budget.h"
#include "steer/check.h"
#include "steer/rng.h"
#include "steer/steer.h"
#include "steer/wish.h"

enum {
	TICK_MS = 100,
	DUE_SLOTS = 64,
	TRY_TIMEOUT_TICKS = 50, /* timeouts.try, 5 s */
	PATH_DEAD_TICKS = 3,    /* until unacknowledged bytes or a lost connect race tell */
	AGAIN_TICKS = 128,
};

/* How a try ends. */
enum outcome {
	OUTCOME_ANSWERED,
	OUTCOME_ERROR,     /* 503 */
	OUTCOME_BROKEN,    /* reset after sending */
	OUTCOME_LOST,      /* a deadline or missing acknowledgements after sending */
	OUTCOME_REFUSED,   /* before sending */
	OUTCOME_UNREACHED, /* before sending, by a deadline */
	OUTCOMES,
};

/* What hangs on a try: with ORPHAN another one has been sent beside it. */
enum turn { TURN_FIRST, TURN_SECOND, TURN_THIRD, TURN_ORPHAN, TURNS };

struct due {
	uint16_t tries[OUTCOMES][TURNS];
};

/* What a trouble makes of the tries that are under way. */
enum fate { FATE_USUAL, FATE_RESET, FATE_VANISH, FATE_HANG };

struct sim_endpoint {
	/* truth, from the troubles now in force */
	bool bad; /* any of the next six */
	bool refuses, resets, vanishes, hangs;
	double slow; /* factor, 1: none */
	double errors;
	bool lies_down, lies_up;
	bool troubled; /* something of it is in force, maybe in its quiet half */
	enum fate fate;
	uint64_t troubled_ms; /* when any trouble last touched it; 0: never */

	/* health checks */
	struct check_track track;
	uint32_t probed_ms; /* start of the last probe, in world time */
	bool probe_waits;   /* for an answer that will not come */

	/* as the proxy uses it */
	struct evidence delta; /* since the core last saw it */
	double carry;          /* fraction of a try owed */
	unsigned weight;       /* 1/1000; 0: not used */
	bool usable;           /* the core says up */
	uint32_t waiting;      /* tries in the region's due */
};

struct sim_region {
	const struct scenario_region *is;
	struct sim_endpoint endpoint[SIM_ENDPOINTS];
	uint32_t probe_at_ms[SIM_ENDPOINTS]; /* in world time */
	double factor;                       /* of what it can really do */
	bool evacuated;                      /* by a wish */

	/* as the proxy uses it */
	struct steer_region_out out;  /* after the last tick of the core */
	uint32_t word;                /* share */
	unsigned used[SIM_ENDPOINTS]; /* endpoints to pick from */
	unsigned used_count;
	unsigned used_weight; /* sum */
	unsigned able;        /* of them, those that do work */
	unsigned turn;        /* round robin */
	double carry;
	double tokens; /* of admission */
	uint32_t waiting;
	uint32_t touched; /* endpoints with a delta, by bit */

	/* what it is like now */
	double backlog;      /* requests */
	double work;         /* tries that it takes up in this tick */
	double load;         /* work by what it can do in a tick, smoothed */
	unsigned latency_us; /* median, queue included */
	double queue_us;
	double usual_us;                          /* median of an endpoint that is not slow */
	bool prompt;                              /* such a one answers within the tick */
	struct histogram first_byte;              /* since the last full second */
	struct histogram_sum now;                 /* the same, as the core is shown it */
	uint32_t completions;                     /* since the last tick of the core */
	uint32_t tries;                           /* this tick */
	uint32_t answered;                        /* this tick */
	struct due due[SIM_ENDPOINTS][DUE_SLOTS]; /* slow and lost tries, by the tick they end in */
};

struct world {
	const struct scenario *is;
	struct rng rng;
	uint32_t t_ms;      /* begin of the tick that is played */
	uint64_t jumped_ms; /* by which the core's clock is ahead */
	int64_t wall_jumped_ms;

	/* the proxy */
	struct steer *core;
	struct steer_plan plan;
	struct steer_region_plan regions[SIM_REGIONS];
	uint32_t ids[SIM_REGIONS][SIM_ENDPOINTS];
	uint16_t weights[SIM_ENDPOINTS];
	unsigned region_weights[SIM_REGIONS]; /* as last loaded */
	char names[SIM_REGIONS][12];
	struct steer_saved_region saved[SIM_REGIONS];
	uint64_t saved_now_ms;
	struct wishes wishes;
	struct retry_budget budget;
	struct facts facts;   /* of the tick that is played */
	bool running;         /* the proxy as a whole */
	bool stalled;         /* its control thread */
	bool anew;            /* the core was made anew: all it says is to be read */
	enum share_mode mode; /* as last read */
	bool urgent;          /* the core wants a tick now */

	/* demand */
	double surge;
	double carry;
	uint32_t again[AGAIN_TICKS]; /* requests that clients send once more, by tick */
	uint32_t arrived[10];        /* requests of the last ten ticks */
	uint32_t arrived_sum;
	uint32_t second; /* full seconds that the core was told of */
	unsigned tick;   /* number of the tick that is played */

	struct sim_region region[SIM_REGIONS];
	uint32_t next_edge_ms;     /* the next begin or end of a trouble */
	bool active[SIM_TROUBLES]; /* in force, and in the half of its period that hurts */
	bool during[SIM_TROUBLES]; /* in force, also in the half that does not */
	bool began[SIM_TROUBLES], ended[SIM_TROUBLES];

	/* retries wanted in this tick */
	uint32_t same_region[SIM_REGIONS]; /* nothing was sent: another endpoint there */
	uint32_t other_region[SIM_REGIONS][TURNS];

	/* counts of the tick that is played */
	uint32_t requests, ok, failed, shed;
	uint32_t reached; /* tries that may have reached an application */
};

/* Borrows the scenario. */
struct world *world_new(const struct scenario *);
void world_free(struct world *);
void world_step(struct world *);
uint64_t world_core_ms(const struct world *, unsigned into_tick_ms);

/* trouble.c: brings truth up to date at w->t_ms; true: something began or ended. */
bool troubles_apply(struct world *);
/* Is it in force at all, also in the quiet half of its period? */
static inline bool
trouble_during(const struct trouble *t, uint32_t t_ms)
{
	return t_ms >= t->at_ms && t_ms - t->at_ms < (t->for_ms > 0 ? t->for_ms : TICK_MS);
}

/* checks.c */
extern const struct conf_health_check sim_checks;
void checks_start(struct world *);
void checks_run(struct world *);
void check_soon(struct world *, unsigned region, unsigned endpoint);

/* traffic.c: one tick of requests. */
void traffic_run(struct world *);
/* How many of n tries the region lets in now. */
uint32_t traffic_admit(const struct sim_region *, uint32_t n);

/* tries.c; tries_prepare() once it is known how fast the region is in this tick. */
void tries_prepare(struct sim_region *);
void tries_send(struct world *, unsigned region, unsigned endpoint, enum turn, uint32_t n);
/* What ends at the endpoint in this tick. */
void tries_end_due(struct world *, unsigned region, unsigned endpoint);
/* Requests that nobody will try any more. */
void tries_failed(struct world *, uint32_t n);
/* Tries that wait in a region that is down or suspect get a second one elsewhere, next tick. */
void tries_move_on(struct world *);
/* Tries under way there end differently now. */
void tries_redirect(struct world *, unsigned region, unsigned endpoint, enum fate);
void tries_forget(struct world *); /* the proxy is gone, and its tries */

/* proxy.c: the core and what the workers read from it. */
void proxy_start(struct world *);
void proxy_stop(struct world *);
/* How many of the endpoints in use do work: to be told when either changes. */
void proxy_count_able(struct sim_region *);
void proxy_reload(struct world *);
void proxy_tick(struct world *, unsigned into_tick_ms, bool regular);

double sim_chance(struct rng *);          /* 0..1 */
uint32_t sim_round(struct rng *, double); /* up or down by chance, right on average */

#endif
