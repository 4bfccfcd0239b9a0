/*
 * Random numbers for choices only (never for secrets): small, fast, one per thread. Pure.
 */
#ifndef STEER_RNG_H
#define STEER_RNG_H

#include <stdint.h>

struct rng {
	uint64_t state[2];
};

void rng_seed(struct rng *, uint64_t seed);       /* any seed will do, 0 too */
uint32_t rng_below(struct rng *, uint32_t bound); /* 0..bound-1, without bias; bound > 0 */

static inline uint64_t
rng_rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

/* xoroshiro128+ (Blackman and Vigna, 2018): the low bits are the weak ones. */
static inline uint64_t
rng_next(struct rng *r)
{
	uint64_t a = r->state[0];
	uint64_t b = r->state[1];
	uint64_t result = a + b;

	b ^= a;
	r->state[0] = rng_rotate(a, 24) ^ b ^ b << 16;
	r->state[1] = rng_rotate(b, 37);
	return result;
}

#endif
