/* SPDX-License-Identifier: Apache-2.0 */
/* Forgeries, and what honest chains of proxies send. Trusted: 10.0.0.0/8 and 2001:db8:1::/48. */
#include "http/client_origin.h"
#include "http/h1.h"
#include "pieces.h"

struct origin_case {
	const char *title;
	const char *peer;
	const char *fields;
	const char *client; /* with the port, if one is known */
	enum client_scheme scheme;
};

#define OUTSIDE "203.0.113.9"
#define LB "10.0.0.1"

static const struct origin_case with_x_forwarded_for[] = {
	/* Who is not trusted speaks for nobody. */
	{ "nothing said", OUTSIDE, "", OUTSIDE ":7", SCHEME_UNSAID },
	{ "a forged list", OUTSIDE, "X-Forwarded-For: 198.51.100.1\r\n", OUTSIDE ":7",
	    SCHEME_UNSAID },
	{ "a forged list that ends in a trusted one", OUTSIDE,
	    "X-Forwarded-For: 198.51.100.1, 10.0.0.1\r\n", OUTSIDE ":7", SCHEME_UNSAID },
	{ "a forged scheme", OUTSIDE, "X-Forwarded-Proto: https\r\n", OUTSIDE ":7", SCHEME_UNSAID },
	{ "a forged Forwarded", OUTSIDE, "Forwarded: for=10.0.0.1;proto=https\r\n", OUTSIDE ":7",
	    SCHEME_UNSAID },
	{ "a forged X-Real-IP", OUTSIDE, "X-Real-IP: 10.0.0.1\r\n", OUTSIDE ":7", SCHEME_UNSAID },
	{ "a neighbour of the trusted", "11.0.0.1", "X-Forwarded-For: 198.51.100.1\r\n",
	    "11.0.0.1:7", SCHEME_UNSAID },
	{ "an IPv6 peer that looks like a trusted one", "::10.0.0.1",
	    "X-Forwarded-For: 198.51.100.1\r\n", "::10.0.0.1:7", SCHEME_UNSAID },
	/* Who is trusted does. */
	{ "a trusted peer that says nothing", LB, "", LB ":7", SCHEME_UNSAID },
	{ "one proxy", LB, "X-Forwarded-For: 198.51.100.1\r\n", "198.51.100.1", SCHEME_UNSAID },
	{ "one proxy by IPv6", "2001:db8:1::5", "X-Forwarded-For: 198.51.100.1\r\n", "198.51.100.1",
	    SCHEME_UNSAID },
	{ "one proxy by mapped IPv4", "::ffff:10.0.0.1", "X-Forwarded-For: 198.51.100.1\r\n",
	    "198.51.100.1", SCHEME_UNSAID },
	{ "two proxies", LB, "X-Forwarded-For: 198.51.100.1, 10.9.9.9\r\n", "198.51.100.1",
	    SCHEME_UNSAID },
	{ "a forged beginning", LB, "X-Forwarded-For: 192.0.2.66, 198.51.100.1\r\n", "198.51.100.1",
	    SCHEME_UNSAID },
	{ "a forged beginning that is trusted", LB, "X-Forwarded-For: 10.6.6.6, 198.51.100.1\r\n",
	    "198.51.100.1", SCHEME_UNSAID },
	{ "a forged beginning, two proxies", LB,
	    "X-Forwarded-For: 127.0.0.1, 10.6.6.6, 198.51.100.1, 10.9.9.9\r\n", "198.51.100.1",
	    SCHEME_UNSAID },
	{ "a forged field of its own in front", LB,
	    "X-Forwarded-For: 192.0.2.66\r\nX: y\r\nx-forwarded-for: 198.51.100.1\r\n",
	    "198.51.100.1", SCHEME_UNSAID },
	{ "two fields are one list", LB,
	    "X-Forwarded-For: 192.0.2.66, 198.51.100.1\r\nX-Forwarded-For: 10.9.9.9\r\n",
	    "198.51.100.1", SCHEME_UNSAID },
	{ "everybody is trusted", LB, "X-Forwarded-For: 10.1.1.1, 10.2.2.2\r\n", "10.1.1.1",
	    SCHEME_UNSAID },
	{ "junk at the end", LB, "X-Forwarded-For: 198.51.100.1, junk\r\n", LB ":7",
	    SCHEME_UNSAID },
	{ "junk before a trusted one", LB, "X-Forwarded-For: 192.0.2.66, junk, 10.9.9.9\r\n",
	    "10.9.9.9", SCHEME_UNSAID },
	{ "junk in front", LB, "X-Forwarded-For: unknown, 198.51.100.1, 10.9.9.9\r\n",
	    "198.51.100.1", SCHEME_UNSAID },
	{ "empty elements", LB, "X-Forwarded-For: ,, 198.51.100.1 ,\t,\r\n", "198.51.100.1",
	    SCHEME_UNSAID },
	{ "an empty field", LB, "X-Forwarded-For:\r\n", LB ":7", SCHEME_UNSAID },
	{ "ports", LB, "X-Forwarded-For: 198.51.100.1:4711\r\n", "198.51.100.1:4711",
	    SCHEME_UNSAID },
	{ "IPv6", LB, "X-Forwarded-For: 2001:DB8:2::1\r\n", "2001:db8:2::1", SCHEME_UNSAID },
	{ "IPv6 in brackets", LB, "X-Forwarded-For: [2001:db8:2::1]\r\n", "2001:db8:2::1",
	    SCHEME_UNSAID },
	{ "IPv6 with a port", LB, "X-Forwarded-For: [2001:db8:2::1]:80\r\n", "2001:db8:2::1:80",
	    SCHEME_UNSAID },
	{ "a mapped address of a trusted one", LB,
	    "X-Forwarded-For: 198.51.100.1, ::ffff:10.9.9.9\r\n", "198.51.100.1", SCHEME_UNSAID },
	{ "a bad port", LB, "X-Forwarded-For: 198.51.100.1:65536\r\n", LB ":7", SCHEME_UNSAID },
	{ "no port behind the colon", LB, "X-Forwarded-For: 198.51.100.1:\r\n", LB ":7",
	    SCHEME_UNSAID },
	{ "an open bracket", LB, "X-Forwarded-For: [2001:db8:2::1\r\n", LB ":7", SCHEME_UNSAID },
	{ "a name", LB, "X-Forwarded-For: localhost\r\n", LB ":7", SCHEME_UNSAID },
	{ "a word for sockets", LB, "X-Forwarded-For: unix\r\n", LB ":7", SCHEME_UNSAID },
	{ "an octal address", LB, "X-Forwarded-For: 010.0.0.1\r\n", LB ":7", SCHEME_UNSAID },
	{ "a quote that never ends", LB, "X-Forwarded-For: 198.51.100.1, \"10.9.9.9\r\n", LB ":7",
	    SCHEME_UNSAID },
	{ "a quote swallows nothing", LB, "X-Forwarded-For: \", 198.51.100.1\r\n", "198.51.100.1",
	    SCHEME_UNSAID },
	{ "the scheme", LB, "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-Proto: HTTPS\r\n",
	    "198.51.100.1", SCHEME_HTTPS },
	{ "the scheme alone", LB, "X-Forwarded-Proto: http\r\n", LB ":7", SCHEME_HTTP },
	{ "a forged scheme in front", LB, "X-Forwarded-Proto: https, http\r\n", LB ":7",
	    SCHEME_HTTP },
	{ "a scheme nobody knows", LB, "X-Forwarded-Proto: gopher\r\n", LB ":7", SCHEME_UNSAID },
	{ "a Forwarded that is not asked for", LB, "Forwarded: for=198.51.100.1;proto=https\r\n",
	    LB ":7", SCHEME_UNSAID },
};

