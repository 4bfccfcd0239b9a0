/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/variable.h"

#include <stdio.h>

#include "conf/location.h"
#include "helper.h"

/* Each piece in brackets: plain text as it is, a variable by number, a group by its digit. */
static const char *
taken_apart(const char *template)
{
	static char out[256];
	struct template_piece p;
	size_t len = 0;

	out[0] = '\0';
	while (template_next(&template, &p))
		if (p.variable == VARIABLE_NONE)
			len += (size_t)snprintf(out + len, sizeof out - len, "[%.*s]", (int)p.text.len,
			    p.text.at);
		else if (p.variable == VARIABLE_GROUP)
			len += (size_t)snprintf(out + len, sizeof out - len, "[group %u]", p.group);
		else
			len += (size_t)snprintf(
			    out + len, sizeof out - len, "[variable %d]", p.variable);
	return out;
}

START_TEST(a_template_is_taken_apart)
{
	char wanted[64];

	ck_assert_str_eq(taken_apart(""), "");
	ck_assert_str_eq(taken_apart("plain"), "[plain]");
	ck_assert_str_eq(taken_apart("/a/$1/$0b"), "[/a/][group 1][/][group 0][b]");
	ck_assert_str_eq(taken_apart("5$$ $${host}"), "[5][$][ ][$][{host}]");
	ck_assert_str_eq(taken_apart("$"), "[$]");
	ck_assert_str_eq(taken_apart("${other}"), "[$][{other}]");
	ck_assert_str_eq(taken_apart("${host"), "[$][{host]");
	snprintf(wanted, sizeof wanted, "[https://][variable %d][variable %d]", VARIABLE_HOST,
	    VARIABLE_CLIENT_IP);
	ck_assert_str_eq(taken_apart("https://${host}${client_ip}"), wanted);
}
END_TEST

static const char *
authority_of(const char *template)
{
	static char out[256];
	struct template_piece p;
	const char *at = location_authority(template);
	size_t len = 0;

	out[0] = '\0';
	if (at == NULL)
		return "none";
	while (location_authority_next(&at, &p))
		len += (size_t)snprintf(out + len, sizeof out - len, "[%.*s%d]", (int)p.text.len,
		    p.text.len > 0 ? p.text.at : "",
		    p.variable == VARIABLE_NONE ? 0 : (int)p.group);
	return out;
}

START_TEST(the_host_of_a_location_ends_where_its_path_or_query_begins)
{
	ck_assert_str_eq(authority_of("/a//b"), "none");
	ck_assert_str_eq(authority_of("${path}"), "none");
	ck_assert_str_eq(authority_of("https://a.com"), "[a.com0]");
	ck_assert_str_eq(authority_of("http://a.com/$1"), "[a.com0]");
	ck_assert_str_eq(authority_of("//a.com?$1"), "[a.com0]");
	ck_assert_str_eq(authority_of("//a.com#x"), "[a.com0]");
	ck_assert_str_eq(authority_of("//a.com${path}$1"), "[a.com0]");
	ck_assert_str_eq(authority_of("//a.com${query}"), "[a.com0]");
	ck_assert_str_eq(authority_of("https://$2.a.com$3/$1"), "[2][.a.com0][3]");
	ck_assert_str_eq(authority_of("https://${path}"), "");
	ck_assert_str_eq(authority_of("///a"), "");
}
END_TEST

START_TEST(the_largest_group_is_told)
{
	ck_assert_int_eq(template_groups("none $$1"), -1);
	ck_assert_int_eq(template_groups("$0"), 0);
	ck_assert_int_eq(template_groups("$2/$10"), 2);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("variable");
	TCase *tc = tcase_create("variable");

	tcase_add_test(tc, a_template_is_taken_apart);
	tcase_add_test(tc, the_host_of_a_location_ends_where_its_path_or_query_begins);
	tcase_add_test(tc, the_largest_group_is_told);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
