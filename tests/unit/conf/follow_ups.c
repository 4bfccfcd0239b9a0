/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One mistake is one error: whoever wrote a number in quotes is not told as well that the number is
 * missing, or that what refers to its group is not there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "helper.h"

/* Two listeners, two services, three routes: what a file of a newcomer has, each on a line. */
static const char good[] =
    "regions = ( { name = \"east\"; }, { name = \"west\"; } );\n"
    "services = (\n"
    "  { name = \"shop\"; balance = \"maglev\"; hash_on = \"header\"; hash_name = \"X\";\n"
    "    regions = ( { region = \"east\"; weight = 60; endpoints = ( \"http://10.0.0.1:80\" ); },\n"
    "      { region = \"west\"; weight = 40; endpoints = ( \"http://10.1.0.1:80\" ); } );\n"
    "    outlier = { base = \"30s\"; max = \"5m\"; }; },\n"
    "  { name = \"blog\"; regions = ( { region = \"east\"; endpoints = ( \"http://10.0.0.3:80\" ); } ); },\n"
    "  { name = \"db\"; protocol = \"tcp\";\n"
    "    regions = ( { region = \"east\"; endpoints = ( \"tcp://10.0.0.9:5432\" ); } ); } );\n"
    "listeners = (\n"
    "  { name = \"web\"; bind = \"127.0.0.1:1\"; },\n"
    "  { name = \"tcp\"; bind = \"127.0.0.1:2\"; protocol = \"tcp\"; service = \"db\"; } );\n"
    "safety = ( { at_least = 1; } );\n"
    "routes = (\n"
    "  { host = \"a.example.com\"; service = \"shop\"; },\n"
    "  { path = \"/old\"; redirect = \"/new\"; },\n"
    "  { path = \"/blog\"; splits = ( { service = \"blog\"; weight = 1; } ); } );\n";

static const struct {
	const char *from, *to; /* the first of these becomes this */
	const char *error;
} mistakes[] = {
	{ "weight = 60", "weight = \"60\"",
	    "t.conf:4: weight: an integer was expected, found \"60\"; write digits without quotes" },
	/* Its tier has no other weight. */
	{ "weight = 40; endpoints = ( \"http://10.1.0.1:80\" ); } );",
	    "tier = 1; weight = \"40\"; endpoints = ( \"http://10.1.0.1:80\" ); } );",
	    "t.conf:5: weight: an integer was expected, found \"40\"; write digits without quotes" },
	{ "redirect = \"/new\"", "redirect = 7",
	    "t.conf:16: redirect: a text was expected, found 7; write \"7\"" },
	{ "redirect = \"/new\"", "redirect = \"/new$x\"",
	    "t.conf:16: redirect: a dollar sign stands alone; write $$ for one, or ${NAME} for a "
	    "variable" },
	{ "redirect = \"/new\"", "redirect = 7; redirect_regex = \"^/a\"",
	    "t.conf:16: redirect: a text was expected, found 7; write \"7\"" },
	{ "redirect = \"/new\"", "redirect = \"/$1\"; redirect_regex = 7",
	    "t.conf:16: redirect_regex: a text was expected, found 7; write \"7\"" },
	{ "redirect = \"/new\"", "service = \"blog\"; rewrite_regex = \"^/a\"; rewrite_to = 7",
	    "t.conf:16: rewrite_to: a text was expected, found 7; write \"7\"" },
	{ "redirect = \"/new\"", "service = 7",
	    "t.conf:16: service: a text was expected, found 7; write \"7\"" },
	{ "redirect = \"/new\"", "redirect = \"https://a.com$1\"",
	    "t.conf:16: redirect says $1, but no pattern fills it; add redirect_regex, or write $$ "
	    "for a dollar sign" },
	{ "redirect = \"/new\"", "redirect = \"https://a.com$2\"; redirect_regex = \"^/(a)\"",
	    "t.conf:16: redirect says $2, but its pattern has 1 group; add ( ) to the pattern" },
	{ "redirect = \"/new\"", "redirct = \"/new\"",
	    "t.conf:16: unknown key \"redirct\" in this route; did you mean \"redirect\"?" },
	{ "weight = 1;", "weight = \"1\";",
	    "t.conf:17: weight: an integer was expected, found \"1\"; write digits without quotes" },
	{ "splits = ( { service = \"blog\"; weight = 1; } )",
	    "splits = { service = \"blog\"; weight = 1; }",
	    "t.conf:17: splits: a list was expected, found a group { }; write splits = ( ... );" },
	{ "regions = ( { name = \"east\"; }, { name = \"west\"; } );",
	    "regions = { name = \"east\"; };",
	    "t.conf:1: regions: a list was expected, found a group { }; write regions = ( ... );" },
	{ "regions = ( { name = \"east\"; }, { name = \"west\"; } );",
	    "regions = [ \"east\", \"west\" ];",
	    "t.conf:1: regions: a list was expected, found an array [ ]; write regions = ( ... );" },
	{ "services = (", "service = (",
	    "t.conf:2: unknown key \"service\" in the configuration; did you mean \"services\"?" },
	{ "routes = (", "route = (",
	    "t.conf:14: unknown key \"route\" in the configuration; did you mean \"routes\"?" },
	{ "listeners = (", "listener = (",
	    "t.conf:10: unknown key \"listener\" in the configuration; did you mean \"listeners\"?" },
	{ "weight = 40;", "capacity = \"40\";",
	    "t.conf:5: capacity: an integer was expected, found \"40\"; write digits without quotes" },
	{ "name = \"shop\";", "name = \"my shop\";",
	    "t.conf:3: name: \"my shop\" is no name; write 1 to 128 letters, digits or ._:/@*-" },
	{ "name = \"shop\";", "nam = \"shop\";",
	    "t.conf:3: unknown key \"nam\" in this service; did you mean \"name\"?" },
	{ "name = \"shop\";", "", "t.conf:3: this service has no \"name\"; add name = \"...\";" },
	{ "{ name = \"west\"; }", "{ name = \"east\"; }",
	    "t.conf:1: name: region \"east\" is there already (t.conf:1); give each its own name" },
	{ "hash_name = \"X\"", "hash_name = 7",
	    "t.conf:3: hash_name: a text was expected, found 7; write \"7\"" },
	{ "hash_on = \"header\"", "hash_on = \"headr\"",
	    "t.conf:3: hash_on: \"headr\" is none of \"client_ip\", \"path\", \"header\", "
	    "\"cookie\"; did you mean \"header\"?" },
	{ "max = \"5m\"", "max = 5",
	    "t.conf:6: max: a duration with a unit was expected, found 5; write \"5ms\" or \"5s\"" },
	{ "\"db\"; protocol = \"tcp\"", "\"db\"; protocol = \"tpc\"",
	    "t.conf:8: protocol: \"tpc\" is none of \"http\", \"tcp\"; did you mean \"tcp\"?" },
	{ "protocol = \"tcp\"; service", "protocol = \"tpc\"; service",
	    "t.conf:12: protocol: \"tpc\" is none of \"http\", \"tcp\", \"tls_passthrough\"; did you "
	    "mean \"tcp\"?" },
	{ "service = \"db\"", "service = \"bd\"",
	    "t.conf:12: service: there is no service \"bd\"; define it, or name one that is defined" },
	{ "service = \"db\"", "service = 7",
	    "t.conf:12: service: a text was expected, found 7; write \"7\"" },
	{ "bind = \"127.0.0.1:1\"", "bind = 8080",
	    "t.conf:11: bind: an address was expected, found 8080; write \":8080\"" },
	{ "redirect = \"/new\"", "listener = \"wb\"; redirect = \"/new\"",
	    "t.conf:16: listener: there is no listener \"wb\"; define it, or name one that is "
	    "defined" },
	{ "at_least = 1", "at_least = \"1\"",
	    "t.conf:13: at_least: an integer was expected, found \"1\"; write digits without quotes" },
	{ "at_least = 1", "never_together = \"east, west\"",
	    "t.conf:13: never_together: a list was expected, found a single value; write "
	    "never_together = ( ... );" },
	{ "listeners = (\n",
	    "trusted_proxies = ( \"10.0.0.1/8\" ); listeners = (\n"
	    "  { name = \"lb\"; bind = \":3\"; proxy_protocol = true; },\n",
	    "t.conf:10: trusted_proxies: \"10.0.0.1/8\" has bits set behind its prefix; write "
	    "\"10.0.0.0/8\"" },
	{ "protocol = \"tcp\";\n", "protocol = \"tcp;\n",
	    "t.conf:8: the text that begins here goes on over several lines, and behind it is a "
	    "syntax error (t.conf:9); look for a missing quote" },
};

