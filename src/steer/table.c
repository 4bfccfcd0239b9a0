/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/table.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/watchdog.h"
#include "conf/topology.h"
#include "steer/maglev.h"
#include "steer/sticky.h"

/* Shared by tables whose region has the same members; counted, any thread. */
struct maglev_slots {
	atomic_uint refs;
	uint32_t slots[];
};

/* A region's endpoints while they are gathered; each place keeps where it was listed. */
struct listed {
	struct endpoint *endpoint; /* one reference */
	uint32_t weight;
	uint32_t place;
};

struct gathering {
	struct listed *list;
	unsigned count;
	unsigned room;
};

struct builder {
	struct table *table;
	const struct table *old; /* NULL: none */
	struct endpoint_registry *endpoints;
	struct steering_registry *steerings;
	table_resolve_fn *resolve;
	void *resolve_arg;
	struct gathering gathering;
};

static void
gather(struct builder *b, const struct endpoint_identity *identity, uint32_t weight)
{
	struct gathering *g = &b->gathering;

	if (g->count == g->room) {
		g->room = g->room > 0 ? 2 * g->room : 64;
		g->list = mem_resize(g->list, g->room * sizeof g->list[0]);
	}
	g->list[g->count] = (struct listed){
		.endpoint = endpoint_registry_get(b->endpoints, identity),
		.weight = weight,
		.place = g->count,
	};
	g->count++;
}

static int
compare_addresses(const void *a, const void *b)
{
	const struct sockaddr_storage *x = a;
	const struct sockaddr_storage *y = b;

	if (x->ss_family != y->ss_family)
		return x->ss_family < y->ss_family ? -1 : 1;
	if (x->ss_family == AF_INET6) {
		const struct sockaddr_in6 *x6 = a;
		const struct sockaddr_in6 *y6 = b;

		return memcmp(&x6->sin6_addr, &y6->sin6_addr, sizeof x6->sin6_addr);
	}
	const struct sockaddr_in *x4 = a;
	const struct sockaddr_in *y4 = b;

	return memcmp(&x4->sin_addr, &y4->sin_addr, sizeof x4->sin_addr);
}

