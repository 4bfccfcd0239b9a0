#include "http/forward.h"
#include "http/h1.h"
#include "pieces.h"

struct request_case {
	const char *title;
	const char *came;
	struct forward_request how;
	const char *sent;
};

#define GET "GET / HTTP/1.1\r\n"
#define H "Host: a\r\n"
#define E "\r\n"
#define HTTP "X-Forwarded-Proto: http\r\nForwarded: proto=http\r\n"
#define TEXT(s)                                                                                    \
	{                                                                                          \
		s, sizeof(s) - 1                                                                   \
	}

static const struct request_case requests[] = {
	{ "the least", GET H E, { .via = { NULL, 0 } }, GET H HTTP E },
	{ "fields stay as they came, in their order, without the blanks around them",
	    GET H "Accept: */*\r\nX-b:  c \r\ncookie:d\r\nCookie:\te\r\nA:\r\nB: \t\r\n" E,
	    { .via = { NULL, 0 } },
	    GET H "Accept: */*\r\nX-b: c\r\ncookie:d\r\nCookie: e\r\nA:\r\nB: \r\n" HTTP E },
	{ "a length is said in one way", GET H "A: b\r\nContent-Length: 005\r\nC: d\r\n" E,
	    { .via = { NULL, 0 } }, GET H "A: b\r\nC: d\r\nContent-Length: 5\r\n" HTTP E },
	{ "OPTIONS counts its hops", "OPTIONS / HTTP/1.1\r\n" H "Max-Forwards: 10\r\n" E,
	    { .via = { NULL, 0 } }, "OPTIONS / HTTP/1.1\r\n" H "Max-Forwards: 9\r\n" HTTP E },
	{ "GET counts none", GET H "Max-Forwards: 10\r\n" E, { .via = { NULL, 0 } },
	    GET H "Max-Forwards: 10\r\n" HTTP E },
	{ "fields that nobody looks at go no further", GET H "A: b\r\nC_D: e\r\nF: g\r\n" E,
	    { .via = { NULL, 0 } }, GET H "A: b\r\nF: g\r\n" HTTP E },
	{ "Host comes first", GET "Accept: b\r\n" H "X: y\r\n" E, { .via = { NULL, 0 } },
	    GET H "Accept: b\r\nX: y\r\n" HTTP E },
	{ "edits drop and say", GET H "A: b\r\nX-B: 1\r\nC: d\r\nx-b: 2\r\n" E,
	    { .edits = &(struct forward_edits){ &(struct slice)TEXT("X-b"), 1, TEXT("N: m\r\n") } },
	    GET H "A: b\r\nC: d\r\nN: m\r\n" HTTP E },
	{ "another Host", GET H E, { .host = TEXT("b:81") }, GET "Host: b:81\r\n" HTTP E },
	{ "HTTP/1.0 becomes 1.1", "GET / HTTP/1.0\r\n" H E, { .via = { NULL, 0 } }, GET H HTTP E },
	{ "absolute-form becomes origin-form", "GET http://b/c?d HTTP/1.1\r\n" H E,
	    { .via = { NULL, 0 } }, "GET /c?d HTTP/1.1\r\nHost: b\r\n" HTTP E },
	{ "absolute-form without a path", "GET http://b?d HTTP/1.1\r\n" H E, { .via = { NULL, 0 } },
	    "GET /?d HTTP/1.1\r\nHost: b\r\n" HTTP E },
	{ "OPTIONS *", "OPTIONS * HTTP/1.1\r\n" H E, { .via = { NULL, 0 } },
	    "OPTIONS * HTTP/1.1\r\n" H HTTP E },
	{ "OPTIONS of a whole server", "OPTIONS http://b HTTP/1.1\r\n" H E, { .via = { NULL, 0 } },
	    "OPTIONS * HTTP/1.1\r\nHost: b\r\n" HTTP E },
	{ "OPTIONS of the root", "OPTIONS http://b/ HTTP/1.1\r\n" H E, { .via = { NULL, 0 } },
	    "OPTIONS / HTTP/1.1\r\nHost: b\r\n" HTTP E },
	{ "rewritten path keeps the query", "GET /api/a?b HTTP/1.1\r\n" H E, { .path = TEXT("/a") },
	    "GET /a?b HTTP/1.1\r\n" H HTTP E },
	{ "hop-by-hop fields stop here",
	    GET H "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: close\r\n"
		  "Proxy-Authorization: x\r\nProxy-Anything: y\r\nProxy: z\r\nTE: gzip\r\n"
		  "HTTP2-Settings: x\r\nUpgrade: websocket\r\nX: y\r\n" E,
	    { .via = { NULL, 0 } }, GET H "X: y\r\n" HTTP E },
	{ "what Connection nominates stops here",
	    GET H "A: b\r\nX-Hop: c\r\nConnection: x-hop, Cookie\r\nCookie: d\r\nE: f\r\n" E,
	    { .via = { NULL, 0 } }, GET H "A: b\r\nE: f\r\n" HTTP E },
	{ "what others rely on is not nominated",
	    "POST / HTTP/1.1\r\n" H "Connection: close, Host, Content-Length, X-Forwarded-For, "
	    "X-Request-Id, Via\r\nContent-Length: 5\r\nVia: 1.1 c\r\nX-Request-Id: e\r\n" E,
	    { .client_ip = TEXT("192.0.2.1") },
	    "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nVia: 1.1 c\r\nX-Request-Id: e\r\n"
	    "X-Forwarded-For: 192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\nX-Forwarded-Proto: http\r\n"
	    "Forwarded: for=192.0.2.1;proto=http\r\n" E },
	{ "a chunked body",
	    "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nTrailer: a\r\n" E,
	    { .chunked = true },
	    "POST / HTTP/1.1\r\n" H "Trailer: a\r\n" HTTP "Transfer-Encoding: chunked\r\n" E },
	{ "no trailers without chunks", GET H "Trailer: a\r\n" E, { .via = { NULL, 0 } },
	    GET H HTTP E },
	{ "a length becomes chunks", "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n" E,
	    { .chunked = true }, "POST / HTTP/1.1\r\n" H HTTP "Transfer-Encoding: chunked\r\n" E },
	{ "expect passes",
	    "POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 5\r\n" E,
	    { .pass_expect = true },
	    "POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 5\r\n" HTTP E },
	{ "expect is answered here",
	    "POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 5\r\n" E,
	    { .via = { NULL, 0 } }, "POST / HTTP/1.1\r\n" H "Content-Length: 5\r\n" HTTP E },
	{ "expect without a body stops here", GET H "Expect: 100-continue\r\n" E,
	    { .pass_expect = true }, GET H HTTP E },
	{ "upgrade passes", GET H "Connection: Upgrade\r\nUpgrade: websocket\r\n" E,
	    { .keep_upgrade = true },
	    GET H "Upgrade: websocket\r\n" HTTP "Connection: upgrade\r\n" E },
	{ "upgrade does not pass unasked", GET H "Connection: Upgrade\r\nUpgrade: websocket\r\n" E,
	    { .via = { NULL, 0 } }, GET H HTTP E },
	{ "upgrade to h2c never passes",
	    GET H "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n" E,
	    { .keep_upgrade = true }, GET H HTTP E },
	{ "trailers are read", GET H "TE: trailers, gzip\r\nConnection: TE\r\n" E,
	    { .via = { NULL, 0 } }, GET H HTTP "TE: trailers\r\nConnection: TE\r\n" E },
	{ "trailers are read, and an upgrade",
	    GET H "TE: trailers\r\nConnection: TE, upgrade\r\nUpgrade: websocket\r\n" E,
	    { .keep_upgrade = true },
	    GET H "Upgrade: websocket\r\n" HTTP "TE: trailers\r\nConnection: TE, upgrade\r\n" E },
	{ "Via joins those before", GET H "Via: 1.0 b\r\n" E, { .via = TEXT("detour") },
	    GET H "Via: 1.0 b\r\n" HTTP "Via: 1.1 detour\r\n" E },
	{ "Via of HTTP/1.0", "GET / HTTP/1.0\r\n" H E, { .via = TEXT("detour") },
	    GET H HTTP "Via: 1.0 detour\r\n" E },
	{ "all about the client", GET H E,
	    { .client_ip = TEXT("192.0.2.1"),
		.forwarded_host = TEXT("a.example"),
		.listener_port = 8443,
		.tls = true,
		.request_id = TEXT("id1") },
	    GET H
	    "X-Forwarded-For: 192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\n"
	    "X-Forwarded-Proto: https\r\nX-Forwarded-Host: a.example\r\n"
	    "X-Forwarded-Port: 8443\r\n"
	    "Forwarded: for=192.0.2.1;host=a.example;proto=https\r\nX-Request-Id: id1\r\n" E },
	{ "IPv6 and a port are quoted in Forwarded", GET H E,
	    { .client_ip = TEXT("2001:db8::1"), .forwarded_host = TEXT("a:81") },
	    GET H "X-Forwarded-For: 2001:db8::1\r\nX-Real-IP: 2001:db8::1\r\n"
		  "X-Forwarded-Proto: http\r\nX-Forwarded-Host: a:81\r\n"
		  "Forwarded: for=\"[2001:db8::1]\";host=\"a:81\";proto=http\r\n" E },
	{ "what an untrusted client says of itself stops here",
	    GET H "X-Forwarded-For: 1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\n"
		  "X-Forwarded-Port: 2\r\nX-Forwarded-Prefix: /c\r\nX-Real-IP: 3\r\n"
		  "Forwarded: for=4\r\nX-Request-Id: mine\r\nX-Mirrored-From: e\r\n"
		  "X-Forward: d\r\n" E,
	    { .client_ip = TEXT("192.0.2.1"), .request_id = TEXT("id1") },
	    GET H "X-Forward: d\r\nX-Forwarded-For: 192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\n"
		  "X-Forwarded-Proto: http\r\nForwarded: for=192.0.2.1;proto=http\r\n"
		  "X-Request-Id: id1\r\n" E },
	{ "what a trusted one says is kept, and its list added to",
	    GET H "X-Forwarded-For: 1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\n"
		  "X-Forwarded-Port: 2\r\nX-Forwarded-Prefix: /c\r\nX-Real-IP: 3\r\n"
		  "Forwarded: for=4\r\nX-Request-Id: mine\r\nX-Forwarded-For: 5, 6\r\n"
		  "Forwarded: for=7\r\nX-Mirrored-From: c\r\n" E,
	    { .client_ip = TEXT("203.0.113.1"),
		.peer_ip = TEXT("192.0.2.1"),
		.forwarded_host = TEXT("a"),
		.listener_port = 80,
		.request_id = TEXT("id1"),
		.trust = TRUST_X_FORWARDED },
	    GET H "X-Forwarded-Proto: https\r\nX-Forwarded-Host: b\r\nX-Forwarded-Port: 2\r\n"
		  "X-Forwarded-Prefix: /c\r\nX-Request-Id: mine\r\nX-Mirrored-From: c\r\n"
		  "X-Forwarded-For: 1, 5, 6, 192.0.2.1\r\nX-Real-IP: 203.0.113.1\r\n"
		  "Forwarded: for=203.0.113.1;host=a;proto=http\r\n" E },
	{ "one that is trusted in Forwarded",
	    GET H "X-Forwarded-For: 1\r\nX-Forwarded-Proto: https\r\nX-Real-IP: 3\r\n"
		  "Forwarded: for=4\r\nForwarded: for=7\r\n" E,
	    { .client_ip = TEXT("203.0.113.1"),
		.peer_ip = TEXT("2001:db8::9"),
		.forwarded_host = TEXT("a"),
		.trust = TRUST_FORWARDED },
	    GET H "X-Forwarded-For: 203.0.113.1\r\nX-Real-IP: 203.0.113.1\r\n"
		  "X-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n"
		  "Forwarded: for=4, for=7, for=\"[2001:db8::9]\";host=a;proto=http\r\n" E },
	{ "what a trusted one left out is said", GET H "X-Forwarded-For:\r\n" E,
	    { .client_ip = TEXT("192.0.2.1"),
		.peer_ip = TEXT("192.0.2.1"),
		.request_id = TEXT("id1"),
		.trust = TRUST_X_FORWARDED },
	    GET H "X-Forwarded-For: 192.0.2.1\r\nX-Real-IP: 192.0.2.1\r\n"
		  "X-Forwarded-Proto: http\r\nForwarded: for=192.0.2.1;proto=http\r\n"
		  "X-Request-Id: id1\r\n" E },
	{ "a trusted one, and nothing to add", GET H "X-Forwarded-For: 1\r\n" E,
	    { .trust = TRUST_X_FORWARDED }, GET H "X-Forwarded-For: 1\r\n" HTTP E },
	{ "a mark against loops joins those before, nominated or not",
	    GET H "CDN-Loop: b; v=1\r\nConnection: CDN-Loop\r\n" E, { .loop_id = TEXT("c") },
	    GET H "CDN-Loop: b; v=1\r\n" HTTP "CDN-Loop: c\r\n" E },
};

