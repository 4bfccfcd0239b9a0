/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/status_table.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

static const char full[] =
    "{ \"version\": \"1.2.3\", \"pid\": 7, \"ready\": true, \"draining\": false, \"uptime_s\": 61,"
    "  \"time\": \"2026-11-22T08:27:00.123Z\","
    "  \"config\": { \"last_reload_successful\": true },"
    "  \"listeners\": [ { \"name\": \"web\", \"bind\": \"0.0.0.0:8443\", \"scheme\": \"https\","
    "    \"connections\": 3 } ],"
    "  \"services\": [ { \"name\": \"shop\", \"balance\": \"least_request\", \"fail_open\": false,"
    "    \"rate\": 99.5, \"error_rate\": 0.5, \"requests\": 1234567, \"errors\": 12,"
    "    \"p50_ms\": 0.5, \"p99_ms\": 1500, \"regions\": [ { \"name\": \"us-east-1\","
    "      \"provider\": \"aws\", \"state\": \"serving\", \"tier\": 0, \"share\": 0.7, \"usable\": "
    "1,"
    "      \"rate\": 99.5, \"requests\": 1234567, \"errors\": 12, \"p50_ms\": 12.3,"
    "      \"p99_ms\": 999, \"endpoints\": [ { \"url\": \"http://10.1.0.10:8080\","
    "        \"state\": \"up\", \"reason\": \"4 checks passed\", \"since_s\": 93784,"
    "        \"requests\": 1234567, \"errors\": 12 } ] } ] } ] }";

/* Given back with free(). */
static char *
print(const char *json, unsigned width)
{
	json_t *status = json_loads(json, 0, NULL);
	char *text;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(status);
	status_table_print(to, status, width);
	fclose(to);
	json_decref(status);
	return text;
}

static void
expect(const char *text, const char *inside)
{
	ck_assert_msg(strstr(text, inside) != NULL, "no \"%s\" in:\n%s", inside, text);
}

START_TEST(everything_a_person_asks_for_is_there)
{
	static const char *const all[] = { "detour 1.2.3", "ready", "up 1m01s",
		"web https://0.0.0.0:8443", "3 open", "shop", "99.5", "1234567", "0.50 ms", "1.5 s",
		"us-east-1 (aws)", "serving", "70.0%", "12 ms", "999 ms", "tier 0, 1 of 1 up",
		"http://10.1.0.10:8080", "4 checks passed", "for 1d02h" };
	char *text = print(full, 0);

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		expect(text, all[i]);
	free(text);
}
END_TEST

/* The column of REQUESTS ends where its header does, on every level. */
START_TEST(numbers_stand_under_their_headers)
{
	char *text = print(full, 0), *rest = text, *line;
	const char *header = NULL;
	unsigned rows = 0;

	while ((line = strsep(&rest, "\n")) != NULL) {
		if (strncmp(line, "SERVICE", 7) == 0)
			header = line;
		else if (header != NULL && strstr(line, "1234567") != NULL) {
			ck_assert_int_eq(strstr(line, "1234567") + 7 - line,
			    strstr(header, "REQUESTS") + 8 - header);
			rows++;
		}
	}
	ck_assert_uint_eq(rows, 3);
	free(text);
}
END_TEST

START_TEST(no_line_is_wider_than_the_terminal)
{
	static const unsigned widths[] = { 1, 20, 80, 100, 200 };

	for (size_t i = 0; i < ARRAY_SIZE(widths); i++) {
		char *text = print(full, widths[i]), *rest = text, *line;

		while ((line = strsep(&rest, "\n")) != NULL)
			ck_assert_msg(strlen(line) <= widths[i], "%zu wide at %u: %s", strlen(line),
			    widths[i], line);
		free(text);
	}
}
END_TEST

/* Another version's answer, or a broken one. */
static const char *const odd[] = {
	"{}",
	"{ \"services\": [ {} ] }",
	"{ \"services\": [ { \"regions\": [ {}, { \"endpoints\": [ {} ] } ] } ] }",
	"{ \"services\": 1, \"listeners\": \"x\", \"version\": null }",
	"{ \"services\": [ 1, null, \"x\" ], \"listeners\": [ 2 ] }",
};

START_TEST(what_is_missing_is_left_blank)
{
	free(print(odd[_i], 100));
}
END_TEST

START_TEST(names_longer_than_their_column_are_cut_and_lines_bounded)
{
	char json[4096], name[2000];
	char *text;

	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	snprintf(json, sizeof json,
	    "{ \"services\": [ { \"name\": \"%s\", \"balance\": \"b\" } ] }", name);
	text = print(json, 0);
	expect(text, "nnn");
	ck_assert_ptr_null(strstr(text, "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"));
	free(text);
}
END_TEST

