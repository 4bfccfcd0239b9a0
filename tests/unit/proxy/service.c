// SPDX-License-Identifier: Apache-2.0
#include "proxy/service.h"

#include <check.h>
#include <stdlib.h>

#include "steer/rng.h"

static void
learn_uniform(
    struct service_region *r, struct rng *rng, uint32_t low_us, uint32_t high_us, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		service_region_learn(r, low_us + rng_below(rng, high_us - low_us));
}

static void
expect_near(const struct service_region *r, double us)
{
	ck_assert_msg(r->median_us > us * 0.8 && r->median_us < us * 1.25, "%u, not near %.0f",
	    r->median_us, us);
}

START_TEST(the_median_follows_what_most_tries_take)
{
	struct service_region r = { 0 };
	struct rng rng;

	rng_seed(&rng, 7);
	service_region_learn(&r, 5000);
	ck_assert_uint_eq(r.median_us, 5000); /* the first is believed */
	learn_uniform(&r, &rng, 4000, 6000, 500);
	expect_near(&r, 5000);
	learn_uniform(&r, &rng, 40000, 60000, 500);
	expect_near(&r, 50000);
	learn_uniform(&r, &rng, 400, 600, 1000);
	expect_near(&r, 500);
}
END_TEST

START_TEST(a_few_long_reports_do_not_move_the_median)
{
	struct service_region r = { 0 };
	struct rng rng;

	rng_seed(&rng, 11);
	for (unsigned i = 0; i < 5000; i++)
		service_region_learn(&r, rng_below(&rng, 50) == 0 ? 3000000 : 5000);
	expect_near(&r, 5000);
}
END_TEST

START_TEST(the_median_stays_within_its_word)
{
	struct service_region r = { 0 };

	service_region_learn(&r, 0);
	ck_assert_uint_eq(r.median_us, 1);
	service_region_learn(&r, 0);
	service_region_learn(&r, 0);
	ck_assert_uint_le(r.median_us, 1);
	for (unsigned i = 0; i < 2000; i++)
		service_region_learn(&r, UINT64_MAX);
	ck_assert_uint_eq(r.median_us, UINT32_MAX);
	for (unsigned i = 0; i < 2000; i++)
		service_region_learn(&r, 1000);
	expect_near(&r, 1000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("proxy/service");
	TCase *tc = tcase_create("service");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, the_median_follows_what_most_tries_take);
	tcase_add_test(tc, a_few_long_reports_do_not_move_the_median);
	tcase_add_test(tc, the_median_stays_within_its_word);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
