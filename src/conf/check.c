/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "conf/address.h"
#include "conf/certificate.h"
#include "conf/load.h"
#include "conf/names.h"

/* Two certificates of one kind for one name: only the first would ever be shown. */
static void
check_certificate_names(struct load *l, const struct conf_certificate *c, struct names *seen)
{
	for (unsigned i = 0; i < c->name_count; i++) {
		const char *kind = c->ecdsa ? "ECDSA" : "RSA";
		const char *key = arena_printf(l->arena, "%s %s", kind, c->names[i]);
		const struct name *other = names_add(seen, key, c, c->where);

		if (other != NULL && other->thing != c)
			report_warning(&l->report, &c->where,
			    "there is an %s certificate for \"%s\" already (%s:%u), which is the "
			    "one that is shown; remove one",
			    kind, c->names[i], other->where.file, other->where.line);
	}
}

static void
check_certificate(struct load *l, struct conf_certificate *c, struct names *seen)
{
	time_t not_after;
	struct error e;
	char date[32];

	if (c->chain.bytes == NULL || c->key.bytes == NULL)
		return;
	if (!conf_certificate_inspect(c, l->arena, &e)) {
		report_error(&l->report, &c->where, "%s", e.text);
		return;
	}
	not_after = (time_t)c->not_after;
	if (not_after < time(NULL)) {
		struct tm tm;

		strftime(date, sizeof date, "%Y-%m-%d", gmtime_r(&not_after, &tm));
		report_warning(&l->report, &c->where,
		    "the certificate in %s expired on %s; clients will refuse it, renew it",
		    c->chain.path, date);
	}
	check_certificate_names(l, c, seen);
}

static void
check_tls(struct load *l, const struct conf_tls *tls)
{
	struct names *seen = names_new();
	struct error e;

	for (unsigned i = 0; i < tls->certificate_count; i++)
		check_certificate(l, &tls->certificates[i], seen);
	names_free(seen);
	if (tls->client_ca.bytes != NULL && !conf_ca_inspect(&tls->client_ca, &e))
		report_error(&l->report, &tls->where, "client_ca: %s", e.text);
	if (tls->client_auth != CLIENT_AUTH_OFF && tls->client_ca.path == NULL)
		report_error(&l->report, &tls->where,
		    "client_auth asks for certificates, but no CA is named to verify them; add "
		    "client_ca = \"...\";");
	if (tls->client_auth == CLIENT_AUTH_OFF && tls->client_ca.path != NULL)
		report_warning(&l->report, &tls->where,
		    "client_ca has no effect while client_auth is \"off\"; write client_auth = "
		    "\"require\" or remove it");
}

/* A redirect for a server of TLS elsewhere needs no services. */
static void
check_https(struct load *l)
{
	const struct topology *t = l->topology;

	for (unsigned i = 0; i < t->listener_count; i++) {
		if (!t->listeners[i].redirect_https || t->listeners[i].protocol != PROTOCOL_HTTP)
			return;
	}
	if (t->listener_count > 0 && t->service_count > 0 && !l->partial[SET_TLS] &&
	    !l->partial[SET_LISTENER])
		report_warning(&l->report, &t->listeners[0].where,
		    "redirect_https sends all requests to https, and no listener here takes them; give "
		    "one tls, or remove redirect_https");
}

