/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/arena.h"
#include "conf/conf.h"
#include "conf/load.h"
#include "conf/route_index.h"
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

static bool
is_guarded(const struct conf_route *r)
{
	return r->basic_auth != NULL || has_rules(r) || r->access.rate_limit != NULL;
}

/* Does r ask less of a client than guarded does? */
static bool
asks_less(const struct conf_route *r, const struct conf_route *guarded)
{
	return (guarded->basic_auth != NULL && r->basic_auth == NULL) ||
	    (has_rules(guarded) && !has_rules(r)) ||
	    (guarded->access.rate_limit != NULL && r->access.rate_limit == NULL);
}

/* The services a route leads to, one after the other; NULL: there are no more. */
static const struct conf_service *
service_at(const struct conf_route *r, unsigned i)
{
	if (r->split_count > 0)
		return i < r->split_count ? r->splits[i].service : NULL;
	return i == 0 ? r->service : NULL;
}

/* One that both lead to, or NULL. */
static const struct conf_service *
common_service(const struct conf_route *a, const struct conf_route *b)
{
	const struct conf_service *one, *other;

	for (unsigned i = 0; (one = service_at(a, i)) != NULL; i++)
		for (unsigned j = 0; (other = service_at(b, j)) != NULL; j++)
			if (one == other)
				return one;
	return NULL;
}

static bool
share_a_method(const struct conf_route *a, const struct conf_route *b)
{
	if (a->method_count == 0 || b->method_count == 0)
		return true;
	for (unsigned i = 0; i < a->method_count; i++)
		for (unsigned j = 0; j < b->method_count; j++)
			if (strcmp(a->methods[i], b->methods[j]) == 0)
				return true;
	return false;
}

/* Who writes two routes for one place means what their conditions say. */
static bool
share_a_place(const struct conf_route *a, const struct conf_route *b)
{
	return a->exact == b->exact && strcmp(a->host, b->host) == 0 &&
	    slice_eq(route_index_path(a), route_index_path(b));
}

/* Does r, asked in guarded's stead, let pass who is not to? */
static bool
leads_round(const struct conf_route *r, const struct conf_route *guarded)
{
	return asks_less(r, guarded) && common_service(r, guarded) != NULL &&
	    !share_a_place(r, guarded);
}

/*
 * Of a request that meets the conditions of guarded: whether it meets r's is up to who sends it,
 * as far as the method leaves that open.
 */
static bool
may_be_met(const struct conf_route *r, void *arg)
{
	const struct conf_route *guarded = arg;

	return r == guarded || (leads_round(r, guarded) && share_a_method(r, guarded));
}

/*
 * Who serves the route's path when one of its slashes is doubled, if that asks less and leads to
 * the same service. way: the path, in the arena.
 */
static const struct conf_route *
find_way_round(const struct route_index *index, struct arena *arena, struct conf_route *guarded,
    const char **way)
{
	for (const char *at = guarded->path; at != NULL; at = strchr(at + 1, '/')) {
		const struct conf_route *r;

		*way = arena_printf(arena, "%.*s/%s", (int)(at - guarded->path), guarded->path, at);
		r = route_index_find(
		    index, slice_of(guarded->host), slice_of(*way), may_be_met, guarded);
		if (r != NULL && leads_round(r, guarded))
			return r;
	}
	return NULL;
}

static void
check_way_round(struct load *l, const struct route_index *index, struct conf_route *guarded)
{
	struct arena *arena = arena_new();
	const char *way;
	const struct conf_route *r = find_way_round(index, arena, guarded, &way);

	if (r != NULL)
		report_warning(&l->report, &guarded->where,
		    "\"%s\" passes this route by and reaches %s unguarded, by the route in line %u; "
		    "write slashes = \"merge\" into limits, or guard that route too",
		    way, common_service(r, guarded)->name, r->where.line);
	arena_free(arena);
}

/* nginx merges slashes before it looks for a location, and services often do too. */
static void
check_ways_round(struct load *l)
{
	const struct topology *t = l->topology;
	struct route_index *index = NULL;

	if (l->report.problems->errors > 0 || t->client.slashes != SLASHES_KEEP)
		return;
	for (unsigned i = 0; i < t->route_count; i++) {
		if (!is_guarded(&t->routes[i]))
			continue;
		if (index == NULL)
			index = route_index_build(t);
		check_way_round(l, index, &t->routes[i]);
	}
	if (index != NULL)
		route_index_free(index);
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
