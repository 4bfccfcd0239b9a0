/* SPDX-License-Identifier: Apache-2.0 */
/* Endpoints that can't be what they look like. */
#include <stdio.h>

#include "base/bytes.h"
#include "conf/topology.h"
#include "helper.h"

/* The two regions of a service stand in lines of their own. */
static const char *
shop_in(const char *service, const char *east, const char *west)
{
	static char text[1024];

	snprintf(text, sizeof text,
	    "listeners = ( { name = \"in\"; bind = \"127.0.0.1:83\"; %s } );\n"
	    "regions = ( { name = \"east\"; }, { name = \"west\"; } );\n"
	    "services = ( { name = \"shop\"; %s regions = (\n"
	    "  { region = \"east\"; endpoints = ( %s ); },\n"
	    "  { region = \"west\"; endpoints = ( %s ); } ); } );\n",
	    service[0] != '\0' ? "protocol = \"tcp\"; service = \"shop\";" : "", service, east,
	    west);
	return text;
}

START_TEST(an_endpoint_in_two_regions_is_told_with_both_places)
{
	static const char told[] =
	    "t.conf:5: warning: endpoint http://[::ffff:10.0.0.1] of region \"west\" is in region \"east\" "
	    "too (t.conf:4): both fail together, so neither can take over from the other; name it in "
	    "one of them";

	scratch_make();
	expect_problem(
	    shop_in("", "\"http://10.0.0.1:80\"", "\"http://10.0.0.2\", \"https://10.0.0.1:80\""),
	    "t.conf:5: warning: endpoint https://10.0.0.1:80 of region \"west\" is in region "
	    "\"east\" too (t.conf:4): both fail together, so neither can take over from the other; "
	    "name it in one of them");
	expect_problem(shop_in("", "\"http://10.0.0.1:80\"", "\"http://[::ffff:10.0.0.1]\""), told);
	expect_problem(shop_in("", "\"http://a\", \"http://b\", \"http://c\"",
			   "\"http://C:80\", \"http://d\", \"http://b.\""),
	    "t.conf:5: warning: endpoint http://c:80 and 1 more of region \"west\" is in region "
	    "\"east\" too (t.conf:4): both fail together, so neither can take over from the other; "
	    "name it in one of them");
	topology_unref(load_good(shop_in("", "\"http://10.0.0.1\"", "\"http://10.0.0.1:81\"")));
	scratch_remove();
}
END_TEST

START_TEST(two_texts_that_follow_each_other_are_told_apart_from_a_path)
{
	scratch_make();
	expect_problem(shop_in("", "\"http://a\" \"http://b\"", "\"http://c\""),
	    "t.conf:4: url: endpoint \"http://ahttp://b\" is two URLs in one: texts that follow each "
	    "other are one text; put a comma between them");
	scratch_remove();
}
END_TEST

START_TEST(a_redirect_to_https_that_nobody_here_takes_is_warned_of)
{
	static const char told[] =
	    "t.conf:2: warning: redirect_https sends all requests to https, and no listener here "
	    "takes them; give one tls, or remove redirect_https";
	const struct parts alone = { .listener = "redirect_https = true;" };

	scratch_make();
	expect_problem(whole(&alone), told);
	scratch_remove();
}
END_TEST

START_TEST(a_tcp_service_that_ends_at_its_own_listener_is_told_and_another_one_is_not)
{
	scratch_make();
	expect_problem(
	    shop_in("protocol = \"tcp\";", "\"tcp://127.0.0.1:84\"", "\"tcp://127.0.0.1:83\""),
	    "t.conf:5: warning: endpoint tcp://127.0.0.1:83 is this proxy's own listener \"in\" "
	    "(t.conf:1): what is sent there goes round in circles; name the server that is to "
	    "answer");
	scratch_remove();
}
END_TEST

START_TEST(an_endpoint_that_is_our_own_listener_is_told_however_it_is_written)
{
	static const struct {
		const char *bind, *endpoint;
		bool told;
	} cases[] = {
		{ "127.0.0.1:83", "http://127.0.0.1:83", true },
		{ "10.0.0.1:83", "https://10.0.0.1:83", true },
		{ ":83", "http://localhost:83", true },
		{ ":83", "http://127.0.0.5:83", true },
		{ ":83", "http://[::1]:83", true },
		{ "0.0.0.0:83", "http://127.0.0.1:83", true },
		{ "0.0.0.0:83", "http://[::1]:83", false },
		{ "127.0.0.1:83", "http://127.0.0.2:83", false },
		{ "127.0.0.1:83", "http://127.0.0.1:84", false },
		{ ":83", "http://192.0.2.1:83", false },
		{ ":83", "http://shop.example.com:83", false },
	};

	scratch_make();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char listener[128], endpoints[128], told[256];
		const struct parts parts = { .listener = listener, .endpoints = endpoints };

		snprintf(
		    listener, sizeof listener, "}, { name = \"in\"; bind = \"%s\";", cases[i].bind);
		snprintf(endpoints, sizeof endpoints, "( \"%s\" )", cases[i].endpoint);
		snprintf(told, sizeof told,
		    "t.conf:5: warning: endpoint %s is this proxy's own listener \"in\" (t.conf:2): "
		    "what is sent there goes round in circles; name the server that is to answer",
		    cases[i].endpoint);
		if (cases[i].told)
			expect_problem(whole(&parts), told);
		else
			topology_unref(load_good(whole(&parts)));
	}
	scratch_remove();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf/endpoints");
	TCase *tests = tcase_create("endpoints");

	tcase_add_test(tests, an_endpoint_in_two_regions_is_told_with_both_places);
	tcase_add_test(tests, two_texts_that_follow_each_other_are_told_apart_from_a_path);
	tcase_add_test(tests, a_redirect_to_https_that_nobody_here_takes_is_warned_of);
	tcase_add_test(
	    tests, a_tcp_service_that_ends_at_its_own_listener_is_told_and_another_one_is_not);
	tcase_add_test(tests, an_endpoint_that_is_our_own_listener_is_told_however_it_is_written);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
