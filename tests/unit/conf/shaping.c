/* SPDX-License-Identifier: Apache-2.0 */
/* What a file may say about requests on their way. */
#include <stdio.h>

#include "base/bytes.h"
#include "base/regex.h"
#include "helper.h"

static const char *
route(const char *keys)
{
	return whole(&(struct parts){ .route = keys });
}

START_TEST(conditions_are_read)
{
	struct topology *t = load_good(
	    route("service = \"shop\"; methods = ( \"GET\", \"M-SEARCH\" );\n"
		  "headers = ( { name = \"X-A\"; value = \"v\"; }, { name = \"B\"; present = "
		  "false; } );\n"
		  "query = ( { name = \"q\"; regex = \"^a$\"; } );"));
	const struct conf_route *r = &t->routes[0];

	ck_assert_uint_eq(r->method_count, 2);
	ck_assert_str_eq(r->methods[1], "M-SEARCH");
	ck_assert_uint_eq(r->conditions, 4);
	ck_assert_str_eq(r->headers[0].value, "v");
	ck_assert(r->headers[0].present && !r->headers[1].present);
	ck_assert_str_eq(regex_text(r->query[0].regex), "^a$");
	topology_unref(t);
}
END_TEST

START_TEST(a_route_that_shapes_nothing_says_so)
{
	struct topology *t = load_good(route("service = \"shop\"; name = \"n\";"));

	ck_assert(!t->routes[0].shaped);
	topology_unref(t);
	t = load_good(route("service = \"shop\"; name = \"n\"; cors = { expose = \"X-A, X-B\"; };"));
	ck_assert(t->routes[0].shaped && t->routes[0].cors->any_origin);
	ck_assert_ptr_nonnull(strstr(
	    t->routes[0].cors->lines, "Access-Control-Expose-Headers: X-A, X-B\r\n"));
	topology_unref(t);
}
END_TEST

static const char *
with_shadow(const char *keys)
{
	return whole(&(struct parts){ .route = keys,
	    .service = "}, { name = \"shadow\"; regions = ( { region = \"east\"; endpoints = ( "
		       "\"http://127.0.0.1:9002\" ); } );" });
}

START_TEST(a_mirror_copies_what_is_safe_unless_told_otherwise)
{
	struct topology *t = load_good(
	    with_shadow("service = \"shop\"; mirror = { service = \"shadow\"; percent = 0.5; };"));
	const struct conf_mirror *m = t->routes[0].mirror;

	ck_assert(t->routes[0].shaped);
	ck_assert_str_eq(m->service->name, "shadow");
	ck_assert(m->percent == 0.5);
	ck_assert_uint_eq(m->method_count, 3);
	ck_assert_str_eq(m->methods[0], "GET");
	ck_assert_str_eq(m->methods[1], "HEAD");
	ck_assert_str_eq(m->methods[2], "OPTIONS");
	topology_unref(t);
}
END_TEST

static struct siphash_key
sticky_key(const char *service)
{
	struct topology *t = load_good(whole(&(struct parts){ .service = service }));
	struct siphash_key key = t->services[0].sticky->key;

	topology_unref(t);
	return key;
}

START_TEST(the_names_of_endpoints_follow_the_secret)
{
	struct siphash_key a = sticky_key("sticky = { cookie = \"srv\"; };");
	struct siphash_key b = sticky_key("sticky = { cookie = \"other\"; };");
	struct siphash_key c = sticky_key("sticky = { cookie = \"srv\"; secret = \"s\"; };");

	ck_assert(a.k0 == b.k0 && a.k1 == b.k1);
	ck_assert(a.k0 != c.k0 && a.k1 != c.k1);
	ck_assert(a.k0 != a.k1);
}
END_TEST

static const char with_auth[] = "service = \"shop\"; basic_auth = { file = \"users\"; };";