static socklen_t
address_size(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/* Sorted, since servers rotate their answers and a table must not differ by that. */
static void
gather_name(struct builder *b, struct endpoint_identity *identity, const struct conf_service *s,
    const struct conf_service_region *r, unsigned index)
{
	struct table_addresses found = b->resolve(b->resolve_arg, s, r, index);
	struct sockaddr_storage *sorted;

	if (found.count == 0)
		return;
	sorted = mem_array(found.count, sizeof *sorted);
	for (unsigned i = 0; i < found.count; i++)
		memcpy(&sorted[i], &found.list[i], found.lens[i]);
	qsort(sorted, found.count, sizeof *sorted, compare_addresses);
	for (unsigned i = 0; i < found.count; i++) {
		identity->addr = (const struct sockaddr *)&sorted[i];
		identity->addr_len = address_size(&sorted[i]);
		gather(b, identity, r->endpoints[index].weight);
	}
	mem_free(sorted);
}

static void
gather_region(struct builder *b, const struct conf_service *s, const struct conf_service_region *r)
{
	b->gathering.count = 0;
	for (unsigned i = 0; i < r->endpoint_count; i++) {
		const struct conf_endpoint *e = &r->endpoints[i];
		struct endpoint_identity identity = { .service = s->name,
			.region = r->region->name,
			.host = e->host,
			.tls = e->tls,
			.raw = e->raw,
			.addr = (const struct sockaddr *)&e->addr.addr,
			.addr_len = e->addr.len };

		if (e->literal)
			gather(b, &identity, e->weight);
		else
			gather_name(b, &identity, s, r, i);
	}
}

static int
compare_ids(const void *a, const void *b)
{
	const struct listed *x = a;
	const struct listed *y = b;

	if (x->endpoint->id != y->endpoint->id)
		return x->endpoint->id < y->endpoint->id ? -1 : 1;
	return x->place < y->place ? -1 : 1;
}

static int
compare_places(const void *a, const void *b)
{
	const struct listed *x = a;
	const struct listed *y = b;

	return x->place < y->place ? -1 : 1;
}

/* One endpoint for each identity, at its first place; the others' weights and references go. */
static void
merge(struct gathering *g)
{
	unsigned kept = 0;

	if (g->count == 0)
		return;
	qsort(g->list, g->count, sizeof g->list[0], compare_ids);
	for (unsigned i = 1; i < g->count; i++) {
		if (g->list[i].endpoint == g->list[kept].endpoint) {
			g->list[kept].weight += g->list[i].weight;
			endpoint_unref(g->list[i].endpoint);
		} else
			g->list[++kept] = g->list[i];
	}
	g->count = kept + 1;
	qsort(g->list, g->count, sizeof g->list[0], compare_places);
	/* Places are from now on those in the region. */
	for (unsigned i = 0; i < g->count; i++)
		g->list[i].place = i;
}

static void
take_gathered(struct table_region *region, struct gathering *g, struct arena *arena)
{
	region->endpoint_count = g->count;
	region->endpoints = arena_array(arena, g->count, sizeof(struct endpoint *));
	region->weights = arena_array(arena, g->count, sizeof region->weights[0]);
	region->by_id = arena_array(arena, g->count, sizeof region->by_id[0]);
	for (unsigned i = 0; i < g->count; i++) {
		const struct listed *l = &g->list[i];

		region->endpoints[i] = l->endpoint;
		region->weights[i] = l->weight < UINT16_MAX ? (uint16_t)l->weight : UINT16_MAX;
	}
	if (g->count > 0)
		qsort(g->list, g->count, sizeof g->list[0], compare_ids);
	for (unsigned i = 0; i < g->count; i++)
		region->by_id[i] = g->list[i].place;
}

static bool
same_members(const struct table_region *a, const struct table_region *b)
{
	if (a->endpoint_count != b->endpoint_count)
		return false;
	for (unsigned i = 0; i < a->endpoint_count; i++)
		if (a->endpoints[i] != b->endpoints[i] || a->weights[i] != b->weights[i])
			return false;
	return true;
}

/* The same steering is the same name. Most reloads leave services where they were. */
static const struct table_service *
find_old(const struct table *old, const struct table_service *service)
{
	unsigned at = service->index;

	for (unsigned i = 0; old != NULL && i < old->service_count; i++, at++) {
		if (at >= old->service_count)
			at = 0;
		if (old->services[at].steering == service->steering)
			return &old->services[at];
	}
	return NULL;
}

/* Filling the slots of 10,000 endpoints takes tens of ms; most reloads change none of them. */
static bool
share_maglev(const struct table_service *old, struct table_region *region)
{
	if (old == NULL)
		return false;
	for (unsigned i = 0; i < old->region_count; i++) {
		const struct table_region *r = &old->regions[i];

		if (r->steering != region->steering || r->maglev_owner == NULL ||
		    !same_members(r, region))
			continue;
		atomic_fetch_add_explicit(&r->maglev_owner->refs, 1, memory_order_relaxed);
		region->maglev_owner = r->maglev_owner;
		region->maglev = r->maglev;
		region->maglev_size = r->maglev_size;
		return true;
	}
	return false;
}

static void
build_maglev(struct table_region *region)
{
	uint32_t size = maglev_size_for(region->endpoint_count);
	struct maglev_slots *m = mem_raw(sizeof *m + size * sizeof m->slots[0]);
	struct arena *scratch = arena_new();
	const char **names = arena_array(scratch, region->endpoint_count, sizeof *names);

	/* The host too: two names may lead to one address. */
	for (unsigned i = 0; i < region->endpoint_count; i++)
		names[i] = arena_printf(
		    scratch, "%s %s", region->endpoints[i]->url, region->endpoints[i]->host);
	maglev_fill(m->slots, size, names, region->weights, region->endpoint_count);
	arena_free(scratch);
	atomic_init(&m->refs, 1);
	region->maglev_owner = m;
	region->maglev = m->slots;
	region->maglev_size = size;
}

static void
build_service(struct builder *b, struct table_service *service, const struct conf_service *conf)
{
	struct arena *arena = b->table->arena;
	const struct table_service *old = NULL;

	service->conf = conf;
	service->index = conf->index;
	service->steering = steering_registry_service(b->steerings, conf->name);
	if (conf->balance == BALANCE_MAGLEV)
		old = find_old(b->old, service);
	service->region_count = conf->region_count;
	service->regions = arena_array(arena, conf->region_count, sizeof service->regions[0]);
	for (unsigned i = 0; i < conf->region_count; i++) {
		struct table_region *region = &service->regions[i];

		region->conf = &conf->regions[i];
		region->name = region->conf->region->name;
		region->index = i;
		region->steering = steering_registry_get(b->steerings, conf->name, region->name);
		gather_region(b, conf, region->conf);
		merge(&b->gathering);
		take_gathered(region, &b->gathering, arena);
		if (conf->sticky != NULL)
			sticky_build(region, conf, arena);
		if (conf->balance == BALANCE_MAGLEV && region->endpoint_count > 0 &&
		    !share_maglev(old, region))
			build_maglev(region);
	}
}

struct table *
table_build(struct topology *topology, const struct table *old, struct endpoint_registry *endpoints,
    struct steering_registry *steerings, table_resolve_fn *resolve, void *arg, unsigned holders)
{
	struct arena *arena = arena_new();
	struct table *t = arena_take(arena, sizeof *t);
	struct builder b = { .table = t,
		.old = old,
		.endpoints = endpoints,
		.steerings = steerings,
		.resolve = resolve,
		.resolve_arg = arg };

	assert(holders > 0);
	topology_ref(topology);
	t->arena = arena;
	t->topology = topology;
	t->generation = old != NULL ? old->generation + 1 : 1;
	atomic_init(&t->holders, holders);
	if (old != NULL && old->topology == topology)
		t->routes = route_index_ref(old->routes);
	else
		t->routes = route_index_build(topology);
	t->service_count = topology->service_count;
	t->services = arena_array(arena, t->service_count, sizeof t->services[0]);
	for (unsigned i = 0; i < t->service_count; i++) {
		build_service(&b, &t->services[i], &topology->services[i]);
		watchdog_work();
	}
	mem_free(b.gathering.list);
	return t;
}

static void
release_region(struct table_region *r)
{
	for (unsigned i = 0; i < r->endpoint_count; i++)
		endpoint_unref(r->endpoints[i]);
	if (r->maglev_owner != NULL &&
	    atomic_fetch_sub_explicit(&r->maglev_owner->refs, 1, memory_order_acq_rel) == 1)
		mem_free(r->maglev_owner);
}

void
table_release(struct table *t)
{
	/* Acquire, too: the last one frees what the others have read. */
	if (atomic_fetch_sub_explicit(&t->holders, 1, memory_order_acq_rel) > 1)
		return;
	for (unsigned i = 0; i < t->service_count; i++)
		for (unsigned j = 0; j < t->services[i].region_count; j++)
			release_region(&t->services[i].regions[j]);
	route_index_free(t->routes);
	if (t->listeners_free != NULL)
		t->listeners_free(t->listeners);
	topology_unref(t->topology);
	arena_free(t->arena);
}

const struct conf_route *
table_route(const struct table *t, struct slice host, struct slice path, route_accepts_fn *accepts,
    void *arg)
{
	return route_index_find(t->routes, host, path, accepts, arg);
}

int
table_region_index(const struct table_region *region, uint32_t id)
{
	unsigned low = 0;
	unsigned high = region->endpoint_count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		uint32_t index = region->by_id[middle];

		if (region->endpoints[index]->id == id)
			return (int)index;
		if (region->endpoints[index]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

const struct table_service *
table_service_find(const struct table *t, const char *name)
{
	for (unsigned i = 0; i < t->service_count; i++)
		if (strcmp(t->services[i].conf->name, name) == 0)
			return &t->services[i];
	return NULL;
}
