/*
 * From states to shares. Pure.
 */
#ifndef STEER_SHARE_H
#define STEER_SHARE_H

#include <stdbool.h>
#include <stdint.h>

enum share_spill { SPILL_GRADUAL, SPILL_ALL_DOWN };

/* A region of factor 0 that is well again but waits: when is it used all the same? */
enum share_reserve {
	RESERVE_NONE, /* it does not wait: it is down or out */
	RESERVE_LAST, /* when nothing else is eligible */
	RESERVE_SHED, /* also before demand is shed */
};

struct share_policy {
	double overprovisioning; /* 1.4 */
	double panic_threshold; /* 0.5 */
	double max_utilization; /* 0.85 */
	double standby_share; /* 0 */
	enum share_spill spill;
	bool fail_open;
};

struct share_region {
	uint32_t tier;
	uint32_t weight;
	double total; /* weight of all endpoints; 0: none exists */
	double healthy; /* of them, what is up (slow start counted in) */
	double unknown; /* of them, what is not probed yet: neither well nor ill */
	double factor; /* by state: UP 1, GREY, RAMP between, HOLD, DOWN, EVACUATED 0 */
	enum share_reserve reserve;
	bool evacuated; /* excluded even when failing open */
	double capacity; /* requests per second this service may use of it; 0: not stated */
	double pinned; /* share set by a person, 0..1; NaN: automatic */
	double warm; /* capacity's part in force while a cold standby warms up: 0..1 */
};

enum share_mode {
	SHARE_NORMAL,
	SHARE_UNPROVEN, /* nothing up yet, but some not probed yet: those serve */
	SHARE_FAIL_OPEN, /* no eligible region: configured weights over all that are not evacuated */
	SHARE_FAIL_CLOSED, /* the same, and the policy says to refuse */
	SHARE_NOTHING, /* no endpoint exists */
};

enum { SHARE_WHOLE = 65536, SHARE_MAX_REGIONS = 64 };

struct share_plan {
	enum share_mode mode;
	double share[SHARE_MAX_REGIONS]; /* of demand; they sum to 1 - shed */
	double shed;
	bool trickle[SHARE_MAX_REGIONS]; /* all it has is of standby_share: there to learn from */
	double blind[SHARE_MAX_REGIONS]; /* of the region's, what goes to endpoints that are not up */
};

/*
 * The shares at which the service should arrive. demand in requests per second; matters only where
 * a capacity is stated. In this order, each step with what the ones before have left:
 *
 *   1. pins, up to capacity;
 *   2. tier by tier, by weight * health inside, up to each region's limit: max_utilization * health
 *      * capacity * warm where one is stated; in a tier of regions without, overprovisioning *
 *      health of its part (which makes the sum Envoy's tier formula); a factor below 1 limits the
 *      region to that factor of what it would get with 1;
 *   3. the regions without capacity, in proportion to their limits (Envoy's normalisation);
 *   4. health * capacity: rather above max_utilization, or a cold standby, than a refusal;
 *   5. regions with a factor below 1, beyond their part, and then those that wait (RESERVE_SHED):
 *      rather slow or early than a refusal;
 *   6. pinned regions beyond their pin.
 *
 * What is then left is shed. standby_share is taken from the lowest serving tier afterwards.
 *
 * A region in panic (below panic_threshold, with the tiers together not whole) does not send all
 * to the few that are up, nor the same to each endpoint, dead or alive: those that are up carry up
 * to overprovisioning times their usual load, which is what the configuration says they can spare,
 * and what they could not is tried on the others,
 *
 *   blind = 1 - min(1, overprovisioning * h, h * C / x)
 *
 * Failing open (nothing is eligible) is the same over all regions that may be asked, by whose
 * weights w the usual load is known:
 *
 *   good_r = overprovisioning * h_r * w_r / sum(w)           scaled down if they sum to more than 1
 *   rest_r = (1 - sum(good)) * w_r (1 - h_r) / sum(w (1 - h))
 *   x_r = good_r + rest_r,  blind_r = rest_r / x_r           good below h * C, the sum below C
 *
 * so that a region which is down with half of its endpoints well serves 70 % of its part by them,
 * not 50 %; with nothing up anywhere it is the configured weights.
 */
void share_compute(const struct share_region *, unsigned count, const struct share_policy *,
    double demand, struct share_plan *);

/*
 * One step from the shares in force towards the target: hard losses (hard[i]: the region must leave
 * at once) move at once, as far as the target lets others take them; all else at most rate * dt,
 * counted on the side of those that gain. No region rises above the larger of its share in force
 * and its target, so what the target keeps below capacity stays below it.
 */
void share_step(const double *now, const struct share_plan *target, const bool *hard,
    unsigned count, double rate_per_s, uint64_t dt_ms, double *next);

/* Fractions to words: of SHARE_WHOLE, largest remainder, summing to the rounded sum exactly. */
void share_words(const double *shares, unsigned count, uint32_t *words);

#endif
