/* SPDX-License-Identifier: Apache-2.0 */
#include "control/status.h"

#include <check.h>

#include "base/bytes.h"
#include "steer/fact.h"
#include "steer/region.h"
#include "steer/share.h"
#include "steer/steering.h"
#include "steer/table.h"
#include "view_world.h"

static json_t *
at(json_t *list, size_t index)
{
	json_t *json = json_array_get(list, index);

	ck_assert_msg(json != NULL, "there is no element %zu", index);
	return json;
}

static json_t *
get(json_t *object, const char *key)
{
	json_t *json = json_object_get(object, key);

	ck_assert_msg(json != NULL, "there is no %s", key);
	return json;
}

static json_t *
service_of(json_t *status)
{
	return at(get(status, "services"), 0);
}

static json_t *
region_of(json_t *status, size_t index)
{
	return at(get(service_of(status), "regions"), index);
}

/* Key and JSON type: what scripts rely on. */
struct shape {
	const char *key;
	json_type type;
};

static void
check_shape(json_t *object, const struct shape *shape, size_t count)
{
	for (size_t i = 0; i < count; i++)
		ck_assert_msg(json_typeof(get(object, shape[i].key)) == shape[i].type,
		    "%s has another type", shape[i].key);
	ck_assert_uint_eq(json_object_size(object), count);
}

static const struct shape top_shape[] = { { "version", JSON_STRING }, { "commit", JSON_STRING },
	{ "pid", JSON_INTEGER }, { "time", JSON_STRING }, { "started", JSON_STRING },
	{ "uptime_s", JSON_REAL }, { "ready", JSON_TRUE }, { "draining", JSON_FALSE },
	{ "config", JSON_OBJECT }, { "listeners", JSON_ARRAY }, { "workers", JSON_ARRAY },
	{ "access_log_dropped", JSON_INTEGER }, { "services", JSON_ARRAY } };

static const struct shape service_shape[] = { { "name", JSON_STRING }, { "balance", JSON_STRING },
	{ "fail_open", JSON_FALSE }, { "mode", JSON_STRING }, { "demand", JSON_INTEGER },
	{ "shed", JSON_REAL }, { "shed_rate", JSON_REAL }, { "shed_since_s", JSON_NULL },
	{ "refused_rate", JSON_REAL }, { "self_suspect", JSON_FALSE }, { "wishes", JSON_ARRAY },
	{ "requests", JSON_INTEGER }, { "errors", JSON_INTEGER }, { "rate", JSON_REAL },
	{ "error_rate", JSON_REAL }, { "p50_ms", JSON_REAL }, { "p99_ms", JSON_REAL },
	{ "regions", JSON_ARRAY } };

static const struct shape region_shape[] = { { "name", JSON_STRING }, { "provider", JSON_STRING },
	{ "state", JSON_STRING }, { "tier", JSON_INTEGER }, { "weight", JSON_INTEGER },
	{ "share", JSON_REAL }, { "usable", JSON_INTEGER }, { "region_state", JSON_STRING },
	{ "since", JSON_NULL }, { "since_s", JSON_NULL }, { "hold_left_s", JSON_NULL },
	{ "waits_for_person", JSON_FALSE }, { "signal", JSON_STRING }, { "value", JSON_REAL },
	{ "threshold", JSON_REAL }, { "target", JSON_REAL }, { "limit", JSON_NULL },
	{ "in_flight_limit", JSON_NULL }, { "shed_by_rate", JSON_REAL },
	{ "shed_in_flight", JSON_REAL }, { "loss", JSON_REAL }, { "panic", JSON_FALSE },
	{ "wishes", JSON_ARRAY }, { "requests", JSON_INTEGER }, { "errors", JSON_INTEGER },
	{ "rate", JSON_REAL }, { "error_rate", JSON_REAL }, { "p50_ms", JSON_REAL },
	{ "p99_ms", JSON_REAL }, { "faults", JSON_OBJECT }, { "endpoints", JSON_ARRAY } };

static const struct shape endpoint_shape[] = { { "url", JSON_STRING }, { "host", JSON_STRING },
	{ "state", JSON_STRING }, { "reason", JSON_STRING }, { "since", JSON_STRING },
	{ "since_s", JSON_REAL }, { "weight", JSON_INTEGER }, { "requests", JSON_INTEGER },
	{ "errors", JSON_INTEGER }, { "rate", JSON_REAL }, { "error_rate", JSON_REAL },
	{ "p50_ms", JSON_REAL }, { "p99_ms", JSON_REAL }, { "faults", JSON_OBJECT },
	{ "connections", JSON_INTEGER }, { "idle", JSON_INTEGER }, { "active", JSON_INTEGER },
	{ "check_ms", JSON_REAL }, { "certificate_ends", JSON_STRING },
	{ "certificate_warning", JSON_FALSE } };

