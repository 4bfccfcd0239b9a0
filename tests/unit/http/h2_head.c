#include "http/h2_head.h"

#include "pieces.h"

enum { FIELDS = 12, ROOM = 33 * 1024 };

struct pair {
	const char *name, *value;
};

struct head_case {
	const char *title;
	struct pair fields[FIELDS];
	bool open; /* DATA follows */
	enum h2_verdict verdict;
	enum fault fault;
	const char *summary; /* of a good one */
};

#define GET                                                                                        \
	{ ":method", "GET" }, { ":scheme", "https" }, { ":authority", "a" },                       \
	{                                                                                          \
		":path", "/"                                                                       \
	}
#define POST                                                                                       \
	{ ":method", "POST" }, { ":scheme", "https" }, { ":authority", "a" },                      \
	{                                                                                          \
		":path", "/"                                                                       \
	}
#define MALFORMED H2_MALFORMED, FAULT_BAD_REQUEST, NULL
#define BAD H2_REFUSED, FAULT_BAD_REQUEST, NULL

static const struct head_case requests[] = {
	{ "the least", { GET }, false, H2_GOOD, FAULT_NONE, "GET a / '' none |" },
	{ "pseudo-fields in any order",
	    { { ":path", "/b?c=d" }, { ":authority", "a:8" }, { ":scheme", "http" },
		{ ":method", "PATCH" } },
	    false, H2_GOOD, FAULT_NONE, "PATCH a:8 /b '?c=d' none |" },
	{ "fields become lines", { GET, { "accept", "*/*" }, { "x-b", "" } }, false, H2_GOOD,
	    FAULT_NONE, "GET a / '' none |accept: */*|x-b: |" },
	{ "a body without a length", { POST }, true, H2_GOOD, FAULT_NONE, "POST a / '' chunked |" },
	{ "a body with a length", { POST, { "content-length", "5" } }, true, H2_GOOD, FAULT_NONE,
	    "POST a / '' 5 |content-length: 5|" },
	{ "a body of no bytes", { POST, { "content-length", "0" } }, true, H2_GOOD, FAULT_NONE,
	    "POST a / '' none |content-length: 0|" },
	{ "a length and no body", { POST, { "content-length", "5" } }, false, MALFORMED },
	{ "a length of nothing", { POST, { "content-length", "0" } }, false, H2_GOOD, FAULT_NONE,
	    "POST a / '' none |content-length: 0|" },
	{ "two lengths", { POST, { "content-length", "5" }, { "content-length", "5" } }, true,
	    MALFORMED },
	{ "a list of lengths", { POST, { "content-length", "5, 5" } }, true, MALFORMED },
	{ "a signed length", { POST, { "content-length", "+5" } }, true, MALFORMED },
	{ "a huge length", { POST, { "content-length", "9223372036854775808" } }, true, MALFORMED },
	{ "an empty length", { POST, { "content-length", "" } }, true, MALFORMED },
	{ "crumbs become one cookie", { GET, { "cookie", "a=b" }, { "cookie", "c=d" } }, false,
	    H2_GOOD, FAULT_NONE, "GET a / '' none |cookie: a=b; c=d|" },
	{ "crumbs with fields between",
	    { GET, { "cookie", "a=b" }, { "x", "y" }, { "cookie", "" }, { "z", "1" },
		{ "cookie", "c=d" } },
	    false, H2_GOOD, FAULT_NONE, "GET a / '' none |cookie: a=b; ; c=d|x: y|z: 1|" },
	{ "crumbs before a Host",
	    { { ":method", "GET" }, { ":scheme", "https" }, { ":path", "/" }, { "cookie", "a" },
		{ "host", "h" }, { "cookie", "b" } },
	    false, H2_GOOD, FAULT_NONE, "GET h / '' none |cookie: a; b|host: h|" },
	{ "Host the same", { GET, { "host", "A" } }, false, H2_GOOD, FAULT_NONE,
	    "GET a / '' none |host: A|" },
	{ "Host another", { GET, { "host", "b" } }, false, BAD },
	{ "Host twice", { GET, { "host", "a" }, { "host", "a" } }, false, BAD },
	{ "nobody meant", { { ":method", "GET" }, { ":scheme", "https" }, { ":path", "/" } }, false,
	    BAD },
	{ "an empty authority",
	    { { ":method", "GET" }, { ":scheme", "https" }, { ":authority", "" },
		{ ":path", "/" } },
	    false, BAD },
	{ "a list of authorities",
	    { { ":method", "GET" }, { ":scheme", "https" }, { ":authority", "a,b" },
		{ ":path", "/" } },
	    false, BAD },
	{ "an authority with a user",
	    { { ":method", "GET" }, { ":scheme", "https" }, { ":authority", "u@a" },
		{ ":path", "/" } },
	    false, BAD },
	{ "no method", { { ":scheme", "https" }, { ":authority", "a" }, { ":path", "/" } }, false,
	    MALFORMED },
	{ "no scheme", { { ":method", "GET" }, { ":authority", "a" }, { ":path", "/" } }, false,
	    MALFORMED },
	{ "no path", { { ":method", "GET" }, { ":scheme", "https" }, { ":authority", "a" } }, false,
	    MALFORMED },
	{ "an empty path",
	    { { ":method", "GET" }, { ":scheme", "https" }, { ":authority", "a" },
		{ ":path", "" } },
	    false, MALFORMED },
	{ "a path without a slash",
	    { { ":method", "GET" }, { ":scheme", "https" }, { ":authority", "a" },
		{ ":path", "b" } },
	    false, BAD },
	{ "a path that is a URL",
	    { { ":method", "GET" }, { ":scheme", "https" }, { ":authority", "a" },
		{ ":path", "http://b/" } },
	    false, BAD },
	{ "a path with a space, a line of HTTP/1",
	    { { ":method", "GET" }, { ":scheme", "https" }, { ":authority", "a" },
		{ ":path", "/ HTTP/1.1" } },
	    false, BAD },
	{ "a path with a fragment",
	    { { ":method", "GET" }, { ":scheme", "https" }, { ":authority", "a" },
		{ ":path", "/#b" } },
	    false, BAD },
	{ "a path with a line break",
	    { { ":method", "GET" }, { ":scheme", "https" }, { ":authority", "a" },
		{ ":path", "/\r\nx: y" } },
	    false, MALFORMED },
	{ "OPTIONS of a whole server",
	    { { ":method", "OPTIONS" }, { ":scheme", "https" }, { ":authority", "a" },
		{ ":path", "*" } },
	    false, H2_GOOD, FAULT_NONE, "OPTIONS a * '' none |" },
	{ "an asterisk for another method",
	    { { ":method", "GET" }, { ":scheme", "https" }, { ":authority", "a" },
		{ ":path", "*" } },
	    false, BAD },
	{ "a method that is a line",
	    { { ":method", "GET / HTTP/1.1" }, { ":scheme", "https" }, { ":authority", "a" },
		{ ":path", "/" } },
	    false, MALFORMED },
	{ "a scheme that nobody speaks",
	    { { ":method", "GET" }, { ":scheme", "ftp" }, { ":authority", "a" }, { ":path", "/" } },
	    false, BAD },
	{ "a pseudo-field twice", { GET, { ":path", "/" } }, false, MALFORMED },
	{ "a pseudo-field behind a field", { { "a", "b" }, GET }, false, MALFORMED },
	{ "an unknown pseudo-field", { GET, { ":x", "y" } }, false, MALFORMED },
	{ "a pseudo-field of answers", { GET, { ":status", "200" } }, false, MALFORMED },
	{ "an upper-case name", { GET, { "Accept", "b" } }, false, MALFORMED },
	{ "an empty name", { GET, { "", "b" } }, false, MALFORMED },
	{ "a name with a colon", { GET, { "a:b", "c" } }, false, MALFORMED },
	{ "a name with a line break", { GET, { "a\r\nb", "c" } }, false, MALFORMED },
	{ "a value with a line break", { GET, { "a", "b\r\nc: d" } }, false, MALFORMED },
	{ "a value with a line feed", { GET, { "a", "b\nc" } }, false, MALFORMED },
	{ "a value with a space in front", { GET, { "a", " b" } }, false, MALFORMED },
	{ "a value with a tab behind", { GET, { "a", "b\t" } }, false, MALFORMED },
	{ "a value with a control byte", { GET, { "a", "b\x7f" } }, false, MALFORMED },
	{ "a value with bytes from 0x80 on", { GET, { "a", "b\tc\xc3\xa4" } }, false, H2_GOOD,
	    FAULT_NONE, "GET a / '' none |a: b\tc\xc3\xa4|" },
	{ "Connection", { GET, { "connection", "close" } }, false, MALFORMED },
	{ "Proxy-Connection", { GET, { "proxy-connection", "close" } }, false, MALFORMED },
	{ "Keep-Alive", { GET, { "keep-alive", "5" } }, false, MALFORMED },
	{ "Transfer-Encoding", { POST, { "transfer-encoding", "chunked" } }, true, MALFORMED },
	{ "Upgrade", { GET, { "upgrade", "h2c" } }, false, MALFORMED },
	{ "TE: trailers", { GET, { "te", "trailers" } }, false, H2_GOOD, FAULT_NONE,
	    "GET a / '' none trailers |te: trailers|" },
	{ "TE: gzip", { GET, { "te", "gzip" } }, false, MALFORMED },
	{ "an alias of a length", { POST, { "content_length", "5" } }, true, BAD },
	{ "an underscore that does no harm", { GET, { "x_y", "5" } }, false, H2_GOOD, FAULT_NONE,
	    "GET a / '' none |x_y: 5|" },
	{ "expect", { POST, { "expect", "100-Continue" } }, true, H2_GOOD, FAULT_NONE,
	    "POST a / '' chunked expect |expect: 100-Continue|" },
	{ "expect without a body", { POST, { "expect", "100-continue" } }, false, H2_GOOD,
	    FAULT_NONE, "POST a / '' none |expect: 100-continue|" },
	{ "another expectation", { POST, { "expect", "200-ok" } }, true, H2_REFUSED,
	    FAULT_EXPECTATION, NULL },
	{ "CONNECT", { { ":method", "CONNECT" }, { ":authority", "a:443" } }, true, H2_REFUSED,
	    FAULT_METHOD_REFUSED, NULL },
	{ "CONNECT with a path",
	    { { ":method", "CONNECT" }, { ":authority", "a" }, { ":path", "/" } }, true,
	    MALFORMED },
	{ "CONNECT to nobody", { { ":method", "CONNECT" } }, true, MALFORMED },
	{ "CONNECT with a protocol",
	    { { ":method", "CONNECT" }, { ":protocol", "websocket" }, { ":scheme", "https" },
		{ ":authority", "a" }, { ":path", "/b" } },
	    true, H2_GOOD, FAULT_NONE, "GET a /b '' none <websocket> upgrade |" },
	{ "CONNECT with a protocol, in capitals, that ends",
	    { { ":protocol", "WebSocket" }, { ":method", "CONNECT" }, { ":scheme", "http" },
		{ ":authority", "a" }, { ":path", "/b?c" }, { "sec-websocket-version", "13" } },
	    false, H2_GOOD, FAULT_NONE,
	    "GET a /b '?c' none <WebSocket> upgrade |sec-websocket-version: 13|" },
	{ "CONNECT with another protocol",
	    { { ":method", "CONNECT" }, { ":protocol", "connect-udp" }, { ":scheme", "https" },
		{ ":authority", "a" }, { ":path", "/b" } },
	    true, H2_REFUSED, FAULT_PROTOCOL_REFUSED, NULL },
	{ "CONNECT with a protocol of no name",
	    { { ":method", "CONNECT" }, { ":protocol", "" }, { ":scheme", "https" },
		{ ":authority", "a" }, { ":path", "/b" } },
	    true, MALFORMED },
	{ "CONNECT with a protocol and without a path",
	    { { ":method", "CONNECT" }, { ":protocol", "websocket" }, { ":scheme", "https" },
		{ ":authority", "a" } },
	    true, MALFORMED },
	{ "CONNECT with a protocol and a length",
	    { { ":method", "CONNECT" }, { ":protocol", "websocket" }, { ":scheme", "https" },
		{ ":authority", "a" }, { ":path", "/b" }, { "content-length", "0" } },
	    true, BAD },
	{ "CONNECT with a protocol and two credentials",
	    { { ":method", "CONNECT" }, { ":protocol", "websocket" }, { ":scheme", "https" },
		{ ":authority", "a" }, { ":path", "/b" }, { "authorization", "a" },
		{ "authorization", "b" } },
	    true, BAD },
	{ "a protocol without CONNECT", { GET, { ":protocol", "websocket" } }, false, MALFORMED },
	{ "malformed behind refused", { GET, { "host", "b" }, { "host", "b" }, { "A", "b" } },
	    false, MALFORMED },
};

