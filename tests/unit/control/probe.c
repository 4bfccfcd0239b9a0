/* SPDX-License-Identifier: Apache-2.0 */
#include "control/probe.h"

#include <arpa/inet.h>
#include <check.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/slab.h"
#include "conf/topology.h"
#include "control/needle.h"
#include "control/site.h"
#include "net/loop.h"
#include "origin.h"
#include "world.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define EMPTY "Content-Length: 0\r\n\r\n"

/* One probe of one endpoint on a loop of its own. */
struct bench {
	struct loop *loop;
	struct topology *topology;
	struct sites *sites;
	struct site *site;
	struct endpoint endpoint;
	struct probe probe;
	struct probe_result result;
	unsigned results;
};

static void
on_result(struct probe *p, const struct probe_result *r, void *arg)
{
	struct bench *b = arg;

	ck_assert(!p->running);
	b->result = *r;
	b->results++;
	loop_stop(b->loop);
}

static struct bench *
bench_new(uint16_t port, const struct world *like)
{
	struct bench *b = mem_new(sizeof *b);
	struct world w = *like;
	struct conf_endpoint *conf;

	if (w.regions[0].name == NULL)
		w.regions[0].name = "us-east-1";
	w.regions[0].ports[0] = port;
	b->loop = loop_new();
	b->topology = world_topology(&w);
	b->sites = sites_new(b->topology);
	b->site = sites_at(b->sites, 0, 0);
	conf = &b->topology->services[0].regions[0].endpoints[0];
	b->endpoint.url = conf->url;
	b->endpoint.host = conf->host;
	b->endpoint.tls = conf->tls;
	b->endpoint.addr = conf->addr.addr;
	b->endpoint.addr_len = conf->addr.len;
	probe_init(&b->probe, b->loop, &b->endpoint, on_result, b);
	return b;
}

static void
bench_free(struct bench *b)
{
	probe_close(&b->probe);
	ck_assert_uint_eq(slab_in_use(b->loop->small), 0);
	ck_assert_uint_eq(slab_in_use(b->loop->large), 0);
	sites_free(b->sites);
	topology_unref(b->topology);
	loop_free(b->loop);
	mem_free(b);
}

static const struct probe_result *
probe_once(struct bench *b)
{
	unsigned before = b->results;

	probe_start(&b->probe, b->site);
	ck_assert_uint_eq(b->results, before);
	loop_run(b->loop);
	ck_assert_uint_eq(b->results, before + 1);
	return &b->result;
}

static const struct world plain = { .check = { 0 } };

static struct world
world_with(const struct conf_health_check *check)
{
	struct world w = plain;

	w.check = *check;
	return w;
}

struct verdict_case {
	const char *name;
	const char *method;
	const char *expect_body;
	struct origin_answer answer;
	bool passes;
	enum endpoint_reason reason;
	uint32_t detail;
};