START_TEST(its_shape_is_what_scripts_rely_on)
{
	json_t *status;

	view_traffic(view_endpoint(0, 0), 0, 1, 2, 100);
	view_world_observe(view.now_ms);
	status = status_json(&view);
	check_shape(status, top_shape, ARRAY_SIZE(top_shape));
	check_shape(service_of(status), service_shape, ARRAY_SIZE(service_shape));
	check_shape(region_of(status, 0), region_shape, ARRAY_SIZE(region_shape));
	check_shape(at(get(region_of(status, 0), "endpoints"), 0), endpoint_shape,
	    ARRAY_SIZE(endpoint_shape));
	json_decref(status);
}
END_TEST

START_TEST(it_tells_state_share_and_since_when)
{
	json_t *status, *endpoint;

	view_world_observe(view.now_ms);
	status = status_json(&view);
	endpoint = at(get(region_of(status, 0), "endpoints"), 1);
	ck_assert_str_eq(json_string_value(get(endpoint, "url")), "http://127.0.0.1:9002");
	ck_assert_str_eq(json_string_value(get(endpoint, "state")), "up");
	ck_assert_str_eq(json_string_value(get(endpoint, "since")), "2026-11-22T08:26:00.000Z");
	ck_assert_double_eq_tol(json_real_value(get(endpoint, "since_s")), 60, 0.001);
	ck_assert_double_eq_tol(json_real_value(get(endpoint, "check_ms")), 1.5, 0.001);
	ck_assert_double_eq_tol(json_real_value(get(region_of(status, 0), "share")), 0.7, 0.0001);
	ck_assert_str_eq(json_string_value(get(region_of(status, 0), "state")), "serving");
	ck_assert_str_eq(json_string_value(get(region_of(status, 2), "state")), "standby");
	json_decref(status);
}
END_TEST

START_TEST(requests_errors_and_faults_are_counted_on_each_level)
{
	json_t *status;

	view_traffic(view_endpoint(0, 0), 0, 10, 2, 100);
	view_traffic(view_endpoint(1, 0), 1, 2, 5, 100);
	atomic_store(&endpoint_shard(view_endpoint(1, 0), 1)->faults[FAULT_RESET], 3);
	view_world_observe(view.now_ms);
	status = status_json(&view);
	ck_assert_int_eq(json_integer_value(get(service_of(status), "requests")), 12);
	ck_assert_int_eq(json_integer_value(get(service_of(status), "errors")), 5);
	ck_assert_int_eq(json_integer_value(get(region_of(status, 0), "errors")), 0);
	ck_assert_int_eq(json_integer_value(get(get(region_of(status, 1), "faults"), "reset")), 3);
	json_decref(status);
}
END_TEST

static const struct {
	unsigned share;
	unsigned usable;
	enum region_state state;
	const char *word;
} words[] = {
	{ 100, 1, REGION_UP, "serving" },
	{ 0, 1, REGION_UP, "standby" },
	{ 0, 0, REGION_UP, "down" },
	{ 100, 0, REGION_UP, "fail_open" },
	{ 100, 1, REGION_SUSPECT, "serving" },
	{ 100, 1, REGION_GREY, "grey" },
	{ 0, 1, REGION_DOWN, "down" },
	{ 0, 0, REGION_DOWN, "down" },
	{ 100, 0, REGION_DOWN, "fail_open" },
	{ 0, 1, REGION_HOLD, "hold" },
	{ 100, 1, REGION_RAMP, "ramp" },
	{ 0, 1, REGION_EVACUATED, "evacuated" },
	{ 0, 0, REGION_EVACUATED, "evacuated" },
};

START_TEST(a_region_has_one_word)
{
	atomic_store(&view_region(0)->steering->share, words[_i].share);
	atomic_store(&view_region(0)->steering->usable, words[_i].usable);
	atomic_store(&view_region(0)->steering->state, words[_i].state);
	ck_assert_str_eq(status_region_word(view_region(0)), words[_i].word);
}
END_TEST