static const struct head_case responses[] = {
	{ "the least", { { ":status", "200" } }, false, H2_GOOD, FAULT_NONE, "200 OK chunked |" },
	{ "a length", { { ":status", "404" }, { "content-length", "5" } }, true, H2_GOOD,
	    FAULT_NONE, "404 Not Found 5 |content-length: 5|" },
	{ "no content", { { ":status", "204" } }, false, H2_GOOD, FAULT_NONE,
	    "204 No Content none |" },
	{ "not modified", { { ":status", "304" }, { "content-length", "5" } }, false, H2_GOOD,
	    FAULT_NONE, "304 Not Modified none |content-length: 5|" },
	{ "an interim answer", { { ":status", "103" }, { "link", "a" } }, true, H2_GOOD, FAULT_NONE,
	    "103 Early Hints none |link: a|" },
	{ "a Host means nothing", { { ":status", "200" }, { "host", "a" }, { "host", "b" } }, true,
	    H2_GOOD, FAULT_NONE, "200 OK chunked |host: a|host: b|" },
	{ "an interim answer that ends", { { ":status", "100" } }, false, H2_MALFORMED,
	    FAULT_BAD_RESPONSE, NULL },
	{ "101", { { ":status", "101" } }, true, H2_MALFORMED, FAULT_BAD_RESPONSE, NULL },
	{ "no status", { { "a", "b" } }, true, H2_MALFORMED, FAULT_BAD_RESPONSE, NULL },
	{ "a long status", { { ":status", "2000" } }, true, H2_MALFORMED, FAULT_BAD_RESPONSE,
	    NULL },
	{ "a status of letters", { { ":status", "2x0" } }, true, H2_MALFORMED, FAULT_BAD_RESPONSE,
	    NULL },
	{ "a pseudo-field of requests", { { ":status", "200" }, { ":path", "/" } }, true,
	    H2_MALFORMED, FAULT_BAD_RESPONSE, NULL },
	{ "a length that does not come", { { ":status", "200" }, { "content-length", "5" } }, false,
	    H2_MALFORMED, FAULT_BAD_RESPONSE, NULL },
	{ "Transfer-Encoding", { { ":status", "200" }, { "transfer-encoding", "chunked" } }, true,
	    H2_MALFORMED, FAULT_BAD_RESPONSE, NULL },
};

