// SPDX-License-Identifier: Apache-2.0
#include "proxy/rewrite.h"

#include <string.h>

#include "base/regex.h"
#include "conf/topology.h"
#include "http/uri.h"
#include "proxy/exchange.h"
#include "proxy/template.h"
#include "proxy/worker_state.h"

enum { PATH_MAX_BYTES = 8192 };

/* Replaces the route's prefix; both ends keep exactly one slash between them. */
static enum fault
replace_prefix(struct exchange *x, const struct conf_route *route, struct slice path)
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
		return FAULT_URI_TOO_LONG;
	memcpy(out, route->rewrite_prefix, to);
	memcpy(out + to, rest.at, rest.len);
	if (to + rest.len == 0)
		out[0] = '/';
	x->block_used += (uint32_t)(to + rest.len + 1);
	x->path = (struct slice){ out, to + rest.len > 0 ? to + rest.len : 1 };
	return FAULT_NONE;
}

/*
 * What a client's parts are put together to is normalised anew: "/files/$1" must not become
 * "/files/../secret".
 */
static enum fault
replace_match(struct exchange *x, const struct conf_route *route, struct slice path)
{
	struct slice groups[REGEX_GROUPS];
	char buf[PATH_MAX_BYTES];
	struct text t = { buf, 0, sizeof buf, false };
	char *out = x->block + x->block_used;
	size_t len;
	bool changed;

	if (!regex_find(route->rewrite_regex, x->worker->regex, path, groups))
		return FAULT_NONE;
	template_fill(&t, route->rewrite_to, x, NULL, groups);
	if (t.full || x->block_used + t.len > x->block_size)
		return FAULT_URI_TOO_LONG;
	if (!uri_normalize_path((struct slice){ buf, t.len }, out, &len, &changed))
		return FAULT_BAD_REQUEST;
	x->block_used += (uint32_t)len;
	x->path = (struct slice){ out, len };
	return FAULT_NONE;
}

enum fault
rewrite_path(struct exchange *x, const struct conf_route *route, struct slice path)
{
	if (route->rewrite_prefix != NULL)
		return replace_prefix(x, route, path);
	if (route->rewrite_regex != NULL)
		return replace_match(x, route, path);
	return FAULT_NONE;
}
