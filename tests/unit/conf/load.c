/* SPDX-License-Identifier: Apache-2.0 */
#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "helper.h"

START_TEST(what_is_left_out_has_its_default)
{
	struct topology *t = load_good(whole(&(struct parts){ 0 }));
	const struct conf_service *s = &t->services[0];
	const struct conf_route *r = &t->routes[0];

	ck_assert_uint_ge(t->workers, 1);
	ck_assert_ptr_null(t->user);
	ck_assert_str_eq(t->state_dir, "");
	ck_assert_uint_eq(t->drain_delay_ms, 0);
	ck_assert_uint_eq(t->drain_timeout_ms, 60000);
	ck_assert_uint_eq(t->client.request_line_bytes, 8192);
	ck_assert_uint_eq(t->client.max_body_bytes, 0);
	ck_assert_ptr_null(t->resolver.servers);
	ck_assert_uint_eq(t->admin.bind.len, 0);
	ck_assert_str_eq(t->admin.socket, "");
	ck_assert_str_eq(t->log.access, "stdout");
	ck_assert_int_eq(t->log.level, LOG_LEVEL_INFO);
	ck_assert_ptr_null(t->listeners[0].tls);
	ck_assert_uint_eq(t->listeners[0].redirect_port, 443);
	ck_assert_int_eq(s->balance, BALANCE_LEAST_REQUEST);
	ck_assert_int_eq(s->check.type, CHECK_NONE);
	ck_assert_uint_eq(s->retry.attempts, 2);
	ck_assert(s->retry.budget == 0.2);
	ck_assert_uint_eq(s->retry.on_status_count, 3);
	ck_assert_uint_eq(s->retry.on_status[2], 504);
	ck_assert_uint_eq(s->retry.replay_buffer_bytes, 65536);
	ck_assert_uint_eq(s->timeouts.connect, 1000);
	ck_assert_uint_eq(s->timeouts.try_, 10000);
	ck_assert_uint_eq(s->timeouts.request, 15000);
	ck_assert_uint_eq(s->timeouts.idle, 60000);
	ck_assert_uint_eq(s->limits.keep_alive_connections, 64);
	ck_assert(s->failover.overprovisioning == 1.4);
	ck_assert(s->failover.min_healthy == 0.25);
	ck_assert(s->failover.standby_share == 0);
	ck_assert(s->failover.sensor_share == 0.05);
	ck_assert_int_eq(s->failover.spill, CONF_SPILL_GRADUAL);
	ck_assert_int_eq(s->failover.all_down, ALL_DOWN_FAIL_OPEN);
	ck_assert_int_eq(s->failover.failback, FAILBACK_AUTO);
	ck_assert_uint_eq(s->failover.warm_up_ms, 30000);
	ck_assert_uint_eq(s->outlier.consecutive, 3);
	ck_assert(s->outlier.failure_share == 0.5);
	ck_assert_uint_eq(s->outlier.base_ms, 30000);
	ck_assert_uint_eq(s->outlier.max_ms, 300000);
	ck_assert(s->outlier.max_ejected == 0.5);
	ck_assert_uint_eq(s->outlier.slow_start_ms, 10000);
	ck_assert_uint_eq(s->regions[0].capacity, 0);
	ck_assert_uint_eq(t->safety_count, 0);
	ck_assert(s->regions[0].tls.verify);
	ck_assert_uint_eq(s->regions[0].weight, 100);
	ck_assert_uint_eq(s->regions[0].endpoints[0].weight, 1);
	ck_assert_str_eq(r->host, "");
	ck_assert_str_eq(r->path, "/");
	ck_assert_str_eq(r->name, "/");
	ck_assert_uint_eq(r->redirect_status, 308);
	ck_assert_int_eq(r->priority, PRIORITY_NORMAL);
	ck_assert_ptr_eq(r->service, s);
	topology_unref(t);
}
END_TEST

