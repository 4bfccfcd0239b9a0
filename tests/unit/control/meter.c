/* SPDX-License-Identifier: Apache-2.0 */
#include "control/meter.h"

#include <arpa/inet.h>
#include <check.h>

#include "rig.h"
#include "steer/endpoint.h"
#include "steer/steering.h"

enum { WORKERS = 3 };

static struct endpoint_registry *endpoints;
static struct steering_registry *steerings;
static struct endpoint *e;
static struct steering *region;
static struct service_steering *service;

static void
open_world(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(80) };
	struct endpoint_identity id = { .service = "shop",
		.region = "east",
		.host = "127.0.0.1",
		.addr = (const struct sockaddr *)&in,
		.addr_len = sizeof in };

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	endpoints = endpoint_registry_new(WORKERS);
	steerings = steering_registry_new(WORKERS);
	e = endpoint_registry_get(endpoints, &id);
	region = steering_registry_get(steerings, "shop", "east");
	service = steering_registry_service(steerings, "shop");
}

static void
close_world(void)
{
	for (unsigned w = 0; w < WORKERS; w++)
		if (atomic_load(&e->shards[w]) != NULL)
			endpoint_shard_release(endpoint_shard(e, w));
	endpoint_unref(e);
	endpoint_registry_sweep(endpoints);
	endpoint_registry_free(endpoints);
	steering_registry_free(steerings);
}

/* Each fault, and what it is counted as. */
static const struct {
	enum fault fault;
	struct evidence is;
} faults[] = {
	{ FAULT_CONNECT_REFUSED, { .not_sent = 1 } },
	{ FAULT_CONNECT_TIMEOUT, { .not_sent = 1, .timeouts = 1 } },
	{ FAULT_TLS_FAILED, { .not_sent = 1 } },
	{ FAULT_RESET, { .broken = 1 } },
	{ FAULT_UNACKNOWLEDGED, { .broken = 1, .timeouts = 1 } },
	{ FAULT_TRY_TIMEOUT, { .broken = 1, .timeouts = 1 } },
	{ FAULT_TOTAL_TIMEOUT, { .broken = 1, .timeouts = 1 } },
	{ FAULT_BAD_RESPONSE, { .errors = 1 } },
	{ FAULT_CUT_RESPONSE, { .errors = 1 } },
	{ FAULT_STATUS, { 0 } }, /* counted with its answer */
	{ FAULT_QUEUE_FULL, { 0 } },
	{ FAULT_CLIENT_LEFT, { 0 } },
};

START_TEST(a_fault_is_evidence_of_its_class)
{
	struct endpoint_meter m = { 0 };
	struct evidence delta = { 0 };
	struct evidence is = faults[_i].is;

	open_world();
	endpoint_shard_failed(endpoint_shard(e, 1), faults[_i].fault);
	ck_assert(endpoint_meter_read(&m, e, &delta) == (is.not_sent + is.broken + is.errors > 0));
	ck_assert_mem_eq(&delta, &is, sizeof is);
	ck_assert_uint_eq(atomic_load(&endpoint_shard(e, 1)->faults[faults[_i].fault]), 1);
	close_world();
}
END_TEST

START_TEST(a_reading_is_what_all_workers_counted_since_the_last)
{
	struct endpoint_meter m = { 0 };
	struct evidence delta;

	open_world();
	for (unsigned w = 0; w < WORKERS; w++) {
		stat_add(&endpoint_shard(e, w)->tries, 10);
		stat_add(&endpoint_shard(e, w)->answered, 7);
		endpoint_shard_bad_status(endpoint_shard(e, w));
	}
	ck_assert(endpoint_meter_read(&m, e, &delta));
	ck_assert_uint_eq(delta.tries, 30);
	ck_assert_uint_eq(delta.answered, 21);
	ck_assert_uint_eq(delta.errors, 3);
	ck_assert(!endpoint_meter_read(&m, e, &delta));
	stat_add(&endpoint_shard(e, 2)->tries, 1);
	ck_assert(endpoint_meter_read(&m, e, &delta));
	ck_assert_uint_eq(delta.tries, 1);
	ck_assert_uint_eq(delta.errors, 0);
	stat_add(&endpoint_shard(e, 2)->tries, 1);
	endpoint_meter_begin(&m, e);
	ck_assert(!endpoint_meter_read(&m, e, &delta));
	close_world();
}
END_TEST

START_TEST(of_what_failed_it_is_told_what_was_old)
{
	struct endpoint_meter m = { 0 };
	struct evidence delta;

	open_world();
	for (unsigned w = 0; w < WORKERS; w++)
		atomic_store(&endpoint_shard(e, w)->cut, UINT32_MAX); /* then it begins anew */
	endpoint_meter_begin(&m, e);
	for (unsigned w = 0; w < WORKERS; w++) {
		endpoint_shard_failed(endpoint_shard(e, w), FAULT_CUT_RESPONSE);
		endpoint_shard_cut(endpoint_shard(e, w));
	}
	endpoint_shard_failed(endpoint_shard(e, 0), FAULT_RESET);
	endpoint_shard_aged(endpoint_shard(e, 0));
	ck_assert(endpoint_meter_read(&m, e, &delta));
	ck_assert_uint_eq(delta.errors, 3);
	ck_assert_uint_eq(delta.cut, 3);
	ck_assert_uint_eq(delta.broken, 1);
	ck_assert_uint_eq(delta.aged, 1);
	close_world();
}
END_TEST

/* As director_urgent() does it. */
static uint32_t
news(struct endpoint_meter *m, enum fault why, uint32_t count)
{
	struct endpoint_meter now;

	endpoint_meter_begin(&now, e);
	return endpoint_meter_news(m, &now, why, count);
}