static const struct {
	const char *region;
	const char *said;
} regions[] = {
	{ "\"region_state\": \"up\", \"since_s\": 5, \"tier\": 1", "  tier 1, 0 of 0 up\n" },
	{ "\"region_state\": \"down\", \"since_s\": 192, \"signal\": \"in_a_row\", \"value\": 3,"
	  " \"threshold\": 3",
	    "  down for 3m12s: 3 failures in a row, threshold 3; tier 0" },
	{ "\"region_state\": \"down\", \"since_s\": 3, \"signal\": \"health\", \"value\": 0.2,"
	  " \"threshold\": 0.25",
	    "  down for 3s: 20 % healthy, threshold 25 %; tier 0" },
	{ "\"region_state\": \"grey\", \"since_s\": 3, \"signal\": \"latency_p95\", \"value\": 812,"
	  " \"threshold\": 360",
	    "  worse than its peers for 3s: p95 812 ms, threshold 360 ms; tier 0" },
	{ "\"region_state\": \"suspect\", \"since_s\": 1, \"signal\": \"in_a_row\", \"value\": 1,"
	  " \"threshold\": 0",
	    "  may be failing for 1s: 1 failure in a second; tier 0" },
	{ "\"region_state\": \"hold\", \"since_s\": 9, \"signal\": \"health\", \"value\": 1,"
	  " \"threshold\": 0.25",
	    "  well again for 9s; tier 0" },
	{ "\"name\": \"east\", \"region_state\": \"hold\", \"since_s\": 4, \"hold_left_s\": 25.2,"
	  " \"waits_for_person\": false",
	    "  well again for 4s, hold-down: 26s left; tier 0" },
	{ "\"name\": \"east\", \"region_state\": \"hold\", \"since_s\": 90, \"hold_left_s\": null,"
	  " \"waits_for_person\": true",
	    "  well again for 1m30s, waits for 'detour restore east'; tier 0" },
	{ "\"region_state\": \"unheard_of\", \"since_s\": 9, \"signal\": \"odd\"",
	    "  unheard_of for 9s; tier 0" },
	{ "\"region_state\": \"evacuated\", \"since_s\": 32, \"signal\": \"person\", \"value\": 0,"
	  " \"threshold\": 0",
	    "  evacuated for 32s; tier 0" },
	{ "\"region_state\": \"evacuated\", \"since_s\": 32, \"signal\": \"person\","
	  " \"wishes\": [ { \"wish\": \"evacuate\", \"owner\": \"alice\","
	  " \"reason\": \"a drill\", \"until\": \"2026-11-22T09:27:00.000Z\" } ]",
	    "  evacuated for 32s by alice until 2026-11-22T09:27Z (a drill); tier 0" },
	{ "\"region_state\": \"up\", \"wishes\": [ { \"wish\": \"pin\", \"share\": 0.25,"
	  " \"owner\": \"bob\", \"reason\": \"r\", \"until\": \"2026-11-22T09:27:00.000Z\" } ]",
	    "0 of 0 up; pinned to 25% by bob until 2026-11-22T09:27Z (r)\n" },
	{ "\"region_state\": \"ramp\", \"since_s\": 2, \"share\": 0.1, \"target\": 0.7",
	    "up; on its way to 70.0%" },
	{ "\"share\": 0.7, \"target\": 0.7, \"panic\": true", "0 up; too few are up" },
	{ "\"state\": \"fail_open\"", " FAIL OPEN " },
};

START_TEST(a_region_says_its_state_since_when_and_why)
{
	char json[512];
	char *text;

	snprintf(json, sizeof json, "{ \"services\": [ { \"regions\": [ { %s } ] } ] }",
	    regions[_i].region);
	text = print(json, 0);
	expect(text, regions[_i].said);
	free(text);
}
END_TEST

static const struct {
	const char *service;
	const char *said;
} services[] = {
	{ "\"mode\": \"fail_closed\"", "requests are refused" },
	{ "\"mode\": \"nothing\"", "no endpoint to send to" },
	{ "\"mode\": \"unproven\"", "no check has passed yet" },
	{ "\"mode\": \"normal\", \"shed\": 0.125, \"demand\": 800", "; shedding 12.5% of 800/s" },
	{ "\"mode\": \"normal\", \"shed\": 0.125, \"demand\": 800, \"shed_rate\": 17.2,"
	  " \"shed_since_s\": 65.5",
	    "; shedding 17.2/s of 800/s for 1m05s" },
	{ "\"mode\": \"fail_open\", \"fail_open\": true, \"demand\": 80, \"refused_rate\": 30.5",
	    "; refusing 30.5/s of 80/s: no region is up" },
	{ "\"mode\": \"normal\", \"self_suspect\": true", "our own view is doubted" },
	/* shedding is left slowly, also when nobody comes any more */
	{ "\"balance\": \"maglev\", \"shed\": 0.5, \"demand\": 0", "balance maglev\n" },
};