static const char everything[] =
    "workers = 3; user = \"nobody\"; state_dir = \"state\";\n"
    "drain = { delay = \"1s\"; timeout = 0; };\n"
    "limits = { max_body = \"5GiB\"; headers = \"2KiB\"; keep_alive = \"0\"; };\n"
    "resolver = { servers = \"10.0.0.2,10.0.0.3:5353,[::1]:53\"; };\n"
    "admin = { bind = \"127.0.0.1:9900\"; socket = \"a.sock\"; };\n"
    "log = { access = \"logs/a.log\"; format = \"text\"; level = \"debug\"; };\n"
    "listeners = ( { name = \"l\"; bind = \"unix:l.sock\"; redirect_port = 8443; } );\n"
    "regions = ( { name = \"a\"; provider = \"aws\"; capacity = 2000; }, "
    "{ name = \"b\"; capacity = 70; } );\n"
    "services = ( { name = \"s\"; balance = \"maglev\"; hash_on = \"cookie\";\n"
    "  hash_name = \"id\"; via = \"both\";\n"
    "  regions = (\n"
    "    { region = \"b\"; weight = 5; host = \"Other.Example.com:8443\";\n"
    "      endpoints = ( \"https://x.example.com\" ); },\n"
    "    { region = \"a\"; tier = 1; capacity = 90; endpoints = ( \"http://10.0.0.1:81/\",\n"
    "        { url = \"http://[::1]:82\"; weight = 7; } ); } );\n"
    "  health_check = { type = \"https\"; path = \"/h?x=1\"; expect_status = ( 200, "
    "\"300-302\" );\n"
    "    interval = \"150ms\"; expect_body = \"ok\"; reuse = false; };\n"
    "  retry = { on_status = ( \"500-502\", 504 ); budget = 1; };\n"
    "  failover = { spill = \"all_down\"; all_down = \"fail_closed\"; failback = "
    "\"manual\"; };\n"
    "  outlier = { consecutive = 5; max_ejected = 0.1; };\n"
    "  timeouts = { connect = \"0\"; try = \"1.5s\"; }; } );\n"
    "safety = ( { name = \"two\"; at_least = 2; regions = ( \"a\", { region = \"b\"; } "
    "); },\n"
    "  { never_together = ( \"a\", \"b\" ); }, { capacity = true; }, { wait = "
    "\"5s\"; } );\n"
    "routes = ( { host = \"*.Example.COM\"; path = \"/x/\"; service = \"s\"; name = "
    "\"n\";\n"
    "    rewrite_prefix = \"/\"; priority = \"high\"; },\n"
    "  { path = \"/old\"; exact = true; redirect = \"https://${host}/new${query}\";\n"
    "    redirect_status = 301; } );\n";