static void
check_listeners(struct load *l)
{
	const struct topology *t = l->topology;
	struct names *binds = names_new();

	for (unsigned i = 0; i < t->listener_count; i++) {
		const struct conf_listener *one = &t->listeners[i];
		const struct name *other;

		if (one->redirect_https && one->tls != NULL)
			report_error(&l->report, &one->where,
			    "a listener with tls can't send its requests to https, they are "
			    "there already; remove redirect_https or tls");
		if (one->h2c && one->tls != NULL)
			report_error(&l->report, &one->where,
			    "h2c is HTTP/2 without TLS; with tls clients ask for HTTP/2 by "
			    "themselves, remove h2c or tls");
		check_tunnel_listener(l, one);
		if (one->proxy_protocol && t->trusted_proxies.count == 0 &&
		    load_where_of(l, "trusted_proxies").line == 0)
			report_error(&l->report, &one->where,
			    "proxy_protocol takes headers from trusted_proxies only, and there are "
			    "none; add trusted_proxies = ( \"...\" ); with the addresses of what "
			    "is in front of this listener");
		/* Port 0 is a new port each time. */
		if (one->bind.text == NULL || strcmp(strrchr(one->bind.text, ':'), ":0") == 0)
			continue;
		other = names_add(binds, one->bind.text, one, one->where);
		if (other != NULL)
			report_error(&l->report, &one->where,
			    "another listener binds %s (%s:%u); give each its own address or port",
			    one->bind.text, other->where.file, other->where.line);
	}
	if (t->admin.bind.text != NULL && names_find(binds, t->admin.bind.text) != NULL) {
		const struct name *other = names_find(binds, t->admin.bind.text);

		report_error(&l->report, &other->where,
		    "this listener and admin.bind have the same address %s; give admin its own",
		    t->admin.bind.text);
	}
	names_free(binds);
}

/* One name server: an address with or without a port. */
static bool
is_server(const char *text, struct arena *arena)
{
	struct conf_address address;
	struct error e;

	return conf_address_parse(text, &address, arena, &e) ||
	    conf_address_parse(arena_printf(arena, "%s:53", text), &address, arena, &e) ||
	    conf_address_parse(arena_printf(arena, "[%s]:53", text), &address, arena, &e);
}

static void
check_resolver(struct load *l)
{
	const struct conf_resolver *r = &l->topology->resolver;
	const char *at = r->servers;

	if (r->min_ttl_ms > r->max_ttl_ms)
		report_error(&l->report, &r->where,
		    "resolver.min_ttl is longer than resolver.max_ttl; write a shorter one");
	while (at != NULL) {
		size_t len = strcspn(at, ",");
		const char *server = arena_strndup(l->arena, at, len);

		if (!is_server(server, l->arena) || strncmp(server, "unix:", 5) == 0)
			report_error(&l->report, &r->where,
			    "resolver.servers: \"%s\" is no address; write \"10.0.0.2\" or "
			    "\"10.0.0.2:53\", with commas between several",
			    server);
		at = at[len] == ',' ? at + len + 1 : NULL;
	}
}

/* Requests must be able to reach something, unless what could not be read was to lead there. */
static void
check_reach(struct load *l)
{
	const struct topology *t = l->topology;
	struct conf_where whole = { .file = t->path };
	bool serves = t->listener_count == 0;
	const char *first = NULL;
	unsigned services = 0;

	if (l->partial[SET_SERVICE] || l->partial[SET_ROUTE])
		return;
	for (unsigned i = 0; i < t->listener_count; i++)
		serves = serves ||
		    (!t->listeners[i].redirect_https && t->listeners[i].protocol == PROTOCOL_HTTP);
	for (unsigned i = t->service_count; i > 0; i--) {
		if (t->services[i - 1].protocol != SERVICE_HTTP)
			continue;
		services++;
		first = t->services[i - 1].name;
	}
	if (t->route_count == 0 && services > 1)
		report_error(&l->report, &whole,
		    "there are %u services but no routes, so no request reaches them; add routes "
		    "= ( { path = \"/\"; service = \"%s\"; } );",
		    services, first == NULL ? "..." : first);
	else if (t->route_count == 0 && services == 0 && serves)
		report_error(&l->report, &whole,
		    "there is no service and no route, so every request would be answered with "
		    "404; add services = ( ... );");
}

void
check(struct load *l)
{
	const struct topology *t = l->topology;

	for (unsigned i = 0; i < t->tls_count; i++)
		check_tls(l, &t->tls[i]);
	check_listeners(l);
	check_https(l);
	check_resolver(l);
	check_reach(l);
	for (unsigned i = 0; i < t->service_count; i++)
		check_service(l, &t->services[i]);
	check_routes(l);
	check_access(l);
	check_safety(l);
	check_limits(l);
	check_places(l);
	check_readers(l);
	check_endpoints(l);
}
