/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/endpoint.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>

static struct sockaddr_storage
address(const char *text, uint16_t port)
{
	struct sockaddr_storage a = { 0 };
	struct sockaddr_in *in = (void *)&a;
	struct sockaddr_in6 *in6 = (void *)&a;

	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		return a;
	}
	ck_assert_int_eq(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	return a;
}

static struct endpoint *
get(struct endpoint_registry *r, const char *service, const char *region, const char *host,
    bool tls, const char *ip, uint16_t port)
{
	struct sockaddr_storage a = address(ip, port);

	return endpoint_registry_get(r,
	    &(struct endpoint_identity){ .service = service,
		.region = region,
		.host = host,
		.tls = tls,
		.addr = (const struct sockaddr *)&a,
		.addr_len = a.ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
						    : sizeof(struct sockaddr_in) });
}

START_TEST(a_new_endpoint_is_unknown_and_knows_its_names)
{
	struct endpoint_registry *r = endpoint_registry_new(3);
	struct endpoint *e = get(r, "shop", "east", "shop.example", true, "10.1.0.10", 8443);
	struct endpoint *e6 = get(r, "shop", "east", "::1", false, "::1", 80);

	ck_assert_str_eq(e->service, "shop");
	ck_assert_str_eq(e->region, "east");
	ck_assert_str_eq(e->host, "shop.example");
	ck_assert_str_eq(e->url, "https://10.1.0.10:8443");
	ck_assert_str_eq(e6->url, "http://[::1]:80");
	ck_assert_uint_eq(e->workers, 3);
	ck_assert_int_eq(endpoint_word_state(atomic_load(&e->word)), ENDPOINT_UNKNOWN);
	ck_assert_uint_eq(endpoint_word_weight(atomic_load(&e->word)), ENDPOINT_WEIGHT_FULL);
	ck_assert_uint_eq(atomic_load(&e->reason), REASON_FIRST_CHECK_PENDING);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_ptr_null(atomic_load(&e->shards[i]));
	endpoint_unref(e);
	endpoint_unref(e6);
	endpoint_registry_free(r);
}
END_TEST

START_TEST(each_part_of_the_identity_counts)
{
	struct endpoint_registry *r = endpoint_registry_new(1);
	struct endpoint *e[] = {
		get(r, "shop", "east", "h", false, "10.0.0.1", 80),
		get(r, "shoq", "east", "h", false, "10.0.0.1", 80),
		get(r, "shop", "west", "h", false, "10.0.0.1", 80),
		get(r, "shop", "east", "i", false, "10.0.0.1", 80),
		get(r, "shop", "east", "h", true, "10.0.0.1", 80),
		get(r, "shop", "east", "h", false, "10.0.0.2", 80),
		get(r, "shop", "east", "h", false, "10.0.0.1", 81),
		get(r, "shop", "east", "h", false, "::ffff:10.0.0.1", 80),
	};
	enum { COUNT = sizeof e / sizeof e[0] };

	for (unsigned i = 0; i < COUNT; i++)
		for (unsigned j = 0; j < i; j++)
			ck_assert_msg(e[i] != e[j] && e[i]->id != e[j]->id, "%u is %u", i, j);
	ck_assert_ptr_eq(get(r, "shop", "east", "h", false, "10.0.0.1", 80), e[0]);
	ck_assert_uint_eq(atomic_load(&e[0]->refs), 2);
	endpoint_unref(e[0]);
	for (unsigned i = 0; i < COUNT; i++)
		endpoint_unref(e[i]);
	endpoint_registry_free(r);
}
END_TEST

START_TEST(ids_are_dense_and_reused_only_after_the_last_reference)
{
	struct endpoint_registry *r = endpoint_registry_new(1);
	struct endpoint *e[1000];
	struct endpoint *fresh;

	for (unsigned i = 0; i < 1000; i++) {
		e[i] = get(r, "s", "r", "h", false, "10.0.0.1", (uint16_t)(i + 1));
		ck_assert_uint_eq(e[i]->id, i);
	}
	ck_assert_uint_eq(endpoint_registry_count(r), 1000);
	endpoint_unref(e[500]);
	ck_assert_ptr_eq(endpoint_registry_find(r, 500), e[500]);
	/* Not swept yet: the identity is still the same endpoint, alive again. */
	ck_assert_ptr_eq(get(r, "s", "r", "h", false, "10.0.0.1", 501), e[500]);
	endpoint_registry_sweep(r);
	ck_assert_ptr_eq(endpoint_registry_find(r, 500), e[500]);

	endpoint_unref(e[500]);
	endpoint_registry_sweep(r);
	ck_assert_ptr_null(endpoint_registry_find(r, 500));
	ck_assert_uint_eq(endpoint_registry_count(r), 999);
	for (unsigned i = 0; i < 1000; i++)
		if (i != 500)
			ck_assert_ptr_eq(endpoint_registry_find(r, i), e[i]);
	fresh = get(r, "s", "r", "h", true, "10.0.0.1", 501);
	ck_assert_uint_eq(fresh->id, 500);
	ck_assert_ptr_null(endpoint_registry_find(r, 1000));
	endpoint_unref(fresh);
	for (unsigned i = 0; i < 1000; i++)
		if (i != 500)
			endpoint_unref(e[i]);
	endpoint_registry_sweep(r);
	ck_assert_uint_eq(endpoint_registry_count(r), 0);
	endpoint_registry_free(r);
}
END_TEST