START_TEST(what_is_written_is_loaded)
{
	struct topology *t;
	const struct conf_service *s;

	scratch_make();
	ck_assert_int_eq(mkdir(scratch_path("logs"), 0700), 0);
	t = load_good(everything);
	s = &t->services[0];
	ck_assert_uint_eq(t->workers, 3);
	ck_assert_str_eq(t->user, "nobody");
	ck_assert_uint_eq(t->drain_delay_ms, 1000);
	ck_assert_uint_eq(t->drain_timeout_ms, 0);
	ck_assert(t->client.max_body_bytes == UINT64_C(5) << 30);
	ck_assert_uint_eq(t->client.header_line_bytes, 2048);
	ck_assert_uint_eq(t->client.keep_alive_ms, 0);
	ck_assert_str_eq(t->admin.bind.text, "127.0.0.1:9900");
	ck_assert_int_eq(t->log.format, LOG_FORMAT_TEXT);
	ck_assert_int_eq(t->log.level, LOG_LEVEL_DEBUG);
	ck_assert_uint_eq(t->regions[1].index, 1);
	ck_assert_uint_eq(t->regions[0].capacity, 2000);
	ck_assert_int_eq(s->balance, BALANCE_MAGLEV);
	ck_assert_int_eq(s->hash_on, HASH_COOKIE);
	ck_assert_int_eq(s->via, VIA_BOTH);
	ck_assert_ptr_eq(s->regions[0].region, &t->regions[1]);
	ck_assert_str_eq(s->regions[0].host, "other.example.com:8443");
	ck_assert_str_eq(s->regions[0].tls.sni, "other.example.com");
	ck_assert(s->regions[0].endpoints[0].tls && !s->regions[0].endpoints[0].literal);
	ck_assert_uint_eq(s->regions[1].tier, 1);
	ck_assert_ptr_null(s->regions[1].tls.sni);
	ck_assert_str_eq(s->regions[1].endpoints[0].url, "http://10.0.0.1:81");
	ck_assert_uint_eq(s->regions[1].endpoints[0].where.line, 14);
	ck_assert_uint_eq(s->regions[1].endpoints[1].weight, 7);
	ck_assert_uint_eq(s->regions[1].endpoints[1].where.line, 15);
	ck_assert_int_eq(s->check.type, CHECK_HTTPS);
	ck_assert_uint_eq(s->check.expect_status_count, 2);
	ck_assert_uint_eq(s->check.expect_status[1].to, 302);
	ck_assert_uint_eq(s->check.fast_interval_ms, 150);
	ck_assert(!s->check.reuse);
	ck_assert_uint_eq(s->retry.on_status_count, 4);
	ck_assert_uint_eq(s->retry.on_status[1], 501);
	ck_assert(s->retry.budget == 1.0);
	ck_assert_uint_eq(s->timeouts.connect, 0);
	ck_assert_uint_eq(s->timeouts.try_, 1500);
	ck_assert_uint_eq(s->regions[1].capacity, 90);
	ck_assert_int_eq(s->failover.spill, CONF_SPILL_ALL_DOWN);
	ck_assert_int_eq(s->failover.all_down, ALL_DOWN_FAIL_CLOSED);
	ck_assert_int_eq(s->failover.failback, FAILBACK_MANUAL);
	ck_assert_uint_eq(s->outlier.consecutive, 5);
	ck_assert(s->outlier.max_ejected == 0.1);
	ck_assert_uint_eq(t->safety_count, 4);
	ck_assert_str_eq(t->safety[0].name, "two");
	ck_assert_uint_eq(t->safety[0].at_least, 2);
	ck_assert_ptr_eq(t->safety[0].regions[1].region, &t->regions[1]);
	ck_assert_str_eq(t->safety[1].name, "never_together");
	ck_assert_uint_eq(t->safety[1].never_together_count, 2);
	ck_assert_str_eq(t->safety[2].name, "capacity");
	ck_assert_uint_eq(t->safety[3].wait_ms, 5000);
	ck_assert_str_eq(t->routes[0].host, "*.example.com");
	ck_assert_str_eq(t->routes[0].name, "n");
	ck_assert_int_eq(t->routes[0].priority, PRIORITY_HIGH);
	ck_assert_str_eq(t->routes[1].redirect, "https://${host}/new${query}");
	ck_assert_ptr_null(t->routes[1].service);
	ck_assert(t->routes[1].exact);
	/* Relative to the file's directory, all of them. */
	ck_assert_str_eq(t->state_dir, scratch_path("state"));
	ck_assert_str_eq(t->admin.socket, scratch_path("a.sock"));
	ck_assert_str_eq(t->log.access, scratch_path("logs/a.log"));
	ck_assert_str_eq(t->listeners[0].bind.text + 5, scratch_path("l.sock"));
	topology_unref(t);
	scratch_remove();
}
END_TEST

START_TEST(a_single_service_needs_no_routes)
{
	struct topology *t = load_good("listeners = ( { name = \"l\"; bind = \":1\"; } );\n"
				       "regions = ( { name = \"r\"; } );\n"
				       "services = ( { name = \"s\"; regions = ( { region = \"r\"; "
				       "endpoints = ( \"http://a\" ); } ); } );\n");

	ck_assert_uint_eq(t->route_count, 1);
	ck_assert_str_eq(t->routes[0].path, "/");
	ck_assert_str_eq(t->routes[0].host, "");
	ck_assert_ptr_eq(t->routes[0].service, t->services);
	ck_assert_uint_eq(t->routes[0].where.line, 3);
	topology_unref(t);
}
END_TEST

