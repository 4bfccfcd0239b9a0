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

enum { LOST_MOST = 3, DEADLINE_MS = 10000 };

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

static void
lose(enum fault why)
{
	shunned_note(&worker, shard, why, LOST_MOST);
}

START_TEST(who_refuses_twice_is_shunned)
{
	ck_assert(!shunned_any(&worker));
	lose(FAULT_CONNECT_REFUSED);
	ck_assert(!shunned_any(&worker));
	lose(FAULT_CONNECT_REFUSED);
	ck_assert(shunned_any(&worker));
	ck_assert(shunned_is(&worker, endpoint));
}
END_TEST

START_TEST(who_refuses_after_it_lost_a_request_is_shunned_at_once)
{
	stat_add(&shard->answered, 1);
	lose(FAULT_RESET);
	ck_assert(!shunned_any(&worker));
	lose(FAULT_CONNECT_REFUSED);
	ck_assert(shunned_is(&worker, endpoint));
}
END_TEST

/* One address with many servers behind it, of which one is gone. */
START_TEST(who_refuses_now_and_then_among_answers_is_not_shunned)
{
	for (unsigned i = 0; i < 10; i++) {
		lose(FAULT_CONNECT_REFUSED);
		stat_add(&shard->answered, 1);
	}
	ck_assert(!shunned_any(&worker));
}
END_TEST

/* As if a moment had passed. */
static void
lose_later(enum fault why)
{
	shard->lost_ms = 0;
	lose(why);
}

START_TEST(what_is_lost_in_one_moment_is_one_loss)
{
	for (unsigned i = 0; i < 10; i++)
		lose(FAULT_RESET);
	ck_assert(!shunned_any(&worker));
	lose(FAULT_CONNECT_REFUSED);
	ck_assert(shunned_any(&worker));
}
END_TEST

START_TEST(requests_lost_in_a_row_are_as_good_as_a_refusal)
{
	lose_later(FAULT_RESET);
	lose_later(FAULT_CLOSED);
	ck_assert(!shunned_any(&worker));
	lose_later(FAULT_RESET);
	ck_assert(shunned_any(&worker));
	ck_assert(shunned_is(&worker, endpoint));
}
END_TEST

START_TEST(an_answer_between_them_ends_the_row)
{
	for (unsigned i = 0; i < 10; i++) {
		lose_later(FAULT_RESET);
		lose_later(FAULT_RESET);
		stat_add(&shard->answered, 1);
	}
	ck_assert(!shunned_any(&worker));
}
END_TEST

START_TEST(what_says_nothing_of_who_listens_shuns_nobody)
{
	static const enum fault faults[] = { FAULT_STATUS, FAULT_TRY_TIMEOUT, FAULT_TLS_UNTRUSTED,
		FAULT_CONNECT_TIMEOUT };

	for (unsigned i = 0; i < 10; i++)
		lose(faults[i % (sizeof faults / sizeof faults[0])]);
	ck_assert(!shunned_any(&worker));
}
END_TEST

START_TEST(another_one_is_not_shunned_and_soon_nobody_is)
{
	uint64_t began_ms = clock_now_ms();

	lose(FAULT_CONNECT_REFUSED);
	lose(FAULT_CONNECT_REFUSED);
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
	tcase_add_test(tc, who_refuses_twice_is_shunned);
	tcase_add_test(tc, who_refuses_after_it_lost_a_request_is_shunned_at_once);
	tcase_add_test(tc, who_refuses_now_and_then_among_answers_is_not_shunned);
	tcase_add_test(tc, what_is_lost_in_one_moment_is_one_loss);
	tcase_add_test(tc, requests_lost_in_a_row_are_as_good_as_a_refusal);
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
