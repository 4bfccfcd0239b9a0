/*
 * The retry budget: retries as a share of requests over a window, so that they cannot amplify an
 * outage (Gateway API GEP-3388; a budget on requests in flight collapses when all fail at once,
 * envoy-mobile#811). Pure.
 *
 * A true window, no bucket: a bucket that saves ten seconds' worth and earns on lets twice the
 * share through in the ten seconds that matter. That holds for the floor as well: it is of ten
 * seconds (as Finagle's minRetriesPerSec is of its ttl), so that a service that is quiet, or has just
 * begun, may lose all that it is busy with in one moment.
 */
#ifndef STEER_BUDGET_H
#define STEER_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* One slot more than the ten seconds: what was spent counts until it is surely that old. */
enum { BUDGET_SECONDS = 10, BUDGET_SLOTS };

/* One worker's part of one service's budget; zero-initialised is full of its floor. */
struct retry_budget {
	double earned[BUDGET_SLOTS]; /* by first tries, in each second */
	uint32_t spent[BUDGET_SLOTS];
	uint32_t floor_spent[BUDGET_SLOTS]; /* quiet services may retry too */
	double earned_sum;
	uint32_t spent_sum, floor_sum;
	uint64_t second; /* the newest; 0: none yet */
};

/* A first try was sent: in the ten seconds to come, share of a retry more. */
void budget_earn(struct retry_budget *, double share, uint64_t now_ms);
/*
 * May a retry that may have been sent go out? Takes its token. floor_per_s: ten times as many in ten
 * seconds always, one at least; 0: this one may not use the floor, and takes nothing from it.
 */
bool budget_spend(struct retry_budget *, double floor_per_s, uint64_t now_ms);

#endif
