/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/summary.h"

#include <stdio.h>
#include <string.h>

#include "base/regex.h"
#include "cmd/command.h"
#include "cmd/guards.h"
#include "conf/topology.h"

enum { ROUTES_SHOWN = 50 };

static const char *
client_auth_word(enum conf_client_auth auth)
{
	switch (auth) {
	case CLIENT_AUTH_OFF:
		return "off";
	case CLIENT_AUTH_REQUEST:
		return "request";
	case CLIENT_AUTH_REQUIRE:
		return "require";
	}
	return "unknown";
}

static const char *
client_auth_text(enum conf_client_auth auth)
{
	return auth == CLIENT_AUTH_REQUIRE ? ", clients need a certificate"
	    : auth == CLIENT_AUTH_REQUEST  ? ", clients may have a certificate"
					   : "";
}

static void
print_listeners(const struct topology *t)
{
	printf("\nlisteners\n");
	for (unsigned i = 0; i < t->listener_count; i++) {
		const struct conf_listener *l = &t->listeners[i];

		printf("  %-20s %-5s  %s", l->name, conf_listener_scheme(l), l->bind.text);
		if (l->tls != NULL)
			printf("  tls %s, %u certificate%s%s", l->tls->name,
			    l->tls->certificate_count, usage_plural(l->tls->certificate_count),
			    client_auth_text(l->tls->client_auth));
		if (l->redirect_https)
			printf("  redirects to https, port %u", l->redirect_port);
		if (l->service != NULL)
			printf("  -> %s", l->service->name);
		putchar('\n');
		guards_print("    ", &l->access, NULL);
		for (unsigned r = 0; r < l->server_name_count; r++)
			printf("    %-30s -> %s\n",
			    l->server_names[r].host[0] != '\0' ? l->server_names[r].host
							       : "any name",
			    l->server_names[r].service->name);
	}
}

static const char *
check_name(enum conf_check_type type)
{
	switch (type) {
	case CHECK_NONE:
		return "none";
	case CHECK_TCP:
		return "tcp";
	case CHECK_HTTP:
		return "http";
	case CHECK_HTTPS:
		return "https";
	case CHECK_GRPC:
		return "gRPC";
	}
	return "unknown";
}

static void
print_region(const struct conf_service_region *r)
{
	printf("    tier %u  %-24s weight %-5u", r->tier, r->region->name, r->weight);
	for (unsigned i = 0; i < r->endpoint_count && i < 3; i++)
		printf(" %s", r->endpoints[i].url);
	if (r->endpoint_count > 3)
		printf(" and %u more", r->endpoint_count - 3);
	putchar('\n');
}

/* By tier, as traffic would see them; in a tier as written. */
static void
print_service(const struct conf_service *s)
{
	unsigned shown = 0;

	if (s->check.type == CHECK_NONE)
		printf("  %s: no health check", s->name);
	else
		printf("  %s: health check by %s", s->name, check_name(s->check.type));
	if (s->check.type == CHECK_HTTP || s->check.type == CHECK_HTTPS)
		printf(" %s %s", s->check.method, s->check.path);
	putchar('\n');
	for (uint32_t tier = 0; shown < s->region_count; tier++) {
		uint32_t next = UINT32_MAX;

		for (unsigned i = 0; i < s->region_count; i++) {
			if (s->regions[i].tier == tier) {
				print_region(&s->regions[i]);
				shown++;
			} else if (s->regions[i].tier > tier && s->regions[i].tier < next) {
				next = s->regions[i].tier;
			}
		}
		if (next != UINT32_MAX)
			tier = next - 1;
	}
}

static void
print_splits(const struct conf_route *r)
{
	for (unsigned i = 0; i < r->split_count; i++)
		printf(
		    "%s%u %s", i == 0 ? "" : ", ", r->splits[i].weight, r->splits[i].service->name);
}

static void
print_matches(const char *what, const struct conf_match *list, unsigned count, const char **before)
{
	for (unsigned i = 0; i < count; i++) {
		const struct conf_match *m = &list[i];

		printf("%s%s%s %s", *before, m->present ? "" : "no ", what, m->name);
		if (m->value != NULL)
			printf(" = %s", m->value);
		else if (m->prefix != NULL)
			printf(" = %s...", m->prefix);
		else if (m->regex != NULL)
			printf(" ~ %s", regex_text(m->regex));
		*before = ", ";
	}
}

