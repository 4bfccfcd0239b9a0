/*
 * The steering's memory, shared by the files that are its parts; nobody else includes this.
 *
 * Times inside are on a clock of its own, which never runs backwards: the caller's now_ms plus
 * skew_ms. What goes out is on the caller's again.
 */
#ifndef STEER_STEER_PRIVATE_H
#define STEER_STEER_PRIVATE_H

#include "steer/grey.h"
#include "steer/stall.h"
#include "steer/steer.h"

enum {
	TICK_MS = 100,
	GRACE_MS = 2000, /* after a start, for first probes to come back */
	BASE_SLOTS = 20, /* mean latencies, of 30 s each */
	BASE_SLOT_MS = 30000,
	BASE_SECONDS_MIN = 10, /* with answers, for a slot's mean to hold the slow ones too */
};

/* When a run of failures began, and the answers then by the shards' counts. */
struct run_start {
	uint64_t at_ms;
	uint64_t answered;
	bool known; /* else ticks found it */
};

/* On cache lines of its own: a tick reads two slots of each window in use, and its sums. */
struct steered_endpoint {
	_Alignas(64) struct outlier outlier;
	uint32_t id;
	double weight;
	enum endpoint_state checked; /* by its checks */
	enum endpoint_reason reason;
	uint32_t detail;
	uint64_t checked_since_ms;
	bool told;              /* checked has changed since the last tick */
	uint64_t fell_at_ms;    /* from UP to DOWN by its checks */
	bool doubted;           /* that fall is not believed yet */
	bool uncertain;         /* it may be chance ... */
	bool answering;         /* ... so it is not believed while live traffic is answered */
	uint64_t failing_ms;    /* the first of the checks that failed, while uncertain */
	uint64_t told_doubt_ms; /* when that was last told; 0: never */
	struct evidence urgent; /* counted ahead of the shards, not yet found in their counts */
	uint64_t urgent_at_ms;
	bool in_run;                /* among those that fail in the region's present run */
	struct run_start run_start; /* of its own run, outlier.local_in_a_row */
	struct steer_endpoint_out out;
};

/* Weights of a region's endpoints by what is known of them. */
struct steered_health {
	double total;
	double unknown;
	double up;      /* raw evidence, slow start not counted */
	double serving; /* up, slow start counted */
	uint32_t count; /* of those */
};

struct steered_region {
	const struct steer_region_plan *plan;
	struct steered_endpoint *endpoints;
	struct outlier **outliers; /* of endpoints, as outlier_judge() wants them */
	bool *healthy;
	bool *changed;
	bool endpoints_changed; /* any out in the last tick */
	bool stale;             /* outs and health must be worked out anew */
	bool judge;             /* do not wait for the second */
	bool slow_start;        /* some endpoint's weight still grows */
	bool uncertain;         /* some endpoint's fall may be */
	struct steered_health health;

	struct region region;
	struct grey grey;
	struct grey_verdict verdict;
	bool errs; /* grey_errs() in this tick */
	uint64_t compared_ms; /* slow, and compared with standbys that were asked, since; 0: not */
	uint64_t known_ms;    /* when that had shown that they are no better; 0: never */
	struct stall stall;
	struct evidence_window window;
	struct evidence tick;   /* since the last tick */
	struct evidence second; /* since the last full second */
	uint32_t run;           /* local-origin failures in a row, as evidence_row_grows() says */
	uint64_t failed_at_ms;  /* the last of them */
	uint32_t run_endpoints;
	uint32_t run_among, run_needs; /* as region_evidence's */
	struct run_start run_start;
	uint32_t successes; /* since it became SUSPECT */

	double base_us[BASE_SLOTS]; /* mean first-byte latency while UP */
	unsigned base_count, base_at;
	double base_median_us; /* of those; 0: none */
	uint64_t base_next_ms;
	uint64_t base_sum_us, base_total;
	double base_busy_us;        /* in flight times time, over the slot */
	uint32_t base_in_flight;    /* when last looked at */
	unsigned base_seconds;      /* with answers, in the slot that is being filled */
	double first_us;            /* mean latency of its first answers; 0: not enough yet */
	unsigned base_full_seconds; /* with much in flight */

	bool evacuated;
	uint64_t evacuated_until_ms;
	double pinned; /* NaN: not */

	double capacity_share;
	double share;
	double target;
	double settled_health; /* when share last was at its target */
	double blind;          /* as share_plan's, in coarse steps */
	bool trickle;          /* its share is there to learn from, not to serve */
	bool told_panic;
	double limit;
	double limit_in_flight;
	double shed_by_rate, shed_in_flight; /* as seen */
	uint64_t idle_since_ms;              /* no share since; 0: it has */
	uint64_t warm_since_ms;              /* 0: warm */
	double told_share;
	uint64_t told_at_ms;
	double logged_share;          /* of what was told, that which a log takes as well */
	uint64_t logged_at_rest_ms;   /* the last such line when nothing was on its way; 0: none */
	unsigned missed_seconds; /* its loss could not have been absorbed, this long */
	unsigned absorbed_seconds;
	double missed_now; /* as of the last full second */
	bool not_redundant;
	double missed; /* of demand, when it last could not have been absorbed */
};

