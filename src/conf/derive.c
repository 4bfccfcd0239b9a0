/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "base/arena.h"
#include "conf/address.h"
#include "conf/cpus.h"
#include "conf/load.h"
#include "conf/memory.h"
#include "conf/server_name.h"

static uint32_t
smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t
larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static void
derive_region(struct load *l, struct conf_service_region *r)
{
	/* A second cloud has its own Host, and with it its own name for TLS. */
	if (r->tls.sni == NULL && r->host != NULL)
		r->tls.sni = conf_authority_host(r->host, l->arena);
}

static void
derive_service(struct load *l, struct conf_service *s)
{
	struct conf_health_check *check = &s->check;

	if (check->where.file == NULL)
		check->type = CHECK_NONE;
	if (s->sticky != NULL)
		derive_sticky(s->sticky, s->name);
	check->fast_interval_ms = smaller(check->fast_interval_ms, check->interval_ms);
	for (unsigned i = 0; i < s->region_count; i++) {
		derive_region(l, &s->regions[i]);
		l->topology->sends_proxy |= s->regions[i].send_proxy != SEND_PROXY_OFF;
	}
}

/* What a rule without a name is called: by its kind. */
static const char *
safety_kind(const struct conf_safety *rule)
{
	if (rule->at_least > 0)
		return "at_least";
	if (rule->never_together_count > 0)
		return "never_together";
	return rule->capacity ? "capacity" : "wait";
}

/* With one service for requests and no routes there is only one thing the file can mean. */
static void
add_default_route(struct load *l)
{
	struct topology *t = l->topology;
	const struct conf_service *only = NULL;

	for (unsigned i = 0; i < t->service_count; i++) {
		if (t->services[i].protocol != SERVICE_HTTP)
			continue;
		if (only != NULL)
			return;
		only = &t->services[i];
	}
	if (only == NULL)
		return;
	t->routes = arena_array(l->arena, 1, sizeof *t->routes);
	t->route_count = 1;
	load_group(l, BLOCK_ROUTE, t->routes, NULL);
	t->routes->service = only;
	t->routes->where = only->where;
}

/* The same listener to write to; NULL: the route names none, or none that is there. */
static struct conf_listener *
listener_of(struct topology *t, const struct conf_route *r)
{
	uintptr_t first = (uintptr_t)t->listeners, named = (uintptr_t)r->listener;

	if (named < first || named >= first + t->listener_count * sizeof t->listeners[0])
		return NULL;
	return &t->listeners[(named - first) / sizeof t->listeners[0]];
}

/* Routes by server name move to their listener: what remains are those for requests. */
static void
derive_server_names(struct load *l)
{
	struct topology *t = l->topology;
	unsigned kept = 0;

	for (unsigned i = 0; i < t->listener_count; i++) {
		struct conf_listener *one = &t->listeners[i];
		unsigned count = 0;

		for (unsigned r = 0; r < t->route_count; r++)
			count += t->routes[r].listener == one;
		if (one->protocol == PROTOCOL_TLS_PASSTHROUGH)
			one->server_names =
			    arena_array(l->arena, count, sizeof *one->server_names);
	}
	for (unsigned r = 0; r < t->route_count; r++) {
		const struct conf_route *route = &t->routes[r];
		struct conf_listener *one = listener_of(t, route);

		if (one != NULL && one->server_names != NULL && route->host != NULL)
			one->server_names[one->server_name_count++] = *route;
		else
			t->routes[kept++] = *route;
	}
	t->route_count = kept;
	for (unsigned i = 0; i < t->listener_count; i++)
		conf_server_names_sort(&t->listeners[i]);
}

static bool
has_rules(const struct conf_access *a)
{
	return a->deny.count > 0 || a->allow.count > 0 || a->rate_limit != NULL;
}

void
derive(struct load *l)
{
	struct topology *t = l->topology;

	if (t->workers == 0)
		t->workers = cpus_usable("");
	t->client.header_line_bytes = smaller(t->client.header_line_bytes, t->client.header_bytes);
	if (t->memory.limit_bytes == 0)
		t->memory.limit_bytes = memory_usable("");
	/* Who sets no deadline for what is open sets none for the process. */
	t->drain_hard_stop_ms =
	    t->drain_timeout_ms == 0 ? 0 : larger(t->drain_hard_stop_ms, t->drain_timeout_ms);
	for (unsigned i = 0; i < t->listener_count; i++)
		t->listeners_have_rules |= has_rules(&t->listeners[i].access);
	for (unsigned i = 0; i < t->region_count; i++)
		t->regions[i].index = i;
	for (unsigned i = 0; i < t->service_count; i++) {
		t->services[i].index = i;
		derive_service(l, &t->services[i]);
	}
	for (unsigned i = 0; i < t->safety_count; i++) {
		if (t->safety[i].name == NULL)
			t->safety[i].name = safety_kind(&t->safety[i]);
	}
	if (t->route_count == 0)
		add_default_route(l);
	for (unsigned i = 0; i < t->route_count; i++) {
		struct conf_route *r = &t->routes[i];

		derive_shaping(l, r);
		if (r->name != NULL || r->host == NULL || r->path == NULL)
			continue;
		if (r->listener != NULL)
			r->name = r->host[0] != '\0' ? r->host : r->listener->name;
		else
			r->name = arena_printf(l->arena, "%s%s", r->host, r->path);
	}
	derive_server_names(l);
}