/* Parses, and writes into memory of every size up to enough: complete, or refused. */
#define CHECK_WRITER(title, expected, call)                                                        \
	for (size_t size = 0; size <= strlen(expected) + 1; size++) {                              \
		char *out = malloc(size > 0 ? size : 1);                                           \
		size_t len = call;                                                                 \
                                                                                                   \
		if (size < strlen(expected))                                                       \
			ck_assert_msg(len == 0, "%s: fits into %zu", title, size);                 \
		else                                                                               \
			ck_assert_msg(slice_eq((struct slice){ out, len }, slice_of(expected)),    \
			    "%s:\n%.*s\nexpected:\n%s", title, (int)len, out, expected);           \
		free(out);                                                                         \
	}

START_TEST(a_request_goes_on_with_what_it_needs)
{
	const struct request_case *c = &requests[_i];
	struct h1_parse p = { 0 };
	struct head h;

	ck_assert_msg(
	    h1_parse_request(&p, &h, c->came, strlen(c->came), &h1_default_limits) == H1_DONE,
	    "%s: %s", c->title, p.why);
	CHECK_WRITER(c->title, c->sent, forward_write_request(&h, &c->how, out, size));
}
END_TEST

struct response_case {
	const char *title;
	const char *came;
	enum method method;
	struct forward_response how;
	const char *sent;
};

