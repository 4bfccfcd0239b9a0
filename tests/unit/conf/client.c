/* SPDX-License-Identifier: Apache-2.0 */
/* Keys about who a client is, and what it may do. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "helper.h"

static bool
has(const struct ip_set *set, const char *text)
{
	struct ip ip;

	ck_assert(ip_parse(text, strlen(text), &ip));
	return ip_set_has(set, &ip);
}

START_TEST(networks_are_written_in_several_ways)
{
	static const char *const ways[] = {
		"trusted_proxies = ( \"10.0.0.0/8\", \"2001:db8::/32\" );",
		"trusted_proxies = [ \"10.0.0.0/8\", \"2001:db8::/32\" ];",
		"trusted_proxies = \"10.0.0.0/8,2001:db8::/32\";",
		"trusted_proxies = \"${NETWORKS}\";",
	};

	setenv("NETWORKS", "2001:db8::/32 , 10.0.0.0/8", 1);
	for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
		struct topology *t = load_good(whole(&(struct parts){ .top = ways[i] }));

		ck_assert_uint_eq(t->trusted_proxies.count, 2);
		ck_assert(has(&t->trusted_proxies, "10.1.2.3"));
		ck_assert(has(&t->trusted_proxies, "2001:db8::1"));
		ck_assert(!has(&t->trusted_proxies, "11.1.2.3"));
		topology_unref(t);
	}
}
END_TEST

START_TEST(rules_are_of_listeners_and_routes)
{
	struct topology *t = load_good(whole(&(struct parts){
	    .listener = "deny = ( \"192.0.2.0/24\" );",
	    .route =
		"service = \"shop\"; allow = ( \"10.0.0.0/8\" ); rate_limit = { rate = 5; };" }));
	const struct conf_rate_limit *limit = t->routes[0].access.rate_limit;

	ck_assert(t->listeners_have_rules);
	ck_assert(has(&t->listeners[0].access.deny, "192.0.2.1"));
	ck_assert_uint_eq(t->listeners[0].access.allow.count, 0);
	ck_assert_ptr_null(t->listeners[0].access.rate_limit);
	ck_assert(has(&t->routes[0].access.allow, "10.1.1.1"));
	ck_assert_ptr_nonnull(limit);
	ck_assert_uint_eq(limit->rate, 5);
	ck_assert_uint_eq(limit->per_ms, 1000);
	ck_assert_uint_eq(limit->burst, 0);
	ck_assert_int_eq(limit->key, RATE_KEY_CLIENT_IP);
	topology_unref(t);
}
END_TEST

START_TEST(nobody_is_trusted_unasked)
{
	struct topology *t = load_good(whole(&(struct parts){ 0 }));

	ck_assert_uint_eq(t->trusted_proxies.count, 0);
	ck_assert(!t->listeners_have_rules);
	ck_assert_str_eq(t->client_ip_header, "X-Forwarded-For");
	topology_unref(t);
}
END_TEST

static const struct mistake {
	struct parts parts;
	const char *problem;
} mistakes[] = {
	{ { .top = "trusted_proxies = ( \"10.0.0.1/8\" );" },
	    "t.conf:1: trusted_proxies: \"10.0.0.1/8\" has bits set behind its prefix; write "
	    "\"10.0.0.0/8\"" },
	{ { .top = "trusted_proxies = ( \"10.0.0.0/33\" );" },
	    "t.conf:1: trusted_proxies: \"10.0.0.0/33\" has no such prefix; write a number from 0 "
	    "to "
	    "32 behind the \"/\"" },
	{ { .top = "trusted_proxies = ( \"lb.example.com\" );" },
	    "t.conf:1: trusted_proxies: \"lb.example.com\" is no address or network; write one "
	    "such "
	    "as \"192.0.2.0/24\", \"2001:db8::/32\" or \"unix\"" },
	{ { .top = "trusted_proxies = ( 10 );" },
	    "t.conf:1: trusted_proxies: a text was expected, found 10; write it in quotes" },
	{ { .route = "service = \"shop\"; allow = ( );" },
	    "t.conf:7: allow: the list is empty; leave allow out or name a network, such as "
	    "\"192.0.2.0/24\"" },
	{ { .top = "trusted_proxies = true;" },
	    "t.conf:1: trusted_proxies: a list of texts was expected, found true; write ( \"...\" "
	    ")" },
	{ { .listener = "proxy_protocol = true;" },
	    "t.conf:2: proxy_protocol takes headers from trusted_proxies only, and there are none; "
	    "add "
	    "trusted_proxies = ( \"...\" ); with the addresses of what is in front of this "
	    "listener" },
	{ { .route = "service = \"shop\"; rate_limit = { rate = 5; key = \"header\"; };" },
	    "t.conf:7: key = \"header\" does not say which one; add header = \"...\";" },
	{ { .route = "service = \"shop\"; rate_limit = { rate = 5; header = \"X\"; };" },
	    "t.conf:7: warning: header has no effect; write key = \"header\" or remove it" },
	{ { .route = "service = \"shop\"; rate_limit = { per = \"1s\"; };" },
	    "t.conf:7: rate_limit has no \"rate\"; add rate = NUMBER;" },
	{ { .listener = "rate_limit = { rate = 0; };" },
	    "t.conf:2: rate: 0 is out of range; write a value from 1 to 1000000" },
	{ { .top = "client_ip_header = \"X Real IP\";" },
	    "t.conf:1: client_ip_header: \"X Real IP\" is no token; write letters and digits, as "
	    "in "
	    "\"GET\"" },
};

START_TEST(a_mistake_is_told_with_its_remedy)
{
	expect_problem(whole(&mistakes[_i].parts), mistakes[_i].problem);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("conf/client");
	TCase *t = tcase_create("client");

	tcase_add_test(t, networks_are_written_in_several_ways);
	tcase_add_test(t, rules_are_of_listeners_and_routes);
	tcase_add_test(t, nobody_is_trusted_unasked);
	tcase_add_loop_test(t, a_mistake_is_told_with_its_remedy, 0, ARRAY_SIZE(mistakes));
	suite_add_tcase(s, t);
	return run_suite(s);
}
