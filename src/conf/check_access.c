/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/arena.h"
#include "conf/conf.h"
#include "conf/load.h"
#include "conf/names.h"
#include "conf/route_names.h"
#include "conf/topology.h"

static void
check_rate_limit(struct load *l, const struct conf_rate_limit *r, bool requests)
{
	if (r->key == RATE_KEY_HEADER && !requests)
		report_error(&l->report, &r->where,
		    "connections have no headers to be told apart by; write key = \"client_ip\"");
	else if (r->key == RATE_KEY_HEADER && r->header == NULL)
		report_error(&l->report, &r->where,
		    "key = \"header\" does not say which one; add header = \"...\";");
	if (r->key != RATE_KEY_HEADER && r->header != NULL)
		report_warning(&l->report, &r->where,
		    "header has no effect; write key = \"header\" or remove it");
}

static bool
has_rules(const struct conf_route *r)
{
	return r->access.allow.count > 0 || r->access.deny.count > 0;
}

/* Does r ask less of a client than guarded does? */
static bool
asks_less(const struct conf_route *r, const struct conf_route *guarded)
{
	return (guarded->basic_auth != NULL && r->basic_auth == NULL) ||
	    (has_rules(guarded) && !has_rules(r));
}

/*
 * Who serves the route's path when one of its slashes is doubled, if that asks less and leads to
 * the same service. way: the path, in the arena.
 */
static const struct conf_route *
find_way_round(const struct names *index, struct arena *arena, const struct conf_route *guarded,
    const char **way)
{
	for (const char *at = guarded->path; at != NULL; at = strchr(at + 1, '/')) {
		const struct conf_route *r;

		*way = arena_printf(arena, "%.*s/%s", (int)(at - guarded->path), guarded->path, at);
		r = route_names_find(index, arena, guarded->host, *way);
		if (r != NULL && r->service == guarded->service && asks_less(r, guarded))
			return r;
	}
	return NULL;
}

static void
check_way_round(struct load *l, const struct names *index, const struct conf_route *guarded)
{
	struct arena *arena = arena_new();
	const char *way;
	const struct conf_route *r = find_way_round(index, arena, guarded, &way);

	if (r != NULL)
		report_warning(&l->report, &guarded->where,
		    "\"%s\" passes this route by and reaches %s unguarded, by the route in line %u; "
		    "write slashes = \"merge\" into limits, or guard that route too",
		    way, guarded->service->name, r->where.line);
	arena_free(arena);
}

/* nginx merges slashes before it looks for a location, and services often do too. */
static void
check_ways_round(struct load *l)
{
	const struct topology *t = l->topology;
	struct names *index;

	if (l->report.problems->errors > 0 || t->client.slashes != SLASHES_KEEP)
		return;
	index = names_new();
	for (unsigned i = 0; i < t->route_count; i++)
		if (t->routes[i].conditions == 0)
			names_add(index, route_names_key(l->arena, &t->routes[i]), &t->routes[i],
			    t->routes[i].where);
	for (unsigned i = 0; i < t->route_count; i++) {
		const struct conf_route *r = &t->routes[i];

		if (r->service != NULL && (r->basic_auth != NULL || has_rules(r)))
			check_way_round(l, index, r);
	}
	names_free(index);
}

void
check_access(struct load *l)
{
	const struct topology *t = l->topology;

	for (unsigned i = 0; i < t->listener_count; i++) {
		const struct conf_listener *one = &t->listeners[i];

		if (one->access.rate_limit != NULL)
			check_rate_limit(l, one->access.rate_limit, one->protocol == PROTOCOL_HTTP);
		for (unsigned r = 0; r < one->server_name_count; r++)
			if (one->server_names[r].access.rate_limit != NULL)
				check_rate_limit(l, one->server_names[r].access.rate_limit, false);
	}
	for (unsigned i = 0; i < t->route_count; i++)
		if (t->routes[i].access.rate_limit != NULL)
			check_rate_limit(l, t->routes[i].access.rate_limit, true);
	check_ways_round(l);
}