#define OK "HTTP/1.1 200 OK\r\n"
#define LENGTH "Content-Length: 5\r\n"

static const struct slice dropped_date = TEXT("Date");
static const struct forward_edits no_date = { &dropped_date, 1, { NULL, 0 } };

static const struct response_case responses[] = {
	{ "the least", OK LENGTH E, METHOD_GET, { .close = false }, OK LENGTH E },
	{ "fields stay as they came",
	    OK "Date: x\r\nServer:  y \r\nset-cookie: a\r\n" LENGTH "Set-Cookie: b\r\n" E,
	    METHOD_GET, { .close = false },
	    OK "Date: x\r\nServer: y\r\nset-cookie: a\r\n" LENGTH "Set-Cookie: b\r\n" E },
	{ "an endpoint may nominate what a client may not",
	    OK
	    "Connection: Via, Trailer, X-Request-Id\r\nVia: 1.1 a\r\nX-Request-Id: b\r\n" LENGTH E,
	    METHOD_GET, { .close = false }, OK LENGTH E },
	{ "the date where it is missing", OK LENGTH E, METHOD_GET, { .date = TEXT("now") },
	    OK LENGTH "Date: now\r\n" E },
	{ "no date where the edits leave it out", OK LENGTH E, METHOD_GET,
	    { .date = TEXT("now"), .edits = &no_date }, OK LENGTH E },
	{ "HTTP/1.0 becomes 1.1", "HTTP/1.0 404 No\r\n" LENGTH E, METHOD_GET, { .close = false },
	    "HTTP/1.1 404 No\r\n" LENGTH E },
	{ "hop-by-hop and nominated fields stop here",
	    OK "Connection: close, X-Hop, Content-Length\r\nKeep-Alive: x\r\nX-Hop: y\r\n"
	       "Proxy-Authenticate: z\r\nUpgrade: h2\r\nTE: x\r\n" LENGTH E,
	    METHOD_GET, { .close = false }, OK LENGTH E },
	{ "chunked", OK "Transfer-Encoding: chunked\r\nTrailer: a\r\n" E, METHOD_GET,
	    { .chunked = true }, OK "Trailer: a\r\nTransfer-Encoding: chunked\r\n" E },
	{ "until close becomes chunked", OK E, METHOD_GET, { .chunked = true },
	    OK "Transfer-Encoding: chunked\r\n" E },
	{ "no chunks for HTTP/1.0", OK "Transfer-Encoding: chunked\r\nTrailer: a\r\n" E, METHOD_GET,
	    { .chunked = true, .to_http10 = true, .close = true }, OK "Connection: close\r\n" E },
	{ "keep-alive for HTTP/1.0", OK LENGTH E, METHOD_GET,
	    { .to_http10 = true, .say_keep_alive = true },
	    OK LENGTH "Connection: keep-alive\r\n" E },
	{ "close wins over keep-alive", OK LENGTH E, METHOD_GET,
	    { .close = true, .say_keep_alive = true }, OK LENGTH "Connection: close\r\n" E },
	{ "HEAD keeps its length", OK LENGTH E, METHOD_HEAD, { .close = false }, OK LENGTH E },
	{ "304 keeps its length", "HTTP/1.1 304 x\r\n" LENGTH E, METHOD_GET, { .close = false },
	    "HTTP/1.1 304 x\r\n" LENGTH E },
	{ "204 has none", "HTTP/1.1 204 x\r\n" LENGTH E, METHOD_GET, { .chunked = true },
	    "HTTP/1.1 204 x\r\n" E },
	{ "103 has none", "HTTP/1.1 103 x\r\nLink: y\r\n" LENGTH E, METHOD_GET, { .close = false },
	    "HTTP/1.1 103 x\r\nLink: y\r\n" E },
	{ "101", "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" E, METHOD_GET,
	    { .keep_upgrade = true },
	    "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n" E },
	{ "Via and id", OK "X-Request-Id: b\r\nVia: 1.1 c\r\n" LENGTH E, METHOD_GET,
	    { .via = TEXT("detour"), .request_id = TEXT("id1") },
	    OK "Via: 1.1 c\r\n" LENGTH "Via: 1.1 detour\r\nX-Request-Id: id1\r\n" E },
	{ "no id of ours leaves theirs", OK "X-Request-Id: b\r\n" LENGTH E, METHOD_GET,
	    { .close = false }, OK "X-Request-Id: b\r\n" LENGTH E },
	{ "no reason", "HTTP/1.1 200\r\n" LENGTH E, METHOD_GET, { .close = false },
	    "HTTP/1.1 200 \r\n" LENGTH E },
};

