/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/regex.h"
#include "conf/conf.h"
#include "conf/load.h"
#include "conf/names.h"
#include "conf/variable.h"

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
 * Requests are matched in normal form (RFC 3986, 6.2.2; limits.slashes), so a path in another form
 * would match none: why it is in another form, or NULL.
 */
static const char *
why_not_normal(const char *path, enum conf_slashes slashes)
{
	for (const char *at = path; *at != '\0'; at++) {
		if (*at == '?')
			return "holds a query, and routes go by the path alone; end it before the "
			       "\"?\"";
		if (*at == '%' && (hex(at[1]) < 0 || hex(at[2]) < 0))
			return "has a broken escape; write \"%\" and two upper-case hex digits";
		if (*at == '%' && is_unreserved(hex(at[1]) * 16 + hex(at[2])))
			return "escapes a character that needs none; write the character itself";
		if (*at == '/' && at[1] == '/' && slashes != SLASHES_KEEP)
			return "has an empty segment, which limits.slashes leaves in no request; "
			       "write it without";
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

/* Does a template ask for more groups than the pattern has that fills it? */
static void
check_groups(struct load *l, const struct conf_route *r, const char *key, const char *template,
    const struct regex *regex)
{
	int wanted = template_groups(template);

	if (wanted >= 0 && regex == NULL)
		report_error(&l->report, &r->where,
		    "%s says $%d, but no pattern fills it; add %s_regex, or write $$ for a dollar sign",
		    key, wanted, key);
	else if (regex != NULL && wanted > (int)regex_groups(regex))
		report_error(&l->report, &r->where,
		    "%s says $%d, but its pattern has %u group%s; add ( ) to the pattern", key,
		    wanted, regex_groups(regex), regex_groups(regex) == 1 ? "" : "s");
}

static void
check_redirect_keys(struct load *l, const struct conf_route *r)
{
	if (r->redirect_https)
		report_error(&l->report, &r->where,
		    "the route has both redirect and redirect_https; remove one");
	if (r->rewrite_prefix != NULL && r->redirect_regex == NULL)
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
	check_groups(l, r, "redirect", r->redirect, r->redirect_regex);
}

static void
check_rewrite(struct load *l, const struct conf_route *r)
{
	if ((r->rewrite_regex == NULL) != (r->rewrite_to == NULL))
		report_error(&l->report, &r->where,
		    "the route has rewrite_%s but no rewrite_%s; it needs both",
		    r->rewrite_to == NULL ? "regex" : "to", r->rewrite_to == NULL ? "to" : "regex");
	if (r->rewrite_to == NULL)
		return;
	if (r->rewrite_prefix != NULL)
		report_error(&l->report, &r->where,
		    "the route has both rewrite_prefix and rewrite_to; remove one");
	if (r->rewrite_to[0] != '/')
		report_error(&l->report, &r->where,
		    "rewrite_to \"%s\" is no path; begin it with a slash", r->rewrite_to);
	if (strpbrk(r->rewrite_to, "?#") != NULL)
		report_error(&l->report, &r->where,
		    "rewrite_to \"%s\" holds a query, and only the path is rewritten; end it before "
		    "the \"?\"",
		    r->rewrite_to);
	if (r->rewrite_regex != NULL)
		check_groups(l, r, "rewrite_to", r->rewrite_to, r->rewrite_regex);
}

static void
check_matches(struct load *l, const struct conf_match *list, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct conf_match *m = &list[i];
		int kinds = (m->value != NULL) + (m->prefix != NULL) + (m->regex != NULL);

		if (kinds > 1)
			report_error(&l->report, &m->where,
			    "value, prefix and regex are three ways to say one thing; keep one");
		if (kinds > 0 && !m->present)
			report_error(&l->report, &m->where,
			    "what must not be there has no value; remove present, or value, prefix "
			    "and regex");
	}
}

static void
check_splits(struct load *l, const struct conf_route *r)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < r->split_count; i++) {
		const struct conf_split *s = &r->splits[i];

		sum += s->weight;
		if ((s->header_value != NULL || s->header_regex != NULL) && s->header == NULL)
			report_error(&l->report, &s->where,
			    "header_value and header_regex do not say which field; add header = "
			    "\"...\";");
		if (s->header_value != NULL && s->header_regex != NULL)
			report_error(&l->report, &s->where,
			    "header_value and header_regex are two ways to say one thing; keep one");
	}
	if (r->split_count > 0 && sum == 0)
		report_error(&l->report, &r->where,
		    "no split has a weight, so nobody answers who does not ask for one; give one a "
		    "weight");
	if (r->split_count > 0 && r->service != NULL)
		report_error(
		    &l->report, &r->where, "the route has both service and splits; remove one");
}

/* Where the route leads. */
static void
check_target(struct load *l, const struct conf_route *r)
{
	bool serves = r->service != NULL || r->split_count > 0;

	if (r->redirect != NULL)
		check_redirect_keys(l, r);
	else if (r->redirect_regex != NULL)
		report_error(&l->report, &r->where,
		    "redirect_regex does not say where to; add redirect = \"...\";");
	if (serves && r->redirect != NULL && r->redirect_regex == NULL)
		report_error(
		    &l->report, &r->where, "the route has both service and redirect; remove one");
	if (!serves && r->redirect == NULL)
		report_error(&l->report, &r->where,
		    "the route leads nowhere; add service = \"...\"%s",
		    r->redirect_https ? " for requests that come by https"
				      : " or redirect = \"...\"");
}

/* Elsewhere a star at the end is all that is below, which a path is by itself here. */
static void
check_star(struct load *l, const struct conf_route *r)
{
	size_t len = r->path != NULL ? strlen(r->path) : 0, stem = len;

	if (len == 0 || r->path[len - 1] != '*')
		return;
	while (stem > 1 && (r->path[stem - 1] == '*' || r->path[stem - 1] == '/'))
		stem--;
	report_warning(&l->report, &r->where,
	    "path \"%s\" ends with a star, which stands for no more than itself; a path takes all "
	    "below it, write \"%.*s\"",
	    r->path, (int)stem, r->path);
}

static void
check_route(struct load *l, const struct conf_route *r)
{
	const char *why =
	    r->path == NULL ? NULL : why_not_normal(r->path, l->topology->client.slashes);

	if (why != NULL)
		report_error(&l->report, &r->where, "path \"%s\" %s", r->path, why);
	check_star(l, r);
	check_tunnel_route(l, r);
	check_matches(l, r->headers, r->header_count);
	check_matches(l, r->query, r->query_count);
	check_splits(l, r);
	check_rewrite(l, r);
	check_target(l, r);
	check_edits(l, r->request_headers);
	check_edits(l, r->response_headers);
	check_cors(l, r->cors);
	check_mirror(l, r);
}

static void
mark_used(bool *used, const struct conf_route *routes, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct conf_route *r = &routes[i];

		if (r->service != NULL)
			used[r->service->index] = true;
		for (unsigned j = 0; j < r->split_count; j++)
			used[r->splits[j].service->index] = true;
		if (r->mirror != NULL)
			used[r->mirror->service->index] = true;
	}
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