static const struct verdict_case verdicts[] = {
	{ "200", .answer = { .bytes = OK_HEAD EMPTY }, .passes = true },
	{ "204", .answer = { .bytes = "HTTP/1.1 204 No Content\r\n\r\n" }, .passes = true },
	{ "a redirect", .answer = { .bytes = "HTTP/1.1 302 Found\r\n" EMPTY }, .passes = true },
	{ "HTTP/1.0", .answer = { .bytes = "HTTP/1.0 200 OK\r\n\r\nhello", .then = ORIGIN_CLOSE },
	    .passes = true },
	{ "400 is out of range", .answer = { .bytes = "HTTP/1.1 400 Bad\r\n" EMPTY },
	    .reason = REASON_CHECK_STATUS, .detail = 400 },
	{ "503", .answer = { .bytes = "HTTP/1.1 503 Unavailable\r\n" EMPTY },
	    .reason = REASON_CHECK_STATUS, .detail = 503 },
	{ "503 and gone", .answer = { .bytes = "HTTP/1.1 503 Unavailable\r\n" EMPTY,
	    .then = ORIGIN_RESET }, .reason = REASON_CHECK_STATUS, .detail = 503 },
	{ "reset", .answer = { .then = ORIGIN_RESET }, .reason = REASON_CHECK_RESET },
	{ "closed without an answer", .answer = { .then = ORIGIN_CLOSE },
	    .reason = REASON_CHECK_RESET },
	{ "closed within the head", .answer = { .bytes = OK_HEAD "Conte", .then = ORIGIN_CLOSE },
	    .reason = REASON_CHECK_MALFORMED },
	{ "hanging", .answer = { .then = ORIGIN_HANG }, .reason = REASON_CHECK_TIMEOUT },
	{ "hanging within the head", .answer = { .bytes = OK_HEAD, .then = ORIGIN_HANG },
	    .reason = REASON_CHECK_TIMEOUT },
	{ "not HTTP", .answer = { .bytes = "SSH-2.0-OpenSSH_9.2\r\n" },
	    .reason = REASON_CHECK_MALFORMED },
	{ "both framings", .answer = { .bytes = OK_HEAD "Content-Length: 5\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" }, .reason = REASON_CHECK_MALFORMED },
	{ "an upgrade nobody asked for", .answer = { .bytes = "HTTP/1.1 101 Switching\r\n"
	    "Upgrade: x\r\nConnection: upgrade\r\n\r\n" }, .reason = REASON_CHECK_MALFORMED },
	{ "interim answers first", .answer = { .bytes = "HTTP/1.1 103 Early Hints\r\n\r\n"
	    "HTTP/1.1 100 Continue\r\n\r\n" OK_HEAD EMPTY }, .passes = true },
	{ "interim answers in single bytes", .answer = { .bytes = "HTTP/1.1 103 Early\r\n\r\n"
	    OK_HEAD EMPTY, .piece = 1 }, .passes = true },
	{ "a head in single bytes", .answer = { .bytes = OK_HEAD EMPTY, .piece = 1 },
	    .passes = true },
	{ "HEAD with a length", .method = "HEAD", .answer = { .bytes = OK_HEAD
	    "Content-Length: 1000\r\n\r\n" }, .passes = true },
	{ "a body that never ends", .answer = { .bytes = OK_HEAD "Content-Length: 9\r\n\r\nup",
	    .then = ORIGIN_HANG }, .passes = true },
	{ "a body broken after its head", .answer = { .bytes = OK_HEAD
	    "Transfer-Encoding: chunked\r\n\r\nxyz\r\n" }, .passes = true },
	{ "the text with a length", .expect_body = "ok", .answer = { .bytes = OK_HEAD
	    "Content-Length: 3\r\n\r\nok\n" }, .passes = true },
	{ "the text over chunks", .expect_body = "status: ok", .answer = { .bytes = OK_HEAD
	    "Transfer-Encoding: chunked\r\n\r\n5\r\nxstat\r\n6\r\nus: ok\r\n0\r\n\r\n" },
	    .passes = true },
	{ "the text in single bytes", .expect_body = "status: ok", .answer = { .bytes = OK_HEAD
	    "Transfer-Encoding: chunked\r\n\r\n5\r\nxstat\r\n6\r\nus: ok\r\n0\r\n\r\n",
	    .piece = 1 }, .passes = true },
	{ "the text until close", .expect_body = "ok", .answer = { .bytes = OK_HEAD "\r\nok",
	    .then = ORIGIN_CLOSE }, .passes = true },
	{ "the text, then a hang", .expect_body = "ok", .answer = { .bytes = OK_HEAD "\r\nok",
	    .then = ORIGIN_HANG }, .passes = true },
	{ "another text", .expect_body = "ok", .answer = { .bytes = OK_HEAD
	    "Content-Length: 4\r\n\r\ndown" }, .reason = REASON_CHECK_BODY },
	{ "another text until close", .expect_body = "ok", .answer = { .bytes = OK_HEAD "\r\ndown",
	    .then = ORIGIN_CLOSE }, .reason = REASON_CHECK_BODY },
	{ "no body for a text", .expect_body = "ok", .answer = { .bytes = OK_HEAD EMPTY },
	    .reason = REASON_CHECK_BODY },
	{ "204 for a text", .expect_body = "ok", .answer = { .bytes =
	    "HTTP/1.1 204 No Content\r\n\r\n" }, .reason = REASON_CHECK_BODY },
	{ "a chunked body cut", .expect_body = "ok", .answer = { .bytes = OK_HEAD
	    "Transfer-Encoding: chunked\r\n\r\n5\r\nxst", .then = ORIGIN_CLOSE },
	    .reason = REASON_CHECK_RESET },
	{ "broken chunks before the text", .expect_body = "ok", .answer = { .bytes = OK_HEAD
	    "Transfer-Encoding: chunked\r\n\r\n0x2\r\nok\r\n0\r\n\r\n" },
	    .reason = REASON_CHECK_MALFORMED },
	{ "the text too late", .expect_body = "ok", .answer = { .bytes = OK_HEAD
	    "Content-Length: 4\r\n\r\ndown", .then = ORIGIN_HANG }, .reason = REASON_CHECK_BODY },
};