struct steer {
	const struct steer_plan *plan;
	struct steered_region *regions;
	int64_t skew_ms;
	uint64_t now_ms;   /* of the last tick; 0: none yet */
	uint64_t start_ms; /* of the process, as far as this service goes */
	bool in_grace;
	uint64_t held_until_ms;    /* our view is stale */
	uint64_t suspect_since_ms; /* 0: we trust ourselves */
	bool doubting;             /* a mass change */
	uint64_t doubt_since_ms;
	uint64_t last_fall_ms;

	uint64_t wishes_version;
	uint64_t wishes_until_wall_ms; /* the first of those in force to end */
	bool wishes_read;
	bool frozen;

	bool common_cause;
	uint64_t doubted_ms; /* a region that serves did last then; 0: while no sensor is lent */
	bool lent_for_errors; /* else for slowness */
	double lent; /* of all requests, to standbys, to learn whether they do better; 0: none */
	enum share_mode mode;
	bool placed;  /* shares have been set once */
	bool settled; /* share is target, and inputs are as when it was worked out */
	double demand;
	double planned_demand; /* the one targets were worked out for */
	struct share_region inputs[SHARE_MAX_REGIONS];
	double trickle; /* to standbys, for which target was worked out */
	struct share_plan target;
	double shed;                    /* in force */
	bool shedding;                  /* told */
	bool shed_for_memory;           /* and told so */
	double shed_rate, refused_rate; /* as seen */
	uint64_t shed_at_ms;            /* somebody last was */
	uint64_t shed_since_ms;         /* it is told since then */
	uint64_t shed_end_ms;           /* that was last told to be over */
	uint32_t shed_quiet_ms;         /* so long without, and it is over */
	unsigned shed_region; /* that it was told of; region_count: of none in particular */
};

/* Its own clock. */
static inline uint64_t
steer_time(const struct steer *s, uint64_t now_ms)
{
	int64_t t = (int64_t)now_ms + s->skew_ms;

	return t > (int64_t)s->now_ms ? (uint64_t)t : s->now_ms;
}

void steer_tell(struct steer *, struct facts *, struct fact);

/* steer_endpoints.c: verdicts of a region's endpoints, from checks and from traffic. */
void steer_judge(struct steer *, struct steered_region *, bool second, struct facts *);
void steer_rate(struct steer *, struct steered_region *);
bool steer_endpoint_serves(const struct steered_endpoint *);
void steer_end_run(struct steered_region *);

/* steer_guard.c: do not act on a stale view. True: everything is held in this tick. */
bool steer_guard(struct steer *, uint64_t now_ms, struct facts *);

/* steer_wishes.c */
void steer_read_wishes(struct steer *, const struct steer_seen *, struct facts *);

/* What keeps shares from growing back, of one region at a time the first that applies. */
enum failback_hold { HELD_BY_NOTHING, HELD_BY_FREEZE, HELD_BY_DOUBT, HELD_BY_SUSPICION };

/* steer_regions.c: evidence and states. */
enum failback_hold steer_failback_hold(const struct steer *, const struct steered_region *);
bool steer_step_regions(struct steer *, const struct steer_seen *, uint64_t dt_ms, struct facts *);

/*
 * steer_sensor.c: who answers mostly with errors, and whom to ask whether that can be helped.
 * steer_note_errors() before the states are stepped, steer_lend() behind.
 */
void steer_note_errors(struct steer *);
void steer_lend(struct steer *, struct facts *);

/* steer_shares.c: what the states mean for the shares. settle: once all waits are over. */
void steer_share_inputs(const struct steer *, bool settle, struct share_region *);
bool steer_share(struct steer *, const struct steer_seen *, uint64_t dt_ms, struct facts *);
bool steer_limit(struct steer *, const struct steer_seen *);
/* Another mean latency, from which follows the one that is usual. */
void steer_learn_latency(struct steered_region *, double us);
/* lose: index of a region taken away; -1: none. */
/* parts: of the regions' capacities, what it may count on; NULL: as it is told now. */
void steer_what_if(const struct steer *, int lose, double demand, bool settle, const double *parts,
    struct share_plan *);

/* steer_shed.c: what was refused, and the facts of when that began and ended. */
void steer_tell_shed(struct steer *, const struct steer_seen *, struct facts *);

/* steer_told.c: facts about what steer_share() did, and about what a loss would do. */
void steer_tell_shares(struct steer *, const double *before, enum share_mode was, struct facts *);
void steer_tell_redundancy(struct steer *, const double *without, struct facts *);
/* What a region's loss would leave without a place, by the rules by which facts tell of it. */
struct steer_loss {
	double missed; /* of demand; 1: no healthy region would be left; 0: the loss is absorbed */
	bool told;     /* facts say so; else it is too new */
};
struct steer_loss steer_loss(const struct steer *, unsigned region);

#endif