static void
put_slice(char *out, size_t size, const char *before, struct slice s, const char *behind)
{
	size_t len = strlen(out);

	snprintf(out + len, size - len, "%s%.*s%s", before, (int)s.len, s.at, behind);
}

static void
summarize(const struct head *h, char *out, size_t size)
{
	static const char *const framing[] = { "none", NULL, "chunked", "close" };
	char length[32];

	out[0] = '\0';
	if (h->status != 0) {
		snprintf(out, size, "%u ", h->status);
		put_slice(out, size, "", head_slice(h, h->reason), " ");
	} else {
		put_slice(out, size, "", head_slice(h, h->method_text), " ");
		put_slice(out, size, "", head_slice(h, h->host), " ");
		put_slice(out, size, "", head_slice(h, h->path), " ");
		put_slice(out, size, "'", head_slice(h, h->query), "' ");
	}
	snprintf(length, sizeof length, "%llu", (unsigned long long)h->content_length);
	put_slice(out, size, "",
	    slice_of(h->framing == FRAMING_LENGTH ? length : framing[h->framing]), " ");
	if (h->expect_continue)
		put_slice(out, size, "expect ", SLICE(""), "");
	if (h->te_trailers)
		put_slice(out, size, "trailers ", SLICE(""), "");
	if (h->protocol.len > 0)
		put_slice(out, size, "<", head_slice(h, h->protocol), "> ");
	if (h->upgrade)
		put_slice(out, size, "upgrade ", SLICE(""), "");
	put_slice(out, size, "|", SLICE(""), "");
	for (unsigned i = 0; i < h->field_count; i++) {
		put_slice(out, size, "", field_name(h, &h->fields[i]), ": ");
		put_slice(out, size, "", field_value(h, &h->fields[i]), "|");
	}
}

