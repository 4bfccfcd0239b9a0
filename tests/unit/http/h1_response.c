#include "http/forward.h"
#include "http/h1.h"
#include "pieces.h"

#define OK "HTTP/1.1 200 OK\r\n"
#define E "\r\n"

enum { METHOD_UPGRADE = 100 };

struct response_case {
	const char *title;
	const char *bytes;
	size_t len;
	int asked;           /* enum method or METHOD_UPGRADE */
	const char *summary; /* NULL: refused */
};

static const struct response_case cases[] = {
#define GOOD(asked, title, bytes, summary)                                                         \
	{ title, bytes, sizeof(bytes) - 1, METHOD_##asked, summary },
#define REFUSED(asked, title, bytes) { title, bytes, sizeof(bytes) - 1, METHOD_##asked, NULL },
#include "response_cases.def"
#undef GOOD
#undef REFUSED
};

static int asked; /* of the case that runs; parse_fn has no argument for it */

static enum h1_result
parse(struct h1_parse *p, struct head *h, const char *data, size_t len)
{
	bool upgrade = asked == METHOD_UPGRADE;

	return h1_parse_response(p, h, data, len, &h1_default_limits,
	    upgrade ? METHOD_GET : (enum method)asked, upgrade);
}

static void
meaning(const struct head *h, char *out, size_t size)
{
	static const char *const framings[] = { "none", "length", "chunked", "to-close" };
	FILE *f = fmemopen(out, size, "w");

	fprintf(f, "%u %.*s %s", h->status, (int)h->reason.len, h->base + h->reason.at,
	    framings[h->framing]);
	if (h->framing == FRAMING_LENGTH)
		fprintf(f, "=%llu", (unsigned long long)h->content_length);
	fprintf(f, "%s", h->keep_alive ? " keep" : " close");
	if (h->framing != FRAMING_LENGTH && h->content_length > 0)
		fprintf(f, " announced=%llu", (unsigned long long)h->content_length);
	fprintf(f, "%s%s", h->upgrade ? " upgrade" : "", h->minor == 0 ? " 1.0" : "");
	fclose(f);
}

START_TEST(a_response_means_what_its_bytes_say_however_they_arrive)
{
	const struct response_case *c = &cases[_i];
	struct verdict v;

	asked = c->asked;
	v = parse_every_way(c->title, parse, meaning, c->bytes, c->len);
	if (c->summary != NULL)
		ck_assert_msg(v.result == H1_DONE && strcmp(v.summary, c->summary) == 0,
		    "%s: %s {%s}, expected {%s}", c->title, v.why, v.summary, c->summary);
	else
		ck_assert_msg(
		    v.result == H1_BAD && v.fault == FAULT_BAD_RESPONSE && v.why[0] != '\0',
		    "%s: result %d, fault %d {%s}", c->title, (int)v.result, (int)v.fault,
		    v.summary);
}
END_TEST

START_TEST(a_forwarded_response_reads_as_the_one_that_came)
{
	const struct response_case *c = &cases[_i];
	struct h1_parse p = { 0 };
	struct head came, sent;
	char out[4096];
	size_t len;

	if (c->summary == NULL)
		return;
	asked = c->asked;
	ck_assert_int_eq(parse(&p, &came, c->bytes, c->len), H1_DONE);
	len = forward_write_response(&came,
	    &(struct forward_response){ .chunked = came.framing == FRAMING_CHUNKED,
		.close = !came.keep_alive,
		.keep_upgrade = came.upgrade },
	    out, sizeof out);
	ck_assert_uint_gt(len, 0);
	p = (struct h1_parse){ 0 };
	ck_assert_msg(
	    parse(&p, &sent, out, len) == H1_DONE, "%s: %s\n%.*s", c->title, p.why, (int)len, out);
	ck_assert_uint_eq(sent.len, len);
	ck_assert_uint_eq(sent.status, came.status);
	ck_assert(slice_eq(head_slice(&sent, sent.reason), head_slice(&came, came.reason)));
	ck_assert_int_eq(sent.framing, came.framing);
	ck_assert_int_eq(sent.keep_alive, came.keep_alive);
	ck_assert_int_eq(sent.upgrade, came.upgrade);
	if (came.status >= 200 && came.status != 204)
		ck_assert_uint_eq(sent.content_length, came.content_length);
	else
		ck_assert_msg(
		    !sent.has_content_length, "%s: a length where there is no content", c->title);
}
END_TEST

START_TEST(only_what_was_offered_is_switched_to)
{
	static const struct {
		const char *offered, *granted;
		bool good;
	} c[] = {
		{ "Upgrade: websocket\r\n", "Upgrade: websocket\r\n", true },
		{ "Upgrade: websocket\r\n", "Upgrade: WebSocket\r\n", true },
		{ "Upgrade: a/1, b/2\r\nUpgrade: c\r\n", "Upgrade: c, b/2\r\n", true },
		{ "Upgrade: a/1\r\n", "Upgrade: a/2\r\n", false },
		{ "Upgrade: a/1\r\n", "Upgrade: a\r\n", false },
		{ "Upgrade: a\r\n", "Upgrade: a\r\nUpgrade: b\r\n", false },
		{ "Upgrade: a\r\n", "Upgrade: a, b\r\n", false },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(c); i++) {
		char ask[256], answer[256];
		struct h1_parse p = { 0 }, q = { 0 };
		struct head request, head;

		snprintf(ask, sizeof ask,
		    "GET /websocket HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n%s\r\n",
		    c[i].offered);
		snprintf(answer, sizeof answer, "HTTP/1.1 101 x\r\nConnection: upgrade\r\n%s\r\n",
		    c[i].granted);
		ck_assert_int_eq(
		    h1_parse_request(&p, &request, ask, strlen(ask), &h1_default_limits), H1_DONE);
		ck_assert_int_eq(h1_parse_response(&q, &head, answer, strlen(answer),
				     &h1_default_limits, METHOD_GET, true),
		    H1_DONE);
		ck_assert_msg(
		    h1_upgrade_was_offered(&request, &head) == c[i].good, "%s", c[i].granted);
		request.protocol = (struct part){ strlen("GET /"), strlen("websocket") };
		ck_assert_msg(h1_upgrade_was_offered(&request, &head) == (i < 2), "%s by :protocol",
		    c[i].granted);
	}
}
END_TEST

START_TEST(a_response_may_not_exceed_a_limit)
{
	static const struct h1_limits small = { 20, 30, 200, 2, UNDERSCORES_DROP };
	static const struct {
		const char *bytes;
		enum h1_result result;
	} limits[] = {
		{ "HTTP/1.1 200 1234567\r\n\r\n", H1_DONE },
		{ "HTTP/1.1 200 12345678\r\n\r\n", H1_BAD },
		{ OK "A: 123456789012345678901234567\r\n\r\n", H1_DONE },
		{ OK "A: 1234567890123456789012345678\r\n\r\n", H1_BAD },
		{ OK "A: b\r\nA: b\r\n\r\n", H1_DONE },
		{ OK "A: b\r\nA: b\r\nA: b\r\n\r\n", H1_BAD },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(limits); i++) {
		struct h1_parse p = { 0 };
		struct head h;

		ck_assert_msg(h1_parse_response(&p, &h, limits[i].bytes, strlen(limits[i].bytes),
				  &small, METHOD_GET, false) == limits[i].result,
		    "%s", limits[i].bytes);
		if (limits[i].result == H1_BAD)
			ck_assert_int_eq(p.fault, FAULT_BAD_RESPONSE);
	}
}
END_TEST

START_TEST(limits_beyond_what_a_head_holds_stop_at_what_it_holds)
{
	static const struct h1_limits large = { 1 << 20, 1 << 20, 1 << 20, 1000, UNDERSCORES_DROP };
	struct h1_parse p = { 0 };
	struct head h;
	char bytes[4096];
	int len = sprintf(bytes, OK);

	for (unsigned i = 0; i < HEAD_MAX_FIELDS + 1; i++)
		len += sprintf(bytes + len, "A: b\r\n");
	ck_assert_int_eq(
	    h1_parse_response(&p, &h, bytes, (size_t)len, &large, METHOD_GET, false), H1_BAD);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("http/h1 responses");
	TCase *t = tcase_create("responses");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(
	    t, a_response_means_what_its_bytes_say_however_they_arrive, 0, ARRAY_SIZE(cases));
	tcase_add_loop_test(
	    t, a_forwarded_response_reads_as_the_one_that_came, 0, ARRAY_SIZE(cases));
	tcase_add_test(t, only_what_was_offered_is_switched_to);
	tcase_add_test(t, a_response_may_not_exceed_a_limit);
	tcase_add_test(t, limits_beyond_what_a_head_holds_stop_at_what_it_holds);
	suite_add_tcase(s, t);
	return run_suite(s);
}