START_TEST(users_are_read_from_an_htpasswd_file)
{
	const struct conf_basic_auth *auth;
	struct topology *t;

	scratch_write("users",
	    "# ours\nzoe:{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=\r\n\namy b:$apr1$salt$x:a comment\n", 0600);
	t = load_good(route(with_auth));
	auth = t->routes[0].basic_auth;
	ck_assert(t->routes[0].shaped);
	ck_assert_uint_eq(auth->user_count, 2);
	ck_assert_str_eq(auth->realm, "restricted");
	ck_assert_str_eq(conf_user_find(auth, "amy b")->hash, "$apr1$salt$x");
	ck_assert_str_eq(
	    conf_user_find(auth, "zoe")->hash, "{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=");
	ck_assert_ptr_null(conf_user_find(auth, "zo"));
	topology_unref(t);
}
END_TEST

START_TEST(a_broken_htpasswd_file_is_refused)
{
	char problem[512];

	scratch_write("users", "amy:{SHA}x\nben:plain\n", 0600);
	snprintf(problem, sizeof problem,
	    "t.conf:7: %s:2: a name, a colon and a hash were expected; write the line with htpasswd -B",
	    scratch_path("users"));
	expect_problem(route(with_auth), problem);
	scratch_write("users", "amy:{SHA}x\namy:{SHA}y\n", 0600);
	snprintf(problem, sizeof problem, "t.conf:7: %s has the user \"amy\" twice; remove one",
	    scratch_path("users"));
	expect_problem(route(with_auth), problem);
	scratch_write("users", "# nobody\n", 0600);
	snprintf(problem, sizeof problem,
	    "t.conf:7: %s has no user, so nobody could pass; add one with htpasswd -B",
	    scratch_path("users"));
	expect_problem(route(with_auth), problem);
}
END_TEST

START_TEST(routes_of_one_place_differ_by_their_conditions)
{
	topology_unref(load_good(
	    route("service = \"shop\"; }, { service = \"shop\"; methods = \"GET\"; }, { service = "
		  "\"shop\"; methods = \"PUT\";")));
	expect_problem(
	    route("service = \"shop\"; }, { service = \"shop\"; methods = \"GET\"; },\n{ service = "
		  "\"shop\"; methods = \"GET\";"),
	    "t.conf:8: \"/\" has a route already (t.conf:7); remove one, or change its host or path");
}
END_TEST

struct mistake {
	const char *route;
	const char *problem;
};

