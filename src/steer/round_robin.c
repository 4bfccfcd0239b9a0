/* SPDX-License-Identifier: Apache-2.0 */
#include "balancer.h"

#include "base/mem.h"

/*
 * Equal weights: plain rotation. Otherwise earliest deadline first: a member of weight w is due
 * once each LAP / w of virtual time, so that heavy members come often and evenly between the
 * light ones, at O(log members) a pick.
 */
#define LAP ((uint64_t)1 << 40)

struct turn {
	uint64_t due;
	uint32_t member;
};

struct round_robin {
	struct turn *heap; /* room for all members; by due time */
	uint32_t next; /* the rotation's place; begins anywhere: workers must not march in step */
};

/*
 * Virtual time wraps around; what is in the heap is less than one LAP apart, so the difference
 * tells. Of equals the earlier configured one.
 */
static bool
before(const struct turn *a, const struct turn *b)
{
	int64_t difference = (int64_t)(a->due - b->due);

	return difference != 0 ? difference < 0 : a->member < b->member;
}

static void
sift_down(struct turn *heap, uint32_t count, uint32_t i)
{
	struct turn moving = heap[i];

	for (;;) {
		uint32_t child = 2 * i + 1;

		if (child >= count)
			break;
		if (child + 1 < count && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &moving))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = moving;
}

/*
 * Each member starts somewhere inside its own lap: were all to start at once, every change of
 * state would send a burst to the heavy ones, and a region that flaps would see nothing else.
 */
static void
rebuilt(struct balancer *b)
{
	const struct members *m = &b->members;
	struct round_robin *r = b->round_robin;

	if (m->equal)
		return;
	for (uint32_t i = 0; i < m->count; i++) {
		uint64_t lap = LAP / m->weight[i];
		uint64_t phase = (uint64_t)((unsigned __int128)rng_next(b->rng) * lap >> 64);

		r->heap[i] = (struct turn){ .due = phase, .member = i };
	}
	for (uint32_t i = m->count / 2; i-- > 0;)
		sift_down(r->heap, m->count, i);
}

static struct endpoint *
draw(struct balancer *b, const struct pick *pick)
{
	const struct members *m = &b->members;
	struct round_robin *r = b->round_robin;
	uint32_t member;

	if (m->equal) {
		r->next = r->next + 1 < m->count ? r->next + 1 : 0;
		return members_endpoint(m, r->next);
	}
	member = r->heap[0].member;
	r->heap[0].due += LAP / m->weight[member];
	sift_down(r->heap, m->count, 0);
	return members_endpoint(m, member);
}

static void
open_turns(struct balancer *b)
{
	uint32_t room = b->members.region->endpoint_count;

	b->round_robin = mem_new(sizeof *b->round_robin);
	b->round_robin->heap = mem_array(room, sizeof b->round_robin->heap[0]);
	if (room > 0)
		b->round_robin->next = rng_below(b->rng, room);
}

static void
close_turns(struct balancer *b)
{
	mem_free(b->round_robin->heap);
	mem_free(b->round_robin);
	b->round_robin = NULL;
}

const struct balancer_ops round_robin_ops = {
	.open = open_turns,
	.close = close_turns,
	.rebuilt = rebuilt,
	.draw = draw,
};
