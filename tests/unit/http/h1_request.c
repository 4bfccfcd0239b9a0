#include "http/forward.h"
#include "http/h1.h"
#include "pieces.h"

#define GET "GET / HTTP/1.1\r\n"
#define H "Host: a\r\n"
#define E "\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

struct request_case {
	const char *title;
	const char *bytes;
	size_t len;
	enum fault fault;
	const char *summary;
};

static const struct request_case cases[] = {
#define GOOD(title, bytes, summary) { title, bytes, sizeof(bytes) - 1, FAULT_NONE, summary },
#define REFUSED(fault, title, bytes) { title, bytes, sizeof(bytes) - 1, FAULT_##fault, "" },
#include "request_cases.def"
#undef GOOD
#undef REFUSED
};

static enum h1_result
parse(struct h1_parse *p, struct head *h, const char *data, size_t len)
{
	return h1_parse_request(p, h, data, len, &h1_default_limits);
}

static const char *
method_name(enum method m)
{
	static const char *const names[] = { "?", "GET", "HEAD", "OPTIONS", "TRACE", "PUT",
		"DELETE", "POST", "PATCH", "CONNECT" };

	return names[m];
}

static void
put_part(FILE *f, const struct head *h, const char *before, struct part p)
{
	fprintf(f, "%s%.*s", before, (int)p.len, h->base + p.at);
}

static void
put_framing(FILE *f, const struct head *h)
{
	switch (h->framing) {
	case FRAMING_NONE:
		fprintf(f, " none");
		break;
	case FRAMING_LENGTH:
		fprintf(f, " length=%llu", (unsigned long long)h->content_length);
		break;
	case FRAMING_CHUNKED:
		fprintf(f, " chunked");
		break;
	case FRAMING_CLOSE:
		fprintf(f, " to-close");
		break;
	}
}

/* What the proxy decides by; see request_cases.def. Of the fields, those it has no name for. */
static void
meaning(const struct head *h, char *out, size_t size)
{
	FILE *f = fmemopen(out, size, "w");

	fprintf(f, "%s", method_name(h->method));
	put_part(f, h, " ", h->path);
	if (h->query.len > 0)
		put_part(f, h, " ", h->query);
	put_part(f, h, " host=", h->host);
	put_framing(f, h);
	fprintf(f, "%s%s%s%s%s", h->keep_alive ? " keep" : " close",
	    h->expect_continue ? " expect" : "", h->upgrade ? " upgrade" : "",
	    h->te_trailers ? " te" : "", h->minor == 0 ? " 1.0" : "");
	for (unsigned i = 0; i < h->field_count; i++) {
		struct slice name = field_name(h, &h->fields[i]);
		struct slice value = field_value(h, &h->fields[i]);

		if (h->fields[i].id == FIELD_OTHER)
			fprintf(f, " %.*s=%.*s", (int)name.len, name.at, (int)value.len, value.at);
	}
	fclose(f);
}

START_TEST(a_request_means_what_its_bytes_say_however_they_arrive)
{
	const struct request_case *c = &cases[_i];
	struct verdict v = parse_every_way(c->title, parse, meaning, c->bytes, c->len);

	if (c->fault == FAULT_NONE)
		ck_assert_msg(v.result == H1_DONE && strcmp(v.summary, c->summary) == 0,
		    "%s: %s {%s}, expected {%s}", c->title, v.why, v.summary, c->summary);
	else
		ck_assert_msg(v.result == H1_BAD && v.fault == c->fault && v.why[0] != '\0',
		    "%s: result %d, fault %d (%s) {%s}, expected fault %d", c->title, (int)v.result,
		    (int)v.fault, v.why, v.summary, (int)c->fault);
}
END_TEST

