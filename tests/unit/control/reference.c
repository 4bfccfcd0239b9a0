/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deploy/METRICS.md, printed from what the program itself says: --print. Meanings that the code
 * does not carry stand here, and none may be missing.
 */
#include <check.h>
#include <event2/buffer.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/fault.h"
#include "conf/topology.h"
#include "control/failovers.h"
#include "control/journal.h"
#include "control/metrics.h"
#include "net/listener.h"
#include "proxy/access_log.h"
#include "steer/fact.h"
#include "steer/region.h"
#include "steer/share.h"
#include "steer/steering.h"
#include "steer/wish.h"
#include "control/status_steering.h"
#include "view_world.h"

enum { FAMILIES_MAX = 200, LABELS_TEXT = 512 };

/* ---- metrics ---- */

struct family {
	char name[80], type[16], help[256];
	char labels[LABELS_TEXT]; /* "`service`, `state` (`up`, `down`)" */
	unsigned samples;
};

static struct family families[FAMILIES_MAX];
static unsigned family_count;

/* Labels whose values are words of ours; reasons have a table of their own. */
static bool
is_listed(const char *label)
{
	static const char *const names[] = { "state", "result", "code_class", "wish" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i], label) == 0)
			return true;
	return false;
}

/* Every family has a sample to take its labels from. */
static void
fill_view(struct table *table, struct topology *topology, struct listener_set *set,
    struct journal_stats *journal, struct wishes *wishes)
{
	static struct conf_certificate certificate = { .not_after = 1 };
	static struct conf_tls tls = {
		.name = "site", .certificates = &certificate, .certificate_count = 1
	};
	static struct listener *listeners[1];
	struct endpoint_shard *shard;

	view_traffic(view_endpoint(0, 0), 0, 1, 2, 1000);
	shard = endpoint_shard(view_endpoint(0, 0), 0);
	endpoint_shard_failed(shard, FAULT_CONNECT_REFUSED);
	atomic_store(&view_region(0)->steering->limit, 250);
	view_world_observe(view.now_ms);
	*topology = *view.table->topology;
	topology->tls = &tls;
	topology->tls_count = 1;
	listeners[0] = calloc(1, sizeof *listeners[0]);
	set->count = 1;
	set->listeners = listeners;
	table->topology = topology;
	table->services = view.table->services;
	table->service_count = view.table->service_count;
	table->listeners = set;
	view.table = table;
	view.journal = journal;
	view.wishes = wishes;
}

static void
take_value(struct family *f, const char *label, const char *value)
{
	char quoted[64], *list = strstr(f->labels, label), *end;

	snprintf(quoted, sizeof quoted, "`%s`", value);
	if (!is_listed(label) || strstr(list, quoted) != NULL)
		return;
	end = strchr(list, ')');
	if (end != NULL)
		*end = '\0';
	snprintf(f->labels + strlen(f->labels), sizeof f->labels - strlen(f->labels), "%s%s)",
	    end != NULL ? ", " : " (", quoted);
}

static void
take_label(struct family *f, const char *label, const char *value)
{
	char quoted[64];

	snprintf(quoted, sizeof quoted, "`%s`", label);
	if (strcmp(label, "le") == 0)
		return;
	if (strstr(f->labels, quoted) == NULL)
		snprintf(f->labels + strlen(f->labels), sizeof f->labels - strlen(f->labels),
		    "%s%s", f->labels[0] != '\0' ? ", " : "", quoted);
	take_value(f, label, value);
}

static void
take_sample(char *line)
{
	struct family *f = &families[family_count - 1];
	char *at = line + strcspn(line, "{ ");

	ck_assert_msg(strncmp(line, f->name, strlen(f->name)) == 0, "%s after %s", line, f->name);
	f->samples++;
	while (*at == '{' || *at == ',') {
		char *label = at + 1, *value = strchr(label, '"') + 1, *end = strchr(value, '"');

		value[-2] = *end = '\0';
		take_label(f, label, value);
		at = end + 1;
	}
}

static void
take_line(char *line)
{
	struct family *f = &families[family_count];

	if (strncmp(line, "# HELP ", 7) == 0) {
		ck_assert_uint_lt(family_count, FAMILIES_MAX);
		ck_assert_int_eq(sscanf(line, "# HELP %79s %255[^\n]", f->name, f->help), 2);
		family_count++;
	} else if (strncmp(line, "# TYPE ", 7) == 0) {
		ck_assert_int_eq(
		    sscanf(line, "# TYPE %*s %15s", families[family_count - 1].type), 1);
	} else if (line[0] != '\0') {
		take_sample(line);
	}
}

