/* SPDX-License-Identifier: Apache-2.0 */
#include "control/metrics.h"

#include <check.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "control/exposition.h"
#include "control/journal.h"
#include "steer/region.h"
#include "steer/share.h"
#include "steer/steering.h"
#include "steer/table.h"
#include "steer/wish.h"
#include "view_world.h"

enum { LINES_MAX = 4000, FAMILIES_MAX = 200 };

/* The text taken apart again, the way a scraper does. */
struct scrape {
	char *text;
	char *series[LINES_MAX]; /* "name{labels}" */
	double values[LINES_MAX];
	unsigned count;
	char names[FAMILIES_MAX][80];
	char types[FAMILIES_MAX][16];
	unsigned families;
};

static struct scrape s;

static bool
is_name(const char *text, size_t len)
{
	return len > 0 &&
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:") >=
	    len &&
	    (text[0] < '0' || text[0] > '9');
}

static void
take_comment(const char *line)
{
	unsigned f = s.families;

	if (sscanf(line, "# TYPE %79s %15s", s.names[f], s.types[f]) != 2) {
		ck_assert_msg(strncmp(line, "# HELP ", 7) == 0, "%s", line);
		return;
	}
	for (unsigned i = 0; i < f; i++)
		ck_assert_msg(strcmp(s.names[i], s.names[f]) != 0, "%s has two TYPEs", s.names[f]);
	s.families++;
	ck_assert_uint_lt(s.families, FAMILIES_MAX);
}

/* Past the labels, or NULL when they are malformed. */
static const char *
skip_labels(const char *at)
{
	while (*at != '}') {
		size_t name = strcspn(at, "=");

		if (!is_name(at, name) || at[name + 1] != '"')
			return NULL;
		for (at += name + 2; *at != '"'; at++) {
			if (*at == '\0')
				return NULL;
			if (*at == '\\' && strchr("\\\"n", *++at) == NULL)
				return NULL;
		}
		at++;
		if (*at == ',')
			at++;
		else if (*at != '}')
			return NULL;
	}
	return at + 1;
}

/* The sample must be of the last family announced. */
static bool
is_of_family(const char *name, size_t len)
{
	static const char *const suffixes[] = { "", "_bucket", "_sum", "_count" };
	const char *family = s.names[s.families - 1];
	size_t family_len = strlen(family);
	unsigned tried = strcmp(s.types[s.families - 1], "histogram") == 0 ? 4 : 1;

	for (unsigned i = 0; i < tried; i++)
		if (len == family_len + strlen(suffixes[i]) &&
		    strncmp(name, family, family_len) == 0 &&
		    strncmp(name + family_len, suffixes[i], strlen(suffixes[i])) == 0)
			return true;
	return false;
}

