#include "http/coding.h"
#include "pieces.h"

static struct head
request(const char *accept_encoding)
{
	static char text[256];
	struct h1_parse p = { 0 };
	struct head h;

	snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: h\r\n%s%s\r\n\r\n",
	    accept_encoding != NULL ? "Accept-Encoding: " : "X: ",
	    accept_encoding != NULL ? accept_encoding : "y");
	ck_assert_int_eq(
	    h1_parse_request(&p, &h, text, strlen(text), &h1_default_limits), H1_DONE);
	return h;
}

START_TEST(gzip_is_taken_when_it_is_named_or_a_star_is_and_not_refused)
{
	static const struct {
		const char *value;
		bool takes;
	} c[] = { { NULL, false }, { "", false }, { "gzip", true }, { "GZIP;q=0.001", true },
		{ "gzip;q=0", false }, { "gzip; q=0.000", false }, { "br, x-gzip", true },
		{ "*", true }, { "*;q=0", false }, { "*, gzip;q=0", false }, { "*;q=0, gzip", true },
		{ "gzipped", false }, { "identity", false } };

	for (unsigned i = 0; i < ARRAY_SIZE(c); i++) {
		struct head h = request(c[i].value);

		ck_assert_msg(coding_takes_gzip(&h) == c[i].takes, "%s", c[i].value);
	}
}
END_TEST

START_TEST(text_shrinks_and_what_is_packed_does_not)
{
	static const char *const shrink[] = { "text/html", "TEXT/plain; charset=x",
		"application/json", "application/problem+json;a=b", "image/svg+xml" };
	static const char *const packed[] = { "", "text/", "image/png", "application/zip",
		"application/jsonx", "video/mp4; codecs=text/html", "application/grpc" };

	for (unsigned i = 0; i < ARRAY_SIZE(shrink); i++)
		ck_assert_msg(coding_shrinks(slice_of(shrink[i])), "%s", shrink[i]);
	for (unsigned i = 0; i < ARRAY_SIZE(packed); i++)
		ck_assert_msg(!coding_shrinks(slice_of(packed[i])), "%s", packed[i]);
}
END_TEST

static bool
may(const char *head, enum method method)
{
	struct h1_parse p = { 0 };
	struct head h;
	char text[512];

	snprintf(text, sizeof text, "HTTP/1.1 %s\r\n\r\n", head);
	ck_assert_int_eq(h1_parse_response(
			     &p, &h, text, strlen(text), &h1_default_limits, method, false),
	    H1_DONE);
	return coding_may_compress(&h, method, 1000);
}

#define TYPE "\r\nContent-Type: text/html"

START_TEST(only_whole_plain_answers_of_some_length_are_compressed)
{
	ck_assert(may("200 a" TYPE "\r\nContent-Length: 1000", METHOD_GET));
	ck_assert(may("404 a" TYPE "\r\nTransfer-Encoding: chunked", METHOD_GET));
	ck_assert(may("200 a" TYPE, METHOD_POST));
	ck_assert(!may("200 a" TYPE "\r\nContent-Length: 999", METHOD_GET));
	ck_assert(!may("200 a" TYPE "\r\nContent-Length: 1000", METHOD_HEAD));
	ck_assert(!may("200 a\r\nContent-Length: 1000", METHOD_GET));
	ck_assert(!may("206 a" TYPE, METHOD_GET));
	ck_assert(!may("304 a" TYPE, METHOD_GET));
	ck_assert(!may("204 a" TYPE, METHOD_GET));
	ck_assert(!may("200 a" TYPE "\r\nContent-Encoding: br", METHOD_GET));
	ck_assert(!may("200 a" TYPE "\r\ncache-control: a, No-Transform", METHOD_GET));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("http/coding");
	TCase *t = tcase_create("coding");

	tcase_add_test(t, gzip_is_taken_when_it_is_named_or_a_star_is_and_not_refused);
	tcase_add_test(t, text_shrinks_and_what_is_packed_does_not);
	tcase_add_test(t, only_whole_plain_answers_of_some_length_are_compressed);
	suite_add_tcase(s, t);
	return run_suite(s);
}
