/*
 * Random numbers for choices only (never for secrets): small, fast, one per thread. Pure.
 */
#ifndef STEER_RNG_H
#define STEER_RNG_H

#include <stdint.h>

struct rng {
	uint64_t state[2];
};

void rng_seed(struct rng *, uint64_t seed); /* any seed will do, 0 too */
uint64_t rng_next(struct rng *);
uint32_t rng_below(struct rng *, uint32_t bound); /* 0..bound-1, without bias; bound > 0 */

#endif
