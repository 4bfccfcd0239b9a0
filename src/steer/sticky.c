/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/sticky.h"

#include <stdlib.h>
#include <string.h>

#include "balancer.h"
#include "base/arena.h"
#include "base/siphash.h"
#include "conf/topology.h"
#include "steer/region.h"
#include "steer/share.h"

uint64_t
sticky_name(const struct conf_service *s, const struct endpoint *e)
{
	struct siphash h;

	siphash_begin(&h, &s->sticky->key);
	siphash_add(&h, e->region, strlen(e->region) + 1);
	siphash_add(&h, e->url, strlen(e->url) + 1);
	siphash_add(&h, e->host, strlen(e->host));
	return siphash_end(&h);
}

static int
compare_names(const void *a, const void *b)
{
	const struct sticky_name *x = a;
	const struct sticky_name *y = b;

	return x->name < y->name ? -1 : x->name > y->name;
}

void
sticky_build(struct table_region *r, const struct conf_service *s, struct arena *arena)
{
	struct sticky_name *names;

	if (r->endpoint_count == 0)
		return;
	names = arena_array(arena, r->endpoint_count, sizeof *names);
	for (uint32_t i = 0; i < r->endpoint_count; i++)
		names[i] = (struct sticky_name){ sticky_name(s, r->endpoints[i]), i };
	qsort(names, r->endpoint_count, sizeof *names, compare_names);
	r->sticky = names;
}

static uint32_t
share_of(const struct table_region *r)
{
	return atomic_load_explicit(&r->steering->share, memory_order_relaxed);
}

static bool
may_stay(const struct table_region *r, const struct pick *pick)
{
	uint64_t out = pick->avoid_regions | pick->exclude_regions;

	if (share_of(r) == 0 || (r->index < 64 && (out >> r->index & 1) != 0))
		return false;
	switch ((enum region_state)atomic_load_explicit(&r->steering->state, memory_order_relaxed)) {
	case REGION_UP:
	case REGION_SUSPECT:
	case REGION_RAMP:
		/* A standby that is only kept warm holds nobody. */
		return atomic_load_explicit(&r->steering->trickle, memory_order_relaxed) == 0;
	case REGION_GREY:
	case REGION_DOWN:
	case REGION_HOLD:
	case REGION_EVACUATED:
		return false;
	}
	return false;
}

static struct endpoint *
find_in(const struct table_region *r, uint64_t name)
{
	struct sticky_name key = { .name = name };
	const struct sticky_name *found = NULL;

	if (r->sticky != NULL)
		found = bsearch(&key, r->sticky, r->endpoint_count, sizeof key, compare_names);
	return found != NULL ? r->endpoints[found->endpoint] : NULL;
}

struct endpoint *
sticky_find(const struct table_service *s, const struct pick *pick, uint64_t name, unsigned *region)
{
	for (unsigned i = 0; i < s->region_count; i++) {
		struct endpoint *e = find_in(&s->regions[i], name);
		unsigned word;

		if (e == NULL)
			continue;
		word = atomic_load_explicit(&e->word, memory_order_relaxed);
		if (!members_accept(MEMBERS_UP, word) || pick_was_tried(pick, e) ||
		    !may_stay(&s->regions[i], pick))
			return NULL;
		*region = i;
		return e;
	}
	return NULL;
}