/* The good file with one mistake in it; to be given back. */
static char *
mistaken(const char *from, const char *to)
{
	const char *at = strstr(good, from);

	ck_assert_msg(at != NULL, "the file has no %s", from);
	return mem_printf("%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
}

START_TEST(the_file_without_a_mistake_is_good)
{
	topology_unref(load_good(good));
}
END_TEST

START_TEST(one_mistake_is_one_error_and_no_warning)
{
	char *text = mistaken(mistakes[_i].from, mistakes[_i].to);
	struct conf_problems problems;

	ck_assert_ptr_null(conf_load_text(text, "t.conf", ".", &problems));
	for (unsigned i = 0; i < problems.count; i++)
		ck_assert_str_eq(problems.list[i].text, mistakes[_i].error);
	ck_assert_uint_eq(problems.count, 1);
	conf_problems_free(&problems);
	mem_free(text);
}
END_TEST

/* Two mistakes are told at once, also when they are in one group. */
START_TEST(of_two_mistakes_both_are_told)
{
	char *text = mistaken("redirect = \"/new\"", "redirect = 7; redirect_status = \"x\"");
	struct conf_problems problems;

	ck_assert_ptr_null(conf_load_text(text, "t.conf", ".", &problems));
	ck_assert_uint_eq(problems.count, 2);
	conf_problems_free(&problems);
	mem_free(text);
}
END_TEST

/* A service that is there is not taken for one that may be there: a typo in a name is told. */
START_TEST(a_service_that_is_nowhere_is_told_of_in_each_place)
{
	const char *text = good, *at = strstr(good, "services = (");
	const char *end = strstr(good, "listeners = (");
	char *without = mem_printf("%.*s%s", (int)(at - text), text, end);
	struct conf_problems problems;

	ck_assert_ptr_null(conf_load_text(without, "t.conf", ".", &problems));
	ck_assert_uint_eq(problems.count, 3);
	for (unsigned i = 0; i < problems.count; i++)
		ck_assert_ptr_nonnull(
		    strstr(problems.list[i].text, "service: there is no service "));
	conf_problems_free(&problems);
	mem_free(without);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf/follow_ups");
	TCase *tests = tcase_create("follow_ups");

	tcase_add_unchecked_fixture(tests, scratch_make, scratch_remove);
	tcase_add_test(tests, the_file_without_a_mistake_is_good);
	tcase_add_loop_test(
	    tests, one_mistake_is_one_error_and_no_warning, 0, ARRAY_SIZE(mistakes));
	tcase_add_test(tests, of_two_mistakes_both_are_told);
	tcase_add_test(tests, a_service_that_is_nowhere_is_told_of_in_each_place);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