/* All that a forwarded request must still say; what it loses is tested in forward.c. */
static void
assert_same_request(const char *title, const struct head *a, const struct head *b)
{
	ck_assert_msg(a->method == b->method, "%s: method", title);
	ck_assert_msg(slice_eq(head_slice(a, a->method_text), head_slice(b, b->method_text)),
	    "%s: method", title);
	ck_assert_msg(
	    slice_eq(head_slice(a, a->query), head_slice(b, b->query)), "%s: query", title);
	ck_assert_msg(slice_eq(head_slice(a, a->host), head_slice(b, b->host)), "%s: host", title);
	ck_assert_msg(a->framing == b->framing, "%s: framing", title);
	ck_assert_msg(a->content_length == b->content_length, "%s: length", title);
	ck_assert_msg(a->expect_continue == b->expect_continue, "%s: expect", title);
	ck_assert_msg(a->upgrade == b->upgrade, "%s: upgrade", title);
	ck_assert_msg(a->te_trailers == b->te_trailers, "%s: te", title);
	ck_assert_msg(b->keep_alive && b->minor == 1, "%s: the connection does not stay", title);
}

START_TEST(a_forwarded_request_reads_as_the_one_that_came)
{
	const struct request_case *c = &cases[_i];
	struct h1_parse p = { 0 };
	struct head came, sent;
	char out[4096];
	size_t len;

	if (c->fault != FAULT_NONE)
		return;
	ck_assert_int_eq(parse(&p, &came, c->bytes, c->len), H1_DONE);
	if (came.host.len == 0) /* HTTP/1.0: then there is a configured one */
		return;
	len = forward_write_request(&came,
	    &(struct forward_request){ .pass_expect = true,
		.keep_upgrade = true,
		.chunked = came.framing == FRAMING_CHUNKED },
	    out, sizeof out);
	ck_assert_uint_gt(len, 0);
	p = (struct h1_parse){ 0 };
	ck_assert_msg(
	    parse(&p, &sent, out, len) == H1_DONE, "%s: %s\n%.*s", c->title, p.why, (int)len, out);
	ck_assert_uint_eq(sent.len, len);
	assert_same_request(c->title, &came, &sent);
}
END_TEST

/* A head of the limits' size and shape: line bytes of request line, then count fields. */
struct shape {
	const char *title;
	size_t line;    /* bytes of the request line, without its CRLF */
	unsigned count; /* fields, Host among them */
	size_t field;   /* bytes of the last field's line, without its CRLF */
	enum fault fault;
};

static size_t
build(const struct shape *s, char *out)
{
	size_t len = 0;

	len += (size_t)sprintf(out, "GET /");
	while (len < s->line - 9)
		out[len++] = 'x';
	len += (size_t)sprintf(out + len, " HTTP/1.1\r\nHost: a\r\n");
	for (unsigned i = 1; i + 1 < s->count; i++)
		len += (size_t)sprintf(out + len, "X-Name: 0123456789\r\n");
	if (s->count > 1) {
		size_t end = len + s->field;

		len += (size_t)sprintf(out + len, "Z:");
		while (len < end)
			out[len++] = 'z';
		len += (size_t)sprintf(out + len, "\r\n");
	}
	len += (size_t)sprintf(out + len, "\r\n");
	return len;
}

static const struct shape shapes[] = {
	{ "line at the limit", 8192, 1, 0, FAULT_NONE },
	{ "line beyond the limit", 8193, 1, 0, FAULT_URI_TOO_LONG },
	{ "line far beyond", 60000, 1, 0, FAULT_URI_TOO_LONG },
	{ "field line at the limit", 20, 2, 16384, FAULT_NONE },
	{ "field line beyond the limit", 20, 2, 16385, FAULT_HEAD_TOO_LARGE },
	{ "field line far beyond", 20, 2, 60000, FAULT_HEAD_TOO_LARGE },
	{ "as many fields as allowed", 20, 100, 10, FAULT_NONE },
	{ "a field more", 20, 101, 10, FAULT_HEAD_TOO_LARGE },
	{ "far more fields", 20, 1000, 10, FAULT_HEAD_TOO_LARGE },
	{ "head at the limit", 8192, 100, 32768 - 8194 - 9 - 98 * 20 - 2 - 100 * 64, FAULT_NONE },
	{ "head beyond the limit", 8192, 100, 32768 - 8194 - 9 - 98 * 20 - 2 - 100 * 64 + 1,
	    FAULT_HEAD_TOO_LARGE },
};

