/*
 * The failover steering of one service: observations in, states, shares and reasons out. Pure: no
 * I/O, no clock, no globals, and nothing allocated after steer_new(), so the proxy, what-if,
 * explain and the simulator run the same object code.
 *
 *   steer_probe(), steer_see(), steer_urgent()     what happened, as it happens or per tick
 *   steer_tick()                                   observe half, act half; about every 100 ms
 */
#ifndef STEER_STEER_H
#define STEER_STEER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/fault.h"
#include "base/histogram.h"
#include "steer/endpoint.h"
#include "steer/evidence.h"
#include "steer/fact.h"
#include "steer/outlier.h"
#include "steer/region.h"
#include "steer/share.h"
#include "steer/wish.h"

struct steer;

struct steer_policy {
	struct share_policy share;
	struct region_policy region;
	struct outlier_policy outlier;
	uint32_t warm_up_ms;     /* 30 s: a cold standby's capacity grows from 10 % */
	double move_per_s;       /* 0.10: soft moves, of the service's traffic */
	double shed_leave_per_s; /* 0.10 */
	const struct safety_rule *rules;
	unsigned rule_count;
};

struct steer_region_plan {
	const char *name;
	const char *provider;
	uint32_t tier;
	uint32_t weight;
	double capacity; /* requests per second, the region's own; 0: not stated */
	bool shared; /* other services in the region count on the same capacity */
	unsigned endpoint_count;
	const uint32_t *ids; /* lasting endpoint ids */
	const uint16_t *weights;
	bool checked; /* there is a health check; else endpoints are up until traffic says otherwise
		       */
};

/* Borrowed until steer_free(). At most SHARE_MAX_REGIONS regions. */
struct steer_plan {
	const char *service;
	struct steer_policy policy;
	const struct steer_region_plan *regions;
	unsigned region_count;
};

/*
 * before (may be NULL): that of the same service under an older plan; what it knows of regions
 * (by name) and endpoints (by id) is carried over whole, some of it taken: it is for steer_free()
 * only then, which must come before its plan goes.
 */
struct steer *steer_new(const struct steer_plan *, struct steer *before, uint64_t now_ms);
void steer_free(struct steer *);

/* An endpoint's verdict by checks has changed (or is told for the first time). */
void steer_probe(struct steer *, unsigned region, unsigned endpoint, enum endpoint_state,
    enum endpoint_reason, uint32_t detail, uint64_t now_ms);

/*
 * What was just told, a fall, may be chance: no check that failed was answered, the first of them
 * failed then, and they are fewer than CHECK_CERTAIN. Told again without this it is certain.
 */
void steer_probe_uncertain(
    struct steer *, unsigned region, unsigned endpoint, uint64_t failing_since_ms);

/* What came of an endpoint's tries since the last call; endpoints without any need none. */
void steer_see(
    struct steer *, unsigned region, unsigned endpoint, const struct evidence *, uint64_t now_ms);

/* Answers so far, as the shards have them now. */
struct steer_answered {
	uint64_t region, endpoint;
};

/* Local-origin failures of an endpoint, of one kind. */
struct steer_report {
	unsigned region, endpoint;
	enum fault fault;
	uint32_t count;
	bool nobody_there; /* a worker has met nothing else there for EVIDENCE_ROW tries */
	bool aged;         /* as evidence's */
};

/*
 * Failures were just reported: counted at once, ahead of the shards (whose counts then hold them
 * too: the tick takes that into account). By the answers, which may be NULL, they are in a row or
 * not: ticks are too far apart to say so. Returns whether a tick should run now.
 */
bool steer_urgent(
    struct steer *, const struct steer_report *, const struct steer_answered *, uint64_t now_ms);

