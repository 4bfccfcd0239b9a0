/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/mem.h"
#include "conf/conf.h"
#include "conf/load.h"
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

static bool
is_wider(const struct conf_route *r, const struct conf_route *than)
{
	size_t len = strlen(r->path);

	return !r->exact && len < strlen(than->path) && memcmp(r->path, than->path, len) == 0 &&
	    (r->host[0] == '\0' || strcmp(r->host, than->host) == 0);
}

/* Of each service the widest route that lets everybody in: one is enough to say so. */
static const struct conf_route **
find_open_routes(const struct topology *t)
{
	const struct conf_route **open = mem_array(t->service_count + 1, sizeof *open);

	for (unsigned i = 0; i < t->route_count; i++) {
		const struct conf_route *r = &t->routes[i], **best;

		if (r->service == NULL || r->basic_auth != NULL || has_rules(r))
			continue;
		best = &open[r->service->index];
		if (*best == NULL || strlen(r->path) < strlen((*best)->path))
			*best = r;
	}
	return open;
}

/* nginx merges slashes before it looks for a location, and services often do too. */
static void
check_ways_round(struct load *l)
{
	const struct topology *t = l->topology;
	const struct conf_route **open;

	if (l->report.problems->errors > 0 || t->client.slashes != SLASHES_KEEP)
		return;
	open = find_open_routes(t);
	for (unsigned i = 0; i < t->route_count; i++) {
		const struct conf_route *r = &t->routes[i];
		const struct conf_route *other =
		    r->service != NULL ? open[r->service->index] : NULL;

		if (other != NULL && asks_less(other, r) && is_wider(other, r))
			report_warning(&l->report, &r->where,
			    "\"/%s\" passes this route by and reaches %s unguarded, by the route "
			    "in line %u; write slashes = \"merge\" into limits, or guard that "
			    "route too",
			    r->path, r->service->name, other->where.line);
	}
	mem_free(open);
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
