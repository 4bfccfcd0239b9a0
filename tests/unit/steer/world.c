/* SPDX-License-Identifier: Apache-2.0 */
#include "world.h"

#include <netinet/in.h>

#include "base/arena.h"

static struct table_addresses
resolve_nothing(
    void *arg, const struct conf_service *s, const struct conf_service_region *r, unsigned endpoint)
{
	return (struct table_addresses){ .count = 0 };
}

static void
fill_endpoint(struct arena *arena, struct conf_endpoint *e, unsigned region, unsigned index)
{
	struct sockaddr_in *in = (void *)&e->addr.addr;

	e->literal = true;
	e->port = 80;
	e->weight = 1;
	in->sin_family = AF_INET;
	in->sin_port = htons(80);
	in->sin_addr.s_addr = htonl(10u << 24 | region << 16 | index);
	e->addr.len = sizeof *in;
	e->host = arena_printf(arena, "10.%u.%u.%u", region, index >> 8, index & 0xff);
	e->url = arena_printf(arena, "http://%s:80", e->host);
}

struct topology *
world_topology(enum conf_balance balance, const struct world_region *regions, unsigned count)
{
	struct arena *arena = arena_new();
	struct topology *t = arena_take(arena, sizeof *t);
	struct conf_service *s = arena_take(arena, sizeof *s);

	t->arena = arena;
	atomic_init(&t->refs, 1);
	t->regions = arena_array(arena, count, sizeof t->regions[0]);
	t->region_count = count;
	t->services = s;
	t->service_count = 1;
	t->routes = arena_take(arena, sizeof t->routes[0]);
	t->route_count = 1;
	t->routes[0] = (struct conf_route){ .host = "", .path = "/", .service = s };
	s->name = "shop";
	s->balance = balance;
	s->regions = arena_array(arena, count, sizeof s->regions[0]);
	s->region_count = count;
	for (unsigned i = 0; i < count; i++) {
		struct conf_service_region *r = &s->regions[i];

		t->regions[i].name = arena_printf(arena, "r%u", i);
		t->regions[i].index = i;
		r->region = &t->regions[i];
		r->tier = regions[i].tier;
		r->weight = regions[i].weight;
		r->endpoint_count = regions[i].endpoints;
		r->endpoints = arena_array(arena, r->endpoint_count, sizeof r->endpoints[0]);
		for (unsigned j = 0; j < r->endpoint_count; j++) {
			fill_endpoint(arena, &r->endpoints[j], i, j);
			if (regions[i].weights != NULL)
				r->endpoints[j].weight = regions[i].weights[j];
		}
	}
	return t;
}

void
world_open(struct world *w, enum conf_balance balance, const struct world_region *regions,
    unsigned count, unsigned workers)
{
	w->topology = world_topology(balance, regions, count);
	w->endpoints = endpoint_registry_new(workers);
	w->steerings = steering_registry_new(workers);
	w->table =
	    table_build(w->topology, NULL, w->endpoints, w->steerings, resolve_nothing, NULL, 1);
	w->service = &w->table->services[0];
}

void
world_close(struct world *w)
{
	table_release(w->table);
	topology_unref(w->topology);
	endpoint_registry_free(w->endpoints);
	steering_registry_free(w->steerings);
}

static void
tell(struct table_region *r)
{
	unsigned up = 0;

	for (unsigned i = 0; i < r->endpoint_count; i++)
		up += endpoint_word_state(atomic_load(&r->endpoints[i]->word)) == ENDPOINT_UP;
	steering_changed(r->steering, up);
}

void
world_set(struct world *w, unsigned region, unsigned endpoint, enum endpoint_state state)
{
	struct table_region *r = &w->service->regions[region];

	atomic_store(&r->endpoints[endpoint]->word, endpoint_word(state, ENDPOINT_WEIGHT_FULL));
	tell(r);
}

void
world_set_all(struct world *w, unsigned region, enum endpoint_state state)
{
	struct table_region *r = &w->service->regions[region];

	for (unsigned i = 0; i < r->endpoint_count; i++)
		atomic_store(&r->endpoints[i]->word, endpoint_word(state, ENDPOINT_WEIGHT_FULL));
	tell(r);
}

void
world_set_weight(struct world *w, unsigned region, unsigned endpoint, unsigned weight)
{
	struct table_region *r = &w->service->regions[region];
	struct endpoint *e = r->endpoints[endpoint];

	atomic_store(&e->word, endpoint_word(endpoint_word_state(atomic_load(&e->word)), weight));
	tell(r);
}

void
world_share(struct world *w, const uint32_t *shares)
{
	for (unsigned i = 0; i < w->service->region_count; i++)
		atomic_store(&w->service->regions[i].steering->share, shares[i]);
}
