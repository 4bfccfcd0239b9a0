/* SPDX-License-Identifier: Apache-2.0 */
#include "control/probe.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "origin.h"
#include "prober.h"
#include "rig.h"

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
	struct prober *b;

	check.timeout_ms = v->reason == REASON_CHECK_TIMEOUT ? 60 : 3000;
	check.method = v->method != NULL ? v->method : "GET";
	check.expect_body = v->expect_body;
	check.reuse = reuse;
	w = prober_world(&check);
	b = prober_new(origin_port(o), &w);
	r = prober_once(b);
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
	prober_free(b);
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
	struct world w = prober_world(&world_check);

	at += (size_t)snprintf(head, sizeof head, OK_HEAD);
	for (int i = 0; i < 20; i++)
		at += (size_t)snprintf(head + at, sizeof head - at, "X-Filler-%d: %01000d\r\n", i, 7);
	snprintf(head + at, sizeof head - at, EMPTY);
	for (size_t piece = 700; piece < 6000; piece += 1100) {
		struct origin_answer a = { .bytes = head, .piece = piece };
		struct origin *o = origin_start(&a, 1, NULL);
		struct prober *b = prober_new(origin_port(o), &w);

		ck_assert_msg(prober_once(b)->check.passed, "in pieces of %zu", piece);
		prober_free(b);
		origin_stop(o);
	}
}
END_TEST

START_TEST(a_head_without_end_is_malformed_and_held_in_bounds)
{
	static char head[128 * 1024];
	struct origin_answer a = { .bytes = head, .piece = 4096, .then = ORIGIN_HANG };
	struct world w = prober_world(&world_check);
	struct origin *o;
	struct prober *b;
	size_t at = (size_t)snprintf(head, sizeof head, OK_HEAD);

	while (at < sizeof head - 40)
		at += (size_t)snprintf(head + at, sizeof head - at, "X-More: yes, there is more\r\n");
	o = origin_start(&a, 1, NULL);
	b = prober_new(origin_port(o), &w);
	ck_assert_int_eq(prober_once(b)->check.reason, REASON_CHECK_MALFORMED);
	prober_free(b);
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
		struct prober *b;
		int head = snprintf(answer, sizeof answer, OK_HEAD "Content-Length: 40000\r\n\r\n");

		memset(answer + head, '.', 40000);
		memcpy(answer + head + cases[i].at, "ok", 2);
		answer[head + 40000] = '\0';
		check.expect_body = "ok";
		w = prober_world(&check);
		o = origin_start(&a, 1, NULL);
		b = prober_new(origin_port(o), &w);
		ck_assert_msg(prober_once(b)->check.passed == cases[i].passes, "at %zu", cases[i].at);
		prober_free(b);
		origin_stop(o);
	}
}
END_TEST

START_TEST(seventeen_interim_answers_are_too_many)
{
	static char answer[1024];
	struct origin_answer a = { .bytes = answer };
	struct world w = prober_world(&world_check);

	for (unsigned interim = 16; interim <= 17; interim++) {
		struct origin *o;
		struct prober *b;

		size_t at = 0;

		for (unsigned i = 0; i < interim; i++)
			at += (size_t)snprintf(answer + at, sizeof answer - at,
			    "HTTP/1.1 100 Continue\r\n\r\n");
		snprintf(answer + at, sizeof answer - at, OK_HEAD EMPTY);
		o = origin_start(&a, 1, NULL);
		b = prober_new(origin_port(o), &w);
		ck_assert_int_eq(prober_once(b)->check.passed, interim == 16);
		prober_free(b);
		origin_stop(o);
	}
}
END_TEST

START_TEST(a_closed_port_is_refused)
{
	static const enum conf_check_type types[] = { CHECK_TCP, CHECK_HTTP };

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct world w = prober_world(&world_check);
		struct prober *b;

		w.check.type = types[i];
		b = prober_new(origin_free_port(), &w);
		ck_assert_int_eq(prober_once(b)->check.reason, REASON_CHECK_REFUSED);
		ck_assert(!b->result.answered);
		prober_free(b);
	}
}
END_TEST

START_TEST(an_address_without_a_way_is_unreachable)
{
	struct world w = prober_world(&world_check);
	struct prober *b = prober_new(80, &w);
	struct sockaddr_in *in = (struct sockaddr_in *)&b->endpoint.addr;

	in->sin_addr.s_addr = INADDR_BROADCAST; /* TCP has no broadcast: the kernel says so at once */
	ck_assert_int_eq(prober_once(b)->check.reason, REASON_CHECK_UNREACHABLE);
	prober_free(b);
}
END_TEST

START_TEST(tcp_passes_on_a_connection_alone)
{
	struct origin_answer a = { .then = ORIGIN_HANG };
	struct origin *o = origin_start(&a, 1, NULL);
	struct world w = prober_world(&world_check);
	struct prober *b;

	w.check.type = CHECK_TCP;
	b = prober_new(origin_port(o), &w);
	ck_assert(prober_once(b)->check.passed);
	ck_assert_uint_eq(origin_requests(o), 0);
	prober_free(b);
	origin_stop(o);
}
END_TEST

START_TEST(the_checks_own_port_is_asked)
{
	struct origin_answer a = { .bytes = OK_HEAD EMPTY };
	struct origin *o = origin_start(&a, 1, NULL);
	struct world w = prober_world(&world_check);
	struct prober *b;

	w.check.port = origin_port(o);
	b = prober_new(origin_free_port(), &w);
	ck_assert(prober_once(b)->check.passed);
	prober_free(b);
	origin_stop(o);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("control/probe");
	TCase *c = tcase_create("probe");

	tcase_set_timeout(c, 60);
	tcase_add_loop_test(c, an_answer_gets_the_verdict_it_deserves, 0, ARRAY_SIZE(verdicts));
	tcase_add_loop_test(c, keeping_connections_changes_no_verdict, 0, ARRAY_SIZE(verdicts));
	tcase_add_test(c, a_head_of_many_kilobytes_passes_however_it_is_cut);
	tcase_add_test(c, a_head_without_end_is_malformed_and_held_in_bounds);
	tcase_add_test(c, the_text_is_looked_for_in_the_first_16_kib_only);
	tcase_add_test(c, seventeen_interim_answers_are_too_many);
	tcase_add_test(c, a_closed_port_is_refused);
	tcase_add_test(c, an_address_without_a_way_is_unreachable);
	tcase_add_test(c, tcp_passes_on_a_connection_alone);
	tcase_add_test(c, the_checks_own_port_is_asked);
	suite_add_tcase(s, c);
	return rig_main(s);
}