static void
try_case(const struct head_case *c, enum h2_section section)
{
	static char bytes[ROOM];
	struct h2_head *h = malloc(sizeof *h);
	enum h2_verdict verdict;
	char summary[1024];

	memset(h, 0xee, sizeof *h);
	h2_head_begin(h, section, &h1_default_limits, bytes, sizeof bytes);
	for (unsigned i = 0; i < FIELDS && c->fields[i].name != NULL; i++)
		h2_head_add(h, slice_of(c->fields[i].name), slice_of(c->fields[i].value));
	verdict = h2_head_end(h, !c->open, METHOD_GET);
	ck_assert_msg(verdict == c->verdict, "%s: verdict %d (%s)", c->title, (int)verdict,
	    h->why != NULL ? h->why : "");
	if (verdict != H2_GOOD) {
		ck_assert_msg(h->fault == c->fault, "%s: fault %d", c->title, (int)h->fault);
		ck_assert_msg(h->why != NULL, "%s: no reason", c->title);
	} else {
		summarize(&h->head, summary, sizeof summary);
		ck_assert_msg(strcmp(summary, c->summary) == 0, "%s: {%s}", c->title, summary);
		ck_assert_msg(memcmp(bytes + h->head.len - 2, "\r\n", 2) == 0, "%s", c->title);
	}
	free(h);
}

