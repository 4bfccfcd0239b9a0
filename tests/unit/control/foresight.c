/* SPDX-License-Identifier: Apache-2.0 */
#include "control/foresight.h"

#include <check.h>

#include "conf/topology.h"
#include "people_world.h"
#include "steer/table.h"

static struct foresight *f;

static void
tick(double shop, double blog)
{
	people_demand(SHOP, shop);
	people_demand(BLOG, blog);
	people_turn(5);
	foresight_add(f, people_steer(SHOP), shop);
	foresight_add(f, people_steer(BLOG), blog);
	foresight_turn(f);
}

/* west can do 500/s, of shop and of blog, which is there alone; east and far are shop's alone. */
START_TEST(after_a_look_at_each_region_it_is_known_what_a_service_could_count_on)
{
	const unsigned regions = 3;
	struct table table = { .service_count = 2 };
	const double *without;

	people_make("");
	table.topology = people_topology();
	f = foresight_new();
	foresight_adopt(f, &table);
	for (unsigned i = 0; i < regions; i++) {
		ck_assert_ptr_null(foresight_without(f, SHOP));
		tick(1000, 100);
	}
	without = foresight_without(f, SHOP);
	ck_assert_ptr_nonnull(without);
	ck_assert_double_eq_tol(without[EAST * regions + FAR], 1, 1e-9);
	ck_assert_double_eq_tol(without[EAST * regions + WEST], 1000 / 1100.0, 1e-3);
	/* there it has more than its fair part, for blog needs less */
	tick(300, 200);
	tick(300, 200);
	tick(300, 200);
	ck_assert_double_eq_tol(without[EAST * regions + WEST], 0.6, 1e-3);
	ck_assert_double_eq_tol(foresight_without(f, BLOG)[0], 1, 1e-3);
	foresight_adopt(f, &table);
	ck_assert_ptr_null(foresight_without(f, SHOP));
	foresight_free(f);
	people_free();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("control/foresight");
	TCase *tests = tcase_create("foresight");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 60);
	tcase_add_test(
	    tests, after_a_look_at_each_region_it_is_known_what_a_service_could_count_on);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