START_TEST(a_listener_that_only_redirects_needs_no_service)
{
	topology_unref(
	    load_good("listeners = ( { name = \"l\"; bind = \":1\"; redirect_https = true; } );"));
}
END_TEST

START_TEST(variables_may_stand_for_any_type)
{
	struct topology *t;

	setenv("DETOUR_TEST_NUMBER", "7", 1);
	setenv("DETOUR_TEST_BOOL", "true", 1);
	setenv("DETOUR_TEST_WORD", "random", 1);
	t = load_good(whole(
	    &(struct parts){ .top = "workers = \"${DETOUR_TEST_NUMBER}\"; state_dir = \"a$$b\";",
		.listener = "redirect_https = \"${DETOUR_TEST_BOOL}\"; }, "
			    "{ name = \"m\"; bind = \":2\";",
		.service = "balance = \"${DETOUR_TEST_WORD}\"; timeouts = { idle = "
			   "\"${DETOUR_TEST_NUMBER}s\"; };"
			   "retry = { budget = \"${DETOUR_TEST_NUMBER_X:-0.5}\"; on_status = "
			   "\"${X_:-500, 502}\"; };",
		.endpoints = "( \"http://localhost:${DETOUR_TEST_NUMBER}\" )" }));
	ck_assert_uint_eq(t->workers, 7);
	ck_assert_str_eq(strchr(t->state_dir, 'a'), "a$b");
	ck_assert(t->listeners[0].redirect_https);
	ck_assert_int_eq(t->services[0].balance, BALANCE_RANDOM);
	ck_assert_uint_eq(t->services[0].timeouts.idle, 7000);
	ck_assert(t->services[0].retry.budget == 0.5);
	ck_assert_uint_eq(t->services[0].retry.on_status_count, 2);
	ck_assert_uint_eq(t->services[0].regions[0].endpoints[0].port, 7);
	topology_unref(t);
}
END_TEST

/* Redirects: what is judged to go round for ever, and what is not ours to judge. */
static const struct {
	const char *routes;
	bool loops;
} redirects[] = {
	{ "path = \"/a\"; redirect = \"/a\";", true },
	{ "path = \"/a\"; redirect = \"/b\";", false },
	{ "path = \"/a\"; redirect = \"/a/b\";", true },
	{ "path = \"/a\"; exact = true; redirect = \"/a/b\";", false },
	{ "path = \"/a\"; redirect = \"/ab\";", false },
	{ "path = \"/a\"; redirect = \"/b\"; }, { path = \"/b\"; redirect = \"/a\";", true },
	{ "path = \"/a\"; redirect = \"/b\"; }, { path = \"/b\"; redirect = \"/c\";", false },
	{ "path = \"/\"; redirect = \"/x${path}\";", true },
	{ "path = \"/\"; redirect = \"http://${host}${path}${query}\";", true },
	{ "path = \"/\"; redirect = \"https://${host}${path}\";",
	    false }, /* nobody listens there */
	{ "path = \"/\"; redirect = \"http://${host}:81${path}\";", false },
	{ "path = \"/\"; redirect = \"http://elsewhere.example.com${path}\";", false },
	{ "path = \"/\"; redirect = \"http://www.${host}/\";", false },
	{ "host = \"a.com\"; redirect = \"http://a.com${path}\";", true },
	{ "host = \"a.com\"; redirect = \"http://b.a.com${path}\";", false },
	{ "host = \"*.a.com\"; redirect = \"http://a.com${path}\";", false },
	{ "host = \"*.a.com\"; redirect = \"http://b.a.com/\";", true },
	{ "host = \"*.a.com\"; redirect = \"http://${host}/x\";", true },
	{ "host = \"a.com\"; redirect = \"http://b.com/\"; }, { host = \"b.com\"; redirect = "
	  "\"http://a.com\";",
	    true },
	{ "host = \"a.com\"; redirect = \"http://A.com.${path}\";", true },
	{ "host = \"a.com\"; redirect = \"//b.com${path}\";", false },
	{ "redirect = \"//cdn.example.com${path}\";", false },
	{ "host = \"a.com\"; redirect = \"//a.com${path}\";", true },
	{ "host = \"a.com\"; path = \"/\"; redirect = \"http://a.com/b\"; }, { host = \"a.com\"; "
	  "path = \"/b/\"; methods = ( \"GET\" ); service = \"shop\";",
	    true },
	{ "host = \"a.com\"; redirect = \"http://b.com/?x\"; }, { host = \"b.com\"; service = "
	  "\"shop\";",
	    false },
};