/* Per region, what is told with a tick. */
struct steer_region_seen {
	uint32_t in_flight;
	uint32_t completions; /* answers and failures since the last tick */
	const struct histogram_sum
	    *first_byte; /* since the last full second, at full seconds; else NULL */
	double
	    capacity_share; /* 0..1: what other services leave this one of the region's capacity */
	/* of the requests that were shed, per second, those that asked here, by what they met */
	double shed_by_rate, shed_in_flight;
	bool restored; /* a person said so */
};

struct steer_seen {
	double demand;       /* requests per second, smoothed over 1 s */
	uint32_t shed;       /* requests since the last tick: no region had room, or memory is short */
	double shed_rate;    /* the same per second, over the last one */
	double refused_rate; /* likewise: no region was up */
	double shed_for_memory; /* of shed_rate: memory is short */
	const struct steer_region_seen *regions;
	const struct wishes *wishes;
	/*
	 * Where others count on the same capacities: what it may count on if a region were lost, of
	 * all regions, for each that may be lost; so region_count times region_count. NULL: nobody does.
	 */
	const double *without;
	uint64_t wall_ms;
	bool second; /* a full second has passed: compare */
};

struct steer_endpoint_out {
	enum endpoint_state state; /* as the workers shall treat it */
	enum endpoint_reason reason;
	uint32_t detail;
	uint32_t weight; /* 1/1000 of the configured one */
	uint64_t since_ms;
	bool ejected;
};

struct steer_region_out {
	struct region region; /* state, since, evidence */
	double share;         /* of demand, in force */
	double target;
	double health;          /* NaN: unknown */
	double limit;           /* tries per second admitted at most; 0: no limit */
	double limit_in_flight; /* 0: no limit */
	bool trickle; /* the share is there to learn from, not to serve: for safe requests only */
	double
	    blind; /* of its tries, what goes to endpoints that are not up; 0: health is believed */
	double shed_by_rate, shed_in_flight; /* as seen */
	/* of demand, what would find no place if it were lost, once that is told; 0: all would */
	double loss;
};

/* What was refused in the last second, per second. */
struct steer_shed_out {
	double shed;       /* no region had room */
	double refused;    /* no region was up */
	uint64_t since_ms; /* it sheds since then; 0: it does not */
};

/*
 * Decides. facts tell what changed and why. Returns whether any word must be written anew: then
 * read steer_region() and, for regions whose endpoints_changed is set, steer_endpoint().
 */
bool steer_tick(struct steer *, const struct steer_seen *, uint64_t now_ms, struct facts *);

enum share_mode steer_mode(const struct steer *);
double steer_shed(const struct steer *); /* of demand, 0..1 */
double steer_demand(const struct steer *);
struct steer_shed_out steer_shed_seen(const struct steer *);
bool steer_self_suspect(const struct steer *);
const struct steer_plan *steer_plan_of(const struct steer *);
void steer_region(const struct steer *, unsigned region, struct steer_region_out *);
/* Has any endpoint's output of this region changed in the last tick? */
bool steer_endpoints_changed(const struct steer *, unsigned region);
void steer_endpoint(
    const struct steer *, unsigned region, unsigned endpoint, struct steer_endpoint_out *);

/* ---- keeping it over a restart: plain numbers by name, for control to write and read ---- */
struct steer_saved_region {
	char name[WISH_NAME];
	enum region_state state;
	uint64_t age_ms; /* in the state, when saved */
	double relapses;
	uint64_t hold_left_ms;
	uint64_t p50_us, p95_us, mean_us; /* latencies as they usually are; 0: not known */
	double factor;                    /* of its share, while it ramps */
};
void steer_save_region(
    const struct steer *, unsigned region, uint64_t now_ms, struct steer_saved_region *);
/*
 * A region that was not UP resumes where it was, aged by what passed meanwhile. Latencies are taken
 * for usual still after an hour at most: without them a region that is slow from the start on would
 * pass for normal, and what is in flight would have no limit for the first half minute; but at
 * another time of day others are usual. Unknown names are ignored.
 */
void steer_restore_region(
    struct steer *, const struct steer_saved_region *, uint64_t passed_ms, uint64_t now_ms);

#endif
