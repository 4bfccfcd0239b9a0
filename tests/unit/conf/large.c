/* SPDX-License-Identifier: Apache-2.0 */
/* What is large loads in time that grows no faster than it does. */
#include <stdlib.h>
#include <time.h>

#include "helper.h"

#define ROUTES 100000
#define ENDPOINTS 10000
#define CERTIFICATES 1000

/*
 * Processor time, so that a busy machine fails no test. The promise is 2 s; a sanitizer may take
 * several times that.
 */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const double limit_s = 20;
#else
static const double limit_s = 2;
#endif

static double
cpu_s(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

static void
print_services(FILE *out)
{
	fputs("regions = ( { name = \"a\"; }, { name = \"b\"; } );\nservices = (\n", out);
	for (int i = 0; i < 100; i++) {
		fprintf(out, "%s{ name = \"s%d\"; regions = ( { region = \"a\"; endpoints = (",
		    i ? "," : "", i);
		for (int j = 0; j < ENDPOINTS / 100; j++)
			fprintf(out, "%s\"http://10.%d.%d.1:80\"", j ? "," : "", i, j);
		fputs("); } ); }\n", out);
	}
	/* And all of them in one region of one. */
	fputs(", { name = \"all\"; regions = ( { region = \"b\"; endpoints = (", out);
	for (int j = 0; j < ENDPOINTS; j++)
		fprintf(out, "%s\"http://10.9.%d.%d:80\"", j ? "," : "", j / 250, j % 250);
	fputs("); } ); } );\n", out);
}

START_TEST(a_hundred_thousand_routes_load_in_two_seconds)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	struct topology *t;
	double start;

	fputs("listeners = ( { name = \"l\"; bind = \":1\"; } );\n", out);
	print_services(out);
	fputs("routes = ( { service = \"all\"; }", out);
	for (int i = 0; i < ROUTES; i++)
		fprintf(out,
		    ",\n{ host = \"h%d.example.com\"; path = \"/p%d\"; service = \"s%d\"; }", i / 4,
		    i % 4, i % 100);
	fputs(" );\n", out);
	fclose(out);
	start = cpu_s();
	t = load_good(text);
	ck_assert_msg(cpu_s() - start < limit_s, "took %.2f s", cpu_s() - start);
	ck_assert_uint_eq(t->route_count, ROUTES + 1);
	ck_assert_uint_eq(t->services[100].regions[0].endpoint_count, ENDPOINTS);
	topology_unref(t);
	free(text);
}
END_TEST

START_TEST(a_hundred_thousand_mistakes_are_all_told_in_time)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	struct conf_problems problems;
	double start;

	fputs("listeners = ( { name = \"l\"; bind = \":1\"; } );\n", out);
	print_services(out);
	fputs("routes = ( { service = \"all\"; }", out);
	for (int i = 0; i < ROUTES; i++)
		fprintf(out, ",\n{ path = \"/p%d\"; service = \"sx%d\"; }", i, i % 100);
	fputs(" );\n", out);
	fclose(out);
	start = cpu_s();
	ck_assert_ptr_null(conf_load_text(text, "t.conf", "", &problems));
	ck_assert_msg(cpu_s() - start < limit_s, "took %.2f s", cpu_s() - start);
	ck_assert_uint_eq(problems.errors, ROUTES);
	conf_problems_free(&problems);
	free(text);
}
END_TEST

START_TEST(a_thousand_certificates_load_in_two_seconds)
{
	char *text = NULL, name[32];
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	struct topology *t;
	double start;

	scratch_make();
	fputs("listeners = ( { name = \"l\"; bind = \":1\"; tls = \"t\"; } );\n", out);
	fputs("tls = ( { name = \"t\"; certificates = (", out);
	for (int i = 0; i < CERTIFICATES; i++) {
		snprintf(name, sizeof name, "c%d", i);
		make_pair(&(struct pair_spec){ name, name, NULL, 0, 10, NULL });
		fprintf(
		    out, "%s{ chain = \"%s.crt\"; key = \"%s.key\"; }\n", i ? "," : "", name, name);
	}
	fputs("); } );\n", out);
	print_services(out);
	fputs("routes = ( { service = \"all\"; }", out);
	for (int i = 0; i < 100; i++)
		fprintf(out, ", { path = \"/%d\"; service = \"s%d\"; }", i, i);
	fputs(");\n", out);
	fclose(out);
	start = cpu_s();
	t = load_good(text);
	ck_assert_msg(cpu_s() - start < limit_s, "took %.2f s", cpu_s() - start);
	ck_assert_uint_eq(t->tls[0].certificate_count, CERTIFICATES);
	topology_unref(t);
	free(text);
	scratch_remove();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("large");
	TCase *tc = tcase_create("large");

	tcase_set_timeout(tc, 110);
	tcase_add_test(tc, a_hundred_thousand_routes_load_in_two_seconds);
	tcase_add_test(tc, a_hundred_thousand_mistakes_are_all_told_in_time);
	tcase_add_test(tc, a_thousand_certificates_load_in_two_seconds);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
