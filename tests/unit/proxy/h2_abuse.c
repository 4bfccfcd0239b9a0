/* SPDX-License-Identifier: Apache-2.0 */
#include "proxy/h2_abuse.h"

#include <check.h>

#include "conf/topology.h"

static const struct conf_client_limits limits = { .h2_max_resets = 200,
	.h2_reset_share = 0.5,
	.h2_reset_requests = 500,
	.h2_reset_window_ms = 10000,
	.h2_max_errors = 10 };

/* How many of count requests, with every nth broken off, are borne; one each ms. */
static unsigned
borne(unsigned count, unsigned nth)
{
	struct h2_abuse a = { .limits = &limits };
	uint64_t now_ms = 100000;

	for (unsigned i = 1; i <= count; i++, now_ms++)
		if (!h2_abuse_request(&a, now_ms) ||
		    (i % nth == 0 && !h2_abuse_reset(&a, now_ms)))
			return i;
	return count;
}

START_TEST(requests_broken_off_are_borne_up_to_a_number)
{
	ck_assert_uint_eq(borne(200, 1), 200);
	ck_assert_uint_eq(borne(1000, 1), 201);
	ck_assert_uint_eq(borne(5000, 50), 5000);
}
END_TEST

START_TEST(half_of_many_is_too_many)
{
	struct h2_abuse a = { .limits = &limits };
	bool good = true;

	for (unsigned i = 0; i < 200; i++)
		good &= h2_abuse_reset(&a, 100000);
	ck_assert(good);
	for (unsigned i = 0; i < 399; i++)
		good &= h2_abuse_request(&a, 100000);
	ck_assert(good);
	ck_assert(!h2_abuse_reset(&a, 100000));
	ck_assert_ptr_nonnull(a.why);
}
END_TEST

START_TEST(resets_spread_over_time_are_forgiven)
{
	struct h2_abuse a = { .limits = &limits };

	for (uint64_t now_ms = 100000; now_ms < 200000; now_ms += 100)
		ck_assert(h2_abuse_reset(&a, now_ms));
}
END_TEST

START_TEST(errors_count_for_more)
{
	struct h2_abuse a = { .limits = &limits };

	for (unsigned i = 0; i < 10; i++)
		ck_assert(h2_abuse_error(&a, 100000));
	ck_assert(!h2_abuse_error(&a, 100000));
	ck_assert_str_eq(a.why, "too many streams in error");
}
END_TEST

START_TEST(each_bound_is_as_configured)
{
	const struct conf_client_limits narrow = { .h2_max_resets = 5,
		.h2_reset_share = 0.1,
		.h2_reset_requests = 20,
		.h2_reset_window_ms = 100,
		.h2_max_errors = 1 };
	struct h2_abuse a = { .limits = &narrow };

	for (unsigned i = 0; i < 30; i++) {
		ck_assert(h2_abuse_request(&a, 100000));
		ck_assert(i >= 2 || h2_abuse_reset(&a, 100000));
	}
	ck_assert(h2_abuse_reset(&a, 100099)); /* the third is a tenth of 30 */
	ck_assert(!h2_abuse_reset(&a, 100099));
	a = (struct h2_abuse){ .limits = &narrow };
	for (unsigned i = 0; i < 5; i++)
		ck_assert(h2_abuse_reset(&a, 100000));
	ck_assert(h2_abuse_reset(&a, 100100)); /* another window */
	for (unsigned i = 0; i < 4; i++)
		ck_assert(h2_abuse_reset(&a, 100100));
	ck_assert(!h2_abuse_reset(&a, 100100));
	a = (struct h2_abuse){ .limits = &narrow };
	ck_assert(h2_abuse_error(&a, 100000));
	ck_assert(!h2_abuse_error(&a, 100000));
}
END_TEST

START_TEST(noise_leaks_away_and_work_excuses_it)
{
	struct h2_abuse a = { .limits = &limits };
	unsigned i;

	for (unsigned ms = 0; ms < 20000; ms++) /* one each ms, for ever */
		ck_assert(h2_abuse_noise(&a, 100000 + ms));
	for (i = 0; i < 100000; i++) { /* two WINDOW_UPDATEs for each frame of ours */
		h2_abuse_sent(&a);
		ck_assert(h2_abuse_noise(&a, 120000) && h2_abuse_noise(&a, 120000));
	}
	for (i = 0; i < 10000 && h2_abuse_noise(&a, 120000); i++)
		;
	ck_assert_uint_lt(i, 5000);
	ck_assert(!h2_abuse_request(&a, 500000)); /* once unbearable, for good */
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("proxy/h2_abuse");
	TCase *t = tcase_create("h2_abuse");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_test(t, requests_broken_off_are_borne_up_to_a_number);
	tcase_add_test(t, half_of_many_is_too_many);
	tcase_add_test(t, resets_spread_over_time_are_forgiven);
	tcase_add_test(t, errors_count_for_more);
	tcase_add_test(t, each_bound_is_as_configured);
	tcase_add_test(t, noise_leaks_away_and_work_excuses_it);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed > 0;
}
