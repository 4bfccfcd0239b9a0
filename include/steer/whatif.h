/*
 * What if: the same functions on a copy of the state. Pure.
 */
#ifndef STEER_WHATIF_H
#define STEER_WHATIF_H

#include <stdbool.h>

#include "steer/steer.h"
#include "steer/together.h"

struct whatif {
	double before[SHARE_MAX_REGIONS];
	double after[SHARE_MAX_REGIONS];
	double shed; /* of demand, after */
	double shed_rate; /* requests per second */
	enum share_mode mode;
	const struct safety_rule *broken; /* or NULL */
};

/*
 * The shares a service would settle at if the region (an index) were lost; -1: as things are. demand:
 * requests per second; 0: all of the stated capacity that a day at max_utilization could hold is
 * assumed, that is max_utilization times the capacity of tier 0 (nothing stated: shares only).
 */
void whatif_lose(const struct steer *, int region, double demand, struct whatif *);
/*
 * The same of one of several services that count on the same capacities: parts from together_lose().
 * region -1: it does not have the region that is lost, but others may come to where it is.
 */
void whatif_lose_beside(const struct steer *, int region, double demand,
    const struct together_parts *, struct whatif *);
/* The same at this moment: what ramps or waits counts for what it is, and may have to come back. */
void whatif_lose_now(const struct steer *, int region, double demand,
    const struct together_parts *, struct whatif *);

#endif