START_TEST(a_response_goes_on_with_what_it_needs)
{
	const struct response_case *c = &responses[_i];
	struct h1_parse p = { 0 };
	struct head h;

	ck_assert_msg(h1_parse_response(&p, &h, c->came, strlen(c->came), &h1_default_limits,
			  c->method, true) == H1_DONE,
	    "%s: %s", c->title, p.why);
	CHECK_WRITER(c->title, c->sent, forward_write_response(&h, &c->how, out, size));
}
END_TEST

START_TEST(trailers_lose_what_belongs_into_a_head)
{
	static const struct {
		const char *came, *sent;
	} c[] = {
		{ "\r\n", "\r\n" },
		{ "A: b\r\n\r\n", "A: b\r\n\r\n" },
		{ "Grpc-Status: 0\r\ngrpc-message: x\r\n\r\n",
		    "Grpc-Status: 0\r\ngrpc-message: x\r\n\r\n" },
		{ "A: b\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: x\r\nC: "
		  "d\r\n\r\n",
		    "A: b\r\nC: d\r\n\r\n" },
		{ "Set-Cookie: a\r\nAuthorization: b\r\nCache-Control: c\r\nIf-Match: d\r\n\r\n",
		    "\r\n" },
		{ "Content-Type: a\r\ncontent-encoding: b\r\nTrailer: c\r\nTE: d\r\n\r\n", "\r\n" },
		{ "X-Forwarded-For: a\r\nX-Forwarded-Any: b\r\nX-Real-IP: c\r\nProxy-A: d\r\n\r\n",
		    "\r\n" },
		{ "content_length: 5\r\nx_forwarded_for: a\r\n\r\n", "\r\n" },
		{ "Connection: A\r\nA: b\r\n\r\n", "A: b\r\n\r\n" },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(c); i++) {
		struct h1_parse p = { 0 };
		struct head h;

		ck_assert_int_eq(
		    h1_parse_trailers(&p, &h, c[i].came, strlen(c[i].came), &h1_default_limits),
		    H1_DONE);
		CHECK_WRITER(c[i].came, c[i].sent, forward_write_trailers(&h, out, size));
	}
	CHECK_WRITER("none", "\r\n", forward_write_trailers(NULL, out, size));
}
END_TEST