/* As a scraper sees them. */
static void
read_families(void)
{
	static struct wishes wishes;
	static struct journal_stats journal;
	static struct topology topology;
	static struct listener_set set;
	static struct table table;
	struct failovers *failovers = failovers_new();
	struct evbuffer *out = evbuffer_new();
	const struct table *whole;
	char *rest, *line;

	family_count = 0;
	memset(families, 0, sizeof families);
	view_world_make();
	whole = view.table;
	fill_view(&table, &topology, &set, &journal, &wishes);
	failovers_count(failovers, "shop", "east", "west", "in_a_row");
	view.failovers = failovers;
	metrics_write(out, &view);
	evbuffer_add(out, "", 1);
	rest = (char *)evbuffer_pullup(out, -1);
	while ((line = strsep(&rest, "\n")) != NULL)
		take_line(line);
	evbuffer_free(out);
	failovers_free(failovers);
	free(set.listeners[0]);
	view.table = whole;
	view_world_free();
	for (unsigned i = 0; i < family_count; i++)
		ck_assert_msg(families[i].samples > 0, "%s has no sample here", families[i].name);
}

static void
print_metrics(FILE *out)
{
	read_families();
	fputs("## Metrics\n\n`GET /metrics` at `admin.bind`, or over `admin.socket`, as Prometheus "
	      "text. Nothing a client can choose is ever a label. Counters begin at 0 with the "
	      "process.\n\n| name | type | labels | |\n| --- | --- | --- | --- |\n",
	    out);
	for (unsigned i = 0; i < family_count; i++)
		fprintf(out, "| `%s` | %s | %s | %s |\n", families[i].name, families[i].type,
		    families[i].labels, families[i].help);
}

/* ---- words ---- */

static void
print_faults(FILE *out)
{
	static const char *const whose[] = { [FAULT_NOBODY] = "",
		[FAULT_CLIENT] = "client",
		[FAULT_PROXY] = "Detour",
		[FAULT_LOCAL] = "way to the endpoint",
		[FAULT_UPSTREAM] = "endpoint" };

	fputs("\n## Reasons of requests and tries\n\n`reason` in the access log (`-`: none), in "
	      "`detour_http_request_faults_total` and `detour_region_faults_total`, and `faults` "
	      "in the status. What the way or the endpoint did counts as evidence against it. "
	      "*Status* is what a client is sent when it is the last word; 499: nothing is.\n\n"
	      "| reason | status | whose | |\n| --- | --- | --- | --- |\n",
	    out);
	for (unsigned i = FAULT_NONE + 1; i < FAULT_COUNT; i++) {
		enum fault f = (enum fault)i;

		fprintf(out, "| `%s` | %u | %s | %s |\n", fault_word(f), fault_status(f),
		    whose[fault_origin(f)], fault_text(f));
	}
}

static void
print_facts(FILE *out)
{
	fputs(
	    "\n## Facts of the journal\n\nWith `time`, `kind`, whom it is about, `text`, `signal` "
	    "and `numbers`: shares are 0 to 1, `demand` and `capacity` per second; `value` and "
	    "`threshold` are in the unit of the signal. `actor` and `reason` name who wished it "
	    "and why, `replaces` whose wish for the same thing that ended; of an endpoint that "
	    "is down, `reason` is the cause.\n\n"
	    "| kind | numbers | |\n| --- | --- | --- |\n",
	    out);
	for (unsigned k = FACT_NOTHING + 1; k < FACT_KINDS; k++) {
		const char *comma = "";

		fprintf(out, "| `%s` | ", fact_word((enum fact_kind)k));
		for (unsigned n = 0; n < 3; n++) {
			const char *name = fact_number_name((enum fact_kind)k, n);

			if (name[0] == '\0')
				continue;
			fprintf(out, "%s`%s`", comma, name);
			comma = ", ";
		}
		fprintf(out, " | %s |\n", fact_text((enum fact_kind)k));
	}
}

/* A table of words; an enum without a meaning here fails the test. */
static void
print_word(FILE *out, const char *word, const char *text)
{
	ck_assert_msg(text != NULL, "%s has no meaning in tests/unit/control/reference.c", word);
	fprintf(out, "| `%s` | %s |\n", word, text);
}