START_TEST(a_service_says_what_is_out_of_the_ordinary)
{
	char json[512];
	char *text;

	snprintf(json, sizeof json, "{ \"services\": [ { %s } ] }", services[_i].service);
	text = print(json, 0);
	expect(text, services[_i].said);
	ck_assert_ptr_null(strstr(text, "normal"));
	ck_assert_ptr_null(strstr(text, "of 0/s"));
	free(text);
}
END_TEST

/* Of two regions; of one nobody expects to be told each second. */
START_TEST(a_loss_that_could_not_be_absorbed_is_a_warning)
{
	char *text =
	    print("{ \"services\": [ { \"regions\": [ { \"loss\": 0.167 }, { \"loss\": 1 },"
		  " { \"loss\": 0 } ] }, { \"regions\": [ { \"loss\": 1 } ] } ] }",
		0);

	expect(text, "0 of 0 up; WARNING: its loss would shed 16.7%\n");
	expect(text, "0 of 0 up; WARNING: its loss would leave no healthy region\n");
	ck_assert_ptr_eq(strstr(strstr(text, "no healthy region") + 1, "WARNING"), NULL);
	free(text);
}
END_TEST

START_TEST(a_refused_reload_fail_open_and_draining_stand_out)
{
	char *text =
	    print("{ \"draining\": true, \"config\": { \"last_reload_successful\": false,"
		  " \"last_reload\": \"2026\" }, \"services\": [ { \"fail_open\": true } ] }",
		0);

	expect(text, "draining");
	expect(text, "was refused");
	expect(text, "health is ignored");
	free(text);
}
END_TEST

#define FROZEN(SERVICE)                                                                            \
	"\"wishes\": [ { \"wish\": \"freeze\", " SERVICE                                           \
	"\"owner\": \"zed\", \"reason\": \"audit\","                                               \
	" \"until\": \"2026-11-22T09:27:00.000Z\" } ],"

static const struct {
	const char *service, *other; /* members of the service; the other region's state */
	const char *said;
} held[] = {
	{ "", "up", "its share growing back for 9s; tier 0" },
	{ FROZEN(""), "up",
	    "growing back for 9s, held: all services frozen by zed until 2026-11-22T09:27Z "
	    "(audit); tier 0" },
	{ FROZEN("\"service\": \"shop\", "), "suspect",
	    "growing back for 9s, held: shop frozen by zed until" },
	{ "\"self_suspect\": true,", "up",
	    "growing back for 9s, held: our own view is doubted; tier 0" },
	{ "", "suspect", "growing back for 9s, held: another region may be failing; tier 0" },
};

START_TEST(a_hold_says_what_is_left_of_it_and_who_lengthens_it)
{
	char *text = print(
	    "{ \"services\": [ { " FROZEN(
		"") " \"regions\": [ { \"name\": \"east\","
		    " \"region_state\": \"hold\", \"since_s\": 4, \"hold_left_s\": 26 } ] } ] }",
	    0);

	expect(
	    text, "well again for 4s, hold-down: 26s left, held: all services frozen by zed until");
	free(text);
}
END_TEST

START_TEST(a_ramp_that_is_held_says_by_what)
{
	char json[1024];
	char *text;

	snprintf(json, sizeof json,
	    "{ \"services\": [ { %s \"regions\": [ { \"region_state\": \"ramp\", \"since_s\": 9 },"
	    " { \"region_state\": \"%s\", \"since_s\": 1 } ] } ] }",
	    held[_i].service, held[_i].other);
	text = print(json, 0);
	expect(text, held[_i].said);
	free(text);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("cmd/status_table");
	TCase *tests = tcase_create("status_table");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, everything_a_person_asks_for_is_there);
	tcase_add_test(tests, numbers_stand_under_their_headers);
	tcase_add_test(tests, no_line_is_wider_than_the_terminal);
	tcase_add_loop_test(tests, what_is_missing_is_left_blank, 0, ARRAY_SIZE(odd));
	tcase_add_test(tests, names_longer_than_their_column_are_cut_and_lines_bounded);
	tcase_add_loop_test(
	    tests, a_region_says_its_state_since_when_and_why, 0, ARRAY_SIZE(regions));
	tcase_add_loop_test(
	    tests, a_service_says_what_is_out_of_the_ordinary, 0, ARRAY_SIZE(services));
	tcase_add_test(tests, a_loss_that_could_not_be_absorbed_is_a_warning);
	tcase_add_test(tests, a_refused_reload_fail_open_and_draining_stand_out);
	tcase_add_test(tests, a_hold_says_what_is_left_of_it_and_who_lengthens_it);
	tcase_add_loop_test(tests, a_ramp_that_is_held_says_by_what, 0, ARRAY_SIZE(held));
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
