/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/variable.h"

#include <stdio.h>

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
	tcase_add_test(tc, the_largest_group_is_told);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