static void
print_signals(FILE *out)
{
	static const char *const texts[SIGNAL_COUNT] = {
		[SIGNAL_CHECKS] = "health checks",
		[SIGNAL_IN_A_ROW] = "tries in a row that could not reach it or lost it; count",
		[SIGNAL_LOCAL_SHARE] = "part of the tries of a second that failed so; 0 to 1",
		[SIGNAL_HEALTH] = "part of the region's endpoints, by weight, that is up; 0 to 1",
		[SIGNAL_ERRORS] =
		    "part of answers that are errors, beside the other regions; 0 to 1",
		[SIGNAL_ERRORS_IN_A_ROW] =
		    "answers in a row that are errors, while other regions answer well; count",
		[SIGNAL_LATENCY_P50] = "median of the time to the first byte, likewise; ms",
		[SIGNAL_LATENCY_P95] = "its 95th percentile, likewise; ms",
		[SIGNAL_STALL] = "windows in a row with requests and no answers; count",
		[SIGNAL_CAPACITY] = "what regions can take",
		[SIGNAL_CLOCK] = "Detour's own thread was late, or the clock jumped; ms",
		[SIGNAL_MASS_CHANGE] =
		    "too many checks failed at once while traffic does well; 0 to 1",
		[SIGNAL_PERSON] = "somebody wished it",
		[SIGNAL_TIME] = "a wait is over",
		[SIGNAL_IN_FLIGHT] = "as much is in flight as may be",
		[SIGNAL_MEMORY] = "Detour's own memory is short",
	};

	fputs(
	    "\n## Signals\n\nWhat a decision rests on: `signal` in journal and status, `reason` of "
	    "`detour_failovers_total`.\n\n| signal | |\n| --- | --- |\n",
	    out);
	for (unsigned s = SIGNAL_NONE + 1; s < SIGNAL_COUNT; s++)
		print_word(out, fact_signal_word((enum fact_signal)s), texts[s]);
}

static void
print_states(FILE *out)
{
	static const char *const regions[STEERING_STATES] = {
		[REGION_UP] = "serves by its weight, or stands by",
		[REGION_SUSPECT] = "tries fail: looked at more closely, safe requests are hedged",
		[REGION_GREY] = "worse than its peers: keeps `failover.sensor_share` of its share",
		[REGION_DOWN] = "gets nothing",
		[REGION_HOLD] = "healthy again, and waits for `failover.hold_down` or a person",
		[REGION_RAMP] = "its share grows back, over `failover.ramp`",
		[REGION_EVACUATED] = "a person took it out, see `wishes`",
	};
	static const char *const endpoints[] = {
		[ENDPOINT_UNKNOWN] = "not checked yet",
		[ENDPOINT_UP] = "used",
		[ENDPOINT_DOWN] = "out, by its checks or by live traffic",
		[ENDPOINT_DRAINING] = "left the configuration or DNS; finishes what it has",
	};
	static const char *const modes[] = {
		[SHARE_NORMAL] = "shares go by health, weight and capacity",
		[SHARE_UNPROVEN] = "no check has passed yet: what may be up serves",
		[SHARE_FAIL_OPEN] =
		    "no region is fit: checks are doubted, all that is not evacuated serves",
		[SHARE_FAIL_CLOSED] = "no region is fit: requests are refused",
		[SHARE_NOTHING] = "there is no endpoint: requests are refused",
	};
	static const char head[] = "\n\n| | |\n| --- | --- |\n";
	static struct service_steering service;

	fprintf(
	    out, "\n## States\n\nOf a region in a service, `region_state` in the status:%s", head);
	for (unsigned i = 0; i < STEERING_STATES; i++)
		print_word(out, region_state_name((enum region_state)i), regions[i]);
	fprintf(out, "\nOf an endpoint, `state`:%s", head);
	for (unsigned i = 0; i <= ENDPOINT_DRAINING; i++)
		print_word(out, endpoint_state_name((enum endpoint_state)i), endpoints[i]);
	fprintf(out, "\nOf a service, `mode`:%s", head);
	for (unsigned i = 0; i <= SHARE_NOTHING; i++) {
		atomic_store(&service.mode, i);
		print_word(out, status_mode_word(&service), modes[i]);
	}
}

static void
print_causes(FILE *out)
{
	char text[ENDPOINT_REASON_BYTES];

	fputs("\n## Why an endpoint is in its state\n\n`reason` in the status, in the words of "
	      "explain, journal and log; the numbers are examples.\n\n",
	    out);
	for (unsigned i = REASON_NOT_CHECKED; i <= REASON_RESTORED; i++) {
		unsigned detail = i == REASON_CHECK_STATUS ? 503 : i == REASON_CHECK_GRPC ? 12 : 3;

		if (i == REASON_CHECK_TIMEOUT || i == REASON_TRAFFIC_MOSTLY)
			detail = 667;
		fprintf(out, "- %s\n",
		    endpoint_reason_format((enum endpoint_reason)i, detail, text, sizeof text));
	}
}

/* ---- the access log ---- */

