// SPDX-License-Identifier: Apache-2.0
#include "proxy/crowd.h"

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>

#include "base/mem.h"
#include "base/hash.h"

enum { ROWS = 2, PLACES = 16 * 1024, PREFIX4 = 24, PREFIX6 = 64 };

struct crowd {
	uint64_t seed;
	atomic_uint rows[ROWS][PLACES];
};

struct crowd *
crowd_new(uint64_t seed)
{
	struct crowd *c = mem_new(sizeof *c);

	c->seed = seed;
	return c;
}

void
crowd_free(struct crowd *c)
{
	mem_free(c);
}

static void
places_of(struct crowd *c, const struct ip *ip, atomic_uint *places[ROWS])
{
	struct ip client = ip_network(ip, PREFIX4, PREFIX6);
	uint64_t hash = hash_bytes(&client, sizeof client, c->seed);

	for (unsigned i = 0; i < ROWS; i++, hash >>= 32)
		places[i] = &c->rows[i][hash % PLACES];
}

static void
leave(atomic_uint *places[ROWS])
{
	for (unsigned i = 0; i < ROWS; i++) {
		unsigned before = atomic_fetch_sub_explicit(places[i], 1, memory_order_relaxed);

		assert(before > 0);
	}
}

bool
crowd_enter(struct crowd *c, const struct ip *ip, uint32_t most)
{
	atomic_uint *places[ROWS];
	unsigned others = UINT32_MAX;

	places_of(c, ip, places);
	for (unsigned i = 0; i < ROWS; i++) {
		unsigned before = atomic_fetch_add_explicit(places[i], 1, memory_order_relaxed);

		if (before < others)
			others = before;
	}
	if (most == 0 || others < most)
		return true;
	leave(places);
	return false;
}

void
crowd_leave(struct crowd *c, const struct ip *ip)
{
	atomic_uint *places[ROWS];

	places_of(c, ip, places);
	leave(places);
}
