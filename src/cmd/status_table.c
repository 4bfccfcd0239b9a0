/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/status_table.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "cmd/printable.h"
#include "steer/fact.h"

/* A share this far from its target is on its way there. */
#define SHARE_MOVING 0.0005

enum { NAME_WIDTH = 30, LINE_MAX_BYTES = 512 };

/* One line in the making; what does not fit is cut. */
struct line {
	char text[LINE_MAX_BYTES];
	size_t len;
};

static void add(struct line *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
add(struct line *l, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(l->text + l->len, sizeof l->text - l->len, fmt, args);
	va_end(args);
	l->len += strlen(l->text + l->len);
}

static void
print_line(FILE *to, struct line *l, unsigned width)
{
	while (l->len > 0 && l->text[l->len - 1] == ' ')
		l->len--;
	if (width > 0 && l->len > width)
		l->len = width;
	printable_text(to, l->text, l->len);
	fputc('\n', to);
	l->len = 0;
}

static const char *
text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static double
number_of(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static int64_t
count_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* "4.2 ms", "1.7 s", or "-" for what was not measured; 8 wide. */
static void
add_latency(struct line *l, double ms)
{
	if (ms <= 0)
		add(l, " %8s", "-");
	else if (ms < 10)
		add(l, " %5.2f ms", ms);
	else if (ms < 1000)
		add(l, " %5.0f ms", ms);
	else
		add(l, " %5.1f s ", ms / 1000);
}

/* "850 ms" ... "3d4h": two units at most. */
static void
add_age(struct line *l, double seconds)
{
	uint64_t s = (uint64_t)seconds;

	if (s < 60)
		add(l, "%" PRIu64 "s", s);
	else if (s < 3600)
		add(l, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
	else if (s < 86400)
		add(l, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
	else
		add(l, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
}

/* The columns that services, regions and endpoints share; shed: per second, of an endpoint NaN. */
static void
add_numbers(struct line *l, const json_t *of, double shed)
{
	add(l, " %8.1f %6.1f", number_of(of, "rate"), number_of(of, "error_rate"));
	if (isnan(shed))
		add(l, " %6s", "");
	else
		add(l, " %6.1f", shed);
	add(l, " %9" PRId64 " %7" PRId64, count_of(of, "requests"), count_of(of, "errors"));
	add_latency(l, number_of(of, "p50_ms"));
	add_latency(l, number_of(of, "p99_ms"));
}

static void
print_endpoint(FILE *to, const json_t *endpoint, unsigned width)
{
	const json_t *since = json_object_get(endpoint, "since_s");
	struct line l = { .len = 0 };

	add(&l, "    %-*.*s %-9s %6s", NAME_WIDTH - 4, NAME_WIDTH - 4, text_of(endpoint, "url"),
	    text_of(endpoint, "state"), "");
	add_numbers(&l, endpoint, NAN);
	add(&l, "  %s", text_of(endpoint, "reason"));
	if (json_is_number(since)) {
		add(&l, ", for ");
		add_age(&l, json_number_value(since));
	}
	if (json_is_true(json_object_get(endpoint, "certificate_warning")))
		add(&l, "; WARNING: its certificate ends at %.16sZ",
		    text_of(endpoint, "certificate_ends"));
	print_line(to, &l, width);
}

/* What a region's states mean to a person, and whether the signal they rest on says why. */
static const struct {
	const char *word;
	const char *text;
	bool accused;
} states[] = {
	{ "suspect", "may be failing", true },
	{ "grey", "worse than its peers", true },
	{ "down", "down", true },
	{ "hold", "well again", false },
	{ "ramp", "its share growing back", false },
	{ "evacuated", "evacuated", false },
};

static void
add_evidence(struct line *l, const json_t *region, const char *state)
{
	enum fact_signal signal = fact_signal_parse(text_of(region, "signal"));
	double value = number_of(region, "value"), threshold = number_of(region, "threshold");
	char text[128];

	/* a suspicion has no threshold: it is told what it rests on */
	if (signal == SIGNAL_IN_A_ROW && strcmp(state, "suspect") == 0)
		add(l, ": %.3g failure%s in a second", value, value > 1 ? "s" : "");
	else if (fact_evidence_format(signal, value, threshold, text, sizeof text) > 0)
		add(l, ": %s", text);
}

/* NULL: none of that kind is in force. */
static const json_t *
find_wish(const json_t *of, const char *kind)
{
	const json_t *wishes = json_object_get(of, "wishes");

	for (size_t i = 0; i < json_array_size(wishes); i++) {
		const json_t *wish = json_array_get(wishes, i);

		if (strcmp(text_of(wish, "wish"), kind) == 0)
			return wish;
	}
	return NULL;
}

/* " by alice until 2026-11-22T09:27Z (upgrade)": to the minute, for the line is long. */
static void
add_wish(struct line *l, const json_t *wish)
{
	if (wish != NULL)
		add(l, " by %s until %.16sZ (%s)", text_of(wish, "owner"), text_of(wish, "until"),
		    text_of(wish, "reason"));
}

static bool
another_is_suspect(const json_t *service, const json_t *region)
{
	const json_t *regions = json_object_get(service, "regions");

	for (size_t i = 0; i < json_array_size(regions); i++) {
		const json_t *other = json_array_get(regions, i);

		if (other != region && strcmp(text_of(other, "region_state"), "suspect") == 0)
			return true;
	}
	return false;
}

/* What keeps the share of a region that comes back from growing, if anything does. */
static void
add_held(struct line *l, const json_t *service, const json_t *region)
{
	const json_t *freeze = find_wish(service, "freeze");
	const char *name = text_of(freeze, "service");

	if (freeze != NULL) {
		add(l, ", held: %s frozen", name[0] != '\0' ? name : "all services");
		add_wish(l, freeze);
	} else if (json_is_true(json_object_get(service, "self_suspect"))) {
		add(l, ", held: our own view is doubted");
	} else if (another_is_suspect(service, region)) {
		add(l, ", held: another region may be failing");
	}
}

/* What a region that is well again waits for before its share grows: a person, or time. */
static void
add_hold(struct line *l, const json_t *region)
{
	double left = number_of(region, "hold_left_s");

	if (json_is_true(json_object_get(region, "waits_for_person"))) {
		add(l, ", waits for 'detour restore %s'", text_of(region, "name"));
	} else if (left > 0) {
		add(l, ", hold-down: ");
		add_age(l, ceil(left));
		add(l, " left");
	}
}

/* "down for 3m12s: 3 failures in a row, threshold 3; ": nothing while it is up. */
static void
add_region_state(struct line *l, const json_t *service, const json_t *region)
{
	const char *state = text_of(region, "region_state"), *text = state;
	bool accused = false;

	if (state[0] == '\0' || strcmp(state, "up") == 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		if (strcmp(state, states[i].word) == 0) {
			text = states[i].text;
			accused = states[i].accused;
		}
	}
	add(l, "%s for ", text);
	add_age(l, number_of(region, "since_s"));
	if (accused)
		add_evidence(l, region, state);
	if (strcmp(state, "evacuated") == 0)
		add_wish(l, find_wish(region, "evacuate"));
	if (strcmp(state, "hold") == 0)
		add_hold(l, region);
	if (strcmp(state, "ramp") == 0 || strcmp(state, "hold") == 0)
		add_held(l, service, region);
	add(l, "; ");
}

/* What those have met whom it turned away. */
static void
add_region_met(struct line *l, const json_t *region)
{
	if (number_of(region, "shed_by_rate") > 0)
		add(l, "; its capacity of %.4g/s is met", number_of(region, "limit"));
	if (number_of(region, "shed_in_flight") > 0)
		add(l, "; its limit of %" PRId64 " in flight is met",
		    count_of(region, "in_flight_limit"));
}

/* Who gave a service one region only knows that it has no failover. */
static void
add_loss(struct line *l, const json_t *service, const json_t *region)
{
	double loss = number_of(region, "loss");

	if (loss <= 0 || json_array_size(json_object_get(service, "regions")) < 2)
		return;
	if (loss >= 1)
		add(l, "; WARNING: its loss would leave no healthy region");
	else
		add(l, "; WARNING: its loss would shed %.1f%%", loss * 100);
}

/* What is on its way, and what is out of the ordinary. */
static void
add_region_rest(struct line *l, const json_t *service, const json_t *region)
{
	const json_t *target = json_object_get(region, "target");
	const json_t *pin = find_wish(region, "pin");
	double to = json_number_value(target);

	add_region_met(l, region);
	if (json_is_number(target) && fabs(to - number_of(region, "share")) > SHARE_MOVING)
		add(l, "; on its way to %.1f%%", to * 100);
	if (json_is_true(json_object_get(region, "panic")))
		add(l, "; too few are up, so all are used");
	add_loss(l, service, region);
	if (pin != NULL) {
		add(l, "; pinned to %.4g%%", number_of(pin, "share") * 100);
		add_wish(l, pin);
	}
}

/* How shares are found, when that is not by health, weight and capacity. */
static const struct {
	const char *word;
	const char *state;
	const char *text;
} modes[] = {
	{ "fail_open", "FAIL OPEN",
	    "no region is fit, so the checks are doubted and health is ignored" },
	{ "fail_closed", "REFUSED", "no region is fit, so requests are refused" },
	{ "nothing", "REFUSED", "there is no endpoint to send to, so requests are refused" },
	{ "unproven", "unproven", "no check has passed yet" },
};

static const char *
mode_state(const char *mode)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (strcmp(mode, modes[i].word) == 0)
			return modes[i].state;
	}
	return "";
}

static void
print_region(FILE *to, const json_t *service, const json_t *region, unsigned width)
{
	const char *provider = text_of(region, "provider"), *state = text_of(region, "state");
	const json_t *endpoints = json_object_get(region, "endpoints");
	struct line l = { .len = 0 };
	char name[128];

	snprintf(name, sizeof name, "%s%s%s%s", text_of(region, "name"),
	    provider[0] != '\0' ? " (" : "", provider, provider[0] != '\0' ? ")" : "");
	add(&l, "  %-*.*s %-9s %5.1f%%", NAME_WIDTH - 2, NAME_WIDTH - 2, name,
	    mode_state(state)[0] != '\0' ? mode_state(state) : state,
	    number_of(region, "share") * 100);
	add_numbers(
	    &l, region, number_of(region, "shed_by_rate") + number_of(region, "shed_in_flight"));
	add(&l, "  ");
	add_region_state(&l, service, region);
	add(&l, "tier %" PRId64 ", %" PRId64 " of %zu up", count_of(region, "tier"),
	    count_of(region, "usable"), json_array_size(endpoints));
	add_region_rest(&l, service, region);
	print_line(to, &l, width);
	for (size_t i = 0; i < json_array_size(endpoints); i++)
		print_endpoint(to, json_array_get(endpoints, i), width);
}

/* What is shed, or will be by the shares; and what is refused, which is counted with it. */
static void
add_shed(struct line *l, const json_t *service)
{
	const json_t *since = json_object_get(service, "shed_since_s");
	double planned = number_of(service, "shed"), rate = number_of(service, "shed_rate");
	double refused = number_of(service, "refused_rate");

	if (rate > 0)
		add(l, "; shedding %.1f/s of %.0f/s", rate, number_of(service, "demand"));
	else if (planned > 0 && number_of(service, "demand") > 0)
		add(l, "; shedding %.1f%% of %.0f/s", planned * 100, number_of(service, "demand"));
	if (rate > 0 && json_is_number(since)) {
		add(l, " for ");
		add_age(l, json_number_value(since));
	}
	if (refused > 0)
		add(l, "; refusing %.1f/s of %.0f/s: no region is up", refused,
		    number_of(service, "demand"));
}

static void
add_service_why(struct line *l, const json_t *service, const char *mode)
{
	const json_t *freeze = find_wish(service, "freeze");
	add(l, "  balance %s", text_of(service, "balance"));
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		if (strcmp(mode, modes[i].word) == 0)
			add(l, "; %s", modes[i].text);
	}
	add_shed(l, service);
	if (json_is_true(json_object_get(service, "self_suspect")))
		add(l, "; our own view is doubted, so all is held");
	if (freeze != NULL) {
		add(l, "; frozen");
		add_wish(l, freeze);
	}
}

static void
print_service(FILE *to, const json_t *service, unsigned width)
{
	const json_t *regions = json_object_get(service, "regions");
	bool fail_open = json_is_true(json_object_get(service, "fail_open"));
	const char *mode = fail_open ? "fail_open" : text_of(service, "mode");
	struct line l = { .len = 0 };

	fputc('\n', to);
	add(&l, "%-*s %-9s %6s %8s %6s %6s %9s %7s %8s %8s  %s", NAME_WIDTH, "SERVICE", "STATE",
	    "SHARE", "REQ/S", "ERR/S", "SHED/S", "REQUESTS", "ERRORS", "P50", "P99", "WHY");
	print_line(to, &l, width);
	add(&l, "%-*.*s %-9s %6s", NAME_WIDTH, NAME_WIDTH, text_of(service, "name"),
	    mode_state(mode), "");
	add_numbers(
	    &l, service, number_of(service, "shed_rate") + number_of(service, "refused_rate"));
	add_service_why(&l, service, mode);
	print_line(to, &l, width);
	for (size_t i = 0; i < json_array_size(regions); i++)
		print_region(to, service, json_array_get(regions, i), width);
}

static void
print_head(FILE *to, const json_t *status, unsigned width)
{
	const json_t *config = json_object_get(status, "config");
	bool ready = json_is_true(json_object_get(status, "ready"));
	bool draining = json_is_true(json_object_get(status, "draining"));
	struct line l = { .len = 0 };

	add(&l, "detour %s  pid %" PRId64 "  %s  up ", text_of(status, "version"),
	    count_of(status, "pid"),
	    draining    ? "draining"
		: ready ? "ready"
			: "starting");
	add_age(&l, number_of(status, "uptime_s"));
	add(&l, "  %s", text_of(status, "time"));
	print_line(to, &l, width);
	if (!json_is_true(json_object_get(config, "last_reload_successful")))
		fprintf(to,
		    "the last reload, at %s, was refused: see 'detour journal' and the log\n",
		    text_of(config, "last_reload"));
}

static void
print_listeners(FILE *to, const json_t *status, unsigned width)
{
	const json_t *listeners = json_object_get(status, "listeners");
	struct line l = { .len = 0 };

	for (size_t i = 0; i < json_array_size(listeners); i++) {
		const json_t *listener = json_array_get(listeners, i);

		add(&l, "%s%s %s://%s %" PRId64 " open",
		    i > 0 ? ", " : "listeners: ", text_of(listener, "name"),
		    text_of(listener, "scheme"), text_of(listener, "bind"),
		    count_of(listener, "connections"));
	}
	if (l.len > 0)
		print_line(to, &l, width);
}

void
status_table_print(FILE *to, const json_t *status, unsigned width)
{
	const json_t *services = json_object_get(status, "services");

	print_head(to, status, width);
	print_listeners(to, status, width);
	for (size_t i = 0; i < json_array_size(services); i++)
		print_service(to, json_array_get(services, i), width);
}
