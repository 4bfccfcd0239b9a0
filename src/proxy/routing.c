// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing.h"

#include <stdio.h>
#include <string.h>

#include "base/stat.h"
#include "conf/topology.h"
#include "http/uri.h"
#include "proxy/exchange.h"
#include "proxy/service.h"
#include "proxy/worker_state.h"
#include "steer/balance.h"
#include "steer/table.h"

enum { LOCATION_MAX = 8192 };

/* A growing text of bounded size; full: what did not fit is the caller's error. */
struct text {
	char *at;
	size_t len, size;
	bool full;
};

static void
text_add(struct text *t, struct slice s)
{
	if (t->len + s.len > t->size) {
		t->full = true;
		return;
	}
	memcpy(t->at + t->len, s.at, s.len);
	t->len += s.len;
}

static struct slice
host_without_port(const struct exchange *x, char *out)
{
	struct slice host = head_slice(&x->head, x->head.host);
	size_t len = 0;
	unsigned port;

	if (host.len == 0 || !uri_split_authority(host, out, &len, &port))
		len = 0;
	return (struct slice){ out, len };
}

static void
redirect_to(struct exchange *x, const struct text *location, unsigned status)
{
	char extra[LOCATION_MAX + 32];
	struct own_answer a = { .status = status, .text = SLICE("The resource is elsewhere.") };

	a.extra.at = extra;
	a.extra.len = (size_t)snprintf(
	    extra, sizeof extra, "Location: %.*s\r\n", (int)location->len, location->at);
	x->status = (uint16_t)status;
	x->own_answer = true;
	stat_add(&x->worker->stats.redirects, 1);
	x->client->ops->answer(x->client, &a);
}

/* Fills ${host}, ${path} and ${query} into the configured target. */
static void
expand(struct text *t, const struct exchange *x, const char *target, struct slice host)
{
	struct {
		struct slice name, value;
	} vars[] = {
		{ SLICE("${host}"), host },
		{ SLICE("${path}"), head_slice(&x->head, x->head.path) },
		{ SLICE("${query}"), head_slice(&x->head, x->head.query) },
	};
	const char *p = target;

	while (*p != '\0') {
		size_t i;

		for (i = 0; i < ARRAY_SIZE(vars); i++)
			if (strncmp(p, vars[i].name.at, vars[i].name.len) == 0)
				break;
		if (i < ARRAY_SIZE(vars)) {
			text_add(t, vars[i].value);
			p += vars[i].name.len;
		} else {
			text_add(t, (struct slice){ p, 1 });
			p++;
		}
	}
}

static enum routed
nowhere(struct exchange *x, enum fault why)
{
	x->fault = why;
	return ROUTED_NOWHERE;
}

static enum routed
redirect(struct exchange *x, const char *target, struct slice host, unsigned status)
{
	char buf[LOCATION_MAX];
	struct text location = { buf, 0, sizeof buf, false };

	expand(&location, x, target, host);
	if (location.full)
		return nowhere(x, FAULT_URI_TOO_LONG);
	redirect_to(x, &location, status);
	return ROUTED_REDIRECT;
}

/* RFC 9110 section 15.4.9: 308 keeps the method, as clients of an API need. */
static enum routed
redirect_https(struct exchange *x, struct slice host)
{
	char target[64];

	if (host.len == 0)
		return nowhere(x, FAULT_BAD_REQUEST);
	if (x->facts->redirect_port == 443)
		snprintf(target, sizeof target, "https://${host}${path}${query}");
	else
		snprintf(target, sizeof target, "https://${host}:%u${path}${query}",
		    x->facts->redirect_port);
	return redirect(x, target, host, 308);
}

static uint64_t
hash_of_cookie(const struct exchange *x, struct slice name)
{
	const struct field *f = head_find(&x->head, FIELD_COOKIE);
	struct slice v;

	if (f == NULL)
		return 0;
	v = field_value(&x->head, f);
	for (size_t i = 0; i < v.len;) {
		const char *end = memchr(v.at + i, ';', v.len - i);
		size_t stop = end != NULL ? (size_t)(end - v.at) : v.len;

		while (i < stop && v.at[i] == ' ')
			i++;
		if (stop - i > name.len && memcmp(v.at + i, name.at, name.len) == 0 &&
		    v.at[i + name.len] == '=')
			return hash_bytes(v.at + i, stop - i, 0);
		i = stop + 1;
	}
	return 0;
}

static uint64_t
hash_of_header(const struct exchange *x, struct slice name)
{
	for (unsigned i = 0; i < x->head.field_count; i++) {
		const struct field *f = &x->head.fields[i];

		if (slice_eq_nocase(field_name(&x->head, f), name)) {
			struct slice v = field_value(&x->head, f);

			return hash_bytes(v.at, v.len, 0);
		}
	}
	return 0;
}

