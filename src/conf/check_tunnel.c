/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "conf/load.h"
#include "conf/names.h"

/* ---- services ---- */

static void
check_endpoint_schemes(struct load *l, const struct conf_service *s)
{
	bool raw = s->protocol == SERVICE_TCP;

	if (s->where.flawed) /* its protocol may be what is wrong */
		return;
	for (unsigned i = 0; i < s->region_count; i++) {
		const struct conf_service_region *r = &s->regions[i];

		if (raw && r->protocol != UPSTREAM_HTTP1)
			report_error(&l->report, &r->where,
			    "a tcp service's endpoints get bytes as they are; remove protocol");
		for (unsigned e = 0; e < r->endpoint_count; e++) {
			const struct conf_endpoint *one = &r->endpoints[e];

			if (one->url == NULL || one->raw == raw)
				continue;
			report_error(&l->report, &one->where,
			    raw ? "endpoint %s of a tcp service speaks no HTTP; write "
				  "tcp://HOST:PORT, or tls://HOST:PORT"
				: "endpoint %s is for services with protocol = \"tcp\"; write that "
				  "in the service, or http:// here",
			    one->url);
		}
	}
}

static void
check_tcp_check(struct load *l, const struct conf_service *s)
{
	const struct conf_health_check *check = &s->check;
	bool asks = check->type != CHECK_TCP && check->type != CHECK_NONE;

	if (check->where.file == NULL)
		return;
	if (s->protocol == SERVICE_TCP && asks && check->port == 0)
		report_error(&l->report, &check->where,
		    "a tcp service's endpoints answer no requests; write type = \"tcp\", or the "
		    "port of one who does");
	if (check->type != CHECK_TCP && (check->send != NULL || check->expect != NULL))
		report_error(&l->report, &check->where,
		    "send and expect are for type = \"tcp\"; write that, or %s",
		    "path and expect_body");
}

void
check_protocol(struct load *l, const struct conf_service *s)
{
	check_endpoint_schemes(l, s);
	check_tcp_check(l, s);
	if (s->protocol == SERVICE_TCP && s->balance == BALANCE_MAGLEV &&
	    s->hash_on != HASH_CLIENT_IP)
		report_error(&l->report, &s->where,
		    "a connection has no path and no headers to hash; write hash_on = "
		    "\"client_ip\"");
}

/* ---- listeners ---- */

static const char *
protocol_word(enum conf_protocol p)
{
	switch (p) {
	case PROTOCOL_HTTP:
		return "http";
	case PROTOCOL_TCP:
		return "tcp";
	case PROTOCOL_TLS_PASSTHROUGH:
		return "tls_passthrough";
	}
	return "";
}

static void
check_leads(struct load *l, const struct conf_where *where, const struct conf_service *s)
{
	if (s != NULL && !s->where.flawed && s->protocol != SERVICE_TCP)
		report_error(&l->report, where,
		    "service \"%s\" takes requests, not connections; write protocol = \"tcp\" in it",
		    s->name);
}

void
check_tunnel_listener(struct load *l, const struct conf_listener *one)
{
	const char *word = protocol_word(one->protocol);

	if (one->protocol != PROTOCOL_HTTP)
		check_leads(l, &one->where, one->service);
	switch (one->protocol) {
	case PROTOCOL_HTTP:
		if (one->service != NULL)
			report_error(&l->report, &one->where,
			    "an http listener goes by routes; write service in a route, or protocol "
			    "= \"tcp\"");
		return;
	case PROTOCOL_TCP:
		if (one->service == NULL)
			report_error(&l->report, &one->where,
			    "a tcp listener must say where to; add service = \"...\";");
		break;
	case PROTOCOL_TLS_PASSTHROUGH:
		if (one->tls != NULL)
			report_error(&l->report, &one->where,
			    "TLS can't be both ended here and passed on; remove tls, or write "
			    "protocol = \"tcp\"");
		if (one->service == NULL && one->server_name_count == 0 &&
		    report_errors(&l->report) == 0)
			report_error(&l->report, &one->where,
			    "this listener leads nowhere; add routes with listener = \"%s\", or "
			    "service = \"...\";",
			    one->name == NULL ? "..." : one->name);
		break;
	}
	if (one->h2c)
		report_error(&l->report, &one->where,
		    "h2c has no effect on a %s listener, which passes on whatever comes; remove it",
		    word);
	if (one->redirect_https)
		report_error(&l->report, &one->where,
		    "redirect_https has no effect on a %s listener; remove it", word);
}

/* ---- routes ---- */

static void
check_takes_requests(
    struct load *l, const struct conf_service *s, const struct conf_where *where)
{
	if (s != NULL && !s->where.flawed && s->protocol == SERVICE_TCP)
		report_error(&l->report, where,
		    "service \"%s\" takes connections, not requests; name it in a listener with "
		    "protocol = \"tcp\"",
		    s->name);
}

/* A route by server name is still in its place among all others when it has a listener's fault. */
void
check_tunnel_route(struct load *l, const struct conf_route *r)
{
	if (r->listener != NULL && !r->listener->where.flawed &&
	    r->listener->protocol != PROTOCOL_TLS_PASSTHROUGH)
		report_error(&l->report, &r->where,
		    "listener \"%s\" is none with protocol = \"tls_passthrough\", and routes for "
		    "requests hold on all http listeners; remove listener",
		    r->listener->name);
	check_takes_requests(l, r->service, &r->where);
	for (unsigned i = 0; i < r->split_count; i++)
		check_takes_requests(l, r->splits[i].service, &r->splits[i].where);
	if (r->mirror != NULL)
		check_takes_requests(l, r->mirror->service, &r->mirror->where);
}

/* What only a request has, or can have done to it. */
static bool
is_about_requests(const struct conf_route *r)
{
	return r->redirect != NULL || r->redirect_https || r->rewrite_prefix != NULL ||
	    r->rewrite_regex != NULL || r->method_count > 0 || r->header_count > 0 ||
	    r->query_count > 0 || r->split_count > 0 || r->shaped;
}

static void
check_server_name(struct load *l, const struct conf_route *r)
{
	if (r->path != NULL && strcmp(r->path, "/") != 0)
		report_error(&l->report, &r->where,
		    "a TLS connection that is passed on has a name but no path; remove path");
	if (is_about_requests(r))
		report_error(&l->report, &r->where,
		    "a TLS connection that is passed on can't be redirected or rewritten, nor chosen "
		    "by what is in it; remove that from the route");
	if (r->service == NULL)
		report_error(
		    &l->report, &r->where, "the route leads nowhere; add service = \"...\"");
	check_leads(l, &r->where, r->service);
}

void
check_server_names(struct load *l, const struct conf_listener *one)
{
	struct names *hosts = names_new();

	for (unsigned i = 0; i < one->server_name_count; i++) {
		const struct conf_route *r = &one->server_names[i];
		const struct name *other = names_add(hosts, r->host, r, r->where);

		check_server_name(l, r);
		if (other != NULL)
			report_error(&l->report, &r->where,
			    "listener \"%s\" has a route for %s%s%s already (%s:%u); remove one",
			    one->name, r->host[0] == '\0' ? "any name" : "\"", r->host,
			    r->host[0] == '\0' ? "" : "\"", other->where.file, other->where.line);
	}
	names_free(hosts);
}
