/* SPDX-License-Identifier: Apache-2.0 */
#include "balancer.h"

/* How often a second choice is drawn again when it is the first one once more. */
enum { REDRAWS = 3 };

/* This worker's tries on it now; no shard yet means none. */
static uint64_t
in_flight(const struct balancer *b, const struct endpoint *e)
{
	const struct endpoint_shard *s =
	    atomic_load_explicit(&e->shards[b->worker], memory_order_relaxed);

	return s != NULL ? s->in_flight : 0;
}

static uint32_t
second_choice(const struct members *m, uint32_t first, struct rng *rng)
{
	uint32_t second = first;

	if (m->equal)
		return (first + 1 + rng_below(rng, m->count - 1)) % m->count;
	for (unsigned i = 0; i < REDRAWS && second == first; i++)
		second = members_draw(m, rng);
	return second;
}

/*
 * The power of two choices. Candidates are drawn by weight, and the first stands unless the other
 * carries less for its weight: so idle endpoints share by weight and busy ones fill up by weight.
 * (Comparing in-flight plus one, as is usual, would weigh twice: at rest the heavier of two would
 * always win.)
 */
static struct endpoint *
draw(struct balancer *b, const struct pick *pick)
{
	const struct members *m = &b->members;
	uint32_t first = members_draw(m, pick->rng);
	uint32_t second;
	uint64_t first_load, second_load;
	struct endpoint *one, *other;

	one = members_endpoint(m, first);
	if (m->count == 1)
		return one;
	second = second_choice(m, first, pick->rng);
	other = members_endpoint(m, second);
	if (pick->tried_count > 0) {
		if (pick_was_tried(pick, one))
			return other;
		if (pick_was_tried(pick, other))
			return one;
	}
	/* Cross-multiplied: 32 bits each, so the products fit. */
	first_load = in_flight(b, one) * m->weight[second];
	second_load = in_flight(b, other) * m->weight[first];
	return second_load < first_load ? other : one;
}

const struct balancer_ops least_request_ops = { .draw = draw };
