/* SPDX-License-Identifier: Apache-2.0 */
/* Listeners, services and routes of connections rather than requests. */
#include <string.h>

#include "base/bytes.h"
#include "conf/server_name.h"
#include "helper.h"

#define REGIONS "regions = ( { name = \"east\"; } );\n"
#define DB(keys) \
	"{ name = \"db\"; protocol = \"tcp\"; " keys \
	" regions = ( { region = \"east\"; endpoints = ( \"tcp://10.0.0.1:5432\" ); } ); }"
#define WEB \
	"{ name = \"web\"; regions = ( { region = \"east\"; endpoints = ( \"http://10.0.0.1\" ); } " \
	"); }"
#define LISTENER(keys) "{ name = \"in\"; bind = \"127.0.0.1:0\"; " keys " }"

START_TEST(a_tcp_listener_leads_to_its_service)
{
	struct topology *t = load_good(REGIONS "services = ( " DB("") " );\n"
	    "listeners = ( " LISTENER("protocol = \"tcp\"; service = \"db\"; "
				      "on_region_down = \"drain(30s)\";") " );\n");

	ck_assert_uint_eq(t->route_count, 0); /* for there is no request to route */
	ck_assert_int_eq(t->listeners[0].protocol, PROTOCOL_TCP);
	ck_assert_ptr_eq(t->listeners[0].service, &t->services[0]);
	ck_assert_int_eq(t->listeners[0].on_region_down.what, ON_DOWN_DRAIN);
	ck_assert_uint_eq(t->listeners[0].on_region_down.drain_ms, 30000);
	ck_assert_str_eq(conf_listener_scheme(&t->listeners[0]), "tcp");
	ck_assert(t->services[0].regions[0].endpoints[0].raw);
	ck_assert_uint_eq(t->services[0].timeouts.tunnel, 3600000);
	topology_unref(t);
}
END_TEST

START_TEST(routes_by_server_name_are_their_listeners_and_no_others)
{
	struct topology *t = load_good(REGIONS "services = ( " WEB ", " DB("") " );\n"
	    "listeners = ( " LISTENER("protocol = \"tls_passthrough\";") ",\n"
	    "  { name = \"plain\"; bind = \"127.0.0.1:0\"; } );\n"
	    "routes = ( { listener = \"in\"; host = \"*.example.com\"; service = \"db\"; },\n"
	    "  { service = \"web\"; },\n"
	    "  { listener = \"in\"; host = \"a.example.com\"; service = \"db\";\n"
	    "    on_region_down = \"reset\"; } );\n");
	const struct conf_listener *l = &t->listeners[0];
	const struct conf_route *r;

	ck_assert_uint_eq(t->route_count, 1);
	ck_assert_str_eq(t->routes[0].service->name, "web");
	ck_assert_uint_eq(l->server_name_count, 2);
	r = conf_server_name_find(l, SLICE("a.example.com"));
	ck_assert_str_eq(r->name, "a.example.com");
	ck_assert_int_eq(r->on_region_down.what, ON_DOWN_RESET);
	ck_assert_str_eq(conf_server_name_find(l, SLICE("b.example.com"))->name, "*.example.com");
	ck_assert_ptr_null(conf_server_name_find(l, SLICE("example.com")));
	topology_unref(t);
}
END_TEST

START_TEST(one_service_for_requests_needs_no_route_beside_others_for_connections)
{
	struct topology *t = load_good(REGIONS "services = ( " DB("") ", " WEB " );\n"
	    "listeners = ( " LISTENER("protocol = \"tcp\"; service = \"db\";") ",\n"
	    "  { name = \"plain\"; bind = \"127.0.0.1:0\"; } );\n");

	ck_assert_uint_eq(t->route_count, 1);
	ck_assert_str_eq(t->routes[0].service->name, "web");
	topology_unref(t);
}
END_TEST

