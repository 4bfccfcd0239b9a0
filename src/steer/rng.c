/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/rng.h"

#include <assert.h>

/* splitmix64: turns any seed, even 0 or a small counter, into well-mixed state. */
static uint64_t
mix_seed(uint64_t *seed)
{
	uint64_t x = *seed += 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

void
rng_seed(struct rng *r, uint64_t seed)
{
	r->state[0] = mix_seed(&seed);
	r->state[1] = mix_seed(&seed);
	/* All zero is the one state that never leaves itself. */
	if (r->state[0] == 0 && r->state[1] == 0)
		r->state[1] = 1;
}

/*
 * The high half of a 32 by 32 bit product, with the low products that would favour some results
 * thrown away (Lemire, 2019): no division but in the rare case near the border.
 */
uint32_t
rng_below(struct rng *r, uint32_t bound)
{
	uint64_t product;

	assert(bound > 0);
	product = (rng_next(r) >> 32) * bound;
	if ((uint32_t)product < bound) {
		uint32_t unfair = -bound % bound;

		while ((uint32_t)product < unfair)
			product = (rng_next(r) >> 32) * bound;
	}
	return (uint32_t)(product >> 32);
}
