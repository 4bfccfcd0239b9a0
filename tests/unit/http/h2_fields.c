#include "http/forward.h"
#include "http/h2_head.h"
#include "pieces.h"

static struct h2_fields fields;

static void
summarize(char *out, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < fields.count && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%.*s=%.*s|",
		    (int)fields.nv[i].namelen, (const char *)fields.nv[i].name,
		    (int)fields.nv[i].valuelen, (const char *)fields.nv[i].value);
}

#define EXPECT(text)                                                                               \
	do {                                                                                       \
		char summary[2048] = "";                                                           \
		summarize(summary, sizeof summary);                                                \
		ck_assert_str_eq(summary, text);                                                   \
	} while (0)

START_TEST(a_request_line_and_its_fields_become_fields)
{
	char lines[] = "POST /a?b=c HTTP/1.1\r\nHost: d:81\r\nX-Forwarded-For: e\r\nAccept:  f \r\n"
		       "Transfer-Encoding: chunked\r\nTE: trailers\r\nConnection: TE\r\n\r\n";

	ck_assert(h2_fields_request(&fields, lines, sizeof lines - 1, SLICE("https"), SLICE("")));
	EXPECT(":method=POST|:scheme=https|:authority=d:81|:path=/a?b=c|x-forwarded-for=e|accept=f|"
	       "te=trailers|");
	ck_assert_uint_eq(fields.taken, sizeof lines - 1);
}
END_TEST

START_TEST(what_belongs_to_one_connection_does_not_pass)
{
	char lines[] = "HTTP/1.1 200 OK\r\nConnection: close\r\nKeep-Alive: a\r\nUpgrade: b\r\n"
		       "Proxy-Connection: c\r\nHTTP2-Settings: d\r\nTE: gzip\r\nServer: e\r\n\r\n";

	ck_assert(h2_fields_response(&fields, lines, sizeof lines - 1));
	EXPECT(":status=200|server=e|");
}
END_TEST

START_TEST(a_body_may_follow_the_lines_of_an_answer)
{
	struct own_answer a = { .status = 503, .text = SLICE("no") };
	char out[1024];
	size_t len = forward_write_own(&a, out, sizeof out);

	ck_assert(h2_fields_response(&fields, out, len));
	ck_assert_uint_eq(fields.nv[0].valuelen, 3);
	ck_assert(memcmp(fields.nv[0].value, "503", 3) == 0);
	ck_assert_uint_lt(fields.taken, len);
	ck_assert(memcmp(out + fields.taken - 4, "\r\n\r\n", 4) == 0);
}
END_TEST

START_TEST(a_name_becomes_lower_case_and_a_value_stays)
{
	char lines[] = "HTTP/1.1 200 OK\r\nABCDEFGHIJKLMNOPQRSTUVWXYZ: AbCdEfGhIjKl\r\n"
		       "0!#$%&'*+-.^_`|~9aZ: @[\\]{}\r\nX: \xc3\x84\r\n\r\n";

	ck_assert(h2_fields_response(&fields, lines, sizeof lines - 1));
	EXPECT(":status=200|abcdefghijklmnopqrstuvwxyz=AbCdEfGhIjKl|"
	       "0!#$%&'*+-.^_`|~9az=@[\\]{}|x=\xc3\x84|");
}
END_TEST

START_TEST(a_reason_may_be_empty)
{
	char lines[] = "HTTP/1.1 299 \r\n\r\n";

	ck_assert(h2_fields_response(&fields, lines, sizeof lines - 1));
	EXPECT(":status=299|");
}
END_TEST

START_TEST(trailers_have_no_first_line)
{
	char lines[] = "Grpc-Status: 0\r\nEmpty: \r\n\r\n";

	ck_assert(h2_fields_trailers(&fields, lines, sizeof lines - 1));
	EXPECT("grpc-status=0|empty=|");
}
END_TEST

START_TEST(more_fields_than_there_is_room_for_are_refused)
{
	static char lines[(H2_FIELDS_MAX + 2) * 6];
	char *at = lines;

	for (int i = 0; i <= H2_FIELDS_MAX; i++) {
		memcpy(at, "a: b\r\n", 6);
		at += 6;
	}
	memcpy(at, "\r\n", 2);
	ck_assert(!h2_fields_trailers(&fields, lines, (size_t)(at + 2 - lines)));
}
END_TEST

