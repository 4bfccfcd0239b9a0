// SPDX-License-Identifier: Apache-2.0
#include "proxy/redirect.h"

#include <stdio.h>
#include <string.h>

#include "base/regex.h"
#include "base/stat.h"
#include "conf/location.h"
#include "conf/topology.h"
#include "conf/variable.h"
#include "http/uri.h"
#include "proxy/exchange.h"
#include "proxy/template.h"
#include "proxy/worker_state.h"

#define LOCATION "Location: "

enum { LOCATION_MAX = 8192, AUTHORITY_MAX = 264 };

bool
redirect_wanted(const struct conf_route *r, const struct exchange *x, struct slice path)
{
	return r->redirect != NULL &&
	    (r->redirect_regex == NULL ||
		regex_find(r->redirect_regex, x->worker->regex, path, NULL));
}

/*
 * A Location of two slashes in front names a host (RFC 3986 section 4.2), and the request has put
 * one of them there: what it names stays a path. at: where the target begins in t.
 */
static void
keep_here(struct text *t, size_t at, const char *template)
{
	char *target = t->at + at;

	if (t->len - at < 2 || memcmp(target, "//", 2) != 0 || strncmp(template, "//", 2) == 0)
		return;
	text_add(t, SLICE("/."));
	if (t->full)
		return;
	memmove(target + 2, target, t->len - at - 2);
	memcpy(target, "/.", 2);
}

/* A group that begins with a slash ends the host before it, if nothing of a host is behind it. */
static bool
begins_path(const struct template_piece *piece, const char *behind, const struct slice *groups)
{
	struct template_piece more;

	return piece->variable == VARIABLE_GROUP && groups != NULL &&
	    groups[piece->group].len > 0 && groups[piece->group].at[0] == '/' &&
	    !location_authority_next(&behind, &more);
}

/*
 * What a request puts into the host of a Location must not end it, nor be none: but for a path
 * right behind it, which leaves the host as the template has it.
 */
static bool
names_a_host(const char *template, const struct exchange *x, const struct slice *groups)
{
	const char *at = location_authority(template);
	struct template_piece piece;
	char buf[AUTHORITY_MAX];
	struct text t = { buf, 0, sizeof buf, false };

	if (at == NULL)
		return true;
	while (location_authority_next(&at, &piece) && !begins_path(&piece, at, groups))
		template_fill_piece(&t, &piece, x, NULL, groups);
	return !t.full && uri_authority_is_valid((struct slice){ buf, t.len });
}

static enum fault
answer(struct exchange *x, const char *target, unsigned status, const struct slice *groups)
{
	char extra[LOCATION_MAX];
	struct text t = { extra, 0, sizeof extra, false };
	struct own_answer a = { .status = status, .text = SLICE("The resource is elsewhere.") };

	if (!names_a_host(target, x, groups))
		return FAULT_BAD_REQUEST;
	text_add(&t, SLICE(LOCATION));
	template_fill(&t, target, x, NULL, groups);
	keep_here(&t, sizeof LOCATION - 1, target);
	text_add(&t, SLICE("\r\n"));
	if (t.full)
		return FAULT_URI_TOO_LONG;
	a.extra = (struct slice){ t.at, t.len };
	stat_add(&x->worker->stats.redirects, 1);
	exchange_answer(x, &a);
	return FAULT_NONE;
}

enum fault
redirect_answer(struct exchange *x, const struct conf_route *r, struct slice path)
{
	struct slice groups[REGEX_GROUPS];

	if (r->redirect_regex == NULL)
		return answer(x, r->redirect, r->redirect_status, NULL);
	if (!regex_find(r->redirect_regex, x->worker->regex, path, groups))
		return FAULT_NO_ROUTE;
	return answer(x, r->redirect, r->redirect_status, groups);
}

enum fault
redirect_to_https(struct exchange *x, struct slice host)
{
	char target[64];

	if (host.len == 0)
		return FAULT_BAD_REQUEST;
	if (x->facts->redirect_port == 443)
		snprintf(target, sizeof target, "https://${host}${path}${query}");
	else
		snprintf(target, sizeof target, "https://${host}:%u${path}${query}",
		    x->facts->redirect_port);
	return answer(x, target, 308, NULL);
}
