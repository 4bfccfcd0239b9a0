/* SPDX-License-Identifier: Apache-2.0 */
#include "steer/rng.h"

#include <check.h>

START_TEST(equal_seeds_give_equal_numbers_and_others_others)
{
	struct rng a, b, c;
	unsigned same = 0;

	rng_seed(&a, 7);
	rng_seed(&b, 7);
	rng_seed(&c, 8);
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t x = rng_next(&a);

		ck_assert_uint_eq(x, rng_next(&b));
		same += x == rng_next(&c);
	}
	ck_assert_uint_eq(same, 0);
}
END_TEST

START_TEST(no_bound_is_ever_reached)
{
	static const uint32_t bounds[] = { 1, 2, 3, 7, 1000, 1u << 31, (1u << 31) + 1, UINT32_MAX };
	struct rng r;

	rng_seed(&r, 0);
	for (unsigned i = 0; i < sizeof bounds / sizeof bounds[0]; i++)
		for (unsigned j = 0; j < 10000; j++)
			ck_assert_uint_lt(rng_below(&r, bounds[i]), bounds[i]);
}
END_TEST

/* Chi-squared with 99 degrees of freedom: above 160 in fewer than one of 10,000 seeds. */
START_TEST(numbers_are_spread_evenly)
{
	for (uint64_t seed = 0; seed < 5; seed++) {
		unsigned count[100] = { 0 };
		double chi = 0;
		struct rng r;

		rng_seed(&r, seed);
		for (unsigned i = 0; i < 100000; i++)
			count[rng_below(&r, 100)]++;
		for (unsigned i = 0; i < 100; i++)
			chi += (count[i] - 1000.0) * (count[i] - 1000.0) / 1000.0;
		ck_assert_msg(chi < 160, "seed %u: chi squared is %f", (unsigned)seed, chi);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("steer/rng");
	TCase *tests = tcase_create("rng");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, equal_seeds_give_equal_numbers_and_others_others);
	tcase_add_test(tests, no_bound_is_ever_reached);
	tcase_add_test(tests, numbers_are_spread_evenly);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