START_TEST(it_tells_what_a_regions_state_rests_on)
{
	struct steering *s = view_region(0)->steering;
	json_t *status, *region, *service;

	atomic_store(&s->state, REGION_GREY);
	atomic_store(&s->since_ms, 995 * 1000);
	atomic_store(&s->signal, SIGNAL_LATENCY_P95);
	atomic_store(&s->value, 4.25);
	atomic_store(&s->threshold, 3);
	atomic_store(&s->target, SHARE_WHOLE / 4);
	atomic_store(&s->limit, 250);
	atomic_store(&view.table->services[0].steering->mode, SHARE_FAIL_CLOSED);
	atomic_store(&view.table->services[0].steering->shed, SHARE_WHOLE / 8);
	atomic_store(&view.table->services[0].steering->demand, 321);
	atomic_store(&view.table->services[0].steering->shed_rate, 17.25);
	atomic_store(&view.table->services[0].steering->refused_rate, 3);
	atomic_store(&view.table->services[0].steering->shed_since_ms, view.now_ms - 2500);
	atomic_store(&s->shed_by_rate, 12);
	atomic_store(&s->shed_in_flight, 5);
	atomic_store(&s->loss, 0.4);
	view_world_observe(view.now_ms);
	status = status_json(&view);
	region = region_of(status, 0);
	service = service_of(status);
	ck_assert_str_eq(json_string_value(get(region, "region_state")), "grey");
	ck_assert_double_eq_tol(json_real_value(get(region, "since_s")), 5, 0.001);
	ck_assert_str_eq(
	    json_string_value(get(region, "signal")), fact_signal_word(SIGNAL_LATENCY_P95));
	ck_assert_double_eq_tol(json_real_value(get(region, "value")), 4.25, 0.0001);
	ck_assert_double_eq_tol(json_real_value(get(region, "target")), 0.25, 0.0001);
	ck_assert_double_eq_tol(json_real_value(get(region, "limit")), 250, 0.0001);
	ck_assert_str_eq(json_string_value(get(service, "mode")), "fail_closed");
	ck_assert_double_eq_tol(json_real_value(get(service, "shed")), 0.125, 0.0001);
	ck_assert_int_eq(json_integer_value(get(service, "demand")), 321);
	ck_assert_double_eq_tol(json_real_value(get(service, "shed_rate")), 17.25, 0.06);
	ck_assert_double_eq_tol(json_real_value(get(service, "refused_rate")), 3, 0.0001);
	ck_assert_double_eq_tol(json_real_value(get(service, "shed_since_s")), 2.5, 0.001);
	ck_assert_double_eq_tol(json_real_value(get(region, "shed_by_rate")), 12, 0.0001);
	ck_assert_double_eq_tol(json_real_value(get(region, "shed_in_flight")), 5, 0.0001);
	ck_assert_double_eq_tol(json_real_value(get(region, "loss")), 0.4, 0.0001);
	json_decref(status);
}
END_TEST

START_TEST(an_endpoint_that_never_changed_has_no_since)
{
	json_t *status, *endpoint;

	atomic_store(&view_endpoint(0, 0)->since_ms, 0);
	atomic_store(&view_endpoint(0, 0)->last_check_us, 0);
	view_world_observe(view.now_ms);
	status = status_json(&view);
	endpoint = at(get(region_of(status, 0), "endpoints"), 0);
	ck_assert(json_is_null(get(endpoint, "since")));
	ck_assert(json_is_null(get(endpoint, "check_ms")));
	json_decref(status);
}
END_TEST

START_TEST(an_endpoint_warns_three_weeks_before_its_certificate_ends)
{
	static const struct {
		long long in_s;
		bool warns;
	} t[] = { { 21 * 86400, false }, { 21 * 86400 - 1, true }, { -5, true } };
	int64_t now_s = (int64_t)(view.now_wall_us / 1000000);

	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		json_t *status, *endpoint;

		atomic_store(&view_endpoint(0, 0)->certificate_ends_s, now_s + t[i].in_s);
		status = status_json(&view);
		endpoint = at(get(region_of(status, 0), "endpoints"), 0);
		ck_assert_int_eq(json_is_true(get(endpoint, "certificate_warning")), t[i].warns);
		json_decref(status);
	}
}
END_TEST

START_TEST(before_the_first_table_there_are_no_services)
{
	const struct table *table = view.table;
	json_t *status;

	view.table = NULL;
	view.ready = false;
	status = status_json(&view);
	ck_assert_uint_eq(json_array_size(get(status, "services")), 0);
	ck_assert(json_is_false(get(status, "ready")));
	json_decref(status);
	view.table = table;
}
END_TEST

START_TEST(draining_is_not_ready)
{
	json_t *status;

	view.process.draining = true;
	view_world_observe(view.now_ms);
	status = status_json(&view);
	ck_assert(json_is_false(get(status, "ready")));
	ck_assert(json_is_true(get(status, "draining")));
	json_decref(status);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("control/status");
	TCase *tests = tcase_create("status");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, view_world_make, view_world_free);
	tcase_add_test(tests, its_shape_is_what_scripts_rely_on);
	tcase_add_test(tests, it_tells_state_share_and_since_when);
	tcase_add_test(tests, requests_errors_and_faults_are_counted_on_each_level);
	tcase_add_loop_test(tests, a_region_has_one_word, 0, ARRAY_SIZE(words));
	tcase_add_test(tests, it_tells_what_a_regions_state_rests_on);
	tcase_add_test(tests, an_endpoint_that_never_changed_has_no_since);
	tcase_add_test(tests, an_endpoint_warns_three_weeks_before_its_certificate_ends);
	tcase_add_test(tests, before_the_first_table_there_are_no_services);
	tcase_add_test(tests, draining_is_not_ready);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
