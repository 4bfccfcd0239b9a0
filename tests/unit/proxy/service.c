// SPDX-License-Identifier: Apache-2.0
#include "proxy/service.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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

/* A table of these services, in this order or the other way round. */
static void
adopt(struct services *all, struct service_steering **steerings, unsigned count, bool reversed)
{
	struct table t = { .service_count = count };

	t.services = calloc(count, sizeof t.services[0]);
	ck_assert_ptr_nonnull(t.services);
	for (unsigned i = 0; i < count; i++)
		t.services[i].steering = steerings[reversed ? count - 1 - i : i];
	services_adopt(all, &t);
	for (unsigned i = 0; i < count; i++)
		ck_assert_str_eq(services_at(all, i)->name, t.services[i].steering->service);
	free(t.services);
}

static double
cpu_s(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

/* To look through all of them for each would be 200 million comparisons. */
START_TEST(twenty_thousand_services_are_adopted_in_no_time)
{
	enum { COUNT = 20000 };
	static struct service_steering *steerings[COUNT];
	struct steering_registry *registry = steering_registry_new(1);
	struct services *all = services_new(0, 0);
	struct service *first;
	double began_s;

	for (unsigned i = 0; i < COUNT; i++) {
		char name[16];

		snprintf(name, sizeof name, "service-%u", i);
		steerings[i] = steering_registry_service(registry, name);
	}
	began_s = cpu_s();
	adopt(all, steerings, COUNT, false);
	first = services_at(all, 0);
	adopt(all, steerings, COUNT, true);
	ck_assert_ptr_eq(services_at(all, COUNT - 1), first);
	adopt(all, steerings + 1, COUNT - 1, false);
	ck_assert_ptr_null(first->now);
	adopt(all, steerings, COUNT, false);
	ck_assert_ptr_eq(services_at(all, 0), first);
	ck_assert_msg(cpu_s() - began_s < 0.5, "%.2f s", cpu_s() - began_s);
	services_free(all);
	steering_registry_free(registry);
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
	tcase_add_test(tc, twenty_thousand_services_are_adopted_in_no_time);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
