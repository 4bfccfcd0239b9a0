// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing.h"

#include <string.h>

#include "base/regex.h"
#include "conf/topology.h"
#include "http/uri.h"
#include "proxy/access.h"
#include "proxy/cors.h"
#include "proxy/exchange.h"
#include "proxy/hold.h"
#include "proxy/match.h"
#include "proxy/mirror.h"
#include "proxy/path.h"
#include "proxy/redirect.h"
#include "proxy/rewrite.h"
#include "proxy/service.h"
#include "proxy/split.h"
#include "proxy/worker_state.h"
#include "steer/balance.h"
#include "steer/table.h"

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

static enum routed
nowhere(struct exchange *x, enum fault why)
{
	x->fault = why;
	return ROUTED_NOWHERE;
}

/* The client was sent elsewhere; or why that was not possible. */
static enum routed
sent(struct exchange *x, enum fault why)
{
	return why == FAULT_NONE ? ROUTED_ANSWERED : nowhere(x, why);
}

static uint64_t
hash_of(bool found, struct slice value)
{
	return found ? hash_bytes(value.at, value.len, 0) : 0;
}

uint64_t
routing_hash(const struct exchange *x, const struct conf_service *s)
{
	struct slice path = x->path.len > 0 ? x->path : head_slice(&x->head, x->head.path);
	struct slice value = { NULL, 0 };
	uint64_t hash = 0;

	if (s->balance != BALANCE_MAGLEV)
		return 0;
	switch (s->hash_on) {
	case HASH_PATH:
		return hash_bytes(path.at, path.len, 0);
	case HASH_HEADER:
		hash = hash_of(head_value(&x->head, slice_of(s->hash_name), &value), value);
		break;
	case HASH_COOKIE:
		hash = hash_of(head_cookie(&x->head, slice_of(s->hash_name), &value), value);
		break;
	case HASH_CLIENT_IP:
		break;
	}
	return hash != 0 ? hash : hash_bytes(x->who.text, x->who.text_len, 0);
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
	const struct conf_service *service =
	    route->split_count > 0 ? split_choose(route, x) : route->service;
	struct service *s;
	enum fault why;

	if (service == NULL) /* its redirect is not for this path */
		return nowhere(x, FAULT_NO_ROUTE);
	s = services_at(x->worker->services, service->index);
	if (forward_is_loop(&x->head, slice_of(s->loop_id)))
		return nowhere(x, FAULT_LOOP);
	if (changed)
		x->path = path;
	why = rewrite_path(x, route, path);
	if (why != FAULT_NONE)
		return nowhere(x, why);
	x->service = s;
	x->priority = class_of(route->priority);
	x->lasting.on_region_down = route->on_region_down;
	x->pick.hash = routing_hash(x, service);
	if (route->mirror != NULL)
		mirror_choose(x, route->mirror);
	return ROUTED_SERVICE;
}

/*
 * RFC 9110 section 7.4: what is asked for as https must come that way. HTTP/2's :scheme is left
 * out, because proxies that end TLS are known to say https behind it.
 */
static bool
is_misdirected(const struct exchange *x)
{
	struct slice target = head_slice(&x->head, x->head.target);

	return !x->who.https && !x->head.h2 && target.len > 6 &&
	    strncasecmp(target.at, "https:", 6) == 0;
}

/* A request that may be handed on no more is answered here (RFC 9110 section 7.6.2). */
static enum routed
answer_last(struct exchange *x)
{
	struct own_answer a = { .status = 200, .extra = SLICE("Allow: " FORWARD_METHODS "\r\n") };

	if (x->head.method == METHOD_TRACE)
		return nowhere(x, FAULT_METHOD_REFUSED);
	exchange_answer(x, &a);
	return ROUTED_ANSWERED;
}

/* The path as routes see it. False: it has no normal form. */
static bool
normalize(struct exchange *x, struct slice *path, bool *changed)
{
	*path = (struct slice){ x->block + x->block_used, 0 };
	if (!path_normalize(
		&x->head, &x->worker->limits, x->block + x->block_used, &path->len, changed))
		return false;
	x->block_used += (uint32_t)path->len;
	return true;
}

static void
remember_route(struct exchange *x, const struct conf_route *route)
{
	size_t len = strlen(route->name);

	if (len >= sizeof x->route)
		len = sizeof x->route - 1;
	memcpy(x->route, route->name, len);
	x->route[len] = '\0';
}

/* What the route changes may be asked for after the worker has adopted another configuration. */
static void
keep(struct exchange *x, const struct conf_route *route)
{
	x->shaped = route;
	x->hold = hold_take(x->worker->hold);
	x->max_body = route->max_body_bytes;
}

static bool
is_too_large(const struct exchange *x)
{
	return x->max_body > 0 &&
	    (x->body_in > x->max_body ||
		(x->head.has_content_length && x->head.content_length > x->max_body));
}

/* The order is a promise: see the list of decisions in ARCHITECTURE.md. */
static enum routed
decide(struct exchange *x)
{
	char host_buf[256];
	struct slice host, path;
	const struct conf_route *route;
	enum fault why;
	bool changed;

	if (x->head.host.len >= sizeof host_buf)
		return nowhere(x, FAULT_BAD_REQUEST);
	host = host_without_port(x, host_buf);
	if (x->worker->table == NULL)
		return nowhere(x, FAULT_NO_ENDPOINT);
	why = access_by_listener(x);
	if (why != FAULT_NONE)
		return nowhere(x, why);
	if (is_misdirected(x))
		return nowhere(x, FAULT_MISDIRECTED);
	if (x->facts->redirect_https && !x->who.https)
		return sent(x, redirect_to_https(x, host));
	switch (forward_hops(&x->head)) {
	case HOPS_BAD:
		return nowhere(x, FAULT_BAD_REQUEST);
	case HOPS_NONE:
		return answer_last(x);
	case HOPS_ANY:
	case HOPS_LEFT:
		break;
	}
	if (!normalize(x, &path, &changed))
		return nowhere(x, FAULT_BAD_REQUEST);
	route = table_route(x->worker->table, host, path, match_accepts, x);
	if (route == NULL)
		return nowhere(x, FAULT_NO_ROUTE);
	remember_route(x, route);
	if (route->shaped)
		keep(x, route);
	why = access_by_route(x, route);
	if (why != FAULT_NONE)
		return nowhere(x, why);
	if (route->redirect_https && !x->who.https)
		return sent(x, redirect_to_https(x, host));
	if (redirect_wanted(route, x, path))
		return sent(x, redirect_answer(x, route, path));
	if (route->cors != NULL && cors_is_preflight(x)) {
		cors_answer_preflight(x);
		return ROUTED_ANSWERED;
	}
	if (is_too_large(x))
		return nowhere(x, FAULT_BODY_TOO_LARGE);
	return route_to_service(x, route, path, changed);
}

/* A request that the patterns are not done with is refused, not led where it happens to go. */
enum routed
routing_decide(struct exchange *x)
{
	struct regex_scratch *patterns = x->worker->regex;
	enum routed where;

	regex_begin(patterns);
	where = decide(x);
	if (where != ROUTED_SERVICE || !regex_is_over(patterns))
		return where;
	x->service = NULL;
	return nowhere(x, FAULT_BAD_REQUEST);
}
