#include "http/forward.h"
#include "http/h1.h"
#include "pieces.h"

#define TEXT(s)                                                                                    \
	{                                                                                          \
		s, sizeof(s) - 1                                                                   \
	}

static const struct {
	const char *accept;
	bool json;
} accepts[] = {
	{ "", false },
	{ "*/*", false },
	{ "text/html", false },
	{ "application/json", true },
	{ "APPLICATION/JSON", true },
	{ "application/problem+json", true },
	{ "application/json;charset=utf-8", true },
	{ "application/*", true },
	{ "application/json, text/plain, */*", true },
	{ "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false },
	{ "text/html, application/json", false },
	{ "application/json, text/html", false },
	{ "application/json, text/html;q=0.9", true },
	{ "application/json;q=0.9, text/html", false },
	{ "application/json; q=0.5, text/html; q=0.4", true },
	{ "application/json;q=0.500,text/html;q=0.501", false },
	{ "application/json;Q=0.2,text/*;q=0.1", true },
	{ "application/json;q=0", false },
	{ "application/json;q=0, */*", false },
	{ "text/html;q=0, */*", true },
	{ "*/*;q=0.1, application/json;q=0.1", true },
	{ "application/xml", false },
	{ "application/jsonx", false },
	{ ",,application/json,,", true },
	{ ";q=1", false },
	{ "application/json;q=", true },
	{ "application/json;q=99999999999999", true },
	{ "application/json;a=b;q=0.1,text/html;q=0.2", false },
};

START_TEST(the_medium_that_is_wanted_more_wins)
{
	ck_assert_msg(accept_prefers_json(slice_of(accepts[_i].accept)) == accepts[_i].json, "%s",
	    accepts[_i].accept);
}
END_TEST

START_TEST(no_accept_means_html)
{
	ck_assert(!accept_prefers_json((struct slice){ NULL, 0 }));
}
END_TEST

static const struct {
	const char *title;
	struct own_answer answer;
	const char *written;
} answers[] = {
	{ "json",
	    { .status = 503,
		.text = TEXT("No region of \"shop\" \\ can serve.\n"),
		.request_id = TEXT("id1"),
		.accept = TEXT("application/json"),
		.extra = TEXT("Retry-After: 1\r\n"),
		.close = true },
	    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
	    "Content-Length: 118\r\nCache-Control: no-store\r\nX-Request-Id: id1\r\n"
	    "Retry-After: 1\r\nConnection: close\r\n\r\n"
	    "{\"status\":503,\"error\":\"Service Unavailable\",\"message\":"
	    "\"No region of \\\"shop\\\" \\\\ can serve.\\u000a\",\"request_id\":\"id1\"}\n" },
	{ "html", { .status = 404, .text = TEXT("<b>&\"no\"") },
	    "HTTP/1.1 404 Not Found\r\nContent-Type: text/html; charset=utf-8\r\n"
	    "Content-Length: 176\r\nCache-Control: no-store\r\n\r\n"
	    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	    "<title>404 Not Found</title></head>\n<body><h1>404 Not Found</h1>\n"
	    "<p>&lt;b&gt;&amp;&quot;no&quot;</p>\n</body></html>\n" },
	{ "HEAD",
	    { .status = 400,
		.text = TEXT("x"),
		.accept = TEXT("application/json"),
		.head_only = true },
	    "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 51\r\n"
	    "Cache-Control: no-store\r\n\r\n" },
	{ "a redirect may be kept", { .status = 308, .extra = TEXT("Location: https://a/\r\n") },
	    "HTTP/1.1 308 Permanent Redirect\r\nContent-Length: 0\r\n"
	    "Location: https://a/\r\n\r\n" },
	{ "date and keep-alive",
	    { .status = 308,
		.date = TEXT("Sun, 22 Nov 2026 08:27:00 GMT"),
		.say_keep_alive = true },
	    "HTTP/1.1 308 Permanent Redirect\r\nDate: Sun, 22 Nov 2026 08:27:00 GMT\r\n"
	    "Content-Length: 0\r\nConnection: keep-alive\r\n\r\n" },
	{ "continue", { .status = 100, .text = TEXT("x") }, "HTTP/1.1 100 Continue\r\n\r\n" },
	{ "no content", { .status = 204, .text = TEXT("x") }, "HTTP/1.1 204 No Content\r\n\r\n" },
	{ "unknown status", { .status = 599 },
	    "HTTP/1.1 599 Unknown\r\nContent-Length: 0\r\nCache-Control: no-store\r\n\r\n" },
};

START_TEST(an_answer_of_our_own_is_whole_or_not_written)
{
	struct slice expected = slice_of(answers[_i].written);

	for (size_t size = 0; size <= expected.len + 1; size++) {
		char *out = malloc(size > 0 ? size : 1);
		size_t len = forward_write_own(&answers[_i].answer, out, size);

		if (size < expected.len)
			ck_assert_uint_eq(len, 0);
		else
			ck_assert_msg(slice_eq((struct slice){ out, len }, expected),
			    "%s:\n%.*s\nexpected:\n%s", answers[_i].title, (int)len, out,
			    expected.at);
		free(out);
	}
}
END_TEST

START_TEST(an_answer_of_our_own_is_framed_right)
{
	struct h1_parse p = { 0 };
	struct own_answer a = answers[_i].answer;
	char out[2048];
	struct head h;
	size_t len = forward_write_own(&a, out, sizeof out);

	ck_assert_int_eq(h1_parse_response(&p, &h, out, len, &h1_default_limits,
			     a.head_only ? METHOD_HEAD : METHOD_GET, false),
	    H1_DONE);
	ck_assert_uint_eq(h.len + (h.framing == FRAMING_LENGTH ? h.content_length : 0), len);
	ck_assert(h.framing == FRAMING_LENGTH || h.framing == FRAMING_NONE);
}
END_TEST

START_TEST(a_reason_belongs_to_its_status)
{
	ck_assert_str_eq(http_reason(200), "OK");
	ck_assert_str_eq(http_reason(431), "Request Header Fields Too Large");
	ck_assert_str_eq(http_reason(511), "Network Authentication Required");
	ck_assert_str_eq(http_reason(512), "Unknown");
	ck_assert_str_eq(http_reason(418), "Unknown");
	ck_assert_str_eq(http_reason(0), "Unknown");
	ck_assert_str_eq(http_reason(99999), "Unknown");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("http/own answers");
	TCase *t = tcase_create("own answers");

	tcase_add_loop_test(t, the_medium_that_is_wanted_more_wins, 0, ARRAY_SIZE(accepts));
	tcase_add_test(t, no_accept_means_html);
	tcase_add_loop_test(
	    t, an_answer_of_our_own_is_whole_or_not_written, 0, ARRAY_SIZE(answers));
	tcase_add_loop_test(t, an_answer_of_our_own_is_framed_right, 0, ARRAY_SIZE(answers));
	tcase_add_test(t, a_reason_belongs_to_its_status);
	suite_add_tcase(s, t);
	return run_suite(s);
}
