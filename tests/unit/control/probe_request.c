/* SPDX-License-Identifier: Apache-2.0 */
#include "control/probe_request.h"

#include <arpa/inet.h>
#include <check.h>
#include <string.h>

#include "origin.h"
#include "prober.h"
#include "rig.h"

struct request_case {
	const char *url_host;
	uint16_t port;
	bool tls;
	const char *region_host;
	struct conf_health_check check;
	const char *expected;
};

#define AGENT "User-Agent: detour-health/" DETOUR_VERSION "\r\nAccept: */*\r\n"

static const struct request_case requests[] = {
	{ "shop.example.com", 80, false, NULL, { .method = "GET", .path = "/" },
	    "GET / HTTP/1.1\r\nHost: shop.example.com\r\n" AGENT "Connection: close\r\n\r\n" },
	{ "shop.example.com", 8080, false, NULL, { .method = "GET", .path = "/h?x=1", .reuse = true },
	    "GET /h?x=1 HTTP/1.1\r\nHost: shop.example.com:8080\r\n" AGENT
	    "Connection: keep-alive\r\n\r\n" },
	{ "10.1.0.10", 443, true, NULL, { .method = "HEAD", .path = "/" },
	    "HEAD / HTTP/1.1\r\nHost: 10.1.0.10\r\n" AGENT "Connection: close\r\n\r\n" },
	{ "10.1.0.10", 443, false, NULL, { .method = "GET", .path = "/" },
	    "GET / HTTP/1.1\r\nHost: 10.1.0.10:443\r\n" AGENT "Connection: close\r\n\r\n" },
	{ "fd00::1", 80, false, NULL, { .method = "GET", .path = "/" },
	    "GET / HTTP/1.1\r\nHost: [fd00::1]\r\n" AGENT "Connection: close\r\n\r\n" },
	{ "fd00::1", 81, false, NULL, { .method = "GET", .path = "/" },
	    "GET / HTTP/1.1\r\nHost: [fd00::1]:81\r\n" AGENT "Connection: close\r\n\r\n" },
	{ "10.1.0.10", 81, false, "shop.gcp.example.com", { .method = "GET", .path = "/" },
	    "GET / HTTP/1.1\r\nHost: shop.gcp.example.com\r\n" AGENT "Connection: close\r\n\r\n" },
	{ "10.1.0.10", 81, false, "shop.gcp.example.com",
	    { .method = "GET", .path = "/", .host = "check.example.com" },
	    "GET / HTTP/1.1\r\nHost: check.example.com\r\n" AGENT "Connection: close\r\n\r\n" },
	{ "shop.example.com", 80, false, NULL, { .method = "POST", .path = "/ping" },
	    "POST /ping HTTP/1.1\r\nHost: shop.example.com\r\n" AGENT "Content-Length: 0\r\n"
	    "Connection: close\r\n\r\n" },
};

START_TEST(a_request_names_the_host_as_traffic_would)
{
	const struct request_case *c = &requests[_i];
	struct conf_service_region region = { .host = c->region_host };
	struct site site = { .region = &region, .check = &c->check };
	struct endpoint e = { .host = c->url_host, .tls = c->tls };
	char text[1024];

	if (strchr(c->url_host, ':') != NULL) {
		e.addr.ss_family = AF_INET6;
		((struct sockaddr_in6 *)&e.addr)->sin6_port = htons(c->port);
	} else {
		e.addr.ss_family = AF_INET;
		((struct sockaddr_in *)&e.addr)->sin_port = htons(c->port);
	}
	ck_assert_int_eq(probe_request(&site, &e, text, sizeof text), (int)strlen(c->expected));
	ck_assert_str_eq(text, c->expected);
}
END_TEST

START_TEST(a_request_is_seen_by_the_origin_as_it_was_written)
{
	struct origin_answer a = { .bytes = OK_HEAD EMPTY };
	struct origin *o = origin_start(&a, 1, NULL);
	struct world w = prober_world(&world_check);
	struct prober *b = prober_new(origin_port(o), &w);
	char sent[1024], seen[1024];

	(void)prober_once(b);
	probe_request(b->site, &b->endpoint, sent, sizeof sent);
	ck_assert_str_eq(origin_last_request(o, seen, sizeof seen), sent);
	prober_free(b);
	origin_stop(o);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("control/probe_request");
	TCase *c = tcase_create("probe_request");

	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, a_request_names_the_host_as_traffic_would, 0, ARRAY_SIZE(requests));
	tcase_add_test(c, a_request_is_seen_by_the_origin_as_it_was_written);
	suite_add_tcase(s, c);
	return rig_main(s);
}