START_TEST(a_request_is_what_its_fields_say)
{
	try_case(&requests[_i], H2_REQUEST);
}
END_TEST

START_TEST(an_answer_is_what_its_fields_say)
{
	try_case(&responses[_i], H2_RESPONSE);
}
END_TEST

static struct h2_head head;
static char bytes[ROOM];

static void
begin_get(void)
{
	static const struct pair get[] = { GET };

	h2_head_begin(&head, H2_REQUEST, &h1_default_limits, bytes, sizeof bytes);
	for (unsigned i = 0; i < ARRAY_SIZE(get); i++)
		h2_head_add(&head, slice_of(get[i].name), slice_of(get[i].value));
}

/* Of a GET and of a WebSocket's CONNECT, which is one. */
START_TEST(underscores_are_dropped_or_refused_as_the_limits_say)
{
	static const struct pair connect[] = { { ":method", "CONNECT" },
		{ ":protocol", "websocket" }, { ":scheme", "https" }, { ":authority", "a" },
		{ ":path", "/" } };
	struct h1_limits limits = h1_default_limits;

	limits.underscores = _i < 2 ? UNDERSCORES_DROP : UNDERSCORES_REFUSE;
	begin_get();
	if (_i % 2 == 1) {
		h2_head_begin(&head, H2_REQUEST, &limits, bytes, sizeof bytes);
		for (unsigned i = 0; i < ARRAY_SIZE(connect); i++)
			h2_head_add(&head, slice_of(connect[i].name), slice_of(connect[i].value));
	}
	head.limits = &limits;
	ck_assert_int_eq(h2_head_add(&head, SLICE("x_user"), SLICE("root")), H2_GOOD);
	if (limits.underscores == UNDERSCORES_REFUSE) {
		ck_assert_int_eq(h2_head_end(&head, false, METHOD_GET), H2_REFUSED);
		ck_assert_int_eq(head.fault, FAULT_BAD_REQUEST);
	} else {
		ck_assert_int_eq(h2_head_end(&head, false, METHOD_GET), H2_GOOD);
		ck_assert_int_eq(head.head.fields[0].id, FIELD_UNSEEN);
	}
}
END_TEST

START_TEST(a_nul_byte_is_malformed)
{
	begin_get();
	ck_assert_int_eq(h2_head_add(&head, SLICE("a"), (struct slice){ "b\0c", 3 }), H2_MALFORMED);
	begin_get();
	ck_assert_int_eq(h2_head_add(&head, (struct slice){ "a\0b", 3 }, SLICE("c")), H2_MALFORMED);
}
END_TEST

START_TEST(a_control_byte_is_malformed_wherever_it_stands_but_a_tab_inside)
{
	char value[19];

	for (size_t at = 0; at < sizeof value; at++)
		for (int byte = 0; byte < 256; byte++) {
			bool edge = at == 0 || at == sizeof value - 1;
			bool good =
			    byte == '\t' || byte == ' ' ? !edge : byte > ' ' && byte != 0x7f;

			memset(value, at % 2 != 0 ? '\xff' : 'v', sizeof value);
			value[at] = (char)byte;
			begin_get();
			ck_assert_int_eq(
			    h2_head_add(&head, SLICE("a"), (struct slice){ value, sizeof value }),
			    good ? H2_GOOD : H2_MALFORMED);
		}
}
END_TEST

