/* SPDX-License-Identifier: Apache-2.0 */
/* What is in conf/ is true: the samples load without a warning, and the reference is current. */
#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

#include "helper.h"

#define CONF SOURCE_ROOT "/conf/"

static void
make_certificates(void)
{
	char command[512];

	snprintf(command, sizeof command,
	    SOURCE_ROOT
	    "/deploy/self-signed.sh %s localhost '*.example.com' >/dev/null && cp %s %s",
	    scratch_path("tls"), scratch_path("tls/site.crt"), scratch_path("tls/internal-ca.crt"));
	ck_assert_int_eq(system(command), 0);
	if (geteuid() == 0) { /* some samples become this user, who must be able to read them */
		snprintf(command, sizeof command, "chown -R nobody %s", scratch_path("."));
		ck_assert_int_eq(system(command), 0);
	}
	setenv("DETOUR_TLS_DIR", scratch_path("tls"), 1);
	setenv("DETOUR_LOG_DIR", scratch_path("."), 1);
	unsetenv("XDG_RUNTIME_DIR");
}

START_TEST(every_sample_loads_without_a_warning)
{
	unsigned seen = 0;
	glob_t found;

	make_certificates();
	ck_assert_int_eq(glob(CONF "*.conf", 0, NULL, &found), 0);
	ck_assert_int_eq(glob(CONF "examples/*.conf", GLOB_APPEND, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct conf_problems problems;
		struct topology *t = conf_load(found.gl_pathv[i], &problems);

		ck_assert_msg(problems.count == 0, "%s", problems.list[0].text);
		ck_assert_ptr_nonnull(t);
		ck_assert(t->route_count > 0 || t->listeners[0].service != NULL);
		conf_problems_free(&problems);
		topology_unref(t);
		seen++;
	}
	ck_assert_uint_ge(seen, 6);
	globfree(&found);
}
END_TEST

START_TEST(the_main_sample_listens_and_sends_where_it_says)
{
	struct conf_problems problems;
	struct topology *t;

	make_certificates();
	t = conf_load(CONF "detour.conf", &problems);
	ck_assert_ptr_nonnull(t);
	ck_assert_str_eq(t->listeners[0].bind.text, "[::]:8443");
	ck_assert_ptr_nonnull(t->listeners[0].tls);
	ck_assert(t->listeners[1].redirect_https);
	ck_assert_uint_eq(t->listeners[1].redirect_port, 8443);
	ck_assert_uint_eq(t->region_count, 3);
	ck_assert_str_eq(t->services[0].regions[2].endpoints[1].url, "http://127.0.0.1:9006");
	ck_assert_int_eq(t->services[0].check.type, CHECK_HTTP);
	ck_assert_str_eq(t->tls[0].certificates[0].names[0], "localhost");
	conf_problems_free(&problems);
	topology_unref(t);
}
END_TEST

/* The file a user meets first, as its design shows it, but for the listener it does not serve. */
START_TEST(the_configuration_of_the_design_loads)
{
	static const char text[] =
	    "workers   = 0;                          # 0: one for each core\n"
	    "state_dir = \"/var/lib/detour\";\n"
	    "listeners = (\n"
	    "  { name = \"web\";   bind = \"0.0.0.0:8443\"; tls = \"site\"; },        # HTTP/2 and "
	    "HTTP/1.1\n"
	    "  { name = \"plain\"; bind = \"0.0.0.0:8080\"; redirect_https = true; }\n"
	    ");\n"
	    "tls = (\n"
	    "  { name = \"site\";\n"
	    "    certificates = ( { chain = \"tls/site.crt\"; key = \"tls/site.key\"; } );\n"
	    "    min_version = \"1.2\"; }\n"
	    ");\n"
	    "regions = (\n"
	    "  { name = \"us-east-1\";       provider = \"aws\"; capacity = 2000; },\n"
	    "  { name = \"us-west-2\";       provider = \"aws\"; capacity = 2000; },\n"
	    "  { name = \"gcp-us-central1\"; provider = \"gcp\"; }\n"
	    ");\n"
	    "services = (\n"
	    "  { name    = \"shop\";\n"
	    "    balance = \"least_request\";\n"
	    "    regions = (\n"
	    "      { region = \"us-east-1\"; weight = 70;\n"
	    "        endpoints = ( \"http://10.1.0.10:8080\", { url = \"http://10.1.0.11:8080\"; "
	    "weight = 2; } ); },\n"
	    "      { region = \"us-west-2\"; weight = 30;\n"
	    "        endpoints = ( \"https://shop.us-west-2.example.com\" ); },\n"
	    "      { region = \"gcp-us-central1\"; tier = 1; host = \"shop.gcp.example.com\";\n"
	    "        endpoints = ( \"https://shop.gcp.example.com\" ); }\n"
	    "    );\n"
	    "    health_check = { type = \"http\"; path = \"/healthz\"; interval = \"1s\"; timeout "
	    "= \"500ms\"; fall = 3; rise = 2; };\n"
	    "    failover     = { overprovisioning = 1.4; panic_threshold = 0.5; max_utilization = "
	    "0.85; hold_down = \"30s\"; ramp = \"60s\"; };\n"
	    "    retry        = { attempts = 2; budget = 0.2; on_status = ( 502, 503, 504 ); "
	    "replay_buffer = \"64KiB\"; };\n"
	    "    timeouts     = { connect = \"1s\"; try = \"5s\"; request = \"30s\"; idle = "
	    "\"60s\"; };\n"
	    "  }\n"
	    ");\n"
	    "routes = (\n"
	    "  { host = \"shop.example.com\"; path = \"/\"; service = \"shop\"; },\n"
	    "  { host = \"*.example.com\"; path = \"/api/\"; service = \"shop\"; rewrite_prefix = "
	    "\"/\"; priority = \"high\"; }\n"
	    ");\n"
	    "admin = { bind = \"127.0.0.1:9900\"; socket = \"/run/detour/admin.sock\"; };\n"
	    "log   = { access = \"stdout\"; format = \"json\"; level = \"info\"; };\n";

	make_certificates();
	topology_unref(load_good(text));
}
END_TEST

START_TEST(the_reference_is_what_the_program_prints)
{
	char *printed = NULL, *kept = calloc(1, 1 << 20);
	size_t len = 0;
	FILE *out = open_memstream(&printed, &len), *in = fopen(CONF "REFERENCE.md", "re");

	ck_assert_ptr_nonnull(in);
	ck_assert_uint_gt(fread(kept, 1, (1 << 20) - 1, in), 0);
	fclose(in);

	conf_print_reference(out);
	fclose(out);
	ck_assert_msg(strcmp(printed, kept) == 0,
	    "conf/REFERENCE.md is not what conf_print_reference() prints; run "
	    "test_conf_example --print > conf/REFERENCE.md");
	free(printed);
	free(kept);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *suite = suite_create("example");
	TCase *tc = tcase_create("example");

	if (argc == 2 && strcmp(argv[1], "--print") == 0) {
		conf_print_reference(stdout);
		return 0;
	}
	tcase_add_checked_fixture(tc, scratch_make, scratch_remove);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, every_sample_loads_without_a_warning);
	tcase_add_test(tc, the_main_sample_listens_and_sends_where_it_says);
	tcase_add_test(tc, the_configuration_of_the_design_loads);
	tcase_add_test(tc, the_reference_is_what_the_program_prints);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
