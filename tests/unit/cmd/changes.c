/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/changes.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "conf/conf.h"
#include "conf/topology.h"

/* Parts of a configuration; NULL: as in the first one. */
struct parts {
	const char *top, *listeners, *regions, *shop, *services, *routes;
};

static const struct parts base = { .top = "limits = { max_connections = 1000; };",
	.listeners = "{ name = \"web\"; bind = \"127.0.0.1:81\"; }",
	.regions = "{ name = \"east\"; }, { name = \"west\"; capacity = 100; }",
	.shop = "{ region = \"east\"; endpoints = ( \"http://10.0.0.1\", \"http://10.0.0.2\" ); }, "
		"{ region = \"west\"; tier = 1; endpoints = ( \"http://10.1.0.1\" ); }",
	.services = "",
	.routes = "{ path = \"/\"; service = \"shop\"; }, "
		  "{ path = \"/\"; methods = ( \"PUT\" ); service = \"shop\"; }" };

static const char * or (const char *text, const char *otherwise)
{
	return text != NULL ? text : otherwise;
}

static struct topology *
load(const struct parts *p)
{
	struct conf_problems problems = { .count = 0 };
	char path[] = "/tmp/detour-changes-XXXXXX";
	FILE *out = fdopen(mkstemp(path), "we");
	struct topology *t;

	ck_assert_ptr_nonnull(out);
	fprintf(out,
	    "%s\nlisteners = ( %s );\nregions = ( %s );\n"
	    "services = ( { name = \"shop\"; regions = ( %s ); %s } );\nroutes = ( %s );\n",
	    or (p->top, base.top), or (p->listeners, base.listeners), or (p->regions, base.regions),
	    or (p->shop, base.shop), or (p->services, base.services), or (p->routes, base.routes));
	fclose(out);
	t = conf_load(path, &problems);
	ck_assert_msg(t != NULL, "%s", problems.count > 0 ? problems.list[0].text : "?");
	conf_problems_free(&problems);
	unlink(path);
	return t;
}

static const char *
changes(const struct parts *before, const struct parts *now, size_t size)
{
	static char text[2048];
	struct topology *old = load(before), *new = load(now);

	text[0] = '\0';
	changes_say(old, new, text, size);
	topology_unref(old);
	topology_unref(new);
	return text;
}

static const struct {
	struct parts now;
	const char *said, *back; /* and the other way round */
} cases[] = {
	{ { .top = NULL }, "the same as before", "the same as before" },
	{ { .top = "workers = 7; limits = { max_connections = 1001; };" },
	    "workers changed; limits.max_connections changed",
	    "workers changed; limits.max_connections changed" },
	{ { .listeners = "{ name = \"web\"; bind = \"127.0.0.1:82\"; }, "
			 "{ name = \"in\"; bind = \"127.0.0.1:83\"; }" },
	    "listeners added: in; listeners changed: web (bind)",
	    "listeners removed: in; listeners changed: web (bind)" },
	{ { .regions = "{ name = \"east\"; }, { name = \"west\"; capacity = 200; }, "
		       "{ name = \"far\"; }" },
	    "regions added: far; regions changed: west (capacity)",
	    "regions removed: far; regions changed: west (capacity)" },
	{ { .services = "failover = { hold_down = \"9s\"; }; }, { name = \"blog\"; regions = ( "
			"{ region = \"east\"; endpoints = ( \"http://10.0.0.9\" ); } );",
	      .routes = "{ path = \"/\"; service = \"shop\"; }, "
			"{ path = \"/\"; methods = ( \"PATCH\" ); service = \"shop\"; }, "
			"{ path = \"/blog\"; service = \"blog\"; }" },
	    "services added: blog; services changed: shop (failover.hold_down); routes added: /blog; "
	    "routes changed: / (2) (methods)",
	    "services removed: blog; services changed: shop (failover.hold_down); routes removed: "
	    "/blog; routes changed: / (2) (methods)" },
	{ { .shop = "{ region = \"east\"; weight = 5; endpoints = ( \"http://10.0.0.1\", "
		    "{ url = \"http://10.0.0.2\"; weight = 3; }, \"http://10.0.0.3:81\" ); }" },
	    "regions of shop removed: west; regions of shop changed: east (weight); endpoints of shop "
	    "in east added: http://10.0.0.3:81; endpoints of shop in east changed: http://10.0.0.2 "
	    "(weight)",
	    "regions of shop added: west; regions of shop changed: east (weight); endpoints of shop "
	    "in east removed: http://10.0.0.3:81; endpoints of shop in east changed: "
	    "http://10.0.0.2 (weight)" },
	{ { .routes = "{ path = \"/\"; rewrite_regex = \"^/a\"; rewrite_to = \"/b\"; service = "
		      "\"shop\"; }, { path = \"/\"; methods = ( \"PUT\" ); service = \"shop\"; }" },
	    "routes changed: / (rewrite_regex)", "routes changed: / (rewrite_regex)" },
};

