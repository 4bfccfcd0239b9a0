/* SPDX-License-Identifier: Apache-2.0 */
#include "control/state.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"

struct state *
state_new(uint64_t saved_wall_ms)
{
	struct state *s = mem_new(sizeof *s);

	s->arena = arena_new();
	s->saved_wall_ms = saved_wall_ms;
	return s;
}

void
state_free(struct state *s)
{
	if (s == NULL)
		return;
	mem_free(s->regions);
	mem_free(s->endpoints);
	mem_free(s->names);
	arena_free(s->arena);
	mem_free(s);
}

static unsigned
more_room(unsigned room)
{
	return room > 0 ? 2 * room : 16;
}

struct steer_saved_region *
state_add_region(struct state *s, const char *service)
{
	struct state_region *r;

	if (s->region_count == s->region_room) {
		s->region_room = more_room(s->region_room);
		s->regions = mem_resize(s->regions, s->region_room * sizeof s->regions[0]);
	}
	r = &s->regions[s->region_count++];
	memset(r, 0, sizeof *r);
	r->service = arena_strdup(s->arena, service);
	return &r->saved;
}

void
state_add_endpoint(struct state *s, const struct state_endpoint *e)
{
	if (s->endpoint_count == s->endpoint_room) {
		s->endpoint_room = more_room(s->endpoint_room);
		s->endpoints =
		    mem_resize(s->endpoints, s->endpoint_room * sizeof s->endpoints[0]);
	}
	s->endpoints[s->endpoint_count++] = (struct state_endpoint){
		.service = arena_strdup(s->arena, e->service),
		.region = arena_strdup(s->arena, e->region),
		.host = arena_strdup(s->arena, e->host),
		.url = arena_strdup(s->arena, e->url),
		.up = e->up,
	};
}

void
state_add_name(struct state *s, const char *host, const char *const *addresses, unsigned count)
{
	struct state_name *n;

	if (s->name_count == s->name_room) {
		s->name_room = more_room(s->name_room);
		s->names = mem_resize(s->names, s->name_room * sizeof s->names[0]);
	}
	n = &s->names[s->name_count++];
	n->host = arena_strdup(s->arena, host);
	n->address_count = count;
	n->addresses = arena_array(s->arena, count, sizeof n->addresses[0]);
	for (unsigned i = 0; i < count; i++)
		n->addresses[i] = arena_strdup(s->arena, addresses[i]);
}

static int
compare_endpoints(const void *a, const void *b)
{
	const struct state_endpoint *x = a, *y = b;
	int order = strcmp(x->url, y->url);

	if (order == 0)
		order = strcmp(x->service, y->service);
	if (order == 0)
		order = strcmp(x->region, y->region);
	return order != 0 ? order : strcmp(x->host, y->host);
}

static int
compare_names(const void *a, const void *b)
{
	const struct state_name *x = a, *y = b;

	return strcmp(x->host, y->host);
}

void
state_sort(struct state *s)
{
	if (s->endpoint_count > 0)
		qsort(s->endpoints, s->endpoint_count, sizeof s->endpoints[0], compare_endpoints);
	if (s->name_count > 0)
		qsort(s->names, s->name_count, sizeof s->names[0], compare_names);
}

const struct state_endpoint *
state_find_endpoint(const struct state *s, const struct endpoint *e)
{
	struct state_endpoint key = { e->service, e->region, e->host, e->url, false };

	if (s->endpoint_count == 0)
		return NULL;
	return bsearch(
	    &key, s->endpoints, s->endpoint_count, sizeof s->endpoints[0], compare_endpoints);
}

const struct state_name *
state_find_name(const struct state *s, const char *host)
{
	struct state_name key = { host, NULL, 0 };

	if (s->name_count == 0)
		return NULL;
	return bsearch(&key, s->names, s->name_count, sizeof s->names[0], compare_names);
}

uint64_t
state_age_ms(const struct state *s)
{
	uint64_t now_ms = clock_wall_us() / 1000;

	return now_ms > s->saved_wall_ms ? now_ms - s->saved_wall_ms : 0;
}