static const struct {
	const char *services, *listener, *routes;
	const char *problem;
} mistakes[] = {
	{ DB(""), "protocol = \"tcp\";", "",
	    "t.conf:3: a tcp listener must say where to; add service = \"...\";" },
	{ WEB, "protocol = \"tcp\"; service = \"web\";", "",
	    "t.conf:3: service \"web\" takes requests, not connections; write protocol = \"tcp\" "
	    "in "
	    "it" },
	{ WEB, "service = \"web\";", "",
	    "t.conf:3: an http listener goes by routes; write service in a route, or protocol = "
	    "\"tcp\"" },
	{ DB(""), "protocol = \"tls_passthrough\";", "",
	    "t.conf:3: this listener leads nowhere; add routes with listener = \"in\", or service "
	    "= "
	    "\"...\";" },
	{ DB(""), "protocol = \"tcp\"; service = \"db\"; redirect_https = true;", "",
	    "t.conf:3: redirect_https has no effect on a tcp listener; remove it" },
	{ DB(""), "protocol = \"tcp\"; service = \"db\"; h2c = true;", "",
	    "t.conf:3: h2c has no effect on a tcp listener, which passes on whatever comes; remove "
	    "it" },
	{ DB(""), "protocol = \"tls_passthrough\"; service = \"db\"; h2c = true;", "",
	    "t.conf:3: h2c has no effect on a tls_passthrough listener, which passes on whatever "
	    "comes; remove it" },
	{ WEB ", " DB(""), "", "{ service = \"db\"; }",
	    "t.conf:4: service \"db\" takes connections, not requests; name it in a listener with "
	    "protocol = \"tcp\"" },
	{ WEB, "", "{ listener = \"in\"; service = \"web\"; }",
	    "t.conf:4: listener \"in\" is none with protocol = \"tls_passthrough\", and routes for "
	    "requests hold on all http listeners; remove listener" },
	{ DB(""), "protocol = \"tls_passthrough\";",
	    "{ listener = \"in\"; service = \"db\"; path = \"/x\"; }",
	    "t.conf:4: a TLS connection that is passed on has a name but no path; remove path" },
	{ DB(""), "protocol = \"tls_passthrough\";",
	    "{ listener = \"in\"; service = \"db\"; rewrite_prefix = \"/x\"; }",
	    "t.conf:4: a TLS connection that is passed on can't be redirected or rewritten, nor "
	    "chosen by what is in it; remove that from the route" },
	{ DB(""), "protocol = \"tls_passthrough\";", "{ listener = \"in\"; host = \"a.b\"; }",
	    "t.conf:4: the route leads nowhere; add service = \"...\"" },
	{ WEB, "protocol = \"tls_passthrough\";", "{ listener = \"in\"; service = \"web\"; }",
	    "t.conf:4: service \"web\" takes requests, not connections; write protocol = \"tcp\" "
	    "in "
	    "it" },
	{ DB(""), "protocol = \"tls_passthrough\";",
	    "{ name = \"x\"; listener = \"in\"; host = \"a.b\"; service = \"db\"; }, { name = "
	    "\"y\"; "
	    "listener = \"in\"; host = \"A.b\"; service = \"db\"; }",
	    "t.conf:4: listener \"in\" has a route for \"a.b\" already (t.conf:4); remove one" },
	{ DB("balance = \"maglev\"; hash_on = \"path\";"), "protocol = \"tcp\"; service = \"db\";",
	    "",
	    "t.conf:2: a connection has no path and no headers to hash; write hash_on = "
	    "\"client_ip\"" },
	{ DB("health_check = { type = \"http\"; };"), "protocol = \"tcp\"; service = \"db\";", "",
	    "t.conf:2: a tcp service's endpoints answer no requests; write type = \"tcp\", or the "
	    "port of one who does" },
	{ DB("health_check = { type = \"http\"; port = 80; expect = \"x\"; };"),
	    "protocol = \"tcp\"; service = \"db\";", "",
	    "t.conf:2: send and expect are for type = \"tcp\"; write that, or path and "
	    "expect_body" },
	{ "{ name = \"db\"; protocol = \"tcp\"; regions = ( { region = \"east\"; endpoints = ( "
	  "\"http://10.0.0.1\" ); } ); }",
	    "protocol = \"tcp\"; service = \"db\";", "",
	    "t.conf:2: endpoint http://10.0.0.1 of a tcp service speaks no HTTP; write "
	    "tcp://HOST:PORT, or tls://HOST:PORT" },
	{ "{ name = \"web\"; regions = ( { region = \"east\"; endpoints = ( \"tls://a.b:1\" ); } "
	  "); }",
	    "", "",
	    "t.conf:2: endpoint tls://a.b:1 is for services with protocol = \"tcp\"; write that in "
	    "the service, or http:// here" },
	{ "{ name = \"db\"; protocol = \"tcp\"; regions = ( { region = \"east\"; protocol = "
	  "\"h2\"; "
	  "endpoints = ( \"tcp://10.0.0.1:1\" ); } ); }",
	    "protocol = \"tcp\"; service = \"db\";", "",
	    "t.conf:2: a tcp service's endpoints get bytes as they are; remove protocol" },
	{ "{ name = \"db\"; protocol = \"tcp\"; regions = ( { region = \"east\"; endpoints = ( "
	  "\"tcp://10.0.0.1\" ); } ); }",
	    "protocol = \"tcp\"; service = \"db\";", "",
	    "t.conf:2: url: endpoint \"tcp://10.0.0.1\" has no port; write "
	    "\"tcp://10.0.0.1:PORT\"" },
};

START_TEST(a_mistake_is_told_with_its_remedy)
{
	char text[4096];

	snprintf(text, sizeof text,
	    REGIONS "services = ( %s );\nlisteners = ( { name = \"in\"; bind = \"127.0.0.1:0\"; %s } "
		    ");\n%s%s%s\n",
	    mistakes[_i].services, mistakes[_i].listener,
	    mistakes[_i].routes[0] != '\0' ? "routes = ( " : "", mistakes[_i].routes,
	    mistakes[_i].routes[0] != '\0' ? " );" : "");
	expect_problem(text, mistakes[_i].problem);
}
END_TEST

START_TEST(tls_is_ended_here_or_passed_on)
{
	make_pair(&(struct pair_spec){ .name = "site", .common_name = "a.example.com", .days = 30 });
	expect_problem(REGIONS "services = ( " DB("") " );\n"
	    "listeners = ( " LISTENER("protocol = \"tls_passthrough\"; service = \"db\"; tls = "
				      "\"site\";") " );\n"
	    "tls = ( { name = \"site\"; certificates = ( { chain = \"site.crt\"; key = "
	    "\"site.key\"; } ); } );\n",
	    "t.conf:3: TLS can't be both ended here and passed on; remove tls, or write protocol = "
	    "\"tcp\"");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("tunnel");
	TCase *tc = tcase_create("tunnel");

	tcase_add_unchecked_fixture(tc, scratch_make, scratch_remove);
	tcase_add_test(tc, a_tcp_listener_leads_to_its_service);
	tcase_add_test(tc, routes_by_server_name_are_their_listeners_and_no_others);
	tcase_add_test(tc, one_service_for_requests_needs_no_route_beside_others_for_connections);
	tcase_add_loop_test(tc, a_mistake_is_told_with_its_remedy, 0, ARRAY_SIZE(mistakes));
	tcase_add_test(tc, tls_is_ended_here_or_passed_on);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