/*
 * A worker tells of the first of many that are lost in one moment, and counts the others for its
 * next record, which may be hours away: a region was left for one failure that came as sixty.
 */
START_TEST(what_has_been_read_or_told_of_is_no_news)
{
	struct endpoint_meter m = { 0 };
	struct evidence delta;

	open_world();
	for (unsigned i = 0; i < 60; i++)
		endpoint_shard_failed(endpoint_shard(e, i % WORKERS), FAULT_RESET);
	ck_assert_uint_eq(news(&m, FAULT_RESET, 1), 1);
	ck_assert_uint_eq(news(&m, FAULT_CLOSED, 40), 40);
	ck_assert_uint_eq(news(&m, FAULT_RESET, 60), 19);
	ck_assert_uint_eq(news(&m, FAULT_CONNECT_REFUSED, 60), 0);
	ck_assert(endpoint_meter_read(&m, e, &delta));
	ck_assert_uint_eq(delta.broken, 60);
	ck_assert_uint_eq(news(&m, FAULT_RESET, 60), 0);
	endpoint_shard_failed(endpoint_shard(e, 0), FAULT_RESET);
	endpoint_shard_failed(endpoint_shard(e, 1), FAULT_CONNECT_REFUSED);
	ck_assert_uint_eq(news(&m, FAULT_RESET, 60), 1);
	ck_assert_uint_eq(news(&m, FAULT_CONNECT_REFUSED, 2), 1);
	close_world();
}
END_TEST

START_TEST(latencies_are_told_by_the_second)
{
	struct region_meter m = { 0 };
	const struct histogram_sum *second;

	open_world();
	for (unsigned i = 0; i < 100; i++) {
		struct region_shard *s = steering_shard(region, i % 2);

		region_shard_begin(s);
		region_shard_reached(s, 1000);
	}
	region_shard_begin(steering_shard(region, 2));
	ck_assert_uint_eq(region_meter_completions(&m, region), 100);
	ck_assert_uint_eq(region_meter_in_flight(region), 1);
	second = region_meter_second(&m, region);
	ck_assert_uint_eq(second->total, 100);
	ck_assert_uint_eq(region_meter_completions(&m, region), 0);
	ck_assert_uint_eq(region_meter_second(&m, region)->total, 0);
	region_shard_reached(steering_shard(region, 2), 500000);
	ck_assert_uint_eq(region_meter_completions(&m, region), 1);
	second = region_meter_second(&m, region);
	ck_assert_uint_eq(second->total, 1);
	ck_assert_uint_ge(histogram_quantile(second, 0.5), 400000);
	ck_assert_uint_eq(region_meter_in_flight(region), 0);
	close_world();
}
END_TEST

START_TEST(demand_is_the_rate_of_the_last_second)
{
	struct rate_meter m = { 0 };
	uint64_t now_us = 5000000;
	double demand = 0;

	open_world();
	ck_assert_double_eq(rate_meter_read(&m, service_meter_requests(service), now_us), 0);
	for (unsigned i = 0; i < 30; i++) {
		stat_add(&service_steering_shard(service, i % WORKERS)->requests, 20);
		demand = rate_meter_read(&m, service_meter_requests(service), now_us += 100000);
		ck_assert_double_eq_tol(demand, 200, 0.001);
	}
	/* A reading in between does no harm, and one at the same time neither. */
	ck_assert_double_le(rate_meter_read(&m, service_meter_requests(service), now_us), 200.001);
	for (unsigned i = 0; i < 12; i++)
		demand = rate_meter_read(&m, service_meter_requests(service), now_us += 100000);
	ck_assert_double_eq(demand, 0);
	close_world();
}
END_TEST

START_TEST(what_was_shed_is_told_with_the_next_reading)
{
	struct rate_meter m = { 0 };

	open_world();
	stat_add(&service_steering_shard(service, 0)->shed, 7);
	stat_add(&service_steering_shard(service, 1)->shed, 5);
	stat_add(&service_steering_shard(service, 1)->refused, 4);
	ck_assert_uint_eq(service_meter_shed(service), 12);
	ck_assert_uint_eq(service_meter_refused(service), 4);
	ck_assert_double_eq(rate_meter_read(&m, 12, 5000000), 0);
	ck_assert_uint_eq(rate_meter_news(&m), 0); /* it was so before anybody looked */
	rate_meter_read(&m, 15, 5100000);
	ck_assert_uint_eq(rate_meter_news(&m), 3);
	rate_meter_read(&m, 15, 5200000);
	ck_assert_uint_eq(rate_meter_news(&m), 0);
	stat_add(&steering_shard(region, 0)->shed_by_rate, 2);
	stat_add(&steering_shard(region, 1)->shed_by_rate, 3);
	stat_add(&steering_shard(region, 1)->shed_in_flight, 1);
	ck_assert_uint_eq(region_meter_shed_by_rate(region), 5);
	ck_assert_uint_eq(region_meter_shed_in_flight(region), 1);
	close_world();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("control/meter");
	TCase *c = tcase_create("meter");

	tcase_add_loop_test(
	    c, a_fault_is_evidence_of_its_class, 0, sizeof faults / sizeof faults[0]);
	tcase_add_test(c, a_reading_is_what_all_workers_counted_since_the_last);
	tcase_add_test(c, of_what_failed_it_is_told_what_was_old);
	tcase_add_test(c, what_has_been_read_or_told_of_is_no_news);
	tcase_add_test(c, latencies_are_told_by_the_second);
	tcase_add_test(c, demand_is_the_rate_of_the_last_second);
	tcase_add_test(c, what_was_shed_is_told_with_the_next_reading);
	suite_add_tcase(s, c);
	return rig_main(s);
}