START_TEST(trailers_that_nominate_without_end_are_harmless)
{
	struct h1_parse p = { 0 };
	char bytes[8192], out[8192];
	struct head h;
	int len = sprintf(bytes, "Connection: a");

	for (unsigned i = 0; i < 2000; i++)
		len += sprintf(bytes + len, ",a");
	len += sprintf(bytes + len, "\r\nb: c\r\n\r\n");
	ck_assert_int_eq(
	    h1_parse_trailers(&p, &h, bytes, (size_t)len, &h1_default_limits), H1_DONE);
	ck_assert_uint_eq(forward_write_trailers(&h, out, sizeof out), 8);
}
END_TEST

START_TEST(a_request_that_comes_again_is_known)
{
	static const struct {
		const char *fields;
		bool loop;
	} c[] = {
		{ "CDN-Loop: us\r\n", true },
		{ "cdn-loop: other , us\r\n", true },
		{ "CDN-Loop: other\r\nCDN-Loop: us;v=1.0\r\n", true },
		{ "CDN-Loop: us ; v=1, more\r\n", true },
		{ "CDN-Loop: other\r\n", false },
		{ "CDN-Loop: usa, not-us\r\n", false },
		{ "CDN-Loop: US\r\n", false },
		{ "CDN-Loop: other;by=us\r\n", false },
		{ "CDN-Loop:\r\n", false },
		{ "Via: 1.1 us\r\n", false },
		{ "", false },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(c); i++) {
		struct h1_parse p = { 0 };
		struct head h;
		char came[256];
		int len = snprintf(came, sizeof came, GET H "%s" E, c[i].fields);

		ck_assert_int_eq(
		    h1_parse_request(&p, &h, came, (size_t)len, &h1_default_limits), H1_DONE);
		ck_assert_msg(forward_is_loop(&h, SLICE("us")) == c[i].loop, "%s", c[i].fields);
	}
}
END_TEST

