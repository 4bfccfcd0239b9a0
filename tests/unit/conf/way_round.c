/* SPDX-License-Identifier: Apache-2.0 */
/* A guarded route and another one to the same service: who may pass the first by, and is told of.
 */
#include <stdio.h>
#include <string.h>

#include "helper.h"

#define GUARD "allow = ( \"10.0.0.0/8\" ); "
#define RATE "rate_limit = { rate = 5; per = \"1s\"; }; "
#define OPEN "service = \"shop\"; "
#define SPLIT "splits = ( { service = \"shop\"; weight = 1; } ); "

static const struct {
	const char *guarded; /* the route of /in */
	const char *other;   /* the one of / */
	const char *way;     /* the path that is told of; NULL: none */
} pairs[] = {
	{ OPEN GUARD, OPEN, "//in" },
	{ OPEN GUARD, OPEN GUARD, NULL },
	{ OPEN "deny = ( \"10.0.0.0/8\" ); ", OPEN, "//in" },
	{ OPEN GUARD, "redirect = \"/in\"; ", NULL },
	/* How often something may be asked for is a guard as well. */
	{ OPEN RATE, OPEN, "//in" },
	{ OPEN RATE, OPEN RATE, NULL },
	{ OPEN RATE, OPEN GUARD, "//in" },
	/* Splits lead to services too. */
	{ SPLIT GUARD, OPEN, "//in" },
	{ OPEN GUARD, SPLIT, "//in" },
	{ SPLIT GUARD, SPLIT, "//in" },
	{ SPLIT GUARD, SPLIT GUARD, NULL },
	/* Whether a condition is met is up to the client; but a request has one method. */
	{ OPEN GUARD, OPEN "headers = ( { name = \"x-a\"; } ); ", "//in" },
	{ OPEN GUARD, OPEN "query = ( { name = \"a\"; } ); ", "//in" },
	{ OPEN GUARD, OPEN "methods = ( \"GET\" ); ", "//in" },
	{ OPEN GUARD "headers = ( { name = \"x-a\"; } ); ", OPEN, "//in" },
	{ OPEN GUARD "methods = ( \"POST\", \"PUT\" ); ", OPEN "methods = ( \"GET\", \"PUT\" ); ",
	    "//in" },
	{ OPEN GUARD "methods = ( \"POST\", \"PUT\" ); ", OPEN "methods = ( \"GET\" ); ", NULL },
	{ OPEN GUARD, OPEN GUARD "methods = ( \"GET\" ); ", NULL },
	{ OPEN GUARD, OPEN GUARD "}, { path = \"/\"; methods = ( \"GET\" ); " OPEN, "//in" },
	{ OPEN GUARD, OPEN "}, { path = \"/\"; methods = ( \"GET\" ); " OPEN GUARD, "//in" },
};

START_TEST(what_passes_a_guard_by_is_told_of)
{
	struct conf_problems problems;
	char route[1024], way[64];
	struct parts parts = { .route = route };
	struct topology *t;

	snprintf(route, sizeof route, "path = \"/in\"; %s}, { path = \"/\"; %s", pairs[_i].guarded,
	    pairs[_i].other);
	t = conf_load_text(whole(&parts), "t.conf", "", &problems);
	ck_assert_msg(t != NULL, "%s: %s", route, problems.count > 0 ? problems.list[0].text : "");
	ck_assert_msg(
	    problems.count == (pairs[_i].way != NULL), "%s: %u warnings", route, problems.count);
	if (pairs[_i].way != NULL) {
		snprintf(
		    way, sizeof way, "\"%s\" passes this route by and reaches shop", pairs[_i].way);
		ck_assert_msg(
		    strstr(problems.list[0].text, way) != NULL, "%s", problems.list[0].text);
	}
	conf_problems_free(&problems);
	topology_unref(t);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("conf/way_round");
	TCase *tc = tcase_create("way_round");

	tcase_add_loop_test(
	    tc, what_passes_a_guard_by_is_told_of, 0, sizeof pairs / sizeof pairs[0]);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
