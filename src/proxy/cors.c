// SPDX-License-Identifier: Apache-2.0
#include "proxy/cors.h"

#include <string.h>

#include "conf/topology.h"
#include "proxy/edits.h"
#include "proxy/exchange.h"

/* A star in the pattern stands for exactly one label. */
static bool
origin_fits(struct slice origin, struct slice pattern)
{
	const char *star = memchr(pattern.at, '*', pattern.len);
	size_t front, behind;
	struct slice label;

	if (star == NULL)
		return slice_eq_nocase(origin, pattern);
	front = (size_t)(star - pattern.at);
	behind = pattern.len - front - 1;
	if (origin.len <= front + behind ||
	    strncasecmp(origin.at, pattern.at, front) != 0 ||
	    strncasecmp(origin.at + origin.len - behind, star + 1, behind) != 0)
		return false;
	label = (struct slice){ origin.at + front, origin.len - front - behind };
	for (size_t i = 0; i < label.len; i++)
		if (strchr("./:@", label.at[i]) != NULL)
			return false;
	return true;
}

static bool
is_allowed(const struct conf_cors *c, struct slice origin)
{
	for (unsigned i = 0; i < c->origin_count; i++)
		if (origin_fits(origin, slice_of(c->origins[i])))
			return true;
	return false;
}

bool
cors_is_preflight(const struct exchange *x)
{
	struct slice v;

	return x->head.method == METHOD_OPTIONS && head_value(&x->head, SLICE("origin"), &v) &&
	    head_value(&x->head, SLICE("access-control-request-method"), &v);
}

void
cors_answer_preflight(struct exchange *x)
{
	struct own_answer a = { .status = 204 };

	exchange_answer(x, &a);
}

void
cors_say(const struct conf_cors *c, const struct exchange *x, struct edits *e)
{
	static const char *const ours[] = { "access-control-allow-origin",
		"access-control-allow-credentials", "access-control-allow-methods",
		"access-control-allow-headers", "access-control-expose-headers",
		"access-control-max-age" };
	struct slice origin;

	for (unsigned i = 0; i < ARRAY_SIZE(ours); i++)
		edits_drop(e, slice_of(ours[i]));
	if (c->any_origin) {
		edits_say(e, SLICE("Access-Control-Allow-Origin"), SLICE("*"));
		edits_say_lines(e, slice_of(c->lines));
		return;
	}
	/* The answer differs by origin, also to who is not allowed, or names none. */
	edits_say(e, SLICE("Vary"), SLICE("Origin"));
	if (!head_value(&x->head, SLICE("origin"), &origin) || !is_allowed(c, origin))
		return;
	edits_fill_in(e, SLICE("Access-Control-Allow-Origin"), origin);
	edits_say_lines(e, slice_of(c->lines));
}