/* Who lacks the header or cookie is told apart by address, like everybody else. */
static uint64_t
hash_key(const struct exchange *x, const struct conf_service *s)
{
	struct slice path = x->path.len > 0 ? x->path : head_slice(&x->head, x->head.path);
	uint64_t hash = 0;

	if (s->balance != BALANCE_MAGLEV)
		return 0;
	switch (s->hash_on) {
	case HASH_PATH:
		return hash_bytes(path.at, path.len, 0);
	case HASH_HEADER:
		hash = hash_of_header(x, slice_of(s->hash_name));
		break;
	case HASH_COOKIE:
		hash = hash_of_cookie(x, slice_of(s->hash_name));
		break;
	case HASH_CLIENT_IP:
		break;
	}
	return hash != 0 ? hash : hash_bytes(x->facts->ip, x->facts->ip_len, 0);
}

/* Replaces the route's prefix; both ends keep exactly one slash between them. Empty: no room. */
static struct slice
rewrite(struct exchange *x, const struct conf_route *route, struct slice path)
{
	size_t prefix = strlen(route->path);
	size_t to = strlen(route->rewrite_prefix);
	char *out = x->block + x->block_used;
	struct slice rest;

	if (prefix > 0 && route->path[prefix - 1] == '/')
		prefix--;
	rest = (struct slice){ path.at + (prefix < path.len ? prefix : path.len),
		path.len - (prefix < path.len ? prefix : path.len) };
	if (to > 0 && route->rewrite_prefix[to - 1] == '/')
		to--;
	if (x->block_used + to + rest.len + 1 > x->block_size)
		return (struct slice){ NULL, 0 };
	memcpy(out, route->rewrite_prefix, to);
	memcpy(out + to, rest.at, rest.len);
	if (to + rest.len == 0)
		out[0] = '/';
	x->block_used += (uint32_t)(to + rest.len + 1);
	return (struct slice){ out, to + rest.len > 0 ? to + rest.len : 1 };
}

static enum admission_class
class_of(enum conf_priority priority)
{
	switch (priority) {
	case PRIORITY_LOW:
		return ADMIT_LOW;
	case PRIORITY_NORMAL:
		return ADMIT_NORMAL;
	case PRIORITY_HIGH:
		return ADMIT_HIGH;
	}
	return ADMIT_NORMAL;
}

static enum routed
route_to_service(
    struct exchange *x, const struct conf_route *route, struct slice path, bool changed)
{
	struct service *s = services_at(x->worker->services, route->service->index);

	if (changed)
		x->path = path;
	if (route->rewrite_prefix != NULL) {
		x->path = rewrite(x, route, path);
		if (x->path.len == 0)
			return nowhere(x, FAULT_URI_TOO_LONG);
	}
	x->service = s;
	x->priority = class_of(route->priority);
	x->tunnel.on_region_down = route->on_region_down;
	x->pick.hash = hash_key(x, route->service);
	return ROUTED_SERVICE;
}

enum routed
routing_decide(struct exchange *x)
{
	char host_buf[256];
	struct slice raw = head_slice(&x->head, x->head.path);
	struct slice host, path;
	const struct conf_route *route;
	size_t name;
	bool changed = false;

	if (x->head.host.len >= sizeof host_buf)
		return nowhere(x, FAULT_BAD_REQUEST);
	host = host_without_port(x, host_buf);
	if (x->facts->redirect_https)
		return redirect_https(x, host);
	if (x->worker->table == NULL)
		return nowhere(x, FAULT_NO_ENDPOINT);

	path = (struct slice){ x->block + x->block_used, 0 };
	if (raw.len == 1 && raw.at[0] == '*') {
		path = SLICE("/"); /* OPTIONS *: asks about the server as a whole */
	} else {
		if (!uri_normalize_path(raw, x->block + x->block_used, &path.len, &changed))
			return nowhere(x, FAULT_BAD_REQUEST);
		x->block_used += (uint32_t)path.len;
	}
	route = table_route(x->worker->table, host, path);
	if (route == NULL)
		return nowhere(x, FAULT_NO_ROUTE);
	name = strlen(route->name);
	if (name >= sizeof x->route)
		name = sizeof x->route - 1;
	memcpy(x->route, route->name, name); /* the rest of it is zero */
	if (route->redirect_https && !x->facts->tls)
		return redirect_https(x, host);
	if (route->redirect != NULL)
		return redirect(x, route->redirect, host, route->redirect_status);
	return route_to_service(x, route, path, changed);
}