static void
take_sample(char *line)
{
	size_t name = strcspn(line, "{ ");
	const char *value = line[name] == '{' ? skip_labels(line + name + 1) : line + name;
	char *end;

	ck_assert_msg(is_name(line, name) && value != NULL && *value == ' ', "malformed: %s", line);
	ck_assert_msg(
	    s.families > 0 && is_of_family(line, name), "outside of its family: %s", line);
	s.values[s.count] = strtod(value + 1, &end);
	ck_assert_msg(*end == '\0', "no number: %s", line);
	line[value - line] = '\0';
	s.series[s.count++] = line;
	ck_assert_uint_lt(s.count, LINES_MAX);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
check_unique(void)
{
	static char *sorted[LINES_MAX];

	memcpy(sorted, s.series, s.count * sizeof *sorted);
	qsort(sorted, s.count, sizeof *sorted, by_text);
	for (unsigned i = 1; i < s.count; i++)
		ck_assert_msg(strcmp(sorted[i - 1], sorted[i]) != 0, "twice: %s", sorted[i]);
}

static void
scrape(void)
{
	struct evbuffer *out = evbuffer_new();
	size_t len;

	free(s.text);
	s = (struct scrape){ .text = NULL };
	metrics_write(out, &view);
	len = evbuffer_get_length(out);
	s.text = calloc(1, len + 1);
	evbuffer_remove(out, s.text, len);
	evbuffer_free(out);
	ck_assert_int_eq(s.text[len - 1], '\n');
	for (char *rest = s.text, *line; (line = strsep(&rest, "\n")) != NULL;) {
		if (line[0] == '#')
			take_comment(line);
		else if (line[0] != '\0')
			take_sample(line);
	}
	check_unique();
}

static double
value_of(const char *series)
{
	for (unsigned i = 0; i < s.count; i++)
		if (strcmp(s.series[i], series) == 0)
			return s.values[i];
	ck_abort_msg("there is no %s", series);
	return 0;
}

static void
tear_down(void)
{
	free(s.text);
	s.text = NULL;
	view_world_free();
}

START_TEST(the_text_parses_back_and_no_series_is_there_twice)
{
	view_traffic(view_endpoint(0, 0), 0, 10, 2, 1000);
	view_world_observe(view.now_ms);
	scrape();
	ck_assert_uint_gt(s.count, 100);
	for (unsigned i = 0; i < s.families; i++) {
		bool counter = strcmp(s.types[i], "counter") == 0;
		size_t len = strlen(s.names[i]);
		bool total = len > 6 && strcmp(s.names[i] + len - 6, "_total") == 0;

		ck_assert_msg(counter == total, "%s is a %s", s.names[i], s.types[i]);
		ck_assert_msg(strncmp(s.names[i], "detour_", 7) == 0 ||
			strncmp(s.names[i], "process_", 8) == 0,
		    "%s", s.names[i]);
	}
}
END_TEST

START_TEST(what_was_counted_is_what_is_shown)
{
	static const char *const series[] = {
		"detour_build_info{version=\"1.2.3\",commit=\"abc\",openssl=", /* the rest is not
										  ours */
	};

	view_traffic(view_endpoint(0, 0), 0, 10, 2, 1000);
	view_traffic(view_endpoint(0, 1), 1, 5, 5, 1000);
	atomic_store(&endpoint_shard(view_endpoint(0, 1), 1)->faults[FAULT_RESET], 2);
	atomic_store(&view_stats[0].status_class[2], 7);
	atomic_store(&view_stats[1].status_class[2], 8);
	atomic_store(&view_stats[1].faults[FAULT_NO_ROUTE], 3);
	atomic_store(&view_stats[1].allocations, 42);
	atomic_store(&view_stats[0].handshakes, 5);
	atomic_store(&view_stats[0].handshakes_resumed, 2);
	atomic_store(&view_control.checks, 9);
	atomic_store(&view_control.checks_failed, 4);
	view.process.access_log_dropped = 6;
	view_world_observe(view.now_ms);
	scrape();
	ck_assert_int_eq(strncmp(s.series[0], series[0], strlen(series[0])), 0);
	ck_assert_double_eq(value_of("detour_http_requests_total{code_class=\"2xx\"}"), 15);
	ck_assert_double_eq(value_of("detour_http_request_faults_total{reason=\"no_route\"}"), 3);
	ck_assert_double_eq(value_of("detour_worker_allocations_total{worker=\"1\"}"), 42);
	ck_assert_double_eq(value_of("detour_tls_handshakes_total{result=\"full\"}"), 3);
	ck_assert_double_eq(value_of("detour_health_checks_total{result=\"passed\"}"), 5);
	ck_assert_double_eq(value_of("detour_access_log_dropped_lines_total"), 6);
	ck_assert_double_eq(
	    value_of("detour_region_tries_total{service=\"shop\",region=\"east\"}"), 15);
	ck_assert_double_eq(value_of("detour_region_responses_total{service=\"shop\","
				     "region=\"east\",code_class=\"5xx\"}"),
	    5);
	ck_assert_double_eq(value_of("detour_region_faults_total{service=\"shop\","
				     "region=\"east\",reason=\"reset\"}"),
	    2);
	ck_assert_double_eq_tol(
	    value_of("detour_region_share_ratio{service=\"shop\",region=\"west\"}"), 0.3, 0.0001);
	ck_assert_double_eq(
	    value_of("detour_endpoint_errors_total{service=\"shop\",region=\"east\","
		     "endpoint=\"http://127.0.0.1:9002\",host=\"127.0.0.1\"}"),
	    7);
	ck_assert_double_eq(value_of("detour_endpoint_state{service=\"shop\",region=\"far\","
				     "endpoint=\"http://127.0.0.1:9004\",host=\"127.0.0.1\","
				     "state=\"up\"}"),
	    1);
	ck_assert_double_eq(value_of("detour_config_last_reload_successful"), 1);
	ck_assert_double_eq(value_of("detour_config_last_reload_timestamp_seconds"), 2);
	ck_assert_double_eq(value_of("detour_ready"), 1);
}
END_TEST

START_TEST(an_endpoint_is_in_exactly_one_state)
{
	static const char *const states[] = { "unknown", "up", "down", "draining" };

	for (enum endpoint_state is = ENDPOINT_UNKNOWN; is <= ENDPOINT_DRAINING; is++) {
		atomic_store(&view_endpoint(2, 0)->word, endpoint_word(is, 1));
		view_world_observe(view.now_ms);
		scrape();
		for (unsigned i = 0; i < ARRAY_SIZE(states); i++) {
			char series[256];

			snprintf(series, sizeof series,
			    "detour_endpoint_state{service=\"shop\",region=\"far\","
			    "endpoint=\"http://127.0.0.1:9004\",host=\"127.0.0.1\",state=\"%s\"}",
			    states[i]);
			ck_assert_double_eq(value_of(series), i == (unsigned)is);
		}
	}
}
END_TEST

/* A bucket of a busy worker is full after some weeks; a scraper would take that for a restart. */
START_TEST(durations_go_on_where_a_workers_counter_wraps)
{
	static const char count[] = "detour_http_request_duration_seconds_count";
	double before;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		atomic_store(&view_stats[0].duration.count[i], UINT32_MAX);
	view_world_observe(view.now_ms);
	scrape();
	before = value_of(count);
	for (unsigned i = 0; i < 3; i++)
		histogram_add(&view_stats[0].duration, 1000);
	view_world_observe(view.now_ms);
	scrape();
	ck_assert_double_eq(value_of(count), before + 3);
	ck_assert_double_eq(
	    value_of("detour_http_request_duration_seconds_bucket{le=\"+Inf\"}"), before + 3);
}
END_TEST

START_TEST(histogram_buckets_grow_and_end_in_the_count)
{
	static const char bucket[] = "detour_http_request_duration_seconds_bucket";
	double last = 0;
	unsigned buckets = 0;

	for (uint64_t us = 1; us < UINT64_C(200) * 1000 * 1000; us = us * 3 + 1)
		histogram_add(&view_stats[_i].duration, us);
	view_world_observe(view.now_ms);
	scrape();
	for (unsigned i = 0; i < s.count; i++) {
		if (strncmp(s.series[i], bucket, strlen(bucket)) != 0)
			continue;
		ck_assert_double_ge(s.values[i], last);
		last = s.values[i];
		buckets++;
	}
	ck_assert_uint_gt(buckets, 10);
	ck_assert_double_eq(last, value_of("detour_http_request_duration_seconds_count"));
	ck_assert_double_eq(
	    value_of("detour_http_request_duration_seconds_bucket{le=\"+Inf\"}"), last);
	/* 1, 4, 13, 40, 121 and 364 us: five are at or below 256 us */
	ck_assert_double_eq(
	    value_of("detour_http_request_duration_seconds_bucket{le=\"0.000256\"}"), 5);
}
END_TEST

START_TEST(panic_shows_while_a_service_fails_open)
{
	view_world_observe(view.now_ms);
	scrape();
	ck_assert_double_eq(value_of("detour_panic_active{service=\"shop\"}"), 0);
	atomic_store(&view.table->services[0].steering->mode, SHARE_FAIL_OPEN);
	scrape();
	ck_assert_double_eq(value_of("detour_panic_active{service=\"shop\"}"), 1);
	atomic_store(&view.table->services[0].steering->mode, SHARE_NORMAL);
	atomic_store(&view_region(0)->steering->blind, 500);
	scrape();
	ck_assert_double_eq(value_of("detour_panic_active{service=\"shop\"}"), 1);
}
END_TEST

START_TEST(the_state_of_a_region_is_one_of_all)
{
	static const char *const states[] = { "up", "suspect", "grey", "down", "hold", "ramp",
		"evacuated" };
	struct steering *steering = view_region(0)->steering;
	unsigned workers = steering->workers;

	view_world_observe(view.now_ms);
	atomic_store(&steering->state, REGION_GREY);
	atomic_store(&steering->entered[REGION_GREY], 3);
	atomic_store(&steering->target, SHARE_WHOLE / 4);
	atomic_store(&steering->limit, 250);
	atomic_store(&view.table->services[0].steering->shed, SHARE_WHOLE / 8);
	for (unsigned i = 0; i < workers; i++)
		stat_add(
		    &service_steering_shard(view.table->services[0].steering, i)->requests, 5);
	scrape();
	for (unsigned i = 0; i < STEERING_STATES; i++) {
		char key[128];

		snprintf(key, sizeof key,
		    "detour_region_state{service=\"shop\",region=\"%s\",state=\"%s\"}",
		    view_region(0)->name, states[i]);
		ck_assert_double_eq(value_of(key), i == REGION_GREY);
	}
	ck_assert_double_eq(value_of("detour_shed_ratio{service=\"shop\"}"), 0.125);
	ck_assert_double_eq(value_of("detour_service_requests_total{service=\"shop\"}"),
	    5.0 * workers);
}
END_TEST

START_TEST(before_the_first_table_the_process_is_told_about)
{
	const struct table *table = view.table;

	view.table = NULL;
	view.ready = false;
	scrape();
	view.table = table;
	ck_assert_double_eq(value_of("detour_ready"), 0);
	ck_assert_double_gt(value_of("process_resident_memory_bytes"), 0);
}
END_TEST

START_TEST(label_values_are_escaped)
{
	struct metric_labels labels = { { { "name", "a\"b\\c\nd" }, { "other", "" } } };
	struct evbuffer *out = evbuffer_new();
	char text[128] = "";

	metric_count(out, "x", &labels, UINT64_MAX);
	evbuffer_remove(out, text, sizeof text - 1);
	evbuffer_free(out);
	ck_assert_str_eq(text, "x{name=\"a\\\"b\\\\c\\nd\",other=\"\"} 18446744073709551615\n");
}
END_TEST

START_TEST(the_journal_and_wishes_are_counted)
{
	struct journal_stats journal = { .facts = 12, .dropped = 3, .unwritten = 4 };
	struct wishes *wishes = calloc(1, sizeof *wishes);
	struct wish w = { .kind = WISH_PIN, .service = "shop", .region = "east" };

	ck_assert(wishes_set(wishes, &w));
	view.journal = &journal;
	view.wishes = wishes;
	view_world_observe(view.now_ms);
	scrape();
	ck_assert_double_eq(value_of("detour_journal_facts_total"), 12);
	ck_assert_double_eq(value_of("detour_journal_dropped_facts_total"), 3);
	ck_assert_double_eq(value_of("detour_journal_unwritten_facts_total"), 4);
	ck_assert_double_eq(value_of("detour_wishes{wish=\"pin\"}"), 1);
	ck_assert_double_eq(value_of("detour_wishes{wish=\"evacuate\"}"), 0);
	free(wishes);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("control/metrics");
	TCase *tests = tcase_create("metrics");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, view_world_make, tear_down);
	tcase_add_test(tests, the_text_parses_back_and_no_series_is_there_twice);
	tcase_add_test(tests, what_was_counted_is_what_is_shown);
	tcase_add_test(tests, an_endpoint_is_in_exactly_one_state);
	tcase_add_test(tests, durations_go_on_where_a_workers_counter_wraps);
	tcase_add_loop_test(tests, histogram_buckets_grow_and_end_in_the_count, 0, VIEW_WORKERS);
	tcase_add_test(tests, panic_shows_while_a_service_fails_open);
	tcase_add_test(tests, the_state_of_a_region_is_one_of_all);
	tcase_add_test(tests, before_the_first_table_the_process_is_told_about);
	tcase_add_test(tests, the_journal_and_wishes_are_counted);
	tcase_add_test(tests, label_values_are_escaped);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