static void
judge_case(const struct verdict_case *v, bool reuse)
{
	struct conf_health_check check = world_check;
	struct origin *o = origin_start(&v->answer, 1, NULL);
	const struct probe_result *r;
	struct world w;
	struct bench *b;

	check.timeout_ms = v->reason == REASON_CHECK_TIMEOUT ? 60 : 3000;
	check.method = v->method != NULL ? v->method : "GET";
	check.expect_body = v->expect_body;
	check.reuse = reuse;
	w = world_with(&check);
	b = bench_new(origin_port(o), &w);
	r = probe_once(b);
	ck_assert_msg(r->evidence && r->check.passed == v->passes, "%s: passed %d, reason %d",
	    v->name, r->check.passed, r->check.reason);
	if (!v->passes)
		ck_assert_msg(r->check.reason == v->reason, "%s: reason %d", v->name,
		    r->check.reason);
	if (v->detail != 0)
		ck_assert_uint_eq(r->check.detail, v->detail);
	if (v->reason == REASON_CHECK_TIMEOUT)
		ck_assert_uint_ge(r->check.detail, 55);
	ck_assert(r->latency_us > 0);
	bench_free(b);
	origin_stop(o);
}

START_TEST(an_answer_gets_the_verdict_it_deserves)
{
	judge_case(&verdicts[_i], true);
}
END_TEST

START_TEST(keeping_connections_changes_no_verdict)
{
	judge_case(&verdicts[_i], false);
}
END_TEST

START_TEST(a_head_of_many_kilobytes_passes_however_it_is_cut)
{
	static char head[24 * 1024];
	size_t at = 0;
	struct world w = world_with(&world_check);

	at += (size_t)snprintf(head, sizeof head, OK_HEAD);
	for (int i = 0; i < 20; i++)
		at += (size_t)snprintf(head + at, sizeof head - at, "X-Filler-%d: %01000d\r\n", i, 7);
	snprintf(head + at, sizeof head - at, EMPTY);
	for (size_t piece = 700; piece < 6000; piece += 1100) {
		struct origin_answer a = { .bytes = head, .piece = piece };
		struct origin *o = origin_start(&a, 1, NULL);
		struct bench *b = bench_new(origin_port(o), &w);

		ck_assert_msg(probe_once(b)->check.passed, "in pieces of %zu", piece);
		bench_free(b);
		origin_stop(o);
	}
}
END_TEST

START_TEST(a_head_without_end_is_malformed_and_held_in_bounds)
{
	static char head[128 * 1024];
	struct origin_answer a = { .bytes = head, .piece = 4096, .then = ORIGIN_HANG };
	struct world w = world_with(&world_check);
	struct origin *o;
	struct bench *b;
	size_t at = (size_t)snprintf(head, sizeof head, OK_HEAD);

	while (at < sizeof head - 40)
		at += (size_t)snprintf(head + at, sizeof head - at, "X-More: yes, there is more\r\n");
	o = origin_start(&a, 1, NULL);
	b = bench_new(origin_port(o), &w);
	ck_assert_int_eq(probe_once(b)->check.reason, REASON_CHECK_MALFORMED);
	bench_free(b);
	origin_stop(o);
}
END_TEST

START_TEST(the_text_is_looked_for_in_the_first_16_kib_only)
{
	static const struct {
		size_t at;
		bool passes;
	} cases[] = { { 0, true }, { PROBE_BODY_MAX - 2, true }, { PROBE_BODY_MAX - 1, false },
		{ PROBE_BODY_MAX + 5000, false } };
	static char answer[64 * 1024];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct conf_health_check check = world_check;
		struct origin_answer a = { .bytes = answer };
		struct world w;
		struct origin *o;
		struct bench *b;
		int head = snprintf(answer, sizeof answer, OK_HEAD "Content-Length: 40000\r\n\r\n");

		memset(answer + head, '.', 40000);
		memcpy(answer + head + cases[i].at, "ok", 2);
		answer[head + 40000] = '\0';
		check.expect_body = "ok";
		w = world_with(&check);
		o = origin_start(&a, 1, NULL);
		b = bench_new(origin_port(o), &w);
		ck_assert_msg(probe_once(b)->check.passed == cases[i].passes, "at %zu", cases[i].at);
		bench_free(b);
		origin_stop(o);
	}
}
END_TEST

