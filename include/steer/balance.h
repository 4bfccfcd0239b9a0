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
#include "steer/table.h"

/* Small and fast, for choices only; one per worker. */
struct rng {
	uint64_t state[2];
};
void rng_seed(struct rng *, uint64_t seed);
uint64_t rng_next(struct rng *);
uint32_t rng_below(struct rng *, uint32_t bound); /* 0..bound-1, bound > 0 */

enum { PICK_MAX_TRIED = 16 };

/* What a pick must respect. Regions are indices in the service, endpoints are ids. */
struct pick {
	struct rng *rng;
	unsigned worker; /* whose shards tell the load */
	uint64_t hash; /* of the key, for maglev */
	uint32_t tried[PICK_MAX_TRIED]; /* endpoint ids not to use again */
	unsigned tried_count;
	uint64_t avoid_regions; /* bit i: not region i if any other has an endpoint left */
};

/*
 * The region for a try: among regions with a share, by share (one random number); those in
 * avoid_regions only when nothing else is left; when no region with a share has an untried
 * endpoint, any region with a usable one, lowest tier first. -1: none.
 */
int balance_region(const struct table_service *, const struct pick *);

struct balancer;
struct balancer *balancer_new(enum conf_balance, const struct table_region *, unsigned worker,
    struct rng *);
void balancer_free(struct balancer *);
/*
 * An endpoint that is up (or, when the region fails open, any that does not drain) and was not
 * tried; NULL: none left. Borrowed: valid as long as the table.
 */
struct endpoint *balancer_pick(struct balancer *, const struct pick *);

/* Maglev (Eisenbud et al., NSDI 2016, section 3.4): fills slots for weighted members by name. */
uint32_t maglev_size_for(unsigned members); /* the smallest listed prime >= 100 * members */
void maglev_fill(uint32_t *slots, uint32_t size, const char *const *names,
    const uint16_t *weights, unsigned members);

/* The hash of a key, equal in every process (SipHash is not needed: a client can pick its own
 * endpoint only for itself). */
uint64_t hash_bytes(const void *bytes, size_t len, uint64_t seed);

#endif