/* Which of the requests to this place it is for, if not for all. */
static void
print_conditions(const struct conf_route *r)
{
	const char *before = " if ";

	for (unsigned i = 0; i < r->method_count; i++) {
		printf("%s%s", before, r->methods[i]);
		before = " or ";
	}
	if (r->method_count > 0)
		before = ", ";
	print_matches("header", r->headers, r->header_count, &before);
	print_matches("parameter", r->query, r->query_count, &before);
}

static void
print_redirect(const struct conf_route *r)
{
	printf("redirect %u %s", r->redirect_status, r->redirect);
	if (r->redirect_regex != NULL)
		printf(" where the path matches %s", regex_text(r->redirect_regex));
}

static void
print_target(const struct conf_route *r)
{
	const char *before = "";

	if (r->redirect_https) {
		printf("clear text to https");
		before = ", else ";
	}
	if (r->redirect != NULL) {
		fputs(before, stdout);
		print_redirect(r);
		before = ", else ";
	}
	if (r->service != NULL) {
		printf("%s%s", before, r->service->name);
	} else if (r->split_count > 0) {
		fputs(before, stdout);
		print_splits(r);
	}
}

static void
print_route(const struct conf_route *r)
{
	printf("  %s%s%s", r->host[0] != '\0' ? r->host : "(any host)", r->path,
	    r->exact ? " (exactly)" : "");
	print_conditions(r);
	fputs(" -> ", stdout);
	print_target(r);
	if (r->rewrite_prefix != NULL)
		printf(", rewritten to %s", r->rewrite_prefix);
	if (r->rewrite_to != NULL)
		printf(", rewritten to %s where the path matches %s", r->rewrite_to,
		    regex_text(r->rewrite_regex));
	if (r->mirror != NULL)
		printf(", %g %% copied to %s", r->mirror->percent, r->mirror->service->name);
	putchar('\n');
	guards_print("    ", &r->access, r->basic_auth);
}

void
summary_print(const struct topology *t)
{
	print_listeners(t);
	printf("\nservices\n");
	for (unsigned i = 0; i < t->service_count; i++)
		print_service(&t->services[i]);
	printf("\nroutes\n");
	for (unsigned i = 0; i < t->route_count && i < ROUTES_SHOWN; i++)
		print_route(&t->routes[i]);
	if (t->route_count > ROUTES_SHOWN)
		printf("  and %u more\n", t->route_count - ROUTES_SHOWN);
}

json_t *
summary_text_json(const char *text)
{
	json_t *json = json_string(text);

	return json != NULL ? json : json_string("(not UTF-8)");
}

static json_t *
text_or_null(const char *text)
{
	return text != NULL ? summary_text_json(text) : json_null();
}

static json_t *
pattern_json(const struct regex *regex)
{
	return text_or_null(regex != NULL ? regex_text(regex) : NULL);
}

static json_t *
listener_json(const struct conf_listener *l)
{
	json_t *names = json_array(), *json;

	for (unsigned i = 0; i < l->server_name_count; i++)
		json_array_append_new(names,
		    json_pack("{s:s, s:s}", "host", l->server_names[i].host, "service",
			l->server_names[i].service->name));
	json = json_pack("{s:s, s:s, s:s, s:s?, s:i, s:s, s:b, s:i, s:s?, s:o}", "name", l->name,
	    "scheme", conf_listener_scheme(l), "bind", l->bind.text, "tls",
	    l->tls != NULL ? l->tls->name : NULL, "certificates",
	    l->tls != NULL ? (int)l->tls->certificate_count : 0, "client_auth",
	    client_auth_word(l->tls != NULL ? l->tls->client_auth : CLIENT_AUTH_OFF),
	    "redirect_https", l->redirect_https, "redirect_port", (int)l->redirect_port, "service",
	    l->service != NULL ? l->service->name : NULL, "server_names", names);
	guards_json(json, &l->access);
	return json;
}

static json_t *
region_json(const struct conf_service_region *r)
{
	json_t *endpoints = json_array();

	for (unsigned i = 0; i < r->endpoint_count; i++)
		json_array_append_new(endpoints, json_string(r->endpoints[i].url));
	return json_pack("{s:s, s:I, s:I, s:o}", "region", r->region->name, "tier",
	    (json_int_t)r->tier, "weight", (json_int_t)r->weight, "endpoints", endpoints);
}