/* There and back: what a client sent by HTTP/2 goes on by HTTP/2. */
START_TEST(a_request_goes_through_both_ways)
{
	static char bytes[33 * 1024], lines[1024];
	struct forward_request as = { .client_ip = SLICE("192.0.2.1"), .via = SLICE("detour") };
	struct h2_head h;
	size_t len;

	h2_head_begin(&h, H2_REQUEST, &h1_default_limits, bytes, sizeof bytes);
	h2_head_add(&h, SLICE(":method"), SLICE("GET"));
	h2_head_add(&h, SLICE(":scheme"), SLICE("https"));
	h2_head_add(&h, SLICE(":path"), SLICE("/a?b"));
	h2_head_add(&h, SLICE(":authority"), SLICE("c"));
	h2_head_add(&h, SLICE("cookie"), SLICE("d=e"));
	h2_head_add(&h, SLICE("accept"), SLICE("f"));
	h2_head_add(&h, SLICE("cookie"), SLICE("g=h"));
	ck_assert_int_eq(h2_head_end(&h, true, METHOD_OTHER), H2_GOOD);
	len = forward_write_request(&h.head, &as, lines, sizeof lines);
	ck_assert(h2_fields_request(&fields, lines, len, SLICE("http"), SLICE("")));
	EXPECT(":method=GET|:scheme=http|:authority=c|:path=/a?b|cookie=d=e; g=h|accept=f|"
	       "x-forwarded-for=192.0.2.1|x-real-ip=192.0.2.1|x-forwarded-proto=http|"
	       "forwarded=for=192.0.2.1;proto=http|via=2.0 detour|");
}
END_TEST

/* An extended CONNECT of a browser's, as the client's side has built it. */
static void
come_websocket(struct h2_head *h, char *bytes, size_t size)
{
	h2_head_begin(h, H2_REQUEST, &h1_default_limits, bytes, size);
	h2_head_add(h, SLICE(":method"), SLICE("CONNECT"));
	h2_head_add(h, SLICE(":protocol"), SLICE("websocket"));
	h2_head_add(h, SLICE(":scheme"), SLICE("https"));
	h2_head_add(h, SLICE(":path"), SLICE("/chat?a"));
	h2_head_add(h, SLICE(":authority"), SLICE("c"));
	h2_head_add(h, SLICE("sec-websocket-key"), SLICE("mine"));
	h2_head_add(h, SLICE("sec-websocket-protocol"), SLICE("soap"));
	ck_assert_int_eq(h2_head_end(h, false, METHOD_OTHER), H2_GOOD);
}

START_TEST(a_websocket_of_http2_is_asked_for_by_http1_with_a_key_of_ours)
{
	static char bytes[33 * 1024], lines[1024];
	struct forward_request as = { .keep_upgrade = true, .websocket_key = SLICE("key==") };
	struct h2_head h;

	come_websocket(&h, bytes, sizeof bytes);
	ck_assert_uint_gt(forward_write_request(&h.head, &as, lines, sizeof lines), 0);
	ck_assert_str_eq(lines,
	    "GET /chat?a HTTP/1.1\r\nHost: c\r\nsec-websocket-protocol: soap\r\n"
	    "X-Forwarded-Proto: http\r\nForwarded: proto=http\r\nUpgrade: websocket\r\n"
	    "Sec-WebSocket-Key: key==\r\nSec-WebSocket-Version: 13\r\n"
	    "Connection: upgrade\r\n\r\n");
}
END_TEST

START_TEST(a_websocket_goes_through_http2_both_ways)
{
	static char bytes[33 * 1024], lines[1024];
	struct forward_request as = { .keep_upgrade = true, .chunked = true };
	struct h2_head h;
	size_t len;

	come_websocket(&h, bytes, sizeof bytes);
	len = forward_write_request(&h.head, &as, lines, sizeof lines);
	ck_assert(h2_fields_request(&fields, lines, len, SLICE("http"), SLICE("websocket")));
	EXPECT(":method=CONNECT|:scheme=http|:authority=c|:path=/chat?a|:protocol=websocket|"
	       "sec-websocket-protocol=soap|x-forwarded-proto=http|forwarded=proto=http|");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("http/h2_fields");
	TCase *t = tcase_create("h2_fields");

	tcase_add_test(t, a_request_line_and_its_fields_become_fields);
	tcase_add_test(t, what_belongs_to_one_connection_does_not_pass);
	tcase_add_test(t, a_body_may_follow_the_lines_of_an_answer);
	tcase_add_test(t, a_name_becomes_lower_case_and_a_value_stays);
	tcase_add_test(t, a_reason_may_be_empty);
	tcase_add_test(t, trailers_have_no_first_line);
	tcase_add_test(t, more_fields_than_there_is_room_for_are_refused);
	tcase_add_test(t, a_request_goes_through_both_ways);
	tcase_add_test(t, a_websocket_of_http2_is_asked_for_by_http1_with_a_key_of_ours);
	tcase_add_test(t, a_websocket_goes_through_http2_both_ways);
	suite_add_tcase(s, t);
	return run_suite(s);
}