static const struct mistake mistakes[] = {
	{ "service = \"shop\"; methods = ( \"GET POST\" );",
	    "methods: \"GET POST\" is no token; write letters and digits, as in \"GET\"" },
	{ "service = \"shop\"; methods = ( 1 );",
	    "methods: a text was expected, found 1; write it in quotes" },
	{ "service = \"shop\"; headers = ( { name = \"A\"; value = \"b\"; prefix = \"c\"; } );",
	    "value, prefix and regex are three ways to say one thing; keep one" },
	{ "service = \"shop\"; query = ( { name = \"A\"; value = \"b\"; present = false; } );",
	    "what must not be there has no value; remove present, or value, prefix and regex" },
	{ "service = \"shop\"; headers = ( { name = \"A\"; regex = \"(\"; } );",
	    "regex: the pattern \"(\" is broken behind its byte 1: missing closing parenthesis" },
	{ "service = \"shop\"; rewrite_regex = \"^/a\";",
	    "the route has rewrite_regex but no rewrite_to; it needs both" },
	{ "service = \"shop\"; rewrite_to = \"/a\";",
	    "the route has rewrite_to but no rewrite_regex; it needs both" },
	{ "service = \"shop\"; rewrite_regex = \"^/a(.)\"; rewrite_to = \"/$2\";",
	    "rewrite_to says $2, but its pattern has 1 group; add ( ) to the pattern" },
	{ "service = \"shop\"; rewrite_regex = \"a\"; rewrite_to = \"b\";",
	    "rewrite_to \"b\" is no path; begin it with a slash" },
	{ "service = \"shop\"; rewrite_regex = \"a\"; rewrite_to = \"/b?c\";",
	    "rewrite_to \"/b?c\" holds a query, and only the path is rewritten; end it before the "
	    "\"?\"" },
	{ "service = \"shop\"; rewrite_regex = \"a\"; rewrite_to = \"/\"; rewrite_prefix = \"/\";",
	    "the route has both rewrite_prefix and rewrite_to; remove one" },
	{ "service = \"shop\"; redirect_regex = \"a\";",
	    "redirect_regex does not say where to; add redirect = \"...\";" },
	{ "redirect = \"https://x/$1\";",
	    "redirect says $1, but no pattern fills it; add redirect_regex, or write $$ for a dollar "
	    "sign" },
	{ "service = \"shop\"; redirect = \"https://x/\";",
	    "the route has both service and redirect; remove one" },
	{ "service = \"shop\"; splits = ( { service = \"shop\"; weight = 1; } );",
	    "the route has both service and splits; remove one" },
	{ "service = \"shop\"; name = \"x\"; request_headers = { set = ( { name = \"Host\"; value = "
	  "\"x\"; } ); };",
	    "Host is set by services[].regions[].host and can't be changed; remove it" },
	{ "service = \"shop\"; response_headers = { remove = ( \"Transfer-Encoding\" ); };",
	    "Transfer-Encoding tells where a message ends and can't be changed; remove it" },
	{ "service = \"shop\"; request_headers = { add = ( { name = \"X-Forwarded-Port\"; value = "
	  "\"1\"; } ); };",
	    "X-Forwarded-Port is what Detour vouches for and can't be changed; remove it" },
	{ "service = \"shop\"; response_headers = { add = ( { name = \"A\"; value = \"a\\r\\nB: c\"; } "
	  "); };",
	    "the value of A holds a control character; remove it" },
	{ "service = \"shop\"; cors = { credentials = true; };",
	    "with credentials every page there is could act as the user; name the origins that may" },
	{ "service = \"shop\"; cors = { origins = \"a.example.com\"; };",
	    "\"a.example.com\" is no origin; write \"https://a.example.com\", "
	    "\"https://*.example.com\", or \"*\" alone" },
	{ "service = \"shop\"; cors = { origins = \"*://a.example.com\"; };",
	    "\"*://a.example.com\" is no origin; write \"https://a.example.com\", "
	    "\"https://*.example.com\", or \"*\" alone" },
	{ "splits = ( { service = \"shop\"; } );",
	    "no split has a weight, so nobody answers who does not ask for one; give one a weight" },
	{ "splits = ( { service = \"shop\"; weight = 1; header_value = \"x\"; } );",
	    "header_value and header_regex do not say which field; add header = \"...\";" },
};

static const struct mistake mirror_mistakes[] = {
	{ "service = \"shop\"; mirror = { service = \"shop\"; };",
	    "service \"shop\" answers the route's requests and would get each twice; mirror to another "
	    "one" },
	{ "splits = ( { service = \"shop\"; weight = 1; } ); mirror = { service = \"shop\"; };",
	    "service \"shop\" answers the route's requests and would get each twice; mirror to another "
	    "one" },
	{ "redirect = \"https://x/\"; mirror = { service = \"shadow\"; };",
	    "a redirect has no requests to copy; remove mirror, or add service = \"...\";" },
	{ "service = \"shop\"; mirror = { service = \"shadow\"; methods = \"GET, POST\"; };",
	    "POST may not be sent twice (RFC 9110, 9.2.2), so it is not copied; remove it from methods" },
	{ "service = \"shop\"; mirror = { service = \"shadow\"; percent = 101; };",
	    "percent: 101 is out of range; write a value from 0 to 100" },
	{ "service = \"shop\"; mirror = { service = \"shadw\"; };",
	    "service: there is no service \"shadw\"; did you mean \"shadow\"?" },
	{ "service = \"shop\"; mirror = { percent = 1; };", "mirror has no \"service\"; add service = \"...\";" },
};

START_TEST(a_mistake_about_a_mirror_is_told_with_its_remedy)
{
	char problem[512];

	snprintf(problem, sizeof problem, "t.conf:7: %s", mirror_mistakes[_i].problem);
	expect_problem(with_shadow(mirror_mistakes[_i].route), problem);
}
END_TEST