START_TEST(seventeen_interim_answers_are_too_many)
{
	static char answer[1024];
	struct origin_answer a = { .bytes = answer };
	struct world w = world_with(&world_check);

	for (unsigned interim = 16; interim <= 17; interim++) {
		struct origin *o;
		struct bench *b;

		size_t at = 0;

		for (unsigned i = 0; i < interim; i++)
			at += (size_t)snprintf(answer + at, sizeof answer - at,
			    "HTTP/1.1 100 Continue\r\n\r\n");
		snprintf(answer + at, sizeof answer - at, OK_HEAD EMPTY);
		o = origin_start(&a, 1, NULL);
		b = bench_new(origin_port(o), &w);
		ck_assert_int_eq(probe_once(b)->check.passed, interim == 16);
		bench_free(b);
		origin_stop(o);
	}
}
END_TEST

START_TEST(a_closed_port_is_refused)
{
	static const enum conf_check_type types[] = { CHECK_TCP, CHECK_HTTP };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct world w = world_with(&world_check);
		struct bench *b;

		w.check.type = types[i];
		b = bench_new(origin_free_port(), &w);
		ck_assert_int_eq(probe_once(b)->check.reason, REASON_CHECK_REFUSED);
		ck_assert(!b->result.answered);
		bench_free(b);
	}
}
END_TEST

START_TEST(an_address_without_a_way_is_unreachable)
{
	struct world w = world_with(&world_check);
	struct bench *b = bench_new(80, &w);
	struct sockaddr_in *in = (struct sockaddr_in *)&b->endpoint.addr;

	in->sin_addr.s_addr = INADDR_BROADCAST; /* TCP has no broadcast: the kernel says so at once */
	ck_assert_int_eq(probe_once(b)->check.reason, REASON_CHECK_UNREACHABLE);
	bench_free(b);
}
END_TEST

START_TEST(tcp_passes_on_a_connection_alone)
{
	struct origin_answer a = { .then = ORIGIN_HANG };
	struct origin *o = origin_start(&a, 1, NULL);
	struct world w = world_with(&world_check);
	struct bench *b;

	w.check.type = CHECK_TCP;
	b = bench_new(origin_port(o), &w);
	ck_assert(probe_once(b)->check.passed);
	ck_assert_uint_eq(origin_requests(o), 0);
	bench_free(b);
	origin_stop(o);
}
END_TEST

START_TEST(the_checks_own_port_is_asked)
{
	struct origin_answer a = { .bytes = OK_HEAD EMPTY };
	struct origin *o = origin_start(&a, 1, NULL);
	struct world w = world_with(&world_check);
	struct bench *b;

	w.check.port = origin_port(o);
	b = bench_new(origin_free_port(), &w);
	ck_assert(probe_once(b)->check.passed);
	bench_free(b);
	origin_stop(o);
}
END_TEST

/* What a script of answers makes of probes in a row, and of connections. */
struct reuse_case {
	const char *name;
	bool reuse;
	struct origin_answer answers[3];
	unsigned answer_count;
	const char *passed; /* "1" or "0" for each probe */
	unsigned connections;
};

static const struct reuse_case reuses[] = {
	{ "kept", true, { { .bytes = OK_HEAD EMPTY } }, 1, "111", 1 },
	{ "kept after chunks", true, { { .bytes = OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
	    "2\r\nok\r\n0\r\n\r\n" } }, 1, "111", 1 },
	{ "kept after trailers", true, { { .bytes = OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
	    "0\r\nX-A: b\r\n\r\n" } }, 1, "111", 1 },
	{ "not kept when not wished", false, { { .bytes = OK_HEAD EMPTY } }, 1, "111", 3 },
	{ "not kept when the server says so", true, { { .bytes = OK_HEAD "Connection: close\r\n"
	    EMPTY } }, 1, "111", 3 },
	{ "not kept with bytes left over", true, { { .bytes = OK_HEAD EMPTY "HTTP/1.1 200 " } }, 1,
	    "111", 3 },
	{ "closed while idle", true, { { .bytes = OK_HEAD EMPTY, .then = ORIGIN_CLOSE } }, 1, "111",
	    3 },
	{ "reset on the second request", true, { { .bytes = OK_HEAD EMPTY },
	    { .then = ORIGIN_RESET }, { .bytes = OK_HEAD EMPTY } }, 3, "111", 2 },
	{ "closed on the second request", true, { { .bytes = OK_HEAD EMPTY },
	    { .then = ORIGIN_CLOSE }, { .bytes = OK_HEAD EMPTY } }, 3, "111", 2 },
	{ "closed again on the fresh one", true, { { .bytes = OK_HEAD EMPTY },
	    { .then = ORIGIN_CLOSE }, { .then = ORIGIN_CLOSE } }, 3, "10", 2 },
	{ "half an answer on the second request", true, { { .bytes = OK_HEAD EMPTY },
	    { .bytes = "HTTP/1.1 2", .then = ORIGIN_CLOSE }, { .bytes = OK_HEAD EMPTY } }, 3, "101",
	    2 },
};

