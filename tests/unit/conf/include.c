/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/stat.h>

#include "helper.h"

static const char rest[] = "listeners = ( { name = \"l\"; bind = \":1\"; } );\n"
			   "regions = ( { name = \"r\"; } );\n"
			   "services = ( { name = \"s\"; regions = ( { region = \"r\"; endpoints = "
			   "( \"http://a\" ); } ); } );\n";

static void
write_main(const char *text)
{
	char whole_text[4096];

	snprintf(whole_text, sizeof whole_text, "%s\n%s", text, rest);
	scratch_write("main.conf", whole_text, 0600);
}

/* The first problem of main.conf begins "FILE:LINE" and holds text; NULL: it loads. */
static void
expect_main(const char *file, const char *line, const char *text)
{
	struct conf_problems problems;
	struct topology *t = conf_load(scratch_path("main.conf"), &problems);
	const char *first = problems.count > 0 ? problems.list[0].text : "";
	char where[512];

	if (file == NULL) {
		ck_assert_msg(t != NULL, "%s", first);
	} else {
		snprintf(where, sizeof where, "%s%s", scratch_path(file), line);
		ck_assert_msg(strncmp(first, where, strlen(where)) == 0, "%s", first);
		ck_assert_msg(strstr(first, text) != NULL, "%s", first);
		ck_assert_ptr_null(t);
	}
	conf_problems_free(&problems);
	topology_unref(t);
}

START_TEST(an_error_in_an_included_file_names_that_file_and_its_line)
{
	write_main("workers = 1;\n@include \"a.conf\"\nuser = 5;");
	scratch_write("a.conf", "# one\n# two\nlog = { levle = \"info\"; };\n", 0600);
	expect_main("a.conf", ":3:", "did you mean \"level\"?");
	scratch_write("a.conf", "# fine\n", 0600);
	expect_main("main.conf", ":3:", "user: a text was expected");
	scratch_write("a.conf", "log { };\n", 0600);
	expect_main("a.conf", ":1:", "syntax error");
}
END_TEST

START_TEST(includes_and_paths_are_relative_to_the_file_they_stand_in)
{
	struct conf_problems problems;
	struct topology *t;

	ck_assert_int_eq(mkdir(scratch_path("sub"), 0700), 0);
	write_main("@include \"sub/a.conf\"");
	scratch_write("sub/a.conf", "@include \"b.conf\"\nstate_dir = \"state\";", 0600);
	scratch_write("sub/b.conf", "log = { access = \"../x.log\"; };", 0600);
	t = conf_load(scratch_path("main.conf"), &problems);
	ck_assert_ptr_nonnull(t);
	ck_assert_str_eq(t->state_dir, scratch_path("sub/state"));
	ck_assert_str_eq(t->log.access, scratch_path("sub/../x.log"));
	topology_unref(t);
	conf_problems_free(&problems);
}
END_TEST

START_TEST(an_include_may_stand_inside_a_list)
{
	struct conf_problems problems;
	struct topology *t;
	char text[1024];

	scratch_write(
	    "routes.conf", "{ path = \"/a\"; service = \"s\"; },\n{ service = \"s\"; }", 0600);
	snprintf(text, sizeof text, "%sroutes = (\n  @include \"routes.conf\"\n);\n", rest);
	scratch_write("main.conf", text, 0600);
	t = conf_load(scratch_path("main.conf"), &problems);
	ck_assert_ptr_nonnull(t);
	ck_assert_uint_eq(t->route_count, 2);
	ck_assert_str_eq(t->routes[1].where.file, scratch_path("routes.conf"));
	ck_assert_uint_eq(t->routes[1].where.line, 2);
	topology_unref(t);
	conf_problems_free(&problems);
}
END_TEST

/* libconfig itself would end the process at some of these. */
START_TEST(an_include_that_cannot_be_is_an_error_where_it_stands)
{
	write_main("\n@include \"missing.conf\"");
	expect_main(
	    "main.conf", ":2:", "No such file or directory; paths in @include are relative");
	write_main("@include \"/tmp\"");
	expect_main("main.conf", ":1:", "is a directory");
	write_main("@include \"/dev/zero\"");
	expect_main("main.conf", ":1:", "is not a regular file");
	write_main("@include \"empty.conf\" @include \"/tmp\"");
	scratch_write("empty.conf", "", 0600);
	expect_main("main.conf", ":1:", "is a directory");
	write_main("@include missing.conf");
	expect_main("main.conf", ":1:", "@include names no file");
	write_main("@include \"\"");
	expect_main("main.conf", ":1:", "@include names no file");
	write_main("@include \"main.conf\"");
	expect_main("main.conf", ":1:", "does a file include itself?");
	ck_assert_int_eq(mkfifo(scratch_path("pipe"), 0600), 0);
	write_main("@include \"pipe\"");
	expect_main("main.conf", ":1:", "is not a regular file");
}
END_TEST

START_TEST(an_include_in_a_comment_or_a_string_is_none)
{
	write_main("# @include \"/tmp\"\n// \"\n/* \"\n@include \"/tmp\"\n*/\nuser = "
		   "\"a\\\"\n@include \"; # \"");
	expect_main(NULL, NULL, NULL);
}
END_TEST

START_TEST(a_string_or_comment_ends_in_the_file_it_begins_in)
{
	write_main("@include \"a.conf\"");
	scratch_write("a.conf", "\nuser = \"x", 0600);
	expect_main("a.conf", ":2:", "the string that begins here does not end");
	scratch_write("a.conf", "/* x\n*", 0600);
	expect_main("a.conf", ":1:", "the comment that begins here does not end");
}
END_TEST

START_TEST(windows_line_ends_are_taken)
{
	write_main("workers = 2;\r\nuser = \"nobody\";\r");
	expect_main(NULL, NULL, NULL);
}
END_TEST

START_TEST(a_nul_byte_is_an_error)
{
	FILE *out = fopen(scratch_path("main.conf"), "we");

	fwrite("workers = 1;\n\0user", 1, 18, out);
	fclose(out);
	expect_main("main.conf", ":2:", "NUL");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("include");
	TCase *tc = tcase_create("include");

	tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
	tcase_add_test(tc, an_error_in_an_included_file_names_that_file_and_its_line);
	tcase_add_test(tc, includes_and_paths_are_relative_to_the_file_they_stand_in);
	tcase_add_test(tc, an_include_may_stand_inside_a_list);
	tcase_add_test(tc, an_include_that_cannot_be_is_an_error_where_it_stands);
	tcase_add_test(tc, an_include_in_a_comment_or_a_string_is_none);
	tcase_add_test(tc, a_string_or_comment_ends_in_the_file_it_begins_in);
	tcase_add_test(tc, windows_line_ends_are_taken);
	tcase_add_test(tc, a_nul_byte_is_an_error);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
