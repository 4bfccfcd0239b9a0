/* SPDX-License-Identifier: Apache-2.0 */
#include "control/probe.h"

#include <check.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/loop.h"
#include "origin.h"
#include "prober.h"
#include "rig.h"

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
	{ "kept after chunks", true,
	    { { .bytes = OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
				 "2\r\nok\r\n0\r\n\r\n" } },
	    1, "111", 1 },
	{ "kept after trailers", true,
	    { { .bytes = OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"
				 "0\r\nX-A: b\r\n\r\n" } },
	    1, "111", 1 },
	{ "not kept when not wished", false, { { .bytes = OK_HEAD EMPTY } }, 1, "111", 3 },
	{ "not kept when the server says so", true,
	    { { .bytes = OK_HEAD "Connection: close\r\n" EMPTY } }, 1, "111", 3 },
	{ "not kept with bytes left over", true, { { .bytes = OK_HEAD EMPTY "HTTP/1.1 200 " } }, 1,
	    "111", 3 },
	{ "closed while idle", true, { { .bytes = OK_HEAD EMPTY, .then = ORIGIN_CLOSE } }, 1, "111",
	    3 },
	{ "reset on the second request", true,
	    { { .bytes = OK_HEAD EMPTY }, { .then = ORIGIN_RESET }, { .bytes = OK_HEAD EMPTY } }, 3,
	    "111", 2 },
	{ "closed on the second request", true,
	    { { .bytes = OK_HEAD EMPTY }, { .then = ORIGIN_CLOSE }, { .bytes = OK_HEAD EMPTY } }, 3,
	    "111", 2 },
	{ "closed again on the fresh one", true,
	    { { .bytes = OK_HEAD EMPTY }, { .then = ORIGIN_CLOSE }, { .then = ORIGIN_CLOSE } }, 3,
	    "10", 2 },
	{ "half an answer on the second request", true,
	    { { .bytes = OK_HEAD EMPTY }, { .bytes = "HTTP/1.1 2", .then = ORIGIN_CLOSE },
		{ .bytes = OK_HEAD EMPTY } },
	    3, "101", 2 },
};

START_TEST(a_connection_is_kept_when_it_may_be)
{
	const struct reuse_case *c = &reuses[_i];
	struct origin *o = origin_start(c->answers, c->answer_count, NULL);
	struct world w = prober_world(&world_check);
	struct prober *b;

	w.check.reuse = c->reuse;
	b = prober_new(origin_port(o), &w);
	for (const char *p = c->passed; *p != '\0'; p++) {
		ck_assert_msg(prober_once(b)->check.passed == (*p == '1'),
		    "%s: probe %td, reason %d", c->name, p - c->passed + 1, b->result.check.reason);
	}
	prober_free(b);
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
	struct world w = prober_world(&world_check);
	struct prober *b = prober_new(origin_port(o), &w);

	ck_assert(prober_once(b)->check.passed);
	ck_assert_int_eq(b->probe.state, PROBE_REST);
	ck_assert(prober_once(b)->check.passed);
	ck_assert_uint_eq(origin_connections(o), 2);
	prober_free(b);
	origin_stop(o);
}
END_TEST

START_TEST(closing_a_running_probe_gives_no_result)
{
	struct origin_answer a = { .then = ORIGIN_HANG };
	struct origin *o = origin_start(&a, 1, NULL);
	struct world w = prober_world(&world_check);
	struct prober *b = prober_new(origin_port(o), &w);

	probe_start(&b->probe, b->site);
	ck_assert(b->probe.running);
	probe_close(&b->probe);
	ck_assert_uint_eq(b->results, 0);
	prober_free(b);
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
	enum endpoint_reason reason;
};

static const struct tls_case tls_cases[] = {
	{ "trusted", true, true, true, "shop.example.com", CHECK_HTTP, true, 0 },
	{ "trusted, by the check's type", true, true, true, "shop.example.com", CHECK_HTTPS, true,
	    0 },
	{ "not verified", true, false, false, NULL, CHECK_HTTP, true, 0 },
	{ "an unknown CA", true, true, false, "shop.example.com", CHECK_HTTP, false,
	    REASON_CHECK_UNTRUSTED },
	{ "another name", true, true, true, "other.example.com", CHECK_HTTP, false,
	    REASON_CHECK_WRONG_NAME },
	{ "no TLS at all", false, false, false, NULL, CHECK_HTTP, false, REASON_CHECK_TIMEOUT },
	{ "a handshake alone", true, true, true, "shop.example.com", CHECK_TCP, true, 0 },
	{ "a handshake alone, not trusted", true, true, true, "x.example.com", CHECK_TCP, false,
	    REASON_CHECK_WRONG_NAME },
};