START_TEST(a_redirect_that_never_arrives_is_found)
{
	struct parts parts = { 0 };
	struct conf_problems problems;
	struct topology *t;
	char route[512];

	snprintf(route, sizeof route, "path = \"/shop\"; service = \"shop\"; }, { %s",
	    redirects[_i].routes);
	parts.route = route;
	t = conf_load_text(whole(&parts), "t.conf", "", &problems);
	ck_assert_msg((t == NULL) == redirects[_i].loops, "%s", redirects[_i].routes);
	for (unsigned i = 0; i < problems.count; i++)
		ck_assert_ptr_nonnull(strstr(problems.list[i].text, "never arrives"));
	conf_problems_free(&problems);
	topology_unref(t);
}
END_TEST

START_TEST(a_topology_lives_until_the_last_reference_goes)
{
	struct topology *t = load_good(whole(&(struct parts){ 0 }));

	topology_ref(t);
	topology_unref(t);
	ck_assert_str_eq(t->services[0].name, "shop");
	topology_unref(t);
	topology_unref(NULL);
}
END_TEST

/* Who asks a running proxy may read neither its keys nor wait until its file is right again. */
START_TEST(the_admin_socket_is_found_in_a_file_that_is_wrong_elsewhere)
{
	struct conf_problems problems;
	char *socket;

	scratch_write("asked.conf",
	    "servises = ( );\ntls = ( { name = \"x\"; certificates = ( { chain = \"no\"; key = \"no\"; } ); } );\n"
	    "admin = { socket = \"a.sock\"; };\n",
	    0600);
	socket = conf_load_socket(scratch_path("asked.conf"), &problems);
	ck_assert_uint_eq(problems.count, 0);
	ck_assert_str_eq(socket, scratch_path("a.sock"));
	mem_free(socket);
	conf_problems_free(&problems);
	scratch_write("asked.conf", "workers = 1;\n", 0600);
	socket = conf_load_socket(scratch_path("asked.conf"), &problems);
	ck_assert_str_eq(socket, "");
	mem_free(socket);
	conf_problems_free(&problems);
	scratch_write("asked.conf", "admin = { socket = \"${NOT_SET_ANYWHERE}\"; };\n", 0600);
	ck_assert_ptr_null(conf_load_socket(scratch_path("asked.conf"), &problems));
	ck_assert_uint_eq(problems.errors, 1);
	conf_problems_free(&problems);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("load");
	TCase *tc = tcase_create("load");

	tcase_add_test(tc, what_is_left_out_has_its_default);
	tcase_add_test(tc, what_is_written_is_loaded);
	tcase_add_test(tc, a_single_service_needs_no_routes);
	tcase_add_test(tc, a_listener_that_only_redirects_needs_no_service);
	tcase_add_test(tc, variables_may_stand_for_any_type);
	tcase_add_loop_test(tc, a_redirect_that_never_arrives_is_found, 0, ARRAY_SIZE(redirects));
	tcase_add_test(tc, a_topology_lives_until_the_last_reference_goes);
	tcase_add_test(tc, the_admin_socket_is_found_in_a_file_that_is_wrong_elsewhere);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
