/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/load.h"
#include "conf/names.h"

static bool
is_unreserved(int c)
{
	return isalnum(c) || (c != '\0' && strchr("-._~", c) != NULL);
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/*
 * Requests are matched in normal form (RFC 3986, 6.2.2), so a path in another form would match
 * none: why it is in another form, or NULL.
 */
static const char *
why_not_normal(const char *path)
{
	for (const char *at = path; *at != '\0'; at++) {
		if (*at == '?')
			return "holds a query, and routes go by the path alone; end it before the "
			       "\"?\"";
		if (*at == '%' && (hex(at[1]) < 0 || hex(at[2]) < 0))
			return "has a broken escape; write \"%\" and two upper-case hex digits";
		if (*at == '%' && is_unreserved(hex(at[1]) * 16 + hex(at[2])))
			return "escapes a character that needs none; write the character itself";
		if (*at == '/' && at[1] == '.' && (at[2] == '/' || at[2] == '\0'))
			return "has a \".\" segment, which no request keeps; write it without";
		if (*at == '/' && at[1] == '.' && at[2] == '.' && (at[3] == '/' || at[3] == '\0'))
			return "has a \"..\" segment, which no request keeps; write it without";
	}
	return NULL;
}

/* Visible ASCII only: the text becomes a header field. */
static bool
is_location(const char *text)
{
	for (const char *at = text; *at != '\0'; at++)
		if (*at <= ' ' || *at >= 0x7f)
			return false;
	return strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0 ||
	    text[0] == '/' || strncmp(text, "${path}", 7) == 0;
}

static void
check_redirect_keys(struct load *l, const struct conf_route *r)
{
	if (r->redirect_https)
		report_error(&l->report, &r->where,
		    "the route has both redirect and redirect_https; remove one");
	if (r->rewrite_prefix != NULL)
		report_error(&l->report, &r->where,
		    "rewrite_prefix has no effect on a redirect; write the new path into redirect");
	if (!is_location(r->redirect))
		report_error(&l->report, &r->where,
		    "redirect \"%s\" is no Location; begin it with https://, http://, / or "
		    "${path}, and escape spaces and non-ASCII characters",
		    r->redirect);
	if (r->redirect_status > 303 && r->redirect_status < 307)
		report_error(&l->report, &r->where,
		    "redirect_status %u is no redirect; write 301, 302, 303, 307 or 308",
		    r->redirect_status);
}

static void
check_route(struct load *l, const struct conf_route *r)
{
	const char *why = r->path == NULL ? NULL : why_not_normal(r->path);

	if (why != NULL)
		report_error(&l->report, &r->where, "path \"%s\" %s", r->path, why);
	if (r->redirect != NULL)
		check_redirect_keys(l, r);
	check_tunnel_route(l, r);
	if (r->service != NULL && r->redirect != NULL)
		report_error(
		    &l->report, &r->where, "the route has both service and redirect; remove one");
	if (r->service == NULL && r->redirect == NULL)
		report_error(&l->report, &r->where,
		    "the route leads nowhere; add service = \"...\"%s",
		    r->redirect_https ? " for requests that come by https"
				      : " or redirect = \"...\"");
}

static void
mark_used(bool *used, const struct conf_route *routes, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (routes[i].service != NULL)
			used[routes[i].service->index] = true;
}

/* Only in a file without errors: a route that is wrong may be the one that was to lead there. */
static void
check_unused_services(struct load *l)
{
	const struct topology *t = l->topology;
	bool *used;

	if (l->report.problems->errors > 0)
		return;
	used = mem_array(t->service_count + 1, sizeof *used);
	mark_used(used, t->routes, t->route_count);
	for (unsigned i = 0; i < t->listener_count; i++) {
		const struct conf_listener *one = &t->listeners[i];

		mark_used(used, one->server_names, one->server_name_count);
		if (one->service != NULL)
			used[one->service->index] = true;
	}
	for (unsigned i = 0; i < t->service_count; i++) {
		if (used[i])
			continue;
		report_warning(&l->report, &t->services[i].where,
		    t->services[i].protocol == SERVICE_TCP
			? "no listener leads to this service; add one, or remove the service"
			: "no route leads to this service; add one, or remove the service");
	}
	mem_free(used);
}

void
check_routes(struct load *l)
{
	for (unsigned i = 0; i < l->topology->route_count; i++)
		check_route(l, &l->topology->routes[i]);
	for (unsigned i = 0; i < l->topology->listener_count; i++)
		check_server_names(l, &l->topology->listeners[i]);
	check_redirects(l);
	check_unused_services(l);
}