static const struct {
	const char *key, *text;
} keys[] = {
	{ "time", "when the first byte came" },
	{ "request_id", "as in X-Request-Id" },
	{ "client", "whom the request is from, as `trusted_proxies` has it" },
	{ "peer", "whom the connection is from, where that is another" },
	{ "listener", "its name" },
	{ "tls", "version; empty: clear text" },
	{ "tls_resumed", "the client's session was resumed" },
	{ "method", "" },
	{ "host", "" },
	{ "path", "without the query" },
	{ "protocol", "" },
	{ "status", "sent to the client; 0: none" },
	{ "grpc_status", "of a gRPC call" },
	{ "reason", "see above; `-`: nothing went wrong" },
	{ "mirrored", "`true`: a copy for a mirror" },
	{ "route", "" },
	{ "service", "" },
	{ "region", "of the last try" },
	{ "endpoint", "of the last try" },
	{ "tries", "how many there were" },
	{ "reused", "the last one went by a kept connection" },
	{ "bytes_in", "of the request's body" },
	{ "bytes_out", "of the answer's body" },
	{ "total_us", "first byte in to last byte out" },
	{ "wait_us", "first byte in to the end of the head: the client's own time" },
	{ "queue_us", "waiting for a region's rate, and for a connection to the endpoint" },
	{ "connect_us", "of that, TCP and TLS" },
	{ "first_byte_us", "request sent to the answer's head, of the last try" },
	{ "body_us", "the answer's head to its end" },
	{ "user_agent", "" },
	{ "referer", "" },
	{ "truncated", "`true`: texts were too long and are cut" },
};

static const char *
key_text(const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].key, key) == 0)
			return keys[i].text;
	return NULL;
}

/* A record that has all there can be, its texts too long. */
static json_t *
whole_line(void)
{
	static char bytes[sizeof(struct access_record) + ACCESS_TEXTS * 4096];
	struct access_record *r = (struct access_record *)(void *)bytes;
	char line[ACCESS_LINE_MAX];
	size_t len;

	memset(bytes, 'x', sizeof bytes);
	*r = (struct access_record){ .status = 200, .grpc = 1, .mirrored = true };
	for (unsigned i = 0; i < ACCESS_TEXTS; i++)
		r->text_len[i] = 4096;
	len = access_log_format(r, sizeof bytes, LOG_FORMAT_JSON, line, sizeof line);
	return json_loadb(line, len, 0, NULL);
}

static void
print_access_log(FILE *out)
{
	json_t *line = whole_line();
	const char *key;
	json_t *value;

	ck_assert_msg(line != NULL, "the line is no JSON");
	fputs("\n## Access log\n\nOne object a line with `log.format = \"json\"`; times in "
	      "microseconds. Every query is left out of it.\n\n| key | |\n| --- | --- |\n",
	    out);
	json_object_foreach(line, key, value) print_word(out, key, key_text(key));
	ck_assert_uint_eq(json_object_size(line), ARRAY_SIZE(keys));
	json_decref(line);
}

static void
print_reference(FILE *out)
{
	fputs("# What Detour says\n\nEvery metric, and the words of status, explain, journal and "
	      "logs. Printed by `test_control_reference --print`; a test keeps it the same as the "
	      "program. What to watch first is in [PRODUCTION.md](PRODUCTION.md).\n\n",
	    out);
	print_metrics(out);
	print_faults(out);
	print_facts(out);
	print_signals(out);
	print_states(out);
	print_causes(out);
	print_access_log(out);
}

START_TEST(the_reference_is_what_the_program_says)
{
	char *printed = NULL, *kept = calloc(1, 1 << 20);
	size_t len = 0;
	FILE *out = open_memstream(&printed, &len);
	FILE *in = fopen(SOURCE_ROOT "/deploy/METRICS.md", "re");

	ck_assert_ptr_nonnull(in);
	ck_assert_uint_gt(fread(kept, 1, (1 << 20) - 1, in), 0);
	fclose(in);
	print_reference(out);
	fclose(out);
	ck_assert_msg(strcmp(printed, kept) == 0,
	    "deploy/METRICS.md is not what the program says; run test_control_reference --print > "
	    "deploy/METRICS.md");
	free(printed);
	free(kept);
}
END_TEST

START_TEST(printed)
{
	print_reference(stdout);
}
END_TEST

int
main(int argc, char **argv)
{
	bool print = argc == 2 && strcmp(argv[1], "--print") == 0;
	Suite *suite = suite_create("control/reference");
	TCase *tests = tcase_create("reference");
	SRunner *runner;
	int failed;

	if (print)
		tcase_add_test(tests, printed);
	else
		tcase_add_test(tests, the_reference_is_what_the_program_says);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, print ? CK_SILENT : CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
