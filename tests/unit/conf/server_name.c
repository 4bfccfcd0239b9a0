/* SPDX-License-Identifier: Apache-2.0 */
#include "conf/server_name.h"

#include "base/bytes.h"
#include "helper.h"

static struct conf_route routes[] = {
	{ .name = "wild", .host = "*.example.com" },
	{ .name = "db", .host = "db.example.com" },
	{ .name = "deep", .host = "*.eu.example.com" },
	{ .name = "other", .host = "example.com" },
	{ .name = "short", .host = "d" },
	{ .name = "any", .host = "" },
};

static const char *
found(const struct conf_listener *l, const char *name)
{
	const struct conf_route *r = conf_server_name_find(l, slice_of(name));

	return r != NULL ? r->name : "none";
}

START_TEST(the_exact_name_goes_before_wildcards_and_those_before_any)
{
	struct conf_listener l = { .server_names = routes,
		.server_name_count = ARRAY_SIZE(routes) };

	conf_server_names_sort(&l);
	ck_assert_str_eq(found(&l, "db.example.com"), "db");
	ck_assert_str_eq(found(&l, "example.com"), "other");
	ck_assert_str_eq(found(&l, "web.example.com"), "wild");
	ck_assert_str_eq(found(&l, "a.b.example.com"), "wild");
	ck_assert_str_eq(found(&l, "a.eu.example.com"), "deep");
	ck_assert_str_eq(found(&l, "eu.example.com"), "wild");
	ck_assert_str_eq(found(&l, "d"), "short");
	ck_assert_str_eq(found(&l, "db.example.co"), "any");
	ck_assert_str_eq(found(&l, "xexample.com"), "any");
	ck_assert_str_eq(found(&l, ""), "any");
}
END_TEST

START_TEST(without_a_route_for_any_name_others_find_none)
{
	struct conf_route one[] = { { .name = "db", .host = "db.example.com" } };
	struct conf_listener l = { .server_names = one, .server_name_count = 1 };
	struct conf_listener none = { .server_names = NULL };

	ck_assert_str_eq(found(&l, "db.example.com"), "db");
	ck_assert_str_eq(found(&l, "db.example.org"), "none");
	ck_assert_str_eq(found(&l, ""), "none");
	ck_assert_str_eq(found(&none, "db.example.com"), "none");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("server_name");
	TCase *tc = tcase_create("server_name");

	tcase_add_test(tc, the_exact_name_goes_before_wildcards_and_those_before_any);
	tcase_add_test(tc, without_a_route_for_any_name_others_find_none);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