START_TEST(each_limit_holds_to_the_byte)
{
	static const size_t steps[] = { 1, 7, 4096, 100000 };
	const struct shape *s = &shapes[_i];
	static char bytes[100000];
	size_t len = build(s, bytes);

	for (unsigned i = 0; i < ARRAY_SIZE(steps); i++) {
		struct h1_parse p = { 0 };
		enum h1_result r = H1_MORE;
		struct head h;

		for (size_t n = steps[i]; r == H1_MORE; n += steps[i])
			r = parse(&p, &h, bytes, n < len ? n : len);
		ck_assert_msg(
		    r == (s->fault == FAULT_NONE ? H1_DONE : H1_BAD) && p.fault == s->fault,
		    "%s in steps of %zu: result %d, fault %d (%s)", s->title, steps[i], (int)r,
		    (int)p.fault, p.why != NULL ? p.why : "");
	}
}
END_TEST

START_TEST(a_line_without_end_is_refused_before_its_end)
{
	static char bytes[20000];
	struct h1_parse p = { 0 };
	struct head h;
	size_t n = 0;

	memset(bytes, 'a', sizeof bytes);
	while (parse(&p, &h, bytes, n) == H1_MORE)
		n++;
	ck_assert_uint_eq(n, 8193);
	ck_assert_int_eq(p.fault, FAULT_URI_TOO_LONG);
}
END_TEST

START_TEST(lines_are_not_read_again_before_the_head_is_complete)
{
	char bytes[] = POST "Content-Length: 5\r\nX: y\r\n\r\n";
	size_t first = (size_t)(strstr(bytes, "X: y") - bytes);
	struct h1_parse p = { 0 };
	char keep[64];
	struct head h;

	ck_assert_int_eq(parse(&p, &h, bytes, first + 1), H1_MORE);
	memcpy(keep, bytes, first);
	memset(bytes, 0, first);
	ck_assert_int_eq(parse(&p, &h, bytes, first + 6), H1_MORE);
	memcpy(bytes, keep, first);
	ck_assert_int_eq(parse(&p, &h, bytes, sizeof bytes - 1), H1_DONE);
	ck_assert_uint_eq(h.field_count, 3);
	ck_assert_uint_eq(h.content_length, 5);
}
END_TEST

START_TEST(a_control_byte_is_found_wherever_it_stands)
{
	char bytes[] = GET H "X: 0123456789abcdef0123456789abcdef\r\n" E;
	size_t first = (size_t)(strstr(bytes, "0123") - bytes);

	for (unsigned c = 0; c < 256; c++)
		for (size_t at = first; at < first + 32; at++) {
			struct h1_parse p = { 0 };
			char was = bytes[at];
			bool good = (c >= 0x20 && c != 0x7f) || c == '\t';
			struct head h;

			bytes[at] = (char)c;
			ck_assert_msg(
			    parse(&p, &h, bytes, sizeof bytes - 1) == (good ? H1_DONE : H1_BAD),
			    "byte %u at %zu", c, at);
			bytes[at] = was;
		}
}
END_TEST

START_TEST(more_than_64_connection_options_are_refused)
{
	for (unsigned options = 64; options <= 65; options++) {
		struct h1_parse p = { 0 };
		char bytes[512];
		struct head h;
		int len = sprintf(bytes, GET H "Connection: ");

		for (unsigned i = 0; i < options; i++)
			len += sprintf(bytes + len, i == 0 ? "a" : ",b");
		len += sprintf(bytes + len, "\r\n\r\n");
		ck_assert_int_eq(
		    parse(&p, &h, bytes, (size_t)len), options == 64 ? H1_DONE : H1_BAD);
	}
}
END_TEST