START_TEST(what_was_not_swept_is_still_found_after_a_sweep)
{
	struct endpoint_registry *r = endpoint_registry_new(1);
	struct endpoint *e[300];

	for (unsigned i = 0; i < 300; i++)
		e[i] = get(r, "s", "r", "h", false, "10.0.0.1", (uint16_t)(i + 1));
	for (unsigned i = 0; i < 300; i += 3)
		endpoint_unref(e[i]);
	endpoint_registry_sweep(r);
	for (unsigned i = 0; i < 300; i++) {
		if (i % 3 == 0)
			continue;
		ck_assert_ptr_eq(get(r, "s", "r", "h", false, "10.0.0.1", (uint16_t)(i + 1)), e[i]);
		endpoint_unref(e[i]);
		endpoint_unref(e[i]);
	}
	endpoint_registry_free(r);
}
END_TEST

START_TEST(a_shard_holds_one_reference_until_it_is_released)
{
	struct endpoint_registry *r = endpoint_registry_new(2);
	struct endpoint *e = get(r, "s", "r", "h", false, "10.0.0.1", 80);
	struct endpoint_shard *s = endpoint_shard(e, 1);

	ck_assert_ptr_eq(s->endpoint, e);
	ck_assert_ptr_eq(endpoint_shard(e, 1), s);
	ck_assert_ptr_ne(endpoint_shard(e, 0), s);
	ck_assert_uint_eq(atomic_load(&e->refs), 3);
	endpoint_unref(e); /* the table's */
	endpoint_registry_sweep(r);
	ck_assert_ptr_eq(endpoint_registry_find(r, e->id), e);

	atomic_store(&s->tries, 7);
	endpoint_shard_release(s);
	ck_assert_uint_eq(atomic_load(&e->refs), 1);
	ck_assert_ptr_eq(endpoint_shard(e, 1), s);
	ck_assert_uint_eq(atomic_load(&s->tries), 7);
	ck_assert_uint_eq(atomic_load(&e->refs), 2);
	endpoint_shard_release(s);
	endpoint_shard_release(endpoint_shard(e, 0));
	endpoint_registry_sweep(r);
	ck_assert_uint_eq(endpoint_registry_count(r), 0);
	endpoint_registry_free(r);
}
END_TEST

START_TEST(releasing_a_shard_in_use_aborts)
{
	struct endpoint_registry *r = endpoint_registry_new(1);
	struct endpoint_shard *s = endpoint_shard(get(r, "s", "r", "h", false, "10.0.0.1", 80), 0);

	s->held = 1;
	endpoint_shard_release(s);
}
END_TEST

START_TEST(freeing_a_registry_with_a_holder_left_aborts)
{
	struct endpoint_registry *r = endpoint_registry_new(1);

	ck_assert_ptr_nonnull(get(r, "s", "r", "h", false, "10.0.0.1", 80));
	endpoint_registry_free(r);
}
END_TEST

START_TEST(a_word_keeps_state_and_weight)
{
	static const unsigned weights[] = { 0, 1, ENDPOINT_WEIGHT_FULL, 65535 };

	for (unsigned s = ENDPOINT_UNKNOWN; s <= ENDPOINT_DRAINING; s++)
		for (unsigned i = 0; i < 4; i++) {
			unsigned word = endpoint_word(s, weights[i]);

			ck_assert_int_eq(endpoint_word_state(word), s);
			ck_assert_uint_eq(endpoint_word_weight(word), weights[i]);
		}
}
END_TEST

START_TEST(reasons_are_sentences)
{
	static const struct {
		enum endpoint_reason reason;
		unsigned detail;
		const char *text;
	} t[] = {
		{ REASON_NOT_CHECKED, 0, "no health check configured" },
		{ REASON_FIRST_CHECK_PENDING, 0, "waiting for its first check" },
		{ REASON_CHECK_PASSED, 1, "1 check passed" },
		{ REASON_CHECK_PASSED, 2, "2 checks passed" },
		{ REASON_CHECK_REFUSED, 3, "3 checks failed: connection refused" },
		{ REASON_CHECK_TIMEOUT, 500, "check had no answer after 500 ms" },
		{ REASON_CHECK_STATUS, 503, "check answered 503" },
		{ REASON_CHECK_EXPIRED, 2, "2 checks failed: TLS, the certificate has expired" },
		{ REASON_CHECK_GRPC, 12, "check answered gRPC status 12" },
		{ REASON_TRAFFIC_FAILED, 3, "3 requests in a row failed" },
		{ REASON_TRAFFIC_MOSTLY, 667, "66.7 % of its requests failed" },
	};
	char buf[128];

	for (unsigned i = 0; i < sizeof t / sizeof t[0]; i++)
		ck_assert_str_eq(
		    endpoint_reason_format(t[i].reason, t[i].detail, buf, sizeof buf), t[i].text);
	for (unsigned i = REASON_NOT_CHECKED; i <= REASON_RESTORED; i++)
		ck_assert_uint_gt(strlen(endpoint_reason_format(i, 1, buf, sizeof buf)), 8);
	ck_assert_str_eq(endpoint_reason_format(REASON_CHECK_STATUS, 503, buf, 6), "check");
	ck_assert_str_eq(endpoint_state_name(ENDPOINT_DRAINING), "draining");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/endpoint");
	TCase *tests = tcase_create("endpoint");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, a_new_endpoint_is_unknown_and_knows_its_names);
	tcase_add_test(tests, each_part_of_the_identity_counts);
	tcase_add_test(tests, ids_are_dense_and_reused_only_after_the_last_reference);
	tcase_add_test(tests, what_was_not_swept_is_still_found_after_a_sweep);
	tcase_add_test(tests, a_shard_holds_one_reference_until_it_is_released);
	tcase_add_test_raise_signal(tests, releasing_a_shard_in_use_aborts, SIGABRT);
	tcase_add_test_raise_signal(tests, freeing_a_registry_with_a_holder_left_aborts, SIGABRT);
	tcase_add_test(tests, a_word_keeps_state_and_weight);
	tcase_add_test(tests, reasons_are_sentences);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
