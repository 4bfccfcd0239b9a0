/*
 * Choosing: a region by share, then an endpoint inside it.
 *
 * A balancer belongs to one worker and one region of one table; it is made at the first pick and
 * brought up to date when the region's steering generation has moved, so that a pick costs the
 * same however many endpoints there are. Not locked.
 */
#ifndef STEER_BALANCE_H
#define STEER_BALANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/topology.h"
#include "base/hash.h"
#include "steer/maglev.h"
#include "steer/rng.h"
#include "steer/table.h"

enum { PICK_MAX_TRIED = 16 };

/* What a pick must respect. Regions are indices in the service, endpoints are ids. */
struct pick {
	struct rng *rng;
	unsigned worker; /* whose shards tell the load */
	uint64_t hash; /* of the key, for maglev */
	unsigned tried_count;
	/* configuration allows no service more regions than bits */
	uint64_t avoid_regions; /* bit i: not region i if any other has an endpoint left */
	uint64_t exclude_regions; /* bit i: not region i at all */
	bool unsafe; /* sent once and never again: shares that are there to learn from are avoided */
	uint32_t tried[PICK_MAX_TRIED]; /* endpoint ids not to use again; tried_count of them */
};

/*
 * The region for a try: among regions with a share, by share (one random number); when none of
 * them has an untried endpoint left, a region with an endpoint that is up, lowest tier first, then
 * the heavier, what is DOWN behind the rest. Regions in avoid_regions are asked last, by the same
 * two rules. A region with weight 0 takes nothing without a share, an evacuated one nothing at all.
 * -1: none.
 *
 * Reads the steering words as they are; while control is changing them, a region may be named
 * that has nothing left by the time balancer_pick() looks: avoid it and ask again.
 */
int balance_region(const struct table_service *, const struct pick *);

struct balancer;
/* The region is borrowed, and so is the rng: it sets where in its order a balancer begins. */
struct balancer *balancer_new(enum conf_balance, const struct table_region *, unsigned worker,
    struct rng *);
void balancer_free(struct balancer *); /* may come after the table is gone */
/*
 * An endpoint that is up and was not tried. When none in the region is up: one not probed yet, then
 * any that does not drain. NULL: none left. Borrowed: valid as long as the table.
 */
struct endpoint *balancer_pick(struct balancer *, const struct pick *);
/* Is it one of the region's that are up and were not tried? */
bool balancer_may_pick(const struct balancer *, const struct pick *, const struct endpoint *);
/*
 * May one more try go to this endpoint, which was just picked, when this many may be in flight in
 * the region? With p its part of the region's weight it may hold p (2 - p) of them. One that hangs
 * then leaves (1 - p)^2 to the others, which is not less than the half of their part that they need
 * at full capacity as long as p is a half or less; alone it may hold all. Without that, balancers
 * that do not look at load would fill the cap with tries for the one that hangs, and the region
 * would be shut. Of tries that are counted apart, so many beside these, it has p.
 */
bool balancer_has_part(
    const struct balancer *, const struct endpoint *, unsigned most_in_flight, unsigned beside);

#endif
