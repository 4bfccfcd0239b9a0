// SPDX-License-Identifier: Apache-2.0
#include "proxy/shunned.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/stat.h"
#include "proxy/worker_state.h"
#include "steer/endpoint.h"
#include "steer/evidence.h"

enum { DEADLINE_MS = 10000 };

static struct endpoint_registry *registry;
static struct endpoint *endpoint;
static struct endpoint_shard *shard;
static struct worker worker;

static void
set_up(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(8080) };

	worker = (struct worker){ 0 };
	registry = endpoint_registry_new(1);
	endpoint = endpoint_registry_get(registry,
	    &(struct endpoint_identity){ .service = "shop",
		.region = "east",
		.host = "127.0.0.1",
		.addr = (struct sockaddr *)&in,
		.addr_len = sizeof in });
	shard = endpoint_shard(endpoint, 0);
}

static void
tear_down(void)
{
	endpoint_shard_release(shard);
	endpoint_unref(endpoint);
	endpoint_registry_free(registry);
}

static bool
lose(enum fault why)
{
	return shunned_note(&worker, shard, why);
}

/* Returns whether the last one did it. */
static bool
lose_so_many(unsigned times, enum fault why)
{
	bool shunned = false;

	for (unsigned i = 0; i < times; i++) {
		ck_assert(!shunned);
		shunned = lose(why);
	}
	return shunned;
}

START_TEST(who_refuses_many_times_in_a_row_is_shunned)
{
	ck_assert(!lose_so_many(EVIDENCE_ROW - 1, FAULT_CONNECT_REFUSED));
	ck_assert(!shunned_any(&worker));
	ck_assert(lose(FAULT_CONNECT_REFUSED));
	ck_assert(shunned_any(&worker));
	ck_assert(shunned_is(&worker, endpoint));
	ck_assert(!lose(FAULT_CONNECT_REFUSED)); /* it is already */
}
END_TEST

/* One address with many servers behind it, of which one is gone. */
START_TEST(who_refuses_now_and_then_among_answers_is_not_shunned)
{
	for (unsigned i = 0; i < 10 * EVIDENCE_ROW; i++) {
		lose(FAULT_CONNECT_REFUSED);
		stat_add(&shard->answered, i % 2);
	}
	ck_assert(!shunned_any(&worker));
}
END_TEST

/* As if a moment had passed. */
static bool
lose_later(enum fault why)
{
	shard->lost_ms = 0;
	return lose(why);
}

START_TEST(what_is_lost_in_one_moment_is_one_loss)
{
	ck_assert(!lose_so_many(10 * EVIDENCE_ROW, FAULT_RESET));
	ck_assert(lose_so_many(EVIDENCE_ROW - 1, FAULT_CONNECT_REFUSED));
}
END_TEST

START_TEST(requests_lost_at_different_moments_are_as_good_as_refusals)
{
	for (unsigned i = 1; i < EVIDENCE_ROW; i++)
		ck_assert(!lose_later(i % 2 == 0 ? FAULT_CLOSED : FAULT_RESET));
	ck_assert(lose_later(FAULT_RESET));
	ck_assert(shunned_is(&worker, endpoint));
}
END_TEST

START_TEST(connections_that_come_to_nothing_at_different_moments_are_as_good_as_lost_requests)
{
	static const enum fault ways[] = { FAULT_CONNECT_RESET, FAULT_CONNECT_UNREACHABLE,
		FAULT_TLS_FAILED };

	for (unsigned i = 1; i < EVIDENCE_ROW; i++)
		ck_assert(!lose_later(ways[_i]));
	ck_assert(!lose(ways[_i]));
	ck_assert(lose_later(ways[_i]));
	ck_assert(shunned_is(&worker, endpoint));
}
END_TEST

START_TEST(an_answer_between_them_ends_the_row)
{
	for (unsigned i = 1; i < 10 * EVIDENCE_ROW; i++) {
		lose_later(FAULT_RESET);
		if (i % (EVIDENCE_ROW - 1) == 0)
			stat_add(&shard->answered, 1);
	}
	ck_assert(!shunned_any(&worker));
}
END_TEST

START_TEST(what_says_nothing_of_who_listens_shuns_nobody)
{
	static const enum fault faults[] = { FAULT_STATUS, FAULT_TRY_TIMEOUT, FAULT_TLS_UNTRUSTED,
		FAULT_CONNECT_TIMEOUT };

	for (unsigned i = 0; i < 10 * EVIDENCE_ROW; i++)
		lose(faults[i % (sizeof faults / sizeof faults[0])]);
	ck_assert(!shunned_any(&worker));
}
END_TEST

START_TEST(another_one_is_not_shunned_and_soon_nobody_is)
{
	uint64_t began_ms = clock_now_ms();

	ck_assert(lose_so_many(EVIDENCE_ROW, FAULT_CONNECT_REFUSED));
	shard->shunned_until_ms = 0;
	ck_assert(shunned_any(&worker));
	ck_assert(!shunned_is(&worker, endpoint));
	while (shunned_any(&worker)) {
		ck_assert_uint_lt(clock_now_ms() - began_ms, DEADLINE_MS);
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	ck_assert_uint_ge(clock_now_ms() - began_ms, 100);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proxy/shunned");
	TCase *tc = tcase_create("shunned");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, who_refuses_many_times_in_a_row_is_shunned);
	tcase_add_test(tc, who_refuses_now_and_then_among_answers_is_not_shunned);
	tcase_add_test(tc, what_is_lost_in_one_moment_is_one_loss);
	tcase_add_test(tc, requests_lost_at_different_moments_are_as_good_as_refusals);
	tcase_add_loop_test(tc,
	    connections_that_come_to_nothing_at_different_moments_are_as_good_as_lost_requests, 0,
	    3);
	tcase_add_test(tc, an_answer_between_them_ends_the_row);
	tcase_add_test(tc, what_says_nothing_of_who_listens_shuns_nobody);
	tcase_add_test(tc, another_one_is_not_shunned_and_soon_nobody_is);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