static const struct origin_case with_forwarded[] = {
	{ "not trusted", OUTSIDE, "Forwarded: for=198.51.100.1\r\n", OUTSIDE ":7", SCHEME_UNSAID },
	{ "one proxy", LB, "Forwarded: for=198.51.100.1\r\n", "198.51.100.1", SCHEME_UNSAID },
	{ "its scheme", LB, "Forwarded: for=198.51.100.1;proto=https;by=10.0.0.1\r\n",
	    "198.51.100.1", SCHEME_HTTPS },
	{ "the scheme of the client, not of proxies", LB,
	    "Forwarded: for=198.51.100.1;proto=https, for=10.9.9.9;proto=http\r\n", "198.51.100.1",
	    SCHEME_HTTPS },
	{ "any case, quotes, IPv6, a port", LB,
	    "forwarded: By=x;FOR=\"[2001:db8:2::1]:4711\";Proto=\"HTTPS\"\r\n",
	    "2001:db8:2::1:4711", SCHEME_HTTPS },
	{ "a comma and a semicolon in quotes", LB,
	    "Forwarded: for=192.0.2.66;host=\"a,for=10.0.0.2;x\\\"\", for=198.51.100.1\r\n",
	    "198.51.100.1", SCHEME_UNSAID },
	{ "a forged element in quotes", LB,
	    "Forwarded: for=198.51.100.1;host=\", for=192.0.2.66\"\r\n", "198.51.100.1",
	    SCHEME_UNSAID },
	{ "a forged beginning", LB, "Forwarded: for=192.0.2.66, for=198.51.100.1, for=10.9.9.9\r\n",
	    "198.51.100.1", SCHEME_UNSAID },
	{ "a forged quote swallows nothing", LB,
	    "Forwarded: for=\"192.0.2.66, for=198.51.100.1\r\n", "198.51.100.1", SCHEME_UNSAID },
	{ "nor in another parameter", LB,
	    "Forwarded: for=10.0.0.5;by=\", for=198.51.100.1\r\n", "198.51.100.1", SCHEME_UNSAID },
	{ "another field's scheme", LB,
	    "Forwarded: for=198.51.100.1\r\nX-Forwarded-Proto: https\r\n", "198.51.100.1",
	    SCHEME_UNSAID },
	{ "unknown", LB, "Forwarded: for=unknown\r\n", LB ":7", SCHEME_UNSAID },
	{ "a hidden name", LB, "Forwarded: for=_hidden, for=10.9.9.9\r\n", "10.9.9.9",
	    SCHEME_UNSAID },
	{ "two clients in one element", LB, "Forwarded: for=192.0.2.66;for=198.51.100.1\r\n",
	    LB ":7", SCHEME_UNSAID },
	{ "no client", LB, "Forwarded: proto=https\r\n", LB ":7", SCHEME_UNSAID },
	{ "no pairs", LB, "Forwarded: 198.51.100.1\r\n", LB ":7", SCHEME_UNSAID },
	{ "escapes", LB, "Forwarded: for=\"198\\.51.100.1\"\r\n", LB ":7", SCHEME_UNSAID },
	{ "X-Forwarded-For is not asked for", LB, "X-Forwarded-For: 198.51.100.1\r\n", LB ":7",
	    SCHEME_UNSAID },
};