START_TEST(a_mistake_is_told_with_its_remedy)
{
	char problem[512];

	snprintf(problem, sizeof problem, "t.conf:7: %s", mistakes[_i].problem);
	expect_problem(route(mistakes[_i].route), problem);
}
END_TEST

/* What writes heads has room for so many, of a service and a route together. */
START_TEST(a_host_and_the_path_of_a_group_behind_it_cause_no_warning)
{
	static const char *const redirects[] = { "https://a.com$1", "//${host}:8443$1/x?y",
		"https://$2.a.example.com$1" };
	struct conf_problems problems;
	char keys[256];

	for (size_t i = 0; i < ARRAY_SIZE(redirects); i++) {
		snprintf(keys, sizeof keys,
		    "service = \"shop\"; redirect_regex = \"^/go(/.*),([a-z]+)$\"; redirect = \"%s\";",
		    redirects[i]);
		topology_unref(conf_load_text(route(keys), "t.conf", ".", &problems));
		for (unsigned k = 0; k < problems.count; k++)
			ck_assert_ptr_null(strstr(problems.list[k].text, "redirect"));
		conf_problems_free(&problems);
	}
}
END_TEST

START_TEST(fields_that_are_added_count_too)
{
	char keys[4096] = "service = \"shop\"; request_headers = { add = (";
	size_t len = strlen(keys);

	for (unsigned i = 0; i < 33; i++)
		len += (size_t)snprintf(keys + len, sizeof keys - len,
		    "%s { name = \"X-%u\"; value = \"1\"; }", i > 0 ? "," : "", i);
	snprintf(keys + len, sizeof keys - len, " ); };");
	expect_problem(route(keys),
	    "t.conf:7: 33 fields are set, added or removed, and 32 is the most; leave some out");
}
END_TEST

/* And for so many bytes of each: one that did not fit would be missing from every answer. */
START_TEST(long_fields_are_refused_rather_than_left_out)
{
	char keys[16 * 1024];

	snprintf(keys, sizeof keys,
	    "service = \"shop\"; response_headers = { set = ( { name = \"X-A\"; value = "
	    "\"%03000d\"; }, { name = \"X-B\"; value = \"%03200d\"; } ); };",
	    0, 0);
	expect_problem(route(keys),
	    "t.conf:7: the fields that are set or added are 6214 bytes together, and 6144 is the "
	    "most; leave some out or write them shorter");
	snprintf(keys, sizeof keys, "service = \"shop\"; cors = { headers = \"X-%01900d\"; };", 0);
	expect_problem(route(keys),
	    "t.conf:7: methods, headers and expose are 2200 bytes together, and 2048 is the most; "
	    "leave some out");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("shaping");
	TCase *tc = tcase_create("shaping");

	tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
	tcase_add_test(tc, conditions_are_read);
	tcase_add_test(tc, a_route_that_shapes_nothing_says_so);
	tcase_add_test(tc, a_mirror_copies_what_is_safe_unless_told_otherwise);
	tcase_add_test(tc, a_host_and_the_path_of_a_group_behind_it_cause_no_warning);
	tcase_add_test(tc, fields_that_are_added_count_too);
	tcase_add_test(tc, long_fields_are_refused_rather_than_left_out);
	tcase_add_test(tc, the_names_of_endpoints_follow_the_secret);
	tcase_add_test(tc, users_are_read_from_an_htpasswd_file);
	tcase_add_test(tc, a_broken_htpasswd_file_is_refused);
	tcase_add_test(tc, routes_of_one_place_differ_by_their_conditions);
	tcase_add_loop_test(tc, a_mistake_is_told_with_its_remedy, 0, ARRAY_SIZE(mistakes));
	tcase_add_loop_test(tc, a_mistake_about_a_mirror_is_told_with_its_remedy, 0,
	    ARRAY_SIZE(mirror_mistakes));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