START_TEST(a_connection_is_kept_when_it_may_be)
{
	const struct reuse_case *c = &reuses[_i];
	struct origin *o = origin_start(c->answers, c->answer_count, NULL);
	struct world w = world_with(&world_check);
	struct bench *b;

	w.check.reuse = c->reuse;
	b = bench_new(origin_port(o), &w);
	for (const char *p = c->passed; *p != '\0'; p++) {
		ck_assert_msg(probe_once(b)->check.passed == (*p == '1'), "%s: probe %td, reason %d",
		    c->name, p - c->passed + 1, b->result.check.reason);
	}
	bench_free(b);
	ck_assert_msg(origin_connections(o) == c->connections, "%s: %u connections", c->name,
	    origin_connections(o));
	origin_stop(o);
}
END_TEST

START_TEST(what_is_kept_while_a_body_trickles_in_is_not_reused_before_its_end)
{
	struct origin_answer a[] = {
		{ .bytes = OK_HEAD "Content-Length: 40\r\n\r\n", .then = ORIGIN_HANG },
		{ .bytes = OK_HEAD EMPTY },
	};
	struct origin *o = origin_start(a, 2, NULL);
	struct world w = world_with(&world_check);
	struct bench *b = bench_new(origin_port(o), &w);

	ck_assert(probe_once(b)->check.passed);
	ck_assert_int_eq(b->probe.state, PROBE_REST);
	ck_assert(probe_once(b)->check.passed);
	ck_assert_uint_eq(origin_connections(o), 2);
	bench_free(b);
	origin_stop(o);
}
END_TEST

START_TEST(closing_a_running_probe_gives_no_result)
{
	struct origin_answer a = { .then = ORIGIN_HANG };
	struct origin *o = origin_start(&a, 1, NULL);
	struct world w = world_with(&world_check);
	struct bench *b = bench_new(origin_port(o), &w);

	probe_start(&b->probe, b->site);
	ck_assert(b->probe.running);
	probe_close(&b->probe);
	ck_assert_uint_eq(b->results, 0);
	bench_free(b);
	origin_stop(o);
}
END_TEST

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
	struct world w = world_with(&world_check);
	struct bench *b = bench_new(origin_port(o), &w);
	char sent[1024], seen[1024];

	(void)probe_once(b);
	probe_request(b->site, &b->endpoint, sent, sizeof sent);
	ck_assert_str_eq(origin_last_request(o, seen, sizeof seen), sent);
	bench_free(b);
	origin_stop(o);
}
END_TEST

/* https: who is asked, how it is verified, and what comes of it. */
struct tls_case {
	const char *name;
	bool server_tls;
	bool verify, own_ca;
	const char *sni;
	enum conf_check_type type;
	bool passes;
};

static const struct tls_case tls_cases[] = {
	{ "trusted", true, true, true, "shop.example.com", CHECK_HTTP, true },
	{ "trusted, by the check's type", true, true, true, "shop.example.com", CHECK_HTTPS, true },
	{ "not verified", true, false, false, NULL, CHECK_HTTP, true },
	{ "an unknown CA", true, true, false, "shop.example.com", CHECK_HTTP, false },
	{ "another name", true, true, true, "other.example.com", CHECK_HTTP, false },
	{ "no TLS at all", false, false, false, NULL, CHECK_HTTP, false },
	{ "a handshake alone", true, true, true, "shop.example.com", CHECK_TCP, true },
	{ "a handshake alone, not trusted", true, true, true, "x.example.com", CHECK_TCP, false },
};

