#include "http/message.h"
#include "http/h1.h"
#include "pieces.h"

START_TEST(every_field_of_the_list_is_found_in_any_case)
{
	for (unsigned id = FIELD_OTHER + 1; id < FIELD_COUNT; id++) {
		struct slice name = field_id_name((enum field_id)id);
		char upper[64], mixed[64];

		for (size_t i = 0; i < name.len; i++) {
			bool letter = name.at[i] >= 'a' && name.at[i] <= 'z';

			upper[i] = letter ? (char)(name.at[i] - 32) : name.at[i];
			mixed[i] = i % 2 != 0 ? upper[i] : name.at[i];
		}
		ck_assert_uint_eq(field_lookup(name.at, name.len), id);
		ck_assert_uint_eq(field_lookup(upper, name.len), id);
		ck_assert_uint_eq(field_lookup(mixed, name.len), id);
		ck_assert_uint_eq(field_lookup(name.at, name.len - 1), FIELD_OTHER);
		ck_assert_uint_eq(field_lookup(name.at + 1, name.len - 1), FIELD_OTHER);
	}
}
END_TEST

START_TEST(a_byte_off_is_another_field)
{
	for (unsigned id = FIELD_OTHER + 1; id < FIELD_COUNT; id++) {
		struct slice name = field_id_name((enum field_id)id);
		char other[64];

		for (size_t i = 0; i < name.len; i++)
			for (unsigned bit = 0; bit < 8; bit++) {
				bool letter = name.at[i] >= 'a' && name.at[i] <= 'z';

				memcpy(other, name.at, name.len);
				other[i] = (char)(other[i] ^ 1 << bit);
				if (letter && bit == 5) /* its upper case */
					continue;
				if (other[i] < 0x20) /* by contract in nobody's name */
					continue;
				ck_assert_msg(field_lookup(other, name.len) != id, "%s: byte %zu",
				    name.at, i);
			}
	}
	ck_assert_int_eq(field_lookup("", 0), FIELD_OTHER);
	ck_assert_int_eq(field_lookup("x-content-length", 16), FIELD_OTHER);
	ck_assert_int_eq(field_lookup("a-name-longer-than-any-we-know", 30), FIELD_OTHER);
}
END_TEST

START_TEST(an_underscore_does_not_hide_a_field_that_matters)
{
	static const struct {
		const char *name;
		bool alias;
	} c[] = {
		{ "content_length", true },
		{ "CONTENT_LENGTH", true },
		{ "transfer_encoding", true },
		{ "x_forwarded_for", true },
		{ "x-forwarded_for", true },
		{ "x_forwarded-proto", true },
		{ "X_Forwarded_Anything_Else_However_Long", true },
		{ "x_real_ip", true },
		{ "x_request_id", true },
		{ "x_mirrored_from", true },
		{ "proxy_connection", true },
		{ "proxy_anything", true },
		{ "http2_settings", true },
		{ "keep_alive", true },
		{ "content-length", false },
		{ "x-forwarded-for", false },
		{ "user_agent", false },
		{ "content_type", false },
		{ "content_lengthy", false },
		{ "x_forwarded_", false },
		{ "x_forwarded", false },
		{ "_", false },
		{ "", false },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(c); i++)
		ck_assert_msg(field_is_alias(slice_of(c[i].name)) == c[i].alias, "%s", c[i].name);
}
END_TEST

START_TEST(a_token_is_a_whole_element_of_a_list)
{
	static const struct {
		const char *value, *token;
		bool has;
	} c[] = {
		{ "close", "close", true },
		{ "CLOSE", "close", true },
		{ " close\t", "close", true },
		{ "a, close", "close", true },
		{ "close,a", "close", true },
		{ ",,close,,", "close", true },
		{ "a,b,c", "b", true },
		{ "closed", "close", false },
		{ "close d", "close", false },
		{ "close;q=1", "close", false },
		{ "unclose", "close", false },
		{ "a.close", "close", false },
		{ "clo, se", "close", false },
		{ "", "close", false },
		{ ",", "close", false },
		{ "\"close\"", "close", false },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(c); i++)
		ck_assert_msg(
		    value_has_token(slice_of(c[i].value), slice_of(c[i].token)) == c[i].has,
		    "\"%s\" in \"%s\"", c[i].token, c[i].value);
}
END_TEST

