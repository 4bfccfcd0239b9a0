/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/maglev.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "balancer.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/hash.h"

/* The largest primes below powers of two, so that each is about twice the one before. */
static const uint32_t primes[] = { 127, 251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521,
	131071, 262139, 524287, 1048573, 2097143, 4194301 };

/* A member's own order of all slots: offset, offset + skip, offset + 2 skip, ... */
struct turn {
	uint64_t due; /* virtual time of its next slot: a member of weight w takes one each 1/w */
	uint32_t member;
	uint32_t next;
	uint32_t skip;
	uint64_t step;
};

uint32_t
maglev_size_for(unsigned members)
{
	for (size_t i = 0; i < ARRAY_SIZE(primes); i++)
		if (primes[i] >= 100 * (uint64_t)members)
			return primes[i];
	return primes[ARRAY_SIZE(primes) - 1];
}

static bool
before(const struct turn *a, const struct turn *b)
{
	return a->due != b->due ? a->due < b->due : a->member < b->member;
}

/* Restores the heap below i after turns[i] has become later. */
static void
sift_down(struct turn *turns, unsigned count, unsigned i)
{
	struct turn moving = turns[i];

	for (;;) {
		unsigned child = 2 * i + 1;

		if (child >= count)
			break;
		if (child + 1 < count && before(&turns[child + 1], &turns[child]))
			child++;
		if (!before(&turns[child], &moving))
			break;
		turns[i] = turns[child];
		i = child;
	}
	turns[i] = moving;
}

static struct turn
first_turn(uint32_t member, const char *name, uint16_t weight, uint32_t size)
{
	uint64_t step = ((uint64_t)1 << 40) / weight;

	return (struct turn){ .due = step,
		.member = member,
		.next = (uint32_t)(hash_bytes(name, strlen(name), 0) % size),
		.skip = (uint32_t)(hash_bytes(name, strlen(name), 1) % (size - 1) + 1),
		.step = step };
}

/* Ends: skip and a prime size have no common factor, so it visits every slot. */
static void
take_slot(struct turn *t, uint32_t *slots, uint32_t size)
{
	uint32_t at = t->next;

	while (slots[at] != UINT32_MAX) {
		at += t->skip;
		if (at >= size)
			at -= size;
	}
	slots[at] = t->member;
	t->next = at;
}

/*
 * Of equal weights turns come in rounds, which is what the heap would give, in a fifth of its time
 * from some 30 members on and in less than half of it for three.
 */
static bool
weigh_alike(const struct turn *turns, unsigned count)
{
	for (unsigned i = 1; i < count; i++)
		if (turns[i].step != turns[0].step)
			return false;
	return true;
}

static void
fill_in_rounds(uint32_t *slots, uint32_t size, struct turn *turns, unsigned count)
{
	unsigned turn = 0;

	for (uint32_t filled = 0; filled < size; filled++) {
		take_slot(&turns[turn], slots, size);
		turn = turn + 1 < count ? turn + 1 : 0;
	}
}

static void
fill_by_weight(uint32_t *slots, uint32_t size, struct turn *turns, unsigned count)
{
	for (unsigned i = count / 2; i-- > 0;)
		sift_down(turns, count, i);
	for (uint32_t filled = 0; filled < size; filled++) {
		take_slot(&turns[0], slots, size);
		turns[0].due += turns[0].step;
		sift_down(turns, count, 0);
	}
}

/*
 * The paper's loop, but turns come by weight and not in rounds: rounds of all members, of which
 * the light ones mostly pass, would cost members times the heaviest weight.
 */
void
maglev_fill(uint32_t *slots, uint32_t size, const char *const *names, const uint16_t *weights,
    unsigned members)
{
	struct turn *turns = mem_array(members, sizeof *turns);
	unsigned count = 0;

	for (uint32_t i = 0; i < members; i++)
		if (weights[i] > 0)
			turns[count++] = first_turn(i, names[i], weights[i], size);
	assert(count > 0 && size > 1);
	memset(slots, 0xff, size * sizeof slots[0]);
	if (weigh_alike(turns, count))
		fill_in_rounds(slots, size, turns, count);
	else
		fill_by_weight(slots, size, turns, count);
	mem_free(turns);
}

/*
 * Slots walked past endpoints that are out before giving up: with half of a region out, one in
 * 2^64 keys gets there.
 */
enum { WALK = 64, PERMILLE = 1000 };

/* Failing open, some keys of an endpoint that is not up stay there; always the same ones. */
static bool
stays(const struct members *m, const struct endpoint *e, uint64_t key, unsigned word)
{
	if (m->risk >= PERMILLE || members_accept(MEMBERS_UP, word))
		return true;
	return hash_bytes(&key, sizeof key, e->id) % PERMILLE < m->risk;
}

/*
 * The owner of the key's slot or, while it is out, of the next slot whose owner is not: the keys
 * of a lost endpoint spread over all others and return to it with it. Beyond the walk the key
 * still names one and the same member.
 */
static struct endpoint *
draw(struct balancer *b, const struct pick *pick)
{
	const struct members *m = &b->members;
	const struct table_region *r = m->region;
	uint32_t at;

	at = (uint32_t)(pick->hash % r->maglev_size);
	for (unsigned i = 0; i < WALK; i++) {
		struct endpoint *e = r->endpoints[r->maglev[at]];
		unsigned word = atomic_load_explicit(&e->word, memory_order_relaxed);

		if (members_accept(m->level, word) && stays(m, e, pick->hash, word) &&
		    !pick_was_tried(pick, e))
			return e;
		at = at + 1 < r->maglev_size ? at + 1 : 0;
	}
	return members_endpoint(m, (uint32_t)(pick->hash / r->maglev_size % m->count));
}

const struct balancer_ops maglev_ops = { .draw = draw };