START_TEST(a_head_says_where_its_message_goes_on)
{
	static const char bytes[] = "\r\n" POST "Content-Length: 3\r\n\r\nabc" GET H E;
	size_t first = (size_t)(strstr(bytes, "abc") - bytes);
	struct h1_parse p = { 0 };
	struct head h;

	ck_assert_int_eq(parse(&p, &h, bytes, sizeof bytes - 1), H1_DONE);
	ck_assert_uint_eq(h.len, first);
	p = (struct h1_parse){ 0 };
	ck_assert_int_eq(parse(&p, &h, bytes + first + 3, sizeof bytes - 1 - first - 3), H1_DONE);
	ck_assert_uint_eq(h.len, sizeof bytes - 1 - first - 3);
}
END_TEST

static enum h1_result
parse_trailers(struct h1_parse *p, struct head *h, const char *data, size_t len)
{
	return h1_parse_trailers(p, h, data, len, &h1_default_limits);
}

static void
names(const struct head *h, char *out, size_t size)
{
	FILE *f = fmemopen(out, size, "w");

	for (unsigned i = 0; i < h->field_count; i++)
		put_part(f, h, " ", (struct part){ h->fields[i].name_at, h->fields[i].name_len });
	fprintf(f, " len=%u", h->len);
	fclose(f);
}

static const struct request_case trailers[] = {
	{ "none", "\r\n", 2, FAULT_NONE, " len=2" },
	{ "none, then a request", "\r\nGET", 5, FAULT_NONE, " len=2" },
	{ "one", "A: b\r\n\r\n", 8, FAULT_NONE, " A len=8" },
	{ "two", "A: b\r\nC:\r\n\r\nX", 13, FAULT_NONE, " A C len=12" },
	{ "bare LF", "\n", 1, FAULT_BAD_REQUEST, "" },
	{ "bare CR", "\rA", 2, FAULT_BAD_REQUEST, "" },
	{ "folded", "A: b\r\n c\r\n\r\n", 12, FAULT_BAD_REQUEST, "" },
	{ "a request", "GET / HTTP/1.1\r\n\r\n", 18, FAULT_BAD_REQUEST, "" },
	{ "NUL", "A: \0\r\n\r\n", 8, FAULT_BAD_REQUEST, "" },
};

START_TEST(trailers_are_fields_and_an_empty_line)
{
	const struct request_case *c = &trailers[_i];
	struct verdict v = parse_every_way(c->title, parse_trailers, names, c->bytes, c->len);

	ck_assert_msg(v.result == (c->fault == FAULT_NONE ? H1_DONE : H1_BAD) &&
		v.fault == c->fault && strcmp(v.summary, c->summary) == 0,
	    "%s: result %d, fault %d {%s}", c->title, (int)v.result, (int)v.fault, v.summary);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("http/h1 requests");
	TCase *t = tcase_create("requests");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(
	    t, a_request_means_what_its_bytes_say_however_they_arrive, 0, ARRAY_SIZE(cases));
	tcase_add_loop_test(
	    t, a_forwarded_request_reads_as_the_one_that_came, 0, ARRAY_SIZE(cases));
	tcase_add_loop_test(t, each_limit_holds_to_the_byte, 0, ARRAY_SIZE(shapes));
	tcase_add_test(t, a_line_without_end_is_refused_before_its_end);
	tcase_add_test(t, lines_are_not_read_again_before_the_head_is_complete);
	tcase_add_test(t, a_control_byte_is_found_wherever_it_stands);
	tcase_add_test(t, more_than_64_connection_options_are_refused);
	tcase_add_test(t, a_head_says_where_its_message_goes_on);
	tcase_add_loop_test(t, trailers_are_fields_and_an_empty_line, 0, ARRAY_SIZE(trailers));
	suite_add_tcase(s, t);
	return run_suite(s);
}