START_TEST(a_forwarded_host_cannot_break_out_of_its_quotes)
{
	struct forward_request how = { .forwarded_host = TEXT("a\";for=\\b") };
	struct h1_parse p = { 0 };
	struct head h;
	char out[512];
	size_t len;

	ck_assert_int_eq(
	    h1_parse_request(&p, &h, GET H E, sizeof(GET H E) - 1, &h1_default_limits), H1_DONE);
	len = forward_write_request(&h, &how, out, sizeof out - 1);
	ck_assert_uint_gt(len, 0);
	out[len] = '\0';
	ck_assert_ptr_nonnull(strstr(out, "Forwarded: host=\"a\\\";for=\\\\b\";proto=http\r\n"));
}
END_TEST

START_TEST(a_path_that_lies_beside_the_host_is_still_a_path)
{
	/* as HTTP/2 may lay a head out */
	static const char base[] = "OPTIONS/a\r\n";
	struct head h = {
		.base = base,
		.len = sizeof base - 1,
		.method = METHOD_OPTIONS,
		.method_text = { 0, 7 },
		.target = { 7, 1 },
		.path = { 7, 1 },
		.host = { 8, 1 },
		.minor = 1,
	};
	struct forward_request how = { .tls = false };

	CHECK_WRITER("OPTIONS", "OPTIONS / HTTP/1.1\r\n" H HTTP E,
	    forward_write_request(&h, &how, out, size));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("http/forward");
	TCase *t = tcase_create("forward");

	tcase_add_loop_test(t, a_request_goes_on_with_what_it_needs, 0, ARRAY_SIZE(requests));
	tcase_add_loop_test(t, a_response_goes_on_with_what_it_needs, 0, ARRAY_SIZE(responses));
	tcase_add_test(t, trailers_lose_what_belongs_into_a_head);
	tcase_add_test(t, trailers_that_nominate_without_end_are_harmless);
	tcase_add_test(t, a_request_that_comes_again_is_known);
	tcase_add_test(t, a_forwarded_host_cannot_break_out_of_its_quotes);
	tcase_add_test(t, a_path_that_lies_beside_the_host_is_still_a_path);
	suite_add_tcase(s, t);
	return run_suite(s);
}