START_TEST(a_head_is_searched_by_id_and_asked_what_it_nominates)
{
	static const char bytes[] = "GET / HTTP/1.1\r\nHost: a\r\nVia: 1\r\nVia: 2\r\n"
				    "Connection: X-A, b\r\nConnection: C\r\nX-A: B\r\n\r\n";
	struct h1_parse p = { 0 };
	struct head h;

	ck_assert_int_eq(
	    h1_parse_request(&p, &h, bytes, sizeof bytes - 1, &h1_default_limits), H1_DONE);
	ck_assert(slice_eq(field_value(&h, head_find(&h, FIELD_VIA)), SLICE("1")));
	ck_assert_ptr_null(head_find(&h, FIELD_DATE));
	ck_assert(head_nominates(&h, SLICE("x-a")));
	ck_assert(head_nominates(&h, SLICE("B")));
	ck_assert(head_nominates(&h, SLICE("c")));
	ck_assert(!head_nominates(&h, SLICE("x")));
	ck_assert(!head_nominates(&h, SLICE("via")));
}
END_TEST

START_TEST(methods_are_told_apart_by_case_and_length)
{
	static const struct {
		const char *text;
		enum method method;
		bool idempotent;
	} c[] = {
		{ "GET", METHOD_GET, true },
		{ "HEAD", METHOD_HEAD, true },
		{ "OPTIONS", METHOD_OPTIONS, true },
		{ "TRACE", METHOD_TRACE, true },
		{ "PUT", METHOD_PUT, true },
		{ "DELETE", METHOD_DELETE, true },
		{ "POST", METHOD_POST, false },
		{ "PATCH", METHOD_PATCH, false },
		{ "CONNECT", METHOD_CONNECT, false },
		{ "get", METHOD_OTHER, false },
		{ "GETS", METHOD_OTHER, false },
		{ "GE", METHOD_OTHER, false },
		{ "QUERY", METHOD_OTHER, false },
		{ "", METHOD_OTHER, false },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(c); i++) {
		enum method m = method_lookup(slice_of(c[i].text));

		ck_assert_msg(m == c[i].method, "%s", c[i].text);
		ck_assert_msg(method_is_idempotent(m) == c[i].idempotent, "%s", c[i].text);
	}
}
END_TEST

START_TEST(a_cookie_is_found_by_its_whole_name)
{
	static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\nCookie: ab=1; a=2 ;c=; d\r\n"
				   "X-A:  b \r\nCookie: e=5=5\r\n\r\n";
	static const struct {
		const char *name, *value;
	} cookies[] = { { "ab", "1" }, { "a", "2" }, { "b", NULL }, { "c", "" }, { "d", NULL },
		{ "e", "5=5" }, { "A", NULL } };
	struct h1_parse p = { 0 };
	struct head h;
	struct slice v;

	ck_assert_int_eq(
	    h1_parse_request(&p, &h, text, sizeof text - 1, &h1_default_limits), H1_DONE);
	for (unsigned i = 0; i < ARRAY_SIZE(cookies); i++) {
		bool found = head_cookie(&h, slice_of(cookies[i].name), &v);

		ck_assert_msg(found == (cookies[i].value != NULL), "%s", cookies[i].name);
		ck_assert(!found || slice_eq(v, slice_of(cookies[i].value)));
	}
	ck_assert(head_value(&h, SLICE("x-a"), &v));
	ck_assert(slice_eq(v, SLICE("b")));
	ck_assert(!head_value(&h, SLICE("x-b"), &v));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("http/message");
	TCase *t = tcase_create("message");

	tcase_add_test(t, a_cookie_is_found_by_its_whole_name);
	tcase_add_test(t, every_field_of_the_list_is_found_in_any_case);
	tcase_add_test(t, a_byte_off_is_another_field);
	tcase_add_test(t, an_underscore_does_not_hide_a_field_that_matters);
	tcase_add_test(t, a_token_is_a_whole_element_of_a_list);
	tcase_add_test(t, a_head_is_searched_by_id_and_asked_what_it_nominates);
	tcase_add_test(t, methods_are_told_apart_by_case_and_length);
	suite_add_tcase(s, t);
	return run_suite(s);
}