START_TEST(https_is_checked_with_the_trust_of_traffic)
{
	const struct tls_case *c = &tls_cases[_i];
	struct origin_answer a = { .bytes = OK_HEAD EMPTY };
	char pem[4096];
	SSL_CTX *ctx = origin_tls("shop.example.com", pem, sizeof pem);
	struct origin *o = origin_start(&a, 1, c->server_tls ? ctx : NULL);
	struct world w = prober_world(&world_check);
	struct prober *b;

	/* A clear-text origin answers a ClientHello never: it waits for the end of a head. */
	w.check.timeout_ms = c->server_tls ? 3000 : 60;
	w.check.type = c->type;
	w.regions[0].tls = true;
	w.regions[0].trust.verify = c->verify;
	w.regions[0].trust.sni = c->sni;
	if (c->own_ca)
		w.regions[0].trust.ca = (struct conf_file){ "ca.pem", pem, strlen(pem) };
	b = prober_new(origin_port(o), &w);
	for (int i = 0; i < 3; i++) {
		(void)prober_once(b);
		ck_assert_msg(b->result.check.passed == c->passes, "%s: probe %d, reason %d",
		    c->name, i, b->result.check.reason);
		if (!c->passes)
			ck_assert_int_eq(b->result.check.reason, c->reason);
	}
	if (c->passes && c->type != CHECK_TCP)
		ck_assert_uint_eq(origin_connections(o), 1);
	prober_free(b);
	origin_stop(o);
	SSL_CTX_free(ctx);
}
END_TEST

/* The thread does not run while its probe waits: a stopped process must not blame its endpoints. */
START_TEST(a_deadline_seen_far_too_late_is_no_evidence)
{
	struct origin_answer a = { .then = ORIGIN_HANG };
	struct origin *o = origin_start(&a, 1, NULL);
	struct world w = prober_world(&world_check);
	struct prober *b;
	uint64_t until_ms;

	w.check.timeout_ms = 50;
	b = prober_new(origin_port(o), &w);
	probe_start(&b->probe, b->site);
	until_ms = clock_now_ms() + 600;
	while (clock_now_ms() < until_ms)
		world_pause();
	loop_run(b->loop, NULL);
	ck_assert_uint_eq(b->results, 1);
	ck_assert(!b->result.evidence);
	/* An answer that has come in the meantime counts: it is read before the deadline is seen.
	 */
	a = (struct origin_answer){ .bytes = OK_HEAD EMPTY };
	origin_script(o, &a, 1);
	ck_assert(prober_once(b)->check.passed);
	ck_assert_int_eq(b->probe.state, PROBE_KEPT);
	probe_start(&b->probe, b->site);
	until_ms = clock_now_ms() + 600;
	while (clock_now_ms() < until_ms)
		world_pause();
	loop_run(b->loop, NULL);
	ck_assert(b->result.evidence && b->result.check.passed);
	prober_free(b);
	origin_stop(o);
}
END_TEST

START_TEST(a_probe_that_finds_no_descriptor_is_no_evidence)
{
	struct origin_answer a = { .bytes = OK_HEAD EMPTY };
	struct origin *o = origin_start(&a, 1, NULL);
	struct world w = prober_world(&world_check);
	struct prober *b = prober_new(origin_port(o), &w);
	int next = dup(0);
	struct rlimit none = { .rlim_cur = (rlim_t)next, .rlim_max = 1024 };
	struct rlimit some = { .rlim_cur = 1024, .rlim_max = 1024 };

	close(next);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	(void)prober_once(b);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &some), 0);
	ck_assert(!b->result.evidence);
	ck_assert(prober_once(b)->check.passed);
	prober_free(b);
	origin_stop(o);
}
END_TEST

START_TEST(a_probe_needs_no_allocation_once_it_runs)
{
	struct origin_answer a = { .bytes = OK_HEAD "Content-Length: 2\r\n\r\nok" };
	struct origin *o = origin_start(&a, 1, NULL);
	struct world w = prober_world(&world_check);
	static atomic_ullong allocations;
	unsigned long long before;
	struct prober *b;

	for (int reuse = 0; reuse < 2; reuse++) {
		w.check.reuse = reuse;
		b = prober_new(origin_port(o), &w);
		mem_count_into(&allocations);
		(void)prober_once(b);
		before = atomic_load(&allocations);
		for (int i = 0; i < 100; i++)
			ck_assert(prober_once(b)->check.passed);
		ck_assert_uint_eq(atomic_load(&allocations), before);
		prober_free(b);
	}
	origin_stop(o);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("control/probe_connection");
	TCase *c = tcase_create("probe_connection");

	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, a_connection_is_kept_when_it_may_be, 0, ARRAY_SIZE(reuses));
	tcase_add_test(c, what_is_kept_while_a_body_trickles_in_is_not_reused_before_its_end);
	tcase_add_test(c, closing_a_running_probe_gives_no_result);
	tcase_add_loop_test(
	    c, https_is_checked_with_the_trust_of_traffic, 0, ARRAY_SIZE(tls_cases));
	tcase_add_test(c, a_deadline_seen_far_too_late_is_no_evidence);
	tcase_add_test(c, a_probe_that_finds_no_descriptor_is_no_evidence);
	tcase_add_test(c, a_probe_needs_no_allocation_once_it_runs);
	suite_add_tcase(s, c);
	return rig_main(s);
}
