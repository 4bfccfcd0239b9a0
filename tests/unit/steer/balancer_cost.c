/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "steer/balance.h"
#include "world.h"

enum { PICKS = 300000 };

static double
ns_a_pick(struct balancer *b, struct rng *rng)
{
	struct pick pick = { .rng = rng, .worker = 1 };
	uint64_t start = clock_now_us();
	unsigned found = 0;

	for (unsigned i = 0; i < PICKS; i++) {
		pick.hash = rng_next(rng);
		found += balancer_pick(b, &pick) != NULL; /* an assertion each would cost more */
	}
	ck_assert_uint_eq(found, PICKS);
	return (double)(clock_now_us() - start) * 1000 / PICKS;
}

/* Among this many, with some weights and one in ten down. */
static double
measure(enum conf_balance balance, unsigned endpoints)
{
	uint32_t *weights = mem_array(endpoints, sizeof *weights);
	struct world_region region = { 0, 1, endpoints, weights };
	struct balancer *b;
	struct world world;
	struct rng rng;
	double ns;

	for (unsigned i = 0; i < endpoints; i++)
		weights[i] = 1 + i % 3;
	world_open(&world, balance, &region, 1, 2);
	rng_seed(&rng, 42);
	b = balancer_new(balance, &world.service->regions[0], 1, &rng);
	world_set_all(&world, 0, ENDPOINT_UP);
	for (unsigned i = 0; i < endpoints; i += 10)
		world_set(&world, 0, i, ENDPOINT_DOWN);
	ns = ns_a_pick(b, &rng);
	balancer_free(b);
	world_close(&world);
	mem_free(weights);
	return ns;
}

START_TEST(a_pick_among_10000_endpoints_costs_about_what_it_costs_among_10)
{
	static const enum conf_balance all[] = { BALANCE_LEAST_REQUEST, BALANCE_ROUND_ROBIN,
		BALANCE_RANDOM, BALANCE_MAGLEV };

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		double few = measure(all[i], 10);
		double many = measure(all[i], 10000);

		printf("balancer %u: %.0f ns among 10, %.0f ns among 10,000\n", i, few, many);
		ck_assert_msg(
		    many < 10 * few + 1000, "balancer %u: %.0f ns, %.0f ns", i, few, many);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/balancer_cost");
	TCase *tests = tcase_create("balancer_cost");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, a_pick_among_10000_endpoints_costs_about_what_it_costs_among_10);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