static const struct origin_case with_a_field_of_its_own[] = {
	{ "a cloud's own field", LB,
	    "X-Forwarded-For: 192.0.2.66\r\nCf-Connecting-Ip: 198.51.100.1\r\n", "198.51.100.1",
	    SCHEME_UNSAID },
	{ "from outside", OUTSIDE, "CF-Connecting-IP: 198.51.100.1\r\n", OUTSIDE ":7",
	    SCHEME_UNSAID },
	{ "another unknown field", LB, "CF-Connecting-IQ: 198.51.100.1\r\n", LB ":7",
	    SCHEME_UNSAID },
};

static void
check_case(const struct origin_case *c, const char *field)
{
	struct ip_range ranges[2];
	struct ip_set trusted;
	struct client_origin o;
	struct h1_parse p = { 0 };
	struct head h;
	struct error e;
	struct ip peer;
	char came[512], client[80];
	int len = snprintf(came, sizeof came, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", c->fields);
	size_t used;

	ck_assert(ip_range_parse("10.0.0.0/8", &ranges[0], &e));
	ck_assert(ip_range_parse("2001:db8:1::/48", &ranges[1], &e));
	ip_set_make(&trusted, ranges, 2);
	ck_assert(ip_parse(c->peer, strlen(c->peer), &peer));
	ck_assert_msg(h1_parse_request(&p, &h, came, (size_t)len, &h1_default_limits) == H1_DONE,
	    "%s: %s", c->title, p.why);
	client_origin_find(&h, slice_of(field), &trusted, &peer, 7, &o);
	used = ip_format(&o.ip, client);
	if (o.port != 0)
		snprintf(client + used, sizeof client - used, ":%u", o.port);
	ck_assert_msg(
	    strcmp(client, c->client) == 0, "%s: %s, not %s", c->title, client, c->client);
	ck_assert_msg(o.scheme == c->scheme, "%s: scheme %d", c->title, o.scheme);
	ck_assert_msg(o.peer_is_trusted == ip_set_has(&trusted, &peer), "%s", c->title);
	ck_assert_msg(o.claimed == !ip_equal(&o.ip, &peer), "%s", c->title);
}

START_TEST(x_forwarded_for_is_believed_from_the_trusted_only)
{
	check_case(&with_x_forwarded_for[_i], "X-Forwarded-For");
}
END_TEST

START_TEST(forwarded_is_believed_from_the_trusted_only)
{
	check_case(&with_forwarded[_i], "Forwarded");
}
END_TEST

START_TEST(another_field_may_say_it)
{
	check_case(&with_a_field_of_its_own[_i], "CF-Connecting-IP");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("http/client_origin");
	TCase *t = tcase_create("client_origin");

	tcase_add_loop_test(t, x_forwarded_for_is_believed_from_the_trusted_only, 0,
	    ARRAY_SIZE(with_x_forwarded_for));
	tcase_add_loop_test(
	    t, forwarded_is_believed_from_the_trusted_only, 0, ARRAY_SIZE(with_forwarded));
	tcase_add_loop_test(t, another_field_may_say_it, 0, ARRAY_SIZE(with_a_field_of_its_own));
	suite_add_tcase(s, t);
	return run_suite(s);
}
