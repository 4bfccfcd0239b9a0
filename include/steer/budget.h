/*
 * The retry budget: retries as a share of requests over a window, so that they cannot amplify an
 * outage (Gateway API GEP-3388; a budget on requests in flight collapses when all fail at once,
 * envoy-mobile#811). Pure.
 */
#ifndef STEER_BUDGET_H
#define STEER_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* One worker's part of one service's budget; zero-initialised is full of its floor. */
struct retry_budget {
	double tokens; /* earned by first tries */
	double floor_tokens; /* refilled by time: quiet services may retry too */
	double rate; /* first tries per second, smoothed; bounds what can be saved up */
	uint64_t rate_ms; /* when rate was last brought up to date */
	uint64_t floor_ms; /* the same for floor_tokens; 0: never */
};

/* A first try was sent: earns share tokens, at most ten seconds' worth. */
void budget_earn(struct retry_budget *, double share, uint64_t now_ms);
/* May a retry that may have been sent go out? Takes its token. floor: retries a second always. */
bool budget_spend(struct retry_budget *, double floor_per_s, uint64_t now_ms);

#endif
