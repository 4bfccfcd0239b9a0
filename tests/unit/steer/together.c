/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/together.h"

#include <check.h>
#include <math.h>
#include <stdio.h>

#include "base/bytes.h"
#include "bench.h"
#include "steer/rng.h"
#include "steer/whatif.h"

enum { MOST = 4 };

static struct bench benches[MOST];
static struct steer *steers[MOST];

/* count services in so many regions of 100/s each, which all of them share. */
static struct together *
begin(unsigned count, unsigned regions)
{
	for (unsigned i = 0; i < count; i++) {
		bench_plan(&benches[i], regions);
		for (unsigned r = 0; r < regions; r++) {
			benches[i].regions[r].capacity = 100;
			benches[i].regions[r].shared = true;
		}
		bench_start(&benches[i]);
		steers[i] = benches[i].s;
	}
	return together_new(steers, count);
}

static void
end(struct together *t, unsigned count)
{
	together_free(t);
	for (unsigned i = 0; i < count; i++)
		bench_stop(&benches[i]);
}

static struct whatif
lose_r0(const struct together *t, unsigned service, double demand)
{
	struct together_parts parts = together_parts_of(t, service);
	struct whatif w;

	whatif_lose_beside(steers[service], 0, demand, &parts, &w);
	return w;
}

/* Each would find room in what is left by itself; both do not. */
START_TEST(what_one_service_needs_elsewhere_another_does_not_find_there)
{
	static const struct {
		double demand[2];
		double shed[2]; /* of it, without r0 */
	} t[] = {
		{ { 60, 60 }, { 1 / 6.0, 1 / 6.0 } },
		{ { 50, 50 }, { 0, 0 } },
		{ { 60, 10 }, { 0, 0 } },
		{ { 90, 30 }, { 1 / 6.0, 1 / 6.0 } },
		{ { 120, 0 }, { 1 / 6.0, 0 } },
	};

	for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
		struct together *all = begin(2, 2);

		for (unsigned s = 0; s < 2; s++)
			together_set_demand(all, s, t[i].demand[s]);
		together_lose(all, "r0", true);
		for (unsigned s = 0; s < 2; s++) {
			struct whatif w = lose_r0(all, s, t[i].demand[s]);
			double shed = t[i].demand[s] > 0 ? w.shed : 0;

			ck_assert_msg(fabs(shed - t[i].shed[s]) < 1e-3, "%u: service %u sheds %.4f",
			    i, s, shed);
			ck_assert(t[i].demand[s] <= 0 || fabs(w.before[0] - 0.5) < 1e-3);
		}
		end(all, 2);
	}
}
END_TEST

START_TEST(who_counts_on_a_region_in_need_only_does_not_halve_another_ones_day)
{
	struct together *t;

	for (unsigned i = 0; i < 2; i++) {
		bench_plan(&benches[i], 2);
		benches[i].regions[1].shared = true;
	}
	benches[0].regions[1].tier = 1;
	benches[1].regions[1].tier = benches[1].regions[0].tier;
	for (unsigned i = 0; i < 2; i++) {
		bench_start(&benches[i]);
		steers[i] = benches[i].s;
	}
	t = together_new(steers, 2);
	ck_assert_uint_eq(together_sharers(t, 1, 1), 1);
	ck_assert_ptr_nonnull(together_parts_of(t, 1).after);
	end(t, 2);
}
END_TEST

START_TEST(a_region_that_one_service_counts_on_is_its_own)
{
	struct together *t;
	struct together_parts parts;

	bench_plan(&benches[0], 2);
	bench_plan(&benches[1], 3);
	benches[0].regions[0].shared = benches[1].regions[2].shared = true;
	benches[1].regions[1].shared = true;
	for (unsigned i = 0; i < 2; i++) {
		bench_start(&benches[i]);
		steers[i] = benches[i].s;
	}
	t = together_new(steers, 2);
	ck_assert_uint_eq(together_sharers(t, 1, 2), 1);
	parts = together_parts_of(t, 1);
	ck_assert_ptr_null(parts.now);
	ck_assert_ptr_null(parts.after);
	end(t, 2);
}
END_TEST

/* Whatever they need, they settle, and where they do all of them fit. */
START_TEST(no_region_is_given_more_than_its_capacity_by_all_together)
{
	struct rng rng;

	rng_seed(&rng, 7);
	for (unsigned round = 0; round < 300; round++) {
		unsigned count = 2 + rng_below(&rng, MOST - 1), regions = 2 + rng_below(&rng, 3);
		double demand[MOST], use[BENCH_REGIONS] = { 0 };
		struct together *t;

		for (unsigned i = 0; i < count; i++) {
			bench_plan(&benches[i], regions);
			for (unsigned r = 0; r < regions; r++) {
				struct steer_region_plan *plan = &benches[i].regions[r];

				plan->capacity = 100;
				plan->shared = rng_below(&rng, 4) > 0;
				plan->tier = rng_below(&rng, 2);
				plan->weight = 1 + rng_below(&rng, 4);
			}
			bench_start(&benches[i]);
			steers[i] = benches[i].s;
		}
		t = together_new(steers, count);
		for (unsigned i = 0; i < count; i++)
			together_set_demand(t, i, demand[i] = 1 + rng_below(&rng, 200));
		together_lose(t, "r0", true);
		for (unsigned i = 0; i < count; i++) {
			struct whatif w = lose_r0(t, i, demand[i]);

			for (unsigned r = 0; r < regions; r++)
				use[r] += benches[i].regions[r].shared ? w.after[r] * demand[i] : 0;
		}
		for (unsigned r = 0; r < regions; r++)
			ck_assert_msg(
			    use[r] <= 100 * 1.01, "round %u: r%u is given %.2f", round, r, use[r]);
		end(t, count);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/together");
	TCase *tests = tcase_create("together");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, what_one_service_needs_elsewhere_another_does_not_find_there);
	tcase_add_test(tests, who_counts_on_a_region_in_need_only_does_not_halve_another_ones_day);
	tcase_add_test(tests, a_region_that_one_service_counts_on_is_its_own);
	tcase_add_test(tests, no_region_is_given_more_than_its_capacity_by_all_together);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