START_TEST(each_crumb_of_a_cookie_counts)
{
	begin_get();
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(h2_head_add(&head, SLICE("cookie"), SLICE("a")), H2_GOOD);
	ck_assert_int_eq(h2_head_add(&head, SLICE("cookie"), SLICE("a")), H2_REFUSED);
	ck_assert_int_eq(h2_head_end(&head, true, METHOD_OTHER), H2_REFUSED);
	ck_assert_int_eq(head.fault, FAULT_HEAD_TOO_LARGE);
}
END_TEST

START_TEST(what_decodes_to_more_than_allowed_is_refused_and_still_counted)
{
	static char value[4096];

	memset(value, 'v', sizeof value);
	begin_get();
	for (int i = 0; i < 4000; i++)
		h2_head_add(&head, SLICE("x"), (struct slice){ value, sizeof value });
	ck_assert_int_eq(h2_head_end(&head, true, METHOD_OTHER), H2_REFUSED);
	ck_assert_int_eq(head.fault, FAULT_HEAD_TOO_LARGE);
	ck_assert_uint_gt(head.charged, 4000u * 4096);
	ck_assert_uint_le(head.used, 32 * 1024);
}
END_TEST

START_TEST(a_target_longer_than_a_line_is_refused)
{
	static char path[9 * 1024];

	memset(path, '/', sizeof path);
	h2_head_begin(&head, H2_REQUEST, &h1_default_limits, bytes, sizeof bytes);
	h2_head_add(&head, SLICE(":method"), SLICE("GET"));
	h2_head_add(&head, SLICE(":path"), (struct slice){ path, sizeof path });
	h2_head_add(&head, SLICE(":scheme"), SLICE("https"));
	ck_assert_int_eq(h2_head_end(&head, true, METHOD_OTHER), H2_REFUSED);
	ck_assert_int_eq(head.fault, FAULT_URI_TOO_LONG);
}
END_TEST

START_TEST(trailers_are_fields_alone)
{
	h2_head_begin(&head, H2_TRAILERS, &h1_default_limits, bytes, sizeof bytes);
	h2_head_add(&head, SLICE("grpc-status"), SLICE("0"));
	h2_head_add(&head, SLICE("content-length"), SLICE("x"));
	ck_assert_int_eq(h2_head_end(&head, true, METHOD_OTHER), H2_GOOD);
	ck_assert_uint_eq(head.head.field_count, 2);
	ck_assert_uint_eq(head.head.len, sizeof "grpc-status: 0\r\ncontent-length: x\r\n\r\n" - 1);
	h2_head_begin(&head, H2_TRAILERS, &h1_default_limits, bytes, sizeof bytes);
	ck_assert_int_eq(h2_head_add(&head, SLICE(":path"), SLICE("/")), H2_MALFORMED);
}
END_TEST

START_TEST(the_answer_to_HEAD_may_announce_a_length)
{
	h2_head_begin(&head, H2_RESPONSE, &h1_default_limits, bytes, sizeof bytes);
	h2_head_add(&head, SLICE(":status"), SLICE("200"));
	h2_head_add(&head, SLICE("content-length"), SLICE("5"));
	ck_assert_int_eq(h2_head_end(&head, true, METHOD_HEAD), H2_GOOD);
	ck_assert_int_eq(head.head.framing, FRAMING_NONE);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("http/h2_head");
	TCase *t = tcase_create("h2_head");

	tcase_add_loop_test(t, a_request_is_what_its_fields_say, 0, ARRAY_SIZE(requests));
	tcase_add_loop_test(t, an_answer_is_what_its_fields_say, 0, ARRAY_SIZE(responses));
	tcase_add_loop_test(t, underscores_are_dropped_or_refused_as_the_limits_say, 0, 4);
	tcase_add_test(t, a_nul_byte_is_malformed);
	tcase_add_test(t, a_control_byte_is_malformed_wherever_it_stands_but_a_tab_inside);
	tcase_add_test(t, each_crumb_of_a_cookie_counts);
	tcase_add_test(t, what_decodes_to_more_than_allowed_is_refused_and_still_counted);
	tcase_add_test(t, a_target_longer_than_a_line_is_refused);
	tcase_add_test(t, trailers_are_fields_alone);
	tcase_add_test(t, the_answer_to_HEAD_may_announce_a_length);
	suite_add_tcase(s, t);
	return run_suite(s);
}