START_TEST(https_is_checked_with_the_trust_of_traffic)
{
	const struct tls_case *c = &tls_cases[_i];
	struct origin_answer a = { .bytes = OK_HEAD EMPTY };
	char pem[4096];
	SSL_CTX *ctx = origin_tls("shop.example.com", pem, sizeof pem);
	struct origin *o = origin_start(&a, 1, c->server_tls ? ctx : NULL);
	struct world w = world_with(&world_check);
	struct bench *b;

	/* A clear-text origin answers a ClientHello never: it waits for the end of a head. */
	w.check.timeout_ms = c->server_tls ? 3000 : 60;
	w.check.type = c->type;
	w.regions[0].tls = true;
	w.regions[0].trust.verify = c->verify;
	w.regions[0].trust.sni = c->sni;
	if (c->own_ca)
		w.regions[0].trust.ca = (struct conf_file){ "ca.pem", pem, strlen(pem) };
	b = bench_new(origin_port(o), &w);
	for (int i = 0; i < 3; i++) {
		(void)probe_once(b);
		ck_assert_msg(b->result.check.passed == c->passes, "%s: probe %d, reason %d", c->name,
		    i, b->result.check.reason);
		if (!c->passes)
			ck_assert_int_eq(b->result.check.reason,
			    c->server_tls ? REASON_CHECK_TLS : REASON_CHECK_TIMEOUT);
	}
	if (c->passes && c->type != CHECK_TCP)
		ck_assert_uint_eq(origin_connections(o), 1);
	bench_free(b);
	origin_stop(o);
	SSL_CTX_free(ctx);
}
END_TEST

START_TEST(a_probe_needs_no_allocation_once_it_runs)
{
	struct origin_answer a = { .bytes = OK_HEAD "Content-Length: 2\r\n\r\nok" };
	struct origin *o = origin_start(&a, 1, NULL);
	struct world w = world_with(&world_check);
	static atomic_ullong allocations;
	unsigned long long before;
	struct bench *b;

	for (int reuse = 0; reuse < 2; reuse++) {
		w.check.reuse = reuse;
		b = bench_new(origin_port(o), &w);
		mem_count_into(&allocations);
		(void)probe_once(b);
		before = atomic_load(&allocations);
		for (int i = 0; i < 100; i++)
			ck_assert(probe_once(b)->check.passed);
		ck_assert_uint_eq(atomic_load(&allocations), before);
		bench_free(b);
	}
	origin_stop(o);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("control/probe");
	TCase *c = tcase_create("probe");
	SRunner *runner;
	int failed;

	stream_init_openssl();
	tcase_set_timeout(c, 60);
	tcase_add_loop_test(
	    c, an_answer_gets_the_verdict_it_deserves, 0, ARRAY_SIZE(verdicts));
	tcase_add_loop_test(c, keeping_connections_changes_no_verdict, 0, ARRAY_SIZE(verdicts));
	tcase_add_test(c, a_head_of_many_kilobytes_passes_however_it_is_cut);
	tcase_add_test(c, a_head_without_end_is_malformed_and_held_in_bounds);
	tcase_add_test(c, the_text_is_looked_for_in_the_first_16_kib_only);
	tcase_add_test(c, seventeen_interim_answers_are_too_many);
	tcase_add_test(c, a_closed_port_is_refused);
	tcase_add_test(c, an_address_without_a_way_is_unreachable);
	tcase_add_test(c, tcp_passes_on_a_connection_alone);
	tcase_add_test(c, the_checks_own_port_is_asked);
	tcase_add_loop_test(c, a_connection_is_kept_when_it_may_be, 0, ARRAY_SIZE(reuses));
	tcase_add_test(c, what_is_kept_while_a_body_trickles_in_is_not_reused_before_its_end);
	tcase_add_test(c, closing_a_running_probe_gives_no_result);
	tcase_add_loop_test(
	    c, a_request_names_the_host_as_traffic_would, 0, ARRAY_SIZE(requests));
	tcase_add_test(c, a_request_is_seen_by_the_origin_as_it_was_written);
	tcase_add_loop_test(
	    c, https_is_checked_with_the_trust_of_traffic, 0, ARRAY_SIZE(tls_cases));
	tcase_add_test(c, a_probe_needs_no_allocation_once_it_runs);
	suite_add_tcase(s, c);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