static void
describe_service(const struct conf_service *s, json_t *json)
{
	bool http = s->check.type == CHECK_HTTP || s->check.type == CHECK_HTTPS;
	json_t *regions = json_array();

	for (unsigned i = 0; i < s->region_count; i++)
		json_array_append_new(regions, region_json(&s->regions[i]));
	json_object_set_new(json, "health_check",
	    json_pack("{s:s, s:s?, s:s?}", "type", check_name(s->check.type), "method",
		http ? s->check.method : NULL, "path", http ? s->check.path : NULL));
	json_object_set_new(json, "regions", regions);
}

static json_t *
splits_json(const struct conf_route *r)
{
	json_t *splits = json_array();

	for (unsigned i = 0; i < r->split_count; i++)
		json_array_append_new(splits,
		    json_pack("{s:s, s:I}", "service", r->splits[i].service->name, "weight",
			(json_int_t)r->splits[i].weight));
	return splits;
}

static json_t *
matches_json(const struct conf_match *list, unsigned count)
{
	json_t *json = json_array();

	for (unsigned i = 0; i < count; i++) {
		const struct conf_match *m = &list[i];

		json_array_append_new(json,
		    json_pack("{s:o, s:o, s:o, s:o, s:b}", "name", summary_text_json(m->name),
			"value", text_or_null(m->value), "prefix", text_or_null(m->prefix), "regex",
			pattern_json(m->regex), "present", m->present));
	}
	return json;
}

static json_t *
methods_json(const struct conf_route *r)
{
	json_t *json = json_array();

	for (unsigned i = 0; i < r->method_count; i++)
		json_array_append_new(json, json_string(r->methods[i]));
	return json;
}

static json_t *
route_json(const struct conf_route *r)
{
	json_t *json = json_pack("{s:s, s:s, s:s, s:b, s:o, s:o, s:o}", "name", r->name, "host",
	    r->host, "path", r->path, "exact", r->exact, "methods", methods_json(r), "headers",
	    matches_json(r->headers, r->header_count), "query",
	    matches_json(r->query, r->query_count));

	json_object_set_new(
	    json, "service", text_or_null(r->service != NULL ? r->service->name : NULL));
	json_object_set_new(json, "splits", splits_json(r));
	json_object_set_new(json, "redirect", text_or_null(r->redirect));
	json_object_set_new(json, "redirect_regex", pattern_json(r->redirect_regex));
	json_object_set_new(json, "redirect_status", json_integer(r->redirect_status));
	json_object_set_new(json, "redirect_https", json_boolean(r->redirect_https));
	json_object_set_new(json, "rewrite_prefix", text_or_null(r->rewrite_prefix));
	json_object_set_new(json, "rewrite_regex", pattern_json(r->rewrite_regex));
	json_object_set_new(json, "rewrite_to", text_or_null(r->rewrite_to));
	json_object_set_new(json, "mirror",
	    r->mirror == NULL ? json_null()
			      : json_pack("{s:s, s:f}", "service", r->mirror->service->name,
				    "percent", r->mirror->percent));
	guards_json(json, &r->access);
	json_object_set_new(json, "basic_auth", guards_auth_json(r->basic_auth));
	return json;
}

/* The service of this name among those that losses_json() tells of. */
static json_t *
service_among(json_t *services, const char *name)
{
	json_t *one;
	size_t i;

	json_array_foreach(services, i,
	    one) if (strcmp(json_string_value(json_object_get(one, "service")), name) ==
	    0) return one;
	return NULL;
}

void
summary_json(const struct topology *t, json_t *json)
{
	json_t *listeners = json_array(), *routes = json_array();

	for (unsigned i = 0; i < t->listener_count; i++)
		json_array_append_new(listeners, listener_json(&t->listeners[i]));
	for (unsigned i = 0; i < t->service_count; i++)
		describe_service(&t->services[i],
		    service_among(json_object_get(json, "services"), t->services[i].name));
	for (unsigned i = 0; i < t->route_count; i++)
		json_array_append_new(routes, route_json(&t->routes[i]));
	json_object_set_new(json, "listeners", listeners);
	json_object_set_new(json, "routes", routes);
}