START_TEST(what_a_reload_changes_is_told_by_name)
{
	ck_assert_str_eq(changes(&base, &cases[_i].now, 2048), cases[_i].said);
	ck_assert_str_eq(changes(&cases[_i].now, &base, 2048), cases[_i].back);
}
END_TEST

static struct topology *
load_with_password(const char *path, const char *users)
{
	char routes[256];
	FILE *out = fopen(path, "we");

	ck_assert_ptr_nonnull(out);
	fputs(users, out);
	fclose(out);
	snprintf(routes, sizeof routes,
	    "{ path = \"/\"; service = \"shop\"; basic_auth = { file = \"%s\"; }; }", path);
	return load(&(struct parts){ .routes = routes });
}

/* A reload reads the file anew though the configuration itself is the same. */
START_TEST(other_users_or_passwords_in_a_file_are_told_by_its_key_alone)
{
	static const struct {
		const char *users, *said;
	} files[] = {
		{ "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n", "the same as before" },
		{ "# none\nann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=:staff\n", "the same as before" },
		{ "ann:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n",
		    "routes changed: / (basic_auth.file)" },
		{ "bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n",
		    "routes changed: / (basic_auth.file)" },
		{ "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"
		  "bob:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n",
		    "routes changed: / (basic_auth.file)" },
	};
	char path[] = "/tmp/detour-users-XXXXXX", text[256];
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct topology *before = load_with_password(path, files[0].users);
		struct topology *now = load_with_password(path, files[i].users);

		text[0] = '\0';
		changes_say(before, now, text, sizeof text);
		ck_assert_str_eq(text, files[i].said);
		topology_unref(before);
		topology_unref(now);
	}
	unlink(path);
}
END_TEST

START_TEST(a_hundred_changes_are_told_in_a_line_that_ends_with_how_many_more)
{
	char *listeners = calloc(1, 65536), *shop = calloc(1, 65536);
	struct parts now = { .listeners = listeners, .shop = shop };
	const char *said;

	strcpy(listeners, base.listeners);
	for (unsigned i = 0; i < 100; i++)
		sprintf(listeners + strlen(listeners), ", { name = \"%0120u\"; bind = \":%u\"; }",
		    i, 1000 + i);
	strcpy(shop, "{ region = \"east\"; endpoints = ( \"http://10.0.0.1\"");
	for (unsigned i = 0; i < 100; i++)
		sprintf(shop + strlen(shop), ", \"http://10.2.0.%u\"", i);
	strcat(shop, " ); }");
	said = changes(&base, &now, 2048);
	ck_assert_msg(strstr(said,
			  "; endpoints of shop in east added: http://10.2.0.0, "
			  "http://10.2.0.1, http://10.2.0.2, http://10.2.0.3 and 96 more; "
			  "endpoints of shop in east removed: http://10.0.0.2") != NULL,
	    "%s", said);
	ck_assert_msg(
	    strstr(said, "00003 and 96 more") == NULL && strstr(said, " and 96 more"), "%s", said);
	said = changes(&base, &now, 120);
	ck_assert_uint_lt(strlen(said), 120);
	ck_assert_msg(strstr(said, "; and 3 more changes") != NULL, "%s", said);
	free(listeners);
	free(shop);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cmd/changes");
	TCase *tests = tcase_create("changes");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(
	    tests, what_a_reload_changes_is_told_by_name, 0, (int)ARRAY_SIZE(cases));
	tcase_add_test(tests, other_users_or_passwords_in_a_file_are_told_by_its_key_alone);
	tcase_add_test(tests, a_hundred_changes_are_told_in_a_line_that_ends_with_how_many_more);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
